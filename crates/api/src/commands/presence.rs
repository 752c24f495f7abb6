//! Presence: who is online, on which platforms. Spec: docs/spec/rest-users.md#2, docs/spec/websocket-protocol.md#18

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    UserId,
    account::Account,
    change::{Change, Event, Write},
    presence::{self, Platform},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    webhook,
};

pub(crate) fn all() -> Vec<Entry> {
    list![
        QueryOnlineStatus as [("openim", "querystate")],
        GetStatus,
        SetStatus,
        Subscribe,
        Unsubscribe,
    ]
}

/// Tells who is online. REST only; also under its older name `querystate`.
/// Limits: `limits.account.state_batch`. Errors: `MessageBadReceiver`, `MessageBadJson` (nobody named), `MessageTooManyReceivers`,
/// `PresenceOff`; `AccountNotFound` per item, and for the whole when no account is known.
/// Spec: docs/spec/rest-users.md#2.1
#[derive(Debug, Deserialize)]
pub struct QueryOnlineStatus {
    #[serde(rename = "To_Account")]
    users: Vec<String>,
    #[serde(rename = "IsNeedDetail", default, deserialize_with = "decode::flag")]
    detail: bool,
}

/// Who is online.
#[derive(Debug, Serialize)]
pub struct OnlineStatus {
    #[serde(rename = "QueryResult")]
    results: Vec<UserStatus>,
    #[serde(rename = "ErrorList", skip_serializing_if = "Vec::is_empty")]
    errors: Vec<UserError>,
}

#[derive(Debug, Serialize)]
struct UserStatus {
    #[serde(rename = "To_Account")]
    user: UserId,
    #[serde(rename = "Status")]
    status: &'static str,
    #[serde(rename = "State")]
    state: &'static str,
    #[serde(rename = "Detail", skip_serializing_if = "Option::is_none")]
    detail: Option<Vec<PlatformStatus>>,
}

#[derive(Debug, Serialize)]
struct PlatformStatus {
    #[serde(rename = "Platform")]
    platform: &'static str,
    #[serde(rename = "Status")]
    status: &'static str,
}

#[derive(Debug, Serialize)]
struct UserError {
    #[serde(rename = "To_Account")]
    user: String,
    #[serde(rename = "ErrorCode")]
    code: u32,
}

impl Command for QueryOnlineStatus {
    const ROUTE: Route = Route::rest("openim", "query_online_status", "docs/spec/rest-users.md#2.1");
    type Reply = OnlineStatus;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<OnlineStatus, Error> {
        require_feature(app)?;
        let most = app.settings().limits().account.state_batch as usize;
        if self.users.is_empty() {
            return Err(Error::new(ErrorCode::MessageBadJson, "`To_Account` is empty"));
        }
        if self.users.len() > most {
            let text = format!("`To_Account` has {} entries, at most {most} are allowed", self.users.len());
            return Err(Error::new(ErrorCode::MessageTooManyReceivers, text));
        }
        let (mut results, mut errors): (Vec<UserStatus>, Vec<UserError>) = (Vec::new(), Vec::new());
        for name in self.users {
            let known = match UserId::parse(&name) {
                Ok(user) => app.store().account(app.id(), &user).await?,
                Err(_) => None,
            };
            let Some(account) = known else {
                errors.push(UserError { user: name, code: ErrorCode::AccountNotFound.number() });
                continue;
            };
            if !results.iter().any(|result| result.user == account.user) {
                results.push(status(app, &account.user, self.detail).await?);
            }
        }
        if results.is_empty() {
            return Err(ErrorCode::AccountNotFound.into());
        }
        Ok(OnlineStatus { results, errors })
    }
}

