//! Creates groups, and brings them over from another system.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Denied, GroupId, GroupPolicy, GroupType, Timestamp, UserId, WebhookCommand,
    group::{
        ApplyJoinOption, InviteJoinOption, MsgFlag,
        create::{self, Creator, NewGroup, NewMember},
    },
};

use super::list::known_type;
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    filter::Place,
    screening::{self, Contact, Subject},
    webhook,
    wire::group_info::type_names,
};

/// A group as requests describe it.
#[derive(Debug, Deserialize)]
struct Described {
    #[serde(rename = "Type")]
    type_name: String,
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Owner_Account", default, deserialize_with = "decode::non_empty")]
    owner: Option<UserId>,
    #[serde(rename = "GroupId")]
    id: Option<String>,
    #[serde(rename = "Introduction", default)]
    introduction: String,
    #[serde(rename = "Notification", default)]
    notification: String,
    #[serde(rename = "FaceUrl", default)]
    face_url: String,
    #[serde(rename = "MaxMemberCount", alias = "MaxMemberNum", default)]
    max_members: u64,
    #[serde(rename = "ApplyJoinOption", default, deserialize_with = "decode::named")]
    apply_option: Option<ApplyJoinOption>,
    #[serde(rename = "InviteJoinOption", default, deserialize_with = "decode::named")]
    invite_option: Option<InviteJoinOption>,
    #[serde(rename = "AppDefinedData", default, deserialize_with = "decode::custom_fields")]
    custom: Vec<(String, String)>,
    #[serde(rename = "MemberList", default)]
    members: Vec<Initial>,
    #[serde(rename = "SupportTopic", default, deserialize_with = "decode::flag")]
    support_topic: bool,
    #[serde(rename = "EnablePermission", default, deserialize_with = "decode::flag")]
    permission_enabled: bool,
    #[serde(rename = "DefaultPermission", default)]
    default_permission: u64,
    /// Only imported groups were created at another time than now.
    #[serde(rename = "CreateTime")]
    created_at: Option<Timestamp>,
}

/// A member from the start.
#[derive(Debug, Deserialize)]
struct Initial {
    #[serde(rename = "Member_Account")]
    user: UserId,
    #[serde(rename = "Role", default)]
    role: String,
    #[serde(rename = "AppMemberDefinedData", default, deserialize_with = "decode::custom_fields")]
    custom: Vec<(String, String)>,
    #[serde(rename = "NameCard", default)]
    name_card: String,
    #[serde(rename = "MsgFlag", default, deserialize_with = "decode::named")]
    msg_flag: Option<MsgFlag>,
}

impl From<Initial> for NewMember {
    fn from(initial: Initial) -> Self {
        Self {
            user: initial.user,
            is_admin: initial.role == "Admin",
            name_card: initial.name_card,
            msg_flag: initial.msg_flag,
            custom: initial.custom,
        }
    }
}

/// The new group.
#[derive(Debug, Serialize)]
pub struct Created {
    #[serde(rename = "GroupId")]
    id: GroupId,
    #[serde(rename = "Type")]
    type_name: String,
    /// 1 for live rooms: clients hear them another way.
    #[serde(rename = "HugeGroupFlag")]
    huge: u32,
    /// Those among the wanted members who are in as many groups as allowed, and were left out.
    #[serde(rename = "OverJoinedGroupLimit_Account")]
    over_limit: Vec<UserId>,
}

impl Described {
    /// The group that is to be, under the id that was chosen for it or one that is drawn. Answers whether it was chosen.
    fn new_group(self, caller: &Caller, app: &App) -> Result<(NewGroup, Arc<GroupPolicy>, bool), Error> {
        let group_type = known_type(app, "Type", &self.type_name)?;
        let policy = app.policy(&group_type).ok_or(ErrorCode::GroupInternal)?;
        let chosen = self.id.as_deref().map(|id| GroupId::choose(id, policy.topics));
        let chosen = chosen.transpose().map_err(|e| Error::new(ErrorCode::GroupBadId, format!("`GroupId`: {e}")))?;
        let id_chosen = chosen.is_some();
        let new = NewGroup {
            id: chosen.unwrap_or_else(|| generated(app, &group_type, &policy)),
            created_as: self.type_name,
            group_type,
            name: self.name,
            introduction: self.introduction,
            notification: self.notification,
            face_url: self.face_url,
            owner: if caller.is_app_admin() { self.owner } else { Some(caller.user.clone()) },
            max_members: self.max_members,
            apply_option: self.apply_option,
            invite_option: self.invite_option,
            custom: self.custom,
            members: self.members.into_iter().map(Into::into).collect(),
            support_topic: self.support_topic,
            permission_enabled: self.permission_enabled,
            default_permission: self.default_permission,
            created_at: app.now(),
            imported: false,
        };
        Ok((new, policy, id_chosen))
    }
}

