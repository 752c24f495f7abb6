//! Topics of communities: creating, describing, changing, ending, importing.
//! Spec: docs/spec/rest-groups.md#7, docs/spec/websocket-protocol.md#16

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Action, Denied, GroupId, Scene, Timestamp, TopicId, UserId, WebhookCommand,
    change::Change,
    conversation::ConversationKey,
    message::{Message, history::Sight},
    time::MuteUntil,
    topic::{self, Topic, TopicEdit},
};
use tsudoi_store::TopicEntry;

use super::group::create::accounts_exist;
use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    filter::Place,
    screening::{self, Contact, Subject},
    webhook,
    wire::{
        faces::Faces,
        group_info::{ItemResult, Wanted},
        item::{Body, Revoker, SYSTEM_ACCOUNT},
        msg_flag_name, on_off_name, tip,
    },
};

pub(crate) fn all() -> Vec<Entry> {
    list![
        CreateTopic as [("group_open_http_svc", "create_topic")],
        ImportTopic,
        GetTopics as [("group_open_http_svc", "get_topic")],
        ModifyTopic as [("group_open_http_svc", "modify_topic")],
        DestroyTopics as [("group_open_http_svc", "destroy_topic")],
    ]
}

/// The text of a success in this family.
const OK: &str = "ok";

/// What a new topic shall be.
#[derive(Debug, Deserialize)]
struct Wish {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicName")]
    name: String,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    id: Option<String>,
    #[serde(rename = "From_Account", default, deserialize_with = "decode::non_empty")]
    from: Option<UserId>,
    #[serde(rename = "Introduction", default)]
    introduction: String,
    #[serde(rename = "Notification", default)]
    notification: String,
    #[serde(rename = "FaceUrl", default)]
    face_url: String,
    #[serde(rename = "CustomString", default)]
    custom_string: String,
    #[serde(rename = "DefaultPermission", default)]
    permission: u64,
    /// Only imports say it.
    #[serde(rename = "Type", default, deserialize_with = "decode::non_empty")]
    type_name: Option<String>,
    /// Only imports choose it.
    #[serde(rename = "CreateTime")]
    created_at: Option<Timestamp>,
}

/// Lets the app's word lists look at what a topic says of itself: its name, introduction and notification.
async fn screen(
    app: &App,
    caller: &Caller,
    user: &UserId,
    group: &GroupId,
    texts: [Option<&mut String>; 3],
) -> Result<(), Error> {
    let subject = Subject { from: user, contact: Contact::Group(group) };
    for (field, text) in ["TopicName", "Introduction", "Notification"].into_iter().zip(texts) {
        if let Some(text) = text {
            screening::text(app, caller, &subject, Place::GroupInfo, field, text).await?;
        }
    }
    Ok(())
}

/// The new topic.
#[derive(Debug, Serialize)]
pub struct Created {
    #[serde(rename = "TopicId")]
    id: TopicId,
}

impl Wish {
    /// Stores the topic, created at that time when it is imported; answers its id.
    async fn fulfil(mut self, caller: &Caller, app: &App, created_at: Option<Timestamp>) -> Result<Created, Error> {
        let user = caller.acting_for(self.from.as_ref());
        let texts = [Some(&mut self.name), Some(&mut self.introduction), Some(&mut self.notification)];
        screen(app, caller, &user, &self.group, texts).await?;
        if created_at.is_none() && app.webhooks().wants(WebhookCommand::BeforeCreateTopic) {
            // What the rules forbid is nothing to ask about.
            let (scene, _, _) = self.decide(caller, app, &user, created_at).await?;
            webhook::topic::before_create(app, caller, &scene, &self.name).await?;
        }
        let decided = app.decide(|| async {
            let (scene, id, change) = self.decide(caller, app, &user, created_at).await?;
            let change = match created_at {
                Some(_) => change,
                None => webhook::topic::created(app, caller, &scene, (&id, &self.name), change),
            };
            Ok((id, change))
        });
        let (id, _) = decided.await?;
        Ok(Created { id })
    }