async fn status(app: &App, user: &UserId, detail: bool) -> Result<UserStatus, Error> {
    let mut online: Vec<Platform> = here(app, user);
    online.sort_unstable();
    online.dedup();
    let mut away: Vec<Platform> = Vec::new();
    if online.is_empty() || detail {
        let settings = app.settings().presence;
        for device in app.store().read().devices(app.id(), user).await? {
            let platform = Platform::from_number(device.platform);
            let reached = presence::reachable_by_push(&settings, platform, device.since, app.now());
            if reached && !online.contains(&platform) && !away.contains(&platform) {
                away.push(platform);
            }
        }
    }
    let status = match (online.is_empty(), away.is_empty()) {
        (false, _) => ONLINE,
        (true, false) => PUSH_ONLINE,
        (true, true) => OFFLINE,
    };
    let detail = (detail && status != OFFLINE).then(|| {
        let online = online.iter().map(|platform| PlatformStatus { platform: platform.name(), status: ONLINE });
        let away = away.iter().map(|platform| PlatformStatus { platform: platform.name(), status: PUSH_ONLINE });
        online.chain(away).collect()
    });
    Ok(UserStatus { user: user.clone(), status, state: status, detail })
}

const ONLINE: &str = "Online";
const PUSH_ONLINE: &str = "PushOnline";
const OFFLINE: &str = "Offline";

/// The platforms of the user's devices that are connected.
fn here(app: &App, user: &UserId) -> Vec<Platform> {
    let sessions = app.hub().sessions_of(app.id(), user);
    sessions.iter().map(|session| Platform::from_number(session.platform())).collect()
}

/// What clients see of somebody's presence.
#[derive(Debug, Serialize)]
pub struct ClientStatus {
    #[serde(rename = "To_Account")]
    user: UserId,
    /// 1 online, 2 offline, 3 never logged in.
    #[serde(rename = "Status")]
    status: u32,
    /// Base64.
    #[serde(rename = "CustomStatus")]
    custom: String,
}

impl ClientStatus {
    /// As it is now.
    pub(crate) fn of(app: &App, account: &Account) -> Self {
        let status = match (app.hub().is_here(app.id(), &account.user), account.logged_in) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        Self { user: account.user.clone(), status, custom: custom_status(account) }
    }
}

/// What a user says of themselves, as clients read it.
#[must_use]
pub fn custom_status(account: &Account) -> String {
    STANDARD.encode(&account.status)
}

fn require_feature(app: &App) -> Result<(), Error> {
    if app.settings().features.presence { Ok(()) } else { Err(ErrorCode::PresenceOff.into()) }
}

/// An account that an answer cannot be given for.
#[derive(Debug, Serialize)]
pub struct Invalid {
    #[serde(rename = "To_Account")]
    user: String,
    #[serde(rename = "Invalid_Account")]
    invalid: String,
    #[serde(rename = "ErrorCode")]
    code: ErrorCode,
    #[serde(rename = "ErrorInfo")]
    text: &'static str,
}

/// The known accounts among the named ones, each once, and the others.
async fn split(app: &App, names: Vec<String>, most: u32) -> Result<(Vec<Arc<Account>>, Vec<Invalid>), Error> {
    if names.is_empty() || names.len() > most as usize {
        let text = format!("`To_Account` has {} entries, 1 to {most} are allowed", names.len());
        return Err(Error::new(ErrorCode::AccountBadParameter, text));
    }
    let (mut known, mut invalid): (Vec<Arc<Account>>, _) = (Vec::new(), Vec::new());
    for name in names {
        let found = match UserId::parse(&name) {
            Ok(user) => app.store().account(app.id(), &user).await?,
            Err(_) => None,
        };
        match found {
            Some(account) if known.iter().any(|one| one.user == account.user) => {}
            Some(account) => known.push(account),
            None => invalid.push(Invalid {
                user: name.clone(),
                invalid: name,
                code: ErrorCode::AccountNotFound,
                text: ErrorCode::AccountNotFound.text(),
            }),
        }
    }
    Ok((known, invalid))
}

/// Tells what is known of others' presence. Gateway only.
/// Limits: `limits.account.state_batch`. Errors: `PresenceOff`, `AccountBadParameter`; `AccountNotFound` per item.
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct GetStatus {
    #[serde(rename = "To_Account")]
    users: Vec<String>,
}

