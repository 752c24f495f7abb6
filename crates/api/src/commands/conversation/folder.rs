//! Groups of conversations: labelled folders of one user, unrelated to chat groups.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Timestamp, UserId,
    conversation::care::{self, Care, Contact, Folder},
};

use super::{accessible, check_count, contacts, desk, mark::marks_text, owner, require_marks, result};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    error::Error,
    error_code::ErrorCode,
    wire::contact::ContactItem,
};

/// A folder as answers name it.
#[derive(Debug, Serialize)]
pub struct FolderItem {
    #[serde(rename = "GroupId")]
    id: u32,
    #[serde(rename = "GroupName")]
    name: String,
}

impl From<&Folder> for FolderItem {
    fn from(folder: &Folder) -> Self {
        Self { id: folder.id, name: folder.name.clone() }
    }
}

fn bad(text: impl Into<String>) -> Error {
    Error::new(ErrorCode::ConversationBadParameter, text)
}

/// Makes a group of conversations; the user's other devices are told. REST and gateway, where it may be empty.
/// Limits: one per call, `limits.conversation.max_groups`, names of `limits.conversation.group_name_bytes`,
/// `limits.conversation.batch` conversations.
/// Errors: `ConversationBadParameter` (also a known name), `ConversationBadCount`, `ConversationTooManyGroups`,
/// `ConversationGroupNameTooLong`, `ConversationFeatureOff`; per conversation `ConversationTooManyMarked`,
/// `ConversationNotAccessible`, `ConversationAccountNotFound`.
/// Spec: docs/spec/rest-c2c.md#3.3, docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct CreateFolder {
    #[serde(rename = "From_Account")]
    user: Option<UserId>,
    #[serde(rename = "GroupContactItem")]
    folders: Vec<NewFolder>,
}

#[derive(Debug, Deserialize)]
struct NewFolder {
    #[serde(rename = "GroupName")]
    name: String,
    #[serde(rename = "ContactItem", default)]
    items: Vec<ContactItem>,
}

/// The folder, and what became of each conversation.
#[derive(Debug, Serialize)]
pub struct Created {
    #[serde(rename = "GroupResultItem")]
    results: [CreatedFolder; 1],
}

#[derive(Debug, Serialize)]
struct CreatedFolder {
    #[serde(rename = "GroupItem")]
    folder: FolderItem,
    #[serde(rename = "ResultItem")]
    results: Vec<ContactResult>,
}

#[derive(Debug, Serialize)]
struct ContactResult {
    #[serde(rename = "ContactOptType", skip_serializing_if = "Option::is_none")]
    kind: Option<u32>,
    #[serde(rename = "ContactItem")]
    contact: ContactItem,
    #[serde(rename = "ResultCode")]
    code: u32,
    #[serde(rename = "ResultInfo")]
    info: String,
}

impl Command for CreateFolder {
    const ROUTE: Route = Route::both("recentcontact", "create_contact_group", "docs/spec/rest-c2c.md#3.3");
    type Reply = Created;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Created, Error> {
        let [wanted] = self.folders.as_slice() else {
            return Err(bad("`GroupContactItem` must have one entry"));
        };
        require_marks(app)?;
        let limits = app.settings().limits().conversation;
        if caller.is_app_admin() || !wanted.items.is_empty() {
            check_count("ContactItem", wanted.items.len(), limits.batch as usize)?;
        }
        let user = owner(app, caller, self.user.as_ref()).await?;
        let asked = checked(app, &user, contacts(&wanted.items)?).await?;
        let possible = possible(&asked);
        let ((folder, outcomes), _) = app
            .decide(|| async {
                let desk = desk(app, caller, &user, &possible).await?;
                let grouped = app.store().read().grouped_count(app.id(), &user).await?;
                let (folder, outcomes, change) = care::create_folder(&desk, &wanted.name, &possible, grouped, &limits)?;
                Ok(((folder, outcomes), change))
            })
            .await?;
        let results = results(asked, outcomes, None);
        Ok(Created { results: [CreatedFolder { folder: (&folder).into(), results }] })
    }
}

