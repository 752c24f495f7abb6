//! Messages between two people: what sending, reading and recalling one asks to be stored.

use std::sync::Arc;

use super::{Content, Draft, Message, MessageOptions, MsgKey, Recall, edit::NewText};
use crate::{
    UserId,
    change::{Append, Change, Event, Expect, Write},
    conversation::DirectView,
    denied::Denied,
    relation::Tie,
    settings::MessageSettings,
    time::{MuteUntil, Timestamp},
};

/// What is known about a client that writes to somebody.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    /// Who gets the message.
    pub receiver: &'a UserId,
    /// Until when the app lets the sender say nothing to single users.
    pub muted: MuteUntil,
    /// What the sender has of the receiver.
    pub own: Tie,
    /// What the receiver has of the sender.
    pub theirs: Tie,
    /// When.
    pub now: Timestamp,
}

/// What becomes of a message that is not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It reaches the receiver.
    Through,
    /// The sender is told success, and the receiver never hears of it.
    Pretended,
}

/// Lets pass a message that a client wrote. Backends are not asked.
///
/// # Errors
/// [`Denied::DirectMuted`], [`Denied::BlockedByReceiver`]; where only friends may write, [`Denied::NotFriends`],
/// [`Denied::NotListedByReceiver`], [`Denied::ReceiverNotListed`].
pub fn may_write(writer: Writer<'_>, settings: &MessageSettings, sender: &UserId) -> Result<Passage, Denied> {
    let receiver = writer.receiver;
    if writer.muted.holds(writer.now) {
        return Err(Denied::DirectMuted(sender.clone()));
    }
    if sender == receiver {
        return Ok(Passage::Through);
    }
    if writer.theirs.blocked {
        if settings.blocked_pretend_success {
            return Ok(Passage::Pretended);
        }
        return Err(Denied::BlockedByReceiver(receiver.clone()));
    }
    match (writer.own.is_friend(), writer.theirs.is_friend()) {
        (true, true) => Ok(Passage::Through),
        _ if !settings.require_friend => Ok(Passage::Through),
        (false, false) => Err(Denied::NotFriends(receiver.clone())),
        (true, false) => Err(Denied::NotListedByReceiver(receiver.clone())),
        (false, true) => Err(Denied::ReceiverNotListed(receiver.clone())),
    }
}

/// What a one-to-one message asks for: a place in the conversation, or, when it is only for those online, nothing but to be told.
/// A message of the same sender with the same dice and number within `dedupe_secs` is the same message.
#[must_use]
pub fn send(draft: Draft, dedupe_secs: u32) -> Change {
    let draft = Arc::new(draft);
    if draft.options.online_only {
        return Change::none().event(Event::Transient(draft));
    }
    Change::none().write(Write::Append(Append { draft, dedupe_secs })).event(Event::Stored(0))
}

/// What becomes of a message of another system beside its place in history (docs/spec/rest-c2c.md#1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    /// It was read long ago.
    Read,
    /// It counts as unread; nobody is told.
    Unread,
    /// It happens now: it counts as unread and is told.
    Live,
}

/// What an imported message asks for. A message with its key, from either side, is the same message: then nothing is asked for.
#[must_use]
pub fn import(draft: Draft, how: Import, is_known: bool) -> Change {
    if is_known {
        return Change::none();
    }
    let options = MessageOptions { no_unread: how == Import::Read, silent: how != Import::Live, ..draft.options };
    let draft = Draft { options, ..draft };
    let change = Change::none()
        .expect(Expect::KeyFree { conversation: draft.conversation.clone(), key: draft.msg_key() })
        .write(Write::Append(Append { draft: Arc::new(draft), dedupe_secs: 0 }));
    if how == Import::Live { change.event(Event::Stored(0)) } else { change }
}

