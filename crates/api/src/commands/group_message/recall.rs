//! Withdraws messages, and tells who was away what was withdrawn meanwhile.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Denied, GroupId, Role, Scene, Timestamp, TopicId, UserId,
    conversation::ConversationKey,
    live,
    message::{
        Message,
        recall::{self, Asked},
    },
};
use tsudoi_store::StoreError;

use super::{NumberedMessage, line_of, sight_of};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    webhook,
    wire::item::Revoker,
};

/// Withdraws messages of a group or topic. REST and gateway; clients withdraw their own, and those of lower roles, for
/// `message.recall_secs` seconds.
/// Limits: 10 messages per call, a reason of 100 bytes.
/// Errors: `GroupTypeWithoutRecall`, `GroupRecallOff`, `GroupNotFound`, `GroupNotAllowed`, `GroupBadParameter`; per message
/// `GroupMessageNotFound`, `GroupRecallTimeOver`, `GroupMessageNotRecallable`, `GroupNotAllowed`.
/// Spec: docs/spec/rest-groups.md#3.3, docs/spec/websocket-protocol.md#11
#[derive(Debug, Deserialize)]
pub struct RecallMessages {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgSeqList")]
    messages: Vec<NumberedMessage>,
    #[serde(rename = "Reason", default)]
    reason: String,
}

/// What became of each message.
#[derive(Debug, Serialize)]
pub struct Recalled {
    #[serde(rename = "RecallRetList")]
    results: Vec<RecallResult>,
}

/// What became of a message.
#[derive(Debug, Serialize)]
pub struct RecallResult {
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "RetCode")]
    code: u32,
}

impl Command for RecallMessages {
    const ROUTE: Route = Route::both("group_open_http_svc", "group_msg_recall", "docs/spec/rest-groups.md#3.3");
    type Reply = Recalled;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Recalled, Error> {
        let bad = |text: String| Err(Error::new(ErrorCode::GroupBadParameter, text));
        let settings = app.settings();
        let limits = settings.limits().message;
        if self.messages.is_empty() || self.messages.len() > limits.recall_batch as usize {
            return bad(format!("`MsgSeqList` must have 1 to {} entries", limits.recall_batch));
        }
        if self.reason.len() > limits.recall_reason_bytes as usize {
            return bad(format!("`Reason` has more than {} bytes", limits.recall_reason_bytes));
        }
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        if scene.policy.live_recall && !caller.is_app_admin() {
            if !settings.features.group_recall {
                return Err(ErrorCode::GroupRecallOff.into());
            }
            let results = self.in_live_room(app, caller, &scene, settings.message.recall_secs).await?;
            return Ok(Recalled { results: codes(results) });
        }
        let decided = app.decide(|| async {
            let scene = app.scene(&self.group, caller, &caller.user).await?;
            if !scene.policy.recall_supported {
                return Err(Denied::TypeWithoutRecall(scene.group.group_type.clone()).into());
            }
            if !settings.features.group_recall {
                return Err(ErrorCode::GroupRecallOff.into());
            }
            let (scene, line) = line_of(app, scene, self.topic.as_ref()).await?;
            let mut asked = Vec::with_capacity(self.messages.len());
            for message in &self.messages {
                asked.push(look_up(app, &self.group, &line, message.seq).await?);
            }
            let (results, change) = recall::recall(&scene, &line, &asked, &self.reason, settings.message.recall_secs)?;
            Ok((results, webhook::message::recalled(app, caller, &scene.group, change)))
        });
        let (results, _) = decided.await?;
        Ok(Recalled { results: codes(results) })
    }
}

fn codes(results: recall::Results) -> Vec<RecallResult> {
    let code = |denied| Error::from(denied).code();
    results.into_iter().map(|(seq, result)| RecallResult { seq, code: result.err().map_or(0, code) }).collect()
}

impl RecallMessages {
    /// What was just said in a live room is not stored, but known for as long as it may be withdrawn.
    async fn in_live_room(
        &self,
        app: &App,
        caller: &Caller,
        scene: &Scene,
        window_secs: u32,
    ) -> Result<recall::Results, Error> {
        let room = app.live.room(&self.group);
        let since = Timestamp(scene.now.0 - i64::from(window_secs));
        // A room knows what was said once it is told.
        if self.messages.iter().any(|message| room.recall(message.seq, since).is_none()) {
            app.told().await;
        }
        let asked: Vec<live::Said> = self
            .messages
            .iter()
            .map(|message| {
                let draft = room.recall(message.seq, since);
                let author = draft.as_ref().and_then(|draft| draft.sender.user());
                let author = author.and_then(|author| app.live.member(&scene.group, author));
                let author = author.map_or(Role::NotMember, |member| member.role);
                live::Said { seq: message.seq, draft, author }
            })
            .collect();
        let (results, change) = live::recall(scene, &asked, &self.reason, window_secs)?;
        app.commit(webhook::message::recalled(app, caller, &scene.group, change)).await?;
        Ok(results)
    }
}

