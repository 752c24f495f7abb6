//! Sends a message to one user.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{
    Timestamp, UserId,
    account::Account,
    conversation::ConversationKey,
    message::{
        Content, Draft, MessageOptions, Priority, Sender,
        direct::{self, Passage, Writer},
    },
    time::Millis,
    webhook::Call,
};
use tsudoi_store::Outcome;

use super::{body_limits, fingerprint, known};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    filter::Place,
    screening::{self, About, Contact, Screened, Subject},
    webhook,
    wire::{BodyError, MessageBody, OfflinePushInfo, item::message_id},
};

/// Longest `MsgLifeTime`, seconds.
pub(super) const MAX_LIFE_SECS: u64 = 604_800;

/// Sends one message to one user. REST and gateway. Over REST in the name of any account; nobody's block list, friends or mutes
/// are asked. Over the gateway the caller's other devices get a copy.
/// Units: seconds. Limits: `limits.message.max_bytes`; repeats are known for `message.c2c_dedupe_secs`.
/// Errors: `MessageBadSender`, `C2cReceiverNotFound`, for clients also `C2cMuted`, `C2cBlockedByReceiver`, `C2cNotFriends`,
/// `C2cSenderNotInReceiverList`, `C2cReceiverNotInSenderList`; `MessageBadSyncOther`, `MessageLifeTooLong`, `MessageTooLong`,
/// `MessageBadPushInfo`, `ContentTextRefused`, those of the body.
/// Spec: docs/spec/rest-c2c.md#1.1, docs/spec/websocket-protocol.md#9
pub type SendMessage = Outgoing<UserId>;

/// A message on its way to `To`: what single and batch sends say about it.
#[derive(Debug, Deserialize)]
pub struct Outgoing<To> {
    #[serde(rename = "From_Account")]
    pub(super) from: Option<UserId>,
    #[serde(rename = "To_Account")]
    pub(super) to: To,
    #[serde(rename = "SyncOtherMachine")]
    sync: Option<u32>,
    #[serde(rename = "OnlineOnlyFlag", default, deserialize_with = "decode::flag")]
    online_only: bool,
    #[serde(rename = "MsgLifeTime")]
    life_secs: Option<u64>,
    #[serde(rename = "MsgSeq")]
    seq: Option<u32>,
    #[serde(rename = "MsgRandom")]
    random: u32,
    /// Checked, not used: the server's time rules.
    #[serde(rename = "MsgTimeStamp")]
    _time: Option<u64>,
    #[serde(rename = "MsgClientTime", default)]
    client_time: i64,
    #[serde(rename = "MsgBody")]
    body: Box<RawValue>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: Option<Arc<str>>,
    #[serde(rename = "SendMsgControl", default)]
    control: Vec<String>,
    #[serde(rename = "ForbidCallbackControl", default)]
    suppressed_webhooks: Vec<String>,
    #[serde(rename = "SupportMessageExtension", default, deserialize_with = "decode::flag")]
    extension: bool,
    #[serde(rename = "IsNeedReadReceipt", default, deserialize_with = "decode::flag")]
    need_receipt: bool,
    #[serde(rename = "IsRelayMsg", default, deserialize_with = "decode::flag")]
    relay: bool,
    #[serde(rename = "OfflinePushInfo")]
    push_info: Option<Box<RawValue>>,
}

/// Where the message came to lie.
#[derive(Debug, Serialize)]
pub struct Sent {
    #[serde(rename = "MsgTime")]
    time: Timestamp,
    #[serde(rename = "MsgKey")]
    key: String,
    #[serde(rename = "MsgId")]
    id: String,
}

