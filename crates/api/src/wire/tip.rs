//! The body of tips (docs/spec/websocket-protocol.md#12).

use std::collections::BTreeMap;

use serde::Serialize;
use tsudoi_domain::{
    UserId,
    group::attribute::{Attribute, AttributeUpdate, CounterUpdate},
    message::{Content, Draft, GroupChanges, MemberMute, Tip},
};

use super::{apply_option_name, faces::Faces};

/// `MsgBody` of a tip.
#[derive(Debug, Default, Serialize)]
pub struct TipBody<'a> {
    /// 0: the body says by its other members what it is about.
    #[serde(rename = "OpType", skip_serializing_if = "is_zero")]
    op_type: u32,
    #[serde(rename = "Operator_Account")]
    operator: &'a str,
    #[serde(rename = "List_Account", skip_serializing_if = "Option::is_none")]
    users: Option<&'a [UserId]>,
    #[serde(rename = "GroupJoinType", skip_serializing_if = "Option::is_none")]
    join_type: Option<u32>,
    #[serde(rename = "MemberNum", skip_serializing_if = "Option::is_none")]
    member_num: Option<u64>,
    #[serde(rename = "Reason", skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(rename = "MsgOperatorMemberExtraInfo", skip_serializing_if = "Option::is_none")]
    operator_face: Option<UserFace<'a>>,
    #[serde(rename = "MsgMemberExtraInfo", skip_serializing_if = "Vec::is_empty")]
    user_faces: Vec<UserFace<'a>>,
    #[serde(rename = "MsgGroupNewInfo", skip_serializing_if = "Option::is_none")]
    group_changes: Option<NewInfo<'a>>,
    #[serde(rename = "MsgMemberInfo", skip_serializing_if = "Option::is_none")]
    mutes: Option<Vec<MuteInfo<'a>>>,
    #[serde(rename = "MsgTopicNewInfo", skip_serializing_if = "Option::is_none")]
    topic_changes: Option<TopicInfo<'a>>,
    #[serde(rename = "GroupCounterInfo", skip_serializing_if = "Option::is_none")]
    counters: Option<[CountersInfo<'a>; 1]>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Who somebody is, beside the id.
#[derive(Debug, Serialize)]
pub struct UserFace<'a> {
    #[serde(rename = "User_Account")]
    user: &'a str,
    #[serde(rename = "NickName")]
    nick: &'a str,
    #[serde(rename = "ImageUrl")]
    face_url: &'a str,
}

impl<'a> UserFace<'a> {
    /// The face of a user.
    #[must_use]
    pub fn of(user: &'a UserId, faces: &'a Faces) -> Self {
        Self { user: user.as_str(), nick: faces.nick(user), face_url: faces.face_url(user) }
    }
}

#[derive(Debug, Default, Serialize)]
struct NewInfo<'a> {
    #[serde(rename = "GroupName", skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(rename = "GroupIntroduction", skip_serializing_if = "Option::is_none")]
    introduction: Option<&'a str>,
    #[serde(rename = "GroupNotification", skip_serializing_if = "Option::is_none")]
    notification: Option<&'a str>,
    #[serde(rename = "GroupFaceUrl", skip_serializing_if = "Option::is_none")]
    face_url: Option<&'a str>,
    #[serde(rename = "GroupApplyJoinOption", skip_serializing_if = "Option::is_none")]
    apply_option: Option<&'static str>,
    #[serde(rename = "Owner_Account", skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(rename = "ShutupAll", skip_serializing_if = "Option::is_none")]
    mute_all: Option<u32>,
    #[serde(rename = "MsgAppDefinedData", skip_serializing_if = "Vec::is_empty")]
    custom: Vec<KeyValue<'a>>,
    #[serde(rename = "GroupAttrOption", skip_serializing_if = "Option::is_none")]
    attributes: Option<AttributesInfo<'a>>,
}

/// What became of attributes (docs/spec/websocket-protocol.md#15).
#[derive(Debug, Serialize)]
struct AttributesInfo<'a> {
    /// 1 replaced, 2 modified, 3 cleared, 4 deleted.
    #[serde(rename = "OpType")]
    op_type: u32,
    #[serde(rename = "GroupAttrSeq")]
    seq: u64,
    /// 1: the entries are in the push, nobody has to read again.
    #[serde(rename = "PushChangedAttrValFlag")]
    with_values: u32,
    #[serde(rename = "GroupAttrInfo")]
    entries: Vec<AttributeInfo<'a>>,
}

