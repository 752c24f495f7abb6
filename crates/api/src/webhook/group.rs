//! What the backend is told and asked about groups and their members (docs/spec/webhooks.md#8).

use serde::Serialize;
use tsudoi_domain::{
    GroupId, UserId, WebhookCommand,
    change::{Change, Write},
    group::{
        Group,
        create::{NewGroup, NewMember},
    },
    live::PresenceCause,
    member::Member,
    webhook::Call,
};

use super::{Line, Origin};
use crate::{app::App, command::Caller, error::Error, error_code::ErrorCode};

/// One of a list of accounts.
#[derive(Debug, Serialize)]
pub struct MemberAccount<'a> {
    #[serde(rename = "Member_Account")]
    user: &'a UserId,
}

/// A list of accounts.
pub fn accounts<'a>(users: impl IntoIterator<Item = &'a UserId>) -> Vec<MemberAccount<'a>> {
    users.into_iter().map(|user| MemberAccount { user }).collect()
}

/// A custom field.
#[derive(Debug, Serialize)]
pub struct CustomField<'a> {
    #[serde(rename = "Key")]
    key: &'a str,
    #[serde(rename = "Value")]
    value: &'a str,
}

/// Custom fields.
pub fn custom_fields<'a>(fields: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<CustomField<'a>> {
    fields.into_iter().map(|(key, value)| CustomField { key, value }).collect()
}

/// The owner's name; empty without one.
pub(super) fn owner_name(owner: Option<&UserId>) -> &str {
    owner.map_or("", UserId::as_str)
}

#[derive(Serialize)]
struct BeforeCreate<'a> {
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "Owner_Account")]
    owner: &'a str,
    #[serde(rename = "Type")]
    type_name: String,
    #[serde(rename = "Name")]
    name: &'a str,
    /// Vendor: both names, by edition.
    #[serde(rename = "CreateGroupNum")]
    create_group_num: u64,
    #[serde(rename = "CreatedGroupNum")]
    created_group_num: u64,
    #[serde(rename = "MemberList")]
    members: Vec<MemberAccount<'a>>,
}

fn initial_members(new: &NewGroup) -> impl Iterator<Item = &UserId> {
    new.members.iter().map(|member: &NewMember| &member.user).filter(|user| new.owner.as_ref() != Some(user))
}

/// Asks whether a group may be created.
///
/// # Errors
/// As [`Webhooks::ask`](super::Webhooks::ask), or the store's fault.
pub async fn before_create(app: &App, caller: &Caller, new: &NewGroup) -> Result<(), Error> {
    if !app.webhooks().wants(WebhookCommand::BeforeCreateGroup) {
        return Ok(());
    }
    let created = match &new.owner {
        Some(owner) => created_by(app, owner, new).await?,
        None => 0,
    };
    let payload = BeforeCreate {
        operator: &caller.user,
        owner: owner_name(new.owner.as_ref()),
        type_name: app.type_name_as(&new.group_type, &new.created_as),
        name: &new.name,
        create_group_num: created,
        created_group_num: created,
        members: accounts(initial_members(new)),
    };
    app.webhooks().ask(WebhookCommand::BeforeCreateGroup, caller, &payload).await.map(drop)
}

/// How many groups of the type the user owns.
async fn created_by(app: &App, owner: &UserId, new: &NewGroup) -> Result<u64, Error> {
    let counts = |group: &Group| group.group_type == new.group_type && group.owner.as_ref() == Some(owner);
    let joined = app.store().read().joined(app.id(), owner).await?;
    let mut number = joined.iter().filter(|joined| counts(&joined.group)).count() as u64;
    for room in app.live.rooms_of(owner) {
        if app.store().group(app.id(), &room).await?.is_some_and(|group| counts(&group)) {
            number += 1;
        }
    }
    Ok(number)
}

#[derive(Serialize)]
struct AfterCreate<'a> {
    #[serde(rename = "GroupId")]
    group: &'a GroupId,
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "Owner_Account")]
    owner: &'a str,
    #[serde(rename = "Type")]
    type_name: String,
    #[serde(rename = "Name")]
    name: &'a str,
    #[serde(rename = "MemberList")]
    members: Vec<MemberAccount<'a>>,
    #[serde(rename = "UserDefinedDataList", skip_serializing_if = "Vec::is_empty")]
    custom: Vec<CustomField<'a>>,
}

