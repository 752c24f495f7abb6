//! How users want to be told of messages: of single peers, and of everything at certain times.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    UserId,
    conversation::care::{self, Contact, DoNotDisturb, ReceiveOption},
};

use super::desk;
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    wire::contact::{option_number, option_of},
};

/// Most peers of one call.
const MAX_PEERS: usize = 100;

fn check_peers(number: usize) -> Result<(), Error> {
    if number <= MAX_PEERS {
        return Ok(());
    }
    let text = format!("`Peer_Account` has {number} entries, at most {MAX_PEERS} are allowed");
    Err(Error::new(ErrorCode::MessageTooManyReceivers, text))
}

/// How the caller wants to be told of messages of peers. Gateway.
/// Limits: 100 peers. Errors: `MessageTooManyReceivers`.
/// Spec: docs/spec/websocket-protocol.md#9
#[derive(Debug, Deserialize)]
pub struct PeerReceiveOptions {
    #[serde(rename = "Peer_Account")]
    peers: Vec<UserId>,
}

/// Receive options of peers.
#[derive(Debug, Serialize)]
pub struct ReceiveOptions {
    #[serde(rename = "MuteNotificationsList")]
    options: Vec<PeerOption>,
}

#[derive(Debug, Serialize)]
struct PeerOption {
    #[serde(rename = "Peer_Account")]
    peer: UserId,
    #[serde(rename = "MuteNotifications")]
    option: u32,
}

impl Command for PeerReceiveOptions {
    const ROUTE: Route =
        Route::socket("openim", "get_c2c_peer_mute_notifications", "docs/spec/websocket-protocol.md#9");
    type Reply = ReceiveOptions;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<ReceiveOptions, Error> {
        check_peers(self.peers.len())?;
        let mut options = Vec::with_capacity(self.peers.len());
        for peer in self.peers {
            let care = app.store().read().care(app.id(), &caller.user, &Contact::User(peer.clone())).await?;
            options.push(PeerOption { peer, option: option_number(care.receive) });
        }
        Ok(ReceiveOptions { options })
    }
}

/// Sets how the caller wants to be told of messages of peers; the caller's other devices learn of it. Gateway.
/// 0: at once and by offline push; 1: not at all, they stand in history; 2: at once, without offline push.
/// Limits: 100 peers. Errors: `MessageBadJson`, `MessageTooManyReceivers`; `AccountNotFound` per peer.
/// Spec: docs/spec/websocket-protocol.md#9
#[derive(Debug, Deserialize)]
pub struct SetPeerReceiveOption {
    #[serde(rename = "Peer_Account")]
    peers: Vec<String>,
    #[serde(rename = "Mute_Notifications", alias = "MuteNotifications")]
    option: u32,
}

/// Peers whose option could not be set.
#[derive(Debug, Serialize)]
pub struct OptionSet {
    #[serde(rename = "ErrorList")]
    errors: Vec<PeerError>,
}

#[derive(Debug, Serialize)]
struct PeerError {
    #[serde(rename = "Peer_Account")]
    peer: String,
    #[serde(rename = "ErrorCode")]
    code: ErrorCode,
}

impl Command for SetPeerReceiveOption {
    const ROUTE: Route =
        Route::socket("openim", "set_c2c_peer_mute_notifications", "docs/spec/websocket-protocol.md#9");
    type Reply = OptionSet;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<OptionSet, Error> {
        check_peers(self.peers.len())?;
        let Some(option) = option_of(self.option) else {
            let text = format!("`Mute_Notifications`: {} is none of 0, 1 and 2", self.option);
            return Err(Error::new(ErrorCode::MessageBadJson, text));
        };
        let mut errors = Vec::new();
        for name in self.peers {
            let account = match UserId::parse(&name) {
                Ok(peer) => app.store().account(app.id(), &peer).await?,
                Err(_) => None,
            };
            match account {
                Some(account) => set(app, caller, &account.user, option).await?,
                None => errors.push(PeerError { peer: name, code: ErrorCode::AccountNotFound }),
            }
        }
        Ok(OptionSet { errors })
    }
}

async fn set(app: &App, caller: &Caller, peer: &UserId, option: ReceiveOption) -> Result<(), Error> {
    let contact = [Contact::User(peer.clone())];
    app.decide(|| async {
        let desk = desk(app, caller, &caller.user, &contact).await?;
        Ok(((), care::set_receive(&desk, peer, option)))
    })
    .await?;
    Ok(())
}

fn require_feature(app: &App) -> Result<(), Error> {
    if app.settings().features.global_dnd {
        return Ok(());
    }
    Err(ErrorCode::GlobalMuteNotificationsOff.into())
}

/// Sets when, and how, nothing may disturb the caller; the caller's other devices learn of it. Gateway.
/// Units: Unix seconds. Errors: `GroupBadParameter`, `GlobalMuteNotificationsOff`.
/// Spec: docs/spec/websocket-protocol.md#7
#[derive(Debug, Deserialize)]
pub struct SetDoNotDisturb {
    #[serde(rename = "Level")]
    level: u32,
    #[serde(rename = "StartTime", default)]
    from: i64,
    #[serde(rename = "EndTime", default)]
    until: i64,
    #[serde(rename = "IsRepeated", default, deserialize_with = "decode::flag")]
    repeated: bool,
}

impl Command for SetDoNotDisturb {
    const ROUTE: Route = Route::socket("im_msg_db_logic", "ws_set_do_not_disturb", "docs/spec/websocket-protocol.md#7");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        require_feature(app)?;
        let Some(level) = option_of(self.level) else {
            let text = format!("`Level`: {} is none of 0, 1 and 2", self.level);
            return Err(Error::new(ErrorCode::GroupBadParameter, text));
        };
        let wanted = DoNotDisturb { level, from: self.from, until: self.until, repeated: self.repeated };
        app.decide(|| async {
            let desk = desk(app, caller, &caller.user, &[]).await?;
            Ok(((), care::set_do_not_disturb(&desk, wanted)))
        })
        .await?;
        Ok(Done {})
    }
}

/// When, and how, nothing may disturb the caller. Gateway.
/// Units: Unix seconds. Errors: `GlobalMuteNotificationsOff`.
/// Spec: docs/spec/websocket-protocol.md#7
#[derive(Debug, Deserialize)]
pub struct GetDoNotDisturb {}

/// Times without disturbance.
#[derive(Debug, Serialize)]
pub struct QuietTimes {
    #[serde(rename = "Level")]
    level: u32,
    #[serde(rename = "StartTime")]
    from: i64,
    #[serde(rename = "EndTime")]
    until: i64,
    #[serde(rename = "IsRepeated")]
    repeated: u32,
}

impl Command for GetDoNotDisturb {
    const ROUTE: Route = Route::socket("im_msg_db_logic", "ws_get_do_not_disturb", "docs/spec/websocket-protocol.md#7");
    type Reply = QuietTimes;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<QuietTimes, Error> {
        require_feature(app)?;
        let times = app.store().read().book(app.id(), &caller.user).await?.do_not_disturb.unwrap_or_default();
        Ok(QuietTimes {
            level: option_number(times.level),
            from: times.from,
            until: times.until,
            repeated: times.repeated.into(),
        })
    }
}
