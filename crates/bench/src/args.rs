//! The command line of `tsudoi bench`.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand, ValueEnum};

use crate::marker;
use crate::report::Setting;

/// The id of the app in a server that the benchmark starts itself.
const OWN_APP_ID: u32 = 1_400_000_001;
/// Its key. No secret: that server listens on the loopback only and its data folder goes when it ends.
const OWN_APP_KEY: &str = "7473756461692d62656e63682d6b65792d666f722d6f6e652d72756e2d6f6e6c";

/// Measures a server: sends, fan-out, login storms, idle connections, webhooks, and what grows with what.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    pub(crate) workload: Workload,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The app that the benchmark uses: what a ticket is signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// SDKAppID.
    pub id: u32,
    /// The key as text.
    pub key: String,
}

impl BenchArgs {
    /// The app whose tickets [`run`](crate::run) needs.
    #[must_use]
    pub fn app(&self) -> App {
        self.common.app()
    }
}

/// What all workloads share.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Aim at this running server (http://HOST:PORT) instead of starting one; switch its rate limits off first
    #[arg(long, global = true, requires = "app_key")]
    pub(crate) url: Option<String>,
    /// SDKAppID to use
    #[arg(long, global = true, default_value_t = OWN_APP_ID)]
    pub(crate) app_id: u32,
    /// Key of the app
    #[arg(long, global = true, env = "TSUDOI_BENCH_APP_KEY", hide_env_values = true)]
    pub(crate) app_key: Option<String>,
    /// An admin account of the app
    #[arg(long, global = true, default_value = "administrator")]
    pub(crate) admin: String,
    /// Process id of the running server, for CPU, memory and disk figures
    #[arg(long, global = true, requires = "url")]
    pub(crate) pid: Option<u32>,
    /// Start this program instead of the running one, for example an older build to compare with
    #[arg(long, global = true, conflicts_with = "url")]
    pub(crate) server_binary: Option<PathBuf>,
    /// Where the data folder of the started server is made; choose the disk you want to measure
    #[arg(long, global = true, conflicts_with = "url")]
    pub(crate) data_dir: Option<PathBuf>,
    /// How often to measure; figures are medians. Each run starts a server of its own
    #[arg(long, global = true, default_value_t = 3, value_parser = RangedU64ValueParser::<u32>::new().range(1..=100))]
    pub(crate) runs: u32,
    /// Write the report as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Common {
    pub(crate) fn app(&self) -> App {
        App { id: self.app_id, key: self.app_key.clone().unwrap_or_else(|| OWN_APP_KEY.to_owned()) }
    }

    /// Which server was measured.
    pub(crate) fn server_in_words(&self) -> String {
        match &self.url {
            Some(url) => url.clone(),
            None => {
                let folder = self.data_dir.clone().unwrap_or_else(std::env::temp_dir);
                format!("started for each run with its data in {}", folder.display())
            }
        }
    }
}

/// What is measured.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Workload {
    /// Durable group sends over REST, against a cheap route of the same server
    Sends(Sends),
    /// One group, many members on WebSockets, against a plain send loop
    Fanout(Fanout),
    /// A login storm with the whole login sequence of the Web SDK
    Logins(Logins),
    /// Idle logged-in members: memory and CPU of a connection
    Idle(Idle),
    /// Sends with a backend that is asked first, is told afterwards, or is dead, against sends without one
    Webhooks(Webhooks),
    /// The same requests where there is little and where there is much: members, messages, conversations, friends
    Growth(Growth),
    /// The plain send loop that `fanout` measures against; started by it
    #[command(hide = true)]
    RawReference(RawReference),
}

impl Workload {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sends(_) => "sends",
            Self::Fanout(_) => "fanout",
            Self::Logins(_) => "logins",
            Self::Idle(_) => "idle",
            Self::Webhooks(_) => "webhooks",
            Self::Growth(_) => "growth",
            Self::RawReference(_) => "raw-reference",
        }
    }

    /// The arguments as they are quoted in the report.
    pub(crate) fn settings(&self, runs: u32) -> Vec<Setting> {
        let mut settings = vec![Setting::new("runs", runs)];
        settings.extend(match self {
            Self::Sends(sends) => sends.settings(),
            Self::Fanout(fanout) => fanout.settings(),
            Self::Logins(logins) => logins.settings(),
            Self::Idle(idle) => idle.settings(),
            Self::Webhooks(webhooks) => webhooks.settings(),
            Self::Growth(growth) => growth.settings(),
            Self::RawReference(_) => Vec::new(),
        });
        settings
    }
}

