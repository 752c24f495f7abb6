//! Makes tickets for pages that have no backend: `POST /usersig/<app>` with `{"userID": "..."}` answers
//! `{"userID": "...", "userSig": "..."}`.
//!
//! Off by default. Who calls has to show the app's secret, or to be a page that the app lists; an app that sets both asks for both.
//! Nobody gets a ticket of an admin, a robot or an official account here. Refusals are HTTP errors with a text, because what
//! calls is a page of the app's own and no client of the vendor's.
//!
//! Described for operators in docs/operations/tickets.md.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header},
    routing::any,
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use tsudoi_domain::{AppId, UserId, official, settings::TicketServiceSettings};

use crate::app::{App, Shared};

/// Most bytes of a request.
const MAX_BODY: usize = 4096;
/// Most addresses that are counted at a time.
const MAX_ADDRESSES: usize = 50_000;

/// The routes of the service.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new().route("/usersig/{app}", any(serve)).with_state(shared)
}

/// Counts what addresses ask for.
#[derive(Default)]
pub struct TicketRates(Mutex<Option<(u32, DefaultKeyedRateLimiter<IpAddr>)>>);

impl TicketRates {
    /// Whether an address may have one more ticket; 0 is no limit. A changed limit counts from the next call on.
    fn allow(&self, address: IpAddr, per_minute: u32) -> bool {
        let Some(limit) = NonZeroU32::new(per_minute) else { return true };
        let mut rates = self.0.lock();
        let is_stale = rates.as_ref().is_none_or(|(known, rates)| {
            if *known == per_minute && rates.len() > MAX_ADDRESSES {
                rates.retain_recent();
            }
            *known != per_minute || rates.len() > MAX_ADDRESSES
        });
        if is_stale {
            *rates = Some((per_minute, RateLimiter::keyed(Quota::per_minute(limit))));
        }
        rates.as_ref().is_some_and(|(_, rates)| rates.check_key(&address).is_ok())
    }
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(rename = "userID")]
    user: String,
}

#[derive(Serialize)]
struct Made<'a> {
    #[serde(rename = "userID")]
    user: &'a str,
    #[serde(rename = "userSig")]
    ticket: &'a str,
}

#[derive(Serialize)]
struct Refused<'a> {
    error: &'a str,
}

type Refusal = (StatusCode, String);

fn refuse(status: StatusCode, words: impl Into<String>) -> Refusal {
    (status, words.into())
}

async fn serve(State(shared): State<Arc<Shared>>, Path(app): Path<String>, request: Request) -> Response<Body> {
    let found = app.parse().ok().and_then(|id| shared.app(AppId(id)));
    let Some(app) = found.filter(|app| app.settings().ticket_service.enabled) else {
        return answer(StatusCode::NOT_FOUND, &Refused { error: "there is no ticket service for this app" }, None);
    };
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = allowed_origin(&app.settings().ticket_service, origin.as_ref());
    if request.method() == Method::OPTIONS {
        let status = if allowed.is_some() { StatusCode::NO_CONTENT } else { StatusCode::FORBIDDEN };
        return with_origin(Response::builder().status(status).body(Body::empty()).expect("a status"), allowed);
    }
    match make(&app, request, allowed.is_some()).await {
        Ok((user, ticket)) => answer(StatusCode::OK, &Made { user: user.as_str(), ticket: &ticket }, allowed),
        Err((status, words)) => answer(status, &Refused { error: &words }, allowed),
    }
}

/// The origin of a page that may call.
fn allowed_origin(settings: &TicketServiceSettings, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
    let origin = origin?;
    let text = origin.to_str().ok()?;
    settings.origins.iter().any(|listed| listed == "*" || listed.eq_ignore_ascii_case(text)).then(|| origin.clone())
}

fn shows_secret(headers: &HeaderMap, secret: &str) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    shown.as_bytes().ct_eq(secret.as_bytes()).into()
}

async fn make(app: &Arc<App>, request: Request, from_listed_page: bool) -> Result<(UserId, String), Refusal> {
    let settings = app.settings();
    let service = &settings.ticket_service;
    // 1. Who asks.
    if request.method() != Method::POST {
        return Err(refuse(StatusCode::METHOD_NOT_ALLOWED, "only POST is understood"));
    }
    if settings.disabled {
        return Err(refuse(StatusCode::FORBIDDEN, "the app is disabled"));
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let address = peer.map_or(IpAddr::from([0, 0, 0, 0]), |ConnectInfo(address)| address.ip().to_canonical());
    if !app.ticket_rates.allow(address, service.per_minute) {
        let words = format!("an address may ask for {} tickets a minute", service.per_minute);
        return Err(refuse(StatusCode::TOO_MANY_REQUESTS, words));
    }
    if !service.secret.is_empty() && !shows_secret(request.headers(), &service.secret) {
        return Err(refuse(StatusCode::UNAUTHORIZED, "the secret is missing or wrong"));
    }
    if !service.origins.is_empty() && !from_listed_page {
        return Err(refuse(StatusCode::FORBIDDEN, "pages of this origin may not ask for tickets"));
    }
    // 2. For whom.
    let body = to_bytes(request.into_body(), MAX_BODY)
        .await
        .map_err(|_| refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {MAX_BODY} bytes")))?;
    let wanted: Wanted = serde_json::from_slice(&body).map_err(|error| {
        refuse(StatusCode::BAD_REQUEST, format!("the body is not {{\"userID\": \"...\"}}: {error}"))
    })?;
    let user = UserId::parse(&wanted.user).map_err(|e| refuse(StatusCode::BAD_REQUEST, format!("`userID`: {e}")))?;
    let is_special =
        user.is_robot() || user.as_str().starts_with(official::PREFIX) || user.as_str().starts_with("@TLS#");
    if settings.is_admin(&user) || is_special {
        return Err(refuse(StatusCode::FORBIDDEN, format!("no tickets are made for {user} here")));
    }
    if !user.as_str().starts_with(&service.user_prefix) {
        let words = format!("`userID` has to begin with `{}`", service.user_prefix);
        return Err(refuse(StatusCode::FORBIDDEN, words));
    }
    let ticket = app
        .make_ticket(&user, service.expire_secs)
        .ok_or_else(|| refuse(StatusCode::SERVICE_UNAVAILABLE, "the app has no key"))?;
    metrics::counter!("tickets_made_total").increment(1);
    Ok((user, ticket))
}

fn answer(status: StatusCode, body: &impl Serialize, allowed: Option<HeaderValue>) -> Response<Body> {
    let json = serde_json::to_vec(body).expect("plain data");
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    with_origin(response, allowed)
}

fn with_origin(mut response: Response<Body>, allowed: Option<HeaderValue>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type, Authorization"));
    }
    response
}
