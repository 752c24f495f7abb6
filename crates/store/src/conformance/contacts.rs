//! What users do with the conversations of their lists.

use std::collections::BTreeSet;

use tsudoi_domain::{
    GroupId, Timestamp,
    change::{Change, Expect, Write},
    conversation::care::{Book, Care, Contact, Folder},
};

use super::{
    Trial,
    world::{APP, at, user},
};
use crate::StoreError;

fn put(who: &str, contact: &Contact, care: Care) -> Write {
    Write::PutCare { user: user(who), contact: contact.clone(), care: Box::new(care) }
}

fn crew_id() -> GroupId {
    GroupId::trusted("crew")
}

fn with(name: &str) -> Contact {
    Contact::User(user(name))
}

pub(super) async fn care_is_one_users_own(trial: &Trial) {
    let store = trial.open();
    let crew = Contact::Group(crew_id());
    let pinned = |second| Care { pinned_at: Some(at(second)), changed_at: at(second), ..Care::default() };
    let marked = Care { marks: u64::MAX, changed_at: at(5), ..Care::default() };
    store.write(put("ana", &with("bob"), pinned(1))).await;
    store.write(put("ana", &crew, pinned(2))).await;
    store.write(put("ana", &with("cid"), marked.clone())).await;
    store.write(put("bob", &with("ana"), pinned(3))).await;
    let read = store.read();
    assert_eq!(read.care(APP, &user("ana"), &with("cid")).await.unwrap(), marked);
    assert_eq!(read.care(APP, &user("ana"), &with("dan")).await.unwrap(), Care::default());
    let pins = read.pinned(APP, &user("ana")).await.unwrap();
    assert_eq!(pins, [(crew.clone(), pinned(2)), (with("bob"), pinned(1))], "the newest first");
    assert_eq!(read.care_of_groups(APP, &user("ana")).await.unwrap(), [(crew_id(), pinned(2))]);
    let changed = async |since, limit| {
        let found = store.read().care_changed(APP, &user("ana"), since, limit).await.unwrap();
        found.into_iter().map(|(peer, _)| peer.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(changed(Timestamp(0), 9).await, ["cid", "bob"]);
    assert_eq!(changed(at(5), 9).await, ["cid"]);
    assert_eq!(changed(Timestamp(0), 1).await, ["cid"]);
    let foldered = Care { groups: BTreeSet::from([1]), ..Care::default() };
    store.write(put("ana", &crew, foldered.clone())).await;
    let grouped = store.read().grouped(APP, &user("ana"), 0, 9).await.unwrap();
    assert_eq!(grouped, [(with("cid"), marked), (crew.clone(), foldered.clone())]);
    assert_eq!(store.read().grouped(APP, &user("ana"), 1, 9).await.unwrap(), [(crew, foldered)]);
    assert_eq!(store.read().grouped_count(APP, &user("ana")).await.unwrap(), 2);
    assert_eq!(store.read().grouped_count(APP, &user("bob")).await.unwrap(), 0);
}

pub(super) async fn books_are_decided_against_their_revision(trial: &Trial) {
    let store = trial.open();
    let folders = vec![Folder { id: 1, name: "work".into() }];
    let book = Book { folders, last_folder: 1, ..Book::default() };
    let write = || Write::PutBook { user: user("ana"), book: Box::new(book.clone()) };
    let expect = |revision| Expect::BookAt { user: user("ana"), revision };
    store.commit(APP, Change::none().expect(expect(0)).write(write())).await.unwrap();
    assert_eq!(store.read().book(APP, &user("ana")).await.unwrap(), Book { revision: 1, ..book.clone() });
    store.write(put("ana", &with("bob"), Care::default())).await;
    let stale = store.commit(APP, Change::none().expect(expect(1)).write(write())).await;
    assert!(matches!(stale, Err(StoreError::Conflict(_))), "what was done with a conversation counts too");
    store.commit(APP, Change::none().expect(expect(2)).write(write())).await.unwrap();
    assert_eq!(store.read().book(APP, &user("bob")).await.unwrap(), Book::default());
}

pub(super) async fn leaving_a_group_and_deleting_an_account_forget_care(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana", "bob"]).await;
    let crew = Contact::Group(crew_id());
    let marked = Care { marks: 1, ..Care::default() };
    for contact in [&crew, &with("bob")] {
        store.write(put("ana", contact, marked.clone())).await;
    }
    store.write(Write::DeleteMember(crew_id(), user("ana"))).await;
    assert_eq!(store.read().care(APP, &user("ana"), &crew).await.unwrap(), Care::default());
    assert_eq!(store.read().care(APP, &user("ana"), &with("bob")).await.unwrap(), marked);
    store.write(Write::DeleteAccount(user("ana"))).await;
    assert_eq!(store.read().care(APP, &user("ana"), &with("bob")).await.unwrap(), Care::default());
    assert_eq!(store.read().book(APP, &user("ana")).await.unwrap(), Book::default());
}

pub(super) async fn records_are_kept_for_a_time(trial: &Trial) {
    let store = trial.open();
    let put = |key: &str, second, keep_from| Write::PutRecord {
        key: key.into(),
        messages: format!("[{second}]").into(),
        time: at(second),
        keep_from: at(keep_from),
    };
    store.write(put("a", 1, 0)).await;
    store.write(put("b", 5, 0)).await;
    assert_eq!(store.read().record(APP, "a").await.unwrap().as_deref(), Some("[1]"));
    store.write(put("c", 6, 5)).await;
    assert_eq!(store.read().record(APP, "a").await.unwrap(), None);
    assert_eq!(store.read().record(APP, "b").await.unwrap().as_deref(), Some("[5]"));
}
