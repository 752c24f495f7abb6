//! One call: address, headers, TLS, time limit, and what came of it (docs/spec/webhooks.md#1.2 to #1.4, #1.7).

use std::{
    error::Error as StdError,
    fmt, io,
    net::{IpAddr, SocketAddr},
    path::Path,
    pin::Pin,
    sync::{
        Arc, Once,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde::{Deserialize, Serialize};
use tsudoi_domain::{AppId, Timestamp, WebhookCommand, settings::WebhookSettings, time::Millis};

use super::{sign, watch::Watch};

/// Which addresses may be called.
pub type AddressPolicy = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Most bytes of an answer that are read.
const ANSWER_BYTES: usize = 64 << 10;
/// How long an unused connection is kept: shorter than common servers keep theirs, which close it under a call otherwise.
const IDLE: Duration = Duration::from_secs(4);

/// How a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The name of the host could not be resolved.
    Dns,
    /// The address may not be called.
    Address,
    /// Nobody listens, or the connection broke before there was an answer.
    Connect,
    /// The other side could not be trusted, or does not trust this one.
    Tls,
    /// There was no whole answer in time.
    TimeOut,
    /// The status was not 200.
    Status,
    /// The answer is longer than anything a backend has to say.
    TooLarge,
    /// The answer is not what the documents ask for.
    BadAnswer,
    /// Too many calls waited.
    QueueFull,
}

impl FailureClass {
    /// The word in logs, figures and dead letters.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Address => "address",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::TimeOut => "time_out",
            Self::Status => "status",
            Self::TooLarge => "too_large",
            Self::BadAnswer => "bad_answer",
            Self::QueueFull => "queue_full",
        }
    }

    /// Whether nobody was reached.
    pub(super) const fn is_unreachable(self) -> bool {
        matches!(self, Self::Dns | Self::Address | Self::Connect | Self::Tls | Self::TimeOut)
    }
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// In one word.
    pub class: FailureClass,
    /// In more.
    pub detail: String,
    /// The HTTP status, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl Failure {
    pub(super) fn new(class: FailureClass, detail: impl Into<String>) -> Self {
        Self { class, detail: detail.into(), status: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class.word(), self.detail)
    }
}

type Http = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// Where an app's calls go.
pub(super) struct Backend {
    app: AppId,
    settings: WebhookSettings,
    allows: AddressPolicy,
    /// Absent when its certificates cannot be used.
    http: Result<Http, String>,
    signing_key: Option<Vec<u8>>,
    tally: Arc<Tally>,
    watch: Arc<Watch>,
    /// Whether the last call failed.
    failing: AtomicBool,
}

/// How many calls were made and answered since somebody last asked, for statistics.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) calls: AtomicU64,
    pub(super) answers: AtomicU64,
}

impl Backend {
    pub(super) fn new(
        app: AppId,
        settings: WebhookSettings,
        allows: AddressPolicy,
        (tally, watch): (Arc<Tally>, Arc<Watch>),
    ) -> Self {
        let http = client(&settings, allows.clone());
        if let Err(fault) = &http {
            tracing::error!(%app, fault, "webhooks cannot be called");
        }
        let signing_key = (!settings.signing_secret.is_empty()).then(|| sign::key(&settings.signing_secret));
        Self { app, settings, allows, http, signing_key, tally, watch, failing: AtomicBool::new(false) }
    }

    pub(super) fn settings(&self) -> &WebhookSettings {
        &self.settings
    }

    /// The address of a call.
    pub(super) fn address(&self, command: WebhookCommand, origin: &str, now: Timestamp) -> String {
        let is_push = matches!(command, WebhookCommand::OfflinePush | WebhookCommand::AllMemberPush);
        let settings = &self.settings;
        let url = if is_push && !settings.push_url.is_empty() { &settings.push_url } else { &settings.url };
        let joint = if url.contains('?') { '&' } else { '?' };
        let app = self.app;
        let mut address = format!("{url}{joint}SdkAppid={app}&CallbackCommand={command}&contenttype=json{origin}");
        if !settings.token.is_empty() {
            address.push_str(&format!("&Sign={}&RequestTime={}", sign::sign(&settings.token, now), now.0));
        }
        address
    }

    /// Makes a call and reads the answer, within the time limit.
    pub(super) async fn call(
        &self,
        command: WebhookCommand,
        origin: &str,
        body: Bytes,
        now: Millis,
    ) -> Result<Bytes, Failure> {
        let started = Instant::now();
        let limit = Duration::from_millis(self.settings.timeout_ms.into());
        let result = match tokio::time::timeout(limit, self.exchange(command, origin, body.clone(), now.second())).await
        {
            Ok(result) => result,
            Err(_) => Err(Failure::new(FailureClass::TimeOut, format!("no answer within {} ms", limit.as_millis()))),
        };
        let outcome = result.as_ref().err().map_or("ok", |failure| failure.class.word());
        metrics::counter!("webhook_calls_total", "command" => command.name(), "outcome" => outcome).increment(1);
        self.tally.calls.fetch_add(1, Ordering::Relaxed);
        self.tally.answers.fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
        metrics::histogram!("webhook_call_seconds", "command" => command.name())
            .record(started.elapsed().as_secs_f64());
        self.watch.note(command, started.elapsed(), now, &body, result.as_deref());
        match &result {
            // A backend that is gone is worth a line in the log, not one for each call.
            Err(failure) if !self.failing.swap(true, Ordering::Relaxed) => {
                tracing::warn!(app = %self.app, %command, class = failure.class.word(), detail = failure.detail, "webhook calls fail");
            }
            Ok(_) if self.failing.swap(false, Ordering::Relaxed) => {
                tracing::info!(app = %self.app, "webhook calls are answered again");
            }
            Ok(_) | Err(_) => {}
        }
        result
    }

