//! Presence: who is online, on which platforms. Spec: docs/spec/rest-users.md#2, docs/spec/websocket-protocol.md#18

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::UserId;

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
};

pub(crate) fn all() -> Vec<Entry> {
    list![QueryOnlineStatus as [("openim", "querystate")]]
}

/// Tells who is online. REST only; also under its older name `querystate`.
/// Limits: `limits.account.state_batch`. Errors: `MessageBadReceiver`, `MessageTooManyReceivers`, `PresenceOff`; `AccountNotFound`
/// per item, and for the whole when no account is known.
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
    detail: Option<Vec<Platform>>,
}

#[derive(Debug, Serialize)]
struct Platform {
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
        let most = app.settings().limits().account.state_batch as usize;
        if self.users.is_empty() {
            return Err(Error::new(ErrorCode::MessageBadReceiver, "`To_Account` is empty"));
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
                results.push(status(app, &account.user, self.detail));
            }
        }
        if results.is_empty() {
            return Err(ErrorCode::AccountNotFound.into());
        }
        Ok(OnlineStatus { results, errors })
    }
}

fn status(app: &App, user: &UserId, detail: bool) -> UserStatus {
    let sessions = app.hub().sessions_of(app.id(), user);
    let status = if sessions.is_empty() { "Offline" } else { "Online" };
    let mut platforms: Vec<&'static str> = sessions.iter().map(|session| platform_name(session.platform())).collect();
    platforms.sort_unstable();
    platforms.dedup();
    let detail = (detail && !sessions.is_empty())
        .then(|| platforms.into_iter().map(|platform| Platform { platform, status: "Online" }).collect());
    UserStatus { user: user.clone(), status, state: status, detail }
}

/// The name of a platform's number (docs/spec/websocket-protocol.md#1: 7 is the web; other numbers are hosts of the same client).
#[must_use]
pub fn platform_name(number: u32) -> &'static str {
    match number {
        1 => "Windows",
        2 => "Android",
        3 => "iPhone",
        4 => "Mac",
        5 => "iPad",
        _ => "Web",
    }
}
