//! Messages and whole histories that disappear from one user's own view.

use tsudoi_domain::{Timestamp, change::Write, conversation::ConversationKey};

use super::{
    Opened, Trial,
    world::{APP, at, between, group_id, in_group, user},
};
use crate::{DirectQuery, Direction};

pub(super) async fn messages_vanish_for_one_user_only(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana", "bob"]).await;
    let (crew, talk) = (in_group("crew"), between("ana", "bob"));
    for n in 0..6 {
        store.say(&crew, "ana", at(n)).await;
        store.say(&talk, if n % 2 == 0 { "ana" } else { "bob" }, at(n)).await;
    }
    let hide = |conversation: &ConversationKey, seqs: &[u64]| Write::Hide {
        conversation: conversation.clone(),
        user: user("bob"),
        seqs: seqs.to_vec(),
    };
    store.write(hide(&crew, &[2, 5, 2])).await;
    assert_eq!(store.read().hidden(APP, &crew, &user("bob"), 0, 100).await.unwrap(), [2, 5]);
    assert_eq!(store.read().hidden(APP, &crew, &user("bob"), 3, 5).await.unwrap(), [5]);
    assert_eq!(store.read().hidden(APP, &crew, &user("ana"), 0, 100).await.unwrap(), [] as [u64; 0]);
    assert_eq!(store.seqs(&crew).await.len(), 6);

    // 1, 3, 5 are ana's. Bob loses one of hers that he has not read, one of his own, and the newest.
    store.write(hide(&talk, &[3, 2, 6, 3])).await;
    assert_eq!(seqs_of(&store, "bob", "ana").await, [1, 4, 5]);
    assert_eq!(seqs_of(&store, "ana", "bob").await, [1, 2, 3, 4, 5, 6]);
    let view = store.read().direct_view(APP, &user("bob"), &user("ana")).await.unwrap().unwrap();
    assert_eq!((view.unread(), view.shown_seq), (2, 5), "the list shows what is left");
    store.write(hide(&talk, &[1, 4, 5])).await;
    let view = store.read().direct_view(APP, &user("bob"), &user("ana")).await.unwrap().unwrap();
    assert_eq!((view.unread(), view.cleared_seq >= view.shown_seq), (0, true), "nothing is left to show");
    store.say(&talk, "ana", at(9)).await;
    assert_eq!(seqs_of(&store, "bob", "ana").await, [7]);
}

async fn seqs_of(store: &Opened, who: &str, peer: &str) -> Vec<u64> {
    let query = DirectQuery {
        direction: Direction::Newer,
        from: Timestamp(0),
        until: Timestamp(i64::MAX),
        after: None,
        limit: 100,
    };
    let found = store.read().direct_history(APP, &user(who), &user(peer), &query).await.unwrap();
    found.iter().map(|m| m.seq).collect()
}

pub(super) async fn a_cleared_history_is_gone_for_one_user_only(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana", "bob"]).await;
    let (crew, talk) = (in_group("crew"), between("ana", "bob"));
    for n in 0..4 {
        store.say(&crew, "ana", at(n)).await;
        store.say(&talk, "ana", at(n)).await;
    }
    let clear =
        |conversation: &ConversationKey| Write::ClearHistory { conversation: conversation.clone(), user: user("bob") };
    store.write(clear(&crew)).await;
    let member = store.member(APP, &group_id("crew"), &user("bob")).await.unwrap().unwrap();
    assert_eq!((member.cleared_seq, member.read_seq), (4, 4));
    assert_eq!(store.member(APP, &group_id("crew"), &user("ana")).await.unwrap().unwrap().cleared_seq, 0);

    store.write(clear(&talk)).await;
    assert_eq!(seqs_of(&store, "bob", "ana").await, [] as [u64; 0]);
    assert_eq!(seqs_of(&store, "ana", "bob").await.len(), 4);
    let view = store.read().direct_view(APP, &user("bob"), &user("ana")).await.unwrap().unwrap();
    assert_eq!((view.unread(), view.cleared_seq), (0, 4));
    assert_eq!(store.read().unread_total(APP, &user("bob")).await.unwrap(), 0);
    // A sender whose clock is a little behind is seen; what is brought over from long before is not.
    store.say(&talk, "ana", at(1)).await;
    store.say(&talk, "ana", at(-5000)).await;
    assert_eq!(seqs_of(&store, "bob", "ana").await, [5]);
    assert_eq!(seqs_of(&store, "ana", "bob").await.len(), 6);
    let view = store.read().direct_view(APP, &user("bob"), &user("ana")).await.unwrap().unwrap();
    assert_eq!((view.unread(), view.shown_seq), (1, 5));
    // Nobody has to have spoken before.
    store.write(clear(&between("bob", "nobody"))).await;
}
