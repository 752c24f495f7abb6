//! Describes groups: to backends, to their members, to strangers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{Action, GroupId, group::policy::MemberList};

use crate::{
    app::App,
    command::{Caller, Command, Route},
    error::Error,
    error_code::ErrorCode,
    wire::group_info::{GroupProfile, GroupView, MemberProfile, Reader, ResponseFilter, Wanted},
};

/// Describes up to 50 groups with their members. REST only. Each group has a code of its own.
/// Limits: `limits.group.info_batch`. Errors: `GroupBadParameter`; per item `GroupNotFound`, `GroupBadId`;
/// `GroupAnswerTooLarge`. Spec: docs/spec/rest-groups.md#1.3
#[derive(Debug, Deserialize)]
pub struct GetGroupInfo {
    #[serde(rename = "GroupIdList")]
    ids: Vec<String>,
    #[serde(rename = "ResponseFilter")]
    filter: Option<ResponseFilter>,
}

/// Groups, one by one.
#[derive(Debug, Serialize)]
pub struct GroupInfos {
    #[serde(rename = "GroupInfo")]
    groups: Vec<GroupProfile>,
}

/// What of a group is wanted: base fields, custom fields, fields of members, custom fields of members.
struct Selection {
    base: Wanted,
    custom: Wanted,
    member: Wanted,
    member_custom: Wanted,
}

impl Selection {
    fn of(filter: Option<&ResponseFilter>) -> Self {
        let Some(filter) = filter else {
            return Self { base: Wanted::All, custom: Wanted::All, member: Wanted::All, member_custom: Wanted::All };
        };
        Self {
            base: filter.base(),
            custom: filter.custom(),
            member: filter.member(),
            member_custom: filter.member_custom(),
        }
    }

    fn wants_members(&self) -> bool {
        self.member != Wanted::Nothing || self.member_custom != Wanted::Nothing
    }
}

fn check_batch(app: &App, ids: &[String]) -> Result<(), Error> {
    let most = app.settings().limits().group.info_batch as usize;
    if ids.is_empty() || ids.len() > most {
        let text = format!("`GroupIdList` has {} entries, 1 to {most} are allowed", ids.len());
        return Err(Error::new(ErrorCode::GroupBadParameter, text));
    }
    Ok(())
}

fn group_id(text: &str) -> Result<GroupId, Error> {
    GroupId::parse(text).map_err(|e| Error::new(ErrorCode::GroupBadId, e.to_string()))
}

/// The item of a group, also of one that cannot be described.
fn item(text: &str, described: Result<GroupProfile, Error>) -> Result<GroupProfile, Error> {
    match described {
        Ok(profile) => Ok(profile.with_result()),
        // This one is about the whole answer.
        Err(error) if error.code() == ErrorCode::GroupAnswerTooLarge.number() => Err(error),
        Err(error) => Ok(GroupProfile::failed(GroupId::trusted(text), error.into())),
    }
}

/// Fewer bytes than any described member takes.
const LEAST_MEMBER_BYTES: usize = 40;

impl Command for GetGroupInfo {
    const ROUTE: Route = Route::rest("group_open_http_svc", "get_group_info", "docs/spec/rest-groups.md#1.3");
    type Reply = GroupInfos;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<GroupInfos, Error> {
        check_batch(app, &self.ids)?;
        let selection = Selection::of(self.filter.as_ref());
        let mut listed = 0;
        let mut groups = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            groups.push(item(id, describe(app, caller, id, &selection, &mut listed).await)?);
        }
        Ok(GroupInfos { groups })
    }
}

/// Describes a group as it was asked for; `listed` counts the members in the whole answer.
async fn describe(
    app: &App,
    caller: &Caller,
    id: &str,
    selection: &Selection,
    listed: &mut usize,
) -> Result<GroupProfile, Error> {
    let scene = app.scene(&group_id(id)?, caller, &caller.user).await?;
    let settings = app.settings();
    let reader = Reader::of(caller, &settings, &scene);
    let view = GroupView::of(app, scene.group.clone()).await?;
    let mut profile = GroupProfile::of(&view, &reader, &selection.base, &selection.custom);
    if selection.base == Wanted::All {
        profile = profile.with_app(app);
    }
    if selection.wants_members() {
        profile = profile.with_members(members(app, &view, &reader, selection, listed).await?);
    }
    Ok(profile)
}

