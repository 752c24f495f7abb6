//! Overwrites messages that were sent.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{
    Denied, GroupId, TopicId,
    message::{
        Content, Message,
        edit::{self, NewText},
    },
};

use super::scene_of_line;
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    filter::Place,
    screening::{self, About, Contact, Screened, Subject},
    webhook,
    wire::{BodyError, BodyLimits, MessageBody, item},
};

/// Overwrites the elements, the custom data, or both, of a stored message; its number, time and sender stay. REST and gateway;
/// needs `Action::EditMessage`. Clients name the version they looked at.
/// Limits: `limits.message.max_bytes`. Errors: `GroupNotFound`, `GroupNotAllowed`, `C2cMessageNotFound` (also for tips and
/// withdrawn messages), `MessageEditConflict` with the current text beside the envelope, `MessageBadBody`, `MessageTooLong`.
/// Spec: docs/spec/rest-groups.md#3.5, docs/spec/websocket-protocol.md#11
#[derive(Debug, Deserialize)]
pub struct EditGroupMessage {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "MsgVersion")]
    version: Option<u32>,
    #[serde(rename = "MsgBody")]
    body: Option<Box<RawValue>>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: Option<Arc<str>>,
}

/// What the message says now.
#[derive(Debug, Serialize)]
pub struct Current {
    #[serde(rename = "MsgBody")]
    body: Box<RawValue>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: String,
    #[serde(rename = "MsgVersion")]
    version: u32,
}

impl Current {
    fn new(elements: &str, cloud_custom_data: Option<&str>, version: u32) -> Self {
        Self {
            body: item::elements(elements).to_owned(),
            cloud_custom_data: cloud_custom_data.unwrap_or_default().to_owned(),
            version,
        }
    }
}

impl Command for EditGroupMessage {
    const ROUTE: Route = Route::both("openim", "modify_group_msg", "docs/spec/rest-groups.md#3.5");
    type Reply = Current;
    const INFO: &'static str = "succeed";

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Current, Error> {
        let number = self.seq.to_string();
        let about = About { id: Some(&number), cloud_custom_data: self.cloud_custom_data.as_deref() };
        let subject = Subject { from: &caller.user, contact: Contact::GroupMessage(&self.group, about) };
        let new = new_text(app, caller, &subject, Place::Group, self.body.as_deref(), self.cloud_custom_data.as_ref())
            .await?;
        let decided = app.decide(|| async {
            let (scene, line) = scene_of_line(app, &self.group, self.topic.as_ref(), caller, &caller.user).await?;
            let message = app.store().read().message(app.id(), &line, self.seq).await?;
            let change = edit::edit(&scene, &line, self.seq, message.as_ref(), self.version, new.clone())
                .map_err(|denied| refusal(denied, message.as_ref()))?;
            let edited = message.map(|message| after(&message, &new));
            Ok((edited, webhook::message::edited(app, caller, &scene.group, change)))
        });
        let (edited, _) = decided.await?;
        edited.ok_or_else(|| ErrorCode::C2cMessageNotFound.into())
    }
}

/// What an edit asks for, of which at least one part has to be there, without the words that nobody may say.
pub(in crate::commands) async fn new_text(
    app: &App,
    caller: &Caller,
    subject: &Subject<'_>,
    place: Place,
    body: Option<&RawValue>,
    cloud_custom_data: Option<&Arc<str>>,
) -> Result<NewText, Error> {
    let settings = app.settings();
    let limits = settings.limits().message;
    let limits = BodyLimits { max_bytes: limits.max_bytes as usize, max_merge_depth: limits.max_merge_depth as usize };
    let refuse = |e: BodyError| Error::new(e.code(), e.to_string());
    let body = body.map(|body| MessageBody::parse(body, limits)).transpose().map_err(refuse)?;
    match (&body, cloud_custom_data) {
        (Some(body), data) => body.check_size(data.map(AsRef::as_ref), limits).map_err(refuse)?,
        (None, Some(data)) if data.len() > limits.max_bytes => {
            let text = format!("`CloudCustomData` has more than {} bytes", limits.max_bytes);
            return Err(Error::new(ErrorCode::MessageTooLong, text));
        }
        (None, Some(_)) => {}
        (None, None) => {
            return Err(Error::new(ErrorCode::MessageBadBody, "`MsgBody` and `CloudCustomData` are missing"));
        }
    }
    let mut elements = body.map(MessageBody::into_json);
    if let Some(elements) = &mut elements
        && screening::elements(app, caller, subject, place, elements).await? == Screened::Dropped
    {
        // Nothing can be pretended: the answer says what the message says by now.
        return Err(ErrorCode::ContentTextRefused.into());
    }
    Ok(NewText { elements, cloud_custom_data: cloud_custom_data.cloned() })
}

/// What the message says once it is overwritten.
pub(in crate::commands) fn after(before: &Message, new: &NewText) -> Current {
    let Content::Elements(old) = &before.draft.content else { unreachable!("tips are not overwritten") };
    let elements = new.elements.as_ref().unwrap_or(old);
    let data = new.cloud_custom_data.as_deref().or(before.draft.cloud_custom_data.as_deref());
    Current::new(elements, data, before.version + 1)
}

/// The code of the command's own section; whoever was late learns what the message says by now.
pub(in crate::commands) fn refusal(denied: Denied, message: Option<&Message>) -> Error {
    let is_conflict = matches!(denied, Denied::EditConflict { .. });
    let error = Error::from(denied).when(ErrorCode::GroupMessageNotFound, ErrorCode::C2cMessageNotFound);
    match message {
        Some(message) if is_conflict => {
            let Content::Elements(elements) = &message.draft.content else { return error };
            error.with_details(&Current::new(elements, message.draft.cloud_custom_data.as_deref(), message.version))
        }
        _ => error,
    }
}
