//! Live rooms: who is in them, and what was decided about people in them.

use tsudoi_domain::{
    UserId,
    change::{Change, Write},
    live::LiveMembers,
    time::MuteUntil,
};

use super::{
    Trial,
    world::{APP, at, group_id, user},
};
use crate::{LiveRoom, StoreError};

fn members(group: &str, entered: &[(&str, i64, u64)], left: &[&str], reserved_seq: u64) -> Write {
    Write::PutLiveMembers(Box::new(LiveMembers {
        group: group_id(group),
        entered: entered.iter().map(|(name, since, place)| (user(name), at(*since), *place)).collect(),
        left: left.iter().map(|name| user(name)).collect(),
        marks: left.iter().map(|name| (user(name), 500, MuteUntil(9))).collect(),
        reserved_seq,
    }))
}

fn admin(name: &str, admin: bool) -> Write {
    Write::SetLiveAdmin { group: group_id("show"), user: user(name), admin }
}

fn mark(name: &str, mark: u32, until: MuteUntil) -> Write {
    Write::SetLiveMark { group: group_id("show"), user: user(name), mark, until }
}

fn names(users: &[UserId]) -> Vec<&str> {
    users.iter().map(UserId::as_str).collect()
}

pub(super) async fn a_live_room_reads_back_as_written(trial: &Trial) {
    let store = trial.open();
    store.found("show", &[]).await;
    store.found("hall", &[]).await;
    assert_eq!(store.read().live_rooms(APP).await.unwrap(), []);
    for write in [
        members("show", &[("ana", 1, 1), ("bob", 2, 2), ("cid", 3, 3)], &["eve"], 1000),
        members("show", &[("ana", 4, 4)], &["cid"], 2000),
        members("hall", &[("ana", 5, 1)], &[], 7),
        admin("ana", true),
        admin("bob", true),
        admin("bob", true),
        admin("ana", false),
        mark("ana", 1000, MuteUntil::FOREVER),
        mark("ana", 1001, MuteUntil(5)),
        mark("ana", 1001, MuteUntil(6)),
        mark("bob", 1000, MuteUntil::FOREVER),
        mark("bob", 1000, MuteUntil::NEVER),
        mark("dan", 1000, MuteUntil::FOREVER),
        members("show", &[], &["dan"], 2000),
    ] {
        store.write(write).await;
    }
    let rooms = store.read().live_rooms(APP).await.unwrap();
    let [hall, show] = rooms.as_slice() else { panic!("{rooms:?}") };
    assert_eq!((&hall.group, hall.reserved_seq, hall.members.len()), (&group_id("hall"), 7, 1));
    let LiveRoom { group, reserved_seq, members, admins, marks } = show.clone();
    assert_eq!((group, reserved_seq), (group_id("show"), 2000));
    assert_eq!(members, [(user("ana"), at(4), 4), (user("bob"), at(2), 2)]);
    assert_eq!(names(&admins), ["bob"]);
    let kept = [("ana", 1000, MuteUntil::FOREVER), ("ana", 1001, MuteUntil(6)), ("dan", 500, MuteUntil(9))];
    assert_eq!(marks[..2], kept[..2].iter().map(|(name, mark, until)| (user(name), *mark, *until)).collect::<Vec<_>>());
    assert!(
        marks.contains(&(user("dan"), 500, MuteUntil(9))) && !marks.contains(&(user("dan"), 1000, MuteUntil::FOREVER))
    );
}

pub(super) async fn broadcasts_are_counted_upwards(trial: &Trial) {
    let store = trial.open();
    for (written, newest) in [(None, 0), (Some(1), 1), (Some(3), 3), (Some(2), 3)] {
        if let Some(seq) = written {
            store.write(Write::SetBroadcastSeq(seq)).await;
        }
        assert_eq!(store.read().broadcast_seq(APP).await.unwrap(), newest);
    }
}

pub(super) async fn what_is_written_behind_a_dissolved_room_is_passed_over(trial: &Trial) {
    let store = trial.open();
    store.found("show", &[]).await;
    store.write(members("show", &[("ana", 1, 1)], &[], 1000)).await;
    store.write(admin("ana", true)).await;
    store.write(mark("ana", 1000, MuteUntil::FOREVER)).await;
    store.write(Write::DeleteGroup(group_id("show"))).await;
    store.write(members("show", &[("bob", 1, 2)], &["ana"], 2000)).await;
    let decided = store.commit(APP, Change::none().write(admin("bob", true))).await;
    assert!(matches!(decided, Err(StoreError::Missing(_) | StoreError::Conflict(_))), "{decided:?}");
    // A successor with the same id starts from nothing, and nothing of the first is left behind.
    store.found("show", &[]).await;
    assert_eq!(store.read().live_rooms(APP).await.unwrap(), []);
    while store.read().purge(2).await.unwrap() > 0 {}
    assert_eq!(store.read().live_rooms(APP).await.unwrap(), []);
}

pub(super) async fn a_mute_is_known_whatever_was_read_before(trial: &Trial) {
    let store = trial.open();
    store.found("show", &[]).await;
    let (show, ana) = (group_id("show"), user("ana"));
    let set = |until| Write::SetMute { group: group_id("show"), topic: None, user: user("ana"), until };
    for until in [MuteUntil::NEVER, MuteUntil(9), MuteUntil::NEVER, MuteUntil::FOREVER] {
        store.write(set(until)).await;
        assert_eq!(store.mute(APP, &show, &ana).await.unwrap(), until);
    }
    store.write(Write::DeleteGroup(show.clone())).await;
    store.found("show", &[]).await;
    assert_eq!(store.mute(APP, &show, &ana).await.unwrap(), MuteUntil::NEVER, "a successor starts from nothing");
}
