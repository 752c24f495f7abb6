//! Calls to the app's own backend (docs/spec/webhooks.md#1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::column::choice;

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
    /// Text that calls are signed with; empty = they are not signed.
    pub token: String,
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
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            push_url: String::new(),
            token: String::new(),
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
        }
    }
}

impl WebhookSettings {
    /// Whether the command is called at all. Commands that share a switch (docs/spec/webhooks.md#1.10) are asked for by
    /// the name that the switch has.
    #[must_use]
    pub fn wants(&self, command: &str) -> bool {
        !self.url.is_empty() && self.switches.get(command).copied().unwrap_or(self.all)
    }

    /// What becomes of an action whose question `command` failed.
    #[must_use]
    pub fn on_failure(&self, command: &str) -> FailurePolicy {
        match command {
            "C2C.CallbackBeforeSendMsg" => self.c2c_before_failure,
            "Group.CallbackBeforeSendMsg" => self.group_before_failure,
            _ => self.other_before_failure,
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
