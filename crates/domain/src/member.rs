//! Members: users in a group, their rank and what they chose for it.

use std::collections::BTreeMap;

use crate::{
    UserId,
    group::MsgFlag,
    permission::Role,
    time::{MuteUntil, Timestamp},
};

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
            msg_flag,
            last_spoke_at: Timestamp(0),
            mute_until: MuteUntil::NEVER,
            name_card: String::new(),
            custom: BTreeMap::new(),
        }
    }
}
