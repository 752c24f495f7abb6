//! From an HTTP request to a session that answers frames.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{RawQuery, Request, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    routing::get,
};
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::{rt::TokioIo, server::conn::auto};
use serde_json::value::RawValue;
use tokio::{
    net::TcpStream,
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
};
use tsudoi_domain::{AppId, UserId};
use tsudoi_realtime::{ConnectionLimits, Encoding, Incoming, Receiver, Session, serve};
use tsudoi_store::taking_turns;

use super::{frame, login};
use crate::{
    app::{App, Shared},
    catalogue,
    command::{Caller, Door, Doors},
    error::Error,
    error_code::ErrorCode,
    peer::{self, Connected},
    webhook::{self, user::Move},
};

/// The routes of the door.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new().route("/binfo", get(binary)).route("/info", get(text)).with_state(shared)
}

async fn binary(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    connected: Connected,
    request: Request,
) -> Response<Body> {
    upgrade(&shared, query.as_deref(), connected, request, true)
}

async fn text(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    connected: Connected,
    request: Request,
) -> Response<Body> {
    upgrade(&shared, query.as_deref(), connected, request, false)
}

/// What the address of a connection says (docs/spec/websocket-protocol.md#1).
#[derive(Debug, Default)]
struct Address {
    sdkappid: Option<u32>,
    instance: String,
    platform: u32,
    compress: bool,
}

impl Address {
    fn parse(query: &str) -> Self {
        let mut address = Self { platform: 7, ..Self::default() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "sdkappid" => address.sdkappid = value.parse().ok(),
                "instanceid" => address.instance = value.chars().take(64).collect(),
                "platform" => address.platform = value.parse().unwrap_or(7),
                "compress" => address.compress = value == "gzip",
                _ => {}
            }
        }
        address
    }
}

/// The address that a client reached the server under: what it names as the host, in the scheme that a proxy in front says it came
/// by. It is told to nobody else.
fn reached_at(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let host = text("x-forwarded-host").or_else(|| text("host")).unwrap_or_default();
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let host = if !host.is_empty() && host.chars().all(is_host) { host } else { "localhost" };
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    format!("{scheme}://{host}")
}

