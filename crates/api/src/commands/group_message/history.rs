//! Reads stored messages: pages of clients, and pages of backends.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{
    GroupId, TopicId, UserId,
    conversation::ConversationKey,
    message::{
        Content, Message,
        history::{Sight, Window},
    },
};

use super::{scene_of_line, sight_of};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode, delivery,
    error::Error,
    error_code::ErrorCode,
    wire::{
        item::{Body, SYSTEM_ACCOUNT},
        shown::Shown,
    },
};

/// Most numbers of one page of a client; the Web SDK asks for 21.
const PAGE: u64 = 100;
/// Most single messages that one call of a client names.
const NAMED: usize = 100;

/// A page of a group's or topic's messages as the caller sees it, newest first, or single messages by their numbers. Gateway;
/// needs `Action::ReadHistory`.
/// Limits: a page holds at most 100 numbers, a list of numbers at most 100.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupTypeWithoutHistory`, `GroupBadParameter`.
/// Spec: docs/spec/websocket-protocol.md#11
#[derive(Debug, Deserialize)]
pub struct GetHistory {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "ReqMsgNumber", default = "usual_page")]
    count: u64,
    #[serde(rename = "ReqMsgSeq", default)]
    top: u64,
    #[serde(rename = "WithRecalledMsg", default, deserialize_with = "decode::flag")]
    with_recalled: bool,
    /// Present when single messages are wanted (`GetType` 3).
    #[serde(rename = "ReqMsgSeqList", default)]
    numbers: Vec<u64>,
}

fn usual_page() -> u64 {
    20
}

/// A page for a client.
#[derive(Debug, Serialize)]
pub struct HistoryPage {
    #[serde(rename = "GroupId")]
    group: GroupId,
    /// 1: these are the messages of the window; 2: neither they nor older ones are kept any longer.
    #[serde(rename = "IsFinished")]
    is_finished: u32,
    /// Where the next older page ends; 0: this was the last one.
    #[serde(rename = "NextReqMsgSeq")]
    next: u64,
    /// Numbers of the window that the caller may not see, newest first.
    #[serde(rename = "InvisibleMsgSeq")]
    invisible: Vec<u64>,
    #[serde(rename = "RspMsgList")]
    messages: Vec<Box<RawValue>>,
}

impl Command for GetHistory {
    const ROUTE: Route = Route::socket("group_open_http_svc", "group_msg_get", "docs/spec/websocket-protocol.md#11");
    type Reply = HistoryPage;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<HistoryPage, Error> {
        if self.count == 0 {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`ReqMsgNumber` is 0"));
        }
        if self.numbers.len() > NAMED {
            let text = format!("`ReqMsgSeqList` has more than {NAMED} entries");
            return Err(Error::new(ErrorCode::GroupBadParameter, text));
        }
        let (scene, line) = scene_of_line(app, &self.group, self.topic.as_ref(), caller, &caller.user).await?;
        let sight = sight_of(app, &scene, &line).await?;
        let (stored, is_finished, next) = if self.numbers.is_empty() {
            let newest = app.store().read().position(app.id(), &line).await?.last_seq;
            let window = Window::up_to(self.top, self.count.min(PAGE), newest, sight.first());
            let stored = in_window(app, &line, window.within(newest)).await?;
            if stored.is_empty() && !window.within(newest).is_empty() {
                // Numbers were given out there, and nothing is kept of them: what is older is gone too.
                (stored, 2, 0)
            } else {
                (stored, 1, window.older(newest, sight.first()))
            }
        } else {
            (by_number(app, &line, self.numbers.clone()).await?, 1, 0)
        };
        let deleted = deleted_among(app, &line, &caller.user, &stored).await?;
        let is_seen = |message: &Message| sight.shows(message) && deleted.binary_search(&message.seq).is_err();
        let (visible, hidden): (Vec<_>, Vec<_>) = stored.into_iter().partition(is_seen);
        let (_, face) = delivery::group_face(app, &self.group, self.topic.as_ref()).await?;
        let drafts = visible.iter().map(|message| message.draft.as_ref());
        let shown = Shown::with(app.store(), app.id(), &self.group, drafts).await?;
        Ok(HistoryPage {
            group: self.group,
            is_finished,
            next,
            invisible: hidden.iter().map(|message| message.seq).collect(),
            messages: visible.iter().map(|message| shown.item_json(message, &face, self.with_recalled)).collect(),
        })
    }
}

/// Numbers of the messages that the user deleted from their own view, ascending.
async fn deleted_among(
    app: &App,
    line: &ConversationKey,
    user: &UserId,
    messages: &[Message],
) -> Result<Vec<u64>, Error> {
    let (Some(newest), Some(oldest)) = (messages.first(), messages.last()) else { return Ok(Vec::new()) };
    Ok(app.store().read().hidden(app.id(), line, user, oldest.seq, newest.seq).await?)
}

/// The messages of a window, newest first.
async fn in_window(app: &App, line: &ConversationKey, window: Window) -> Result<Vec<Message>, Error> {
    if window.is_empty() {
        return Ok(Vec::new());
    }
    Ok(app.store().read().history(app.id(), line, window.low, window.high).await?)
}

