//! What is done behind the scenes: old messages go, idle groups end, members who went offline leave, counts are set right.
//!
//! Driven by the injected clock: each tick looks at the time and does a bounded part of what is due, so that nobody who sends
//! waits long. A step that fails is tried again by a later tick.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tsudoi_domain::{
    AppId, AppSettings, GroupId, GroupType, Role, Scene, Timestamp, UserId,
    group::{Group, dissolve},
    member::{Member, remove},
    settings::DEFAULT_ADMIN,
    time::Millis,
};
use tsudoi_store::StoreError;

use crate::{
    app::{App, Shared},
    commands::group::modify::{ended, mourners},
    webhook::{self, Origin, group::ExitType},
};

/// How often a tick comes.
const TICK: Duration = Duration::from_secs(1);
/// Rows of what is gone that one tick deletes.
const PURGED: usize = 500;
/// Messages, and users with a log, that one tick looks at.
const LOOKED_AT: usize = 1000;
/// Groups that one tick looks at for each reason.
const GROUPS: usize = 50;
/// Members of one group that one tick looks at.
const MEMBERS: usize = 200;
/// Seconds between two passes over old messages.
const EXPIRE_EVERY: i64 = 60;
/// Seconds between two passes over what waits for users who stay away.
const LOGS_EVERY: i64 = 3600;
/// Seconds between two sweeps of members who are offline (docs/spec/group-types.md#2.3).
const SWEEP_EVERY: i64 = 300;
/// Seconds between two counts of all members.
const RECOUNT_EVERY: i64 = 86_400;
/// What waits for users is kept at least so many days (docs/spec/limits-and-editions.md#10).
const LEAST_LOG_DAYS: i64 = 7;
const DAY_SECS: i64 = 86_400;
/// Seconds between two passes over old pushes.
const PUSHES_EVERY: i64 = 3600;
/// Pushes are told of for 30 days (docs/spec/rest-push-ops.md#2.5), the day that runs not counted.
const PUSH_DAYS: i64 = 31;

/// Ticks until the process ends.
pub async fn run(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut keeping = Housekeeping::new(shared);
    loop {
        ticks.tick().await;
        keeping.tick().await;
    }
}

/// How far the work came.
pub struct Housekeeping {
    shared: Arc<Shared>,
    messages: Messages,
    logs: Logs,
    pushes_due: Timestamp,
    sweep: Sweep,
    idle: HashMap<(AppId, GroupType), u64>,
    recount: Pass,
}

/// A pass over all rows: where the next step goes on, 0 between passes, and when the next pass begins.
#[derive(Debug, Clone, Copy)]
struct Pass {
    cursor: u64,
    due: Timestamp,
}

/// The pass over old messages.
struct Messages {
    pass: Pass,
    /// For how many days each app kept messages when the pass last began anew.
    days: HashMap<AppId, u32>,
}

/// The pass over the logs of users.
struct Logs {
    due: Timestamp,
    waiting: VecDeque<(AppId, Option<UserId>)>,
}

/// The sweep of members who are offline.
struct Sweep {
    due: Timestamp,
    /// Types whose groups are to be looked at, each with the group to go on after.
    types: VecDeque<(AppId, GroupType, u64)>,
    /// Groups whose members are to be looked at, each with the member to go on after.
    groups: VecDeque<(AppId, GroupId, u64)>,
}

