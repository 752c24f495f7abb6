//! What the backend is told and asked about groups and their members (docs/spec/webhooks.md#8).

use serde::Serialize;
use tsudoi_domain::{
    GroupId, UserId, WebhookCommand,
    change::Change,
    group::{
        Group,
        create::{NewGroup, NewMember},
    },
};

use super::Line;
use crate::{app::App, command::Caller, error::Error};

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
        owner: new.owner.as_ref().map_or("", UserId::as_str),
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
        owner: new.owner.as_ref().map_or("", UserId::as_str),
        type_name: app.type_name_as(&new.group_type, &new.created_as),
        name: &new.name,
        members: accounts(initial_members(new)),
        custom: custom_fields(new.custom.iter().map(|(key, value)| (key, value))),
    });
    change.calls(call)
}