/// The messages with these numbers, newest first.
async fn by_number(app: &App, line: &ConversationKey, mut numbers: Vec<u64>) -> Result<Vec<Message>, Error> {
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.dedup();
    let mut found = Vec::with_capacity(numbers.len());
    for seq in numbers {
        found.extend(app.store().read().message(app.id(), line, seq).await?);
    }
    Ok(found)
}

/// A page of a group's or topic's messages as they are stored, newest first, whoever may see them. REST.
/// Limits: at most `limits.history.group_page` messages (20).
/// Errors: `GroupNotFound`, `GroupNotAllowed` where nothing is stored, `GroupBadParameter`.
/// Spec: docs/spec/rest-groups.md#3.4
#[derive(Debug, Deserialize)]
pub struct GetHistorySimple {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "ReqMsgNumber")]
    count: u64,
    #[serde(rename = "ReqMsgSeq", default)]
    top: u64,
    #[serde(rename = "WithRecalledMsg", default, deserialize_with = "decode::flag")]
    with_recalled: bool,
}

/// A page for a backend.
#[derive(Debug, Serialize)]
pub struct SimplePage {
    #[serde(rename = "GroupId")]
    group: GroupId,
    /// 1: all that was asked for; 0: less, ask again below it; 2: as 0, and nothing of it is kept any longer.
    #[serde(rename = "IsFinished")]
    is_finished: u32,
    #[serde(rename = "RspMsgList")]
    messages: Vec<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct SimpleItem<'a> {
    #[serde(rename = "From_Account")]
    from: &'a str,
    /// 0: a message; 1: a number of which nothing is kept; 2: withdrawn.
    #[serde(rename = "IsPlaceMsg")]
    place: u32,
    #[serde(rename = "IsSystemMsg", skip_serializing_if = "Option::is_none")]
    system: Option<u32>,
    #[serde(rename = "MsgBody")]
    body: Body<'a>,
    #[serde(rename = "MsgPriority")]
    priority: u32,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "MsgTimeStamp")]
    time: i64,
    #[serde(rename = "MsgVersion", skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    #[serde(rename = "CloudCustomData", skip_serializing_if = "Option::is_none")]
    cloud_custom_data: Option<&'a str>,
    #[serde(rename = "TopicId", skip_serializing_if = "Option::is_none")]
    topic: Option<&'a TopicId>,
}

impl<'a> SimpleItem<'a> {
    fn of(message: &'a Message, topic: Option<&'a TopicId>, shown: &'a Shown, with_recalled: bool) -> Self {
        let draft = &message.draft;
        let is_silent = message.recall.is_some() && !with_recalled;
        Self {
            from: draft.sender.user().map_or(SYSTEM_ACCOUNT, UserId::as_str),
            place: if message.recall.is_some() { 2 } else { 0 },
            system: matches!(draft.content, Content::Tip(_)).then_some(1),
            body: if is_silent { Body::empty() } else { Body::of(draft, shown.faces()) },
            priority: draft.priority.number(),
            random: draft.random,
            seq: message.seq,
            time: draft.time.0,
            version: (message.version > 0).then_some(message.version),
            cloud_custom_data: draft.cloud_custom_data.as_deref().filter(|_| !is_silent),
            topic,
        }
    }

    /// A number of which nothing is kept: its message expired or was deleted.
    fn hole(seq: u64, topic: Option<&'a TopicId>) -> Self {
        Self {
            from: "",
            place: 1,
            system: None,
            body: Body::empty(),
            priority: 2,
            random: 0,
            seq,
            time: 0,
            version: None,
            cloud_custom_data: None,
            topic,
        }
    }
}

impl Command for GetHistorySimple {
    const ROUTE: Route = Route::rest("group_open_http_svc", "group_msg_get_simple", "docs/spec/rest-groups.md#3.4");
    type Reply = SimplePage;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<SimplePage, Error> {
        if self.count == 0 {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`ReqMsgNumber` is 0"));
        }
        let (scene, line) = scene_of_line(app, &self.group, self.topic.as_ref(), caller, &caller.user).await?;
        let sight = Sight::of(&scene, &line);
        let sight =
            sight.map_err(|e| Error::from(e).when(ErrorCode::GroupTypeWithoutHistory, ErrorCode::GroupNotAllowed))?;
        let newest = app.store().read().position(app.id(), &line).await?.last_seq;
        // A backend names the highest number it wants, and gets what there is below it.
        let top = if self.top == 0 { newest } else { self.top.min(newest) };
        let most = u64::from(app.settings().limits().history.group_page);
        let asked = Window::up_to(top, self.count, newest, sight.first());
        let window = Window::up_to(top, self.count.min(most), newest, sight.first());
        let stored = in_window(app, &line, window).await?;
        let shown = Shown::with(app.store(), app.id(), &self.group, stored.iter().map(|m| m.draft.as_ref())).await?;
        let mut kept = stored.iter().peekable();
        let messages = (window.low..=window.high).rev().map(|seq| {
            let item = match kept.next_if(|message| message.seq == seq) {
                Some(message) => SimpleItem::of(message, self.topic.as_ref(), &shown, self.with_recalled),
                None => SimpleItem::hole(seq, self.topic.as_ref()),
            };
            serde_json::value::to_raw_value(&item).expect("items are plain data")
        });
        let messages = messages.collect();
        let is_finished = if stored.is_empty() && !window.is_empty() { 2 } else { u32::from(asked == window) };
        Ok(SimplePage { group: self.group, is_finished, messages })
    }
}
