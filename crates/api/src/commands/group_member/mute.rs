//! Mutes people, and lists who is muted.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    GroupId, TopicId, UserId,
    member::mute::{self, Mute},
    time::MuteUntil,
};

use super::{check_accounts, check_known, distinct, with_roles};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
};

/// Mutes people, members or not, or lifts their mutes. REST and gateway; needs `Action::Mute` over each of them.
/// Units: `ShutUpTime` (newer: `MuteTime`) in seconds, 0 lifts, 4294967295 means for good.
/// Limits: `limits.group.mute_batch` accounts per call.
/// Errors: `GroupTooManyAccounts`, `GroupNotFound`, `GroupNotAllowed` (types without mutes), `GroupAccountNotFound`, `CommunityOff`.
/// Spec: docs/spec/rest-groups.md#2.8
#[derive(Debug, Deserialize)]
pub struct MuteMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "Members_Account")]
    users: Vec<UserId>,
    #[serde(rename = "MuteTime")]
    mute_secs: Option<u32>,
    #[serde(rename = "ShutUpTime")]
    shut_up_secs: Option<u32>,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
}

impl Command for MuteMembers {
    const ROUTE: Route = Route::both("group_open_http_svc", "forbid_send_msg", "docs/spec/rest-groups.md#2.8");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        check_accounts("Members_Account", self.users.len(), app.settings().limits().group.mute_batch)?;
        let seconds = self.mute_secs.or(self.shut_up_secs);
        let seconds = seconds.ok_or_else(|| Error::new(ErrorCode::GroupBadParameter, "`MuteTime` is missing"))?;
        let users = distinct(&self.users);
        app.decide(|| async {
            let scene = app.scene(&self.group, caller, &caller.user).await?;
            let scene = match &self.topic {
                Some(topic) => app.in_topic(scene, topic).await?,
                None => scene,
            };
            let targets = with_roles(app, &scene, &users).await?;
            let request = Mute { targets: &targets, topic: self.topic.as_ref(), seconds };
            let change = mute::mute(&scene, &request, &|| app.dice().u64())?;
            check_known(app, &users).await?;
            Ok(((), change))
        })
        .await?;
        Ok(Done {})
    }
}

/// Lists who is muted now; also under its older name `get_group_shutted_uin`, and with the fields of both names. REST only.
/// Units: Unix seconds. Errors: `GroupNotFound`, `CommunityOff`.
/// Spec: docs/spec/rest-groups.md#2.9
#[derive(Debug, Deserialize)]
pub struct ListMutes {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
}

/// Who is muted.
#[derive(Debug, Serialize)]
pub struct Mutes {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "MutedAccountList")]
    newer: Vec<Muted>,
    #[serde(rename = "ShuttedUinList")]
    older: Vec<Shutted>,
}

#[derive(Debug, Serialize)]
struct Muted {
    #[serde(rename = "Member_Account")]
    user: UserId,
    #[serde(rename = "MutedUntil")]
    until: MuteUntil,
}

#[derive(Debug, Serialize)]
struct Shutted {
    #[serde(rename = "Member_Account")]
    user: UserId,
    #[serde(rename = "ShuttedUntil")]
    until: MuteUntil,
}

impl Command for ListMutes {
    const ROUTE: Route = Route::rest("group_open_http_svc", "get_group_muted_account", "docs/spec/rest-groups.md#2.9");
    type Reply = Mutes;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Mutes, Error> {
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        if let Some(topic) = &self.topic {
            app.in_topic(scene, topic).await?;
        }
        let muted = app.store().read().mutes(app.id(), &self.group, self.topic.as_ref(), app.now()).await?;
        Ok(Mutes {
            group: self.group,
            newer: muted.iter().map(|(user, until)| Muted { user: user.clone(), until: *until }).collect(),
            older: muted.into_iter().map(|(user, until)| Shutted { user, until }).collect(),
        })
    }
}
