//! Groups: rows, pages, what goes with them, and the revision that decisions are checked against.

use std::collections::BTreeSet;

use tsudoi_domain::{
    GroupType, Role,
    change::{Change, Write},
    group::{ApplyJoinOption, MsgFlag},
    member::Member,
    time::MuteUntil,
};

use super::{
    Trial,
    world::{APP, START, at, group, group_id, in_group, member, topic_id, user},
};

pub(super) async fn a_group_reads_back_as_decided(trial: &Trial) {
    let store = trial.open();
    let mut decided = group("crew");
    decided.owner = Some(user("ana"));
    decided.max_member_num = 200;
    decided.apply_option = ApplyJoinOption::NeedPermission;
    decided.custom.insert("Stage".into(), "2 \u{0} \"quoted\"".into());
    decided.history_before_join = Some(true);
    store.write(Write::CreateGroup(Box::new(decided.clone()))).await;
    let created = store.group(APP, &group_id("crew")).await.unwrap().unwrap();
    decided.revision = created.revision;
    assert_eq!(*created, decided);

    decided.name = "Crew 7".into();
    decided.member_num = 99;
    store.write(Write::UpdateGroup(Box::new(decided.clone()))).await;
    let updated = store.group(APP, &group_id("crew")).await.unwrap().unwrap();
    assert_eq!(updated.name, "Crew 7");
    assert_eq!(updated.member_num, 0, "counts are the store's");
    assert_eq!(store.group(APP, &group_id("Crew")).await.unwrap(), None, "ids are case-sensitive");
}

pub(super) async fn groups_are_found_by_words_of_their_names(trial: &Trial) {
    let store = trial.open();
    for (id, name, group_type) in [
        ("one", "Night Crew", GroupType::Public),
        ("two", "crew 100%", GroupType::Meeting),
        ("three", "夜のCREW", GroupType::Public),
        ("four", "Crew of others", GroupType::Work),
        ("five", "Team", GroupType::Public),
    ] {
        let mut one = group(id);
        one.name = name.into();
        one.group_type = group_type;
        store.write(Write::CreateGroup(Box::new(one))).await;
    }
    let found = async |words: &str, skip, limit| {
        let types = ["Public", "Meeting"];
        let (ids, total) = store.read().groups_named(APP, &types, words, skip, limit).await.unwrap();
        (ids.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>(), total)
    };
    assert_eq!(found("crew", 0, 9).await, (["one", "two", "three"].map(str::to_owned).to_vec(), 3));
    assert_eq!(found("crew", 1, 1).await, (vec!["two".to_owned()], 3));
    assert_eq!(found("%", 0, 9).await, (vec!["two".to_owned()], 1), "signs are only signs");
    assert_eq!(found("夜", 0, 9).await, (vec!["three".to_owned()], 1));
    assert_eq!(found("nobody", 0, 9).await, (Vec::new(), 0));
}

pub(super) async fn pages_of_groups_hold_every_group_once(trial: &Trial) {
    let store = trial.open();
    let mut ids = BTreeSet::new();
    for n in 0..23 {
        let mut one = group(&format!("group-{n}"));
        if n % 3 == 0 {
            one.group_type = GroupType::Meeting;
        }
        if n % 4 == 0 {
            store
                .commit(tsudoi_domain::AppId(2), Change::none().write(Write::CreateGroup(Box::new(one.clone()))))
                .await
                .unwrap();
        }
        ids.insert(one.id.clone());
        store.write(Write::CreateGroup(Box::new(one))).await;
    }
    for (group_type, expected) in [(None, 23), (Some("Meeting"), 8), (Some("Public"), 15), (Some("Work"), 0)] {
        assert_eq!(store.read().group_count(APP, group_type).await.unwrap(), expected, "{group_type:?}");
        let mut found = Vec::new();
        let mut after = 0;
        loop {
            let page = store.read().group_page(APP, group_type, after, 5).await.unwrap();
            assert_eq!(page.total, expected, "{group_type:?}");
            found.extend(page.ids);
            after = page.next;
            if after == 0 {
                break;
            }
            // Deleting what was listed moves nothing.
            if group_type.is_none() && found.len() == 5 {
                store.write(Write::DeleteGroup(found[0].clone())).await;
                store.write(Write::CreateGroup(Box::new(group("again")))).await;
                ids.insert(group_id("again"));
            }
        }
        let distinct: BTreeSet<_> = found.iter().cloned().collect();
        assert_eq!(distinct.len(), found.len(), "{group_type:?}");
        if group_type.is_none() {
            assert_eq!(distinct, ids);
            store.write(Write::DeleteGroup(group_id("again"))).await;
            let mut first = group("group-0");
            first.group_type = GroupType::Meeting;
            store.write(Write::CreateGroup(Box::new(first))).await;
        } else {
            assert_eq!(found.len() as u64, expected, "{group_type:?}");
        }
    }
}

