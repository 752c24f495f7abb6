//! Permission groups of communities: masks of rights, in the community and in single topics, and who has them.
//! Spec: docs/spec/rest-groups.md#8, docs/spec/group-types.md#73

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Action, Denied, GroupId, Scene, TopicId, UserId,
    change::Change,
    conversation::Position,
    group::permission_group::{self, PermissionGroup},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    wire::group_info::{GroupView, ItemResult, MemberProfile, Reader, Wanted},
};

pub(crate) fn all() -> Vec<Entry> {
    list![
        CreatePermissionGroup,
        DestroyPermissionGroups,
        ModifyPermissionGroup,
        GetPermissionGroups,
        AddTopicPermissions,
        SetTopicPermissions,
        DeleteTopicPermissions,
        GetTopicPermissions,
        AddPermissionMembers,
        DeletePermissionMembers,
        ListPermissionMembers,
    ]
}

const SPEC: &str = "docs/spec/rest-groups.md#8";

const fn route(command: &'static str) -> Route {
    Route::both("group_open_http_svc", command, SPEC)
}

fn bad(text: String) -> Error {
    Error::new(ErrorCode::GroupBadParameter, text)
}

/// Lets pass a list that has some entries, but not too many.
fn check_batch(field: &str, count: usize, most: u32) -> Result<(), Error> {
    if count == 0 {
        return Err(bad(format!("`{field}` is empty")));
    }
    if count > most as usize {
        let text = format!("`{field}` has {count} entries, at most {most} are allowed");
        return Err(Error::new(ErrorCode::GroupTooManyAccounts, text));
    }
    Ok(())
}

/// How many entries a page holds.
fn page_size(limit: Option<u32>, most: u32) -> Result<usize, Error> {
    match limit {
        Some(limit) if limit == 0 || limit > most => Err(bad(format!("`Limit` is not from 1 to {most}"))),
        limit => Ok(limit.unwrap_or(most) as usize),
    }
}

/// The community as the caller finds it, if permission groups are in force there.
async fn scene_of(app: &App, group: &GroupId, caller: &Caller) -> Result<Scene, Error> {
    let scene = app.scene(group, caller, &caller.user).await?;
    permission_group::in_force(&scene, &app.settings())?;
    Ok(scene)
}

async fn found(app: &App, group: &GroupId, id: &str) -> Result<PermissionGroup, Error> {
    let found = app.store().read().permission_group(app.id(), group, id).await?;
    Ok(found.ok_or_else(|| Denied::NoSuchPermissionGroup(id.to_owned()))?)
}

/// Creates a permission group. REST and gateway; needs `Action::ManagePermissionGroups`.
/// Limits: `limits.permission_group` (number, lengths).
/// Errors: `GroupNotFound`, `GroupNotAllowed` (also where permission groups are not enabled), `GroupFeatureOff`,
/// `GroupBadParameter`, `GroupIdTakenByYou` for an id in use, `GroupQuotaReached`.
/// Spec: docs/spec/rest-groups.md#8
#[derive(Debug, Deserialize)]
pub struct CreatePermissionGroup {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "PermissionGroupId", default, deserialize_with = "decode::non_empty")]
    id: Option<String>,
    #[serde(rename = "PermissionGroupName")]
    name: String,
    #[serde(rename = "Permission")]
    permission: u64,
    #[serde(rename = "CustomString", default)]
    custom_string: String,
}

/// The new permission group.
#[derive(Debug, Serialize)]
pub struct Created {
    #[serde(rename = "PermissionGroupId")]
    id: String,
}

