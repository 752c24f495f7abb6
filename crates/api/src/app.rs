//! Apps and what they share: store, hub, clock, dice. Every command gets an [`App`].

use std::{
    collections::HashMap,
    future::Future,
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use object_store::ObjectStore;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tsudoi_domain::{
    Action, AppId, AppSettings, Denied, GroupId, GroupPolicy, GroupType, Scene, Timestamp, TopicId, UserId,
    account::{self, Account},
    change::{Change, Write},
    group::{Group, TypeNames, permission_group::Grants},
    rights::Rights,
    time::Millis,
    webhook::{Call, Slot},
};
use tsudoi_push::Post;
use tsudoi_realtime::Hub;
use tsudoi_store::{AppRow, CommitObserver, Committed, Outcome, ReadyCall, Store, StoreError};

use crate::{
    clock::{Clock, Dice},
    command::Caller,
    delivery,
    error::Error,
    error_code::ErrorCode,
    files::{self, Files},
    filter::{self, Filter},
    gateway::{devices::Devices, session_token::TokenKey},
    live::{self, LiveRooms},
    new_groups::NewGroups,
    push,
    rate::{AttributeRates, BatchRates, ExtensionRates, GroupRates, MemberRates, RestRates},
    recent_sends::RecentSends,
    robots::Robots,
    statistics::Statistics,
    ticket_service::TicketRates,
    turns::Turns,
    upkeep,
    user_sig::{self, AppKeys, SigningKey, ValidTicket, VerifiedTickets},
    webhook::{self, Webhooks},
};

/// How often a change is decided again when others were faster.
const ATTEMPTS: usize = 24;

/// The server's own bounds, the same for every app.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Most bytes of a REST body.
    pub body_bytes: usize,
    /// Most bytes of a WebSocket message.
    pub frame_bytes: usize,
    /// Most bytes that wait for a session.
    pub outbound_bytes: usize,
    /// Most connections.
    pub connections: usize,
    /// Seconds between a logged-in client's `wshello`; also how soon it notices a restart.
    pub hello_interval_secs: u32,
    /// Most bytes of remembered tickets.
    pub ticket_cache_bytes: u64,
    /// Where others reach the server, without a slash at the end.
    pub public_url: String,
    /// The server's own addresses, for firewalls of others.
    pub addresses: Vec<String>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            body_bytes: 4 << 20,
            frame_bytes: 1 << 20,
            outbound_bytes: 64 << 10,
            connections: 100_000,
            hello_interval_secs: 20,
            ticket_cache_bytes: 32 << 20,
            public_url: String::new(),
            addresses: Vec::new(),
        }
    }
}

/// What all apps of the server share.
pub struct Shared {
    /// What is kept.
    pub store: Store,
    /// Who is here.
    pub hub: Arc<Hub>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub dice: Arc<dyn Dice>,
    /// The server's bounds.
    pub bounds: Bounds,
    /// What signs the tokens of sessions, and addresses that end.
    pub token_key: TokenKey,
    /// Uploaded files.
    pub files: Files,
    /// Where files lie that are no rows of the store; `None`: nowhere.
    pub data_dir: Option<PathBuf>,
    /// Held while a message record is made.
    pub(crate) making_records: tokio::sync::Mutex<()>,
    /// Takes notifications for devices that are away.
    pub(crate) post: Post<push::About>,
    /// Messages that are to be announced on such devices.
    pub(crate) announcements: mpsc::Sender<push::Announcement>,
    apps: DashMap<AppId, Arc<App>>,
    tickets: VerifiedTickets,
    deliveries: mpsc::Sender<delivery::Work>,
    outbox: Arc<webhook::Outbox>,
    webhook_addresses: webhook::AddressPolicy,
    proxies: webhook::AddressPolicy,
    webhooks_started: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("apps", &self.apps.len()).finish_non_exhaustive()
    }
}

