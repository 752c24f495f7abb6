//! Reactions to messages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Denied, GroupId, TopicId, UserId,
    conversation::ConversationKey,
    message::{Message, extras::ReactionSummary, react},
};

use super::{check_len, direct_message, first_account, msg_key, numbers};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    commands::group_message::scene_of_line,
    decode,
    error::Error,
    error_code::ErrorCode,
};

/// Most messages of one question.
const MESSAGES: usize = 100;
/// Most users named with each reaction.
const USERS: usize = 100;

fn require_feature(app: &App) -> Result<(), Denied> {
    if app.settings().features.message_reaction {
        return Ok(());
    }
    Err(Denied::FeatureOff("reactions to messages"))
}

/// Adds or takes back a reaction; decided against what stands.
async fn set(app: &App, message: &Message, reaction: &str, user: &UserId, reacts: bool) -> Result<Done, Error> {
    require_feature(app)?;
    let line = &message.draft.conversation;
    let stands = app.store().read().reactions(app.id(), line, message.seq, user, 0).await?;
    let not_found = match line {
        ConversationKey::Direct(..) => ErrorCode::C2cMessageNotFound,
        ConversationKey::Group(_) | ConversationKey::Topic(_) => ErrorCode::GroupMessageNotFound,
    };
    let change = react::react(message, &stands, reaction, user, reacts)
        .map_err(|denied| Error::from(denied).when(ErrorCode::GroupMessageNotFound, not_found))?;
    app.commit(change).await?;
    Ok(Done {})
}

#[derive(Debug, Serialize)]
struct Summary {
    #[serde(rename = "Reaction")]
    reaction: String,
    #[serde(rename = "Count")]
    count: u64,
    #[serde(rename = "Reaction_Account")]
    users: Vec<UserId>,
    #[serde(rename = "ReactedByMe")]
    mine: u32,
}

impl From<ReactionSummary> for Summary {
    fn from(one: ReactionSummary) -> Self {
        Self { reaction: one.reaction, count: one.count, users: one.users, mine: one.mine.into() }
    }
}

async fn summaries(app: &App, message: &Message, user: &UserId, sample: usize) -> Result<Vec<Summary>, Error> {
    let line = &message.draft.conversation;
    let found = app.store().read().reactions(app.id(), line, message.seq, user, sample.min(USERS)).await?;
    Ok(found.into_iter().map(Into::into).collect())
}

fn sample() -> usize {
    10
}

/// A page of users who react in one way.
#[derive(Debug, Serialize)]
pub struct Reacting {
    #[serde(rename = "Reaction_Account")]
    users: Vec<UserId>,
    /// Where the next page begins; 0: this was the last.
    #[serde(rename = "NextSeq")]
    next: u64,
    #[serde(rename = "CompleteFlag")]
    complete: u32,
}

async fn reacting(app: &App, message: &Message, reaction: &str, after: u64, count: usize) -> Result<Reacting, Error> {
    require_feature(app)?;
    let count = count.clamp(1, USERS);
    let line = &message.draft.conversation;
    let mut found = app.store().read().reacted(app.id(), line, message.seq, reaction, after, count + 1).await?;
    let complete = found.len() <= count;
    found.truncate(count);
    let next = if complete { 0 } else { found.last().map_or(0, |(place, _)| *place) };
    Ok(Reacting { users: found.into_iter().map(|(_, user)| user).collect(), next, complete: complete.into() })
}

/// Reacts to a one-to-one message; both sides are told. REST in the name of `Add_Account`, and gateway, where the caller is one of the
/// two. Reacting twice changes nothing.
/// Limits: 128 bytes, 100 different reactions to a message. Errors: `C2cMessageNotFound`, `MessageBadKey`, `GroupBadParameter`,
/// `GroupFeatureOff`.
/// Spec: docs/spec/websocket-protocol.md#19
pub type AddReaction = React<true>;

/// Takes a reaction to a one-to-one message back, in the name of `Del_Account`. Limits, errors and callers as in [`AddReaction`];
/// what is not there is gone already.
/// Spec: docs/spec/websocket-protocol.md#19
pub type DeleteReaction = React<false>;

/// A reaction to a one-to-one message: added, or taken back.
#[derive(Debug, Deserialize)]
pub struct React<const ADD: bool> {
    #[serde(rename = "From_Account")]
    from: Option<UserId>,
    #[serde(rename = "To_Account")]
    to: UserId,
    #[serde(rename = "MsgKey")]
    key: String,
    #[serde(rename = "Reaction")]
    reaction: String,
    #[serde(rename = "Add_Account", alias = "Del_Account", default, deserialize_with = "first_account")]
    user: Option<UserId>,
}