impl Command for CreatePermissionGroup {
    const ROUTE: Route = route("create_permission_group");
    type Reply = Created;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Created, Error> {
        let decided = app.decide(|| async {
            let scene = scene_of(app, &self.group, caller).await?;
            let id = match &self.id {
                Some(id) => {
                    permission_group::check_id(id)?;
                    id.clone()
                }
                None => format!("{}{}", permission_group::GENERATED_PREFIX, app.dice().id_part(9)),
            };
            let group = PermissionGroup {
                group: self.group.clone(),
                id: id.clone(),
                name: self.name.clone(),
                permission: self.permission,
                custom_string: self.custom_string.clone(),
                created_at: scene.now,
                member_num: 0,
            };
            let settings = app.settings();
            let change = permission_group::put(&scene, group, &settings)?;
            let limit = settings.limits().permission_group.per_group;
            let known = app.store().read().permission_groups(app.id(), &self.group, "", limit as usize).await?;
            if known.iter().any(|known| known.id == id) {
                return Err(Denied::PermissionGroupIdTaken(id).into());
            }
            if known.len() >= limit as usize {
                return Err(Denied::TooManyPermissionGroups { group: self.group.clone(), limit }.into());
            }
            Ok((id, change))
        });
        let (id, _) = decided.await?;
        Ok(Created { id })
    }
}

/// Ends permission groups; their members stay in the community. REST and gateway; needs `Action::ManagePermissionGroups`. Each has a
/// code of its own.
/// Limits: `limits.permission_group.batch`.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`, `GroupTooManyAccounts` for too many; per group
/// `PermissionGroupNotFound`.
/// Spec: docs/spec/rest-groups.md#8
#[derive(Debug, Deserialize)]
pub struct DestroyPermissionGroups {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "PermissionGroupIdList")]
    ids: Vec<String>,
}

/// What became of each permission group.
#[derive(Debug, Serialize)]
pub struct Destroyed {
    #[serde(rename = "PermissionGroupResultList")]
    results: Vec<GroupResult>,
}

#[derive(Debug, Serialize)]
struct GroupResult {
    #[serde(flatten)]
    result: ItemResult,
    #[serde(rename = "PermissionGroupId")]
    id: String,
}

impl Command for DestroyPermissionGroups {
    const ROUTE: Route = route("destroy_permission_group");
    type Reply = Destroyed;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Destroyed, Error> {
        let most = app.settings().limits().permission_group.batch;
        check_batch("PermissionGroupIdList", self.ids.len(), most)?;
        let decided = app.decide(|| async {
            let scene = scene_of(app, &self.group, caller).await?;
            let (mut ended, mut results) = (Vec::new(), Vec::new());
            for id in &self.ids {
                let result = match found(app, &self.group, id).await {
                    Ok(_) if !ended.contains(id) => {
                        ended.push(id.clone());
                        ItemResult::ok()
                    }
                    Ok(_) => Error::from(Denied::NoSuchPermissionGroup(id.clone())).into(),
                    Err(error) => error.into(),
                };
                results.push(GroupResult { result, id: id.clone() });
            }
            Ok((results, permission_group::destroy(&scene, &ended, &app.settings())?))
        });
        let (results, _) = decided.await?;
        Ok(Destroyed { results })
    }
}

/// Changes a permission group; absent fields stay. REST and gateway; needs `Action::ManagePermissionGroups`.
/// Limits: `limits.permission_group` (lengths).
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`, `GroupBadParameter`, `PermissionGroupNotFound`.
/// Spec: docs/spec/rest-groups.md#8
#[derive(Debug, Deserialize)]
pub struct ModifyPermissionGroup {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "PermissionGroupId")]
    id: String,
    #[serde(rename = "PermissionGroupName")]
    name: Option<String>,
    #[serde(rename = "Permission")]
    permission: Option<u64>,
    #[serde(rename = "CustomString")]
    custom_string: Option<String>,
}

impl Command for ModifyPermissionGroup {
    const ROUTE: Route = route("modify_permission_group");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        app.decide(|| async {
            let scene = scene_of(app, &self.group, caller).await?;
            let before = found(app, &self.group, &self.id).await?;
            let after = PermissionGroup {
                name: self.name.clone().unwrap_or_else(|| before.name.clone()),
                permission: self.permission.unwrap_or(before.permission),
                custom_string: self.custom_string.clone().unwrap_or_else(|| before.custom_string.clone()),
                ..before
            };
            Ok(((), permission_group::put(&scene, after, &app.settings())?))
        })
        .await?;
        Ok(Done {})
    }
}

/// Describes permission groups, the named ones or all of them page by page. REST and gateway; needs `Action::ReadProfile`.
/// Limits: `limits.permission_group.batch` per call and page.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`, `GroupBadParameter`, `GroupTooManyAccounts` for too many; per group
/// `PermissionGroupNotFound`.
/// Spec: docs/spec/rest-groups.md#8
#[derive(Debug, Deserialize)]
pub struct GetPermissionGroups {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "PermissionGroupIdList")]
    ids: Option<Vec<String>>,
    #[serde(rename = "Limit")]
    limit: Option<u32>,
    #[serde(rename = "Next", default, deserialize_with = "decode::text_or_nothing")]
    next: Option<String>,
}

