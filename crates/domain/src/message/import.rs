//! Messages of another system, with the times they were sent at (docs/spec/rest-groups.md#4.2).

use std::sync::Arc;

use super::Draft;
use crate::{
    UserId,
    change::{Append, Change, Event, Expect, Write},
    conversation::{ConversationKey, Position},
    denied::Denied,
    group::Group,
    scene::Scene,
};

/// Whether a message may have been sent then: after the group, or the topic it lies in, came to be, not before the newest message, and
/// in the past.
///
/// # Errors
/// [`Denied::BadValue`] that names the rule.
pub fn may_date(scene: &Scene, position: Position, draft: &Draft) -> Result<(), Denied> {
    let bad = |text: &str| Err(Denied::BadValue(format!("`SendTime` {}: {text}", draft.time.0)));
    // A topic may be older than the community that took it in.
    let created_at = scene.topic.as_ref().map_or(scene.group.created_at, |topic| topic.created_at);
    if draft.time <= created_at {
        return bad("the group or topic did not exist yet");
    }
    if draft.time < position.last_time {
        return bad("the group has newer messages");
    }
    if draft.time >= scene.now {
        return bad("that is not in the past");
    }
    Ok(())
}

/// What an imported message asks for: it takes the next number, nobody is told, and every member has read everything. A group
/// that nobody but its owner has seen yet is woken; `sleepers` are its members who are here.
#[must_use]
pub fn import(scene: &Scene, draft: Draft, dedupe_secs: u32, sleepers: Vec<UserId>) -> Change {
    let group = &scene.group;
    let change = Change::none().expect(Expect::GroupAt { group: group.id.clone(), revision: group.revision });
    let change = if group.active {
        change
    } else {
        change
            .write(Write::UpdateGroup(Box::new(Group { active: true, ..(**group).clone() })))
            .event(Event::Membership { group: group.id.clone(), joined: sleepers, left: Vec::new() })
    };
    let conversation = draft.conversation.clone();
    let change = change.write(Write::Append(Append { draft: Arc::new(draft), dedupe_secs }));
    match conversation {
        ConversationKey::Group(_) => change.write(Write::ReadAll(group.id.clone())),
        ConversationKey::Topic(topic) => change.write(Write::ReadAllOfTopic(topic)),
        ConversationKey::Direct(..) => change,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy, Role, Timestamp,
        example::{scene_of, text_of},
    };

    fn scene() -> Scene {
        let mut scene = Scene { now: Timestamp(1000), ..scene_of(GroupPolicy::PUBLIC, "ana", Role::Owner) };
        Arc::make_mut(&mut scene.group).created_at = Timestamp(100);
        scene
    }

    // Group created at 100, newest message at 500, now 1000.
    #[rstest]
    #[case::before_the_group(99, false)]
    #[case::with_the_group(100, false)]
    #[case::before_the_newest(499, false)]
    #[case::with_the_newest(500, true)]
    #[case::later(999, true)]
    #[case::now(1000, false)]
    #[case::to_come(1001, false)]
    fn times(#[case] time: i64, #[case] fine: bool) {
        let position = Position { last_time: Timestamp(500), ..Position::default() };
        assert_eq!(may_date(&scene(), position, &text_of("ana", time)).is_ok(), fine);
    }

    #[test]
    fn nobody_is_told_and_everybody_has_read() {
        let change = import(&scene(), text_of("ana", 600), 0, Vec::new());
        assert!(matches!(change.writes.as_slice(), [Write::Append(_), Write::ReadAll(_)]));
        assert!(change.events.is_empty());
    }
}
