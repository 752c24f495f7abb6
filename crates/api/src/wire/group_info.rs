//! The objects that describe a group and its members (docs/spec/rest-groups.md#1.3, docs/spec/websocket-protocol.md#10).

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize, Serializer, ser::SerializeSeq as _};
use tsudoi_domain::{
    AppSettings, GroupId, Scene, Timestamp, UserId,
    conversation::{ConversationKey, Position},
    group::{Group, GroupPolicy, TypeNames, custom, policy::OnlineCount},
    member::Member,
    permission::Actor,
};
use tsudoi_store::StoreError;

use super::{apply_option_name, invite_option_name, msg_flag_name, on_off_name, role_name};
use crate::{app::App, command::Caller, error_code::ErrorCode};

/// The names that a filter of a request lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Everything.
    #[default]
    All,
    /// Nothing.
    Nothing,
    /// These.
    Named(Vec<String>),
}

impl Wanted {
    /// Whether the name is wanted.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Named(names) => names.iter().any(|wanted| wanted == name),
        }
    }

    /// Wants one more name.
    pub fn add(&mut self, name: &str) {
        match self {
            Self::All => {}
            Self::Nothing => *self = Self::Named(vec![name.to_owned()]),
            Self::Named(names) => names.push(name.to_owned()),
        }
    }

    /// Those of the named ones that are among others.
    #[must_use]
    pub fn among(&self, others: &Wanted) -> Wanted {
        match self {
            Self::All => others.clone(),
            Self::Nothing => Self::Nothing,
            Self::Named(names) => Self::Named(names.iter().filter(|name| others.has(name)).cloned().collect()),
        }
    }

    fn has_either(&self, one: &str, other: &str) -> bool {
        self.has(one) || self.has(other)
    }

    fn pick(&self, fields: BTreeMap<String, String>) -> BTreeMap<String, String> {
        match self {
            Self::All => fields,
            Self::Nothing => BTreeMap::new(),
            Self::Named(_) => fields.into_iter().filter(|(key, _)| self.has(key)).collect(),
        }
    }
}

/// `ResponseFilter`: what an answer about groups shall hold. An empty list counts as absent.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ResponseFilter {
    #[serde(rename = "GroupBaseInfoFilter", alias = "GroupBasePublicInfoFilter", default)]
    base: Vec<String>,
    #[serde(rename = "MemberInfoFilter", default)]
    member: Vec<String>,
    #[serde(rename = "SelfInfoFilter", default)]
    own: Vec<String>,
    #[serde(rename = "AppDefinedDataFilter_Group", default)]
    custom: Vec<String>,
    #[serde(rename = "AppDefinedDataFilter_GroupMember", default)]
    member_custom: Vec<String>,
}

fn listed(names: &[String]) -> Wanted {
    if names.is_empty() { Wanted::Nothing } else { Wanted::Named(names.to_vec()) }
}

impl ResponseFilter {
    /// Base fields of a group.
    #[must_use]
    pub fn base(&self) -> Wanted {
        listed(&self.base)
    }

    /// Fields of the members that are listed with a group.
    #[must_use]
    pub fn member(&self) -> Wanted {
        listed(&self.member)
    }

    /// Fields of the membership of the one who asks, or is asked about.
    #[must_use]
    pub fn own(&self) -> Wanted {
        listed(&self.own)
    }

    /// Keys of custom fields of a group.
    #[must_use]
    pub fn custom(&self) -> Wanted {
        listed(&self.custom)
    }

    /// Keys of custom fields of members.
    #[must_use]
    pub fn member_custom(&self) -> Wanted {
        listed(&self.member_custom)
    }
}

/// Custom fields as the wire lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomFields(pub BTreeMap<String, String>);

impl Serialize for CustomFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Field<'a> {
            #[serde(rename = "Key")]
            key: &'a str,
            #[serde(rename = "Value")]
            value: &'a str,
        }
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            list.serialize_element(&Field { key, value })?;
        }
        list.end()
    }
}