impl Command for Outgoing<UserId> {
    const ROUTE: Route = Route::both("openim", "sendmsg", "docs/spec/rest-c2c.md#1.1").sending();
    type Reply = Sent;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Sent, Error> {
        let from = caller.acting_for(self.from.as_ref());
        let content = self.check(app, ErrorCode::MessageTooLong)?;
        let Some(sender) = app.store().account(app.id(), &from).await? else {
            let text = format!("`From_Account`: account {from} does not exist");
            return Err(Error::new(ErrorCode::MessageBadSender, text));
        };
        known(app, &self.to, "To_Account", ErrorCode::C2cReceiverNotFound).await?;
        let tiny_id = sender.tiny_id.to_string();
        let answer =
            |sent: &Draft| Sent { time: sent.time, key: sent.msg_key().to_string(), id: message_id(&tiny_id, sent) };
        let is_pretended = caller.session().is_some() && passage(app, &sender, &self.to).await? == Passage::Pretended;
        let mut draft = content.draft(&from, &self.to, caller, app);
        draft.options.hidden_from_receiver = is_pretended;
        let (key, data) = (draft.msg_key().to_string(), draft.cloud_custom_data.clone());
        let about = About { id: Some(&key), cloud_custom_data: data.as_deref() };
        let subject = Subject { from: &from, contact: Contact::Message(&self.to, about) };
        let screened = match &mut draft.content {
            Content::Elements(elements) => screening::elements(app, caller, &subject, Place::Direct, elements).await?,
            Content::Tip(_) => Screened::Passed,
        };
        if screened == Screened::Dropped {
            return Ok(answer(&draft));
        }
        // What the app's backend makes of it. One that it drops is answered as if it were on its way.
        let verdict = webhook::direct::before_send(app, caller, &tiny_id, &draft, body_limits(app)).await?;
        let Some(draft) = verdict.apply(draft.clone()) else { return Ok(answer(&draft)) };
        let calls = webhook::direct::sent(app, caller, &tiny_id, &draft, None);
        Ok(answer(&deliver(app, draft, calls).await?))
    }
}

/// What becomes of a message that a client writes to somebody.
async fn passage(app: &App, sender: &Account, to: &UserId) -> Result<Passage, Error> {
    let store = app.store().read();
    let writer = Writer {
        receiver: to,
        muted: sender.direct_muted,
        own: store.tie(app.id(), &sender.user, to).await?,
        theirs: store.tie(app.id(), to, &sender.user).await?,
        now: app.now(),
    };
    Ok(direct::may_write(writer, &app.settings().message, &sender.user)?)
}

/// Stores and tells a message, with calls to the app's backend; answers the message as it was taken the first time.
pub(super) async fn deliver(app: &App, draft: Draft, calls: Vec<Call>) -> Result<Draft, Error> {
    let window = app.settings().message.c2c_dedupe_secs;
    let outcome = app.commit(direct::send(draft.clone(), window).calls(calls)).await?;
    let Outcome::Repeated(first) = outcome else { return Ok(draft) };
    metrics::counter!("messages_repeated_total").increment(1);
    let message = app.store().read().message(app.id(), &draft.conversation, first.seq).await?;
    Ok(message.map_or(Draft { time: first.time, ..draft }, |message| (*message.draft).clone()))
}

/// A message that may be sent, to whomever.
pub(super) struct Ready {
    random: u32,
    seq: Option<u32>,
    client_time: i64,
    elements: Arc<str>,
    cloud_custom_data: Option<Arc<str>>,
    options: MessageOptions,
    sync: Option<u32>,
}

impl<To> Outgoing<To> {
    fn suppresses(&self, webhook: &str) -> bool {
        self.suppressed_webhooks.iter().any(|one| one == webhook)
    }

