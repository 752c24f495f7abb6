//! Block lists. Spec: docs/spec/rest-users.md#6

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{Timestamp, UserId, change::Change, relation};

use super::{Others, Results, bad, check_len, cut, friend_list::CheckedItem, owner};
use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Route},
    decode,
    error::Error,
    webhook::relation::{blocked_now, unblocked_now},
};

pub(crate) fn all() -> Vec<Entry> {
    list![Block, Unblock, GetBlocked, CheckBlocked]
}

/// Puts accounts on a block list; friendships with them end on both sides. REST: of any account; gateway: one's own.
/// Limits: `limits.sns`. Errors: `RelationBadParameter`, `RelationAccountNotFound`, also per item; per item also
/// `RelationBlockListFull`.
/// Spec: docs/spec/rest-users.md#6
#[derive(Debug, Deserialize)]
pub struct Block {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "To_Account")]
    users: Vec<String>,
}

impl Command for Block {
    const ROUTE: Route = Route::both("sns", "black_list_add", "docs/spec/rest-users.md#6");
    type Reply = Results;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Results, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let limits = app.settings().limits().sns;
        check_len("To_Account", self.users.len(), limits.import_batch)?;
        let decide = async || {
            let mut blocked = app.store().read().people(app.id(), &account.user).await?.blocked;
            let mut others = Others::load(app, &account.user, &self.users).await?;
            let (mut results, mut change) = (Results::default(), Change::none());
            for name in &self.users {
                let outcome = others
                    .get(name)
                    .and_then(|(_, pair)| relation::block(&account.user, pair, &mut blocked, &limits, app.now()));
                results.add(name, outcome.map(|more| change = std::mem::take(&mut change).and(more)));
            }
            Ok((results, blocked_now(app, caller, &account.user, change)))
        };
        let (results, _) = app.decide(decide).await?;
        // Clients take their list from the push, and read it when they have the answer.
        app.told().await;
        Ok(results)
    }
}

/// Takes accounts off a block list. REST: of any account; gateway: one's own.
/// Limits: `limits.sns.import_batch`. Errors: `RelationBadParameter`, `RelationAccountNotFound`, also per item.
/// Spec: docs/spec/rest-users.md#6
#[derive(Debug, Deserialize)]
pub struct Unblock {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "To_Account")]
    users: Vec<String>,
}

impl Command for Unblock {
    const ROUTE: Route = Route::both("sns", "black_list_delete", "docs/spec/rest-users.md#6");
    type Reply = Results;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Results, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        check_len("To_Account", self.users.len(), app.settings().limits().sns.import_batch)?;
        let decide = async || {
            let mut others = Others::load(app, &account.user, &self.users).await?;
            let (mut results, mut change) = (Results::default(), Change::none());
            for name in &self.users {
                let outcome = others.get(name).and_then(|(_, pair)| relation::unblock(&account.user, pair));
                results.add(name, outcome.map(|more| change = std::mem::take(&mut change).and(more)));
            }
            Ok((results, unblocked_now(app, caller, &account.user, change)))
        };
        let (results, _) = app.decide(decide).await?;
        app.told().await;
        Ok(results)
    }
}

/// Lists who is blocked, in pages. REST: of any account; gateway: one's own.
/// Errors: `RelationBadParameter`, `RelationAccountNotFound`.
/// Spec: docs/spec/rest-users.md#6, docs/spec/websocket-protocol.md#3
#[derive(Debug, Deserialize)]
pub struct GetBlocked {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "StartIndex")]
    start: Option<u64>,
    #[serde(rename = "MaxLimited")]
    limit: Option<u32>,
}

/// A page of the list; 0 says where no next page begins.
#[derive(Debug, Serialize)]
pub struct BlockedPage {
    #[serde(rename = "BlackListItem")]
    items: Vec<BlockedItem>,
    #[serde(rename = "StartIndex")]
    next: u64,
    #[serde(rename = "CurruentSequence")]
    misspelt_sequence: u64,
    #[serde(rename = "CurrentSequence")]
    sequence: u64,
}

