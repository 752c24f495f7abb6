//! Rights where permission groups are in force: bits over a community and over its topics (docs/spec/group-types.md#73).

use crate::{group::permission_group::Grants, permission::Action, topic::Topic};

/// Bits of the masks that hold for a whole community.
pub mod community {
    /// Change the profile of the community.
    pub const EDIT_PROFILE: u64 = 1;
    /// Remove members, decide on applications, change profiles of members.
    pub const MANAGE_MEMBERS: u64 = 1 << 1;
    /// Create, change and delete permission groups, and what they allow in topics.
    pub const MANAGE_PERMISSION_GROUPS: u64 = 1 << 2;
    /// Bring members into permission groups and take them out.
    pub const MANAGE_PERMISSION_MEMBERS: u64 = 1 << 3;
    /// Create, change and delete topics.
    pub const MANAGE_TOPICS: u64 = 1 << 4;
    /// Mute members in all topics.
    pub const MUTE: u64 = 1 << 5;
    /// Send messages in all topics.
    pub const SEND: u64 = 1 << 6;
    /// Mention everybody in all topics.
    pub const MENTION_ALL: u64 = 1 << 7;
    /// Read, in all topics, what was said before joining.
    pub const READ_HISTORY: u64 = 1 << 8;
    /// Recall messages of others in all topics.
    pub const RECALL_OTHERS: u64 = 1 << 9;
    /// Ban members.
    pub const BAN: u64 = 1 << 10;
}

/// Bits of the masks that hold for one topic.
pub mod topic {
    /// Change and delete the topic.
    pub const MANAGE: u64 = 1;
    /// Change what permission groups allow in the topic.
    pub const MANAGE_PERMISSIONS: u64 = 1 << 1;
    /// Mute members in the topic.
    pub const MUTE: u64 = 1 << 2;
    /// Send messages in the topic.
    pub const SEND: u64 = 1 << 3;
    /// Read what was said before joining.
    pub const READ_HISTORY: u64 = 1 << 4;
    /// Recall messages of others.
    pub const RECALL_OTHERS: u64 = 1 << 5;
    /// Mention everybody.
    pub const MENTION_ALL: u64 = 1 << 6;
}

/// What a right of the community comes to in each of its topics.
const IN_EVERY_TOPIC: [(u64, u64); 7] = [
    (community::MANAGE_TOPICS, topic::MANAGE),
    (community::MANAGE_PERMISSION_GROUPS, topic::MANAGE_PERMISSIONS),
    (community::MUTE, topic::MUTE),
    (community::SEND, topic::SEND),
    (community::READ_HISTORY, topic::READ_HISTORY),
    (community::RECALL_OTHERS, topic::RECALL_OTHERS),
    (community::MENTION_ALL, topic::MENTION_ALL),
];

/// What one member may do: the union of what the community allows everybody, what the topic allows everybody, and what the
/// member's permission groups allow. The owner needs none of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    /// In the community.
    pub community: u64,
    /// In the topic that is acted in, if it is one.
    pub topic: Option<u64>,
}

impl Rights {
    /// In a community whose members may all do what `default` says.
    #[must_use]
    pub fn in_community(default: u64, grants: &Grants) -> Self {
        Self { community: default | grants.community, topic: None }
    }

    /// The same in one of its topics.
    #[must_use]
    pub fn in_topic(self, topic: &Topic, grants: &Grants) -> Self {
        let everywhere = IN_EVERY_TOPIC.iter().filter(|(right, _)| self.community & right != 0);
        let everywhere = everywhere.fold(0, |mask, (_, right)| mask | right);
        let granted = grants.topics.get(&topic.id).copied().unwrap_or(0);
        Self { topic: Some(everywhere | topic.permission | granted), ..self }
    }

    /// Whether they suffice for the action; `None` where rights do not decide, but the role.
    #[must_use]
    pub fn allow(self, action: Action) -> Option<bool> {
        let community = |right: u64| Some(self.community & right != 0);
        // Of a topic its own mask speaks, which holds what the community allows in every topic.
        let in_topic = |right: u64, of_community: u64| match self.topic {
            Some(mask) => Some(mask & right != 0),
            None => community(of_community),
        };
        match action {
            Action::EditProfile | Action::EditSettings => community(community::EDIT_PROFILE),
            Action::ApproveJoin | Action::Kick | Action::EditOthersMember => community(community::MANAGE_MEMBERS),
            Action::Ban => community(community::BAN),
            Action::MuteAll => community(community::MUTE),
            Action::Mute => in_topic(topic::MUTE, community::MUTE),
            Action::Send | Action::EditMessage => in_topic(topic::SEND, community::SEND),
            Action::MentionAll => in_topic(topic::MENTION_ALL, community::MENTION_ALL),
            Action::RecallOthers => in_topic(topic::RECALL_OTHERS, community::RECALL_OTHERS),
            Action::ManageTopics | Action::PinMessage => in_topic(topic::MANAGE, community::MANAGE_TOPICS),
            Action::ManagePermissionGroups => community(community::MANAGE_PERMISSION_GROUPS),
            Action::ManagePermissionMembers => community(community::MANAGE_PERMISSION_MEMBERS),
            Action::ManageTopicPermissions => in_topic(topic::MANAGE_PERMISSIONS, community::MANAGE_PERMISSION_GROUPS),
            Action::ReadPublicProfile
            | Action::ReadProfile
            | Action::Apply
            | Action::Invite
            | Action::SetRole
            | Action::TransferOwner
            | Action::Dismiss
            | Action::Quit
            | Action::SendDirected
            | Action::SendWhileAllMuted
            | Action::ReadHistory
            | Action::ReadMembers
            | Action::RecallOwn
            | Action::DeleteMessages
            | Action::ClearHistory
            | Action::ExtendMessage
            | Action::React
            | Action::UseReceipts
            | Action::ReadAttributes
            | Action::WriteAttributes
            | Action::ReadCounters
            | Action::WriteCounters
            | Action::EditOwnMember
            | Action::MarkMembers
            | Action::SendNotice
            | Action::Import => None,
        }
    }

