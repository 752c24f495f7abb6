//! The hub: which sessions are here, whose they are, and which groups they want to hear.
//!
//! A user has one entry whatever the number of their devices; a group holds its users who are here. What a group's message
//! costs is the number of those, not of its members.

use std::{
    collections::{HashMap, HashSet},
    num::NonZero,
    sync::{Arc, LazyLock},
    time::Duration,
};

use dashmap::DashMap;
use parking_lot::Mutex;
use tsudoi_domain::{AppId, GroupId, TopicId, UserId};

use crate::{CloseReason, Push, Session, SessionId, session::Identity};

type UserKey = (AppId, UserId);
type GroupKey = (AppId, GroupId);

/// A user who is here, with all devices.
#[derive(Debug, Default)]
struct Present {
    inner: Mutex<PresentInner>,
}

#[derive(Debug, Default)]
struct PresentInner {
    sessions: Vec<Arc<Session>>,
    groups: HashSet<GroupId>,
    /// Grows whenever a commit changed the user's memberships: whoever loads them meanwhile has to load again.
    memberships: u64,
}

/// A group whose events a user is to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The group.
    pub group: GroupId,
    /// The user wants none of its messages.
    pub discard: bool,
    /// Topics for which the user chose otherwise, or the same.
    pub topics: Vec<(TopicId, bool)>,
}

impl Subscription {
    /// Of a group for whose topics nothing was chosen.
    #[must_use]
    pub fn plain(group: GroupId, discard: bool) -> Self {
        Self { group, discard, topics: Vec::new() }
    }
}

/// A user's place in a group.
#[derive(Debug, Clone)]
struct Subscriber {
    present: Arc<Present>,
    /// The user wants none of the group's messages.
    discard: bool,
    /// Whether the user wants none of single topics' messages, where they chose; nearly always empty, which takes no room.
    topics: Vec<(TopicId, bool)>,
}

impl Subscriber {
    fn wants(&self, topic: Option<&TopicId>) -> bool {
        let chosen = topic.and_then(|topic| self.topics.iter().find(|(chosen, _)| chosen == topic));
        !chosen.map_or(self.discard, |(_, discard)| *discard)
    }
}

/// Everybody who is here.
#[derive(Debug, Default)]
pub struct Hub {
    sessions: DashMap<SessionId, Arc<Session>>,
    users: DashMap<UserKey, Arc<Present>>,
    groups: DashMap<GroupKey, HashMap<UserId, Subscriber>>,
    /// How many users of each app are here.
    present: DashMap<AppId, usize>,
}

/// Groups with so many people here are split over the threads.
const LARGE: usize = 256;

static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, NonZero::get));

fn send_part(part: &[Arc<Present>], pushes: &[Arc<Push>], except: Option<SessionId>) {
    for present in part {
        let inner = present.inner.lock();
        for session in inner.sessions.iter().filter(|session| Some(session.id()) != except) {
            session.push_now(pushes);
        }
    }
}

