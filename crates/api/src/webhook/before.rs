//! Questions that an action waits for (docs/spec/webhooks.md#1.5, #1.6).

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{
    UserId, WebhookCommand,
    message::{Content, Draft},
    settings::FailurePolicy,
};

use super::{
    Origin, Webhooks, payload_text,
    post::{Failure, FailureClass, beginning},
};
use crate::{
    error::Error,
    error_code::{CustomCode, ErrorCode},
    wire::{BodyLimits, MessageBody},
};

/// An answer that lets the action go on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Who of several is left out; the action goes on for the others.
    pub refused: Vec<UserId>,
    /// What is said about single people.
    pub results: Vec<PersonVerdict>,
}

/// What an answer says about one person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PersonVerdict {
    /// Whom.
    #[serde(rename = "To_Account")]
    pub user: UserId,
    /// 0 allows; anything else is the person's result.
    #[serde(rename = "ResultCode", deserialize_with = "number")]
    pub code: i64,
    /// Why.
    #[serde(rename = "ResultInfo", default)]
    pub text: String,
}

impl PersonVerdict {
    /// The refusal, if it is one. Codes outside of the custom ones count as the first of them.
    #[must_use]
    pub fn refusal(&self) -> Option<(u32, &str)> {
        if self.code == 0 {
            return None;
        }
        let code = u32::try_from(self.code).ok().and_then(CustomCode::friend).map_or(38_000, CustomCode::number);
        Some((code, &self.text))
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageVerdict {
    /// It is sent as it is.
    AsIs,
    /// It is sent, but says something else; absent parts stay.
    Rewritten {
        /// The elements, JSON text.
        elements: Option<Arc<str>>,
        /// The sender's data.
        cloud_custom_data: Option<Arc<str>>,
    },
    /// Nobody gets it, and the sender is told that all is well.
    Dropped,
}

/// An answer as it is written. Fields that do not matter for the question are not looked at.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "ErrorCode", deserialize_with = "number")]
    code: i64,
    #[serde(rename = "ErrorInfo")]
    info: Option<Box<RawValue>>,
    #[serde(rename = "RefusedMembers_Account")]
    members: Option<Box<RawValue>>,
    #[serde(rename = "RefusedSubscribers_Account")]
    subscribers: Option<Box<RawValue>>,
    #[serde(rename = "ResultItem")]
    results: Option<Box<RawValue>>,
    #[serde(rename = "MsgBody")]
    body: Option<Box<RawValue>>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: Option<Box<RawValue>>,
}

/// A number, also in quotes.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a whole number")]
    enum Number {
        Plain(i64),
        Quoted(String),
    }
    match Number::deserialize(deserializer)? {
        Number::Plain(number) => Ok(number),
        Number::Quoted(text) => text.trim().parse().map_err(serde::de::Error::custom),
    }
}

fn bad_answer(why: &dyn std::fmt::Display, answer: &[u8]) -> Failure {
    Failure {
        class: FailureClass::BadAnswer,
        detail: format!("{why}; the answer begins `{}`", beginning(answer)),
        status: Some(200),
    }
}

/// Reads a part of an answer; absent and null say nothing.
fn part<T: for<'de> Deserialize<'de>>(name: &str, raw: Option<&RawValue>) -> Result<Option<T>, String> {
    raw.map_or(Ok(None), |raw| serde_json::from_str::<Option<T>>(raw.get()).map_err(|e| format!("`{name}`: {e}")))
}

/// What a command's codes mean.
#[derive(Clone, Copy)]
struct Codes {
    /// For 1 and whatever means nothing else.
    refused: ErrorCode,
    /// Codes of the app's own.
    custom: fn(u32) -> Option<CustomCode>,
    /// Whether 2 drops silently.
    drops: bool,
    /// Whether a code only says that the backend failed.
    only_faults: bool,
}

impl Codes {
    fn of(command: WebhookCommand) -> Self {
        let group = Self {
            refused: ErrorCode::GroupRefusedByWebhook,
            custom: CustomCode::group,
            drops: [WebhookCommand::GroupBeforeSend, WebhookCommand::OfficialBeforeSend].contains(&command),
            only_faults: false,
        };
        if command == WebhookCommand::C2cBeforeSend {
            return Self {
                refused: ErrorCode::C2cRefusedByWebhook,
                custom: CustomCode::one_to_one,
                drops: true,
                ..group
            };
        }
        let only_faults = [WebhookCommand::PrevFriendAdd, WebhookCommand::PrevFriendResponse].contains(&command);
        Self { only_faults, ..group }
    }
}

/// How a question ended, short of a refusal.
enum Asked {
    /// The action goes on: nobody listens, or the question failed and the app lets pass what it could not judge.
    NoOpinion,
    /// It is allowed.
    Allowed(Box<Written>, Bytes),
    /// It is dropped in silence.
    Dropped,
}

impl MessageVerdict {
    /// The message as it is sent; `None` when nobody gets it.
    #[must_use]
    pub fn apply(self, draft: Draft) -> Option<Draft> {
        match self {
            Self::Dropped => None,
            Self::AsIs => Some(draft),
            Self::Rewritten { elements, cloud_custom_data } => Some(Draft {
                content: elements.map_or(draft.content, Content::Elements),
                // An empty text takes the data away.
                cloud_custom_data: cloud_custom_data
                    .map_or(draft.cloud_custom_data, |data| (!data.is_empty()).then_some(data)),
                ..draft
            }),
        }
    }
}

