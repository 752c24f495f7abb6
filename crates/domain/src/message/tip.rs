//! Tips: what happened to a group, told in its own message stream (docs/spec/websocket-protocol.md#12).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{TopicId, UserId, group::ApplyJoinOption};

/// One thing that happened to a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tip {
    /// Users came in.
    Joined {
        /// Who let or brought them in, or the newcomer themself.
        by: UserId,
        /// The newcomers.
        users: Vec<UserId>,
        /// Somebody else brought them in.
        invited: bool,
        /// Members afterwards.
        member_num: u64,
    },
    /// A user left.
    Quit {
        /// Who.
        user: UserId,
        /// Members afterwards.
        member_num: u64,
    },
    /// Users were removed.
    Kicked {
        /// Who removed them.
        by: UserId,
        /// The removed.
        users: Vec<UserId>,
        /// Why, in the remover's words.
        reason: String,
        /// Members afterwards.
        member_num: u64,
    },
    /// Users became admins, or are admins no longer.
    AdminSet {
        /// Who decided.
        by: UserId,
        /// Whom.
        users: Vec<UserId>,
        /// Granted or taken.
        granted: bool,
    },
    /// The group's profile changed.
    GroupChanged {
        /// Who changed it.
        by: UserId,
        /// What it is now; only what changed.
        changes: GroupChanges,
    },
    /// Members were muted or may speak again.
    Muted {
        /// Who decided.
        by: UserId,
        /// Whom and for how long.
        members: Vec<MemberMute>,
    },
    /// A topic's profile changed.
    TopicChanged {
        /// Who changed it.
        by: UserId,
        /// The topic.
        topic: TopicId,
        /// What it is now; only what changed.
        changes: GroupChanges,
    },
    /// Users of a live room were banned, or may come back.
    Banned {
        /// Who decided.
        by: UserId,
        /// Whom.
        users: Vec<UserId>,
        /// Banned, or no longer.
        banned: bool,
    },
}

impl Tip {
    /// Who caused it.
    #[must_use]
    pub fn operator(&self) -> &UserId {
        match self {
            Self::Joined { by, .. }
            | Self::Kicked { by, .. }
            | Self::AdminSet { by, .. }
            | Self::GroupChanged { by, .. }
            | Self::Muted { by, .. }
            | Self::TopicChanged { by, .. }
            | Self::Banned { by, .. } => by,
            Self::Quit { user, .. } => user,
        }
    }
}

/// What is new in the profile of a group or topic; absent fields did not change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupChanges {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Introduction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introduction: Option<String>,
    /// Announcement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification: Option<String>,
    /// Avatar address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face_url: Option<String>,
    /// The new owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// How strangers come in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply_option: Option<ApplyJoinOption>,
    /// Whether only owner and admins may speak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mute_all: Option<bool>,
    /// Custom fields, only the changed keys.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, String>,
    /// A topic's own text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_string: Option<String>,
}

impl GroupChanges {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether only settings changed that are announced by a switch of their own
    /// (docs/spec/limits-and-editions.md#8: notices of mute-all and join option change).
    #[must_use]
    pub fn only_settings(&self) -> bool {
        GroupChanges { apply_option: None, mute_all: None, ..self.clone() }.is_empty()
    }
}

/// One member who may not speak for a while, or may again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberMute {
    /// Whom.
    pub user: UserId,
    /// For how many seconds from now; 0: may speak again.
    pub seconds: u32,
}
