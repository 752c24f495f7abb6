//! Attributes and counters: what apps keep in a group without declaring it (docs/spec/rest-groups.md#5).

use std::collections::BTreeMap;

use crate::GroupId;

/// The attributes of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Grows by one with every write; what clients compare.
    pub seq: u64,
    /// The entries by key.
    pub entries: BTreeMap<String, Attribute>,
}

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its value.
    pub value: String,
    /// Grows by one with every change of the value.
    pub seq: u64,
}

/// A write to the attributes of a group, as decided against what was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeChange {
    /// The group.
    pub group: GroupId,
    /// [`Attributes::seq`] afterwards.
    pub seq: u64,
    /// Everything else goes first.
    pub clear: bool,
    /// Keys that go.
    pub delete: Vec<String>,
    /// What is new.
    pub put: BTreeMap<String, Attribute>,
}

/// The counters of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Grows by one with every write.
    pub seq: u64,
    /// The values by key.
    pub values: BTreeMap<String, i64>,
}

/// A write to the counters of a group, as decided against what was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterChange {
    /// The group.
    pub group: GroupId,
    /// [`Counters::seq`] afterwards.
    pub seq: u64,
    /// Keys that go.
    pub delete: Vec<String>,
    /// Values now.
    pub put: BTreeMap<String, i64>,
}
