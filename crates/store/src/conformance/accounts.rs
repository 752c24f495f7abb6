//! Accounts, apps, and what the server keeps about itself.

use std::{collections::HashSet, sync::Arc};

use tsudoi_domain::{
    AppId,
    account::{Account, ProfileValue},
    change::{Change, Write},
    time::Timestamp,
};

use super::{
    Opened, Trial,
    world::{APP, START, append, at, between, draft, group_id, in_group, notice, shared, user},
};
use crate::{AppRow, DirectQuery, Direction, StoreError};

pub(super) async fn put(store: &Opened, name: &str) -> u64 {
    store.write(Write::PutAccount(Box::new(Account::new(user(name), START)))).await;
    store.account(APP, &user(name)).await.unwrap().unwrap().tiny_id
}

pub(super) async fn tiny_ids_are_unique_and_never_reused(trial: &Trial) {
    let store = trial.open();
    let mut seen = HashSet::new();
    for n in 0..10 {
        assert!(seen.insert(put(&store, &format!("user-{n}")).await));
    }
    // Nor does an account change its id.
    assert!(!seen.insert(put(&store, "user-3").await));
    for name in ["user-9", "user-4"] {
        store.write(Write::DeleteAccount(user(name))).await;
        assert!(seen.insert(put(&store, name).await), "{name} comes back as somebody new");
    }
    let mut tasks = Vec::new();
    for n in 0..10 {
        let store = shared(&store);
        tasks.push(tokio::spawn(async move {
            // Two logins at once make one account.
            let account = Account::new(user(&format!("late-{}", n / 2)), START);
            store.commit(APP, Change::none().write(Write::PutAccount(Box::new(account)))).await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let late: Vec<_> = (0..5).map(|n| user(&format!("late-{n}"))).collect();
    for account in store.accounts(APP, &late).await.unwrap() {
        assert!(seen.insert(account.unwrap().tiny_id));
    }
}

pub(super) async fn an_account_reads_back_as_decided(trial: &Trial) {
    let store = trial.open();
    let mut decided = Account::new(user("ana"), START);
    decided.profile.insert("Tag_Profile_IM_Nick".into(), ProfileValue::Text("Ana \u{1F600}".into()));
    decided.profile.insert("Tag_Profile_IM_Level".into(), ProfileValue::Number(u64::from(u32::MAX)));
    store.write(Write::PutAccount(Box::new(decided.clone()))).await;
    let created = store.account(APP, &user("ana")).await.unwrap().unwrap();
    decided.tiny_id = created.tiny_id;
    assert_eq!(*created, decided);
    decided.logged_in = true;
    decided.valid_from = at(7);
    decided.profile.clear();
    store.write(Write::PutAccount(Box::new(decided.clone()))).await;
    assert_eq!(*store.account(APP, &user("ana")).await.unwrap().unwrap(), decided);
    let found = store.accounts(APP, &[user("bob"), user("ana")]).await.unwrap();
    assert_eq!(found, [None, Some(Arc::new(decided))]);
}

pub(super) async fn deletion_forgets_the_account(trial: &Trial) {
    let store = trial.open();
    put(&store, "ana").await;
    store.found("crew", &["bob", "ana"]).await;
    store.say(&between("ana", "bob"), "bob", at(1)).await;
    store.say(&between("ana", "bob"), "ana", at(2)).await;
    // Memberships end with the account, by writes of their own: who is still a member is not deleted.
    let refused = store.commit(APP, Change::none().write(Write::DeleteAccount(user("ana")))).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert!(store.account(APP, &user("ana")).await.unwrap().is_some());
    let change = Change::none()
        .write(Write::DeleteMember(group_id("crew"), user("ana")))
        .write(Write::DeleteAccount(user("ana")));
    store.commit(APP, change).await.unwrap();
    assert_eq!(store.account(APP, &user("ana")).await.unwrap(), None);
    assert_eq!(store.read().joined(APP, &user("ana")).await.unwrap(), []);
    assert_eq!(store.group(APP, &group_id("crew")).await.unwrap().unwrap().member_num, 1);
    assert_eq!(store.read().direct_views(APP, &user("ana"), START, 9).await.unwrap(), []);
    assert_eq!(store.read().log_after(APP, &user("ana"), 0, 9).await.unwrap(), []);
    // The other side keeps what was said.
    assert_eq!(store.read().direct_views(APP, &user("bob"), START, 9).await.unwrap().len(), 1);
    assert_eq!(store.seqs(&between("ana", "bob")).await, [2, 1]);
    // Whoever has the id later reads nothing of it, and what is said from then on.
    let query = DirectQuery { direction: Direction::Older, from: Timestamp(0), until: at(9), after: None, limit: 9 };
    let read = async |one: &str, other: &str| {
        let found = store.read().direct_history(APP, &user(one), &user(other), &query).await.unwrap();
        found.into_iter().map(|message| message.seq).collect::<Vec<_>>()
    };
    put(&store, "ana").await;
    assert_eq!((read("ana", "bob").await, read("bob", "ana").await), (vec![], vec![2, 1]));
    store.say(&between("ana", "bob"), "bob", at(3)).await;
    assert_eq!((read("ana", "bob").await, read("bob", "ana").await), (vec![3], vec![3, 2, 1]));
    assert_eq!(store.read().unread_total(APP, &user("ana")).await.unwrap(), 1);
    // Places of the log are not given twice: a client of the former account finds nothing it has seen.
    store.write(Write::Notify { user: user("ana"), notice: notice("crew", "welcome back"), time: at(3) }).await;
    let entries = store.read().log_after(APP, &user("ana"), 1, 9).await.unwrap();
    assert_eq!(entries.iter().map(|e| e.pos).collect::<Vec<_>>(), [2, 3]);
}

pub(super) async fn apps_and_meta_read_back(trial: &Trial) {
    let store = trial.open();
    assert_eq!(store.read().apps().await.unwrap(), []);
    let mut rows = Vec::new();
    for app in [3, 1, 2] {
        let row = AppRow {
            app: AppId(app),
            keys: vec![format!("key-{app}"), "old".into()],
            settings: format!("{{\"n\":{app}}}"),
        };
        store.read().put_app(row.clone()).await.unwrap();
        rows.push(row);
    }
    rows.sort_by_key(|row| row.app);
    assert_eq!(store.read().apps().await.unwrap(), rows);
    rows[1].keys = vec!["new".into()];
    store.read().put_app(rows[1].clone()).await.unwrap();
    assert_eq!(store.read().apps().await.unwrap(), rows);

    assert_eq!(store.read().meta("node").await.unwrap(), None);
    for value in [&b"one"[..], b"", b"\0\xff"] {
        store.read().put_meta("node", value).await.unwrap();
        assert_eq!(store.read().meta("node").await.unwrap().as_deref(), Some(value));
    }
    store.read().probe().await.unwrap();
}

pub(super) async fn apps_do_not_see_each_other(trial: &Trial) {
    let store = trial.open();
    let other = AppId(2);
    put(&store, "ana").await;
    store.found("crew", &["ana"]).await;
    store.say(&in_group("crew"), "ana", START).await;
    store.say(&between("ana", "bob"), "bob", START).await;
    assert_eq!(store.account(other, &user("ana")).await.unwrap(), None);
    assert_eq!(store.group(other, &group_id("crew")).await.unwrap(), None);
    assert_eq!(store.member(other, &group_id("crew"), &user("ana")).await.unwrap(), None);
    assert_eq!(store.read().joined(other, &user("ana")).await.unwrap(), []);
    assert_eq!(store.read().history(other, &in_group("crew"), 0, 9).await.unwrap(), []);
    assert_eq!(store.read().direct_view(other, &user("ana"), &user("bob")).await.unwrap(), None);
    assert_eq!(store.read().log_end(other, &user("ana")).await.unwrap(), 0);
    assert_eq!(store.read().group_count(other, None).await.unwrap(), 0);
    let mut change = Change::none().write(Write::CreateGroup(Box::new(super::world::group("crew"))));
    change = change.write(append(draft(&in_group("crew"), "eve", START)));
    assert_eq!(store.commit(other, change).await.unwrap().first().unwrap().seq, 1);
    store.commit(other, Change::none().write(Write::DeleteGroup(group_id("crew")))).await.unwrap();
    assert_eq!(store.seqs(&in_group("crew")).await, [1]);
}

pub(super) async fn robots_come_in_the_order_of_creation(trial: &Trial) {
    let store = trial.open();
    let set = |name: &str, on| Write::SetRobot { user: user(name), on };
    for write in [set("@RBT#b", true), set("@RBT#a", true), set("@RBT#b", false), set("@RBT#c", true)] {
        store.write(write).await;
    }
    let expected = [("@RBT#b", false), ("@RBT#a", true), ("@RBT#c", true)].map(|(name, on)| (user(name), on));
    assert_eq!(store.read().robots(APP).await.unwrap(), expected);
    store.write(set("@RBT#b", true)).await;
    assert_eq!(store.read().robots(APP).await.unwrap()[0], (user("@RBT#b"), true));
}