/// A group as answers describe it; absent fields were not asked for.
#[derive(Debug, Serialize)]
pub struct GroupProfile {
    #[serde(rename = "GroupId")]
    id: GroupId,
    #[serde(flatten)]
    result: Option<ItemResult>,
    #[serde(rename = "Appid", skip_serializing_if = "Option::is_none")]
    app: Option<u32>,
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    type_name: Option<String>,
    #[serde(rename = "Name", skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "Introduction", skip_serializing_if = "Option::is_none")]
    introduction: Option<String>,
    #[serde(rename = "Notification", skip_serializing_if = "Option::is_none")]
    notification: Option<String>,
    #[serde(rename = "FaceUrl", skip_serializing_if = "Option::is_none")]
    face_url: Option<String>,
    #[serde(rename = "Owner_Account", skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(rename = "CreateTime", skip_serializing_if = "Option::is_none")]
    created_at: Option<i64>,
    #[serde(rename = "InfoSeq", skip_serializing_if = "Option::is_none")]
    info_seq: Option<u64>,
    #[serde(rename = "LastInfoTime", skip_serializing_if = "Option::is_none")]
    info_changed_at: Option<i64>,
    #[serde(rename = "LastMsgTime", skip_serializing_if = "Option::is_none")]
    last_msg_time: Option<i64>,
    #[serde(rename = "NextMsgSeq", skip_serializing_if = "Option::is_none")]
    next_msg_seq: Option<u64>,
    #[serde(rename = "MemberNum", skip_serializing_if = "Option::is_none")]
    member_num: Option<u64>,
    #[serde(rename = "MaxMemberNum", skip_serializing_if = "Option::is_none")]
    max_member_num: Option<u64>,
    #[serde(rename = "OnlineMemberNum", skip_serializing_if = "Option::is_none")]
    online_member_num: Option<u64>,
    #[serde(rename = "ApplyJoinOption", skip_serializing_if = "Option::is_none")]
    apply_option: Option<&'static str>,
    #[serde(rename = "InviteJoinOption", skip_serializing_if = "Option::is_none")]
    invite_option: Option<&'static str>,
    #[serde(rename = "ShutUpAllMember", skip_serializing_if = "Option::is_none")]
    shut_up_all: Option<&'static str>,
    #[serde(rename = "MuteAllMember", skip_serializing_if = "Option::is_none")]
    mute_all: Option<&'static str>,
    #[serde(rename = "SupportTopic", skip_serializing_if = "Option::is_none")]
    support_topic: Option<u32>,
    #[serde(rename = "EnablePermission", skip_serializing_if = "Option::is_none")]
    permission_enabled: Option<u32>,
    #[serde(rename = "DefaultPermission", skip_serializing_if = "Option::is_none")]
    default_permission: Option<u64>,
    #[serde(rename = "HistoryMsgBeforeJoin", skip_serializing_if = "Option::is_none")]
    history_before_join: Option<&'static str>,
    #[serde(rename = "AppDefinedData", skip_serializing_if = "Option::is_none")]
    custom: Option<CustomFields>,
    #[serde(rename = "SelfInfo", skip_serializing_if = "Option::is_none")]
    own: Option<MemberProfile>,
    #[serde(rename = "MemberList", skip_serializing_if = "Option::is_none")]
    members: Option<Vec<MemberProfile>>,
}

/// How one item of an answer about several ended.
#[derive(Debug, Clone, Serialize)]
pub struct ItemResult {
    #[serde(rename = "ErrorCode")]
    code: u32,
    #[serde(rename = "ErrorInfo")]
    info: String,
}

impl ItemResult {
    /// It worked.
    #[must_use]
    pub fn ok() -> Self {
        Self::of(0, "")
    }

    /// A code with its text.
    #[must_use]
    pub fn of(code: u32, info: &str) -> Self {
        Self { code, info: info.to_owned() }
    }
}

impl From<crate::Error> for ItemResult {
    fn from(error: crate::Error) -> Self {
        Self { code: error.code(), info: error.text().to_owned() }
    }
}

impl From<ErrorCode> for ItemResult {
    fn from(code: ErrorCode) -> Self {
        crate::Error::from(code).into()
    }
}

/// A group with what is known of it beside its row.
#[derive(Debug, Clone)]
pub struct GroupView {
    /// The group.
    pub group: Arc<Group>,
    /// What its type allows.
    pub policy: Arc<GroupPolicy>,
    /// Where its messages stand.
    pub position: Position,
    /// How many are in it.
    pub member_num: u64,
    /// How many of them are here, where that is counted.
    pub online_num: Option<u64>,
}

impl GroupView {
    /// Looks up what is not in the group's row. Of a group whose position is known, use [`GroupView::at`].
    ///
    /// # Errors
    /// The store's fault.
    pub async fn of(app: &App, group: Arc<Group>) -> Result<Self, StoreError> {
        let position = app.store().read().position(app.id(), &ConversationKey::Group(group.id.clone())).await?;
        Ok(Self::at(app, group, position))
    }

