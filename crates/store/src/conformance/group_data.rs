//! Attributes, counters and permission groups.

use std::collections::BTreeMap;

use tsudoi_domain::{
    Role, TopicId,
    change::{Change, Expect, Write},
    group::{
        attribute::{Attribute, AttributeChange, Attributes, CounterChange, Counters},
        permission_group::{Grants, PermissionGroup},
    },
    topic::Topic,
};

use super::{
    Opened, Trial,
    world::{APP, START, group_id, member, shared, topic_id, user},
};
use crate::StoreError;

fn entries(list: &[(&str, &str, u64)]) -> BTreeMap<String, Attribute> {
    list.iter().map(|(key, value, seq)| ((*key).into(), Attribute { value: (*value).into(), seq: *seq })).collect()
}

fn change(seq: u64, clear: bool, delete: &[&str], put: &[(&str, &str, u64)]) -> Write {
    Write::SetAttributes(Box::new(AttributeChange {
        group: group_id("crew"),
        seq,
        clear,
        delete: delete.iter().map(|key| (*key).into()).collect(),
        put: entries(put),
    }))
}

pub(super) async fn attributes_read_back_as_decided(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let crew = group_id("crew");
    assert_eq!(store.read().attributes(APP, &crew).await.unwrap(), Attributes::default());
    for (write, seq, expected) in [
        (change(1, false, &[], &[("a", "1", 1), ("b", "2", 1)]), 1, vec![("a", "1", 1), ("b", "2", 1)]),
        (change(2, false, &["b"], &[("a", "\u{0}3", 2)]), 2, vec![("a", "\u{0}3", 2)]),
        (change(3, true, &[], &[("c", "4", 1)]), 3, vec![("c", "4", 1)]),
        (change(4, true, &[], &[]), 4, vec![]),
    ] {
        store.write(write).await;
        assert_eq!(store.read().attributes(APP, &crew).await.unwrap(), Attributes { seq, entries: entries(&expected) });
    }
    assert_eq!(store.read().attributes(APP, &group_id("gone")).await.unwrap(), Attributes::default());
}

