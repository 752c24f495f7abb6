//! Conversations of a list, and what a user does with them, as the wire writes them (docs/spec/rest-c2c.md#3).

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    GroupId, UserId,
    conversation::care::{Contact, ReceiveOption},
};

/// A conversation as requests and answers name it.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct ContactItem {
    #[serde(rename = "Type", alias = "type")]
    kind: u32,
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    #[serde(rename = "ToGroupId", alias = "ToGroupid", alias = "GroupId", skip_serializing_if = "Option::is_none")]
    group: Option<GroupId>,
}

impl ContactItem {
    /// The conversation it names.
    ///
    /// # Errors
    /// A text that names what is missing or wrong.
    pub fn contact(&self) -> Result<Contact, String> {
        match (self.kind, &self.user, &self.group) {
            (1, Some(user), _) => Ok(Contact::User(user.clone())),
            (1, None, _) => Err("`To_Account` is missing".into()),
            (2, _, Some(group)) => Ok(Contact::Group(group.clone())),
            (2, _, None) => Err("`ToGroupId` is missing".into()),
            (other, ..) => Err(format!("`Type`: {other} is neither 1 nor 2")),
        }
    }
}

impl From<&Contact> for ContactItem {
    fn from(contact: &Contact) -> Self {
        match contact {
            Contact::User(user) => Self { kind: 1, user: Some(user.clone()), group: None },
            Contact::Group(group) => Self { kind: 2, user: None, group: Some(group.clone()) },
        }
    }
}

/// Marks as backends read them: a 0 or 1 for each, the highest that is set first; empty for none.
#[must_use]
pub fn set_marks(marks: u64) -> String {
    if marks == 0 { String::new() } else { format!("{marks:b}") }
}

/// Marks as clients read them: a 0 or 1 for each of the 64, the highest first.
#[must_use]
pub fn all_marks(marks: u64) -> String {
    format!("{marks:064b}")
}

/// The number of a receive option.
#[must_use]
pub fn option_number(option: ReceiveOption) -> u32 {
    match option {
        ReceiveOption::Notify => 0,
        ReceiveOption::Discard => 1,
        ReceiveOption::Silent => 2,
    }
}

/// The receive option of a number.
#[must_use]
pub fn option_of(number: u32) -> Option<ReceiveOption> {
    [ReceiveOption::Notify, ReceiveOption::Discard, ReceiveOption::Silent]
        .into_iter()
        .find(|option| option_number(*option) == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_in_both_spellings() {
        assert_eq!((set_marks(0).as_str(), set_marks(0b1001).as_str()), ("", "1001"));
        assert_eq!(all_marks(1), format!("{}1", "0".repeat(63)));
        assert_eq!(all_marks(u64::MAX), "1".repeat(64));
    }

    #[test]
    fn contacts_are_named_by_type() {
        let read = |json: &str| serde_json::from_str::<ContactItem>(json).expect("an item").contact();
        assert_eq!(read(r#"{"Type":1,"To_Account":"ana"}"#), Ok(Contact::User(UserId::trusted("ana"))));
        for name in ["ToGroupId", "ToGroupid", "GroupId"] {
            let json = format!(r#"{{"type":2,"{name}":"crew"}}"#);
            assert_eq!(read(&json), Ok(Contact::Group(GroupId::trusted("crew"))));
        }
        for bad in [r#"{"Type":1}"#, r#"{"Type":2,"To_Account":"ana"}"#, r#"{"Type":3,"To_Account":"ana"}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
