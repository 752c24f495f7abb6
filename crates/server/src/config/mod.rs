//! What the operator decides about the server itself: where it listens, where it keeps its data, how much it takes on.
//!
//! One struct per concern, each with defaults that work, so that a server without any configuration runs. Sources, each
//! on top of the one before: built-in defaults, `tsudoi.toml`, environment variables `TSUDOI_*`, command line flags
//! ([`load`]). The settings of apps are not here but in [`tsudoi_domain::AppSettings`]; see [`crate::provision`].

pub mod load;
pub mod mistake;
pub mod network;
pub mod reference;
pub mod schema;

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::PathBuf,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use self::schema::{Concern, Place, concern};
pub use self::{
    load::{Loaded, Origin, Sources, load},
    mistake::{Mistake, Mistakes},
    network::Networks,
};

/// The app that exists when nobody said otherwise.
pub const DEFAULT_APP_ID: u32 = 1_400_000_001;

concern! {
    /// Settings of the server. Relative paths start at the folder that the server is started in.
    ServerConfig {
        /// Address and port for everything: REST at /v4, WebSocket at /binfo and /info, /healthz, /readyz, /metrics.
        /// Use 0.0.0.0 or [::] to be reached from other machines; put a proxy in front for TLS.
        #[serde(deserialize_with = "listen_address")]
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8700)),
        /// Folder for the database and generated keys; made when missing.
        data_dir: PathBuf = PathBuf::from("data"),
        /// Address under which clients reach the server, when that is not `listen` (behind a proxy, in a container).
        /// It is what the server prints and tells to clients.
        public_url: Option<String> = None; "https://chat.example.com",
        /// File that declares apps, applied at every start: docs/operations/provisioning.md.
        provision: Option<PathBuf> = None; "provision.toml",
    } sections {
        /// The first app.
        app: FirstAppConfig,
        /// HTTP.
        http: HttpConfig,
        /// WebSocket connections.
        websocket: WebSocketConfig,
        /// Uploaded files.
        files: FilesConfig,
        /// Calls to the backends of apps.
        webhook: WebhookConfig,
        /// Stopping.
        shutdown: ShutdownConfig,
        /// The log.
        log: LogConfig,
        /// Figures for monitoring.
        metrics: MetricsConfig,
    }
}

concern! {
    /// The first app, for servers that have one. More apps, and all of their settings: `provision`.
    FirstAppConfig {
        /// Its number (SDKAppID). When `provision` is set too, the first app exists only if its id or key is given here.
        id: u32 = DEFAULT_APP_ID,
        /// Its key, as text. Without one a key is generated once and kept in the data folder, in `app-<id>.key`.
        key: Option<Secret> = None; "64 hexadecimal digits",
        /// Address of its backend: called for every event when set.
        webhook_url: Option<String> = None; "http://127.0.0.1:8080/callback",
    }
}

concern! {
    /// HTTP requests.
    HttpConfig {
        /// The largest request body, in bytes. Larger ones are refused.
        body_limit_bytes: usize = 4 << 20,
        /// Networks of proxies in front of the server. Their word (`X-Forwarded-For`) counts about who calls; of everybody else
        /// the address of the connection counts.
        trusted_proxies: Networks = Networks::default(),
    }
}

concern! {
    /// WebSocket connections of clients.
    WebSocketConfig {
        /// The most connections at a time; more are refused with HTTP 503. Mind the limit of open files.
        max_connections: usize = 100_000,
        /// The largest frame that a client may send, in bytes. Longer ones close the connection.
        max_frame_bytes: usize = 256 << 10,
        /// What may wait for a slow client, in bytes. Beyond it the connection is closed; the client comes back and
        /// fetches what it missed.
        outbound_queue_bytes: usize = 64 << 10,
        /// How often clients report that they are there, in seconds.
        hello_interval_secs: u32 = 20,
    }
}

