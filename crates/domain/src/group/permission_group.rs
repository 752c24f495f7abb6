//! Permission groups of a community: masks of rights, and who has them (docs/spec/group-types.md#73).

use std::collections::BTreeMap;

use crate::{GroupId, TopicId, time::Timestamp};

/// A permission group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionGroup {
    /// The community.
    pub group: GroupId,
    /// Unique in the community.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What its members may do in the community.
    pub permission: u64,
    /// The app's own text.
    pub custom_string: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// How many members it has; kept by the store.
    pub member_num: u64,
}

/// What the permission groups of one member allow, all together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// In the community.
    pub community: u64,
    /// In single topics, beyond what their own masks allow everybody.
    pub topics: BTreeMap<TopicId, u64>,
}
