//! The life of groups: created, described, changed, handed over, dismissed. Spec: docs/spec/rest-groups.md#1

pub(super) mod create;
mod info;
mod list;
mod modify;

use crate::catalogue::{Entry, list};

pub use create::CreateGroup;
pub use info::{GetGroupInfo, GetOwnGroupInfo, GetPublicGroupInfo};
pub use list::ListGroups;
pub use modify::{ChangeGroupOwner, DestroyGroup, ModifyGroup};

pub(crate) fn all() -> Vec<Entry> {
    list![
        ListGroups,
        CreateGroup,
        GetGroupInfo,
        GetOwnGroupInfo,
        GetPublicGroupInfo,
        ModifyGroup,
        ChangeGroupOwner,
        DestroyGroup,
    ]
}