async fn look_up(app: &App, group: &GroupId, line: &ConversationKey, seq: u64) -> Result<Asked, StoreError> {
    let message = app.store().read().message(app.id(), line, seq).await?;
    let author = match message.as_ref().and_then(|message| message.draft.sender.user()) {
        Some(author) => app.store().member(app.id(), group, author).await?,
        None => None,
    };
    Ok(Asked { seq, message, author: author.map_or(Role::NotMember, |member| member.role) })
}

/// Most groups of one question for recalls.
const GROUPS: usize = 500;
/// Among how many of the newest messages of a group recalls are looked for.
const LOOKED_AT: u64 = 1000;
/// Most recalls answered for one group, when the client names no fewer.
const RECALLS: usize = 100;

/// What was withdrawn in groups while a client was away. Gateway.
/// Units: times in Unix microseconds, of the client's clock: the bounds are taken generously, so a recall near them may be told twice.
/// Limits: 500 groups per call; recalls among the newest 1000 messages of each.
/// Groups the caller may not read have none.
/// Errors: `GroupBadParameter`.
/// Spec: docs/spec/websocket-protocol.md#11
#[derive(Debug, Deserialize)]
pub struct GetGroupNotify {
    #[serde(rename = "NotifyReqList")]
    questions: Vec<NotifyQuestion>,
}

/// What is asked about one group.
#[derive(Debug, Deserialize)]
struct NotifyQuestion {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "Limit", default)]
    limit: usize,
    #[serde(rename = "BeginTime", default)]
    begin_micros: i64,
    #[serde(rename = "EndTime", default)]
    end_micros: i64,
}

/// What was withdrawn, group by group.
#[derive(Debug, Serialize)]
pub struct GroupNotify {
    #[serde(rename = "NotifyRspList")]
    answers: Vec<NotifyAnswer>,
}

/// What was withdrawn in one group, oldest recall first.
#[derive(Debug, Serialize)]
struct NotifyAnswer {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", skip_serializing_if = "Option::is_none")]
    topic: Option<TopicId>,
    /// From when to ask on, microseconds; 0: that was all.
    #[serde(rename = "NextMsgTime")]
    next_micros: i64,
    #[serde(rename = "NotifyMsgList")]
    recalls: Vec<serde_json::Value>,
}

impl Command for GetGroupNotify {
    const ROUTE: Route =
        Route::socket("group_open_http_svc", "batch_get_group_notify", "docs/spec/websocket-protocol.md#11");
    type Reply = GroupNotify;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<GroupNotify, Error> {
        if self.questions.len() > GROUPS {
            let text = format!("`NotifyReqList` has more than {GROUPS} entries");
            return Err(Error::new(ErrorCode::GroupBadParameter, text));
        }
        let mut answers = Vec::with_capacity(self.questions.len());
        for question in self.questions {
            let recalled = recalled_in(app, caller, &question).await?;
            let (recalls, next_micros) = page(&recalled, &question, app.now());
            answers.push(NotifyAnswer { group: question.group, topic: question.topic, next_micros, recalls });
        }
        Ok(GroupNotify { answers })
    }
}

/// The withdrawn messages that the caller sees; none in groups the caller may not read.
async fn recalled_in(app: &App, caller: &Caller, question: &NotifyQuestion) -> Result<Vec<Message>, Error> {
    let Some(group) = app.store().group(app.id(), &question.group).await? else { return Ok(Vec::new()) };
    let scene = app.scene_of(group, caller, &caller.user).await?;
    let Ok((scene, line)) = line_of(app, scene, question.topic.as_ref()).await else { return Ok(Vec::new()) };
    let Ok(sight) = sight_of(app, &scene, &line).await else { return Ok(Vec::new()) };
    let mut recalled = app.store().read().recalled(app.id(), &line, LOOKED_AT).await?;
    recalled.retain(|message| sight.shows(message));
    Ok(recalled)
}

const MICROS: i64 = 1_000_000;
/// A client that names a time so close to now means now. Its clock was set by the whole seconds of its first login's answer and goes
/// up to a second behind ours, or further when the device's own clock was moved since.
const NOW_SECS: i64 = 60;
/// How far a clock goes ahead that was set by the answer to a slow login.
const AHEAD_SECS: i64 = 5;

/// The recalls of the asked time, oldest first, and where to go on. Recalls know their second only, so a page ends with the
/// last recall of a second.
fn page(recalled: &[Message], question: &NotifyQuestion, now: Timestamp) -> (Vec<serde_json::Value>, i64) {
    let limit = if question.limit == 0 { RECALLS } else { question.limit.min(RECALLS) };
    let means_now = question.end_micros == 0 || question.end_micros.div_euclid(MICROS) >= now.0 - NOW_SECS;
    let end = if means_now { i64::MAX } else { question.end_micros };
    // Where to go on is a whole second of our own clock, and exact.
    let is_ours = question.begin_micros.rem_euclid(MICROS) == 0;
    let begin_second = question.begin_micros.div_euclid(MICROS) - if is_ours { 0 } else { AHEAD_SECS };
    let mut wanted: Vec<_> = recalled
        .iter()
        .filter_map(|message| message.recall.as_ref().map(|recall| (recall, message)))
        .filter(|(recall, _)| recall.at.0 >= begin_second && recall.at.0.saturating_mul(MICROS) <= end)
        .collect();
    wanted.sort_by_key(|(recall, message)| (recall.at, message.seq));
    let mut taken = wanted.len().min(limit);
    while taken > 0 && taken < wanted.len() && wanted[taken].0.at == wanted[taken - 1].0.at {
        taken += 1;
    }
    let next = wanted.get(taken).map_or(0, |(recall, _)| recall.at.0.saturating_mul(MICROS));
    let items = wanted[..taken].iter().map(|(recall, message)| {
        serde_json::json!({
            "MsgSeq": message.seq,
            "MsgRandom": message.draft.random,
            "RevokerInfo": Revoker::from(*recall),
        })
    });
    (items.collect(), next)
}

