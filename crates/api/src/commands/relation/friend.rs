//! Entries of friend lists: added, imported, changed, deleted.

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;
use tsudoi_domain::{
    Timestamp, UserId,
    account::ProfileValue,
    change::Change,
    relation::{
        Refusal,
        friend::{self, AddMode, Added, Edit, Wish},
    },
};

use super::{Others, Results, bad, check_len, list_owner, owner, screen};
use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    webhook::relation::{How, Wanted, before_add, friends_added, friends_deleted},
};

pub(crate) fn all() -> Vec<Entry> {
    list![AddFriends, ImportFriends, UpdateFriends, DeleteFriends, DeleteAllFriends]
}

/// Adds friends, or asks them. REST: in the name of any account; gateway: in one's own, never by force.
/// Limits: `limits.sns`. Errors: `RelationAccountNotFound`, `RelationBadParameter`; per item also `RelationSendingForbidden`,
/// `RelationPeerBlocked`, `RelationBlockedByPeer`, `RelationFriendListFull`, `RelationPeerFriendListFull`,
/// `RelationFriendGroupsFull`, `RelationPeerDeniesAll`, `RelationNeedsConfirmation` (asked), `RelationPendingFull`,
/// `ContentTextRefused`.
/// Spec: docs/spec/rest-users.md#5.3, docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct AddFriends {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "AddFriendItem")]
    items: Vec<AddItem>,
    #[serde(rename = "AddType", default, deserialize_with = "decode::named")]
    how: Option<AddType>,
    #[serde(rename = "ForceAddFlags", default, deserialize_with = "decode::flag")]
    forced: bool,
}

#[derive(Debug, Deserialize)]
struct AddItem {
    #[serde(rename = "To_Account")]
    user: String,
    #[serde(rename = "Remark", default, deserialize_with = "decode::text_or_nothing")]
    remark: Option<String>,
    #[serde(rename = "GroupName", default, deserialize_with = "decode::names")]
    groups: Vec<String>,
    #[serde(rename = "AddSource", default, deserialize_with = "decode::text_or_nothing")]
    source: Option<String>,
    #[serde(rename = "AddWording", default, deserialize_with = "decode::text_or_nothing")]
    wording: Option<String>,
}

impl AddItem {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            user: &self.user,
            remark: self.remark.as_deref(),
            group: self.groups.first().map(String::as_str),
            source: self.source.as_deref().unwrap_or_default(),
            wording: self.wording.as_deref().unwrap_or_default(),
        }
    }

    fn wish(&self) -> Wish {
        Wish {
            remark: self.remark.clone().unwrap_or_default(),
            groups: self.groups.clone(),
            source: self.source.clone().unwrap_or_default(),
            wording: self.wording.clone().unwrap_or_default(),
            ..Wish::default()
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AddType {
    Single,
    Both,
}

impl decode::Named for AddType {
    const NAMES: &'static str = "`Add_Type_Single`, `Add_Type_Both`";

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "Add_Type_Single" => Some(Self::Single),
            "Add_Type_Both" => Some(Self::Both),
            _ => None,
        }
    }
}

impl Command for AddFriends {
    const ROUTE: Route = Route::both("sns", "friend_add", "docs/spec/rest-users.md#5.3");
    type Reply = Results;

