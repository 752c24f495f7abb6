//! The senders against local servers that speak the services' protocols: HTTP/2 and ES256 tickets, OAuth and RS256 tickets.

#![expect(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::sync::{Arc, Mutex};

use axum::{
    Form, Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Version},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm};
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tsudoi_push::{
    AddressPolicy, Apns, ApnsAccount, Extras, Fcm, FcmAccount, Gateway, GatewayAccount, Notification, Sender, Verdict,
};

/// Keys made for these tests only.
const EC_PRIVATE: &str = include_str!("keys/ec-private.pem");
const EC_PUBLIC: &str = include_str!("keys/ec-public.pem");
const RSA_PRIVATE: &str = include_str!("keys/rsa-private.pem");
const RSA_PUBLIC: &str = include_str!("keys/rsa-public.pem");

/// What a service was handed.
type Seen = Arc<Mutex<Vec<Value>>>;

fn everywhere() -> AddressPolicy {
    Arc::new(|_| true)
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

fn notification(token: &str) -> Notification {
    Notification {
        id: "eabeae54-14a8-11e5-b60b-1697f925ec7b".into(),
        token: token.into(),
        title: "Depot".into(),
        body: "Your parcel is ready".into(),
        ext: Some(r#"{"parcel":81}"#.into()),
        badge: Some(3),
        until: Some(4_000_000_000),
        thread: "C2Cana".into(),
        extras: Extras {
            subtitle: Some("Hall 3".into()),
            apple_sound: Some("bell.caf".into()),
            android_sound: Some("bell".into()),
            android_channel: Some("ch_7".into()),
            mutable: true,
            ..Extras::default()
        },
    }
}

/// Header and claims of a ticket that the key has signed.
fn read_ticket(ticket: &str, algorithm: &'static dyn VerificationAlgorithm, pem: &str) -> Option<(Value, Value)> {
    let (signed, signature) = ticket.rsplit_once('.')?;
    let info = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).unwrap();
    // The key is the last member of its description: 65 bytes of a point, or a sequence of two numbers behind 24 bytes.
    let key = if pem.len() < 300 { &info[info.len() - 65..] } else { &info[24..] };
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    UnparsedPublicKey::new(algorithm, key).verify(signed.as_bytes(), &signature).ok()?;
    let (header, claims) = signed.split_once('.')?;
    let part = |text: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    Some((part(header), part(claims)))
}

async fn apple(
    State(seen): State<Seen>,
    Path(token): Path<String>,
    version: Version,
    headers: HeaderMap,
    body: String,
) -> Response {
    // Apple's service asks for no content type.
    let body: Value = serde_json::from_str(&body).unwrap();
    let fault = |status: u16, reason: &str| {
        (StatusCode::from_u16(status).unwrap(), Json(json!({ "reason": reason }))).into_response()
    };
    if version != Version::HTTP_2 {
        return fault(505, "HttpVersionNotSupported");
    }
    let ticket = header(&headers, "authorization").strip_prefix("Bearer ").unwrap_or_default();
    let Some((head, claims)) = read_ticket(ticket, &ECDSA_P256_SHA256_FIXED, EC_PUBLIC) else {
        return fault(403, "InvalidProviderToken");
    };
    if (&head["alg"], &head["kid"], &claims["iss"]) != (&json!("ES256"), &json!("KEY1234567"), &json!("TEAM123456")) {
        return fault(403, "InvalidProviderToken");
    }
    if header(&headers, "apns-topic") != "com.example.chat" {
        return fault(400, "BadTopic");
    }
    let first_call = !seen.lock().unwrap().iter().any(|one| one["token"] == token.as_str());
    seen.lock().unwrap().push(json!({
        "token": token,
        "type": header(&headers, "apns-push-type"),
        "priority": header(&headers, "apns-priority"),
        "expiration": header(&headers, "apns-expiration"),
        "body": body,
        "ticket": ticket,
    }));
    match token.as_str() {
        "gone" => fault(410, "Unregistered"),
        "bad" => fault(400, "BadDeviceToken"),
        "busy" => fault(429, "TooManyRequests"),
        "broken" => fault(503, "ServiceUnavailable"),
        "expired" if first_call => fault(403, "ExpiredProviderToken"),
        "large" => fault(413, "PayloadTooLarge"),
        _ => (StatusCode::OK, [("apns-id", header(&headers, "apns-id").to_owned())]).into_response(),
    }
}

#[tokio::test]
async fn apple_takes_and_refuses() {
    let seen = Seen::default();
    let address = serve(Router::new().route("/3/device/{token}", post(apple)).with_state(seen.clone())).await;
    let account = ApnsAccount {
        team: "TEAM123456".into(),
        key: "KEY1234567".into(),
        private_key: EC_PRIVATE.into(),
        topic: "com.example.chat".into(),
        sandbox: false,
        address: Some(address.clone()),
    };
    let apns = Apns::new(account.clone(), everywhere()).unwrap();
    let taken = apns.send(&notification("device")).await;
    assert_eq!(taken, Verdict::Taken(Some("eabeae54-14a8-11e5-b60b-1697f925ec7b".into())));
    let first = seen.lock().unwrap()[0].clone();
    assert_eq!(
        (&first["type"], &first["priority"], &first["expiration"]),
        (&json!("alert"), &json!("10"), &json!("4000000000"))
    );
    assert_eq!(
        first["body"],
        json!({
            "aps": {
                "alert": { "title": "Depot", "subtitle": "Hall 3", "body": "Your parcel is ready" },
                "sound": "bell.caf", "badge": 3, "mutable-content": 1, "thread-id": "C2Cana",
            },
            "ext": r#"{"parcel":81}"#,
        })
    );
    for (token, expected) in [("gone", Verdict::Gone), ("bad", Verdict::Gone)] {
        assert_eq!(apns.send(&notification(token)).await, expected);
    }
    for token in ["busy", "broken"] {
        assert!(matches!(apns.send(&notification(token)).await, Verdict::Later(..)), "{token}");
    }
    assert_eq!(apns.send(&notification("large")).await, Verdict::Refused("PayloadTooLarge".into()));
    // One ticket serves many; one that has expired is made anew.
    let tickets: Vec<Value> = seen.lock().unwrap().iter().map(|one| one["ticket"].clone()).collect();
    assert!(tickets.iter().all(|ticket| *ticket == tickets[0]));
    assert!(matches!(apns.send(&notification("expired")).await, Verdict::Later(_, Some(wait)) if wait.is_zero()));
    assert!(matches!(apns.send(&notification("expired")).await, Verdict::Taken(_)));

    let silent = Notification { extras: Extras { silent: true, ..Extras::default() }, ..notification("quiet") };
    apns.send(&silent).await;
    let quiet = seen.lock().unwrap().last().unwrap().clone();
    assert_eq!((&quiet["type"], &quiet["priority"]), (&json!("background"), &json!("5")));
    assert_eq!(quiet["body"]["aps"], json!({ "content-available": 1, "badge": 3 }));

    let other = Apns::new(ApnsAccount { key: "OTHER".into(), ..account.clone() }, everywhere()).unwrap();
    assert_eq!(other.send(&notification("device")).await, Verdict::Refused("InvalidProviderToken".into()));
    let nowhere =
        Apns::new(ApnsAccount { address: Some("http://127.0.0.1:1".into()), ..account.clone() }, everywhere()).unwrap();
    assert!(matches!(nowhere.send(&notification("device")).await, Verdict::Later(..)));
    assert!(Apns::new(ApnsAccount { private_key: "no key".into(), ..account }, everywhere()).is_err());
}

#[derive(Deserialize)]
struct Grant {
    grant_type: String,
    assertion: String,
}

#[derive(Clone, Default)]
struct Google {
    seen: Seen,
    tickets: Arc<Mutex<u32>>,
    address: Arc<Mutex<String>>,
}

async fn token(State(google): State<Google>, Form(grant): Form<Grant>) -> Response {
    let Some((head, claims)) = read_ticket(&grant.assertion, &RSA_PKCS1_2048_8192_SHA256, RSA_PUBLIC) else {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
    };
    assert_eq!(head, json!({ "alg": "RS256", "typ": "JWT" }));
    assert_eq!(grant.grant_type, "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(claims["iss"], "post@example.iam.gserviceaccount.com");
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/firebase.messaging");
    assert_eq!(claims["aud"], format!("{}/token", google.address.lock().unwrap()));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    let mut tickets = google.tickets.lock().unwrap();
    *tickets += 1;
    Json(json!({ "access_token": format!("ticket-{tickets}"), "expires_in": 3599, "token_type": "Bearer" }))
        .into_response()
}

async fn messages(State(google): State<Google>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let fault = |status: u16, state: &str, code: Option<&str>| {
        let details = code
            .map(|code| json!({ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code }));
        let details: Vec<Value> = details.into_iter().collect();
        let error = json!({ "error": { "code": status, "message": "no", "status": state, "details": details } });
        (StatusCode::from_u16(status).unwrap(), Json(error)).into_response()
    };
    let newest = format!("Bearer ticket-{}", google.tickets.lock().unwrap());
    if header(&headers, "authorization") != newest {
        return fault(401, "UNAUTHENTICATED", None);
    }
    google.seen.lock().unwrap().push(body.clone());
    match body["message"]["token"].as_str().unwrap() {
        "gone" => fault(404, "NOT_FOUND", Some("UNREGISTERED")),
        "other" => fault(403, "PERMISSION_DENIED", Some("SENDER_ID_MISMATCH")),
        "bad" => fault(400, "INVALID_ARGUMENT", Some("INVALID_ARGUMENT")),
        "busy" => ([("retry-after", "7")], fault(429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"))).into_response(),
        "broken" => fault(503, "UNAVAILABLE", Some("UNAVAILABLE")),
        _ => Json(json!({ "name": "projects/example/messages/1" })).into_response(),
    }
}

#[tokio::test]
async fn google_takes_and_refuses() {
    let google = Google::default();
    let router = Router::new()
        .route("/token", post(token))
        .route("/v1/projects/example/messages:send", post(messages))
        .with_state(google.clone());
    let address = serve(router).await;
    google.address.lock().unwrap().clone_from(&address);
    let account = FcmAccount {
        project: "example".into(),
        email: "post@example.iam.gserviceaccount.com".into(),
        private_key: RSA_PRIVATE.into(),
        token_address: Some(format!("{address}/token")),
        address: Some(address),
    };
    let fcm = Fcm::new(account.clone(), everywhere()).unwrap();
    let taken = fcm.send(&notification("device")).await;
    assert_eq!(taken, Verdict::Taken(Some("projects/example/messages/1".into())));
    let message = google.seen.lock().unwrap()[0]["message"].clone();
    assert_eq!(message["notification"], json!({ "title": "Depot", "body": "Your parcel is ready" }));
    assert_eq!(message["data"], json!({ "ext": r#"{"parcel":81}"# }));
    assert_eq!(message["android"]["priority"], "HIGH");
    assert_eq!(message["android"]["notification"]["channel_id"], "ch_7");
    assert_eq!(message["android"]["notification"]["notification_count"], 3);
    assert!(message["android"]["ttl"].as_str().unwrap().ends_with('s'));
    for (token, expected) in [("gone", Verdict::Gone), ("other", Verdict::Gone)] {
        assert_eq!(fcm.send(&notification(token)).await, expected);
    }
    assert_eq!(fcm.send(&notification("bad")).await, Verdict::Refused("INVALID_ARGUMENT".into()));
    let busy = fcm.send(&notification("busy")).await;
    assert!(matches!(busy, Verdict::Later(_, Some(wait)) if wait.as_secs() == 7), "{busy:?}");
    assert!(matches!(fcm.send(&notification("broken")).await, Verdict::Later(..)));
    assert_eq!(*google.tickets.lock().unwrap(), 1, "one ticket serves many");
    // A ticket that was taken back is bought anew.
    *google.tickets.lock().unwrap() = 41;
    assert!(matches!(fcm.send(&notification("device")).await, Verdict::Later(_, Some(wait)) if wait.is_zero()));
    assert!(matches!(fcm.send(&notification("device")).await, Verdict::Taken(_)));

    let stranger = Fcm::new(
        FcmAccount { token_address: Some("http://127.0.0.1:1/token".into()), ..account.clone() },
        everywhere(),
    );
    assert!(matches!(stranger.unwrap().send(&notification("device")).await, Verdict::Later(..)));
    assert!(Fcm::new(FcmAccount { private_key: EC_PRIVATE.into(), ..account }, everywhere()).is_err());
}

async fn gateway(State(seen): State<Seen>, headers: HeaderMap, Json(body): Json<Value>) -> StatusCode {
    if header(&headers, "authorization") != "Bearer word" {
        return StatusCode::UNAUTHORIZED;
    }
    seen.lock().unwrap().push(body.clone());
    match body["token"].as_str().unwrap() {
        "gone" => StatusCode::GONE,
        "busy" => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::NO_CONTENT,
    }
}

#[tokio::test]
async fn a_gateway_of_ones_own_takes_and_refuses() {
    let seen = Seen::default();
    let address = serve(Router::new().route("/push", post(gateway)).with_state(seen.clone())).await;
    let account = GatewayAccount { address: format!("{address}/push"), secret: "word".into(), platform: 3 };
    let own = Gateway::new(account.clone(), everywhere()).unwrap();
    assert_eq!(own.platform(), 3);
    assert_eq!(own.send(&notification("device")).await, Verdict::Taken(None));
    let body = seen.lock().unwrap()[0].clone();
    assert_eq!((&body["title"], &body["badge"], &body["thread"]), (&json!("Depot"), &json!(3), &json!("C2Cana")));
    assert_eq!(body["extras"]["android_channel"], "ch_7");
    assert_eq!(own.send(&notification("gone")).await, Verdict::Gone);
    assert!(matches!(own.send(&notification("busy")).await, Verdict::Later(..)));
    let stranger = Gateway::new(GatewayAccount { secret: "other".into(), ..account }, everywhere()).unwrap();
    assert!(matches!(stranger.send(&notification("device")).await, Verdict::Refused(_)));
}

#[tokio::test]
async fn services_are_called_only_where_the_operator_lets_them_be() {
    let address = serve(Router::new().fallback(|| async { "" })).await;
    let port = address.rsplit(':').next().unwrap().to_owned();
    let nowhere: AddressPolicy = Arc::new(|_| false);
    let gateway = |host: &str, allows: AddressPolicy| {
        let address = format!("http://{host}:{port}/push");
        Gateway::new(GatewayAccount { address, secret: String::new(), platform: 0 }, allows)
    };
    // A bare address is refused when the channel is set up, a name when it is resolved.
    assert!(gateway("127.0.0.1", nowhere.clone()).is_err());
    let verdict = gateway("localhost", nowhere).unwrap().send(&notification("t")).await;
    assert!(matches!(verdict, Verdict::Later(..)), "{verdict:?}");
    assert_eq!(gateway("127.0.0.1", everywhere()).unwrap().send(&notification("t")).await, Verdict::Taken(None));
}
