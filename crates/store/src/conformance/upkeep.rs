//! Deleting behind the scenes: bounded steps, holes that stay holes, places that are not given again.

use std::collections::HashMap;

use tsudoi_domain::{
    AppId, GroupType,
    change::{Change, Write},
    message::extras::Pin,
    time::MuteUntil,
    topic::Topic,
};

use super::{
    Trial,
    world::{APP, START, append, at, between, draft, group, group_id, in_group, notice, topic_id, user},
};
use crate::{Expired, LogItem};

pub(super) async fn the_dissolved_is_purged_in_bounded_steps(trial: &Trial) {
    let store = trial.open();
    assert_eq!(store.read().purge(100).await.unwrap(), 0);
    store.found("@TGS#_town", &["ana", "bob", "cid"]).await;
    store.found("crew", &["ana"]).await;
    let news = topic_id("@TGS#_town", "news");
    store.write(Write::PutTopic(Box::new(Topic::new(news.clone(), group_id("@TGS#_town"), "x".into(), START)))).await;
    let line = tsudoi_domain::conversation::ConversationKey::Topic(news);
    for n in 0..20 {
        store.say(&line, "ana", at(n)).await;
        store.say(&in_group("crew"), "ana", at(n)).await;
    }
    let react = Write::SetReaction {
        conversation: line.clone(),
        seq: 3,
        reaction: "wow".into(),
        user: user("bob"),
        reacts: true,
    };
    store.write(react).await;
    store.write(Write::DeleteGroup(group_id("@TGS#_town"))).await;
    let mut steps = 0;
    loop {
        let deleted = store.read().purge(7).await.unwrap();
        assert!(deleted <= 8, "{deleted}");
        if deleted == 0 {
            break;
        }
        steps += 1;
    }
    assert!(steps >= 4, "{steps}");
    assert_eq!(store.seqs(&in_group("crew")).await.len(), 20);
    if let Some(path) = trial.path() {
        let raw = rusqlite::Connection::open(path).unwrap();
        let rows =
            |table: &str| -> i64 { raw.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0)).unwrap() };
        assert_eq!(rows("messages"), 20);
        assert_eq!(rows("members"), 1);
        for table in ["reactions", "reaction_counts", "topics", "dead_groups", "dead_conversations"] {
            assert_eq!(rows(table), 0, "{table}");
        }
    }
}

pub(super) async fn expired_messages_leave_holes(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let crew = in_group("crew");
    let short = AppId(2);
    store.commit(short, Change::none().write(Write::CreateGroup(Box::new(group("crew"))))).await.unwrap();
    for n in 0..30 {
        store.say(&crew, "ana", at(n)).await;
        store.commit(short, Change::none().write(append(draft(&crew, "ana", at(n))))).await.unwrap();
    }
    for seq in [4, 14] {
        let pin = Some(Pin { seq, by: user("ana"), at: START });
        store.write(Write::SetPin { conversation: crew.clone(), seq, pin }).await;
        store.write(Write::Hide { conversation: crew.clone(), user: user("ana"), seqs: vec![seq] }).await;
    }
    // One app keeps less than the other.
    let keep = HashMap::from([(APP, at(10)), (short, at(20))]);
    let (mut deleted, mut after, mut steps) = (0, 0, 0);
    loop {
        let step: Expired = store.read().expire_messages(keep.clone(), after, 7).await.unwrap();
        assert!(step.deleted <= 7);
        deleted += step.deleted;
        after = step.next;
        steps += 1;
        if step.done {
            break;
        }
    }
    assert_eq!((deleted, steps), (30, 6));
    assert_eq!(store.seqs(&crew).await, (11..=30).rev().collect::<Vec<u64>>());
    let of_short = store.read().history(short, &crew, 0, 99).await.unwrap();
    assert_eq!(of_short.len(), 10);
    assert_eq!(store.read().history(APP, &crew, 5, 12).await.unwrap().len(), 2, "a window with a hole");
    let pins = store.read().pins(APP, &crew).await.unwrap();
    assert_eq!(pins.iter().map(|p| p.seq).collect::<Vec<_>>(), [14]);
    assert_eq!(store.read().hidden(APP, &crew, &user("ana"), 0, 99).await.unwrap(), [14]);
    // Numbers go on; a later pass goes on where this one ended.
    assert_eq!(store.say(&crew, "ana", at(40)).await.seq, 31);
    let step = store.read().expire_messages(HashMap::from([(APP, at(12))]), after, 100).await.unwrap();
    assert_eq!(step.deleted, 0, "what was passed over is not looked at again");
    let step = store.read().expire_messages(HashMap::from([(APP, at(12))]), 0, 100).await.unwrap();
    assert_eq!((step.deleted, step.done), (2, true));
}

pub(super) async fn even_the_newest_message_may_expire(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    for n in 0..3 {
        store.say(&in_group("crew"), "ana", at(n)).await;
    }
    let step = store.read().expire_messages(HashMap::from([(APP, at(99))]), 0, 100).await.unwrap();
    assert_eq!((step.deleted, step.done), (3, true));
    assert_eq!(store.seqs(&in_group("crew")).await, [] as [u64; 0]);
    assert_eq!(store.read().position(APP, &in_group("crew")).await.unwrap().last_seq, 3);
    assert_eq!(store.say(&in_group("crew"), "ana", at(100)).await.seq, 4);
}

