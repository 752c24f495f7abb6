//! What the backend is asked and told about topics (docs/spec/webhooks.md#10).

use serde::Serialize;
use tsudoi_domain::{
    Scene, TopicId, UserId, WebhookCommand,
    change::{Change, Event},
    message::{GroupChanges, Tip},
};

use super::Line;
use crate::{app::App, command::Caller, error::Error};

#[derive(Serialize)]
struct BeforeCreate<'a> {
    #[serde(rename = "GroupId")]
    group: &'a str,
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "Type")]
    type_name: String,
    #[serde(rename = "Name")]
    name: &'a str,
}

/// Asks whether a topic may be created.
///
/// # Errors
/// As [`Webhooks::ask`](super::Webhooks::ask).
pub async fn before_create(app: &App, caller: &Caller, scene: &Scene, name: &str) -> Result<(), Error> {
    let payload = BeforeCreate {
        group: scene.group.id.as_str(),
        operator: &scene.user,
        type_name: app.type_name(&scene.group),
        name,
    };
    app.webhooks().ask(WebhookCommand::BeforeCreateTopic, caller, &payload).await.map(drop)
}

#[derive(Serialize)]
struct AfterCreate<'a> {
    #[serde(rename = "GroupId")]
    group: &'a str,
    #[serde(rename = "TopicId")]
    topic: &'a TopicId,
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "Owner_Account")]
    owner: &'a str,
    #[serde(rename = "Type")]
    type_name: String,
    #[serde(rename = "Name")]
    name: &'a str,
}

/// Tells that a topic was created.
#[must_use]
pub fn created(app: &App, caller: &Caller, scene: &Scene, (topic, name): (&TopicId, &str), change: Change) -> Change {
    let group = &scene.group;
    let call = app.webhooks().tell(WebhookCommand::AfterCreateTopic, Line::Group(&group.id), caller, || AfterCreate {
        group: group.id.as_str(),
        topic,
        operator: &scene.user,
        owner: group.owner.as_ref().map_or("", UserId::as_str),
        type_name: app.type_name(group),
        name,
    });
    change.calls(call)
}

#[derive(Serialize)]
struct AfterDestroyed<'a> {
    #[serde(rename = "GroupId")]
    group: &'a str,
    #[serde(rename = "Type")]
    type_name: String,
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "TopicIdList")]
    topics: &'a [TopicId],
}

/// Tells that topics ended.
#[must_use]
pub fn destroyed(app: &App, caller: &Caller, scene: &Scene, topics: &[TopicId], change: Change) -> Change {
    if topics.is_empty() {
        return change;
    }
    let group = &scene.group;
    let call = app.webhooks().tell(WebhookCommand::AfterTopicDestroyed, Line::Group(&group.id), caller, || {
        let type_name = app.type_name(group);
        AfterDestroyed { group: group.id.as_str(), type_name, operator: &scene.user, topics }
    });
    change.calls(call)
}

#[derive(Serialize)]
struct AfterInfoChanged<'a> {
    #[serde(rename = "GroupId")]
    group: &'a str,
    #[serde(rename = "TopicId")]
    topic: &'a TopicId,
    #[serde(rename = "Type")]
    type_name: String,
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "Name", skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(rename = "Introduction", skip_serializing_if = "Option::is_none")]
    introduction: Option<&'a str>,
    #[serde(rename = "Notification", skip_serializing_if = "Option::is_none")]
    notification: Option<&'a str>,
    #[serde(rename = "FaceUrl", skip_serializing_if = "Option::is_none")]
    face_url: Option<&'a str>,
}

/// Tells what is new in the profile of a topic; mutes and the app's own text are no profile.
#[must_use]
pub fn info_changed(app: &App, caller: &Caller, scene: &Scene, change: Change) -> Change {
    let told = change.events.iter().find_map(|event| {
        let Event::Tip { tip: Tip::TopicChanged { topic, changes, .. }, .. } = event else { return None };
        Some((topic.clone(), changes.clone()))
    });
    let Some((topic, changes)) = told else { return change };
    let group = &scene.group;
    let GroupChanges { name, introduction, notification, face_url, .. } = &changes;
    if [name, introduction, notification, face_url].iter().all(|field| field.is_none()) {
        return change;
    }
    let line = Line::Group(&group.id);
    let call = app.webhooks().tell(WebhookCommand::AfterTopicInfoChanged, line, caller, || AfterInfoChanged {
        group: group.id.as_str(),
        topic: &topic,
        type_name: app.type_name(group),
        operator: &scene.user,
        name: name.as_deref(),
        introduction: introduction.as_deref(),
        notification: notification.as_deref(),
        face_url: face_url.as_deref(),
    });
    change.calls(call)
}
