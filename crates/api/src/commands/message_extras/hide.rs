//! Deleting messages from one's own view.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    GroupId, TopicId, UserId,
    change::{Change, Write},
    conversation::ConversationKey,
    message::{MsgKey, hide},
};

use super::numbers;
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    commands::group_message::scene_of_line,
    decode,
    error::Error,
    error_code::ErrorCode,
};

/// Deletes messages of a group or topic from one member's own view; everybody else sees them. REST in the name of
/// `Deleter_Account`, and gateway; needs `Action::DeleteMessages`. Unknown numbers are passed over.
/// Limits: `limits.message.delete_span` messages. Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupTypeWithoutDeletion`,
/// `GroupDeleteRangeTooWide`, `GroupBadParameter`.
/// Spec: docs/spec/websocket-protocol.md#11
#[derive(Debug, Deserialize)]
pub struct HideGroupMessages {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "Deleter_Account")]
    user: Option<UserId>,
    #[serde(rename = "Seqs", deserialize_with = "numbers")]
    seqs: Vec<u64>,
}

impl Command for HideGroupMessages {
    const ROUTE: Route =
        Route::both("group_open_http_svc", "delete_group_ramble_msg_by_seq", "docs/spec/websocket-protocol.md#11");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        if self.seqs.is_empty() {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`Seqs` is empty"));
        }
        let user = caller.acting_for(self.user.as_ref());
        let (scene, line) = scene_of_line(app, &self.group, self.topic.as_ref(), caller, &user).await?;
        let most = app.settings().limits().message.delete_span;
        let last_seq = app.store().read().position(app.id(), &line).await?.last_seq;
        app.commit(hide::hide(&scene, &line, self.seqs, last_seq, most)?).await?;
        Ok(Done {})
    }
}

/// Most one-to-one messages of one call.
const MAX_KEYS: usize = 30;

/// Deletes one-to-one messages, from either side, from one user's own view; the other one keeps them. REST in the name of
/// `Operator_Account`, and gateway. Unknown keys are passed over, malformed ones told.
/// Limits: 30 messages. Errors: `MessageBadSender`, `MessageBadReceiver`, `MessageBadJson`; `MessageBadKey` when no key is well-formed.
/// Spec: docs/spec/rest-c2c.md#1.9, docs/spec/websocket-protocol.md#9
#[derive(Debug, Deserialize)]
pub struct HideMessages {
    #[serde(rename = "Operator_Account", alias = "From_Account")]
    user: Option<UserId>,
    #[serde(rename = "Peer_Account", alias = "To_Account")]
    peer: UserId,
    #[serde(rename = "MsgKeyList")]
    keys: Vec<String>,
}

/// What could not be read.
#[derive(Debug, Serialize)]
pub struct Hidden {
    #[serde(rename = "InvalidMsgKeyList")]
    invalid: Vec<String>,
}

impl Command for HideMessages {
    const ROUTE: Route = Route::both("openim", "delete_c2c_msg_ramble", "docs/spec/rest-c2c.md#1.9");
    type Reply = Hidden;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Hidden, Error> {
        if caller.is_app_admin() && self.user.is_none() {
            return Err(Error::new(ErrorCode::MessageBadSender, "`Operator_Account` is missing"));
        }
        if self.keys.is_empty() || self.keys.len() > MAX_KEYS {
            return Err(Error::new(
                ErrorCode::MessageBadJson,
                format!("`MsgKeyList` must have 1 to {MAX_KEYS} entries"),
            ));
        }
        let user = caller.acting_for(self.user.as_ref());
        let (mut keys, mut invalid) = (Vec::new(), Vec::new());
        for text in self.keys {
            match MsgKey::parse(&text) {
                Some(key) => keys.push(key),
                None => invalid.push(text),
            }
        }
        if keys.is_empty() {
            return Err(Error::new(
                ErrorCode::MessageBadKey,
                "`MsgKeyList` holds no key of the form <seq>_<random>_<time>",
            ));
        }
        let mut seqs = Vec::new();
        for key in keys {
            for (from, to) in [(&user, &self.peer), (&self.peer, &user)] {
                let message = app.store().read().direct_message(app.id(), from, to, key).await?;
                seqs.extend(message.map(|message| message.seq));
            }
        }
        if !seqs.is_empty() {
            let conversation = ConversationKey::direct(&user, &self.peer);
            app.commit(Change::none().write(Write::Hide { conversation, user, seqs })).await?;
        }
        Ok(Hidden { invalid })
    }
}
