//! Finds messages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tsudoi_domain::{
    GroupId, Scene, Timestamp, TopicId, UserId,
    conversation::ConversationKey,
    message::{Message, history::Sight},
};
use tsudoi_store::search::{MessageQuery, Scope};

use super::{MAX_FOUND, Page, bad, enabled, words};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode::{self, Fault},
    delivery,
    error::Error,
    error_code::ErrorCode,
    gateway::login::visible,
    wire::{faces::Faces, item::DirectItem, shown::Shown},
};

/// Results of a page, unless the client says otherwise.
const USUAL: usize = 100;
/// Most senders that are named.
const MAX_SENDERS: usize = 5;
/// Most one-to-one conversations that are looked through, newest first.
const MAX_PEERS: usize = 1000;
/// Messages that are taken up before a search, at a time and in all.
const BATCH: usize = 2000;
const BATCHES: usize = 50;

/// Finds messages that the caller may read, by words, senders, types and time; in one conversation, or in all. Recalled messages, and
/// those the caller deleted, are not found. Gateway only.
/// Units: seconds. Limits: 5 words, 5 senders, pages of 100; the newest 2,000 hits. Errors: `SearchBadParameter`, `GroupNotAllowed`,
/// `GroupNotFound`, `RestAppSuspended` when switched off.
/// Spec: docs/spec/websocket-protocol.md#25
#[derive(Debug, Deserialize)]
pub struct SearchMessages {
    #[serde(rename = "KeywordList", default)]
    words: Vec<String>,
    #[serde(rename = "MatchType", default)]
    match_type: String,
    #[serde(rename = "PeerAccount", default, deserialize_with = "decode::non_empty")]
    peer: Option<UserId>,
    #[serde(rename = "GroupID", alias = "GroupId", default)]
    group: String,
    #[serde(rename = "SendUserIDList", default)]
    senders: Vec<UserId>,
    #[serde(rename = "MsgTypeList", default)]
    kinds: Vec<String>,
    #[serde(rename = "StartTime")]
    from: Option<i64>,
    #[serde(rename = "EndTime")]
    until: Option<i64>,
    #[serde(flatten)]
    page: Page,
}

/// What was found, by conversation.
#[derive(Debug, Serialize)]
pub struct Hits {
    /// Conversations with hits; within one conversation, its hits.
    #[serde(rename = "TotalCount")]
    total: usize,
    #[serde(rename = "Cursor")]
    cursor: String,
    #[serde(rename = "ConversationMsgs")]
    conversations: Vec<ConversationHits>,
}

#[derive(Debug, Serialize)]
struct ConversationHits {
    #[serde(rename = "GroupID", skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(rename = "UserID", skip_serializing_if = "Option::is_none")]
    peer: Option<UserId>,
    #[serde(rename = "Count")]
    count: usize,
    #[serde(rename = "LastMsgTime")]
    last_time: Timestamp,
    /// Newest first. Among several conversations only what is the one hit of its conversation is shown.
    #[serde(rename = "MessageList")]
    messages: Vec<Box<RawValue>>,
}

/// A part of what the caller may read.
struct Readable {
    scope: Scope,
    /// Who sees what in a group; between two people the scope says it all.
    sight: Option<Sight>,
}

impl Command for SearchMessages {
    const ROUTE: Route = Route::socket("message_search", "query", "docs/spec/websocket-protocol.md#25");
    type Reply = Hits;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Hits, Error> {
        enabled(app)?;
        let words = words("KeywordList", self.words, self.match_type == "and")?;
        if words.words.is_empty() && self.senders.is_empty() && self.kinds.is_empty() {
            return Err(bad("`KeywordList`, `SendUserIDList` and `MsgTypeList` are empty"));
        }
        if self.senders.len() > MAX_SENDERS {
            return Err(bad(format!("`SendUserIDList` has more than {MAX_SENDERS} entries")));
        }
        // 1. What the caller may read.
        let readable = match (&self.peer, self.group.as_str()) {
            (Some(peer), _) => one_to_one(app, &caller.user, Some(peer)).await?,
            (None, "") => everything(app, caller).await?,
            (None, group) => in_group(app, caller, group).await?,
        };
        let is_single = self.peer.is_some() || !self.group.is_empty();
        // 2. What is found there.
        for _ in 0..BATCHES {
            if !app.store().read().index_messages(BATCH).await? {
                break;
            }
        }
        let query = MessageQuery {
            reader: caller.user.clone(),
            scopes: readable.iter().map(|part| part.scope.clone()).collect(),
            words,
            senders: self.senders,
            kinds: self.kinds,
            from: Timestamp(self.from.unwrap_or(0)),
            until: Timestamp(self.until.filter(|until| *until > 0).unwrap_or(i64::MAX)),
            limit: MAX_FOUND,
        };
        let mut found = app.store().read().search_messages(app.id(), Arc::new(query)).await?;
        found.retain(|message| {
            let part = readable.iter().find(|part| part.scope.0 == message.draft.conversation);
            part.is_some_and(|part| part.sight.as_ref().is_none_or(|sight| sight.shows(message)))
        });
        // 3. A page of it.
        if is_single {
            let total = found.len();
            let (page, cursor) = self.page.of(found, USUAL)?;
            let conversations = if page.is_empty() { Vec::new() } else { vec![shown(app, caller, &page, true).await?] };
            return Ok(Hits { total, cursor, conversations });
        }
        let mut by_conversation: Vec<Vec<Message>> = Vec::new();
        for message in found {
            let same = |hits: &&mut Vec<Message>| hits[0].draft.conversation == message.draft.conversation;
            match by_conversation.iter_mut().find(same) {
                Some(hits) => hits.push(message),
                None => by_conversation.push(vec![message]),
            }
        }
        let total = by_conversation.len();
        let (page, cursor) = self.page.of(by_conversation, USUAL)?;
        let mut conversations = Vec::with_capacity(page.len());
        for hits in &page {
            conversations.push(shown(app, caller, hits, hits.len() == 1).await?);
        }
        Ok(Hits { total, cursor, conversations })
    }

