//! Live rooms: who is in them and what was just said, in memory only. Nothing of a live message touches the disk.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tsudoi_domain::{
    GroupId, Role, Timestamp, UserId,
    group::{Group, MsgFlag},
    member::Member,
};

/// What pollers may have missed is kept for so many messages per room.
const KEPT_FOR_POLLERS: usize = 500;
/// Most messages per room that repeats are told by.
const KEPT_FOR_REPEATS: usize = 20_000;

/// Everybody who is in a live room.
#[derive(Default)]
pub struct LiveRooms {
    rooms: DashMap<GroupId, Arc<Room>>,
}

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
    members: HashMap<UserId, Place>,
    /// Members in the order of entering.
    by_place: BTreeMap<u64, UserId>,
    next_place: u64,
    admins: Vec<UserId>,
    /// What was just said, for visitors who poll: place in the stream, JSON of the item.
    stream: VecDeque<(u64, Arc<str>)>,
    next_in_stream: u64,
    /// Messages of the last minutes by sender and dice: their numbers and times.
    sent: HashMap<(UserId, u32), (u64, Timestamp)>,
    sent_order: VecDeque<(Timestamp, (UserId, u32))>,
}

#[derive(Clone, Copy)]
struct Place {
    place: u64,
    entered_at: Timestamp,
}

/// A member of a live room, as lists show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveMember {
    /// Who.
    pub user: UserId,
    /// Since when.
    pub entered_at: Timestamp,
}

impl LiveRooms {
    /// The room of a group.
    #[must_use]
    pub fn room(&self, group: &GroupId) -> Arc<Room> {
        if let Some(room) = self.rooms.get(group) {
            return room.clone();
        }
        self.rooms.entry(group.clone()).or_default().clone()
    }

    /// A group is no more.
    pub fn close(&self, group: &GroupId) {
        if let Some((_, room)) = self.rooms.remove(group) {
            room.said.notify_waiters();
        }
    }

    /// Somebody's place in the room as a membership: the owner and the admins have theirs whether they are in or not.
    #[must_use]
    pub fn member(&self, group: &Group, user: &UserId) -> Option<Arc<Member>> {
        let room = self.rooms.get(&group.id).map(|room| room.clone());
        let inner = room.as_ref().map(|room| room.inner.lock());
        let entered_at = inner.as_ref().and_then(|inner| inner.members.get(user)).map(|place| place.entered_at);
        let role = if group.owner.as_ref() == Some(user) {
            Role::Owner
        } else if inner.as_ref().is_some_and(|inner| inner.admins.contains(user)) {
            Role::Admin
        } else {
            entered_at?;
            Role::Member
        };
        let joined_at = entered_at.unwrap_or(group.created_at);
        Some(Arc::new(Member::new(user.clone(), role, joined_at, 0, MsgFlag::AcceptNotNotify)))
    }

    /// The rooms a user is in.
    #[must_use]
    pub fn rooms_of(&self, user: &UserId) -> Vec<GroupId> {
        self.rooms.iter().filter(|entry| entry.value().contains(user)).map(|entry| entry.key().clone()).collect()
    }
}

impl Room {
    /// Somebody enters; answers whether they were not in before.
    pub fn enter(&self, user: &UserId, now: Timestamp) -> bool {
        let mut inner = self.inner.lock();
        if inner.members.contains_key(user) {
            return false;
        }
        let place = inner.next_place;
        inner.next_place += 1;
        inner.members.insert(user.clone(), Place { place, entered_at: now });
        inner.by_place.insert(place, user.clone());
        true
    }

    /// Somebody leaves; answers whether they were in.
    pub fn leave(&self, user: &UserId) -> bool {
        let mut inner = self.inner.lock();
        match inner.members.remove(user) {
            Some(place) => {
                inner.by_place.remove(&place.place);
                true
            }
            None => false,
        }
    }

    /// Whether somebody is in.
    #[must_use]
    pub fn contains(&self, user: &UserId) -> bool {
        self.inner.lock().members.contains_key(user)
    }

    /// How many are in.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inner.lock().members.len()
    }

    /// The latest who entered, newest first.
    #[must_use]
    pub fn latest(&self, limit: usize) -> Vec<LiveMember> {
        let inner = self.inner.lock();
        inner
            .by_place
            .values()
            .rev()
            .take(limit)
            .filter_map(|user| {
                inner.members.get(user).map(|place| LiveMember { user: user.clone(), entered_at: place.entered_at })
            })
            .collect()
    }

    /// The number and time of the newest message.
    #[must_use]
    pub fn position(&self) -> (u64, Timestamp) {
        let inner = self.inner.lock();
        (inner.last_seq, inner.last_time)
    }

    /// The next message takes its number.
    pub fn number(&self, now: Timestamp) -> u64 {
        let mut inner = self.inner.lock();
        inner.last_seq += 1;
        inner.last_time = now;
        inner.last_seq
    }

    /// As [`Room::number`]; a repeat of a message of the same sender within the window gets the first one's number and time.
    /// Answers number, time, and whether the message is new.
    pub fn number_once(
        &self,
        sender: &UserId,
        random: u32,
        now: Timestamp,
        window_secs: u32,
    ) -> (u64, Timestamp, bool) {
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
            return (*seq, *time, false);
        }
        inner.last_seq += 1;
        inner.last_time = now;
        let seq = inner.last_seq;
        inner.sent.insert(key.clone(), (seq, now));
        inner.sent_order.push_back((now, key));
        (seq, now, true)
    }

    /// Something was said: pollers hear it.
    pub fn say(&self, item: Arc<str>) {
        let mut inner = self.inner.lock();
        let place = inner.next_in_stream;
        inner.next_in_stream += 1;
        inner.stream.push_back((place, item));
        if inner.stream.len() > KEPT_FOR_POLLERS {
            inner.stream.pop_front();
        }
        drop(inner);
        self.said.notify_waiters();
    }

    /// Where the stream goes on from now.
    #[must_use]
    pub fn stream_end(&self) -> u64 {
        self.inner.lock().next_in_stream
    }

    /// What was said from a place on, and where to go on.
    #[must_use]
    pub fn heard_since(&self, from: u64, limit: usize) -> (Vec<Arc<str>>, u64) {
        let inner = self.inner.lock();
        let items: Vec<_> = inner.stream.iter().filter(|(place, _)| *place >= from).take(limit).cloned().collect();
        let next = items.last().map_or(inner.next_in_stream, |(place, _)| place + 1);
        (items.into_iter().map(|(_, item)| item).collect(), next)
    }

    /// As [`Room::heard_since`], waiting until something is said, but not longer than `hold`.
    pub async fn wait_since(&self, from: u64, limit: usize, hold: std::time::Duration) -> (Vec<Arc<str>>, u64) {
        let said = self.said.notified();
        tokio::pin!(said);
        // Registered before looking: nothing said in between is missed.
        said.as_mut().enable();
        let (items, next) = self.heard_since(from, limit);
        if !items.is_empty() {
            return (items, next);
        }
        _ = tokio::time::timeout(hold, said).await;
        self.heard_since(from, limit)
    }
}
