//! Sends a message into a group or topic.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{
    Denied, GroupId, Limits, Scene, Timestamp, TopicId, UserId,
    conversation::ConversationKey,
    message::{
        Content, Draft, Mentions, MessageOptions, Priority, Sender, receipt,
        send::{self, Speaker},
    },
    settings::Features,
    time::MuteUntil,
};
use tsudoi_store::Outcome;

use super::{members_here, scene_of_line};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    filter::Place,
    live,
    screening::{self, About, Contact, Screened, Subject},
    webhook,
    wire::{BodyError, BodyLimits, MessageBody, OfflinePushInfo},
};

/// Sends an ordinary message. REST and gateway; needs `Action::Send`.
/// Units: times in Unix seconds. Limits: `limits.message` (bytes, mentions, targets), the group's rate.
/// A send repeated within `message.group_dedupe_secs` is answered with the first result, also by REST callers acting for somebody.
/// Errors: `GroupBadParameter`, `MessageTooLong`, `MessageBadPushInfo`, `ContentTextRefused`, `GroupTooManyMentions`, `GroupNotFound`, `GroupNotAllowed`,
/// `GroupFeatureOff`, `GroupTooLargeForReceipts`, `GroupOnlineOnlyWithoutReceipts`, `GroupAccountNotFound`, `GroupMuted`,
/// `GroupTooFrequent`, `GroupMessageTooFrequent` where the type does not shed silently.
/// Spec: docs/spec/rest-groups.md#3.1, docs/spec/websocket-protocol.md#11
#[derive(Debug, Deserialize)]
pub struct SendGroupMessage {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "From_Account", default, deserialize_with = "decode::non_empty")]
    from: Option<UserId>,
    #[serde(rename = "Random")]
    random: u32,
    #[serde(rename = "ClientSeq", default)]
    client_seq: u32,
    #[serde(rename = "MsgClientTime", default)]
    client_time: i64,
    #[serde(rename = "MsgPriority", default)]
    priority: WirePriority,
    #[serde(rename = "MsgBody")]
    body: Box<RawValue>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: Option<Arc<str>>,
    #[serde(rename = "OnlineOnlyFlag", alias = "MsgOnlineOnlyFlag", default, deserialize_with = "decode::flag")]
    online_only: bool,
    #[serde(rename = "SendMsgControl", default)]
    control: Vec<String>,
    #[serde(rename = "ForbidCallbackControl", default)]
    suppressed_webhooks: Vec<String>,
    #[serde(rename = "OfflinePushInfo")]
    push_info: Option<Box<RawValue>>,
    #[serde(rename = "GroupAtInfo")]
    mentions: Option<Box<RawValue>>,
    #[serde(rename = "To_Account", default)]
    targets: Vec<UserId>,
    #[serde(rename = "NeedReadReceipt", alias = "IsNeedReadReceipt", default, deserialize_with = "decode::flag")]
    need_receipt: bool,
    #[serde(rename = "SupportMessageExtension", default, deserialize_with = "decode::flag")]
    extension: bool,
    #[serde(rename = "IsRelayMsg", default, deserialize_with = "decode::flag")]
    relay: bool,
}

/// A priority as the wire spells it.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub(super) enum WirePriority {
    High,
    #[default]
    Normal,
    Low,
    Lowest,
}

impl From<WirePriority> for Priority {
    fn from(priority: WirePriority) -> Self {
        match priority {
            WirePriority::High => Self::High,
            WirePriority::Normal => Self::Normal,
            WirePriority::Low => Self::Low,
            WirePriority::Lowest => Self::Lowest,
        }
    }
}

/// One entry of `GroupAtInfo`.
#[derive(Debug, Deserialize)]
struct Mention {
    #[serde(rename = "GroupAtAllFlag", default, deserialize_with = "decode::flag")]
    all: bool,
    #[serde(rename = "GroupAt_Account")]
    user: Option<String>,
}

/// Where the message came to lie.
#[derive(Debug, Serialize)]
pub struct Sent {
    #[serde(rename = "MsgTime")]
    time: Timestamp,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "MsgDropReason", skip_serializing_if = "Option::is_none")]
    drop_reason: Option<&'static str>,
}

/// What a shed message is answered with over REST.
const SHED: &str = "MsgFreqCtrl";