pub(super) async fn deletion_takes_everything_along(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana", "bob"]).await;
    store.found("other", &["bob"]).await;
    let crew = group_id("crew");
    store.say(&in_group("crew"), "ana", START).await;
    for write in [
        Write::SetMute { group: crew.clone(), topic: None, user: user("bob"), until: MuteUntil::FOREVER },
        Write::SetBan { group: crew.clone(), user: user("cid"), until: MuteUntil::FOREVER },
    ] {
        store.write(write).await;
    }
    store.write(Write::DeleteGroup(crew.clone())).await;
    assert_eq!(store.group(APP, &crew).await.unwrap(), None);
    assert_eq!(store.member(APP, &crew, &user("bob")).await.unwrap(), None);
    assert_eq!(store.read().member_page(APP, &crew, &[], 0, 0, 10).await.unwrap(), (Vec::new(), 0));
    assert_eq!(store.read().history(APP, &in_group("crew"), 0, 100).await.unwrap(), []);
    assert_eq!(store.read().mutes(APP, &crew, None, START).await.unwrap(), []);
    assert_eq!(store.read().ban(APP, &crew, &user("cid")).await.unwrap(), MuteUntil::NEVER);
    assert_eq!(store.read().group_count(APP, None).await.unwrap(), 1);
    let joined = store.read().joined(APP, &user("bob")).await.unwrap();
    assert_eq!(joined.iter().map(|j| j.group.id.as_str()).collect::<Vec<_>>(), ["other"]);
}

pub(super) async fn a_reused_id_starts_from_nothing(trial: &Trial) {
    let store = trial.open();
    let crew = group_id("crew");
    let town = topic_id("@TGS#_town", "news");
    store.found("crew", &["ana", "bob"]).await;
    for n in 0..3 {
        store.say(&in_group("crew"), "bob", at(n)).await;
    }
    store
        .write(Write::SetMute { group: crew.clone(), topic: None, user: user("bob"), until: MuteUntil::FOREVER })
        .await;
    store
        .write(Write::SetMute { group: crew.clone(), topic: Some(town), user: user("bob"), until: MuteUntil::FOREVER })
        .await;
    let mut sent = super::world::draft(&in_group("crew"), "ana", at(4));
    store.send(sent.clone()).await;

    // Deleted and founded again in one change.
    let change = Change::none()
        .write(Write::DeleteGroup(crew.clone()))
        .write(Write::CreateGroup(Box::new(group("crew"))))
        .write(Write::PutMember(crew.clone(), Box::new(member("ana", Role::Owner))));
    store.commit(APP, change).await.unwrap();
    assert_eq!(store.group(APP, &crew).await.unwrap().unwrap().member_num, 1);
    assert_eq!(store.seqs(&in_group("crew")).await, [] as [u64; 0]);
    assert_eq!(store.member(APP, &crew, &user("bob")).await.unwrap(), None);
    assert_eq!(store.read().mute(APP, &crew, None, &user("bob")).await.unwrap(), MuteUntil::NEVER);
    sent.time = at(5);
    assert_eq!(store.send(sent).await.seq, 1, "no repeat of a message that is gone");
    assert_eq!(store.seqs(&in_group("crew")).await, [1]);
}