    /// Whether what was said before joining may be read.
    #[must_use]
    pub fn read_history(self) -> bool {
        match self.topic {
            Some(mask) => mask & topic::READ_HISTORY != 0,
            None => self.community & community::READ_HISTORY != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{GroupId, Timestamp, TopicId};

    fn news(permission: u64) -> Topic {
        let (id, group) = (TopicId::trusted("@TGS#_town@TOPIC#_news"), GroupId::trusted("@TGS#_town"));
        Topic { permission, ..Topic::new(id, group, "News".into(), Timestamp(1)) }
    }

    fn grants(community: u64, topics: &[(&str, u64)]) -> Grants {
        let topics = topics.iter().map(|(id, mask)| (TopicId::trusted(id), *mask)).collect();
        Grants { community, topics }
    }

    // Every bit, and what it opens. Columns: right of the community, right of the topic, action, allowed in the community,
    // allowed in the topic.
    #[rstest]
    #[case::nothing(0, 0, Action::Send, false, false)]
    #[case::edit_profile(1, 0, Action::EditProfile, true, true)]
    #[case::edit_settings(1, 0, Action::EditSettings, true, true)]
    #[case::kick(2, 0, Action::Kick, true, true)]
    #[case::approve(2, 0, Action::ApproveJoin, true, true)]
    #[case::name_cards(2, 0, Action::EditOthersMember, true, true)]
    #[case::permission_groups(4, 0, Action::ManagePermissionGroups, true, true)]
    #[case::permissions_in_topics(4, 0, Action::ManageTopicPermissions, true, true)]
    #[case::permission_members(8, 0, Action::ManagePermissionMembers, true, true)]
    #[case::not_the_groups_themselves(8, 0, Action::ManagePermissionGroups, false, false)]
    #[case::topics(16, 0, Action::ManageTopics, true, true)]
    #[case::mute(32, 0, Action::Mute, true, true)]
    #[case::mute_all(32, 0, Action::MuteAll, true, true)]
    #[case::send(64, 0, Action::Send, true, true)]
    #[case::mention_all(128, 0, Action::MentionAll, true, true)]
    #[case::recall(512, 0, Action::RecallOthers, true, true)]
    #[case::ban(1024, 0, Action::Ban, true, true)]
    #[case::this_topic(0, 1, Action::ManageTopics, false, true)]
    #[case::permissions_of_this_topic(0, 2, Action::ManageTopicPermissions, false, true)]
    #[case::mute_here(0, 4, Action::Mute, false, true)]
    #[case::send_here(0, 8, Action::Send, false, true)]
    #[case::recall_here(0, 32, Action::RecallOthers, false, true)]
    #[case::mention_all_here(0, 64, Action::MentionAll, false, true)]
    #[case::not_by_another_bit(!64, !8, Action::Send, false, false)]
    fn bits(
        #[case] community: u64,
        #[case] topic: u64,
        #[case] action: Action,
        #[case] in_community: bool,
        #[case] in_topic: bool,
    ) {
        let none = Grants::default();
        let rights = Rights::in_community(community, &none);
        assert_eq!(rights.allow(action), Some(in_community));
        assert_eq!(rights.in_topic(&news(topic), &none).allow(action), Some(in_topic));
    }

    #[test]
    fn rights_add_up() {
        let news_id = "@TGS#_town@TOPIC#_news";
        let granted = grants(community::MUTE, &[(news_id, topic::SEND), ("@TGS#_town@TOPIC#_art", u64::MAX)]);
        let rights = Rights::in_community(community::READ_HISTORY, &granted).in_topic(&news(topic::MANAGE), &granted);
        let here = topic::MUTE | topic::SEND | topic::READ_HISTORY | topic::MANAGE;
        assert_eq!(rights, Rights { community: community::MUTE | community::READ_HISTORY, topic: Some(here) });
        assert!(rights.read_history());
        assert!(!Rights::default().read_history());
    }

    #[test]
    fn roles_decide_where_no_bit_does() {
        for action in [Action::Quit, Action::ReadHistory, Action::RecallOwn, Action::TransferOwner, Action::SetRole] {
            assert_eq!(Rights { community: u64::MAX, topic: Some(u64::MAX) }.allow(action), None);
        }
    }
}