    async fn decide(
        &self,
        caller: &Caller,
        app: &App,
        user: &UserId,
        created_at: Option<Timestamp>,
    ) -> Result<(Scene, TopicId, Change), Error> {
        let scene = app.scene(&self.group, caller, user).await?;
        let settings = app.settings();
        topic::held_by(&scene, &settings)?;
        let id = self.id(app)?;
        let wanted = Topic {
            introduction: self.introduction.clone(),
            notification: self.notification.clone(),
            face_url: self.face_url.clone(),
            custom_string: self.custom_string.clone(),
            permission: self.permission,
            ..Topic::new(id.clone(), self.group.clone(), self.name.clone(), created_at.unwrap_or(scene.now))
        };
        let change = topic::create(&scene, wanted, &settings, created_at.is_some(), app.dice().u64())?;
        accounts_exist(app, std::iter::once(user)).await?;
        if self.id.is_some() && app.store().topic(app.id(), &id).await?.is_some() {
            return Err(Denied::TopicIdTaken(id).into());
        }
        let limit = settings.limits().topic.per_group;
        if app.store().read().topic_count(app.id(), &self.group).await? >= u64::from(limit) {
            return Err(Denied::TooManyTopics { group: self.group.clone(), limit }.into());
        }
        Ok((scene, id, change))
    }

    /// The chosen id, or one that nobody chose; one that is taken by chance is drawn again with the next attempt.
    fn id(&self, app: &App) -> Result<TopicId, Error> {
        match &self.id {
            Some(id) => TopicId::choose(id, &self.group)
                .map_err(|e| Error::new(ErrorCode::TopicBadId, format!("`TopicId`: {e}"))),
            None => Ok(TopicId::generated(&self.group, &app.dice().id_part(9))),
        }
    }
}

/// Creates a topic; members who are online are told. REST, where the backend may name the creator, and gateway; needs
/// `Action::ManageTopics`.
/// Limits: `limits.topic` (number, custom string), `limits.group` (lengths of name and texts).
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `CommunityOff`, `TopicBadId`, `GroupBadParameter`, `GroupAccountNotFound`,
/// `GroupIdTakenByYou` for an id that another topic has, `GroupQuotaReached`, `ContentTextRefused`, what the app's backend says.
/// Spec: docs/spec/rest-groups.md#7.1, docs/spec/websocket-protocol.md#16
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct CreateTopic(Wish);

impl Command for CreateTopic {
    const ROUTE: Route = Route::both("million_group_open_http_svc", "create_topic", "docs/spec/rest-groups.md#7.1");
    type Reply = Created;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Created, Error> {
        self.0.fulfil(caller, app, None).await
    }
}

/// Takes over a topic of another system, created when it was there; nobody is told. REST.
/// Units: `CreateTime` in Unix seconds. Limits: as for creating.
/// Errors: as for creating, but `GroupIdTaken`.
/// Spec: docs/spec/rest-groups.md#7.5
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct ImportTopic(Wish);

impl Command for ImportTopic {
    const ROUTE: Route = Route::rest("group_open_http_svc", "import_topic", "docs/spec/rest-groups.md#7.5");
    type Reply = Created;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Created, Error> {
        let Self(wish) = self;
        if let Some(name) = &wish.type_name {
            let group_type = app.settings().group_type(name).and_then(|group_type| app.policy(&group_type));
            if !group_type.is_some_and(|policy| policy.topics) {
                let text = format!("`Type`: groups of type {name} hold no topics");
                return Err(Error::new(ErrorCode::GroupBadParameter, text));
            }
        }
        let created_at = wish.created_at.unwrap_or_else(|| app.now());
        let imported = wish.fulfil(caller, app, Some(created_at)).await;
        imported.map_err(|error| error.when(ErrorCode::GroupIdTakenByYou, ErrorCode::GroupIdTaken))
    }
}