impl Webhooks {
    /// Asks whether an action may go on. Waits for the answer, so hold nothing.
    ///
    /// # Errors
    /// The refusal as the caller gets it: the documented code, the app's own, or 80003 when the question failed and the app
    /// refuses what it could not judge.
    pub async fn ask(
        &self,
        command: WebhookCommand,
        origin: impl Into<Origin>,
        payload: &impl Serialize,
    ) -> Result<Answer, Error> {
        let (written, raw) = match self.question(command, origin.into(), payload).await? {
            Asked::NoOpinion | Asked::Dropped => return Ok(Answer::default()),
            Asked::Allowed(written, raw) => (written, raw),
        };
        let read = || {
            let members: Option<Vec<UserId>> = part("RefusedMembers_Account", written.members.as_deref())?;
            let subscribers: Option<Vec<UserId>> = part("RefusedSubscribers_Account", written.subscribers.as_deref())?;
            let results: Option<Vec<PersonVerdict>> = part("ResultItem", written.results.as_deref())?;
            let refused = members.into_iter().chain(subscribers).flatten().collect();
            Ok::<_, String>(Answer { refused, results: results.unwrap_or_default() })
        };
        match read() {
            Ok(answer) => Ok(answer),
            Err(why) => self.failed(command, &bad_answer(&why, &raw)).map(|()| Answer::default()),
        }
    }

    /// Asks whether a message may be sent, and as what. A replacement that is no valid message counts as a failed question.
    ///
    /// # Errors
    /// As [`Webhooks::ask`].
    pub async fn ask_message(
        &self,
        command: WebhookCommand,
        origin: impl Into<Origin>,
        payload: &impl Serialize,
        draft: &Draft,
        limits: BodyLimits,
    ) -> Result<MessageVerdict, Error> {
        let (written, raw) = match self.question(command, origin.into(), payload).await? {
            Asked::NoOpinion => return Ok(MessageVerdict::AsIs),
            Asked::Dropped => return Ok(MessageVerdict::Dropped),
            Asked::Allowed(written, raw) => (written, raw),
        };
        match rewrite(&written, draft, limits) {
            Ok(verdict) => Ok(verdict),
            Err(why) => self.failed(command, &bad_answer(&why, &raw)).map(|()| MessageVerdict::AsIs),
        }
    }

    async fn question(
        &self,
        command: WebhookCommand,
        origin: Origin,
        payload: &impl Serialize,
    ) -> Result<Asked, Error> {
        let backend = self.backend.load_full();
        if !backend.settings().wants(command) {
            return Ok(Asked::NoOpinion);
        }
        let now = self.clock.now();
        let body = payload_text(command, payload, now);
        let query = origin.query(command, &backend.settings().platform_name_mac);
        let answer = match backend.call(command, &query, body.into(), now).await {
            Ok(answer) => answer,
            Err(failure) => return self.failed(command, &failure).map(|()| Asked::NoOpinion),
        };
        let written: Written = match serde_json::from_slice(&answer) {
            Ok(written) => written,
            Err(why) => return self.failed(command, &bad_answer(&why, &answer)).map(|()| Asked::NoOpinion),
        };
        let codes = Codes::of(command);
        match written.code {
            0 => Ok(Asked::Allowed(Box::new(written), answer)),
            code if codes.only_faults => {
                let why = format!("the backend says that it failed with {code}");
                self.failed(command, &bad_answer(&why, &answer)).map(|()| Asked::NoOpinion)
            }
            2 if codes.drops => Ok(Asked::Dropped),
            code => {
                let info: Option<String> = part("ErrorInfo", written.info.as_deref()).unwrap_or_default();
                let info = info.unwrap_or_default();
                match u32::try_from(code).ok().and_then(codes.custom) {
                    Some(custom) => Err(Error::custom(custom, info)),
                    None if info.is_empty() => Err(codes.refused.into()),
                    None => Err(Error::new(codes.refused, info)),
                }
            }
        }
    }

    /// What becomes of an action whose question failed.
    fn failed(&self, command: WebhookCommand, failure: &Failure) -> Result<(), Error> {
        if failure.class == FailureClass::BadAnswer {
            tracing::warn!(app = %self.app, %command, detail = failure.detail, "a webhook answer is of no use");
        }
        match self.backend.load().settings().on_failure(command) {
            FailurePolicy::Deliver => Ok(()),
            FailurePolicy::Refuse => Err(ErrorCode::WebhookFailed.into()),
        }
    }
}

/// What the answer makes of the message. Old and new parts together have to be a message that could have been sent.
fn rewrite(written: &Written, draft: &Draft, limits: BodyLimits) -> Result<MessageVerdict, String> {
    let cloud_custom_data: Option<Arc<str>> = part("CloudCustomData", written.cloud_custom_data.as_deref())?;
    let body = written.body.as_deref().filter(|body| body.get() != "null");
    if body.is_none() && cloud_custom_data.is_none() {
        return Ok(MessageVerdict::AsIs);
    }
    let parsed = match (body, &draft.content) {
        (Some(body), _) => MessageBody::parse(body, limits),
        (None, Content::Elements(elements)) => MessageBody::parse(crate::wire::item::elements(elements), limits),
        (None, Content::Tip(_)) => return Err("a tip says nothing that could be replaced".into()),
    };
    let parsed = parsed.map_err(|e| format!("`MsgBody`: {e}"))?;
    let data = cloud_custom_data.as_deref().or(draft.cloud_custom_data.as_deref());
    parsed.check_size(data, limits).map_err(|e| format!("`MsgBody`: {e}"))?;
    Ok(MessageVerdict::Rewritten { elements: body.map(|_| parsed.into_json()), cloud_custom_data })
}