/// Tells that a group was created.
#[must_use]
pub fn created(app: &App, caller: &Caller, new: &NewGroup, change: Change) -> Change {
    let call = app.webhooks().tell(WebhookCommand::AfterCreateGroup, Line::Group(&new.id), caller, || AfterCreate {
        group: &new.id,
        operator: &caller.user,
        owner: owner_name(new.owner.as_ref()),
        type_name: app.type_name_as(&new.group_type, &new.created_as),
        name: &new.name,
        members: accounts(initial_members(new)),
        custom: custom_fields(new.custom.iter().map(|(key, value)| (key, value))),
    });
    change.calls(call)
}

/// A payload about a group.
#[derive(Serialize)]
pub(super) struct About<'a, P> {
    #[serde(rename = "GroupId")]
    group: &'a GroupId,
    #[serde(rename = "Type")]
    type_name: String,
    #[serde(flatten)]
    more: P,
}

pub(super) fn about<'a, P: Serialize>(app: &App, group: &'a Group, more: P) -> About<'a, P> {
    About { group: &group.id, type_name: app.type_name(group), more }
}

#[derive(Serialize)]
struct Applicant<'a> {
    #[serde(rename = "Requestor_Account")]
    applicant: &'a UserId,
}

/// Asks whether the caller, a client, may apply to join: before they are let in, or before the leaders are asked.
///
/// # Errors
/// As [`Webhooks::ask`](super::Webhooks::ask).
pub async fn before_apply(app: &App, caller: &Caller, group: &Group) -> Result<(), Error> {
    let command = WebhookCommand::BeforeApplyJoinGroup;
    if !app.webhooks().wants(command) {
        return Ok(());
    }
    let payload = about(app, group, Applicant { applicant: &caller.user });
    app.webhooks().ask(command, caller, &payload).await.map(drop)
}

#[derive(Serialize)]
struct Invitation<'a> {
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "DestinationMembers")]
    members: Vec<MemberAccount<'a>>,
}

/// Asks whether the caller may bring others in; answers who of them is left out.
///
/// # Errors
/// As [`Webhooks::ask`](super::Webhooks::ask).
pub async fn before_invite(app: &App, caller: &Caller, group: &Group, users: &[UserId]) -> Result<Vec<UserId>, Error> {
    let command = WebhookCommand::BeforeInviteJoinGroup;
    if users.is_empty() || !app.webhooks().wants(command) {
        return Ok(Vec::new());
    }
    let payload = about(app, group, Invitation { operator: &caller.user, members: accounts(users) });
    Ok(app.webhooks().ask(command, caller, &payload).await?.refused)
}

/// How somebody came to be a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum JoinType {
    /// By their own request, approved or free.
    Apply,
    /// Added by a member or a backend.
    Invited,
}

#[derive(Serialize)]
struct Joined<'a> {
    #[serde(rename = "JoinType")]
    how: JoinType,
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "NewMemberList")]
    members: Vec<MemberAccount<'a>>,
}

/// Tells of people who came in, and of the group being full where they took the last places.
#[must_use]
pub fn joined(
    app: &App,
    caller: &Caller,
    group: &Group,
    who: (JoinType, &UserId),
    users: &[UserId],
    change: Change,
) -> Change {
    if users.is_empty() {
        return change;
    }
    let (how, operator) = who;
    let line = Line::Group(&group.id);
    let call = app.webhooks().tell(WebhookCommand::AfterNewMemberJoin, line, caller, || {
        about(app, group, Joined { how, operator, members: accounts(users) })
    });
    let policy = app.policy_of(group);
    let cap = group.cap(&policy);
    let is_full = policy.members_stored && cap > 0 && group.member_num + users.len() as u64 >= cap;
    change.calls(call).calls(is_full.then(|| full(app, caller, &group.id)).flatten())
}

/// As [`joined`], of the members that the change brings in.
#[must_use]
pub fn brought_in(app: &App, caller: &Caller, group: &Group, who: (JoinType, &UserId), change: Change) -> Change {
    let users: Vec<UserId> = change
        .writes
        .iter()
        .filter_map(|write| if let Write::PutMember(_, member) = write { Some(member.user.clone()) } else { None })
        .collect();
    joined(app, caller, group, who, &users, change)
}

#[derive(Serialize)]
struct Full<'a> {
    #[serde(rename = "GroupId")]
    group: &'a GroupId,
}

fn full(app: &App, caller: &Caller, group: &GroupId) -> Option<Call> {
    app.webhooks().tell(WebhookCommand::AfterGroupFull, Line::Group(group), caller, || Full { group })
}

/// Tells, where a full group turned somebody away, that it is full.
pub async fn turned_away(app: &App, caller: &Caller, group: &GroupId, error: Error) -> Error {
    if error.code() == ErrorCode::GroupFull.number() {
        tell_now(app, full(app, caller, group)).await;
    }
    error
}