impl<const ADD: bool> React<ADD> {
    async fn set(&self, caller: &Caller, app: &App) -> Result<Done, Error> {
        let message = direct(app, caller, self.from.as_ref(), &self.to, &self.key).await?;
        set(app, &message, &self.reaction, &caller.acting_for(self.user.as_ref()), ADD).await
    }
}

impl Command for React<true> {
    const ROUTE: Route = Route::both("openim_msg_ext_http_svc", "reaction_add", "docs/spec/websocket-protocol.md#19");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        self.set(caller, app).await
    }
}

impl Command for React<false> {
    const ROUTE: Route = Route::both("openim_msg_ext_http_svc", "reaction_del", "docs/spec/websocket-protocol.md#19");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        self.set(caller, app).await
    }
}

async fn direct(app: &App, caller: &Caller, from: Option<&UserId>, to: &UserId, key: &str) -> Result<Message, Error> {
    let key = msg_key("MsgKey", key)?;
    let message = direct_message(app, caller, from, to, key).await?;
    Ok(message.ok_or(Denied::NoSuchDirectMessage(key))?)
}

/// Sums up the reactions to one-to-one messages. REST and gateway. Messages that the caller does not see have none.
/// Limits: 100 messages; 100 users named with each reaction. Errors: `MessageBadKey`, `GroupBadParameter`, `GroupFeatureOff`.
/// Spec: docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct SumUpReactions {
    #[serde(rename = "From_Account")]
    from: Option<UserId>,
    #[serde(rename = "To_Account")]
    to: UserId,
    #[serde(rename = "MsgKeyList")]
    keys: Vec<String>,
    #[serde(rename = "Count", default = "sample")]
    count: usize,
}

/// Reactions message by message.
#[derive(Debug, Serialize)]
pub struct Summaries<Name> {
    #[serde(rename = "Results")]
    results: Vec<Reactions<Name>>,
}

/// The reactions to one message.
#[derive(Debug, Serialize)]
struct Reactions<Name> {
    #[serde(flatten)]
    name: Name,
    #[serde(rename = "MsgReactionSummary")]
    summary: Vec<Summary>,
}

/// A message by its key.
#[derive(Debug, Serialize)]
pub struct ByKey {
    #[serde(rename = "MsgKey")]
    key: String,
}

/// A message by its number.
#[derive(Debug, Serialize)]
pub struct BySeq {
    #[serde(rename = "MsgSeq")]
    seq: u64,
}

impl Command for SumUpReactions {
    const ROUTE: Route =
        Route::both("openim_msg_ext_http_svc", "reaction_multi_stat", "docs/spec/websocket-protocol.md#19");
    type Reply = Summaries<ByKey>;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Summaries<ByKey>, Error> {
        check_len("MsgKeyList", self.keys.len(), MESSAGES, ErrorCode::GroupBadParameter)?;
        require_feature(app)?;
        let mut results = Vec::with_capacity(self.keys.len());
        // Messages of a conversation come from either side; clients name the pair as the first of them has it.
        let from = self.from.as_ref().unwrap_or(&caller.user);
        for text in self.keys {
            let key = msg_key("MsgKeyList", &text)?;
            let message = match direct_message(app, caller, Some(from), &self.to, key).await? {
                Some(message) => Some(message),
                None => direct_message(app, caller, Some(&self.to), from, key).await?,
            };
            let summary = match message {
                Some(message) => summaries(app, &message, &caller.user, self.count).await?,
                None => Vec::new(),
            };
            results.push(Reactions { name: ByKey { key: text }, summary });
        }
        Ok(Summaries { results })
    }
}

/// Lists who reacts to a one-to-one message in one way, earliest first, in pages. REST and gateway.
/// Limits: 100 users a page. Errors: those of `AddReaction`.
/// Spec: docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct ListReacting {
    #[serde(rename = "From_Account")]
    from: Option<UserId>,
    #[serde(rename = "To_Account")]
    to: UserId,
    #[serde(rename = "MsgKey")]
    key: String,
    #[serde(rename = "Reaction")]
    reaction: String,
    #[serde(rename = "NextSeq", default)]
    after: u64,
    #[serde(rename = "Count", default = "sample")]
    count: usize,
}

impl Command for ListReacting {
    const ROUTE: Route =
        Route::both("openim_msg_ext_http_svc", "reaction_iterate", "docs/spec/websocket-protocol.md#19");
    type Reply = Reacting;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Reacting, Error> {
        let message = direct(app, caller, self.from.as_ref(), &self.to, &self.key).await?;
        reacting(app, &message, &self.reaction, self.after, self.count).await
    }
}

