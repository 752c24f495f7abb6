//! Brings people into a group.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    GroupId, UserId, WebhookCommand,
    member::invite::{self, Fate, Invite},
};

use super::{candidate, check_accounts, check_known, last_seq, leaders};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode,
    error::Error,
    webhook::{self, group::JoinType},
};

/// Adds members. REST and gateway; a backend adds directly, a client invites as the group's options say.
/// Limits: `limits.group.add_members` accounts per call, the caps of group, type and account.
/// Errors: `GroupTooManyAccounts`, `GroupNotFound`, `GroupNotAllowed`, `GroupAccountNotFound` and `GroupFull` (nobody is added).
/// Spec: docs/spec/rest-groups.md#2.3, docs/spec/websocket-protocol.md#10
#[derive(Debug, Deserialize)]
pub struct AddMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "Silence", default, deserialize_with = "decode::flag")]
    silence: bool,
    #[serde(rename = "MemberList")]
    members: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(rename = "Member_Account")]
    user: UserId,
}

/// What became of each account, in the order of the request.
#[derive(Debug, Serialize)]
pub struct Added {
    #[serde(rename = "MemberList")]
    members: Vec<AddResult>,
}

#[derive(Debug, Serialize)]
struct AddResult {
    #[serde(rename = "Member_Account")]
    user: UserId,
    /// 0 refused, 1 added, 2 was in, 3 somebody has to agree, 4 (clients only) has too many groups.
    #[serde(rename = "Result")]
    result: u32,
}

impl Command for AddMembers {
    const ROUTE: Route = Route::both("group_open_http_svc", "add_group_member", "docs/spec/rest-groups.md#2.3");
    type Reply = Added;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Added, Error> {
        check_accounts("MemberList", self.members.len(), app.settings().limits().group.add_members)?;
        let users: Vec<UserId> = self.members.into_iter().map(|named| named.user).collect();
        let key = app.shared().now().0;
        let decide = async |users: &[UserId]| {
            let scene = app.scene(&self.group, caller, &caller.user).await?;
            invite::may_invite(&scene)?;
            check_known(app, users).await?;
            let mut candidates = Vec::with_capacity(users.len());
            for user in users {
                candidates.push(candidate(app, &scene, user).await?);
            }
            let leaders = leaders(app, &self.group).await?;
            let last_seq = last_seq(app, &self.group).await?;
            let request = Invite { candidates: &candidates, silence: self.silence, key, leaders: &leaders, last_seq };
            let (fates, change) = invite::invite(&scene, &request, &|| app.dice().u64())?;
            let who = (JoinType::Invited, &caller.user);
            Ok::<_, Error>((fates, webhook::group::brought_in(app, caller, &scene.group, who, change)))
        };
        // What the app's backend says about those who could come; whom it refuses is left out.
        let refused = if app.webhooks().wants(WebhookCommand::BeforeInviteJoinGroup) {
            let (fates, _) = turned_away(app, caller, &self.group, decide(&users).await).await?;
            let comes = |fate: &Fate| matches!(fate, Fate::Added | Fate::Waits);
            let newcomers: Vec<UserId> =
                users.iter().zip(&fates).filter(|(_, fate)| comes(fate)).map(|(user, _)| user.clone()).collect();
            webhook::group::before_invite(app, caller, &*app.group(&self.group).await?, &newcomers).await?
        } else {
            Vec::new()
        };
        let wanted: Vec<UserId> = users.iter().filter(|user| !refused.contains(user)).cloned().collect();
        let (fates, _) = turned_away(app, caller, &self.group, app.decide(|| decide(&wanted)).await).await?;
        let mut fates = fates.into_iter();
        let members = users
            .into_iter()
            .map(|user| {
                let fate = if refused.contains(&user) { None } else { fates.next() };
                AddResult { user, result: fate.map_or(REFUSED, |fate| result(fate, caller)) }
            })
            .collect();
        Ok(Added { members })
    }
}

/// The result of people whom the app's backend left out: as of those who cannot come.
const REFUSED: u32 = 0;

/// Tells the app's backend where a full group turned somebody away.
async fn turned_away<T>(app: &App, caller: &Caller, group: &GroupId, result: Result<T, Error>) -> Result<T, Error> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => Err(webhook::group::turned_away(app, caller, group, error).await),
    }
}

fn result(fate: Fate, caller: &Caller) -> u32 {
    match fate {
        Fate::Added => 1,
        Fate::AlreadyMember => 2,
        Fate::Waits => 3,
        // Clients have a list of their own for these; backends know four results.
        Fate::TooManyGroups if !caller.is_app_admin() => 4,
        Fate::TooManyGroups | Fate::Banned => 0,
    }
}