/// A page of permission groups.
#[derive(Debug, Serialize)]
pub struct PermissionGroups {
    #[serde(rename = "PermissionGroupInfoList")]
    groups: Vec<GroupInfo>,
    /// Where the next page begins; empty at the end.
    #[serde(rename = "Next")]
    next: String,
}

#[derive(Debug, Serialize)]
struct GroupInfo {
    #[serde(flatten)]
    result: ItemResult,
    #[serde(rename = "PermissionGroupId")]
    id: String,
    #[serde(flatten)]
    info: Option<KnownInfo>,
}

#[derive(Debug, Serialize)]
struct KnownInfo {
    #[serde(rename = "PermissionGroupName")]
    name: String,
    #[serde(rename = "Permission")]
    permission: u64,
    #[serde(rename = "CustomString")]
    custom_string: String,
    #[serde(rename = "MemberCount")]
    member_num: u64,
}

impl GroupInfo {
    fn of(group: PermissionGroup) -> Self {
        let PermissionGroup { id, name, permission, custom_string, member_num, .. } = group;
        let info = KnownInfo { name, permission, custom_string, member_num };
        Self { result: ItemResult::ok(), id, info: Some(info) }
    }
}

impl Command for GetPermissionGroups {
    const ROUTE: Route = route("get_permission_group");
    type Reply = PermissionGroups;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<PermissionGroups, Error> {
        let most = app.settings().limits().permission_group.batch;
        let size = page_size(self.limit, most)?;
        let named = self.ids.unwrap_or_default();
        if !named.is_empty() {
            check_batch("PermissionGroupIdList", named.len(), most)?;
        }
        let scene = scene_of(app, &self.group, caller).await?;
        App::require_reader(&scene)?;
        if named.is_empty() {
            let after = self.next.unwrap_or_default();
            let mut page = app.store().read().permission_groups(app.id(), &self.group, &after, size + 1).await?;
            let next = cut(&mut page, size, |group| group.id.clone());
            return Ok(PermissionGroups { groups: page.into_iter().map(GroupInfo::of).collect(), next });
        }
        let mut groups = Vec::with_capacity(named.len());
        for id in named {
            groups.push(match found(app, &self.group, &id).await {
                Ok(group) => GroupInfo::of(group),
                Err(error) => GroupInfo { result: error.into(), id, info: None },
            });
        }
        Ok(PermissionGroups { groups, next: String::new() })
    }
}

/// Cuts a page that was read with one entry more to its size; answers where the next one begins, empty at the end.
fn cut<T>(page: &mut Vec<T>, size: usize, place: impl Fn(&T) -> String) -> String {
    if page.len() <= size {
        return String::new();
    }
    page.truncate(size);
    page.last().map(place).unwrap_or_default()
}

/// What a permission group allows in a topic.
#[derive(Debug, Deserialize)]
struct TopicMask {
    #[serde(rename = "TopicId")]
    topic: String,
    #[serde(rename = "Permission")]
    permission: u64,
}

/// Masks of a permission group in topics.
#[derive(Debug, Deserialize)]
struct Masks {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "PermissionGroupId")]
    id: String,
    #[serde(rename = "TopicPermissionList")]
    topics: Vec<TopicMask>,
}

