//! Topics: messages, positions, mutes and choices of their own, and nothing written before somebody reads or chooses.

use std::sync::Arc;

use tsudoi_domain::{
    Role, TopicId,
    change::{Change, Expect, Write},
    conversation::ConversationKey,
    group::MsgFlag,
    member::Member,
    time::MuteUntil,
    topic::{Topic, TopicMember},
};

use super::{
    Opened, Trial,
    world::{APP, START, append, at, draft, group_id, member, topic_id, user},
};
use crate::StoreError;

const TOWN: &str = "@TGS#_town";

fn topic(part: &str) -> Topic {
    Topic::new(topic_id(TOWN, part), group_id(TOWN), format!("{part} by name"), START)
}

fn line(part: &str) -> ConversationKey {
    ConversationKey::Topic(topic_id(TOWN, part))
}

async fn found(store: &Opened, topics: &[&str]) {
    store.found(TOWN, &["ana", "bob"]).await;
    for part in topics {
        store.write(Write::PutTopic(Box::new(topic(part)))).await;
    }
}

async fn own(store: &Opened, part: &str, who: &str) -> TopicMember {
    let found = store.read().topic_entries(APP, &[topic_id(TOWN, part)], Some(&user(who))).await.unwrap();
    found[0].as_ref().unwrap().own.unwrap()
}

pub(super) async fn a_topic_reads_back_as_decided(trial: &Trial) {
    let store = trial.open();
    found(&store, &[]).await;
    let mut decided = topic("news");
    decided.introduction = "what happened \u{1F600}".into();
    decided.notification = "be kind".into();
    decided.face_url = "https://example.test/news.png".into();
    decided.custom_string = "{\"category\":1}".into();
    decided.mute_all = true;
    decided.permission = u64::MAX;
    store.write(Write::PutTopic(Box::new(decided.clone()))).await;
    assert_eq!(*store.topic(APP, &decided.id).await.unwrap().unwrap(), decided);
    let before = store.revision(TOWN).await;
    decided.name = "Old news".into();
    decided.mute_all = false;
    store.write(Write::PutTopic(Box::new(decided.clone()))).await;
    assert_eq!(*store.topic(APP, &decided.id).await.unwrap().unwrap(), decided);
    assert!(store.revision(TOWN).await > before, "whoever speaks there decides again");
    assert_eq!(store.topic(APP, &topic_id(TOWN, "sport")).await.unwrap(), None);
    assert_eq!(store.topic(tsudoi_domain::AppId(2), &decided.id).await.unwrap(), None);
}

pub(super) async fn topics_come_in_the_order_of_creation(trial: &Trial) {
    let store = trial.open();
    found(&store, &["sport", "art", "news"]).await;
    store.write(Write::PutTopic(Box::new(topic("sport")))).await;
    let all = store.read().topics(APP, &group_id(TOWN), None).await.unwrap();
    let ids: Vec<TopicId> = all.iter().map(|e| e.topic.id.clone()).collect();
    assert_eq!(ids, ["sport", "art", "news"].map(|part| topic_id(TOWN, part)));
    assert!(all.iter().all(|e| e.own.is_none()));
    assert_eq!(store.read().topic_count(APP, &group_id(TOWN)).await.unwrap(), 3);
    let asked = ["news", "none", "sport"].map(|part| topic_id(TOWN, part));
    let found = store.read().topic_entries(APP, &asked, Some(&user("stranger"))).await.unwrap();
    assert_eq!(found[0].as_ref(), all.get(2));
    assert_eq!(found[1], None);
    assert_eq!(found[2].as_ref(), all.first());
    assert_eq!(store.read().topics(APP, &group_id("gone"), None).await.unwrap(), []);
}

