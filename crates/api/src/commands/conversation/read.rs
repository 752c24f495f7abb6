//! Reading everything at once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{Denied, GroupId, UserId, conversation::ConversationKey, message::read};

use crate::{
    app::App,
    command::{Caller, Command, Route},
    commands::direct_message::read::{set_read, unread_views},
    decode,
    error::Error,
    error_code::ErrorCode,
    push,
};

/// Reads everything: all one-to-one conversations, or groups up to a number each. Gateway.
/// Limits: 100 groups. Errors: per group.
/// Spec: docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct ReadAll {
    #[serde(rename = "C2CReadAllMsg", default, deserialize_with = "decode::flag")]
    direct: bool,
    #[serde(rename = "GroupReadInfo", default)]
    groups: Vec<GroupReadUntil>,
}

#[derive(Debug, Deserialize)]
struct GroupReadUntil {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "MsgSeq")]
    seq: u64,
}

/// What was read.
#[derive(Debug, Serialize)]
pub struct AllRead {
    #[serde(rename = "C2CReadAllMsg")]
    direct: u32,
    #[serde(rename = "GroupReadInfoArray")]
    groups: Vec<GroupRead>,
}

#[derive(Debug, Serialize)]
struct GroupRead {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "RetCode")]
    code: u32,
}

/// Most groups that one call reads.
const MAX_READ_GROUPS: usize = 500;

impl Command for ReadAll {
    const ROUTE: Route = Route::socket("openim", "read_all_unread_msg", "docs/spec/websocket-protocol.md#17");
    type Reply = AllRead;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<AllRead, Error> {
        if self.groups.len() > MAX_READ_GROUPS {
            let text = format!("`GroupReadInfo` has more than {MAX_READ_GROUPS} entries");
            return Err(Error::new(ErrorCode::MessageBadJson, text));
        }
        if self.direct {
            push::settle(app, &caller.user).await?;
            let now = app.now();
            // A look at a time; whatever stays unread is dated later than now.
            let mut before = None;
            loop {
                let views = unread_views(app, &caller.user).await?;
                let peers: Vec<UserId> = views.into_iter().map(|view| view.peer).collect();
                if peers.is_empty() || before.as_ref() == Some(&peers) {
                    break;
                }
                for peer in &peers {
                    set_read(app, caller, &caller.user, peer, now).await?;
                }
                before = Some(peers);
            }
        }
        let mut groups = Vec::with_capacity(self.groups.len());
        for GroupReadUntil { group, seq } in self.groups {
            let code = read_group(app, &caller.user, &group, seq).await.err().map_or(0, |error| error.code());
            groups.push(GroupRead { group, seq, code });
        }
        Ok(AllRead { direct: self.direct.into(), groups })
    }
}

async fn read_group(app: &App, user: &UserId, group: &GroupId, seq: u64) -> Result<(), Error> {
    let store = app.store().read();
    let member = store.member(app.id(), group, user).await?;
    let member = member.ok_or_else(|| Denied::NotMember { user: user.clone(), group: group.clone() })?;
    let conversation = ConversationKey::Group(group.clone());
    let last_seq = store.position(app.id(), &conversation).await?.last_seq;
    app.commit(read::read(&conversation, user, member.read_seq, seq, last_seq)).await?;
    Ok(())
}