#[derive(Debug, Serialize)]
struct BlockedItem {
    #[serde(rename = "To_Account")]
    user: UserId,
    #[serde(rename = "AddBlackTimeStamp")]
    since: Timestamp,
}

/// Most entries of a page.
const MAX_PAGE: u32 = 1000;

impl Command for GetBlocked {
    const ROUTE: Route = Route::both("sns", "black_list_get", "docs/spec/rest-users.md#6");
    type Reply = BlockedPage;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<BlockedPage, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let limit = match self.limit {
            Some(0) => return Err(bad("`MaxLimited` is 0")),
            Some(limit) => limit.min(MAX_PAGE) as usize,
            None if caller.is_app_admin() => return Err(bad("`MaxLimited` is missing")),
            None => MAX_PAGE as usize,
        };
        if caller.is_app_admin() && self.start.is_none() {
            return Err(bad("`StartIndex` is missing"));
        }
        let start = self.start.unwrap_or(0);
        let sequence = app.store().read().people(app.id(), &account.user).await?.seq;
        let page = app.store().read().blocked_page(app.id(), &account.user, start, limit + 1).await?;
        let (page, next) = cut(page, limit, |entry| entry.place);
        let items = page.into_iter().map(|entry| BlockedItem { user: entry.user, since: entry.since });
        Ok(BlockedPage { items: items.collect(), next, misspelt_sequence: sequence, sequence })
    }
}

/// Tells who has blocked whom. REST: of any account; gateway: one's own.
/// Limits: `limits.sns.import_batch`. Errors: `RelationBadParameter`, `RelationAccountNotFound`, also per item.
/// Spec: docs/spec/rest-users.md#6
#[derive(Debug, Deserialize)]
pub struct CheckBlocked {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "To_Account")]
    users: Vec<String>,
    #[serde(rename = "CheckType", default, deserialize_with = "decode::named")]
    how: Option<CheckType>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckType {
    Single,
    Both,
}

impl decode::Named for CheckType {
    const NAMES: &'static str = "`BlackCheckResult_Type_Single`, `BlackCheckResult_Type_Both`";

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "BlackCheckResult_Type_Single" => Some(Self::Single),
            "BlackCheckResult_Type_Both" => Some(Self::Both),
            _ => None,
        }
    }
}

/// What there is to each, in the order of the request.
#[derive(Debug, Serialize)]
pub struct Checked {
    #[serde(rename = "BlackListCheckItem")]
    items: Vec<CheckedItem>,
    #[serde(rename = "Fail_Account", skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
}

impl Command for CheckBlocked {
    const ROUTE: Route = Route::both("sns", "black_list_check", "docs/spec/rest-users.md#6");
    type Reply = Checked;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Checked, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        check_len("To_Account", self.users.len(), app.settings().limits().sns.import_batch)?;
        let both = self.how != Some(CheckType::Single);
        let mut others = Others::load(app, &account.user, &self.users).await?;
        let (mut items, mut failed) = (Vec::with_capacity(self.users.len()), Vec::new());
        for name in &self.users {
            let (relation, outcome) = match others.get(name) {
                Ok((_, pair)) => (relation(pair.own.blocked, both && pair.theirs.blocked), Ok(())),
                Err(unknown) => {
                    failed.push(name.clone());
                    (relation(false, false), Err(unknown))
                }
            };
            items.push(CheckedItem::new(name, outcome, relation));
        }
        Ok(Checked { items, failed })
    }
}

fn relation(blocks: bool, is_blocked: bool) -> &'static str {
    match (blocks, is_blocked) {
        (false, false) => "BlackCheckResult_Type_NO",
        (true, false) => "BlackCheckResult_Type_AWithB",
        (false, true) => "BlackCheckResult_Type_BWithA",
        (true, true) => "BlackCheckResult_Type_BothWay",
    }
}
