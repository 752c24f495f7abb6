//! Tells what people are in a group.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{Action, Denied, GroupId, UserId};

use super::{check_accounts, with_roles};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    error::Error,
    wire::role_name,
};

/// Tells the roles of accounts, strangers included. REST only.
/// Limits: `limits.group.mute_batch` accounts per call.
/// Errors: `GroupTooManyAccounts`, `GroupNotFound`, `GroupNotAllowed` (live rooms).
/// Spec: docs/spec/rest-groups.md#2.7
#[derive(Debug, Deserialize)]
pub struct GetRoles {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "User_Account")]
    users: Vec<UserId>,
}

/// The roles in the order of the request.
#[derive(Debug, Serialize)]
pub struct Roles {
    #[serde(rename = "UserIdList")]
    users: Vec<UserRole>,
}

#[derive(Debug, Serialize)]
struct UserRole {
    #[serde(rename = "Member_Account")]
    user: UserId,
    #[serde(rename = "Role")]
    role: &'static str,
}

impl Command for GetRoles {
    const ROUTE: Route = Route::rest("group_open_http_svc", "get_role_in_group", "docs/spec/rest-groups.md#2.7");
    type Reply = Roles;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Roles, Error> {
        check_accounts("User_Account", self.users.len(), app.settings().limits().group.mute_batch)?;
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        if !scene.policy.members_stored {
            let group_type = scene.group.group_type.clone();
            return Err(Denied::TypeLacks { group_type, what: "stored members" }.into());
        }
        scene.require(Action::ReadMembers, "read the members")?;
        let users = with_roles(app, &scene, &self.users).await?;
        Ok(Roles { users: users.into_iter().map(|(user, role)| UserRole { user, role: role_name(role) }).collect() })
    }
}
