//! Sends a message into a group or topic.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{
    Denied, GroupId, Scene, Timestamp, TopicId, UserId,
    conversation::ConversationKey,
    message::{
        Content, Draft, Mentions, MessageOptions, Priority, Sender,
        send::{self, Speaker},
    },
};
use tsudoi_store::Outcome;

use super::conversation;
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    wire::{BodyLimits, MessageBody, OfflinePushInfo},
};

/// Sends an ordinary message. REST and gateway; needs `Action::Send`.
/// Units: times in Unix seconds. Limits: `limits.message` (bytes, mentions, targets), the group's rate.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupMuted`, `GroupTooManyMentions`, `MessageTooLong`, `GroupBadParameter`.
/// Spec: docs/spec/rest-groups.md#3.1, docs/spec/websocket-protocol.md#11
#[derive(Debug, Deserialize)]
pub struct SendGroupMessage {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "From_Account")]
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
    _suppressed_webhooks: Vec<String>,
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
enum WirePriority {
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
    const ROUTE: Route = Route::both("group_open_http_svc", "send_group_msg", "docs/spec/rest-groups.md#3.1");
    type Reply = Sent;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Sent, Error> {
        let sender = caller.acting_for(self.from.as_ref());
        let scene = app.scene(&self.group, caller, &sender).await?;
        let draft = self.draft(&scene, caller, app)?;
        if caller.is_app_admin() && app.store().account(app.id(), &sender).await?.is_none() {
            return Err(Denied::NoSuchAccount(sender).into());
        }
        let speaker = speaker(app, &scene, &draft).await?;
        send::may_send(&scene, speaker, &draft)?;
        if !admit(app, &scene, draft.priority) {
            return shed(app, &scene, &draft, caller).await;
        }
        deliver(app, scene, draft, caller).await
    }
}

