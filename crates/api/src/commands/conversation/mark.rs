//! Pins, marks and the user's own data of conversations.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    UserId,
    conversation::care::{self, Contact, Marks},
};

use super::{accessible, check_count, contacts, desk, owner, require_marks, result};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    error::Error,
    error_code::ErrorCode,
    wire::contact::{ContactItem, all_marks, set_marks},
};

/// Pins conversations to the top of a list, or no longer; the user's other devices are told. REST and gateway.
/// Limits: `limits.conversation.batch` conversations, `limits.conversation.max_pinned` pinned ones.
/// Errors: `ConversationBadParameter`, `ConversationBadCount`, `ConversationTooManyPinned`, `ConversationNotAccessible`,
/// `ConversationAccountNotFound`.
/// Spec: docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct PinConversations {
    #[serde(rename = "From_Account")]
    user: Option<UserId>,
    /// 1: pin, 2: no longer.
    #[serde(rename = "OperationType")]
    operation: u32,
    #[serde(rename = "RecentContactItem", alias = "ContactItem")]
    items: Vec<ContactItem>,
}

impl Command for PinConversations {
    const ROUTE: Route = Route::both("recentcontact", "top", "docs/spec/websocket-protocol.md#17");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let pinned = match self.operation {
            1 => true,
            2 => false,
            other => {
                let text = format!("`OperationType`: {other} is neither 1 nor 2");
                return Err(Error::new(ErrorCode::ConversationBadParameter, text));
            }
        };
        let limits = app.settings().limits().conversation;
        check_count("RecentContactItem", self.items.len(), limits.batch as usize)?;
        let user = owner(app, caller, self.user.as_ref()).await?;
        let contacts = contacts(&self.items)?;
        if pinned {
            for contact in &contacts {
                accessible(app, &user, contact).await?;
            }
        }
        app.decide(|| async {
            let desk = desk(app, caller, &user, &contacts).await?;
            // Pins of groups that are gone take no room.
            let mut others = 0;
            for (contact, _) in app.store().read().pinned(app.id(), &user).await? {
                if !contacts.contains(&contact) && accessible(app, &user, &contact).await.is_ok() {
                    others += 1;
                }
            }
            Ok(((), care::pin(&desk, &contacts, pinned, others, &limits)?))
        })
        .await?;
        Ok(Done {})
    }
}

/// Sets and clears marks of conversations, sets their own data, or both; the user's other devices are told. REST and gateway. Backends
/// number the marks from 1, clients from 0: 1 or 0 is the star.
/// Limits: `limits.conversation.batch` conversations, `limits.conversation.max_grouped` with a mark or in a group,
/// `limits.conversation.custom_bytes`.
/// Errors: `ConversationBadParameter`, `ConversationBadCount`, `ConversationFeatureOff`; per conversation
/// `ConversationTooManyMarked`, `ConversationNotAccessible`, `ConversationAccountNotFound`.
/// Spec: docs/spec/rest-c2c.md#3.8, docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct MarkConversations {
    #[serde(rename = "From_Account")]
    user: Option<UserId>,
    #[serde(rename = "MarkItem")]
    items: Vec<MarkItem>,
}

#[derive(Debug, Deserialize)]
struct MarkItem {
    /// 1: marks, 2: own data, 3: both.
    #[serde(rename = "OptType")]
    kind: u32,
    #[serde(rename = "ContactItem")]
    contact: ContactItem,
    #[serde(rename = "SetMark", default)]
    set: Vec<u32>,
    #[serde(rename = "ClearMark", default)]
    clear: Vec<u32>,
    #[serde(rename = "CustomMark")]
    custom: Option<String>,
}

/// What became of each conversation.
#[derive(Debug, Serialize)]
pub struct Marked {
    #[serde(rename = "ResultItem")]
    results: Vec<MarkResult>,
}