/// Describes topics, all of them or the named ones, and what one member has there: over REST the named account, over the gateway
/// the caller, who must be a member. Each topic has a code of its own.
/// Units: `MuteTime` in seconds from now. Limits: `limits.topic.per_group` named topics.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `CommunityOff`, `GroupBadParameter`, `GroupAccountNotFound`; per topic
/// `TopicNotFound`, `TopicBadId`.
/// Spec: docs/spec/rest-groups.md#7.2, docs/spec/websocket-protocol.md#16
#[derive(Debug, Deserialize)]
pub struct GetTopics {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "From_Account", default, deserialize_with = "decode::non_empty")]
    from: Option<UserId>,
    #[serde(rename = "TopicIdList")]
    topics: Option<Vec<String>>,
    #[serde(rename = "ResponseFilter")]
    fields: Option<Vec<String>>,
}

/// Topics, one by one.
#[derive(Debug, Serialize)]
pub struct Topics {
    #[serde(rename = "TopicAndSelfInfo")]
    topics: Vec<TopicItem>,
}

/// A topic and what one member has there.
#[derive(Debug, Serialize)]
struct TopicItem {
    #[serde(flatten)]
    result: ItemResult,
    #[serde(rename = "TopicInfo")]
    info: TopicInfo,
    #[serde(rename = "SelfInfo", skip_serializing_if = "Option::is_none")]
    own: Option<OwnInfo>,
}

/// A topic as answers describe it; absent fields were not asked for.
#[derive(Debug, Default, Serialize)]
struct TopicInfo {
    #[serde(rename = "TopicId")]
    id: String,
    #[serde(rename = "GroupID")]
    group: String,
    /// Clients know the community by this name.
    #[serde(rename = "GroupId", skip_serializing_if = "Option::is_none")]
    client_group: Option<String>,
    #[serde(rename = "TopicName", skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "FaceUrl", skip_serializing_if = "Option::is_none")]
    face_url: Option<String>,
    #[serde(rename = "Introduction", skip_serializing_if = "Option::is_none")]
    introduction: Option<String>,
    #[serde(rename = "Notification", skip_serializing_if = "Option::is_none")]
    notification: Option<String>,
    #[serde(rename = "CustomString", skip_serializing_if = "Option::is_none")]
    custom_string: Option<String>,
    #[serde(rename = "CreateTime", skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(rename = "LastMsgTime", skip_serializing_if = "Option::is_none")]
    last_time: Option<Timestamp>,
    #[serde(rename = "NextMsgSeq", skip_serializing_if = "Option::is_none")]
    next_seq: Option<u64>,
    #[serde(rename = "MuteAllMember", skip_serializing_if = "Option::is_none")]
    mute_all: Option<&'static str>,
    /// The older spelling, a number.
    #[serde(rename = "ShutUpAllFlag", skip_serializing_if = "Option::is_none")]
    shut_up_all: Option<u32>,
    #[serde(rename = "DefaultPermission", skip_serializing_if = "Option::is_none")]
    permission: Option<u64>,
    #[serde(rename = "LastMsg", skip_serializing_if = "Option::is_none")]
    last: Option<serde_json::Value>,
}

/// What one member has in a topic.
#[derive(Debug, Serialize)]
struct OwnInfo {
    #[serde(rename = "MsgSeq")]
    read_seq: u64,
    #[serde(rename = "MsgFlag")]
    msg_flag: &'static str,
    #[serde(rename = "ShutUpTime")]
    shut_up_secs: i64,
    #[serde(rename = "MuteTime")]
    mute_secs: i64,
    /// Unread messages that do not count, for clients.
    #[serde(rename = "NoUnreadSeqList", skip_serializing_if = "Option::is_none")]
    uncounted: Option<Vec<u64>>,
}

