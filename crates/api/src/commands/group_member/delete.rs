//! Removes members from a group.

use std::sync::Arc;

use serde::Deserialize;
use tsudoi_domain::{
    GroupId, UserId,
    member::remove::{self, Kick},
};

use super::{check_accounts, distinct, membership};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    webhook::{self, group::ExitType},
};

/// Removes members; accounts that are none are passed over. REST and gateway; needs `Action::Kick` on every one of them.
/// Limits: `limits.group.delete_members` accounts per call.
/// Errors: `GroupTooManyAccounts`, `GroupNotFound`, `GroupNotAllowed`; `GroupBadParameter` for types that remove nobody.
/// Spec: docs/spec/rest-groups.md#2.4
#[derive(Debug, Deserialize)]
pub struct DeleteMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "MemberToDel_Account")]
    users: Vec<UserId>,
    #[serde(rename = "Silence", default, deserialize_with = "decode::flag")]
    silence: bool,
    #[serde(rename = "Reason", default)]
    reason: String,
}

impl Command for DeleteMembers {
    const ROUTE: Route = Route::both("group_open_http_svc", "delete_group_member", "docs/spec/rest-groups.md#2.4");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        check_accounts("MemberToDel_Account", self.users.len(), app.settings().limits().group.delete_members)?;
        let users = distinct(&self.users);
        app.decide(|| async {
            let scene = app.scene(&self.group, caller, &caller.user).await?;
            let mut members = Vec::with_capacity(users.len());
            for user in &users {
                members.extend(membership(app, &scene, user).await?);
            }
            let request = Kick { members: &members, reason: &self.reason, silence: self.silence };
            let change = remove::kick(&scene, &request, &|| app.dice().u64())?;
            let who = (ExitType::Kicked, &caller.user);
            Ok(((), webhook::group::taken_out(app, caller, &scene.group, who, change)))
        })
        .await?;
        Ok(Done {})
    }
}
