//! Accounts: the known users of an app and their profiles.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    UserId,
    change::{Change, Event, Write},
    group::Group,
    relation::RelationNews,
    time::{MuteUntil, Timestamp},
};

/// A known user: imported, or created by the first login with a valid ticket (docs/spec/rest-users.md#1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Who it is.
    pub user: UserId,
    /// The internal 64-bit number that message ids are built from; given by the store, 0 before.
    pub tiny_id: u64,
    /// When the account came to be.
    pub created_at: Timestamp,
    /// Profile fields by tag, standard and custom; a tag never set is absent.
    pub profile: BTreeMap<String, ProfileValue>,
    /// Tickets issued before this second are void (docs/spec/usersig.md#7); 0: none is.
    pub valid_from: Timestamp,
    /// Whether the account ever logged in.
    pub logged_in: bool,
    /// Until when the app lets the account say nothing to single users.
    #[serde(default)]
    pub direct_muted: MuteUntil,
    /// Until when the app lets the account say nothing in groups.
    #[serde(default)]
    pub groups_muted: MuteUntil,
    /// What the user says of themselves.
    #[serde(default)]
    pub status: String,
}

/// Tag of the nickname.
pub const NICK: &str = "Tag_Profile_IM_Nick";
/// Tag of the picture address.
pub const IMAGE: &str = "Tag_Profile_IM_Image";

impl Account {
    /// An account as import or first login makes it.
    #[must_use]
    pub fn new(user: UserId, now: Timestamp) -> Self {
        Self {
            user,
            tiny_id: 0,
            created_at: now,
            profile: BTreeMap::new(),
            valid_from: Timestamp(0),
            logged_in: false,
            direct_muted: MuteUntil::NEVER,
            groups_muted: MuteUntil::NEVER,
            status: String::new(),
        }
    }

    /// The nickname, empty when never set.
    #[must_use]
    pub fn nick(&self) -> &str {
        self.text(NICK)
    }

    /// The picture address, empty when never set.
    #[must_use]
    pub fn face_url(&self) -> &str {
        self.text(IMAGE)
    }

    /// A text field of the profile, empty when never set.
    #[must_use]
    pub fn text(&self, tag: &str) -> &str {
        match self.profile.get(tag) {
            Some(ProfileValue::Text(text)) => text,
            _ => "",
        }
    }
}

/// The value of a profile field: text or an unsigned number, as the tag demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ProfileValue {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
}

/// Voids every ticket issued before this second and ends the account's sessions (docs/spec/usersig.md#7).
#[must_use]
pub fn kick(account: &Account, now: Timestamp) -> Change {
    let kicked = Account { valid_from: now, ..account.clone() };
    Change::none()
        .write(Write::PutAccount(Box::new(kicked)))
        .write(Write::DeleteDevice { user: account.user.clone(), instance: None })
        .event(Event::Kicked { user: account.user.clone() })
}

/// Ends an account with its memberships and relations; groups it owned go on without an owner. `listed_by` have it in their
/// friend lists.
#[must_use]
pub fn delete<'a>(
    user: &UserId,
    joined: impl IntoIterator<Item = &'a Group>,
    listed_by: &[UserId],
    now: Timestamp,
) -> Change {
    let mut change = Change::none();
    for group in joined {
        change = change.write(Write::DeleteMember(group.id.clone(), user.clone()));
        if group.owner.as_ref() == Some(user) {
            change = change.write(Write::UpdateGroup(Box::new(Group { owner: None, ..group.clone() })));
        }
        change =
            change.event(Event::Membership { group: group.id.clone(), joined: Vec::new(), left: vec![user.clone()] });
    }
    for owner in listed_by {
        let news = RelationNews::FriendsDeleted(vec![user.clone()]);
        change = change.event(Event::Relation { user: owner.clone(), news });
    }
    change
        .write(Write::DeleteAccount(user.clone()))
        .write(Write::NoteDeletion { user: user.clone(), at: now })
        .event(Event::Kicked { user: user.clone() })
}

/// Whether the id of an account that was deleted is free again.
#[must_use]
pub fn may_come_again(deleted_at: Option<Timestamp>, block_days: u32, now: Timestamp) -> bool {
    deleted_at.is_none_or(|deleted| now.since(deleted) >= i64::from(block_days) * 86_400)
}
