//! Applies to join a group.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    GroupId, WebhookCommand,
    member::join::{self, Applied, Wish},
};

use super::{candidate, last_seq, leaders};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    commands::live::{
        enter::{self, RoomKeys},
        visit,
    },
    error::Error,
    webhook::{self, group::JoinType},
};

/// The caller applies to join: is in at once, or waits for the owner or an admin. Gateway. A live room is entered at once, also by
/// its owner and by who is in it already.
/// Limits: `ApplyMsg` 1000 bytes; the caps of group, type and account.
/// Errors: `GroupNotFound`, `GroupAlreadyMember`, `GroupNotAllowed` (type, option, ban), `GroupFull`, `GroupQuotaReached`.
/// Spec: docs/spec/websocket-protocol.md#10, docs/spec/group-types.md#2.2
#[derive(Debug, Deserialize)]
pub struct ApplyToJoin {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "ApplyMsg", default)]
    message: String,
    /// Whether the latest messages of a live room are wanted.
    #[serde(rename = "HugeGroupHistoryMsgFlag", default = "visit::one")]
    with_history: u32,
}

/// What became of the application.
#[derive(Debug, Serialize)]
pub struct JoinedStatus {
    #[serde(rename = "JoinedStatus")]
    status: &'static str,
    #[serde(flatten)]
    room: Option<RoomKeys>,
}

impl Command for ApplyToJoin {
    const ROUTE: Route = Route::socket("group_open_http_svc", "apply_join_group", "docs/spec/websocket-protocol.md#10");
    type Reply = JoinedStatus;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<JoinedStatus, Error> {
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        if !scene.policy.members_stored {
            let room = Some(enter::enter(app, caller, &scene, self.with_history != 0).await?);
            return Ok(JoinedStatus { status: "JoinedSuccess", room });
        }
        let key = app.shared().now().0;
        let decide = async || {
            let scene = app.scene(&self.group, caller, &caller.user).await?;
            let applicant = candidate(app, &scene, &caller.user).await?;
            let leaders = leaders(app, &self.group).await?;
            let last_seq = last_seq(app, &self.group).await?;
            let wish = Wish { applicant: &applicant, message: &self.message, key, leaders: &leaders, last_seq };
            let (applied, change) = join::apply(&scene, &wish, &|| app.dice().u64())?;
            let who = (JoinType::Apply, &caller.user);
            Ok::<_, Error>((applied, webhook::group::brought_in(app, caller, &scene.group, who, change)))
        };
        let apply = async {
            // What the app's backend says, once the rules allow it.
            if app.webhooks().wants(WebhookCommand::BeforeApplyJoinGroup) {
                decide().await?;
                webhook::group::before_apply(app, caller, &*app.group(&self.group).await?).await?;
            }
            app.decide(decide).await
        };
        let (applied, _) = match apply.await {
            Ok(applied) => applied,
            Err(error) => return Err(webhook::group::turned_away(app, caller, &self.group, error).await),
        };
        let status = match applied {
            Applied::Joined => "JoinedSuccess",
            Applied::Waits => "WaitAdminApproval",
        };
        Ok(JoinedStatus { status, room: None })
    }
}
