//! How far people have read their one-to-one conversations.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{Timestamp, UserId, conversation::DirectView, message::direct};

use super::known;
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    push, webhook,
};

/// Most peers that one call may ask about.
const MAX_PEERS: usize = 10;

/// The caller has read conversations up to a moment each. Gateway.
/// Units: seconds. Errors: `MessageBadReceiver`.
/// Spec: docs/spec/websocket-protocol.md#9
#[derive(Debug, Deserialize)]
pub struct ReportRead {
    #[serde(rename = "C2CMsgReaded")]
    read: ReadItems,
}

#[derive(Debug, Deserialize)]
struct ReadItems {
    #[serde(rename = "C2CMsgReadedItem", default)]
    items: Vec<ReadItem>,
}

#[derive(Debug, Deserialize)]
struct ReadItem {
    #[serde(rename = "To_Account")]
    peer: UserId,
    #[serde(rename = "LastedMsgTime")]
    until: i64,
}

impl Command for ReportRead {
    const ROUTE: Route = Route::socket("openim", "msgreaded", "docs/spec/websocket-protocol.md#9");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        push::settle(app, &caller.user).await?;
        for item in &self.read.items {
            set_read(app, caller, &caller.user, &item.peer, Timestamp(item.until)).await?;
        }
        Ok(Done {})
    }
}

/// What somebody has read is told to the peer and to their own devices. Nothing beyond now can be read.
pub(in crate::commands) async fn set_read(
    app: &App,
    caller: &Caller,
    reader: &UserId,
    peer: &UserId,
    until: Timestamp,
) -> Result<(), Error> {
    let view = app.store().read().direct_view(app.id(), reader, peer).await?;
    let until = until.min(app.now());
    let change = direct::read(reader, view.as_ref(), until);
    app.commit(webhook::direct::read(app, caller, reader, peer, until, change)).await?;
    Ok(())
}

/// Sets a conversation as read by one side. REST.
/// Units: `MsgReadTime` in seconds, also as text; absent: now. Errors: `MessageBadReceiver`, `MessageAccountNotFound`.
/// Spec: docs/spec/rest-c2c.md#1.6
#[derive(Debug, Deserialize)]
pub struct SetRead {
    #[serde(rename = "Report_Account")]
    reader: UserId,
    #[serde(rename = "Peer_Account")]
    peer: UserId,
    #[serde(rename = "MsgReadTime", default, deserialize_with = "decode::text_or_nothing")]
    until: Option<String>,
}

impl Command for SetRead {
    const ROUTE: Route = Route::rest("openim", "admin_set_msg_read", "docs/spec/rest-c2c.md#1.6");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let until = match &self.until {
            Some(text) => Timestamp(text.parse().map_err(|_| {
                Error::new(ErrorCode::MessageBadJson, format!("`MsgReadTime`: `{text}` is no number of seconds"))
            })?),
            None => app.now(),
        };
        known(app, &self.reader, "Report_Account", ErrorCode::MessageAccountNotFound).await?;
        known(app, &self.peer, "Peer_Account", ErrorCode::MessageAccountNotFound).await?;
        push::settle(app, &self.reader).await?;
        set_read(app, caller, &self.reader, &self.peer, until).await?;
        Ok(Done {})
    }
}

/// Up to which moment peers have read what the caller wrote. Gateway.
/// Units: seconds, 0 for never; in the order of the request. Limits: 100 peers.
/// Spec: docs/spec/websocket-protocol.md#9
#[derive(Debug, Deserialize)]
pub struct PeerReadTime {
    #[serde(rename = "To_Account")]
    peers: Vec<UserId>,
}

/// Most peers whose read times are told at once.
const MAX_READ_TIMES: usize = 100;

/// Moments of reading.
#[derive(Debug, Serialize)]
pub struct ReadTimes {
    #[serde(rename = "ReadTime")]
    times: Vec<Timestamp>,
}

