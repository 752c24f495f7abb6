//! What operators look after: unwanted words, statistics, message records, tickets for pages without a backend.

use serde::{Deserialize, Serialize};

use crate::moderation::Treatment;

/// Texts that the app does not want to read (docs/spec/rest-push-ops.md#5). Words that are added by commands are kept beside these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModerationSettings {
    /// Words that stop a text. Code 80001.
    pub refused_words: Vec<String>,
    /// Words that are replaced by stars.
    pub masked_words: Vec<String>,
    /// Words that make a message disappear while its sender is told success.
    pub dropped_words: Vec<String>,
    /// Files of words.
    pub word_files: Vec<WordFile>,
    /// Whether what backends send is looked at too. The lists that the documents keep for clients never apply to it.
    pub rest: bool,
    /// Whether profiles of users, groups and members, and what is written about friends, are looked at.
    pub profiles: bool,
    /// Whether custom elements are looked at, as well as text elements.
    pub custom_elements: bool,
    /// Whether the app's backend is also told of texts that passed.
    pub report_all: bool,
}

impl Default for ModerationSettings {
    fn default() -> Self {
        Self {
            refused_words: Vec::new(),
            masked_words: Vec::new(),
            dropped_words: Vec::new(),
            word_files: Vec::new(),
            rest: true,
            profiles: true,
            custom_elements: false,
            report_all: false,
        }
    }
}

/// A file of words, a line each; empty lines and those that begin with `#` say nothing. Read again when it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordFile {
    /// Where it lies.
    pub path: String,
    /// What becomes of a text that holds one of its words.
    pub treatment: Treatment,
    /// What kind of words they are.
    #[serde(default)]
    pub label: String,
}

/// Statistics and message records (docs/spec/rest-push-ops.md#4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OperationsSettings {
    /// How many hours the app's days and hours are ahead of UTC; negative when behind.
    pub utc_offset_hours: i32,
    /// Who runs the app, for statistics.
    pub company: String,
    /// Whether statistics begin with the day that is not over yet.
    pub statistics_today: bool,
    /// How long after the end of an hour its message record is ready, in seconds.
    pub record_delay_secs: u32,
    /// For how many days message records can be had.
    pub record_days: u32,
    /// The addresses that `GetIPList` answers; none: those that the server has.
    pub addresses: Vec<String>,
}

impl Default for OperationsSettings {
    fn default() -> Self {
        Self {
            utc_offset_hours: 0,
            company: String::new(),
            statistics_today: false,
            record_delay_secs: 3600,
            record_days: 7,
            addresses: Vec::new(),
        }
    }
}

/// Tickets for pages that have no backend (docs/operations/tickets.md).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TicketServiceSettings {
    /// Whether there is such a service. It needs a secret, origins, or both.
    pub enabled: bool,
    /// What callers have to show as `Authorization: Bearer <secret>`; empty: nothing.
    pub secret: String,
    /// Pages that may call it, such as `https://shop.example.com`; `*` is every page.
    pub origins: Vec<String>,
    /// How the ids have to begin that tickets are made for; empty: in any way.
    pub user_prefix: String,
    /// How long tickets are good for, in seconds.
    pub expire_secs: u32,
    /// How many tickets one address may ask for in a minute; 0 = no limit.
    pub per_minute: u32,
}

impl std::fmt::Debug for TicketServiceSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketServiceSettings").field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

impl Default for TicketServiceSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            secret: String::new(),
            origins: Vec::new(),
            user_prefix: String::new(),
            expire_secs: 86_400,
            per_minute: 60,
        }
    }
}
