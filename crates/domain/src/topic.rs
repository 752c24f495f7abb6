//! Topics: the sub-spaces of a community, each with messages, read positions and mutes of its own.

use serde::{Deserialize, Serialize};

use crate::{
    GroupId, TopicId,
    group::MsgFlag,
    time::{MuteUntil, Timestamp},
};

/// A topic of a community (docs/spec/group-types.md#72-topics).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Unique in the app.
    pub id: TopicId,
    /// The community.
    pub group: GroupId,
    /// Topic name.
    pub name: String,
    /// Introduction.
    pub introduction: String,
    /// Announcement.
    pub notification: String,
    /// Avatar address.
    pub face_url: String,
    /// The app's own text.
    pub custom_string: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Only owner, admins and app admins may speak.
    pub mute_all: bool,
    /// Rights of every member while permission groups are enabled, a mask of docs/spec/group-types.md#73.
    pub permission: u64,
}

impl Topic {
    /// A topic with a name and nothing else.
    #[must_use]
    pub fn new(id: TopicId, group: GroupId, name: String, now: Timestamp) -> Self {
        Self {
            id,
            group,
            name,
            introduction: String::new(),
            notification: String::new(),
            face_url: String::new(),
            custom_string: String::new(),
            created_at: now,
            mute_all: false,
            permission: 0,
        }
    }
}

/// A topic as one member of the community has it. Every member takes part in every topic; nothing is written before they
/// read or choose something there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicMember {
    /// Messages up to this number are read. Who never read there has read what was said before they joined.
    pub read_seq: u64,
    /// Messages up to this number are hidden: the member cleared the history.
    pub cleared_seq: u64,
    /// What to do with the topic's messages; absent: as in the community.
    pub msg_flag: Option<MsgFlag>,
    /// Until when they may not speak in the topic.
    pub mute_until: MuteUntil,
}