concern! {
    /// Where the files of messages lie: in a folder, or in a bucket of a storage that speaks the S3 protocol.
    FilesConfig {
        /// The folder. Without one `files` in the data folder.
        folder: Option<PathBuf> = None; "/var/lib/tsudoi/files",
        /// The bucket. When it is set, files lie there and not in a folder.
        bucket: Option<String> = None; "chat-files",
        /// The address of the storage; absent for the cloud that invented the protocol.
        endpoint: Option<String> = None; "https://s3.example.com",
        /// The storage's region.
        region: String = "us-east-1".into(),
        /// Who the server is to the storage. Without one the environment of the machine says so.
        access_key: Option<String> = None; "20 characters",
        /// The secret that goes with `access_key`.
        secret_key: Option<Secret> = None; "40 characters",
        /// What the names of all objects begin with, when the bucket is shared.
        prefix: Option<String> = None; "tsudoi",
        /// Whether the bucket is named in the host of addresses; if not, in their path.
        virtual_hosts: bool = false,
    }
}

concern! {
    /// Calls to the backends of apps (webhooks).
    WebhookConfig {
        /// Networks that are not public (loopback, private, link-local) and may be called all the same. Public
        /// addresses may always be called. Empty this list when the people who set callback addresses, or those of push
        /// services, should not reach into your network.
        allowed_networks: Networks = Networks::parse([
            "127.0.0.0/8",
            "::1/128",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "fc00::/7",
        ]).expect("these are networks"),
    }
}

concern! {
    /// How the server stops on SIGTERM or SIGINT.
    ShutdownConfig {
        /// How long requests under way and waiting webhooks may take, in seconds. A second signal stops at once.
        drain_secs: u32 = 10,
    }
}

concern! {
    /// The log on standard error. It never holds tickets, keys or message bodies.
    LogConfig {
        /// What is logged: error, warn, info, debug or trace, also per part as in `info,tsudoi_store=debug`.
        level: String = "info".into(),
        /// How: text for people, json for machines.
        format: LogFormat = LogFormat::Text,
    }
}

concern! {
    /// Figures for monitoring.
    MetricsConfig {
        /// Whether /metrics answers, in the format of Prometheus.
        enabled: bool = true,
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}

/// A text that is shown nowhere: not in logs, not in messages.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The hidden text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

impl ServerConfig {
    /// Every setting with its place, its documentation and its default.
    #[must_use]
    pub fn places() -> BTreeMap<String, Place> {
        let defaults = toml::Table::try_from(ServerConfig::default()).expect("settings are plain data");
        ServerConfig::section("").places(&defaults)
    }

    /// The address for HTTP clients, without a slash at the end: `public_url`, else from `listened`.
    #[must_use]
    pub fn http_url(&self, listened: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", reachable(listened)),
        }
    }

    /// The address for the Web SDK's `proxyServer`.
    #[must_use]
    pub fn websocket_url(&self, listened: SocketAddr) -> String {
        self.http_url(listened).replacen("http", "ws", 1)
    }

    /// What does not make sense, by key. Empty: the settings may be used.
    #[must_use]
    pub fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if self.data_dir.as_os_str().is_empty() {
            invalid.push(Invalid::new("data_dir", "is empty; name a folder"));
        }
        if self.files.access_key.is_some() != self.files.secret_key.is_some() {
            invalid.push(Invalid::new("files.access_key", "goes with `files.secret_key`: set both or none"));
        }
        if let Some(url) = &self.public_url
            && !is_base_url(url)
        {
            invalid.push(Invalid::new(
                "public_url",
                format!("`{url}` is no base address; write it like https://chat.example.com, without path or query"),
            ));
        }
        self.app.validate(&mut invalid);
        self.http.validate(&mut invalid);
        self.websocket.validate(&mut invalid);
        self.shutdown.validate(&mut invalid);
        self.log.validate(&mut invalid);
        invalid
    }
}

/// A setting that does not make sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Its path.
    pub path: &'static str,
    /// What is wrong.
    pub words: String,
}