impl Command for SendGroupMessage {
    const ROUTE: Route = Route::both("group_open_http_svc", "send_group_msg", "docs/spec/rest-groups.md#3.1").sending();
    type Reply = Sent;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Sent, Error> {
        // 1. Who may say this, here, now. What was sent before is answered as then, and what nobody may hear as if it were heard.
        let (scene, draft) = match self.prepare(caller, app).await {
            Ok(Prepared::New(scene, draft)) => (scene, draft),
            Ok(Prepared::Answered(sent)) => return Ok(sent),
            Err(error) => return Err(self.stopped(app, caller, error).await),
        };
        // 2. What the app's backend makes of it; what it refuses is no exception.
        let outgoing = webhook::message::Outgoing::of(app, caller, &scene.group, &draft).await?;
        let draft = match &outgoing {
            Some(outgoing) => {
                let verdict = outgoing.before_send(app, &draft, body_limits(app.settings().limits())).await?;
                let time = draft.time;
                match verdict.apply(*draft) {
                    Some(draft) => Box::new(draft),
                    None => return Ok(Sent { time, seq: next_seq(app, &scene).await?, drop_reason: None }),
                }
            }
            None => draft,
        };
        // 3. How much is said already, and then it is.
        match self.admit_and_deliver(app, caller, &scene, *draft, outgoing.as_ref()).await {
            Ok(sent) => Ok(sent),
            Err(error) => Err(self.stopped(app, caller, error).await),
        }
    }
}

/// A message that may be sent.
enum Prepared {
    /// One that was sent before, with its first result; or one that is dropped.
    Answered(Sent),
    /// A new one.
    New(Box<Scene>, Box<Draft>),
}

impl SendGroupMessage {
    async fn prepare(&self, caller: &Caller, app: &Arc<App>) -> Result<Prepared, Error> {
        let settings = app.settings();
        let window = settings.message.group_dedupe_secs;
        let parsed = self.parse(settings.limits(), caller)?;
        let sender = caller.acting_for(self.from.as_ref());
        let (scene, line) = scene_of_line(app, &self.group, self.topic.as_ref(), caller, &sender).await?;
        // 1. A repeat counts against nothing, whatever changed since.
        if let Some((seq, time)) = app.recent_sends.repeated(&line, &sender, self.random, scene.now, window) {
            metrics::counter!("messages_repeated_total").increment(1);
            return Ok(Prepared::Answered(Sent { time, seq, drop_reason: None }));
        }
        // 2. Who may say this, here, now.
        let targets = members_among(app, &scene, &self.targets).await?;
        let mut draft = self.draft(&scene, line.clone(), parsed, targets, caller)?;
        require_features(&settings.features, &draft.options)?;
        send::may_send(&scene, &draft.options, settings.limits().receipt.max_group_members)?;
        if caller.is_app_admin() && app.store().account(app.id(), &sender).await?.is_none() {
            return Err(Denied::NoSuchAccount(sender).into());
        }
        send::may_speak(&scene, speaker(app, &scene).await?)?;
        if !caller.is_app_admin() {
            require_app_unmuted(app, &scene).await?;
        }
        // 3. What is said.
        if screen(app, caller, &scene, &mut draft).await? == Screened::Dropped {
            let seq = next_seq(app, &scene).await?;
            return Ok(Prepared::Answered(Sent { time: draft.time, seq, drop_reason: None }));
        }
        Ok(Prepared::New(Box::new(scene), Box::new(draft)))
    }

    async fn admit_and_deliver(
        &self,
        app: &App,
        caller: &Caller,
        scene: &Scene,
        draft: Draft,
        outgoing: Option<&webhook::message::Outgoing<'_>>,
    ) -> Result<Sent, Error> {
        let sender = &scene.user;
        let of_member = app.settings().rates.group_member_messages_per_second;
        if !caller.is_app_admin() && !app.member_rates.admit(&self.group, sender, scene.now, of_member) {
            let text = format!("{sender} may send {of_member} messages a second to a group");
            return Err(Error::new(ErrorCode::GroupTooFrequent, text));
        }
        if !admit(app, scene, draft.priority) {
            let error = shed(scene);
            if !scene.policy.silent_drop {
                return Err(error);
            }
            // The sender hears of success and a number that is not used up; the backend hears the truth.
            let sent = Sent {
                time: draft.time,
                seq: next_seq(app, scene).await?,
                drop_reason: caller.is_app_admin().then_some(SHED),
            };
            self.stopped(app, caller, error).await;
            return Ok(sent);
        }
        let line = draft.conversation.clone();
        let sent = deliver(app, scene, draft, caller, outgoing).await?;
        app.recent_sends.remember(line, sender.clone(), self.random, sent.seq, sent.time);
        Ok(sent)
    }