/// The message that a list of topics shows.
#[derive(Debug, Serialize)]
struct LastMessage<'a> {
    #[serde(rename = "From_Account")]
    from: &'a str,
    #[serde(rename = "From_AccountNick")]
    nick: &'a str,
    #[serde(rename = "From_AccountHeadurl")]
    face_url: &'a str,
    #[serde(rename = "MsgTimeStamp")]
    time: Timestamp,
    #[serde(rename = "LastMsgSeq")]
    seq: u64,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgBody")]
    body: Body<'a>,
    #[serde(rename = "CloudCustomData", skip_serializing_if = "Option::is_none")]
    cloud_custom_data: Option<&'a str>,
    #[serde(rename = "MsgVersion")]
    version: u32,
    #[serde(rename = "IsPlaceMsg")]
    place: u32,
    #[serde(rename = "RevokerInfo", skip_serializing_if = "Option::is_none")]
    revoker: Option<Revoker<'a>>,
}

impl Command for GetTopics {
    const ROUTE: Route = Route::both("million_group_open_http_svc", "get_topic", "docs/spec/rest-groups.md#7.2");
    type Reply = Topics;
    const INFO: &'static str = OK;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Topics, Error> {
        let settings = app.settings();
        if caller.is_app_admin() && self.from.is_none() {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`From_Account` is missing"));
        }
        let named = self.topics.as_deref().unwrap_or_default();
        check_batch(named, settings.limits().topic.per_group)?;
        let user = caller.acting_for(self.from.as_ref());
        let scene = app.scene(&self.group, caller, &user).await?;
        topic::held_by(&scene, &settings)?;
        App::require_reader(&scene)?;
        accounts_exist(app, std::iter::once(&user)).await?;
        let fields = match self.fields {
            Some(fields) if !fields.is_empty() => Wanted::Named(fields),
            Some(_) | None => Wanted::All,
        };
        let view = View { app, scene: &scene, fields, for_client: caller.session().is_some() };
        let mut topics = Vec::new();
        if named.is_empty() {
            for entry in app.store().read().topics(app.id(), &self.group, Some(&user)).await? {
                topics.push(view.item(&entry).await?);
            }
        }
        for id in named {
            topics.push(match found(app, &scene, id).await? {
                Ok(entry) => view.item(&entry).await?,
                Err(error) => view.failed(id, error),
            });
        }
        Ok(Topics { topics })
    }
}

/// Lets pass a list of topics that is not too long.
fn check_batch(named: &[String], most: u32) -> Result<(), Error> {
    if named.len() > most as usize {
        let text = format!("`TopicIdList` has {} entries, at most {most} are allowed", named.len());
        return Err(Error::new(ErrorCode::GroupBadParameter, text));
    }
    Ok(())
}

/// A topic id of a list, checked by itself.
fn of_community(id: &str, group: &GroupId) -> Result<TopicId, Error> {
    let bad = |text: String| Error::new(ErrorCode::TopicBadId, text);
    let id = TopicId::parse(id).map_err(|e| bad(e.to_string()))?;
    if id.belongs_to(group) { Ok(id) } else { Err(bad(format!("{id} is no topic of {group}"))) }
}

/// A named topic as the user of the scene has it, or what is wrong with its name.
async fn found(app: &App, scene: &Scene, id: &str) -> Result<Result<TopicEntry, Error>, Error> {
    let id = match of_community(id, &scene.group.id) {
        Ok(id) => id,
        Err(error) => return Ok(Err(error)),
    };
    let entries = app.store().read().topic_entries(app.id(), std::slice::from_ref(&id), Some(&scene.user)).await?;
    Ok(entries.into_iter().flatten().next().ok_or_else(|| gone(id)))
}

/// A topic that is not there, in an answer that treats topics one by one.
fn gone(id: TopicId) -> Error {
    Error::from(Denied::NoSuchTopic(id)).when(ErrorCode::GroupNotFound, ErrorCode::TopicNotFound)
}

