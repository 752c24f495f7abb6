//! One durable write: whole or not at all, numbered without gaps, repeats told from new messages.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use tsudoi_domain::{
    Role, UserId,
    change::{Append, Change, Expect, Write},
    conversation::ConversationKey,
    group::{
        attribute::{Attribute, AttributeChange, CounterChange},
        permission_group::PermissionGroup,
    },
    join::{Application, Awaits},
    message::{
        Recall,
        extras::{Pair, Pin},
    },
    time::MuteUntil,
    topic::Topic,
};

use super::{
    Opened, Trial,
    world::{APP, START, WINDOW, append, at, between, draft, group, group_id, in_group, member, notice, shared, user},
};
use crate::{Appended, Outcome, StoreError};

pub(super) async fn what_was_acknowledged_can_be_read(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let crew = in_group("crew");
    for n in 1..=20 {
        let sent = draft(&crew, "ana", at(n));
        let appended = store.send(sent.clone()).await;
        let read = store.read().message(APP, &crew, appended.seq).await.unwrap().unwrap();
        assert_eq!(*read.draft, sent);
        assert_eq!(store.read().position(APP, &crew).await.unwrap().last_seq, appended.seq);
    }
}

pub(super) async fn numbers_are_contiguous_under_many_committers(trial: &Trial) {
    let store = trial.open();
    let conversations = [in_group("red"), in_group("blue"), between("ana", "bob")];
    store.found("red", &["ana"]).await;
    store.found("blue", &["ana"]).await;
    let mut tasks = Vec::new();
    for committer in 0..24 {
        let (store, conversations) = (shared(&store), conversations.clone());
        tasks.push(tokio::spawn(async move {
            let mut got = Vec::new();
            for n in 0..15 {
                let conversation = &conversations[(committer + n) % conversations.len()];
                let mut change = Change::none().write(append(draft(conversation, "ana", START)));
                if n % 5 == 0 {
                    // A change of several messages gets neighbouring numbers.
                    change = change.write(append(draft(conversation, "ana", START)));
                }
                let Outcome::Stored(appended) = store.commit(APP, change).await.unwrap() else { panic!("no repeat") };
                for pair in appended.windows(2) {
                    assert_eq!(pair[0].seq + 1, pair[1].seq);
                }
                got.extend(appended.iter().map(|a| (conversation.clone(), a.seq)));
            }
            got
        }));
    }
    let mut seqs: HashMap<ConversationKey, Vec<u64>> = HashMap::new();
    for task in tasks {
        for (conversation, seq) in task.await.unwrap() {
            seqs.entry(conversation).or_default().push(seq);
        }
    }
    for (conversation, mut answered) in seqs {
        answered.sort_unstable();
        let expected: Vec<u64> = (1..=answered.len() as u64).collect();
        assert_eq!(answered, expected, "{conversation}");
        let mut stored = store.seqs(&conversation).await;
        stored.reverse();
        assert_eq!(stored, expected, "{conversation}");
        assert_eq!(store.read().position(APP, &conversation).await.unwrap().last_seq, expected.len() as u64);
    }
}