/// Conversations with whether the user can have them.
type Asked = Vec<(Contact, Result<(), Error>)>;

async fn checked(app: &App, user: &UserId, contacts: Vec<Contact>) -> Result<Asked, Error> {
    let mut asked = Vec::with_capacity(contacts.len());
    for contact in contacts {
        let may = accessible(app, user, &contact).await;
        asked.push((contact, may));
    }
    Ok(asked)
}

fn possible(asked: &Asked) -> Vec<Contact> {
    asked.iter().filter(|(_, may)| may.is_ok()).map(|(contact, _)| contact.clone()).collect()
}

fn results(asked: Asked, outcomes: care::Results<()>, kinds: Option<&[u32]>) -> Vec<ContactResult> {
    let mut outcomes = outcomes.into_iter().map(|outcome| outcome.map_err(Error::from));
    let each = asked.into_iter().enumerate().map(|(at, (contact, may))| {
        let outcome = match may {
            Ok(()) => outcomes.next().expect("one for each possible conversation"),
            Err(error) => Err(error),
        };
        let (code, info) = result(&outcome);
        let kind = kinds.and_then(|kinds| kinds.get(at).copied());
        ContactResult { kind, contact: (&contact).into(), code, info }
    });
    each.collect()
}

/// Deletes a group of conversations, which themselves stay; the user's other devices are told. REST and gateway.
/// Limits: one per call. Errors: `ConversationBadParameter`, `ConversationGroupNotFound`, `ConversationFeatureOff`.
/// Spec: docs/spec/rest-c2c.md#3.4, docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct DeleteFolder {
    #[serde(rename = "From_Account")]
    user: Option<UserId>,
    #[serde(rename = "GroupName")]
    names: Names,
}

/// A name, or a list of one.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a list of names")]
enum Names {
    One(String),
    Many(Vec<String>),
}

/// The folder that was deleted.
#[derive(Debug, Serialize)]
pub struct Deleted {
    #[serde(rename = "GroupItem")]
    folders: [FolderItem; 1],
}

impl Command for DeleteFolder {
    const ROUTE: Route = Route::both("recentcontact", "del_contact_group", "docs/spec/rest-c2c.md#3.4");
    type Reply = Deleted;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Deleted, Error> {
        let name = match self.names {
            Names::One(name) => name,
            Names::Many(names) => {
                let [name] = <[String; 1]>::try_from(names).map_err(|_| bad("`GroupName` must have one entry"))?;
                name
            }
        };
        require_marks(app)?;
        let user = owner(app, caller, self.user.as_ref()).await?;
        let most = app.settings().limits().conversation.max_grouped as usize;
        let (folder, _) = app
            .decide(|| async {
                let mut desk = desk(app, caller, &user, &[]).await?;
                desk.care = app.store().read().grouped(app.id(), &user, 0, most).await?.into_iter().collect();
                Ok(care::delete_folder(&desk, &name)?)
            })
            .await?;
        Ok(Deleted { folders: [(&folder).into()] })
    }
}

/// Renames a group of conversations, or puts conversations into it and takes them out; the user's other devices are told. REST and
/// gateway.
/// Limits and errors: those of `CreateFolder`, and `ConversationGroupNotFound`.
/// Spec: docs/spec/rest-c2c.md#3.5, docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct UpdateFolder {
    #[serde(rename = "From_Account")]
    user: Option<UserId>,
    #[serde(rename = "UpdateType")]
    kind: u32,
    #[serde(rename = "UpdateGroup")]
    update: Update,
}

#[derive(Debug, Deserialize)]
struct Update {
    /// 1: another name, 2: other conversations.
    #[serde(rename = "UpdateGroupType")]
    kind: u32,
    #[serde(rename = "OldGroupName", alias = "GroupName")]
    name: String,
    #[serde(rename = "NewGroupName")]
    new: Option<String>,
    #[serde(rename = "ContactUpdateItem", alias = "UpdateItem", default)]
    items: Vec<UpdateItem>,
}

