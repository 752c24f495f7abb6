//! Apple's service: HTTP/2, a ticket signed with the team's key, one request per device.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    APPLE, AddressPolicy, BadAccount, Notification, Sender, Verdict, client,
    jwt::{CannotSign, Key},
    retry_after, ticket, unreachable,
};

/// Apple's address for apps of its store.
const PRODUCTION: &str = "https://api.push.apple.com";
/// Apple's address for apps under development.
const SANDBOX: &str = "https://api.sandbox.push.apple.com";
/// The service takes a ticket for an hour and wants no new one within 20 minutes.
const TICKET_LIFE: Duration = Duration::from_secs(2400);
/// The largest notification.
const PAYLOAD_BYTES: usize = 4096;

/// Who sends.
#[derive(Clone, PartialEq, Eq)]
pub struct ApnsAccount {
    /// The team.
    pub team: String,
    /// The name of its key.
    pub key: String,
    /// The key, PEM text of a `.p8` file.
    pub private_key: String,
    /// The app, its bundle id.
    pub topic: String,
    /// Whether the app is under development.
    pub sandbox: bool,
    /// Another address than Apple's.
    pub address: Option<String>,
}

/// Shows no key.
impl std::fmt::Debug for ApnsAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApnsAccount").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// Apple's push service.
pub struct Apns {
    account: ApnsAccount,
    base: String,
    key: Key,
    client: Client,
    ticket: ticket::Kept,
}

impl std::fmt::Debug for Apns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Apns").field("account", &self.account).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Fault {
    reason: String,
}

impl Apns {
    /// A sender for an app.
    ///
    /// # Errors
    /// The key is none on the curve P-256, or the address may not be called.
    pub fn new(account: ApnsAccount, allows: AddressPolicy) -> Result<Self, BadAccount> {
        let key = Key::elliptic(&account.private_key)?;
        let base =
            account.address.clone().unwrap_or_else(|| (if account.sandbox { SANDBOX } else { PRODUCTION }).into());
        let client = client(&[&base], allows)?.http2_prior_knowledge().build()?;
        Ok(Self { base: base.trim_end_matches('/').into(), account, key, client, ticket: ticket::Kept::default() })
    }

    async fn ticket(&self) -> Result<String, CannotSign> {
        self.ticket
            .get(async || {
                let claims = json!({ "iss": self.account.team, "iat": ticket::now() });
                Ok((self.key.sign(Some(&self.account.key), &claims)?, TICKET_LIFE))
            })
            .await
    }
}

/// What the device gets, at most [`PAYLOAD_BYTES`] bytes: of a long text the end is left out.
fn payload(notification: &Notification) -> Vec<u8> {
    let build = |body: &str| {
        let extras = &notification.extras;
        let mut aps = Map::new();
        if extras.silent {
            aps.insert("content-available".into(), 1.into());
        } else {
            let mut alert = json!({ "title": notification.title, "body": body });
            if let Some(subtitle) = &extras.subtitle {
                alert["subtitle"] = json!(subtitle);
            }
            aps.insert("alert".into(), alert);
            aps.insert("sound".into(), json!(extras.apple_sound.as_deref().unwrap_or("default")));
            aps.insert("thread-id".into(), json!(notification.thread));
            if extras.mutable || extras.apple_image.is_some() {
                aps.insert("mutable-content".into(), 1.into());
            }
            if let Some(level) = &extras.interruption {
                aps.insert("interruption-level".into(), json!(level));
            }
        }
        if let Some(badge) = notification.badge {
            aps.insert("badge".into(), json!(badge));
        }
        let mut whole = Map::from_iter([("aps".to_owned(), Value::Object(aps))]);
        if let Some(ext) = &notification.ext {
            whole.insert("ext".into(), json!(ext));
        }
        if let Some(image) = &extras.apple_image {
            whole.insert("image".into(), json!(image));
        }
        serde_json::to_vec(&whole).expect("texts and numbers")
    };
    let mut body = notification.body.as_str();
    let mut bytes = build(body);
    while bytes.len() > PAYLOAD_BYTES && !body.is_empty() {
        // An escape is up to six times as long as what it stands for, so it takes a few rounds.
        let mut end = body.len().saturating_sub((bytes.len() - PAYLOAD_BYTES).div_ceil(6));
        while !body.is_char_boundary(end) {
            end -= 1;
        }
        body = &body[..end];
        bytes = build(body);
    }
    bytes
}

#[async_trait]
impl Sender for Apns {
    fn platform(&self) -> u32 {
        APPLE
    }

    async fn send(&self, notification: &Notification) -> Verdict {
        let ticket = match self.ticket().await {
            Ok(ticket) => ticket,
            Err(error) => return Verdict::Refused(error.to_string()),
        };
        let (kind, priority) = if notification.extras.silent { ("background", "5") } else { ("alert", "10") };
        let request = self
            .client
            .post(format!("{}/3/device/{}", self.base, notification.token))
            .bearer_auth(&ticket)
            .header("apns-id", &notification.id)
            .header("apns-topic", &self.account.topic)
            .header("apns-push-type", kind)
            .header("apns-priority", priority)
            .header("apns-expiration", notification.until.unwrap_or(0).max(0).to_string())
            .body(payload(notification));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return unreachable(error),
        };
        let (status, wait) = (answer.status(), retry_after(&answer));
        if status == StatusCode::OK {
            let id = answer.headers().get("apns-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
            return Verdict::Taken(id);
        }
        let reason = answer.json::<Fault>().await.map_or_else(|_| status.to_string(), |fault| fault.reason);
        match (status.as_u16(), reason.as_str()) {
            (410, _) | (400, "BadDeviceToken" | "DeviceTokenNotForTopic") => Verdict::Gone,
            (403, "ExpiredProviderToken") => {
                self.ticket.forget(&ticket).await;
                Verdict::Later(reason, Some(Duration::ZERO))
            }
            (429 | 500.., _) => Verdict::Later(reason, wait),
            _ => Verdict::Refused(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_to_what_the_service_takes() {
        for body in ["é".repeat(5_000), "\"".repeat(5_000), "\u{1}".repeat(5_000)] {
            let notification =
                Notification { title: "Depot".into(), body, ext: Some("{}".into()), ..Notification::default() };
            let bytes = payload(&notification);
            assert!(bytes.len() <= PAYLOAD_BYTES && bytes.len() > PAYLOAD_BYTES - 100, "{}", bytes.len());
            let json: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(json["ext"], "{}");
        }
    }
}
