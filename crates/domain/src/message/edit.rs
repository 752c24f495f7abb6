//! Overwriting a message that was sent.

use std::sync::Arc;

use super::{Content, Message, history::Sight};
use crate::{
    change::{Change, Event, Expect, Write},
    conversation::ConversationKey,
    denied::Denied,
    permission::Action,
    scene::Scene,
};

/// What a message is to say from now on; absent parts stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewText {
    /// The elements, JSON text.
    pub elements: Option<Arc<str>>,
    /// The data beside them.
    pub cloud_custom_data: Option<Arc<str>>,
}

/// Overwrites a message. Members may overwrite each other's: marks and reactions live in the data of any message.
/// `version` is the one the caller looked at; backends that look at none overwrite whatever is there.
///
/// # Errors
/// What the type or the caller's role forbids; [`Denied::NoSuchMessage`]; [`Denied::NotEditable`] for tips and withdrawn messages;
/// [`Denied::EditConflict`] when somebody else was faster.
pub fn edit(
    scene: &Scene,
    conversation: &ConversationKey,
    seq: u64,
    message: Option<&Message>,
    version: Option<u32>,
    new: NewText,
) -> Result<Change, Denied> {
    scene.require(Action::EditMessage, "edit messages")?;
    let sight = Sight::of(scene, conversation)?;
    let message = message.filter(|message| sight.shows(message)).ok_or(Denied::NoSuchMessage { seq })?;
    let elements = match &message.draft.content {
        Content::Elements(elements) if message.recall.is_none() => {
            new.elements.clone().unwrap_or_else(|| elements.clone())
        }
        Content::Elements(_) | Content::Tip(_) => return Err(Denied::NotEditable { seq }),
    };
    if version.is_some_and(|version| version != message.version) {
        return Err(Denied::EditConflict { current: message.version });
    }
    let cloud_custom_data = new.cloud_custom_data.clone().or_else(|| message.draft.cloud_custom_data.clone());
    let version = message.version + 1;
    Ok(Change::none()
        .expect(Expect::GroupAt { group: scene.group.id.clone(), revision: scene.group.revision })
        .expect(Expect::MessageAt { conversation: conversation.clone(), seq, version: message.version })
        .write(Write::Edit {
            conversation: conversation.clone(),
            seq,
            elements: new.elements,
            cloud_custom_data: new.cloud_custom_data,
            version,
        })
        .event(Event::Edited {
            conversation: conversation.clone(),
            seq,
            before: message.draft.clone(),
            elements,
            cloud_custom_data,
            version,
            by: scene.user.clone(),
        }))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy, Role, Timestamp, UserId,
        example::{scene_of, text_of},
        message::{Draft, GroupChanges, Recall, Sender, Tip},
    };

    fn message(version: u32) -> Message {
        let draft = Draft { cloud_custom_data: Some("old data".into()), ..text_of("author", 0) };
        Message { seq: 4, draft: draft.into(), version, recall: None, counted: 0 }
    }

    fn decide(scene: &Scene, message: &Message, version: Option<u32>, new: NewText) -> Result<Change, Denied> {
        let line = ConversationKey::Group(scene.group.id.clone());
        edit(scene, &line, 4, Some(message), version, new)
    }

    fn words(text: &str) -> NewText {
        NewText { elements: Some(text.into()), cloud_custom_data: None }
    }

    #[rstest]
    #[case::the_same(Some(3), true)]
    #[case::looked_at_none(None, true)]
    #[case::older(Some(2), false)]
    #[case::newer(Some(4), false)]
    fn versions(#[case] version: Option<u32>, #[case] fine: bool) {
        let scene = scene_of(GroupPolicy::MEETING, "another", Role::Member);
        let result = decide(&scene, &message(3), version, words("[1]"));
        match result {
            Ok(change) => {
                assert!(fine);
                assert!(matches!(change.writes.as_slice(), [Write::Edit { version: 4, .. }]), "{change:?}");
            }
            Err(denied) => {
                assert!(!fine);
                assert_eq!(denied, Denied::EditConflict { current: 3 });
            }
        }
    }

    #[test]
    fn what_is_not_named_stays() {
        let scene = scene_of(GroupPolicy::MEETING, "author", Role::Member);
        let change = decide(&scene, &message(0), Some(0), words("[1]")).expect("edited");
        let Some(Event::Edited { elements, cloud_custom_data, .. }) = change.events.first() else { panic!("told") };
        assert_eq!((elements.as_ref(), cloud_custom_data.as_deref()), ("[1]", Some("old data")));
        let data = NewText { elements: None, cloud_custom_data: Some("new".into()) };
        let change = decide(&scene, &message(0), Some(0), data).expect("edited");
        let Some(Event::Edited { elements, cloud_custom_data, .. }) = change.events.first() else { panic!("told") };
        assert!(elements.contains("TIMTextElem"));
        assert_eq!(cloud_custom_data.as_deref(), Some("new"));
    }

    #[test]
    fn tips_and_withdrawn_messages_stay_as_they_are() {
        let scene = scene_of(GroupPolicy::PUBLIC, "author", Role::Owner);
        let mut withdrawn = message(0);
        withdrawn.recall = Some(Recall { by: scene.user.clone(), reason: String::new(), at: Timestamp(1) });
        assert_eq!(decide(&scene, &withdrawn, None, words("[1]")), Err(Denied::NotEditable { seq: 4 }));
        let mut tip = message(0);
        let content =
            Content::Tip(Tip::GroupChanged { by: UserId::trusted("author"), changes: GroupChanges::default() });
        tip.draft = Draft { content, sender: Sender::System, ..(*tip.draft).clone() }.into();
        assert_eq!(decide(&scene, &tip, None, words("[1]")), Err(Denied::NotEditable { seq: 4 }));
    }

    #[test]
    fn strangers_and_live_rooms() {
        let stranger = scene_of(GroupPolicy::PUBLIC, "stranger", Role::NotMember);
        assert!(matches!(decide(&stranger, &message(0), None, words("[1]")), Err(Denied::NotMember { .. })));
        let room = scene_of(GroupPolicy::AV_CHAT_ROOM, "author", Role::Owner);
        assert!(matches!(decide(&room, &message(0), None, words("[1]")), Err(Denied::TypeForbids { .. })));
    }
}
