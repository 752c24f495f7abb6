//! One message to all live rooms of an app.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{
    Denied, UserId,
    change::{Change, Event, Write},
    conversation::ConversationKey,
    message::{Content, Draft, MessageOptions, Priority, Sender},
};

use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    live,
    wire::{BodyError, BodyLimits, MessageBody},
};

/// Says something in every live room of the app at once. REST only. Nothing is stored; rooms where nobody is hear nothing.
/// A repeat of the same sender with the same `Random` within `message.group_dedupe_secs` is answered with the first result.
/// Limits: `limits.message.max_bytes`, `rates.live_broadcast_per_second`.
/// Errors: `GroupBadParameter`, `MessageTooLong`, `GroupFeatureOff`, `GroupAccountNotFound`, `GroupMessageTooFrequent`.
/// Spec: docs/spec/rest-groups.md#6.9
#[derive(Debug, Deserialize)]
pub struct Broadcast {
    #[serde(rename = "Random", alias = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgBody")]
    body: Box<RawValue>,
    #[serde(rename = "From_Account", default, deserialize_with = "decode::non_empty")]
    from: Option<UserId>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: Option<Arc<str>>,
}

/// The number of the broadcast, in a line of its own.
#[derive(Debug, Serialize)]
pub struct Broadcasted {
    #[serde(rename = "MsgSeq")]
    seq: u64,
}

impl Command for Broadcast {
    const ROUTE: Route = Route::rest("group_open_http_svc", "send_broadcast_msg", "docs/spec/rest-groups.md#6.9");
    type Reply = Broadcasted;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Broadcasted, Error> {
        let settings = app.settings();
        let limits = settings.limits().message;
        // 1. What it says.
        let body_limits =
            BodyLimits { max_bytes: limits.max_bytes as usize, max_merge_depth: limits.max_merge_depth as usize };
        let body_error = |e: BodyError| Error::new(e.group_code(), e.to_string());
        let body = MessageBody::parse(&self.body, body_limits).map_err(body_error)?;
        body.check_size(self.cloud_custom_data.as_deref(), body_limits).map_err(body_error)?;
        if !settings.features.live_broadcast {
            return Err(Denied::FeatureOff("messages to all live rooms").into());
        }
        let sender = caller.acting_for(self.from.as_ref());
        if app.store().account(app.id(), &sender).await?.is_none() {
            return Err(Denied::NoSuchAccount(sender).into());
        }
        // 2. Once, and not too often.
        let now = app.now();
        let window = settings.message.group_dedupe_secs;
        if let Some(seq) = app.live.repeated_broadcast(&sender, self.random, now, window) {
            return Ok(Broadcasted { seq });
        }
        let per_second = settings.rates.live_broadcast_per_second;
        if !app.rest_rates.allow("broadcasts", per_second) {
            let text = format!("an app may broadcast {per_second} messages a second");
            return Err(Error::new(ErrorCode::GroupMessageTooFrequent, text));
        }
        // 3. Room by room: in each it is a message with a number of its own.
        let seq = app.live.number_broadcast(&sender, self.random, now);
        let content = Content::Elements(body.into_json());
        let mut change = Change::none().write(Write::SetBroadcastSeq(seq));
        for (group, room) in app.live.all() {
            let Some(found) = app.store().group(app.id(), &group).await? else { continue };
            if !app.policy_of(&found).broadcasts || !room.is_heard(now) {
                continue;
            }
            live::reserve(app, &group).await?;
            let draft = Draft {
                conversation: ConversationKey::Group(group.clone()),
                sender: Sender::User(sender.clone()),
                random: self.random,
                time: now,
                client_time: 0,
                client_seq: u32::try_from(seq).unwrap_or(u32::MAX),
                priority: Priority::High,
                content: content.clone(),
                cloud_custom_data: self.cloud_custom_data.clone(),
                options: MessageOptions { is_broadcast: true, ..MessageOptions::default() },
            };
            change = change.event(Event::Live { draft: draft.into(), seq: app.live.number(&group, now) });
        }
        app.commit(change).await?;
        Ok(Broadcasted { seq })
    }
}
