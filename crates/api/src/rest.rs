//! The REST door: `/v4/<service>/<command>` (docs/spec/rest-common.md#1, order of checks docs/spec/error-codes.md#2).

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header},
    routing::any,
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde::Serialize;
use tokio::time::timeout;
use tsudoi_domain::{AppId, Timestamp, UserId, WebhookCommand, change::Change};

use crate::{
    app::{App, Shared},
    catalogue,
    command::{Caller, Door, Doors, Route},
    decode::Family,
    error::Error,
    error_code::ErrorCode,
    peer::{self, Connected},
    webhook::Line,
    wire::envelope::{self, Display},
};

/// The routes of the door.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v4/{*path}", any(call))
        .route("/v4", any(no_such_path))
        .route("/v4/", any(no_such_path))
        .with_state(shared)
}

async fn no_such_path() -> Response<Body> {
    answer(envelope::failure(
        &Error::new(ErrorCode::RestBadRequest, "the address is not of the form /v4/<service>/<command>"),
        Display::Absent,
    ))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains('/')
}

async fn call(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    connected: Connected,
    headers: HeaderMap,
    method: Method,
    mut body: Body,
) -> Response<Body> {
    if method == Method::OPTIONS {
        return answer(Vec::new());
    }
    // A path that is no UTF-8 names nothing.
    let path = path.map_or_else(|_| String::new(), |Path(path)| path);
    let Some((service, command)) =
        path.split_once('/').filter(|(service, command)| !service.is_empty() && is_name(command))
    else {
        _ = timeout(DRAIN, drain(body, shared.bounds.body_bytes)).await;
        return no_such_path().await;
    };
    let started = std::time::Instant::now();
    let peer = peer::client(connected, &headers, |address| shared.is_proxy(address));
    let query = query.as_deref().unwrap_or_default();
    let result = serve(&shared, service, command, Call { query, method: &method, peer, body: &mut body }).await;
    if result.is_err() {
        // A connection whose request was not read to its end cannot be used again: callers that are told to slow down keep theirs.
        _ = timeout(DRAIN, drain(body, shared.bounds.body_bytes)).await;
    }
    let code = result.as_ref().err().map_or(0, Error::code);
    // Only known commands become a label: callers could otherwise invent labels without end.
    let known = catalogue::find(service, command, Doors::Rest).map_or("unknown", |entry| entry.route.command);
    metrics::counter!("rest_requests_total", "command" => known, "code" => code.to_string()).increment(1);
    metrics::histogram!("rest_request_seconds", "command" => known).record(started.elapsed().as_secs_f64());
    tracing::debug!(service, command, code, duration_ms = started.elapsed().as_secs_f64() * 1000.0, "rest request");
    match result {
        Ok(success) => answer(success),
        Err(error) => answer(envelope::failure(&error, Family::of(service).display())),
    }
}

/// How long a refusal waits for the body of the request to arrive.
const DRAIN: Duration = Duration::from_secs(5);

/// Reads what is left of a body, up to so many bytes, and throws it away.
async fn drain(body: Body, most: usize) {
    let (mut chunks, mut read) = (body.into_data_stream(), 0);
    while let Some(Ok(chunk)) = chunks.next().await {
        read += chunk.len();
        if read > most {
            return;
        }
    }
}

fn answer(body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    cross_origin(headers);
    response
}

/// Test tools in browsers call the interface from pages of other origins (docs/spec/rest-common.md#1.2).
fn cross_origin(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type, X-Requested-With"));
}

/// The query parameters that count. The last of repeated ones wins, unknown ones are ignored.
#[derive(Debug, Default)]
struct Query {
    sdkappid: Option<String>,
    identifier: Option<String>,
    usersig: Option<String>,
    contenttype: Option<String>,
}

impl Query {
    fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let value = Some(value.into_owned());
            match name.as_ref() {
                "sdkappid" => query.sdkappid = value,
                "identifier" => query.identifier = value,
                "usersig" => query.usersig = value,
                "contenttype" => query.contenttype = value,
                _ => {}
            }
        }
        query
    }
}

/// What a request brings beside its path.
struct Call<'a> {
    query: &'a str,
    method: &'a Method,
    peer: Option<IpAddr>,
    body: &'a mut Body,
}

