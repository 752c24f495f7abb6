//! Who is on a connection: tickets, session tokens, login, logout (docs/spec/websocket-protocol.md#5, #6).

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Timestamp, UserId,
    account::Account,
    change::{Change, Event, Write},
    group::MsgFlag,
    live::PresenceCause,
    presence::{self, Platform},
};
use tsudoi_realtime::{CloseReason, Session, Subscription, session::Identity};

use super::{
    frame::Head,
    kick::{self, KickType},
    session_token::SessionToken,
};
use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Proof, Route},
    commands::{live::enter, presence::custom_status},
    error::Error,
    error_code::ErrorCode,
    push,
    webhook::{self, user::Move},
};

pub(crate) fn all() -> Vec<Entry> {
    list![Login, Logout, Alive, Hello, PushArrived, Telemetry, FetchConfig, FetchFeatures]
}

/// 64 ones: every feature of the client is unlocked (docs/spec/websocket-protocol.md#21).
pub const ALL_FEATURES: &str = "1111111111111111111111111111111111111111111111111111111111111111";

/// Who sent a frame: by session token, else by ticket; `None` for visitors, who show neither.
///
/// # Errors
/// The token's or ticket's fault.
pub async fn authenticate(app: &App, head: &Head<'_>) -> Result<Option<(UserId, Proof)>, Error> {
    if let Some(a2) = head.a2.as_deref().filter(|a2| !a2.is_empty()) {
        return by_token(app, a2).await.map(Some);
    }
    let (Some(user), Some(ticket)) = (head.identifier.as_deref(), head.usersig.as_deref()) else { return Ok(None) };
    if user.is_empty() && ticket.is_empty() {
        return Ok(None);
    }
    by_ticket(app, user, ticket).await.map(Some)
}

async fn by_token(app: &App, a2: &str) -> Result<(UserId, Proof), Error> {
    let expired = || Error::new(ErrorCode::UserSigExpired, "the session token is void: log in again");
    let token = app.shared().token_key.read(a2).filter(|token| token.app == app.id()).ok_or_else(expired)?;
    if app.settings().disabled {
        return Err(ErrorCode::RestAppDisabled.into());
    }
    if token.expires_at < app.now() {
        return Err(expired());
    }
    let account = app.store().account(app.id(), &token.user).await?.ok_or_else(expired)?;
    if token.issued_at < account.valid_from {
        return Err(expired());
    }
    Ok((token.user, Proof { issued_at: token.issued_at, expires_at: token.expires_at, is_return: true }))
}

async fn by_ticket(app: &App, user: &str, ticket: &str) -> Result<(UserId, Proof), Error> {
    let valid = app.check_ticket(user, ticket)?;
    let proof =
        Proof { issued_at: Timestamp(valid.issued_at), expires_at: Timestamp(valid.expires_at), is_return: false };
    let user =
        UserId::parse(user).map_err(|e| Error::new(ErrorCode::AccountBadParameter, format!("`identifier`: {e}")))?;
    if user.is_robot() {
        return Err(Error::new(ErrorCode::AccountBarred, "robots do not log in"));
    }
    app.check_kicked(&user, proof.issued_at).await?;
    Ok((user, proof))
}

/// The login of a client. Binds the connection to the user, makes the account on the first login.
/// Spec: docs/spec/websocket-protocol.md#5
#[derive(Debug, Deserialize)]
pub struct Login {}

/// The answer that makes the client ready.
#[derive(Debug, Serialize)]
pub struct LoggedIn {
    #[serde(rename = "A2Key")]
    a2: String,
    #[serde(rename = "TinyId")]
    tiny_id: String,
    #[serde(rename = "InstId")]
    inst_id: u32,
    #[serde(rename = "HelloInterval")]
    hello_interval_secs: u32,
    #[serde(rename = "TimeStamp")]
    time: Timestamp,
    #[serde(rename = "CustomStatus")]
    custom_status: String,
    #[serde(rename = "PurchaseBits")]
    features: &'static str,
}

