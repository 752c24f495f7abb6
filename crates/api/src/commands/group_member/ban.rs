//! Bans people for a time, and lists who is banned.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Action, Denied, GroupId, Scene, UserId,
    live::PresenceCause,
    member::remove::{self, Ban},
    time::MuteUntil,
};

use super::{check_accounts, check_known, distinct, membership};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    error::Error,
    error_code::ErrorCode,
    webhook::{self, group::ExitType},
};

/// Removes people and keeps them out for a time. REST and gateway; needs `Action::Ban` on every one of them.
/// Units: `Duration` in seconds, at least 1. Limits: `limits.group.ban_batch` accounts, `ban_reason_bytes`.
/// Errors: `GroupTooManyAccounts`, `GroupNotFound`, `GroupNotAllowed`, `GroupAccountNotFound`, `GroupFeatureOff` (live rooms).
/// Spec: docs/spec/rest-groups.md#2.10
#[derive(Debug, Deserialize)]
pub struct BanMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "Members_Account")]
    users: Vec<UserId>,
    #[serde(rename = "Duration")]
    seconds: u32,
    #[serde(rename = "Description", default)]
    description: String,
}

/// Lets pass groups whose bans are not switched off.
fn check_feature(app: &App, scene: &Scene) -> Result<(), Denied> {
    if !scene.policy.members_stored && !app.settings().features.live_ban {
        return Err(Denied::FeatureOff("the ban of people in live rooms"));
    }
    Ok(())
}

impl Command for BanMembers {
    const ROUTE: Route = Route::both("group_open_http_svc", "ban_group_member", "docs/spec/rest-groups.md#2.10");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let limits = app.settings().limits().group;
        check_accounts("Members_Account", self.users.len(), limits.ban_batch)?;
        let bad = |text: String| Err(Error::new(ErrorCode::GroupBadParameter, text));
        if self.seconds == 0 {
            return bad("`Duration` is 0".into());
        }
        if self.description.len() > limits.ban_reason_bytes as usize {
            return bad(format!("`Description` has more than {} bytes", limits.ban_reason_bytes));
        }
        let users = distinct(&self.users);
        app.decide(|| async {
            let scene = app.scene(&self.group, caller, &caller.user).await?;
            check_feature(app, &scene)?;
            let mut targets = Vec::with_capacity(users.len());
            for user in &users {
                targets.push((user.clone(), membership(app, &scene, user).await?));
            }
            let request = Ban { users: &targets, seconds: self.seconds, description: &self.description };
            let change = remove::ban(&scene, &request, &|| app.dice().u64())?;
            check_known(app, &users).await?;
            let who = (ExitType::Kicked, &caller.user);
            if scene.policy.members_stored {
                return Ok(((), webhook::group::taken_out(app, caller, &scene.group, who, change)));
            }
            let gone: Vec<UserId> =
                users.iter().filter(|user| app.live.room(&self.group).contains(user)).cloned().collect();
            let change = webhook::group::exited(app, caller, &scene.group, who, &gone, change);
            Ok(((), webhook::group::presence(app, &scene.group, &gone, PresenceCause::Quit, change)))
        })
        .await?;
        if !app.policy_of(&*app.group(&self.group).await?).members_stored {
            for user in &users {
                app.live.leave(&self.group, user);
            }
        }
        Ok(Done {})
    }
}

/// Lifts bans; accounts without one are passed over. REST and gateway; needs `Action::Ban`.
/// Limits: `limits.group.ban_batch` accounts. Errors: `GroupTooManyAccounts`, `GroupNotFound`, `GroupNotAllowed`,
/// `GroupFeatureOff` (live rooms).
/// Spec: docs/spec/rest-groups.md#2.11
#[derive(Debug, Deserialize)]
pub struct UnbanMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "Members_Account")]
    users: Vec<UserId>,
}

impl Command for UnbanMembers {
    const ROUTE: Route = Route::both("group_open_http_svc", "unban_group_member", "docs/spec/rest-groups.md#2.11");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        check_accounts("Members_Account", self.users.len(), app.settings().limits().group.ban_batch)?;
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        check_feature(app, &scene)?;
        app.commit(remove::unban(&scene, &distinct(&self.users))?).await?;
        Ok(Done {})
    }
}

/// Lists who is banned now, ordered by account. REST only.
/// Units: Unix seconds. Limits: `limits.group.ban_page` per page. Errors: `GroupNotFound`, `GroupNotAllowed`,
/// `GroupBadParameter`, `GroupFeatureOff` (live rooms).
/// Spec: docs/spec/rest-groups.md#2.12
#[derive(Debug, Deserialize)]
pub struct ListBans {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "Limit")]
    limit: Option<u32>,
    #[serde(rename = "Offset")]
    offset: u64,
}

/// A page of bans.
#[derive(Debug, Serialize)]
pub struct Bans {
    #[serde(rename = "BannedAccountList")]
    list: Vec<Banned>,
    /// 0 at the end.
    #[serde(rename = "NextOffset")]
    next: u64,
}

#[derive(Debug, Serialize)]
struct Banned {
    #[serde(rename = "Member_Account")]
    user: UserId,
    #[serde(rename = "BannedUntil")]
    until: MuteUntil,
}

impl Command for ListBans {
    const ROUTE: Route = Route::rest("group_open_http_svc", "get_group_ban_member", "docs/spec/rest-groups.md#2.12");
    type Reply = Bans;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Bans, Error> {
        let most = app.settings().limits().group.ban_page;
        let limit = self.limit.unwrap_or(most);
        if limit == 0 || limit > most {
            return Err(Error::new(ErrorCode::GroupBadParameter, format!("`Limit` is not from 1 to {most}")));
        }
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        check_feature(app, &scene)?;
        scene.require(Action::Ban, "list bans")?;
        let limit = limit as usize;
        let mut bans = app.store().read().bans(app.id(), &self.group, scene.now, self.offset, limit + 1).await?;
        let next = if bans.len() > limit { self.offset + limit as u64 } else { 0 };
        bans.truncate(limit);
        Ok(Bans { list: bans.into_iter().map(|(user, until)| Banned { user, until }).collect(), next })
    }
}
