//! What outlives the process, however it ended.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use tsudoi_domain::{
    account::Account,
    change::{Append, Change, Write},
};

use super::{
    Heard, Trial,
    accounts::put,
    world::{APP, START, WINDOW, append, at, between, draft, in_group, shared, user},
};
use crate::{Store, StoreError, sqlite::SqliteOptions};

pub(super) async fn what_was_acknowledged_outlives_the_process(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana", "bob"]).await;
    for n in 0..10 {
        store.say(&in_group("crew"), "ana", at(n)).await;
        store.say(&between("ana", "bob"), "ana", at(n)).await;
    }
    store.write(Write::SetDirectRead { user: user("bob"), peer: user("ana"), until: at(4) }).await;
    let before = (
        store.read().history(APP, &in_group("crew"), 0, 99).await.unwrap(),
        store.read().joined(APP, &user("bob")).await.unwrap(),
        store.read().direct_views(APP, &user("bob"), START, 9).await.unwrap(),
        store.read().log_after(APP, &user("bob"), 0, 99).await.unwrap(),
        store.read().unread_total(APP, &user("bob")).await.unwrap(),
    );
    drop(store);
    let store = trial.open();
    let after = (
        store.read().history(APP, &in_group("crew"), 0, 99).await.unwrap(),
        store.read().joined(APP, &user("bob")).await.unwrap(),
        store.read().direct_views(APP, &user("bob"), START, 9).await.unwrap(),
        store.read().log_after(APP, &user("bob"), 0, 99).await.unwrap(),
        store.read().unread_total(APP, &user("bob")).await.unwrap(),
    );
    assert_eq!(after, before);
    assert_eq!(after.4, 5);
}

pub(super) async fn repeats_are_known_after_a_restart(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let mut sent = Vec::new();
    for conversation in [in_group("crew"), between("ana", "bob")] {
        let one = draft(&conversation, "ana", START);
        let first = store.send(one.clone()).await;
        sent.push((one, first));
        // Others speak after it, and one message is written into the past.
        store.say(&conversation, "ana", at(1)).await;
        if conversation == between("ana", "bob") {
            store.say(&conversation, "bob", at(-5000)).await;
        }
    }
    drop(store);
    let store = trial.open();
    for (mut one, first) in sent {
        one.time = at(i64::from(WINDOW));
        assert_eq!(store.send(one.clone()).await, first);
        one.time = at(i64::from(WINDOW) + 1);
        assert!(store.send(one).await.seq > first.seq + 1);
    }
}

pub(super) async fn sends_without_a_number_are_known_by_their_fingerprint(trial: &Trial) {
    let store = trial.open();
    let mut one = draft(&between("ana", "bob"), "ana", START);
    one.options.fingerprint = Some(77);
    let first = store.send(one.clone()).await;
    drop(store);
    let store = trial.open();
    // The server drew another number for the repeat.
    one.client_seq += 1;
    assert_eq!(store.send(one.clone()).await, first);
    one.options.fingerprint = Some(78);
    assert_eq!(store.send(one).await.seq, 2);
}

pub(super) async fn the_newest_of_equal_dice_is_known_after_a_restart(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let mut one = draft(&in_group("crew"), "ana", START);
    store.send(one.clone()).await;
    one.time = at(i64::from(WINDOW) + 1);
    let second = store.send(one.clone()).await;
    assert_eq!(second.seq, 2);
    drop(store);
    let store = trial.open();
    one.time = at(i64::from(WINDOW) + 2);
    assert_eq!(store.send(one).await, second);
}

pub(super) async fn repeats_are_known_after_an_edit_that_came_first(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let one = draft(&in_group("crew"), "ana", START);
    let first = store.send(one.clone()).await;
    drop(store);
    let store = trial.open();
    let edit = Write::Edit {
        conversation: in_group("crew"),
        seq: 1,
        elements: Some("[1]".into()),
        cloud_custom_data: None,
        version: 1,
    };
    store.write(edit).await;
    // A message of long ago, as imports bring them.
    let old = Write::Append(Append { draft: Arc::new(draft(&in_group("crew"), "ana", at(1))), dedupe_secs: 0 });
    store.write(old).await;
    assert_eq!(store.send(one).await, first);
}

pub(super) async fn tiny_ids_are_not_reused_after_a_restart(trial: &Trial) {
    let store = trial.open();
    put(&store, "ana").await;
    let last = put(&store, "bob").await;
    store.write(Write::DeleteAccount(user("bob"))).await;
    drop(store);
    let store = trial.open();
    assert!(put(&store, "bob").await > last);
}

