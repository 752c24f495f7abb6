//! Attributes and counters of groups.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use tsudoi_domain::{
    AppId, GroupId,
    group::attribute::{Attribute, AttributeChange, Attributes, CounterChange, Counters},
};

use super::{Sqlite, failed, groups, groups::GroupState, int, uint};
use crate::{GroupData, StoreError};

#[async_trait]
impl GroupData for Sqlite {
    async fn attributes(&self, app: AppId, group: &GroupId) -> Result<Attributes, StoreError> {
        self.snapshot(|c| {
            let Some(state) = groups::state(c, app, group)? else { return Ok(Attributes::default()) };
            let entries: BTreeMap<_, _> = c
                .prepare_cached("SELECT key, value, seq FROM group_attributes WHERE grp = ?1")
                .and_then(|mut s| {
                    s.query_map([state.pk], |r| Ok((r.get(0)?, Attribute { value: r.get(1)?, seq: uint(r.get(2)?) })))?
                        .collect()
                })
                .map_err(failed)?;
            Ok(Attributes { seq: seqs(c, &state)?.0, entries })
        })
    }

    async fn counters(&self, app: AppId, group: &GroupId) -> Result<Counters, StoreError> {
        self.snapshot(|c| {
            let Some(state) = groups::state(c, app, group)? else { return Ok(Counters::default()) };
            let values: BTreeMap<_, _> = c
                .prepare_cached("SELECT key, value FROM group_counters WHERE grp = ?1")
                .and_then(|mut s| s.query_map([state.pk], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
                .map_err(failed)?;
            Ok(Counters { seq: seqs(c, &state)?.1, values })
        })
    }
}

/// The numbers of the newest writes to attributes and to counters.
pub(super) fn seqs(c: &Connection, state: &GroupState) -> Result<(u64, u64), StoreError> {
    c.prepare_cached("SELECT attribute_seq, counter_seq FROM group_data WHERE grp = ?1")
        .and_then(|mut s| s.query_row([state.pk], |r| Ok((uint(r.get(0)?), uint(r.get(1)?)))).optional())
        .map(Option::unwrap_or_default)
        .map_err(failed)
}

pub(super) fn set_attributes(c: &Connection, state: &GroupState, change: &AttributeChange) -> Result<(), StoreError> {
    if change.clear {
        c.prepare_cached("DELETE FROM group_attributes WHERE grp = ?1")
            .and_then(|mut s| s.execute([state.pk]))
            .map_err(failed)?;
    }
    for key in &change.delete {
        c.prepare_cached("DELETE FROM group_attributes WHERE grp = ?1 AND key = ?2")
            .and_then(|mut s| s.execute(params![state.pk, key]))
            .map_err(failed)?;
    }
    for (key, attribute) in &change.put {
        c.prepare_cached(
            "INSERT INTO group_attributes (grp, key, value, seq) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (grp, key) DO UPDATE SET value = ?3, seq = ?4",
        )
        .and_then(|mut s| s.execute(params![state.pk, key, attribute.value, int(attribute.seq)]))
        .map_err(failed)?;
    }
    c.prepare_cached(
        "INSERT INTO group_data (grp, attribute_seq) VALUES (?1, ?2) ON CONFLICT (grp) DO UPDATE SET attribute_seq = ?2",
    )
    .and_then(|mut s| s.execute(params![state.pk, int(change.seq)]))
    .map(drop)
    .map_err(failed)
}

pub(super) fn set_counters(c: &Connection, state: &GroupState, change: &CounterChange) -> Result<(), StoreError> {
    for key in &change.delete {
        c.prepare_cached("DELETE FROM group_counters WHERE grp = ?1 AND key = ?2")
            .and_then(|mut s| s.execute(params![state.pk, key]))
            .map_err(failed)?;
    }
    for (key, value) in &change.put {
        c.prepare_cached(
            "INSERT INTO group_counters (grp, key, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (grp, key) DO UPDATE SET value = ?3",
        )
        .and_then(|mut s| s.execute(params![state.pk, key, value]))
        .map_err(failed)?;
    }
    c.prepare_cached(
        "INSERT INTO group_data (grp, counter_seq) VALUES (?1, ?2) ON CONFLICT (grp) DO UPDATE SET counter_seq = ?2",
    )
    .and_then(|mut s| s.execute(params![state.pk, int(change.seq)]))
    .map(drop)
    .map_err(failed)
}
