//! Calls to an app's own backend (docs/spec/webhooks.md): what it is asked before, and told after.
//!
//! # A command that asks
//!
//! After the rules allowed it and before it commits, outside every lock:
//!
//! ```ignore
//! // 0 or no opinion goes on; everything else is the error that the caller gets.
//! let answer = app.webhooks().ask(WebhookCommand::BeforeCreateTopic, caller, &BeforeCreateTopic { .. }).await?;
//! ```
//!
//! [`Answer`] holds what some answers say beside the verdict: `refused` people, `results` per person. Messages are asked about
//! with [`Webhooks::ask_message`], whose [`MessageVerdict`] also knows silent drops and replaced content. The payload is a struct
//! of the command's own fields (`#[derive(Serialize)]`, absent fields skipped); `CallbackCommand` and `EventTime` are added here.
//! Nothing is serialised and nothing waits unless the app listens.
//!
//! # A command that tells
//!
//! Calls ride with the change, so that they are stored with it and made exactly when it happened:
//!
//! ```ignore
//! let call = app.webhooks().tell(WebhookCommand::AfterCreateTopic, Line::Group(&group.id), caller, || AfterCreateTopic { .. });
//! Ok(((), change.calls(call)))          // or app.commit(change.calls(call))
//! ```
//!
//! `tell` answers nothing when the app does not listen; `Change::calls` takes any number. Calls of one [`Line`] arrive in commit
//! order. A number that only the commit knows is a slot: `tell(..).map(|call| call.with("MsgSeq", Slot::Seq(0)))`. What has no
//! caller (the server itself acts) passes [`Origin::SERVER`] in place of the caller. A change without writes goes through memory
//! only, so live rooms do not touch the disk. Payload structs that more than one command needs lie in `webhook/group.rs` and its
//! neighbours; others beside their command.

mod after;
mod before;
pub mod direct;
pub mod extras;
pub mod group;
pub mod message;
mod post;
pub mod relation;
mod sign;
pub mod topic;
pub mod user;
mod watch;

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use serde::Serialize;
use tsudoi_domain::{
    AppId, GroupId, TopicId, UserId, WebhookCommand,
    conversation::ConversationKey,
    settings::WebhookSettings,
    time::Millis,
    webhook::{Body, Call, Slot},
};
use tsudoi_store::ReadyCall;

pub use self::{
    after::Outbox,
    before::{Answer, MessageVerdict, PersonVerdict},
    post::{AddressPolicy, Failure, FailureClass},
    watch::Record,
};
use self::{
    after::Queue,
    post::{Backend, Tally},
    watch::Watch,
};
use crate::{clock::Clock, command::Caller};

/// The calls of one app.
pub struct Webhooks {
    app: AppId,
    clock: Arc<dyn Clock>,
    allows: AddressPolicy,
    tally: Arc<Tally>,
    backend: ArcSwap<Backend>,
    after: Arc<Queue>,
    watch: Arc<Watch>,
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhooks").field("app", &self.app).finish_non_exhaustive()
    }
}

impl Webhooks {
    pub(crate) fn new(
        app: AppId,
        settings: &WebhookSettings,
        clock: Arc<dyn Clock>,
        allows: AddressPolicy,
        outbox: Arc<Outbox>,
    ) -> Self {
        let (tally, watch): (Arc<Tally>, Arc<Watch>) = Default::default();
        let seen = (tally.clone(), watch.clone());
        let backend = Arc::new(Backend::new(app, settings.clone(), allows.clone(), seen));
        Self {
            app,
            watch,
            after: Queue::new(clock.clone(), outbox, backend.clone()),
            clock,
            allows,
            tally,
            backend: ArcSwap::new(backend),
        }
    }

    /// Other settings are in force from now on, also for what waits.
    pub(crate) fn change(&self, settings: &WebhookSettings) {
        if self.backend.load().settings() == settings {
            return;
        }
        let seen = (self.tally.clone(), self.watch.clone());
        let backend = Arc::new(Backend::new(self.app, settings.clone(), self.allows.clone(), seen));
        self.backend.store(backend.clone());
        self.after.change(backend);
    }

    /// How many calls were made and how many were answered since this was last asked.
    #[must_use]
    pub fn take_tally(&self) -> (u64, u64) {
        (self.tally.calls.swap(0, Ordering::Relaxed), self.tally.answers.swap(0, Ordering::Relaxed))
    }

    /// Whether the app listens to the command.
    #[must_use]
    pub fn wants(&self, command: WebhookCommand) -> bool {
        self.backend.load().settings().wants(command)
    }

    /// The call that tells the backend what happened; none when it does not listen.
    pub fn tell<P: Serialize>(
        &self,
        command: WebhookCommand,
        line: Line<'_>,
        origin: impl Into<Origin>,
        payload: impl FnOnce() -> P,
    ) -> Option<Call> {
        let backend = self.backend.load();
        backend.settings().wants(command).then(|| Call {
            command,
            line: line.name().into(),
            origin: origin.into().query(command, &backend.settings().platform_name_mac).into(),
            body: Body::new(payload_text(command, &payload(), self.clock.now())),
        })
    }

