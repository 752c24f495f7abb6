//! Friend groups: labels in one's own friend list. Spec: docs/spec/rest-users.md#7, docs/spec/websocket-protocol.md#18

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use tsudoi_domain::{
    UserId,
    change::{Change, Expect, Write},
    relation::{Pair, Refusal, check_group_name},
};

use super::{ItemResult, Others, bad, check_len, owner};
use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Route},
    decode,
    error::Error,
};

pub(crate) fn all() -> Vec<Entry> {
    list![AddGroups, DeleteGroups, GetGroups, UpdateGroup]
}

/// A name, or a list of them.
fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a list of strings")]
    enum Either {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::One(name) => vec![name],
        Either::Many(names) => names,
    })
}

/// Makes friend groups and puts friends into all of them. REST: for any account; gateway: for oneself.
/// Limits: `limits.sns.max_lists`. Errors: `RelationAccountNotFound`, `RelationBadParameter` (also for a name that is taken),
/// `RelationFriendGroupsFull`; per item `RelationAccountNotFound`, `RelationGroupAddNotFriend`.
/// Spec: docs/spec/rest-users.md#7.1
#[derive(Debug, Deserialize)]
pub struct AddGroups {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "GroupName", deserialize_with = "names")]
    names: Vec<String>,
    #[serde(rename = "To_Account")]
    users: Option<Vec<String>>,
}

/// What became of each friend, when any were named, and where the lists stand now.
#[derive(Debug, Serialize)]
pub struct GroupResults {
    #[serde(rename = "ResultItem", skip_serializing_if = "Option::is_none")]
    items: Option<Vec<GroupItemResult>>,
    #[serde(rename = "Fail_Account", skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
    #[serde(rename = "CurrentSequence")]
    sequence: u64,
}

#[derive(Debug, Serialize)]
struct GroupItemResult {
    #[serde(flatten)]
    result: ItemResult,
    #[serde(rename = "UpdateType", skip_serializing_if = "Option::is_none")]
    update: Option<&'static str>,
}

impl GroupResults {
    fn new(is_asked: bool) -> Self {
        Self { items: is_asked.then(Vec::new), failed: Vec::new(), sequence: 0 }
    }

    fn add(&mut self, user: &str, update: Option<&'static str>, outcome: Result<(), Refusal>) {
        if outcome.is_err() {
            self.failed.push(user.into());
        }
        self.items.get_or_insert_default().push(GroupItemResult { result: ItemResult::new(user, outcome), update });
    }

    /// Says where the lists stand after the change.
    async fn standing(mut self, app: &App, user: &UserId) -> Result<Self, Error> {
        self.sequence = app.store().read().people(app.id(), user).await?.seq;
        Ok(self)
    }
}

/// Only friends are put into friend groups.
fn friend_only(pair: &Pair) -> Result<&UserId, Refusal> {
    if pair.own.is_friend() { Ok(&pair.peer) } else { Err(Refusal::NotFriendForGroup) }
}

impl Command for AddGroups {
    const ROUTE: Route = Route::both("sns", "group_add", "docs/spec/rest-users.md#7.1");
    type Reply = GroupResults;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<GroupResults, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let user = &account.user;
        let settings = app.settings();
        let limits = settings.limits().sns;
        let mut new: Vec<String> = Vec::new();
        for name in &self.names {
            check_group_name(name, &limits)?;
            if !new.contains(name) {
                new.push(name.clone());
            }
        }
        if new.is_empty() {
            return Err(bad("`GroupName` is empty"));
        }
        let friends = self.users.as_deref().unwrap_or_default();
        if friends.len() > limits.import_batch as usize {
            check_len("To_Account", friends.len(), limits.import_batch)?;
        }
        let decide = async || {
            let known = app.store().read().friend_groups(app.id(), user).await?;
            if let Some(taken) = new.iter().find(|name| known.iter().any(|group| group.name == **name)) {
                return Err(bad(format!("`GroupName`: friend group `{taken}` exists")));
            }
            let cap = u64::from(limits.max_lists);
            let adding = new.len() as u64;
            if known.len() as u64 + adding > cap {
                return Err(Refusal::GroupsFull.into());
            }
            let mut change = Change::none().expect(Expect::FriendGroupsBelow { user: user.clone(), adding, cap });
            for name in &new {
                change = change.write(Write::PutFriendGroup { user: user.clone(), name: name.clone() });
            }
            let mut others = Others::load(app, user, friends).await?;
            let mut results = GroupResults::new(self.users.is_some());
            for friend in friends {
                let outcome = others.get(friend).and_then(|(_, pair)| friend_only(pair));
                if let Ok(peer) = &outcome {
                    for name in &new {
                        change = change.write(Write::SetFriendGroup {
                            user: user.clone(),
                            name: name.clone(),
                            peer: (*peer).clone(),
                            member: true,
                        });
                    }
                }
                results.add(friend, None, outcome.map(drop));
            }
            Ok((results, change))
        };
        app.decide(decide).await?.0.standing(app, user).await
    }
}

