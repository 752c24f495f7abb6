//! One live room: its people in the order of entering, its numbers, what was just said.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tsudoi_domain::{
    Denied, GroupId, Timestamp, UserId,
    live::{FIRST_OWN_MARK, HIDDEN, LiveMembers, PINNED},
    message::{Content, Draft},
    time::MuteUntil,
};
use tsudoi_store::LiveRoom;

use super::{
    stream::{Heard, Stream},
    tips::Waiting,
};

/// Most messages per room that repeats are told by.
const KEPT_FOR_REPEATS: usize = 20_000;
/// Most messages per room that can still be withdrawn.
const KEPT_FOR_RECALL: usize = 5_000;
/// So many numbers are reserved at a time: a message writes none.
const RESERVED: u64 = 1_000;
/// As few reserved numbers as these are left to tips, which cannot wait for more.
const LEFT_TO_TIPS: u64 = 100;

/// One live room.
#[derive(Default)]
pub struct Room {
    inner: Mutex<Inner>,
    said: Notify,
}

#[derive(Default)]
struct Inner {
    /// The number of the newest message.
    last_seq: u64,
    last_time: Timestamp,
    /// The highest number that is to be kept as reserved.
    reserved_seq: u64,
    /// The highest number that is kept as reserved: after a crash numbers go on above it.
    kept_seq: u64,
    people: People,
    admins: BTreeSet<UserId>,
    stream: Stream,
    /// What newcomers get, oldest first: number, time, JSON of the item.
    history: VecDeque<(u64, Timestamp, Arc<str>)>,
    /// What can still be withdrawn, without its body.
    said: VecDeque<(u64, Arc<Draft>)>,
    /// Messages of the last minutes by sender and dice: their numbers and times.
    sent: HashMap<(UserId, u32), (u64, Timestamp)>,
    sent_order: VecDeque<(Timestamp, (UserId, u32))>,
    /// Whose membership has yet to be written.
    unwritten: HashSet<UserId>,
    tips: Waiting,
}

/// Whether somebody is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Not in; known by a mark.
    Outside,
    /// In. `alone_since` is the moment since which no session of theirs is here.
    Inside { alone_since: Option<Timestamp> },
    /// In, but nothing was heard of them for too long.
    Away { since: Timestamp },
}

/// Somebody whom the room knows.
#[derive(Debug, Clone)]
struct Person {
    place: u64,
    entered_at: Timestamp,
    standing: Standing,
    marks: BTreeMap<u32, MuteUntil>,
}

impl Person {
    /// Counted and listed.
    fn is_here(&self) -> bool {
        matches!(self.standing, Standing::Inside { .. }) || self.marks.contains_key(&PINNED)
    }

    fn is_member(&self) -> bool {
        self.standing != Standing::Outside
    }
}

/// People by name and by the order of entering, and how many are here or marked.
#[derive(Debug, Default)]
struct People {
    by_name: HashMap<UserId, Person>,
    by_place: BTreeMap<u64, UserId>,
    newest_place: u64,
    here: usize,
    carriers: BTreeMap<u32, usize>,
}

impl People {
    /// Changes what is known of somebody, and keeps the counts true. `None` when they are unknown and `or_new` is not wanted.
    fn change<T>(&mut self, user: &UserId, now: Option<Timestamp>, change: impl FnOnce(&mut Person) -> T) -> Option<T> {
        let mut person = match (self.by_name.remove(user), now) {
            (Some(person), _) => person,
            (None, Some(now)) => {
                self.newest_place += 1;
                let (place, standing) = (self.newest_place, Standing::Outside);
                Person { place, entered_at: now, standing, marks: BTreeMap::new() }
            }
            (None, None) => return None,
        };
        let (was_here, place) = (person.is_here(), person.place);
        let marks: Vec<u32> = person.marks.keys().copied().collect();
        let answer = change(&mut person);
        self.here = self.here + usize::from(person.is_here()) - usize::from(was_here);
        for mark in marks.into_iter().filter(|mark| !person.marks.contains_key(mark)) {
            self.uncount(mark);
        }
        self.by_place.remove(&place);
        if person.is_member() || !person.marks.is_empty() {
            self.by_place.insert(person.place, user.clone());
            self.by_name.insert(user.clone(), person);
        }
        Some(answer)
    }

