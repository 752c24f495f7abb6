//! What official accounts say to their subscribers.
//!
//! A broadcast is stored first and then sent to each subscriber as an ordinary one-to-one message with one key for all, so that
//! every client shows, counts and keeps it as it does any message.

use std::sync::Arc;

use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{
    Timestamp, UserId, WebhookCommand,
    change::{Change, Write},
    conversation::ConversationKey,
    message::{Content, Draft, MessageOptions, MsgKey, Priority, Recall, Sender, direct},
    official::{Broadcast, Subscriber},
};

use super::{
    SERVICE, bad, bad_id, known,
    told::{Message, Withdrawn, WithdrawnMessage, tell},
};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode::{self, Fault},
    error::Error,
    error_code::ErrorCode,
    filter::Place,
    screening::{self, Contact, Screened, Subject},
    webhook::MessageVerdict,
    wire::{BodyError, BodyLimits, MessageBody, OfflinePushInfo, item},
};

/// Subscribers that are served at a time.
const PAGE: usize = 500;
/// For how long a repeated message is known as such, in seconds.
const REPEAT_SECS: i64 = 300;
/// Most keys of one recall.
const MAX_KEYS: usize = 10;
/// Most bytes of the reason of a recall.
const MAX_REASON: usize = 100;
/// Most messages of a page.
const MAX_PAGE: usize = 20;

/// Says something to all subscribers of an official account. REST only.
/// Limits: `limits.message.max_bytes`; one message a second, and `rates.official_messages_per_hour` that are stored. The same words
/// with the same `Random` within five minutes are the same message.
/// Errors: those of the body, `MessageTooLong`, `MessageBadPushInfo`, `ContentTextRefused`, `GroupTooFrequent`, `OfficialAccountBadId`,
/// `OfficialAccountNotFound`, `OfficialAccountOff`.
/// Spec: docs/spec/rest-push-ops.md#3
#[derive(Debug, Deserialize)]
pub struct SendOfficialMessage {
    #[serde(rename = "Official_Account", alias = "OfficialAccount")]
    account: UserId,
    #[serde(rename = "Random")]
    random: u32,
    #[serde(rename = "MsgBody")]
    body: Box<RawValue>,
    #[serde(rename = "OfflinePushInfo")]
    push_info: Option<Box<RawValue>>,
    #[serde(rename = "ForbidCallbackControl", default)]
    suppressed_webhooks: Vec<String>,
    #[serde(rename = "OnlineOnlyFlag", default, deserialize_with = "decode::flag")]
    online_only: bool,
    #[serde(rename = "SendMsgControl", default)]
    control: Vec<String>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: Option<Arc<str>>,
}

/// When it was said, and under which key every subscriber has it.
#[derive(Debug, Serialize)]
pub struct Said {
    #[serde(rename = "MsgTime")]
    time: Timestamp,
    #[serde(rename = "MsgKey")]
    key: String,
}

impl Said {
    fn of(draft: &Draft) -> Self {
        Self { time: draft.time, key: draft.msg_key().to_string() }
    }
}

