//! Calls that tell what happened (docs/spec/webhooks.md#1.6, #1.9): in commit order per line, so many at a time, and never in
//! the way of the chat.
//!
//! A queue per app holds what waits. Calls of a line are made one after the other, lines side by side. While nobody can be
//! reached the queue rests and tries one call a second, so that a dead backend costs next to nothing and finds what it missed
//! when it comes back. What a full queue has no room for, and what failed for good, goes to the dead calls.
//!
//! Results of pushes are made in lists: those that wait together go in one call, so many a second (docs/spec/webhooks.md#13).
//!
//! The store's outbox has what was committed and not made yet; [`Outbox`] tells it, some calls at a time, which were.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tsudoi_domain::WebhookCommand;
use tsudoi_store::{DeadCall, ReadyCall, Store, StoreError};

use super::post::{Backend, Failure, FailureClass, beginning};
use crate::clock::Clock;

/// Most bytes of calls that wait for one app.
const QUEUE_BYTES: usize = 64 << 20;
/// So many calls in a row that reached nobody make the queue rest.
const PATIENCE: u32 = 64;
/// How long it rests before it tries again.
const REST: Duration = Duration::from_secs(1);

/// Most results of pushes in one call.
const RESULTS: usize = 100;
/// What the list of results begins with.
const RESULTS_BEGIN: &str = r#"{"Events":["#;
/// What it ends with.
const RESULTS_END: &str = "]}";

fn is_result(command: WebhookCommand) -> bool {
    matches!(command, WebhookCommand::OfflinePush | WebhookCommand::AllMemberPush)
}

struct Waiting {
    call: ReadyCall,
    /// Results of pushes that go with it in one call.
    more: Vec<ReadyCall>,
    /// Its place among all calls of the queue.
    place: u64,
    /// How often it was made already.
    attempts: usize,
}

impl Waiting {
    fn calls(&self) -> impl Iterator<Item = &ReadyCall> {
        std::iter::once(&self.call).chain(&self.more)
    }

    fn into_calls(self) -> impl Iterator<Item = ReadyCall> {
        std::iter::once(self.call).chain(self.more)
    }

    fn len(&self) -> usize {
        1 + self.more.len()
    }

    fn bytes(&self) -> usize {
        self.calls().map(|call| call.body.len()).sum()
    }

    /// What is said.
    fn body(&self) -> Bytes {
        if self.more.is_empty() {
            return Bytes::copy_from_slice(self.call.body.as_bytes());
        }
        let results: Vec<&str> =
            self.calls().filter_map(|call| call.body.strip_prefix(RESULTS_BEGIN)?.strip_suffix(RESULTS_END)).collect();
        format!("{RESULTS_BEGIN}{}{RESULTS_END}", results.join(",")).into()
    }
}

#[derive(Default)]
struct Line {
    calls: VecDeque<Waiting>,
    /// One of its calls is being made, or waits to be made again; or it has to let a second pass.
    busy: bool,
}

#[derive(Default)]
struct State {
    started: bool,
    lines: HashMap<Arc<str>, Line>,
    /// Lines whose next call may be made.
    ready: VecDeque<Arc<str>>,
    /// Calls in the order of their coming, by place and line; entries of calls that no longer wait are passed over.
    order: VecDeque<(u64, Arc<str>)>,
    next_place: u64,
    waiting: usize,
    waiting_bytes: usize,
    in_flight: usize,
    /// Calls that wait to be made again.
    paused: usize,
    /// Calls in a row that reached nobody.
    failures: u32,
    resting_until: Option<Instant>,
    /// Since when results of pushes are counted, and how many were told since.
    results: Option<(Instant, u32)>,
}

/// The calls of one app.
pub(super) struct Queue {
    clock: Arc<dyn Clock>,
    outbox: Arc<Outbox>,
    backend: ArcSwap<Backend>,
    state: Mutex<State>,
}

/// What became of a call.
enum Fate {
    /// It needs no more attention.
    Made(Waiting),
    /// It is made again after a pause.
    Again(Waiting, Duration),
    /// It failed for good.
    Dead(Waiting, Failure),
}

impl Queue {
    pub(super) fn new(clock: Arc<dyn Clock>, outbox: Arc<Outbox>, backend: Arc<Backend>) -> Arc<Self> {
        Arc::new(Self { clock, outbox, backend: ArcSwap::new(backend), state: Mutex::default() })
    }

    pub(super) fn change(self: &Arc<Self>, backend: Arc<Backend>) {
        self.backend.store(backend);
        {
            let mut state = self.state.lock();
            state.failures = 0;
            state.resting_until = None;
        }
        self.pump();
    }

