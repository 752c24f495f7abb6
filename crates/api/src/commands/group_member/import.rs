//! Brings members over from another system.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    GroupId, Role, Timestamp, UserId,
    conversation::ConversationKey,
    member::import::{self, ImportFate, Imported},
};

use super::{check_accounts, last_seq, membership};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    error::Error,
};

/// Imports members with their roles, times of joining and unread numbers: no notices, no webhooks. REST only.
/// Units: Unix seconds. Limits: `limits.import.group_members` accounts per call, the cap of group and type.
/// Errors: `GroupTooManyAccounts`, `GroupNotFound`, `GroupNotAllowed` (live rooms), `GroupFull`; per item `Result` 0.
/// Spec: docs/spec/rest-groups.md#4.3
#[derive(Debug, Deserialize)]
pub struct ImportMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "MemberList")]
    members: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    #[serde(rename = "Member_Account")]
    user: UserId,
    #[serde(rename = "Role")]
    role: Option<ImportRole>,
    #[serde(rename = "JoinTime")]
    joined_at: Option<i64>,
    #[serde(rename = "UnreadMsgNum", default)]
    unread: u64,
}

/// The roles that can be imported; the owner is set with the group.
#[derive(Debug, Clone, Copy, Deserialize)]
enum ImportRole {
    Admin,
    Member,
}

/// What became of each account, in the order of the request.
#[derive(Debug, Serialize)]
pub struct ImportedMembers {
    #[serde(rename = "MemberList")]
    members: Vec<ImportResult>,
}

#[derive(Debug, Serialize)]
struct ImportResult {
    #[serde(rename = "Member_Account")]
    user: UserId,
    /// 0 failed, 1 imported, 2 was in.
    #[serde(rename = "Result")]
    result: u32,
}

impl Command for ImportMembers {
    const ROUTE: Route = Route::rest("group_open_http_svc", "import_group_member", "docs/spec/rest-groups.md#4.3");
    type Reply = ImportedMembers;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<ImportedMembers, Error> {
        check_accounts("MemberList", self.members.len(), app.settings().limits().import.group_members)?;
        let decided = app
            .decide(|| async {
                let scene = app.scene(&self.group, caller, &caller.user).await?;
                let last_seq = last_seq(app, &self.group).await?;
                let mut items = Vec::with_capacity(self.members.len());
                for item in &self.members {
                    let joined_at = item.joined_at.map(Timestamp);
                    items.push(Imported {
                        user: item.user.clone(),
                        is_known: app.store().account(app.id(), &item.user).await?.is_some(),
                        is_member: membership(app, &scene, &item.user).await?.is_some(),
                        role: if matches!(item.role, Some(ImportRole::Admin)) { Role::Admin } else { Role::Member },
                        joined_at,
                        joined_seq: seq_at(app, &self.group, last_seq, joined_at.unwrap_or(scene.now), scene.now)
                            .await?,
                        unread: item.unread,
                    });
                }
                Ok(import::import(&scene, &items, last_seq)?)
            })
            .await;
        let (fates, _) = decided?;
        let number = |fate| match fate {
            ImportFate::Failed => 0,
            ImportFate::Imported => 1,
            ImportFate::AlreadyMember => 2,
        };
        let users = self.members.into_iter().map(|item| item.user);
        let members = users.zip(fates).map(|(user, fate)| ImportResult { user, result: number(fate) }).collect();
        Ok(ImportedMembers { members })
    }
}

/// The number of the newest message that is older than a moment. Looks at as many messages as the number has bits.
async fn seq_at(app: &App, group: &GroupId, last_seq: u64, moment: Timestamp, now: Timestamp) -> Result<u64, Error> {
    if moment >= now {
        return Ok(last_seq);
    }
    let conversation = ConversationKey::Group(group.clone());
    let (mut older, mut newer) = (0, last_seq + 1);
    while newer - older > 1 {
        let middle = older + (newer - older) / 2;
        let message = app.store().read().message(app.id(), &conversation, middle).await?;
        // What is kept no longer is older than everything that is.
        if message.is_none_or(|message| message.draft.time < moment) {
            older = middle;
        } else {
            newer = middle;
        }
    }
    Ok(older)
}