/// `sends`: REST group sends.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sends {
    /// Keep-alive connections, each with one send under way
    #[arg(long, default_value_t = 128, value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub(crate) connections: usize,
    /// Groups that the sends go to in turn
    #[arg(long, default_value_t = 100, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub(crate) groups: usize,
    /// Offline members of each group
    #[arg(long, default_value_t = 10, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub(crate) members: usize,
    /// Type of the groups
    #[arg(long, value_enum, default_value_t = GroupKind::Public)]
    pub(crate) group_type: GroupKind,
    /// Length of the message text in bytes
    #[arg(long, default_value_t = 100, value_parser = text_size())]
    pub(crate) size: usize,
    /// Seconds to measure
    #[arg(long, default_value_t = 10, value_parser = seconds())]
    pub(crate) seconds: u64,
    /// Seconds to warm up before
    #[arg(long, default_value_t = 2)]
    pub(crate) warmup: u64,
    /// Path that the reference posts the same bytes to
    #[arg(long, default_value = "/healthz")]
    pub(crate) echo_path: String,
}

impl Sends {
    /// Sends without more ado, for workloads that need some.
    pub(crate) fn plain(connections: usize, seconds: u64) -> Self {
        Self {
            connections,
            groups: 1,
            members: 0,
            group_type: GroupKind::Public,
            size: 100,
            seconds,
            warmup: 1,
            echo_path: String::new(),
        }
    }

    fn settings(&self) -> Vec<Setting> {
        vec![
            Setting::new("connections", self.connections),
            Setting::new("groups", self.groups),
            Setting::new("type", self.group_type.wire()),
            Setting::new("members", self.members),
            Setting::new("text bytes", self.size),
            Setting::new("seconds", self.seconds),
            Setting::new("echo path", &self.echo_path),
        ]
    }
}

/// `fanout`: one group, many members.
#[derive(Debug, Clone, Args)]
pub(crate) struct Fanout {
    /// Connected members that receive; the sender is not counted
    #[arg(long, default_value_t = 1_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=200_000))]
    pub(crate) members: usize,
    /// Type of the group
    #[arg(long, value_enum, default_value_t = GroupKind::Public)]
    pub(crate) group_type: GroupKind,
    /// Messages per second; 0 sends the next as soon as the previous ones reached everybody
    #[arg(long, default_value_t = 0)]
    pub(crate) rate: u32,
    /// Messages that are sent back to back; the rate counts messages, not bursts
    #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(crate) burst: usize,
    /// How the sender sends
    #[arg(long, value_enum, default_value_t = Door::Websocket)]
    pub(crate) door: Door,
    /// Length of the message text in bytes
    #[arg(long, default_value_t = 100, value_parser = text_size())]
    pub(crate) size: usize,
    /// Seconds to measure, for the server and for each reference
    #[arg(long, default_value_t = 10, value_parser = seconds())]
    pub(crate) seconds: u64,
    /// Seconds of silence before memory is read
    #[arg(long, default_value_t = 2)]
    pub(crate) settle: u64,
    /// Members that log in at the same time
    #[arg(long, default_value_t = 64, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(crate) concurrency: usize,
}

impl Fanout {
    fn settings(&self) -> Vec<Setting> {
        let rate = if self.rate == 0 { "as fast as delivered".to_owned() } else { format!("{}/s", self.rate) };
        vec![
            Setting::new("members", self.members),
            Setting::new("type", self.group_type.wire()),
            Setting::new("rate", rate),
            Setting::new("burst", self.burst),
            Setting::new("door", self.door.name()),
            Setting::new("text bytes", self.size),
            Setting::new("seconds", self.seconds),
        ]
    }
}

/// `logins`: a login storm.
#[derive(Debug, Clone, Args)]
pub(crate) struct Logins {
    #[command(flatten)]
    pub(crate) crowd: CrowdSize,
}

impl Logins {
    fn settings(&self) -> Vec<Setting> {
        self.crowd.settings()
    }
}

