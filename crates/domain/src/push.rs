//! Pushes: messages to every account of an app, or to those whose labels meet a condition, in one step.
//!
//! Nothing is written per receiver when a push is made: it takes a place in the app's list of pushes, and whoever was away takes it
//! from there when they come (docs/spec/rest-push-ops.md#1).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    UserId,
    conversation::ConversationKey,
    message::{Content, Draft, MessageOptions, Priority, Sender},
    time::{Millis, Timestamp},
};

/// The longest tag, attribute name and attribute value, in bytes.
pub const LABEL_BYTES: usize = 50;
/// The most tags in one list of a condition.
pub const CONDITION_TAGS: usize = 10;

/// What an app knows a user by when it pushes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// Values by the number of the attribute.
    pub attributes: BTreeMap<u8, String>,
    /// Tags.
    pub tags: BTreeSet<String>,
}

/// Which users a push is for. Attributes are known by number, so that renaming one changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Condition {
    /// Every one of these has to have the value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes_all: BTreeMap<u8, String>,
    /// One of these has to have the value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes_any: BTreeMap<u8, String>,
    /// Every one of these has to be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_all: Vec<String>,
    /// One of these has to be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_any: Vec<String>,
    /// None of these may be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_none: Vec<String>,
}

/// A condition by the names of attributes, as a backend writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedCondition {
    /// As [`Condition::attributes_all`].
    pub attributes_all: BTreeMap<String, String>,
    /// As [`Condition::attributes_any`].
    pub attributes_any: BTreeMap<String, String>,
    /// As [`Condition::tags_all`].
    pub tags_all: Vec<String>,
    /// As [`Condition::tags_any`].
    pub tags_any: Vec<String>,
    /// As [`Condition::tags_none`].
    pub tags_none: Vec<String>,
}

/// What is wrong with labels or a condition on them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLabel {
    /// Attributes and tags cannot be asked for together.
    #[error("attributes and tags stand in one condition")]
    Mixed,
    /// A tag is wanted twice over.
    #[error("tag `{0}` stands in two lists of the condition")]
    Repeated(String),
    /// No attribute has the name or number.
    #[error("attribute `{0}` is not declared")]
    UnknownAttribute(String),
    /// A tag of nothing.
    #[error("a tag is empty")]
    EmptyTag,
    /// A long tag.
    #[error("tag `{0}` has more than {LABEL_BYTES} bytes")]
    LongTag(String),
    /// Too many tags.
    #[error("there are {number} tags, at most {most} are allowed")]
    TooManyTags {
        /// How many.
        number: usize,
        /// How many may be.
        most: usize,
    },
    /// An attribute's value, or a name of one, of nothing or too long.
    #[error("{0} has not 1 to {LABEL_BYTES} bytes")]
    BadText(String),
}

/// Lets pass what can be a tag.
///
/// # Errors
/// [`BadLabel::EmptyTag`], [`BadLabel::LongTag`].
pub fn check_tag(tag: &str) -> Result<(), BadLabel> {
    if tag.is_empty() {
        return Err(BadLabel::EmptyTag);
    }
    if tag.len() > LABEL_BYTES {
        return Err(BadLabel::LongTag(tag.to_owned()));
    }
    Ok(())
}

/// Lets pass lists of at most so many tags.
///
/// # Errors
/// [`BadLabel::TooManyTags`], and those of [`check_tag`].
pub fn check_tags(tags: &[String], most: usize) -> Result<(), BadLabel> {
    if tags.len() > most {
        return Err(BadLabel::TooManyTags { number: tags.len(), most });
    }
    tags.iter().try_for_each(|tag| check_tag(tag))
}

/// Lets pass what can be the value of an attribute.
///
/// # Errors
/// [`BadLabel::BadText`].
pub fn check_value(name: &str, value: &str) -> Result<(), BadLabel> {
    if (1..=LABEL_BYTES).contains(&value.len()) {
        return Ok(());
    }
    Err(BadLabel::BadText(format!("the value of attribute `{name}`")))
}

/// The number of a declared attribute.
///
/// # Errors
/// [`BadLabel::UnknownAttribute`].
pub fn attribute_number(names: &BTreeMap<u8, String>, name: &str) -> Result<u8, BadLabel> {
    let found = names.iter().find(|(_, known)| *known == name);
    found.map(|(number, _)| *number).ok_or_else(|| BadLabel::UnknownAttribute(name.to_owned()))
}