/// Tells what no change goes with.
pub async fn tell_now(app: &App, call: Option<Call>) {
    let Some(call) = call else { return };
    match app.ready_calls(&[call]).await {
        Ok(calls) => app.webhooks().enqueue(calls),
        Err(error) => tracing::error!(%error, app = %app.id(), "a webhook could not be called"),
    }
}

/// How somebody came to be a member no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ExitType {
    /// Removed or banned by somebody else.
    Kicked,
    /// By themself.
    Quit,
}

#[derive(Serialize)]
struct Exited<'a> {
    #[serde(rename = "ExitType")]
    how: ExitType,
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "ExitMemberList")]
    members: Vec<MemberAccount<'a>>,
}

/// Tells of people who went.
#[must_use]
pub fn exited(
    app: &App,
    origin: impl Into<Origin>,
    group: &Group,
    who: (ExitType, &UserId),
    users: &[UserId],
    change: Change,
) -> Change {
    if users.is_empty() {
        return change;
    }
    let (how, operator) = who;
    let call = app.webhooks().tell(WebhookCommand::AfterMemberExit, Line::Group(&group.id), origin, || {
        about(app, group, Exited { how, operator, members: accounts(users) })
    });
    change.calls(call)
}

/// As [`exited`], of the members that the change takes out.
#[must_use]
pub fn taken_out(
    app: &App,
    origin: impl Into<Origin>,
    group: &Group,
    who: (ExitType, &UserId),
    change: Change,
) -> Change {
    let users: Vec<UserId> = change
        .writes
        .iter()
        .filter_map(|write| if let Write::DeleteMember(_, user) = write { Some(user.clone()) } else { None })
        .collect();
    exited(app, origin, group, who, &users, change)
}

#[derive(Serialize)]
struct Destroyed<'a> {
    #[serde(rename = "Owner_Account")]
    owner: &'a str,
    #[serde(rename = "Name")]
    name: &'a str,
    #[serde(rename = "MemberList", skip_serializing_if = "Option::is_none")]
    members: Option<Vec<MemberAccount<'a>>>,
}

/// Tells that a group is no more; `members` is left out where they are not stored or too many to name.
#[must_use]
pub fn destroyed(
    app: &App,
    origin: impl Into<Origin>,
    group: &Group,
    members: Option<&[UserId]>,
    change: Change,
) -> Change {
    let line = Line::Group(&group.id);
    let call = app.webhooks().tell(WebhookCommand::AfterGroupDestroyed, line, origin, || {
        let owner = owner_name(group.owner.as_ref());
        about(app, group, Destroyed { owner, name: &group.name, members: members.map(accounts) })
    });
    change.calls(call)
}

/// What is new in the profile of a group or topic.
#[derive(Serialize)]
pub(super) struct InfoChanged<'a> {
    #[serde(rename = "Operator_Account")]
    pub(super) operator: &'a UserId,
    #[serde(rename = "Name", skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(rename = "Introduction", skip_serializing_if = "Option::is_none")]
    pub(super) introduction: Option<&'a str>,
    #[serde(rename = "Notification", skip_serializing_if = "Option::is_none")]
    pub(super) notification: Option<&'a str>,
    #[serde(rename = "FaceUrl", skip_serializing_if = "Option::is_none")]
    pub(super) face_url: Option<&'a str>,
    #[serde(rename = "UserDefinedDataList", skip_serializing_if = "Vec::is_empty")]
    pub(super) custom: Vec<CustomField<'a>>,
}

impl InfoChanged<'_> {
    /// Whether nothing is new that backends are told of.
    pub(super) fn is_empty(&self) -> bool {
        let parts = [self.name, self.introduction, self.notification, self.face_url];
        parts.iter().all(Option::is_none) && self.custom.is_empty()
    }
}

/// Tells of a changed name, introduction, notification or picture of the group that the change stores; custom fields count where
/// the app says so.
#[must_use]
pub fn info_changed(app: &App, caller: &Caller, before: &Group, operator: &UserId, change: Change) -> Change {
    let after =
        change.writes.iter().find_map(|write| if let Write::UpdateGroup(after) = write { Some(after) } else { None });
    let Some(after) = after.cloned() else { return change };
    let new = |field: fn(&Group) -> &str| (field(before) != field(&after)).then(|| field(&after));
    let custom = if app.settings().webhook.group_info_custom_fields {
        custom_fields(after.custom.iter().filter(|(key, value)| before.custom.get(*key) != Some(value)))
    } else {
        Vec::new()
    };
    let payload = InfoChanged {
        operator,
        name: new(|group| &group.name),
        introduction: new(|group| &group.introduction),
        notification: new(|group| &group.notification),
        face_url: new(|group| &group.face_url),
        custom,
    };
    if payload.is_empty() {
        return change;
    }
    let line = Line::Group(&before.id);
    let call = app.webhooks().tell(WebhookCommand::AfterGroupInfoChanged, line, caller, || about(app, before, payload));
    change.calls(call)
}

