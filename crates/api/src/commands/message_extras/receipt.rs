//! Read receipts of single messages.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Action, Denied, GroupId, Scene, Timestamp, TopicId, UserId,
    conversation::ConversationKey,
    message::{
        Message, MsgKey,
        history::Sight,
        receipt::{self, Reported},
    },
};

use super::{check_len, msg_key, numbers};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    commands::group_message::line_of,
    decode,
    error::Error,
    error_code::ErrorCode,
    webhook,
};

/// Lets pass where receipts are switched on.
fn require_feature(app: &App) -> Result<(), Denied> {
    if app.settings().features.group_read_receipt {
        return Ok(());
    }
    Err(Denied::FeatureOff("the read receipt of groups"))
}

/// A member has read messages of a group; their senders are told. Messages that keep no receipts, one's own, and unknown numbers are
/// passed over; unread numbers stay. REST and gateway; needs `Action::UseReceipts`, a backend names the reader, who is a member.
/// Limits: `limits.receipt.batch` messages. Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`, `GroupBadParameter`,
/// `GroupTooManyAccounts`.
/// Spec: docs/spec/rest-groups.md#3.9, docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct ReportReceipts {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "From_Account")]
    reader: Option<UserId>,
    #[serde(rename = "MsgSeqList", deserialize_with = "numbers")]
    seqs: Vec<u64>,
}

impl Command for ReportReceipts {
    const ROUTE: Route = Route::both("group_open_http_svc", "group_msg_receipt", "docs/spec/rest-groups.md#3.9");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let most = app.settings().limits().receipt.batch as usize;
        check_len("MsgSeqList", self.seqs.len(), most, ErrorCode::GroupTooManyAccounts)?;
        if caller.is_app_admin() && self.reader.is_none() {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`From_Account` is missing"));
        }
        let reader = caller.acting_for(self.reader.as_ref());
        let (scene, line) = scene_of_receipts(app, &self.group, self.topic.as_ref(), caller, &reader).await?;
        require_feature(app)?;
        let known = app.store().read().read_by(app.id(), &line, &reader, &self.seqs).await?;
        let (mut reported, mut readers) = (Vec::with_capacity(self.seqs.len()), HashMap::new());
        for seq in self.seqs {
            let before = app.store().read().readers(app.id(), &line, seq).await?.len();
            readers.insert(seq, before as u64);
            let message = app.store().read().message(app.id(), &line, seq).await?;
            reported.push(Reported { message, known: known.contains(&seq) });
        }
        let change = receipt::report(&scene, &line, reported)?;
        let before = |seq| readers.get(&seq).copied().unwrap_or_default();
        app.commit(webhook::extras::confirmed(app, caller, &scene.group, before, change)).await?;
        Ok(Done {})
    }
}

/// How many have read messages of a group and how many have not: together those who were to read each when it was sent. REST and
/// gateway; needs `Action::UseReceipts`.
/// Limits: `limits.receipt.batch` messages. Errors: those of `ReportReceipts`; `GroupReceiptNotFound` per message.
/// Spec: docs/spec/rest-groups.md#3.10, docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct GetReceipts {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgSeqList", deserialize_with = "numbers")]
    seqs: Vec<u64>,
}

/// Counts of readers.
#[derive(Debug, Serialize)]
pub struct Receipts {
    #[serde(rename = "GroupMsgReceiptList")]
    receipts: Vec<Receipt>,
}

#[derive(Debug, Serialize)]
struct Receipt {
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "Code")]
    code: u32,
    #[serde(rename = "ReadNum")]
    read: u64,
    #[serde(rename = "UnreadNum")]
    unread: u64,
}

