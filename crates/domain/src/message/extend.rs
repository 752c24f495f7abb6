//! Key-values of messages: who writes them, and what happens when two write at once.

use std::collections::BTreeMap;

use super::{
    Content, Message,
    extras::{Extensions, Pair},
    history::Sight,
};
use crate::{
    change::{Change, Event, Expect, Write},
    conversation::ConversationKey,
    denied::Denied,
    limits::ExtensionLimits,
    permission::Action,
    scene::Scene,
};

/// A pair as somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its key.
    pub key: String,
    /// Its value; of no meaning when it is deleted.
    pub value: String,
    /// The version the writer knows, 0 for none; absent for backends, who overwrite whatever is there.
    pub known: Option<u64>,
}

/// What is done to the key-values of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Pairs are created or overwritten.
    Set(Vec<Wanted>),
    /// Pairs are deleted.
    Delete(Vec<Wanted>),
    /// All pairs are deleted.
    Clear,
}

/// What became of a pair: how it stands now, and whether somebody else had written it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// How it stands now.
    pub pair: Pair,
    /// Somebody else was faster: the pair is as they wrote it.
    pub conflict: bool,
}

/// What became of each pair, and the message's counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What became of each pair that was named, in that order.
    pub written: Vec<Written>,
    /// The message's counter afterwards.
    pub latest: u64,
}

/// Lets pass who may read and write key-values of a group's message.
///
/// # Errors
/// What the type or the role forbids; [`Denied::NoMessageToExtend`] for what the caller does not see.
pub fn in_group<'a>(
    scene: &Scene,
    conversation: &ConversationKey,
    seq: u64,
    message: Option<&'a Message>,
) -> Result<&'a Message, Denied> {
    scene.require(Action::ExtendMessage, "extend messages")?;
    let sight = Sight::of(scene, conversation)?;
    message.filter(|message| sight.shows(message)).ok_or(Denied::NoMessageToExtend(seq.to_string()))
}

/// Writes key-values of a message. A pair that somebody else wrote meanwhile stays as it is and is told as a conflict; the others are
/// written.
///
/// # Errors
/// [`Denied::ExtensionsUnsupported`], [`Denied::NoMessageToExtend`] for tips and withdrawn messages, [`Denied::BadValue`] beyond
/// the limits.
pub fn extend(
    message: &Message,
    current: &Extensions,
    operation: Operation,
    limits: &ExtensionLimits,
) -> Result<(Outcome, Change), Denied> {
    // 1. The message.
    if message.recall.is_some() || matches!(message.draft.content, Content::Tip(_)) {
        return Err(Denied::NoMessageToExtend(message.seq.to_string()));
    }
    if !message.draft.options.support_extension {
        return Err(Denied::ExtensionsUnsupported(message.seq));
    }
    // 2. Each pair.
    let latest = current.latest + 1;
    let (wanted, is_set) = match operation {
        Operation::Clear => return Ok(clear(message, current)),
        Operation::Set(wanted) => (wanted, true),
        Operation::Delete(wanted) => (wanted, false),
    };
    check(&wanted, limits)?;
    let mut changed: BTreeMap<String, Pair> = BTreeMap::new();
    let mut written = Vec::with_capacity(wanted.len());
    for one in wanted {
        let before = changed.get(&one.key).or_else(|| current.pairs.get(&one.key));
        let known = one.known.unwrap_or_else(|| before.map_or(0, |pair| pair.version));
        // Whoever never heard of a deleted pair knows it as well as one that never was.
        let is_same = before.is_none_or(|pair| pair.version == known || pair.value.is_empty() && known == 0);
        match before {
            Some(pair) if !is_same => written.push(Written { pair: pair.clone(), conflict: true }),
            None if !is_set => {
                let pair = Pair { key: one.key, value: String::new(), version: 0 };
                written.push(Written { pair, conflict: false });
            }
            Some(_) | None => {
                let value = if is_set { one.value } else { String::new() };
                let pair = Pair { key: one.key, value, version: latest };
                changed.insert(pair.key.clone(), pair.clone());
                written.push(Written { pair, conflict: false });
            }
        }
    }
    // 3. All of them together.
    if changed.is_empty() {
        return Ok((Outcome { written, latest: current.latest }, Change::none()));
    }
    let mut after = current.pairs.clone();
    after.extend(changed.clone());
    let live = after.values().filter(|pair| !pair.value.is_empty()).count();
    if live > limits.pairs_per_message as usize || after.len() > limits.pairs_per_message as usize * REMEMBERED {
        let text = format!("`ExtensionList`: a message has at most {} pairs", limits.pairs_per_message);
        return Err(Denied::BadValue(text));
    }
    let pairs: Vec<Pair> = changed.into_values().collect();
    let (conversation, seq, cleared) = (message.draft.conversation.clone(), message.seq, current.cleared);
    let change = Change::none()
        .expect(Expect::ExtensionsAt { conversation: conversation.clone(), seq, latest: current.latest })
        .write(Write::PutExtensions { conversation, seq, pairs: pairs.clone(), latest, cleared })
        .event(Event::Extended {
            seq,
            message: message.draft.clone(),
            pairs,
            done: if is_set { Done::Set } else { Done::Deleted },
            latest,
        });
    Ok((Outcome { written, latest }, change))
}