pub(super) async fn numbers_continue_after_a_restart(trial: &Trial) {
    for round in 0..4 {
        let store = trial.open();
        if round == 0 {
            store.found("crew", &["ana"]).await;
        }
        for n in 1..=3 {
            assert_eq!(store.say(&in_group("crew"), "ana", at(round)).await.seq, u64::try_from(round).unwrap() * 3 + n);
        }
    }
}

pub(super) async fn a_second_store_on_the_same_files_is_refused(trial: &Trial) {
    let store = trial.open();
    let options = SqliteOptions { path: trial.path(), ..SqliteOptions::default() };
    let second = Store::sqlite(&options, Arc::new(Heard::default()));
    assert!(matches!(second, Err(StoreError::Unavailable(_))), "{second:?}");
    put(&store, "ana").await;
    drop(store);
    Store::sqlite(&options, Arc::new(Heard::default())).unwrap();
}

/// Names the database to the process that is killed.
const VICTIM: &str = "TSUDOI_STORE_VICTIM";

/// Not a promise: the process that is killed. It writes without end and says on standard output what was acknowledged.
#[test]
fn victim() {
    let Ok(path) = std::env::var(VICTIM) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(write_without_end(Path::new(&path)));
}

async fn write_without_end(path: &Path) {
    let options = SqliteOptions { path: Some(path.into()), ..SqliteOptions::default() };
    let store = Store::sqlite(&options, Arc::new(Heard::default())).unwrap();
    let founded = Write::CreateGroup(Box::new(super::world::group("crew")));
    store.commit(APP, Change::none().write(founded)).await.unwrap();
    let mut tasks = Vec::new();
    for task in 0..8 {
        let store = shared(&store);
        tasks.push(tokio::spawn(async move {
            for n in 0_u64.. {
                let (conversation, name) = match n % 2 {
                    0 => (in_group("crew"), "crew"),
                    _ => (between("ana", "bob"), "talk"),
                };
                let mut long = draft(&conversation, "ana", START);
                // Long enough that checkpoints happen while it writes.
                long.cloud_custom_data = Some("x".repeat(4000).into());
                let account = Account::new(user(&format!("user-{task}-{n}")), START);
                let change = Change::none().write(append(long)).write(Write::PutAccount(Box::new(account)));
                let seq = store.commit(APP, change).await.unwrap().first().unwrap().seq;
                println(&format!("acknowledged {name} {seq} user-{task}-{n}"));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// One line in one write, so that a kill leaves whole lines or none.
fn println(line: &str) {
    use std::io::Write as _;
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

pub(super) async fn a_killed_process_loses_nothing_acknowledged(trial: &Trial) {
    // Another number of lines each time: anywhere in a batch, and with a full log to be checkpointed.
    for lines in [1, 40, 333, 6000] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tsudoi.db");
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "conformance::restart::victim", "--nocapture"])
            .env(VICTIM, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut acknowledged = Vec::new();
        for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
            let Ok(line) = line else { break };
            if let Some(rest) = line.strip_prefix("acknowledged ") {
                let mut words = rest.split(' ');
                let (name, seq, account) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
                acknowledged.push((name.to_owned(), seq.parse::<u64>().unwrap(), account.to_owned()));
            }
            if acknowledged.len() == lines {
                victim.kill().unwrap();
            }
        }
        victim.wait().unwrap();
        assert!(acknowledged.len() >= lines, "the victim ended by itself");

        let killed = Trial { folder: Some(folder), batch: trial.batch };
        let store = killed.open();
        for (name, conversation) in [("crew", in_group("crew")), ("talk", between("ana", "bob"))] {
            let mut seqs = store.seqs(&conversation).await;
            seqs.reverse();
            assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "{name} after {lines}");
            assert_eq!(store.read().position(APP, &conversation).await.unwrap().last_seq, seqs.len() as u64);
            for (_, seq, account) in acknowledged.iter().filter(|(of, ..)| of == name) {
                assert!(*seq <= seqs.len() as u64, "{name} {seq} is lost after {lines}");
                assert!(store.account(APP, &user(account)).await.unwrap().is_some(), "{account} is lost after {lines}");
            }
            assert_eq!(store.say(&conversation, "bob", START).await.seq, seqs.len() as u64 + 1);
        }
        let talk = store.read().position(APP, &between("ana", "bob")).await.unwrap().last_seq;
        let log = store.read().log_after(APP, &user("bob"), 0, usize::MAX >> 1).await.unwrap();
        assert_eq!(log.iter().map(|e| e.pos).collect::<Vec<_>>(), (1..talk).collect::<Vec<_>>(), "after {lines}");
    }
}
