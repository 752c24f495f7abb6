//! A user's log of inbound one-to-one messages and notices.

use tsudoi_domain::{
    change::{Change, Write},
    notice::NoticeKind,
};

use super::{
    Trial,
    world::{APP, START, append, at, between, draft, notice, shared, user},
};
use crate::LogItem;

pub(super) async fn places_are_contiguous_per_user(trial: &Trial) {
    let store = trial.open();
    let mut tasks = Vec::new();
    for task in 0..8 {
        let store = shared(&store);
        tasks.push(tokio::spawn(async move {
            for n in 0..10 {
                let sender = format!("user-{task}");
                let change = if n % 2 == 0 {
                    Change::none().write(append(draft(&between(&sender, "ana"), &sender, START)))
                } else {
                    Change::none()
                        .write(Write::Notify { user: user("ana"), notice: notice("crew", "one"), time: START })
                        .write(Write::Notify { user: user("bob"), notice: notice("crew", "two"), time: START })
                };
                store.commit(APP, change).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for (who, total) in [("ana", 80), ("bob", 40), ("user-1", 0)] {
        assert_eq!(store.read().log_end(APP, &user(who)).await.unwrap(), total, "{who}");
        let entries = store.read().log_after(APP, &user(who), 0, 1000).await.unwrap();
        let places: Vec<u64> = entries.iter().map(|e| e.pos).collect();
        assert_eq!(places, (1..=total).collect::<Vec<_>>(), "{who}");
    }
}

pub(super) async fn catching_up_works_from_any_place(trial: &Trial) {
    let store = trial.open();
    for n in 0..25 {
        let who = format!("user-{}", n % 3);
        store.say(&between(&who, "ana"), &who, at(n)).await;
    }
    let all = store.read().log_after(APP, &user("ana"), 0, 1000).await.unwrap();
    assert_eq!(all.len(), 25);
    for from in 0..=25_usize {
        for size in [1, 6, 25, 30] {
            let page = store.read().log_after(APP, &user("ana"), from as u64, size).await.unwrap();
            assert_eq!(page, all[from..25.min(from + size)], "from {from}, {size} at a time");
        }
    }
    assert_eq!(store.read().log_after(APP, &user("ana"), 99, 10).await.unwrap(), []);
}

pub(super) async fn the_log_holds_messages_and_notices_in_order(trial: &Trial) {
    let store = trial.open();
    let sent = draft(&between("ana", "bob"), "bob", at(1));
    store.send(sent.clone()).await;
    store.write(Write::Notify { user: user("ana"), notice: notice("crew", "hello"), time: at(2) }).await;
    store.say(&between("ana", "bob"), "ana", at(3)).await;
    let entries = store.read().log_after(APP, &user("ana"), 0, 10).await.unwrap();
    assert_eq!(entries.len(), 2, "what the user said does not come in");
    assert_eq!((entries[0].pos, entries[0].time), (1, at(1)));
    let LogItem::Message(message) = &entries[0].item else { panic!("a message") };
    assert_eq!((&*message.draft, message.seq, message.counted), (&sent, 1, 1));
    assert_eq!((entries[1].pos, entries[1].time), (2, at(2)));
    let LogItem::Notice(kept) = &entries[1].item else { panic!("a notice") };
    assert_eq!(kept.kind, NoticeKind::Custom { text: "hello".into() });
    // What was dealt with no longer waits; its place stays.
    store.write(Write::DropNotice { user: user("bob"), id: kept.id }).await;
    assert_eq!(store.read().log_after(APP, &user("ana"), 0, 10).await.unwrap().len(), 2, "it is not bob's");
    store.write(Write::DropNotice { user: user("ana"), id: kept.id }).await;
    assert_eq!(store.read().log_after(APP, &user("ana"), 0, 10).await.unwrap().len(), 1);
    assert_eq!(store.read().log_end(APP, &user("ana")).await.unwrap(), 2);
}