/// What became of each topic.
#[derive(Debug, Serialize)]
pub struct TopicResults {
    #[serde(rename = "TopicPermissionResultList")]
    results: Vec<TopicResult>,
}

#[derive(Debug, Clone, Serialize)]
struct TopicResult {
    #[serde(flatten)]
    result: ItemResult,
    #[serde(rename = "TopicId")]
    topic: String,
    #[serde(rename = "Permission", skip_serializing_if = "Option::is_none")]
    permission: Option<u64>,
}

impl TopicResult {
    fn new(topic: &str, result: ItemResult) -> Self {
        Self { result, topic: topic.to_owned(), permission: None }
    }
}

/// What is wanted of a permission group's masks in topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// Topics that have none get one.
    Add,
    /// Topics that have one get another.
    Set,
    /// Topics that have one lose it.
    Delete,
}

/// Decides about each topic by itself.
async fn change_masks(
    app: &App,
    caller: &Caller,
    (group, id): (&GroupId, &str),
    topics: &[(&str, u64)],
    wish: Wish,
) -> Result<TopicResults, Error> {
    let decided = app.decide(|| async {
        let scene = scene_of(app, group, caller).await?;
        found(app, group, id).await?;
        let mut masks: BTreeMap<TopicId, u64> =
            app.store().read().topic_permissions(app.id(), group, id).await?.into_iter().collect();
        let (mut wanted, mut results) = (Vec::new(), Vec::with_capacity(topics.len()));
        for (topic, permission) in topics {
            let result = match may_change(app, &scene, topic, &masks, wish).await {
                Ok(known) => {
                    if wish == Wish::Delete {
                        masks.remove(&known);
                    } else {
                        masks.insert(known.clone(), *permission);
                    }
                    wanted.push((known, Some(*permission).filter(|_| wish != Wish::Delete)));
                    ItemResult::ok()
                }
                Err(error) => error.into(),
            };
            results.push(TopicResult::new(topic, result));
        }
        let change = if wanted.is_empty() { Change::none() } else { permission_group::set_topics(&scene, id, wanted) };
        Ok((results, change))
    });
    let (results, _) = decided.await?;
    Ok(TopicResults { results })
}

/// The topic of that name, if the mask may be changed there as wished.
async fn may_change(
    app: &App,
    scene: &Scene,
    topic: &str,
    masks: &BTreeMap<TopicId, u64>,
    wish: Wish,
) -> Result<TopicId, Error> {
    let id = TopicId::parse(topic).map_err(|e| Error::new(ErrorCode::TopicBadId, format!("`TopicId`: {e}")))?;
    let scene = app.in_topic(scene.clone(), &id).await?;
    scene.require(Action::ManageTopicPermissions, "change what permission groups allow in the topic")?;
    match (masks.contains_key(&id), wish) {
        (true, Wish::Add) => Err(Denied::TopicInPermissionGroup(id).into()),
        (false, Wish::Set | Wish::Delete) => Err(Denied::TopicNotInPermissionGroup(id).into()),
        (true, Wish::Set | Wish::Delete) | (false, Wish::Add) => Ok(id),
    }
}

impl Masks {
    async fn change(self, caller: &Caller, app: &App, wish: Wish) -> Result<TopicResults, Error> {
        let most = app.settings().limits().permission_group.topic_batch;
        check_batch("TopicPermissionList", self.topics.len(), most)?;
        let topics: Vec<_> = self.topics.iter().map(|one| (one.topic.as_str(), one.permission)).collect();
        change_masks(app, caller, (&self.group, &self.id), &topics, wish).await
    }
}

/// Gives a permission group masks in topics that have none of it. REST and gateway; needs `Action::ManageTopicPermissions` in each
/// topic. Each topic has a code of its own.
/// Limits: `limits.permission_group.topic_batch`.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`, `GroupTooManyAccounts` for too many, `PermissionGroupNotFound`; per
/// topic `TopicBadId`, `GroupNotFound`, `GroupNotAllowed`, `PermissionGroupHasTopic`.
/// Spec: docs/spec/rest-groups.md#8
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct AddTopicPermissions(Masks);