    pub(super) fn start(self: &Arc<Self>) {
        self.state.lock().started = true;
        self.pump();
    }

    pub(super) fn pending(&self) -> usize {
        let state = self.state.lock();
        state.waiting + state.in_flight + state.paused
    }

    pub(super) fn enqueue(self: &Arc<Self>, calls: Vec<ReadyCall>) {
        let most = self.backend.load().settings().queue_max as usize;
        let mut dropped = Vec::new();
        {
            let mut state = self.state.lock();
            for call in calls {
                state.push(call);
            }
            while state.waiting > most || state.waiting_bytes > QUEUE_BYTES {
                dropped.extend(state.take_oldest());
            }
        }
        for call in dropped.into_iter().flat_map(Waiting::into_calls) {
            metrics::counter!("webhook_calls_dropped_total").increment(1);
            self.bury(call, &Failure::new(FailureClass::QueueFull, "too many calls waited"));
        }
        self.pump();
    }

    /// Makes calls as long as there is something to do and room to do it.
    fn pump(self: &Arc<Self>) {
        while let Some((line, waiting)) = self.take() {
            let queue = self.clone();
            tokio::spawn(async move {
                let (fate, unreachable) = queue.make(waiting).await;
                queue.settle(&line, fate, unreachable);
                queue.pump();
            });
        }
    }

    /// The next call that may be made now.
    fn take(self: &Arc<Self>) -> Option<(Arc<str>, Waiting)> {
        let (most, results_per_second) = {
            let backend = self.backend.load();
            (backend.settings().max_in_flight as usize, backend.settings().push_events_per_second)
        };
        let mut state = self.state.lock();
        if !state.started || state.in_flight >= most.max(1) {
            return None;
        }
        // One call finds out whether somebody is there again.
        if state.resting_until.is_some_and(|until| state.in_flight > 0 || Instant::now() < until) {
            return None;
        }
        while let Some(line) = state.ready.pop_front() {
            if let Some(until) = state.hold(&line, Instant::now(), results_per_second) {
                let queue = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep_until(until.into()).await;
                    queue.state.lock().end(&line);
                    queue.pump();
                });
                continue;
            }
            if let Some(waiting) = state.begin(&line, results_per_second) {
                state.in_flight += 1;
                return Some((line, waiting));
            }
        }
        None
    }

    async fn make(&self, waiting: Waiting) -> (Fate, bool) {
        let backend = self.backend.load_full();
        let call = &waiting.call;
        // The app may have stopped listening since.
        if !backend.settings().wants(call.command) {
            return (Fate::Made(waiting), false);
        }
        let now = self.clock.now();
        let answer = backend.call(call.command, &call.origin, waiting.body(), now).await;
        let Err(failure) = answer.and_then(|answer| acknowledged(&answer)) else { return (Fate::Made(waiting), false) };
        let retry = &backend.settings().after_retry;
        let unreachable = failure.class.is_unreachable();
        match retry.delays_ms.get(waiting.attempts).filter(|_| retry.enabled) {
            Some(delay) => {
                let delay = Duration::from_millis((*delay).into());
                // Up to a tenth more: calls that failed together do not come back together.
                let jitter = delay.mul_f64(rand::random::<f64>() * 0.1);
                (Fate::Again(Waiting { attempts: waiting.attempts + 1, ..waiting }, delay + jitter), unreachable)
            }
            None => (Fate::Dead(waiting, failure), unreachable),
        }
    }

    /// Notes what became of a line's call; the line goes on unless the call is to be made again.
    fn settle(self: &Arc<Self>, line: &Arc<str>, fate: Fate, unreachable: bool) {
        let again = match fate {
            Fate::Made(waiting) => {
                waiting.calls().for_each(|call| self.outbox.made(call.id));
                None
            }
            Fate::Dead(waiting, failure) => {
                waiting.into_calls().for_each(|call| self.bury(call, &failure));
                None
            }
            Fate::Again(waiting, delay) => Some((waiting, delay)),
        };
        let rests_until = {
            let mut state = self.state.lock();
            state.in_flight -= 1;
            state.count(unreachable);
            match &again {
                Some(_) => state.paused += 1,
                None => state.end(line),
            }
            state.resting_until.filter(|_| state.in_flight == 0)
        };
        if let Some((waiting, delay)) = again {
            let (queue, line) = (self.clone(), line.clone());
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                queue.state.lock().resume(&line, waiting);
                queue.pump();
            });
        }
        if let Some(until) = rests_until {
            let queue = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep_until(until.into()).await;
                queue.pump();
            });
        }
    }

    fn bury(&self, call: ReadyCall, failure: &Failure) {
        metrics::counter!("webhook_calls_dead_total").increment(1);
        // What did not come from the disk does not go there.
        if call.id != 0 {
            let reason = serde_json::to_string(failure).expect("plain data");
            let keep = self.backend.load().settings().dead_letters_max;
            self.outbox.bury(DeadCall { call, time: self.clock.now(), reason }, keep.into());
        }
    }

    /// Makes no more calls; answers once none is being made.
    pub(super) async fn stop(&self) {
        self.state.lock().started = false;
        while self.state.lock().in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Whether something waits and is likely to be made soon.
    pub(super) fn is_busy(&self) -> bool {
        let state = self.state.lock();
        state.failures == 0 && (state.waiting > 0 || state.in_flight > 0)
    }
}

