//! What the backend is told about users: devices that come and go, profiles (docs/spec/webhooks.md#3, #4).

use serde::Serialize;
use tsudoi_domain::{UserId, WebhookCommand, account::ProfileValue, change::Change};
use tsudoi_realtime::Session;

use super::{Line, Origin, Platform, group::tell_now};
use crate::{app::App, command::Caller};

/// What a device did.
#[derive(Debug, Clone, Copy)]
pub enum Move<'a> {
    /// It logged in or came back; these others had to make room for it.
    CameIn(&'a [std::sync::Arc<Session>]),
    /// It logged out, or the backend sent it away.
    LoggedOut,
    /// Its connection ended.
    Lost,
    /// Nothing was heard of it for too long.
    TimedOut,
    /// Its user set a status.
    SetStatus(&'a str),
}

#[derive(Serialize)]
struct StateChange<'a> {
    #[serde(rename = "Info")]
    info: Info<'a>,
    #[serde(rename = "CustomStatus", skip_serializing_if = "Option::is_none")]
    custom_status: Option<&'a str>,
    #[serde(rename = "KickedDevice", skip_serializing_if = "Vec::is_empty")]
    kicked: Vec<Device>,
}

#[derive(Serialize)]
struct Info<'a> {
    #[serde(rename = "Action")]
    action: &'static str,
    #[serde(rename = "To_Account")]
    user: &'a UserId,
    #[serde(rename = "Reason")]
    reason: &'static str,
}

#[derive(Serialize)]
struct Device {
    #[serde(rename = "Platform")]
    platform: String,
}

/// Tells what a user's device did.
pub async fn moved(app: &App, user: &UserId, session: &Session, what: Move<'_>) {
    let command = WebhookCommand::StateChange;
    let (action, reason) = match what {
        Move::CameIn(_) => ("Login", "Register"),
        Move::LoggedOut => ("Logout", "Unregister"),
        Move::Lost => ("Disconnect", "LinkClose"),
        Move::TimedOut => ("Disconnect", "TimeOut"),
        Move::SetStatus(_) => ("CustomStatusChange", "SetCustomStatus"),
    };
    let call = app.webhooks().tell(command, Line::User(user), Origin::of_session(session), || {
        let mac = app.settings().webhook.platform_name_mac.clone();
        let device = |other: &std::sync::Arc<Session>| Device {
            platform: Platform::of_number(other.platform()).name(&mac).to_owned(),
        };
        StateChange {
            info: Info { action, user, reason },
            custom_status: if let Move::SetStatus(status) = what { Some(status) } else { None },
            kicked: if let Move::CameIn(others) = what { others.iter().map(device).collect() } else { Vec::new() },
        }
    });
    tell_now(app, call).await;
}

#[derive(Serialize)]
struct ProfileChanged<'a> {
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "From_Account")]
    user: &'a UserId,
    #[serde(rename = "ProfileItem")]
    items: Vec<ProfileItem<'a>>,
}

#[derive(Serialize)]
struct ProfileItem<'a> {
    #[serde(rename = "Tag")]
    tag: &'a str,
    #[serde(rename = "Value")]
    value: &'a ProfileValue,
}

/// Tells of written fields of a profile.
#[must_use]
pub fn profile_changed(
    app: &App,
    caller: &Caller,
    user: &UserId,
    fields: &[(String, ProfileValue)],
    change: Change,
) -> Change {
    let call = app.webhooks().tell(WebhookCommand::PortraitSet, Line::User(user), caller, || ProfileChanged {
        operator: &caller.user,
        user,
        items: fields.iter().map(|(tag, value)| ProfileItem { tag, value }).collect(),
    });
    change.calls(call)
}
