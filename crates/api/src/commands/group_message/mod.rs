//! Messages of groups and topics. Spec: docs/spec/rest-groups.md#3, docs/spec/websocket-protocol.md#11

use serde::Deserialize;
use tsudoi_domain::{GroupId, Scene, TopicId, UserId, conversation::ConversationKey, message::history::Sight};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::Caller,
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

/// What a decision about messages of a group, or of one of its topics, looks at, and where they lie.
///
/// # Errors
/// As [`App::scene`] and [`App::in_topic`]; `GroupBadParameter` when a community that holds topics gets none.
pub async fn scene_of_line(
    app: &App,
    group: &GroupId,
    topic: Option<&TopicId>,
    caller: &Caller,
    user: &UserId,
) -> Result<(Scene, ConversationKey), Error> {
    line_of(app, app.scene(group, caller, user).await?, topic).await
}

/// As [`scene_of_line`], of a scene that was loaded.
///
/// # Errors
/// As there.
pub async fn line_of(app: &App, scene: Scene, topic: Option<&TopicId>) -> Result<(Scene, ConversationKey), Error> {
    match topic {
        Some(topic) => Ok((app.in_topic(scene, topic).await?, ConversationKey::Topic(topic.clone()))),
        None if scene.group.support_topic => {
            Err(Error::new(ErrorCode::GroupBadParameter, "`TopicId` is missing: the community holds topics"))
        }
        None => {
            let line = ConversationKey::Group(scene.group.id.clone());
            Ok((scene, line))
        }
    }
}

/// What the user of a scene sees of the messages there.
///
/// # Errors
/// As [`Sight::of`], or the store's fault.
pub async fn sight_of(app: &App, scene: &Scene, line: &ConversationKey) -> Result<Sight, Error> {
    let sight = Sight::of(scene, line)?;
    let Some(topic) = scene.topic.as_ref().filter(|_| !scene.app_admin) else { return Ok(sight) };
    let topics = std::slice::from_ref(&topic.id);
    let found = app.store().read().topic_entries(app.id(), topics, Some(&scene.user)).await?;
    let own = found.into_iter().flatten().find_map(|entry| entry.own);
    Ok(own.map_or(sight.clone(), |own| sight.of_member(scene, &own)))
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
