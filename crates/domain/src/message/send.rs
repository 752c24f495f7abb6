//! Who may say what in a group, and what a message asks to be stored.

use std::sync::Arc;

use super::Draft;
use crate::{
    UserId,
    change::{Append, Change, Event, Expect, Write},
    conversation::ConversationKey,
    denied::Denied,
    group::Group,
    permission::{Action, Actor, permission},
    scene::Scene,
    time::MuteUntil,
};

/// What is known about the sender beside their role.
#[derive(Debug, Clone, Copy)]
pub struct Speaker {
    /// The sender is an admin account of the app, whom nobody mutes.
    pub is_app_admin: bool,
    /// Until when the sender is muted in the group, member or not.
    pub muted: MuteUntil,
    /// Until when the sender is muted in the topic.
    pub muted_in_topic: MuteUntil,
    /// The topic is muted as a whole.
    pub topic_muted: bool,
}

/// Lets pass a message that may be sent.
///
/// # Errors
/// What the type, the sender's role or a mute forbids.
pub fn may_send(scene: &Scene, speaker: Speaker, draft: &Draft) -> Result<(), Denied> {
    // 1. The type and the role.
    scene.require(Action::Send, "send messages")?;
    if !draft.options.targets.is_empty() {
        scene.require(Action::SendDirected, "send messages to named members")?;
    }
    if draft.options.mentions.all {
        scene.require(Action::MentionAll, "mention everybody")?;
    }
    // 2. Mutes bind whoever speaks, also when a backend speaks for them; only app admins are above them.
    if speaker.is_app_admin {
        return Ok(());
    }
    let muted = || Denied::Muted { user: scene.user.clone(), group: scene.group.id.clone() };
    if speaker.muted.holds(scene.now) || speaker.muted_in_topic.holds(scene.now) {
        return Err(muted());
    }
    let leads = permission(&scene.policy, Actor::Role(scene.role()), Action::SendWhileAllMuted).allows();
    if (scene.group.mute_all || speaker.topic_muted) && !leads {
        return Err(muted());
    }
    Ok(())
}

/// What a stored message asks for. `sleepers` are the members of a group that nobody but its owner has seen yet: the first
/// message wakes it (docs/spec/group-types.md#2.8).
#[must_use]
pub fn send(scene: &Scene, draft: Draft, dedupe_secs: u32, sleepers: Vec<UserId>) -> Change {
    let change =
        Change::none().expect(Expect::GroupAt { group: scene.group.id.clone(), revision: scene.group.revision });
    let change = if scene.group.active {
        change
    } else {
        change
            .write(Write::UpdateGroup(Box::new(Group { active: true, ..(*scene.group).clone() })))
            .event(Event::Membership { group: scene.group.id.clone(), joined: sleepers, left: Vec::new() })
    };
    change.write(Write::Append(Append { draft: Arc::new(draft), dedupe_secs })).event(Event::Stored(0))
}

/// A message that only those who are online get.
#[must_use]
pub fn send_transient(draft: Draft) -> Change {
    Change::none().event(Event::Transient(Arc::new(draft)))
}

/// A message of a live room, with its number.
#[must_use]
pub fn send_live(draft: Draft, seq: u64) -> Change {
    debug_assert!(matches!(draft.conversation, ConversationKey::Group(_)), "live rooms have no topics");
    Change::none().event(Event::Live { draft: Arc::new(draft), seq })
}