#[derive(Debug, Serialize)]
struct MarkResult {
    #[serde(rename = "OptType")]
    kind: u32,
    #[serde(rename = "ContactItem")]
    contact: ContactItem,
    #[serde(rename = "ResultCode")]
    code: u32,
    #[serde(rename = "ResultInfo")]
    info: String,
    #[serde(rename = "StandardMark", skip_serializing_if = "Option::is_none")]
    marks: Option<String>,
}

/// The marks as the door of the caller writes them.
pub(super) fn marks_text(caller: &Caller, marks: u64) -> String {
    if caller.is_app_admin() { set_marks(marks) } else { all_marks(marks) }
}

impl MarkItem {
    fn asked(&self, first_bit: u32, custom_bytes: usize) -> Result<(Contact, Marks), Error> {
        let bad = |text: String| Error::new(ErrorCode::ConversationBadParameter, text);
        let contact = self.contact.contact().map_err(|text| bad(format!("`ContactItem`: {text}")))?;
        let (standard, own) = match self.kind {
            1 => (true, false),
            2 => (false, true),
            3 => (true, true),
            other => return Err(bad(format!("`OptType`: {other} is none of 1, 2 and 3"))),
        };
        let bits = |field: &str, numbers: &[u32]| {
            numbers.iter().try_fold(0u64, |bits, number| match number.checked_sub(first_bit) {
                Some(bit @ 0..64) => Ok(bits | 1 << bit),
                Some(_) | None => {
                    Err(bad(format!("`{field}`: {number} is not between {first_bit} and {}", first_bit + 63)))
                }
            })
        };
        let (set, clear) = (bits("SetMark", &self.set)?, bits("ClearMark", &self.clear)?);
        if self.kind == 2 && self.custom.is_none() {
            return Err(bad("`CustomMark` is missing".into()));
        }
        let custom = self.custom.clone().filter(|_| own);
        if custom.as_ref().is_some_and(|custom| custom.len() > custom_bytes) {
            return Err(bad(format!("`CustomMark` has more than {custom_bytes} bytes")));
        }
        Ok((contact, Marks { set, clear, standard, custom }))
    }
}

impl Command for MarkConversations {
    const ROUTE: Route = Route::both("recentcontact", "mark_contact", "docs/spec/rest-c2c.md#3.8");
    type Reply = Marked;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Marked, Error> {
        let limits = app.settings().limits().conversation;
        check_count("MarkItem", self.items.len(), limits.batch as usize)?;
        require_marks(app)?;
        let first_bit = caller.is_app_admin().into();
        let user = owner(app, caller, self.user.as_ref()).await?;
        let mut asked = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let wanted = item.asked(first_bit, limits.custom_bytes as usize)?;
            let may = accessible(app, &user, &wanted.0).await;
            asked.push((wanted, may));
        }
        let possible: Vec<_> = asked.iter().filter(|(_, may)| may.is_ok()).map(|(wanted, _)| wanted.clone()).collect();
        let contacts: Vec<Contact> = possible.iter().map(|(contact, _)| contact.clone()).collect();
        let (outcomes, _) = app
            .decide(|| async {
                let desk = desk(app, caller, &user, &contacts).await?;
                let grouped = app.store().read().grouped_count(app.id(), &user).await?;
                Ok(care::mark(&desk, &possible, grouped, &limits))
            })
            .await?;
        let mut outcomes = outcomes.into_iter().map(|outcome| outcome.map_err(Error::from));
        let results = asked.into_iter().zip(&self.items).map(|(((contact, _), may), item)| {
            let outcome = match may {
                Ok(()) => outcomes.next().expect("one for each possible conversation"),
                Err(error) => Err(error),
            };
            let (code, info) = result(&outcome);
            let marks = outcome.ok().map(|marks| marks_text(caller, marks));
            MarkResult { kind: item.kind, contact: (&contact).into(), code, info, marks }
        });
        Ok(Marked { results: results.collect() })
    }
}