    /// Tells the app's backend that the message was stopped, by anything but itself.
    async fn stopped(&self, app: &App, caller: &Caller, error: Error) -> Error {
        let stopped = webhook::message::Stopped {
            group: &self.group,
            topic: self.topic.as_ref(),
            from: &caller.acting_for(self.from.as_ref()),
            random: self.random,
            client_time: self.client_time,
            online_only: self.online_only,
            body: &self.body,
            cloud_custom_data: self.cloud_custom_data.as_deref(),
        };
        webhook::message::exception(app, caller, &stopped, error.code(), error.text()).await;
        error
    }
}

/// What a request says that can be checked without looking at the group.
struct Parsed {
    body: MessageBody,
    push_info: Option<OfflinePushInfo>,
    mentions: Mentions,
}

impl SendGroupMessage {
    fn has(&self, control: &str) -> bool {
        self.control.iter().any(|one| one == control)
    }

    fn forbids(&self, webhook: &str) -> bool {
        self.suppressed_webhooks.iter().any(|one| one == webhook)
    }

    /// Fields and lengths, then the sizes of lists (docs/spec/rest-groups.md#0.5).
    fn parse(&self, limits: &Limits, caller: &Caller) -> Result<Parsed, Error> {
        let bad = |text: String| Error::new(ErrorCode::GroupBadParameter, text);
        let body_limits = body_limits(limits);
        let body_error = |e: BodyError| Error::new(e.group_code(), e.to_string());
        let body = MessageBody::parse(&self.body, body_limits).map_err(body_error)?;
        body.check_size(self.cloud_custom_data.as_deref(), body_limits).map_err(body_error)?;
        let push_info =
            self.push_info.as_deref().map(|info| OfflinePushInfo::parse(info, body_limits.max_bytes)).transpose();
        let push_info =
            push_info.map_err(|e| Error::new(ErrorCode::MessageBadPushInfo, format!("`OfflinePushInfo`: {e}")))?;
        // Clients offer both as choices of one message; of backends the documents ask to decide.
        if self.online_only && caller.is_app_admin() && (self.has(NO_UNREAD) || self.has(NO_LAST_MSG)) {
            return Err(bad("`SendMsgControl` does not go with `OnlineOnlyFlag`".into()));
        }
        let mentions = self.mentions(limits.message.max_mentions as usize)?;
        if self.targets.len() > limits.message.max_targets as usize {
            return Err(bad(format!("`To_Account` has more than {} entries", limits.message.max_targets)));
        }
        Ok(Parsed { body, push_info, mentions })
    }

    /// The message as it is kept. What the group's type has no use for is left out, or refused where the documents say so.
    fn draft(
        &self,
        scene: &Scene,
        conversation: ConversationKey,
        parsed: Parsed,
        targets: Vec<UserId>,
        caller: &Caller,
    ) -> Result<Draft, Error> {
        let policy = &scene.policy;
        let controls = self.has(NO_UNREAD) || self.has(NO_LAST_MSG);
        if controls && !policy.send_control && caller.is_app_admin() {
            let text = format!("`SendMsgControl` does not apply to groups of type {}", scene.group.group_type);
            return Err(Error::new(ErrorCode::GroupBadParameter, text));
        }
        let mut options = MessageOptions {
            no_unread: (self.has(NO_UNREAD) && policy.send_control) || !targets.is_empty(),
            no_last_msg: self.has(NO_LAST_MSG) && policy.send_control,
            with_mute_notifications: self.has("WithMuteNotifications"),
            online_only: self.online_only && policy.online_only_msgs,
            need_receipt: self.need_receipt && policy.read_receipts,
            support_extension: self.extension && policy.msg_extension,
            is_relay: self.relay,
            targets,
            mentions: parsed.mentions,
            push_info: parsed.push_info.map(OfflinePushInfo::into_json),
            // What an app wants to know of its clients is not theirs to say.
            no_before_webhook: caller.is_app_admin() && self.forbids("ForbidBeforeSendMsgCallback"),
            no_after_webhook: caller.is_app_admin() && self.forbids("ForbidAfterSendMsgCallback"),
            sent_on: caller.session().map(|session| session.id().0),
            ..MessageOptions::default()
        };
        if options.need_receipt {
            options.receipt_audience = receipt::audience(scene, &options.targets);
        }
        Ok(Draft {
            conversation,
            sender: Sender::User(scene.user.clone()),
            random: self.random,
            time: scene.now,
            client_time: self.client_time,
            client_seq: self.client_seq,
            priority: self.priority.into(),
            content: Content::Elements(parsed.body.into_json()),
            cloud_custom_data: self.cloud_custom_data.clone(),
            options,
        })
    }

