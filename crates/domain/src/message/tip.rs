//! Tips: what happened to a group, told in its own message stream (docs/spec/websocket-protocol.md#12).

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Content, Draft, MessageOptions, Priority, Sender};
use crate::{
    Scene, TopicId, UserId,
    change::{Append, Change, Event, Write},
    conversation::ConversationKey,
    group::{
        ApplyJoinOption,
        attribute::{AttributeUpdate, CounterUpdate},
        policy::Tips,
    },
};

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
    /// Several users left a live room.
    QuitTogether {
        /// Who; at least one.
        users: Vec<UserId>,
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
        /// Only in this topic.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<TopicId>,
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
    /// Attributes changed. Never stored.
    AttributesChanged {
        /// Who changed them.
        by: UserId,
        /// The number of the write.
        seq: u64,
        /// What became of them.
        update: AttributeUpdate,
    },
    /// Counters changed. Never stored.
    CountersChanged {
        /// Who changed them.
        by: UserId,
        /// The number of the write.
        seq: u64,
        /// What became of them.
        update: CounterUpdate,
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
            | Self::Banned { by, .. }
            | Self::AttributesChanged { by, .. }
            | Self::CountersChanged { by, .. } => by,
            Self::Quit { user, .. } => user,
            Self::QuitTogether { users, .. } => users.first().expect("somebody left"),
        }
    }

    /// The topic that it is about, where it is about one.
    #[must_use]
    pub fn topic(&self) -> Option<&TopicId> {
        match self {
            Self::TopicChanged { topic, .. } => Some(topic),
            Self::Muted { topic, .. } => topic.as_ref(),
            Self::Joined { .. }
            | Self::Quit { .. }
            | Self::QuitTogether { .. }
            | Self::Kicked { .. }
            | Self::AdminSet { .. }
            | Self::GroupChanged { .. }
            | Self::AttributesChanged { .. }
            | Self::CountersChanged { .. }
            | Self::Banned { .. } => None,
        }
    }
}

/// Tells a group what happened to it: as a message with a number of its own, or, where tips are not stored (live rooms,
/// communities whose messages lie in topics), to those who are online. `random` marks the message and is never 0 on the wire.
#[must_use]
pub fn tell(change: Change, scene: &Scene, tip: Tip, random: u32) -> Change {
    if !is_stored(scene) {
        return change.event(Event::Tip { group: scene.group.id.clone(), tip });
    }
    let place = change.writes.iter().filter(|write| matches!(write, Write::Append(_))).count();
    change
        .write(Write::Append(Append { draft: Arc::new(draft(scene, tip, random)), dedupe_secs: 0 }))
        .event(Event::Stored(place))
}

/// Whether tips of the group are messages with a number.
#[must_use]
pub fn is_stored(scene: &Scene) -> bool {
    scene.policy.tips == Tips::Stored && !scene.group.support_topic
}

fn draft(scene: &Scene, tip: Tip, random: u32) -> Draft {
    Draft {
        conversation: ConversationKey::Group(scene.group.id.clone()),
        sender: Sender::System,
        random: random.max(1),
        time: scene.now,
        client_time: scene.now.0,
        client_seq: 0,
        priority: Priority::Normal,
        content: Content::Tip(tip),
        cloud_custom_data: None,
        options: MessageOptions::default(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GroupPolicy, member::tests::scene};

    fn quit() -> Tip {
        Tip::Quit { user: UserId::trusted("bob"), member_num: 2 }
    }

    #[test]
    fn tips_take_a_number_where_they_are_stored() {
        let work = scene(GroupPolicy::WORK);
        let change = tell(tell(Change::none(), &work, quit(), 0), &work, quit(), 7);
        assert_eq!(change.events, [Event::Stored(0), Event::Stored(1)]);
        let randoms = change.writes.iter().map(|write| match write {
            Write::Append(append) => append.draft.random,
            _ => 0,
        });
        assert_eq!(randoms.collect::<Vec<_>>(), [1, 7], "0 is no random");
    }

    #[test]
    fn tips_of_live_rooms_and_of_communities_with_topics_are_only_told() {
        let mut town = scene(GroupPolicy::COMMUNITY);
        Arc::make_mut(&mut town.group).support_topic = true;
        for scene in [scene(GroupPolicy::AV_CHAT_ROOM), town] {
            let change = tell(Change::none(), &scene, quit(), 7);
            assert!(change.writes.is_empty());
            assert_eq!(change.events, [Event::Tip { group: scene.group.id.clone(), tip: quit() }]);
        }
    }
}
