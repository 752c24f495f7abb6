//! What the backend is told and asked about messages of groups (docs/spec/webhooks.md#9, #11.2).

use serde::Serialize;
use serde_json::value::RawValue;
use tsudoi_domain::{
    GroupId, Timestamp, TopicId, UserId, WebhookCommand,
    change::{Change, Event},
    conversation::ConversationKey,
    group::Group,
    message::{Content, Draft},
    webhook::{Call, Slot},
};

use super::{CallExt as _, Line, MessageVerdict, group::MemberAccount};
use crate::{
    app::App,
    command::Caller,
    delivery::place,
    error::Error,
    wire::{BodyLimits, item},
};

/// A message as most commands tell it; each leaves out what it does not know.
#[derive(Default, Serialize)]
struct Payload<'a> {
    #[serde(rename = "GroupId")]
    group: &'a str,
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    type_name: Option<String>,
    #[serde(rename = "TopicId", skip_serializing_if = "Option::is_none")]
    topic: Option<&'a TopicId>,
    #[serde(rename = "From_Account")]
    from: &'a str,
    #[serde(rename = "Operator_Account")]
    operator: &'a str,
    #[serde(rename = "Random")]
    random: u32,
    #[serde(rename = "MsgId", skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "MsgSeq", skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(rename = "MsgTime", skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    #[serde(rename = "OnlineOnlyFlag", skip_serializing_if = "Option::is_none")]
    online_only: Option<u32>,
    #[serde(rename = "MsgBody")]
    body: Option<&'a RawValue>,
    #[serde(rename = "CloudCustomData", skip_serializing_if = "Option::is_none")]
    cloud_custom_data: Option<&'a str>,
    #[serde(rename = "GroupAtInfo", skip_serializing_if = "Option::is_none")]
    mentions: Option<&'a RawValue>,
    /// Vendor: both names, by edition.
    #[serde(rename = "AtRobots_Account", skip_serializing_if = "<[_]>::is_empty")]
    robots: &'a [&'a UserId],
    #[serde(rename = "AtRobotAccount", skip_serializing_if = "<[_]>::is_empty")]
    robots_too: &'a [&'a UserId],
    #[serde(rename = "ErrorCode", skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
    #[serde(rename = "ErrorInfo", skip_serializing_if = "Option::is_none")]
    info: Option<&'a str>,
}

/// What a draft says.
fn elements(draft: &Draft) -> Option<&RawValue> {
    match &draft.content {
        Content::Elements(elements) => Some(item::elements(elements)),
        Content::Tip(_) => None,
    }
}

/// A message of a group on its way, for the calls about it.
pub struct Outgoing<'a> {
    caller: &'a Caller,
    group: &'a Group,
    type_name: String,
    id: String,
}