impl Command for SendOfficialMessage {
    const ROUTE: Route = Route::rest(SERVICE, "send_official_account_msg", "docs/spec/rest-push-ops.md#3");
    type Reply = Said;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Said, Error> {
        let official = known(app, &self.account).await?;
        let mut draft = self.draft(app)?;
        if let Content::Elements(elements) = &mut draft.content
            && screening::elements(
                app,
                caller,
                &Subject { from: &self.account, contact: Contact::Nobody },
                Place::Direct,
                elements,
            )
            .await?
                == Screened::Dropped
        {
            return Ok(Said::of(&draft));
        }
        let asked = Message::of(&self.account, &draft, false);
        let limits = body_limits(app);
        let verdict = if draft.options.no_before_webhook {
            MessageVerdict::AsIs
        } else {
            let hooks = app.webhooks();
            hooks.ask_message(WebhookCommand::OfficialBeforeSend, caller, &asked, &draft, limits).await?
        };
        let Some(draft) = verdict.apply(draft.clone()) else { return Ok(Said::of(&draft)) };
        // One after the other: how often an account spoke is counted, and repeats are found.
        let _speaking = app.official_turn.lock().await;
        let hour = Timestamp(draft.time.0 - 3600);
        let per_hour = app.settings().rates.official_messages_per_hour as usize;
        let recent = app.store().read().broadcasts(app.id(), &self.account, None, per_hour.max(1) + 1).await?;
        let repeated = recent.iter().find(|said| {
            said.draft.random == draft.random
                && said.draft.content == draft.content
                && draft.time.since(said.draft.time) <= REPEAT_SECS
        });
        if let Some(said) = repeated {
            return Ok(Said::of(&said.draft));
        }
        let too_often = |text: String| Err(Error::new(ErrorCode::GroupTooFrequent, text));
        if per_hour > 0 {
            if official.last_msg_time == draft.time {
                return too_often(format!("{} spoke this second", self.account));
            }
            if recent.iter().filter(|said| said.draft.time > hour).count() >= per_hour {
                return too_often(format!("{} may speak {per_hour} times an hour", self.account));
            }
        }
        let mut change = Change::none();
        if !draft.options.online_only {
            let (account, said) = (self.account.clone(), Broadcast { draft: draft.clone(), recall: None });
            change = change.write(Write::PutBroadcast { account, broadcast: Box::new(said) });
        }
        if !draft.options.no_after_webhook {
            let about = Message::of(&self.account, &draft, true);
            change = change.calls(tell(app, caller, WebhookCommand::OfficialAfterSend, &self.account, about));
        }
        app.commit(change).await?;
        let mut after = 0;
        while let Some(page) = next_subscribers(app, &self.account, &mut after).await? {
            let commits = page.iter().map(|subscriber| {
                let conversation = ConversationKey::direct(&self.account, &subscriber.user);
                app.commit(direct::send(Draft { conversation, ..draft.clone() }, 0))
            });
            // The commits wait for the disk together.
            try_join_all(commits).await?;
        }
        Ok(Said::of(&draft))
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_id(field, fault)
    }
}

/// The subscribers behind a place, which moves on; `None` at the end.
async fn next_subscribers(app: &App, account: &UserId, after: &mut u64) -> Result<Option<Vec<Subscriber>>, Error> {
    let page = app.store().read().subscribers(app.id(), account, *after, PAGE).await?;
    let Some(last) = page.last() else { return Ok(None) };
    *after = last.place;
    Ok(Some(page))
}

/// How large a message may be.
fn body_limits(app: &App) -> BodyLimits {
    let settings = app.settings();
    let limits = settings.limits().message;
    BodyLimits { max_bytes: limits.max_bytes as usize, max_merge_depth: limits.max_merge_depth as usize }
}

impl SendOfficialMessage {
    fn draft(&self, app: &App) -> Result<Draft, Error> {
        let settings = app.settings();
        let limits = settings.limits().message;
        let limits =
            BodyLimits { max_bytes: limits.max_bytes as usize, max_merge_depth: limits.max_merge_depth as usize };
        let refuse = |e: BodyError| Error::new(e.group_code(), e.to_string());
        let body = MessageBody::parse(&self.body, limits).map_err(refuse)?;
        body.check_size(self.cloud_custom_data.as_deref(), limits).map_err(refuse)?;
        let push_info =
            self.push_info.as_deref().map(|info| OfflinePushInfo::parse(info, limits.max_bytes)).transpose();
        let push_info =
            push_info.map_err(|e| Error::new(ErrorCode::MessageBadPushInfo, format!("`OfflinePushInfo`: {e}")))?;
        let forbids = |webhook: &str| self.suppressed_webhooks.iter().any(|one| one == webhook);
        let options = MessageOptions {
            no_last_msg: self.control.iter().any(|one| one == "NoLastMsg"),
            online_only: self.online_only,
            no_before_webhook: forbids("ForbidBeforeSendMsgCallback"),
            no_after_webhook: forbids("ForbidAfterSendMsgCallback"),
            push_info: push_info.map(OfflinePushInfo::into_json),
            ..MessageOptions::default()
        };
        let now = app.now();
        Ok(Draft {
            conversation: ConversationKey::direct(&self.account, &self.account),
            sender: Sender::User(self.account.clone()),
            random: self.random,
            time: now,
            client_time: now.0,
            client_seq: app.dice().u32(),
            priority: Priority::Normal,
            content: Content::Elements(body.into_json()),
            cloud_custom_data: self.cloud_custom_data.clone(),
            options,
        })
    }
}