/// Somebody has read the conversation with `peer` up to a moment. `view` is the reader's; without one there is nothing to read.
/// A moment before the one already stored changes nothing (docs/spec/rest-c2c.md#1.6).
#[must_use]
pub fn read(reader: &UserId, view: Option<&DirectView>, until: Timestamp) -> Change {
    let Some(view) = view.filter(|view| until > view.read_until || view.unread() > 0 && until == view.read_until)
    else {
        return Change::none();
    };
    let (user, peer) = (reader.clone(), view.peer.clone());
    Change::none()
        .write(Write::SetDirectRead { user: user.clone(), peer: peer.clone(), until })
        .event(Event::DirectRead { user, peer, until })
}

/// Recalls a message. `window_secs` binds clients, backends have none.
///
/// # Errors
/// [`Denied::NoSuchDirectMessage`], [`Denied::DirectAlreadyRecalled`], [`Denied::DirectRecallTooLate`].
pub fn recall(
    key: MsgKey,
    message: Option<&Message>,
    recall: Recall,
    window_secs: Option<u32>,
) -> Result<Change, Denied> {
    let message = message.ok_or(Denied::NoSuchDirectMessage(key))?;
    if message.recall.is_some() {
        return Err(Denied::DirectAlreadyRecalled(key));
    }
    if let Some(limit_secs) = window_secs
        && recall.at.since(message.draft.time) > i64::from(limit_secs)
    {
        return Err(Denied::DirectRecallTooLate { key, limit_secs });
    }
    let conversation = message.draft.conversation.clone();
    Ok(Change::none()
        .write(Write::Recall { conversation: conversation.clone(), seq: message.seq, recall: recall.clone() })
        .event(Event::Recalled {
            conversation,
            messages: vec![message.draft.clone()],
            seqs: vec![message.seq],
            recall,
        }))
}