impl Command for AddTopicPermissions {
    const ROUTE: Route = route("add_topic_permission_group");
    type Reply = TopicResults;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<TopicResults, Error> {
        self.0.change(caller, app, Wish::Add).await
    }
}

/// Changes the masks of a permission group in topics that have one of it. REST and gateway; needs
/// `Action::ManageTopicPermissions` in each topic. Each topic has a code of its own.
/// Limits and errors: as [`AddTopicPermissions`], per topic `PermissionGroupLacksTopic`.
/// Spec: docs/spec/rest-groups.md#8
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct SetTopicPermissions(Masks);

impl Command for SetTopicPermissions {
    const ROUTE: Route = route("set_topic_permission_group");
    type Reply = TopicResults;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<TopicResults, Error> {
        self.0.change(caller, app, Wish::Set).await
    }
}

/// Takes the masks of a permission group in topics away. REST and gateway; needs `Action::ManageTopicPermissions` in each topic. Each
/// topic has a code of its own.
/// Limits and errors: as [`SetTopicPermissions`].
/// Spec: docs/spec/rest-groups.md#8
#[derive(Debug, Deserialize)]
pub struct DeleteTopicPermissions {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "PermissionGroupId")]
    id: String,
    #[serde(rename = "TopicIdList", default)]
    topics: Vec<String>,
    /// Also as objects, like the other commands about topics.
    #[serde(rename = "TopicPermissionList", default)]
    entries: Vec<NamedTopic>,
}

#[derive(Debug, Deserialize)]
struct NamedTopic {
    #[serde(rename = "TopicId")]
    topic: String,
}

impl Command for DeleteTopicPermissions {
    const ROUTE: Route = route("delete_topic_permission_group");
    type Reply = TopicResults;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<TopicResults, Error> {
        let entries = self.entries.iter().map(|entry| &entry.topic);
        let topics: Vec<_> = self.topics.iter().chain(entries).map(|topic| (topic.as_str(), 0)).collect();
        check_batch("TopicIdList", topics.len(), app.settings().limits().permission_group.topic_batch)?;
        change_masks(app, caller, (&self.group, &self.id), &topics, Wish::Delete).await
    }
}

/// Tells what a permission group allows in topics, the named ones or all of them page by page. REST and gateway; needs
/// `Action::ReadProfile`.
/// Limits: `limits.permission_group.topic_batch` per call and page.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`, `GroupBadParameter`, `GroupTooManyAccounts` for too many,
/// `PermissionGroupNotFound`; per topic `TopicBadId`, `GroupNotFound`, `PermissionGroupLacksTopic`.
/// Spec: docs/spec/rest-groups.md#8
#[derive(Debug, Deserialize)]
pub struct GetTopicPermissions {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "PermissionGroupId")]
    id: String,
    #[serde(rename = "TopicIdList")]
    topics: Option<Vec<String>>,
    #[serde(rename = "Limit")]
    limit: Option<u32>,
    #[serde(rename = "Next", default, deserialize_with = "decode::text_or_nothing")]
    next: Option<String>,
}

/// A page of masks.
#[derive(Debug, Serialize)]
pub struct TopicPermissions {
    #[serde(rename = "TopicPermissionResultList")]
    results: Vec<TopicResult>,
    /// The same under the name of requests.
    #[serde(rename = "TopicPermissionList")]
    permissions: Vec<TopicResult>,
    /// Where the next page begins; empty at the end.
    #[serde(rename = "Next")]
    next: String,
}