/// A call was taken when the answer is an object; what it says does not matter.
fn acknowledged(answer: &Bytes) -> Result<(), Failure> {
    match serde_json::from_slice::<HashMap<String, serde::de::IgnoredAny>>(answer) {
        Ok(_) => Ok(()),
        Err(why) => {
            let detail = format!("{why}; the answer begins `{}`", beginning(answer));
            Err(Failure { status: Some(200), ..Failure::new(FailureClass::BadAnswer, detail) })
        }
    }
}

impl State {
    fn push(&mut self, call: ReadyCall) {
        let place = self.next_place;
        self.next_place += 1;
        self.waiting += 1;
        self.waiting_bytes += call.body.len();
        let name = call.line.clone();
        if self.order.len() > 2 * self.waiting + 1024 {
            let lines = &self.lines;
            self.order.retain(|(place, line)| waits(lines, line, *place));
        }
        self.order.push_back((place, name.clone()));
        let line = self.lines.entry(name.clone()).or_default();
        line.calls.push_back(Waiting { call, more: Vec::new(), place, attempts: 0 });
        if !line.busy && line.calls.len() == 1 {
            self.ready.push_back(name);
        }
    }

    /// Holds a line back whose next call is a result of a push while this second's are used up; answers until when.
    fn hold(&mut self, name: &Arc<str>, now: Instant, per_second: u32) -> Option<Instant> {
        let line = self.lines.get_mut(name).filter(|line| !line.busy)?;
        line.calls.front().filter(|first| is_result(first.call.command))?;
        let (since, told) = self.results.filter(|(since, _)| now < *since + Duration::from_secs(1)).unwrap_or((now, 0));
        self.results = Some((since, told));
        line.busy = told >= per_second;
        line.busy.then(|| since + Duration::from_secs(1))
    }

    /// Takes the first call of a line, unless another one is being made; of results as many as go together.
    fn begin(&mut self, name: &Arc<str>, results_per_second: u32) -> Option<Waiting> {
        let line = self.lines.get_mut(name).filter(|line| !line.busy)?;
        let Some(mut waiting) = line.calls.pop_front() else {
            self.lines.remove(name);
            return None;
        };
        line.busy = true;
        if is_result(waiting.call.command)
            && let Some((_, told)) = &mut self.results
        {
            let room = RESULTS.min(results_per_second.saturating_sub(*told) as usize);
            let command = waiting.call.command;
            let goes_with = |next: &Waiting| next.call.command == command && next.more.is_empty();
            while waiting.len() < room && line.calls.front().is_some_and(goes_with) {
                waiting.more.extend(line.calls.pop_front().map(|next| next.call));
            }
            *told = told.saturating_add(u32::try_from(waiting.len()).unwrap_or(u32::MAX));
        }
        self.waiting -= waiting.len();
        self.waiting_bytes -= waiting.bytes();
        Some(waiting)
    }

    /// The line's call is done with.
    fn end(&mut self, name: &Arc<str>) {
        let Some(line) = self.lines.get_mut(name) else { return };
        line.busy = false;
        if line.calls.is_empty() {
            self.lines.remove(name);
        } else {
            self.ready.push_back(name.clone());
        }
    }

    /// The line's call is to be made again, before those behind it.
    fn resume(&mut self, name: &Arc<str>, waiting: Waiting) {
        self.paused -= 1;
        self.waiting += waiting.len();
        self.waiting_bytes += waiting.bytes();
        self.order.push_front((waiting.place, name.clone()));
        let line = self.lines.entry(name.clone()).or_default();
        line.calls.push_front(waiting);
        line.busy = false;
        self.ready.push_back(name.clone());
    }

