//! Pushes, what users are known by when an app pushes, and devices.

use std::collections::BTreeMap;

use tsudoi_domain::{
    AppId, Timestamp,
    change::{Change, Expect, Write},
    push::{Condition, Labels, Progress, Push, PushDevice, PushKind},
    time::Millis,
};

use super::{
    Trial,
    world::{APP, START, user},
};
use crate::StoreError;

fn push(task: &str, kind: PushKind, random: u32, life_secs: u32) -> Push {
    Push {
        task: task.into(),
        kind,
        from: user("clerk"),
        random,
        client_seq: 7,
        made_at: Millis(START.0 * 1000 + i64::from(random)),
        life_secs,
        condition: Condition { tags_all: vec!["driver".into()], ..Condition::default() },
        targets: Vec::new(),
        elements: Some("[]".into()),
        cloud_custom_data: Some("data".into()),
        push_info: None,
        roams: true,
        data_id: Some("label".into()),
    }
}

pub(super) async fn pushes_keep_their_order_and_progress(trial: &Trial) {
    let store = trial.open();
    let read = store.read();
    assert_eq!(read.last_kept_push(APP).await.unwrap(), 0);
    let made = [
        push("a", PushKind::ToMany, 1, 60),
        push("b", PushKind::ToMany, 2, 0),
        push("c", PushKind::ToNamed, 3, 60),
        push("d", PushKind::ToMany, 4, 60),
    ];
    for one in &made {
        store.write(Write::PutPush(Box::new(one.clone()))).await;
    }
    let kept = read.pushes_after(APP, 0, 10).await.unwrap();
    assert_eq!(kept.iter().map(|entry| &entry.push).collect::<Vec<_>>(), [&made[0], &made[3]]);
    assert!(kept[0].pos < kept[1].pos);
    assert_eq!(read.pushes_after(APP, kept[0].pos, 10).await.unwrap().len(), 1);
    assert_eq!(read.pushes_after(APP, 0, 1).await.unwrap().len(), 1);
    assert_eq!(read.last_kept_push(APP).await.unwrap(), kept[1].pos);
    assert_eq!(read.push(APP, "c").await.unwrap().unwrap().push, made[2]);
    assert!(read.push(APP, "none").await.unwrap().is_none());
    assert!(read.push(AppId(APP.0 + 1), "a").await.unwrap().is_none());
    assert_eq!(read.unfinished_pushes(APP).await.unwrap().len(), 3);

    let progress = Progress { is_finished: true, total: 5, cursor: 9, ..Progress::default() };
    store.write(Write::SetPushProgress { task: "a".into(), progress: progress.clone() }).await;
    assert_eq!(read.push(APP, "a").await.unwrap().unwrap().progress, progress);
    assert_eq!(read.unfinished_pushes(APP).await.unwrap().len(), 2);

    // A revocation is a place of its own; the push keeps its name.
    store.write(Write::PutPush(Box::new(Push { kind: PushKind::Revocation, ..made[3].clone() }))).await;
    assert_eq!(read.push(APP, "d").await.unwrap().unwrap().push, made[3]);
    assert_eq!(read.pushes_after(APP, kept[1].pos, 10).await.unwrap()[0].push.kind, PushKind::Revocation);

    let since = Millis(START.0 * 1000);
    assert_eq!(read.push_of_dice(APP, 4, since).await.unwrap().as_deref(), Some("d"));
    assert_eq!(read.push_of_dice(APP, 4, Millis(since.0 + 5)).await.unwrap(), None);
    assert_eq!(read.pushes_since(APP, PushKind::ToMany, since).await.unwrap(), (3, Some(Millis(since.0 + 4))));
    assert_eq!(read.pushes_since(APP, PushKind::ToMany, Millis(since.0 + 9)).await.unwrap(), (0, None));
    let span = read.pushes_between(APP, START, START, 2).await.unwrap();
    assert_eq!(span.iter().map(|entry| entry.push.task.as_str()).collect::<Vec<_>>(), ["d", "c"]);

    // Old ones go, of whatever kind; places are not given twice.
    assert_eq!(read.expire_pushes(APP, Millis(since.0 + 4), 1).await.unwrap(), 2, "one of each kind");
    assert_eq!(read.expire_pushes(APP, Millis(since.0 + 4), 9).await.unwrap(), 1);
    assert_eq!(read.expire_pushes(APP, Millis(since.0 + 4), 9).await.unwrap(), 0);
    assert_eq!(read.expire_pushes(AppId(APP.0 + 1), Millis(since.0 + 99), 9).await.unwrap(), 0);
    assert!(read.push(APP, "a").await.unwrap().is_none());
    assert_eq!(read.push(APP, "d").await.unwrap().unwrap().push, made[3]);
    assert_eq!(read.expire_pushes(APP, Millis(since.0 + 99), 9).await.unwrap(), 2);
    store.write(Write::PutPush(Box::new(push("e", PushKind::ToMany, 5, 60)))).await;
    assert!(read.last_kept_push(APP).await.unwrap() > kept[1].pos);
}