impl Command for GetTopicPermissions {
    const ROUTE: Route = route("get_topic_permission_group");
    type Reply = TopicPermissions;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<TopicPermissions, Error> {
        let most = app.settings().limits().permission_group.topic_batch;
        let size = page_size(self.limit, most)?;
        let named = self.topics.unwrap_or_default();
        if !named.is_empty() {
            check_batch("TopicIdList", named.len(), most)?;
        }
        let scene = scene_of(app, &self.group, caller).await?;
        App::require_reader(&scene)?;
        found(app, &self.group, &self.id).await?;
        let masks: BTreeMap<TopicId, u64> =
            app.store().read().topic_permissions(app.id(), &self.group, &self.id).await?.into_iter().collect();
        let shown = |topic: &TopicId, mask| TopicResult {
            permission: Some(mask),
            ..TopicResult::new(topic.as_str(), ItemResult::ok())
        };
        // Whoever reads the community may read this, whether or not they may change it.
        let reader = Scene { app_admin: true, ..scene };
        let (results, next) = if named.is_empty() {
            let after = self.next.unwrap_or_default();
            let behind = masks.iter().filter(|(topic, _)| topic.as_str() > after.as_str());
            let mut page: Vec<_> = behind.take(size + 1).map(|(topic, mask)| shown(topic, *mask)).collect();
            let next = cut(&mut page, size, |one| one.topic.clone());
            (page, next)
        } else {
            let mut results = Vec::with_capacity(named.len());
            for topic in &named {
                results.push(match may_change(app, &reader, topic, &masks, Wish::Set).await {
                    Ok(id) => shown(&id, masks.get(&id).copied().unwrap_or(0)),
                    Err(error) => TopicResult::new(topic, error.into()),
                });
            }
            (results, String::new())
        };
        Ok(TopicPermissions { permissions: results.clone(), results, next })
    }
}

/// Somebody named in a list.
#[derive(Debug, Deserialize)]
struct Named {
    #[serde(rename = "Member_Account")]
    user: UserId,
}

/// What became of each account.
#[derive(Debug, Serialize)]
pub struct MemberResults {
    #[serde(rename = "MemberList")]
    members: Vec<MemberResult>,
}

#[derive(Debug, Serialize)]
struct MemberResult {
    #[serde(rename = "Member_Account")]
    user: UserId,
    /// An error code; 0 when it worked.
    #[serde(rename = "Result")]
    code: u32,
}

/// Brings members of the community into a permission group. REST and gateway; needs `Action::ManagePermissionMembers`. Each account
/// has a code of its own.
/// Limits: `limits.permission_group.member_batch`.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`, `GroupTooManyAccounts`, `PermissionGroupNotFound`; per account
/// `GroupAlreadyMember`, `GroupNotAllowed` for who is not in the community, `GroupAccountNotFound`.
/// Spec: docs/spec/rest-groups.md#8
#[derive(Debug, Deserialize)]
pub struct AddPermissionMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "PermissionGroupId")]
    id: String,
    #[serde(rename = "MemberList")]
    members: Vec<Named>,
}

impl Command for AddPermissionMembers {
    const ROUTE: Route = route("add_permission_group_member");
    type Reply = MemberResults;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<MemberResults, Error> {
        let most = app.settings().limits().permission_group.member_batch;
        check_batch("MemberList", self.members.len(), most)?;
        let decided = app.decide(|| async {
            let scene = scene_of(app, &self.group, caller).await?;
            found(app, &self.group, &self.id).await?;
            let (mut added, mut members) = (Vec::new(), Vec::with_capacity(self.members.len()));
            for Named { user } in &self.members {
                let code = match may_come(app, &self.group, &self.id, user, &added).await? {
                    Ok(()) => {
                        added.push(user.clone());
                        0
                    }
                    Err(denied) => Error::from(denied).code(),
                };
                members.push(MemberResult { user: user.clone(), code });
            }
            Ok((members, permission_group::set_members(&scene, &self.id, &added, true, &app.settings())?))
        });
        let (members, _) = decided.await?;
        Ok(MemberResults { members })
    }
}

