//! Groups, scenes and messages for the tests of the rules.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    GroupId, GroupPolicy, GroupType, Role, Scene, Timestamp, UserId,
    conversation::ConversationKey,
    group::{Group, MsgFlag},
    member::Member,
    message::{Content, Draft, MessageOptions, Priority, Sender},
};

/// The group `g`, active, owned by `owner`.
pub(crate) fn group() -> Group {
    Group {
        id: GroupId::trusted("g"),
        group_type: GroupType::Public,
        created_as: "Public".into(),
        name: "A group".to_owned(),
        introduction: String::new(),
        notification: String::new(),
        face_url: String::new(),
        owner: Some(UserId::trusted("owner")),
        created_at: Timestamp(0),
        info_seq: 1,
        info_changed_at: Timestamp(0),
        member_num: 3,
        max_member_num: 0,
        apply_option: GroupPolicy::PUBLIC.default_apply_option,
        invite_option: GroupPolicy::PUBLIC.default_invite_option,
        mute_all: false,
        support_topic: false,
        permission_enabled: false,
        default_permission: 0,
        history_before_join: None,
        active: true,
        custom: BTreeMap::new(),
        cleared_seq: 0,
        revision: 1,
    }
}

/// The group as `user` finds it in that role, under that policy.
pub(crate) fn scene_of(policy: GroupPolicy, user: &str, role: Role) -> Scene {
    let user = UserId::trusted(user);
    let member = Member::new(user.clone(), role, Timestamp(0), 0, MsgFlag::AcceptAndNotify);
    Scene {
        group: Arc::new(group()),
        policy: Arc::new(policy),
        user,
        app_admin: false,
        member: role.is_member().then(|| Arc::new(member)),
        topic: None,
        rights: None,
        now: Timestamp(0),
    }
}

/// A text to the group `g`.
pub(crate) fn text_of(sender: &str, time: i64) -> Draft {
    Draft {
        conversation: ConversationKey::Group(GroupId::trusted("g")),
        sender: Sender::User(UserId::trusted(sender)),
        random: 1,
        time: Timestamp(time),
        client_time: time,
        client_seq: 1,
        priority: Priority::Normal,
        content: Content::Elements(r#"[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]"#.into()),
        cloud_custom_data: None,
        options: MessageOptions::default(),
    }
}
