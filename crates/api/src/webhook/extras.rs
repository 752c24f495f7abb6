//! Calls about what members add to messages (docs/spec/webhooks.md#7.6, #9.5, #9.6).

use serde::Serialize;
use tsudoi_domain::{
    GroupId, TopicId, UserId,
    change::{Change, Event},
    message::{extend::Done, extras::Pair, receipt},
};

use super::{
    Line, WebhookCommand,
    group::accounts,
    message::{Receipt, receipts},
};
use crate::{app::App, command::Caller, delivery::place, wire::item};

#[derive(Serialize)]
struct Extended<'a> {
    #[serde(rename = "GroupId", skip_serializing_if = "Option::is_none")]
    group: Option<&'a GroupId>,
    #[serde(rename = "TopicId", skip_serializing_if = "Option::is_none")]
    topic: Option<&'a TopicId>,
    #[serde(rename = "MsgSeq", skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(rename = "From_Account", skip_serializing_if = "Option::is_none")]
    from: Option<&'a UserId>,
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    to: Option<&'a UserId>,
    #[serde(rename = "MsgKey", skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(rename = "OperateType")]
    operation: u32,
    #[serde(rename = "ExtensionList")]
    pairs: Vec<ExtendedPair<'a>>,
    #[serde(rename = "Seq")]
    latest: u64,
}

#[derive(Serialize)]
struct ExtendedPair<'a> {
    #[serde(rename = "Key")]
    key: &'a str,
    #[serde(rename = "Value")]
    value: &'a str,
    #[serde(rename = "Seq")]
    version: u64,
}

impl<'a> From<&'a Pair> for ExtendedPair<'a> {
    fn from(pair: &'a Pair) -> Self {
        Self { key: &pair.key, value: &pair.value, version: pair.version }
    }
}

/// Tells of the key-values that the change writes.
#[must_use]
pub fn extended(app: &App, caller: &Caller, change: Change) -> Change {
    let mut calls = Vec::new();
    for event in &change.events {
        let Event::Extended { seq, message, pairs, done, latest } = event else { continue };
        let base = || Extended {
            group: None,
            topic: None,
            seq: None,
            from: None,
            to: None,
            key: None,
            operation: match done {
                Done::Set => 1,
                Done::Deleted => 2,
                Done::Cleared => 3,
            },
            pairs: pairs.iter().map(Into::into).collect(),
            latest: *latest,
        };
        let line = Line::Conversation(&message.conversation);
        calls.extend(match place(&message.conversation) {
            Some((group, topic)) => app.webhooks().tell(WebhookCommand::AfterGroupMsgExtension, line, caller, || {
                Extended { group: Some(&group), topic: topic.as_ref(), seq: Some(*seq), ..base() }
            }),
            None => app.webhooks().tell(WebhookCommand::C2cAfterExtension, line, caller, || {
                let (from, to) = item::direction(message);
                Extended { from: Some(from), to: Some(to), key: Some(message.msg_key().to_string()), ..base() }
            }),
        });
    }
    change.calls(calls)
}

/// Tells of the messages of a group that the change says to be read; `readers` is how many had read each before.
#[must_use]
pub fn confirmed(
    app: &App,
    caller: &Caller,
    group: &tsudoi_domain::group::Group,
    readers: impl Fn(u64) -> u64,
    change: Change,
) -> Change {
    let events = change.events.clone();
    let mut confirmed = Vec::new();
    for event in &events {
        let Event::Receipts { reader, messages, .. } = event else { continue };
        confirmed.extend(messages.iter().map(|message| (reader, message)));
    }
    let list = confirmed.into_iter().map(|(reader, message)| {
        let (read, unread) = receipt::counts(&message.draft, readers(message.seq) + 1);
        Receipt { seq: message.seq, read, unread, members: accounts([reader]) }
    });
    receipts(app, caller, group, list.collect(), change)
}