/// Takes messages back from all subscribers. REST only, at any time.
/// Limits: 10 keys, a reason of 100 bytes. Errors: `GroupBadParameter`, `OfficialAccountBadId`, `OfficialAccountNotFound`,
/// `OfficialAccountOff`; per key `C2cMessageNotFound`, `C2cMessageAlreadyRecalled`.
/// Spec: docs/spec/rest-push-ops.md#3
#[derive(Debug, Deserialize)]
pub struct RecallOfficialMessages {
    #[serde(rename = "Official_Account", alias = "OfficialAccount")]
    account: UserId,
    #[serde(rename = "MsgKeyList")]
    keys: Vec<String>,
    #[serde(rename = "Reason", default)]
    reason: String,
}

/// What became of each.
#[derive(Debug, Serialize)]
pub struct Recalled {
    #[serde(rename = "RecallRetList")]
    keys: Vec<RecalledKey>,
}

#[derive(Debug, Serialize)]
struct RecalledKey {
    #[serde(rename = "MsgKey")]
    key: String,
    #[serde(rename = "RetCode")]
    code: u32,
}

impl Command for RecallOfficialMessages {
    const ROUTE: Route = Route::rest(SERVICE, "official_account_msg_recall", "docs/spec/rest-push-ops.md#3");
    type Reply = Recalled;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Recalled, Error> {
        known(app, &self.account).await?;
        if self.keys.is_empty() {
            return Err(bad("`MsgKeyList` is empty"));
        }
        if self.keys.len() > MAX_KEYS {
            return Err(bad(format!("`MsgKeyList` has {} entries, at most {MAX_KEYS} are allowed", self.keys.len())));
        }
        if self.reason.len() > MAX_REASON {
            return Err(bad(format!("`Reason` has more than {MAX_REASON} bytes")));
        }
        let mut keys = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let recall = Recall { by: caller.user.clone(), reason: self.reason.clone(), at: app.now() };
            let code = match recall_one(app, caller, &self.account, key, recall).await {
                Ok(()) => 0,
                Err(error) => error.code(),
            };
            keys.push(RecalledKey { key: key.clone(), code });
        }
        Ok(Recalled { keys })
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_id(field, fault)
    }
}

async fn recall_one(app: &App, caller: &Caller, account: &UserId, key: &str, recall: Recall) -> Result<(), Error> {
    let found = app.store().read().broadcast(app.id(), account, key).await?;
    let (Some(said), Some(msg_key)) = (found, MsgKey::parse(key)) else {
        return Err(ErrorCode::C2cMessageNotFound.into());
    };
    if said.recall.is_some() {
        return Err(ErrorCode::C2cMessageAlreadyRecalled.into());
    }
    let broadcast = Box::new(Broadcast { draft: said.draft, recall: Some(recall.clone()) });
    let about = Withdrawn { account, messages: [WithdrawnMessage { key }] };
    let call = tell(app, caller, WebhookCommand::OfficialAfterWithdraw, account, about);
    let change = Change::none().write(Write::PutBroadcast { account: account.clone(), broadcast });
    app.commit(change.calls(call)).await?;
    let mut after = 0;
    while let Some(page) = next_subscribers(app, account, &mut after).await? {
        let mut changes = Vec::new();
        for subscriber in &page {
            let message = app.store().read().direct_message(app.id(), account, &subscriber.user, msg_key).await?;
            // Who subscribed later never had it; who deleted it has nothing to lose.
            changes.extend(direct::recall(msg_key, message.as_ref(), recall.clone(), None).ok());
        }
        try_join_all(changes.into_iter().map(|change| app.commit(change))).await?;
    }
    Ok(())
}