/// Withdraws what one account said among the newest 1000 messages; nobody is told. REST.
/// Errors: `GroupNotFound`, `GroupBadParameter`.
/// Spec: docs/spec/rest-groups.md#3.6
#[derive(Debug, Deserialize)]
pub struct DeleteBySender {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "Sender_Account")]
    sender: UserId,
}

impl Command for DeleteBySender {
    const ROUTE: Route =
        Route::rest("group_open_http_svc", "delete_group_msg_by_sender", "docs/spec/rest-groups.md#3.6");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        if !scene.policy.history_stored {
            // Live rooms keep nothing that could be withdrawn.
            return Ok(Done {});
        }
        let (scene, line) = line_of(app, scene, self.topic.as_ref()).await?;
        let newest = app.store().read().position(app.id(), &line).await?.last_seq;
        let oldest = newest.saturating_sub(LOOKED_AT - 1).max(1);
        let said = app.store().read().history(app.id(), &line, oldest, newest).await?;
        let change = recall::recall_silently(&scene, &line, &self.sender, &said);
        app.commit(change).await?;
        Ok(Done {})
    }
}

#[cfg(test)]
mod tests {
    use tsudoi_domain::{
        Timestamp,
        message::{Content, Draft, MessageOptions, Priority, Recall, Sender},
    };

    use super::*;

    fn recalled(seq: u64, at: i64) -> Message {
        let draft = Draft {
            conversation: ConversationKey::Group(GroupId::trusted("g")),
            sender: Sender::User(UserId::trusted("ana")),
            random: 7,
            time: Timestamp(1),
            client_time: 1,
            client_seq: 1,
            priority: Priority::Normal,
            content: Content::Elements("[]".into()),
            cloud_custom_data: None,
            options: MessageOptions::default(),
        };
        let recall = Recall { by: UserId::trusted("ana"), reason: String::new(), at: Timestamp(at) };
        Message { seq, draft: draft.into(), version: 0, recall: Some(recall), counted: 0 }
    }

    fn asked(limit: usize, begin_micros: i64, end_micros: i64) -> NotifyQuestion {
        NotifyQuestion { group: GroupId::trusted("g"), topic: None, limit, begin_micros, end_micros }
    }

    fn numbers(recalls: &[serde_json::Value]) -> Vec<u64> {
        recalls.iter().map(|recall| recall["MsgSeq"].as_u64().expect("a number")).collect()
    }

    const LATER: Timestamp = Timestamp(1000);

    #[test]
    fn recalls_of_the_asked_time_come_oldest_first() {
        let all = [recalled(9, 100), recalled(5, 102), recalled(3, 101), recalled(1, 99)];
        let (recalls, next) = page(&all, &asked(0, 100_000_000, 101_000_000), LATER);
        assert_eq!((numbers(&recalls), next), (vec![9, 3], 0));
        let (recalls, next) = page(&all, &asked(0, 0, 0), LATER);
        assert_eq!((numbers(&recalls), next), (vec![1, 9, 3, 5], 0));
    }

    #[test]
    fn a_page_ends_between_seconds() {
        let all = [recalled(1, 100), recalled(2, 100), recalled(3, 100), recalled(4, 101)];
        let (recalls, next) = page(&all, &asked(2, 0, 0), LATER);
        assert_eq!((numbers(&recalls), next), (vec![1, 2, 3], 101_000_000));
        let (recalls, next) = page(&all, &asked(2, next, 0), LATER);
        assert_eq!((numbers(&recalls), next), (vec![4], 0));
    }

    #[test]
    fn a_clock_that_goes_wrong_misses_nothing() {
        let all = [recalled(1, 90), recalled(2, 100)];
        for behind in [99_100_000, 100_000_000, 40_000_000] {
            let (recalls, _) = page(&all, &asked(0, 0, behind), Timestamp(100));
            assert_eq!(numbers(&recalls), [1, 2], "until {behind}");
        }
        let (recalls, _) = page(&all, &asked(0, 0, 99_100_000), Timestamp(160));
        assert_eq!(numbers(&recalls), [1], "a time long past is no now");
        for ahead in [100_999_000, 104_001_000] {
            let (recalls, _) = page(&all, &asked(0, ahead, 0), Timestamp(100));
            assert_eq!(numbers(&recalls), [2], "from {ahead} on");
        }
    }
}