impl NamedCondition {
    /// The condition by the numbers of attributes.
    ///
    /// # Errors
    /// What is wrong with it (docs/spec/rest-push-ops.md#1.2).
    pub fn resolve(self, names: &BTreeMap<u8, String>) -> Result<Condition, BadLabel> {
        let lists = [&self.tags_all, &self.tags_any, &self.tags_none];
        let has_attributes = !self.attributes_all.is_empty() || !self.attributes_any.is_empty();
        if has_attributes && lists.iter().any(|list| !list.is_empty()) {
            return Err(BadLabel::Mixed);
        }
        let mut seen = BTreeSet::new();
        for list in lists {
            check_tags(list, CONDITION_TAGS)?;
            let own: BTreeSet<&String> = list.iter().collect();
            if let Some(twice) = own.iter().find(|tag| seen.contains(**tag)) {
                return Err(BadLabel::Repeated((**twice).clone()));
            }
            seen.extend(own);
        }
        let numbered = |attributes: &BTreeMap<String, String>| {
            let one = |(name, value): (&String, &String)| {
                let number = attribute_number(names, name)?;
                check_value(name, value)?;
                Ok((number, value.clone()))
            };
            attributes.iter().map(one).collect::<Result<_, BadLabel>>()
        };
        Ok(Condition {
            attributes_all: numbered(&self.attributes_all)?,
            attributes_any: numbered(&self.attributes_any)?,
            tags_all: self.tags_all,
            tags_any: self.tags_any,
            tags_none: self.tags_none,
        })
    }
}

impl Condition {
    /// Whether it is met by everybody.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a user with these labels meets it.
    #[must_use]
    pub fn is_met(&self, labels: &Labels) -> bool {
        let has = |(number, value): (&u8, &String)| labels.attributes.get(number) == Some(value);
        let tagged = |tag: &String| labels.tags.contains(tag);
        self.attributes_all.iter().all(has)
            && (self.attributes_any.is_empty() || self.attributes_any.iter().any(has))
            && self.tags_all.iter().all(tagged)
            && (self.tags_any.is_empty() || self.tags_any.iter().any(tagged))
            && !self.tags_none.iter().any(tagged)
    }
}

/// What an entry of an app's list of pushes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PushKind {
    /// To all accounts, or those that meet a condition; counts towards the day's number.
    ToMany,
    /// To named accounts.
    ToNamed,
    /// Takes an earlier push back.
    Revocation,
}

impl PushKind {
    /// The number it is stored as.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::ToMany => 1,
            Self::ToNamed => 2,
            Self::Revocation => 3,
        }
    }
}

/// A push, or the end of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// Its name. A revocation has the name of what it takes back.
    pub task: String,
    /// What it is.
    pub kind: PushKind,
    /// Who sends it.
    pub from: UserId,
    /// The caller's dice: a repeat is the same push.
    pub random: u32,
    /// Orders it among the sender's messages of one second.
    pub client_seq: u32,
    /// When it was made.
    pub made_at: Millis,
    /// For how many seconds it waits for those who are away; 0: for those online only.
    pub life_secs: u32,
    /// Whom it is for.
    pub condition: Condition,
    /// Whom it names ([`PushKind::ToNamed`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<UserId>,
    /// What it says, elements as JSON text; absent: it is only announced on devices that are away.
    pub elements: Option<Arc<str>>,
    /// The sender's data beside the content.
    pub cloud_custom_data: Option<Arc<str>>,
    /// How it is announced on devices that are away, JSON text; absent: by the default words.
    pub push_info: Option<Arc<str>>,
    /// Whether it stays in the history of its receivers.
    pub roams: bool,
    /// The caller's label for statistics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_id: Option<String>,
}

impl Push {
    /// The second it was made in.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.made_at.second()
    }

    /// Until when those who come later get it.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        Timestamp(self.time().0 + i64::from(self.life_secs))
    }

    /// Whether it is kept for those who come later.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.life_secs > 0 && self.elements.is_some()
    }

    /// The message that one receiver gets; `None` for those who get none: its own sender, and everybody where nothing is said.
    #[must_use]
    pub fn message_to(&self, user: &UserId) -> Option<Draft> {
        let elements = self.elements.clone()?;
        if *user == self.from {
            return None;
        }
        Some(Draft {
            conversation: ConversationKey::direct(&self.from, user),
            sender: Sender::User(self.from.clone()),
            random: self.random,
            time: self.time(),
            client_time: self.time().0,
            client_seq: self.client_seq,
            priority: Priority::Normal,
            content: Content::Elements(elements),
            cloud_custom_data: self.cloud_custom_data.clone(),
            options: MessageOptions {
                hidden_from_sender: true,
                online_only: self.life_secs == 0,
                push_info: self.push_info.clone(),
                no_roaming: !self.roams,
                ..MessageOptions::default()
            },
        })
    }
}

/// How far a push has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Whether it is through.
    pub is_finished: bool,
    /// Where the search for receivers goes on; the store's own mark.
    pub cursor: u64,
    /// Accounts it is for, as far as they were looked at.
    pub total: u64,
    /// Of those, how many were here and got it at once.
    pub online: u64,
    /// Devices that were handed to a push service.
    pub announced: u64,
    /// Accounts that were away and have no device to announce it on.
    pub unreachable: u64,
    /// Whether it was taken back.
    pub is_revoked: bool,
}