    /// Takes the call out that waits longest.
    fn take_oldest(&mut self) -> Option<Waiting> {
        loop {
            let (place, name) = self.order.pop_front()?;
            if waits(&self.lines, &name, place) {
                let waiting = self.lines.get_mut(&name)?.calls.pop_front()?;
                self.waiting -= waiting.len();
                self.waiting_bytes -= waiting.bytes();
                return Some(waiting);
            }
        }
    }

    /// Counts calls in a row that reached nobody.
    fn count(&mut self, unreachable: bool) {
        if !unreachable {
            self.failures = 0;
            self.resting_until = None;
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= PATIENCE {
            self.resting_until = Some(Instant::now() + REST);
        }
    }
}

/// Whether the call of that place still waits: calls leave a line from the front.
fn waits(lines: &HashMap<Arc<str>, Line>, name: &Arc<str>, place: u64) -> bool {
    lines.get(name).and_then(|line| line.calls.front()).is_some_and(|first| first.place <= place)
}

#[derive(Default)]
struct Settled {
    made: Vec<u64>,
    dead: Vec<(DeadCall, u64)>,
}

/// Tells the store which calls were made or failed for good, all that come together in one go.
pub struct Outbox {
    store: Store,
    settled: Mutex<Settled>,
    /// Calls that the store does not know of yet.
    unsettled: AtomicUsize,
    wake: Notify,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("unsettled", &self.unsettled).finish_non_exhaustive()
    }
}

/// How long calls are collected: little enough that few are repeated after a crash.
const COLLECT: Duration = Duration::from_millis(20);
/// How long to wait when the store takes nothing.
const STORE_PAUSE: Duration = Duration::from_secs(1);

impl Outbox {
    pub(crate) fn new(store: Store) -> Arc<Self> {
        Arc::new(Self { store, settled: Mutex::default(), unsettled: AtomicUsize::new(0), wake: Notify::new() })
    }

    fn made(&self, id: u64) {
        if id != 0 {
            self.settled.lock().made.push(id);
            self.unsettled.fetch_add(1, Ordering::Relaxed);
            self.wake.notify_one();
        }
    }

    fn bury(&self, dead: DeadCall, keep: u64) {
        self.settled.lock().dead.push((dead, keep));
        self.unsettled.fetch_add(1, Ordering::Relaxed);
        self.wake.notify_one();
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled.load(Ordering::Relaxed) == 0
    }

    /// Works until the process ends.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            self.wake.notified().await;
            tokio::time::sleep(COLLECT).await;
            let Settled { made, dead } = std::mem::take(&mut *self.settled.lock());
            let number = made.len() + dead.len();
            if !made.is_empty() {
                again(|| self.store.read().forget_calls(made.clone())).await;
            }
            let mut by_keep: HashMap<u64, Vec<DeadCall>> = HashMap::new();
            for (dead, keep) in dead {
                by_keep.entry(keep).or_default().push(dead);
            }
            for (keep, dead) in by_keep {
                again(|| self.store.read().bury_calls(dead.clone(), keep)).await;
            }
            self.unsettled.fetch_sub(number, Ordering::Relaxed);
        }
    }
}