/// `idle`: idle members.
#[derive(Debug, Clone, Args)]
pub(crate) struct Idle {
    #[command(flatten)]
    pub(crate) crowd: CrowdSize,
    /// Seconds that the members stay idle
    #[arg(long, default_value_t = 15, value_parser = seconds())]
    pub(crate) seconds: u64,
}

impl Idle {
    fn settings(&self) -> Vec<Setting> {
        let mut settings = self.crowd.settings();
        settings.push(Setting::new("seconds", self.seconds));
        settings
    }
}

/// `webhooks`: what a backend costs the chat.
///
/// Needs servers of its own: their apps listen to different things.
#[derive(Debug, Clone, Args)]
pub(crate) struct Webhooks {
    /// Messages that the backend is asked about, one after the other, each followed by one that it is not asked about
    #[arg(long, default_value_t = 2_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub(crate) questions: usize,
    /// How long the backend thinks about a question, in milliseconds; what is reported is without it
    #[arg(long, default_value_t = 0, value_parser = RangedU64ValueParser::<u64>::new().range(0..=1_000))]
    pub(crate) think_ms: u64,
    /// Keep-alive connections of the sends that are counted, each with one send under way
    #[arg(long, default_value_t = 128, value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub(crate) connections: usize,
    /// Groups that the sends go to in turn
    #[arg(long, default_value_t = 100, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub(crate) groups: usize,
    /// Offline members of each group
    #[arg(long, default_value_t = 10, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub(crate) members: usize,
    /// Length of the message text in bytes
    #[arg(long, default_value_t = 100, value_parser = text_size())]
    pub(crate) size: usize,
    /// Seconds to measure with each backend
    #[arg(long, default_value_t = 10, value_parser = seconds())]
    pub(crate) seconds: u64,
    /// Seconds to warm up before
    #[arg(long, default_value_t = 2)]
    pub(crate) warmup: u64,
}

impl Webhooks {
    fn settings(&self) -> Vec<Setting> {
        vec![
            Setting::new("questions", self.questions),
            Setting::new("think ms", self.think_ms),
            Setting::new("connections", self.connections),
            Setting::new("groups", self.groups),
            Setting::new("members", self.members),
            Setting::new("text bytes", self.size),
            Setting::new("seconds", self.seconds),
        ]
    }

    /// The sends of one backend.
    pub(crate) fn sends(&self) -> Sends {
        Sends {
            connections: self.connections,
            groups: self.groups,
            members: self.members,
            group_type: GroupKind::Public,
            size: self.size,
            seconds: self.seconds,
            warmup: self.warmup,
            echo_path: String::new(),
        }
    }
}

/// `growth`: little against much. Each number is what "much" is; "little" is 10, or 100 messages and conversations.
#[derive(Debug, Clone, Args)]
pub(crate) struct Growth {
    /// Offline members of the large community
    #[arg(long, default_value_t = 10_000, value_parser = RangedU64ValueParser::<usize>::new().range(20..=1_000_000))]
    pub(crate) members: usize,
    /// Messages in the long history
    #[arg(long, default_value_t = 100_000, value_parser = RangedU64ValueParser::<usize>::new().range(100..=10_000_000))]
    pub(crate) messages: usize,
    /// Conversations of the user with many
    #[arg(long, default_value_t = 10_000, value_parser = RangedU64ValueParser::<usize>::new().range(100..=100_000))]
    pub(crate) conversations: usize,
    /// Unread messages of the user with many
    #[arg(long, default_value_t = 100_000, value_parser = RangedU64ValueParser::<usize>::new().range(10..=10_000_000))]
    pub(crate) unread: usize,
    /// Friends of the user with many
    #[arg(long, default_value_t = 3_000, value_parser = RangedU64ValueParser::<usize>::new().range(10..=3_000))]
    pub(crate) friends: usize,
    /// How often each page is asked for
    #[arg(long, default_value_t = 300, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub(crate) requests: usize,
    /// Seconds to send to the small and to the large community
    #[arg(long, default_value_t = 5, value_parser = seconds())]
    pub(crate) seconds: u64,
}