pub(super) async fn listeners_hear_the_order_of_the_numbers(trial: &Trial) {
    let store = trial.open();
    let rooms: Vec<_> = (0..4).map(|n| in_group(&format!("room-{n}"))).collect();
    for n in 0..4 {
        store.found(&format!("room-{n}"), &["ana"]).await;
    }
    let mut tasks = Vec::new();
    for committer in 0..16 {
        let (store, rooms) = (shared(&store), rooms.clone());
        tasks.push(tokio::spawn(async move {
            for n in 0..10 {
                let room = &rooms[(committer + n) % rooms.len()];
                store.commit(APP, Change::none().write(append(draft(room, "ana", START)))).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut next: BTreeMap<ConversationKey, u64> = BTreeMap::new();
    for committed in store.heard.0.lock().iter() {
        let mut appended = committed.appended.iter();
        for write in &committed.change.writes {
            if let Write::Append(append) = write {
                let seq = next.entry(append.draft.conversation.clone()).or_insert(1);
                assert_eq!(appended.next().unwrap().seq, *seq, "{}", append.draft.conversation);
                *seq += 1;
            }
        }
        assert!(appended.next().is_none());
    }
    assert_eq!(next.values().map(|seq| seq - 1).sum::<u64>(), 160);
}

pub(super) async fn every_committer_hears_of_its_own_change(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let change = Arc::new(Change::none().write(append(draft(&in_group("crew"), "ana", START))));
    store.commit(APP, change.clone()).await.unwrap();
    // The listener was told before the caller was answered.
    let heard = store.heard.0.lock().last().cloned().unwrap();
    assert!(Arc::ptr_eq(&heard.change, &change));
    assert_eq!(heard.app, APP);
    assert_eq!(heard.appended, [Appended { seq: 1, time: START, counted: 0 }]);
}

pub(super) async fn a_repeat_is_answered_with_the_first_result(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    for conversation in [in_group("crew"), between("ana", "bob")] {
        let sent = draft(&conversation, "ana", START);
        let first = store.send(sent.clone()).await;
        store.say(&conversation, "ana", at(1)).await;
        let told = store.heard.0.lock().len();
        for late in [0, 1, i64::from(WINDOW)] {
            let mut again = sent.clone();
            again.time = at(late);
            let outcome = store.commit(APP, Change::none().write(append(again))).await.unwrap();
            assert_eq!(outcome, Outcome::Repeated(first), "{conversation} after {late} s");
        }
        assert_eq!(store.seqs(&conversation).await, [2, 1]);
        assert_eq!(store.heard.0.lock().len(), told, "nobody is told of a repeat");
    }
    assert_eq!(store.read().direct_view(APP, &user("bob"), &user("ana")).await.unwrap().unwrap().unread(), 2);
    assert_eq!(store.read().log_end(APP, &user("bob")).await.unwrap(), 2);
}

pub(super) async fn repeats_stay_within_sender_and_conversation(trial: &Trial) {
    let store = trial.open();
    store.found("red", &["ana", "bob"]).await;
    store.found("blue", &["ana", "bob"]).await;
    let (red, blue) = (in_group("red"), in_group("blue"));
    let sent = draft(&red, "ana", START);
    store.send(sent.clone()).await;
    let mut elsewhere = sent.clone();
    elsewhere.conversation = blue.clone();
    assert_eq!(store.send(elsewhere).await.seq, 1);
    let mut somebody_else = sent.clone();
    somebody_else.sender = tsudoi_domain::message::Sender::User(user("bob"));
    assert_eq!(store.send(somebody_else).await.seq, 2);
    let mut other_app = Change::none().write(Write::CreateGroup(Box::new(group("red"))));
    other_app = other_app.write(append(sent.clone()));
    let outcome = store.commit(tsudoi_domain::AppId(2), other_app).await.unwrap();
    assert_eq!(outcome, Outcome::Stored(vec![Appended { seq: 1, time: START, counted: 0 }]));
    // In a group the sender's own number does not tell messages apart.
    let mut renumbered = sent;
    renumbered.client_seq += 1;
    assert_eq!(store.send(renumbered).await.seq, 1);
}

pub(super) async fn between_two_people_the_senders_number_tells_repeats_apart(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    let sent = draft(&talk, "ana", START);
    assert_eq!(store.send(sent.clone()).await.seq, 1);
    let mut renumbered = sent.clone();
    renumbered.client_seq += 1;
    assert_eq!(store.send(renumbered).await.seq, 2);
    let mut other_way = sent;
    other_way.sender = tsudoi_domain::message::Sender::User(user("bob"));
    assert_eq!(store.send(other_way).await.seq, 3);
}

pub(super) async fn after_the_window_the_same_dice_make_a_new_message(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let mut sent = draft(&in_group("crew"), "ana", START);
    store.send(sent.clone()).await;
    sent.time = at(i64::from(WINDOW) + 1);
    let second = store.send(sent.clone()).await;
    assert_eq!(second.seq, 2);
    // The window runs from the newer one now.
    sent.time = at(2 * i64::from(WINDOW));
    assert_eq!(store.send(sent.clone()).await, second);
    // Without a window nothing is a repeat.
    let write = Write::Append(Append { draft: Arc::new(sent), dedupe_secs: 0 });
    assert_eq!(store.commit(APP, Change::none().write(write)).await.unwrap().first().unwrap().seq, 3);
}

pub(super) async fn a_repeat_writes_nothing_of_its_change(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let sent = draft(&in_group("crew"), "ana", START);
    let first = store.send(sent.clone()).await;
    let change = Change::none()
        .write(Write::Notify { user: user("bob"), notice: notice("crew", "hello"), time: START })
        .write(append(sent));
    assert_eq!(store.commit(APP, change).await.unwrap(), Outcome::Repeated(first));
    assert_eq!(store.read().log_end(APP, &user("bob")).await.unwrap(), 0);
}

fn application(group: &str, applicant: &str, key: i64) -> Application {
    Application {
        group: group_id(group),
        applicant: user(applicant),
        by: user(applicant),
        key,
        authentication: format!("secret-{key}"),
        message: "let me in".into(),
        at: START,
        awaits: Awaits::Leaders,
    }
}

/// What must hold, and what makes it fail.
async fn broken_preconditions(store: &Opened) -> Vec<(&'static str, Expect)> {
    store.found("crew", &["ana", "bob"]).await;
    store.write(Write::PutApplication(application("crew", "cid", 11))).await;
    let crew = group_id("crew");
    let revision = store.revision("crew").await;
    let gone = group_id("gone");
    let nobody: Vec<UserId> = vec![user("cid")];
    vec![
        ("changed", Expect::GroupAt { group: crew.clone(), revision: revision + 1 }),
        ("gone", Expect::GroupAt { group: gone.clone(), revision }),
        ("exists", Expect::GroupAbsent(crew.clone())),
        ("member", Expect::NotMembers { group: crew.clone(), users: vec![user("cid"), user("bob")] }),
        ("members of nothing", Expect::NotMembers { group: gone.clone(), users: nobody }),
        ("full", Expect::RoomFor { group: crew.clone(), adding: 2, cap: 3 }),
        ("room in nothing", Expect::RoomFor { group: gone.clone(), adding: 1, cap: 100 }),
        ("never applied", Expect::Pending { group: crew.clone(), applicant: user("dan"), key: 11 }),
        ("stale application", Expect::Pending { group: crew.clone(), applicant: user("cid"), key: 10 }),
        ("edited", Expect::MessageAt { conversation: in_group("crew"), seq: 1, version: 1 }),
        ("never sent", Expect::MessageAt { conversation: in_group("crew"), seq: 9, version: 0 }),
        ("never spoken", Expect::MessageAt { conversation: in_group("gone"), seq: 1, version: 0 }),
        ("attributes changed", Expect::AttributesAt { group: crew.clone(), seq: 1 }),
        ("attributes of nothing", Expect::AttributesAt { group: gone.clone(), seq: 0 }),
        ("counters changed", Expect::CountersAt { group: crew.clone(), seq: 1 }),
        ("extensions changed", Expect::ExtensionsAt { conversation: in_group("crew"), seq: 1, latest: 1 }),
        ("application to nothing", Expect::Pending { group: gone, applicant: user("cid"), key: 11 }),
    ]
}

pub(super) async fn every_precondition_refuses_with_conflict(trial: &Trial) {
    let store = trial.open();
    for (what, expect) in broken_preconditions(&store).await {
        let change = Change::none().expect(expect.clone()).write(append(draft(&in_group("crew"), "ana", START)));
        let refused = store.commit(APP, change).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{what}: {refused:?}");
    }
    // And lets pass what holds.
    let crew = group_id("crew");
    let holds = Change::none()
        .expect(Expect::GroupAt { group: crew.clone(), revision: store.revision("crew").await })
        .expect(Expect::GroupAbsent(group_id("gone")))
        .expect(Expect::NotMembers { group: crew.clone(), users: vec![user("cid"), user("dan")] })
        .expect(Expect::RoomFor { group: crew.clone(), adding: 2, cap: 4 })
        .expect(Expect::Pending { group: crew.clone(), applicant: user("cid"), key: 11 })
        .expect(Expect::AttributesAt { group: crew.clone(), seq: 0 })
        .expect(Expect::CountersAt { group: crew, seq: 0 })
        .expect(Expect::ExtensionsAt { conversation: in_group("crew"), seq: 1, latest: 0 })
        .write(append(draft(&in_group("crew"), "ana", START)));
    assert_eq!(store.commit(APP, holds).await.unwrap().first().unwrap().seq, 1);
    let unchanged = || Change::none().expect(Expect::MessageAt { conversation: in_group("crew"), seq: 1, version: 0 });
    let recall = Write::Recall {
        conversation: in_group("crew"),
        seq: 1,
        recall: Recall { by: user("ana"), reason: String::new(), at: START },
    };
    store.commit(APP, unchanged().write(recall.clone())).await.unwrap();
    let refused = store.commit(APP, unchanged().write(recall)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
}

/// Everything a change may leave behind in the little world of these promises.
async fn traces(store: &Opened) -> impl PartialEq + std::fmt::Debug {
    let crew = group_id("crew");
    let group = store.read().group(APP, &crew).await.unwrap();
    let members = store.read().member_page(APP, &crew, &[], 0, 0, 100).await.unwrap();
    let history = store.read().history(APP, &in_group("crew"), 0, u64::MAX).await.unwrap();
    let position = store.read().position(APP, &in_group("crew")).await.unwrap();
    let talk = store.read().history(APP, &between("ana", "bob"), 0, u64::MAX).await.unwrap();
    let views = store.read().direct_views(APP, &user("bob"), START, 10).await.unwrap();
    let logs = [
        store.read().log_after(APP, &user("ana"), 0, 100).await.unwrap(),
        store.read().log_after(APP, &user("bob"), 0, 100).await.unwrap(),
    ];
    let mutes = store.read().mutes(APP, &crew, None, START).await.unwrap();
    let bans = store.read().bans(APP, &crew, START, 0, 100).await.unwrap();
    let applications = store.read().applications_for(APP, &user("ana"), 100).await.unwrap();
    let accounts = store.read().account(APP, &user("eve")).await.unwrap();
    let groups = store.read().group_page(APP, None, 0, 100).await.unwrap();
    let kept = (
        store.read().topics(APP, &crew, None).await.unwrap(),
        store.read().attributes(APP, &crew).await.unwrap(),
        store.read().counters(APP, &crew).await.unwrap(),
        store.read().permission_groups(APP, &crew, "", 9).await.unwrap(),
    );
    let attached = (
        store.read().readers(APP, &in_group("crew"), 1).await.unwrap(),
        store.read().extensions(APP, &in_group("crew"), 1).await.unwrap(),
        store.read().reactions(APP, &in_group("crew"), 1, &user("ana"), 9).await.unwrap(),
        store.read().pins(APP, &in_group("crew")).await.unwrap(),
        store.read().hidden(APP, &in_group("crew"), &user("ana"), 0, 9).await.unwrap(),
    );
    let said = (history, position, talk, attached);
    (group, members, said, (views, logs), (mutes, bans, applications), accounts, groups, kept)
}

/// Writes of every kind that change something.
fn a_bit_of_everything() -> Change {
    let crew = group_id("crew");
    let (line, talk) = (in_group("crew"), between("ana", "bob"));
    let entry = Attribute { value: "1".into(), seq: 1 };
    let attributes = AttributeChange {
        group: crew.clone(),
        seq: 1,
        clear: false,
        delete: Vec::new(),
        put: BTreeMap::from([("a".to_owned(), entry)]),
    };
    let counters =
        CounterChange { group: crew.clone(), seq: 1, delete: Vec::new(), put: BTreeMap::from([("a".to_owned(), 1)]) };
    let rights = PermissionGroup {
        group: crew.clone(),
        id: "mods".into(),
        name: String::new(),
        permission: 1,
        custom_string: String::new(),
        created_at: START,
        member_num: 0,
    };
    let topic = Topic::new(super::world::topic_id("@TGS#_town", "news"), crew.clone(), "news".into(), START);
    let pin = Some(Pin { seq: 1, by: user("ana"), at: START });
    let mut renamed = group("crew");
    renamed.name = "renamed".into();
    Change::none()
        .write(append(draft(&in_group("crew"), "ana", at(5))))
        .write(append(draft(&between("ana", "bob"), "ana", at(5))))
        .write(Write::UpdateGroup(Box::new(renamed)))
        .write(Write::PutMember(crew.clone(), Box::new(member("eve", Role::Admin))))
        .write(Write::DeleteMember(crew.clone(), user("bob")))
        .write(Write::SetMute { group: crew.clone(), topic: None, user: user("ana"), until: MuteUntil::FOREVER })
        .write(Write::SetBan { group: crew.clone(), user: user("bob"), until: MuteUntil::FOREVER })
        .write(Write::SetRead { conversation: in_group("crew"), user: user("ana"), seq: 1, force: true })
        .write(Write::SetDirectRead { user: user("bob"), peer: user("ana"), until: at(9) })
        .write(Write::PutApplication(application("crew", "dan", 12)))
        .write(Write::DeleteApplication { group: crew, applicant: user("cid") })
        .write(Write::Notify { user: user("bob"), notice: notice("crew", "hello"), time: at(5) })
        .write(Write::PutAccount(Box::new(tsudoi_domain::account::Account::new(user("eve"), START))))
        .write(Write::Recall {
            conversation: in_group("crew"),
            seq: 1,
            recall: Recall { by: user("ana"), reason: String::new(), at: at(6) },
        })
        .write(Write::CreateGroup(Box::new(group("annex"))))
        .write(Write::PutTopic(Box::new(topic)))
        .write(Write::SetAttributes(Box::new(attributes)))
        .write(Write::SetCounters(Box::new(counters)))
        .write(Write::PutPermissionGroup(Box::new(rights)))
        .write(Write::SetReaction {
            conversation: line.clone(),
            seq: 1,
            reaction: "wow".into(),
            user: user("ana"),
            reacts: true,
        })
        .write(Write::SetPin { conversation: line.clone(), seq: 1, pin })
        .write(Write::PutExtensions {
            conversation: line.clone(),
            seq: 1,
            pairs: vec![Pair { key: "k".into(), value: "v".into(), version: 1 }],
            latest: 1,
            cleared: 0,
        })
        .write(Write::PutReceipts { conversation: line.clone(), user: user("bob"), seqs: vec![1], time: at(1) })
        .write(Write::Hide { conversation: line.clone(), user: user("ana"), seqs: vec![1] })
        .write(Write::Hide { conversation: talk, user: user("ana"), seqs: vec![1] })
        .write(Write::ReadAll(group_id("crew")))
        .write(Write::Unlist { user: user("ana"), peer: user("bob") })
        .write(Write::ClearDirect { user: user("bob"), peer: user("ana") })
        .write(Write::ClearHistory { conversation: line, user: user("ana") })
}

pub(super) async fn a_refused_change_leaves_no_trace(trial: &Trial) {
    let store = trial.open();
    let broken = broken_preconditions(&store).await;
    store.say(&in_group("crew"), "ana", START).await;
    store.say(&between("ana", "bob"), "ana", START).await;
    let before = traces(&store).await;
    let told = store.heard.0.lock().len();
    for (what, expect) in broken {
        let refused = store.commit(APP, a_bit_of_everything().expect(expect)).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{what}: {refused:?}");
        assert!(before == traces(&store).await, "{what}: {:#?}", traces(&store).await);
    }
    assert_eq!(store.heard.0.lock().len(), told, "nobody is told");
    assert_eq!(store.say(&in_group("crew"), "ana", at(7)).await.seq, 2);
}

pub(super) async fn a_write_that_fails_leaves_no_trace_of_its_change(trial: &Trial) {
    let store = trial.open();
    broken_preconditions(&store).await;
    store.say(&in_group("crew"), "ana", START).await;
    store.say(&between("ana", "bob"), "ana", START).await;
    let before = traces(&store).await;
    // Others commit at the same time, so that the failing change shares batches with changes that succeed.
    let others = tokio::spawn({
        let store = shared(&store);
        async move {
            for n in 0..60 {
                store
                    .commit(APP, Change::none().write(append(draft(&between("fay", "gil"), "fay", at(n)))))
                    .await
                    .unwrap();
            }
        }
    });
    for _ in 0..20 {
        let fails = Write::SetRead { conversation: in_group("gone"), user: user("ana"), seq: 1, force: false };
        let refused = store.commit(APP, a_bit_of_everything().write(fails)).await;
        assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
        assert!(before == traces(&store).await, "{:#?}", traces(&store).await);
    }
    others.await.unwrap();
    assert_eq!(store.seqs(&between("fay", "gil")).await, (1..=60).rev().collect::<Vec<u64>>());
    // What was rolled back does not shine through later changes.
    assert_eq!(store.say(&in_group("crew"), "ana", at(7)).await.seq, 2);
    assert_eq!(store.say(&between("ana", "bob"), "ana", at(7)).await, Appended { seq: 2, time: at(7), counted: 2 });
    store.commit(APP, a_bit_of_everything()).await.unwrap();
    assert_eq!(store.store.group(APP, &group_id("crew")).await.unwrap().unwrap().member_num, 2);
}

pub(super) async fn writes_to_what_does_not_exist_are_refused(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let gone = group_id("gone");
    let recall = Recall { by: user("ana"), reason: String::new(), at: START };
    let nowhere = in_group("gone");
    for write in [
        Write::UpdateGroup(Box::new(group("gone"))),
        Write::DeleteGroup(gone.clone()),
        Write::PutMember(gone.clone(), Box::new(member("ana", Role::Member))),
        Write::DeleteMember(gone.clone(), user("ana")),
        Write::SetMute { group: gone.clone(), topic: None, user: user("ana"), until: MuteUntil::FOREVER },
        Write::SetBan { group: gone.clone(), user: user("ana"), until: MuteUntil::FOREVER },
        Write::SetRead { conversation: nowhere.clone(), user: user("ana"), seq: 1, force: false },
        Write::PutApplication(application("gone", "ana", 1)),
        Write::DeleteApplication { group: gone, applicant: user("ana") },
        Write::Recall { conversation: nowhere.clone(), seq: 1, recall: recall.clone() },
        Write::Edit { conversation: nowhere, seq: 1, elements: None, cloud_custom_data: None, version: 1 },
        Write::Recall { conversation: in_group("crew"), seq: 1, recall },
        Write::Edit { conversation: in_group("crew"), seq: 1, elements: None, cloud_custom_data: None, version: 1 },
    ] {
        let refused = store.commit(APP, Change::none().write(write.clone())).await;
        assert!(matches!(refused, Err(StoreError::Missing(_))), "{write:?}: {refused:?}");
    }
    let taken = store.commit(APP, Change::none().write(Write::CreateGroup(Box::new(group("crew"))))).await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))), "{taken:?}");
    // A message to a group that was dissolved meanwhile is refused, as is the repeat of one that was stored.
    let sent = draft(&in_group("crew"), "ana", START);
    store.send(sent.clone()).await;
    store.write(Write::DeleteGroup(group_id("crew"))).await;
    let refused = store.try_send(sent).await;
    assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
}

pub(super) async fn a_decision_does_not_fit_a_successor_with_the_same_id(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let stale = Expect::GroupAt { group: group_id("crew"), revision: store.revision("crew").await };
    store.write(Write::DeleteGroup(group_id("crew"))).await;
    store.found("crew", &["bob"]).await;
    let change = Change::none().expect(stale).write(append(draft(&in_group("crew"), "ana", START)));
    let refused = store.commit(APP, change).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
}
