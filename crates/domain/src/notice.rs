//! Notices: what single users are told about groups (docs/spec/websocket-protocol.md#13).

use serde::{Deserialize, Serialize};

use crate::{GroupId, TopicId, UserId};

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
    /// Who caused it.
    pub by: UserId,
    /// What happened.
    pub kind: NoticeKind,
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
        /// The option's wire name.
        flag: String,
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
    /// Whether the notice waits for those who are away.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        !matches!(self, Self::Custom { .. } | Self::ReceiveOptionChanged { .. })
    }
}