/// Among how many of a topic's newest messages those that do not count are looked for.
const UNCOUNTED_WINDOW: u64 = 100;

/// How topics are described in one answer.
struct View<'a> {
    app: &'a App,
    scene: &'a Scene,
    fields: Wanted,
    /// Clients show the last message, and count what is unread.
    for_client: bool,
}

impl View<'_> {
    async fn item(&self, entry: &TopicEntry) -> Result<TopicItem, Error> {
        let uncounted = if self.for_client { Some(self.uncounted(entry).await?) } else { None };
        Ok(TopicItem {
            result: ItemResult::of(0, OK),
            info: self.info(entry).await?,
            own: Some(self.own(entry, uncounted)),
        })
    }

    /// Also of a topic that is not there clients want to know which.
    fn failed(&self, id: &str, error: Error) -> TopicItem {
        let group = self.scene.group.id.to_string();
        let client_group = self.for_client.then(|| group.clone());
        let info = TopicInfo { id: id.to_owned(), group, client_group, ..TopicInfo::default() };
        TopicItem { result: error.into(), info, own: None }
    }

    async fn info(&self, entry: &TopicEntry) -> Result<TopicInfo, Error> {
        let TopicEntry { topic, position, .. } = entry;
        let has = |name| self.fields.has(name);
        let mute_all = has("MuteAllMember") || has("ShutUpAllFlag") || has("ShutUpAllMember");
        let last = if self.for_client { self.last(entry).await? } else { None };
        let group = topic.group.to_string();
        Ok(TopicInfo {
            id: topic.id.to_string(),
            client_group: self.for_client.then(|| group.clone()),
            group,
            name: has("TopicName").then(|| topic.name.clone()),
            face_url: has("FaceUrl").then(|| topic.face_url.clone()),
            introduction: has("Introduction").then(|| topic.introduction.clone()),
            notification: has("Notification").then(|| topic.notification.clone()),
            custom_string: has("CustomString").then(|| topic.custom_string.clone()),
            created_at: has("CreateTime").then_some(topic.created_at),
            last_time: has("LastMsgTime").then_some(position.last_time),
            next_seq: has("NextMsgSeq").then_some(position.last_seq + 1),
            mute_all: mute_all.then(|| on_off_name(topic.mute_all)),
            shut_up_all: mute_all.then(|| topic.mute_all.into()),
            permission: (self.scene.rights.is_some() && has("DefaultPermission")).then_some(topic.permission),
            last,
        })
    }

    /// The last message that the reader sees, as JSON.
    async fn last(&self, entry: &TopicEntry) -> Result<Option<serde_json::Value>, Error> {
        let line = ConversationKey::Topic(entry.topic.id.clone());
        let Some(message) = self.app.store().read().message(self.app.id(), &line, entry.position.shown_seq).await?
        else {
            return Ok(None);
        };
        let scene = self.app.in_topic(self.scene.clone(), &entry.topic.id).await?;
        let sight = Sight::of(&scene, &line)?;
        let sight = entry.own.map_or(sight.clone(), |own| sight.of_member(&scene, &own));
        if !sight.shows(&message) {
            return Ok(None);
        }
        let faces = Faces::of(self.app.store(), self.app.id(), tip::shown_with(&message.draft)).await?;
        Ok(Some(serde_json::to_value(LastMessage::of(&message, &faces)).expect("messages are plain data")))
    }

    /// Unread messages that do not count.
    async fn uncounted(&self, entry: &TopicEntry) -> Result<Vec<u64>, Error> {
        let last_seq = entry.position.last_seq;
        let read_seq = entry.own.map_or(last_seq, |own| own.read_seq);
        let low = (read_seq + 1).max(last_seq.saturating_sub(UNCOUNTED_WINDOW - 1));
        if low > last_seq {
            return Ok(Vec::new());
        }
        let line = ConversationKey::Topic(entry.topic.id.clone());
        let unread = self.app.store().read().history(self.app.id(), &line, low, last_seq).await?;
        let uncounted = unread.iter().filter(|message| message.draft.options.no_unread);
        Ok(uncounted.map(|message| message.seq).collect())
    }

    fn own(&self, entry: &TopicEntry, uncounted: Option<Vec<u64>>) -> OwnInfo {
        let own = entry.own.as_ref();
        let of_community = self.scene.member.as_ref().map(|member| member.msg_flag);
        let msg_flag = own.and_then(|own| own.msg_flag).or(of_community);
        let mute_until = own.map_or(MuteUntil::NEVER, |own| own.mute_until);
        let mute_secs = mute_until.seconds_left(self.scene.now);
        OwnInfo {
            read_seq: own.map_or(0, |own| own.read_seq),
            msg_flag: msg_flag_name(msg_flag.unwrap_or(self.scene.policy.default_msg_flag)),
            shut_up_secs: mute_secs,
            mute_secs,
            uncounted,
        }
    }
}

