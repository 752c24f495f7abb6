//! Members: pages, counts, read positions, and what is kept about users whether they are members or not.

use std::sync::Arc;

use tsudoi_domain::{
    Role, Timestamp, UserId,
    change::{Change, Write},
    group::MsgFlag,
    join::{Application, Awaits},
    member::Member,
    time::MuteUntil,
};

use super::{
    Opened, Trial,
    world::{APP, START, append, at, draft, group_id, in_group, member, shared, topic_id, user},
};

pub(super) async fn a_member_reads_back_as_decided(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let crew = group_id("crew");
    let mut decided = Member::new(user("bob"), Role::Admin, at(9), 4, MsgFlag::AcceptNotNotify);
    decided.name_card = "Bob".into();
    decided.custom.insert("Level".into(), "7".into());
    store.write(Write::PutMember(crew.clone(), Box::new(decided.clone()))).await;
    assert_eq!(*store.member(APP, &crew, &user("bob")).await.unwrap().unwrap(), decided);
    let asked = [user("nobody"), user("bob"), user("ana")];
    let found = store.read().members(APP, &crew, &asked).await.unwrap();
    assert_eq!(
        found.iter().map(|m| m.as_ref().map(|m| m.user.as_str())).collect::<Vec<_>>(),
        [None, Some("bob"), Some("ana")]
    );
    // What the store keeps does not come back with a changed row.
    store.write(Write::SetRead { conversation: in_group("crew"), user: user("bob"), seq: 9, force: false }).await;
    decided.name_card = "Robert".into();
    store.write(Write::PutMember(crew.clone(), Box::new(decided.clone()))).await;
    decided.read_seq = 9;
    assert_eq!(*store.member(APP, &crew, &user("bob")).await.unwrap().unwrap(), decided);
}