impl Command for Login {
    const ROUTE: Route = Route::socket("im_open_status", "wslogin", "docs/spec/websocket-protocol.md#5");
    type Reply = LoggedIn;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<LoggedIn, Error> {
        let (Some(session), Some(proof)) = (caller.session(), caller.proof) else {
            return Err(ErrorCode::UserSigEmpty.into());
        };
        if app.store().account(app.id(), &caller.user).await?.is_none() {
            app.require_room_for(&caller.user).await?;
        }
        let account = app.ensure_account(&caller.user).await?;
        let inst_id = instance_number(session);
        if !app.devices.knows(&caller.user) {
            let stored = app.store().read().devices(app.id(), &caller.user).await?;
            app.devices.remember(&app.settings().login, &caller.user, &stored);
        }
        let was_replaced = proof.is_return && app.devices.was_replaced(&caller.user, session.instance()).is_some();
        if !was_replaced {
            if !proof.is_return {
                let platform = Platform::from_number(session.platform());
                app.devices.logged_in(&app.settings().login, &caller.user, session.instance(), platform);
                app.commit(came(&account, session, app.now())).await?;
            }
            // The last second of the ticket is included.
            let life = u64::try_from(proof.expires_at.since(app.now())).unwrap_or_default();
            session.end_in(Duration::from_secs(life.saturating_add(1)));
            let others = app.hub().attach(session, Identity { user: caller.user.clone(), inst_id });
            if others.is_empty() {
                told_of_presence(app, &caller.user).await;
            }
            let ousted = make_room(app, session, &others);
            app.statistics.logged_in(app, &caller.user, app.hub().users_here(app.id()) as u64);
            subscribe(app, &caller.user).await?;
            push::settle(app, &caller.user).await?;
            webhook::user::moved(app, &caller.user, session, Move::CameIn(&ousted)).await;
        }
        let token = SessionToken {
            app: app.id(),
            user: caller.user.clone(),
            issued_at: proof.issued_at,
            expires_at: proof.expires_at,
        };
        Ok(LoggedIn {
            a2: app.shared().token_key.sign(&token),
            tiny_id: account.tiny_id.to_string(),
            inst_id,
            // Who was replaced while away learns it from the next sign of life.
            hello_interval_secs: if was_replaced { SOON_SECS } else { app.shared().bounds.hello_interval_secs },
            time: app.now(),
            custom_status: custom_status(&account),
            features: ALL_FEATURES,
        })
    }
}

/// How soon a client that was replaced asks again, in seconds.
const SOON_SECS: u32 = 5;

/// What the login of a device asks to be stored.
fn came(account: &Account, session: &Session, now: Timestamp) -> Change {
    let device = Write::PutDevice {
        user: account.user.clone(),
        instance: session.instance().to_string(),
        platform: session.platform(),
        time: now,
    };
    let change = Change::none().write(device);
    if account.logged_in {
        return change;
    }
    change.write(Write::PutAccount(Box::new(Account { logged_in: true, ..account.clone() })))
}

/// Tells those who watch a user that they came or went.
async fn told_of_presence(app: &App, user: &UserId) {
    // Nothing is stored, so nothing can fail.
    _ = app.commit(Change::none().event(Event::PresenceChanged { user: user.clone(), said: false })).await;
}

/// A number for the instance that stays when it reconnects: clients show it in every head.
fn instance_number(session: &Session) -> u32 {
    crc32fast::hash(session.instance().as_bytes()).max(1)
}

/// The same device coming back replaces itself silently; others go as the app's login policy says
/// (docs/spec/limits-and-editions.md#9). Answers who had to go.
fn make_room(app: &App, session: &Arc<Session>, others: &[Arc<Session>]) -> Vec<Arc<Session>> {
    let is_same = |other: &Arc<Session>| !other.instance().is_empty() && other.instance() == session.instance();
    let (stale, rivals): (Vec<&Arc<Session>>, Vec<&Arc<Session>>) = others.iter().partition(|other| is_same(other));
    for old in stale {
        app.hub().detach(old);
        old.close(CloseReason::Replaced);
    }
    // Sessions stand in the order of their logins: the first are the oldest.
    let platforms: Vec<Platform> = rivals.iter().map(|rival| Platform::from_number(rival.platform())).collect();
    let newcomer = Platform::from_number(session.platform());
    let gone = presence::ousted(&app.settings().login, newcomer, &platforms);
    for place in &gone {
        kick::session(app, rivals[*place], KickType::by(newcomer, platforms[*place]));
    }
    gone.into_iter().map(|place| rivals[place].clone()).collect()
}

