//! Messages of groups and topics. Spec: docs/spec/rest-groups.md#3, docs/spec/websocket-protocol.md#11

use serde::Deserialize;
use tsudoi_domain::{Denied, GroupId, Scene, TopicId, UserId, conversation::ConversationKey};

use crate::{
    app::App,
    catalogue::{Entry, list},
    error::Error,
    error_code::ErrorCode,
};

pub mod clear;
pub mod edit;
pub mod history;
pub mod import;
pub mod notice;
pub mod read;
pub mod recall;
pub mod send;

pub(crate) fn all() -> Vec<Entry> {
    list![
        send::SendGroupMessage,
        clear::ClearHistory,
        edit::EditGroupMessage as [
            ("group_open_http_svc", "modify_group_msg"),
            ("million_group_open_http_svc", "modify_group_msg"),
        ],
        history::GetHistory,
        history::GetHistorySimple,
        import::ImportGroupMessages,
        notice::SendNotification,
        recall::RecallMessages,
        recall::GetGroupNotify,
        recall::DeleteBySender,
        read::ReportRead,
        read::SetUnread,
    ]
}

/// A message of a list, named by its number.
#[derive(Debug, Deserialize)]
pub struct NumberedMessage {
    #[serde(rename = "MsgSeq")]
    seq: u64,
}

/// Where a message for a group, or one of its topics, goes.
///
/// # Errors
/// When a community that holds topics gets no topic, or a group that holds none gets one.
pub fn conversation(scene: &Scene, topic: Option<&TopicId>) -> Result<ConversationKey, Error> {
    match topic {
        Some(_) if !scene.group.support_topic => Err(Denied::TopicsOff(scene.group.id.clone()).into()),
        Some(topic) if !topic.belongs_to(&scene.group.id) => {
            Err(Error::new(ErrorCode::TopicBadId, format!("`TopicId`: {topic} is no topic of {}", scene.group.id)))
        }
        Some(topic) => Ok(ConversationKey::Topic(topic.clone())),
        None if scene.group.support_topic => {
            Err(Error::new(ErrorCode::GroupBadParameter, "`TopicId` is missing: the community holds topics"))
        }
        None => Ok(ConversationKey::Group(scene.group.id.clone())),
    }
}

/// The members of a group who are here.
pub(super) async fn members_here(app: &App, group: &GroupId) -> Result<Vec<UserId>, Error> {
    let mut here = Vec::new();
    let mut after = 0;
    loop {
        let (page, next) = app.store().read().member_page(app.id(), group, &[], 0, after, 500).await?;
        here.extend(page.iter().map(|member| member.user.clone()).filter(|user| app.hub().is_here(app.id(), user)));
        if next == 0 {
            return Ok(here);
        }
        after = next;
    }
}