    fn uncount(&mut self, mark: u32) {
        if let Some(count) = self.carriers.get_mut(&mark) {
            *count -= 1;
            if *count == 0 {
                self.carriers.remove(&mark);
            }
        }
    }
}

/// Somebody in the room, as lists show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Who.
    pub user: UserId,
    /// Since when.
    pub entered_at: Timestamp,
    /// Their marks.
    pub marks: Vec<u32>,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Only who carries this mark.
    pub mark: Option<u32>,
    /// Where an earlier page said to go on; 0 at first.
    pub before: u64,
    /// How many of the latest are listed at all.
    pub window: usize,
    /// How many on a page.
    pub size: usize,
}

/// How many marks there may be.
#[derive(Debug, Clone, Copy)]
pub struct MarkLimits {
    /// Different marks of an app's own in one room.
    pub marks: u32,
    /// People with the same one.
    pub people_per_mark: u32,
}

/// For how long somebody may be silent, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Then they are away.
    pub silent_secs: u32,
    /// Away for so long, they have left.
    pub absent_secs: u32,
}

/// What looking after a room found.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) away: Vec<UserId>,
    pub(super) back: Vec<UserId>,
    pub(super) gone: Vec<UserId>,
    pub(super) is_changed: bool,
}

impl Room {
    /// A room as it was kept. Nobody is heard of yet.
    pub(super) fn restored(kept: LiveRoom, now: Timestamp) -> Self {
        let mut inner = Inner {
            last_seq: kept.reserved_seq,
            reserved_seq: kept.reserved_seq,
            kept_seq: kept.reserved_seq,
            admins: kept.admins.into_iter().collect(),
            ..Inner::default()
        };
        let mut members = kept.members;
        members.sort_by_key(|(.., place)| *place);
        for (user, entered_at, place) in members {
            inner.people.newest_place = place - 1;
            inner.people.change(&user, Some(entered_at), |person| {
                person.standing = Standing::Inside { alone_since: Some(now) };
            });
        }
        for (user, mark, until) in kept.marks {
            // Others go with their people.
            if mark == PINNED || inner.people.by_name.get(&user).is_some_and(Person::is_member) {
                inner.mark(&user, mark, until, now);
            }
        }
        Self { inner: Mutex::new(inner), said: Notify::new() }
    }

    /// The room is no more; answers who was in.
    pub(super) fn close(&self) -> Vec<UserId> {
        let mut inner = self.inner.lock();
        let people = std::mem::take(&mut inner.people);
        inner.unwritten.clear();
        drop(inner);
        self.said.notify_waiters();
        people.by_name.into_iter().filter(|(_, person)| person.is_member()).map(|(user, _)| user).collect()
    }

    /// Since when somebody is in, if they are; and whether they are an admin.
    #[must_use]
    pub(super) fn standing(&self, user: &UserId) -> (Option<Timestamp>, bool) {
        let inner = self.inner.lock();
        let person = inner.people.by_name.get(user).filter(|person| person.is_member());
        (person.map(|person| person.entered_at), inner.admins.contains(user))
    }

    /// Somebody enters; answers whether they were not in before, and whether they were away.
    pub(super) fn enter(&self, user: &UserId, now: Timestamp) -> (bool, bool) {
        let mut inner = self.inner.lock();
        let place = inner.people.newest_place + 1;
        let entered = inner.people.change(user, Some(now), |person| {
            let found = match person.standing {
                Standing::Outside => {
                    person.place = place;
                    person.entered_at = now;
                    (true, false)
                }
                Standing::Inside { .. } => (false, false),
                Standing::Away { .. } => (false, true),
            };
            person.standing = Standing::Inside { alone_since: None };
            found
        });
        let entered = entered.expect("somebody unknown is made known");
        if entered.0 {
            inner.people.newest_place = inner.people.newest_place.max(place);
            inner.unwritten.insert(user.clone());
        }
        entered
    }

    /// Somebody leaves, and loses the marks that go with being here; answers whether they were in.
    pub(super) fn leave(&self, user: &UserId) -> bool {
        let mut inner = self.inner.lock();
        let was_in = inner.people.change(user, None, |person| {
            let was_in = person.is_member();
            person.standing = Standing::Outside;
            person.marks.retain(|mark, _| *mark == PINNED);
            was_in
        });
        if was_in == Some(true) {
            inner.unwritten.insert(user.clone());
        }
        was_in == Some(true)
    }

