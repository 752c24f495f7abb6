//! Members: users in a group, their rank and what they chose for it.

use std::collections::BTreeMap;

use crate::{
    Scene, UserId,
    change::{Change, Event},
    group::{MsgFlag, policy::MemberChangeNotice},
    message::{Tip, tip},
    permission::Role,
    time::{MuteUntil, Timestamp},
};

pub mod import;
pub mod invite;
pub mod join;
pub mod mute;
pub mod profile;
pub mod remove;
pub mod role;

/// The dice: each call rolls them.
pub type Dice<'a> = &'a dyn Fn() -> u64;

/// One user in one group (docs/spec/group-types.md#5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub user: UserId,
    /// Their rank.
    pub role: Role,
    /// When they joined.
    pub joined_at: Timestamp,
    /// The newest sequence number when they joined; earlier messages are shown only where the group says so.
    pub joined_seq: u64,
    /// Messages up to this number are read.
    pub read_seq: u64,
    /// Messages up to this number are hidden: the member cleared the history.
    pub cleared_seq: u64,
    /// What to do with the group's messages.
    pub msg_flag: MsgFlag,
    /// When they last spoke.
    pub last_spoke_at: Timestamp,
    /// Until when they may not speak; outlives leaving and coming back.
    pub mute_until: MuteUntil,
    /// Their name in this group.
    pub name_card: String,
    /// Custom member fields by key.
    pub custom: BTreeMap<String, String>,
}

impl Member {
    /// An ordinary member who joins now and has read everything.
    #[must_use]
    pub fn new(user: UserId, role: Role, now: Timestamp, last_seq: u64, msg_flag: MsgFlag) -> Self {
        Self {
            user,
            role,
            joined_at: now,
            joined_seq: last_seq,
            read_seq: last_seq,
            cleared_seq: 0,
            msg_flag,
            last_spoke_at: Timestamp(0),
            mute_until: MuteUntil::NEVER,
            name_card: String::new(),
            custom: BTreeMap::new(),
        }
    }
}

/// Tells a group who came or went, in the way its type does. Nobody is told about a group that only its owner sees
/// (docs/spec/group-types.md#2.8).
#[must_use]
pub fn announce(change: Change, scene: &Scene, tip: Tip, dice: Dice<'_>) -> Change {
    if !scene.group.active {
        return change;
    }
    match scene.policy.member_change_notice {
        MemberChangeNotice::None => change,
        MemberChangeNotice::Visible => tip::tell(change, scene, tip, random(dice)),
        MemberChangeNotice::Silent => change.event(Event::Tip { group: scene.group.id.clone(), tip }),
    }
}

/// A number for a message.
fn random(dice: Dice<'_>) -> u32 {
    u32::try_from(dice() >> 32).expect("half of 64 bits")
}

#[cfg(test)]
pub(crate) mod tests {
    //! A group for the rules' tests: owner `ana`, three members.

    use std::sync::Arc;

    use super::*;
    use crate::{
        GroupId, GroupPolicy, GroupType, Scene,
        group::{Group, MsgFlag},
    };

    /// A group of the type's policy as a stranger called `eve` finds it.
    pub(crate) fn scene(policy: GroupPolicy) -> Scene {
        let group = Group {
            id: GroupId::trusted("crew"),
            group_type: GroupType::Public,
            created_as: "Public".into(),
            name: "Crew".to_owned(),
            introduction: String::new(),
            notification: String::new(),
            face_url: String::new(),
            owner: Some(UserId::trusted("ana")),
            created_at: Timestamp(1000),
            info_seq: 1,
            info_changed_at: Timestamp(1000),
            member_num: 3,
            max_member_num: 0,
            apply_option: policy.default_apply_option,
            invite_option: policy.default_invite_option,
            mute_all: false,
            support_topic: false,
            permission_enabled: false,
            default_permission: 0,
            history_before_join: None,
            active: true,
            custom: BTreeMap::new(),
            cleared_seq: 0,
            revision: 7,
        };
        Scene {
            group: Arc::new(group),
            policy: Arc::new(policy),
            user: UserId::trusted("eve"),
            app_admin: false,
            member: None,
            topic: None,
            rights: None,
            now: Timestamp(2000),
        }
    }

    /// The same group as a member of that role finds it.
    pub(crate) fn scene_as(policy: GroupPolicy, role: Role) -> Scene {
        let name = match role {
            Role::Owner => "ana",
            Role::Admin => "bob",
            Role::Member => "cid",
            Role::NotMember => "eve",
        };
        let user = UserId::trusted(name);
        let member = role
            .is_member()
            .then(|| Arc::new(Member::new(user.clone(), role, Timestamp(1500), 4, MsgFlag::AcceptAndNotify)));
        Scene { user, member, ..scene(policy) }
    }

    /// The same group as an app admin finds it.
    pub(crate) fn scene_of_app_admin(policy: GroupPolicy) -> Scene {
        Scene { user: UserId::trusted("administrator"), app_admin: true, ..scene(policy) }
    }
}