impl Command for GetReceipts {
    const ROUTE: Route = Route::both("group_open_http_svc", "get_group_msg_receipt", "docs/spec/rest-groups.md#3.10");
    type Reply = Receipts;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Receipts, Error> {
        let most = app.settings().limits().receipt.batch as usize;
        check_len("MsgSeqList", self.seqs.len(), most, ErrorCode::GroupTooManyAccounts)?;
        let (scene, line) = scene_of_receipts(app, &self.group, self.topic.as_ref(), caller, &caller.user).await?;
        require_feature(app)?;
        let mut receipts = Vec::with_capacity(self.seqs.len());
        for seq in self.seqs {
            receipts.push(match kept(app, &scene, &line, seq).await {
                Ok(message) => {
                    let readers = app.store().read().readers(app.id(), &line, seq).await?.len();
                    let (read, unread) = receipt::counts(&message.draft, readers as u64);
                    Receipt { seq, code: 0, read, unread }
                }
                Err(error) if error.code() == ErrorCode::GroupReceiptNotFound.number() => {
                    Receipt { seq, code: error.code(), read: 0, unread: 0 }
                }
                Err(error) => return Err(error),
            });
        }
        Ok(Receipts { receipts })
    }
}

/// As [`line_of`], where the type knows receipts and the caller may use them.
async fn scene_of_receipts(
    app: &App,
    group: &GroupId,
    topic: Option<&TopicId>,
    caller: &Caller,
    user: &UserId,
) -> Result<(Scene, ConversationKey), Error> {
    let scene = app.scene(group, caller, user).await?;
    scene.require(Action::UseReceipts, "use read receipts")?;
    line_of(app, scene, topic).await
}

/// A message that keeps receipts, as the caller sees it.
async fn kept(app: &App, scene: &Scene, line: &ConversationKey, seq: u64) -> Result<Message, Error> {
    let sight = Sight::of(scene, line)?;
    let message = app.store().read().message(app.id(), line, seq).await?;
    let message = message.filter(|message| message.draft.options.need_receipt && sight.shows(message));
    message.ok_or_else(|| {
        Error::new(ErrorCode::GroupReceiptNotFound, format!("`MsgSeq`: message {seq} keeps no receipts"))
    })
}

/// Who has read a message of a group, or who has not, in pages. REST and gateway; needs `Action::UseReceipts`.
/// Limits: `limits.receipt.page` names a page. Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`, `GroupBadParameter`,
/// `GroupReceiptNotFound`.
/// Spec: docs/spec/rest-groups.md#3.11, docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct GetReceiptDetail {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    /// 0: who has, 1: who has not.
    #[serde(rename = "Filter", alias = "Flag")]
    filter: u32,
    #[serde(rename = "Cursor", default, deserialize_with = "decode::text_or_nothing")]
    cursor: Option<String>,
    #[serde(rename = "Count", alias = "Num")]
    count: usize,
}

/// A page of names.
#[derive(Debug, Serialize)]
pub struct ReceiptDetail {
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "Cursor")]
    cursor: String,
    #[serde(rename = "IsFinish")]
    finished: u32,
    #[serde(rename = "IsFinished")]
    is_finished: u32,
    #[serde(rename = "ReadList", skip_serializing_if = "Option::is_none")]
    read: Option<Vec<Reader>>,
    #[serde(rename = "UnreadList", skip_serializing_if = "Option::is_none")]
    unread: Option<Vec<NonReader>>,
}

#[derive(Debug, Serialize)]
struct Reader {
    #[serde(rename = "Read_Account")]
    user: UserId,
}

#[derive(Debug, Serialize)]
struct NonReader {
    #[serde(rename = "Unread_Account")]
    user: UserId,
}