#[derive(Debug, Serialize)]
struct AttributeInfo<'a> {
    #[serde(rename = "Key")]
    key: &'a str,
    #[serde(rename = "Value")]
    value: &'a str,
    #[serde(rename = "SubKeySeq")]
    seq: u64,
}

impl<'a> AttributesInfo<'a> {
    fn of(seq: u64, update: &'a AttributeUpdate) -> Self {
        let listed = |entries: &'a BTreeMap<String, Attribute>| {
            entries.iter().map(|(key, one)| AttributeInfo { key, value: &one.value, seq: one.seq }).collect()
        };
        let (op_type, entries) = match update {
            AttributeUpdate::Replaced(entries) => (1, listed(entries)),
            AttributeUpdate::Modified(entries) => (2, listed(entries)),
            AttributeUpdate::Cleared => (3, Vec::new()),
            AttributeUpdate::Deleted(keys) => {
                (4, keys.iter().map(|key| AttributeInfo { key, value: "", seq: 0 }).collect())
            }
        };
        Self { op_type, seq, with_values: 1, entries }
    }
}

/// What became of counters (docs/spec/websocket-protocol.md#15).
#[derive(Debug, Serialize)]
struct CountersInfo<'a> {
    /// 0 changed, 1 deleted.
    #[serde(rename = "Type")]
    kind: u32,
    #[serde(rename = "GroupCounterSeq")]
    seq: u64,
    #[serde(rename = "GroupCounter")]
    counters: Vec<Counter<'a>>,
}

impl<'a> CountersInfo<'a> {
    fn of(seq: u64, update: &'a CounterUpdate) -> Self {
        match update {
            CounterUpdate::Changed(values) => Self { kind: 0, seq, counters: counters(values) },
            CounterUpdate::Deleted(values) => Self { kind: 1, seq, counters: counters(values) },
        }
    }
}

/// A counter.
#[derive(Debug, Serialize)]
pub struct Counter<'a> {
    #[serde(rename = "Key")]
    key: &'a str,
    #[serde(rename = "Value")]
    value: i64,
}

fn counters(values: &BTreeMap<String, i64>) -> Vec<Counter<'_>> {
    values.iter().map(|(key, value)| Counter { key, value: *value }).collect()
}

#[derive(Debug, Default, Serialize)]
struct TopicInfo<'a> {
    #[serde(rename = "TopicName", skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(rename = "TopicFaceUrl", skip_serializing_if = "Option::is_none")]
    face_url: Option<&'a str>,
    #[serde(rename = "TopicIntroduction", skip_serializing_if = "Option::is_none")]
    introduction: Option<&'a str>,
    #[serde(rename = "TopicNotification", skip_serializing_if = "Option::is_none")]
    notification: Option<&'a str>,
    #[serde(rename = "CustomString", skip_serializing_if = "Option::is_none")]
    custom_string: Option<&'a str>,
    #[serde(rename = "ShutupAll", skip_serializing_if = "Option::is_none")]
    mute_all: Option<u32>,
}

/// A custom field.
#[derive(Debug, Serialize)]
pub struct KeyValue<'a> {
    #[serde(rename = "Key")]
    key: &'a str,
    #[serde(rename = "Value")]
    value: &'a str,
}

/// Custom fields as the wire lists them.
#[must_use]
pub fn key_values(custom: &BTreeMap<String, String>) -> Vec<KeyValue<'_>> {
    custom.iter().map(|(key, value)| KeyValue { key, value }).collect()
}

#[derive(Debug, Serialize)]
struct MuteInfo<'a> {
    #[serde(rename = "User_Account")]
    user: &'a str,
    #[serde(rename = "ShutupTime")]
    seconds: u32,
}