/// Overwrites a message; both sides may, for marks and reactions live in the data of any message. `version` is the one the caller
/// looked at; backends that look at none overwrite whatever is there.
///
/// # Errors
/// [`Denied::NoSuchDirectMessage`]; [`Denied::NotEditable`] for withdrawn messages; [`Denied::EditConflict`] when somebody else was
/// faster.
pub fn edit(
    key: MsgKey,
    by: &UserId,
    message: Option<&Message>,
    version: Option<u32>,
    new: NewText,
) -> Result<Change, Denied> {
    let message = message.ok_or(Denied::NoSuchDirectMessage(key))?;
    let seq = message.seq;
    let elements = match &message.draft.content {
        Content::Elements(elements) if message.recall.is_none() => new.elements.as_ref().unwrap_or(elements).clone(),
        Content::Elements(_) | Content::Tip(_) => return Err(Denied::NotEditable { seq }),
    };
    if version.is_some_and(|version| version != message.version) {
        return Err(Denied::EditConflict { current: message.version });
    }
    let cloud_custom_data = new.cloud_custom_data.as_ref().or(message.draft.cloud_custom_data.as_ref()).cloned();
    let (conversation, version) = (message.draft.conversation.clone(), message.version + 1);
    Ok(Change::none()
        .expect(Expect::MessageAt { conversation: conversation.clone(), seq, version: message.version })
        .write(Write::Edit {
            conversation: conversation.clone(),
            seq,
            elements: new.elements,
            cloud_custom_data: new.cloud_custom_data,
            version,
        })
        .event(Event::Edited {
            conversation,
            seq,
            before: message.draft.clone(),
            elements,
            cloud_custom_data,
            version,
            by: by.clone(),
        }))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        conversation::ConversationKey,
        message::{Priority, Sender},
    };

    const NOW: Timestamp = Timestamp(1_764_580_000);

    fn user(name: &str) -> UserId {
        UserId::parse(name).expect("a valid id")
    }

    fn draft(options: MessageOptions) -> Draft {
        Draft {
            conversation: ConversationKey::direct(&user("ana"), &user("bob")),
            sender: Sender::User(user("ana")),
            random: 9,
            time: NOW,
            client_time: 0,
            client_seq: 7,
            priority: Priority::Normal,
            content: Content::Elements("[]".into()),
            cloud_custom_data: None,
            options,
        }
    }

    #[rstest]
    #[case::strangers((0, false), (0, false), false, true, Ok(Passage::Through))]
    #[case::strangers_where_only_friends_write((0, false), (0, false), true, true, Err(Denied::NotFriends(user("bob"))))]
    #[case::friends((1, false), (1, false), true, true, Ok(Passage::Through))]
    #[case::only_the_sender_lists((1, false), (0, false), true, true, Err(Denied::NotListedByReceiver(user("bob"))))]
    #[case::only_the_receiver_lists((0, false), (1, false), true, true, Err(Denied::ReceiverNotListed(user("bob"))))]
    #[case::blocked((0, false), (0, true), false, true, Ok(Passage::Pretended))]
    #[case::blocked_and_told((0, false), (0, true), false, false, Err(Denied::BlockedByReceiver(user("bob"))))]
    #[case::who_blocks_still_writes((0, true), (0, false), false, false, Ok(Passage::Through))]
    #[case::each_blocks((0, true), (0, true), false, false, Err(Denied::BlockedByReceiver(user("bob"))))]
    fn who_may_write(
        #[case] own: (u64, bool),
        #[case] theirs: (u64, bool),
        #[case] require_friend: bool,
        #[case] pretend: bool,
        #[case] outcome: Result<Passage, Denied>,
    ) {
        let tie = |(friend, blocked)| Tie { friend, blocked };
        let settings =
            MessageSettings { require_friend, blocked_pretend_success: pretend, ..MessageSettings::default() };
        let receiver = user("bob");
        let writer =
            Writer { receiver: &receiver, muted: MuteUntil::NEVER, own: tie(own), theirs: tie(theirs), now: NOW };
        assert_eq!(may_write(writer, &settings, &user("ana")), outcome);
        let muted = Writer { muted: MuteUntil::FOREVER, ..writer };
        assert_eq!(may_write(muted, &settings, &user("ana")), Err(Denied::DirectMuted(user("ana"))));
        let ended = Writer { muted: MuteUntil(NOW.0), ..writer };
        assert_eq!(may_write(ended, &settings, &user("ana")), outcome);
        // Nobody is their own stranger.
        assert_eq!(may_write(writer, &settings, &user("bob")), Ok(Passage::Through));
    }

    #[test]
    fn online_only_messages_are_told_and_not_stored() {
        let stored = send(draft(MessageOptions::default()), 120);
        assert!(matches!(stored.writes.as_slice(), [Write::Append(Append { dedupe_secs: 120, .. })]));
        assert_eq!(stored.events, [Event::Stored(0)]);
        let told = send(draft(MessageOptions { online_only: true, ..MessageOptions::default() }), 120);
        assert!(told.writes.is_empty());
        assert!(matches!(told.events.as_slice(), [Event::Transient(_)]));
    }

    #[rstest]
    #[case(Import::Read, true, true, 0)]
    #[case(Import::Unread, false, true, 0)]
    #[case(Import::Live, false, false, 1)]
    fn imports(#[case] how: Import, #[case] no_unread: bool, #[case] silent: bool, #[case] events: usize) {
        let change = import(draft(MessageOptions::default()), how, false);
        let [Write::Append(append)] = change.writes.as_slice() else { panic!("{change:?}") };
        assert_eq!((append.draft.options.no_unread, append.draft.options.silent), (no_unread, silent));
        assert_eq!((change.expect.len(), change.events.len()), (1, events));
        assert!(import(draft(MessageOptions::default()), how, true).is_empty());
    }

    #[rstest]
    #[case::first_time(0, 3, 0, 100, true)]
    #[case::later(100, 3, 3, 101, true)]
    #[case::earlier(100, 3, 1, 99, false)]
    #[case::again(100, 3, 3, 100, false)]
    #[case::again_with_more_in_the_same_second(100, 4, 3, 100, true)]
    #[case::nothing_unread_yet_the_peer_learns(100, 3, 3, 105, true)]
    fn reading_moves_forward_only(
        #[case] read_until: i64,
        #[case] counted: u64,
        #[case] counted_read: u64,
        #[case] until: i64,
        #[case] moves: bool,
    ) {
        let view =
            DirectView { read_until: Timestamp(read_until), counted, counted_read, ..DirectView::new(user("ana")) };
        let change = read(&user("bob"), Some(&view), Timestamp(until));
        assert_eq!(!change.is_empty(), moves);
        assert_eq!(change.writes.len(), change.events.len());
    }

    #[test]
    fn who_never_talked_has_nothing_to_read() {
        assert!(read(&user("bob"), None, NOW).is_empty());
    }

    #[rstest]
    #[case::within(Some(120), 120, false, Ok(()))]
    #[case::too_late(Some(120), 121, false, Err("older than 120"))]
    #[case::backends_have_no_window(None, 9_999_999, false, Ok(()))]
    #[case::twice(Some(120), 1, true, Err("recalled already"))]
    fn recall_window(
        #[case] window: Option<u32>,
        #[case] age: i64,
        #[case] recalled: bool,
        #[case] outcome: Result<(), &str>,
    ) {
        let by = |at| Recall { by: user("ana"), reason: String::new(), at };
        let message = Message {
            seq: 4,
            draft: Arc::new(draft(MessageOptions::default())),
            version: 0,
            recall: recalled.then(|| by(NOW)),
            counted: 1,
        };
        let key = message.draft.msg_key();
        match (recall(key, Some(&message), by(Timestamp(NOW.0 + age)), window), outcome) {
            (Ok(change), Ok(())) => assert_eq!((change.writes.len(), change.events.len()), (1, 1)),
            (Err(denied), Err(text)) => assert!(denied.to_string().contains(text), "{denied}"),
            (result, _) => panic!("{result:?}"),
        }
        assert_eq!(recall_missing(key), Denied::NoSuchDirectMessage(key));
    }

    fn recall_missing(key: MsgKey) -> Denied {
        let by = Recall { by: user("ana"), reason: String::new(), at: NOW };
        recall(key, None, by, None).expect_err("there is no message")
    }

    #[rstest]
    #[case::backend(None, 3, false, Some("new"), None, Ok(("new", "old data")))]
    #[case::only_the_data(Some(3), 3, false, None, Some("new data"), Ok(("[]", "new data")))]
    #[case::stale(Some(2), 3, false, Some("new"), None, Err("version 3"))]
    #[case::withdrawn(None, 3, true, Some("new"), None, Err("recalled"))]
    fn edits(
        #[case] looked_at: Option<u32>,
        #[case] version: u32,
        #[case] recalled: bool,
        #[case] elements: Option<&str>,
        #[case] data: Option<&str>,
        #[case] outcome: Result<(&str, &str), &str>,
    ) {
        let draft = Draft { cloud_custom_data: Some("old data".into()), ..draft(MessageOptions::default()) };
        let recall = recalled.then(|| Recall { by: user("ana"), reason: String::new(), at: NOW });
        let message = Message { seq: 4, draft: Arc::new(draft), version, recall, counted: 1 };
        let new = NewText { elements: elements.map(Into::into), cloud_custom_data: data.map(Into::into) };
        match (edit(message.draft.msg_key(), &user("bob"), Some(&message), looked_at, new), outcome) {
            (Ok(change), Ok((elements, data))) => {
                let [Event::Edited { elements: now, cloud_custom_data: with, version: after, .. }] =
                    change.events.as_slice()
                else {
                    panic!("{change:?}")
                };
                assert_eq!((now.as_ref(), with.as_deref(), *after), (elements, Some(data), version + 1));
                assert_eq!(change.expect.len(), 1);
            }
            (Err(denied), Err(text)) => assert!(denied.to_string().contains(text), "{denied}"),
            (result, _) => panic!("{result:?}"),
        }
    }
}
