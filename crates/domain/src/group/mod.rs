//! Groups: the chat spaces of an app, their profile and what differs between their types.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{GroupId, UserId, time::Timestamp};

pub mod attribute;
pub mod create;
pub mod custom;
pub mod dissolve;
pub mod group_type;
pub mod modify;
pub mod permission_group;
pub mod policy;
pub mod search;
pub mod transfer;

pub use group_type::{GroupType, TypeNames};
pub use policy::{ApplyJoinOption, GroupPolicy, InviteJoinOption, MsgFlag, PolicyOverride};

/// A living group (docs/spec/group-types.md#4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Unique in the app.
    pub id: GroupId,
    /// Its type; never changes.
    pub group_type: GroupType,
    /// The spelling of the type in the creating request.
    pub created_as: Arc<str>,
    /// Group name.
    pub name: String,
    /// Introduction.
    pub introduction: String,
    /// Announcement.
    pub notification: String,
    /// Avatar address.
    pub face_url: String,
    /// The owner; nobody when the group was created without one, or its owner left.
    pub owner: Option<UserId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Grows by one with every profile change.
    pub info_seq: u64,
    /// When the profile last changed.
    pub info_changed_at: Timestamp,
    /// How many members it has; kept by the store.
    pub member_num: u64,
    /// How many members it may have; 0 is no cap.
    pub max_member_num: u64,
    /// How strangers come in.
    pub apply_option: ApplyJoinOption,
    /// How members bring others in.
    pub invite_option: InviteJoinOption,
    /// Only owner, admins and app admins may speak.
    pub mute_all: bool,
    /// A community that holds topics.
    pub support_topic: bool,
    /// A community whose rights come from permission groups.
    pub permission_enabled: bool,
    /// Rights of every member while permission groups are enabled.
    pub default_permission: u64,
    /// Whether newcomers see earlier messages; absent: as the type says.
    pub history_before_join: Option<bool>,
    /// Whether members other than the owner see the group yet (docs/spec/group-types.md#2.8).
    pub active: bool,
    /// Custom group fields by key.
    pub custom: BTreeMap<String, String>,
    /// Messages up to this number are hidden from clients (`clear_group_msg`).
    pub cleared_seq: u64,
    /// Grows with every change that may take a right away; sends are decided against it. Kept by the store.
    pub revision: u64,
}

impl Group {
    /// How many members the group may have: its own cap where the type lets one count, else the type's; 0 is no cap.
    #[must_use]
    pub fn cap(&self, policy: &GroupPolicy) -> u64 {
        let of_type = u64::from(policy.max_members);
        match (policy.own_member_cap, self.max_member_num) {
            (false, _) | (true, 0) => of_type,
            (true, own) if of_type == 0 => own,
            (true, own) => own.min(of_type),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::member::tests::scene;

    #[rstest]
    #[case::follows_the_type(GroupPolicy::WORK, 0, 200)]
    #[case::own_cap(GroupPolicy::WORK, 50, 50)]
    #[case::not_above_the_type(GroupPolicy::WORK, 5000, 200)]
    #[case::type_without_cap(GroupPolicy { max_members: 0, ..GroupPolicy::WORK }, 50, 50)]
    #[case::ignored_in_live_rooms(GroupPolicy::AV_CHAT_ROOM, 50, 0)]
    fn caps(#[case] policy: GroupPolicy, #[case] own: u64, #[case] cap: u64) {
        let mut scene = scene(policy);
        Arc::make_mut(&mut scene.group).max_member_num = own;
        assert_eq!(scene.group.cap(&policy), cap);
    }
}