    /// A group whose messages stand at `position`; those of a live room are not stored and stand where the room says.
    #[must_use]
    pub fn at(app: &App, group: Arc<Group>, position: Position) -> Self {
        let policy = app.policy_of(&group);
        let live = !policy.history_stored;
        let (last_seq, last_time) =
            if live { app.live.position(&group.id) } else { (position.last_seq, position.last_time) };
        let member_num = if policy.members_stored { group.member_num } else { app.live.count(&group.id) as u64 };
        let online_num = match policy.count_online {
            OnlineCount::Unsupported | OnlineCount::Off => None,
            OnlineCount::EveryFiveMinutes => Some(app.hub().count_in(app.id(), &group.id) as u64),
            OnlineCount::Live => Some(member_num),
        };
        Self { group, policy, position: Position { last_seq, last_time, ..position }, member_num, online_num }
    }
}

/// Who reads an answer, and what they want of it.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The app's settings.
    pub settings: &'a AppSettings,
    /// The spelling of types; see [`type_names`].
    pub type_names: TypeNames,
    /// Who.
    pub user: &'a UserId,
    /// By what right.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
}

impl<'a> Reader<'a> {
    /// Whoever acts in the scene.
    #[must_use]
    pub fn of(caller: &Caller, settings: &'a AppSettings, scene: &'a Scene) -> Self {
        let type_names = type_names(caller, settings);
        Self { settings, type_names, user: &scene.user, actor: scene.actor(), now: scene.now }
    }
}

/// The spelling of types for a caller: clients know them by their oldest names whatever the app chose for its backends.
#[must_use]
pub fn type_names(caller: &Caller, settings: &AppSettings) -> TypeNames {
    if caller.session().is_some() { TypeNames::Legacy } else { settings.type_names }
}

impl GroupProfile {
    /// What is said of a group that cannot be described.
    #[must_use]
    pub fn failed(id: GroupId, result: ItemResult) -> Self {
        Self { result: Some(result), ..Self::bare(id) }
    }

    fn bare(id: GroupId) -> Self {
        Self {
            id,
            result: None,
            app: None,
            type_name: None,
            name: None,
            introduction: None,
            notification: None,
            face_url: None,
            owner: None,
            created_at: None,
            info_seq: None,
            info_changed_at: None,
            last_msg_time: None,
            next_msg_seq: None,
            member_num: None,
            max_member_num: None,
            online_member_num: None,
            apply_option: None,
            invite_option: None,
            shut_up_all: None,
            mute_all: None,
            support_topic: None,
            permission_enabled: None,
            default_permission: None,
            history_before_join: None,
            custom: None,
            own: None,
            members: None,
        }
    }

    /// The base fields that are wanted, and the custom fields among the wanted ones that the reader may see.
    #[must_use]
    pub fn of(view: &GroupView, reader: &Reader<'_>, base: &Wanted, custom_keys: &Wanted) -> Self {
        let GroupView { group, policy, position, member_num, online_num } = view;
        let has = |name| base.has(name);
        let spelling = reader.type_names.for_group(tsudoi_domain::GroupType::spelling(&group.created_as));
        let mute_all = has("MuteAllMember") || has("ShutUpAllMember");
        let history = group.history_before_join.unwrap_or(policy.history_before_join);
        let custom = (*custom_keys != Wanted::Nothing).then(|| {
            let shown = custom::readable(reader.settings, &group.group_type, reader.actor, &group.custom);
            CustomFields(custom_keys.pick(shown))
        });
        Self {
            type_name: has("Type").then(|| group.group_type.wire_name(spelling).to_owned()),
            name: has("Name").then(|| group.name.clone()),
            introduction: has("Introduction").then(|| group.introduction.clone()),
            notification: has("Notification").then(|| group.notification.clone()),
            face_url: has("FaceUrl").then(|| group.face_url.clone()),
            owner: has("Owner_Account").then(|| group.owner.as_ref().map_or("", UserId::as_str).to_owned()),
            created_at: has("CreateTime").then_some(group.created_at.0),
            info_seq: has("InfoSeq").then_some(group.info_seq),
            info_changed_at: has("LastInfoTime").then_some(group.info_changed_at.0),
            last_msg_time: has("LastMsgTime").then_some(position.last_time.0),
            next_msg_seq: has("NextMsgSeq").then_some(position.last_seq + 1),
            member_num: has("MemberNum").then_some(*member_num),
            max_member_num: has("MaxMemberNum").then(|| group.cap(policy)),
            online_member_num: online_num.filter(|_| has("OnlineMemberNum")),
            apply_option: has("ApplyJoinOption").then(|| apply_option_name(group.apply_option)),
            invite_option: (policy.has_invite_option && has("InviteJoinOption"))
                .then(|| invite_option_name(group.invite_option)),
            shut_up_all: mute_all.then(|| on_off_name(group.mute_all)),
            mute_all: mute_all.then(|| on_off_name(group.mute_all)),
            support_topic: (policy.topics && has("SupportTopic")).then(|| group.support_topic.into()),
            permission_enabled: (group.support_topic && has("EnablePermission"))
                .then(|| group.permission_enabled.into()),
            default_permission: (group.permission_enabled && has("DefaultPermission"))
                .then_some(group.default_permission),
            history_before_join: (policy.history_option && has("HistoryMsgBeforeJoin")).then(|| on_off_name(history)),
            custom,
            ..Self::bare(group.id.clone())
        }
    }