/// Opens the store; gets what listens to its commits.
pub type OpenStore = Box<dyn FnOnce(Arc<dyn CommitObserver>) -> Result<Store, StoreError> + Send>;

/// What is needed to start.
pub struct Parts {
    /// Opens the store; gets what listens to its commits.
    pub store: OpenStore,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub dice: Arc<dyn Dice>,
    /// The server's bounds.
    pub bounds: Bounds,
    /// Which addresses webhooks may go to.
    pub webhook_addresses: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// Which addresses are proxies of the operator, whose word counts about who is behind them.
    pub proxies: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// Where uploaded files lie.
    pub files: Arc<dyn ObjectStore>,
    /// Where clients reach the server, when that is not the address they come to.
    pub public_url: Option<String>,
    /// Where files may lie that are no rows of the store; `None`: nowhere.
    pub data_dir: Option<PathBuf>,
}

impl Shared {
    /// Opens the store, loads every app and starts delivery.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be opened or read.
    pub async fn start(parts: Parts) -> Result<Arc<Self>, StoreError> {
        let (deliveries, queue) = mpsc::channel(delivery::QUEUE);
        let store = (parts.store)(Arc::new(delivery::Observer::new(deliveries.clone())))?;
        let files = Files::load(parts.files, parts.public_url, &store, parts.dice.as_ref()).await?;
        let token_key = TokenKey::load(&store, parts.dice.as_ref()).await?;
        let (announcements, to_announce) = mpsc::channel(push::QUEUE);
        let outbox = webhook::Outbox::new(store.clone());
        tokio::spawn(outbox.clone().run());
        let shared = Arc::new(Self {
            store,
            hub: Hub::new(),
            clock: parts.clock,
            dice: parts.dice,
            tickets: VerifiedTickets::new(parts.bounds.ticket_cache_bytes),
            bounds: parts.bounds,
            token_key,
            files,
            data_dir: parts.data_dir,
            making_records: tokio::sync::Mutex::new(()),
            post: push::open_post(),
            announcements,
            apps: DashMap::new(),
            deliveries,
            outbox,
            webhook_addresses: parts.webhook_addresses,
            proxies: parts.proxies,
            webhooks_started: AtomicBool::new(false),
        });
        for row in shared.store.read().apps().await? {
            match serde_json::from_str(&row.settings) {
                Ok(settings) => _ = shared.put_app(row.app, &row.keys, settings).await?,
                Err(e) => return Err(StoreError::Corrupt(format!("settings of app {}: {e}", row.app))),
            }
        }
        shared.load_waiting_calls().await?;
        for app in shared.apps() {
            app.robots.load(shared.store.read().robots(app.id()).await?);
            let read = shared.store.read();
            app.live.load(read.live_rooms(app.id()).await?, read.broadcast_seq(app.id()).await?, app.now());
        }
        tokio::spawn(delivery::run(shared.clone(), queue));
        tokio::spawn(files::upkeep(shared.clone()));
        for app in shared.apps() {
            push::load(&app).await?;
        }
        push::start(&shared, to_announce);
        tokio::spawn(live::upkeep::run(shared.clone()));
        tokio::spawn(upkeep::run(shared.clone()));
        Ok(shared)
    }

    /// Puts the calls into the queues of their apps that an earlier process committed and did not make.
    async fn load_waiting_calls(&self) -> Result<(), StoreError> {
        const PAGE: usize = 1000;
        let mut after = 0;
        loop {
            let calls = self.store.read().waiting_calls(after, PAGE).await?;
            let Some(last) = calls.last() else { return Ok(()) };
            after = last.id;
            for call in calls {
                if let Some(app) = self.app(call.app) {
                    app.webhooks.enqueue(vec![call]);
                }
            }
        }
    }

    /// From now on webhooks are called; until then they wait, so that what an earlier process left goes where the settings of
    /// this one say.
    pub fn start_webhooks(&self) {
        for app in self.apps() {
            app.webhooks.start();
        }
        self.webhooks_started.store(true, Ordering::Release);
    }

