//! Deleting behind the scenes, a bounded number of rows at a time.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use tsudoi_domain::{
    AppId, GroupId, UserId,
    conversation::ConversationKey,
    time::{Millis, Timestamp},
};

use super::{
    Sqlite, apply, conversations, failed, int, messages, uint,
    writer::{Done, Work},
};
use crate::{Expired, ExpiredLog, Recounted, StoreError, Upkeep};

#[async_trait]
impl Upkeep for Sqlite {
    async fn purge(&self, limit: usize) -> Result<u64, StoreError> {
        match self.writer.ask(Work::Purge { limit }).await? {
            Done::Deleted(number) => Ok(number),
            other => Err(other.unexpected()),
        }
    }

    async fn expire_messages(
        &self,
        keep_from: HashMap<AppId, Timestamp>,
        after: u64,
        limit: usize,
    ) -> Result<Expired, StoreError> {
        match self.writer.ask(Work::ExpireMessages { keep_from, after, limit }).await? {
            Done::Expired(expired) => Ok(expired),
            other => Err(other.unexpected()),
        }
    }

    async fn expire_log(
        &self,
        app: AppId,
        before: Timestamp,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<ExpiredLog, StoreError> {
        match self.writer.ask(Work::ExpireLog { app, before, after, limit }).await? {
            Done::ExpiredLog(expired) => Ok(expired),
            other => Err(other.unexpected()),
        }
    }

    async fn expire_mutes(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        match self.writer.ask(Work::ExpireMutes { now, limit }).await? {
            Done::Deleted(number) => Ok(number),
            other => Err(other.unexpected()),
        }
    }

    async fn expire_pushes(&self, app: AppId, before: Millis, limit: usize) -> Result<u64, StoreError> {
        match self.writer.ask(Work::ExpirePushes { app, before, limit }).await? {
            Done::Deleted(number) => Ok(number),
            other => Err(other.unexpected()),
        }
    }

    async fn recount_members(&self, after: u64, limit: usize) -> Result<Recounted, StoreError> {
        match self.writer.ask(Work::Recount { after, limit }).await? {
            Done::Recounted(recounted) => Ok(recounted),
            other => Err(other.unexpected()),
        }
    }

    async fn idle_groups(
        &self,
        app: AppId,
        group_type: &str,
        before: Timestamp,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<GroupId>, u64), StoreError> {
        self.read(|c| {
            let looked_at: Vec<(i64, String, i64)> = c
                .prepare_cached(
                    "SELECT g.pk, g.id, max(g.data ->> '$.created_at', g.touched_at, coalesce(v.last_time, 0)) FROM groups g
                     LEFT JOIN conversations v ON v.app = g.app AND v.kind = 1 AND v.key = g.id
                     WHERE g.app = ?1 AND g.type = ?2 AND g.pk > ?3 ORDER BY g.pk LIMIT ?4",
                )
                .and_then(|mut s| {
                    s.query_map(params![app.0, group_type, int(after), int(limit as u64)], |r| {
                        Ok((r.get(0)?, r.get(1)?, r.get(2)?))
                    })?
                    .collect()
                })
                .map_err(failed)?;
            let next = if looked_at.len() < limit { 0 } else { looked_at.last().map_or(0, |(pk, ..)| uint(*pk)) };
            let idle = looked_at.into_iter().filter(|(.., last)| *last < before.0);
            Ok((idle.map(|(_, id, _)| GroupId::trusted(&id)).collect(), next))
        })
    }
}

/// What hangs on the row of a group, each with the statement that deletes some of it.
const OF_GROUPS: [&str; 15] = [
    "DELETE FROM group_data WHERE grp = ?1 AND ?2 > 0",
    "DELETE FROM members WHERE pk IN (SELECT pk FROM members WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM mutes WHERE (grp, topic, user) IN (SELECT grp, topic, user FROM mutes WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM bans WHERE (grp, user) IN (SELECT grp, user FROM bans WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM applications WHERE (grp, applicant) IN (SELECT grp, applicant FROM applications WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM topic_members WHERE (grp, user, topic) IN
         (SELECT grp, user, topic FROM topic_members WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM group_attributes WHERE (grp, key) IN (SELECT grp, key FROM group_attributes WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM group_counters WHERE (grp, key) IN (SELECT grp, key FROM group_counters WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM permission_groups WHERE (grp, id) IN (SELECT grp, id FROM permission_groups WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM topic_permissions WHERE (grp, id, topic) IN
         (SELECT grp, id, topic FROM topic_permissions WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM permission_members WHERE (grp, id, user) IN
         (SELECT grp, id, user FROM permission_members WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM live_members WHERE (grp, user) IN (SELECT grp, user FROM live_members WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM live_admins WHERE (grp, user) IN (SELECT grp, user FROM live_admins WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM live_marks WHERE (grp, user, mark) IN (SELECT grp, user, mark FROM live_marks WHERE grp = ?1 LIMIT ?2)",
    "DELETE FROM live_numbers WHERE grp = ?1 AND ?2 > 0",
];

/// What hangs on the row of a conversation.
const OF_CONVERSATIONS: [&str; 8] = [
    "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE conv = ?1 LIMIT ?2)",
    "DELETE FROM hidden WHERE (conv, user, seq) IN (SELECT conv, user, seq FROM hidden WHERE conv = ?1 LIMIT ?2)",
    "DELETE FROM receipts WHERE (conv, seq, user) IN (SELECT conv, seq, user FROM receipts WHERE conv = ?1 LIMIT ?2)",
    "DELETE FROM extension_marks WHERE (conv, seq) IN (SELECT conv, seq FROM extension_marks WHERE conv = ?1 LIMIT ?2)",
    "DELETE FROM extensions WHERE (conv, seq, key) IN (SELECT conv, seq, key FROM extensions WHERE conv = ?1 LIMIT ?2)",
    "DELETE FROM reaction_counts WHERE (conv, seq, reaction) IN
         (SELECT conv, seq, reaction FROM reaction_counts WHERE conv = ?1 LIMIT ?2)",
    "DELETE FROM reactions WHERE id IN (SELECT id FROM reactions WHERE conv = ?1 LIMIT ?2)",
    "DELETE FROM pins WHERE (conv, seq) IN (SELECT conv, seq FROM pins WHERE conv = ?1 LIMIT ?2)",
];

/// What hangs on single messages beside their own row.
const OF_MESSAGES: [&str; 7] =
    ["hidden", "receipts", "extension_marks", "extensions", "reaction_counts", "reactions", "pins"];

/// Deletes rows of what is dead; answers how many, 0 when nothing is dead.
pub(super) fn purge(c: &Connection, limit: usize) -> Result<u64, StoreError> {
    let kinds: [(&str, &str, &[&str]); 2] = [
        (
            "SELECT pk FROM dead_conversations ORDER BY pk LIMIT 1",
            "DELETE FROM dead_conversations WHERE pk = ?1",
            &OF_CONVERSATIONS,
        ),
        ("SELECT pk FROM dead_groups ORDER BY pk LIMIT 1", "DELETE FROM dead_groups WHERE pk = ?1", &OF_GROUPS),
    ];
    let limit = limit.max(1) as u64;
    let mut deleted = 0;
    for (next_dead, forget, parts) in kinds {
        while deleted < limit {
            let dead: Option<i64> = c
                .prepare_cached(next_dead)
                .and_then(|mut s| s.query_row([], |r| r.get(0)).optional())
                .map_err(failed)?;
            let Some(pk) = dead else { break };
            for part in parts {
                if deleted < limit {
                    let rows = c
                        .prepare_cached(part)
                        .and_then(|mut s| s.execute(params![pk, int(limit - deleted)]))
                        .map_err(failed)?;
                    deleted += rows as u64;
                }
            }
            if deleted < limit {
                // Nothing is left of it.
                c.prepare_cached(forget).and_then(|mut s| s.execute([pk])).map_err(failed)?;
                deleted += 1;
            }
        }
    }
    Ok(deleted)
}

/// A message that may have expired.
struct Old {
    id: i64,
    conv: i64,
    seq: u64,
    time: Timestamp,
}

pub(super) fn expire_messages(
    c: &Connection,
    keep_from: &HashMap<AppId, Timestamp>,
    after: u64,
    limit: usize,
) -> Result<Expired, StoreError> {
    let newest_kept = keep_from.values().max().copied().unwrap_or(Timestamp(i64::MIN));
    let looked_at: Vec<Old> = c
        .prepare_cached("SELECT id, conv, seq, time FROM messages WHERE id > ?1 ORDER BY id LIMIT ?2")
        .and_then(|mut s| {
            s.query_map(params![int(after), int(limit as u64)], |r| {
                Ok(Old { id: r.get(0)?, conv: r.get(1)?, seq: uint(r.get(2)?), time: Timestamp(r.get(3)?) })
            })?
            .collect()
        })
        .map_err(failed)?;
    let mut done = looked_at.len() < limit;
    let mut next = after;
    let mut owners: HashMap<i64, Option<(AppId, ConversationKey)>> = HashMap::new();
    let mut gone: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
    let mut deleted = 0;
    for old in looked_at {
        // Whatever arrived later is kept too, but for what was written into the past; that goes when its turn comes.
        if old.time >= newest_kept {
            done = true;
            break;
        }
        next = uint(old.id);
        let owner = match owners.entry(old.conv) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => place.insert(conversations::owner(c, old.conv)?),
        };
        // Messages of dead conversations are purged.
        let Some((app, key)) = owner else { continue };
        if keep_from.get(app).is_none_or(|kept| old.time >= *kept) {
            continue;
        }
        if let ConversationKey::Direct(one, other) = &*key
            && let Some(state) = messages::state(c, old.conv, old.seq)?
        {
            for (user, peer) in [(one, other), (other, one)] {
                if state.unread_for(messages::side(one, user)) {
                    apply::forget_unread(c, *app, user, peer, old.seq, old.time)?;
                }
            }
        }
        c.prepare_cached("DELETE FROM messages WHERE id = ?1").and_then(|mut s| s.execute([old.id])).map_err(failed)?;
        gone.entry(old.conv).or_default().push(old.seq);
        deleted += 1;
    }
    for (conv, seqs) in gone {
        delete_annotations(c, conv, &seqs)?;
    }
    Ok(Expired { deleted, next, done })
}

/// Deletes what hung on messages that are gone; most have nothing.
fn delete_annotations(c: &Connection, conv: i64, seqs: &[u64]) -> Result<(), StoreError> {
    let (Some(low), Some(high)) = (seqs.iter().min(), seqs.iter().max()) else { return Ok(()) };
    for table in OF_MESSAGES {
        let has_any = c
            .prepare_cached(&format!("SELECT 1 FROM {table} WHERE conv = ?1 AND seq BETWEEN ?2 AND ?3 LIMIT 1"))
            .and_then(|mut s| s.exists(params![conv, int(*low), int(*high)]))
            .map_err(failed)?;
        if !has_any {
            continue;
        }
        let mut statement =
            c.prepare_cached(&format!("DELETE FROM {table} WHERE conv = ?1 AND seq = ?2")).map_err(failed)?;
        for seq in seqs {
            statement.execute(params![conv, int(*seq)]).map_err(failed)?;
        }
    }
    Ok(())
}

pub(super) fn expire_log(
    c: &Connection,
    app: AppId,
    before: Timestamp,
    after: Option<&UserId>,
    limit: usize,
) -> Result<ExpiredLog, StoreError> {
    let users: Vec<UserId> = c
        .prepare_cached("SELECT user FROM inboxes WHERE app = ?1 AND user > ?2 ORDER BY user LIMIT ?3")
        .and_then(|mut s| {
            s.query_map(params![app.0, after.map_or("", UserId::as_str), int(limit as u64)], |r| {
                Ok(UserId::trusted(&r.get::<_, String>(0)?))
            })?
            .collect()
        })
        .map_err(failed)?;
    let mut deleted = 0;
    for user in &users {
        // Entries came in the order of their places: the first one to be kept ends what goes. One dated before its time goes
        // with the next pass.
        deleted += c
            .prepare_cached(
                "DELETE FROM user_log WHERE app = ?1 AND user = ?2 AND pos < coalesce(
                     (SELECT pos FROM user_log WHERE app = ?1 AND user = ?2 AND time >= ?3 ORDER BY pos LIMIT 1),
                     9223372036854775807)",
            )
            .and_then(|mut s| s.execute(params![app.0, user.as_str(), before.0]))
            .map_err(failed)? as u64;
    }
    let next = if users.len() < limit { None } else { users.last().cloned() };
    Ok(ExpiredLog { deleted, next })
}

pub(super) fn expire_mutes(c: &Connection, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for sql in [
        "DELETE FROM mutes WHERE (grp, topic, user) IN (SELECT grp, topic, user FROM mutes WHERE until <= ?1 LIMIT ?2)",
        "DELETE FROM bans WHERE (grp, user) IN (SELECT grp, user FROM bans WHERE until <= ?1 LIMIT ?2)",
    ] {
        deleted +=
            c.prepare_cached(sql).and_then(|mut s| s.execute(params![now.0, int(limit as u64)])).map_err(failed)?;
    }
    Ok(deleted as u64)
}