pub(super) async fn expired_messages_are_no_longer_unread(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    for n in 0..6 {
        store.say(&talk, "ana", at(n)).await;
    }
    store.write(Write::SetDirectRead { user: user("bob"), peer: user("ana"), until: at(1) }).await;
    store.read().expire_messages(HashMap::from([(APP, at(4))]), 0, 100).await.unwrap();
    let view = store.read().direct_view(APP, &user("bob"), &user("ana")).await.unwrap().unwrap();
    assert_eq!(view.unread(), 2);
    assert_eq!(store.read().unread_total(APP, &user("bob")).await.unwrap(), 2);
    store.write(Write::SetDirectRead { user: user("bob"), peer: user("ana"), until: at(4) }).await;
    let view = store.read().direct_view(APP, &user("bob"), &user("ana")).await.unwrap().unwrap();
    assert_eq!(view.unread(), 1);
}

pub(super) async fn places_of_the_log_are_not_given_again(trial: &Trial) {
    let store = trial.open();
    for who in ["ana", "bob", "cid"] {
        for n in 0..5 {
            store.write(Write::Notify { user: user(who), notice: notice("crew", "hello"), time: at(n) }).await;
        }
    }
    store.say(&between("ana", "dan"), "dan", at(9)).await;
    let first = store.read().expire_log(APP, at(3), None, 2).await.unwrap();
    assert_eq!((first.deleted, first.next.as_ref()), (6, Some(&user("bob"))));
    let second = store.read().expire_log(APP, at(99), first.next, 2).await.unwrap();
    assert_eq!((second.deleted, second.next), (5, None));
    let places = |who: &'static str| {
        let store = super::world::shared(&store);
        async move {
            let entries = store.read().log_after(APP, &user(who), 0, 99).await.unwrap();
            entries.iter().map(|e| e.pos).collect::<Vec<_>>()
        }
    };
    assert_eq!(places("ana").await, [4, 5, 6]);
    assert_eq!(places("cid").await, [] as [u64; 0], "the newest may go too");
    assert_eq!(store.read().log_end(APP, &user("cid")).await.unwrap(), 5);
    store.write(Write::Notify { user: user("cid"), notice: notice("crew", "again"), time: at(100) }).await;
    assert_eq!(places("cid").await, [6]);
    // A message whose own time is over is passed over.
    store.read().expire_messages(HashMap::from([(APP, at(99))]), 0, 100).await.unwrap();
    let entries = store.read().log_after(APP, &user("ana"), 0, 99).await.unwrap();
    assert!(entries.iter().all(|e| matches!(e.item, LogItem::Notice(_))));
}

pub(super) async fn mutes_and_bans_that_are_over_go(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let crew = group_id("crew");
    for n in 0..5 {
        let until = MuteUntil(START.0 + n);
        let who = user(&format!("user-{n}"));
        store.write(Write::SetMute { group: crew.clone(), topic: None, user: who.clone(), until }).await;
        store.write(Write::SetBan { group: crew.clone(), user: who, until }).await;
    }
    assert_eq!(store.read().expire_mutes(at(2), 2).await.unwrap(), 4);
    assert_eq!(store.read().expire_mutes(at(2), 2).await.unwrap(), 2);
    assert_eq!(store.read().expire_mutes(at(2), 2).await.unwrap(), 0);
    assert_eq!(store.read().mutes(APP, &crew, None, at(0)).await.unwrap().len(), 2);
    assert_eq!(store.read().bans(APP, &crew, at(0), 0, 9).await.unwrap().len(), 2);
}

pub(super) async fn idle_groups_are_found_page_by_page(trial: &Trial) {
    let store = trial.open();
    for n in 0..10 {
        let mut one = group(&format!("group-{n}"));
        one.created_at = at(if n == 9 { 500 } else { 0 });
        if n == 8 {
            one.group_type = GroupType::Meeting;
        }
        store.write(Write::CreateGroup(Box::new(one))).await;
        if n % 2 == 0 {
            store.say(&in_group(&format!("group-{n}")), "ana", at(i64::from(n) * 100)).await;
        }
    }
    // Whoever came or went counts like whoever spoke; an earlier moment changes nothing.
    for moment in [450, 100] {
        store.write(Write::Touch { group: group_id("group-3"), at: at(moment) }).await;
    }
    let mut idle = Vec::new();
    let mut after = 0;
    loop {
        let (page, next) = store.read().idle_groups(APP, "Public", at(400), after, 3).await.unwrap();
        idle.extend(page.into_iter().map(|id| id.as_str().to_owned()));
        after = next;
        if next == 0 {
            break;
        }
    }
    assert_eq!(idle, ["group-0", "group-1", "group-2", "group-5", "group-7"]);
}

pub(super) async fn right_counts_of_members_are_left_alone(trial: &Trial) {
    let store = trial.open();
    for group in ["one", "two", "three"] {
        store.found(group, &["ana", "bob"]).await;
    }
    let before = store.revision("two").await;
    let first = store.read().recount_members(0, 2).await.unwrap();
    assert_eq!(first.corrected, []);
    assert_ne!(first.next, 0);
    assert_eq!(store.read().recount_members(first.next, 2).await.unwrap().next, 0, "the end");
    assert_eq!(store.revision("two").await, before);
}
