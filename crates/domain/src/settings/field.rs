//! Custom fields: declared once by the app, then filled by its users (docs/spec/group-types.md#6, rest-users.md#4.1).

use serde::{Deserialize, Serialize};

use crate::{
    column::choice,
    permission::{Actor, Role},
};

choice! {
    /// The least privileged people whom a custom field of a group or member is open to.
    AccessLevel {
        /// Only app admins.
        AppAdmin = "app_admin", 1;
        /// The owner and above.
        Owner = "owner", 2;
        /// Admins and above.
        Admin = "admin", 3;
        /// Members and above.
        Member = "member", 4;
        /// Everybody, also outside the group.
        Anybody = "anybody", 5;
    }
}

impl AccessLevel {
    /// Whether the field is open to the actor.
    #[must_use]
    pub fn allows(self, actor: Actor) -> bool {
        match actor {
            Actor::AppAdmin => true,
            Actor::Role(Role::Owner) => self >= AccessLevel::Owner,
            Actor::Role(Role::Admin) => self >= AccessLevel::Admin,
            Actor::Role(Role::Member) => self >= AccessLevel::Member,
            Actor::Role(Role::NotMember) => self >= AccessLevel::Anybody,
        }
    }
}

/// A custom field of groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupField {
    /// 1 to 16 letters, digits or `_`, not beginning with a digit.
    pub key: String,
    /// Who reads it.
    #[serde(default = "anybody")]
    pub read: AccessLevel,
    /// Who writes it.
    #[serde(default = "admin")]
    pub write: AccessLevel,
    /// The types of groups that have it, by canonical name; empty = all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
}

/// A custom field of members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberField {
    /// 1 to 16 letters, digits or `_`, not beginning with a digit.
    pub key: String,
    /// Who reads it on others.
    #[serde(default = "member")]
    pub read: AccessLevel,
    /// Who writes it on others.
    #[serde(default = "admin")]
    pub write: AccessLevel,
    /// Whether members read it on themselves.
    #[serde(default = "yes")]
    pub self_read: bool,
    /// Whether members write it on themselves.
    #[serde(default = "yes")]
    pub self_write: bool,
    /// The types of groups whose members have it, by canonical name; empty = all that store members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
}

fn anybody() -> AccessLevel {
    AccessLevel::Anybody
}

fn admin() -> AccessLevel {
    AccessLevel::Admin
}

fn member() -> AccessLevel {
    AccessLevel::Member
}

fn yes() -> bool {
    true
}

impl GroupField {
    /// Whether groups of the type have the field.
    #[must_use]
    pub fn applies_to(&self, type_name: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|name| name == type_name)
    }
}

impl MemberField {
    /// Whether members of groups of the type have the field.
    #[must_use]
    pub fn applies_to(&self, type_name: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|name| name == type_name)
    }

    /// Whether the actor reads the field, on themselves or on somebody else.
    #[must_use]
    pub fn readable(&self, actor: Actor, on_self: bool) -> bool {
        self.read.allows(actor) || (on_self && self.self_read)
    }

    /// Whether the actor writes the field, on themselves or on somebody else.
    #[must_use]
    pub fn writable(&self, actor: Actor, on_self: bool) -> bool {
        if on_self && actor != Actor::AppAdmin { self.self_write } else { self.write.allows(actor) }
    }
}

choice! {
    /// What a custom field of a profile or friend holds.
    FieldKind {
        /// Text or bytes.
        Bytes = "bytes";
        /// A whole number.
        Integer = "integer";
    }
}

/// A custom field of profiles or of friends. Neither keyword nor kind ever changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserField {
    /// The part after the tag's prefix: 1 to 8 letters.
    pub keyword: String,
    /// What it holds.
    #[serde(default = "bytes")]
    pub kind: FieldKind,
    /// Whether clients read it.
    #[serde(default = "yes")]
    pub client_read: bool,
    /// Whether clients write it.
    #[serde(default = "yes")]
    pub client_write: bool,
    /// Whether app admins read it.
    #[serde(default = "yes")]
    pub admin_read: bool,
    /// Whether app admins write it.
    #[serde(default = "yes")]
    pub admin_write: bool,
}

fn bytes() -> FieldKind {
    FieldKind::Bytes
}

impl UserField {
    /// Whether an app admin, or else a client, reads the field.
    #[must_use]
    pub fn readable(&self, by_app_admin: bool) -> bool {
        if by_app_admin { self.admin_read } else { self.client_read }
    }

    /// Whether an app admin, or else a client, writes the field.
    #[must_use]
    pub fn writable(&self, by_app_admin: bool) -> bool {
        if by_app_admin { self.admin_write } else { self.client_write }
    }
}
