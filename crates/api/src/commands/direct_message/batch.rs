//! Sends a message to many users, as separate one-to-one messages.

use std::{collections::HashSet, sync::Arc};

use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::Value;
use tsudoi_domain::{UserId, conversation::ConversationKey, message::Draft};

use super::send::{Outgoing, deliver};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode::Fault,
    error::Error,
    error_code::ErrorCode,
    screening::{Contact, Screened, Subject},
    wire::{envelope::Status, item::message_id},
};

/// Most receivers of one call.
const MAX_RECEIVERS: usize = 500;

/// Sends one message to up to 500 users. REST; in the name of any account, without webhooks. Who is named twice gets it once.
/// Units: seconds. Limits: `limits.message.max_bytes`; `rates.batch_send_receivers_per_minute`.
/// Errors: those of `SendMessage`, `MessageReceiversNotArray`, `MessageReceiversEmpty`, `MessageTooManyReceivers`,
/// `MessageBatchTooLong`, `MessageBatchRateLimited`; `AccountNotFound` per receiver, `MessageReceiverNotFound` when there is no other.
/// Spec: docs/spec/rest-c2c.md#1.2
pub type BatchSend = Outgoing<Vec<Value>>;

/// The key that names the message in every conversation, and who did not get it.
#[derive(Debug, Serialize)]
pub struct BatchSent {
    #[serde(rename = "MsgKey")]
    key: String,
    #[serde(rename = "MsgId")]
    id: String,
    #[serde(rename = "ErrorList", skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ReceiverError>,
}

#[derive(Debug, Serialize)]
struct ReceiverError {
    #[serde(rename = "To_Account")]
    user: String,
    #[serde(rename = "ErrorCode")]
    code: ErrorCode,
}

impl Command for Outgoing<Vec<Value>> {
    const ROUTE: Route = Route::rest("openim", "batchsendmsg", "docs/spec/rest-c2c.md#1.2");
    type Reply = BatchSent;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<BatchSent, Error> {
        let names = names(&self.to)?;
        let from = caller.acting_for(self.from.as_ref());
        let mut message = self.check(app, ErrorCode::MessageBatchTooLong)?;
        let Some(sender) = app.store().account(app.id(), &from).await? else {
            let text = format!("`From_Account`: account {from} does not exist");
            return Err(Error::new(ErrorCode::MessageBadSender, text));
        };
        let per_minute = app.settings().rates.batch_send_receivers_per_minute;
        if !app.batch_rates.allow(names.len(), per_minute) {
            let text = format!("batch messages may have {per_minute} receivers a minute");
            return Err(Error::new(ErrorCode::MessageBatchRateLimited, text));
        }
        let (receivers, errors) = known_among(app, names).await?;
        if receivers.is_empty() {
            return Err(ErrorCode::MessageReceiverNotFound.into());
        }
        let subject = Subject { from: &from, contact: Contact::Nobody };
        let screened = message.screen(app, caller, &subject).await?;
        // One number and one second for all: the same key names the message everywhere.
        let template = message.draft(&from, &from, caller, app);
        if screened == Screened::Dropped {
            let id = message_id(&sender.tiny_id.to_string(), &template);
            return Ok(BatchSent { key: template.msg_key().to_string(), id, errors });
        }
        let drafts =
            receivers.iter().map(|to| Draft { conversation: ConversationKey::direct(&from, to), ..template.clone() });
        // The commits wait for the disk together.
        let sent = try_join_all(drafts.map(|draft| deliver(app, draft, Vec::new()))).await?;
        let first = sent.first().ok_or(ErrorCode::MessageReceiverNotFound)?;
        let id = message_id(&sender.tiny_id.to_string(), first);
        Ok(BatchSent { key: first.msg_key().to_string(), id, errors })
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        (field == "To_Account" && fault == Fault::WrongType).then_some(ErrorCode::MessageReceiversNotArray)
    }

    fn status(reply: &BatchSent) -> Status {
        if reply.errors.is_empty() { Status::Ok } else { Status::SomeError }
    }
}

/// The names of the request, each once.
fn names(to: &[Value]) -> Result<Vec<&str>, Error> {
    if to.is_empty() {
        return Err(Error::new(ErrorCode::MessageReceiversEmpty, "`To_Account` is empty"));
    }
    if to.len() > MAX_RECEIVERS {
        let text = format!("`To_Account` has {} entries, at most {MAX_RECEIVERS} are allowed", to.len());
        return Err(Error::new(ErrorCode::MessageTooManyReceivers, text));
    }
    let mut seen = HashSet::new();
    let mut names = Vec::with_capacity(to.len());
    for (at, name) in to.iter().enumerate() {
        let name = name.as_str().ok_or_else(|| {
            Error::new(ErrorCode::MessageBadReceiver, format!("`To_Account[{at}]`: expected a string"))
        })?;
        if seen.insert(name) {
            names.push(name);
        }
    }
    Ok(names)
}

async fn known_among(app: &App, names: Vec<&str>) -> Result<(Vec<UserId>, Vec<ReceiverError>), Error> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        let account = match UserId::parse(name) {
            Ok(user) => app.store().account(app.id(), &user).await?,
            Err(_) => None,
        };
        match account {
            Some(account) => known.push(account.user.clone()),
            None => unknown.push(ReceiverError { user: name.to_owned(), code: ErrorCode::AccountNotFound }),
        }
    }
    Ok((known, unknown))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn receivers_are_named_once() {
        assert_eq!(names(&[json!("a"), json!("b"), json!("a")]).expect("fine"), ["a", "b"]);
        for (to, code) in [
            (vec![], ErrorCode::MessageReceiversEmpty),
            (vec![json!("a"); 501], ErrorCode::MessageTooManyReceivers),
            (vec![json!("a"), json!(7)], ErrorCode::MessageBadReceiver),
        ] {
            assert_eq!(names(&to).expect_err("refused").code(), code.number());
        }
    }
}
