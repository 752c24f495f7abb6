//! What does not fit together in an app's settings, in words.

use std::{collections::BTreeMap, fmt};

use super::{AppSettings, CustomType, GroupField, MemberField, UserField};
use crate::{
    WebhookCommand,
    group::{
        GroupPolicy, GroupType, PolicyOverride,
        policy::{MemberList, OfflineSweep, OnlineCount},
    },
};

/// Something in the settings that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The key, from the top: `custom_types.OAGroup.reference`.
    pub path: String,
    /// What is wrong with it.
    pub words: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.words)
    }
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, path: impl Into<String>, words: impl Into<String>) {
        self.0.push(Problem { path: path.into(), words: words.into() });
    }

    fn range(&mut self, path: &str, value: u32, least: u32, most: u32) {
        if !(least..=most).contains(&value) {
            self.add(path, format!("is {value}, must be from {least} to {most}"));
        }
    }

    fn at_most(&mut self, path: &str, count: usize, limit: u32) {
        if u32::try_from(count).map_or(true, |count| count > limit) {
            self.add(path, format!("has {count} entries, at most {limit} are allowed"));
        }
    }
}

impl AppSettings {
    /// What does not fit together, one entry per key. Empty: the settings may be used.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        self.validate_admins(&mut problems);
        self.validate_types(&mut problems);
        self.validate_fields(&mut problems);
        self.validate_numbers(&mut problems);
        self.validate_operations(&mut problems);
        self.validate_push(&mut problems);
        self.validate_webhook(&mut problems);
        problems.0
    }

    fn validate_admins(&self, problems: &mut Problems) {
        if self.admins.is_empty() {
            problems.add("admins", "is empty, at least one account must be able to call REST commands");
        }
        problems.at_most("admins", self.admins.len(), self.limits().app.max_admins);
        for (index, admin) in self.admins.iter().enumerate() {
            if self.admins[..index].contains(admin) {
                problems.add(format!("admins[{index}]"), format!("`{admin}` is named twice"));
            }
        }
    }

    fn validate_types(&self, problems: &mut Problems) {
        for (name, overrides) in &self.group_types {
            let path = format!("group_types.{name}");
            match GroupType::parse_builtin(name) {
                None => problems.add(path, "is no built-in type; types of your own belong under custom_types"),
                Some(kind) if kind.as_str() != name => {
                    problems.add(path, format!("is an older name, write {kind}"));
                }
                Some(kind) => validate_overrides(&path, overrides, &kind, problems),
            }
        }
        for (name, CustomType { reference, overrides }) in &self.custom_types {
            let path = format!("custom_types.{name}");
            if GroupType::parse_builtin(name).is_some() {
                problems.add(&path, "is the name of a built-in type");
            }
            if name.is_empty()
                || name.len() > 32
                || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                problems.add(&path, "must have 1 to 32 letters, digits or `_`");
            }
            let reference_path = format!("{path}.reference");
            match reference {
                GroupType::Broadcast => problems.add(reference_path, "BChatRoom cannot be referred to"),
                GroupType::Custom(other) => {
                    problems.add(reference_path, format!("`{other}` is no built-in type"));
                }
                built_in => validate_overrides(&format!("{path}.overrides"), overrides, built_in, problems),
            }
        }
    }

    fn validate_fields(&self, problems: &mut Problems) {
        let limits = self.limits();
        problems.at_most("group_fields", self.group_fields.len(), limits.group.custom_fields);
        problems.at_most("member_fields", self.member_fields.len(), limits.group.member_custom_fields);
        problems.at_most("profile_fields", self.profile_fields.len(), limits.profile.custom_fields);
        problems.at_most("friend_fields", self.friend_fields.len(), limits.sns.custom_fields);

        let longest = limits.group.custom_key_bytes;
        let mut keys = BTreeMap::new();
        for (index, GroupField { key, types, .. }) in self.group_fields.iter().enumerate() {
            let path = format!("group_fields[{index}]");
            validate_group_key(&path, key, longest, &mut keys, problems);
            self.validate_field_types(&path, types, problems);
        }
        for (index, MemberField { key, types, .. }) in self.member_fields.iter().enumerate() {
            let path = format!("member_fields[{index}]");
            validate_group_key(&path, key, longest, &mut keys, problems);
            self.validate_field_types(&path, types, problems);
            for name in types {
                let kind = GroupType::from_stored(name);
                if GroupPolicy::for_app(self, &kind).is_some_and(|policy| !policy.member_custom_fields) {
                    problems.add(format!("{path}.types"), format!("members of {name} have no custom fields"));
                }
            }
        }
        validate_user_fields("profile_fields", &self.profile_fields, limits.profile.custom_key_chars, problems);
        validate_user_fields("friend_fields", &self.friend_fields, limits.sns.custom_key_chars, problems);
    }

    fn validate_field_types(&self, path: &str, types: &[String], problems: &mut Problems) {
        for name in types {
            if self.group_type(name).is_none_or(|kind| kind.as_str() != name) {
                problems.add(format!("{path}.types"), format!("`{name}` is no type of this app"));
            }
        }
    }

    fn validate_push(&self, problems: &mut Problems) {
        let channels = &self.push.channels;
        for (index, channel) in channels.iter().enumerate() {
            if channels[..index].iter().any(|other| other.id() == channel.id()) {
                problems.add(format!("push.channels[{index}].id"), format!("{} is used twice", channel.id()));
            }
        }
        problems.range("files.max_image_mb", self.files.max_image_mb, 1, 4095);
        problems.range("files.max_file_mb", self.files.max_file_mb, 1, 4095);
    }

    fn validate_numbers(&self, problems: &mut Problems) {
        let limits = self.limits();
        // A page or message of nothing would stop the app; every other limit of 0 forbids something, which is fine.
        for (path, value) in [
            ("message.max_bytes", limits.message.max_bytes),
            ("rest.max_response_bytes", limits.rest.max_response_bytes),
            ("rest.max_request_bytes", limits.rest.max_request_bytes),
            ("extension.page", limits.extension.page),
            ("receipt.page", limits.receipt.page),
            ("history.group_page", limits.history.group_page),
            ("history.c2c_page", limits.history.c2c_page),
            ("group.ban_page", limits.group.ban_page),
            ("group.member_page", limits.group.member_page),
            ("group.list_page", limits.group.list_page),
            ("group.joined_page", limits.group.joined_page),
            ("permission_group.batch", limits.permission_group.batch),
            ("permission_group.member_page", limits.permission_group.member_page),
            ("live.member_page", limits.live.member_page),
            ("sns.follow_page", limits.sns.follow_page),
            ("conversation.batch", limits.conversation.batch),
        ] {
            problems.range(&format!("limits.overrides.{path}"), value, 1, u32::MAX);
        }
        problems.range("login.web_instances", self.login.web_instances, 1, 10);
        problems.range("login.native_instances", self.login.native_instances, 1, 3);
        problems.range("usersig.max_expire_secs", self.usersig.max_expire_secs, 1, u32::MAX);
        problems.range("message.recall_secs", self.message.recall_secs, 0, limits.message.max_recall_secs);
        problems.range("presence.native_timeout_secs", self.presence.native_timeout_secs, 1, u32::MAX);
        problems.range("presence.web_timeout_secs", self.presence.web_timeout_secs, 1, u32::MAX);
        problems.range("live.newcomer_messages", self.live.newcomer_messages, 0, limits.live.max_newcomer_messages);
        problems.range("live.newcomer_hours", self.live.newcomer_hours, 1, 24);
        problems.range("live.member_list_size", self.live.member_list_size, 1, 1000);
        problems.range("live.rooms_per_user", self.live.rooms_per_user, 1, u32::MAX);
        problems.range("live.heartbeat_check_secs", self.live.heartbeat_check_secs, 1, u32::MAX);
        problems.range("live.heartbeat_timeout_secs", self.live.heartbeat_timeout_secs, 1, u32::MAX);
        problems.range("live.forget_absent_secs", self.live.forget_absent_secs, 1, u32::MAX);
        problems.range("rest.deadline_ms", self.rest.deadline_ms, 1, u32::MAX);
        problems.range("rates.alarm_percent", self.rates.alarm_percent, 1, 100);
        let shares = self.rates.priority_shares;
        for (name, share) in
            [("high", shares.high_permille), ("normal", shares.normal_permille), ("low", shares.low_permille)]
        {
            problems.range(&format!("rates.priority_shares.{name}_permille"), share, 0, 1000);
        }
    }

    fn validate_operations(&self, problems: &mut Problems) {
        let moderation = &self.moderation;
        for (name, words) in [
            ("refused_words", &moderation.refused_words),
            ("masked_words", &moderation.masked_words),
            ("dropped_words", &moderation.dropped_words),
        ] {
            for (index, _) in words.iter().enumerate().filter(|(_, word)| word.trim().is_empty()) {
                problems.add(format!("moderation.{name}[{index}]"), "is empty");
            }
        }
        if !(-12..=14).contains(&self.operations.utc_offset_hours) {
            let words = format!("is {}, must be from -12 to 14", self.operations.utc_offset_hours);
            problems.add("operations.utc_offset_hours", words);
        }
        problems.range("operations.record_days", self.operations.record_days, 1, 31);
        let tickets = &self.ticket_service;
        if tickets.enabled && tickets.secret.is_empty() && tickets.origins.is_empty() {
            problems.add("ticket_service.enabled", "needs `secret`, `origins` or both: else anybody could be anybody");
        }
        problems.range("ticket_service.expire_secs", tickets.expire_secs, 60, self.usersig.max_expire_secs);
        for (index, origin) in tickets.origins.iter().enumerate() {
            let is_origin = origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"))
                .is_some_and(|host| !host.is_empty() && !host.contains(['/', ' ', '?', '#']));
            if origin != "*" && !is_origin {
                let words = format!("`{origin}` must be like https://shop.example.com, without a path, or *");
                problems.add(format!("ticket_service.origins[{index}]"), words);
            }
        }
    }

    fn validate_webhook(&self, problems: &mut Problems) {
        let webhook = &self.webhook;
        for (path, url) in [("webhook.url", &webhook.url), ("webhook.push_url", &webhook.push_url)] {
            if let Err(words) = check_url(url) {
                problems.add(path, words);
            }
        }
        problems.range("webhook.timeout_ms", webhook.timeout_ms, 1, 60_000);
        problems.range("webhook.max_in_flight", webhook.max_in_flight, 1, u32::MAX);
        problems.range("webhook.queue_max", webhook.queue_max, 1, u32::MAX);
        if !["Mac", "macOS"].contains(&webhook.platform_name_mac.as_str()) {
            problems.add("webhook.platform_name_mac", "must be Mac or macOS");
        }
        for name in webhook.switches.keys() {
            if WebhookCommand::from_name(name).is_none() {
                problems.add(format!("webhook.switches.{name}"), "is no webhook command");
            }
        }
        if webhook.client_cert.is_empty() != webhook.client_key.is_empty() {
            problems.add("webhook.client_key", "belongs to webhook.client_cert: give both or none");
        }
        problems.range("webhook.push_events_per_second", webhook.push_events_per_second, 1, u32::MAX);
        problems.at_most("webhook.after_retry.delays_ms", webhook.after_retry.delays_ms.len(), 20);
    }
}