async fn serve(shared: &Arc<Shared>, service: &str, command: &str, call: Call<'_>) -> Result<Vec<u8>, Error> {
    let Call { query, method, peer, body } = call;
    // 1. The request line.
    let is_get =
        method == Method::GET && catalogue::find(service, command, Doors::Rest).is_some_and(|entry| entry.route.get);
    if method != Method::POST && !is_get {
        return Err(Error::new(ErrorCode::RestBadRequest, format!("method {method} is not POST")));
    }
    let address = query;
    let query = Query::parse(address);
    // 2. App and ticket.
    let (app, caller) = authenticate(shared, &query, peer).await?;
    // 3. The command.
    let entry = catalogue::find(service, command, Doors::Rest).ok_or_else(|| unknown(service, command))?;
    // 4. The rate.
    let per_second = app.settings().rates.rest_per_second(entry.route.command);
    warn_of_rate(&app, &caller, entry.route, per_second).await;
    if !app.rest_rates.allow(entry.route.command, per_second) {
        return Err(Error::new(
            ErrorCode::RestRateLimited,
            format!("{command} may be called {per_second} times a second"),
        ));
    }
    // 5. The body.
    let limit = shared
        .bounds
        .body_bytes
        .min(usize::try_from(app.settings().limits().rest.max_request_bytes).unwrap_or(usize::MAX));
    let body = to_bytes(std::mem::take(body), limit).await.map_err(|_| {
        Error::new(ErrorCode::MessageTooLong, format!("the body has more than {limit} bytes, or broke off"))
    })?;
    let body = if is_get { Bytes::from_static(b"{}") } else { body };
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::new(Family::of(service).bad_json(), Family::of(service).bad_json().text()));
    }
    let body = with_query(body, address, entry.route.query);
    // 6. The command's own checks.
    let success = (entry.run)(&body, &caller, &app).await?;
    let most = usize::try_from(app.settings().limits().rest.max_response_bytes).unwrap_or(usize::MAX);
    if success.len() > most {
        return Err(Error::new(
            ErrorCode::GroupAnswerTooLarge,
            format!("the answer has more than {most} bytes: ask for less"),
        ));
    }
    Ok(success)
}

/// What the app's backend is told when it calls a command nearly as often as it may (docs/spec/webhooks.md#15.1).
#[derive(Serialize)]
struct RateAlarm {
    #[serde(rename = "ServiceName")]
    service: &'static str,
    #[serde(rename = "Command")]
    command: &'static str,
    #[serde(rename = "Request")]
    calls: u32,
    #[serde(rename = "Limit")]
    per_second: u32,
}

async fn warn_of_rate(app: &App, caller: &Caller, route: Route, per_second: u32) {
    let percent = app.settings().rates.alarm_percent;
    let Some(calls) = app.rest_rates.alarm(route.command, app.now(), per_second, percent) else { return };
    let alarm = || RateAlarm { service: route.service, command: route.command, calls, per_second };
    let call = app.webhooks().tell(WebhookCommand::RequestOverLimit, Line::App, caller, alarm);
    if call.is_some()
        && let Err(error) = app.commit(Change::none().calls(call)).await
    {
        tracing::warn!(app = %app.id(), %error, "an alarm cannot be told");
    }
}

/// The body with the parameters of the address that belong to the request; what the body names itself stays. A body that is no
/// object is left to the decoder.
fn with_query(body: Bytes, address: &str, names: &[&str]) -> Bytes {
    if names.is_empty() {
        return body;
    }
    let Ok(mut members) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&body) else {
        return body;
    };
    for (name, value) in form_urlencoded::parse(address.as_bytes()) {
        if names.contains(&name.as_ref()) {
            let value = value.parse::<u64>().map_or_else(|_| value.into(), serde_json::Value::from);
            members.entry(name).or_insert(value);
        }
    }
    serde_json::to_vec(&members).map_or(body, Bytes::from)
}

fn unknown(service: &str, command: &str) -> Error {
    let code = match service {
        "group_open_http_svc" => ErrorCode::GroupUnknownCommand,
        "im_msg_audit_mgr" => ErrorCode::KeywordUnknownCommand,
        _ => ErrorCode::RestUnknownCommand,
    };
    Error::new(code, format!("there is no command {service}/{command}"))
}

async fn authenticate(shared: &Arc<Shared>, query: &Query, peer: Option<IpAddr>) -> Result<(Arc<App>, Caller), Error> {
    let bad = |text: &str| Error::new(ErrorCode::RestBadQuery, text);
    if let Some(contenttype) = &query.contenttype
        && contenttype != "json"
    {
        return Err(bad("`contenttype` is not json"));
    }
    let sdkappid = query.sdkappid.as_deref().filter(|text| !text.is_empty());
    let sdkappid = sdkappid.ok_or_else(|| Error::new(ErrorCode::RestAppMissing, "`sdkappid` is missing"))?;
    let id = Some(sdkappid).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let id = id.and_then(|digits| digits.parse().ok()).map(AppId).ok_or_else(|| bad("`sdkappid` is not a number"))?;
    let identifier =
        query.identifier.as_deref().filter(|text| !text.is_empty()).ok_or_else(|| bad("`identifier` is missing"))?;
    let ticket = query.usersig.as_deref().filter(|text| !text.is_empty()).ok_or_else(|| bad("`usersig` is missing"))?;
    let app = shared.app(id).ok_or_else(|| Error::new(ErrorCode::AppUnknown, format!("sdkappid {id} is unknown")))?;
    let valid = app.check_ticket(identifier, ticket)?;
    let user = UserId::parse(identifier).map_err(|e| bad(&format!("`identifier`: {e}")))?;
    app.check_kicked(&user, Timestamp(valid.issued_at)).await?;
    if !app.settings().is_admin(&user) {
        return Err(Error::new(ErrorCode::RestNotAdmin, format!("{user} is not an admin of the app")));
    }
    Ok((app, Caller { user, door: Door::Rest, proof: None, peer }))
}