    /// Whether somebody is in.
    #[must_use]
    pub fn contains(&self, user: &UserId) -> bool {
        self.inner.lock().people.by_name.get(user).is_some_and(Person::is_member)
    }

    /// Whether somebody is in and here, or counts as here.
    #[must_use]
    pub fn is_here(&self, user: &UserId) -> bool {
        self.inner.lock().people.by_name.get(user).is_some_and(Person::is_here)
    }

    /// Whether somebody carries a mark.
    #[must_use]
    pub fn carries(&self, user: &UserId, mark: u32) -> bool {
        self.inner.lock().people.by_name.get(user).is_some_and(|person| person.marks.contains_key(&mark))
    }

    /// How many are here.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inner.lock().people.here
    }

    /// Whether anybody could hear what is said: members, or pollers.
    #[must_use]
    pub fn is_heard(&self, now: Timestamp) -> bool {
        let inner = self.inner.lock();
        !inner.people.by_name.is_empty() || inner.stream.is_wanted(now)
    }

    /// No session of somebody is here since a moment, or one is again.
    pub(super) fn alone(&self, user: &UserId, since: Option<Timestamp>) {
        if let Some(person) = self.inner.lock().people.by_name.get_mut(user)
            && let Standing::Inside { alone_since } = &mut person.standing
        {
            *alone_since = since;
        }
    }

    /// Somebody who was away is heard again; answers whether they were.
    pub(super) fn recover(&self, user: &UserId) -> bool {
        let recovered = self.inner.lock().people.change(user, None, |person| {
            let was_away = matches!(person.standing, Standing::Away { .. });
            if was_away {
                person.standing = Standing::Inside { alone_since: None };
            }
            was_away
        });
        recovered == Some(true)
    }

    /// Looks for people who fell silent, are heard again, or stayed away too long, and for marks that are over.
    pub(super) fn look_after(
        &self,
        now: Timestamp,
        patience: Patience,
        silent_secs: impl Fn(&UserId) -> Option<u64>,
    ) -> Looked {
        let mut looked = Looked::default();
        let users: Vec<UserId> = self.inner.lock().people.by_name.keys().cloned().collect();
        for user in users {
            let silent = silent_secs(&user);
            let mut inner = self.inner.lock();
            let is_fine = inner.people.by_name.get(&user).is_none_or(|person| {
                person.marks.is_empty()
                    && matches!(person.standing, Standing::Inside { .. })
                    && silent.is_some_and(|silent| silent <= u64::from(patience.silent_secs))
            });
            if is_fine {
                continue;
            }
            let found = inner.people.change(&user, None, |person| {
                let marks = person.marks.len();
                person.marks.retain(|_, until| until.holds(now));
                let mut is_changed = person.marks.len() != marks;
                let since = |moment: Timestamp| u64::try_from(now.since(moment)).unwrap_or(0);
                let found = match person.standing {
                    Standing::Inside { alone_since } => {
                        if silent.is_none() && alone_since.is_none() {
                            person.standing = Standing::Inside { alone_since: Some(now) };
                        }
                        let silent = silent.or_else(|| alone_since.map(since)).unwrap_or(0);
                        if silent > u64::from(patience.silent_secs) {
                            person.standing = Standing::Away { since: now };
                            person.marks.retain(|mark, _| *mark == PINNED);
                            Some(&mut looked.away)
                        } else {
                            None
                        }
                    }
                    Standing::Away { since: away_since } => {
                        if silent.is_some_and(|silent| silent <= u64::from(patience.silent_secs)) {
                            person.standing = Standing::Inside { alone_since: None };
                            Some(&mut looked.back)
                        } else if since(away_since) > u64::from(patience.absent_secs) {
                            person.standing = Standing::Outside;
                            Some(&mut looked.gone)
                        } else {
                            None
                        }
                    }
                    Standing::Outside => None,
                };
                if let Some(list) = found {
                    list.push(user.clone());
                    is_changed = true;
                }
                is_changed
            });
            if found == Some(true) {
                inner.unwritten.insert(user);
                looked.is_changed = true;
            }
        }
        looked
    }

    /// A page of those who are here, the latest first; and where the next page begins, 0 at the end. Who carries the mark of
    /// the hidden is listed only for a mark.
    #[must_use]
    pub fn list(&self, page: &Page) -> (Vec<Listed>, u64) {
        let inner = self.inner.lock();
        let shown = inner.people.by_place.iter().rev().filter_map(|(place, user)| {
            let person = inner.people.by_name.get(user).filter(|person| person.is_here())?;
            let wanted = match page.mark {
                Some(mark) => person.marks.contains_key(&mark),
                None => !person.marks.contains_key(&HIDDEN),
            };
            wanted.then_some((*place, user, person))
        });
        let mut rest =
            shown.take(page.window).filter(|(place, ..)| page.before == 0 || *place < page.before).peekable();
        let mut listed = Vec::new();
        let mut last = 0;
        while listed.len() < page.size
            && let Some((place, user, person)) = rest.next()
        {
            last = place;
            let marks = person.marks.keys().copied().collect();
            listed.push(Listed { user: user.clone(), entered_at: person.entered_at, marks });
        }
        (listed, if rest.peek().is_some() { last } else { 0 })
    }

    /// The admins.
    #[must_use]
    pub fn admins(&self) -> BTreeSet<UserId> {
        self.inner.lock().admins.clone()
    }

    /// Somebody becomes an admin, or is one no longer; answers whether that is new.
    pub fn set_admin(&self, user: &UserId, admin: bool) -> bool {
        let mut inner = self.inner.lock();
        if admin { inner.admins.insert(user.clone()) } else { inner.admins.remove(user) }
    }

    /// Who of the named would get which of the marks, or lose them: only people who are here carry marks, but for those who
    /// are pinned.
    ///
    /// # Errors
    /// [`Denied::BadValue`] above the limits, and when nobody is left.
    pub fn plan_marks(
        &self,
        wanted: &[(UserId, Vec<u32>)],
        set: bool,
        limits: MarkLimits,
    ) -> Result<Vec<(UserId, Vec<u32>)>, Denied> {
        let inner = self.inner.lock();
        let people = &inner.people;
        let mut planned = Vec::new();
        let mut added: BTreeMap<u32, usize> = BTreeMap::new();
        for (user, marks) in wanted {
            let person = people.by_name.get(user);
            let fits = |mark: &&u32| {
                if set {
                    **mark == PINNED || person.is_some_and(Person::is_here)
                } else {
                    person.is_some_and(|person| person.marks.contains_key(*mark))
                }
            };
            let marks: Vec<u32> = marks.iter().filter(fits).copied().collect();
            for mark in &marks {
                let carries = person.is_some_and(|person| person.marks.contains_key(mark));
                *added.entry(*mark).or_default() += usize::from(!carries);
            }
            if !marks.is_empty() {
                planned.push((user.clone(), marks));
            }
        }
        if planned.is_empty() {
            return Err(Denied::BadValue("`MemberList`: nobody of these is in the room".into()));
        }
        if set {
            let own = people.carriers.keys().chain(added.keys()).filter(|mark| **mark >= FIRST_OWN_MARK);
            let different = own.collect::<BTreeSet<_>>().len();
            if different > limits.marks as usize {
                return Err(Denied::BadValue(format!("`Marks`: a room has at most {} different ones", limits.marks)));
            }
            for (mark, more) in added {
                let most = limits.people_per_mark as usize;
                if people.carriers.get(&mark).copied().unwrap_or(0) + more > most {
                    return Err(Denied::BadValue(format!("`Marks`: at most {most} people carry {mark}")));
                }
            }
        }
        Ok(planned)
    }

    /// Marks somebody until a moment.
    pub(super) fn mark(&self, user: &UserId, mark: u32, until: MuteUntil, now: Timestamp) {
        let mut inner = self.inner.lock();
        inner.mark(user, mark, until, now);
        inner.unwritten.insert(user.clone());
    }

    /// Takes a mark off; answers whether it was there.
    pub(super) fn unmark(&self, user: &UserId, mark: u32) -> bool {
        let mut inner = self.inner.lock();
        let was_there = inner.people.change(user, None, |person| person.marks.remove(&mark).is_some()) == Some(true);
        if was_there {
            inner.unwritten.insert(user.clone());
        }
        was_there
    }

    /// The number and time of the newest message.
    #[must_use]
    pub fn position(&self) -> (u64, Timestamp) {
        let inner = self.inner.lock();
        (inner.last_seq, inner.last_time)
    }

    /// Whether messages may take numbers without waiting: enough are kept as reserved.
    #[must_use]
    pub(super) fn has_numbers(&self) -> bool {
        let inner = self.inner.lock();
        inner.last_seq + LEFT_TO_TIPS < inner.kept_seq
    }

    /// More numbers are to be reserved; answers up to which.
    pub(super) fn reserve(&self) -> u64 {
        let mut inner = self.inner.lock();
        inner.reserved_seq = inner.reserved_seq.max(inner.last_seq + RESERVED);
        inner.reserved_seq
    }

    /// The numbers up to this one are kept as reserved.
    pub(super) fn keep_reserved(&self, seq: u64) {
        self.inner.lock().kept_seq = seq;
    }

    /// The next message takes its number; answers also whether more numbers are to be reserved.
    pub(super) fn number(&self, now: Timestamp) -> (u64, bool) {
        self.inner.lock().number(now)
    }

    /// As [`Room::number`], but for repeats: number, time, whether the message is new; and whether more were reserved.
    pub(super) fn number_once(
        &self,
        sender: &UserId,
        random: u32,
        now: Timestamp,
        window_secs: u32,
    ) -> ((u64, Timestamp, bool), bool) {
        let mut inner = self.inner.lock();
        let window = i64::from(window_secs);
        while inner.sent_order.front().is_some_and(|(at, _)| now.since(*at) > window)
            || inner.sent_order.len() > KEPT_FOR_REPEATS
        {
            if let Some((_, key)) = inner.sent_order.pop_front() {
                inner.sent.remove(&key);
            }
        }
        let key = (sender.clone(), random);
        if let Some((seq, time)) = inner.sent.get(&key) {
            return ((*seq, *time, false), false);
        }
        let (seq, reserved) = inner.number(now);
        inner.sent.insert(key.clone(), (seq, now));
        inner.sent_order.push_back((now, key));
        ((seq, now, true), reserved)
    }

    /// Something was said: pollers hear it.
    pub fn say(&self, heard: Heard, now: Timestamp) {
        if self.inner.lock().stream.say(heard, now) {
            self.said.notify_waiters();
        }
    }

    /// A message of somebody was said: it can be withdrawn for a while, and newcomers get it when they get the latest `history`.
    pub fn remember(&self, seq: u64, draft: &Draft, json: &Arc<str>, history: u32) {
        let mut inner = self.inner.lock();
        let bare = Draft { content: Content::Elements("[]".into()), cloud_custom_data: None, ..draft.clone() };
        inner.said.push_back((seq, Arc::new(bare)));
        if inner.said.len() > KEPT_FOR_RECALL {
            inner.said.pop_front();
        }
        if history > 0 {
            inner.history.push_back((seq, draft.time, json.clone()));
        }
        while inner.history.len() > history as usize {
            inner.history.pop_front();
        }
    }

    /// What was said under a number, without its body, unless it was said before a moment.
    #[must_use]
    pub fn recall(&self, seq: u64, since: Timestamp) -> Option<Arc<Draft>> {
        let mut inner = self.inner.lock();
        while inner.said.front().is_some_and(|(_, draft)| draft.time < since) {
            inner.said.pop_front();
        }
        // Of two senders at the same moment the later one may be told first: the numbers are nearly in order, not quite.
        inner.said.iter().rev().find(|(said, _)| *said == seq).map(|(_, draft)| draft.clone())
    }

    /// Newcomers do not get a withdrawn message.
    pub fn withdraw(&self, seqs: &[u64]) {
        self.inner.lock().history.retain(|(seq, ..)| !seqs.contains(seq));
    }

    /// What a newcomer gets: the latest messages, oldest first, none older than a moment.
    #[must_use]
    pub fn history(&self, most: u32, since: Timestamp) -> Vec<Arc<str>> {
        let inner = self.inner.lock();
        let surplus = inner.history.len().saturating_sub(most as usize);
        let latest = inner.history.iter().skip(surplus).filter(|(_, time, _)| *time >= since);
        latest.map(|(.., json)| json.clone()).collect()
    }

    /// Somebody polls, or is about to: answers where the stream goes on.
    #[must_use]
    pub fn listen(&self, now: Timestamp) -> u64 {
        self.inner.lock().stream.want(now)
    }

    /// What was said from a place on, and where to go on; waits until something is said, but not longer than `hold`.
    pub async fn wait_since(&self, from: u64, limit: usize, hold: Duration) -> (Vec<Heard>, u64) {
        let said = self.said.notified();
        tokio::pin!(said);
        // Registered before looking: nothing said in between is missed.
        said.as_mut().enable();
        let heard = || self.inner.lock().stream.since(from, limit);
        let (items, next) = heard();
        if !items.is_empty() {
            return (items, next);
        }
        _ = tokio::time::timeout(hold, said).await;
        heard()
    }

    /// Those who wait to be told of as having come or gone.
    pub(super) fn tips<T>(&self, with: impl FnOnce(&mut Waiting) -> T) -> T {
        with(&mut self.inner.lock().tips)
    }

    /// What has yet to be written of the room, of so many people at most; and whether there is more.
    pub(super) fn behind(&self, group: GroupId, most: usize) -> (LiveMembers, bool) {
        let mut inner = self.inner.lock();
        let (mut entered, mut left, mut marks) = (Vec::new(), Vec::new(), Vec::new());
        let users: Vec<UserId> = inner.unwritten.iter().take(most).cloned().collect();
        for user in users {
            inner.unwritten.remove(&user);
            if let Some(person) = inner.people.by_name.get(&user) {
                marks.extend(person.marks.iter().map(|(mark, until)| (user.clone(), *mark, *until)));
            }
            match inner.people.by_name.get(&user).filter(|person| person.is_member()) {
                Some(person) => entered.push((user, person.entered_at, person.place)),
                None => left.push(user),
            }
        }
        let reserved_seq = inner.reserved_seq;
        (LiveMembers { group, entered, left, marks, reserved_seq }, !inner.unwritten.is_empty())
    }

    /// What could not be written has yet to be.
    pub(super) fn still_behind(&self, users: impl IntoIterator<Item = UserId>) {
        self.inner.lock().unwritten.extend(users);
    }

    /// The server stops: the numbers go on where they stand.
    pub(super) fn settle(&self) {
        let mut inner = self.inner.lock();
        inner.reserved_seq = inner.last_seq;
    }
}