    /// Gives calls that wait a chance while backends answer, and then makes no more. What was committed and not made stays in the
    /// outbox.
    pub async fn stop_webhooks(&self) {
        while self.apps().iter().any(|app| app.webhooks.is_busy()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for app in self.apps() {
            app.webhooks.stop().await;
        }
        while !self.outbox.is_settled() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Writes what lies behind; to be called when nobody is served any longer.
    pub async fn settle(&self) {
        for app in self.apps() {
            app.live.settle();
            live::upkeep::write_behind(&app).await;
            upkeep::store_statistics(&app).await;
        }
    }

    /// The app, if the server hosts it.
    #[must_use]
    pub fn app(&self, app: AppId) -> Option<Arc<App>> {
        self.apps.get(&app).map(|entry| entry.clone())
    }

    /// All apps.
    #[must_use]
    pub fn apps(&self) -> Vec<Arc<App>> {
        self.apps.iter().map(|entry| entry.clone()).collect()
    }

    /// Creates an app, or changes its keys and settings, in force at once and after every restart.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be stored.
    pub async fn put_app(
        self: &Arc<Self>,
        id: AppId,
        keys: &[String],
        settings: AppSettings,
    ) -> Result<Arc<App>, StoreError> {
        let text =
            serde_json::to_string(&settings).map_err(|e| StoreError::Corrupt(format!("settings of app {id}: {e}")))?;
        self.store.read().put_app(AppRow { app: id, keys: keys.to_vec(), settings: text }).await?;
        let app = match self.apps.entry(id) {
            dashmap::Entry::Occupied(entry) => {
                entry.get().change(keys, settings);
                entry.get().clone()
            }
            dashmap::Entry::Vacant(entry) => entry.insert(Arc::new(App::new(id, self.clone(), keys, settings))).clone(),
        };
        app.reload_words().await?;
        // The admins are accounts that are known from the start.
        for admin in &app.settings().admins {
            app.ensure_account(admin).await?;
        }
        Ok(app)
    }

    /// Whether the address is one of the operator's proxies.
    pub(crate) fn is_proxy(&self, address: IpAddr) -> bool {
        (self.proxies)(address)
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Delivers what was not stored.
    async fn deliver(&self, committed: Committed) {
        // Delivery ends only with the process.
        _ = self.deliveries.send(delivery::Work::Tell(vec![committed])).await;
    }
}

/// What an app is set to at one moment.
pub struct Snapshot {
    /// Everything an app can set.
    pub settings: AppSettings,
    keys: Vec<SigningKey>,
    key_generation: u64,
    policies: Mutex<HashMap<GroupType, Arc<GroupPolicy>>>,
}

/// One app.
pub struct App {
    id: AppId,
    shared: Arc<Shared>,
    snapshot: ArcSwap<Snapshot>,
    /// The robots of the app.
    pub robots: Robots,
    /// Who is in which live room, and what they last heard.
    pub live: LiveRooms,
    /// Which devices of each user logged in.
    pub devices: Devices,
    /// How much each group has said this second.
    pub group_rates: GroupRates,
    /// How much each member of a group has said this second.
    pub member_rates: MemberRates,
    /// What was sent a moment ago.
    pub recent_sends: RecentSends,
    /// How often each command was called this second.
    pub rest_rates: RestRates,
    /// How many receivers batch messages had this minute.
    pub batch_rates: BatchRates,
    /// How often the key-values of single messages were written this minute.
    pub extension_rates: ExtensionRates,
    /// How many groups came and went today.
    pub new_groups: NewGroups,
    /// How often the attributes of each group were written this second.
    pub attribute_rates: AttributeRates,
    /// Taken while the counters of a group are read and written.
    pub(crate) counting: Turns,
    webhooks: Webhooks,
    /// What is counted per day.
    pub statistics: Statistics,
    /// How many tickets addresses asked for.
    pub ticket_rates: TicketRates,
    /// Looks for unwanted words.
    filter: ArcSwap<Filter>,
    /// Held while word lists are read; when their files had last changed.
    reading_words: tokio::sync::Mutex<()>,
    word_file_times: Mutex<Vec<Option<SystemTime>>>,
    /// Held while an official account speaks.
    pub(crate) official_turn: tokio::sync::Mutex<()>,
    /// Pushes on their way.
    pub pushes: push::Pushes,
    /// Held while groups are counted and one more is created.
    pub(crate) creating: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("id", &self.id).finish_non_exhaustive()
    }
}

impl App {
    fn new(id: AppId, shared: Arc<Shared>, keys: &[String], settings: AppSettings) -> Self {
        let webhooks = Webhooks::new(
            id,
            &settings.webhook,
            shared.clock.clone(),
            shared.webhook_addresses.clone(),
            shared.outbox.clone(),
        );
        if shared.webhooks_started.load(Ordering::Acquire) {
            webhooks.start();
        }
        Self {
            id,
            webhooks,
            pushes: push::Pushes::new(&settings.push, shared.webhook_addresses.clone()),
            shared,
            snapshot: ArcSwap::from_pointee(Snapshot::new(keys, settings, 0)),
            robots: Robots::default(),
            live: LiveRooms::default(),
            devices: Devices::default(),
            group_rates: GroupRates::default(),
            member_rates: MemberRates::default(),
            recent_sends: RecentSends::default(),
            rest_rates: RestRates::default(),
            batch_rates: BatchRates::default(),
            extension_rates: ExtensionRates::default(),
            new_groups: NewGroups::default(),
            attribute_rates: AttributeRates::default(),
            counting: Turns::default(),
            statistics: Statistics::default(),
            ticket_rates: TicketRates::default(),
            filter: ArcSwap::from_pointee(Filter::default()),
            reading_words: tokio::sync::Mutex::new(()),
            word_file_times: Mutex::default(),
            official_turn: tokio::sync::Mutex::new(()),
            creating: tokio::sync::Mutex::new(()),
        }
    }

    fn change(&self, keys: &[String], settings: AppSettings) {
        let generation = self.snapshot.load().key_generation + 1;
        self.webhooks.change(&settings.webhook);
        self.pushes.change(&settings.push);
        self.snapshot.store(Arc::new(Snapshot::new(keys, settings, generation)));
    }

    /// Which app.
    #[must_use]
    pub fn id(&self) -> AppId {
        self.id
    }

    /// What all apps share.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What is kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The app's own backend.
    #[must_use]
    pub fn webhooks(&self) -> &Webhooks {
        &self.webhooks
    }

    /// Who is here.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.shared.hub
    }

    /// Chance.
    #[must_use]
    pub fn dice(&self) -> &dyn Dice {
        self.shared.dice.as_ref()
    }

    /// The second it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.now().second()
    }