    /// The message as it may be sent, or what is wrong with the request. A long one answers `too_long`.
    pub(super) fn check(&self, app: &App, too_long: ErrorCode) -> Result<Ready, Error> {
        // 1. How it is sent.
        if let Some(sync @ 3..) = self.sync {
            let text = format!("`SyncOtherMachine`: {sync} is neither 1 nor 2");
            return Err(Error::new(ErrorCode::MessageBadSyncOther, text));
        }
        if let Some(life) = self.life_secs.filter(|life| *life > MAX_LIFE_SECS) {
            let text = format!("`MsgLifeTime`: {life} is above {MAX_LIFE_SECS} seconds");
            return Err(Error::new(ErrorCode::MessageLifeTooLong, text));
        }
        // 2. What it says.
        let limits = body_limits(app);
        let bad_body = |e: BodyError| Error::new(e.code(), e.to_string()).when(ErrorCode::MessageTooLong, too_long);
        let body = MessageBody::parse(&self.body, limits).map_err(bad_body)?;
        body.check_size(self.cloud_custom_data.as_deref(), limits).map_err(bad_body)?;
        let push_info =
            self.push_info.as_deref().map(|info| OfflinePushInfo::parse(info, limits.max_bytes)).transpose();
        let push_info =
            push_info.map_err(|e| Error::new(ErrorCode::MessageBadPushInfo, format!("`OfflinePushInfo`: {e}")))?;
        // 3. What the sender wants.
        let has = |name: &str| self.control.iter().any(|one| one == name);
        let options = MessageOptions {
            no_unread: has("NoUnread"),
            no_last_msg: has("NoLastMsg"),
            with_mute_notifications: has("WithMuteNotifications"),
            online_only: self.online_only || self.life_secs == Some(0),
            offline_secs: self.life_secs.filter(|life| *life < MAX_LIFE_SECS).and_then(|life| u32::try_from(life).ok()),
            need_receipt: self.need_receipt,
            support_extension: self.extension,
            is_relay: self.relay,
            push_info: push_info.map(OfflinePushInfo::into_json),
            no_before_webhook: self.suppresses("ForbidBeforeSendMsgCallback"),
            no_after_webhook: self.suppresses("ForbidAfterSendMsgCallback"),
            ..MessageOptions::default()
        };
        Ok(Ready {
            random: self.random,
            seq: self.seq,
            client_time: self.client_time,
            elements: body.into_json(),
            cloud_custom_data: self.cloud_custom_data.clone(),
            options,
            sync: self.sync,
        })
    }
}

impl Ready {
    /// Looks for unwanted words, and replaces those that may pass in other words.
    pub(super) async fn screen(
        &mut self,
        app: &App,
        caller: &Caller,
        subject: &Subject<'_>,
    ) -> Result<Screened, Error> {
        screening::elements(app, caller, subject, Place::Direct, &mut self.elements).await
    }

    /// The message to one receiver.
    pub(super) fn draft(&self, from: &UserId, to: &UserId, caller: &Caller, app: &App) -> Draft {
        let (session, now) = (caller.session(), app.shared().now());
        let options = MessageOptions {
            // What an app wants to know of its clients is not theirs to say.
            no_before_webhook: self.options.no_before_webhook && session.is_none(),
            no_after_webhook: self.options.no_after_webhook && session.is_none(),
            // Clients sync to their own devices always, backends as they say.
            sync_to_sender: session.is_some() || self.sync == Some(1),
            hidden_from_sender: session.is_none() && self.sync == Some(2),
            sent_on: session.map(|session| session.id().0),
            fingerprint: self.seq.is_none().then(|| fingerprint(&self.elements, self.cloud_custom_data.as_deref())),
            ..self.options.clone()
        };
        Draft {
            conversation: ConversationKey::direct(from, to),
            sender: Sender::User(from.clone()),
            random: self.random,
            time: now.second(),
            client_time: self.client_time,
            client_seq: self.seq.unwrap_or_else(|| next_number(now)),
            priority: Priority::Normal,
            content: Content::Elements(self.elements.clone()),
            cloud_custom_data: self.cloud_custom_data.clone(),
            options,
        }
    }
}

/// A number for a message whose sender gave none. Numbers order the messages of one second, so they grow.
fn next_number(now: Millis) -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    // 32 bits of milliseconds wrap every seven weeks; within a second that matters nothing.
    let clock = u32::try_from(now.0.rem_euclid(1 << 32)).expect("below 2^32");
    let next =
        |last: u32| if clock.wrapping_sub(last) < 1 << 31 && clock != last { clock } else { last.wrapping_add(1) };
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
    next(last.unwrap_or_else(|last| last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_server_grow() {
        let now = Millis(1_764_580_001_000);
        let numbers: Vec<u32> = [now, now, Millis(now.0 + 5), now].into_iter().map(next_number).collect();
        assert!(numbers.is_sorted_by(|one, other| one < other), "{numbers:?}");
    }
}