#[derive(Debug, Deserialize)]
struct UpdateItem {
    /// 1: comes in, 2: goes out.
    #[serde(rename = "ContactOptType", alias = "OperationType")]
    kind: u32,
    #[serde(rename = "ContactItem")]
    contact: ContactItem,
}

/// What became of the folder.
#[derive(Debug, Serialize)]
pub struct Updated {
    #[serde(rename = "UpdateType")]
    kind: u32,
    #[serde(rename = "UpdateGroupResult")]
    result: UpdateResult,
}

#[derive(Debug, Serialize)]
struct UpdateResult {
    #[serde(rename = "UpdateGroupType")]
    kind: u32,
    #[serde(rename = "GroupName")]
    name: String,
    #[serde(rename = "GroupId")]
    id: u32,
    #[serde(rename = "OldGroupName")]
    before: String,
    #[serde(rename = "ContactResultItem")]
    results: Vec<ContactResult>,
}

impl Command for UpdateFolder {
    const ROUTE: Route = Route::both("recentcontact", "update_contact_group", "docs/spec/rest-c2c.md#3.5");
    type Reply = Updated;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Updated, Error> {
        if self.kind != 1 {
            return Err(bad(format!("`UpdateType`: {} is not 1", self.kind)));
        }
        require_marks(app)?;
        let user = owner(app, caller, self.user.as_ref()).await?;
        let before = self.update.name.clone();
        let (folder, results) = match self.update.kind {
            1 => (rename(app, caller, &user, &self.update).await?, Vec::new()),
            2 => change(app, caller, &user, &self.update).await?,
            other => return Err(bad(format!("`UpdateGroupType`: {other} is neither 1 nor 2"))),
        };
        let result = UpdateResult { kind: self.update.kind, name: folder.name, id: folder.id, before, results };
        Ok(Updated { kind: 1, result })
    }
}

async fn rename(app: &App, caller: &Caller, user: &UserId, update: &Update) -> Result<Folder, Error> {
    let new = update.new.as_deref().ok_or_else(|| bad("`NewGroupName` is missing"))?;
    let limits = app.settings().limits().conversation;
    let (folder, _) = app
        .decide(|| async {
            let desk = desk(app, caller, user, &[]).await?;
            Ok(care::rename_folder(&desk, &update.name, new, &limits)?)
        })
        .await?;
    Ok(folder)
}

async fn change(
    app: &App,
    caller: &Caller,
    user: &UserId,
    update: &Update,
) -> Result<(Folder, Vec<ContactResult>), Error> {
    let limits = app.settings().limits().conversation;
    check_count("ContactUpdateItem", update.items.len(), limits.batch as usize)?;
    let kinds: Vec<u32> = update.items.iter().map(|item| item.kind).collect();
    if let Some(other) = kinds.iter().find(|kind| !(1..=2).contains(*kind)) {
        return Err(bad(format!("`ContactOptType`: {other} is neither 1 nor 2")));
    }
    let mut asked = Asked::new();
    for (contact, kind) in contacts(update.items.iter().map(|item| &item.contact))?.into_iter().zip(&kinds) {
        // What is taken out may be gone.
        let may = if *kind == 1 { accessible(app, user, &contact).await } else { Ok(()) };
        asked.push((contact, may));
    }
    let moves: Vec<(Contact, bool)> = asked
        .iter()
        .zip(&kinds)
        .filter(|((_, may), _)| may.is_ok())
        .map(|((contact, _), kind)| (contact.clone(), *kind == 1))
        .collect();
    let touched = possible(&asked);
    let ((folder, outcomes), _) = app
        .decide(|| async {
            let desk = desk(app, caller, user, &touched).await?;
            let grouped = app.store().read().grouped_count(app.id(), user).await?;
            let (folder, outcomes, change) = care::change_folder(&desk, &update.name, &moves, grouped, &limits)?;
            Ok(((folder, outcomes), change))
        })
        .await?;
    Ok((folder, results(asked, outcomes, Some(&kinds))))
}

