//! Bounded caches in front of a backend, kept true by every commit.
//!
//! The rule that makes it safe: the writer forgets what a batch touched after it is on disk and before anybody is
//! answered or told; a reader keeps what it loaded only when nothing of its stripe was touched meanwhile.

use std::{
    future::Future,
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use moka::sync::Cache;
use parking_lot::Mutex;
use tsudoi_domain::{
    AppId, GroupId, TopicId, UserId,
    account::Account,
    change::{Change, Write},
    conversation::ConversationKey,
    group::{Group, permission_group::Grants},
    member::Member,
    time::MuteUntil,
    topic::Topic,
};

use crate::{
    Backend, CommitObserver, Committed, Outcome, Recounted, StoreError,
    sqlite::{Sqlite, SqliteOptions},
};

/// How many entries each cache holds.
const GROUPS: u64 = 50_000;
const MEMBERS: u64 = 500_000;
const ACCOUNTS: u64 = 200_000;
const TOPICS: u64 = 50_000;
const MUTES: u64 = 100_000;
const TOPIC_MUTES: u64 = 100_000;
const GRANTS: u64 = 100_000;
/// How finely touches are told apart while somebody loads.
const STRIPES: usize = 1024;
/// How finely the groups are told apart whose members are forgotten all at once.
const EPOCHS: usize = 1 << 16;

/// A bounded cache of rows that are loaded on demand.
struct Kept<K, V> {
    cache: Cache<K, V>,
    hasher: RandomState,
    /// How often anything of a stripe was touched. Held while something of the stripe comes into the cache or leaves it.
    stripes: Vec<Mutex<u64>>,
}

impl<K, V> Kept<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn new(capacity: u64) -> Self {
        Self {
            cache: Cache::new(capacity),
            hasher: RandomState::new(),
            stripes: (0..STRIPES).map(|_| Mutex::new(0)).collect(),
        }
    }

    fn stripe(&self, key: &K) -> &Mutex<u64> {
        &self.stripes[slot(&self.hasher, key, STRIPES)]
    }

    /// The row, loaded unless it is kept.
    async fn get(&self, key: K, load: impl Future<Output = Result<V, StoreError>>) -> Result<V, StoreError> {
        if let Some(found) = self.cache.get(&key) {
            return Ok(found);
        }
        let before = *self.stripe(&key).lock();
        let loaded = load.await?;
        let touched = self.stripe(&key).lock();
        if *touched == before {
            self.cache.insert(key, loaded.clone());
        }
        drop(touched);
        Ok(loaded)
    }

    /// The row changed. Whoever is loading it now does not keep it.
    fn forget(&self, key: &K) {
        let mut touched = self.stripe(key).lock();
        *touched += 1;
        self.cache.invalidate(key);
    }
}

fn slot(hasher: &RandomState, key: &impl Hash, slots: usize) -> usize {
    usize::try_from(hasher.hash_one(key) % slots as u64).expect("below the number of slots")
}

/// A member of a group in its epoch.
type MemberKey = (AppId, GroupId, UserId, u64);
/// A topic in the epoch of its community.
type TopicKey = (AppId, TopicId, u64);

struct Caches {
    groups: Kept<(AppId, GroupId), Option<Arc<Group>>>,
    members: Kept<MemberKey, Option<Arc<Member>>>,
    accounts: Kept<(AppId, UserId), Option<Arc<Account>>>,
    topics: Kept<TopicKey, Option<Arc<Topic>>>,
    /// Of people who are no stored members.
    mutes: Kept<MemberKey, MuteUntil>,
    topic_mutes: Kept<(MemberKey, TopicId), MuteUntil>,
    grants: Kept<MemberKey, Arc<Grants>>,
    hasher: RandomState,
    /// How often a group of the slot was deleted, or the rights of all its members changed: what belongs to a group is kept
    /// under its epoch, so that what a deleted group had is found no more.
    epochs: Vec<AtomicU64>,
}