    fn mentions(&self, most: usize) -> Result<Mentions, Error> {
        let Some(raw) = &self.mentions else { return Ok(Mentions::default()) };
        let list: Vec<Mention> = serde_json::from_str(raw.get())
            .map_err(|e| Error::new(ErrorCode::GroupBadParameter, format!("`GroupAtInfo`: {e}")))?;
        if list.len() > most {
            return Err(Error::new(
                ErrorCode::GroupTooManyMentions,
                format!("`GroupAtInfo` has more than {most} entries"),
            ));
        }
        let mut users: Vec<UserId> = Vec::new();
        for mention in list.iter().filter(|mention| !mention.all) {
            let user = UserId::parse(mention.user.as_deref().unwrap_or_default())
                .map_err(|e| Error::new(ErrorCode::GroupBadParameter, format!("`GroupAt_Account`: {e}")))?;
            if !users.contains(&user) {
                users.push(user);
            }
        }
        Ok(Mentions { all: list.iter().any(|mention| mention.all), users, raw: Some(raw.get().into()) })
    }
}

fn body_limits(limits: &Limits) -> BodyLimits {
    let limits = limits.message;
    BodyLimits { max_bytes: limits.max_bytes as usize, max_merge_depth: limits.max_merge_depth as usize }
}

const NO_UNREAD: &str = "NoUnread";
const NO_LAST_MSG: &str = "NoLastMsg";

/// What the operator switched off.
fn require_features(features: &Features, options: &MessageOptions) -> Result<(), Denied> {
    if !options.targets.is_empty() && !features.directed_messages {
        return Err(Denied::FeatureOff("sending to named members"));
    }
    if options.need_receipt && !features.group_read_receipt {
        return Err(Denied::FeatureOff("the read receipt of groups"));
    }
    Ok(())
}

/// The members among the receivers that a directed message names, each once. Strangers do not get it; when nobody is left, it is
/// for the sender alone: no receivers would mean everybody.
async fn members_among(app: &App, scene: &Scene, named: &[UserId]) -> Result<Vec<UserId>, Error> {
    let mut members: Vec<UserId> = Vec::new();
    for user in named {
        if !members.contains(user) && app.store().member(app.id(), &scene.group.id, user).await?.is_some() {
            members.push(user.clone());
        }
    }
    if members.is_empty() && !named.is_empty() {
        members.push(scene.user.clone());
    }
    Ok(members)
}

async fn speaker(app: &App, scene: &Scene) -> Result<Speaker, Error> {
    let group = &scene.group.id;
    let muted = match &scene.member {
        Some(member) if scene.policy.members_stored => member.mute_until,
        Some(_) | None => app.store().mute(app.id(), group, &scene.user).await?,
    };
    let muted_in_topic = match &scene.topic {
        Some(topic) => app.store().topic_mute(app.id(), group, &topic.id, &scene.user).await?,
        None => MuteUntil::NEVER,
    };
    let topic_muted = scene.topic.as_ref().is_some_and(|topic| topic.mute_all);
    Ok(Speaker { is_app_admin: app.settings().is_admin(&scene.user), muted, muted_in_topic, topic_muted })
}

/// Lets pass a client whom the app did not mute in all groups (docs/spec/rest-users.md#9.1).
async fn require_app_unmuted(app: &App, scene: &Scene) -> Result<(), Error> {
    let account = app.store().account(app.id(), &scene.user).await?;
    if account.is_some_and(|account| account.groups_muted.holds(scene.now)) {
        return Err(Denied::Muted { user: scene.user.clone(), group: scene.group.id.clone() }.into());
    }
    Ok(())
}

/// Whether the message fits into what the group may say this second.
fn admit(app: &App, scene: &Scene, priority: Priority) -> bool {
    let shares = app.settings().rates.priority_shares;
    app.group_rates.admit(&scene.group.id, priority, scene.now, scene.policy.msg_rate_per_sec, &shares)
}

/// Why a message above the rate is not sent.
fn shed(scene: &Scene) -> Error {
    metrics::counter!("messages_shed_total").increment(1);
    let text = format!("group {} may say {} messages a second", scene.group.id, scene.policy.msg_rate_per_sec);
    Error::new(ErrorCode::GroupMessageTooFrequent, text)
}

