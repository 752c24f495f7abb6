//! Visitors without login, who poll what is said.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{Denied, GroupId, GroupPolicy, group::Group};

use super::enter::{self, RoomKeys};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    live,
};

/// Lets pass groups that visitors may watch.
fn check_visitors(app: &App, group: &Group, policy: &GroupPolicy) -> Result<(), Denied> {
    if !policy.guests_allowed || policy.members_stored {
        return Err(Denied::TypeForbids { group_type: group.group_type.clone(), what: "watch without login" });
    }
    if !app.settings().features.live_visitors {
        return Err(Denied::FeatureOff("watching live rooms without login"));
    }
    Ok(())
}

/// Where a poller begins to listen: a place in what is said, and the group. Opaque to clients, who bring it along.
fn polling_key(group: &GroupId, from: u64) -> String {
    format!("{from}_{group}")
}

fn read_key(key: &str) -> Option<(u64, GroupId)> {
    let (from, group) = key.split_once('_')?;
    Some((from.parse().ok()?, GroupId::parse(group).ok()?))
}

/// A visitor without login begins to watch a live room. Gateway. The room does not hear of it.
/// Errors: `GroupNotFound`, `GroupNotAllowed` (types without visitors), `GroupFeatureOff`.
/// Spec: docs/spec/websocket-protocol.md#14
#[derive(Debug, Deserialize)]
pub struct Visit {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "HugeGroupHistoryMsgFlag", default = "one")]
    with_history: u32,
}

pub(crate) fn one() -> u32 {
    1
}

/// The key to listen with.
#[derive(Debug, Serialize)]
pub struct Visited {
    #[serde(rename = "JoinedStatus")]
    status: &'static str,
    #[serde(flatten)]
    keys: RoomKeys,
}

impl Command for Visit {
    const ROUTE: Route =
        Route::socket("group_open_http_noauth_svc", "apply_join_group", "docs/spec/websocket-protocol.md#14");
    type Reply = Visited;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Visited, Error> {
        let group = app.group(&self.group).await?;
        let policy = app.policy_of(&group);
        check_visitors(app, &group, &policy)?;
        // What is told from now on has a listener, and a number that is not given again.
        live::reserve(app, &self.group).await?;
        let from = app.live.room(&self.group).listen(app.now());
        let key = polling_key(&self.group, from);
        let keys = RoomKeys::of(app, &self.group, &policy, Some(key), self.with_history != 0);
        Ok(Visited { status: "JoinedSuccess", keys })
    }
}

/// How long a poll is held at most: clients give up a little later (docs/spec/websocket-protocol.md#14).
const HOLD_SECS: u64 = 10;
/// Most items of one answer.
const ITEMS: usize = 100;

/// What was said in a live room since the last poll; held until something is said, at most 10 seconds. Gateway; for visitors, and
/// for members who got a key.
/// Units: `HoldTime` in seconds. Limits: 100 items an answer.
/// Errors: `GroupBadParameter` for a key that was never given, `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`.
/// Spec: docs/spec/websocket-protocol.md#14
#[derive(Debug, Deserialize)]
pub struct Listen {
    #[serde(rename = "Key")]
    key: String,
    /// 0 at first: the key says where to begin.
    #[serde(rename = "StartSeq", default)]
    from: u64,
    #[serde(rename = "StartBroadcastSeq", default)]
    from_broadcast: u64,
    #[serde(rename = "HoldTime", default = "hold_secs")]
    hold_secs: u64,
}

fn hold_secs() -> u64 {
    HOLD_SECS
}

/// What was said.
#[derive(Debug, Serialize)]
pub struct Said {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "NextSeq")]
    next: u64,
    #[serde(rename = "RspMsgList")]
    items: Vec<Box<RawValue>>,
    #[serde(rename = "RspBroadcastMsgList", skip_serializing_if = "Vec::is_empty")]
    broadcasts: Vec<Box<RawValue>>,
    #[serde(rename = "NextBroadcastSeq", skip_serializing_if = "Option::is_none")]
    next_broadcast: Option<u64>,
}

impl Command for Listen {
    const ROUTE: Route =
        Route::socket("group_open_long_polling_http_svc", "get_msg", "docs/spec/websocket-protocol.md#14");
    type Reply = Said;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Said, Error> {
        let bad_key = || Error::new(ErrorCode::GroupBadParameter, "`Key` is none that was given");
        let (begin, id) = read_key(&self.key).ok_or_else(bad_key)?;
        let group = app.group(&id).await?;
        let policy = app.policy_of(&group);
        let is_member = !policy.members_stored && app.live.room(&id).contains(&caller.user);
        if !is_member {
            check_visitors(app, &group, &policy)?;
        }
        let room = app.live.room(&id);
        let end = room.listen(app.now());
        // A place that was never reached is one of another process.
        let from = if self.from == 0 { begin } else { self.from }.min(end);
        let hold = Duration::from_secs(self.hold_secs.min(HOLD_SECS));
        let (heard, next) = room.wait_since(from, ITEMS, hold).await;
        let mut said = Said {
            key: self.key,
            next: next.max(from),
            items: Vec::new(),
            broadcasts: Vec::new(),
            next_broadcast: None,
        };
        for one in heard {
            match one.broadcast {
                None => said.items.push(enter::raw(&one.json)),
                Some(number) => {
                    said.next_broadcast = Some(number.max(self.from_broadcast) + 1);
                    said.broadcasts.push(enter::raw(&one.json));
                }
            }
        }
        Ok(said)
    }
}

/// The latest messages of a live room, as newcomers get them. Gateway; needs to be in the room, or a key.
/// Limits: as the app lets newcomers see. Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`.
/// Spec: docs/spec/websocket-protocol.md#14
#[derive(Debug, Deserialize)]
pub struct ReadNewest {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "LongPollingKey", default, deserialize_with = "decode::non_empty")]
    key: Option<String>,
}

/// The latest messages, oldest first.
#[derive(Debug, Serialize)]
pub struct Newest {
    #[serde(rename = "RspMsgList")]
    items: Vec<Box<RawValue>>,
}

impl Command for ReadNewest {
    const ROUTE: Route =
        Route::socket("group_open_http_svc", "get_huge_group_msg", "docs/spec/websocket-protocol.md#14");
    type Reply = Newest;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Newest, Error> {
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        let is_guest = self.key.as_deref().and_then(read_key).is_some_and(|(_, group)| group == self.group);
        if is_guest && !scene.role().is_member() {
            check_visitors(app, &scene.group, &scene.policy)?;
        } else {
            super::members::check_present(&scene)?;
        }
        Ok(Newest { items: enter::newest(app, &self.group, &scene.policy) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_whatever_the_group_is_called() {
        for id in ["show", "@TGS#a_b_c", "ticket#7"] {
            let group = GroupId::parse(id).expect("an id");
            assert_eq!(read_key(&polling_key(&group, 42)), Some((42, group)));
        }
        for junk in ["", "42", "_show", "x_show", "42_"] {
            assert_eq!(read_key(junk), None, "{junk}");
        }
    }
}
