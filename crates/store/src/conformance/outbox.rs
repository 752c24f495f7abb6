//! Calls to the backends of apps: stored with their change, forgotten once.

use tsudoi_domain::{
    AppId, UserId, WebhookCommand,
    account::Account,
    change::{Change, Write},
    message::Draft,
    time::{Millis, Timestamp},
    webhook::{Body, Call, Slot},
};

use super::{
    Trial,
    world::{APP, append, at, draft, group_id, in_group},
};
use crate::{DeadCall, Outcome, ReadyCall, StoreError};

fn call(line: &str, body: Body) -> Call {
    Call { command: WebhookCommand::GroupAfterSend, line: line.into(), origin: "&OptPlatform=Web".into(), body }
}

fn touch(user: &str) -> Change {
    Change::none().write(Write::PutAccount(Box::new(Account::new(UserId::trusted(user), Timestamp(1)))))
}

fn bodies(calls: &[ReadyCall]) -> Vec<&str> {
    calls.iter().map(|call| &*call.body).collect()
}

/// A call is there when its change is, in commit order, and is told with it.
pub(super) async fn calls_are_stored_with_their_change(trial: &Trial) {
    let store = trial.open();
    for n in 0..3 {
        let calls = [call("a", Body::new(format!("{{\"n\":{n}}}"))), call("b", Body::new("{\"m\":1}"))];
        store.commit(APP, touch("ana").calls(calls)).await.unwrap();
    }
    let waiting = store.read().waiting_calls(0, 10).await.unwrap();
    assert_eq!(bodies(&waiting), ["{\"n\":0}", "{\"m\":1}", "{\"n\":1}", "{\"m\":1}", "{\"n\":2}", "{\"m\":1}"]);
    assert!(waiting.is_sorted_by(|one, next| one.id < next.id) && waiting[0].id > 0);
    assert_eq!((&*waiting[0].line, &*waiting[0].origin), ("a", "&OptPlatform=Web"));
    let told: Vec<ReadyCall> = store.heard.0.lock().iter().flat_map(|one| one.calls.clone()).collect();
    assert_eq!(told, waiting);
    assert_eq!(store.read().waiting_calls(waiting[3].id, 10).await.unwrap(), waiting[4..]);
    // What is made is forgotten, the rest stays.
    let made = vec![waiting[0].id, waiting[1].id, waiting[4].id];
    store.read().forget_calls(made).await.unwrap();
    let left = store.read().waiting_calls(0, 10).await.unwrap();
    assert_eq!(left, [waiting[2].clone(), waiting[3].clone(), waiting[5].clone()]);
}

/// A refused change leaves no call.
pub(super) async fn refused_changes_call_nobody(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let refused = Change::none()
        .expect(tsudoi_domain::change::Expect::GroupAbsent(group_id("crew")))
        .write(Write::PutAccount(Box::new(Account::new(UserId::trusted("eve"), Timestamp(1)))))
        .calls([call("a", Body::new("{}"))]);
    assert!(matches!(store.commit(APP, refused).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.read().waiting_calls(0, 10).await.unwrap(), []);
}

/// Numbers that only the commit knows are filled in; a repeat is not told again.
pub(super) async fn slots_are_filled_with_the_commit(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let said = |random| {
        let draft = Draft { random, ..draft(&in_group("crew"), "ana", at(1)) };
        Change::none().write(append(draft))
    };
    let told = |change: Change| {
        let body = Body::new("{\"a\":1}")
            .member("MsgSeq", Slot::Seq(0))
            .member("Unread", Slot::Unread(UserId::trusted("bob")));
        change.calls([call("g", body)])
    };
    for random in [7, 8, 7] {
        store.commit(APP, told(said(random))).await.unwrap();
    }
    let waiting = store.read().waiting_calls(0, 10).await.unwrap();
    assert_eq!(bodies(&waiting), ["{\"a\":1,\"MsgSeq\":1,\"Unread\":0}", "{\"a\":1,\"MsgSeq\":2,\"Unread\":0}"]);
    let again = store.commit(APP, told(said(8))).await.unwrap();
    assert!(matches!(again, Outcome::Repeated(_)));
}

/// Dead calls are kept by app up to a number, come back to the outbox behind the others, or are dropped.
pub(super) async fn dead_calls_rest_and_rise(trial: &Trial) {
    let store = trial.open();
    for n in 0..5 {
        store.commit(APP, touch("ana").calls([call("a", Body::new(n.to_string()))])).await.unwrap();
    }
    let waiting = store.read().waiting_calls(0, 10).await.unwrap();
    let dead = waiting[..4].iter().map(|call| DeadCall { call: call.clone(), time: Millis(9), reason: "{}".into() });
    store.read().bury_calls(dead.collect(), 3).await.unwrap();
    assert_eq!(bodies(&store.read().waiting_calls(0, 10).await.unwrap()), ["4"]);
    let dead = store.read().dead_calls(APP, 0, 10).await.unwrap();
    let calls: Vec<ReadyCall> = dead.iter().map(|dead| dead.call.clone()).collect();
    assert_eq!(bodies(&calls), ["1", "2", "3"], "the newest are kept");
    assert_eq!((dead[0].time, dead[0].reason.as_str()), (Millis(9), "{}"));
    assert_eq!(store.read().dead_call_count(APP).await.unwrap(), 3);
    assert_eq!(store.read().dead_call_count(AppId(APP.0 + 1)).await.unwrap(), 0);
    assert_eq!(store.read().revive_calls(AppId(APP.0 + 1), vec![calls[0].id]).await.unwrap(), []);
    let risen = store.read().revive_calls(APP, vec![calls[2].id, calls[0].id, 999]).await.unwrap();
    assert_eq!(bodies(&risen), ["1", "3"], "in the order of their coming");
    assert_eq!(bodies(&store.read().waiting_calls(0, 10).await.unwrap()), ["4", "1", "3"]);
    assert_eq!(store.read().drop_dead_calls(APP, vec![calls[1].id, 999]).await.unwrap(), 1);
    assert_eq!(store.read().dead_calls(APP, 0, 10).await.unwrap(), []);
}

/// Calls outlive the process, and new ones get places behind them.
pub(super) async fn calls_outlive_a_restart(trial: &Trial) {
    {
        let store = trial.open();
        store.commit(APP, touch("ana").calls([call("a", Body::new("1")), call("a", Body::new("2"))])).await.unwrap();
    }
    let store = trial.open();
    store.commit(APP, touch("ana").calls([call("a", Body::new("3"))])).await.unwrap();
    assert_eq!(bodies(&store.read().waiting_calls(0, 10).await.unwrap()), ["1", "2", "3"]);
}