pub(super) async fn the_count_equals_a_recount(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let crew = group_id("crew");
    let mut tasks = Vec::new();
    for task in 0_u64..6 {
        let (store, crew) = (shared(&store), crew.clone());
        tasks.push(tokio::spawn(async move {
            for step in 0..20 {
                let who = format!("user-{}", (task * 7 + step * 3) % 11);
                let change = if step % 3 == 2 {
                    Change::none()
                        .write(Write::DeleteMember(crew.clone(), user(&who)))
                        .write(Write::DeleteMember(crew.clone(), user(&who)))
                } else {
                    Change::none().write(Write::PutMember(crew.clone(), Box::new(member(&who, Role::Member))))
                };
                store.commit(APP, change).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let (members, next) = store.read().member_page(APP, &crew, &[], 0, 0, 1000).await.unwrap();
    assert_eq!(next, 0);
    assert_eq!(store.group(APP, &crew).await.unwrap().unwrap().member_num, members.len() as u64);
}

/// A group with an owner, admins and members that joined in a mixed order; answers the order of its pages.
async fn mixed(store: &Opened) -> Vec<String> {
    store.found("crew", &[]).await;
    let mut expected = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..23 {
        let name = format!("user-{:02}", (n * 7) % 23);
        let role = match n {
            11 => Role::Owner,
            _ if n % 5 == 3 => Role::Admin,
            _ => Role::Member,
        };
        match role {
            Role::Owner => expected.0.push(name.clone()),
            Role::Admin => expected.1.push(name.clone()),
            _ => expected.2.push(name.clone()),
        }
        store.write(Write::PutMember(group_id("crew"), Box::new(member(&name, role)))).await;
    }
    let (owner, admins, members) = expected;
    [owner, admins, members].concat()
}

fn names(page: &[Arc<Member>]) -> Vec<String> {
    page.iter().map(|m| m.user.as_str().to_owned()).collect()
}

pub(super) async fn pages_come_by_rank_and_joining(trial: &Trial) {
    let store = trial.open();
    let expected = mixed(&store).await;
    let crew = group_id("crew");
    let (page, next) = store.read().member_page(APP, &crew, &[], 0, 0, 100).await.unwrap();
    assert_eq!((names(&page), next), (expected.clone(), 0));
    for (roles, range) in [
        (vec![Role::Owner], 0..1),
        (vec![Role::Admin], 1..5),
        (vec![Role::Member], 5..23),
        (vec![Role::Admin, Role::Owner], 0..5),
        (vec![Role::Member, Role::Admin], 1..23),
        (vec![Role::NotMember], 0..0),
    ] {
        let (page, next) = store.read().member_page(APP, &crew, &roles, 0, 0, 100).await.unwrap();
        assert_eq!((names(&page), next), (expected[range].to_vec(), 0), "{roles:?}");
    }
    assert_eq!(store.read().member_page(APP, &group_id("gone"), &[], 0, 0, 9).await.unwrap(), (Vec::new(), 0));
}

pub(super) async fn cursor_and_offset_agree(trial: &Trial) {
    let store = trial.open();
    let expected = mixed(&store).await;
    let crew = group_id("crew");
    for roles in [vec![], vec![Role::Member, Role::Owner]] {
        let (all, _) = store.read().member_page(APP, &crew, &roles, 0, 0, 100).await.unwrap();
        let all = names(&all);
        assert!(roles.len() == 2 || all == expected);
        for size in [1, 4, 7, 22, 23, 24] {
            let (mut after, mut offset) = (0, 0);
            loop {
                let (by_cursor, next) = store.read().member_page(APP, &crew, &roles, 0, after, size).await.unwrap();
                let (by_offset, _) =
                    store.read().member_page(APP, &crew, &roles, offset as u64, 0, size).await.unwrap();
                assert_eq!(names(&by_cursor), names(&by_offset));
                assert_eq!(names(&by_cursor), all[offset..all.len().min(offset + size)], "pages of {size}");
                offset += by_cursor.len();
                after = next;
                if next == 0 {
                    break;
                }
            }
            assert_eq!(offset, all.len(), "pages of {size}");
        }
        let beyond = store.read().member_page(APP, &crew, &roles, 1000, 0, 5).await.unwrap();
        assert_eq!(beyond, (Vec::new(), 0));
    }
}

pub(super) async fn pages_neither_repeat_nor_skip_while_members_leave(trial: &Trial) {
    let store = trial.open();
    let expected = mixed(&store).await;
    let crew = group_id("crew");
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let (page, next) = store.read().member_page(APP, &crew, &[], 0, after, 4).await.unwrap();
        seen.extend(names(&page));
        // The first of the page leaves, and so does the last one, which the cursor stands on.
        for gone in [page.first(), page.last()].into_iter().flatten() {
            store.write(Write::DeleteMember(crew.clone(), gone.user.clone())).await;
        }
        after = next;
        if next == 0 {
            break;
        }
    }
    assert_eq!(seen, expected);
}

pub(super) async fn a_cursor_survives_its_member(trial: &Trial) {
    let store = trial.open();
    let expected = mixed(&store).await;
    let crew = group_id("crew");
    // The cursor stands on an admin who leaves; the remaining admins come next.
    let (page, next) = store.read().member_page(APP, &crew, &[], 0, 0, 2).await.unwrap();
    assert_eq!(page[1].role, Role::Admin);
    store.write(Write::DeleteMember(crew.clone(), page[1].user.clone())).await;
    let (rest, _) = store.read().member_page(APP, &crew, &[], 0, next, 100).await.unwrap();
    assert_eq!(names(&rest), expected[2..]);
}

pub(super) async fn a_cursor_survives_a_change_of_rank(trial: &Trial) {
    let store = trial.open();
    let expected = mixed(&store).await;
    let crew = group_id("crew");
    let (page, next) = store.read().member_page(APP, &crew, &[], 0, 0, 10).await.unwrap();
    let last = page.last().unwrap();
    assert_eq!(last.role, Role::Member);
    store.write(Write::PutMember(crew.clone(), Box::new(member(last.user.as_str(), Role::Admin)))).await;
    let (rest, _) = store.read().member_page(APP, &crew, &[], 0, next, 100).await.unwrap();
    assert_eq!(names(&rest), expected[10..]);
}

pub(super) async fn read_positions_move_forward_unless_forced(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    for (seq, force, expected) in [(5, false, 5), (3, false, 5), (8, false, 8), (2, true, 2), (1, false, 2)] {
        store.write(Write::SetRead { conversation: in_group("crew"), user: user("ana"), seq, force }).await;
        let read = store.member(APP, &group_id("crew"), &user("ana")).await.unwrap().unwrap().read_seq;
        assert_eq!(read, expected, "{seq} force {force}");
    }
    // Who is no member has no position; nothing happens.
    store.write(Write::SetRead { conversation: in_group("crew"), user: user("bob"), seq: 1, force: false }).await;
    assert_eq!(store.member(APP, &group_id("crew"), &user("bob")).await.unwrap(), None);
}

pub(super) async fn speaking_moves_the_own_read_position(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana", "bob"]).await;
    let crew = group_id("crew");
    for n in 1..=3 {
        store.say(&in_group("crew"), "ana", at(n)).await;
    }
    // Also when the message shares a change with others.
    let change = Change::none().write(append(draft(&in_group("crew"), "bob", at(5)))).write(append(draft(
        &in_group("crew"),
        "ana",
        at(6),
    )));
    store.commit(APP, change).await.unwrap();
    let position = |who: &str| {
        let (store, crew, who) = (shared(&store), crew.clone(), user(who));
        async move {
            let found = store.read().member(APP, &crew, &who).await.unwrap().unwrap();
            (found.read_seq, found.last_spoke_at)
        }
    };
    assert_eq!(position("ana").await, (5, at(6)));
    assert_eq!(position("bob").await, (4, at(5)));
}

pub(super) async fn mutes_outlive_membership(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana", "bob"]).await;
    let crew = group_id("crew");
    let mute = |who: &str, until| Write::SetMute { group: crew.clone(), topic: None, user: user(who), until };
    store.write(mute("bob", MuteUntil(START.0 + 50))).await;
    store.write(mute("stranger", MuteUntil::FOREVER)).await;
    assert_eq!(store.member(APP, &crew, &user("bob")).await.unwrap().unwrap().mute_until, MuteUntil(START.0 + 50));
    store.write(Write::DeleteMember(crew.clone(), user("bob"))).await;
    assert_eq!(store.read().mute(APP, &crew, None, &user("bob")).await.unwrap(), MuteUntil(START.0 + 50));
    store.write(Write::PutMember(crew.clone(), Box::new(member("bob", Role::Member)))).await;
    assert_eq!(store.member(APP, &crew, &user("bob")).await.unwrap().unwrap().mute_until, MuteUntil(START.0 + 50));

    let muted = |now: Timestamp| {
        let (store, crew) = (shared(&store), crew.clone());
        async move { store.read().mutes(APP, &crew, None, now).await.unwrap() }
    };
    let both = [(user("bob"), MuteUntil(START.0 + 50)), (user("stranger"), MuteUntil::FOREVER)];
    assert_eq!(muted(at(49)).await, both);
    assert_eq!(muted(at(50)).await, both[1..]);
    store.write(mute("stranger", MuteUntil::NEVER)).await;
    store.write(mute("bob", MuteUntil(START.0 + 70))).await;
    assert_eq!(muted(at(50)).await, [(user("bob"), MuteUntil(START.0 + 70))]);
    assert_eq!(store.read().mute(APP, &crew, None, &user("nobody")).await.unwrap(), MuteUntil::NEVER);
}

pub(super) async fn mutes_in_topics_are_their_own(trial: &Trial) {
    let store = trial.open();
    store.found("@TGS#_town", &["ana", "bob"]).await;
    let town = group_id("@TGS#_town");
    let (news, sport) = (topic_id("@TGS#_town", "news"), topic_id("@TGS#_town", "sport"));
    let mute = |topic, until| Write::SetMute { group: town.clone(), topic, user: user("bob"), until };
    store.write(mute(Some(news.clone()), MuteUntil::FOREVER)).await;
    assert_eq!(store.read().mute(APP, &town, Some(&news), &user("bob")).await.unwrap(), MuteUntil::FOREVER);
    assert_eq!(store.read().mute(APP, &town, Some(&sport), &user("bob")).await.unwrap(), MuteUntil::NEVER);
    assert_eq!(store.read().mute(APP, &town, None, &user("bob")).await.unwrap(), MuteUntil::NEVER);
    assert_eq!(store.member(APP, &town, &user("bob")).await.unwrap().unwrap().mute_until, MuteUntil::NEVER);
    assert_eq!(store.read().mutes(APP, &town, None, START).await.unwrap(), []);
    assert_eq!(store.read().mutes(APP, &town, Some(&news), START).await.unwrap().len(), 1);
    assert_eq!(store.read().joined(APP, &user("bob")).await.unwrap().len(), 1);
}

pub(super) async fn bans_are_listed_until_they_end(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let crew = group_id("crew");
    for n in 0..7 {
        let until = MuteUntil(START.0 + 10 + n);
        store.write(Write::SetBan { group: crew.clone(), user: user(&format!("user-{n}")), until }).await;
    }
    let banned = |now: Timestamp, offset, limit| {
        let (store, crew) = (shared(&store), crew.clone());
        async move {
            let list = store.read().bans(APP, &crew, now, offset, limit).await.unwrap();
            list.into_iter().map(|(who, _)| who).collect::<Vec<UserId>>()
        }
    };
    let all: Vec<UserId> = (0..7).map(|n| user(&format!("user-{n}"))).collect();
    assert_eq!(banned(START, 0, 100).await, all);
    assert_eq!(banned(START, 0, 3).await, all[..3]);
    assert_eq!(banned(START, 3, 3).await, all[3..6]);
    assert_eq!(banned(at(12), 0, 100).await, all[3..]);
    store.write(Write::SetBan { group: crew.clone(), user: user("user-3"), until: MuteUntil::NEVER }).await;
    assert_eq!(banned(at(12), 0, 100).await, all[4..]);
    assert_eq!(store.read().ban(APP, &crew, &user("user-4")).await.unwrap(), MuteUntil(START.0 + 14));
    assert_eq!(store.read().ban(APP, &crew, &user("user-3")).await.unwrap(), MuteUntil::NEVER);
}

pub(super) async fn applications_wait_until_decided(trial: &Trial) {
    let store = trial.open();
    let application = |group: &str, applicant: &str, key| Application {
        group: group_id(group),
        applicant: user(applicant),
        by: user("inviter"),
        key,
        authentication: format!("secret-{key}"),
        message: "let me in".into(),
        at: START,
        awaits: Awaits::Leaders,
    };
    store.found("crew", &["ana", "bob"]).await;
    store.found("club", &["cid", "ana"]).await;
    store.write(Write::PutMember(group_id("club"), Box::new(member("ana", Role::Admin)))).await;
    for (group, applicant, key) in [("crew", "dan", 1), ("club", "eve", 2), ("crew", "eve", 3), ("crew", "dan", 4)] {
        store.write(Write::PutApplication(application(group, applicant, key))).await;
    }
    // A new application replaces the former one of the same applicant.
    let crew = group_id("crew");
    assert_eq!(store.read().application(APP, &crew, &user("dan")).await.unwrap(), Some(application("crew", "dan", 4)));
    let keys = |who: &str, limit| {
        let (store, who) = (shared(&store), user(who));
        async move {
            let waiting = store.read().applications_for(APP, &who, limit).await.unwrap();
            waiting.into_iter().map(|a| a.key).collect::<Vec<i64>>()
        }
    };
    assert_eq!(keys("ana", 10).await, [4, 3, 2]);
    assert_eq!(keys("ana", 2).await, [4, 3]);
    assert_eq!(keys("cid", 10).await, [2]);
    assert_eq!(keys("bob", 10).await, [] as [i64; 0]);
    store.write(Write::DeleteApplication { group: crew.clone(), applicant: user("dan") }).await;
    assert_eq!(store.read().application(APP, &crew, &user("dan")).await.unwrap(), None);
    store.write(Write::DeleteGroup(group_id("club"))).await;
    assert_eq!(keys("ana", 10).await, [3]);
}

pub(super) async fn reading_all_reads_for_every_member(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana", "bob"]).await;
    let crew = group_id("crew");
    let position = |who: &'static str| {
        let (store, crew) = (shared(&store), crew.clone());
        async move { store.read().member(APP, &crew, &user(who)).await.unwrap().unwrap().read_seq }
    };
    for time in 0..5 {
        store.say(&in_group("crew"), "cid", at(time)).await;
    }
    store.write(Write::ReadAll(crew.clone())).await;
    assert_eq!((position("ana").await, position("bob").await), (5, 5));
    // A member may be set back afterwards, and nothing said since is read.
    store.write(Write::SetRead { conversation: in_group("crew"), user: user("bob"), seq: 2, force: true }).await;
    store.say(&in_group("crew"), "cid", at(9)).await;
    assert_eq!((position("ana").await, position("bob").await), (5, 2));
    store.write(Write::ReadAll(crew.clone())).await;
    assert_eq!((position("ana").await, position("bob").await), (6, 6));
}
