//! Friends, friend groups, friend requests, block lists, followers. Spec: docs/spec/rest-users.md#5 to 8,
//! docs/spec/websocket-protocol.md#18
//!
//! Requests name many accounts; each has a result of its own, in the order of the request, and what is possible is done.

use std::{collections::HashMap, sync::Arc};

use serde::Serialize;
use tsudoi_domain::{
    UserId,
    account::Account,
    relation::{Pair, Refusal, friend::Owner},
};

use crate::{
    app::App,
    catalogue::Entry,
    command::Caller,
    error::Error,
    error_code::ErrorCode,
    filter::Place,
    screening::{self, Contact, Subject},
};

pub mod block_list;
pub mod follow;
pub mod friend;
pub mod friend_group;
pub mod friend_list;
pub mod friend_request;

pub(crate) fn all() -> Vec<Entry> {
    [friend::all(), friend_list::all(), friend_request::all(), friend_group::all(), block_list::all(), follow::all()]
        .concat()
}

fn bad(text: impl Into<String>) -> Error {
    Error::new(ErrorCode::RelationBadParameter, text)
}

/// Whose relations a request is about: over REST the account it names, over the gateway the caller.
async fn owner(app: &App, caller: &Caller, named: Option<&str>) -> Result<Arc<Account>, Error> {
    let user = match (caller.is_app_admin(), named) {
        (false, _) => Some(caller.user.clone()),
        (true, Some(name)) => UserId::parse(name).ok(),
        (true, None) => return Err(bad("`From_Account` is missing")),
    };
    let account = match &user {
        Some(user) => app.store().account(app.id(), user).await?,
        None => None,
    };
    let name = named.unwrap_or(caller.user.as_str());
    account.ok_or_else(|| {
        Error::new(ErrorCode::RelationAccountNotFound, format!("`From_Account`: account `{name}` does not exist"))
    })
}

/// Lets pass a list of 1 to `most` entries.
fn check_len(field: &str, len: usize, most: u32) -> Result<(), Error> {
    if len == 0 || len > most as usize {
        return Err(bad(format!("`{field}` has {len} entries, 1 to {most} are allowed")));
    }
    Ok(())
}

/// The first `most` of a list that was read one entry too far, and where the next page goes on; 0 when there is none.
fn cut<T>(mut read: Vec<T>, most: usize, place: impl Fn(&T) -> u64) -> (Vec<T>, u64) {
    let more = read.len() > most;
    read.truncate(most);
    let next = if more { read.last().map_or(0, place) } else { 0 };
    (read, next)
}

/// What became of one account of a request.
#[derive(Debug, Clone, Serialize)]
pub struct ItemResult {
    #[serde(rename = "To_Account")]
    user: String,
    #[serde(rename = "ResultCode")]
    code: u32,
    #[serde(rename = "ResultInfo")]
    text: String,
}

impl ItemResult {
    fn new(user: &str, outcome: Result<(), Refusal>) -> Self {
        match outcome {
            Ok(()) => Self { user: user.into(), code: 0, text: String::new() },
            Err(refusal) => {
                let error = Error::from(refusal);
                Self { user: user.into(), code: error.code(), text: error.text().into() }
            }
        }
    }
}

/// What became of every account of a request, in its order.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Results {
    #[serde(rename = "ResultItem")]
    items: Vec<ItemResult>,
    #[serde(rename = "Fail_Account", skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
}

impl Results {
    /// Refused before the rules were asked, by the app's backend or its word lists.
    fn refused(&mut self, user: &str, (code, text): &(u32, String)) {
        self.failed.push(user.into());
        self.items.push(ItemResult { user: user.into(), code: *code, text: text.clone() });
    }

    fn add(&mut self, user: &str, outcome: Result<(), Refusal>) {
        if outcome.is_err() {
            self.failed.push(user.into());
        }
        self.items.push(ItemResult::new(user, outcome));
    }
}

/// The accounts that a request names, and what there is between each and the owner.
struct Others {
    accounts: HashMap<String, Arc<Account>>,
    pairs: HashMap<UserId, Pair>,
}

impl Others {
    async fn load(app: &App, owner: &UserId, names: &[String]) -> Result<Self, Error> {
        let mut accounts = HashMap::new();
        for name in names {
            if accounts.contains_key(name) {
                continue;
            }
            if let Ok(user) = UserId::parse(name)
                && let Some(account) = app.store().account(app.id(), &user).await?
            {
                accounts.insert(name.clone(), account);
            }
        }
        let users: Vec<UserId> = accounts.values().map(|account| account.user.clone()).collect();
        let pairs = app.store().read().pairs(app.id(), owner, &users).await?;
        Ok(Self { accounts, pairs: pairs.into_iter().map(|pair| (pair.peer.clone(), pair)).collect() })
    }

    /// The account of a name with what there is between the two.
    fn get(&mut self, name: &str) -> Result<(&Account, &mut Pair), Refusal> {
        let unknown = || Refusal::NoSuchAccount(name.into());
        let account = self.accounts.get(name).ok_or_else(unknown)?;
        let pair = self.pairs.get_mut(&account.user).ok_or_else(unknown)?;
        Ok((account, pair))
    }
}

/// Lets the app's word lists look at what somebody writes about or to another; words may be replaced. Answers the refusal, if it is
/// refused.
async fn screen<const N: usize>(
    app: &App,
    caller: &Caller,
    from: &UserId,
    to: &str,
    texts: [(&'static str, Option<&mut String>); N],
) -> Result<Option<(u32, String)>, Error> {
    let to = UserId::parse(to).ok();
    let subject = Subject { from, contact: to.as_ref().map_or(Contact::Nobody, Contact::User) };
    for (field, text) in texts {
        let Some(text) = text else { continue };
        match screening::text(app, caller, &subject, Place::Relation, field, text).await {
            Ok(()) => {}
            Err(error) if error.code() == ErrorCode::ContentTextRefused.number() => {
                return Ok(Some((error.code(), error.text().into())));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whose list is written, as it stands now.
async fn list_owner<'a>(
    app: &App,
    settings: &'a tsudoi_domain::AppSettings,
    account: &'a Account,
) -> Result<Owner<'a>, Error> {
    let store = app.store().read();
    let groups = store.friend_groups(app.id(), &account.user).await?;
    let requests = store.friend_requests(app.id(), &account.user).await?;
    Ok(Owner {
        settings,
        account,
        friends: store.people(app.id(), &account.user).await?.friends,
        groups: groups.into_iter().map(|group| group.name).collect(),
        requests: requests.iter().filter(|request| request.sent).count() as u64,
        now: app.now(),
    })
}