/// How many times the pairs of a message its deleted ones may be.
const REMEMBERED: usize = 4;

/// What was done to key-values, for those who are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Done {
    /// Pairs were created or overwritten.
    Set,
    /// Pairs were deleted.
    Deleted,
    /// All pairs were deleted.
    Cleared,
}

fn clear(message: &Message, current: &Extensions) -> (Outcome, Change) {
    let (conversation, seq, latest) = (message.draft.conversation.clone(), message.seq, current.latest + 1);
    let change = Change::none()
        .expect(Expect::ExtensionsAt { conversation: conversation.clone(), seq, latest: current.latest })
        .write(Write::PutExtensions { conversation, seq, pairs: Vec::new(), latest, cleared: latest })
        .event(Event::Extended { seq, message: message.draft.clone(), pairs: Vec::new(), done: Done::Cleared, latest });
    (Outcome { written: Vec::new(), latest }, change)
}

fn check(wanted: &[Wanted], limits: &ExtensionLimits) -> Result<(), Denied> {
    let bad = |text: String| Err(Denied::BadValue(text));
    if wanted.is_empty() || wanted.len() > limits.pairs_per_call as usize {
        return bad(format!("`ExtensionList` must have 1 to {} entries", limits.pairs_per_call));
    }
    for one in wanted {
        if one.key.is_empty() || one.key.len() > limits.key_bytes as usize {
            return bad(format!("`Key` must have 1 to {} bytes", limits.key_bytes));
        }
        if one.value.len() > limits.value_bytes as usize {
            return bad(format!("`Value` has more than {} bytes", limits.value_bytes));
        }
    }
    Ok(())
}

