//! Messages of groups and topics. Spec: docs/spec/rest-groups.md#3, docs/spec/websocket-protocol.md#11

use serde::Deserialize;
use tsudoi_domain::{Denied, Scene, TopicId, conversation::ConversationKey};

use crate::{
    catalogue::{Entry, list},
    error::Error,
    error_code::ErrorCode,
};

pub mod edit;
pub mod history;
pub mod read;
pub mod recall;
pub mod send;

pub(crate) fn all() -> Vec<Entry> {
    list![
        send::SendGroupMessage,
        edit::EditGroupMessage as [
            ("group_open_http_svc", "modify_group_msg"),
            ("million_group_open_http_svc", "modify_group_msg"),
        ],
        history::GetHistory,
        history::GetHistorySimple,
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