impl<'a> LastMessage<'a> {
    fn of(message: &'a Message, faces: &'a Faces) -> Self {
        let draft = &message.draft;
        let sender = draft.sender.user();
        Self {
            from: sender.map_or(SYSTEM_ACCOUNT, UserId::as_str),
            nick: sender.map_or("", |sender| faces.nick(sender)),
            face_url: sender.map_or("", |sender| faces.face_url(sender)),
            time: draft.time,
            seq: message.seq,
            random: draft.random,
            body: Body::of(draft, faces),
            cloud_custom_data: draft.cloud_custom_data.as_deref(),
            version: message.version,
            place: if message.recall.is_some() { 2 } else { 0 },
            revoker: message.recall.as_ref().map(Revoker::from),
        }
    }
}

/// Changes a topic; absent fields stay. Members who are online are told what is new. REST, where the backend may name who acts, and
/// gateway; needs `Action::ManageTopics`.
/// Limits: `limits.topic`, `limits.group` (lengths).
/// Errors: `GroupNotFound` (also for a topic that is gone), `GroupNotAllowed`, `CommunityOff`, `TopicBadId`, `GroupBadParameter`,
/// `GroupAccountNotFound`.
/// Spec: docs/spec/rest-groups.md#7.3, docs/spec/websocket-protocol.md#16
#[derive(Debug, Deserialize)]
pub struct ModifyTopic {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId")]
    topic: TopicId,
    #[serde(rename = "From_Account", default, deserialize_with = "decode::non_empty")]
    from: Option<UserId>,
    #[serde(rename = "TopicName")]
    name: Option<String>,
    #[serde(rename = "Introduction")]
    introduction: Option<String>,
    #[serde(rename = "Notification")]
    notification: Option<String>,
    #[serde(rename = "FaceUrl")]
    face_url: Option<String>,
    #[serde(rename = "CustomString")]
    custom_string: Option<String>,
    #[serde(rename = "MuteAllMember", default, deserialize_with = "decode::on_off")]
    mute_all: Option<bool>,
    #[serde(rename = "ShutUpAllMember", default, deserialize_with = "decode::on_off")]
    shut_up_all: Option<bool>,
    #[serde(rename = "DefaultPermission")]
    permission: Option<u64>,
}

