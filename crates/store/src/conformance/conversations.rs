//! Where conversations stand, and one side's view of a one-to-one conversation.

use tsudoi_domain::{
    Timestamp,
    change::{Change, Expect, Write},
    conversation::{ConversationKey, Position},
};

use super::{
    Trial,
    world::{APP, START, append, at, between, draft, in_group, user},
};
use crate::{DirectQuery, Direction, StoreError};

pub(super) async fn positions_follow_the_newest_message(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    for conversation in [in_group("crew"), between("ana", "bob")] {
        assert_eq!(store.read().position(APP, &conversation).await.unwrap(), Position::default());
        for n in 1..=5 {
            store.say(&conversation, "ana", at(i64::try_from(n).unwrap())).await;
            let time = at(i64::try_from(n).unwrap());
            let expected = Position { last_seq: n, last_time: time, shown_seq: n, shown_time: time };
            assert_eq!(store.read().position(APP, &conversation).await.unwrap(), expected);
        }
    }
}

pub(super) async fn messages_for_nobodys_list_do_not_move_it(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    for conversation in [in_group("crew"), between("ana", "bob")] {
        store.say(&conversation, "ana", at(1)).await;
        let mut quiet = draft(&conversation, "ana", at(2));
        quiet.options.no_last_msg = true;
        store.send(quiet).await;
        let expected = Position { last_seq: 2, last_time: at(2), shown_seq: 1, shown_time: at(1) };
        assert_eq!(store.read().position(APP, &conversation).await.unwrap(), expected);
    }
    let view = store.read().direct_view(APP, &user("bob"), &user("ana")).await.unwrap().unwrap();
    assert_eq!((view.shown_seq, view.updated_at, view.unread()), (1, at(1), 2));
}

pub(super) async fn both_sides_see_the_conversation(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    let appended = store.say(&talk, "bob", at(1)).await;
    assert_eq!(appended.counted, 1);
    let mut uncounted = draft(&talk, "bob", at(2));
    uncounted.options.no_unread = true;
    assert_eq!(store.send(uncounted).await.counted, 1);
    assert_eq!(store.say(&talk, "bob", at(3)).await.counted, 2);
    assert_eq!(store.say(&talk, "ana", at(4)).await.counted, 1);
    let ana = store.read().direct_view(APP, &user("ana"), &user("bob")).await.unwrap().unwrap();
    assert_eq!((ana.peer.as_str(), ana.shown_seq, ana.updated_at, ana.unread()), ("bob", 4, at(4), 2));
    let bob = store.read().direct_view(APP, &user("bob"), &user("ana")).await.unwrap().unwrap();
    assert_eq!((bob.peer.as_str(), bob.shown_seq, bob.updated_at, bob.unread()), ("ana", 4, at(4), 1));
    assert_eq!(store.read().direct_view(APP, &user("ana"), &user("cid")).await.unwrap(), None);
}

pub(super) async fn views_come_newest_first(trial: &Trial) {
    let store = trial.open();
    for (n, peer) in ["cid", "bob", "eve", "dan"].into_iter().enumerate() {
        store.say(&between("ana", peer), peer, at(i64::try_from(n / 2).unwrap())).await;
    }
    store.write(Write::SetDirectRead { user: user("ana"), peer: user("bob"), until: at(9) }).await;
    // Reading alone lists nobody.
    store.write(Write::SetDirectRead { user: user("ana"), peer: user("fay"), until: at(9) }).await;
    let views = store.read().direct_views(APP, &user("ana"), Timestamp(0), 10).await.unwrap();
    let times: Vec<_> = views.iter().map(|v| v.updated_at).collect();
    assert_eq!(times, [at(1), at(1), at(0), at(0)]);
    let recent = store.read().direct_views(APP, &user("ana"), at(1), 10).await.unwrap();
    assert_eq!(recent, views[..2]);
    assert_eq!(store.read().direct_views(APP, &user("ana"), START, 3).await.unwrap(), views[..3]);
    // Within a second the order of arrival tells the newer.
    let mut arrivals = Vec::new();
    for peer in ["cid", "bob", "eve", "dan"] {
        arrivals.push(store.read().arrival(APP, &between("ana", peer), 1).await.unwrap());
    }
    assert!(arrivals[0] > 0 && arrivals.is_sorted(), "{arrivals:?}");
    assert_eq!(store.read().arrival(APP, &between("ana", "bob"), 2).await.unwrap(), 0);
    assert_eq!(store.read().arrival(APP, &between("ana", "fay"), 1).await.unwrap(), 0);
    let unread = store.read().unread_views(APP, &user("ana"), 10).await.unwrap();
    let expected: Vec<_> = views.iter().filter(|v| v.peer.as_str() != "bob").cloned().collect();
    assert_eq!(unread, expected);
    assert_eq!(store.read().unread_views(APP, &user("ana"), 2).await.unwrap(), expected[..2]);
}

