//! What accounts are to each other.

use tsudoi_domain::{
    UserId,
    account::{Account, ProfileValue},
    change::{Change, Expect, Write},
    relation::{FollowKind, Friend, FriendRequest, Tie},
    time::{MuteUntil, Timestamp},
};

use super::{
    Opened, Trial,
    world::{APP, START, at, user},
};
use crate::StoreError;

fn friend(name: &str, groups: &[&str]) -> Friend {
    Friend {
        user: user(name),
        remark: format!("my {name}"),
        remarked_at: START,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        source: "AddSource_Type_Web".into(),
        wording: "hi".into(),
        added_at: START,
        custom: [("Tag_SNS_Custom_Pet".to_owned(), ProfileValue::Text("cat".into()))].into(),
    }
}

fn put(owner: &str, name: &str, groups: &[&str]) -> Write {
    Write::PutFriend { user: user(owner), friend: Box::new(friend(name, groups)) }
}

fn request(owner: &str, peer: &str, sent: bool, time: Timestamp) -> Write {
    Write::PutFriendRequest(Box::new(FriendRequest {
        user: user(owner),
        peer: user(peer),
        sent,
        time,
        seen: sent,
        source: "AddSource_Type_Web".into(),
        wording: String::new(),
        remark: String::new(),
        group: String::new(),
    }))
}

async fn listed(store: &Opened, owner: &str) -> Vec<String> {
    let page = store.read().friend_page(APP, &user(owner), 0, 100).await.unwrap();
    page.iter().map(|(_, friend)| friend.user.to_string()).collect()
}

pub(super) async fn an_entry_reads_back_as_decided(trial: &Trial) {
    let store = trial.open();
    for name in ["work", "play"] {
        store.write(Write::PutFriendGroup { user: user("ana"), name: name.into() }).await;
    }
    store.write(put("ana", "bob", &["work", "play"])).await;
    store.write(put("ana", "cid", &[])).await;
    assert_eq!(
        store.read().friend(APP, &user("ana"), &user("bob")).await.unwrap(),
        Some(friend("bob", &["work", "play"]))
    );
    assert_eq!(store.read().friend(APP, &user("bob"), &user("ana")).await.unwrap(), None);
    assert_eq!(listed(&store, "ana").await, ["bob", "cid"]);
    let people = store.read().people(APP, &user("ana")).await.unwrap();
    assert_eq!((people.friends, people.custom_seq), (2, 2));
    // Changed, it is the same entry in the same place.
    store.write(put("ana", "bob", &["play"])).await;
    assert_eq!(listed(&store, "ana").await, ["bob", "cid"]);
    let after = store.read().people(APP, &user("ana")).await.unwrap();
    assert_eq!((after.friends, after.custom_seq), (2, 2));
    assert!(after.seq > people.seq);
    store.write(Write::RenameFriendGroup { user: user("ana"), old: "play".into(), new: "games".into() }).await;
    assert_eq!(store.read().friend(APP, &user("ana"), &user("bob")).await.unwrap().unwrap().groups, ["games"]);
    let groups = store.read().friend_groups(APP, &user("ana")).await.unwrap();
    let sizes: Vec<_> = groups.iter().map(|group| (group.name.as_str(), group.members)).collect();
    assert_eq!(sizes, [("work", 0), ("games", 1)]);
    store.write(Write::DeleteFriend { user: user("ana"), peer: user("bob") }).await;
    assert_eq!(
        store.read().friend_group_members(APP, &user("ana"), "games").await.unwrap(),
        Some(Vec::<UserId>::new())
    );
    assert_eq!(store.read().friend_group_members(APP, &user("ana"), "none").await.unwrap(), None);
    let refused = store.commit(APP, Change::none().write(put("ana", "bob", &["none"]))).await;
    assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
    assert_eq!(store.read().listed_by(APP, &user("cid"), 0, 9).await.unwrap()[0].1, user("ana"));
}