    /// What the app is set to; a change does not move what was taken before.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// What the app is set to, for a short look.
    #[must_use]
    pub fn settings(&self) -> impl std::ops::Deref<Target = AppSettings> + use<> {
        SettingsGuard(self.snapshot.load_full())
    }

    /// What a type of group allows in this app; `None` for a type the app does not have.
    #[must_use]
    pub fn policy(&self, group_type: &GroupType) -> Option<Arc<GroupPolicy>> {
        self.snapshot.load().policy(group_type)
    }

    /// Checks a ticket; one seen before costs next to nothing.
    ///
    /// # Errors
    /// The ticket's fault, or that the account may not come in.
    pub fn check_ticket(&self, user: &str, ticket: &str) -> Result<ValidTicket, Error> {
        let snapshot = self.snapshot.load();
        if snapshot.settings.disabled {
            return Err(ErrorCode::RestAppDisabled.into());
        }
        let keys = AppKeys { keys: &snapshot.keys, generation: snapshot.key_generation };
        let bounds = snapshot.settings.usersig;
        let skew = u64::from(bounds.max_future_skew_secs);
        let valid = self.shared.tickets.verify(keys, self.id.0, user, ticket, self.now().0, skew)?;
        if valid.expires_at.saturating_sub(valid.issued_at) > i64::from(bounds.max_expire_secs) {
            let text = format!("the ticket is good for more than {} seconds", bounds.max_expire_secs);
            return Err(Error::new(ErrorCode::UserSigMalformed, text));
        }
        Ok(valid)
    }

