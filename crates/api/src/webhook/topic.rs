//! What the backend is told and asked about topics (docs/spec/webhooks.md#10).

use serde::Serialize;
use tsudoi_domain::{
    Scene, TopicId, UserId, WebhookCommand,
    change::{Change, Event},
    message::{GroupChanges, Tip},
};

use super::{
    Line,
    group::{InfoChanged, about, owner_name},
};
use crate::{app::App, command::Caller, error::Error};

#[derive(Serialize)]
struct Wanted<'a> {
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "Name")]
    name: &'a str,
}

/// Asks whether a topic may be created.
///
/// # Errors
/// As [`Webhooks::ask`](super::Webhooks::ask).
pub async fn before_create(app: &App, caller: &Caller, scene: &Scene, name: &str) -> Result<(), Error> {
    let payload = about(app, &scene.group, Wanted { operator: &scene.user, name });
    app.webhooks().ask(WebhookCommand::BeforeCreateTopic, caller, &payload).await.map(drop)
}

/// A payload about one topic.
#[derive(Serialize)]
struct OfTopic<'a, P> {
    #[serde(rename = "TopicId")]
    topic: &'a TopicId,
    #[serde(flatten)]
    more: P,
}

#[derive(Serialize)]
struct Created<'a> {
    #[serde(rename = "Operator_Account")]
    operator: &'a UserId,
    #[serde(rename = "Owner_Account")]
    owner: &'a str,
    #[serde(rename = "Name")]
    name: &'a str,
}

/// Tells that a topic was created.
#[must_use]
pub fn created(app: &App, caller: &Caller, scene: &Scene, (topic, name): (&TopicId, &str), change: Change) -> Change {
    let group = &scene.group;
    let call = app.webhooks().tell(WebhookCommand::AfterCreateTopic, Line::Group(&group.id), caller, || {
        let more = Created { operator: &scene.user, owner: owner_name(group.owner.as_ref()), name };
        about(app, group, OfTopic { topic, more })
    });
    change.calls(call)
}

#[derive(Serialize)]
struct Destroyed<'a> {
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
        about(app, group, Destroyed { operator: &scene.user, topics })
    });
    change.calls(call)
}

/// Tells what is new in the profile of a topic; mutes and the app's own text are no profile.
#[must_use]
pub fn info_changed(app: &App, caller: &Caller, scene: &Scene, change: Change) -> Change {
    let told = change.events.iter().find_map(|event| {
        let Event::Tip { tip: Tip::TopicChanged { topic, changes, .. }, .. } = event else { return None };
        Some((topic.clone(), changes.clone()))
    });
    let Some((topic, changes)) = told else { return change };
    let GroupChanges { name, introduction, notification, face_url, .. } = &changes;
    let more = InfoChanged {
        operator: &scene.user,
        name: name.as_deref(),
        introduction: introduction.as_deref(),
        notification: notification.as_deref(),
        face_url: face_url.as_deref(),
        custom: Vec::new(),
    };
    if more.is_empty() {
        return change;
    }
    let group = &scene.group;
    let line = Line::Group(&group.id);
    let call = app.webhooks().tell(WebhookCommand::AfterTopicInfoChanged, line, caller, || {
        about(app, group, OfTopic { topic: &topic, more })
    });
    change.calls(call)
}