fn refuse(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

fn wants_upgrade(headers: &HeaderMap) -> Option<&HeaderValue> {
    let has = |name, token: &str| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
            .is_some_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    (has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13"))
    .then(|| headers.get(header::SEC_WEBSOCKET_KEY))
    .flatten()
}

fn upgrade(
    shared: &Shared,
    query: Option<&str>,
    connected: Connected,
    mut request: Request,
    is_binary: bool,
) -> Response<Body> {
    let Some(key) = wants_upgrade(request.headers()) else {
        return refuse(StatusCode::UPGRADE_REQUIRED, "this address speaks WebSocket\n");
    };
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let Ok(accept) = HeaderValue::try_from(accept) else { return refuse(StatusCode::BAD_REQUEST, "bad key\n") };
    let address = Address::parse(query.unwrap_or_default());
    let Some(app) = address.sdkappid.and_then(|id| shared.app(AppId(id))) else {
        return refuse(StatusCode::FORBIDDEN, "sdkappid is missing or unknown\n");
    };
    if shared.hub.connections() >= shared.bounds.connections {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many connections\n");
    }
    let Some(on_upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return refuse(StatusCode::BAD_REQUEST, "the connection cannot be upgraded\n");
    };
    let encoding = match (is_binary, address.compress) {
        (false, _) => Encoding::Text,
        (true, false) => Encoding::Binary,
        (true, true) => Encoding::Compressed,
    };
    let base = reached_at(request.headers());
    let outbound_bytes = shared.bounds.outbound_bytes;
    let session = Session::new(app.id(), encoding, &address.instance, address.platform, &base, outbound_bytes);
    if let Some(peer) = peer::client(connected, request.headers(), |address| shared.is_proxy(address)) {
        session.set_peer(peer);
    }
    tokio::spawn(async move {
        let upgraded = match on_upgrade.await {
            Ok(upgraded) => upgraded,
            Err(error) => {
                tracing::debug!(%error, "a connection broke while it was upgraded");
                return;
            }
        };
        match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
            Ok(parts) => Box::pin(live(app, session, parts.io.into_inner(), parts.read_buf)).await,
            Err(_) => tracing::error!("an upgraded connection is no plain TCP stream"),
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// A connection from its first to its last frame.
async fn live(app: Arc<App>, session: Arc<Session>, stream: TcpStream, already_read: Bytes) {
    let shared = app.shared().clone();
    shared.hub.open(&session);
    let limits = ConnectionLimits {
        message_bytes: shared.bounds.frame_bytes,
        silence: Duration::from_secs(u64::from(app.settings().presence.web_timeout_secs).max(15)),
        stall: Duration::from_secs(30),
    };
    let requests = Requests {
        app: app.clone(),
        session: session.clone(),
        polls: Arc::new(Semaphore::new(POLLS)),
        sends: Arc::new(Semaphore::new(SENDS as usize)),
    };
    let reason = serve(stream, already_read, session.clone(), limits, requests).await;
    tracing::debug!(session = session.id().0, ?reason, "connection ended");
    if let Some((identity, last)) = shared.hub.closed(&session) {
        // Vendor: browsers that fall silent are told of like any lost connection.
        webhook::user::moved(&app, &identity.user, &session, Move::Lost).await;
        login::gone(&app, &identity, last).await;
    }
}

/// How many requests of a connection may be held open at a time (polls of live rooms).
const POLLS: usize = 10;
/// How many messages of a connection may be on their way to the disk at a time.
const SENDS: u32 = 64;

/// Answers the frames of one connection, in order.
struct Requests {
    app: Arc<App>,
    session: Arc<Session>,
    polls: Arc<Semaphore>,
    sends: Arc<Semaphore>,
}

impl Receiver for Requests {
    async fn receive(&mut self, message: Incoming) {
        let Ok(request) = frame::parse(&message) else {
            // Nothing says which request it was, so nothing can be answered.
            metrics::counter!("frames_unreadable_total").increment(1);
            return;
        };
        let servcmd = request.head.servcmd.as_ref();
        // Polls are held until something is said; everything behind them must not wait.
        if servcmd.contains("long_polling") {
            let Ok(permit) = self.polls.clone().try_acquire_owned() else {
                let error = Error::new(ErrorCode::GroupTooFrequent, "too many polls at a time");
                let frame = frame::response(servcmd, request.head.seq, &frame::failure(&error));
                return self.session.answer(&frame).await;
            };
            tokio::spawn(self.answer_later(message, permit));
        } else if is_send(servcmd) {
            // Messages that follow each other share a sync of the disk: the next one begins when this one has its place.
            let Ok(permit) = self.sends.clone().acquire_owned().await else { return };
            let settled = Arc::new(Notify::new());
            let sending = taking_turns(settled.clone(), self.answer_later(message, permit));
            tokio::select! {
                () = settled.notified() => {}
                // A task that broke was counted where it broke.
                _ = tokio::spawn(sending) => {}
            }
        } else {
            // Whatever else is asked sees what was sent before.
            let Ok(_all) = self.sends.acquire_many(SENDS).await else { return };
            Box::pin(answer(&self.app, &self.session, &request)).await;
        }
    }
}

impl Requests {
    /// Answers a request beside what follows it.
    fn answer_later(&self, message: Incoming, permit: OwnedSemaphorePermit) -> impl Future<Output = ()> + use<> {
        let (app, session) = (self.app.clone(), self.session.clone());
        async move {
            if let Ok(request) = frame::parse(&message) {
                Box::pin(answer(&app, &session, &request)).await;
            }
            drop(permit);
        }
    }
}

/// Whether the request sends a message.
fn is_send(servcmd: &str) -> bool {
    servcmd
        .split_once('.')
        .and_then(|(service, command)| catalogue::find(service, command, Doors::Socket))
        .is_some_and(|entry| entry.route.is_send)
}

/// Requests that nobody waits for an answer to.
const UNANSWERED: &[&str] = &["openim.ws_msg_push_ack"];

async fn answer(app: &Arc<App>, session: &Arc<Session>, request: &frame::Request<'_>) {
    let servcmd = request.head.servcmd.as_ref();
    let body = request.body.map_or("{}", RawValue::get);
    let result = dispatch(app, session, &request.head, body.as_bytes()).await;
    let code = result.as_ref().err().map_or(0, Error::code);
    let known = servcmd.split_once('.').and_then(|(service, command)| catalogue::find(service, command, Doors::Socket));
    metrics::counter!("socket_requests_total", "command" => known.map_or("unknown", |entry| entry.route.command), "code" => code.to_string())
        .increment(1);
    tracing::debug!(session = session.id().0, servcmd, code, "socket request");
    if UNANSWERED.contains(&servcmd) {
        return;
    }
    let body = result.unwrap_or_else(|error| frame::failure(&error));
    session.answer(&frame::response(servcmd, request.head.seq, &body)).await;
}

/// Commands that need no login: the heartbeat, the login itself, and what visitors of live rooms ask.
fn needs_login(service: &str, command: &str) -> bool {
    let open = service == "heartbeat"
        || (service == "im_open_status" && (command == "wslogin" || command == "wslogout"))
        || service.contains("noauth")
        || service == "imopenstat"
        || service == "im_sdk_config_mgr";
    !open
}

async fn dispatch(
    app: &Arc<App>,
    session: &Arc<Session>,
    head: &frame::Head<'_>,
    body: &[u8],
) -> Result<Vec<u8>, Error> {
    let unknown = || Error::new(ErrorCode::RestUnknownCommand, format!("there is no command {}", head.servcmd));
    let (service, command) = head.servcmd.split_once('.').ok_or_else(unknown)?;
    let entry = catalogue::find(service, command, Doors::Socket).ok_or_else(unknown)?;
    let shown = match login::authenticate(app, head).await {
        Ok(shown) => shown,
        Err(error) if needs_login(service, command) || (service, command) == ("im_open_status", "wslogin") => {
            return Err(error);
        }
        // The heartbeat of a client whose token is void is answered all the same: an error would make it reconnect at once.
        Err(_) => None,
    };
    let caller = match shown {
        Some((user, proof)) => Caller { user, door: Door::Socket(session.clone()), proof: Some(proof), peer: None },
        None if needs_login(service, command) => {
            return Err(Error::new(ErrorCode::C2cBadRequest, "nobody is logged in: log in first"));
        }
        None => Caller { user: UserId::trusted(""), door: Door::Socket(session.clone()), proof: None, peer: None },
    };
    (entry.run)(body, &caller, app).await
}