impl Housekeeping {
    /// Nothing is done yet. Members who are offline are left alone at first: after a start nobody has come back yet.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Self {
        let now = shared.now().second();
        Self {
            shared,
            messages: Messages { pass: Pass { cursor: 0, due: now }, days: HashMap::new() },
            logs: Logs { due: now, waiting: VecDeque::new() },
            pushes_due: now,
            sweep: Sweep { due: Timestamp(now.0 + SWEEP_EVERY), types: VecDeque::new(), groups: VecDeque::new() },
            idle: HashMap::new(),
            recount: Pass { cursor: 0, due: now },
        }
    }

    /// Does a bounded part of what is due.
    pub async fn tick(&mut self) {
        let now = self.shared.now().second();
        for (what, done) in [
            ("what is gone", self.purge(now).await),
            ("old messages", self.expire_messages(now).await),
            ("old logs", self.expire_logs(now).await),
            ("old pushes", self.expire_pushes(now).await),
            ("idle groups", self.recycle(now).await),
            ("members offline", self.sweep_members(now).await),
            ("counts of members", self.recount(now).await),
        ] {
            if let Err(error) = done {
                tracing::warn!(%error, what, "housekeeping could not be done and is tried again");
            }
        }
    }

    async fn expire_pushes(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if now < self.pushes_due {
            return Ok(());
        }
        let before = Millis((now.0 - PUSH_DAYS * DAY_SECS) * 1000);
        let mut deleted = 0;
        for app in self.shared.apps() {
            deleted += self.shared.store.read().expire_pushes(app.id(), before, PURGED).await?;
        }
        if deleted == 0 {
            self.pushes_due = Timestamp(now.0 + PUSHES_EVERY);
        }
        Ok(())
    }

    async fn purge(&self, now: Timestamp) -> Result<(), StoreError> {
        let store = self.shared.store.read();
        store.purge(PURGED).await?;
        store.expire_mutes(now, PURGED).await?;
        Ok(())
    }

    async fn expire_messages(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let days: HashMap<AppId, u32> =
            self.shared.apps().iter().map(|app| (app.id(), app.settings().history_days())).collect();
        let state = &mut self.messages;
        if days != state.days {
            // What was kept before may have to go now.
            state.pass = Pass { cursor: 0, due: now };
            state.days.clone_from(&days);
        }
        if now < state.pass.due {
            return Ok(());
        }
        let keep_from: HashMap<AppId, Timestamp> = days
            .into_iter()
            .filter(|(_, days)| *days > 0)
            .map(|(app, days)| (app, Timestamp(now.0 - i64::from(days) * DAY_SECS)))
            .collect();
        if keep_from.is_empty() {
            return Ok(());
        }
        let expired = self.shared.store.read().expire_messages(keep_from, state.pass.cursor, LOOKED_AT).await?;
        state.pass.cursor = expired.next;
        if expired.done {
            state.pass.due = Timestamp(now.0 + EXPIRE_EVERY);
        }
        Ok(())
    }

    async fn expire_logs(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if now >= self.logs.due {
            self.logs.due = Timestamp(now.0 + LOGS_EVERY);
            self.logs.waiting = self.shared.apps().iter().map(|app| (app.id(), None)).collect();
        }
        let Some((id, after)) = self.logs.waiting.pop_front() else { return Ok(()) };
        let Some(app) = self.shared.app(id) else { return Ok(()) };
        let days = i64::from(app.settings().history_days());
        if days == 0 {
            return Ok(());
        }
        let before = Timestamp(now.0 - days.max(LEAST_LOG_DAYS) * DAY_SECS);
        let expired = self.shared.store.read().expire_log(id, before, after, LOOKED_AT).await?;
        if let Some(next) = expired.next {
            self.logs.waiting.push_front((id, Some(next)));
        }
        Ok(())
    }

    async fn recycle(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for app in self.shared.apps() {
            for group_type in types(&app.settings()) {
                let since = app.policy(&group_type).and_then(|policy| dissolve::idle_since(&policy, now));
                let Some(since) = since else { continue };
                let cursor = self.idle.entry((app.id(), group_type.clone())).or_default();
                let read = app.store().read();
                let (idle, next) = read.idle_groups(app.id(), group_type.as_str(), since, *cursor, GROUPS).await?;
                *cursor = next;
                for group in idle {
                    recycle(&app, &group, since).await?;
                }
            }
        }
        Ok(())
    }

    async fn sweep_members(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let sweep = &mut self.sweep;
        if now >= sweep.due {
            sweep.due = Timestamp(now.0 + SWEEP_EVERY);
            sweep.types = self.shared.apps().iter().flat_map(swept_types).collect();
        }
        if sweep.groups.is_empty() {
            let Some((id, group_type, after)) = sweep.types.pop_front() else { return Ok(()) };
            let read = self.shared.store.read();
            let page = read.group_page(id, Some(group_type.as_str()), after, GROUPS).await?;
            sweep.groups = page.ids.into_iter().map(|group| (id, group, 0)).collect();
            if page.next != 0 {
                sweep.types.push_front((id, group_type, page.next));
            }
        }
        // Small groups go together; of a large one, a part.
        let mut looked_at = 0;
        while looked_at < MEMBERS
            && let Some((id, group, after)) = sweep.groups.pop_front()
        {
            let Some(app) = self.shared.app(id) else { continue };
            let read = app.store().read();
            let (page, next) = read.member_page(id, &group, &[Role::Member], 0, after, MEMBERS).await?;
            looked_at += page.len().max(1);
            if next != 0 {
                sweep.groups.push_front((id, group.clone(), next));
            }
            let offline: Vec<_> = page.into_iter().filter(|member| !app.hub().is_here(id, &member.user)).collect();
            sweep_group(&app, &group, &offline).await?;
        }
        Ok(())
    }

    async fn recount(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if now < self.recount.due {
            return Ok(());
        }
        let recounted = self.shared.store.recount_members(self.recount.cursor, GROUPS).await?;
        for (app, group) in &recounted.corrected {
            tracing::warn!(%app, %group, "the number of members was wrong and is corrected");
        }
        self.recount.cursor = recounted.next;
        if recounted.next == 0 {
            self.recount.due = Timestamp(now.0 + RECOUNT_EVERY);
        }
        Ok(())
    }
}

