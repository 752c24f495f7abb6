//! How far members have read.

use std::sync::Arc;

use serde::Deserialize;
use tsudoi_domain::{Denied, GroupId, Scene, TopicId, UserId, conversation::ConversationKey, message::read};

use super::line_of;
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
};

/// The caller has read a group or topic up to a number; the caller's other devices are told. Gateway; needs
/// `Action::ReadProfile`. Numbers beyond the newest message mean the newest, positions do not move back.
/// Errors: `GroupNotFound`, `GroupNotAllowed`.
/// Spec: docs/spec/websocket-protocol.md#11
#[derive(Debug, Deserialize)]
pub struct ReportRead {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgReadedSeq")]
    seq: u64,
}

impl Command for ReportRead {
    const ROUTE: Route = Route::socket("group_open_http_svc", "msg_read_report", "docs/spec/websocket-protocol.md#11");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        App::require_reader(&scene)?;
        if !scene.policy.history_stored {
            // What is not kept cannot be unread.
            return Ok(Done {});
        }
        let (scene, line) = line_of(app, scene, self.topic.as_ref()).await?;
        let last_seq = app.store().read().position(app.id(), &line).await?.last_seq;
        let read_seq = read_position(app, &scene).await?;
        app.commit(read::read(&line, &caller.user, read_seq, self.seq, last_seq)).await?;
        Ok(Done {})
    }
}

/// How far the member of a scene has read, exactly: the store alone knows.
async fn read_position(app: &App, scene: &Scene) -> Result<u64, Error> {
    let read = app.store().read();
    let Some(topic) = &scene.topic else {
        return Ok(read.member(app.id(), &scene.group.id, &scene.user).await?.map_or(0, |member| member.read_seq));
    };
    let entries = read.topic_entries(app.id(), std::slice::from_ref(&topic.id), Some(&scene.user)).await?;
    Ok(entries.into_iter().flatten().find_map(|entry| entry.own).map_or(0, |own| own.read_seq))
}

/// Sets how many messages a member has not read, for migrations. REST. Nobody is told; at most all messages are unread.
/// Groups whose type counts no unread messages answer success and change nothing.
/// Errors: `GroupNotFound`, `GroupNotAllowed` for somebody who is no member, `GroupBadParameter`, `CommunityOff`, `TopicBadId`.
/// Spec: docs/spec/rest-groups.md#3.8
#[derive(Debug, Deserialize)]
pub struct SetUnread {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "Member_Account")]
    member: UserId,
    #[serde(rename = "UnreadMsgNum")]
    unread: u64,
}

impl Command for SetUnread {
    const ROUTE: Route = Route::rest("group_open_http_svc", "set_unread_msg_num", "docs/spec/rest-groups.md#3.8");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let scene = app.scene(&self.group, caller, &self.member).await?;
        if !scene.policy.unread_count {
            return Ok(Done {});
        }
        if scene.member.is_none() {
            return Err(Denied::NotMember { user: self.member, group: self.group }.into());
        }
        let line = match &self.topic {
            Some(topic) => line_of(app, scene, Some(topic)).await?.1,
            None => ConversationKey::Group(self.group),
        };
        let last_seq = app.store().read().position(app.id(), &line).await?.last_seq;
        app.commit(read::set_unread(&line, &self.member, self.unread, last_seq)).await?;
        Ok(Done {})
    }
}