impl<'a> Outgoing<'a> {
    /// The message; none when the app listens to nothing that becomes of it.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn of(app: &App, caller: &'a Caller, group: &'a Group, draft: &Draft) -> Result<Option<Self>, Error> {
        let webhooks = app.webhooks();
        if !OF_SENDS.iter().any(|command| webhooks.wants(*command)) {
            return Ok(None);
        }
        let sender = match draft.sender.user() {
            Some(user) => app.store().account(app.id(), user).await?,
            None => None,
        };
        let tiny_id = sender.map_or_else(String::new, |sender| sender.tiny_id.to_string());
        Ok(Some(Self { caller, group, type_name: app.type_name(group), id: item::message_id(&tiny_id, draft) }))
    }

    fn payload<'b>(&'b self, draft: &'b Draft) -> Payload<'b> {
        let topic = match &draft.conversation {
            ConversationKey::Topic(topic) => Some(topic),
            ConversationKey::Group(_) | ConversationKey::Direct(..) => None,
        };
        Payload {
            group: self.group.id.as_str(),
            type_name: Some(self.type_name.clone()),
            topic,
            from: draft.sender.user().map_or(item::SYSTEM_ACCOUNT, UserId::as_str),
            operator: self.caller.user.as_str(),
            random: draft.random,
            id: Some(self.id.clone()),
            online_only: Some(u32::from(draft.options.online_only)),
            body: elements(draft),
            cloud_custom_data: draft.cloud_custom_data.as_deref().filter(|data| !data.is_empty()),
            ..Payload::default()
        }
    }

    /// Asks whether the message may be sent, and as what. A suppressed question is not asked.
    ///
    /// # Errors
    /// As [`Webhooks::ask_message`](super::Webhooks::ask_message).
    pub async fn before_send(&self, app: &App, draft: &Draft, limits: BodyLimits) -> Result<MessageVerdict, Error> {
        if draft.options.no_before_webhook {
            return Ok(MessageVerdict::AsIs);
        }
        let payload = self.payload(draft);
        app.webhooks().ask_message(WebhookCommand::GroupBeforeSend, self.caller, &payload, draft, limits).await
    }

    /// Tells that the message was sent, with its number where it is known before it is stored; to the robots it mentions too.
    /// `robots` are those of them that are in the group.
    #[must_use]
    pub fn sent(&self, app: &App, draft: &Draft, seq: Option<u64>, robots: &[&UserId]) -> Vec<Call> {
        let webhooks = app.webhooks();
        let line = Line::Conversation(&draft.conversation);
        let mentions = draft.options.mentions.raw.as_deref().map(item::elements);
        let payload = || Payload { seq, time: Some(draft.time), mentions, ..self.payload(draft) };
        let mut calls = Vec::new();
        if !draft.options.no_after_webhook {
            calls.extend(webhooks.tell(WebhookCommand::GroupAfterSend, line, self.caller, payload));
        }
        // Robots do not hear each other: two of them would never stop talking.
        let is_robot = draft.sender.user().is_some_and(UserId::is_robot);
        if !robots.is_empty() && !is_robot {
            calls.extend(webhooks.tell(WebhookCommand::BotGroupMessage, line, self.caller, || Payload {
                robots,
                robots_too: robots,
                ..payload()
            }));
        }
        if seq.is_none() {
            calls = calls.into_iter().map(|call| call.with("MsgSeq", Slot::Seq(0))).collect();
        }
        calls
    }

    /// Tells that a message which asks for receipts was sent: nobody confirmed it yet. Its number comes with the commit.
    #[must_use]
    pub fn receipts_open(&self, app: &App, draft: &Draft) -> Option<Call> {
        if !draft.options.need_receipt {
            return None;
        }
        let line = Line::Conversation(&draft.conversation);
        let call = app.webhooks().tell(WebhookCommand::AfterReadReceipt, line, self.caller, || Receipts {
            group: &self.group.id,
            type_name: self.type_name.clone(),
            receipts: None,
        })?;
        let unread = draft.options.receipt_audience;
        let entry = format!(r#","ReadNum":0,"UnreadNum":{unread},"ReadReceiptMembers":[]}}]}}"#);
        Some(Call { body: call.body.open(r#","GroupMsgReceiptList":[{"MsgSeq":"#, Slot::Seq(0), &entry), ..call })
    }
}

const OF_SENDS: [WebhookCommand; 4] = [
    WebhookCommand::GroupBeforeSend,
    WebhookCommand::GroupAfterSend,
    WebhookCommand::BotGroupMessage,
    WebhookCommand::AfterReadReceipt,
];

#[derive(Serialize)]
struct Receipts<'a> {
    #[serde(rename = "GroupId")]
    group: &'a GroupId,
    #[serde(rename = "Type")]
    type_name: String,
    #[serde(rename = "GroupMsgReceiptList", skip_serializing_if = "Option::is_none")]
    receipts: Option<Vec<Receipt<'a>>>,
}

/// How far a message was read.
#[derive(Debug, Serialize)]
pub struct Receipt<'a> {
    /// Its number.
    #[serde(rename = "MsgSeq")]
    pub seq: u64,
    /// How many confirmed by now.
    #[serde(rename = "ReadNum")]
    pub read: u64,
    /// How many did not yet.
    #[serde(rename = "UnreadNum")]
    pub unread: u64,
    /// Who confirmed now.
    #[serde(rename = "ReadReceiptMembers")]
    pub members: Vec<MemberAccount<'a>>,
}

/// Tells that members confirmed to have read messages.
#[must_use]
pub fn receipts(app: &App, caller: &Caller, group: &Group, receipts: Vec<Receipt<'_>>, change: Change) -> Change {
    if receipts.is_empty() {
        return change;
    }
    let call = app.webhooks().tell(WebhookCommand::AfterReadReceipt, Line::Group(&group.id), caller, || Receipts {
        group: &group.id,
        type_name: app.type_name(group),
        receipts: Some(receipts),
    });
    change.calls(call)
}

/// What is known of a message that was not sent.
pub struct Stopped<'a> {
    /// Where it was to go.
    pub group: &'a GroupId,
    /// To which topic.
    pub topic: Option<&'a TopicId>,
    /// Whose it was.
    pub from: &'a UserId,
    /// The sender's dice.
    pub random: u32,
    /// The moment of sending, by the sender's clock; 0 when that said nothing.
    pub client_time: i64,
    /// Whether it was asked to be for those online only.
    pub online_only: bool,
    /// What it said.
    pub body: &'a RawValue,
    /// The sender's data.
    pub cloud_custom_data: Option<&'a str>,
}