pub(super) async fn preconditions_about_relations_refuse_with_conflict(trial: &Trial) {
    let store = trial.open();
    store.write(put("ana", "bob", &[])).await;
    store.write(Write::PutFriendGroup { user: user("ana"), name: "work".into() }).await;
    store.write(request("ana", "cid", false, START)).await;
    store.write(Write::Block { user: user("ana"), peer: user("dan"), at: START }).await;
    let tie = store.read().tie(APP, &user("ana"), &user("bob")).await.unwrap();
    assert!(tie.is_friend() && !tie.blocked);
    assert!(store.read().tie(APP, &user("ana"), &user("dan")).await.unwrap().blocked);
    let ana = || user("ana");
    for (holds, fails) in [
        (
            Expect::TieAt { user: ana(), peer: user("bob"), tie },
            Expect::TieAt { user: ana(), peer: user("bob"), tie: Tie::default() },
        ),
        (Expect::FriendsBelow { user: ana(), cap: 2 }, Expect::FriendsBelow { user: ana(), cap: 1 }),
        (Expect::BlockedBelow { user: ana(), cap: 2 }, Expect::BlockedBelow { user: ana(), cap: 1 }),
        (
            Expect::FriendGroupsBelow { user: ana(), adding: 1, cap: 2 },
            Expect::FriendGroupsBelow { user: ana(), adding: 2, cap: 2 },
        ),
        (
            Expect::FriendRequestsBelow { user: ana(), sent: false, cap: 2 },
            Expect::FriendRequestsBelow { user: ana(), sent: false, cap: 1 },
        ),
        (
            Expect::FriendRequestAt { user: ana(), peer: user("cid"), time: START },
            Expect::FriendRequestAt { user: ana(), peer: user("cid"), time: at(1) },
        ),
    ] {
        let touch = |expect| Change::none().expect(expect).write(Write::UnwatchStatus { user: ana(), peers: None });
        store.commit(APP, touch(holds)).await.unwrap();
        let refused = store.commit(APP, touch(fails.clone())).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{fails:?}: {refused:?}");
    }
}

pub(super) async fn numbers_of_followers_equal_a_recount(trial: &Trial) {
    let store = trial.open();
    let names = ["ana", "bob", "cid"];
    let follow = |one: &str, other: &str| Write::Follow { user: user(one), peer: user(other), at: START };
    let unfollow = |one: &str, other: &str| Write::Unfollow { user: user(one), peer: user(other) };
    for write in [
        follow("ana", "bob"),
        follow("ana", "bob"),
        follow("bob", "ana"),
        follow("cid", "ana"),
        follow("ana", "cid"),
        unfollow("cid", "bob"),
        unfollow("ana", "cid"),
        follow("cid", "bob"),
    ] {
        store.write(write).await;
        for name in names {
            let people = store.read().people(APP, &user(name)).await.unwrap();
            for (kind, number) in [
                (FollowKind::Followers, people.followers),
                (FollowKind::Following, people.following),
                (FollowKind::Mutual, people.mutual),
            ] {
                let page = store.read().follow_page(APP, &user(name), kind, 0, 100).await.unwrap();
                assert_eq!(page.len() as u64, number, "{kind:?} of {name}");
            }
        }
    }
    assert!(store.read().follows(APP, &user("ana"), &user("bob")).await.unwrap());
    assert!(!store.read().follows(APP, &user("ana"), &user("cid")).await.unwrap());
}

pub(super) async fn the_newest_wishes_to_hear_of_others_stay(trial: &Trial) {
    let store = trial.open();
    let watch = |peers: &[&str]| Write::WatchStatus {
        user: user("ana"),
        peers: peers.iter().map(|name| user(name)).collect(),
        cap: 2,
    };
    let watched = async |name: &str| !store.read().status_watchers(APP, &user(name), 0, 9).await.unwrap().is_empty();
    store.write(watch(&["bob", "cid"])).await;
    store.write(watch(&["bob"])).await;
    store.write(watch(&["dan"])).await;
    assert!(watched("bob").await && !watched("cid").await && watched("dan").await);
    store.write(Write::UnwatchStatus { user: user("ana"), peers: Some(vec![user("dan")]) }).await;
    assert!(!watched("dan").await);
    store.write(Write::UnwatchStatus { user: user("ana"), peers: None }).await;
    assert!(!watched("bob").await);
}

pub(super) async fn requests_wait_on_both_sides(trial: &Trial) {
    let store = trial.open();
    store.write(request("ana", "bob", true, START)).await;
    store.write(request("bob", "ana", false, START)).await;
    store.write(request("bob", "cid", false, at(5))).await;
    let pairs = store.read().pairs(APP, &user("ana"), &[user("bob"), user("dan")]).await.unwrap();
    assert!(pairs[0].sent.is_some() && pairs[0].pending && !pairs[1].pending);
    assert_eq!(pairs[0].their_requests, 2);
    store.write(Write::SeeFriendRequests { user: user("bob"), until: START }).await;
    let mut requests = store.read().friend_requests(APP, &user("bob")).await.unwrap();
    requests.sort_by_key(|request| request.time);
    assert_eq!(requests.iter().map(|request| request.seen).collect::<Vec<_>>(), [true, false]);
    store.write(Write::DeleteFriendRequest { user: user("ana"), peer: user("bob"), sent: true }).await;
    let pairs = store.read().pairs(APP, &user("ana"), &[user("bob")]).await.unwrap();
    assert!(pairs[0].sent.is_none() && pairs[0].pending);
}