#[derive(Serialize)]
struct OwnerChanged<'a> {
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "OldOwner_Account")]
    old: &'a str,
    #[serde(rename = "NewOwner_Account")]
    new: &'a UserId,
}

/// Tells that the group has another owner, where the change brings one.
#[must_use]
pub fn owner_changed(app: &App, caller: &Caller, before: &Group, operator: &UserId, change: Change) -> Change {
    let after =
        change.writes.iter().find_map(|write| if let Write::UpdateGroup(after) = write { Some(after) } else { None });
    let Some(new) = after.and_then(|after| after.owner.clone()).filter(|new| before.owner.as_ref() != Some(new)) else {
        return change;
    };
    let line = Line::Group(&before.id);
    let call = app.webhooks().tell(WebhookCommand::AfterChangeGroupOwner, line, caller, || {
        let old = owner_name(before.owner.as_ref());
        about(app, before, OwnerChanged { operator, old, new: &new })
    });
    change.calls(call)
}

#[derive(Serialize)]
struct MemberChanged<'a> {
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "Member_Account")]
    member: &'a UserId,
    /// Vendor: named so in another edition.
    #[serde(rename = "Modified_Account")]
    modified: &'a UserId,
    #[serde(rename = "Role", skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(rename = "NameCard", skip_serializing_if = "Option::is_none")]
    name_card: Option<&'a str>,
}

/// Tells of a changed role or name card of the member that the change stores.
#[must_use]
pub fn member_changed(
    app: &App,
    caller: &Caller,
    group: &Group,
    operator: &UserId,
    before: &Member,
    change: Change,
) -> Change {
    let after = change.writes.iter().find_map(|write| match write {
        Write::PutMember(_, after) if after.user == before.user => Some(after),
        _ => None,
    });
    let Some(after) = after.cloned() else { return change };
    let role = (after.role != before.role).then(|| crate::wire::role_name(after.role));
    let name_card = (after.name_card != before.name_card).then_some(&*after.name_card);
    if role.is_none() && name_card.is_none() {
        return change;
    }
    let line = Line::Group(&group.id);
    let call = app.webhooks().tell(WebhookCommand::AfterMemberFieldChanged, line, caller, || {
        let member = &before.user;
        about(app, group, MemberChanged { operator, member, modified: member, role, name_card })
    });
    change.calls(call)
}

#[derive(Serialize)]
struct QuotaAlarm {
    #[serde(rename = "QuotaUsed")]
    used: u64,
    #[serde(rename = "Quota")]
    quota: u32,
}

/// Tells when a created group brought the day's growth above the part of the quota that the app says.
pub async fn quota_alarm(app: &App, caller: &Caller, used: u64) {
    let limits = app.settings().limits().group;
    let quota = limits.max_new_per_day;
    if quota == 0 || used * 100 <= u64::from(quota) * u64::from(limits.new_per_day_alarm_percent) {
        return;
    }
    let command = WebhookCommand::DailyGroupQuotaAlarm;
    tell_now(app, app.webhooks().tell(command, Line::App, caller, || QuotaAlarm { used, quota })).await;
}

#[derive(Serialize)]
struct StateChange<'a> {
    #[serde(rename = "EventType")]
    event: &'static str,
    #[serde(rename = "EventCause")]
    cause: &'static str,
    #[serde(rename = "MemberList")]
    members: Vec<MemberAccount<'a>>,
}

/// Tells that people are here in a live room, or are no longer.
#[must_use]
pub fn presence(app: &App, group: &Group, users: &[UserId], cause: PresenceCause, change: Change) -> Change {
    if users.is_empty() || !app.settings().features.live_member_list {
        return change;
    }
    let cause_name = match cause {
        PresenceCause::Join => "Join",
        PresenceCause::Quit => "Quit",
        PresenceCause::HeartbeatInterrupt => "HeartbeatInterrupt",
        PresenceCause::HeartbeatRecover => "HeartbeatRecover",
    };
    let event = if cause.is_here() { "Online" } else { "Offline" };
    let line = Line::Group(&group.id);
    change.calls(app.webhooks().tell(WebhookCommand::OnMemberStateChange, line, Origin::SERVER, || {
        about(app, group, StateChange { event, cause: cause_name, members: accounts(users) })
    }))
}
