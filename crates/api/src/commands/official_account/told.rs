//! What the app's backend is asked and told about official accounts (docs/spec/webhooks.md#12).

use serde::Serialize;
use serde_json::value::RawValue;
use tsudoi_domain::{
    Timestamp, UserId, WebhookCommand,
    message::{Content, Draft},
    official::OfficialAccount,
    webhook::Call,
};

use crate::{app::App, command::Caller, webhook::Line, wire::item};

/// An official account as most commands tell it.
#[derive(Default, Serialize)]
pub(super) struct About<'a> {
    #[serde(rename = "Official_Account", skip_serializing_if = "Option::is_none")]
    pub account: Option<&'a UserId>,
    #[serde(rename = "Operator_Account", skip_serializing_if = "Option::is_none")]
    pub operator: Option<&'a UserId>,
    #[serde(rename = "Owner_Account", skip_serializing_if = "Option::is_none")]
    pub owner: Option<&'a UserId>,
    #[serde(rename = "Name", skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(rename = "Introduction", skip_serializing_if = "Option::is_none")]
    pub introduction: Option<&'a str>,
    #[serde(rename = "FaceUrl", skip_serializing_if = "Option::is_none")]
    pub face_url: Option<&'a str>,
    #[serde(rename = "SubscribeAccountList", skip_serializing_if = "Option::is_none")]
    pub subscribers: Option<Vec<Subscriber<'a>>>,
}

#[derive(Serialize)]
pub(super) struct Subscriber<'a> {
    #[serde(rename = "Subscriber_Account")]
    user: &'a UserId,
}

impl<'a> About<'a> {
    /// A new account; its id only where it has one already.
    pub(super) fn new(account: Option<&'a UserId>, operator: &'a UserId, owner: &'a UserId, name: &'a str) -> Self {
        Self { account, operator: Some(operator), owner: Some(owner), name: Some(name), ..Self::default() }
    }

    /// What changed.
    pub(super) fn changed(before: &'a OfficialAccount, now: &'a OfficialAccount, operator: &'a UserId) -> Self {
        let differs = |before: &str, now: &'a str| (before != now).then_some(now);
        Self {
            account: Some(&now.id),
            operator: Some(operator),
            name: differs(&before.name, &now.name),
            introduction: differs(&before.introduction, &now.introduction),
            face_url: differs(&before.face_url, &now.face_url),
            ..Self::default()
        }
    }

    /// Who came or went.
    pub(super) fn subscribers(account: &'a UserId, operator: &'a UserId, users: &'a [UserId]) -> Self {
        let subscribers = users.iter().map(|user| Subscriber { user }).collect();
        Self { account: Some(account), operator: Some(operator), subscribers: Some(subscribers), ..Self::default() }
    }
}

/// The call that tells it.
pub(super) fn tell(
    app: &App,
    caller: &Caller,
    command: WebhookCommand,
    account: &UserId,
    about: impl Serialize,
) -> Option<Call> {
    app.webhooks().tell(command, Line::User(account), caller, || about)
}

/// A message as it is asked about and told.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    #[serde(rename = "Official_Account")]
    account: &'a UserId,
    #[serde(rename = "MsgKey", skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(rename = "MsgTime", skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    #[serde(rename = "OnlineOnlyFlag")]
    online_only: u32,
    #[serde(rename = "MsgBody")]
    body: Option<&'a RawValue>,
    #[serde(rename = "CloudCustomData", skip_serializing_if = "Option::is_none")]
    cloud_custom_data: Option<&'a str>,
}

impl<'a> Message<'a> {
    /// The message; with its key once it has one.
    pub(super) fn of(account: &'a UserId, draft: &'a Draft, is_sent: bool) -> Self {
        Self {
            account,
            key: is_sent.then(|| draft.msg_key().to_string()),
            time: is_sent.then_some(draft.time),
            online_only: draft.options.online_only.into(),
            body: match &draft.content {
                Content::Elements(elements) => Some(item::elements(elements)),
                Content::Tip(_) => None,
            },
            cloud_custom_data: draft.cloud_custom_data.as_deref().filter(|data| !data.is_empty()),
        }
    }
}

/// A message that was taken back.
#[derive(Serialize)]
pub(super) struct Withdrawn<'a> {
    #[serde(rename = "Official_Account")]
    pub account: &'a UserId,
    #[serde(rename = "WithdrawMsgList")]
    pub messages: [WithdrawnMessage<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct WithdrawnMessage<'a> {
    #[serde(rename = "MsgKey")]
    pub key: &'a str,
}
