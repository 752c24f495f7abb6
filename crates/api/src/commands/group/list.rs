//! The list of all groups.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{GroupId, GroupType};

use crate::{
    app::App,
    command::{Caller, Command, Route},
    error::Error,
    error_code::ErrorCode,
};

/// Lists the ids of the app's groups, page by page. REST only. Dismissed groups are absent, sleeping ones are listed.
/// Limits: `limits.group.list_page` per page; called once a second. Errors: `GroupBadParameter`.
/// Spec: docs/spec/rest-groups.md#1.1
#[derive(Debug, Deserialize)]
pub struct ListGroups {
    #[serde(rename = "Limit")]
    limit: Option<u64>,
    #[serde(rename = "Next", default)]
    next: u64,
    #[serde(rename = "GroupType", alias = "Type")]
    group_type: Option<String>,
}

/// A page of groups.
#[derive(Debug, Serialize)]
pub struct GroupList {
    #[serde(rename = "TotalCount")]
    total: u64,
    #[serde(rename = "GroupIdList")]
    groups: Vec<Listed>,
    #[serde(rename = "Next")]
    next: u64,
}

#[derive(Debug, Serialize)]
struct Listed {
    #[serde(rename = "GroupId")]
    id: GroupId,
}

/// The type of that name in the app.
///
/// # Errors
/// `GroupBadParameter` when the app has no such type.
pub(super) fn known_type(app: &App, field: &str, name: &str) -> Result<GroupType, Error> {
    let group_type = GroupType::from_stored(name);
    if app.policy(&group_type).is_none() {
        return Err(Error::new(ErrorCode::GroupBadParameter, format!("`{field}`: there is no group type `{name}`")));
    }
    Ok(group_type)
}

impl Command for ListGroups {
    const ROUTE: Route = Route::rest("group_open_http_svc", "get_appid_group_list", "docs/spec/rest-groups.md#1.1");
    type Reply = GroupList;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<GroupList, Error> {
        let most = u64::from(app.settings().limits().group.list_page);
        let limit = self.limit.unwrap_or(most);
        if !(1..=most).contains(&limit) {
            let text = format!("`Limit` is {limit}, must be from 1 to {most}");
            return Err(Error::new(ErrorCode::GroupBadParameter, text));
        }
        let group_type = self.group_type.as_deref().filter(|name| !name.is_empty());
        let group_type = group_type.map(|name| known_type(app, "GroupType", name)).transpose()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let of_type = group_type.as_ref().map(GroupType::as_str);
        let page = app.store().read().group_page(app.id(), of_type, self.next, limit).await?;
        let groups = page.ids.into_iter().map(|id| Listed { id }).collect();
        Ok(GroupList { total: page.total, groups, next: page.next })
    }
}