    async fn run(mut self, caller: &Caller, app: &Arc<App>) -> Result<Results, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let settings = app.settings();
        check_len("AddFriendItem", self.items.len(), settings.limits().sns.import_batch)?;
        let mode = AddMode { both: self.how != Some(AddType::Single), forced: self.forced && caller.is_app_admin() };
        let names: Vec<String> = self.items.iter().map(|item| item.user.clone()).collect();
        let mut unsaid = HashMap::new();
        for item in &mut self.items {
            let texts = [("Remark", item.remark.as_mut()), ("AddWording", item.wording.as_mut())];
            if let Some(refusal) = screen(app, caller, &account.user, &item.user, texts).await? {
                unsaid.insert(item.user.clone(), refusal);
            }
        }
        // What is refused already is nothing to ask about.
        let asked = self.items.iter().filter(|item| !unsaid.contains_key(&item.user));
        let wanted: Vec<Wanted<'_>> = asked.map(AddItem::wanted).collect();
        let mut refused = before_add(app, caller, &wanted, mode.both).await?;
        refused.extend(unsaid);
        let decide = async || {
            let mut owner = list_owner(app, &settings, &account).await?;
            let mut others = Others::load(app, &account.user, &names).await?;
            let (mut results, mut change) = (Results::default(), Change::none());
            for item in &self.items {
                if let Some(refusal) = refused.get(&item.user) {
                    results.refused(&item.user, refusal);
                    continue;
                }
                let wish = item.wish();
                let added = match owner.may_ask() {
                    Err(refusal) => Err(refusal),
                    Ok(()) => match others.get(&item.user) {
                        Ok((peer, pair)) => friend::add(&mut owner, peer, pair, &wish, mode),
                        Err(unknown) => owner.check(&account.user, &wish).and(Err(unknown)),
                    },
                };
                let outcome = match added {
                    Ok(Added::Friends(more)) => {
                        change = change.and(more);
                        Ok(())
                    }
                    Ok(Added::Asked(more)) => {
                        change = change.and(more);
                        Err(Refusal::NeedsConfirmation)
                    }
                    Err(refusal) => Err(refusal),
                };
                results.add(&item.user, outcome);
            }
            let how = How::Added { forced: mode.forced };
            Ok((results, friends_added(app, caller, &account.user, how, change)))
        };
        let (results, _) = app.decide(decide).await?;
        app.told().await;
        Ok(results)
    }
}

/// Takes over friends of another system, one-way, without asking anybody. REST only.
/// Limits: `limits.sns`. Errors: `RelationAccountNotFound`, `RelationBadParameter`; per item also `RelationFriendListFull`,
/// `RelationFriendGroupsFull`, `ContentTextRefused`.
/// Spec: docs/spec/rest-users.md#5.4
#[derive(Debug, Deserialize)]
pub struct ImportFriends {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "AddFriendItem")]
    items: Vec<ImportItem>,
}

#[derive(Debug, Deserialize)]
struct ImportItem {
    #[serde(rename = "To_Account")]
    user: String,
    #[serde(rename = "Remark", default)]
    remark: String,
    #[serde(rename = "RemarkTime")]
    remarked_at: Option<u32>,
    #[serde(rename = "GroupName", default, deserialize_with = "decode::names")]
    groups: Vec<String>,
    #[serde(rename = "AddSource", default)]
    source: String,
    #[serde(rename = "AddWording", default)]
    wording: String,
    #[serde(rename = "AddTime")]
    added_at: Option<u32>,
    #[serde(rename = "CustomItem", default)]
    custom: Vec<CustomItem>,
}

#[derive(Debug, Deserialize)]
struct CustomItem {
    #[serde(rename = "Tag")]
    tag: String,
    #[serde(rename = "Value")]
    value: ProfileValue,
}

impl Command for ImportFriends {
    const ROUTE: Route = Route::rest("sns", "friend_import", "docs/spec/rest-users.md#5.4");
    type Reply = Results;

    async fn run(mut self, caller: &Caller, app: &Arc<App>) -> Result<Results, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let settings = app.settings();
        check_len("AddFriendItem", self.items.len(), settings.limits().sns.import_batch)?;
        let moment = |secs: u32| Timestamp(secs.into());
        let names: Vec<String> = self.items.iter().map(|item| item.user.clone()).collect();
        let mut refused = HashMap::new();
        for item in &mut self.items {
            let texts = [("Remark", Some(&mut item.remark)), ("AddWording", Some(&mut item.wording))];
            if let Some(refusal) = screen(app, caller, &account.user, &item.user, texts).await? {
                refused.insert(item.user.clone(), refusal);
            }
        }
        let decide = async || {
            let mut owner = list_owner(app, &settings, &account).await?;
            let mut others = Others::load(app, &account.user, &names).await?;
            let (mut results, mut change) = (Results::default(), Change::none());
            for item in &self.items {
                if let Some(refusal) = refused.get(&item.user) {
                    results.refused(&item.user, refusal);
                    continue;
                }
                let wish = Wish {
                    remark: item.remark.clone(),
                    remarked_at: item.remarked_at.map(moment),
                    groups: item.groups.clone(),
                    source: item.source.clone(),
                    wording: item.wording.clone(),
                    added_at: item.added_at.map(moment),
                    custom: item.custom.iter().map(|one| (one.tag.clone(), one.value.clone())).collect(),
                };
                let imported = others.get(&item.user).and_then(|(_, pair)| friend::import(&mut owner, pair, &wish));
                let outcome = imported.map(|more| change = std::mem::take(&mut change).and(more));
                results.add(&item.user, outcome);
            }
            Ok((results, change))
        };
        Ok(app.decide(decide).await?.0)
    }
}