/// From now on the user's devices here get the events of the user's groups.
async fn subscribe(app: &App, user: &UserId) -> Result<(), Error> {
    let (_, back) = app.live.came_back(user);
    for group in back {
        if let Some(group) = app.store().group(app.id(), &group).await? {
            let (users, cause) = (std::slice::from_ref(user), PresenceCause::HeartbeatRecover);
            app.commit(webhook::group::presence(app, &group, users, cause, Change::none())).await?;
        }
    }
    loop {
        let version = app.hub().memberships_version(app.id(), user);
        let joined = app.store().read().joined(app.id(), user).await?;
        let rooms = app.live.rooms_of(user);
        let mut groups = Vec::with_capacity(joined.len() + rooms.len());
        for joined in joined.iter().filter(|joined| visible(joined)) {
            let group = &joined.group;
            let flags = if group.support_topic {
                app.store().read().topic_flags(app.id(), &group.id, user).await?
            } else {
                Vec::new()
            };
            groups.push(Subscription {
                group: group.id.clone(),
                discard: joined.member.msg_flag == MsgFlag::Discard,
                topics: flags.into_iter().map(|(topic, flag)| (topic, flag == MsgFlag::Discard)).collect(),
            });
        }
        groups.extend(rooms.into_iter().map(|room| Subscription::plain(room, false)));
        if app.hub().subscribe_all(app.id(), user, groups, version) {
            return Ok(());
        }
    }
}

/// Whether the member sees the group: before its first message only the owner does (docs/spec/group-types.md#2.8).
#[must_use]
pub fn visible(joined: &tsudoi_store::Joined) -> bool {
    joined.group.active || joined.group.owner.as_ref() == Some(&joined.member.user)
}

/// A connection with somebody logged in on it is gone.
pub async fn gone(app: &Arc<App>, identity: &Identity, last: bool) {
    tracing::debug!(app = %app.id(), user = %identity.user, last, "a session ended");
    if last {
        app.live.fell_silent(&identity.user, app.now());
        told_of_presence(app, &identity.user).await;
    }
}

/// The logout of a client; the connection stays open.
/// Spec: docs/spec/websocket-protocol.md#6
#[derive(Debug, Deserialize)]
pub struct Logout {}

impl Command for Logout {
    const ROUTE: Route = Route::socket("im_open_status", "wslogout", "docs/spec/websocket-protocol.md#6");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        if let Some(session) = caller.session()
            && let Some((identity, last)) = app.hub().detach(session)
        {
            webhook::user::moved(app, &identity.user, session, Move::LoggedOut).await;
            let (user, instance) = (identity.user.clone(), Some(session.instance().to_string()));
            app.commit(Change::none().write(Write::DeleteDevice { user, instance })).await?;
            gone(app, &identity, last).await;
            if last {
                // Who logs out leaves the live rooms: a later login enters none by itself.
                for group in app.live.rooms_of(&identity.user) {
                    enter::leave(app, Some(caller), &group, &identity.user).await?;
                }
            }
        }
        Ok(Done {})
    }
}

/// The sign of life of a connection, logged in or not.
/// Spec: docs/spec/websocket-protocol.md#4
#[derive(Debug, Deserialize)]
pub struct Alive {}

impl Command for Alive {
    const ROUTE: Route = Route::socket("heartbeat", "alive", "docs/spec/websocket-protocol.md#4");
    type Reply = Done;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<Done, Error> {
        Ok(Done {})
    }
}

