//! Unread numbers between two people equal a naive recount, whatever happened in whatever order.

use std::collections::HashMap;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tsudoi_domain::{
    AppId, UserId,
    change::{Append, Change, Write},
    message::Recall,
};

use super::{
    Opened, Trial,
    world::{APP, append, at, between, draft, user},
};

/// What people do to a conversation.
#[derive(Debug, Clone)]
enum Step {
    Send { from: usize, time: i64, no_unread: bool, for_nobody: bool, silent: bool },
    Read { who: usize, until: i64 },
    Recall { nth: usize },
    Clear { who: usize },
    Unlist { who: usize },
    Hide { who: usize, nth: usize },
    Expire { before: i64 },
}

fn send() -> impl Strategy<Value = Step> {
    let rarely = || prop::bool::weighted(0.15);
    (0..2_usize, 0..12_i64, rarely(), rarely(), rarely()).prop_map(|(from, time, no_unread, for_nobody, silent)| {
        Step::Send { from, time, no_unread, for_nobody, silent }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => send(),
        2 => (0..2_usize, 0..13_i64).prop_map(|(who, until)| Step::Read { who, until }),
        1 => (0..12_usize).prop_map(|nth| Step::Recall { nth }),
        1 => (0..2_usize).prop_map(|who| Step::Clear { who }),
        1 => (0..2_usize).prop_map(|who| Step::Unlist { who }),
        2 => (0..2_usize, 0..12_usize).prop_map(|(who, nth)| Step::Hide { who, nth }),
        1 => (0..6_i64).prop_map(|before| Step::Expire { before }),
    ]
}

/// A message as the naive count remembers it.
struct Said {
    from: usize,
    time: i64,
    unread: bool,
    gone: bool,
}

const NAMES: [&str; 2] = ["ana", "bob"];

/// Plays the steps in an app of their own and compares after every one.
async fn play(store: &Opened, app: AppId, steps: &[Step]) {
    // Every play has times of its own: what expires is found in the order of arrival, whatever the app.
    let at = |seconds| at(i64::from(app.0) * 1000 + seconds);
    let talk = between(NAMES[0], NAMES[1]);
    let people: [UserId; 2] = NAMES.map(user);
    let mut said: Vec<Said> = Vec::new();
    let mut read_until = [i64::MIN; 2];
    for step in steps {
        match *step {
            Step::Send { from, time, no_unread, for_nobody, silent } => {
                let mut message = draft(&talk, NAMES[from], at(time));
                message.options.no_unread = no_unread;
                message.options.hidden_from_receiver = for_nobody;
                message.options.silent = silent;
                let write = Write::Append(Append { draft: message.into(), dedupe_secs: 0 });
                store.commit(app, Change::none().write(write)).await.unwrap();
                said.push(Said { from, time, unread: !no_unread && !for_nobody, gone: false });
            }
            Step::Read { who, until } => {
                let write =
                    Write::SetDirectRead { user: people[who].clone(), peer: people[1 - who].clone(), until: at(until) };
                store.commit(app, Change::none().write(write)).await.unwrap();
                if until >= read_until[who] {
                    read_until[who] = until;
                    for one in said.iter_mut().filter(|one| one.from != who && one.time <= until) {
                        one.unread = false;
                    }
                }
            }
            Step::Clear { who } => {
                let write = Write::ClearDirect { user: people[who].clone(), peer: people[1 - who].clone() };
                store.commit(app, Change::none().write(write)).await.unwrap();
                for one in said.iter_mut().filter(|one| one.from != who) {
                    one.unread = false;
                }
            }
            Step::Unlist { who } => {
                let write = Write::Unlist { user: people[who].clone(), peer: people[1 - who].clone() };
                store.commit(app, Change::none().write(write)).await.unwrap();
            }
            Step::Hide { who, nth } => {
                if let Some(one) = said.get_mut(nth).filter(|one| one.from != who) {
                    one.unread = false;
                }
                let (user, seqs) = (people[who].clone(), vec![nth as u64 + 1]);
                let write = Write::Hide { conversation: talk.clone(), user, seqs };
                store.commit(app, Change::none().write(write)).await.unwrap();
            }
            Step::Expire { before } => {
                let mut looked_at = 0;
                loop {
                    let keep = HashMap::from([(app, at(before))]);
                    let step = store.read().expire_messages(keep, looked_at, 1000).await.unwrap();
                    looked_at = step.next;
                    if step.done {
                        break;
                    }
                }
                // The pass ends at the first message that is young enough.
                for one in said.iter_mut().take_while(|one| one.gone || one.time < before) {
                    one.gone = true;
                    one.unread = false;
                }
            }
            Step::Recall { nth } => {
                let Some(one) = said.get_mut(nth).filter(|one| !one.gone) else { continue };
                one.unread = false;
                let recall = Recall { by: people[one.from].clone(), reason: String::new(), at: at(50) };
                let write = Write::Recall { conversation: talk.clone(), seq: nth as u64 + 1, recall };
                store.commit(app, Change::none().write(write)).await.unwrap();
            }
        }
        for (who, name) in people.iter().enumerate() {
            let expected = said.iter().filter(|one| one.from != who && one.unread).count() as u64;
            let view = store.read().direct_view(app, name, &people[1 - who]).await.unwrap();
            let unread = view.map_or(0, |view| view.unread());
            assert_eq!(unread, expected, "unread of {name} after {step:?} of {steps:?}");
            let total = store.read().unread_total(app, name).await.unwrap();
            assert_eq!(total, expected, "total of {name} after {step:?} of {steps:?}");
            let listed = store.read().unread_views(app, name, 9).await.unwrap().len();
            assert_eq!(listed, usize::from(expected > 0), "list of {name} after {step:?} of {steps:?}");
        }
    }
}

pub(super) async fn unread_numbers_equal_a_recount(trial: &Trial) {
    let store = trial.open();
    let cases = if trial.folder.is_some() { 12 } else { 96 };
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let app = std::cell::Cell::new(0);
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        runner
            .run(&prop::collection::vec(step(), 1..24), |steps| {
                app.set(app.get() + 1);
                runtime.block_on(play(&store, AppId(app.get()), &steps));
                Ok(())
            })
            .unwrap();
    });
}