/// Presences, in the order of the request.
#[derive(Debug, Serialize)]
pub struct Statuses {
    #[serde(rename = "UserStatusList")]
    statuses: Vec<ClientStatus>,
    #[serde(rename = "ErrorList")]
    errors: Vec<Invalid>,
}

impl Command for GetStatus {
    const ROUTE: Route = Route::socket("im_open_status", "ws_get_user_status", "docs/spec/websocket-protocol.md#18");
    type Reply = Statuses;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Statuses, Error> {
        require_feature(app)?;
        let (known, errors) = split(app, self.users, app.settings().limits().account.state_batch).await?;
        Ok(Statuses { statuses: known.iter().map(|account| ClientStatus::of(app, account)).collect(), errors })
    }
}

/// Says something of oneself; empty takes it back. Gateway only.
/// Limits: `limits.presence.custom_status_bytes`. Errors: `AccountBadParameter`.
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct SetStatus {
    #[serde(rename = "CustomStatus")]
    status: String,
}

impl Command for SetStatus {
    const ROUTE: Route = Route::socket("im_open_status", "ws_set_custom_status", "docs/spec/websocket-protocol.md#18");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let most = app.settings().limits().presence.custom_status_bytes;
        if self.status.len() > most as usize {
            let text = format!("`CustomStatus` has more than {most} bytes");
            return Err(Error::new(ErrorCode::AccountBadParameter, text));
        }
        let user = caller.user.clone();
        let change = Change::none()
            .write(Write::SetStatus { user: user.clone(), status: self.status.clone() })
            .event(Event::PresenceChanged { user, said: true });
        app.commit(change).await?;
        if let Some(session) = caller.session() {
            webhook::user::moved(app, &caller.user, session, webhook::user::Move::SetStatus(&self.status)).await;
        }
        Ok(Done {})
    }
}

/// Wants to hear of others' presence, also after a reconnect. Gateway only.
/// Limits: `limits.presence.max_subscriptions`, the oldest are forgotten. Errors: `PresenceOff`, `AccountBadParameter`;
/// `AccountNotFound` per item.
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct Subscribe {
    #[serde(rename = "To_Account")]
    users: Vec<String>,
}

/// Who could not be found.
#[derive(Debug, Serialize)]
pub struct Unknown {
    #[serde(rename = "ErrorList")]
    errors: Vec<Invalid>,
}

impl Command for Subscribe {
    const ROUTE: Route = Route::socket("im_open_status", "ws_status_subscribe", "docs/spec/websocket-protocol.md#18");
    type Reply = Unknown;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Unknown, Error> {
        require_feature(app)?;
        let cap = app.settings().limits().presence.max_subscriptions;
        let (known, errors) = split(app, self.users, cap).await?;
        if !known.is_empty() {
            let peers = known.iter().map(|account| account.user.clone()).collect();
            let watch = Write::WatchStatus { user: caller.user.clone(), peers, cap };
            app.commit(Change::none().write(watch)).await?;
        }
        Ok(Unknown { errors })
    }
}

/// No longer wants to hear of others' presence, or of anybody's. Gateway only.
/// Errors: `PresenceOff`, `AccountBadParameter`; `AccountNotFound` per item.
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct Unsubscribe {
    #[serde(rename = "To_Account")]
    users: Option<Vec<String>>,
    #[serde(rename = "UnsubscribeAll", default, deserialize_with = "decode::flag")]
    all: bool,
}

impl Command for Unsubscribe {
    const ROUTE: Route = Route::socket("im_open_status", "ws_status_unsubscribe", "docs/spec/websocket-protocol.md#18");
    type Reply = Unknown;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Unknown, Error> {
        require_feature(app)?;
        let (peers, errors) = match (self.all, self.users) {
            (true, _) => (None, Vec::new()),
            (false, users) => {
                let most = app.settings().limits().account.state_batch;
                let (known, errors) = split(app, users.unwrap_or_default(), most).await?;
                (Some(known.iter().map(|account| account.user.clone()).collect()), errors)
            }
        };
        app.commit(Change::none().write(Write::UnwatchStatus { user: caller.user.clone(), peers })).await?;
        Ok(Unknown { errors })
    }
}