/// The members shown with a group. Those of communities are read page by page elsewhere, those of live rooms not at all.
async fn members(
    app: &App,
    view: &GroupView,
    reader: &Reader<'_>,
    selection: &Selection,
    listed: &mut usize,
) -> Result<Vec<MemberProfile>, Error> {
    let most = match view.policy.member_list {
        MemberList::Full if !view.policy.topics => usize::MAX,
        MemberList::Partial => view.policy.member_list_partial_size as usize,
        MemberList::Full | MemberList::Online | MemberList::None => return Ok(Vec::new()),
    };
    if !view.policy.members_stored {
        return Ok(Vec::new());
    }
    let most_in_answer = reader.settings.limits().rest.max_response_bytes as usize / LEAST_MEMBER_BYTES;
    let mut members = Vec::new();
    let mut after = 0;
    loop {
        let limit = most.saturating_sub(members.len()).min(500);
        let (page, next) = app.store().read().member_page(app.id(), &view.group.id, &[], 0, after, limit).await?;
        *listed += page.len();
        if *listed > most_in_answer {
            return Err(Error::new(
                ErrorCode::GroupAnswerTooLarge,
                "the groups have more members than an answer holds: ask for fewer groups, or for the members page by page",
            ));
        }
        members.extend(
            page.iter().map(|member| {
                MemberProfile::of(member, view, reader, &selection.member, &selection.member_custom, None)
            }),
        );
        if next == 0 || members.len() >= most {
            return Ok(members);
        }
        after = next;
    }
}

/// Describes groups to their members, each with the caller's own membership. Gateway only. Strangers get a code per item.
/// Limits: `limits.group.info_batch`. Errors: per item `GroupNotFound`, `GroupNotAllowed`, `GroupBadId`.
/// Spec: docs/spec/websocket-protocol.md#10
#[derive(Debug, Deserialize)]
pub struct GetOwnGroupInfo {
    #[serde(rename = "GroupIdList")]
    ids: Vec<String>,
}

impl Command for GetOwnGroupInfo {
    const ROUTE: Route =
        Route::socket("group_open_http_svc", "get_group_self_member_info", "docs/spec/websocket-protocol.md#10");
    type Reply = GroupInfos;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<GroupInfos, Error> {
        check_batch(app, &self.ids)?;
        let mut groups = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            groups.push(item(id, describe_to_member(app, caller, id).await)?);
        }
        Ok(GroupInfos { groups })
    }
}

async fn describe_to_member(app: &App, caller: &Caller, id: &str) -> Result<GroupProfile, Error> {
    let scene = app.scene(&group_id(id)?, caller, &caller.user).await?;
    scene.require(Action::ReadProfile, "read the profile")?;
    let settings = app.settings();
    let reader = Reader::of(caller, &settings, &scene);
    let view = GroupView::of(app, scene.group.clone()).await?;
    let mut profile = GroupProfile::of(&view, &reader, &Wanted::All, &Wanted::All);
    // The cached membership may lag behind in what the member has read.
    let member = if scene.policy.members_stored {
        app.store().read().member(app.id(), &scene.group.id, &scene.user).await?
    } else {
        scene.member.clone()
    };
    if let Some(member) = member {
        let described = || MemberProfile::of(&member, &view, &reader, &Wanted::All, &Wanted::All, None);
        profile = profile.with_own(described().without_account()).with_members(vec![described()]);
    }
    Ok(profile)
}

/// Describes groups to anybody who may find them: their public face. Gateway only.
/// Limits: `limits.group.info_batch`. Errors: per item `GroupNotFound`, `GroupNotAllowed`, `GroupBadId`.
/// Spec: docs/spec/websocket-protocol.md#10
#[derive(Debug, Deserialize)]
pub struct GetPublicGroupInfo {
    #[serde(rename = "GroupIdList")]
    ids: Vec<String>,
}

/// What strangers may read of a group (docs/spec/rest-groups.md#1.7).
pub(super) fn public_fields() -> Wanted {
    let names = [
        "Type",
        "Name",
        "Introduction",
        "FaceUrl",
        "Owner_Account",
        "CreateTime",
        "InfoSeq",
        "LastInfoTime",
        "LastMsgTime",
        "NextMsgSeq",
        "MemberNum",
        "MaxMemberNum",
        "OnlineMemberNum",
        "ApplyJoinOption",
        "InviteJoinOption",
        "SupportTopic",
    ];
    Wanted::Named(names.map(str::to_owned).into())
}

impl Command for GetPublicGroupInfo {
    const ROUTE: Route =
        Route::socket("group_open_http_svc", "get_group_public_info", "docs/spec/websocket-protocol.md#10");
    type Reply = GroupInfos;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<GroupInfos, Error> {
        check_batch(app, &self.ids)?;
        let mut groups = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            groups.push(item(id, describe_to_anybody(app, caller, id).await)?);
        }
        Ok(GroupInfos { groups })
    }
}

async fn describe_to_anybody(app: &App, caller: &Caller, id: &str) -> Result<GroupProfile, Error> {
    let scene = app.scene(&group_id(id)?, caller, &caller.user).await?;
    scene.require(Action::ReadPublicProfile, "read the profile")?;
    let settings = app.settings();
    let reader = Reader::of(caller, &settings, &scene);
    let view = GroupView::of(app, scene.group.clone()).await?;
    Ok(GroupProfile::of(&view, &reader, &public_fields(), &Wanted::All))
}
