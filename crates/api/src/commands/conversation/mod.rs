//! Lists of conversations, and what users do with them. Spec: docs/spec/rest-c2c.md#3, docs/spec/websocket-protocol.md#17

use tsudoi_domain::{
    Denied, UserId,
    conversation::care::{Care, Contact, Desk},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::Caller,
    error::Error,
    error_code::ErrorCode,
    wire::contact::ContactItem,
};

pub mod delete;
pub mod folder;
pub mod list;
pub mod mark;
pub mod read;
pub mod receive;
pub mod recent;

pub(crate) fn all() -> Vec<Entry> {
    list![
        delete::DeleteConversation,
        delete::DeleteConversations,
        delete::ClearHistory,
        folder::CreateFolder,
        folder::DeleteFolder,
        folder::UpdateFolder,
        folder::GroupedConversations,
        folder::SearchGrouped,
        list::ConversationPage,
        mark::MarkConversations,
        mark::PinConversations,
        read::ReadAll,
        receive::PeerReceiveOptions,
        receive::SetPeerReceiveOption,
        receive::SetDoNotDisturb,
        receive::GetDoNotDisturb,
        recent::RecentConversations,
    ]
}

/// Whose list it is about: backends name an account that exists, clients have their own.
async fn owner(app: &App, caller: &Caller, named: Option<&UserId>) -> Result<UserId, Error> {
    if !caller.is_app_admin() {
        return Ok(caller.user.clone());
    }
    let Some(user) = named else {
        return Err(Error::new(ErrorCode::ConversationBadParameter, "`From_Account` is missing"));
    };
    if app.store().account(app.id(), user).await?.is_none() {
        let text = format!("`From_Account`: account {user} does not exist");
        return Err(Error::new(ErrorCode::ConversationAccountNotFound, text));
    }
    Ok(user.clone())
}

/// What the user did so far with these conversations.
async fn desk(app: &App, caller: &Caller, user: &UserId, contacts: &[Contact]) -> Result<Desk, Error> {
    let store = app.store().read();
    // The book first: whatever is done after it is loaded shows in its revision.
    let book = store.book(app.id(), user).await?;
    let mut desk = Desk {
        user: user.clone(),
        session: caller.session().map(|session| session.id().0),
        book,
        care: std::collections::BTreeMap::new(),
        now: app.now(),
    };
    for contact in contacts {
        let care = store.care(app.id(), user, contact).await?;
        if care != Care::default() {
            desk.care.insert(contact.clone(), care);
        }
    }
    Ok(desk)
}

/// Lets pass a conversation that the user can have: with an account that exists, in a group with an entry in lists that they are in.
async fn accessible(app: &App, user: &UserId, contact: &Contact) -> Result<(), Error> {
    match contact {
        Contact::User(peer) => {
            if app.store().account(app.id(), peer).await?.is_some() {
                return Ok(());
            }
            Err(Error::new(ErrorCode::ConversationAccountNotFound, format!("account {peer} does not exist")))
        }
        Contact::Group(id) => {
            let group = app.store().group(app.id(), id).await?;
            let entry = group.is_some_and(|group| app.policy_of(&group).conversation_entry);
            if entry && app.store().member(app.id(), id, user).await?.is_some() {
                return Ok(());
            }
            Err(Denied::NotInContact(id.clone()).into())
        }
    }
}

/// Lets pass where marks and groups of conversations are switched on.
fn require_marks(app: &App) -> Result<(), Error> {
    if app.settings().features.conversation_marks {
        return Ok(());
    }
    Err(ErrorCode::ConversationFeatureOff.into())
}

/// The conversations that items name.
fn contacts<'a>(items: impl IntoIterator<Item = &'a ContactItem>) -> Result<Vec<Contact>, Error> {
    let bad = |text: String| Error::new(ErrorCode::ConversationBadParameter, format!("`ContactItem`: {text}"));
    items.into_iter().map(|item| item.contact().map_err(bad)).collect()
}

/// Refuses lists of conversations that are empty or too long.
fn check_count(field: &str, number: usize, most: usize) -> Result<(), Error> {
    if (1..=most).contains(&number) {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::ConversationBadCount,
        format!("`{field}` must have 1 to {most} entries, it has {number}"),
    ))
}

/// How something ended for one conversation, as answers say it.
fn result<T>(outcome: &Result<T, Error>) -> (u32, String) {
    match outcome {
        Ok(_) => (0, String::new()),
        Err(error) => (error.code(), error.text().to_owned()),
    }
}
