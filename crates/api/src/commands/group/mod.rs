//! The life of groups: created, described, changed, handed over, dismissed. Spec: docs/spec/rest-groups.md#1

pub(super) mod create;
mod info;
mod list;
pub(crate) mod modify;
mod search;

use crate::catalogue::{Entry, list};

pub use create::{CreateGroup, ImportGroup};
pub use info::{GetGroupInfo, GetOwnGroupInfo, GetPublicGroupInfo};
pub use list::ListGroups;
pub use modify::{ChangeGroupOwner, DestroyGroup, ModifyGroup};
pub use search::SearchGroups;

pub(crate) fn all() -> Vec<Entry> {
    list![
        ListGroups,
        CreateGroup,
        ImportGroup,
        GetGroupInfo,
        GetOwnGroupInfo,
        GetPublicGroupInfo,
        ModifyGroup,
        ChangeGroupOwner,
        DestroyGroup,
        SearchGroups,
    ]
}
