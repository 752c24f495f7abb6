//! Messages that a group holds up.

use super::{Content, Message, extras::Pin, history::Sight};
use crate::{
    change::{Change, Event, Write},
    conversation::ConversationKey,
    denied::Denied,
    permission::Action,
    scene::Scene,
};

/// Pins a message; everybody sees it. Pinning twice changes nothing.
///
/// # Errors
/// What the type or the role forbids; [`Denied::NoSuchMessage`], also for tips and withdrawn messages; [`Denied::TooManyPins`].
pub fn pin(
    scene: &Scene,
    conversation: &ConversationKey,
    seq: u64,
    message: Option<&Message>,
    pins: &[Pin],
    cap: u32,
) -> Result<Change, Denied> {
    scene.require(Action::PinMessage, "pin messages")?;
    let sight = Sight::of(scene, conversation)?;
    let message = message
        .filter(|message| sight.shows(message) && message.recall.is_none())
        .filter(|message| matches!(message.draft.content, Content::Elements(_)))
        .ok_or(Denied::NoSuchMessage { seq })?;
    if pins.iter().any(|pin| pin.seq == seq) {
        return Ok(Change::none());
    }
    if pins.len() >= cap as usize {
        return Err(Denied::TooManyPins(cap));
    }
    let pin = Pin { seq, by: scene.user.clone(), at: scene.now };
    Ok(change(scene, message, Some(pin)))
}

/// Takes a pin away; one that is not there is gone already.
///
/// # Errors
/// What the type or the role forbids.
pub fn unpin(scene: &Scene, seq: u64, message: Option<&Message>, pins: &[Pin]) -> Result<Change, Denied> {
    scene.require(Action::PinMessage, "unpin messages")?;
    match message {
        Some(message) if pins.iter().any(|pin| pin.seq == seq) => Ok(change(scene, message, None)),
        Some(_) | None => Ok(Change::none()),
    }
}

fn change(scene: &Scene, message: &Message, pin: Option<Pin>) -> Change {
    let pinned = pin.is_some();
    Change::none()
        .write(Write::SetPin { conversation: message.draft.conversation.clone(), seq: message.seq, pin })
        .event(Event::Pinned { message: Box::new(message.clone()), by: scene.user.clone(), pinned })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        GroupPolicy, Role, Timestamp, UserId,
        example::{scene_of, text_of},
    };

    fn message() -> Message {
        Message { seq: 4, draft: Arc::new(text_of("ana", 0)), version: 0, recall: None, counted: 0 }
    }

    fn pinned(seq: u64) -> Pin {
        Pin { seq, by: UserId::trusted("ana"), at: Timestamp(0) }
    }

    #[test]
    fn pins_come_and_go_once() {
        let scene = scene_of(GroupPolicy::PUBLIC, "boss", Role::Owner);
        let line = ConversationKey::Group(scene.group.id.clone());
        let pin_it = |pins: &[Pin]| pin(&scene, &line, 4, Some(&message()), pins, 2);
        assert_eq!(pin_it(&[]).expect("may pin").writes.len(), 1);
        assert!(pin_it(&[pinned(4)]).expect("pinned already").is_empty());
        assert_eq!(pin_it(&[pinned(1), pinned(2)]), Err(Denied::TooManyPins(2)));
        assert!(pin_it(&[pinned(1), pinned(4)]).is_ok());
        assert_eq!(unpin(&scene, 4, Some(&message()), &[pinned(4)]).expect("may").events.len(), 1);
        assert!(unpin(&scene, 4, Some(&message()), &[pinned(1)]).expect("may").is_empty());
        assert_eq!(pin(&scene, &line, 9, None, &[], 2), Err(Denied::NoSuchMessage { seq: 9 }));
    }

    #[test]
    fn only_those_who_lead_pin() {
        let member = scene_of(GroupPolicy::PUBLIC, "bob", Role::Member);
        let line = ConversationKey::Group(member.group.id.clone());
        let outcome = pin(&member, &line, 4, Some(&message()), &[], 2);
        assert!(matches!(outcome, Err(Denied::NotPermitted { .. })));
    }
}