    /// With the item's own code, 0: for answers whose items may fail one by one.
    #[must_use]
    pub fn with_result(mut self) -> Self {
        self.result = Some(ItemResult::ok());
        self
    }

    /// With the number of the app.
    #[must_use]
    pub fn with_app(mut self, app: &App) -> Self {
        self.app = Some(app.id().0);
        self
    }

    /// With the membership of the one who asks, or is asked about.
    #[must_use]
    pub fn with_own(mut self, own: MemberProfile) -> Self {
        self.own = Some(own);
        self
    }

    /// With members.
    #[must_use]
    pub fn with_members(mut self, members: Vec<MemberProfile>) -> Self {
        self.members = Some(members);
        self
    }
}

/// A member as answers describe them; absent fields were not asked for.
#[derive(Debug, Serialize)]
pub struct MemberProfile {
    #[serde(rename = "Member_Account", skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    #[serde(rename = "Role", skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(rename = "JoinTime", skip_serializing_if = "Option::is_none")]
    joined_at: Option<i64>,
    #[serde(rename = "MsgSeq", skip_serializing_if = "Option::is_none")]
    read_seq: Option<u64>,
    #[serde(rename = "MsgFlag", skip_serializing_if = "Option::is_none")]
    msg_flag: Option<&'static str>,
    #[serde(rename = "LastSendMsgTime", skip_serializing_if = "Option::is_none")]
    last_spoke_at: Option<i64>,
    #[serde(rename = "ShutUpUntil", skip_serializing_if = "Option::is_none")]
    shut_up_until: Option<i64>,
    #[serde(rename = "MuteUntil", skip_serializing_if = "Option::is_none")]
    mute_until: Option<i64>,
    #[serde(rename = "NameCard", skip_serializing_if = "Option::is_none")]
    name_card: Option<String>,
    #[serde(rename = "OnlineStatus", skip_serializing_if = "Option::is_none")]
    online: Option<&'static str>,
    #[serde(rename = "AppMemberDefinedData", skip_serializing_if = "Option::is_none")]
    custom: Option<CustomFields>,
}

impl MemberProfile {
    /// The wanted fields of a member of the group. A mute that is over is not shown. `online` says whether the member is
    /// here, where that is known.
    #[must_use]
    pub fn of(
        member: &Member,
        view: &GroupView,
        reader: &Reader<'_>,
        fields: &Wanted,
        custom_keys: &Wanted,
        online: Option<bool>,
    ) -> Self {
        let has = |name| fields.has(name);
        let until = if member.mute_until.holds(reader.now) { member.mute_until.0 } else { 0 };
        let muted = fields.has_either("ShutUpUntil", "MuteUntil").then_some(until);
        let wants_custom = view.policy.member_custom_fields && *custom_keys != Wanted::Nothing;
        let custom = wants_custom.then(|| {
            let group_type = &view.group.group_type;
            let on_self = member.user == *reader.user;
            let shown = custom::readable_of_member(reader.settings, group_type, reader.actor, on_self, &member.custom);
            CustomFields(custom_keys.pick(shown))
        });
        Self {
            user: Some(member.user.clone()),
            role: has("Role").then(|| role_name(member.role)),
            joined_at: has("JoinTime").then_some(member.joined_at.0),
            read_seq: has("MsgSeq").then_some(member.read_seq),
            msg_flag: has("MsgFlag").then(|| msg_flag_name(member.msg_flag)),
            last_spoke_at: has("LastSendMsgTime").then_some(member.last_spoke_at.0),
            shut_up_until: muted,
            mute_until: muted,
            name_card: has("NameCard").then(|| member.name_card.clone()),
            online: online.filter(|_| has("OnlineStatus")).map(|here| if here { "Online" } else { "Offline" }),
            custom,
        }
    }

    /// Without the account's name: `SelfInfo` is about whoever is asked about.
    #[must_use]
    pub fn without_account(mut self) -> Self {
        self.user = None;
        self
    }
}