    /// The last calls behind a number, oldest first, and the number to go on with. From now on somebody watches.
    #[must_use]
    pub fn recent(&self, after: u64, limit: usize) -> (Vec<Record>, u64) {
        self.watch.after(after, limit)
    }

    /// Calls the backend with a sample, whatever its switches; none without an address.
    pub async fn probe(&self, command: WebhookCommand, origin: impl Into<Origin>) -> Option<Probe> {
        let backend = self.backend.load_full();
        if backend.settings().url.is_empty() {
            return None;
        }
        let now = self.clock.now();
        let origin = origin.into().query(command, &backend.settings().platform_name_mac);
        let body = payload_text(command, &Sample::of(command), now);
        let started = Instant::now();
        let address = backend.address(command, &origin, now.second());
        let result = backend.call(command, &origin, body.into(), now).await;
        Some(Probe { address, took: started.elapsed(), result })
    }

    /// Takes calls that are to be made, in commit order.
    pub(crate) fn enqueue(&self, calls: Vec<ReadyCall>) {
        if !calls.is_empty() {
            self.after.enqueue(calls);
        }
    }

    /// From now on calls are made; until then they wait.
    pub(crate) fn start(&self) {
        self.after.start();
    }

    /// Makes no more calls; answers once none is being made.
    pub(crate) async fn stop(&self) {
        self.after.stop().await;
    }

    /// Whether calls wait that are likely to be made soon.
    pub(crate) fn is_busy(&self) -> bool {
        self.after.is_busy()
    }

    /// How many calls wait or are being made.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.after.pending()
    }
}

/// What came of a sample.
#[derive(Debug)]
pub struct Probe {
    /// What was called.
    pub address: String,
    /// How long it took.
    pub took: Duration,
    /// The answer, or why there is none.
    pub result: Result<Bytes, Failure>,
}

/// What a sample says: a login of somebody who is not there, of other commands only what all have.
#[derive(Serialize)]
struct Sample {
    #[serde(rename = "Info", skip_serializing_if = "Option::is_none")]
    info: Option<serde_json::Value>,
}

impl Sample {
    fn of(command: WebhookCommand) -> Self {
        let info = serde_json::json!({ "Action": "Login", "To_Account": "webhook_test", "Reason": "Register" });
        Self { info: (command == WebhookCommand::StateChange).then_some(info) }
    }
}