impl Hub {
    /// An empty hub.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.sessions.len()
    }

    /// A connection is here; nobody is logged in on it yet.
    pub fn open(&self, session: &Arc<Session>) {
        self.sessions.insert(session.id(), session.clone());
        metrics::gauge!("connections").set(self.sessions.len() as f64);
    }

    /// A connection is gone. Answers whose it was, and whether it was their last one.
    pub fn closed(&self, session: &Session) -> Option<(Identity, bool)> {
        self.sessions.remove(&session.id());
        metrics::gauge!("connections").set(self.sessions.len() as f64);
        self.detach(session)
    }

    /// A user logged in on a session. Answers the user's other sessions.
    pub fn attach(&self, session: &Arc<Session>, identity: Identity) -> Vec<Arc<Session>> {
        if session.identity().is_some_and(|before| before.user != identity.user) {
            self.detach(session);
        }
        let key = (session.app(), identity.user.clone());
        session.set_identity(Some(identity));
        let present = self.users.entry(key).or_insert_with(|| {
            *self.present.entry(session.app()).or_default() += 1;
            Arc::default()
        });
        let mut inner = present.inner.lock();
        let others = inner.sessions.iter().filter(|other| other.id() != session.id()).cloned().collect();
        if !inner.sessions.iter().any(|other| other.id() == session.id()) {
            inner.sessions.push(session.clone());
        }
        others
    }

    /// Nobody is logged in on the session any longer. Answers who was, and whether it was their last session.
    pub fn detach(&self, session: &Session) -> Option<(Identity, bool)> {
        let identity = session.identity()?;
        session.set_identity(None);
        let key = (session.app(), identity.user.clone());
        // Holding the user's entry keeps a login of the same user out until this is done.
        let dashmap::Entry::Occupied(entry) = self.users.entry(key) else { return Some((identity, true)) };
        let last = {
            let mut inner = entry.get().inner.lock();
            inner.sessions.retain(|other| other.id() != session.id());
            inner.sessions.is_empty()
        };
        if last {
            let present = entry.remove();
            if let Some(mut number) = self.present.get_mut(&session.app()) {
                *number = number.saturating_sub(1);
            }
            let groups = std::mem::take(&mut present.inner.lock().groups);
            for group in groups {
                self.unsubscribe(session.app(), &group, &identity.user, &present);
            }
        }
        Some((identity, last))
    }

    fn unsubscribe(&self, app: AppId, group: &GroupId, user: &UserId, present: &Arc<Present>) {
        if let dashmap::Entry::Occupied(mut entry) = self.groups.entry((app, group.clone())) {
            let members = entry.get_mut();
            if members.get(user).is_some_and(|subscriber| Arc::ptr_eq(&subscriber.present, present)) {
                members.remove(user);
            }
            if members.is_empty() {
                entry.remove();
            }
        }
    }

    fn present(&self, app: AppId, user: &UserId) -> Option<Arc<Present>> {
        self.users.get(&(app, user.clone())).map(|entry| entry.value().clone())
    }

    /// The user's sessions that are here.
    #[must_use]
    pub fn sessions_of(&self, app: AppId, user: &UserId) -> Vec<Arc<Session>> {
        self.present(app, user).map(|present| present.inner.lock().sessions.clone()).unwrap_or_default()
    }

    /// Whether any device of the user is here.
    #[must_use]
    pub fn is_here(&self, app: AppId, user: &UserId) -> bool {
        self.users.contains_key(&(app, user.clone()))
    }

    /// For how long none of the user's devices that are here has said anything; `None` when none is here.
    #[must_use]
    pub fn silence(&self, app: AppId, user: &UserId) -> Option<Duration> {
        self.present(app, user)?.inner.lock().sessions.iter().map(|session| session.silence()).min()
    }

    /// How many users of an app are here.
    #[must_use]
    pub fn users_here(&self, app: AppId) -> usize {
        self.present.get(&app).map_or(0, |number| *number)
    }

    /// How often the user's memberships changed while they were here; to be asked before they are loaded.
    #[must_use]
    pub fn memberships_version(&self, app: AppId, user: &UserId) -> u64 {
        self.present(app, user).map_or(0, |present| present.inner.lock().memberships)
    }

    /// Subscribes a user who just logged in to the groups that were loaded. Answers false when memberships or receive options
    /// changed since `version` was asked: load again.
    #[must_use]
    pub fn subscribe_all(&self, app: AppId, user: &UserId, groups: Vec<Subscription>, version: u64) -> bool {
        let Some(present) = self.present(app, user) else { return true };
        if present.inner.lock().memberships != version {
            return false;
        }
        for subscription in groups {
            self.subscribe(app, user, &present, subscription);
        }
        present.inner.lock().memberships == version
    }

    fn subscribe(&self, app: AppId, user: &UserId, present: &Arc<Present>, subscription: Subscription) {
        let Subscription { group, discard, topics } = subscription;
        let group = &group;
        self.groups
            .entry((app, group.clone()))
            .or_default()
            .insert(user.clone(), Subscriber { present: present.clone(), discard, topics });
        let mut inner = present.inner.lock();
        if inner.sessions.is_empty() {
            // The last session went meanwhile, and its clean-up did not see this group.
            drop(inner);
            self.unsubscribe(app, group, user, present);
        } else {
            inner.groups.insert(group.clone());
        }
    }

    /// A user became a member: the group's events are theirs from now on, when they are here.
    pub fn join(&self, app: AppId, group: &GroupId, user: &UserId, discard: bool) {
        if let Some(present) = self.present(app, user) {
            present.inner.lock().memberships += 1;
            self.subscribe(app, user, &present, Subscription::plain(group.clone(), discard));
        }
    }

    /// A user is a member no longer.
    pub fn leave(&self, app: AppId, group: &GroupId, user: &UserId) {
        if let Some(present) = self.present(app, user) {
            {
                let mut inner = present.inner.lock();
                inner.memberships += 1;
                inner.groups.remove(group);
            }
            self.unsubscribe(app, group, user, &present);
        }
    }

    /// A member's receive option changed.
    pub fn set_discard(&self, app: AppId, group: &GroupId, user: &UserId, discard: bool) {
        self.set_option(app, group, user, |subscriber| subscriber.discard = discard);
    }

    /// A member's receive option for a topic changed.
    pub fn set_topic_discard(&self, app: AppId, group: &GroupId, topic: &TopicId, user: &UserId, discard: bool) {
        self.set_option(app, group, user, |subscriber| {
            subscriber.topics.retain(|(chosen, _)| chosen != topic);
            subscriber.topics.push((topic.clone(), discard));
        });
    }

    fn set_option(&self, app: AppId, group: &GroupId, user: &UserId, set: impl FnOnce(&mut Subscriber)) {
        if let Some(present) = self.present(app, user) {
            present.inner.lock().memberships += 1;
        }
        if let Some(mut members) = self.groups.get_mut(&(app, group.clone()))
            && let Some(subscriber) = members.get_mut(user)
        {
            set(subscriber);
        }
    }

    /// A group is no more.
    pub fn drop_group(&self, app: AppId, group: &GroupId) {
        if let Some((_, members)) = self.groups.remove(&(app, group.clone())) {
            for subscriber in members.values() {
                let mut inner = subscriber.present.inner.lock();
                inner.groups.remove(group);
                inner.memberships += 1;
            }
        }
    }

    /// The members of a group who are here.
    #[must_use]
    pub fn here_in(&self, app: AppId, group: &GroupId) -> Vec<UserId> {
        self.groups.get(&(app, group.clone())).map(|members| members.keys().cloned().collect()).unwrap_or_default()
    }

    /// How many members of a group are here.
    #[must_use]
    pub fn count_in(&self, app: AppId, group: &GroupId) -> usize {
        self.groups.get(&(app, group.clone())).map_or(0, |members| members.len())
    }

    /// Sends pushes, in order, to every member of a group who is here and wants its messages.
    pub fn send_group(&self, app: AppId, group: &GroupId, pushes: &[Arc<Push>]) {
        self.send_line(app, group, None, pushes, None);
    }

    /// As [`Hub::send_group`], except to one session.
    pub fn send_others(&self, app: AppId, group: &GroupId, pushes: &[Arc<Push>], except: Option<SessionId>) {
        self.send_line(app, group, None, pushes, except);
    }

    /// As [`Hub::send_group`], for messages of a topic.
    pub fn send_topic(&self, app: AppId, group: &GroupId, topic: &TopicId, pushes: &[Arc<Push>]) {
        self.send_line(app, group, Some(topic), pushes, None);
    }

    fn send_line(
        &self,
        app: AppId,
        group: &GroupId,
        topic: Option<&TopicId>,
        pushes: &[Arc<Push>],
        except: Option<SessionId>,
    ) {
        if let Some(members) = self.groups.get(&(app, group.clone())) {
            for subscriber in members.values().filter(|subscriber| subscriber.wants(topic)) {
                let inner = subscriber.present.inner.lock();
                for session in inner.sessions.iter().filter(|session| Some(session.id()) != except) {
                    for push in pushes {
                        session.push(push);
                    }
                }
            }
        }
    }

    /// Sends pushes, in order, to every member of a group who is here and wants its messages, or those of its topic, except to one
    /// session; to each in one write, where the socket takes it. A large group is split over the threads, so that all cores write.
    /// Answers once everybody has them, or has them waiting: what is sent afterwards comes after them.
    pub async fn send_all(
        &self,
        app: AppId,
        group: &GroupId,
        topic: Option<&TopicId>,
        pushes: &[Arc<Push>],
        except: Option<SessionId>,
    ) {
        let here: Vec<Arc<Present>> = match self.groups.get(&(app, group.clone())) {
            Some(members) => {
                let wanting = members.values().filter(|subscriber| subscriber.wants(topic));
                wanting.map(|subscriber| subscriber.present.clone()).collect()
            }
            None => return,
        };
        let parts = if here.len() < LARGE { 1 } else { *CORES };
        let mut parts: Vec<Vec<Arc<Present>>> =
            here.chunks(here.len().div_ceil(parts).max(1)).map(<[Arc<Present>]>::to_vec).collect();
        let own = parts.pop().unwrap_or_default();
        let others: Vec<_> = parts
            .into_iter()
            .map(|part| {
                let pushes = pushes.to_vec();
                tokio::spawn(async move { send_part(&part, &pushes, except) })
            })
            .collect();
        send_part(&own, pushes, except);
        for other in others {
            // A part that broke was told as far as it came; the others are told in any case.
            _ = other.await;
        }
    }

    /// Sends a push to those of the users who are members of the group, here, and want its messages.
    pub fn send_some<'a>(&self, app: AppId, group: &GroupId, users: impl IntoIterator<Item = &'a UserId>, push: &Push) {
        self.send_some_in(app, group, None, users, push);
    }

    /// As [`Hub::send_some`], about a message of a topic when one is named.
    pub fn send_some_in<'a>(
        &self,
        app: AppId,
        group: &GroupId,
        topic: Option<&TopicId>,
        users: impl IntoIterator<Item = &'a UserId>,
        push: &Push,
    ) {
        let Some(members) = self.groups.get(&(app, group.clone())) else { return };
        let wanted = users.into_iter().filter_map(|user| members.get(user)).filter(|one| one.wants(topic));
        for subscriber in wanted {
            for session in &subscriber.present.inner.lock().sessions {
                session.push(push);
            }
        }
    }

    /// Sends a push to every device of a user that is here, except one.
    pub fn send_user(&self, app: AppId, user: &UserId, push: &Push, except: Option<SessionId>) {
        if let Some(present) = self.present(app, user) {
            for session in &present.inner.lock().sessions {
                if Some(session.id()) != except {
                    session.push(push);
                }
            }
        }
    }

    /// Sends a push to everybody of an app who is logged in.
    pub fn send_app(&self, app: AppId, push: &Push) {
        for entry in &self.users {
            if entry.key().0 == app {
                for session in &entry.value().inner.lock().sessions {
                    session.push(push);
                }
            }
        }
    }

    /// Ends every connection; the server stops.
    pub fn close_all(&self, reason: CloseReason) {
        for session in &self.sessions {
            session.close(reason);
        }
    }
}