/// Looks for unwanted words.
async fn screen(app: &App, caller: &Caller, scene: &Scene, draft: &mut Draft) -> Result<Screened, Error> {
    // Its number comes with the commit, if it comes to that.
    let data = draft.cloud_custom_data.clone();
    let about = About { id: None, cloud_custom_data: data.as_deref() };
    let subject = Subject { from: &scene.user, contact: Contact::GroupMessage(&scene.group.id, about) };
    match &mut draft.content {
        Content::Elements(elements) => screening::elements(app, caller, &subject, Place::Group, elements).await,
        Content::Tip(_) => Ok(Screened::Passed),
    }
}

/// The number that the next message of the conversation gets.
async fn next_seq(app: &App, scene: &Scene) -> Result<u64, Error> {
    if !scene.policy.history_stored {
        return Ok(app.live.position(&scene.group.id).0 + 1);
    }
    let line = match &scene.topic {
        Some(topic) => ConversationKey::Topic(topic.id.clone()),
        None => ConversationKey::Group(scene.group.id.clone()),
    };
    Ok(app.store().read().position(app.id(), &line).await?.last_seq + 1)
}

async fn deliver(
    app: &App,
    scene: &Scene,
    draft: Draft,
    caller: &Caller,
    outgoing: Option<&webhook::message::Outgoing<'_>>,
) -> Result<Sent, Error> {
    let sent = |time, seq| Ok(Sent { time, seq, drop_reason: None });
    let time = draft.time;
    let settings = app.settings();
    let window = settings.message.group_dedupe_secs;
    let receipt_members = settings.limits().receipt.max_group_members;
    let robots = match outgoing {
        Some(_) => robots_here(app, scene, &draft).await?,
        None => Vec::new(),
    };
    let told = |draft: &Draft, seq| {
        let robots: Vec<&UserId> = robots.iter().collect();
        outgoing.map_or_else(Vec::new, |outgoing| outgoing.sent(app, draft, seq, &robots))
    };
    if !scene.policy.history_stored {
        // A live room: nothing of it touches the disk, but that numbers are reserved from time to time.
        live::reserve(app, &scene.group.id).await?;
        let (seq, time, is_new) = app.live.number_once(&scene.group.id, &scene.user, draft.random, draft.time, window);
        if is_new {
            let calls = told(&draft, Some(seq));
            app.commit(send::send_live(draft, seq).calls(calls)).await?;
        }
        return sent(time, seq);
    }
    if draft.options.online_only {
        let calls = told(&draft, Some(0));
        app.commit(send::send_transient(draft).calls(calls)).await?;
        return sent(time, 0);
    }
    // What was decided may have changed when the change comes to be committed; then it is decided again.
    let decided = app
        .decide(|| async {
            let topic = scene.topic.as_ref().map(|topic| &topic.id);
            let (scene, _) = scene_of_line(app, &scene.group.id, topic, caller, &scene.user).await?;
            send::may_send(&scene, &draft.options, receipt_members)?;
            send::may_speak(&scene, speaker(app, &scene).await?)?;
            let sleepers = if scene.group.active { Vec::new() } else { members_here(app, &scene.group.id).await? };
            let calls = told(&draft, None);
            let receipts = outgoing.and_then(|outgoing| outgoing.receipts_open(app, &draft));
            Ok(((), send::send(&scene, draft.clone(), window, sleepers).calls(calls).calls(receipts)))
        })
        .await;
    let ((), outcome) = decided?;
    let appended = outcome.first().ok_or(ErrorCode::GroupInternal)?;
    if let Outcome::Repeated(_) = outcome {
        metrics::counter!("messages_repeated_total").increment(1);
    }
    sent(appended.time, appended.seq)
}

/// The mentioned robots that are in the group.
async fn robots_here(app: &App, scene: &Scene, draft: &Draft) -> Result<Vec<UserId>, Error> {
    let mut robots = Vec::new();
    for robot in draft.options.mentions.robots() {
        let is_here = if scene.policy.members_stored {
            app.store().member(app.id(), &scene.group.id, robot).await?.is_some()
        } else {
            app.live.find(&scene.group.id).is_some_and(|room| room.is_here(robot))
        };
        if is_here && app.robots.hears(robot) {
            robots.push(robot.clone());
        }
    }
    Ok(robots)
}