pub(super) async fn a_message_in_the_second_of_the_reading_is_unread(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    store.say(&talk, "ana", at(1)).await;
    let read = |until| Write::SetDirectRead { user: user("bob"), peer: user("ana"), until: at(until) };
    store.write(read(1)).await;
    store.say(&talk, "ana", at(1)).await;
    let view = store.read().direct_view(APP, &user("bob"), &user("ana")).await.unwrap().unwrap();
    assert_eq!((view.unread(), view.read_until), (1, at(1)));
    store.write(read(1)).await;
    let view = store.read().direct_view(APP, &user("bob"), &user("ana")).await.unwrap().unwrap();
    assert_eq!(view.unread(), 0);
}

pub(super) async fn a_recall_forgets_the_unread_once(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    for n in 0..4 {
        store.write(append(draft(&talk, "ana", at(n)))).await;
    }
    let unread =
        || async { store.read().direct_view(APP, &user("bob"), &user("ana")).await.unwrap().unwrap().unread() };
    let recall = |seq| Write::Recall {
        conversation: talk.clone(),
        seq,
        recall: Recall { by: user("ana"), reason: String::new(), at: at(9) },
    };
    store.write(recall(3)).await;
    store.write(recall(3)).await;
    assert_eq!(unread().await, 3);
    store.write(Write::SetDirectRead { user: user("bob"), peer: user("ana"), until: at(1) }).await;
    assert_eq!(unread().await, 1);
    store.write(recall(1)).await;
    assert_eq!(unread().await, 1, "it was read");
    store.write(recall(4)).await;
    assert_eq!(unread().await, 0);
}