pub(super) async fn devices_come_in_the_order_of_their_logins(trial: &Trial) {
    let store = trial.open();
    let login = |instance: &str, time| Write::PutDevice {
        user: user("ana"),
        instance: instance.into(),
        platform: 2,
        time: at(time),
    };
    for (instance, time) in [("one", 1), ("two", 2), ("one", 3)] {
        store.write(login(instance, time)).await;
    }
    let instances = async || {
        let devices = store.read().devices(APP, &user("ana")).await.unwrap();
        devices.into_iter().map(|device| device.instance).collect::<Vec<_>>()
    };
    assert_eq!(instances().await, ["two", "one"]);
    store.write(Write::DeleteDevice { user: user("ana"), instance: Some("two".into()) }).await;
    assert_eq!(instances().await, ["one"]);
    store.write(Write::DeleteDevice { user: user("ana"), instance: None }).await;
    assert_eq!(instances().await, Vec::<String>::new());
    for number in 0..40 {
        store.write(login(&format!("tab {number}"), number)).await;
    }
    assert_eq!(instances().await.len(), 32);
    assert_eq!(instances().await[0], "tab 8");
}

pub(super) async fn single_writes_leave_the_rest_of_an_account(trial: &Trial) {
    let store = trial.open();
    let account = Account::new(user("ana"), START);
    store.write(Write::PutAccount(Box::new(account.clone()))).await;
    let text = |text: &str| ProfileValue::Text(text.into());
    let nick = vec![("nick".to_owned(), text("Ana"))];
    store.write(Write::SetProfile { user: user("ana"), fields: nick }).await;
    let place = vec![("place".to_owned(), text("Chiba"))];
    store.write(Write::SetProfile { user: user("ana"), fields: place }).await;
    store.write(Write::MuteAccount { user: user("ana"), direct: Some(MuteUntil(7)), groups: None }).await;
    store.write(Write::MuteAccount { user: user("ana"), direct: None, groups: Some(MuteUntil::FOREVER) }).await;
    store.write(Write::SetStatus { user: user("ana"), status: "at lunch".into() }).await;
    // A stale row neither logs out nor makes tickets valid again.
    store.write(Write::PutAccount(Box::new(Account { logged_in: true, valid_from: at(9), ..account.clone() }))).await;
    let known = store.account(APP, &user("ana")).await.unwrap().unwrap();
    store.write(Write::PutAccount(Box::new(Account { logged_in: false, valid_from: at(1), ..(*known).clone() }))).await;
    let known = store.account(APP, &user("ana")).await.unwrap().unwrap();
    assert!(known.logged_in);
    assert_eq!((known.valid_from, known.status.as_str()), (at(9), "at lunch"));
    assert_eq!((known.direct_muted, known.groups_muted), (MuteUntil(7), MuteUntil::FOREVER));
    let refused =
        store.commit(APP, Change::none().write(Write::SetStatus { user: user("eve"), status: String::new() })).await;
    assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
    assert!(store.read().accounts_reach(APP, 1).await.unwrap());
    assert!(!store.read().accounts_reach(APP, 2).await.unwrap());
}

pub(super) async fn relations_end_with_the_account(trial: &Trial) {
    let store = trial.open();
    for name in ["ana", "bob"] {
        store.write(Write::PutAccount(Box::new(Account::new(user(name), START)))).await;
    }
    for write in [
        put("ana", "bob", &[]),
        put("bob", "ana", &[]),
        Write::Block { user: user("ana"), peer: user("bob"), at: START },
        Write::Follow { user: user("ana"), peer: user("bob"), at: START },
        Write::Follow { user: user("bob"), peer: user("ana"), at: START },
        request("ana", "bob", true, START),
        request("bob", "ana", false, START),
        Write::WatchStatus { user: user("ana"), peers: vec![user("bob")], cap: 9 },
        Write::DeleteAccount(user("bob")),
        Write::NoteDeletion { user: user("bob"), at: at(5) },
    ] {
        store.write(write).await;
    }
    assert_eq!(listed(&store, "ana").await, Vec::<String>::new());
    assert_eq!(listed(&store, "bob").await, Vec::<String>::new());
    let people = store.read().people(APP, &user("ana")).await.unwrap();
    assert_eq!((people.friends, people.blocked, people.followers, people.following, people.mutual), (0, 0, 0, 0, 0));
    assert_eq!(store.read().friend_requests(APP, &user("ana")).await.unwrap(), []);
    assert!(store.read().status_watchers(APP, &user("bob"), 0, 9).await.unwrap().is_empty());
    assert_eq!(store.read().deleted_at(APP, &user("bob")).await.unwrap(), Some(at(5)));
}