/// Every type of group that an app has.
fn types(settings: &AppSettings) -> Vec<GroupType> {
    let own = settings.custom_types.keys().map(|name| GroupType::Custom(name.as_str().into()));
    GroupType::BUILT_IN.into_iter().chain(own).collect()
}

fn swept_types(app: &Arc<App>) -> Vec<(AppId, GroupType, u64)> {
    let sweeps = |group_type: &GroupType| app.policy(group_type).is_some_and(|policy| remove::sweeps(&policy));
    types(&app.settings()).into_iter().filter(sweeps).map(|group_type| (app.id(), group_type, 0)).collect()
}

/// A group as the server itself finds it: it acts in the name of the owner, or of the app's admin where there is none.
async fn scene(app: &App, id: &GroupId) -> Result<Option<Scene>, StoreError> {
    let Some(group) = app.store().group(app.id(), id).await? else { return Ok(None) };
    let settings = app.settings();
    let admin = || settings.admins.first().cloned().unwrap_or_else(|| UserId::trusted(DEFAULT_ADMIN));
    let user = Group::clone(&group).owner.unwrap_or_else(admin);
    let policy = app.policy_of(&group);
    Ok(Some(Scene { group, policy, user, app_admin: true, member: None, topic: None, rights: None, now: app.now() }))
}

async fn recycle(app: &App, id: &GroupId, since: Timestamp) -> Result<(), StoreError> {
    let Some(scene) = scene(app, id).await? else { return Ok(()) };
    // What happens in a live room is not stored.
    if !scene.policy.members_stored && (app.live.count(id) > 0 || app.live.position(id).1 >= since) {
        return Ok(());
    }
    let members = mourners(app, &scene).await?;
    let change = dissolve::recycle(&scene, &members, app.dice().u64());
    match app.commit(ended(app, Origin::SERVER, &scene, &members, change)).await {
        Ok(_) => {
            tracing::info!(group.id = %id, "an idle group is recycled");
            app.new_groups.count(app, &scene.policy, -1).await
        }
        // Something happened to it just now.
        Err(StoreError::Conflict(_)) => Ok(()),
        Err(other) => Err(other),
    }
}