pub(super) async fn a_user_is_served_once(trial: &Trial) {
    let store = trial.open();
    let at = |pos| Change::none().expect(Expect::PushPositionAt { user: user("ana"), pos });
    let to = |pos| Write::SetPushPosition { user: user("ana"), pos };
    store.commit(APP, at(0).write(to(5))).await.unwrap();
    let refused = store.commit(APP, at(0).write(to(6))).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    // Never back.
    store.commit(APP, at(5).write(to(3))).await.unwrap();
    assert_eq!(store.read().push_position(APP, &user("ana")).await.unwrap(), 5);
    assert_eq!(store.read().push_position(APP, &user("bob")).await.unwrap(), 0);
}

pub(super) async fn planned_pushes_come_when_they_are_due(trial: &Trial) {
    let store = trial.open();
    for (task, due) in [("late", 20), ("soon", 10)] {
        let push = Box::new(push(task, PushKind::ToMany, 1, 60));
        store.write(Write::SchedulePush { due: Timestamp(due), push }).await;
    }
    let due = async |at| {
        let found = store.read().scheduled_pushes(APP, Timestamp(at), 10).await.unwrap();
        found.into_iter().map(|planned| planned.push.task).collect::<Vec<_>>()
    };
    assert_eq!(due(9).await, [""; 0]);
    assert_eq!(due(10).await, ["soon"]);
    assert_eq!(due(30).await, ["soon", "late"]);
    store.write(Write::UnschedulePush("soon".into())).await;
    assert_eq!(due(30).await, ["late"]);
}

pub(super) async fn labels_read_back_as_decided(trial: &Trial) {
    let store = trial.open();
    let read = store.read();
    for (number, name) in [(0, "region"), (9, "grade"), (0, "area")] {
        store.write(Write::SetPushAttributeName { number, name: name.into() }).await;
    }
    assert_eq!(read.attribute_names(APP).await.unwrap(), BTreeMap::from([(0, "area".into()), (9, "grade".into())]));
    let ana = user("ana");
    for (number, value) in [(0, Some("north")), (9, Some("3")), (0, Some("south")), (9, None), (8, None)] {
        let (user, value) = (ana.clone(), value.map(str::to_owned));
        store.write(Write::SetPushAttribute { user, number, value }).await;
    }
    for (tag, on) in [("a", true), ("a", true), ("b", true), ("c", false), ("b", false)] {
        store.write(Write::SetPushTag { user: ana.clone(), tag: tag.into(), on }).await;
    }
    let expected = Labels { attributes: BTreeMap::from([(0, "south".into())]), tags: ["a".to_owned()].into() };
    let found = read.labels(APP, &[user("bob"), ana.clone()]).await.unwrap();
    assert_eq!(found, [Labels::default(), expected]);
    store.write(Write::ClearPushTags(ana.clone())).await;
    assert!(read.labels(APP, &[ana]).await.unwrap()[0].tags.is_empty());
}

pub(super) async fn a_token_belongs_to_one_device(trial: &Trial) {
    let store = trial.open();
    let put = |name: &str, device: &str, token: &str, now| Write::PutPushDevice {
        user: user(name),
        device: Box::new(PushDevice { device: device.into(), channel: 1, token: token.into(), enabled: true }),
        now: Timestamp(now),
        most: 2,
    };
    let tokens = async |name: &str| {
        let devices = store.read().push_devices(APP, &user(name)).await.unwrap();
        devices.into_iter().map(|device| device.token).collect::<Vec<_>>()
    };
    store.write(put("ana", "phone", "t1", 1)).await;
    store.write(put("ana", "pad", "t2", 2)).await;
    store.write(put("ana", "phone", "t3", 3)).await;
    assert_eq!(tokens("ana").await, ["t3", "t2"]);
    // The token that was heard of longest ago goes, and one that somebody else has now.
    store.write(put("ana", "watch", "t4", 4)).await;
    assert_eq!(tokens("ana").await, ["t4", "t3"]);
    store.write(put("bob", "phone", "t4", 5)).await;
    assert_eq!((tokens("ana").await, tokens("bob").await), (vec!["t3".to_owned()], vec!["t4".to_owned()]));
    assert_eq!(store.read().owner_of_device(APP, "phone").await.unwrap(), Some(user("bob")));
    store.write(Write::DeletePushDevice { user: user("bob"), device: "phone".into() }).await;
    assert_eq!(tokens("bob").await, [""; 0]);
}