impl Invalid {
    fn new(path: &'static str, words: impl Into<String>) -> Invalid {
        Invalid { path, words: words.into() }
    }

    fn range(path: &'static str, value: u64, least: u64, most: u64) -> Option<Invalid> {
        let fits = (least..=most).contains(&value);
        (!fits).then(|| Invalid::new(path, format!("is {value}; it must be from {least} to {most}")))
    }
}

impl FirstAppConfig {
    fn validate(&self, invalid: &mut Vec<Invalid>) {
        invalid.extend(Invalid::range("app.id", self.id.into(), 1, u32::MAX.into()));
        if let Some(key) = &self.key
            && let Err(words) = check_key(key.reveal())
        {
            invalid.push(Invalid::new("app.key", words));
        }
        if let Some(url) = &self.webhook_url
            && !url.starts_with("http://")
            && !url.starts_with("https://")
        {
            invalid.push(Invalid::new("app.webhook_url", format!("`{url}` must begin with http:// or https://")));
        }
    }
}

impl HttpConfig {
    fn validate(&self, invalid: &mut Vec<Invalid>) {
        invalid.extend(Invalid::range("http.body_limit_bytes", self.body_limit_bytes as u64, 64 << 10, 1 << 30));
    }
}

impl WebSocketConfig {
    fn validate(&self, invalid: &mut Vec<Invalid>) {
        let WebSocketConfig { max_connections, max_frame_bytes, outbound_queue_bytes, hello_interval_secs } = self;
        invalid.extend(
            [
                Invalid::range("websocket.max_connections", *max_connections as u64, 1, 100_000_000),
                Invalid::range("websocket.max_frame_bytes", *max_frame_bytes as u64, 32 << 10, 64 << 20),
                Invalid::range("websocket.outbound_queue_bytes", *outbound_queue_bytes as u64, 32 << 10, 64 << 20),
                Invalid::range("websocket.hello_interval_secs", u64::from(*hello_interval_secs), 5, 300),
            ]
            .into_iter()
            .flatten(),
        );
    }
}

impl WebhookConfig {
    /// Whether a webhook may go to the address: to public ones always, to others when they are listed.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.allowed_networks.contains(address)
    }
}

impl ShutdownConfig {
    fn validate(&self, invalid: &mut Vec<Invalid>) {
        invalid.extend(Invalid::range("shutdown.drain_secs", self.drain_secs.into(), 0, 3600));
    }
}

impl LogConfig {
    fn validate(&self, invalid: &mut Vec<Invalid>) {
        if self.level.trim().is_empty() {
            invalid.push(Invalid::new("log.level", "is empty; write error, warn, info, debug or trace"));
        } else if let Err(why) = tracing_subscriber::EnvFilter::try_new(&self.level) {
            let words = format!("`{}` says nothing ({why}); write error, warn, info, debug or trace", self.level);
            invalid.push(Invalid::new("log.level", words));
        }
    }
}

/// What a key that signs tickets may be: the vendor's have 64 hexadecimal digits, any text without blanks will do.
///
/// # Errors
/// What is wrong, in words that do not show the key.
pub fn check_key(key: &str) -> Result<(), &'static str> {
    if key.is_empty() {
        Err("is empty; write the key as text")
    } else if key.len() > 256 {
        Err("is longer than 256 bytes")
    } else if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        Err("holds blanks or characters outside ASCII")
    } else {
        Ok(())
    }
}

fn is_base_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let Some(host) = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest)) else {
        return false;
    };
    !host.is_empty() && !host.contains(['/', '?', '#', ' '])
}

/// An address that a client on this machine can use: "all addresses" is none.
fn reachable(listened: SocketAddr) -> SocketAddr {
    match listened.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], listened.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], listened.port())),
        _ => listened,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let shared = first == 100 && (64..128).contains(&second);
            let reserved = first == 0 || first >= 240;
            !(ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_documentation()
                || shared
                || reserved)
        }
        IpAddr::V6(ip) => {
            // Global unicast is 2000::/3; everything else is loopback, local, multicast or reserved.
            (ip.segments()[0] & 0xe000) == 0x2000
        }
    }
}