/// Changes entries of a friend list, each wholly or not at all. REST: of any account; gateway: one's own.
/// Limits: `limits.sns`. Errors: `RelationAccountNotFound`, `RelationBadParameter`; per item also `RelationFriendGroupsFull`,
/// `ContentTextRefused`.
/// Spec: docs/spec/rest-users.md#5.5, docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct UpdateFriends {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "UpdateItem")]
    items: Vec<UpdateItem>,
}

#[derive(Debug, Deserialize)]
struct UpdateItem {
    #[serde(rename = "To_Account")]
    user: String,
    #[serde(rename = "SnsItem")]
    fields: Vec<SnsField>,
}

#[derive(Debug, Deserialize)]
struct SnsField {
    #[serde(rename = "Tag")]
    tag: String,
    #[serde(rename = "Value")]
    value: SnsValue,
}

/// A value as it was sent; its tag says what it has to be.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a string, a number or a list of strings")]
enum SnsValue {
    One(ProfileValue),
    Many(Vec<String>),
}

impl SnsField {
    /// The new remark, if that is what it is.
    fn remark_mut(&mut self) -> Option<&mut String> {
        match &mut self.value {
            SnsValue::One(ProfileValue::Text(text)) if self.tag == friend::REMARK => Some(text),
            SnsValue::One(_) | SnsValue::Many(_) => None,
        }
    }

    fn edit(&self) -> Result<Edit, Refusal> {
        let wrong_type = || Refusal::BadValue(format!("the value of `{}` has the wrong type", self.tag));
        match (self.tag.as_str(), &self.value) {
            (friend::REMARK, SnsValue::One(ProfileValue::Text(text))) => Ok(Edit::Remark(text.clone())),
            (friend::GROUP, SnsValue::Many(names)) => Ok(Edit::Groups(names.clone())),
            (friend::GROUP, SnsValue::One(ProfileValue::Text(name))) if name.is_empty() => Ok(Edit::Groups(Vec::new())),
            (friend::REMARK | friend::GROUP, _) => Err(wrong_type()),
            (tag, SnsValue::One(value)) if friend::is_custom(tag) => Ok(Edit::Custom(tag.into(), value.clone())),
            (tag, SnsValue::Many(_)) if friend::is_custom(tag) => Err(wrong_type()),
            (tag, _) => Err(Refusal::BadValue(format!("`{tag}` is no field that can be changed"))),
        }
    }
}

impl Command for UpdateFriends {
    const ROUTE: Route = Route::both("sns", "friend_update", "docs/spec/rest-users.md#5.5");
    type Reply = Results;

