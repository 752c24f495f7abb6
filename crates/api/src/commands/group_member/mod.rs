//! Members of groups: coming, going, roles, mutes, bans, what is known of them.
//! Spec: docs/spec/rest-groups.md#2, docs/spec/websocket-protocol.md#10

use std::{collections::HashSet, sync::Arc};

use tsudoi_domain::{
    Denied, GroupId, Role, Scene, UserId,
    conversation::ConversationKey,
    member::{Member, join::Candidate},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    error::Error,
    error_code::ErrorCode,
};

pub mod add;
pub mod apply;
pub mod ban;
pub mod delete;
pub mod import;
pub mod info;
pub mod joined;
pub mod modify;
pub mod mute;
pub mod pending;
pub mod quit;
pub mod role;

pub(crate) fn all() -> Vec<Entry> {
    list![
        add::AddMembers,
        apply::ApplyToJoin,
        ban::BanMembers,
        ban::UnbanMembers,
        ban::ListBans,
        delete::DeleteMembers,
        import::ImportMembers,
        info::ListMembers,
        info::GetMembers,
        // The service of communities has lists of its own; they stand first, so that the others do not take their places.
        joined::ListJoinedCommunities,
        joined::ListJoined,
        modify::ModifyMember,
        mute::MuteMembers,
        mute::ListMutes as [("group_open_http_svc", "get_group_shutted_uin")],
        pending::ListCommunityApplications,
        pending::ListApplications,
        pending::DecideApplication,
        pending::DecideInvitation,
        pending::AnswerInvitation,
        quit::QuitGroup,
        role::GetRoles,
    ]
}

/// Lets pass a list of accounts that has some, but not too many.
fn check_accounts(field: &str, count: usize, most: u32) -> Result<(), Error> {
    if count == 0 {
        return Err(Error::new(ErrorCode::GroupBadParameter, format!("`{field}` is empty")));
    }
    if count > most as usize {
        let text = format!("`{field}` has {count} entries, at most {most} are allowed");
        return Err(Error::new(ErrorCode::GroupTooManyAccounts, text));
    }
    Ok(())
}

/// Every account once, in the order of the request.
fn distinct(users: &[UserId]) -> Vec<UserId> {
    let mut seen = HashSet::new();
    users.iter().filter(|user| seen.insert(*user)).cloned().collect()
}

/// Lets pass accounts that exist, all of them.
async fn check_known(app: &App, users: &[UserId]) -> Result<(), Error> {
    let accounts = app.store().accounts(app.id(), users).await?;
    match users.iter().zip(accounts).find(|(_, account)| account.is_none()) {
        Some((unknown, _)) => Err(Denied::NoSuchAccount(unknown.clone()).into()),
        None => Ok(()),
    }
}

/// Somebody's membership: stored, or by being in a live room.
async fn membership(app: &App, scene: &Scene, user: &UserId) -> Result<Option<Arc<Member>>, Error> {
    if scene.policy.members_stored {
        return Ok(app.store().member(app.id(), &scene.group.id, user).await?);
    }
    Ok(app.live.member(&scene.group, user))
}

/// The users with their roles, in their order.
async fn with_roles(app: &App, scene: &Scene, users: &[UserId]) -> Result<Vec<(UserId, Role)>, Error> {
    let mut found = Vec::with_capacity(users.len());
    for user in users {
        let role = membership(app, scene, user).await?.map_or(Role::NotMember, |member| member.role);
        found.push((user.clone(), role));
    }
    Ok(found)
}

/// What is known of somebody who may come in.
async fn candidate(app: &App, scene: &Scene, user: &UserId) -> Result<Candidate, Error> {
    let most = app.settings().limits().group.max_groups_per_user;
    let groups = if most == 0 { 0 } else { app.store().read().joined(app.id(), user).await?.len() };
    Ok(Candidate {
        user: user.clone(),
        is_member: membership(app, scene, user).await?.is_some(),
        banned: app.store().read().ban(app.id(), &scene.group.id, user).await?,
        over_limit: (most > 0 && groups >= most as usize).then_some(most),
    })
}

/// How many leaders of a group are told of an application.
const LEADERS: usize = 500;

/// The owner and the admins.
async fn leaders(app: &App, group: &GroupId) -> Result<Vec<UserId>, Error> {
    let roles = [Role::Owner, Role::Admin];
    let (page, _) = app.store().read().member_page(app.id(), group, &roles, 0, 0, LEADERS).await?;
    Ok(page.iter().map(|member| member.user.clone()).collect())
}

/// The newest number of the group's own messages.
async fn last_seq(app: &App, group: &GroupId) -> Result<u64, Error> {
    Ok(app.store().read().position(app.id(), &ConversationKey::Group(group.clone())).await?.last_seq)
}