/// Creates a group. REST, where the backend names the owner, and gateway, where the caller is the owner.
/// Limits: `limits.group` (lengths, `create_members`, numbers of groups). Errors: `GroupBadParameter`, `GroupBadId`,
/// `GroupTooManyAccounts`, `GroupNotAllowed`, `GroupAccountNotFound`, `GroupIdTaken`, `GroupIdTakenByYou`,
/// `GroupTooManyLiveRooms`, `GroupQuotaReached`, `GroupMemberCapBeyondPlan`, `GroupTrialQuotaReached`, `GroupTooFrequent`,
/// `CommunityOff`. Spec: docs/spec/rest-groups.md#1.2
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct CreateGroup(Described);

impl Command for CreateGroup {
    const ROUTE: Route = Route::both("group_open_http_svc", "create_group", "docs/spec/rest-groups.md#1.2");
    type Reply = Created;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Created, Error> {
        let most = app.settings().limits().group.create_members;
        let wanted = self.0.members.len();
        let (mut new, policy, id_chosen) = self.0.new_group(caller, app)?;
        if wanted > most as usize {
            let text = format!("`MemberList` has more than {most} entries");
            return Err(Error::new(ErrorCode::GroupTooManyAccounts, text));
        }
        screen(app, caller, &mut new).await?;
        let over_limit = create(app, caller, &policy, &mut new, id_chosen).await?;
        let names = type_names(caller, &app.settings()).for_group(GroupType::spelling(&new.created_as));
        Ok(Created {
            type_name: new.group_type.wire_name(names).to_owned(),
            id: new.id,
            huge: u32::from(!policy.members_stored),
            over_limit,
        })
    }
}

/// Brings a group over from another system, with the time it was created at; its messages and members follow. Nobody is told.
/// REST only. `MemberList` is ignored.
/// Units: `CreateTime` in Unix seconds, from 1 to now, the default. Limits: as [`CreateGroup`]. Errors: as there; types that
/// cannot be imported are `GroupNotAllowed`. Spec: docs/spec/rest-groups.md#4.1
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct ImportGroup(Described);

/// The imported group.
#[derive(Debug, Serialize)]
pub struct Imported {
    #[serde(rename = "GroupId")]
    id: GroupId,
}

impl Command for ImportGroup {
    const ROUTE: Route = Route::rest("group_open_http_svc", "import_group", "docs/spec/rest-groups.md#4.1");
    type Reply = Imported;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Imported, Error> {
        let created_at = self.0.created_at;
        let (new, policy, id_chosen) = self.0.new_group(caller, app)?;
        let created_at = created_at.unwrap_or(new.created_at);
        let mut new = NewGroup { members: Vec::new(), created_at, imported: true, ..new };
        screen(app, caller, &mut new).await?;
        create(app, caller, &policy, &mut new, id_chosen).await?;
        Ok(Imported { id: new.id })
    }
}

/// Lets the app's word lists look at what the group says of itself.
async fn screen(app: &App, caller: &Caller, new: &mut NewGroup) -> Result<(), Error> {
    for (field, text) in
        [("Name", &mut new.name), ("Introduction", &mut new.introduction), ("Notification", &mut new.notification)]
    {
        let subject = Subject { from: &caller.user, contact: Contact::Nobody };
        screening::text(app, caller, &subject, Place::GroupInfo, field, text).await?;
    }
    Ok(())
}

/// An id nobody chose. Those of communities have a prefix of their own (docs/spec/group-types.md#8).
fn generated(app: &App, group_type: &GroupType, policy: &GroupPolicy) -> GroupId {
    let prefix =
        if policy.topics { tsudoi_domain::id::GENERATED_COMMUNITY_PREFIX } else { tsudoi_domain::id::GENERATED_PREFIX };
    GroupId::trusted(&format!("{prefix}{}{}", group_type.id_letter(), app.dice().id_part(9)))
}