/// A payload with the members that all have.
fn payload_text(command: WebhookCommand, payload: &impl Serialize, now: Millis) -> String {
    let own = serde_json::to_string(payload).expect("payloads are plain data");
    let own = own.strip_prefix('{').and_then(|own| own.strip_suffix('}')).expect("payloads are objects");
    // Vendor: results of pushes come in lists, whose entries carry these members themselves.
    if matches!(command, WebhookCommand::OfflinePush | WebhookCommand::AllMemberPush) {
        return format!("{{{own}}}");
    }
    let comma = if own.is_empty() { "" } else { "," };
    format!(r#"{{"CallbackCommand":"{command}",{own}{comma}"EventTime":{}}}"#, now.0)
}

/// What calls are kept in order with.
#[derive(Debug, Clone, Copy)]
pub enum Line<'a> {
    /// The group and everything in it but its topics' messages.
    Group(&'a GroupId),
    /// Messages of a topic.
    Topic(&'a TopicId),
    /// Messages of any conversation.
    Conversation(&'a ConversationKey),
    /// What concerns one user.
    User(&'a UserId),
    /// What concerns the app.
    App,
    /// What became of pushes.
    Pushes,
}

impl Line<'_> {
    fn name(self) -> String {
        match self {
            Self::Group(group) => format!("g{group}"),
            Self::Topic(topic) => format!("t{topic}"),
            Self::Conversation(ConversationKey::Group(group)) => format!("g{group}"),
            Self::Conversation(ConversationKey::Topic(topic)) => format!("t{topic}"),
            Self::Conversation(ConversationKey::Direct(one, other)) => format!("c{one}\n{other}"),
            Self::User(user) => format!("u{user}"),
            Self::App => "a".into(),
            Self::Pushes => "p".into(),
        }
    }
}

/// Adds to a call what only the commit knows.
pub trait CallExt {
    /// Adds a member to the payload.
    #[must_use]
    fn with(self, name: &str, slot: Slot) -> Self;
}

impl CallExt for Call {
    fn with(mut self, name: &str, slot: Slot) -> Self {
        self.body = self.body.member(name, slot);
        self
    }
}

/// Where an action came from (docs/spec/webhooks.md#1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The address of the client or backend.
    pub ip: Option<IpAddr>,
    /// What it runs on.
    pub platform: Platform,
}

impl Origin {
    /// The server itself.
    pub const SERVER: Origin = Origin { ip: None, platform: Platform::Unknown };

    /// The part of the address that says so.
    fn query(self, command: WebhookCommand, mac: &str) -> String {
        if ANONYMOUS.contains(&command) {
            return String::new();
        }
        let mut query = String::new();
        if let Some(ip) = self.ip.filter(|_| command != WebhookCommand::RequestOverLimit) {
            // Only the colons of IPv6 need care.
            query.push_str("&ClientIP=");
            query.push_str(&ip.to_canonical().to_string().replace(':', "%3A"));
        }
        query.push_str("&OptPlatform=");
        // Vendor: written in capitals here and nowhere else.
        let shouted = command == WebhookCommand::StateChange && self.platform == Platform::Ios;
        query.push_str(if shouted { "IOS" } else { self.platform.name(mac) });
        query
    }
}

/// Commands whose address does not say where the action came from.
const ANONYMOUS: [WebhookCommand; 4] = [
    WebhookCommand::OnMemberStateChange,
    WebhookCommand::ContentResult,
    WebhookCommand::OfflinePush,
    WebhookCommand::AllMemberPush,
];

impl From<&Caller> for Origin {
    fn from(caller: &Caller) -> Self {
        match caller.session() {
            None => Self { ip: caller.peer, platform: Platform::Rest },
            Some(session) => Self::of_session(session),
        }
    }
}

impl Origin {
    /// A client's connection.
    #[must_use]
    pub fn of_session(session: &tsudoi_realtime::Session) -> Self {
        Self { ip: session.peer(), platform: Platform::of_number(session.platform()) }
    }
}

/// What an action came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// A backend.
    Rest,
    /// A browser or mini program.
    Web,
    /// A phone or tablet.
    Android,
    /// A phone.
    Ios,
    /// A tablet.
    Ipad,
    /// A desktop.
    Windows,
    /// A desktop.
    Mac,
    /// A desktop.
    Linux,
    /// Anything else, and the server itself.
    Unknown,
}

impl Platform {
    /// The platform of the number in a connection's address (docs/spec/websocket-protocol.md#1): browsers say 7, mini
    /// programs and other hosts of the Web SDK the numbers behind it.
    #[must_use]
    pub fn of_number(number: u32) -> Self {
        match number {
            1 => Self::Windows,
            2 => Self::Android,
            3 => Self::Ios,
            4 => Self::Mac,
            5 => Self::Ipad,
            7..=20 => Self::Web,
            _ => Self::Unknown,
        }
    }

    /// The word on the wire; computers of Apple are written as the app likes.
    #[must_use]
    pub fn name(self, mac: &str) -> &str {
        match self {
            Self::Rest => "RESTAPI",
            Self::Web => "Web",
            Self::Android => "Android",
            Self::Ios => "iOS",
            Self::Ipad => "iPad",
            Self::Windows => "Windows",
            Self::Mac => mac,
            Self::Linux => "Linux",
            Self::Unknown => "Unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_where_an_action_came_from() {
        let of = |ip: &str, platform| Origin { ip: ip.parse().ok(), platform };
        for (origin, command, query) in [
            (
                of("192.0.2.7", Platform::Rest),
                WebhookCommand::AfterCreateGroup,
                "&ClientIP=192.0.2.7&OptPlatform=RESTAPI",
            ),
            (
                of("::ffff:192.0.2.7", Platform::Web),
                WebhookCommand::C2cAfterSend,
                "&ClientIP=192.0.2.7&OptPlatform=Web",
            ),
            (
                of("2001:db8::7", Platform::Ios),
                WebhookCommand::C2cAfterSend,
                "&ClientIP=2001%3Adb8%3A%3A7&OptPlatform=iOS",
            ),
            (of("192.0.2.7", Platform::Ios), WebhookCommand::StateChange, "&ClientIP=192.0.2.7&OptPlatform=IOS"),
            (of("192.0.2.7", Platform::Mac), WebhookCommand::StateChange, "&ClientIP=192.0.2.7&OptPlatform=macOS"),
            (of("192.0.2.7", Platform::Rest), WebhookCommand::RequestOverLimit, "&OptPlatform=RESTAPI"),
            (of("192.0.2.7", Platform::Web), WebhookCommand::OnMemberStateChange, ""),
            (of("192.0.2.7", Platform::Rest), WebhookCommand::AllMemberPush, ""),
            (Origin::SERVER, WebhookCommand::AfterGroupDestroyed, "&OptPlatform=Unknown"),
        ] {
            assert_eq!(origin.query(command, "macOS"), query);
        }
    }

    #[test]
    fn payloads_name_their_command_and_time() {
        #[derive(Serialize)]
        struct Empty {}
        #[derive(Serialize)]
        struct Full {
            #[serde(rename = "GroupId")]
            group: &'static str,
        }
        let full = payload_text(WebhookCommand::AfterGroupFull, &Full { group: "T" }, Millis(5));
        assert_eq!(full, r#"{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"T","EventTime":5}"#);
        let empty = payload_text(WebhookCommand::StateChange, &Empty {}, Millis(5));
        assert_eq!(empty, r#"{"CallbackCommand":"State.StateChange","EventTime":5}"#);
    }
}