impl<'a> TipBody<'a> {
    /// The body of a tip.
    #[must_use]
    pub fn of(tip: &'a Tip, faces: &'a Faces) -> Self {
        let operator = tip.operator();
        let base =
            Self { operator: operator.as_str(), operator_face: Some(UserFace::of(operator, faces)), ..Self::default() };
        let of_users = |op_type, users: &'a [UserId]| Self {
            op_type,
            users: Some(users),
            user_faces: users.iter().map(|user| UserFace::of(user, faces)).collect(),
            operator: operator.as_str(),
            operator_face: Some(UserFace::of(operator, faces)),
            ..Self::default()
        };
        match tip {
            Tip::Joined { users, invited, member_num, .. } => Self {
                join_type: Some(if *invited { 2 } else { 1 }),
                member_num: Some(*member_num),
                ..of_users(1, users)
            },
            Tip::Quit { user, member_num } => {
                Self { member_num: Some(*member_num), ..of_users(2, std::slice::from_ref(user)) }
            }
            Tip::QuitTogether { users, member_num } => Self { member_num: Some(*member_num), ..of_users(2, users) },
            Tip::Kicked { users, reason, member_num, .. } => {
                Self { reason, member_num: Some(*member_num), ..of_users(3, users) }
            }
            Tip::AdminSet { users, granted, .. } => of_users(if *granted { 4 } else { 5 }, users),
            Tip::GroupChanged { changes, .. } => Self { op_type: 6, group_changes: Some(new_info(changes)), ..base },
            Tip::Muted { members, .. } => Self {
                op_type: 7,
                mutes: Some(members.iter().map(mute_info).collect()),
                user_faces: members.iter().map(|member| UserFace::of(&member.user, faces)).collect(),
                ..base
            },
            Tip::TopicChanged { changes, .. } => Self { op_type: 8, topic_changes: Some(topic_info(changes)), ..base },
            Tip::Banned { users, banned, .. } => of_users(if *banned { 10 } else { 11 }, users),
            Tip::AttributesChanged { seq, update, .. } => Self {
                op_type: 6,
                group_changes: Some(NewInfo {
                    attributes: Some(AttributesInfo::of(*seq, update)),
                    ..NewInfo::default()
                }),
                ..base
            },
            Tip::CountersChanged { seq, update, .. } => {
                Self { counters: Some([CountersInfo::of(*seq, update)]), ..base }
            }
        }
    }
}

fn mute_info(member: &MemberMute) -> MuteInfo<'_> {
    MuteInfo { user: member.user.as_str(), seconds: member.seconds }
}

fn new_info(changes: &GroupChanges) -> NewInfo<'_> {
    NewInfo {
        name: changes.name.as_deref(),
        introduction: changes.introduction.as_deref(),
        notification: changes.notification.as_deref(),
        face_url: changes.face_url.as_deref(),
        apply_option: changes.apply_option.map(apply_option_name),
        owner: changes.owner.as_ref().map(UserId::as_str),
        mute_all: changes.mute_all.map(u32::from),
        custom: key_values(&changes.custom),
        attributes: None,
    }
}

fn topic_info(changes: &GroupChanges) -> TopicInfo<'_> {
    TopicInfo {
        name: changes.name.as_deref(),
        face_url: changes.face_url.as_deref(),
        introduction: changes.introduction.as_deref(),
        notification: changes.notification.as_deref(),
        custom_string: changes.custom_string.as_deref(),
        mute_all: changes.mute_all.map(u32::from),
    }
}

/// Everybody a tip mentions.
#[must_use]
pub fn mentioned(tip: &Tip) -> Vec<UserId> {
    let mut users = vec![tip.operator().clone()];
    match tip {
        Tip::Joined { users: listed, .. }
        | Tip::QuitTogether { users: listed, .. }
        | Tip::Kicked { users: listed, .. }
        | Tip::AdminSet { users: listed, .. }
        | Tip::Banned { users: listed, .. } => users.extend_from_slice(listed),
        Tip::Muted { members, .. } => users.extend(members.iter().map(|member| member.user.clone())),
        Tip::Quit { .. }
        | Tip::GroupChanged { .. }
        | Tip::TopicChanged { .. }
        | Tip::AttributesChanged { .. }
        | Tip::CountersChanged { .. } => {}
    }
    users
}

/// Everybody whose face is shown with a message.
#[must_use]
pub fn shown_with(draft: &Draft) -> Vec<UserId> {
    let mut users: Vec<UserId> = draft.sender.user().cloned().into_iter().collect();
    if let Content::Tip(tip) = &draft.content {
        users.extend(mentioned(tip));
    }
    users
}
