//! Reactions to messages.

use super::{Content, Message, extras::ReactionSummary, history::Sight};
use crate::{
    UserId,
    change::{Change, Event, Write},
    conversation::ConversationKey,
    denied::Denied,
    permission::Action,
    scene::Scene,
};

/// Longest name of a reaction, bytes.
pub const NAME_BYTES: usize = 128;
/// Most different reactions to one message.
pub const KINDS: usize = 100;

/// Lets pass who may react to a group's message, or read the reactions to it.
///
/// # Errors
/// What the type or the role forbids; [`Denied::NoSuchMessage`] for what the caller does not see.
pub fn in_group<'a>(
    scene: &Scene,
    conversation: &ConversationKey,
    seq: u64,
    message: Option<&'a Message>,
) -> Result<&'a Message, Denied> {
    scene.require(Action::React, "react to messages")?;
    let sight = Sight::of(scene, conversation)?;
    message.filter(|message| sight.shows(message)).ok_or(Denied::NoSuchMessage { seq })
}

/// Somebody reacts to a message, or no longer does; doing it twice changes nothing. `stands` are the reactions so far.
///
/// # Errors
/// [`Denied::NoSuchMessage`] for tips and withdrawn messages; [`Denied::BadValue`] for a reaction that is no name or one too many.
pub fn react(
    message: &Message,
    stands: &[ReactionSummary],
    reaction: &str,
    user: &UserId,
    reacts: bool,
) -> Result<Change, Denied> {
    if reaction.is_empty() || reaction.len() > NAME_BYTES {
        return Err(Denied::BadValue(format!("`Reaction` must have 1 to {NAME_BYTES} bytes")));
    }
    let seq = message.seq;
    if reacts && (message.recall.is_some() || matches!(message.draft.content, Content::Tip(_))) {
        return Err(Denied::NoSuchMessage { seq });
    }
    let known = stands.iter().find(|one| one.reaction == reaction);
    if reacts && known.is_none() && stands.len() >= KINDS {
        return Err(Denied::BadValue(format!("`Reaction`: a message has at most {KINDS} different ones")));
    }
    if known.is_some_and(|one| one.mine) == reacts {
        return Ok(Change::none());
    }
    let conversation = message.draft.conversation.clone();
    let (reaction, user) = (reaction.to_owned(), user.clone());
    Ok(Change::none()
        .write(Write::SetReaction { conversation, seq, reaction: reaction.clone(), user: user.clone(), reacts })
        .event(Event::Reacted { seq, message: message.draft.clone(), reaction, user, reacts }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::{Timestamp, example::text_of, message::Recall};

    fn message(recalled: bool) -> Message {
        let recall = recalled.then(|| Recall { by: UserId::trusted("ana"), reason: String::new(), at: Timestamp(1) });
        Message { seq: 4, draft: Arc::new(text_of("ana", 0)), version: 0, recall, counted: 0 }
    }

    fn summary(reaction: &str, mine: bool) -> ReactionSummary {
        ReactionSummary { reaction: reaction.into(), count: 1, users: Vec::new(), mine }
    }

    #[rstest]
    #[case::first("thumb", true, true)]
    #[case::again("heart", true, false)]
    #[case::joins_others("smile", true, true)]
    #[case::takes_back("heart", false, true)]
    #[case::never_did("thumb", false, false)]
    #[case::others_did("smile", false, false)]
    fn reactions(#[case] reaction: &str, #[case] reacts: bool, #[case] changes: bool) {
        let stands = [summary("heart", true), summary("smile", false)];
        let change = react(&message(false), &stands, reaction, &UserId::trusted("bob"), reacts).expect("may react");
        assert_eq!((change.writes.len(), change.events.len()), (usize::from(changes), usize::from(changes)));
    }

    #[test]
    fn refusals() {
        let bob = UserId::trusted("bob");
        for name in [String::new(), "x".repeat(NAME_BYTES + 1)] {
            assert!(matches!(react(&message(false), &[], &name, &bob, true), Err(Denied::BadValue(_))));
        }
        assert_eq!(react(&message(true), &[], "heart", &bob, true), Err(Denied::NoSuchMessage { seq: 4 }));
        let many: Vec<_> = (0..KINDS).map(|n| summary(&n.to_string(), false)).collect();
        assert!(matches!(react(&message(false), &many, "heart", &bob, true), Err(Denied::BadValue(_))));
        assert!(react(&message(false), &many, "7", &bob, true).is_ok());
    }
}