/// Lists what an official account said, newest first. REST only.
/// Limits: pages of 20. Errors: `GroupBadParameter`, `OfficialAccountBadId`, `OfficialAccountNotFound`, `OfficialAccountOff`.
/// Spec: docs/spec/rest-push-ops.md#3
#[derive(Debug, Deserialize)]
pub struct ListOfficialMessages {
    #[serde(rename = "Official_Account", alias = "OfficialAccount")]
    account: UserId,
    #[serde(rename = "LastMsgKey", default)]
    last_key: String,
    #[serde(rename = "ReqMsgNumber")]
    number: usize,
    #[serde(rename = "WithRecalledMsg", default, deserialize_with = "decode::flag")]
    with_recalled: bool,
}

/// A page of messages.
#[derive(Debug, Serialize)]
pub struct SaidPage {
    #[serde(rename = "RspMsgList")]
    messages: Vec<SaidItem>,
    /// 0: there are more, 1: that was all.
    #[serde(rename = "IsFinished")]
    finished: u32,
    #[serde(rename = "LastMsgKey")]
    last_key: String,
}

#[derive(Debug, Serialize)]
struct SaidItem {
    #[serde(rename = "From_Account")]
    from: UserId,
    /// 2: recalled.
    #[serde(rename = "IsPlaceMsg")]
    place: u32,
    #[serde(rename = "MsgKey")]
    key: String,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgSeq")]
    seq: u32,
    #[serde(rename = "MsgTimeStamp")]
    time: Timestamp,
    #[serde(rename = "MsgBody")]
    body: Box<RawValue>,
    #[serde(rename = "CloudCustomData", skip_serializing_if = "Option::is_none")]
    cloud_custom_data: Option<Arc<str>>,
}

impl Command for ListOfficialMessages {
    const ROUTE: Route = Route::rest(SERVICE, "official_account_msg_get_simple", "docs/spec/rest-push-ops.md#3");
    type Reply = SaidPage;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<SaidPage, Error> {
        known(app, &self.account).await?;
        if self.number == 0 {
            return Err(bad("`ReqMsgNumber` is 0"));
        }
        let limit = self.number.min(MAX_PAGE);
        let before = Some(self.last_key.as_str()).filter(|key| !key.is_empty());
        if let Some(key) = before
            && app.store().read().broadcast(app.id(), &self.account, key).await?.is_none()
        {
            return Err(bad(format!("`LastMsgKey`: {} never said `{key}`", self.account)));
        }
        let found = app.store().read().broadcasts(app.id(), &self.account, before, limit + 1).await?;
        let finished = u32::from(found.len() <= limit);
        let page = &found[..found.len().min(limit)];
        let last_key = page.last().map_or_else(String::new, |said| said.draft.msg_key().to_string());
        let messages = page
            .iter()
            .filter(|said| self.with_recalled || said.recall.is_none())
            .filter_map(|said| {
                let Content::Elements(elements) = &said.draft.content else { return None };
                Some(SaidItem {
                    from: self.account.clone(),
                    place: if said.recall.is_some() { 2 } else { 0 },
                    key: said.draft.msg_key().to_string(),
                    random: said.draft.random,
                    seq: said.draft.client_seq,
                    time: said.draft.time,
                    body: item::elements(elements).to_owned(),
                    cloud_custom_data: said.draft.cloud_custom_data.clone(),
                })
            })
            .collect();
        Ok(SaidPage { messages, finished, last_key })
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_id(field, fault)
    }
}
