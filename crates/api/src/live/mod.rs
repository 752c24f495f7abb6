//! Live rooms: who is in them and what was just said, in memory. Nothing of a live message touches the disk.
//!
//! Who is in which room outlives a restart, because clients do not enter again when they reconnect: changes are written behind, in
//! batches ([`upkeep`]). Whoever is silent for too long is away, whoever stays away has left.

use std::{collections::HashSet, sync::Arc};

use dashmap::DashMap;
use moka::sync::Cache;
use parking_lot::Mutex;
use tsudoi_domain::{
    GroupId, Role, Timestamp, UserId,
    change::{Change, Write},
    group::{Group, MsgFlag},
    live::{self, LiveMembers, PresenceCause},
    member::Member,
    time::MuteUntil,
};
use tsudoi_store::LiveRoom;

mod room;
mod stream;
mod tips;
pub(crate) mod upkeep;

pub use room::{Listed, MarkLimits, Page, Room};
pub use stream::Heard;
pub(crate) use tips::tell;
pub(crate) use upkeep::reserve;

/// Everybody who is in a live room of an app.
pub struct LiveRooms {
    rooms: DashMap<GroupId, Arc<Room>>,
    /// The rooms of each user, in the order of entering.
    of_user: DashMap<UserId, Vec<GroupId>>,
    /// Rooms of which something has yet to be written.
    changed: Mutex<HashSet<GroupId>>,
    /// Held while admins or marks of a room change: both are decided here and stored.
    pub changing: tokio::sync::Mutex<()>,
    /// Held while something of rooms is written behind: of two writes the later has the newer numbers.
    writing: tokio::sync::Mutex<()>,
    /// The app's messages to all rooms: the number of the newest one, and those of the last minutes by sender and dice.
    broadcast_seq: Mutex<u64>,
    broadcasts: Cache<(UserId, u32), (u64, Timestamp)>,
}

/// Most broadcasts that repeats are told by.
const KEPT_BROADCASTS: u64 = 10_000;

impl Default for LiveRooms {
    fn default() -> Self {
        Self {
            rooms: DashMap::new(),
            of_user: DashMap::new(),
            changed: Mutex::default(),
            changing: tokio::sync::Mutex::new(()),
            writing: tokio::sync::Mutex::new(()),
            broadcast_seq: Mutex::new(0),
            broadcasts: Cache::new(KEPT_BROADCASTS),
        }
    }
}

/// How somebody came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// They were not in before.
    pub is_new: bool,
    /// They were away.
    pub is_back: bool,
    /// The rooms they had to leave for it, the oldest first.
    pub left: Vec<GroupId>,
}

impl LiveRooms {
    /// Takes over what was kept, before anybody is served.
    pub fn load(&self, kept: Vec<LiveRoom>, newest_broadcast: u64, now: Timestamp) {
        *self.broadcast_seq.lock() = newest_broadcast;
        let mut entries: Vec<(Timestamp, UserId, GroupId)> = Vec::new();
        for one in kept {
            entries.extend(one.members.iter().map(|(user, since, _)| (*since, user.clone(), one.group.clone())));
            let group = one.group.clone();
            self.rooms.insert(group, Arc::new(Room::restored(one, now)));
        }
        entries.sort();
        for (_, user, group) in entries {
            self.of_user.entry(user).or_default().push(group);
        }
    }

    /// The room of a group.
    #[must_use]
    pub fn room(&self, group: &GroupId) -> Arc<Room> {
        if let Some(room) = self.rooms.get(group) {
            return room.clone();
        }
        self.rooms.entry(group.clone()).or_default().clone()
    }

    /// The room of a group, if anything ever happened in it.
    #[must_use]
    pub fn find(&self, group: &GroupId) -> Option<Arc<Room>> {
        self.rooms.get(group).map(|room| room.clone())
    }

    /// All rooms in which anything ever happened.
    #[must_use]
    pub fn all(&self) -> Vec<(GroupId, Arc<Room>)> {
        self.rooms.iter().map(|entry| (entry.key().clone(), entry.value().clone())).collect()
    }

    /// The number and time of the newest message of a group.
    #[must_use]
    pub fn position(&self, group: &GroupId) -> (u64, Timestamp) {
        self.find(group).map_or((0, Timestamp(0)), |room| room.position())
    }