/// A device that can be told of what happens while it is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushDevice {
    /// The device's own name for itself.
    pub device: String,
    /// Which of the app's channels reaches it.
    pub channel: u32,
    /// What the channel's service knows it by.
    pub token: String,
    /// Whether it wants to be told.
    pub enabled: bool,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn names() -> BTreeMap<u8, String> {
        BTreeMap::from([(0, "region".into()), (3, "grade".into())])
    }

    fn map(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    fn tags(list: &[&str]) -> Vec<String> {
        list.iter().map(|tag| (*tag).into()).collect()
    }

    fn labels(attributes: &[(u8, &str)], list: &[&str]) -> Labels {
        Labels {
            attributes: attributes.iter().map(|(number, value)| (*number, (*value).into())).collect(),
            tags: list.iter().map(|tag| (*tag).into()).collect(),
        }
    }

    #[rstest]
    //      all of                            any of                            labels                              met
    #[case(&[("region", "north")], &[], &[(0, "north")], true)]
    #[case(&[("region", "north")], &[], &[(0, "south")], false)]
    #[case(&[("region", "north"), ("grade", "3")], &[], &[(0, "north")], false)]
    #[case(&[("region", "north"), ("grade", "3")], &[], &[(0, "north"), (3, "3")], true)]
    #[case(&[], &[("region", "north"), ("grade", "3")], &[(3, "3")], true)]
    #[case(&[], &[("region", "north")], &[], false)]
    #[case(&[("region", "north")], &[("grade", "3"), ("grade", "4")], &[(0, "north"), (3, "4")], true)]
    #[case(&[("region", "north")], &[("grade", "4")], &[(0, "north"), (3, "3")], false)]
    fn attributes_decide(
        #[case] all: &[(&str, &str)],
        #[case] any: &[(&str, &str)],
        #[case] of_user: &[(u8, &str)],
        #[case] met: bool,
    ) {
        let named = NamedCondition { attributes_all: map(all), attributes_any: map(any), ..NamedCondition::default() };
        assert_eq!(named.resolve(&names()).unwrap().is_met(&labels(of_user, &[])), met);
    }

    #[rstest]
    //      all of        any of              none of      labels                met
    #[case(&[], &[], &[], &[], true)]
    #[case(&["driver"], &[], &[], &["driver", "north"], true)]
    #[case(&["driver"], &[], &[], &["north"], false)]
    #[case(&["driver"], &["north", "south"], &[], &["driver", "south"], true)]
    #[case(&["driver"], &["north", "south"], &[], &["driver"], false)]
    #[case(&[], &[], &["off"], &["driver"], true)]
    #[case(&["driver"], &[], &["off"], &["driver", "off"], false)]
    fn tags_decide(
        #[case] all: &[&str],
        #[case] any: &[&str],
        #[case] none: &[&str],
        #[case] of_user: &[&str],
        #[case] met: bool,
    ) {
        let named = NamedCondition {
            tags_all: tags(all),
            tags_any: tags(any),
            tags_none: tags(none),
            ..NamedCondition::default()
        };
        assert_eq!(named.resolve(&names()).unwrap().is_met(&labels(&[], of_user)), met);
    }

    #[test]
    fn faults_of_conditions_are_named() {
        let long = "x".repeat(51);
        let eleven: Vec<String> = (0..11).map(|at| format!("tag{at}")).collect();
        let base = NamedCondition::default;
        for (named, fault) in [
            (
                NamedCondition { attributes_any: map(&[("region", "x")]), tags_all: tags(&["a"]), ..base() },
                BadLabel::Mixed,
            ),
            (
                NamedCondition { tags_all: tags(&["a", "b"]), tags_any: tags(&["b"]), ..base() },
                BadLabel::Repeated("b".into()),
            ),
            (
                NamedCondition { attributes_all: map(&[("fuel", "x")]), ..base() },
                BadLabel::UnknownAttribute("fuel".into()),
            ),
            (NamedCondition { tags_any: tags(&[""]), ..base() }, BadLabel::EmptyTag),
            (NamedCondition { tags_any: vec![long.clone()], ..base() }, BadLabel::LongTag(long.clone())),
            (NamedCondition { tags_any: eleven, ..base() }, BadLabel::TooManyTags { number: 11, most: 10 }),
            (
                NamedCondition { attributes_all: map(&[("region", "")]), ..base() },
                BadLabel::BadText("the value of attribute `region`".into()),
            ),
            (
                NamedCondition { attributes_any: map(&[("region", &long)]), ..base() },
                BadLabel::BadText("the value of attribute `region`".into()),
            ),
        ] {
            assert_eq!(named.resolve(&names()), Err(fault));
        }
    }
}
