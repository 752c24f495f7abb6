//! What the backend is told and asked about messages between two people (docs/spec/webhooks.md#7, #11.1).

use serde::Serialize;
use serde_json::value::RawValue;
use tsudoi_domain::{
    Timestamp, UserId, WebhookCommand,
    change::{Change, Event},
    conversation::ConversationKey,
    message::{Content, Draft},
    webhook::{Call, Slot},
};

use super::{CallExt as _, Line, MessageVerdict};
use crate::{
    app::App,
    command::Caller,
    error::Error,
    error_code::ErrorCode,
    wire::{BodyLimits, item},
};

/// A message as most commands tell it; each leaves out what it does not know.
#[derive(Default, Serialize)]
struct Payload<'a> {
    #[serde(rename = "Operator_Account", skip_serializing_if = "Option::is_none")]
    operator: Option<&'a UserId>,
    #[serde(rename = "From_Account")]
    from: &'a str,
    #[serde(rename = "To_Account")]
    to: &'a str,
    #[serde(rename = "MsgSeq")]
    seq: u32,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgTime")]
    time: Timestamp,
    #[serde(rename = "MsgKey")]
    key: String,
    #[serde(rename = "MsgId", skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "OnlineOnlyFlag", skip_serializing_if = "Option::is_none")]
    online_only: Option<u32>,
    #[serde(rename = "SendMsgResult", skip_serializing_if = "Option::is_none")]
    result: Option<u32>,
    #[serde(rename = "ErrorInfo", skip_serializing_if = "Option::is_none")]
    info: Option<&'a str>,
    #[serde(rename = "SupportMessageExtension", skip_serializing_if = "Option::is_none")]
    extension: Option<u32>,
    #[serde(rename = "UnreadMsgNum", skip_serializing_if = "Option::is_none")]
    unread: Option<i64>,
    #[serde(rename = "MsgBody")]
    body: Option<&'a RawValue>,
    #[serde(rename = "CloudCustomData", skip_serializing_if = "Option::is_none")]
    cloud_custom_data: Option<&'a str>,
}

fn payload(draft: &Draft) -> Payload<'_> {
    let (from, to) = item::direction(draft);
    Payload {
        from: from.as_str(),
        to: to.as_str(),
        seq: draft.client_seq,
        random: draft.random,
        time: draft.time,
        key: draft.msg_key().to_string(),
        body: match &draft.content {
            Content::Elements(elements) => Some(item::elements(elements)),
            Content::Tip(_) => None,
        },
        cloud_custom_data: draft.cloud_custom_data.as_deref().filter(|data| !data.is_empty()),
        ..Payload::default()
    }
}

/// Asks whether the message may be sent, and as what. `tiny_id` is the sender's internal number. A suppressed question is not asked.
///
/// # Errors
/// As [`Webhooks::ask_message`](super::Webhooks::ask_message).
pub async fn before_send(
    app: &App,
    caller: &Caller,
    tiny_id: &str,
    draft: &Draft,
    limits: BodyLimits,
) -> Result<MessageVerdict, Error> {
    let command = WebhookCommand::C2cBeforeSend;
    if draft.options.no_before_webhook || !app.webhooks().wants(command) {
        return Ok(MessageVerdict::AsIs);
    }
    let payload = Payload {
        id: Some(item::message_id(tiny_id, draft)),
        online_only: Some(u32::from(draft.options.online_only)),
        ..payload(draft)
    };
    app.webhooks().ask_message(command, caller, &payload, draft, limits).await
}

/// What the documents call success.
const DELIVERED: &str = "send msg succeed";

