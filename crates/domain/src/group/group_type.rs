//! The kinds of groups and the names they have had over the years (docs/spec/group-types.md#1).
//!
//! One canonical name is stored; what is written to callers follows the app's [`TypeNames`]. A group's type never changes.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::column::choice;

/// The kind of a group. What a kind allows is in [`super::GroupPolicy`], not here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupType {
    /// Small, by invitation only. Older name: Private.
    Work,
    /// Joined on approval.
    Public,
    /// Free to enter and leave, with history. Older name: ChatRoom.
    Meeting,
    /// A live room: unlimited, nothing stored.
    AvChatRoom,
    /// Very large, optionally with topics.
    Community,
    /// Reaches everybody who is online; only app admins speak.
    Broadcast,
    /// A type that the app defined, by its name (docs/spec/group-types.md#2.10).
    Custom(Arc<str>),
}

choice! {
    /// Which generation of type names callers see.
    TypeNames {
        /// Private and ChatRoom, as REST answers and webhooks have always said.
        Legacy = "legacy";
        /// Work and Meeting.
        Modern = "modern";
        /// The spelling that the group was created with.
        AsCreated = "as_created";
    }
}

impl TypeNames {
    /// The spelling for a group that was created with the spelling `created_as`
    /// (see [`GroupType::spelling`]): only [`TypeNames::AsCreated`] looks at it.
    #[must_use]
    pub fn for_group(self, created_as: TypeNames) -> TypeNames {
        match self {
            TypeNames::AsCreated => created_as,
            TypeNames::Legacy | TypeNames::Modern => self,
        }
    }
}

impl GroupType {
    /// The types that exist in every app.
    pub const BUILT_IN: [GroupType; 6] = [
        GroupType::Work,
        GroupType::Public,
        GroupType::Meeting,
        GroupType::AvChatRoom,
        GroupType::Community,
        GroupType::Broadcast,
    ];

    /// The built-in type of that name, in any generation's spelling. Names are case-sensitive.
    #[must_use]
    pub fn parse_builtin(name: &str) -> Option<GroupType> {
        match name {
            "Work" | "Private" => Some(GroupType::Work),
            "Public" => Some(GroupType::Public),
            "Meeting" | "ChatRoom" => Some(GroupType::Meeting),
            "AVChatRoom" => Some(GroupType::AvChatRoom),
            "Community" => Some(GroupType::Community),
            "BChatRoom" => Some(GroupType::Broadcast),
            _ => None,
        }
    }

    /// Reads a stored name back: a built-in type, else the app's own type of that name.
    #[must_use]
    pub fn from_stored(name: &str) -> GroupType {
        Self::parse_builtin(name).unwrap_or_else(|| GroupType::Custom(name.into()))
    }

    /// The canonical name, under which the type is stored and configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            GroupType::Work => "Work",
            GroupType::Public => "Public",
            GroupType::Meeting => "Meeting",
            GroupType::AvChatRoom => "AVChatRoom",
            GroupType::Community => "Community",
            GroupType::Broadcast => "BChatRoom",
            GroupType::Custom(name) => name,
        }
    }

    /// The name that callers see. Without a record of the group's own spelling ([`TypeNames::for_group`]),
    /// [`TypeNames::AsCreated`] means the older one.
    #[must_use]
    pub fn wire_name(&self, names: TypeNames) -> &str {
        match (self, names) {
            (GroupType::Work, TypeNames::Legacy | TypeNames::AsCreated) => "Private",
            (GroupType::Meeting, TypeNames::Legacy | TypeNames::AsCreated) => "ChatRoom",
            _ => self.as_str(),
        }
    }

    /// The generation that a type name given at creation belongs to.
    #[must_use]
    pub fn spelling(name: &str) -> TypeNames {
        match name {
            "Work" | "Meeting" => TypeNames::Modern,
            _ => TypeNames::Legacy,
        }
    }

    /// The first character of the drawn part of a generated id (docs/spec/group-types.md#8). Nobody may rely on it.
    #[must_use]
    pub fn id_letter(&self) -> char {
        match self {
            GroupType::Work => '1',
            GroupType::Public => '2',
            GroupType::Meeting => '3',
            GroupType::AvChatRoom => 'a',
            GroupType::Community => 'c',
            GroupType::Broadcast => 'b',
            GroupType::Custom(_) => 'x',
        }
    }

    /// Whether the type exists in every app.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        !matches!(self, GroupType::Custom(_))
    }
}

impl fmt::Display for GroupType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for GroupType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for GroupType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::from_stored(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generation_of_names_is_understood() {
        for (name, canonical, legacy) in [
            ("Work", "Work", "Private"),
            ("Private", "Work", "Private"),
            ("Public", "Public", "Public"),
            ("Meeting", "Meeting", "ChatRoom"),
            ("ChatRoom", "Meeting", "ChatRoom"),
            ("AVChatRoom", "AVChatRoom", "AVChatRoom"),
            ("Community", "Community", "Community"),
            ("BChatRoom", "BChatRoom", "BChatRoom"),
        ] {
            let kind = GroupType::parse_builtin(name).expect("a built-in name");
            assert_eq!(kind.as_str(), canonical, "{name}");
            assert_eq!(kind.wire_name(TypeNames::Legacy), legacy, "{name}");
            assert_eq!(kind.wire_name(TypeNames::Modern), canonical, "{name}");
            assert_eq!(kind.wire_name(TypeNames::AsCreated.for_group(GroupType::spelling(name))), name);
        }
    }

    #[test]
    fn names_are_case_sensitive() {
        for name in ["work", "PRIVATE", "Chatroom", "AvChatRoom", "", "Work "] {
            assert_eq!(GroupType::parse_builtin(name), None, "{name}");
        }
    }

    #[test]
    fn stored_types_read_back() {
        for kind in GroupType::BUILT_IN.into_iter().chain([GroupType::Custom("OAGroup".into())]) {
            let text = serde_json::to_string(&kind).expect("a type is a string");
            assert_eq!(text, format!("\"{}\"", kind.as_str()));
            assert_eq!(serde_json::from_str::<GroupType>(&text).expect("a type reads back"), kind);
        }
    }
}
