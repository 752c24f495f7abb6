//! Live rooms: who is in them, marks, admins, robots, visitors without login, messages to all of them.
//! Spec: docs/spec/rest-groups.md#6, docs/spec/websocket-protocol.md#14, #15

use std::sync::Arc;

use tsudoi_domain::{Denied, GroupId, Scene, UserId};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::Caller,
    error::Error,
    error_code::ErrorCode,
};

pub mod admins;
pub mod broadcast;
pub mod enter;
pub mod marks;
pub mod members;
pub mod visit;

pub(crate) fn all() -> Vec<Entry> {
    list![
        admins::ModifyAdmins,
        admins::ListAdmins,
        broadcast::Broadcast,
        marks::MarkMembers,
        marks::AddRobots,
        marks::DeleteRobots,
        members::CountOnline,
        members::ListOnline,
        members::CheckOnline,
        visit::Visit,
        visit::Listen as [("group_open_long_polling_http_noauth_svc", "get_msg")],
        visit::ReadNewest,
    ]
}

/// The service of live rooms.
const SERVICE: &str = "group_open_avchatroom_http_svc";

/// The scene of a live room that has what is asked for.
async fn room_with(
    app: &Arc<App>,
    group: &GroupId,
    caller: &Caller,
    has: impl FnOnce(&Scene) -> bool,
    what: &'static str,
) -> Result<Scene, Error> {
    let scene = app.scene(group, caller, &caller.user).await?;
    if !has(&scene) {
        return Err(Denied::TypeLacks { group_type: scene.group.group_type.clone(), what }.into());
    }
    Ok(scene)
}

/// Lets pass a list of accounts that has some, but not too many, and answers each once.
fn accounts(field: &str, users: &[UserId], most: u32) -> Result<Vec<UserId>, Error> {
    if users.is_empty() {
        return Err(Error::new(ErrorCode::GroupBadParameter, format!("`{field}` is empty")));
    }
    if users.len() > most as usize {
        let text = format!("`{field}` has {} entries, at most {most} are allowed", users.len());
        return Err(Error::new(ErrorCode::GroupTooManyAccounts, text));
    }
    let mut seen = std::collections::HashSet::new();
    Ok(users.iter().filter(|user| seen.insert(*user)).cloned().collect())
}

/// Lets pass accounts that exist, all of them.
async fn check_known(app: &App, users: &[UserId]) -> Result<(), Error> {
    let accounts = app.store().accounts(app.id(), users).await?;
    match users.iter().zip(accounts).find(|(_, account)| account.is_none()) {
        Some((unknown, _)) => Err(Denied::NoSuchAccount(unknown.clone()).into()),
        None => Ok(()),
    }
}