pub(super) async fn of_writers_at_once_one_wins_each_number(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let mut tasks = Vec::new();
    for task in 0..6 {
        let store = shared(&store);
        tasks.push(tokio::spawn(async move {
            let crew = group_id("crew");
            let mut done = 0;
            while done < 5 {
                let counters = store.read().counters(APP, &crew).await.unwrap();
                let attributes = store.read().attributes(APP, &crew).await.unwrap();
                let likes = counters.values.get("likes").copied().unwrap_or(0);
                let put = BTreeMap::from([("likes".to_owned(), likes + 1)]);
                let counted = CounterChange { group: crew.clone(), seq: counters.seq + 1, delete: Vec::new(), put };
                let write = Change::none()
                    .expect(Expect::CountersAt { group: crew.clone(), seq: counters.seq })
                    .expect(Expect::AttributesAt { group: crew.clone(), seq: attributes.seq })
                    .write(Write::SetCounters(Box::new(counted)))
                    .write(change(attributes.seq + 1, false, &[], &[("by", &task.to_string(), attributes.seq + 1)]));
                match store.commit(APP, write).await {
                    Ok(_) => done += 1,
                    Err(StoreError::Conflict(_)) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let counters = store.read().counters(APP, &group_id("crew")).await.unwrap();
    assert_eq!(counters, Counters { seq: 30, values: BTreeMap::from([("likes".into(), 30)]) });
    assert_eq!(store.read().attributes(APP, &group_id("crew")).await.unwrap().seq, 30);
    let refused = Change::none().expect(Expect::CountersAt { group: group_id("gone"), seq: 0 });
    let refused = store.commit(APP, refused.write(change(31, true, &[], &[]))).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
}

pub(super) async fn counters_read_back_as_decided(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let crew = group_id("crew");
    let set = |seq, delete: &[&str], put: &[(&str, i64)]| {
        Write::SetCounters(Box::new(CounterChange {
            group: group_id("crew"),
            seq,
            delete: delete.iter().map(|key| (*key).into()).collect(),
            put: put.iter().map(|(key, value)| ((*key).into(), *value)).collect(),
        }))
    };
    store.write(set(1, &[], &[("a", i64::MIN), ("b", i64::MAX)])).await;
    store.write(set(2, &["a", "none"], &[("c", -7)])).await;
    let expected = BTreeMap::from([("b".to_owned(), i64::MAX), ("c".to_owned(), -7)]);
    assert_eq!(store.read().counters(APP, &crew).await.unwrap(), Counters { seq: 2, values: expected });
    // A successor of the group has none.
    store.write(Write::DeleteGroup(crew.clone())).await;
    store.found("crew", &["ana"]).await;
    assert_eq!(store.read().counters(APP, &crew).await.unwrap(), Counters::default());
    assert_eq!(store.read().attributes(APP, &crew).await.unwrap(), Attributes::default());
}

const TOWN: &str = "@TGS#_town";

fn permission_group(id: &str, permission: u64) -> PermissionGroup {
    PermissionGroup {
        group: group_id(TOWN),
        id: id.into(),
        name: format!("{id} by name"),
        permission,
        custom_string: "its own".into(),
        created_at: START,
        member_num: 0,
    }
}

async fn town(store: &Opened) -> [TopicId; 2] {
    store.found(TOWN, &["ana", "bob", "cid"]).await;
    let topics = [topic_id(TOWN, "news"), topic_id(TOWN, "sport")];
    for topic in &topics {
        store.write(Write::PutTopic(Box::new(Topic::new(topic.clone(), group_id(TOWN), "x".into(), START)))).await;
    }
    for (id, mask) in [("mods", 1 | 32), ("art", u64::MAX), ("vips", 64)] {
        store.write(Write::PutPermissionGroup(Box::new(permission_group(id, mask)))).await;
    }
    topics
}

fn put(id: &str, who: &str) -> Write {
    Write::PutPermissionMember { group: group_id(TOWN), id: id.into(), user: user(who) }
}

pub(super) async fn permission_groups_read_back_as_decided(trial: &Trial) {
    let store = trial.open();
    town(&store).await;
    let page = |after: &'static str, limit| {
        let store = shared(&store);
        async move {
            let found = store.read().permission_groups(APP, &group_id(TOWN), after, limit).await.unwrap();
            found.into_iter().map(|g| g.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(page("", 10).await, ["art", "mods", "vips"]);
    assert_eq!(page("", 2).await, ["art", "mods"]);
    assert_eq!(page("mods", 2).await, ["vips"]);
    let found = store.read().permission_group(APP, &group_id(TOWN), "art").await.unwrap();
    assert_eq!(found, Some(permission_group("art", u64::MAX)), "the highest bit survives");
    for who in ["bob", "ana", "cid", "bob"] {
        store.write(put("mods", who)).await;
    }
    let mut renamed = permission_group("mods", 7);
    renamed.name = "Moderators".into();
    renamed.member_num = 99;
    store.write(Write::PutPermissionGroup(Box::new(renamed))).await;
    let found = store.read().permission_group(APP, &group_id(TOWN), "mods").await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.permission, found.member_num), ("Moderators", 7, 3));
    let members = store.read().permission_members(APP, &group_id(TOWN), "mods", None, 2).await.unwrap();
    assert_eq!(members, ["ana", "bob"].map(user));
    let after = store.read().permission_members(APP, &group_id(TOWN), "mods", Some(&user("bob")), 2).await.unwrap();
    assert_eq!(after, [user("cid")]);
    for write in [put("none", "bob"), Write::DeletePermissionGroup { group: group_id(TOWN), id: "none".into() }] {
        let refused = store.commit(APP, Change::none().write(write)).await;
        assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
    }
}

pub(super) async fn rights_of_a_member_are_the_union_of_their_permission_groups(trial: &Trial) {
    let store = trial.open();
    let [news, sport] = town(&store).await;
    let rights = |who: &str| {
        let (store, who) = (shared(&store), user(who));
        async move { (*store.grants(APP, &group_id(TOWN), &who).await.unwrap()).clone() }
    };
    assert_eq!(rights("bob").await, Grants::default());
    store.write(put("mods", "bob")).await;
    assert_eq!(rights("bob").await.community, 33);
    store.write(put("vips", "bob")).await;
    assert_eq!(rights("bob").await.community, 33 | 64);
    let topic = |id: &str, topic: &TopicId, permission| Write::SetTopicPermission {
        group: group_id(TOWN),
        id: id.into(),
        topic: topic.clone(),
        permission,
    };
    for write in [topic("mods", &news, Some(1)), topic("vips", &news, Some(8)), topic("vips", &sport, Some(2))] {
        store.write(write).await;
    }
    let expected = BTreeMap::from([(news.clone(), 9), (sport.clone(), 2)]);
    assert_eq!(rights("bob").await, Grants { community: 97, topics: expected });
    let listed = store.read().topic_permissions(APP, &group_id(TOWN), "vips").await.unwrap();
    assert_eq!(listed, [(news.clone(), 8), (sport.clone(), 2)]);
    // Whatever takes rights away makes decisions look again.
    for (write, community, topics) in [
        (topic("vips", &news, None), 97, vec![(news.clone(), 1), (sport.clone(), 2)]),
        (Write::DeleteTopic(sport), 97, vec![(news.clone(), 1)]),
        (Write::PutPermissionGroup(Box::new(permission_group("vips", 0))), 33, vec![(news.clone(), 1)]),
        (Write::DeletePermissionMember { group: group_id(TOWN), id: "mods".into(), user: user("bob") }, 0, vec![]),
    ] {
        let before = store.revision(TOWN).await;
        store.write(write.clone()).await;
        assert!(store.revision(TOWN).await > before, "{write:?}");
        assert_eq!(rights("bob").await, Grants { community, topics: topics.into_iter().collect() }, "{write:?}");
    }
    store.write(Write::DeletePermissionGroup { group: group_id(TOWN), id: "vips".into() }).await;
    assert_eq!(store.read().permission_groups_of(APP, &group_id(TOWN), &user("bob")).await.unwrap(), [] as [&str; 0]);
}

pub(super) async fn who_leaves_the_community_leaves_its_permission_groups(trial: &Trial) {
    let store = trial.open();
    town(&store).await;
    for id in ["mods", "vips"] {
        store.write(put(id, "bob")).await;
        store.write(put(id, "cid")).await;
    }
    assert_ne!(*store.grants(APP, &group_id(TOWN), &user("bob")).await.unwrap(), Grants::default());
    store.write(Write::DeleteMember(group_id(TOWN), user("bob"))).await;
    assert_eq!(*store.grants(APP, &group_id(TOWN), &user("bob")).await.unwrap(), Grants::default());
    store.write(Write::PutMember(group_id(TOWN), Box::new(member("bob", Role::Member)))).await;
    assert_eq!(store.read().permission_groups_of(APP, &group_id(TOWN), &user("bob")).await.unwrap(), [] as [&str; 0]);
    for id in ["mods", "vips"] {
        let found = store.read().permission_group(APP, &group_id(TOWN), id).await.unwrap().unwrap();
        assert_eq!(found.member_num, 1, "{id}");
    }
    // A successor of the community has none of it.
    store.write(Write::DeleteGroup(group_id(TOWN))).await;
    store.found(TOWN, &["cid"]).await;
    assert_eq!(store.read().permission_groups(APP, &group_id(TOWN), "", 9).await.unwrap(), []);
    assert_eq!(*store.grants(APP, &group_id(TOWN), &user("cid")).await.unwrap(), Grants::default());
}