/// Changes that the type's built-in shape cannot follow.
fn validate_overrides(path: &str, overrides: &PolicyOverride, built_in: &GroupType, problems: &mut Problems) {
    let Some(row) = GroupPolicy::built_in(built_in) else { return };
    if !row.members_stored {
        for (column, wanted) in [
            ("member_list", matches!(overrides.member_list, Some(MemberList::Full | MemberList::Partial))),
            ("rest_add_member", overrides.rest_add_member == Some(true)),
            ("create_with_members", overrides.create_with_members == Some(true)),
            ("has_invite_option", overrides.has_invite_option == Some(true)),
            ("import_allowed", overrides.import_allowed == Some(true)),
            ("member_custom_fields", overrides.member_custom_fields == Some(true)),
            ("transferable", overrides.transferable == Some(true)),
        ] {
            if wanted {
                problems.add(format!("{path}.{column}"), format!("{built_in} stores no members"));
            }
        }
    }
    if !row.history_stored {
        for (column, wanted) in [
            ("unread_count", overrides.unread_count),
            ("history_before_join", overrides.history_before_join),
            ("read_receipts", overrides.read_receipts),
            ("directed_msgs", overrides.directed_msgs),
            ("msg_extension", overrides.msg_extension),
            ("msg_reactions", overrides.msg_reactions),
            ("edit_supported", overrides.edit_supported),
            ("delete_supported", overrides.delete_supported),
            ("pins_supported", overrides.pins_supported),
        ] {
            if wanted == Some(true) {
                problems.add(format!("{path}.{column}"), format!("{built_in} stores no messages"));
            }
        }
    } else if overrides.history_before_join_count.is_some_and(|count| count > 0) {
        problems.add(format!("{path}.history_before_join_count"), "is for live rooms; set history_before_join");
    }
    if overrides.history_before_join_count.is_some_and(|count| count > 20) {
        problems.add(format!("{path}.history_before_join_count"), "must be from 0 to 20");
    }
    if row.kick_offline == OfflineSweep::Unsupported && overrides.kick_offline == Some(OfflineSweep::On) {
        problems.add(format!("{path}.kick_offline"), format!("{built_in} does not support it"));
    }
    let count_fits = match overrides.count_online {
        None | Some(OnlineCount::Off | OnlineCount::Unsupported) => true,
        Some(OnlineCount::EveryFiveMinutes) => row.count_online == OnlineCount::Off && row.members_stored,
        Some(OnlineCount::Live) => row.count_online == OnlineCount::Live,
    };
    if !count_fits {
        problems.add(format!("{path}.count_online"), format!("{built_in} does not support it"));
    }
}

