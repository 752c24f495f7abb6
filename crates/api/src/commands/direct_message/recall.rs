//! Takes a one-to-one message back.

use std::sync::Arc;

use serde::Deserialize;
use tsudoi_domain::{
    Denied, Timestamp, UserId,
    message::{MsgKey, Recall as Recalled, direct},
};

use super::msg_key;
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    error::Error,
    webhook,
};

/// The sender recalls a message. Gateway.
/// Limits: within `message.recall_secs`. Errors: `C2cMessageNotFound`, also for messages of others; `C2cMessageAlreadyRecalled`,
/// `C2cRecallTimeOver`.
/// Spec: docs/spec/websocket-protocol.md#9
#[derive(Debug, Deserialize)]
pub struct Recall {
    #[serde(rename = "MsgInfo")]
    message: Named,
    #[serde(rename = "Reason", default)]
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(rename = "From_Account")]
    from: UserId,
    #[serde(rename = "To_Account")]
    to: UserId,
    #[serde(rename = "MsgSeq")]
    seq: u32,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgTimeStamp", alias = "MsgTime")]
    time: i64,
}

impl Command for Recall {
    const ROUTE: Route = Route::socket("openim", "msgwithdraw", "docs/spec/websocket-protocol.md#9");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let Named { from, to, seq, random, time } = self.message;
        let key = MsgKey { client_seq: seq, random, time: Timestamp(time) };
        if from != caller.user {
            return Err(Denied::NoSuchDirectMessage(key).into());
        }
        let window = app.settings().message.recall_secs;
        let recalled = Recalled { by: caller.user.clone(), reason: self.reason, at: app.now() };
        recall(app, caller, (&from, &to, key), recalled, Some(window)).await
    }
}

/// Recalls a message in the name of its sender, however old it is. REST.
/// Errors: `MessageBadSender`, `MessageBadReceiver`, `MessageBadKey`, `C2cMessageNotFound`, `C2cMessageAlreadyRecalled`.
/// Spec: docs/spec/rest-c2c.md#1.5
#[derive(Debug, Deserialize)]
pub struct AdminRecall {
    #[serde(rename = "From_Account")]
    from: UserId,
    #[serde(rename = "To_Account")]
    to: UserId,
    #[serde(rename = "MsgKey")]
    key: String,
}

impl Command for AdminRecall {
    const ROUTE: Route = Route::rest("openim", "admin_msgwithdraw", "docs/spec/rest-c2c.md#1.5");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let key = msg_key("MsgKey", &self.key)?;
        let recalled = Recalled { by: self.from.clone(), reason: String::new(), at: app.now() };
        recall(app, caller, (&self.from, &self.to, key), recalled, None).await
    }
}

async fn recall(
    app: &App,
    caller: &Caller,
    (from, to, key): (&UserId, &UserId, MsgKey),
    recalled: Recalled,
    window_secs: Option<u32>,
) -> Result<Done, Error> {
    app.decide(|| async {
        let message = app.store().read().direct_message(app.id(), from, to, key).await?;
        let change = direct::recall(key, message.as_ref(), recalled.clone(), window_secs)?;
        Ok(((), webhook::direct::withdrawn(app, caller, change)))
    })
    .await?;
    Ok(Done {})
}