impl Growth {
    fn settings(&self) -> Vec<Setting> {
        vec![
            Setting::new("members", self.members),
            Setting::new("messages", self.messages),
            Setting::new("conversations", self.conversations),
            Setting::new("unread", self.unread),
            Setting::new("friends", self.friends),
            Setting::new("requests", self.requests),
            Setting::new("seconds", self.seconds),
        ]
    }
}

/// Users, their groups, and how many log in at once.
#[derive(Debug, Clone, Args)]
pub(crate) struct CrowdSize {
    /// Users that log in
    #[arg(long, default_value_t = 1_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=200_000))]
    pub(crate) users: usize,
    /// Groups that each user is in
    #[arg(long, default_value_t = 20, value_parser = RangedU64ValueParser::<usize>::new().range(0..=500))]
    pub(crate) groups: usize,
    /// Members of each group
    #[arg(long, default_value_t = 100, value_parser = RangedU64ValueParser::<usize>::new().range(1..=2_000))]
    pub(crate) group_size: usize,
    /// Users that log in at the same time
    #[arg(long, default_value_t = 64, value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub(crate) concurrency: usize,
}

impl CrowdSize {
    fn settings(&self) -> Vec<Setting> {
        vec![
            Setting::new("users", self.users),
            Setting::new("groups each", self.groups),
            Setting::new("members per group", self.group_size),
            Setting::new("at once", self.concurrency),
        ]
    }
}

/// `raw-reference`: the helper process.
#[derive(Debug, Clone, Args)]
pub(crate) struct RawReference {
    /// Receivers to wait for
    #[arg(long)]
    pub(crate) connections: usize,
}

/// Which kind of group is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GroupKind {
    /// Stored messages, a few thousand members at most
    Public,
    /// Stored messages, up to 100,000 members
    Community,
    /// A live room: nothing is stored; members join over their WebSockets
    #[value(name = "avchatroom", alias = "AVChatRoom")]
    LiveRoom,
}

impl GroupKind {
    /// The name on the wire.
    pub(crate) fn wire(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::Community => "Community",
            Self::LiveRoom => "AVChatRoom",
        }
    }

    /// Members of such a group join over their own connections and are not stored.
    pub(crate) fn joins_online(self) -> bool {
        self == Self::LiveRoom
    }
}

/// How the sender of a fan-out sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Door {
    /// As a member through its WebSocket, without waiting for answers
    Websocket,
    /// As a backend over REST
    Rest,
}

impl Door {
    fn name(self) -> &'static str {
        match self {
            Self::Websocket => "websocket",
            Self::Rest => "rest",
        }
    }
}

fn text_size() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(marker::LENGTH as u64..=8_000)
}

fn seconds() -> RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(1..=3_600)
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        bench: BenchArgs,
    }

    pub(crate) fn parse(line: &str) -> Result<BenchArgs, clap::Error> {
        Cli::try_parse_from(std::iter::once("bench").chain(line.split_whitespace())).map(|cli| cli.bench)
    }

    #[test]
    fn every_workload_has_defaults() {
        for name in ["sends", "fanout", "logins", "idle", "webhooks", "growth"] {
            let args = parse(name).unwrap();
            assert_eq!(args.workload.name(), name);
            assert_eq!(args.common.runs, 3);
            assert_eq!(args.app().id, OWN_APP_ID);
            assert!(args.workload.settings(3).len() > 3);
        }
        assert!(parse("raw-reference --connections 3").is_ok());
    }

    #[test]
    fn common_arguments_may_follow_the_workload() {
        let args = parse(
            "fanout --members 10 --group-type avchatroom --json --url http://127.0.0.1:80 --app-id 7 --app-key k --pid 1",
        );
        let args = args.unwrap();
        assert!(args.common.json);
        assert_eq!(args.app(), App { id: 7, key: "k".to_owned() });
        assert_eq!(args.common.server_in_words(), "http://127.0.0.1:80");
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        for line in [
            "",
            "sends --connections 0",
            "sends --size 10",
            "sends --size 9000",
            "fanout --members 0",
            "fanout --seconds 0",
            "fanout --pid 1",
            "fanout --url http://127.0.0.1:80",
            "logins --runs 0",
            "webhooks --questions 0",
            "fanout --url http://127.0.0.1:80 --app-key k --data-dir /tmp",
        ] {
            assert!(parse(line).is_err(), "accepted: {line}");
        }
    }
}