    async fn exchange(
        &self,
        command: WebhookCommand,
        origin: &str,
        body: Bytes,
        now: Timestamp,
    ) -> Result<Bytes, Failure> {
        let http = self.http.as_ref().map_err(|fault| Failure::new(FailureClass::Tls, fault))?;
        let request = self.request(command, origin, &body, now)?;
        let response = http.request(request).await.map_err(|error| failure(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
        let answer = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Failure::new(FailureClass::TooLarge, format!("the answer has more than {ANSWER_BYTES} bytes"))
            } else {
                Failure::new(FailureClass::Connect, format!("the connection broke within the answer: {error}"))
            }
        });
        if status != StatusCode::OK {
            let start = answer.map(|answer| beginning(&answer.to_bytes())).unwrap_or_default();
            return Err(Failure {
                class: FailureClass::Status,
                detail: format!("status {}: {start}", status.as_u16()),
                status: Some(status.as_u16()),
            });
        }
        answer.map(http_body_util::Collected::to_bytes)
    }

    fn request(
        &self,
        command: WebhookCommand,
        origin: &str,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let bad = |why: String| Failure::new(FailureClass::Address, why);
        let uri: Uri =
            self.address(command, origin, now).parse().map_err(|e| bad(format!("the address is none: {e}")))?;
        // Names are checked once they are resolved, addresses never are.
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = host.parse::<IpAddr>()
            && !(self.allows)(ip)
        {
            return Err(bad(format!("{ip} may not be called: webhook.allowed_networks")));
        }
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("tsudoi/", env!("CARGO_PKG_VERSION"))));
        if let Some(key) = &self.signing_key {
            let id = sign::call_id(body);
            let signature = sign::signature(key, &id, now, body);
            let value = |text: String| HeaderValue::try_from(text).expect("plain letters and digits");
            headers.insert("webhook-id", value(id));
            headers.insert("webhook-timestamp", value(now.0.to_string()));
            headers.insert("webhook-signature", value(signature));
        }
        Ok(request)
    }
}

/// The first 200 characters of an answer.
pub(super) fn beginning(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).chars().take(200).collect()
}

/// Which class an error of the client is of.
fn failure(error: &hyper_util::client::legacy::Error) -> Failure {
    let mut class = FailureClass::Connect;
    let mut words = error.to_string();
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        if error.is::<NotResolved>() {
            class = FailureClass::Dns;
        } else if error.is::<NotAllowed>() {
            class = FailureClass::Address;
        } else if error.is::<rustls::Error>() {
            class = FailureClass::Tls;
        }
        // An I/O error shows what it wraps only when asked.
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    Failure::new(class, words)
}

fn client(settings: &WebhookSettings, allows: AddressPolicy) -> Result<Http, String> {
    let mut connector = HttpConnector::new_with_resolver(Resolver { allows });
    connector.set_nodelay(true);
    connector.enforce_http(false);
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls(settings)?)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(settings.max_in_flight as usize)
        .build(https))
}

/// Says which cryptography TLS uses in this process. Harmless when repeated.
fn install_tls() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails only when somebody was faster, with the same.
        _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn tls(settings: &WebhookSettings) -> Result<ClientConfig, String> {
    install_tls();
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    if !settings.ca_file.is_empty() {
        for certificate in certificates(&settings.ca_file)? {
            roots.add(certificate).map_err(|e| format!("{}: {e}", settings.ca_file))?;
        }
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    if settings.client_cert.is_empty() {
        return Ok(config.with_no_client_auth());
    }
    let key = PrivateKeyDer::from_pem_file(Path::new(&settings.client_key))
        .map_err(|e| format!("{}: {e}", settings.client_key))?;
    config
        .with_client_auth_cert(certificates(&settings.client_cert)?, key)
        .map_err(|e| format!("{}: {e}", settings.client_cert))
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_file_iter(Path::new(file)).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    all.map_err(|e| format!("{file}: {e}"))
}

/// Resolves names to the addresses that may be called.
#[derive(Clone)]
struct Resolver {
    allows: AddressPolicy,
}

/// No such host.
#[derive(Debug, thiserror::Error)]
#[error("the host is not known: {0}")]
struct NotResolved(io::Error);

/// The host has no address that may be called.
#[derive(Debug, thiserror::Error)]
#[error("{0} leads to addresses that may not be called: webhook.allowed_networks")]
struct NotAllowed(String);

impl tower::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn StdError + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allows = self.allows.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(NotResolved)?;
            let allowed: Vec<SocketAddr> = found.filter(|address| allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err(NotAllowed(name.as_str().to_owned()).into());
            }
            Ok(allowed.into_iter())
        })
    }
}
