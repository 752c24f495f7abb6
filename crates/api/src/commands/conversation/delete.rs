//! Deleting conversations from a list, and clearing their history.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    GroupId, UserId,
    change::{Change, Write},
    conversation::{
        ConversationKey,
        care::{self, Contact, Leaving},
    },
};

use super::{accessible, check_count, contacts, desk, owner, result};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    wire::contact::ContactItem,
};

/// Takes conversations off the list until their next message.
async fn delete(app: &App, caller: &Caller, user: &UserId, contacts: &[Contact], clear: bool) -> Result<(), Error> {
    let tell = app.settings().conversation.sync_delete;
    app.decide(|| async {
        let mut leaving = Vec::with_capacity(contacts.len());
        for contact in contacts {
            leaving.extend(as_it_stands(app, user, contact).await?);
        }
        let desk = desk(app, caller, user, contacts).await?;
        Ok(((), care::delete(&desk, &leaving, clear, tell)))
    })
    .await?;
    Ok(())
}

/// Where the conversation stands; nothing of a conversation that the user does not have.
async fn as_it_stands(app: &App, user: &UserId, contact: &Contact) -> Result<Option<Leaving>, Error> {
    let conversation = match contact {
        Contact::User(peer) => {
            if app.store().read().direct_view(app.id(), user, peer).await?.is_none() {
                return Ok(None);
            }
            ConversationKey::direct(user, peer)
        }
        Contact::Group(group) => {
            if accessible(app, user, contact).await.is_err() {
                return Ok(None);
            }
            ConversationKey::Group(group.clone())
        }
    };
    let position = app.store().read().position(app.id(), &conversation).await?;
    Ok(Some(Leaving { contact: contact.clone(), last_seq: position.last_seq, shown_seq: position.shown_seq }))
}

/// Deletes a conversation from one user's list until its next message; nothing of it is unread then, the other side keeps it. REST and
/// gateway. With `ClearRamble` its history is gone for the user, too. A conversation that is not there is gone already.
/// Other devices are told where `conversation.sync_delete` says so.
/// Errors: `ConversationBadParameter`, `ConversationAccountNotFound`.
/// Spec: docs/spec/rest-c2c.md#3.2
#[derive(Debug, Deserialize)]
pub struct DeleteConversation {
    #[serde(rename = "From_Account")]
    user: Option<UserId>,
    #[serde(rename = "Type", alias = "type")]
    kind: u32,
    #[serde(rename = "To_Account")]
    peer: Option<UserId>,
    #[serde(rename = "ToGroupid", alias = "ToGroupId", alias = "GroupId")]
    group: Option<GroupId>,
    #[serde(rename = "ClearRamble", default, deserialize_with = "decode::flag")]
    clear: bool,
}

impl Command for DeleteConversation {
    const ROUTE: Route = Route::both("recentcontact", "delete", "docs/spec/rest-c2c.md#3.2");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let contact = one(self.kind, self.peer, self.group)?;
        let user = owner(app, caller, self.user.as_ref()).await?;
        delete(app, caller, &user, &[contact], self.clear).await?;
        Ok(Done {})
    }
}

/// The conversation that a request names.
fn one(kind: u32, peer: Option<UserId>, group: Option<GroupId>) -> Result<Contact, Error> {
    let bad = |text: String| Error::new(ErrorCode::ConversationBadParameter, text);
    match (kind, peer, group) {
        (1, Some(peer), _) => Ok(Contact::User(peer)),
        (1, None, _) => Err(bad("`To_Account` is missing".into())),
        (2, _, Some(group)) => Ok(Contact::Group(group)),
        (2, _, None) => Err(bad("`ToGroupid` is missing".into())),
        (other, ..) => Err(bad(format!("`Type`: {other} is neither 1 nor 2"))),
    }
}

/// Deletes several conversations, as [`DeleteConversation`] deletes one. REST and gateway.
/// Limits: `limits.conversation.batch` conversations. Errors: `ConversationBadParameter`, `ConversationBadCount`.
/// Spec: docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct DeleteConversations {
    #[serde(rename = "From_Account")]
    user: Option<UserId>,
    #[serde(rename = "ContactItem")]
    items: Vec<ContactItem>,
    #[serde(rename = "ClearRamble", default, deserialize_with = "decode::flag")]
    clear: bool,
}

/// What became of each conversation.
#[derive(Debug, Serialize)]
pub struct Deleted {
    #[serde(rename = "ResultItem")]
    results: Vec<DeleteResult>,
}

#[derive(Debug, Serialize)]
struct DeleteResult {
    #[serde(rename = "Type")]
    kind: u32,
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    peer: Option<UserId>,
    #[serde(rename = "ToGroupid", skip_serializing_if = "Option::is_none")]
    group: Option<GroupId>,
    #[serde(rename = "ResultCode")]
    code: u32,
    #[serde(rename = "ResultInfo")]
    info: String,
}

impl Command for DeleteConversations {
    const ROUTE: Route = Route::both("recentcontact", "batch_delete", "docs/spec/websocket-protocol.md#17");
    type Reply = Deleted;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Deleted, Error> {
        let most = app.settings().limits().conversation.batch as usize;
        check_count("ContactItem", self.items.len(), most)?;
        let contacts = contacts(&self.items)?;
        let user = owner(app, caller, self.user.as_ref()).await?;
        delete(app, caller, &user, &contacts, self.clear).await?;
        let results = contacts.into_iter().map(|contact| {
            let (code, info) = result(&Ok(()));
            let (kind, peer, group) = match contact {
                Contact::User(peer) => (1, Some(peer), None),
                Contact::Group(group) => (2, None, Some(group)),
            };
            DeleteResult { kind, peer, group, code, info }
        });
        Ok(Deleted { results: results.collect() })
    }
}

/// Clears the history of a conversation for one user; nothing of it is unread then, the list keeps it. REST and gateway.
/// Errors: `ConversationBadParameter`, `ConversationNotAccessible`, `ConversationAccountNotFound`.
/// Spec: docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct ClearHistory {
    #[serde(rename = "From_Account")]
    user: Option<UserId>,
    #[serde(rename = "Type", alias = "type")]
    kind: u32,
    #[serde(rename = "To_Account")]
    peer: Option<UserId>,
    #[serde(rename = "ToGroupid", alias = "ToGroupId")]
    group: Option<GroupId>,
}

impl Command for ClearHistory {
    const ROUTE: Route = Route::both("recentcontact", "clear_msg", "docs/spec/websocket-protocol.md#17");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let contact = one(self.kind, self.peer, self.group)?;
        let user = owner(app, caller, self.user.as_ref()).await?;
        accessible(app, &user, &contact).await?;
        let write = match contact {
            Contact::User(peer) => Write::ClearDirect { user, peer },
            Contact::Group(group) => Write::ClearHistory { conversation: ConversationKey::Group(group), user },
        };
        app.commit(Change::none().write(write)).await?;
        Ok(Done {})
    }
}