/// Reacts to a message of a group or topic; its members are told. REST in the name of `Add_Account`, and gateway; needs
/// `Action::React`. Limits as in [`AddReaction`].
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupMessageNotFound`, `GroupBadParameter`, `GroupFeatureOff`.
/// Spec: docs/spec/websocket-protocol.md#19
pub type AddGroupReaction = ReactInGroup<true>;

/// Takes a reaction to a message of a group or topic back, in the name of `Del_Account`. Limits, errors and callers as in
/// [`AddGroupReaction`].
/// Spec: docs/spec/websocket-protocol.md#19
pub type DeleteGroupReaction = ReactInGroup<false>;

/// A reaction to a message of a group or topic: added, or taken back.
#[derive(Debug, Deserialize)]
pub struct ReactInGroup<const ADD: bool> {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "Reaction")]
    reaction: String,
    #[serde(rename = "Add_Account", alias = "Del_Account", default, deserialize_with = "first_account")]
    user: Option<UserId>,
}

impl<const ADD: bool> ReactInGroup<ADD> {
    async fn set(&self, caller: &Caller, app: &App) -> Result<Done, Error> {
        let user = caller.acting_for(self.user.as_ref());
        let message = in_group(app, caller, &user, &self.group, self.topic.as_ref(), self.seq).await?;
        set(app, &message, &self.reaction, &user, ADD).await
    }
}

impl Command for ReactInGroup<true> {
    const ROUTE: Route =
        Route::both("openim_msg_ext_http_svc", "group_reaction_add", "docs/spec/websocket-protocol.md#19");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        self.set(caller, app).await
    }
}

impl Command for ReactInGroup<false> {
    const ROUTE: Route =
        Route::both("openim_msg_ext_http_svc", "group_reaction_del", "docs/spec/websocket-protocol.md#19");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        self.set(caller, app).await
    }
}

async fn in_group(
    app: &App,
    caller: &Caller,
    user: &UserId,
    group: &GroupId,
    topic: Option<&TopicId>,
    seq: u64,
) -> Result<Message, Error> {
    let (scene, line) = scene_of_line(app, group, topic, caller, user).await?;
    let message = app.store().read().message(app.id(), &line, seq).await?;
    Ok(react::in_group(&scene, &line, seq, message.as_ref())?.clone())
}

/// Sums up the reactions to messages of a group or topic. REST and gateway; needs `Action::React`. Messages that the caller does not
/// see have none. Limits as in `SumUpReactions`.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupBadParameter`, `GroupFeatureOff`.
/// Spec: docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct SumUpGroupReactions {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgSeqList", deserialize_with = "numbers")]
    seqs: Vec<u64>,
    #[serde(rename = "Count", default = "sample")]
    count: usize,
}

impl Command for SumUpGroupReactions {
    const ROUTE: Route =
        Route::both("openim_msg_ext_http_svc", "group_reaction_multi_stat", "docs/spec/websocket-protocol.md#19");
    type Reply = Summaries<BySeq>;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Summaries<BySeq>, Error> {
        check_len("MsgSeqList", self.seqs.len(), MESSAGES, ErrorCode::GroupBadParameter)?;
        require_feature(app)?;
        let (scene, line) = scene_of_line(app, &self.group, self.topic.as_ref(), caller, &caller.user).await?;
        let mut results = Vec::with_capacity(self.seqs.len());
        for seq in self.seqs {
            let message = app.store().read().message(app.id(), &line, seq).await?;
            let summary = match react::in_group(&scene, &line, seq, message.as_ref()) {
                Ok(message) => summaries(app, message, &caller.user, self.count).await?,
                Err(Denied::NoSuchMessage { .. }) => Vec::new(),
                Err(denied) => return Err(denied.into()),
            };
            results.push(Reactions { name: BySeq { seq }, summary });
        }
        Ok(Summaries { results })
    }
}

/// Lists who reacts to a message of a group or topic in one way, earliest first, in pages. REST and gateway; needs `Action::React`.
/// Limits: 100 users a page. Errors: those of `AddGroupReaction`.
/// Spec: docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct ListReactingInGroup {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "Reaction")]
    reaction: String,
    #[serde(rename = "NextSeq", default)]
    after: u64,
    #[serde(rename = "Count", default = "sample")]
    count: usize,
}

impl Command for ListReactingInGroup {
    const ROUTE: Route =
        Route::both("openim_msg_ext_http_svc", "group_reaction_iterate", "docs/spec/websocket-protocol.md#19");
    type Reply = Reacting;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Reacting, Error> {
        let message = in_group(app, caller, &caller.user, &self.group, self.topic.as_ref(), self.seq).await?;
        reacting(app, &message, &self.reaction, self.after, self.count).await
    }
}