/// Whether somebody may come into a permission group.
async fn may_come(
    app: &App,
    group: &GroupId,
    id: &str,
    user: &UserId,
    added: &[UserId],
) -> Result<Result<(), Denied>, Error> {
    if app.store().account(app.id(), user).await?.is_none() {
        return Ok(Err(Denied::NoSuchAccount(user.clone())));
    }
    if app.store().member(app.id(), group, user).await?.is_none() {
        return Ok(Err(Denied::NotMember { user: user.clone(), group: group.clone() }));
    }
    let of_user = app.store().read().permission_groups_of(app.id(), group, user).await?;
    if added.contains(user) || of_user.iter().any(|known| known == id) {
        return Ok(Err(Denied::InPermissionGroup(user.clone())));
    }
    Ok(Ok(()))
}

/// Takes accounts out of a permission group; who is not in it is passed over. REST and gateway; needs
/// `Action::ManagePermissionMembers`.
/// Limits: `limits.permission_group.member_batch`.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`, `GroupTooManyAccounts`, `PermissionGroupNotFound`.
/// Spec: docs/spec/rest-groups.md#8
#[derive(Debug, Deserialize)]
pub struct DeletePermissionMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "PermissionGroupId")]
    id: String,
    #[serde(rename = "MemberList", default)]
    members: Vec<Named>,
    #[serde(rename = "MemberToDel_Account", default)]
    accounts: Vec<UserId>,
}

impl Command for DeletePermissionMembers {
    const ROUTE: Route = route("delete_permission_group_member");
    type Reply = MemberResults;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<MemberResults, Error> {
        let users: Vec<UserId> = self.members.into_iter().map(|named| named.user).chain(self.accounts).collect();
        check_batch("MemberList", users.len(), app.settings().limits().permission_group.member_batch)?;
        app.decide(|| async {
            let scene = scene_of(app, &self.group, caller).await?;
            found(app, &self.group, &self.id).await?;
            Ok(((), permission_group::set_members(&scene, &self.id, &users, false, &app.settings())?))
        })
        .await?;
        let members = users.into_iter().map(|user| MemberResult { user, code: 0 });
        Ok(MemberResults { members: members.collect() })
    }
}

/// Lists the members of a permission group by their account. REST and gateway; needs `Action::ReadMembers`.
/// Limits: `limits.permission_group.member_page` members per page.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`, `GroupBadParameter`, `PermissionGroupNotFound`.
/// Spec: docs/spec/rest-groups.md#8
#[derive(Debug, Deserialize)]
pub struct ListPermissionMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "PermissionGroupId")]
    id: String,
    #[serde(rename = "Limit")]
    limit: Option<u32>,
    #[serde(rename = "Next", default, deserialize_with = "decode::text_or_nothing")]
    next: Option<String>,
}

/// A page of members.
#[derive(Debug, Serialize)]
pub struct PermissionMembers {
    #[serde(rename = "MemberList")]
    members: Vec<MemberProfile>,
    /// Where the next page begins; empty at the end.
    #[serde(rename = "Next")]
    next: String,
    #[serde(rename = "MemberNum")]
    total: u64,
}

impl Command for ListPermissionMembers {
    const ROUTE: Route = route("get_permission_group_member_list");
    type Reply = PermissionMembers;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<PermissionMembers, Error> {
        let settings = app.settings();
        let size = page_size(self.limit, settings.limits().permission_group.member_page)?;
        let after = self.next.as_deref().map(UserId::parse).transpose();
        let after = after.map_err(|e| bad(format!("`Next` was never answered: {e}")))?;
        let scene = scene_of(app, &self.group, caller).await?;
        scene.require(Action::ReadMembers, "read the members")?;
        let group = found(app, &self.group, &self.id).await?;
        let read = app.store().read();
        let mut users = read.permission_members(app.id(), &self.group, &self.id, after.as_ref(), size + 1).await?;
        let next = cut(&mut users, size, UserId::to_string);
        let view = GroupView::at(app, scene.group.clone(), Position::default());
        let reader = Reader::of(caller, &settings, &scene);
        let found = read.members(app.id(), &self.group, &users).await?;
        let describe = |member| MemberProfile::of(member, &view, &reader, &Wanted::All, &Wanted::All, None);
        let members = found.iter().flatten().map(|member| describe(member)).collect();
        Ok(PermissionMembers { members, next, total: group.member_num })
    }
}
