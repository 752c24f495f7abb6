//! Notices: what single users are told about groups (docs/spec/websocket-protocol.md#13).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    GroupId, Timestamp, TopicId, UserId,
    change::{Change, Event, Write},
    group::{Group, MsgFlag},
};

/// A system notice for one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Drawn for the notice: clients tell repeats by it. Never 0 in either half.
    pub id: u64,
    /// The group it is about.
    pub group: GroupId,
    /// The topic it is about, for notices about topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicId>,
    /// Group name at that time: the group may be gone when the notice is read.
    pub group_name: String,
    /// Stored name of the group's type at that time.
    pub group_type: String,
    /// Whether it is a community that holds topics.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds_topics: bool,
    /// Who caused it.
    pub by: UserId,
    /// What happened.
    pub kind: NoticeKind,
}

impl Notice {
    /// A notice about a group as it is now. `id` comes from the dice.
    #[must_use]
    pub fn about(group: &Group, by: UserId, kind: NoticeKind, id: u64) -> Self {
        Self {
            // Clients see the halves as two numbers, and take 0 for none.
            id: id | (1 << 32) | 1,
            group: group.id.clone(),
            topic: None,
            group_name: group.name.clone(),
            group_type: group.group_type.as_str().to_owned(),
            holds_topics: group.support_topic,
            by,
            kind,
        }
    }
}

/// Tells single users: those online at once, and those who are away when they come back, where the notice is of a kind that
/// waits ([`NoticeKind::is_kept`]). They hear of it before the events of the change.
#[must_use]
pub fn tell<'a>(change: Change, users: impl IntoIterator<Item = &'a UserId>, notice: Notice, now: Timestamp) -> Change {
    let is_kept = notice.kind.is_kept();
    let notice = Arc::new(notice);
    if is_kept {
        let notify = |user: &UserId| Write::Notify { user: user.clone(), notice: notice.clone(), time: now };
        return users.into_iter().fold(change, |change, user| change.write(notify(user)));
    }
    let users: Vec<UserId> = users.into_iter().cloned().collect();
    // No users would mean everybody.
    if users.is_empty() { change } else { change.event(Event::Notice { users, notice }) }
}

/// What a notice says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoticeKind {
    /// Somebody applies to join; for owner and admins.
    Applied {
        /// What decides about exactly this application.
        authentication: String,
        /// When it was made, Unix milliseconds.
        key: i64,
        /// In the applicant's words.
        message: String,
    },
    /// The application was accepted; for the applicant.
    Approved {
        /// In the words of who decided.
        message: String,
    },
    /// The application was refused; for the applicant.
    Refused {
        /// In the words of who decided.
        message: String,
    },
    /// Removed from the group.
    Kicked {
        /// In the remover's words.
        reason: String,
    },
    /// The group is no more.
    Dismissed,
    /// The group was created; for the owner's devices.
    Created,
    /// Brought into the group.
    Invited,
    /// Left the group; for the own devices.
    Quit,
    /// Became admin.
    AdminGranted,
    /// Is no admin any longer.
    AdminRevoked,
    /// The group was recycled for lack of activity.
    Recycled,
    /// Asked whether to come into the group.
    InviteRequest {
        /// What decides about exactly this invitation.
        authentication: String,
        /// When it was made, Unix milliseconds.
        key: i64,
    },
    /// The invitation was accepted; for the inviter.
    InviteAccepted,
    /// The invitation was refused; for the inviter.
    InviteRefused,
    /// A topic came to be.
    TopicCreated,
    /// Topics are no more.
    TopicsDeleted {
        /// Which.
        topics: Vec<TopicId>,
    },
    /// The own receive option changed on another device.
    ReceiveOptionChanged {
        /// What it is now.
        flag: MsgFlag,
    },
    /// Banned from a live room.
    Banned {
        /// Seconds.
        duration_secs: u32,
        /// In the words of who decided.
        description: String,
    },
    /// An app's own words; only for those online.
    Custom {
        /// The text.
        text: String,
    },
}

impl NoticeKind {
    /// Whether the notice waits for those who are away. Who was away when topics came and went sees it in the list of topics.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        !matches!(
            self,
            Self::Custom { .. } | Self::ReceiveOptionChanged { .. } | Self::TopicCreated | Self::TopicsDeleted { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GroupPolicy, member::tests::scene};

    #[test]
    fn neither_half_of_an_id_is_0() {
        let group = scene(GroupPolicy::WORK).group;
        let id = Notice::about(&group, UserId::trusted("ana"), NoticeKind::Dismissed, 0).id;
        assert!(id >> 32 != 0 && id & u64::from(u32::MAX) != 0);
    }

    #[test]
    fn kept_notices_are_stored_for_each_user_others_are_told_once() {
        let group = scene(GroupPolicy::WORK).group;
        let users = [UserId::trusted("bob"), UserId::trusted("cid")];
        let of = |kind| Notice::about(&group, UserId::trusted("ana"), kind, 9);
        let kept = tell(Change::none(), &users, of(NoticeKind::Invited), Timestamp(1));
        assert!(kept.events.is_empty());
        assert_eq!(kept.writes.len(), 2);
        let flag = NoticeKind::ReceiveOptionChanged { flag: MsgFlag::Discard };
        let passing = tell(Change::none(), &users, of(flag.clone()), Timestamp(1));
        assert!(passing.writes.is_empty());
        assert_eq!(passing.events.len(), 1);
        assert!(tell(Change::none(), &[], of(flag), Timestamp(1)).is_empty(), "nobody is not everybody");
    }
}