async fn sweep_group(app: &App, id: &GroupId, offline: &[Arc<Member>]) -> Result<(), StoreError> {
    let Some(scene) = scene(app, id).await? else { return Ok(()) };
    let change = remove::sweep(&scene, offline, &|| app.dice().u64());
    let who = (ExitType::Kicked, &scene.user);
    match app.commit(webhook::group::taken_out(app, Origin::SERVER, &scene.group, who, change)).await {
        // Somebody came or went just now: the next sweep looks again.
        Ok(_) | Err(StoreError::Conflict(_)) => Ok(()),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use tsudoi_domain::{
        WebhookCommand,
        change::{Append, Change, Write},
        conversation::ConversationKey,
        group::{MsgFlag, PolicyOverride, policy::OfflineSweep},
        limits::{LimitsOverride, Preset},
        message::{Content, Draft, MessageOptions, Priority, Sender},
        settings::LimitsChoice,
        time::Millis,
    };
    use tsudoi_store::{Store, sqlite::SqliteOptions};

    use super::*;
    use crate::{
        Bounds, Parts,
        clock::{Clock, RandomDice},
    };

    const APP: AppId = AppId(1_400_000_001);
    const START: i64 = 1_800_000_000;

    /// A clock that stands until it is moved.
    struct Hand(Mutex<i64>);

    impl Clock for Hand {
        fn now(&self) -> Millis {
            Millis(*self.0.lock() * 1000)
        }
    }

    struct World {
        shared: Arc<Shared>,
        app: Arc<App>,
        clock: Arc<Hand>,
        keeping: Housekeeping,
    }

    impl World {
        async fn with(settings: AppSettings) -> Self {
            let clock = Arc::new(Hand(Mutex::new(START)));
            let shared = Shared::start(Parts {
                store: Box::new(|observer| Store::sqlite(&SqliteOptions::default(), observer)),
                clock: clock.clone(),
                dice: Arc::new(RandomDice::seeded(7)),
                bounds: Bounds::default(),
                webhook_addresses: Arc::new(|_| false),
                proxies: Arc::new(|_| false),
                files: Arc::new(object_store::memory::InMemory::new()),
                public_url: None,
                data_dir: None,
            })
            .await
            .unwrap();
            let app = shared.put_app(APP, &["key".to_owned()], settings).await.unwrap();
            let keeping = Housekeeping::new(shared.clone());
            Self { shared, app, clock, keeping }
        }

        fn wait(&self, seconds: i64) {
            *self.clock.0.lock() += seconds;
        }

        async fn ticks(&mut self, number: usize) {
            for _ in 0..number {
                self.keeping.tick().await;
            }
        }

        /// A group of the type with its members; the first owns it.
        async fn group(&self, id: &str, group_type: GroupType, members: &[&str]) {
            let policy = self.app.policy(&group_type).unwrap();
            let group = Group {
                id: GroupId::trusted(id),
                created_as: group_type.as_str().into(),
                group_type,
                name: id.to_owned(),
                introduction: String::new(),
                notification: String::new(),
                face_url: String::new(),
                owner: Some(UserId::trusted(members[0])),
                created_at: self.app.now(),
                info_seq: 1,
                info_changed_at: self.app.now(),
                member_num: 0,
                max_member_num: 0,
                apply_option: policy.default_apply_option,
                invite_option: policy.default_invite_option,
                mute_all: false,
                support_topic: false,
                permission_enabled: false,
                default_permission: 0,
                history_before_join: None,
                active: true,
                custom: std::collections::BTreeMap::new(),
                cleared_seq: 0,
                revision: 0,
            };
            let mut change = Change::none().write(Write::CreateGroup(Box::new(group)));
            for (at, user) in members.iter().enumerate() {
                let role = if at == 0 { Role::Owner } else { Role::Member };
                let member = Member::new(UserId::trusted(user), role, self.app.now(), 0, MsgFlag::AcceptAndNotify);
                change = change.write(Write::PutMember(GroupId::trusted(id), Box::new(member)));
            }
            self.app.commit(change).await.unwrap();
        }

        async fn say(&self, group: &str, random: u32) {
            let draft = Draft {
                conversation: ConversationKey::Group(GroupId::trusted(group)),
                sender: Sender::User(UserId::trusted("ana")),
                random,
                time: self.app.now(),
                client_time: self.app.now().0,
                client_seq: 1,
                priority: Priority::Normal,
                content: Content::Elements("[]".into()),
                cloud_custom_data: None,
                options: MessageOptions::default(),
            };
            let append = Append { draft: Arc::new(draft), dedupe_secs: 0 };
            self.app.commit(Change::none().write(Write::Append(append))).await.unwrap();
        }

        async fn lives(&self, group: &str) -> bool {
            self.shared.store.group(APP, &GroupId::trusted(group)).await.unwrap().is_some()
        }

        async fn members(&self, group: &str) -> (u64, Vec<String>) {
            let id = GroupId::trusted(group);
            let (page, _) = self.shared.store.read().member_page(APP, &id, &[], 0, 0, 100).await.unwrap();
            let group = self.shared.store.group(APP, &id).await.unwrap().unwrap();
            (group.member_num, page.iter().map(|member| member.user.as_str().to_owned()).collect())
        }
    }

    fn types(list: &[(&str, PolicyOverride)]) -> AppSettings {
        let group_types = list.iter().map(|(name, layer)| ((*name).to_owned(), layer.clone())).collect();
        AppSettings { group_types, ..AppSettings::default() }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn groups_in_which_nothing_happens_end_when_their_time_is_over() {
        let recycled = PolicyOverride { recycle_seconds: Some(1000), ..PolicyOverride::default() };
        let mut world = World::with(types(&[("Public", recycled)])).await;
        world.group("quiet", GroupType::Public, &["ana"]).await;
        world.group("talks", GroupType::Public, &["ana"]).await;
        world.group("grows", GroupType::Public, &["ana"]).await;
        world.group("other", GroupType::Meeting, &["ana"]).await;
        world.wait(600);
        world.say("talks", 1).await;
        let touch = Write::Touch { group: GroupId::trusted("grows"), at: world.app.now() };
        world.app.commit(Change::none().write(touch)).await.unwrap();
        world.wait(400);
        world.ticks(3).await;
        assert!(world.lives("quiet").await, "not longer than its time yet");
        world.wait(1);
        world.ticks(3).await;
        assert!(!world.lives("quiet").await);
        assert!(world.lives("talks").await && world.lives("grows").await && world.lives("other").await);
        world.wait(600);
        world.ticks(3).await;
        assert!(!world.lives("talks").await && !world.lives("grows").await);
        assert!(world.lives("other").await);
        // The members learn of it when they come back.
        let log = world.shared.store.read().log_after(APP, &UserId::trusted("ana"), 0, 10).await.unwrap();
        assert_eq!(log.len(), 3);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn messages_are_kept_as_long_as_the_app_says() {
        let days = |days: u32| {
            let mut overrides = LimitsOverride::default();
            overrides.history.days = Some(days);
            AppSettings { limits: LimitsChoice::new(Preset::Classic, overrides), ..AppSettings::default() }
        };
        let mut world = World::with(days(7)).await;
        world.group("crew", GroupType::Public, &["ana"]).await;
        world.say("crew", 1).await;
        world.wait(5 * DAY_SECS);
        world.say("crew", 2).await;
        world.ticks(3).await;
        let crew = ConversationKey::Group(GroupId::trusted("crew"));
        let seqs = async |world: &World| {
            let history = world.shared.store.read().history(APP, &crew, 1, 9).await.unwrap();
            history.iter().map(|message| message.seq).collect::<Vec<_>>()
        };
        assert_eq!(seqs(&world).await, [2, 1]);
        world.wait(2 * DAY_SECS + 1);
        world.ticks(3).await;
        assert_eq!(seqs(&world).await, [2]);
        // A shorter time is in force at once.
        world.shared.put_app(APP, &["key".to_owned()], days(1)).await.unwrap();
        world.ticks(3).await;
        assert_eq!(seqs(&world).await, [] as [u64; 0]);
        world.say("crew", 3).await;
        assert_eq!(seqs(&world).await, [3], "numbers are not given again");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn members_who_are_offline_leave_with_the_sweep_and_whoever_leads_stays() {
        let swept = PolicyOverride { kick_offline: Some(OfflineSweep::On), ..PolicyOverride::default() };
        let mut world = World::with(types(&[("Meeting", swept)])).await;
        let many: Vec<String> = (0..450).map(|n| format!("member-{n}")).collect();
        let mut names = vec!["ana"];
        names.extend(many.iter().map(String::as_str));
        world.group("large", GroupType::Meeting, &names).await;
        world.group("small", GroupType::Meeting, &["ana", "bob"]).await;
        world.group("other", GroupType::Public, &["ana", "bob"]).await;
        world.wait(299);
        world.ticks(10).await;
        assert_eq!(world.members("small").await.0, 2, "nobody is swept right after a start");
        world.wait(1);
        world.ticks(10).await;
        for group in ["large", "small"] {
            assert_eq!(world.members(group).await, (1, vec!["ana".to_owned()]), "{group}");
        }
        assert_eq!(world.members("other").await.0, 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_backend_is_told_what_the_server_does_by_itself() {
        let recycled = PolicyOverride { recycle_seconds: Some(300), ..PolicyOverride::default() };
        let swept = PolicyOverride { kick_offline: Some(OfflineSweep::On), ..PolicyOverride::default() };
        let mut settings = types(&[("Public", recycled), ("Meeting", swept)]);
        settings.webhook.url = "http://192.0.2.1/".into();
        settings.webhook.all = true;
        let mut world = World::with(settings).await;
        world.group("idle", GroupType::Public, &["ana", "bob"]).await;
        world.group("away", GroupType::Meeting, &["ana", "bob", "cid"]).await;
        world.wait(301);
        world.ticks(10).await;
        // Calls are not made yet, so they still wait in the outbox.
        let calls = world.shared.store.read().waiting_calls(0, 100).await.unwrap();
        let told = |command: WebhookCommand| {
            let mut of_command = calls.iter().filter(|call| call.command == command);
            let call = of_command.next().unwrap();
            assert!(of_command.next().is_none(), "one {command}");
            assert_eq!(&*call.origin, "&OptPlatform=Unknown");
            serde_json::from_str::<serde_json::Value>(&call.body).unwrap()
        };
        let list = |users: &[&str]| -> serde_json::Value {
            users.iter().map(|user| serde_json::json!({ "Member_Account": user })).collect()
        };
        let ended = told(WebhookCommand::AfterGroupDestroyed);
        assert_eq!((&ended["GroupId"], &ended["Owner_Account"]), (&"idle".into(), &"ana".into()));
        assert_eq!((&ended["Name"], &ended["MemberList"]), (&"idle".into(), &list(&["ana", "bob"])));
        let gone = told(WebhookCommand::AfterMemberExit);
        assert_eq!((&gone["GroupId"], &gone["ExitType"]), (&"away".into(), &"Kicked".into()));
        assert_eq!((&gone["Operator_Account"], &gone["ExitMemberList"]), (&"ana".into(), &list(&["bob", "cid"])));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_hangs_on_ended_groups_goes_bit_by_bit() {
        let mut world = World::with(AppSettings::default()).await;
        world.group("crew", GroupType::Public, &["ana", "bob"]).await;
        world.say("crew", 1).await;
        world.app.commit(Change::none().write(Write::DeleteGroup(GroupId::trusted("crew")))).await.unwrap();
        world.ticks(3).await;
        assert_eq!(world.shared.store.read().purge(10).await.unwrap(), 0, "nothing is left");
    }
}