fn listen_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let words = || format!("`{text}` is no address to listen on; write HOST:PORT like 127.0.0.1:8700 or 0.0.0.0:8700");
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    // Only `localhost` is looked up: other names could mean another address at every start.
    let port = text.strip_prefix("localhost:").ok_or_else(|| de::Error::custom(words()))?;
    ("localhost", port.parse().map_err(|_| de::Error::custom(words()))?)
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .ok_or_else(|| de::Error::custom(words()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_make_sense() {
        assert_eq!(ServerConfig::default().validate(), []);
    }

    #[test]
    fn every_complaint_names_its_key() {
        type Spoil = fn(&mut ServerConfig);
        let cases: &[(&str, Spoil)] = &[
            ("data_dir", |c| c.data_dir = PathBuf::new()),
            ("public_url", |c| c.public_url = Some("chat.example.com".into())),
            ("public_url", |c| c.public_url = Some("https://chat.example.com/im".into())),
            ("app.id", |c| c.app.id = 0),
            ("app.key", |c| c.app.key = Some(Secret::new("two words"))),
            ("app.webhook_url", |c| c.app.webhook_url = Some("backend:80".into())),
            ("http.body_limit_bytes", |c| c.http.body_limit_bytes = 10),
            ("websocket.max_connections", |c| c.websocket.max_connections = 0),
            ("websocket.max_frame_bytes", |c| c.websocket.max_frame_bytes = 1),
            ("websocket.outbound_queue_bytes", |c| c.websocket.outbound_queue_bytes = 0),
            ("websocket.hello_interval_secs", |c| c.websocket.hello_interval_secs = 0),
            ("shutdown.drain_secs", |c| c.shutdown.drain_secs = 4000),
            ("log.level", |c| c.log.level = String::new()),
            ("log.level", |c| c.log.level = "tsudoi=loud".into()),
        ];
        let places = ServerConfig::places();
        for (path, spoil) in cases {
            let mut config = ServerConfig::default();
            spoil(&mut config);
            let invalid = config.validate();
            assert_eq!(invalid.iter().map(|i| i.path).collect::<Vec<_>>(), [*path]);
            assert!(places.contains_key(*path));
        }
    }

    #[test]
    fn clients_get_an_address_they_can_use() {
        let mut config = ServerConfig::default();
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 80));
        assert_eq!(config.http_url(everywhere), "http://127.0.0.1:80");
        assert_eq!(config.websocket_url("[::1]:8700".parse().unwrap()), "ws://[::1]:8700");
        config.public_url = Some("https://chat.example.com/".into());
        assert_eq!(config.websocket_url(everywhere), "wss://chat.example.com");
    }

    #[test]
    fn webhooks_reach_listed_and_public_networks() {
        let open = WebhookConfig::default();
        let closed = WebhookConfig { allowed_networks: Networks::default() };
        for (address, by_default, when_closed) in [
            ("127.0.0.1", true, false),
            ("::1", true, false),
            ("::ffff:192.168.1.1", true, false),
            ("172.20.0.3", true, false),
            ("169.254.169.254", false, false),
            ("100.64.0.1", false, false),
            ("fe80::1", false, false),
            ("0.0.0.0", false, false),
            ("8.8.8.8", true, true),
            ("2606:4700::1111", true, true),
        ] {
            let ip = address.parse().unwrap();
            assert_eq!((open.allows(ip), closed.allows(ip)), (by_default, when_closed), "{address}");
        }
    }

    #[test]
    fn secrets_stay_out_of_texts() {
        let config = ServerConfig {
            app: FirstAppConfig { key: Some(Secret::new("0f1e2d3c")), ..FirstAppConfig::default() },
            ..ServerConfig::default()
        };
        assert!(!format!("{config:?}").contains("0f1e2d3c"));
        assert!(!toml::to_string(&config).unwrap().contains("0f1e2d3c"));
    }
}
