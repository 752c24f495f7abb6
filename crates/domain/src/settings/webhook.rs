//! Calls to the app's own backend (docs/spec/webhooks.md#1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{WebhookCommand, column::choice};

choice! {
    /// What becomes of an action whose before-webhook could not be asked.
    FailurePolicy {
        /// It goes on.
        Deliver = "deliver" | "continue";
        /// It is refused. Code 80003.
        Refuse = "refuse";
    }
}

/// Where the app's backend listens, and to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    /// Address that is called; empty = none.
    pub url: String,
    /// Address that is called with push results; empty = `url`.
    pub push_url: String,
    /// Text that calls are signed with in the address (docs/spec/webhooks.md#1.7); empty = they are not.
    pub token: String,
    /// Secret that calls are signed with in headers, body included, by the Standard Webhooks convention: base64, with or
    /// without `whsec_` in front; empty = they are not.
    pub signing_secret: String,
    /// File with the certificates of private authorities (PEM) that may vouch for the backend, beside the public ones.
    pub ca_file: String,
    /// File with the certificate that the server shows to the backend (PEM); needs `client_key`.
    pub client_cert: String,
    /// File with its private key (PEM).
    pub client_key: String,
    /// Whether commands without a switch of their own are called.
    pub all: bool,
    /// Single commands by name, as in docs/spec/webhooks.md#16.
    pub switches: BTreeMap<String, bool>,
    /// From connecting to the last byte of the answer, in milliseconds.
    pub timeout_ms: u32,
    /// When the question about a one-to-one message fails.
    pub c2c_before_failure: FailurePolicy,
    /// When the question about a group message fails.
    pub group_before_failure: FailurePolicy,
    /// When any other question fails.
    pub other_before_failure: FailurePolicy,
    /// Repeating calls that were not answered.
    pub after_retry: RetrySettings,
    /// Calls at the same time.
    pub max_in_flight: u32,
    /// Calls that wait; beyond that the oldest are dropped and counted.
    pub queue_max: u32,
    /// How the platform of Apple computers is written: `Mac` or `macOS`.
    pub platform_name_mac: String,
    /// Whether changed custom fields of groups count as a change of the group's profile.
    pub group_info_custom_fields: bool,
    /// Calls that failed for good and are kept for a look and another try; beyond that the oldest go.
    pub dead_letters_max: u32,
    /// Results of pushes that are told per second; more have to wait.
    pub push_events_per_second: u32,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            push_url: String::new(),
            token: String::new(),
            signing_secret: String::new(),
            ca_file: String::new(),
            client_cert: String::new(),
            client_key: String::new(),
            all: false,
            switches: BTreeMap::new(),
            timeout_ms: 2000,
            c2c_before_failure: FailurePolicy::Deliver,
            group_before_failure: FailurePolicy::Deliver,
            other_before_failure: FailurePolicy::Deliver,
            after_retry: RetrySettings::default(),
            max_in_flight: 64,
            queue_max: 100_000,
            platform_name_mac: "Mac".into(),
            group_info_custom_fields: false,
            dead_letters_max: 10_000,
            push_events_per_second: 1000,
        }
    }
}

impl WebhookSettings {
    /// Whether the command is called at all. A command without a switch of its own goes by the one it shares
    /// (docs/spec/webhooks.md#1.10).
    #[must_use]
    pub fn wants(&self, command: WebhookCommand) -> bool {
        let is_push = matches!(command, WebhookCommand::OfflinePush | WebhookCommand::AllMemberPush);
        if self.url.is_empty() && (!is_push || self.push_url.is_empty()) {
            return false;
        }
        let switch = |command: WebhookCommand| self.switches.get(command.name()).copied();
        switch(command)
            .or_else(|| command.follows().and_then(switch))
            .unwrap_or(self.all || command == WebhookCommand::RequestOverLimit)
    }

    /// What becomes of an action whose question `command` failed.
    #[must_use]
    pub fn on_failure(&self, command: WebhookCommand) -> FailurePolicy {
        if command == WebhookCommand::C2cBeforeSend {
            self.c2c_before_failure
        } else if [WebhookCommand::GroupBeforeSend, WebhookCommand::OfficialBeforeSend].contains(&command) {
            self.group_before_failure
        } else {
            self.other_before_failure
        }
    }
}

/// Whether and when after-webhooks are repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrySettings {
    /// Whether they are repeated at all.
    pub enabled: bool,
    /// The pauses before each repetition, in milliseconds.
    pub delays_ms: Vec<u32>,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self { enabled: false, delays_ms: vec![1000, 5000, 30_000] }
    }
}
