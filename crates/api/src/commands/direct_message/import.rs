//! Takes over one-to-one messages of another system.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use tsudoi_domain::{
    Timestamp, UserId,
    conversation::ConversationKey,
    message::{Content, Draft, MessageOptions, Priority, Sender, direct},
};

use super::{body_limits, fingerprint, known};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    wire::{BodyError, MessageBody},
};

/// How far in the future a message may be dated, in seconds: clocks differ.
const MAX_SKEW_SECS: i64 = 60;

/// Writes a past message into the history of two users. REST; without webhooks. A message with the same `MsgSeq`, `MsgRandom` and
/// `MsgTimeStamp`, from either side, is the same message: the first content stays.
/// Units: `MsgTimeStamp` in seconds. Limits: `limits.message.max_bytes`.
/// Errors: `MessageBadSyncFromOld`, `MessageBadTime`, `MessageBadSender`, `C2cReceiverNotFound`, `PackageTooLong`, those of the body.
/// Spec: docs/spec/rest-c2c.md#1.3
#[derive(Debug, Deserialize)]
pub struct ImportMessage {
    #[serde(rename = "SyncFromOldSystem")]
    how: u32,
    #[serde(rename = "From_Account")]
    from: UserId,
    #[serde(rename = "To_Account")]
    to: UserId,
    #[serde(rename = "MsgSeq")]
    seq: Option<u32>,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgTimeStamp")]
    time: u32,
    #[serde(rename = "MsgBody")]
    body: Box<RawValue>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: Option<Arc<str>>,
    #[serde(rename = "SupportMessageExtension", default, deserialize_with = "decode::flag")]
    extension: bool,
    #[serde(rename = "IsNeedReadReceipt", default, deserialize_with = "decode::flag")]
    need_receipt: bool,
}

impl Command for ImportMessage {
    const ROUTE: Route = Route::rest("openim", "importmsg", "docs/spec/rest-c2c.md#1.3");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let how = match self.how {
            1 => direct::Import::Unread,
            2 => direct::Import::Read,
            5 => direct::Import::Live,
            other => {
                let text = format!("`SyncFromOldSystem`: {other} is none of 1, 2 and 5");
                return Err(Error::new(ErrorCode::MessageBadSyncFromOld, text));
            }
        };
        let draft = self.draft(app)?;
        known(app, &self.from, "From_Account", ErrorCode::MessageBadSender).await?;
        known(app, &self.to, "To_Account", ErrorCode::C2cReceiverNotFound).await?;
        let key = draft.msg_key();
        app.decide(|| async {
            let store = app.store().read();
            let is_known = store.direct_message(app.id(), &self.from, &self.to, key).await?.is_some()
                || store.direct_message(app.id(), &self.to, &self.from, key).await?.is_some();
            Ok(((), direct::import(draft.clone(), how, is_known)))
        })
        .await?;
        Ok(Done {})
    }
}

impl ImportMessage {
    fn draft(&self, app: &App) -> Result<Draft, Error> {
        if i64::from(self.time) > app.now().0 + MAX_SKEW_SECS || self.time == 0 {
            let text = format!("`MsgTimeStamp`: {} is not a moment of the past", self.time);
            return Err(Error::new(ErrorCode::MessageBadTime, text));
        }
        let limits = body_limits(app);
        let bad_body = |e: BodyError| {
            Error::new(e.code(), e.to_string()).when(ErrorCode::MessageTooLong, ErrorCode::PackageTooLong)
        };
        let body = MessageBody::parse(&self.body, limits).map_err(bad_body)?;
        body.check_size(self.cloud_custom_data.as_deref(), limits).map_err(bad_body)?;
        let elements = body.into_json();
        let cloud_custom_data = self.cloud_custom_data.clone();
        Ok(Draft {
            conversation: ConversationKey::direct(&self.from, &self.to),
            sender: Sender::User(self.from.clone()),
            random: self.random,
            time: Timestamp(self.time.into()),
            client_time: 0,
            client_seq: self.seq.unwrap_or_else(|| fingerprint(&elements, cloud_custom_data.as_deref())),
            priority: Priority::Normal,
            content: Content::Elements(elements),
            cloud_custom_data,
            options: MessageOptions {
                need_receipt: self.need_receipt,
                support_extension: self.extension,
                ..MessageOptions::default()
            },
        })
    }
}