pub(super) async fn talking_to_oneself_is_never_unread(trial: &Trial) {
    let store = trial.open();
    let notes = between("ana", "ana");
    store.say(&notes, "ana", at(1)).await;
    store.say(&notes, "ana", at(2)).await;
    let view = store.read().direct_view(APP, &user("ana"), &user("ana")).await.unwrap().unwrap();
    assert_eq!((view.unread(), view.shown_seq), (0, 2));
    assert_eq!(store.read().direct_views(APP, &user("ana"), START, 9).await.unwrap().len(), 1);
    assert_eq!(store.seqs(&notes).await, [2, 1]);
}

pub(super) async fn a_conversation_leaves_the_list_until_the_next_message(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    store.say(&talk, "bob", at(1)).await;
    let listed = |who: &'static str| {
        let store = &store;
        async move {
            let views = store.read().direct_views(APP, &user(who), Timestamp(0), 9).await.unwrap();
            views.first().map(|view| view.shown_seq)
        }
    };
    store.write(Write::Unlist { user: user("ana"), peer: user("bob") }).await;
    assert_eq!((listed("ana").await, listed("bob").await), (None, Some(1)));
    let mut quiet = draft(&talk, "bob", at(2));
    quiet.options.no_last_msg = true;
    store.send(quiet).await;
    assert_eq!(listed("ana").await, None);
    store.say(&talk, "bob", at(3)).await;
    assert_eq!(listed("ana").await, Some(3));
    // Somebody nobody talked to is no conversation, and stays none.
    store.write(Write::Unlist { user: user("ana"), peer: user("cid") }).await;
    store.write(Write::ClearDirect { user: user("ana"), peer: user("cid") }).await;
    assert_eq!(store.read().direct_view(APP, &user("ana"), &user("cid")).await.unwrap(), None);
}

pub(super) async fn a_cleared_conversation_is_empty_for_one_side(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    for n in 1..=3 {
        store.say(&talk, "bob", at(n)).await;
    }
    store.write(Write::ClearDirect { user: user("ana"), peer: user("bob") }).await;
    store.say(&talk, "bob", at(3)).await;
    let query = DirectQuery { direction: Direction::Older, from: Timestamp(0), until: at(9), after: None, limit: 9 };
    let count = async |who: &str, peer: &str| {
        store.read().direct_history(APP, &user(who), &user(peer), &query).await.unwrap().len()
    };
    assert_eq!((count("ana", "bob").await, count("bob", "ana").await), (1, 4));
}

pub(super) async fn lists_show_the_newest_by_time_whatever_the_arrival(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    store.say(&talk, "bob", at(5)).await;
    store.say(&talk, "bob", at(2)).await;
    let view = store.read().direct_view(APP, &user("ana"), &user("bob")).await.unwrap().unwrap();
    assert_eq!((view.shown_seq, view.updated_at), (1, at(5)));
}

pub(super) async fn a_key_is_free_until_either_side_uses_it(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    let one = draft(&talk, "ana", at(1));
    let key = one.msg_key();
    let free = |conversation: &ConversationKey, key| {
        Change::none().expect(Expect::KeyFree { conversation: conversation.clone(), key })
    };
    store.commit(APP, free(&talk, key).write(append(one))).await.unwrap();
    let other = draft(&talk, "bob", at(1));
    let again = store.commit(APP, free(&talk, key).write(append(other.clone()))).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    store.commit(APP, free(&talk, other.msg_key()).write(append(other))).await.unwrap();
    let elsewhere = between("ana", "cid");
    store.commit(APP, free(&elsewhere, key).write(append(draft(&elsewhere, "ana", at(1))))).await.unwrap();
}