    /// Refuses what was issued before the account's last kick (docs/spec/usersig.md#7).
    ///
    /// # Errors
    /// [`ErrorCode::UserSigExpired`], or the store's fault.
    pub async fn check_kicked(&self, user: &UserId, issued_at: Timestamp) -> Result<(), Error> {
        match self.store().account(self.id, user).await? {
            Some(account) if issued_at < account.valid_from => {
                Err(Error::new(ErrorCode::UserSigExpired, "the ticket was issued before the account was kicked"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A ticket for a user, good for so many seconds; `None` when the app has no key.
    #[must_use]
    pub fn make_ticket(&self, user: &UserId, expire_secs: u32) -> Option<String> {
        let snapshot = self.snapshot.load();
        let key = snapshot.keys.first()?;
        Some(user_sig::sign(key, self.id.0, user.as_str(), self.now().0, u64::from(expire_secs), None))
    }

    /// What looks for unwanted words.
    #[must_use]
    pub fn filter(&self) -> impl std::ops::Deref<Target = Arc<Filter>> + use<> {
        self.filter.load()
    }

    /// When the files of words that are in force had last changed.
    #[must_use]
    pub fn word_file_times(&self) -> Vec<Option<SystemTime>> {
        self.word_file_times.lock().clone()
    }

    /// Reads the word lists and their files, and puts them in force.
    ///
    /// # Errors
    /// [`StoreError`] when the lists cannot be read; the old ones stay in force.
    pub async fn reload_words(&self) -> Result<(), StoreError> {
        let _reading = self.reading_words.lock().await;
        let snapshot = self.snapshot();
        let words = self.store().read().words(self.id).await?;
        let times = filter::file_times(&snapshot.settings.moderation);
        // Long lists take a moment to be put together.
        let made = tokio::task::spawn_blocking(move || {
            let settings = &snapshot.settings;
            Filter::new(&settings.moderation, words, settings.features.moderation)
        });
        let filter = made.await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        self.filter.store(Arc::new(filter));
        *self.word_file_times.lock() = times;
        Ok(())
    }

    /// The account, made when it is not known.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read or stored.
    pub async fn ensure_account(&self, user: &UserId) -> Result<Arc<Account>, StoreError> {
        if let Some(account) = self.store().account(self.id, user).await? {
            return Ok(account);
        }
        let account = Account::new(user.clone(), self.now());
        self.store().commit(self.id, Change::none().write(Write::PutAccount(Box::new(account)))).await?;
        self.store().account(self.id, user).await?.ok_or_else(|| StoreError::Missing(format!("account {user}")))
    }

    /// Lets pass a user for whom a new account may be made.
    ///
    /// # Errors
    /// [`ErrorCode::AccountQuotaReached`], [`ErrorCode::AccountNotYetAgain`], or the store's fault.
    pub async fn require_room_for(&self, user: &UserId) -> Result<(), Error> {
        let settings = self.settings();
        let cap = settings.limits().app.max_accounts;
        if cap > 0 && self.store().read().accounts_reach(self.id, cap.into()).await? {
            let text = format!("the app has {cap} accounts, which is the most");
            return Err(Error::new(ErrorCode::AccountQuotaReached, text));
        }
        let days = settings.account.reimport_block_days;
        if days > 0 {
            let deleted_at = self.store().read().deleted_at(self.id, user).await?;
            if !account::may_come_again(deleted_at, days, self.now()) {
                let text = format!("account {user} was deleted less than {days} days ago");
                return Err(Error::new(ErrorCode::AccountNotYetAgain, text));
            }
        }
        Ok(())
    }

    /// The group, or the refusal that it does not exist.
    ///
    /// # Errors
    /// [`Denied::NoSuchGroup`], or the store's fault.
    pub async fn group(&self, id: &GroupId) -> Result<Arc<Group>, Error> {
        Ok(self.store().group(self.id, id).await?.ok_or_else(|| Denied::NoSuchGroup(id.clone()))?)
    }

    /// What a decision about a group looks at; `user` acts, as an app admin or by their role.
    ///
    /// # Errors
    /// [`Denied::NoSuchGroup`], or the store's fault.
    pub async fn scene(&self, id: &GroupId, caller: &Caller, user: &UserId) -> Result<Scene, Error> {
        let group = self.group(id).await?;
        self.scene_of(group, caller, user).await
    }

    /// As [`App::scene`], of a group that was loaded.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn scene_of(&self, group: Arc<Group>, caller: &Caller, user: &UserId) -> Result<Scene, Error> {
        let policy = self.policy_of(&group);
        let member = if policy.members_stored {
            self.store().member(self.id, &group.id, user).await?
        } else {
            self.live.member(&group, user)
        };
        let app_admin = caller.is_app_admin();
        let rights = if group.permission_enabled {
            let grants = self.grants(&group, app_admin, user).await?;
            Some(Rights::in_community(group.default_permission, &grants))
        } else {
            None
        };
        Ok(Scene { group, policy, user: user.clone(), app_admin, member, topic: None, rights, now: self.now() })
    }

    /// What the permission groups of a user allow; app admins need none.
    async fn grants(&self, group: &Group, app_admin: bool, user: &UserId) -> Result<Arc<Grants>, StoreError> {
        if app_admin { Ok(Arc::default()) } else { self.store().grants(self.id, &group.id, user).await }
    }

    /// The same scene in a topic of the community.
    ///
    /// # Errors
    /// [`Denied::TopicsOff`] where there are no topics, `TopicBadId` for one of another community, [`Denied::NoSuchTopic`].
    pub async fn in_topic(&self, scene: Scene, topic: &TopicId) -> Result<Scene, Error> {
        let group = &scene.group;
        if !group.support_topic || !self.snapshot.load().settings.features.topic {
            return Err(Denied::TopicsOff(group.id.clone()).into());
        }
        if !topic.belongs_to(&group.id) {
            let text = format!("`TopicId`: {topic} is no topic of {}", group.id);
            return Err(Error::new(ErrorCode::TopicBadId, text));
        }
        let topic = self.store().topic(self.id, topic).await?.ok_or_else(|| Denied::NoSuchTopic(topic.clone()))?;
        let rights = match scene.rights {
            Some(rights) => {
                let grants = self.grants(group, scene.app_admin, &scene.user).await?;
                Some(rights.in_topic(&topic, &grants))
            }
            None => None,
        };
        Ok(Scene { topic: Some(topic), rights, ..scene })
    }

    /// What holds for a group. A group whose custom type the app no longer declares is held to the type's nearest safe
    /// relative, the small closed group.
    #[must_use]
    pub fn policy_of(&self, group: &Group) -> Arc<GroupPolicy> {
        self.policy(&group.group_type).unwrap_or_else(|| Arc::new(GroupPolicy::WORK))
    }

    /// The spelling of a group's type in answers.
    #[must_use]
    pub fn type_name(&self, group: &Group) -> String {
        self.type_name_as(&group.group_type, &group.created_as)
    }

    /// The spelling of a type in answers, for a group that was created under a name of it.
    #[must_use]
    pub fn type_name_as(&self, group_type: &GroupType, created_as: &str) -> String {
        let names = match self.snapshot.load().settings.type_names {
            names @ (TypeNames::Legacy | TypeNames::Modern) => names,
            TypeNames::AsCreated => TypeNames::AsCreated.for_group(GroupType::spelling(created_as)),
        };
        group_type.wire_name(names).to_owned()
    }

    /// Lets pass callers who may read more than a group's public face.
    ///
    /// # Errors
    /// As [`Scene::require`].
    pub fn require_reader(scene: &Scene) -> Result<(), Denied> {
        scene.require(Action::ReadProfile, "read")
    }

    /// Stores a change and tells the world; what writes nothing is only told.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub async fn commit(&self, change: Change) -> Result<Outcome, StoreError> {
        if change.writes.is_empty() {
            if !change.is_empty() {
                let calls = self.ready_calls(&change.calls).await?;
                let change = Arc::new(change);
                self.shared.deliver(Committed { app: self.id, change, appended: Vec::new(), calls }).await;
            }
            return Ok(Outcome::Stored(Vec::new()));
        }
        self.store().commit(self.id, change).await
    }

    /// The calls of a change that is not stored.
    pub(crate) async fn ready_calls(&self, calls: &[Call]) -> Result<Vec<ReadyCall>, StoreError> {
        let mut ready = Vec::with_capacity(calls.len());
        for call in calls {
            let mut unread = HashMap::new();
            for user in call.body.slots().filter_map(Slot::user) {
                unread.insert(user, self.store().read().unread_total(self.id, user).await?);
            }
            let body = call.body.fill(|slot| {
                let number = slot.user().and_then(|user| unread.get(user));
                number
                    .copied()
                    .ok_or_else(|| StoreError::Corrupt("a call tells of a message that is not stored".into()))
            })?;
            ready.push(ReadyCall {
                id: 0,
                app: self.id,
                command: call.command,
                line: call.line.clone(),
                origin: call.origin.clone(),
                body: body.into(),
            });
        }
        Ok(ready)
    }

    /// Waits until everything that was committed by now is told: an answer must not come before the push that it is read with.
    pub async fn told(&self) {
        let (reached, wait) = oneshot::channel();
        if self.shared.deliveries.send(delivery::Work::Mark(reached)).await.is_ok() {
            // Fails only when the process ends and delivery is gone.
            _ = wait.await;
        }
    }

    /// Decides and commits; when others were faster, loads and decides again.
    ///
    /// # Errors
    /// The decision's refusal, or the store's fault.
    pub async fn decide<T, F, Fut>(&self, decide: F) -> Result<(T, Outcome), Error>
    where
        F: Fn() -> Fut + Send,
        Fut: Future<Output = Result<(T, Change), Error>> + Send,
        T: Send,
    {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let (value, change) = decide().await?;
            match self.commit(change).await {
                Ok(outcome) => return Ok((value, outcome)),
                Err(StoreError::Conflict(what)) => last = Some(StoreError::Conflict(what)),
                Err(other) => return Err(other.into()),
            }
        }
        Err(last.unwrap_or_else(|| StoreError::Conflict(String::new())).into())
    }
}

/// Keeps a snapshot alive while its settings are looked at.
struct SettingsGuard(Arc<Snapshot>);

impl std::ops::Deref for SettingsGuard {
    type Target = AppSettings;

    fn deref(&self) -> &AppSettings {
        &self.0.settings
    }
}

impl Snapshot {
    fn new(keys: &[String], settings: AppSettings, key_generation: u64) -> Self {
        Self {
            settings,
            keys: keys.iter().map(|key| SigningKey::new(key.clone())).collect(),
            key_generation,
            policies: Mutex::default(),
        }
    }

    /// What a type of group allows, computed once.
    #[must_use]
    pub fn policy(&self, group_type: &GroupType) -> Option<Arc<GroupPolicy>> {
        let mut policies = self.policies.lock();
        if let Some(policy) = policies.get(group_type) {
            return Some(policy.clone());
        }
        let policy = Arc::new(GroupPolicy::for_app(&self.settings, group_type)?);
        policies.insert(group_type.clone(), policy.clone());
        Some(policy)
    }
}