impl Command for GetReceiptDetail {
    const ROUTE: Route =
        Route::both("group_open_http_svc", "get_group_msg_receipt_detail", "docs/spec/rest-groups.md#3.11");
    type Reply = ReceiptDetail;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<ReceiptDetail, Error> {
        let bad = |text: String| Error::new(ErrorCode::GroupBadParameter, text);
        if self.filter > 1 {
            return Err(bad(format!("`Filter`: {} is neither 0 nor 1", self.filter)));
        }
        if self.count == 0 {
            return Err(bad("`Count` is 0".into()));
        }
        let from: usize = match &self.cursor {
            Some(text) => text.parse().map_err(|_| bad(format!("`Cursor`: `{text}` is none of ours")))?,
            None => 0,
        };
        let (scene, line) = scene_of_receipts(app, &self.group, self.topic.as_ref(), caller, &caller.user).await?;
        require_feature(app)?;
        let message = kept(app, &scene, &line, self.seq).await?;
        let readers = app.store().read().readers(app.id(), &line, self.seq).await?;
        let readers: BTreeSet<UserId> = readers.into_iter().map(|(user, _)| user).collect();
        let named = if self.filter == 0 {
            readers.into_iter().collect()
        } else {
            missing(app, &scene, &message, &readers).await?
        };
        let count = self.count.min(app.settings().limits().receipt.page as usize);
        let end = from.saturating_add(count).min(named.len());
        let page = named.get(from..end).unwrap_or_default().to_vec();
        let finished = end == named.len();
        let reader = |user| Reader { user };
        let non_reader = |user| NonReader { user };
        Ok(ReceiptDetail {
            seq: self.seq,
            cursor: if finished { "0".to_owned() } else { end.to_string() },
            finished: finished.into(),
            is_finished: finished.into(),
            read: (self.filter == 0).then(|| page.iter().cloned().map(reader).collect()),
            unread: (self.filter == 1).then(|| page.into_iter().map(non_reader).collect()),
        })
    }
}

/// Members who were to read a message and have not, in the order of the member list.
async fn missing(
    app: &App,
    scene: &Scene,
    message: &Message,
    readers: &BTreeSet<UserId>,
) -> Result<Vec<UserId>, Error> {
    let (mut missing, mut after) = (Vec::new(), 0);
    loop {
        let (page, next) = app.store().read().member_page(app.id(), &scene.group.id, &[], 0, after, 500).await?;
        let of_page = page.iter().filter(|member| receipt::is_missing(message, readers, member));
        missing.extend(of_page.map(|member| member.user.clone()));
        if next == 0 {
            return Ok(missing);
        }
        after = next;
    }
}

/// Which of the named members have read messages of a group, and when. Gateway; needs `Action::UseReceipts`.
/// Units: seconds. Limits: `limits.receipt.batch` messages, `limits.receipt.page` members each. Errors: those of `GetReceipts`;
/// messages without receipts have no readers.
/// Spec: docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct GetReceiptsByUsers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MemberReadMsgList")]
    questions: Vec<ByUsers>,
}

#[derive(Debug, Deserialize)]
struct ByUsers {
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "MemberList_Account")]
    users: Vec<UserId>,
}

/// Who has read what.
#[derive(Debug, Serialize)]
pub struct ReceiptsByUsers {
    #[serde(rename = "MsgReadList")]
    messages: Vec<ReadersOf>,
}

#[derive(Debug, Serialize)]
struct ReadersOf {
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "ReadList")]
    readers: Vec<ReadAt>,
}

#[derive(Debug, Serialize)]
struct ReadAt {
    #[serde(rename = "Read_Account")]
    user: UserId,
    #[serde(rename = "Read_Time")]
    time: Timestamp,
}

impl Command for GetReceiptsByUsers {
    const ROUTE: Route =
        Route::socket("group_open_http_svc", "get_group_msg_receipts_by_users", "docs/spec/websocket-protocol.md#19");
    type Reply = ReceiptsByUsers;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<ReceiptsByUsers, Error> {
        let limits = app.settings().limits().receipt;
        let too_many = ErrorCode::GroupTooManyAccounts;
        check_len("MemberReadMsgList", self.questions.len(), limits.batch as usize, too_many)?;
        for question in &self.questions {
            check_len("MemberList_Account", question.users.len(), limits.page as usize, too_many)?;
        }
        let (scene, line) = scene_of_receipts(app, &self.group, self.topic.as_ref(), caller, &caller.user).await?;
        require_feature(app)?;
        scene.require(Action::UseReceipts, "read receipts")?;
        let sight = Sight::of(&scene, &line)?;
        let store = app.store().read();
        let mut messages = Vec::with_capacity(self.questions.len());
        for ByUsers { seq, users } in self.questions {
            let message = store.message(app.id(), &line, seq).await?.filter(|message| sight.shows(message));
            let readers = match message {
                Some(_) => store.readers(app.id(), &line, seq).await?,
                None => Vec::new(),
            };
            let named = readers.into_iter().filter(|(user, _)| users.contains(user));
            messages.push(ReadersOf { seq, readers: named.map(|(user, time)| ReadAt { user, time }).collect() });
        }
        Ok(ReceiptsByUsers { messages })
    }
}