impl Inner {
    fn number(&mut self, now: Timestamp) -> (u64, bool) {
        self.last_seq += 1;
        self.last_time = now;
        let reserves = self.last_seq + RESERVED / 2 > self.reserved_seq;
        if reserves {
            self.reserved_seq = self.last_seq + RESERVED;
        }
        (self.last_seq, reserves)
    }

    fn mark(&mut self, user: &UserId, mark: u32, until: MuteUntil, now: Timestamp) {
        let is_new = self.people.change(user, Some(now), |person| person.marks.insert(mark, until).is_none());
        if is_new == Some(true) {
            *self.people.carriers.entry(mark).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1000);
    const LIMITS: MarkLimits = MarkLimits { marks: 2, people_per_mark: 2 };
    const ALL: Page = Page { mark: None, before: 0, window: 1000, size: 1000 };

    fn user(name: &str) -> UserId {
        UserId::trusted(name)
    }

    fn room(names: &[&str]) -> Room {
        let room = Room::default();
        for name in names {
            assert_eq!(room.enter(&user(name), NOW), (true, false));
        }
        room
    }

    fn names(room: &Room, page: &Page) -> Vec<String> {
        room.list(page).0.into_iter().map(|one| one.user.to_string()).collect()
    }

    #[test]
    fn the_latest_stand_first_and_pages_hold_everybody_once() {
        let room = room(&["ana", "bob", "cid", "dan"]);
        assert_eq!(room.enter(&user("bob"), Timestamp(1001)), (false, false));
        assert_eq!(names(&room, &ALL), ["dan", "cid", "bob", "ana"]);
        assert!(room.leave(&user("bob")) && !room.leave(&user("bob")));
        assert_eq!(room.enter(&user("bob"), Timestamp(1002)), (true, false));
        assert_eq!(names(&room, &ALL), ["bob", "dan", "cid", "ana"]);
        assert_eq!(names(&room, &Page { window: 3, ..ALL }), ["bob", "dan", "cid"], "the latest three");
        let (mut all, mut before) = (Vec::new(), 0);
        loop {
            let (page, next) = room.list(&Page { before, size: 3, window: 4, mark: None });
            all.extend(page.into_iter().map(|one| one.user.to_string()));
            before = next;
            if next == 0 {
                break;
            }
        }
        assert_eq!(all, ["bob", "dan", "cid", "ana"]);
        assert_eq!(room.count(), 4);
    }

    fn plan(room: &Room, wanted: &[(&str, u32)], set: bool) -> Result<Vec<(UserId, Vec<u32>)>, Denied> {
        let wanted: Vec<_> = wanted.iter().map(|(name, mark)| (user(name), vec![*mark])).collect();
        room.plan_marks(&wanted, set, LIMITS)
    }

    fn mark(room: &Room, wanted: &[(&str, u32)]) {
        for (user, marks) in plan(room, wanted, true).unwrap() {
            marks.into_iter().for_each(|mark| room.mark(&user, mark, MuteUntil::FOREVER, NOW));
        }
    }

    #[test]
    fn marks_go_with_those_who_leave_but_for_the_pinned() {
        let room = room(&["ana", "bob"]);
        mark(&room, &[("ana", 1000), ("bob", 1001), ("ana", HIDDEN), ("eve", PINNED)]);
        assert_eq!(room.count(), 3);
        assert_eq!(names(&room, &ALL), ["eve", "bob"], "the hidden are hidden, the pinned are here");
        assert_eq!(names(&room, &Page { mark: Some(1000), ..ALL }), ["ana"]);
        assert_eq!(names(&room, &Page { mark: Some(HIDDEN), ..ALL }), ["ana"]);
        assert!(!room.contains(&user("eve")) && room.is_here(&user("eve")));
        room.leave(&user("ana"));
        room.enter(&user("ana"), NOW);
        assert_eq!(names(&room, &ALL), ["ana", "eve", "bob"]);
        assert_eq!(names(&room, &Page { mark: Some(1000), ..ALL }), [""; 0]);
        assert!(room.unmark(&user("eve"), PINNED) && !room.unmark(&user("eve"), PINNED));
        assert_eq!(room.count(), 2);
        assert_eq!(room.inner.lock().people.carriers, BTreeMap::from([(1001, 1)]));
    }

    #[test]
    fn marks_are_for_those_who_are_here_and_have_limits() {
        let room = room(&["ana", "bob", "cid"]);
        assert_eq!(plan(&room, &[("ana", 1000), ("eve", 1000)], true).unwrap(), [(user("ana"), vec![1000])]);
        assert!(plan(&room, &[("eve", 1000)], true).is_err(), "nobody is left");
        assert!(plan(&room, &[("ana", 1000)], false).is_err(), "nobody carries it");
        assert!(plan(&room, &[("ana", 1000), ("bob", 1000), ("cid", 1000)], true).is_err(), "three people");
        assert!(plan(&room, &[("ana", 1000), ("ana", 1001), ("ana", 1002)], true).is_err(), "three marks");
        mark(&room, &[("ana", 1000), ("bob", 1000)]);
        assert!(plan(&room, &[("cid", 1000)], true).is_err());
        assert!(plan(&room, &[("ana", 1000)], true).is_ok(), "who carries it takes no more room");
        assert_eq!(plan(&room, &[("ana", 1000), ("cid", 1000)], false).unwrap(), [(user("ana"), vec![1000])]);
    }

    const PATIENCE: Patience = Patience { silent_secs: 30, absent_secs: 600 };

    #[test]
    fn the_silent_are_away_come_back_or_are_forgotten() {
        let room = room(&["ana", "bob", "cid"]);
        mark(&room, &[("ana", 1000), ("bob", PINNED)]);
        room.alone(&user("ana"), Some(NOW));
        room.alone(&user("bob"), Some(NOW));
        let look = |at: i64, silent: Option<u64>| room.look_after(Timestamp(at), PATIENCE, |_| silent);
        let heard = |name: &str| room.inner.lock().people.by_name.get(&user(name)).map(Person::is_here);
        assert!(look(1030, None).away.is_empty(), "thirty seconds are fine");
        let mut away = look(1031, None).away;
        away.sort();
        assert_eq!(away, [user("ana"), user("bob")]);
        assert_eq!((room.count(), heard("ana"), heard("bob")), (2, Some(false), Some(true)), "the pinned count");
        assert!(room.contains(&user("ana")), "who is away is not out");
        assert_eq!(names(&room, &Page { mark: Some(1000), ..ALL }), [""; 0]);
        assert!(room.recover(&user("ana")) && !room.recover(&user("ana")));
        assert_eq!(room.count(), 3);
        let looked = look(1631, Some(31));
        assert_eq!(looked.away.len(), 2, "sessions that are silent");
        assert_eq!(look(1632, Some(0)).back.len(), 3);
        look(1633, Some(31));
        let looked = look(2234, None);
        assert_eq!((looked.gone.len(), room.contains(&user("ana"))), (3, false));
        assert_eq!(names(&room, &ALL), ["bob"]);
    }

    #[test]
    fn what_is_written_behind_comes_back() {
        let before = room(&["ana", "bob", "cid"]);
        before.leave(&user("bob"));
        assert!(!before.has_numbers(), "none is reserved yet");
        before.keep_reserved(before.reserve());
        assert!(before.has_numbers());
        assert_eq!((before.number(NOW), before.number(NOW).1), ((1, false), false));
        let group = GroupId::trusted("show");
        let (behind, more) = before.behind(group.clone(), 1000);
        assert!(!more);
        assert_eq!((behind.entered.len(), behind.left.as_slice()), (2, [user("bob")].as_slice()));
        assert!(before.behind(group.clone(), 1000).0.entered.is_empty(), "once");
        let kept = LiveRoom {
            group,
            reserved_seq: behind.reserved_seq,
            members: behind.entered,
            admins: vec![user("dan")],
            marks: vec![(user("bot"), PINNED, MuteUntil::FOREVER)],
        };
        let after = Room::restored(kept, Timestamp(2000));
        assert_eq!(names(&after, &ALL), ["bot", "cid", "ana"]);
        assert_eq!(after.standing(&user("dan")), (None, true));
        assert!(after.number(NOW).0 > 2);
        assert_eq!(after.look_after(Timestamp(2031), PATIENCE, |_| None).away.len(), 2, "nobody came back");
    }

    #[test]
    fn numbers_are_used_only_when_they_are_kept_as_reserved() {
        let room = Room::default();
        let (mut kept, mut newest) = (0, 0);
        for _ in 0..10 * RESERVED {
            if !room.has_numbers() {
                kept = room.reserve();
                room.keep_reserved(kept);
            }
            let (seq, wants_more) = room.number(NOW);
            assert!(seq == newest + 1 && seq + LEFT_TO_TIPS <= kept, "{seq} of {kept}");
            newest = seq;
            // What is written behind now and then comes in time: nobody has to wait.
            if wants_more && seq > RESERVED {
                kept = room.behind(GroupId::trusted("show"), 10).0.reserved_seq;
                room.keep_reserved(kept);
            }
        }
        let reserved_seq = kept;
        let none = (Vec::new(), Vec::new(), Vec::new());
        let kept =
            LiveRoom { group: GroupId::trusted("show"), reserved_seq, members: none.0, admins: none.1, marks: none.2 };
        let after = Room::restored(kept, NOW);
        assert!(!after.has_numbers(), "after a crash the first message waits for new ones");
        assert!(after.number(NOW).0 > newest);
    }

    #[test]
    fn a_repeat_takes_no_number() {
        let room = Room::default();
        let send = |random, at| room.number_once(&user("ana"), random, Timestamp(at), 300).0;
        assert_eq!(send(7, 1000), (1, Timestamp(1000), true));
        assert_eq!(send(7, 1300), (1, Timestamp(1000), false));
        assert_eq!(send(8, 1300), (2, Timestamp(1300), true));
        assert_eq!(send(7, 1301), (3, Timestamp(1301), true));
        assert_eq!(room.position(), (3, Timestamp(1301)));
    }
}
