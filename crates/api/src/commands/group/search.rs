//! Finds groups by their names.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::group::search;

use super::info::public_fields;
use crate::{
    app::App,
    command::{Caller, Command, Route},
    error::Error,
    error_code::ErrorCode,
    wire::group_info::{GroupProfile, GroupView, Reader, ResponseFilter, Wanted},
};

/// Finds groups whose name contains some words, in types that the app lets be searched; no built-in type is at first. Capital
/// and small Latin letters are the same. REST only.
/// Units: pages count from 1. Limits: `limits.group.search_page` groups per page. Errors: `GroupBadParameter`,
/// `GroupNotAllowed` when no type can be searched. Spec: docs/spec/rest-groups.md#1.7
#[derive(Debug, Deserialize)]
pub struct SearchGroups {
    #[serde(rename = "Content")]
    words: String,
    #[serde(rename = "PageNum")]
    page: Option<u32>,
    #[serde(rename = "GroupPerPage")]
    per_page: Option<u32>,
    #[serde(rename = "ResponseFilter")]
    filter: Option<ResponseFilter>,
}

/// A page of the groups that were found.
#[derive(Debug, Serialize)]
pub struct Found {
    #[serde(rename = "GroupInfo")]
    groups: Vec<GroupProfile>,
    #[serde(rename = "TotalRecord")]
    total: u64,
}

impl SearchGroups {
    /// How many to pass over, and how many to list.
    fn page(&self, most: u32) -> Result<(u64, u32), Error> {
        let bad = |text: String| Error::new(ErrorCode::GroupBadParameter, text);
        match (self.page, self.per_page) {
            (None, None) => Ok((0, most)),
            (Some(_), None) => Err(bad("`GroupPerPage` is missing".into())),
            (None, Some(_)) => Err(bad("`PageNum` is missing".into())),
            (Some(0), _) => Err(bad("`PageNum`: pages count from 1".into())),
            (_, Some(per_page)) if per_page == 0 || per_page > most => {
                Err(bad(format!("`GroupPerPage` is {per_page}, must be from 1 to {most}")))
            }
            (Some(page), Some(per_page)) => Ok((u64::from(page - 1) * u64::from(per_page), per_page)),
        }
    }
}

impl Command for SearchGroups {
    const ROUTE: Route = Route::rest("group_open_http_svc", "search_group", "docs/spec/rest-groups.md#1.7");
    type Reply = Found;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Found, Error> {
        let settings = app.settings();
        if self.words.is_empty() {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`Content` is empty"));
        }
        let (skip, limit) = self.page(settings.limits().group.search_page)?;
        let types = search::types_searchable_by_name(&settings)?;
        let types: Vec<&str> = types.iter().map(|group_type| group_type.as_str()).collect();
        let read = app.store().read();
        let (ids, total) = read.groups_named(app.id(), &types, &self.words, skip, limit as usize).await?;
        let wanted = match self.filter.as_ref().map(ResponseFilter::base) {
            Some(wanted @ Wanted::Named(_)) => wanted.among(&public_fields()),
            Some(Wanted::All | Wanted::Nothing) | None => public_fields(),
        };
        let mut groups = Vec::with_capacity(ids.len());
        for id in ids {
            // One that went meanwhile is no longer found.
            let Some(group) = app.store().group(app.id(), &id).await? else { continue };
            let scene = app.scene_of(group.clone(), caller, &caller.user).await?;
            let view = GroupView::of(app, group).await?;
            let reader = Reader::of(caller, &settings, &scene);
            groups.push(GroupProfile::of(&view, &reader, &wanted, &Wanted::Nothing).with_result());
        }
        Ok(Found { groups, total })
    }
}