pub(super) async fn every_topic_has_numbers_of_its_own(trial: &Trial) {
    let store = trial.open();
    found(&store, &["news", "sport"]).await;
    for n in 1..=3 {
        assert_eq!(store.say(&line("news"), "ana", at(n)).await.seq, u64::try_from(n).unwrap());
    }
    assert_eq!(store.say(&line("sport"), "ana", at(9)).await.seq, 1);
    assert_eq!(store.say(&super::world::in_group(TOWN), "ana", at(9)).await.seq, 1);
    let all = store.read().topics(APP, &group_id(TOWN), Some(&user("bob"))).await.unwrap();
    assert_eq!(all.iter().map(|e| e.position.last_seq).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(all[0].position, store.read().position(APP, &line("news")).await.unwrap());
    let refused = store.try_send(draft(&line("art"), "ana", START)).await;
    assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
}

pub(super) async fn preconditions_about_topics_refuse_with_conflict(trial: &Trial) {
    let store = trial.open();
    found(&store, &["news", "sport"]).await;
    let below = |group: &str, cap| Expect::TopicsBelow { group: group_id(group), cap };
    for (what, expect, holds) in [
        ("taken", Expect::TopicAbsent(topic_id(TOWN, "news")), false),
        ("free", Expect::TopicAbsent(topic_id(TOWN, "art")), true),
        ("full", below(TOWN, 2), false),
        ("room for one", below(TOWN, 3), true),
        ("no community", below("gone", 3), false),
    ] {
        let change = Change::none().expect(expect).write(append(draft(&line("news"), "ana", START)));
        match store.commit(APP, change).await {
            Ok(_) => assert!(holds, "{what}"),
            Err(StoreError::Conflict(_)) => assert!(!holds, "{what}"),
            Err(other) => panic!("{what}: {other}"),
        }
    }
}

pub(super) async fn members_read_and_choose_in_each_topic(trial: &Trial) {
    let store = trial.open();
    found(&store, &["news", "sport"]).await;
    for n in 1..=5 {
        store.say(&line("news"), "ana", at(n)).await;
    }
    let read = |seq, force| Write::SetRead { conversation: line("news"), user: user("bob"), seq, force };
    for (seq, force, expected) in [(2, false, 2), (1, false, 2), (4, false, 4), (1, true, 1), (3, false, 3)] {
        store.write(read(seq, force)).await;
        assert_eq!(own(&store, "news", "bob").await.read_seq, expected, "{seq} force {force}");
    }
    let flag = |flag| Write::SetTopicFlag { topic: topic_id(TOWN, "news"), user: user("bob"), flag };
    store.write(flag(Some(MsgFlag::Discard))).await;
    let mute =
        |until| Write::SetMute { group: group_id(TOWN), topic: Some(topic_id(TOWN, "news")), user: user("bob"), until };
    store.write(mute(MuteUntil(77))).await;
    let expected = TopicMember {
        joined_seq: 0,
        read_seq: 3,
        cleared_seq: 0,
        msg_flag: Some(MsgFlag::Discard),
        mute_until: MuteUntil(77),
    };
    assert_eq!(own(&store, "news", "bob").await, expected);
    let mine = store.read().topics(APP, &group_id(TOWN), Some(&user("bob"))).await.unwrap();
    assert_eq!(mine[0].own, Some(expected));
    assert_eq!(own(&store, "sport", "bob").await.msg_flag, None, "each topic by itself");
    store.write(flag(None)).await;
    store.write(mute(MuteUntil::NEVER)).await;
    store.write(Write::ClearHistory { conversation: line("news"), user: user("bob") }).await;
    let expected =
        TopicMember { joined_seq: 0, read_seq: 5, cleared_seq: 5, msg_flag: None, mute_until: MuteUntil::NEVER };
    assert_eq!(own(&store, "news", "bob").await, expected);
    // What was chosen first does not count as reading.
    store.write(Write::SetTopicFlag { topic: topic_id(TOWN, "sport"), user: user("ana"), flag: None }).await;
    store.say(&line("sport"), "bob", at(9)).await;
    assert_eq!(own(&store, "sport", "ana").await.read_seq, 0);
}

pub(super) async fn who_speaks_in_a_topic_has_read_it(trial: &Trial) {
    let store = trial.open();
    found(&store, &["news", "sport"]).await;
    for (n, who) in (1..).zip(["ana", "bob", "ana", "stranger"]) {
        store.say(&line("news"), who, at(n)).await;
    }
    let read = async |part, who| own(&store, part, who).await.read_seq;
    assert_eq!((read("news", "ana").await, read("news", "bob").await, read("sport", "ana").await), (3, 2, 0));
    let entries = store.read().topic_entries(APP, &[topic_id(TOWN, "news")], Some(&user("stranger"))).await.unwrap();
    assert_eq!(entries[0].as_ref().unwrap().own, None, "speaking makes nobody a member");
    let spoke = store.read().member(APP, &group_id(TOWN), &user("ana")).await.unwrap().unwrap();
    assert_eq!((spoke.last_spoke_at, spoke.read_seq), (at(3), 0), "the community itself was not read");
}

pub(super) async fn choices_in_topics_are_found_at_login(trial: &Trial) {
    let store = trial.open();
    found(&store, &["news", "sport", "art"]).await;
    let flag = |part, who, flag| Write::SetTopicFlag { topic: topic_id(TOWN, part), user: user(who), flag };
    store.write(flag("sport", "bob", Some(MsgFlag::Discard))).await;
    store.write(flag("news", "bob", Some(MsgFlag::AcceptAndNotify))).await;
    store.write(flag("art", "bob", Some(MsgFlag::Discard))).await;
    store.write(flag("art", "bob", None)).await;
    store.write(flag("art", "ana", Some(MsgFlag::Discard))).await;
    let chosen = store.read().topic_flags(APP, &group_id(TOWN), &user("bob")).await.unwrap();
    let expected = [("news", MsgFlag::AcceptAndNotify), ("sport", MsgFlag::Discard)];
    assert_eq!(chosen, expected.map(|(part, flag)| (topic_id(TOWN, part), flag)));
    store.write(Write::DeleteTopic(topic_id(TOWN, "sport"))).await;
    assert_eq!(store.read().topic_flags(APP, &group_id(TOWN), &user("bob")).await.unwrap().len(), 1);
    assert_eq!(store.read().topic_flags(APP, &group_id("gone"), &user("bob")).await.unwrap(), []);
}

pub(super) async fn newcomers_have_read_what_was_said_before(trial: &Trial) {
    let store = trial.open();
    found(&store, &["news", "quiet"]).await;
    store.say(&line("quiet"), "ana", at(0)).await;
    for n in 1..=40 {
        store.say(&line("news"), "ana", at(n)).await;
    }
    // A hole as retention leaves it.
    let kept = std::collections::HashMap::from([(APP, at(7))]);
    store.read().expire_messages(kept, 0, 1000).await.unwrap();
    for (name, joined, expected) in [
        ("early", -5, 0),
        ("first", 0, 0),
        ("hole", 3, 6),
        ("one", 7, 7),
        ("mid", 20, 20),
        ("last", 40, 40),
        ("late", 99, 40),
    ] {
        let newcomer = Member::new(user(name), Role::Member, at(joined), 0, MsgFlag::AcceptAndNotify);
        store.write(Write::PutMember(group_id(TOWN), Box::new(newcomer))).await;
        let read = own(&store, "news", name).await.read_seq;
        // In a hole there is nothing to read: any number of it will do.
        assert!(
            read == expected || name == "hole" && (3..=6).contains(&read) || joined < 7 && read <= 6,
            "{name} has read {read}"
        );
        assert_eq!(own(&store, "quiet", name).await.read_seq, 1, "{name} finds nothing that is kept");
    }
}

pub(super) async fn messages_of_the_second_of_joining_are_told_apart(trial: &Trial) {
    let store = trial.open();
    found(&store, &["news", "quiet"]).await;
    let second = at(5);
    let said = async |part: &str| store.say(&line(part), "ana", second).await;
    said("news").await;
    said("news").await;
    let join = |name: &str| {
        let newcomer = Member::new(user(name), Role::Member, second, 0, MsgFlag::AcceptAndNotify);
        Write::PutMember(group_id(TOWN), Box::new(newcomer))
    };
    store.write(join("cid")).await;
    said("news").await;
    said("quiet").await;
    store.write(join("dan")).await;
    let read = async |part, who| {
        let own = own(&store, part, who).await;
        (own.joined_seq, own.read_seq)
    };
    assert_eq!((read("news", "cid").await, read("quiet", "cid").await), ((2, 2), (0, 0)));
    assert_eq!((read("news", "dan").await, read("quiet", "dan").await), ((3, 3), (1, 1)));
    // Changing a member is no new joining.
    said("news").await;
    store.write(join("cid")).await;
    assert_eq!(read("news", "cid").await, (2, 2));
}

pub(super) async fn reading_all_of_a_topic_reads_for_every_member(trial: &Trial) {
    let store = trial.open();
    found(&store, &["news"]).await;
    for n in 1..=4 {
        store.say(&line("news"), "ana", at(n)).await;
    }
    let read = |who: &str, seq, force| Write::SetRead { conversation: line("news"), user: user(who), seq, force };
    store.write(read("ana", 1, false)).await;
    store.write(Write::ReadAllOfTopic(topic_id(TOWN, "news"))).await;
    assert_eq!((own(&store, "news", "ana").await.read_seq, own(&store, "news", "bob").await.read_seq), (4, 4));
    // Unread numbers that are set afterwards hold.
    store.write(read("ana", 2, true)).await;
    store.write(read("bob", 2, true)).await;
    store.say(&line("news"), "somebody", at(5)).await;
    assert_eq!((own(&store, "news", "ana").await.read_seq, own(&store, "news", "bob").await.read_seq), (2, 2));
    store.write(Write::ReadAllOfTopic(topic_id(TOWN, "news"))).await;
    assert_eq!((own(&store, "news", "ana").await.read_seq, own(&store, "news", "bob").await.read_seq), (5, 5));
}

pub(super) async fn leaving_the_community_forgets_what_a_member_had_in_topics(trial: &Trial) {
    let store = trial.open();
    found(&store, &["news"]).await;
    store.say(&line("news"), "ana", at(1)).await;
    store.write(Write::SetRead { conversation: line("news"), user: user("bob"), seq: 1, force: false }).await;
    let flag = Some(MsgFlag::Discard);
    store.write(Write::SetTopicFlag { topic: topic_id(TOWN, "news"), user: user("bob"), flag }).await;
    store.say(&line("news"), "ana", at(5)).await;
    store.write(Write::DeleteMember(group_id(TOWN), user("bob"))).await;
    let found = store.read().topic_entries(APP, &[topic_id(TOWN, "news")], Some(&user("bob"))).await.unwrap();
    assert_eq!(found[0].as_ref().unwrap().own, None);
    let back = Member::new(user("bob"), Role::Member, at(6), 0, MsgFlag::AcceptAndNotify);
    store.write(Write::PutMember(group_id(TOWN), Box::new(back))).await;
    let expected =
        TopicMember { joined_seq: 2, read_seq: 2, cleared_seq: 0, msg_flag: None, mute_until: MuteUntil::NEVER };
    assert_eq!(own(&store, "news", "bob").await, expected);
}

pub(super) async fn a_deleted_topic_takes_everything_along(trial: &Trial) {
    let store = trial.open();
    found(&store, &["news", "sport"]).await;
    let news = topic_id(TOWN, "news");
    for n in 1..=3 {
        store.say(&line("news"), "bob", at(n)).await;
    }
    store.say(&line("sport"), "bob", at(1)).await;
    let until = MuteUntil::FOREVER;
    store.write(Write::SetMute { group: group_id(TOWN), topic: Some(news.clone()), user: user("bob"), until }).await;
    store.write(Write::SetRead { conversation: line("news"), user: user("bob"), seq: 3, force: false }).await;
    assert_eq!(store.topic_mute(APP, &group_id(TOWN), &news, &user("bob")).await.unwrap(), until);
    assert!(store.topic(APP, &news).await.unwrap().is_some());
    let before = store.revision(TOWN).await;
    store.write(Write::DeleteTopic(news.clone())).await;
    assert!(store.revision(TOWN).await > before);
    assert_eq!(store.topic(APP, &news).await.unwrap(), None);
    assert_eq!(store.seqs(&line("news")).await, [] as [u64; 0]);
    assert_eq!(store.seqs(&line("sport")).await, [1]);
    for write in [
        Write::DeleteTopic(news.clone()),
        append(draft(&line("news"), "ana", at(4))),
        Write::SetRead { conversation: line("news"), user: user("bob"), seq: 1, force: true },
        Write::SetTopicFlag { topic: news.clone(), user: user("bob"), flag: None },
    ] {
        let refused = store.commit(APP, Change::none().write(write.clone())).await;
        assert!(matches!(refused, Err(StoreError::Missing(_))), "{write:?}: {refused:?}");
    }
    // A successor with the same id starts from nothing.
    store.write(Write::PutTopic(Box::new(topic("news")))).await;
    assert_eq!(store.say(&line("news"), "ana", at(9)).await.seq, 1);
    assert_eq!(own(&store, "news", "bob").await.read_seq, 0);
    assert_eq!(own(&store, "news", "bob").await.mute_until, MuteUntil::NEVER);
}

pub(super) async fn a_dissolved_community_takes_its_topics_along(trial: &Trial) {
    let store = trial.open();
    found(&store, &["news", "sport"]).await;
    let news = topic_id(TOWN, "news");
    let sent = draft(&line("news"), "ana", at(1));
    store.send(sent.clone()).await;
    assert!(store.topic(APP, &news).await.unwrap().is_some());
    store.write(Write::DeleteGroup(group_id(TOWN))).await;
    assert_eq!(store.topic(APP, &news).await.unwrap(), None);
    assert_eq!(store.read().topics(APP, &group_id(TOWN), None).await.unwrap(), []);
    let refused = store.try_send(sent.clone()).await;
    assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
    found(&store, &["news"]).await;
    assert_eq!(store.read().topic_count(APP, &group_id(TOWN)).await.unwrap(), 1);
    assert_eq!(store.send(sent).await.seq, 1, "no repeat of what is gone");
}

pub(super) async fn no_reader_keeps_a_stale_topic(trial: &Trial) {
    let store = trial.open();
    found(&store, &["news"]).await;
    let news = topic_id(TOWN, "news");
    for round in 0..60 {
        let mut changed = topic("news");
        changed.name = round.to_string();
        let until = MuteUntil(round);
        let loading = tokio::spawn({
            let (store, news) = (super::world::shared(&store), news.clone());
            async move {
                store.topic(APP, &news).await.unwrap();
                store.topic_mute(APP, &group_id(TOWN), &news, &user("bob")).await.unwrap();
            }
        });
        store.write(Write::PutTopic(Box::new(changed.clone()))).await;
        let mute = Write::SetMute { group: group_id(TOWN), topic: Some(news.clone()), user: user("bob"), until };
        store.write(mute).await;
        loading.await.unwrap();
        assert_eq!(store.topic(APP, &news).await.unwrap(), Some(Arc::new(changed)));
        assert_eq!(store.topic_mute(APP, &group_id(TOWN), &news, &user("bob")).await.unwrap(), until);
    }
    store.write(Write::PutMember(group_id(TOWN), Box::new(member("cid", Role::Member)))).await;
}