    /// How many people of a group are here.
    #[must_use]
    pub fn count(&self, group: &GroupId) -> usize {
        self.find(group).map_or(0, |room| room.count())
    }

    /// A group is no more.
    pub fn close(&self, group: &GroupId) {
        self.changed.lock().remove(group);
        let Some((_, room)) = self.rooms.remove(group) else { return };
        for user in room.close() {
            self.forget_room(&user, group);
        }
    }

    fn forget_room(&self, user: &UserId, group: &GroupId) {
        if let dashmap::Entry::Occupied(mut entry) = self.of_user.entry(user.clone()) {
            entry.get_mut().retain(|other| other != group);
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }

    fn note_changed(&self, group: &GroupId) {
        self.changed.lock().insert(group.clone());
    }

    /// Somebody's place in the room as a membership: the owner and the admins have theirs whether they are in or not.
    #[must_use]
    pub fn member(&self, group: &Group, user: &UserId) -> Option<Arc<Member>> {
        let room = self.find(&group.id);
        let (entered_at, is_admin) = room.map_or((None, false), |room| room.standing(user));
        let role = if group.owner.as_ref() == Some(user) {
            Role::Owner
        } else if is_admin {
            Role::Admin
        } else {
            entered_at?;
            Role::Member
        };
        let joined_at = entered_at.unwrap_or(group.created_at);
        Some(Arc::new(Member::new(user.clone(), role, joined_at, 0, MsgFlag::AcceptNotNotify)))
    }

    /// The rooms a user is in, in the order of entering.
    #[must_use]
    pub fn rooms_of(&self, user: &UserId) -> Vec<GroupId> {
        self.of_user.get(user).map(|rooms| rooms.clone()).unwrap_or_default()
    }

    /// Somebody enters. Of more than `most` rooms they leave the first ones.
    pub fn enter(&self, group: &GroupId, user: &UserId, now: Timestamp, most: u32) -> Entered {
        let mut rooms = self.of_user.entry(user.clone()).or_default();
        let (is_new, is_back) = self.room(group).enter(user, now);
        if is_new {
            rooms.retain(|other| other != group);
            rooms.push(group.clone());
        }
        let surplus = rooms.len().saturating_sub(most.max(1) as usize);
        let left = rooms.iter().take(surplus).cloned().collect();
        drop(rooms);
        if is_new || is_back {
            self.note_changed(group);
        }
        Entered { is_new, is_back, left }
    }

    /// Somebody leaves; answers whether they were in.
    pub fn leave(&self, group: &GroupId, user: &UserId) -> bool {
        let was_in = self.find(group).is_some_and(|room| room.leave(user));
        self.forget_room(user, group);
        if was_in {
            self.note_changed(group);
        }
        was_in
    }

    /// An account is no more: it leaves every room, and leads none. Answers the rooms it was in, and what is to be stored.
    #[must_use]
    pub fn forget(&self, user: &UserId) -> (Vec<GroupId>, Change) {
        let rooms = self.rooms_of(user);
        for group in &rooms {
            self.leave(group, user);
        }
        let mut change = Change::none();
        for (group, room) in self.all() {
            if room.set_admin(user, false) {
                change = change.write(Write::SetLiveAdmin { group: group.clone(), user: user.clone(), admin: false });
            }
            if room.unmark(user, live::PINNED) {
                let (mark, until) = (live::PINNED, MuteUntil::NEVER);
                change = change.write(Write::SetLiveMark { group, user: user.clone(), mark, until });
            }
        }
        (rooms, change)
    }

    /// The user's last session ended: from now on nothing is heard of them.
    pub fn fell_silent(&self, user: &UserId, now: Timestamp) {
        for group in self.rooms_of(user) {
            if let Some(room) = self.find(&group) {
                room.alone(user, Some(now));
            }
        }
    }

    /// The user logged in: answers the rooms they are in, and in which of them they were away.
    #[must_use]
    pub fn came_back(&self, user: &UserId) -> (Vec<GroupId>, Vec<GroupId>) {
        let rooms = self.rooms_of(user);
        let mut back = Vec::new();
        for group in &rooms {
            if let Some(room) = self.find(group) {
                room.alone(user, None);
                if room.recover(user) {
                    back.push(group.clone());
                }
            }
        }
        (rooms, back)
    }

    /// The next tip takes its number. Messages do so after [`reserve`].
    pub fn number(&self, group: &GroupId, now: Timestamp) -> u64 {
        let (seq, reserved) = self.room(group).number(now);
        if reserved {
            self.note_changed(group);
        }
        seq
    }

    /// As [`LiveRooms::number`]; a repeat of a message of the same sender within the window gets the first one's number and
    /// time. Answers number, time, and whether the message is new.
    pub fn number_once(
        &self,
        group: &GroupId,
        sender: &UserId,
        random: u32,
        now: Timestamp,
        window_secs: u32,
    ) -> (u64, Timestamp, bool) {
        let (numbered, reserved) = self.room(group).number_once(sender, random, now, window_secs);
        if reserved {
            self.note_changed(group);
        }
        numbered
    }

    /// The number and time of a broadcast of the same sender with the same dice, within the window.
    #[must_use]
    pub fn repeated_broadcast(&self, sender: &UserId, random: u32, now: Timestamp, window_secs: u32) -> Option<u64> {
        let (seq, time) = self.broadcasts.get(&(sender.clone(), random))?;
        (now.since(time) <= i64::from(window_secs)).then_some(seq)
    }

    /// The next broadcast takes its number.
    pub fn number_broadcast(&self, sender: &UserId, random: u32, now: Timestamp) -> u64 {
        let mut newest = self.broadcast_seq.lock();
        *newest += 1;
        self.broadcasts.insert((sender.clone(), random), (*newest, now));
        *newest
    }

    /// Marks somebody in a room until a moment.
    pub fn mark(&self, group: &GroupId, user: &UserId, mark: u32, until: MuteUntil, now: Timestamp) {
        self.room(group).mark(user, mark, until, now);
        self.note_changed(group);
    }

    /// Takes a mark off somebody in a room.
    pub fn unmark(&self, group: &GroupId, user: &UserId, mark: u32) {
        if self.find(group).is_some_and(|room| room.unmark(user, mark)) {
            self.note_changed(group);
        }
    }

    /// What has yet to be written of some room, of so many people at most.
    #[must_use]
    pub fn behind(&self, most: usize) -> Option<LiveMembers> {
        loop {
            let group = {
                let mut changed = self.changed.lock();
                let group = changed.iter().next()?.clone();
                changed.remove(&group);
                group
            };
            if let Some(room) = self.find(&group) {
                let (members, more) = room.behind(group.clone(), most);
                if more {
                    self.note_changed(&group);
                }
                return Some(members);
            }
        }
    }

    /// The server stops: the numbers of all rooms go on where they stand.
    pub fn settle(&self) {
        for (group, room) in self.all() {
            room.settle();
            self.note_changed(&group);
        }
    }

    /// What was behind is written.
    fn written(&self, members: &LiveMembers) {
        if let Some(room) = self.find(&members.group) {
            room.keep_reserved(members.reserved_seq);
        }
    }

    /// What could not be written has yet to be.
    pub fn still_behind(&self, members: LiveMembers) {
        if let Some(room) = self.find(&members.group) {
            room.still_behind(members.entered.into_iter().map(|(user, ..)| user).chain(members.left));
            self.note_changed(&members.group);
        }
    }

    /// Looks for people of a room who fell silent, are heard again, or stayed away too long; answers what changed.
    /// `silent_secs` says for how long nothing was heard of somebody who has a session.
    pub fn look_after(
        &self,
        group: &GroupId,
        now: Timestamp,
        patience: room::Patience,
        silent_secs: impl Fn(&UserId) -> Option<u64>,
    ) -> Vec<(PresenceCause, Vec<UserId>)> {
        let Some(room) = self.find(group) else { return Vec::new() };
        let changes = room.look_after(now, patience, silent_secs);
        if changes.is_changed {
            self.note_changed(group);
        }
        for user in &changes.gone {
            self.forget_room(user, group);
        }
        [(PresenceCause::HeartbeatInterrupt, changes.away), (PresenceCause::HeartbeatRecover, changes.back)]
            .into_iter()
            .filter(|(_, users)| !users.is_empty())
            .chain((!changes.gone.is_empty()).then_some((PresenceCause::Quit, changes.gone)))
            .collect()
    }
}