/// Stores the group as wanted; answers who had to be left out of it. An id that was drawn and is taken is drawn again.
pub(crate) async fn create(
    app: &App,
    caller: &Caller,
    policy: &GroupPolicy,
    new: &mut NewGroup,
    id_chosen: bool,
) -> Result<Vec<UserId>, Error> {
    let settings = app.settings();
    let creator = Creator { user: &caller.user, is_app_admin: caller.is_app_admin() };
    let random = app.dice().u64();
    // 1. What the type and the limits say, before anything is looked up.
    create::create(new, creator, policy, &settings, app.now(), random)?;
    accounts_exist(app, new.owner.iter().chain(new.members.iter().map(|member| &member.user))).await?;
    let mut over_limit = Vec::new();
    // 2. What the app's backend says, once the numbers allow it; nobody else waits for that.
    if !new.imported && app.webhooks().wants(WebhookCommand::BeforeCreateGroup) {
        over_limit.extend(check_quotas(app, policy, new).await?);
        webhook::group::before_create(app, caller, new).await?;
    }
    // 3. How many groups there may be: nobody creates another one between counting and storing.
    let _creating = app.creating.lock().await;
    over_limit.extend(check_quotas(app, policy, new).await?);
    // 4. Under an id that is free.
    loop {
        if let Some(taken) = app.store().group(app.id(), &new.id).await? {
            if !id_chosen {
                new.id = generated(app, &new.group_type, policy);
                continue;
            }
            let by_owner = new.owner.is_some() && taken.owner == new.owner;
            let id = new.id.clone();
            return Err(if by_owner { Denied::IdTakenByYou(id) } else { Denied::IdTaken(id) }.into());
        }
        let change = create::create(new, creator, policy, &settings, app.now(), random)?;
        let change = if new.imported { change } else { webhook::group::created(app, caller, new, change) };
        match app.commit(change).await {
            Ok(_) => break,
            // Somebody took the id meanwhile, or an account went: look again.
            Err(tsudoi_store::StoreError::Conflict(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    app.new_groups.count(app, policy, 1).await?;
    if !policy.topics && !new.imported {
        webhook::group::quota_alarm(app, caller, app.new_groups.today(app).await?).await;
    }
    Ok(over_limit)
}

/// Lets pass when all the accounts are known.
///
/// # Errors
/// [`Denied::NoSuchAccount`] with the first that is not.
pub(crate) async fn accounts_exist(app: &App, users: impl Iterator<Item = &UserId>) -> Result<(), Error> {
    for user in users {
        if app.store().account(app.id(), user).await?.is_none() {
            return Err(Denied::NoSuchAccount(user.clone()).into());
        }
    }
    Ok(())
}

/// Checks the numbers of groups; takes those out of the members who have as many groups as they may, and answers them.
async fn check_quotas(app: &App, policy: &GroupPolicy, new: &mut NewGroup) -> Result<Vec<UserId>, Error> {
    let limits = app.settings().limits().group;
    let read = app.store().read();
    let reached = |count: u64, most: u32| most > 0 && count >= u64::from(most);
    if policy.max_groups > 0 {
        let count = read.group_count(app.id(), Some(new.group_type.as_str())).await?;
        if reached(count, policy.max_groups) {
            return Err(Denied::TooManyOfType { group_type: new.group_type.clone(), limit: policy.max_groups }.into());
        }
    }
    if limits.max_groups > 0 && reached(read.group_count(app.id(), None).await?, limits.max_groups) {
        return Err(Denied::TooManyGroupsInApp(limits.max_groups).into());
    }
    if !policy.topics && reached(app.new_groups.today(app).await?, limits.max_new_per_day) {
        return Err(Denied::DailyQuotaReached(limits.max_new_per_day).into());
    }
    let most = limits.max_groups_per_user;
    let mut over_limit = Vec::new();
    if most > 0 && policy.members_stored {
        if let Some(owner) = &new.owner
            && reached(read.joined(app.id(), owner).await?.len() as u64, most)
        {
            return Err(Denied::TooManyGroups { user: owner.clone(), limit: most }.into());
        }
        for member in &new.members {
            if new.owner.as_ref() != Some(&member.user)
                && reached(read.joined(app.id(), &member.user).await?.len() as u64, most)
            {
                over_limit.push(member.user.clone());
            }
        }
        new.members.retain(|member| !over_limit.contains(&member.user));
    }
    Ok(over_limit)
}