/// A page of pairs from a version on, and whether it is the last. Pairs of one version are never parted: a page holds at most `limit`
/// pairs, or those of one version. Whoever reads from the start has nothing to drop and gets no deleted pairs.
#[must_use]
pub fn page(extensions: &Extensions, from: u64, limit: usize) -> (Vec<&Pair>, bool) {
    let mut pairs: Vec<&Pair> =
        extensions.pairs.values().filter(|pair| pair.version >= from && (from > 0 || !pair.value.is_empty())).collect();
    pairs.sort_by(|one, other| (one.version, &one.key).cmp(&(other.version, &other.key)));
    let mut end = limit.min(pairs.len());
    if let Some(next) = pairs.get(end).map(|pair| pair.version) {
        let whole = pairs[..end].partition_point(|pair| pair.version < next);
        end = if whole > 0 { whole } else { pairs.partition_point(|pair| pair.version <= next) };
    }
    let complete = end == pairs.len();
    pairs.truncate(end);
    (pairs, complete)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::{
        Limits, Timestamp, UserId,
        example::text_of,
        message::{Draft, MessageOptions, Recall},
    };

    fn limits() -> ExtensionLimits {
        Limits::classic().extension
    }

    fn message(support_extension: bool) -> Message {
        let options = MessageOptions { support_extension, ..MessageOptions::default() };
        let draft = Arc::new(Draft { options, ..text_of("ana", 0) });
        Message { seq: 4, draft, version: 0, recall: None, counted: 0 }
    }

    fn pair(key: &str, value: &str, version: u64) -> Pair {
        Pair { key: key.into(), value: value.into(), version }
    }

    fn current() -> Extensions {
        let pairs = [pair("a", "1", 2), pair("b", "2", 5), pair("gone", "", 4)];
        Extensions { latest: 5, cleared: 1, pairs: pairs.into_iter().map(|pair| (pair.key.clone(), pair)).collect() }
    }

    fn want(key: &str, value: &str, known: Option<u64>) -> Wanted {
        Wanted { key: key.into(), value: value.into(), known }
    }

    #[rstest]
    #[case::new(want("c", "x", Some(0)), pair("c", "x", 6), false)]
    #[case::known(want("a", "x", Some(2)), pair("a", "x", 6), false)]
    #[case::stale(want("b", "x", Some(2)), pair("b", "2", 5), true)]
    #[case::never_seen(want("a", "x", Some(0)), pair("a", "1", 2), true)]
    #[case::backend(want("a", "x", None), pair("a", "x", 6), false)]
    #[case::deleted_meanwhile(want("gone", "x", Some(0)), pair("gone", "x", 6), false)]
    fn sets(#[case] wanted: Wanted, #[case] stands: Pair, #[case] conflict: bool) {
        let (outcome, change) =
            extend(&message(true), &current(), Operation::Set(vec![wanted]), &limits()).expect("may extend");
        assert_eq!(outcome.written, [Written { pair: stands, conflict }]);
        assert_eq!(change.is_empty(), conflict);
        assert_eq!(outcome.latest, if conflict { 5 } else { 6 });
    }

    #[rstest]
    #[case::known(want("a", "", Some(2)), pair("a", "", 6), false, true)]
    #[case::stale(want("b", "", Some(2)), pair("b", "2", 5), true, false)]
    #[case::never_there(want("z", "", Some(0)), pair("z", "", 0), false, false)]
    fn deletes(#[case] wanted: Wanted, #[case] stands: Pair, #[case] conflict: bool, #[case] writes: bool) {
        let (outcome, change) =
            extend(&message(true), &current(), Operation::Delete(vec![wanted]), &limits()).expect("may extend");
        assert_eq!(outcome.written, [Written { pair: stands, conflict }]);
        assert_eq!(!change.is_empty(), writes);
    }

    #[test]
    fn clearing_forgets_everything_before() {
        let (outcome, change) = extend(&message(true), &current(), Operation::Clear, &limits()).expect("may extend");
        assert_eq!((outcome.written.len(), outcome.latest), (0, 6));
        assert!(matches!(change.writes.as_slice(), [Write::PutExtensions { latest: 6, cleared: 6, .. }]));
    }

    #[test]
    fn what_cannot_be_extended() {
        let set = || Operation::Set(vec![want("a", "x", None)]);
        assert_eq!(extend(&message(false), &current(), set(), &limits()), Err(Denied::ExtensionsUnsupported(4)),);
        let recall = Recall { by: UserId::trusted("ana"), reason: String::new(), at: Timestamp(1) };
        let withdrawn = Message { recall: Some(recall), ..message(true) };
        assert!(matches!(extend(&withdrawn, &current(), set(), &limits()), Err(Denied::NoMessageToExtend(_))));
    }

    #[rstest]
    #[case::none(Vec::new())]
    #[case::too_many((0..21).map(|n| want(&n.to_string(), "x", None)).collect())]
    #[case::no_key(vec![want("", "x", None)])]
    #[case::long_key(vec![want(&"k".repeat(101), "x", None)])]
    #[case::long_value(vec![want("k", &"x".repeat(1001), None)])]
    fn limits_bind(#[case] wanted: Vec<Wanted>) {
        let outcome = extend(&message(true), &current(), Operation::Set(wanted), &limits());
        assert!(matches!(outcome, Err(Denied::BadValue(_))));
    }

    #[test]
    fn a_message_has_room_for_so_many_pairs() {
        let pairs = (0..299).map(|n| (format!("k{n}"), pair(&format!("k{n}"), "x", 1))).collect();
        let full = Extensions { latest: 1, cleared: 0, pairs };
        let set = |keys: &[&str]| Operation::Set(keys.iter().map(|key| want(key, "x", None)).collect());
        assert!(extend(&message(true), &full, set(&["one more"]), &limits()).is_ok());
        assert!(extend(&message(true), &full, set(&["one", "two"]), &limits()).is_err());
        assert!(extend(&message(true), &full, set(&["k1", "k2", "one"]), &limits()).is_ok());
    }

    #[rstest]
    #[case::from_the_start(0, 10, &["a", "b"], true)]
    #[case::since(3, 10, &["gone", "b"], true)]
    #[case::a_page(0, 1, &["a"], false)]
    #[case::the_end(6, 10, &[], true)]
    fn pages(#[case] from: u64, #[case] limit: usize, #[case] keys: &[&str], #[case] complete: bool) {
        let all = current();
        let (pairs, is_complete) = page(&all, from, limit);
        assert_eq!(pairs.iter().map(|pair| pair.key.as_str()).collect::<Vec<_>>(), keys);
        assert_eq!(is_complete, complete);
    }

    #[test]
    fn pairs_of_one_version_stay_together() {
        let pairs = ["a", "b", "c"].map(|key| (key.to_owned(), pair(key, "x", 1)));
        let all = Extensions { latest: 1, cleared: 0, pairs: pairs.into() };
        assert_eq!(page(&all, 0, 2).0.len(), 3);
        let older = ["d", "e"].map(|key| (key.to_owned(), pair(key, "x", 0)));
        let pairs = all.pairs.into_iter().chain(older).collect();
        let all = Extensions { latest: 1, cleared: 0, pairs };
        let (pairs, is_complete) = page(&all, 0, 4);
        assert_eq!((pairs.len(), is_complete), (2, false), "what does not fit comes on the next page");
        assert_eq!(page(&all, 1, 4).0.len(), 3);
        assert_eq!(page(&all, 0, 5).0.len(), 5);
    }
}