/// A conversation with its marks and folders.
#[derive(Debug, Serialize)]
pub struct GroupedItem {
    #[serde(flatten)]
    contact: ContactItem,
    #[serde(rename = "StandardMark")]
    marks: String,
    #[serde(rename = "CustomMark")]
    custom: String,
    #[serde(rename = "ContactGroupId")]
    folders: Vec<u32>,
    #[serde(rename = "Timestamp")]
    time: Timestamp,
}

impl GroupedItem {
    fn new(caller: &Caller, contact: &Contact, care: &Care) -> Self {
        Self {
            contact: contact.into(),
            marks: marks_text(caller, care.marks),
            custom: care.custom.clone(),
            folders: care.groups.iter().copied().collect(),
            time: care.changed_at,
        }
    }
}

/// Conversations of a page.
const PAGE: usize = 100;

/// The conversations of a user that have a mark, own data or a group, in pages, and all groups. REST and gateway.
/// Limits: 100 conversations a page. Errors: `ConversationBadParameter`, `ConversationAccountNotFound`.
/// Spec: docs/spec/rest-c2c.md#3.7, docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct GroupedConversations {
    #[serde(rename = "From_Account")]
    user: Option<UserId>,
    #[serde(rename = "StartIndex", default)]
    start: u64,
}

/// A page of conversations with marks and folders.
#[derive(Debug, Serialize)]
pub struct Grouped {
    #[serde(rename = "CompleteFlag")]
    complete: u32,
    #[serde(rename = "NextStartIndex")]
    next: u64,
    #[serde(rename = "ContactItem")]
    items: Vec<GroupedItem>,
    #[serde(rename = "GroupItem")]
    folders: Vec<FolderItem>,
}

impl Command for GroupedConversations {
    const ROUTE: Route = Route::both("recentcontact", "get_contact_group", "docs/spec/rest-c2c.md#3.7");
    type Reply = Grouped;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Grouped, Error> {
        let user = owner(app, caller, self.user.as_ref()).await?;
        let mut found = app.store().read().grouped(app.id(), &user, self.start, PAGE + 1).await?;
        let complete = found.len() <= PAGE;
        found.truncate(PAGE);
        let book = app.store().read().book(app.id(), &user).await?;
        Ok(Grouped {
            complete: complete.into(),
            next: self.start + found.len() as u64,
            items: found.iter().map(|(contact, care)| GroupedItem::new(caller, contact, care)).collect(),
            folders: book.folders.iter().map(Into::into).collect(),
        })
    }
}

/// Most conversations that one call asks about.
const MAX_SEARCHED: usize = 300;

/// Marks and groups of named conversations of a user, those without left out, and all groups. REST and gateway.
/// Limits: 300 conversations. Errors: `ConversationBadParameter`, `ConversationBadCount`, `ConversationAccountNotFound`.
/// Spec: docs/spec/rest-c2c.md#3.6, docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct SearchGrouped {
    #[serde(rename = "From_Account")]
    user: Option<UserId>,
    #[serde(rename = "ContactItem")]
    items: Vec<ContactItem>,
}

/// Marks and folders of conversations.
#[derive(Debug, Serialize)]
pub struct FoundGrouped {
    #[serde(rename = "ContactResultItem")]
    items: Vec<GroupedItem>,
    #[serde(rename = "GroupItem")]
    folders: Vec<FolderItem>,
}

impl Command for SearchGrouped {
    const ROUTE: Route = Route::both("recentcontact", "search_contact_group", "docs/spec/rest-c2c.md#3.6");
    type Reply = FoundGrouped;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<FoundGrouped, Error> {
        if caller.is_app_admin() || !self.items.is_empty() {
            check_count("ContactItem", self.items.len(), MAX_SEARCHED)?;
        }
        let user = owner(app, caller, self.user.as_ref()).await?;
        let store = app.store().read();
        let mut items = Vec::new();
        for contact in contacts(&self.items)? {
            let care = store.care(app.id(), &user, &contact).await?;
            if care.is_grouped() {
                items.push(GroupedItem::new(caller, &contact, &care));
            }
        }
        let book = store.book(app.id(), &user).await?;
        Ok(FoundGrouped { items, folders: book.folders.iter().map(Into::into).collect() })
    }
}
