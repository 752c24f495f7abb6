//! Identifiers: parsed once at the border, trusted afterwards.
//!
//! All ids are case-sensitive byte strings; nothing is trimmed or folded (docs/spec/group-types.md#8).

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The number of an app (the vendor's SDKAppID).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppId(pub u32);

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// The text is empty.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// The text has more bytes than the kind of id may have.
    #[error("{kind} has {bytes} bytes, at most {limit} are allowed")]
    TooLong {
        /// What was parsed.
        kind: &'static str,
        /// Length of the text.
        bytes: usize,
        /// The most it may have.
        limit: usize,
    },
    /// The text has a byte outside printable ASCII (0x20 to 0x7e).
    #[error("{0} has a character outside printable ASCII")]
    BadCharacter(&'static str),
    /// The text does not have the form of this kind of id.
    #[error("{0} is malformed")]
    Malformed(&'static str),
}

fn printable(kind: &'static str, text: &str, limit: usize) -> Result<(), BadId> {
    if text.is_empty() {
        return Err(BadId::Empty(kind));
    }
    if text.len() > limit {
        return Err(BadId::TooLong { kind, bytes: text.len(), limit });
    }
    if !text.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        return Err(BadId::BadCharacter(kind));
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses the id.
            ///
            /// # Errors
            /// [`BadId`] says what is wrong with the text.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                let check: fn(&str) -> Result<(), BadId> = $check;
                check(text)?;
                Ok(Self(text.into()))
            }

            /// Takes a text that was checked before: read back from the store, or made by the server.
            #[must_use]
            pub fn trusted(text: &str) -> Self {
                Self(text.into())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    };
}

text_id! {
    /// A user of an app: 1 to 32 bytes of printable ASCII (docs/spec/rest-common.md#8).
    UserId, "user id", |text| printable("user id", text, UserId::MAX_BYTES)
}

impl UserId {
    /// Most bytes a user id may have.
    pub const MAX_BYTES: usize = 32;

    /// Whether the id is one of a robot (prefix `@RBT#`).
    #[must_use]
    pub fn is_robot(&self) -> bool {
        self.as_str().starts_with("@RBT#")
    }

    /// Whether the server itself, or a command of its own, gives out such ids: robots, official accounts, groups, system accounts.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        ["@RBT#", "@TOA#_", "@TGS#", "@TLS#"].iter().any(|beginning| self.as_str().starts_with(beginning))
    }
}

text_id! {
    /// A group of an app (docs/spec/group-types.md#8). Generated ids begin with `@TGS#`, those of communities with `@TGS#_`.
    ///
    /// Parsing accepts any id that may name a group, chosen or generated; whether an id may be *chosen* is decided at
    /// creation ([`GroupId::choose`]).
    GroupId, "group id", |text| printable("group id", text, GroupId::MAX_BYTES)
}

/// Prefix of every generated group id.
pub const GENERATED_PREFIX: &str = "@TGS#";
/// Prefix of every community id, generated or chosen.
pub const COMMUNITY_PREFIX: &str = "@TGS#_";
/// Prefix of every generated community id.
pub const GENERATED_COMMUNITY_PREFIX: &str = "@TGS#_@TGS#";

impl GroupId {
    /// Most bytes a group id may have.
    pub const MAX_BYTES: usize = 48;

    /// Whether the id is one of a community.
    #[must_use]
    pub fn is_community(&self) -> bool {
        self.as_str().starts_with(COMMUNITY_PREFIX)
    }

    /// Checks an id that somebody chose for a new group: ordinary types may not begin with `@TGS#`; communities must begin
    /// with `@TGS#_` but not with `@TGS#_@TGS#` (docs/spec/README.md ruling 23), and hold no `@TOPIC#_`.
    ///
    /// # Errors
    /// [`BadId`] when the text is no id, or not one that may be chosen for this kind of group.
    pub fn choose(text: &str, community: bool) -> Result<Self, BadId> {
        let id = Self::parse(text)?;
        let allowed = if community {
            id.is_community()
                && !text.starts_with(GENERATED_COMMUNITY_PREFIX)
                && text.len() > COMMUNITY_PREFIX.len()
                // Nobody could tell such an id from that of a topic.
                && !text.contains(TOPIC_SEPARATOR)
        } else {
            !text.starts_with(GENERATED_PREFIX)
        };
        if allowed { Ok(id) } else { Err(BadId::Malformed("group id")) }
    }
}

/// What separates the community's id from the topic's own part.
pub const TOPIC_SEPARATOR: &str = "@TOPIC#_";

text_id! {
    /// A topic of a community: `<GroupId>@TOPIC#_<part>`, at most 96 bytes (docs/spec/group-types.md#8).
    TopicId, "topic id", |text| {
        printable("topic id", text, TopicId::MAX_BYTES)?;
        match text.split_once(TOPIC_SEPARATOR) {
            Some((group, part)) if group.starts_with(COMMUNITY_PREFIX) && !part.is_empty() => Ok(()),
            _ => Err(BadId::Malformed("topic id")),
        }
    }
}