pub(super) async fn joined_groups_come_in_the_order_of_joining(trial: &Trial) {
    let store = trial.open();
    for name in ["zebra", "apple", "mango", "kiwi"] {
        store.found(name, &["ana"]).await;
    }
    for name in ["mango", "zebra", "kiwi"] {
        let mut joining = Member::new(user("bob"), Role::Member, at(1), 0, MsgFlag::Discard);
        joining.name_card = format!("bob of {name}");
        store.write(Write::PutMember(group_id(name), Box::new(joining))).await;
    }
    store.say(&in_group("zebra"), "ana", at(2)).await;
    store.say(&in_group("zebra"), "ana", at(3)).await;
    store.write(Write::SetMute { group: group_id("kiwi"), topic: None, user: user("bob"), until: MuteUntil(7) }).await;
    store.write(Write::DeleteMember(group_id("mango"), user("bob"))).await;
    store.write(Write::PutMember(group_id("mango"), Box::new(member("bob", Role::Admin)))).await;

    let joined = store.read().joined(APP, &user("bob")).await.unwrap();
    assert_eq!(joined.iter().map(|j| j.group.id.as_str()).collect::<Vec<_>>(), ["zebra", "kiwi", "mango"]);
    for one in &joined {
        assert_eq!(one.group, store.group(APP, &one.group.id).await.unwrap().unwrap());
        assert_eq!(one.member, store.read().member(APP, &one.group.id, &user("bob")).await.unwrap().unwrap());
        assert_eq!(one.position, store.read().position(APP, &in_group(one.group.id.as_str())).await.unwrap());
    }
    assert_eq!(joined[0].position.last_seq, 2);
    assert_eq!(joined[0].member.name_card, "bob of zebra");
    assert_eq!(joined[1].member.mute_until, MuteUntil(7));
    assert_eq!(joined[2].member.role, Role::Admin);
    assert_eq!(store.read().joined(APP, &user("nobody")).await.unwrap(), []);
}

pub(super) async fn the_revision_grows_exactly_when_rights_are_taken(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana", "bob"]).await;
    let crew = group_id("crew");
    let mut card = member("bob", Role::Member);
    card.name_card = "Bob".into();
    let mute = |until| Write::SetMute { group: crew.clone(), topic: None, user: user("bob"), until };
    let ban = |until| Write::SetBan { group: crew.clone(), user: user("cid"), until };
    for (what, takes, write) in [
        ("joining", false, Write::PutMember(crew.clone(), Box::new(member("cid", Role::Member)))),
        ("a name card", false, Write::PutMember(crew.clone(), Box::new(card))),
        ("a promotion", false, Write::PutMember(crew.clone(), Box::new(member("bob", Role::Admin)))),
        ("a demotion", true, Write::PutMember(crew.clone(), Box::new(member("bob", Role::Member)))),
        ("a mute", true, mute(MuteUntil::FOREVER)),
        ("the end of a mute", false, mute(MuteUntil::NEVER)),
        ("leaving", true, Write::DeleteMember(crew.clone(), user("cid"))),
        ("leaving twice", false, Write::DeleteMember(crew.clone(), user("cid"))),
        ("a ban", true, ban(MuteUntil::FOREVER)),
        ("the end of a ban", false, ban(MuteUntil::NEVER)),
        ("new settings", true, Write::UpdateGroup(Box::new(group("crew")))),
        ("a message", false, super::world::append(super::world::draft(&in_group("crew"), "bob", START))),
        ("reading", false, Write::SetRead { conversation: in_group("crew"), user: user("bob"), seq: 1, force: false }),
    ] {
        let before = store.revision("crew").await;
        store.write(write).await;
        let after = store.revision("crew").await;
        assert_eq!(after > before, takes, "{what}: {before} -> {after}");
        assert_eq!(store.read().group(APP, &crew).await.unwrap().unwrap().revision, after);
    }
}
