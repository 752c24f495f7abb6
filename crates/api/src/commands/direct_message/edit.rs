//! Overwrites a one-to-one message.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use tsudoi_domain::{
    Denied, Timestamp, UserId,
    message::{MsgKey, direct},
};

use super::msg_key;
use crate::{
    app::App,
    command::{Caller, Command, Route},
    commands::group_message::edit::{Current, after, new_text, refusal},
    error::Error,
    error_code::ErrorCode,
    filter::Place,
    screening::{About, Contact, Subject},
    webhook,
};

/// Overwrites the elements, the custom data, or both, of a stored message; its key, time and sender stay. REST and gateway. Backends
/// name it by `MsgKey`, clients, who must be one of the two, by its parts and with the version they looked at.
/// Limits: `limits.message.max_bytes`. Errors: `C2cMessageNotFound` (also withdrawn), `MessageEditConflict` with the current text
/// beside the envelope, `MessageBadKey`, `MessageBadBody`, `MessageTooLong`.
/// Spec: docs/spec/rest-c2c.md#1.8, docs/spec/websocket-protocol.md#9
#[derive(Debug, Deserialize)]
pub struct EditMessage {
    #[serde(rename = "From_Account")]
    from: UserId,
    #[serde(rename = "To_Account")]
    to: UserId,
    #[serde(rename = "MsgKey")]
    key: Option<String>,
    #[serde(rename = "MsgSeq")]
    seq: Option<u32>,
    #[serde(rename = "MsgRandom")]
    random: Option<u32>,
    #[serde(rename = "MsgTime", alias = "MsgTimeStamp")]
    time: Option<i64>,
    #[serde(rename = "MsgVersion")]
    version: Option<u32>,
    #[serde(rename = "MsgBody")]
    body: Option<Box<RawValue>>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: Option<Arc<str>>,
}

impl Command for EditMessage {
    const ROUTE: Route = Route::both("openim", "modify_c2c_msg", "docs/spec/rest-c2c.md#1.8");
    type Reply = Current;
    const INFO: &'static str = "succeed";

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Current, Error> {
        let key = self.key()?;
        let data = self.cloud_custom_data.as_ref();
        let name = key.to_string();
        let about = About { id: Some(&name), cloud_custom_data: data.map(AsRef::as_ref) };
        let peer = if caller.user == self.from { &self.to } else { &self.from };
        let subject = Subject { from: &caller.user, contact: Contact::Message(peer, about) };
        // An empty list beside custom data stands for no list (docs/spec/rest-common.md#6.1).
        let body = self.body.as_deref().filter(|body| data.is_none() || !is_empty_list(body));
        let new = new_text(app, caller, &subject, Place::Direct, body, data).await?;
        if !caller.is_app_admin() && caller.user != self.from && caller.user != self.to {
            return Err(Denied::NoSuchDirectMessage(key).into());
        }
        let (edited, _) = app
            .decide(|| async {
                let message = app.store().read().direct_message(app.id(), &self.from, &self.to, key).await?;
                let change = direct::edit(key, &caller.user, message.as_ref(), self.version, new.clone())
                    .map_err(|denied| refusal(denied, message.as_ref()))?;
                let change = webhook::direct::edited(app, caller, change);
                Ok((message.map(|message| after(&message, &new)), change))
            })
            .await?;
        edited.ok_or_else(|| ErrorCode::C2cMessageNotFound.into())
    }
}

fn is_empty_list(json: &RawValue) -> bool {
    let inner = json.get().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.trim().is_empty())
}

impl EditMessage {
    fn key(&self) -> Result<MsgKey, Error> {
        if let Some(key) = &self.key {
            return msg_key("MsgKey", key);
        }
        match (self.seq, self.random, self.time) {
            (Some(client_seq), Some(random), Some(time)) => Ok(MsgKey { client_seq, random, time: Timestamp(time) }),
            _ => Err(Error::new(ErrorCode::MessageBadKey, "`MsgKey` is missing")),
        }
    }
}