    fn bad_field(_: &str, _: Fault) -> Option<ErrorCode> {
        Some(ErrorCode::SearchBadParameter)
    }
}

/// The caller's conversations with others, or with one of them.
async fn one_to_one(app: &App, user: &UserId, peer: Option<&UserId>) -> Result<Vec<Readable>, Error> {
    let views = match peer {
        Some(peer) => app.store().read().direct_view(app.id(), user, peer).await?.into_iter().collect(),
        None => app.store().read().direct_views(app.id(), user, Timestamp(0), MAX_PEERS).await?,
    };
    let readable = |view: tsudoi_domain::conversation::DirectView| Readable {
        scope: (ConversationKey::direct(user, &view.peer), view.cleared_seq + 1),
        sight: None,
    };
    Ok(views.into_iter().map(readable).collect())
}

/// A group, or a topic.
async fn in_group(app: &App, caller: &Caller, id: &str) -> Result<Vec<Readable>, Error> {
    let topic = TopicId::parse(id).ok();
    let group = match &topic {
        Some(topic) => GroupId::trusted(topic.group()),
        None => GroupId::parse(id).map_err(|error| bad(format!("`GroupID`: {error}")))?,
    };
    let scene = app.scene(&group, caller, &caller.user).await?;
    let conversation = topic.map_or(ConversationKey::Group(group), ConversationKey::Topic);
    Ok(vec![part(&scene, conversation)?])
}

fn part(scene: &Scene, conversation: ConversationKey) -> Result<Readable, Error> {
    let sight = Sight::of(scene, &conversation)?;
    Ok(Readable { scope: (conversation, sight.first()), sight: Some(sight) })
}

async fn everything(app: &App, caller: &Caller) -> Result<Vec<Readable>, Error> {
    let mut readable = one_to_one(app, &caller.user, None).await?;
    for joined in app.store().read().joined(app.id(), &caller.user).await?.into_iter().filter(visible) {
        let scene = app.scene_of(joined.group.clone(), caller, &caller.user).await?;
        let mut lines = vec![ConversationKey::Group(joined.group.id.clone())];
        if joined.group.support_topic {
            let topics = app.store().read().topics(app.id(), &joined.group.id, None).await?;
            lines.extend(topics.into_iter().map(|entry| ConversationKey::Topic(entry.topic.id.clone())));
        }
        // What a member may not read is left out.
        readable.extend(lines.into_iter().filter_map(|line| part(&scene, line).ok()));
    }
    Ok(readable)
}

/// The hits of one conversation, as the client takes its history.
async fn shown(app: &App, caller: &Caller, hits: &[Message], with_messages: bool) -> Result<ConversationHits, Error> {
    let newest = &hits[0].draft;
    let mut shown =
        ConversationHits { group: None, peer: None, count: hits.len(), last_time: newest.time, messages: Vec::new() };
    let Some((group, topic)) = delivery::place(&newest.conversation) else {
        if let ConversationKey::Direct(one, other) = &newest.conversation {
            shown.peer = Some(if *one == caller.user { other.clone() } else { one.clone() });
        }
        if with_messages {
            let senders = hits.iter().filter_map(|message| message.draft.sender.user().cloned()).collect();
            let faces = Faces::of(app.store(), app.id(), senders).await?;
            let item = |message: &Message| {
                to_raw_value(&DirectItem::stored(message, &faces).with_id(&message.draft)).expect("plain data")
            };
            shown.messages = hits.iter().map(item).collect();
        }
        return Ok(shown);
    };
    shown.group = Some(topic.as_ref().map_or_else(|| group.to_string(), ToString::to_string));
    if with_messages {
        let (_, face) = delivery::group_face(app, &group, topic.as_ref()).await?;
        let drafts = hits.iter().map(|message| message.draft.as_ref());
        let items = Shown::with(app.store(), app.id(), &group, drafts).await?;
        shown.messages = hits.iter().map(|message| items.item_json(message, &face, false)).collect();
    }
    Ok(shown)
}
