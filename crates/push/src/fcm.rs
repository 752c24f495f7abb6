//! Google's service: a service account's signed request buys a ticket, which goes with one request per device.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    AddressPolicy, BadAccount, Notification, Sender, Verdict, client, jwt::Key, retry_after, ticket, unreachable,
};

const ADDRESS: &str = "https://fcm.googleapis.com";
const TICKETS: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long before its end a ticket is no longer shown.
const MARGIN: Duration = Duration::from_secs(60);

/// Who sends: members of the key file of a service account.
#[derive(Clone, PartialEq, Eq)]
pub struct FcmAccount {
    /// `project_id`.
    pub project: String,
    /// `client_email`.
    pub email: String,
    /// `private_key`, PEM text.
    pub private_key: String,
    /// `token_uri`, when it is not Google's.
    pub token_address: Option<String>,
    /// Another address than Google's.
    pub address: Option<String>,
}

/// Shows no key.
impl std::fmt::Debug for FcmAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FcmAccount").field("project", &self.project).finish_non_exhaustive()
    }
}

/// Google's push service.
pub struct Fcm {
    account: FcmAccount,
    messages: String,
    tickets: String,
    key: Key,
    client: Client,
    ticket: ticket::Kept,
}

impl std::fmt::Debug for Fcm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fcm").field("account", &self.account).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Ticket {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

#[derive(Deserialize)]
struct Taken {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: Fault,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "errorCode")]
    code: Option<String>,
}

impl Fcm {
    /// A sender for a project.
    ///
    /// # Errors
    /// The key is no RSA key, or an address may not be called.
    pub fn new(account: FcmAccount, allows: AddressPolicy) -> Result<Self, BadAccount> {
        let key = Key::rsa(&account.private_key)?;
        let base = account.address.as_deref().unwrap_or(ADDRESS).trim_end_matches('/');
        let messages = format!("{base}/v1/projects/{}/messages:send", account.project);
        let tickets = account.token_address.clone().unwrap_or_else(|| TICKETS.into());
        let client = client(&[&messages, &tickets], allows)?.build()?;
        Ok(Self { account, messages, tickets, key, client, ticket: ticket::Kept::default() })
    }

    async fn ticket(&self) -> Result<String, Verdict> {
        self.ticket
            .get(async || {
                let now = ticket::now();
                let claims = json!({
                    "iss": self.account.email, "scope": SCOPE, "aud": self.tickets, "iat": now, "exp": now + 3600,
                });
                let signed = self.key.sign(None, &claims).map_err(|e| Verdict::Refused(e.to_string()))?;
                let form = [("grant_type", GRANT), ("assertion", signed.as_str())];
                let answer = self.client.post(&self.tickets).form(&form).send().await.map_err(unreachable)?;
                let status = answer.status();
                if status != StatusCode::OK {
                    let words = format!("no ticket: {status}");
                    let is_passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                    return Err(if is_passing { Verdict::Later(words, None) } else { Verdict::Refused(words) });
                }
                let ticket: Ticket = answer.json().await.map_err(unreachable)?;
                Ok((ticket.access_token, Duration::from_secs(ticket.expires_in).saturating_sub(MARGIN)))
            })
            .await
    }
}

fn message(notification: &Notification) -> Value {
    let extras = &notification.extras;
    let mut shown = json!({ "title": notification.title, "body": notification.body });
    if let Some(image) = &extras.google_image {
        shown["image"] = json!(image);
    }
    let mut on_android = Map::from_iter([("tag".to_owned(), json!(notification.id))]);
    if let Some(channel) = &extras.android_channel {
        on_android.insert("channel_id".into(), json!(channel));
    }
    if let Some(sound) = &extras.android_sound {
        on_android.insert("sound".into(), json!(sound));
    }
    if let Some(badge) = notification.badge {
        on_android.insert("notification_count".into(), json!(badge));
    }
    let mut android = json!({ "priority": "HIGH", "notification": on_android });
    if let Some(until) = notification.until {
        let left = u64::try_from(until).unwrap_or(0).saturating_sub(ticket::now());
        android["ttl"] = json!(format!("{left}s"));
    }
    let data: Map<String, Value> = notification.ext.iter().map(|ext| ("ext".to_owned(), json!(ext))).collect();
    json!({ "message": { "token": notification.token, "notification": shown, "data": data, "android": android } })
}

#[async_trait]
impl Sender for Fcm {
    fn platform(&self) -> u32 {
        4
    }

    async fn send(&self, notification: &Notification) -> Verdict {
        let ticket = match self.ticket().await {
            Ok(ticket) => ticket,
            Err(verdict) => return verdict,
        };
        let request = self.client.post(&self.messages).bearer_auth(&ticket).json(&message(notification));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return unreachable(error),
        };
        let (status, wait) = (answer.status(), retry_after(&answer));
        if status == StatusCode::OK {
            return Verdict::Taken(answer.json::<Taken>().await.ok().and_then(|taken| taken.name));
        }
        let fault = answer.json::<Refusal>().await.map(|refusal| refusal.error).ok();
        let code = fault.as_ref().and_then(|fault| fault.details.iter().find_map(|detail| detail.code.clone()));
        let reason = code
            .clone()
            .or_else(|| fault.map(|fault| fault.status))
            .filter(|words| !words.is_empty())
            .unwrap_or_else(|| status.to_string());
        match (status.as_u16(), code.as_deref()) {
            (404, _) | (_, Some("UNREGISTERED" | "SENDER_ID_MISMATCH")) => Verdict::Gone,
            (401, _) => {
                self.ticket.forget(&ticket).await;
                Verdict::Later(reason, Some(Duration::ZERO))
            }
            (429 | 500.., _) => Verdict::Later(reason, wait),
            _ => Verdict::Refused(reason),
        }
    }
}