/// Most one-to-one messages that one call reports.
const DIRECT_BATCH: usize = 30;

/// The receiver of one-to-one messages has read them; the sender is told. Messages that keep no receipts are passed over; unread
/// numbers stay. REST in the name of `Operator_Account`, and gateway. Backends name messages by key, clients by its parts.
/// Limits: 30 messages. Errors: `C2cMessageNotFound`, `MessageBadSender`, `MessageBadReceiver`, `MessageBadKey`, `MessageBadJson`.
/// Spec: docs/spec/rest-c2c.md#1.10, docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct ReportDirectReceipts {
    #[serde(rename = "Operator_Account")]
    reader: Option<UserId>,
    #[serde(rename = "Peer_Account")]
    peer: UserId,
    #[serde(rename = "C2CMsgInfo")]
    messages: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(rename = "From_Account")]
    from: UserId,
    #[serde(rename = "To_Account")]
    to: UserId,
    #[serde(rename = "MsgKey")]
    key: Option<String>,
    #[serde(rename = "MsgSeq")]
    seq: Option<u32>,
    #[serde(rename = "MsgRandom")]
    random: Option<u32>,
    #[serde(rename = "MsgTime", alias = "MsgTimeStamp")]
    time: Option<i64>,
}

impl Named {
    fn key(&self) -> Result<MsgKey, Error> {
        match (&self.key, self.seq, self.random, self.time) {
            (Some(key), ..) => msg_key("MsgKey", key),
            (None, Some(client_seq), Some(random), Some(time)) => {
                Ok(MsgKey { client_seq, random, time: Timestamp(time) })
            }
            (None, ..) => Err(Error::new(ErrorCode::MessageBadKey, "`MsgKey` is missing")),
        }
    }
}

impl Command for ReportDirectReceipts {
    const ROUTE: Route = Route::both("openim", "c2c_msg_read_receipt", "docs/spec/rest-c2c.md#1.10");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        if caller.is_app_admin() && self.reader.is_none() {
            return Err(Error::new(ErrorCode::MessageBadSender, "`Operator_Account` is missing"));
        }
        if self.messages.is_empty() || self.messages.len() > DIRECT_BATCH {
            let text = format!("`C2CMsgInfo` must have 1 to {DIRECT_BATCH} entries");
            return Err(Error::new(ErrorCode::MessageBadJson, text));
        }
        let reader = caller.acting_for(self.reader.as_ref());
        let mut found = Vec::with_capacity(self.messages.len());
        for named in &self.messages {
            if named.from != self.peer {
                let text = format!("`From_Account`: {} is not `Peer_Account`", named.from);
                return Err(Error::new(ErrorCode::MessageBadSender, text));
            }
            if named.to != reader {
                let text = format!("`To_Account`: {} is not the reader", named.to);
                return Err(Error::new(ErrorCode::MessageBadReceiver, text));
            }
            let key = named.key()?;
            let message = app.store().read().direct_message(app.id(), &self.peer, &reader, key).await?;
            found.push(message.ok_or(Denied::NoSuchDirectMessage(key))?);
        }
        let line = ConversationKey::direct(&reader, &self.peer);
        let seqs: Vec<u64> = found.iter().map(|message| message.seq).collect();
        let known = app.store().read().read_by(app.id(), &line, &reader, &seqs).await?;
        let reported = found
            .into_iter()
            .map(|message| Reported { known: known.contains(&message.seq), message: Some(message) })
            .collect();
        app.commit(receipt::report_direct(&reader, reported, app.now())).await?;
        Ok(Done {})
    }
}
