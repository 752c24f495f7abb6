//! Leaves a group.

use std::sync::Arc;

use serde::Deserialize;
use tsudoi_domain::{GroupId, member::remove};

use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    commands::live::enter,
    error::Error,
    webhook::{self, group::ExitType},
};

/// The caller leaves. Gateway; needs `Action::Quit`.
/// Errors: `GroupNotFound`, `GroupNotAllowed` (not a member), `GroupOwnerMayNotQuit`.
/// Spec: docs/spec/websocket-protocol.md#10
#[derive(Debug, Deserialize)]
pub struct QuitGroup {
    #[serde(rename = "GroupId")]
    group: GroupId,
}

impl Command for QuitGroup {
    const ROUTE: Route = Route::socket("group_open_http_svc", "quit_group", "docs/spec/websocket-protocol.md#10");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        if !scene.policy.members_stored {
            enter::quit(app, caller, &scene).await?;
            return Ok(Done {});
        }
        app.decide(|| async {
            let scene = app.scene(&self.group, caller, &caller.user).await?;
            let change = remove::quit(&scene, &|| app.dice().u64())?;
            let who = (ExitType::Quit, &caller.user);
            Ok(((), webhook::group::taken_out(app, caller, &scene.group, who, change)))
        })
        .await?;
        Ok(Done {})
    }
}