impl Caches {
    fn new() -> Self {
        Self {
            groups: Kept::new(GROUPS),
            members: Kept::new(MEMBERS),
            accounts: Kept::new(ACCOUNTS),
            topics: Kept::new(TOPICS),
            mutes: Kept::new(MUTES),
            topic_mutes: Kept::new(TOPIC_MUTES),
            grants: Kept::new(GRANTS),
            hasher: RandomState::new(),
            epochs: (0..EPOCHS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn epoch(&self, app: AppId, group: &GroupId) -> &AtomicU64 {
        &self.epochs[slot(&self.hasher, &(app, group), EPOCHS)]
    }

    fn member_key(&self, app: AppId, group: &GroupId, user: &UserId) -> MemberKey {
        (app, group.clone(), user.clone(), self.epoch(app, group).load(Ordering::SeqCst))
    }

    fn topic_key(&self, app: AppId, topic: &TopicId) -> TopicKey {
        let group = GroupId::trusted(topic.group());
        (app, topic.clone(), self.epoch(app, &group).load(Ordering::SeqCst))
    }

    fn topic_mute_key(&self, app: AppId, group: &GroupId, topic: &TopicId, user: &UserId) -> (MemberKey, TopicId) {
        (self.member_key(app, group, user), topic.clone())
    }

    /// What all members of a group may do has changed.
    fn forget_rights(&self, app: AppId, group: &GroupId) {
        self.epoch(app, group).fetch_add(1, Ordering::SeqCst);
        self.forget_group(app, group);
    }

    fn forget_group(&self, app: AppId, group: &GroupId) {
        self.groups.forget(&(app, group.clone()));
    }

    fn forget_member(&self, app: AppId, group: &GroupId, user: &UserId) {
        self.members.forget(&self.member_key(app, group, user));
    }

    fn forget(&self, app: AppId, change: &Change) {
        for write in &change.writes {
            match write {
                Write::CreateGroup(group) | Write::UpdateGroup(group) => self.forget_group(app, &group.id),
                Write::DeleteGroup(id) => self.forget_rights(app, id),
                Write::PutMember(id, member) => {
                    self.forget_group(app, id);
                    self.forget_member(app, id, &member.user);
                }
                Write::DeleteMember(id, user) => {
                    self.forget_group(app, id);
                    self.forget_member(app, id, user);
                    self.grants.forget(&self.member_key(app, id, user));
                }
                Write::SetMute { group, topic: None, user, .. } => {
                    self.forget_group(app, group);
                    self.forget_member(app, group, user);
                    self.mutes.forget(&self.member_key(app, group, user));
                }
                Write::SetMute { group, topic: Some(topic), user, .. } => {
                    self.forget_group(app, group);
                    self.topic_mutes.forget(&self.topic_mute_key(app, group, topic, user));
                }
                Write::SetBan { group, .. } => self.forget_group(app, group),
                Write::SetRead { conversation: ConversationKey::Group(group), user, .. } => {
                    self.forget_member(app, group, user);
                }
                Write::PutAccount(account) => self.accounts.forget(&(app, account.user.clone())),
                Write::DeleteAccount(user)
                | Write::SetProfile { user, .. }
                | Write::MuteAccount { user, .. }
                | Write::SetStatus { user, .. } => self.accounts.forget(&(app, user.clone())),
                Write::PutTopic(topic) => {
                    self.forget_group(app, &topic.group);
                    self.topics.forget(&self.topic_key(app, &topic.id));
                }
                Write::DeleteTopic(topic) => self.forget_rights(app, &GroupId::trusted(topic.group())),
                Write::PutPermissionGroup(group) => self.forget_rights(app, &group.group),
                Write::DeletePermissionGroup { group, .. } | Write::SetTopicPermission { group, .. } => {
                    self.forget_rights(app, group);
                }
                Write::PutPermissionMember { group, user, .. } | Write::DeletePermissionMember { group, user, .. } => {
                    self.forget_group(app, group);
                    self.grants.forget(&self.member_key(app, group, user));
                }
                Write::ClearHistory { conversation: ConversationKey::Group(group), user } => {
                    self.forget_member(app, group, user);
                }
                // Every member of the group changed.
                Write::ReadAll(group) => {
                    self.epoch(app, group).fetch_add(1, Ordering::SeqCst);
                }
                Write::Append(_)
                | Write::PutLiveMembers(_)
                | Write::SetBroadcastSeq(_)
                | Write::SetLiveAdmin { .. }
                | Write::SetLiveMark { .. }
                | Write::Touch { .. }
                | Write::SetTopicFlag { .. }
                | Write::SetAttributes(_)
                | Write::SetCounters(_)
                | Write::ReadAllOfTopic(_)
                | Write::ClearHistory { .. }
                | Write::Recall { .. }
                | Write::Edit { .. }
                | Write::Hide { .. }
                | Write::PutReceipts { .. }
                | Write::PutExtensions { .. }
                | Write::SetReaction { .. }
                | Write::SetPin { .. }
                | Write::SetRead { .. }
                | Write::SetDirectRead { .. }
                | Write::Unlist { .. }
                | Write::PutCare { .. }
                | Write::PutBook { .. }
                | Write::PutRecord { .. }
                | Write::ClearDirect { .. }
                | Write::PutFriend { .. }
                | Write::DeleteFriend { .. }
                | Write::PutFriendGroup { .. }
                | Write::RenameFriendGroup { .. }
                | Write::DeleteFriendGroup { .. }
                | Write::SetFriendGroup { .. }
                | Write::PutFriendRequest(_)
                | Write::DeleteFriendRequest { .. }
                | Write::SeeFriendRequests { .. }
                | Write::Block { .. }
                | Write::Unblock { .. }
                | Write::Follow { .. }
                | Write::Unfollow { .. }
                | Write::WatchStatus { .. }
                | Write::UnwatchStatus { .. }
                | Write::PutDevice { .. }
                | Write::DeleteDevice { .. }
                | Write::NoteDeletion { .. }
                | Write::SetRobot { .. }
                | Write::PutApplication(_)
                | Write::DeleteApplication { .. }
                | Write::Notify { .. }
                | Write::SetFileBan { .. }
                | Write::PutPush(_)
                | Write::SetPushProgress { .. }
                | Write::SchedulePush { .. }
                | Write::UnschedulePush(_)
                | Write::SetPushPosition { .. }
                | Write::SetPushAttributeName { .. }
                | Write::SetPushAttribute { .. }
                | Write::SetPushTag { .. }
                | Write::ClearPushTags(_)
                | Write::PutPushDevice { .. }
                | Write::DeletePushDevice { .. }
                | Write::DropNotice { .. }
                | Write::PutWords(_)
                | Write::DeleteWords { .. }
                | Write::Count(_)
                | Write::PutOfficialAccount(_)
                | Write::DeleteOfficialAccount(_)
                | Write::PutSubscriber { .. }
                | Write::DeleteSubscriber { .. }
                | Write::PutBroadcast { .. } => {}
            }
        }
    }
}

/// The store as the doors use it: a backend with caches in front.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    caches: Arc<Caches>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Stands between the writer and whoever listens: the caches hear of a batch first.
struct KeepTrue {
    caches: Arc<Caches>,
    next: Arc<dyn CommitObserver>,
}

impl CommitObserver for KeepTrue {
    fn committed(&self, batch: &[Committed]) {
        for one in batch {
            self.caches.forget(one.app, &one.change);
        }
        self.next.committed(batch);
    }
}

impl Store {
    /// Opens the embedded store; `observer` hears of every batch after the caches did.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database cannot be opened or migrated.
    pub fn sqlite(options: &SqliteOptions, observer: Arc<dyn CommitObserver>) -> Result<Self, StoreError> {
        let caches = Arc::new(Caches::new());
        let backend = Sqlite::open(options, Arc::new(KeepTrue { caches: caches.clone(), next: observer }))?;
        Ok(Self { backend: Arc::new(backend), caches })
    }

    /// The group, if it lives.
    ///
    /// # Errors
    /// As the backend's read.
    pub async fn group(&self, app: AppId, group: &GroupId) -> Result<Option<Arc<Group>>, StoreError> {
        self.caches.groups.get((app, group.clone()), self.backend.group(app, group)).await
    }

    /// The membership, if there is one.
    ///
    /// The read position and the moment the member last spoke may lag behind by the messages the member sent since; whoever
    /// needs them exactly reads through the backend.
    ///
    /// # Errors
    /// As the backend's read.
    pub async fn member(&self, app: AppId, group: &GroupId, user: &UserId) -> Result<Option<Arc<Member>>, StoreError> {
        self.caches.members.get(self.caches.member_key(app, group, user), self.backend.member(app, group, user)).await
    }

    /// The topic, if it lives.
    ///
    /// # Errors
    /// As the backend's read.
    pub async fn topic(&self, app: AppId, topic: &TopicId) -> Result<Option<Arc<Topic>>, StoreError> {
        self.caches.topics.get(self.caches.topic_key(app, topic), self.backend.topic(app, topic)).await
    }

    /// Until when the user is muted in the group, member or not.
    ///
    /// # Errors
    /// As the backend's read.
    pub async fn mute(&self, app: AppId, group: &GroupId, user: &UserId) -> Result<MuteUntil, StoreError> {
        let key = self.caches.member_key(app, group, user);
        self.caches.mutes.get(key, self.backend.mute(app, group, None, user)).await
    }

    /// Until when the user is muted in the topic.
    ///
    /// # Errors
    /// As the backend's read.
    pub async fn topic_mute(
        &self,
        app: AppId,
        group: &GroupId,
        topic: &TopicId,
        user: &UserId,
    ) -> Result<MuteUntil, StoreError> {
        let key = self.caches.topic_mute_key(app, group, topic, user);
        self.caches.topic_mutes.get(key, self.backend.mute(app, group, Some(topic), user)).await
    }

    /// What the permission groups of a user allow in a community.
    ///
    /// # Errors
    /// As the backend's read.
    pub async fn grants(&self, app: AppId, group: &GroupId, user: &UserId) -> Result<Arc<Grants>, StoreError> {
        self.caches.grants.get(self.caches.member_key(app, group, user), self.backend.grants(app, group, user)).await
    }

    /// The account, if it is known.
    ///
    /// # Errors
    /// As the backend's read.
    pub async fn account(&self, app: AppId, user: &UserId) -> Result<Option<Arc<Account>>, StoreError> {
        self.caches.accounts.get((app, user.clone()), self.backend.account(app, user)).await
    }

    /// The known ones among the users, in their order.
    ///
    /// # Errors
    /// As the backend's read.
    pub async fn accounts(&self, app: AppId, users: &[UserId]) -> Result<Vec<Option<Arc<Account>>>, StoreError> {
        let mut found = Vec::with_capacity(users.len());
        for user in users {
            found.push(self.account(app, user).await?);
        }
        Ok(found)
    }

    /// Stores the change, or nothing of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a precondition no longer holds; [`StoreError::Unavailable`] when nothing can be stored now.
    pub async fn commit(&self, app: AppId, change: impl Into<Arc<Change>>) -> Result<Outcome, StoreError> {
        self.backend.commit(app, change.into()).await
    }

    /// Counts the members of groups anew and corrects what groups say of themselves; see
    /// [`Upkeep::recount_members`](crate::Upkeep::recount_members).
    ///
    /// # Errors
    /// As the backend's.
    pub async fn recount_members(&self, after: u64, limit: usize) -> Result<Recounted, StoreError> {
        let recounted = self.backend.recount_members(after, limit).await?;
        for (app, group) in &recounted.corrected {
            self.caches.forget_group(*app, group);
        }
        Ok(recounted)
    }

    /// Every other read goes straight to the backend.
    #[must_use]
    pub fn read(&self) -> &dyn Backend {
        self.backend.as_ref()
    }
}

/// Tells nobody; for stores whose commits need no delivery (tests, tools).
#[derive(Debug, Default)]
pub struct Silent;

impl CommitObserver for Silent {
    fn committed(&self, _: &[Committed]) {}
}

/// A listener that is put in place after the store was opened: delivery needs the store, the store tells delivery.
#[derive(Default)]
pub struct Later(OnceLock<Arc<dyn CommitObserver>>);

impl Later {
    /// Puts the listener in place; the first one stays.
    pub fn set(&self, observer: Arc<dyn CommitObserver>) {
        _ = self.0.set(observer);
    }
}

impl CommitObserver for Later {
    fn committed(&self, batch: &[Committed]) {
        if let Some(observer) = self.0.get() {
            observer.committed(batch);
        }
    }
}
