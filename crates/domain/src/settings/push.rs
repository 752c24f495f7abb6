//! Pushes and the services that carry them to devices that are away (docs/spec/limits-and-editions.md#7, #11).

use serde::{Deserialize, Serialize};

/// Pushes to all accounts, and announcements on devices that are away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PushSettings {
    /// Pushes to all accounts per day (UTC); 0 = no limit. Code 90047.
    pub per_day: u32,
    /// How many milliseconds have to lie between two of them; 0 = none. Code 90024.
    pub gap_ms: u32,
    /// Tags per account. Code 90032.
    pub tags_per_user: u32,
    /// The longest token of a device, in bytes. Code 22004.
    pub token_bytes: u32,
    /// Devices per account; the one that was heard of longest ago is forgotten.
    pub devices_per_user: u32,
    /// The services that reach devices which are away. Without any nothing is announced.
    pub channels: Vec<PushChannel>,
}

impl Default for PushSettings {
    fn default() -> Self {
        Self {
            per_day: 100,
            gap_ms: 1000,
            tags_per_user: 100,
            token_bytes: 256,
            devices_per_user: 10,
            channels: Vec::new(),
        }
    }
}

/// A service with the account that the app has there. Devices name it by its id (the vendor's "business id").
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "service", rename_all = "snake_case", deny_unknown_fields)]
pub enum PushChannel {
    /// Apple's.
    Apns {
        /// Its number.
        id: u32,
        /// The team.
        team: String,
        /// The name of its key.
        key: String,
        /// The key, PEM text.
        private_key: String,
        /// The app's bundle id.
        topic: String,
        /// Whether the app is under development.
        #[serde(default)]
        sandbox: bool,
        /// Another address than Apple's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    /// Google's.
    Fcm {
        /// Its number.
        id: u32,
        /// `project_id` of the service account.
        project: String,
        /// `client_email` of the service account.
        email: String,
        /// `private_key` of the service account.
        private_key: String,
        /// `token_uri`, when it is not Google's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_address: Option<String>,
        /// Another address than Google's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    /// One of the operator's own.
    Gateway {
        /// Its number.
        id: u32,
        /// Its address.
        address: String,
        /// What it knows the server by.
        #[serde(default)]
        secret: String,
        /// The phone maker's number in reports (docs/spec/webhooks.md#13.1).
        #[serde(default)]
        platform: u32,
    },
}

impl PushChannel {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        match self {
            Self::Apns { id, .. } | Self::Fcm { id, .. } | Self::Gateway { id, .. } => *id,
        }
    }
}

/// Shows no keys.
impl std::fmt::Debug for PushChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let service = match self {
            Self::Apns { .. } => "Apns",
            Self::Fcm { .. } => "Fcm",
            Self::Gateway { .. } => "Gateway",
        };
        f.debug_struct(service).field("id", &self.id()).finish_non_exhaustive()
    }
}
