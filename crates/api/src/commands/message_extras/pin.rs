//! Messages that a group holds up.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Denied, GroupId, TopicId, UserId,
    message::{history::Sight, pin},
};

use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    commands::group_message::scene_of_line,
    decode,
    error::Error,
};

fn require_feature(app: &App) -> Result<(), Denied> {
    if app.settings().features.pinned_messages {
        return Ok(());
    }
    Err(Denied::FeatureOff("pinning messages"))
}

/// Holds up a message of a group or topic; its members are told. REST in the name of `Pinner_Account`, and gateway; needs
/// `Action::PinMessage`. Pinning twice changes nothing.
/// Limits: `limits.group.max_pinned`. Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupMessageNotFound`, `GroupTooManyPins`,
/// `GroupFeatureOff`.
/// Spec: docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct PinMessage {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "Pinner_Account")]
    by: Option<UserId>,
}

impl Command for PinMessage {
    const ROUTE: Route = Route::both("group_open_http_svc", "pin_message", "docs/spec/websocket-protocol.md#19");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let by = caller.acting_for(self.by.as_ref());
        let (scene, line) = scene_of_line(app, &self.group, self.topic.as_ref(), caller, &by).await?;
        require_feature(app)?;
        let cap = app.settings().limits().group.max_pinned;
        let store = app.store().read();
        let message = store.message(app.id(), &line, self.seq).await?;
        let pins = store.pins(app.id(), &line).await?;
        app.commit(pin::pin(&scene, &line, self.seq, message.as_ref(), &pins, cap)?).await?;
        Ok(Done {})
    }
}

/// Takes down a message that a group or topic holds up; its members are told. REST in the name of `UnPinner_Account`, and gateway;
/// needs `Action::PinMessage`. A message that is not held up stays so.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`.
/// Spec: docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct UnpinMessage {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "UnPinner_Account")]
    by: Option<UserId>,
}

impl Command for UnpinMessage {
    const ROUTE: Route = Route::both("group_open_http_svc", "unpin_message", "docs/spec/websocket-protocol.md#19");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let by = caller.acting_for(self.by.as_ref());
        let (scene, line) = scene_of_line(app, &self.group, self.topic.as_ref(), caller, &by).await?;
        require_feature(app)?;
        let store = app.store().read();
        let message = store.message(app.id(), &line, self.seq).await?;
        let pins = store.pins(app.id(), &line).await?;
        app.commit(pin::unpin(&scene, self.seq, message.as_ref(), &pins)?).await?;
        Ok(Done {})
    }
}

/// Lists the messages that a group or topic holds up, by number. REST and gateway; needs `Action::ReadHistory`.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupTypeWithoutHistory`, `GroupFeatureOff`.
/// Spec: docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct GetPinned {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
}

/// Pinned messages.
#[derive(Debug, Serialize)]
pub struct Pinned {
    #[serde(rename = "PinnedMsgList")]
    pins: Vec<PinnedMessage>,
}

#[derive(Debug, Serialize)]
struct PinnedMessage {
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "Pinner_Account")]
    by: UserId,
}

impl Command for GetPinned {
    const ROUTE: Route =
        Route::both("group_open_http_svc", "get_pinned_messages", "docs/spec/websocket-protocol.md#19");
    type Reply = Pinned;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Pinned, Error> {
        let (scene, line) = scene_of_line(app, &self.group, self.topic.as_ref(), caller, &caller.user).await?;
        require_feature(app)?;
        let sight = Sight::of(&scene, &line)?;
        let mut pins = Vec::new();
        for pin in app.store().read().pins(app.id(), &line).await? {
            let message = app.store().read().message(app.id(), &line, pin.seq).await?;
            if message.is_some_and(|message| sight.shows(&message)) {
                pins.push(PinnedMessage { seq: pin.seq, by: pin.by });
            }
        }
        Ok(Pinned { pins })
    }
}