/// The sign of life of a logged-in client. One that was replaced while it was away learns it here.
/// Errors: `ErrorCode::SESSION_KICKED` with `KickType`.
/// Spec: docs/spec/websocket-protocol.md#4, #6
#[derive(Debug, Deserialize)]
pub struct Hello {}

impl Command for Hello {
    const ROUTE: Route = Route::socket("im_open_status", "wshello", "docs/spec/websocket-protocol.md#4");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let Some(session) = caller.session() else { return Ok(Done {}) };
        if let Some(kind) = app.devices.was_replaced(&caller.user, session.instance()) {
            let kicked = serde_json::json!({ "KickType": kind as u32, "NewInstInfo": {} });
            let refusal = Error::new(ErrorCode::SESSION_KICKED, "the account logged in on another device");
            return Err(refusal.with_details(&kicked));
        }
        Ok(Done {})
    }
}

/// Says that pushes arrived. Nobody waits for an answer.
/// Spec: docs/spec/websocket-protocol.md#7
#[derive(Debug, Deserialize)]
pub struct PushArrived {}

impl Command for PushArrived {
    const ROUTE: Route = Route::socket("openim", "ws_msg_push_ack", "docs/spec/websocket-protocol.md#7");
    type Reply = Done;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<Done, Error> {
        Ok(Done {})
    }
}

/// What the client tells about itself; discarded.
/// Spec: docs/spec/websocket-protocol.md#5
#[derive(Debug, Deserialize)]
pub struct Telemetry {}

impl Command for Telemetry {
    const ROUTE: Route = Route::socket("imopenstat", "tim_web_report_v2", "docs/spec/websocket-protocol.md#5");
    type Reply = Done;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<Done, Error> {
        Ok(Done {})
    }
}

/// The client's configuration.
/// Spec: docs/spec/websocket-protocol.md#21
#[derive(Debug, Deserialize)]
pub struct FetchConfig {}

/// A configuration; its values are texts inside a JSON text.
#[derive(Debug, Serialize)]
pub struct ClientConfig {
    int32_error_code: u32,
    str_error_message: &'static str,
    str_json_config: String,
    uint32_expired_time: u32,
    uint32_sdkappid: u32,
    uint64_version: u64,
}

impl Command for FetchConfig {
    const ROUTE: Route = Route::socket("im_sdk_config_mgr", "fetch_config", "docs/spec/websocket-protocol.md#21");
    type Reply = ClientConfig;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<ClientConfig, Error> {
        // The client's telemetry goes nowhere: it is told not to send any.
        let id = app.id().to_string();
        // Sizes in megabytes: sounds, pictures, files, videos.
        let files = app.settings().files;
        let (small, large) = (files.max_image_mb.to_string(), files.max_file_mb.to_string());
        let sizes = serde_json::json!({ "a": small, "i": small, "f": large, "v": large }).to_string();
        let config =
            serde_json::json!({ "evt_rpt_sdkappid_bl": id, "q_rpt_sdkappid_bl": id, "upload_size_limit": sizes });
        Ok(ClientConfig {
            int32_error_code: 0,
            str_error_message: "",
            str_json_config: config.to_string(),
            uint32_expired_time: 7200,
            uint32_sdkappid: app.id().0,
            uint64_version: 1,
        })
    }
}

/// The features the client may use: all.
/// Spec: docs/spec/websocket-protocol.md#21
#[derive(Debug, Deserialize)]
pub struct FetchFeatures {}

/// The features, one bit each.
#[derive(Debug, Serialize)]
pub struct Features {
    int32_error_code: u32,
    str_error_message: &'static str,
    str_purchase_bits: &'static str,
    uint32_expired_time: u32,
}

impl Command for FetchFeatures {
    const ROUTE: Route =
        Route::socket("im_sdk_config_mgr", "fetch_imsdk_purchase_bitsv2", "docs/spec/websocket-protocol.md#21");
    type Reply = Features;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<Features, Error> {
        Ok(Features {
            int32_error_code: 0,
            str_error_message: "",
            str_purchase_bits: ALL_FEATURES,
            uint32_expired_time: 7200,
        })
    }
}
