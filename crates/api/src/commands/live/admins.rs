//! Admins of live rooms.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Denied, GroupId, Scene, UserId,
    change::Write,
    live::{self, Appointment},
};

use super::{SERVICE, accounts, check_known, marks::is_set, room_with};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    error::Error,
    wire::faces::Faces,
};

async fn room(app: &Arc<App>, group: &GroupId, caller: &Caller) -> Result<Scene, Error> {
    let scene = room_with(app, group, caller, |scene| scene.policy.live_admins, "admins of live rooms").await?;
    if !app.settings().features.live_admins {
        return Err(Denied::FeatureOff("admins of live rooms").into());
    }
    Ok(scene)
}

/// Appoints admins of a live room, in it or not, or takes the role away; it outlives leaving and coming back. REST only.
/// Limits: `limits.live.max_admins` per call and room.
/// Errors: `GroupBadParameter`, `GroupTooManyAccounts`, `GroupNotFound`, `GroupNotAllowed`, `GroupAccountNotFound`,
/// `GroupFeatureOff`.
/// Spec: docs/spec/rest-groups.md#6.5
#[derive(Debug, Deserialize)]
pub struct ModifyAdmins {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "CommandType")]
    command: u32,
    #[serde(rename = "Admin_Account")]
    users: Vec<UserId>,
}

impl Command for ModifyAdmins {
    const ROUTE: Route = Route::rest(SERVICE, "modify_admin", "docs/spec/rest-groups.md#6.5");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let most = app.settings().limits().live.max_admins;
        let granted = is_set(self.command)?;
        let users = accounts("Admin_Account", &self.users, most)?;
        let scene = room(app, &self.group, caller).await?;
        check_known(app, &users).await?;
        let _changing = app.live.changing.lock().await;
        let room = app.live.room(&self.group);
        let request = Appointment { current: &room.admins(), users: &users, granted, most };
        let change = live::appoint(&scene, &request, &|| app.dice().u64())?;
        let changed: Vec<UserId> = change
            .writes
            .iter()
            .filter_map(|write| if let Write::SetLiveAdmin { user, .. } = write { Some(user.clone()) } else { None })
            .collect();
        app.commit(change).await?;
        for user in changed {
            room.set_admin(&user, granted);
        }
        Ok(Done {})
    }
}

/// Lists the admins of a live room. REST only.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`.
/// Spec: docs/spec/rest-groups.md#6.6
#[derive(Debug, Deserialize)]
pub struct ListAdmins {
    #[serde(rename = "GroupId")]
    group: GroupId,
}

/// The admins, ordered by account.
#[derive(Debug, Serialize)]
pub struct Admins {
    #[serde(rename = "Admin_List")]
    admins: Vec<AdminFace>,
}

#[derive(Debug, Serialize)]
struct AdminFace {
    #[serde(rename = "Admin_Account")]
    user: UserId,
    #[serde(rename = "NickName")]
    nick: String,
    #[serde(rename = "Avatar")]
    face_url: String,
}

impl Command for ListAdmins {
    const ROUTE: Route = Route::rest(SERVICE, "get_admin_list", "docs/spec/rest-groups.md#6.6");
    type Reply = Admins;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Admins, Error> {
        room(app, &self.group, caller).await?;
        let admins = app.live.find(&self.group).map(|room| room.admins()).unwrap_or_default();
        let faces = Faces::of(app.store(), app.id(), admins.iter().cloned().collect()).await?;
        let describe = |user: UserId| AdminFace {
            nick: faces.nick(&user).to_owned(),
            face_url: faces.face_url(&user).to_owned(),
            user,
        };
        Ok(Admins { admins: admins.into_iter().map(describe).collect() })
    }
}