/// Deletes friend groups; who was in them stays a friend. Names that there are none of are passed over. REST: for any account;
/// gateway: for oneself.
/// Errors: `RelationAccountNotFound`, `RelationBadParameter`.
/// Spec: docs/spec/rest-users.md#7.2
#[derive(Debug, Deserialize)]
pub struct DeleteGroups {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "GroupName", deserialize_with = "names")]
    names: Vec<String>,
}

impl Command for DeleteGroups {
    const ROUTE: Route = Route::both("sns", "group_delete", "docs/spec/rest-users.md#7.2");
    type Reply = GroupResults;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<GroupResults, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let user = &account.user;
        if self.names.is_empty() {
            return Err(bad("`GroupName` is empty"));
        }
        let limits = app.settings().limits().sns;
        self.names.iter().try_for_each(|name| check_group_name(name, &limits))?;
        let delete = |change: Change, name| change.write(Write::DeleteFriendGroup { user: user.clone(), name });
        app.commit(self.names.into_iter().fold(Change::none(), delete)).await?;
        GroupResults::new(false).standing(app, user).await
    }
}

/// Lists friend groups, all or named ones, with who is in them when asked. REST: of any account; gateway: one's own.
/// Errors: `RelationAccountNotFound`, `RelationBadParameter`.
/// Spec: docs/spec/rest-users.md#7.3, docs/spec/websocket-protocol.md#5
#[derive(Debug, Deserialize)]
pub struct GetGroups {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "NeedFriend", default, deserialize_with = "decode::named")]
    need_friends: Option<NeedFriends>,
    #[serde(rename = "GroupName", default)]
    names: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NeedFriends {
    Yes,
    No,
}

impl decode::Named for NeedFriends {
    const NAMES: &'static str = "`Need_Friend_Type_Yes`, `Need_Friend_Type_No`";

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "Need_Friend_Type_Yes" => Some(Self::Yes),
            "Need_Friend_Type_No" => Some(Self::No),
            _ => None,
        }
    }
}

/// The friend groups.
#[derive(Debug, Serialize)]
pub struct Groups {
    #[serde(rename = "ResultItem")]
    groups: Vec<Group>,
    #[serde(rename = "CurrentSequence")]
    sequence: u64,
}

#[derive(Debug, Serialize)]
struct Group {
    #[serde(rename = "GroupName")]
    name: String,
    #[serde(rename = "FriendNumber")]
    number: u64,
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    friends: Option<Vec<UserId>>,
}

impl Command for GetGroups {
    const ROUTE: Route = Route::both("sns", "group_get", "docs/spec/rest-users.md#7.3");
    type Reply = Groups;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Groups, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let store = app.store().read();
        let sequence = store.people(app.id(), &account.user).await?.seq;
        let mut groups = Vec::new();
        for group in store.friend_groups(app.id(), &account.user).await? {
            if !self.names.is_empty() && !self.names.contains(&group.name) {
                continue;
            }
            let friends = match self.need_friends {
                Some(NeedFriends::Yes) => {
                    Some(store.friend_group_members(app.id(), &account.user, &group.name).await?.unwrap_or_default())
                }
                Some(NeedFriends::No) | None => None,
            };
            let number = friends.as_ref().map_or(group.members, |friends| friends.len() as u64);
            groups.push(Group { name: group.name, number, friends });
        }
        Ok(Groups { groups, sequence })
    }
}