impl SendGroupMessage {
    /// The message as it is kept, or what is wrong with the request.
    fn draft(&self, scene: &Scene, caller: &Caller, app: &App) -> Result<Draft, Error> {
        let bad = |text: String| Error::new(ErrorCode::GroupBadParameter, text);
        let settings = app.settings();
        let limits = settings.limits();
        let body_limits = BodyLimits {
            max_bytes: limits.message.max_bytes as usize,
            max_merge_depth: limits.message.max_merge_depth as usize,
        };
        // 1. Where it goes.
        let conversation = conversation(scene, self.topic.as_ref())?;
        // 2. What it says.
        let body_error = |e: crate::wire::BodyError| Error::new(e.group_code(), e.to_string());
        let body = MessageBody::parse(&self.body, body_limits).map_err(body_error)?;
        body.check_size(self.cloud_custom_data.as_deref(), body_limits).map_err(body_error)?;
        let push_info =
            self.push_info.as_deref().map(|info| OfflinePushInfo::parse(info, body_limits.max_bytes)).transpose();
        let push_info = push_info.map_err(|e| bad(format!("`OfflinePushInfo`: {e}")))?;
        // 3. Who gets it, and how.
        let mentions = self.mentions(limits.message.max_mentions as usize)?;
        if self.targets.len() > limits.message.max_targets as usize {
            return Err(bad(format!("`To_Account` has more than {} entries", limits.message.max_targets)));
        }
        let has = |name: &str| self.control.iter().any(|one| one == name);
        let online_only = self.online_only && scene.policy.online_only_msgs;
        if online_only && (has("NoUnread") || has("NoLastMsg")) && caller.is_app_admin() {
            return Err(bad("`SendMsgControl` does not go with `OnlineOnlyFlag`".into()));
        }
        if !scene.policy.send_control && (has("NoUnread") || has("NoLastMsg")) {
            return Err(bad(format!("`SendMsgControl` does not apply to groups of type {}", scene.group.group_type)));
        }
        let options = MessageOptions {
            no_unread: has("NoUnread") || !self.targets.is_empty(),
            no_last_msg: has("NoLastMsg"),
            with_mute_notifications: has("WithMuteNotifications"),
            online_only,
            need_receipt: self.need_receipt && scene.policy.read_receipts,
            support_extension: self.extension && scene.policy.msg_extension,
            is_relay: self.relay,
            targets: self.targets.clone(),
            mentions,
            push_info: push_info.map(OfflinePushInfo::into_json),
            sent_on: caller.session().map(|session| session.id().0),
            ..MessageOptions::default()
        };
        Ok(Draft {
            conversation,
            sender: Sender::User(scene.user.clone()),
            random: self.random,
            time: scene.now,
            client_time: self.client_time,
            client_seq: self.client_seq,
            priority: self.priority.into(),
            content: Content::Elements(body.into_json()),
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
        let users = list.iter().filter(|mention| !mention.all).filter_map(|mention| mention.user.as_deref());
        let users = users
            .map(|user| {
                UserId::parse(user)
                    .map_err(|e| Error::new(ErrorCode::GroupBadParameter, format!("`GroupAt_Account`: {e}")))
            })
            .collect::<Result<_, _>>()?;
        Ok(Mentions { all: list.iter().any(|mention| mention.all), users, raw: Some(raw.get().into()) })
    }
}

async fn speaker(app: &App, scene: &Scene, draft: &Draft) -> Result<Speaker, Error> {
    let topic = match &draft.conversation {
        ConversationKey::Topic(topic) => Some(topic),
        ConversationKey::Group(_) | ConversationKey::Direct(..) => None,
    };
    let members = app.store().read();
    let muted = match &scene.member {
        Some(member) if scene.policy.members_stored => member.mute_until,
        Some(_) | None => members.mute(app.id(), &scene.group.id, None, &scene.user).await?,
    };
    let muted_in_topic = match topic {
        Some(topic) => members.mute(app.id(), &scene.group.id, Some(topic), &scene.user).await?,
        None => tsudoi_domain::time::MuteUntil::NEVER,
    };
    Ok(Speaker { is_app_admin: app.settings().is_admin(&scene.user), muted, muted_in_topic, topic_muted: false })
}

/// Whether the message fits into what the group may say this second.
fn admit(app: &App, scene: &Scene, priority: Priority) -> bool {
    let shares = app.settings().rates.priority_shares;
    app.group_rates.admit(&scene.group.id, priority, scene.now, scene.policy.msg_rate_per_sec, &shares)
}

/// Answers a message above the rate: success with the number it would have had, which is not used up.
async fn shed(app: &App, scene: &Scene, draft: &Draft, caller: &Caller) -> Result<Sent, Error> {
    metrics::counter!("messages_shed_total").increment(1);
    let last_seq = if scene.policy.history_stored {
        app.store().read().position(app.id(), &draft.conversation).await?.last_seq
    } else {
        app.live.room(&scene.group.id).position().0
    };
    Ok(Sent { time: draft.time, seq: last_seq + 1, drop_reason: caller.is_app_admin().then_some(SHED) })
}

async fn deliver(app: &App, scene: Scene, draft: Draft, caller: &Caller) -> Result<Sent, Error> {
    let sent = |time, seq| Ok(Sent { time, seq, drop_reason: None });
    let time = draft.time;
    let window = app.settings().message.group_dedupe_secs;
    if !scene.policy.history_stored {
        // A live room: nothing of it touches the disk.
        let room = app.live.room(&scene.group.id);
        let (seq, time, is_new) = room.number_once(&scene.user, draft.random, draft.time, window);
        if is_new {
            app.commit(send::send_live(draft, seq)).await?;
        }
        return sent(time, seq);
    }
    if draft.options.online_only {
        app.commit(send::send_transient(draft)).await?;
        return sent(time, 0);
    }
    // What was decided may have changed when the change comes to be committed; then it is decided again.
    let decided = app
        .decide(|| async {
            let scene = app.scene(&scene.group.id, caller, &scene.user).await?;
            let speaker = speaker(app, &scene, &draft).await?;
            send::may_send(&scene, speaker, &draft)?;
            let sleepers = if scene.group.active { Vec::new() } else { members_here(app, &scene.group.id).await? };
            Ok(((), send::send(&scene, draft.clone(), window, sleepers)))
        })
        .await;
    let ((), outcome) = decided?;
    let appended = outcome.first().ok_or(ErrorCode::GroupInternal)?;
    if let Outcome::Repeated(_) = outcome {
        metrics::counter!("messages_repeated_total").increment(1);
    }
    sent(appended.time, appended.seq)
}

/// The members of a group who are here.
async fn members_here(app: &App, group: &GroupId) -> Result<Vec<UserId>, Error> {
    let mut here = Vec::new();
    let mut after = 0;
    loop {
        let (page, next) = app.store().read().member_page(app.id(), group, &[], 0, after, 500).await?;
        here.extend(page.iter().map(|member| member.user.clone()).filter(|user| app.hub().is_here(app.id(), user)));
        if next == 0 {
            return Ok(here);
        }
        after = next;
    }
}
