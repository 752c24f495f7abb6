//! Bounded caches in front of a backend, kept true by every commit.
//!
//! The rule that makes it safe: the writer forgets what a batch touched after it is on disk and before anybody is
//! answered or told; a reader keeps what it loaded only when nothing of its stripe was touched meanwhile.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use moka::sync::Cache;
use tsudoi_domain::{
    AppId, GroupId, UserId,
    account::Account,
    change::{Change, Write},
    group::Group,
    member::Member,
};

use crate::{
    Backend, CommitObserver, Committed, Outcome, StoreError,
    sqlite::{Sqlite, SqliteOptions},
};

type GroupKey = (AppId, GroupId);
type MemberKey = (AppId, GroupId, UserId);
type AccountKey = (AppId, UserId);

/// How many entries each cache holds.
const GROUPS: u64 = 50_000;
const MEMBERS: u64 = 500_000;
const ACCOUNTS: u64 = 200_000;
const STRIPES: usize = 1024;

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

/// Counts how often anything of a stripe was touched.
struct Stripes {
    hasher: RandomState,
    touched: Vec<AtomicU64>,
}

impl Stripes {
    fn new() -> Self {
        Self { hasher: RandomState::new(), touched: (0..STRIPES).map(|_| AtomicU64::new(0)).collect() }
    }

    fn of(&self, key: &impl Hash) -> &AtomicU64 {
        let at = self.hasher.hash_one(key) % STRIPES as u64;
        &self.touched[usize::try_from(at).expect("below STRIPES")]
    }
}

struct Caches {
    groups: Cache<GroupKey, Option<Arc<Group>>>,
    members: Cache<MemberKey, Option<Arc<Member>>>,
    accounts: Cache<AccountKey, Option<Arc<Account>>>,
    stripes: Stripes,
}

impl Caches {
    fn new() -> Self {
        Self {
            groups: Cache::new(GROUPS),
            members: Cache::builder().max_capacity(MEMBERS).support_invalidation_closures().build(),
            accounts: Cache::new(ACCOUNTS),
            stripes: Stripes::new(),
        }
    }

    fn touch_group(&self, app: AppId, group: &GroupId) {
        let key = (app, group.clone());
        self.stripes.of(&key).fetch_add(1, Ordering::SeqCst);
        self.groups.invalidate(&key);
    }

    fn touch_member(&self, app: AppId, group: &GroupId, user: &UserId) {
        let key = (app, group.clone(), user.clone());
        self.stripes.of(&key).fetch_add(1, Ordering::SeqCst);
        self.members.invalidate(&key);
    }

    fn touch_account(&self, app: AppId, user: &UserId) {
        let key = (app, user.clone());
        self.stripes.of(&key).fetch_add(1, Ordering::SeqCst);
        self.accounts.invalidate(&key);
    }

    fn forget(&self, app: AppId, change: &Change) {
        for write in &change.writes {
            match write {
                Write::CreateGroup(group) | Write::UpdateGroup(group) => self.touch_group(app, &group.id),
                Write::DeleteGroup(id) => {
                    self.touch_group(app, id);
                    // Whoever was loading a member of the group must not keep it.
                    for stripe in &self.stripes.touched {
                        stripe.fetch_add(1, Ordering::SeqCst);
                    }
                    let gone = id.clone();
                    // Closures were enabled when the cache was built, so this cannot be refused.
                    _ = self.members.invalidate_entries_if(move |(a, g, _), _| *a == app && *g == gone);
                }
                Write::PutMember(id, member) => {
                    self.touch_group(app, id);
                    self.touch_member(app, id, &member.user);
                }
                Write::DeleteMember(id, user) => {
                    self.touch_group(app, id);
                    self.touch_member(app, id, user);
                }
                Write::SetMute { group, user, .. } | Write::SetBan { group, user, .. } => {
                    self.touch_group(app, group);
                    self.touch_member(app, group, user);
                }
                Write::SetRead {
                    conversation: tsudoi_domain::conversation::ConversationKey::Group(group),
                    user,
                    ..
                } => {
                    self.touch_member(app, group, user);
                }
                Write::PutAccount(account) => self.touch_account(app, &account.user),
                Write::DeleteAccount(user) => self.touch_account(app, user),
                Write::Append(_)
                | Write::Recall { .. }
                | Write::Edit { .. }
                | Write::SetRead { .. }
                | Write::SetDirectRead { .. }
                | Write::PutApplication(_)
                | Write::DeleteApplication { .. }
                | Write::Notify { .. } => {}
            }
        }
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
        let key = (app, group.clone());
        if let Some(found) = self.caches.groups.get(&key) {
            return Ok(found);
        }
        let stripe = self.caches.stripes.of(&key);
        let before = stripe.load(Ordering::SeqCst);
        let found = self.backend.group(app, group).await?;
        if stripe.load(Ordering::SeqCst) == before {
            self.caches.groups.insert(key.clone(), found.clone());
            if stripe.load(Ordering::SeqCst) != before {
                self.caches.groups.invalidate(&key);
            }
        }
        Ok(found)
    }

    /// The membership, if there is one.
    ///
    /// The read position and the moment the member last spoke may lag behind by the messages the member sent since; whoever
    /// needs them exactly reads through the backend.
    ///
    /// # Errors
    /// As the backend's read.
    pub async fn member(&self, app: AppId, group: &GroupId, user: &UserId) -> Result<Option<Arc<Member>>, StoreError> {
        let key = (app, group.clone(), user.clone());
        if let Some(found) = self.caches.members.get(&key) {
            return Ok(found);
        }
        let stripe = self.caches.stripes.of(&key);
        let before = stripe.load(Ordering::SeqCst);
        let found = self.backend.member(app, group, user).await?;
        if stripe.load(Ordering::SeqCst) == before {
            self.caches.members.insert(key.clone(), found.clone());
            if stripe.load(Ordering::SeqCst) != before {
                self.caches.members.invalidate(&key);
            }
        }
        Ok(found)
    }

    /// The account, if it is known.
    ///
    /// # Errors
    /// As the backend's read.
    pub async fn account(&self, app: AppId, user: &UserId) -> Result<Option<Arc<Account>>, StoreError> {
        let key = (app, user.clone());
        if let Some(found) = self.caches.accounts.get(&key) {
            return Ok(found);
        }
        let stripe = self.caches.stripes.of(&key);
        let before = stripe.load(Ordering::SeqCst);
        let found = self.backend.account(app, user).await?;
        if stripe.load(Ordering::SeqCst) == before {
            self.caches.accounts.insert(key.clone(), found.clone());
            if stripe.load(Ordering::SeqCst) != before {
                self.caches.accounts.invalidate(&key);
            }
        }
        Ok(found)
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