    async fn run(mut self, caller: &Caller, app: &Arc<App>) -> Result<Results, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let settings = app.settings();
        check_len("UpdateItem", self.items.len(), settings.limits().sns.import_batch)?;
        if let Some(empty) = self.items.iter().find(|item| item.fields.is_empty()) {
            return Err(bad(format!("`SnsItem` of `{}` is empty", empty.user)));
        }
        let names: Vec<String> = self.items.iter().map(|item| item.user.clone()).collect();
        let mut refused = HashMap::new();
        for item in &mut self.items {
            for field in &mut item.fields {
                let texts = [(friend::REMARK, field.remark_mut())];
                if let Some(refusal) = screen(app, caller, &account.user, &item.user, texts).await? {
                    refused.insert(item.user.clone(), refusal);
                }
            }
        }
        let decide = async || {
            let mut owner = list_owner(app, &settings, &account).await?;
            let mut others = Others::load(app, &account.user, &names).await?;
            let (mut results, mut change) = (Results::default(), Change::none());
            let mut entries = HashMap::new();
            for item in &self.items {
                if let Some(refusal) = refused.get(&item.user) {
                    results.refused(&item.user, refusal);
                    continue;
                }
                let outcome = match others.get(&item.user) {
                    Err(unknown) => Err(unknown),
                    Ok((peer, pair)) => {
                        if !entries.contains_key(&peer.user) {
                            let entry = app.store().read().friend(app.id(), &account.user, &peer.user).await?;
                            entries.insert(peer.user.clone(), entry);
                        }
                        let entry = entries.entry(peer.user.clone()).or_default();
                        let edits = item.fields.iter().map(SnsField::edit).collect::<Result<Vec<_>, Refusal>>();
                        edits.and_then(|edits| friend::update(&mut owner, pair, entry, edits, caller.is_app_admin()))
                    }
                };
                let outcome = outcome.map(|more| change = std::mem::take(&mut change).and(more));
                results.add(&item.user, outcome);
            }
            Ok((results, change))
        };
        Ok(app.decide(decide).await?.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DeleteType {
    Single,
    Both,
}

impl decode::Named for DeleteType {
    const NAMES: &'static str = "`Delete_Type_Single`, `Delete_Type_Both`";

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "Delete_Type_Single" => Some(Self::Single),
            "Delete_Type_Both" => Some(Self::Both),
            _ => None,
        }
    }
}

/// Ends friendships, on the own side or on both. REST: of any account; gateway: one's own.
/// Limits: `limits.sns.import_batch`. Errors: `RelationAccountNotFound`, `RelationBadParameter`; per item `RelationNotFriend`.
/// Spec: docs/spec/rest-users.md#5.6, docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct DeleteFriends {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "To_Account")]
    users: Vec<String>,
    #[serde(rename = "DeleteType", default, deserialize_with = "decode::named")]
    how: Option<DeleteType>,
}

impl Command for DeleteFriends {
    const ROUTE: Route = Route::both("sns", "friend_delete", "docs/spec/rest-users.md#5.6");
    type Reply = Results;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Results, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        check_len("To_Account", self.users.len(), app.settings().limits().sns.import_batch)?;
        let both = self.how == Some(DeleteType::Both);
        let decide = async || {
            let mut others = Others::load(app, &account.user, &self.users).await?;
            let (mut results, mut change) = (Results::default(), Change::none());
            for name in &self.users {
                let deleted = others.get(name).and_then(|(_, pair)| friend::delete(&account.user, pair, both));
                results.add(name, deleted.map(|more| change = std::mem::take(&mut change).and(more)));
            }
            Ok((results, friends_deleted(app, caller, &account.user, change)))
        };
        let (results, _) = app.decide(decide).await?;
        app.told().await;
        Ok(results)
    }
}

/// Ends all friendships of an account, on its own side or on both. REST only. The block list is untouched.
/// Errors: `RelationAccountNotFound`, `RelationBadParameter`.
/// Spec: docs/spec/rest-users.md#5.7
#[derive(Debug, Deserialize)]
pub struct DeleteAllFriends {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "DeleteType", default, deserialize_with = "decode::named")]
    how: Option<DeleteType>,
}

/// Friends that are read at a time.
const PAGE: usize = 500;

/// Everybody in the account's friend list.
async fn all_friends(app: &App, user: &UserId) -> Result<Vec<UserId>, Error> {
    let (mut friends, mut after) = (Vec::new(), 0);
    loop {
        let page = app.store().read().friend_page(app.id(), user, after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(friends) };
        after = *last;
        friends.extend(page.into_iter().map(|(_, friend)| friend.user));
    }
}

impl Command for DeleteAllFriends {
    const ROUTE: Route = Route::rest("sns", "friend_delete_all", "docs/spec/rest-users.md#5.7");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let both = self.how == Some(DeleteType::Both);
        app.decide(async || {
            let friends = all_friends(app, &account.user).await?;
            let pairs = app.store().read().pairs(app.id(), &account.user, &friends).await?;
            let mut change = Change::none();
            for mut pair in pairs {
                // Who left meanwhile need not be deleted.
                if let Ok(more) = friend::delete(&account.user, &mut pair, both) {
                    change = change.and(more);
                }
            }
            Ok(((), friends_deleted(app, caller, &account.user, change)))
        })
        .await?;
        Ok(Done {})
    }
}