/// Tries until the store takes it: a call that was made must not be made again after a restart.
async fn again<F>(write: impl Fn() -> F)
where
    F: Future<Output = Result<(), StoreError>>,
{
    while let Err(error) = write().await {
        tracing::error!(%error, "the outbox cannot be written");
        tokio::time::sleep(STORE_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use tsudoi_domain::{AppId, WebhookCommand};

    use super::*;

    fn call(line: &str, id: u64) -> ReadyCall {
        ReadyCall {
            id,
            app: AppId(1),
            command: WebhookCommand::StateChange,
            line: line.into(),
            origin: "".into(),
            body: "{}".into(),
        }
    }

    fn with(calls: &[(&str, u64)]) -> State {
        let mut state = State::default();
        for (line, id) in calls {
            state.push(call(line, *id));
        }
        state
    }

    /// Takes the next line's call, as the queue does.
    fn next(state: &mut State) -> Option<(Arc<str>, Waiting)> {
        while let Some(line) = state.ready.pop_front() {
            if let Some(waiting) = state.begin(&line, u32::MAX) {
                return Some((line, waiting));
            }
        }
        None
    }

    #[test]
    fn calls_of_a_line_wait_for_each_other() {
        let mut state = with(&[("a", 1), ("a", 2), ("b", 3)]);
        let (a, first) = next(&mut state).unwrap();
        let (b, other) = next(&mut state).unwrap();
        assert_eq!((first.call.id, other.call.id), (1, 3), "lines go side by side");
        assert!(next(&mut state).is_none(), "the rest of a line waits");
        state.push(call("b", 4));
        state.end(&b);
        assert_eq!(next(&mut state).unwrap().1.call.id, 4);
        // A call that is made again comes before those behind it.
        state.paused += 1;
        state.resume(&a, first);
        let (a, again) = next(&mut state).unwrap();
        assert_eq!(again.call.id, 1);
        state.end(&a);
        assert_eq!(next(&mut state).unwrap().1.call.id, 2);
        state.end(&a);
        state.end(&b);
        assert!(state.lines.is_empty() && state.waiting == 0 && state.waiting_bytes == 0);
    }

    #[test]
    fn the_oldest_calls_make_room() {
        let mut state = with(&[("a", 1), ("b", 2), ("a", 3), ("b", 4)]);
        let (a, _) = next(&mut state).unwrap();
        let dropped: Vec<u64> = std::iter::from_fn(|| state.take_oldest()).take(2).map(|one| one.call.id).collect();
        assert_eq!(dropped, [2, 3], "what is being made is not dropped");
        assert_eq!(next(&mut state).unwrap().1.call.id, 4);
        state.end(&a);
        assert_eq!(state.waiting, 0);
        assert!(state.take_oldest().is_none());
        // A line that lost all its calls is as good as new.
        let mut state = with(&[("a", 1)]);
        state.take_oldest();
        state.push(call("a", 2));
        let (a, second) = next(&mut state).unwrap();
        assert_eq!(second.call.id, 2);
        assert!(next(&mut state).is_none());
        state.end(&a);
        assert!(state.lines.is_empty());
    }

    #[test]
    fn the_order_book_stays_small() {
        let mut state = State::default();
        for id in 1..100_000 {
            state.push(call("a", id));
            let (line, _) = next(&mut state).unwrap();
            state.end(&line);
        }
        assert!(state.order.len() < 2048, "{}", state.order.len());
    }

    fn result(command: WebhookCommand, id: u64) -> ReadyCall {
        ReadyCall { command, body: format!(r#"{{"Events":[{{"n":{id}}}]}}"#).into(), ..call("p", id) }
    }

    #[test]
    fn results_of_pushes_go_together() {
        let mut state = State::default();
        for id in 1..=250 {
            state.push(result(WebhookCommand::AllMemberPush, id));
        }
        state.push(result(WebhookCommand::OfflinePush, 251));
        let line: Arc<str> = "p".into();
        let start = Instant::now();
        let mut take = |at: Instant| {
            let held = state.hold(&line, at, 220);
            let taken = if held.is_none() { state.begin(&line, 220) } else { None };
            state.end(&line);
            (held, taken.map(|waiting| (waiting.len(), waiting.body())))
        };
        let (_, first) = take(start);
        let (len, body) = first.unwrap();
        assert_eq!(len, 100);
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["Events"][0]["n"], &body["Events"][99]["n"]), (&1.into(), &100.into()));
        assert_eq!(take(start).1.unwrap().0, 100);
        assert_eq!(take(start).1.unwrap().0, 20, "no more in this second");
        assert_eq!(take(start).0, Some(start + Duration::from_secs(1)));
        let next = start + Duration::from_secs(1);
        assert_eq!(take(next).1.unwrap().0, 30, "another command does not go with them");
        assert_eq!(take(next).1.unwrap(), (1, r#"{"Events":[{"n":251}]}"#.into()));
        assert_eq!((state.waiting, state.waiting_bytes), (0, 0));
    }

    #[test]
    fn results_that_are_told_again_stay_together() {
        let mut state = State::default();
        for id in 1..=3 {
            state.push(result(WebhookCommand::AllMemberPush, id));
        }
        let line: Arc<str> = "p".into();
        state.hold(&line, Instant::now(), 10);
        let waiting = state.begin(&line, 10).unwrap();
        state.push(result(WebhookCommand::AllMemberPush, 4));
        state.paused += 1;
        state.resume(&line, Waiting { attempts: 1, ..waiting });
        assert_eq!(state.waiting, 4);
        let ids: Vec<u64> = state.take_oldest().unwrap().into_calls().map(|call| call.id).collect();
        assert_eq!(ids, [1, 2, 3]);
        assert_eq!(state.take_oldest().unwrap().call.id, 4);
        assert!(state.take_oldest().is_none());
    }

    #[test]
    fn many_failures_in_a_row_make_the_queue_rest() {
        let mut state = State::default();
        for _ in 1..PATIENCE {
            state.count(true);
        }
        assert!(state.resting_until.is_none());
        state.count(true);
        assert!(state.resting_until.is_some());
        state.count(false);
        assert!(state.resting_until.is_none() && state.failures == 0);
    }
}
