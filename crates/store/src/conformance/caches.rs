//! The caches in front: whoever was acknowledged is seen, and no reader keeps what a commit replaced.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tsudoi_domain::{
    Role,
    account::{Account, ProfileValue},
    change::{Change, Write},
};

use super::{
    Opened, Trial,
    world::{APP, START, group, group_id, member, shared, user},
};
use crate::Store;

const ROUNDS: u64 = 150;
const READERS: usize = 3;

/// One writer replaces a row again and again while readers look. Versions that were acknowledged before a read began are
/// seen by it, and at the end everybody sees the last one.
async fn race<W, R>(store: &Opened, write: impl Fn(Store, u64) -> W, read: impl Fn(Store) -> R + Copy + Send + 'static)
where
    W: Future<Output = ()> + Send,
    R: Future<Output = u64> + Send,
{
    let acknowledged = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (store, acknowledged, done) = (shared(store), acknowledged.clone(), done.clone());
            tokio::spawn(async move {
                let mut reads = 0_u64;
                while !done.load(Ordering::SeqCst) {
                    let before = acknowledged.load(Ordering::SeqCst);
                    let seen = read(store.clone()).await;
                    assert!(seen >= before, "version {before} was acknowledged, {seen} was read");
                    reads += 1;
                    if reads.is_multiple_of(64) {
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    for version in 1..=ROUNDS {
        write(shared(store), version).await;
        acknowledged.store(version, Ordering::SeqCst);
        assert_eq!(read(shared(store)).await, version);
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(read(shared(store)).await, ROUNDS);
}

pub(super) async fn no_reader_keeps_a_stale_group(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let write = |store: Store, version: u64| async move {
        let mut changed = group("crew");
        changed.info_seq = version;
        store.commit(APP, Change::none().write(Write::UpdateGroup(Box::new(changed)))).await.unwrap();
    };
    let mut first = group("crew");
    first.info_seq = 0;
    store.write(Write::UpdateGroup(Box::new(first))).await;
    race(&store, write, |store| async move { store.group(APP, &group_id("crew")).await.unwrap().unwrap().info_seq })
        .await;
}

pub(super) async fn no_reader_keeps_a_stale_member(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    // Even versions are members, odd ones are not; the absence is remembered too.
    let write = |store: Store, version: u64| async move {
        let crew = group_id("crew");
        let write = if version.is_multiple_of(2) {
            let mut card = member("bob", Role::Member);
            card.name_card = version.to_string();
            Write::PutMember(crew, Box::new(card))
        } else {
            Write::DeleteMember(crew, user("bob"))
        };
        store.commit(APP, Change::none().write(write)).await.unwrap();
    };
    for version in 1..=ROUNDS {
        write(shared(&store), version).await;
        let readers: Vec<_> = (0..READERS)
            .map(|_| {
                let store = shared(&store);
                tokio::spawn(async move { store.member(APP, &group_id("crew"), &user("bob")).await.unwrap() })
            })
            .collect();
        for reader in readers {
            let seen = reader.await.unwrap().map(|m| m.name_card.clone());
            assert_eq!(seen, version.is_multiple_of(2).then(|| version.to_string()));
        }
    }
    // Readers that load while a commit runs.
    for version in 0..ROUNDS {
        let loading = tokio::spawn({
            let store = shared(&store);
            async move { store.member(APP, &group_id("crew"), &user("bob")).await.unwrap() }
        });
        write(shared(&store), version).await;
        let seen = store.member(APP, &group_id("crew"), &user("bob")).await.unwrap().map(|m| m.name_card.clone());
        assert_eq!(seen, version.is_multiple_of(2).then(|| version.to_string()));
        loading.await.unwrap();
        let seen = store.member(APP, &group_id("crew"), &user("bob")).await.unwrap().map(|m| m.name_card.clone());
        assert_eq!(seen, version.is_multiple_of(2).then(|| version.to_string()), "what was being loaded is not kept");
    }
}

pub(super) async fn no_reader_keeps_a_stale_account(trial: &Trial) {
    let store = trial.open();
    let put = |store: Store, version: u64| async move {
        let mut changed = Account::new(user("ana"), START);
        changed.profile.insert("version".into(), ProfileValue::Number(version));
        store.commit(APP, Change::none().write(Write::PutAccount(Box::new(changed)))).await.unwrap();
    };
    put(shared(&store), 0).await;
    race(&store, put, |store| async move {
        match store.account(APP, &user("ana")).await.unwrap().unwrap().profile["version"] {
            ProfileValue::Number(version) => version,
            ProfileValue::Text(_) => panic!("a number"),
        }
    })
    .await;
}

pub(super) async fn members_of_a_deleted_group_are_forgotten(trial: &Trial) {
    let store = trial.open();
    for round in 0..40 {
        store.found("crew", &["ana", "bob"]).await;
        assert!(store.member(APP, &group_id("crew"), &user("bob")).await.unwrap().is_some(), "round {round}");
        assert!(store.member(APP, &group_id("crew"), &user("cid")).await.unwrap().is_none(), "round {round}");
        let loading = tokio::spawn({
            let store = shared(&store);
            async move { store.member(APP, &group_id("crew"), &user("ana")).await.unwrap() }
        });
        store.write(Write::DeleteGroup(group_id("crew"))).await;
        loading.await.unwrap();
        for who in ["ana", "bob"] {
            assert_eq!(store.member(APP, &group_id("crew"), &user(who)).await.unwrap(), None, "round {round}");
        }
        store.found("crew", &["cid"]).await;
        assert!(store.member(APP, &group_id("crew"), &user("cid")).await.unwrap().is_some(), "round {round}");
        assert_eq!(store.member(APP, &group_id("crew"), &user("bob")).await.unwrap(), None, "round {round}");
        store.write(Write::DeleteGroup(group_id("crew"))).await;
    }
}