impl Command for ModifyTopic {
    const ROUTE: Route = Route::both("million_group_open_http_svc", "modify_topic", "docs/spec/rest-groups.md#7.3");
    type Reply = Done;
    const INFO: &'static str = OK;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let user = caller.acting_for(self.from.as_ref());
        let mut edit = TopicEdit {
            name: self.name,
            introduction: self.introduction,
            notification: self.notification,
            face_url: self.face_url,
            custom_string: self.custom_string,
            mute_all: self.mute_all.or(self.shut_up_all),
            permission: self.permission,
        };
        let texts = [edit.name.as_mut(), edit.introduction.as_mut(), edit.notification.as_mut()];
        screen(app, caller, &user, &self.group, texts).await?;
        app.decide(|| async {
            let scene = app.scene(&self.group, caller, &user).await?;
            topic::held_by(&scene, &app.settings())?;
            let scene = app.in_topic(scene, &self.topic).await?;
            let before = scene.topic.clone().ok_or(ErrorCode::GroupInternal)?;
            let change = topic::modify(&scene, &before, edit.clone(), &app.settings())?;
            accounts_exist(app, std::iter::once(&user)).await?;
            Ok(((), webhook::topic::info_changed(app, caller, &scene, change)))
        })
        .await?;
        Ok(Done {})
    }
}

/// Ends topics with everything in them; members who are online are told. REST and gateway; needs `Action::ManageTopics`. Each topic
/// has a code of its own.
/// Limits: `limits.topic.per_group` topics per call.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `CommunityOff`, `GroupBadParameter`; per topic `TopicNotFound`, `TopicBadId`,
/// `GroupNotAllowed`.
/// Spec: docs/spec/rest-groups.md#7.4, docs/spec/websocket-protocol.md#16
#[derive(Debug, Deserialize)]
pub struct DestroyTopics {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicIdList")]
    topics: Vec<String>,
}

/// What became of each topic.
#[derive(Debug, Serialize)]
pub struct Destroyed {
    #[serde(rename = "DestroyResultItem")]
    results: Vec<DestroyResult>,
}

/// What became of a topic.
#[derive(Debug, Serialize)]
struct DestroyResult {
    #[serde(flatten)]
    result: ItemResult,
    #[serde(rename = "TopicId")]
    id: String,
}

impl Command for DestroyTopics {
    const ROUTE: Route = Route::both("million_group_open_http_svc", "destroy_topic", "docs/spec/rest-groups.md#7.4");
    type Reply = Destroyed;
    const INFO: &'static str = OK;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Destroyed, Error> {
        check_batch(&self.topics, app.settings().limits().topic.per_group)?;
        if self.topics.is_empty() {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`TopicIdList` is empty"));
        }
        let decided = app.decide(|| self.decide(caller, app));
        let (results, _) = decided.await?;
        Ok(Destroyed { results })
    }
}

impl DestroyTopics {
    async fn decide(&self, caller: &Caller, app: &App) -> Result<(Vec<DestroyResult>, Change), Error> {
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        topic::held_by(&scene, &app.settings())?;
        if scene.rights.is_none() {
            scene.require(Action::ManageTopics, "end topics")?;
        }
        let mut ended = Vec::new();
        let mut results = Vec::with_capacity(self.topics.len());
        for id in &self.topics {
            let result = match may_end(app, &scene, id, &ended).await {
                Ok(topic) => {
                    ended.push(topic);
                    ItemResult::of(0, OK)
                }
                Err(error) => error.into(),
            };
            results.push(DestroyResult { result, id: id.clone() });
        }
        let change = topic::destroy(&scene, ended.clone(), app.dice().u64());
        Ok((results, webhook::topic::destroyed(app, caller, &scene, &ended, change)))
    }
}

/// The topic of that name, if the caller may end it and it was not named before.
async fn may_end(app: &App, scene: &Scene, id: &str, ended: &[TopicId]) -> Result<TopicId, Error> {
    let id = of_community(id, &scene.group.id)?;
    if ended.contains(&id) {
        return Err(gone(id));
    }
    let in_topic = app.in_topic(scene.clone(), &id).await;
    let scene = in_topic.map_err(|error| error.when(ErrorCode::GroupNotFound, ErrorCode::TopicNotFound))?;
    scene.require(Action::ManageTopics, "end the topic")?;
    Ok(id)
}