impl Command for PeerReadTime {
    const ROUTE: Route = Route::socket("openim", "get_peer_read_time", "docs/spec/websocket-protocol.md#9");
    type Reply = ReadTimes;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<ReadTimes, Error> {
        too_many("To_Account", self.peers.len(), MAX_READ_TIMES)?;
        let mut times = Vec::with_capacity(self.peers.len());
        for peer in &self.peers {
            let view = app.store().read().direct_view(app.id(), peer, &caller.user).await?;
            times.push(view.map_or(Timestamp(0), |view| view.read_until));
        }
        Ok(ReadTimes { times })
    }
}

fn too_many(field: &str, number: usize, most: usize) -> Result<(), Error> {
    if number <= most {
        return Ok(());
    }
    let text = format!("`{field}` has {number} entries, at most {most} are allowed");
    Err(Error::new(ErrorCode::MessageTooManyReceivers, text))
}

/// How many messages of a user are unread, in total or from named peers. REST.
/// Limits: 10 peers; `limits.unread` caps what is counted. Errors: `MessageBadReceiver`, `MessageAccountNotFound`,
/// `MessageTooManyReceivers`; `AccountNotFound` per peer.
/// Spec: docs/spec/rest-c2c.md#1.7
#[derive(Debug, Deserialize)]
pub struct UnreadNumbers {
    #[serde(rename = "To_Account")]
    user: UserId,
    #[serde(rename = "Peer_Account")]
    peers: Option<Vec<String>>,
}

/// Unread numbers.
#[derive(Debug, Serialize)]
pub struct Unread {
    #[serde(rename = "AllC2CUnreadMsgNum", skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(rename = "C2CUnreadMsgNumList", skip_serializing_if = "Option::is_none")]
    peers: Option<Vec<PeerUnread>>,
    #[serde(rename = "ErrorList", skip_serializing_if = "Vec::is_empty")]
    errors: Vec<PeerError>,
}

#[derive(Debug, Serialize)]
struct PeerUnread {
    #[serde(rename = "Peer_Account")]
    peer: UserId,
    #[serde(rename = "C2CUnreadMsgNum")]
    unread: u64,
}

#[derive(Debug, Serialize)]
struct PeerError {
    #[serde(rename = "Peer_Account")]
    peer: String,
    #[serde(rename = "ErrorCode")]
    code: ErrorCode,
}

impl Command for UnreadNumbers {
    const ROUTE: Route = Route::rest("openim", "get_c2c_unread_msg_num", "docs/spec/rest-c2c.md#1.7");
    type Reply = Unread;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Unread, Error> {
        known(app, &self.user, "To_Account", ErrorCode::MessageAccountNotFound).await?;
        push::settle(app, &self.user).await?;
        let Some(names) = self.peers else {
            let total = unread_views(app, &self.user).await?.iter().map(|view| shown_unread(app, view)).sum();
            return Ok(Unread { total: Some(total), peers: None, errors: Vec::new() });
        };
        too_many("Peer_Account", names.len(), MAX_PEERS)?;
        let (mut peers, mut errors) = (Vec::new(), Vec::new());
        for name in names {
            let account = match UserId::parse(&name) {
                Ok(peer) => app.store().account(app.id(), &peer).await?,
                Err(_) => None,
            };
            let Some(account) = account else {
                errors.push(PeerError { peer: name, code: ErrorCode::AccountNotFound });
                continue;
            };
            let view = app.store().read().direct_view(app.id(), &self.user, &account.user).await?;
            let unread = view.as_ref().map_or(0, |view| shown_unread(app, view));
            peers.push(PeerUnread { peer: account.user.clone(), unread });
        }
        Ok(Unread { total: None, peers: Some(peers), errors })
    }
}

/// The conversations of a user that have unread messages, as many as are counted.
pub(in crate::commands) async fn unread_views(app: &App, user: &UserId) -> Result<Vec<DirectView>, Error> {
    let most = app.settings().limits().unread.c2c_conversations as usize;
    Ok(app.store().read().unread_views(app.id(), user, most).await?)
}

/// How many unread messages of a conversation are told.
pub(in crate::commands) fn shown_unread(app: &App, view: &DirectView) -> u64 {
    view.unread().min(app.settings().limits().unread.c2c_per_conversation.into())
}