fn validate_group_key(
    path: &str,
    key: &str,
    longest: u32,
    seen: &mut BTreeMap<String, String>,
    problems: &mut Problems,
) {
    let path = format!("{path}.key");
    let well_formed = !key.is_empty()
        && u32::try_from(key.len()).is_ok_and(|length| length <= longest)
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !key.as_bytes()[0].is_ascii_digit();
    if !well_formed {
        problems.add(&path, format!("must have 1 to {longest} letters, digits or `_` and not begin with a digit"));
    }
    if let Some(first) = seen.insert(key.to_owned(), path.clone()) {
        problems.add(path, format!("`{key}` is already the key of {first}"));
    }
}

fn validate_user_fields(path: &str, fields: &[UserField], longest: u32, problems: &mut Problems) {
    for (index, field) in fields.iter().enumerate() {
        let keyword = &field.keyword;
        let well_formed = !keyword.is_empty()
            && u32::try_from(keyword.len()).is_ok_and(|length| length <= longest)
            && keyword.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !well_formed {
            problems.add(format!("{path}[{index}].keyword"), format!("must have 1 to {longest} letters"));
        }
        if fields[..index].iter().any(|other| other.keyword == *keyword) {
            problems.add(format!("{path}[{index}].keyword"), format!("`{keyword}` is named twice"));
        }
        if !(field.client_read || field.admin_read) {
            problems.add(format!("{path}[{index}]"), "nobody may read it");
        }
        if !(field.client_write || field.admin_write) {
            problems.add(format!("{path}[{index}]"), "nobody may write it");
        }
    }
}

/// The rules of docs/spec/webhooks.md#1.8. An empty address is none, and fine.
fn check_url(url: &str) -> Result<(), &'static str> {
    if url.is_empty() {
        return Ok(());
    }
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let Some(rest) = rest else {
        return Err("must begin with http:// or https://");
    };
    if url.chars().any(|c| c.is_whitespace() || c.is_control() || "!$&?".contains(c)) {
        return Err("may hold no blanks and none of ! $ & ?");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = if let Some(v6) = authority.strip_prefix('[') {
        let Some((address, after)) = v6.split_once(']') else {
            return Err("the address in brackets is not closed");
        };
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return Err("the address in brackets is no IPv6 address");
        }
        (None, after.strip_prefix(':').or(if after.is_empty() { None } else { Some("") }))
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(authority), None),
        }
    };
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return Err("the port must be a number from 1 to 65535");
    }
    let Some(host) = host else { return Ok(()) };
    if host.is_empty() || host.len() > 63 {
        return Err("the host must have 1 to 63 characters");
    }
    let label_fits = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
            && !label.contains("--")
    };
    if !host.split('.').all(label_fits) {
        return Err("the host may hold letters, digits, dots and single hyphens inside");
    }
    Ok(())
}