/// What the own part of every generated topic id begins with.
pub const GENERATED_TOPIC_PREFIX: &str = "@TOPIC#c";

impl TopicId {
    /// Most bytes a topic id may have.
    pub const MAX_BYTES: usize = 96;
    /// Most bytes the own part of a chosen id may have.
    pub const MAX_PART_BYTES: usize = 48;

    /// Checks an id that somebody chose for a new topic of a community: the community's id, `@TOPIC#_`, and a part of its own that
    /// does not look generated.
    ///
    /// # Errors
    /// [`BadId`] when the text is no id, or not one that may be chosen there.
    pub fn choose(text: &str, group: &GroupId) -> Result<Self, BadId> {
        let id = Self::parse(text)?;
        let part = text.split_once(TOPIC_SEPARATOR).map_or("", |(_, part)| part);
        if part.len() > Self::MAX_PART_BYTES {
            let (bytes, limit) = (part.len(), Self::MAX_PART_BYTES);
            return Err(BadId::TooLong { kind: "the topic's own part of the id", bytes, limit });
        }
        if id.belongs_to(group) && !part.starts_with("@TOPIC#") { Ok(id) } else { Err(BadId::Malformed("topic id")) }
    }

    /// The id of a topic for which nobody chose one; `part` comes from the dice.
    #[must_use]
    pub fn generated(group: &GroupId, part: &str) -> Self {
        Self::trusted(&format!("{group}{TOPIC_SEPARATOR}{GENERATED_TOPIC_PREFIX}{part}"))
    }

    /// The community that the id says it belongs to.
    #[must_use]
    pub fn group(&self) -> &str {
        self.as_str().split_once(TOPIC_SEPARATOR).map_or("", |(group, _)| group)
    }

    /// Whether the topic belongs to the community.
    #[must_use]
    pub fn belongs_to(&self, group: &GroupId) -> bool {
        self.group() == group.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_ids_are_short_printable_ascii() {
        assert!(UserId::parse("user_1001").is_ok());
        assert!(UserId::parse(" ").is_ok());
        assert_eq!(UserId::parse(""), Err(BadId::Empty("user id")));
        assert!(matches!(UserId::parse(&"a".repeat(33)), Err(BadId::TooLong { bytes: 33, .. })));
        assert_eq!(UserId::parse("客服"), Err(BadId::BadCharacter("user id")));
        assert_eq!(UserId::parse("a\0b"), Err(BadId::BadCharacter("user id")));
    }

    #[test]
    fn chosen_group_ids_keep_out_of_the_generated_space() {
        for (text, community, fine) in [
            ("crew-7", false, true),
            ("ZENDESK#123", false, true),
            ("@TGS#mine", false, false),
            ("@TGS#_town", false, false),
            ("@TGS#_town", true, true),
            ("@TGS#_@TGS#town", true, false),
            ("@TGS#_", true, false),
            ("town", true, false),
            ("@TGS#_town@TOPIC#_news", true, false),
        ] {
            assert_eq!(GroupId::choose(text, community).is_ok(), fine, "{text} community={community}");
        }
    }

    #[test]
    fn topic_ids_name_their_community() {
        let town = GroupId::parse("@TGS#_town").expect("a valid id");
        let news = TopicId::parse("@TGS#_town@TOPIC#_news").expect("a valid id");
        assert!(news.belongs_to(&town));
        assert!(TopicId::parse("town@TOPIC#_news").is_err());
        assert!(TopicId::parse("@TGS#_town@TOPIC#_").is_err());
    }

    #[test]
    fn chosen_topic_ids_begin_with_their_community_and_keep_out_of_the_generated_space() {
        let town = GroupId::parse("@TGS#_town").expect("a valid id");
        let long = |bytes| format!("@TGS#_town@TOPIC#_{}", "x".repeat(bytes));
        for (text, fine) in [
            ("@TGS#_town@TOPIC#_news", true),
            ("@TGS#_town@TOPIC#_a b", true),
            ("@TGS#_city@TOPIC#_news", false),
            ("@TGS#_town@TOPIC#_@TOPIC#cABC", false),
            ("@TGS#_town@TOPIC#_", false),
            ("@TGS#_town@TOPIC#_新", false),
            ("news", false),
            (&long(48), true),
            (&long(49), false),
        ] {
            assert_eq!(TopicId::choose(text, &town).is_ok(), fine, "{text}");
        }
        let generated = TopicId::generated(&town, "AB12");
        assert_eq!(generated.as_str(), "@TGS#_town@TOPIC#_@TOPIC#cAB12");
        assert!(generated.belongs_to(&town) && TopicId::choose(generated.as_str(), &town).is_err());
    }
}
