//! What members add to messages that were sent.

use tsudoi_domain::{
    change::{Change, Expect, Write},
    message::{
        Recall,
        extras::{Pair, Pin},
    },
};

use super::{
    Opened, Trial,
    world::{APP, at, in_group, user},
};
use crate::StoreError;

async fn spoken(trial: &Trial) -> Opened {
    let store = trial.open();
    store.found("crew", &["ana", "bob"]).await;
    for time in 0..3 {
        store.say(&in_group("crew"), "ana", at(time)).await;
    }
    store
}

pub(super) async fn hidden_messages_are_one_readers_own(trial: &Trial) {
    let store = spoken(trial).await;
    let line = in_group("crew");
    store.write(Write::Hide { conversation: line.clone(), user: user("bob"), seqs: vec![3, 1, 3] }).await;
    let hidden = async |who, low, high| store.read().hidden(APP, &line, &user(who), low, high).await.unwrap();
    assert_eq!(hidden("bob", 1, 9).await, [1, 3]);
    assert_eq!(hidden("bob", 2, 9).await, [3]);
    assert!(hidden("ana", 1, 9).await.is_empty());
}

pub(super) async fn a_reader_counts_once(trial: &Trial) {
    let store = spoken(trial).await;
    let line = in_group("crew");
    for (n, who) in ["bob", "cid", "bob"].into_iter().enumerate() {
        let time = at(i64::try_from(n).unwrap());
        store.write(Write::PutReceipts { conversation: line.clone(), user: user(who), seqs: vec![2], time }).await;
    }
    let readers = [(user("bob"), at(0)), (user("cid"), at(1))];
    assert_eq!(store.read().readers(APP, &line, 2).await.unwrap(), readers, "the first time counts");
    assert_eq!(store.read().read_by(APP, &line, &user("bob"), &[1, 2, 3]).await.unwrap(), [2]);
    assert!(store.read().readers(APP, &line, 1).await.unwrap().is_empty());
}

fn pair(key: &str, value: &str, version: u64) -> Pair {
    Pair { key: key.into(), value: value.into(), version }
}

pub(super) async fn key_values_are_decided_against_their_counter(trial: &Trial) {
    let store = spoken(trial).await;
    let line = in_group("crew");
    let put = |pairs: Vec<Pair>, latest, cleared| Write::PutExtensions {
        conversation: line.clone(),
        seq: 2,
        pairs,
        latest,
        cleared,
    };
    let at_latest = |latest| Expect::ExtensionsAt { conversation: line.clone(), seq: 2, latest };
    let change = Change::none().expect(at_latest(0)).write(put(vec![pair("a", "1", 1), pair("b", "1", 1)], 1, 0));
    store.commit(APP, change.clone()).await.unwrap();
    assert!(matches!(store.commit(APP, change).await, Err(StoreError::Conflict(_))));
    store.write(put(vec![pair("a", "", 2)], 2, 0)).await;
    let read = store.read().extensions(APP, &line, 2).await.unwrap();
    assert_eq!((read.latest, read.cleared), (2, 0));
    assert_eq!(read.pairs.into_values().collect::<Vec<_>>(), [pair("a", "", 2), pair("b", "1", 1)]);
    store.write(put(Vec::new(), 3, 3)).await;
    let read = store.read().extensions(APP, &line, 2).await.unwrap();
    assert_eq!((read.latest, read.cleared, read.pairs.len()), (3, 3, 0));
}

pub(super) async fn reactions_are_summed_up_in_their_order(trial: &Trial) {
    let store = spoken(trial).await;
    let line = in_group("crew");
    let react = |reaction: &str, who: &str, reacts| Write::SetReaction {
        conversation: line.clone(),
        seq: 2,
        reaction: reaction.into(),
        user: user(who),
        reacts,
    };
    for (reaction, who) in [("thumb", "bob"), ("heart", "ana"), ("thumb", "ana"), ("thumb", "bob")] {
        store.write(react(reaction, who, true)).await;
    }
    let summed = async |reader| {
        let summaries = store.read().reactions(APP, &line, 2, &user(reader), 1).await.unwrap();
        summaries.into_iter().map(|one| (one.reaction, one.count, one.users, one.mine)).collect::<Vec<_>>()
    };
    assert_eq!(
        summed("bob").await,
        [("thumb".into(), 2, vec![user("bob")], true), ("heart".into(), 1, vec![user("ana")], false)]
    );
    let everybody = store.read().reacted(APP, &line, 2, "thumb", 0, 9).await.unwrap();
    assert_eq!(everybody.iter().map(|(_, who)| who.as_str()).collect::<Vec<_>>(), ["bob", "ana"]);
    let rest = store.read().reacted(APP, &line, 2, "thumb", everybody[0].0, 9).await.unwrap();
    assert_eq!(rest, everybody[1..]);
    store.write(react("thumb", "bob", false)).await;
    store.write(react("heart", "ana", false)).await;
    assert_eq!(summed("bob").await, [("thumb".into(), 1, vec![user("ana")], false)]);
}

pub(super) async fn pins_stay_until_they_are_taken(trial: &Trial) {
    let store = spoken(trial).await;
    let line = in_group("crew");
    let pin = |seq, who: &str| Pin { seq, by: user(who), at: at(9) };
    let set = |seq, pin| Write::SetPin { conversation: line.clone(), seq, pin };
    store.write(set(3, Some(pin(3, "ana")))).await;
    store.write(set(1, Some(pin(1, "bob")))).await;
    // Who pinned first stays.
    store.write(set(1, Some(pin(1, "ana")))).await;
    assert_eq!(store.read().pins(APP, &line).await.unwrap(), [pin(1, "bob"), pin(3, "ana")]);
    store.write(set(3, None)).await;
    assert_eq!(store.read().pins(APP, &line).await.unwrap(), [pin(1, "bob")]);
    // A withdrawn message is not held up any longer.
    let recall = Recall { by: user("ana"), reason: String::new(), at: at(9) };
    store.write(Write::Recall { conversation: line.clone(), seq: 1, recall }).await;
    assert!(store.read().pins(APP, &line).await.unwrap().is_empty());
}