/// Renames a friend group, puts friends in, takes friends out. REST: for any account; gateway: for oneself.
/// Errors: `RelationAccountNotFound`, `RelationBadParameter` (no such group, or the new name is taken); per item
/// `RelationAccountNotFound`, `RelationGroupAddNotFriend`.
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct UpdateGroup {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "GroupOldName", alias = "OldName")]
    name: String,
    #[serde(rename = "GroupNewName", alias = "NewName", default, deserialize_with = "decode::text_or_nothing")]
    new_name: Option<String>,
    #[serde(rename = "UpdateGroupItem", default)]
    items: Vec<UpdateItem>,
}

#[derive(Debug, Deserialize)]
struct UpdateItem {
    #[serde(rename = "To_Account")]
    user: String,
    #[serde(rename = "UpdateType", deserialize_with = "decode::named")]
    update: Option<UpdateType>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UpdateType {
    Add,
    Delete,
}

impl UpdateType {
    fn name(self) -> &'static str {
        match self {
            Self::Add => "Update_Type_Add",
            Self::Delete => "Update_Type_Delete",
        }
    }
}

impl decode::Named for UpdateType {
    const NAMES: &'static str = "`Update_Type_Add`, `Update_Type_Delete`";

    fn from_name(name: &str) -> Option<Self> {
        [Self::Add, Self::Delete].into_iter().find(|update| update.name() == name)
    }
}

impl Command for UpdateGroup {
    const ROUTE: Route = Route::both("sns", "group_update", "docs/spec/websocket-protocol.md#18");
    type Reply = GroupResults;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<GroupResults, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let user = &account.user;
        let limits = app.settings().limits().sns;
        if let Some(new) = &self.new_name {
            check_group_name(new, &limits)?;
        } else if self.items.is_empty() {
            return Err(bad("neither `GroupNewName` nor `UpdateGroupItem` is given"));
        }
        if self.items.len() > limits.import_batch as usize {
            check_len("UpdateGroupItem", self.items.len(), limits.import_batch)?;
        }
        if let Some(item) = self.items.iter().find(|item| item.update.is_none()) {
            return Err(bad(format!("`UpdateType` for `{}` is empty", item.user)));
        }
        let names: Vec<String> = self.items.iter().map(|item| item.user.clone()).collect();
        let decide = async || {
            let known = app.store().read().friend_groups(app.id(), user).await?;
            let exists = |name: &str| known.iter().any(|group| group.name == name);
            if !exists(&self.name) {
                return Err(bad(format!("`GroupOldName`: there is no friend group `{}`", self.name)));
            }
            let mut others = Others::load(app, user, &names).await?;
            let (mut results, mut change) = (GroupResults::new(!self.items.is_empty()), Change::none());
            for item in &self.items {
                let Some(update) = item.update else { continue };
                let outcome = others.get(&item.user).and_then(|(_, pair)| friend_only(pair));
                if let Ok(peer) = &outcome {
                    change = change.write(Write::SetFriendGroup {
                        user: user.clone(),
                        name: self.name.clone(),
                        peer: (*peer).clone(),
                        member: update == UpdateType::Add,
                    });
                }
                results.add(&item.user, Some(update.name()), outcome.map(drop));
            }
            if let Some(new) = self.new_name.as_ref().filter(|new| **new != self.name) {
                if exists(new) {
                    return Err(bad(format!("`GroupNewName`: friend group `{new}` exists")));
                }
                let (old, new) = (self.name.clone(), new.clone());
                change = change.write(Write::RenameFriendGroup { user: user.clone(), old, new });
            }
            Ok((results, change))
        };
        app.decide(decide).await?.0.standing(app, user).await
    }
}