/// Tells that a message was stopped by anything but the backend itself.
pub async fn exception(app: &App, caller: &Caller, stopped: &Stopped<'_>, code: u32, info: &str) {
    let command = WebhookCommand::SendMsgException;
    if !app.webhooks().wants(command) {
        return;
    }
    let group = app.store().group(app.id(), stopped.group).await.unwrap_or_default();
    let sender = app.store().account(app.id(), stopped.from).await.unwrap_or_default();
    let time = if stopped.client_time > 0 { stopped.client_time } else { app.now().0 };
    let id = sender.map(|sender| item::message_id_of(&sender.tiny_id.to_string(), time, stopped.random));
    // Groups that know no such messages tell all their messages as stored ones.
    let online_only = stopped.online_only && group.as_ref().is_none_or(|group| app.policy_of(group).online_only_msgs);
    let line = match stopped.topic {
        Some(topic) => Line::Topic(topic),
        None => Line::Group(stopped.group),
    };
    let call = app.webhooks().tell(command, line, caller, || Payload {
        group: stopped.group.as_str(),
        type_name: group.map(|group| app.type_name(&group)),
        topic: stopped.topic,
        from: stopped.from.as_str(),
        operator: caller.user.as_str(),
        random: stopped.random,
        id,
        online_only: Some(u32::from(online_only)),
        body: Some(stopped.body),
        cloud_custom_data: stopped.cloud_custom_data.filter(|data| !data.is_empty()),
        code: Some(code),
        info: Some(info),
        ..Payload::default()
    });
    super::group::tell_now(app, call).await;
}

#[derive(Serialize)]
struct Recalled<'a> {
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "Type")]
    type_name: String,
    #[serde(rename = "GroupId")]
    group: &'a GroupId,
    #[serde(rename = "TopicId", skip_serializing_if = "Option::is_none")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgSeqList")]
    seqs: Vec<RecalledSeq>,
}

#[derive(Serialize)]
struct RecalledSeq {
    #[serde(rename = "MsgSeq")]
    seq: u64,
}

/// Tells of the messages that the change recalls.
#[must_use]
pub fn recalled(app: &App, caller: &Caller, group: &Group, change: Change) -> Change {
    let mut calls = Vec::new();
    for event in &change.events {
        let Event::Recalled { conversation, seqs, .. } = event else { continue };
        let Some((id, topic)) = place(conversation) else { continue };
        let line = Line::Conversation(conversation);
        calls.extend(app.webhooks().tell(WebhookCommand::AfterRecallMsg, line, caller, || Recalled {
            operator: &caller.user,
            type_name: app.type_name(group),
            group: &id,
            topic,
            seqs: seqs.iter().map(|seq| RecalledSeq { seq: *seq }).collect(),
        }));
    }
    change.calls(calls)
}

/// Tells of the message that the change overwrites.
#[must_use]
pub fn edited(app: &App, caller: &Caller, group: &Group, change: Change) -> Change {
    let mut calls = Vec::new();
    for event in &change.events {
        let Event::Edited { conversation, seq, before, elements, cloud_custom_data, by, .. } = event else { continue };
        let Some((_, topic)) = place(conversation) else { continue };
        let line = Line::Conversation(conversation);
        calls.extend(app.webhooks().tell(WebhookCommand::GroupAfterModify, line, caller, || Payload {
            group: group.id.as_str(),
            type_name: Some(app.type_name(group)),
            topic: topic.as_ref(),
            from: before.sender.user().map_or(item::SYSTEM_ACCOUNT, UserId::as_str),
            operator: by.as_str(),
            random: before.random,
            seq: Some(*seq),
            time: Some(before.time),
            body: Some(item::elements(elements)),
            cloud_custom_data: cloud_custom_data.as_deref().filter(|data| !data.is_empty()),
            ..Payload::default()
        }));
    }
    change.calls(calls)
}