/// Tells what became of a message: that it is on its way, or which error keeps it from its receiver although its sender was told
/// nothing else. To a robot that gets it too.
#[must_use]
pub fn sent(app: &App, caller: &Caller, tiny_id: &str, draft: &Draft, stopped: Option<&Error>) -> Vec<Call> {
    let webhooks = app.webhooks();
    let (from, to) = item::direction(draft);
    let blocked = draft.options.hidden_from_receiver.then(|| Error::from(ErrorCode::C2cBlockedByReceiver));
    let stopped = stopped.or(blocked.as_ref());
    let payload = || Payload {
        id: Some(item::message_id(tiny_id, draft)),
        online_only: Some(u32::from(draft.options.online_only)),
        result: Some(stopped.map_or(0, Error::code)),
        info: Some(stopped.map_or(DELIVERED, Error::text)),
        extension: Some(u32::from(draft.options.support_extension)),
        unread: stopped.map(|_| -1),
        ..payload(draft)
    };
    let line = Line::Conversation(&draft.conversation);
    let mut calls = Vec::new();
    if !draft.options.no_after_webhook {
        calls.extend(webhooks.tell(WebhookCommand::C2cAfterSend, line, caller, payload));
    }
    // Robots do not hear each other: two of them would never stop talking.
    if app.robots.hears(to) && !from.is_robot() && stopped.is_none() {
        calls.extend(webhooks.tell(WebhookCommand::BotC2cMessage, line, caller, payload));
    }
    if stopped.is_none() {
        let unread = |call: Call| call.with("UnreadMsgNum", Slot::Unread(to.clone()));
        calls = calls.into_iter().map(unread).collect();
    }
    calls
}

#[derive(Serialize)]
struct Read<'a> {
    #[serde(rename = "Report_Account")]
    reader: &'a UserId,
    #[serde(rename = "Peer_Account")]
    peer: &'a UserId,
    #[serde(rename = "LastReadTime")]
    until: Timestamp,
}

/// Tells that somebody has read what a peer wrote up to a moment.
#[must_use]
pub fn read(app: &App, caller: &Caller, reader: &UserId, peer: &UserId, until: Timestamp, change: Change) -> Change {
    let conversation = ConversationKey::direct(reader, peer);
    let line = Line::Conversation(&conversation);
    let call = app.webhooks().tell(WebhookCommand::C2cAfterReport, line, caller, || Read { reader, peer, until });
    change.calls(call.map(|call| call.with("UnreadMsgNum", Slot::Unread(reader.clone()))))
}

#[derive(Serialize)]
struct Withdrawn<'a> {
    #[serde(rename = "From_Account")]
    from: &'a UserId,
    #[serde(rename = "To_Account")]
    to: &'a UserId,
    #[serde(rename = "MsgKey")]
    key: String,
}

/// Tells of the messages that the change recalls.
#[must_use]
pub fn withdrawn(app: &App, caller: &Caller, change: Change) -> Change {
    let mut calls = Vec::new();
    for event in &change.events {
        let Event::Recalled { conversation, messages, .. } = event else { continue };
        for draft in messages {
            let (from, to) = item::direction(draft);
            let line = Line::Conversation(conversation);
            let call = app.webhooks().tell(WebhookCommand::C2cAfterWithdraw, line, caller, || Withdrawn {
                from,
                to,
                key: draft.msg_key().to_string(),
            });
            calls.extend(call.map(|call| call.with("UnreadMsgNum", Slot::Unread(to.clone()))));
        }
    }
    change.calls(calls)
}

/// Tells of the message that the change overwrites.
#[must_use]
pub fn edited(app: &App, caller: &Caller, change: Change) -> Change {
    let mut calls = Vec::new();
    for event in &change.events {
        let Event::Edited { conversation, before, elements, cloud_custom_data, by, .. } = event else { continue };
        let line = Line::Conversation(conversation);
        calls.extend(app.webhooks().tell(WebhookCommand::C2cAfterModify, line, caller, || Payload {
            operator: Some(by),
            body: Some(item::elements(elements)),
            cloud_custom_data: cloud_custom_data.as_deref().filter(|data| !data.is_empty()),
            ..payload(before)
        }));
    }
    change.calls(calls)
}
