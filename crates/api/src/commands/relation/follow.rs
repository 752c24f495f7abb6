//! Followers. Spec: docs/spec/rest-users.md#8

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Timestamp, UserId,
    account::ProfileValue,
    change::Change,
    profile,
    relation::{self, FollowKind, Refusal},
};

use super::{ItemResult, Results, bad, check_len, cut, owner};
use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Route},
    error::Error,
    error_code::ErrorCode,
    webhook::relation::follows_changed,
};

pub(crate) fn all() -> Vec<Entry> {
    list![Follow, Unfollow, GetFollows, CheckFollows, CountFollows]
}

fn require_feature(app: &App) -> Result<(), Error> {
    if app.settings().features.follow { Ok(()) } else { Err(ErrorCode::RelationFollowOff.into()) }
}

async fn known(app: &App, name: &str) -> Result<Option<UserId>, Error> {
    match UserId::parse(name) {
        Ok(user) => Ok(app.store().account(app.id(), &user).await?.map(|account| account.user.clone())),
        Err(_) => Ok(None),
    }
}

/// Follows accounts; who is followed already stays so. REST: in the name of any account; gateway: in one's own.
/// Limits: `limits.sns.follow_batch`. Errors: `RelationFollowOff`, `RelationBadParameter`, `RelationAccountNotFound`, the last two
/// also per item.
/// Spec: docs/spec/rest-users.md#8
#[derive(Debug, Deserialize)]
pub struct Follow {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "FollowItem")]
    items: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(rename = "To_Account")]
    user: String,
}

impl Command for Follow {
    const ROUTE: Route = Route::both("follow", "follow_add", "docs/spec/rest-users.md#8");
    type Reply = Results;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Results, Error> {
        require_feature(app)?;
        let account = owner(app, caller, self.from.as_deref()).await?;
        check_len("FollowItem", self.items.len(), app.settings().limits().sns.follow_batch)?;
        let names = self.items.into_iter().map(|item| item.user).collect();
        each(app, caller, &account.user, names, |user, peer, follows, is_followed| {
            relation::follow(user, peer, follows, is_followed, app.now())
        })
        .await
    }
}

/// Follows accounts no longer; who is not followed stays so. REST: in the name of any account; gateway: in one's own.
/// Limits: `limits.sns.follow_batch`. Errors: `RelationFollowOff`, `RelationBadParameter`, `RelationAccountNotFound`, the last
/// also per item.
/// Spec: docs/spec/rest-users.md#8
#[derive(Debug, Deserialize)]
pub struct Unfollow {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "To_Account")]
    users: Vec<String>,
}

impl Command for Unfollow {
    const ROUTE: Route = Route::both("follow", "follow_delete", "docs/spec/rest-users.md#8");
    type Reply = Results;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Results, Error> {
        require_feature(app)?;
        let account = owner(app, caller, self.from.as_deref()).await?;
        check_len("To_Account", self.users.len(), app.settings().limits().sns.follow_batch)?;
        each(app, caller, &account.user, self.users, |user, peer, follows, is_followed| {
            Ok(relation::unfollow(user, peer, follows, is_followed))
        })
        .await
    }
}

/// Decides about every named account by what there is between the two.
async fn each(
    app: &App,
    caller: &Caller,
    user: &UserId,
    names: Vec<String>,
    decide: impl Fn(&UserId, &UserId, bool, bool) -> Result<Change, Refusal>,
) -> Result<Results, Error> {
    let (mut results, mut change) = (Results::default(), Change::none());
    let mut decided: HashMap<UserId, ()> = HashMap::new();
    for name in names {
        let Some(peer) = known(app, &name).await? else {
            results.add(&name, Err(Refusal::NoSuchAccount(name.clone())));
            continue;
        };
        let store = app.store().read();
        let follows = store.follows(app.id(), user, &peer).await?;
        let is_followed = store.follows(app.id(), &peer, user).await?;
        let outcome = decide(user, &peer, follows, is_followed).map(|more| {
            // Who is named twice is told once.
            if decided.insert(peer, ()).is_none() {
                change = std::mem::take(&mut change).and(more);
            }
        });
        results.add(&name, outcome);
    }
    app.commit(follows_changed(app, caller, user, change)).await?;
    app.told().await;
    Ok(results)
}

/// Lists followers, whom one follows, or both at once, in pages. REST: of any account; gateway: one's own.
/// Limits: `limits.sns.follow_page`. Errors: `RelationFollowOff`, `RelationBadParameter`, `RelationAccountNotFound`.
/// Spec: docs/spec/rest-users.md#8
#[derive(Debug, Deserialize)]
pub struct GetFollows {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "FollowType")]
    kind: u32,
    #[serde(rename = "StartCursor", default)]
    cursor: String,
    #[serde(rename = "WantNum")]
    limit: Option<u32>,
}

/// A page; an empty cursor says that it is the last.
#[derive(Debug, Serialize)]
pub struct FollowPage {
    #[serde(rename = "FollowItem")]
    items: Vec<FollowItem>,
    #[serde(rename = "NextCursor")]
    next: String,
}

#[derive(Debug, Serialize)]
struct FollowItem {
    #[serde(rename = "To_Account")]
    user: UserId,
    #[serde(rename = "FollowTime")]
    since: Timestamp,
    #[serde(rename = "ProfileItem")]
    fields: Vec<Field>,
}

#[derive(Debug, Serialize)]
struct Field {
    #[serde(rename = "Tag")]
    tag: String,
    #[serde(rename = "Value")]
    value: ProfileValue,
}

/// Followers of a page when nobody says.
const PAGE: u32 = 100;

impl Command for GetFollows {
    const ROUTE: Route = Route::both("follow", "follow_get", "docs/spec/rest-users.md#8");
    type Reply = FollowPage;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<FollowPage, Error> {
        require_feature(app)?;
        let account = owner(app, caller, self.from.as_deref()).await?;
        let kind = match self.kind {
            1 => FollowKind::Followers,
            2 => FollowKind::Following,
            3 => FollowKind::Mutual,
            other => return Err(bad(format!("`FollowType`: {other} is none of 1, 2, 3"))),
        };
        let settings = app.settings();
        let most = settings.limits().sns.follow_page;
        let limit = match self.limit {
            Some(0) => return Err(bad("`WantNum` is 0")),
            Some(limit) if limit > most => return Err(bad(format!("`WantNum`: {limit} is above {most}"))),
            Some(limit) => limit as usize,
            None => PAGE as usize,
        };
        let after = match self.cursor.as_str() {
            "" => 0,
            cursor => cursor.parse().map_err(|_| bad(format!("`StartCursor`: `{cursor}` is of no answer")))?,
        };
        let page = app.store().read().follow_page(app.id(), &account.user, kind, after, limit + 1).await?;
        let (page, next) = cut(page, limit, |(place, _)| *place);
        let next = if next == 0 { String::new() } else { next.to_string() };
        let mut tags = profile::all_tags(&settings);
        tags.retain(|tag| profile::check_read(&settings, tag, caller.is_app_admin()).is_ok());
        let mut items = Vec::with_capacity(page.len());
        for (_, follow) in page {
            let known = app.store().account(app.id(), &follow.user).await?;
            let fields = known.iter().flat_map(|account| {
                let set = |tag: &String| Some(Field { tag: tag.clone(), value: account.profile.get(tag)?.clone() });
                tags.iter().filter_map(set).collect::<Vec<_>>()
            });
            items.push(FollowItem { fields: fields.collect(), user: follow.user, since: follow.since });
        }
        Ok(FollowPage { items, next })
    }
}

/// Tells who follows whom. REST: of any account; gateway: one's own.
/// Limits: `limits.sns.follow_check_batch`. Errors: `RelationFollowOff`, `RelationBadParameter`, `RelationAccountNotFound`, the last
/// also per item.
/// Spec: docs/spec/rest-users.md#8
#[derive(Debug, Deserialize)]
pub struct CheckFollows {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "To_Account")]
    users: Vec<String>,
}

/// What there is to each, in the order of the request.
#[derive(Debug, Serialize)]
pub struct Checked {
    #[serde(rename = "ResultItem")]
    items: Vec<CheckedItem>,
    #[serde(rename = "Fail_Account", skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CheckedItem {
    #[serde(flatten)]
    result: ItemResult,
    /// 0 none, 1 the other follows, 2 the account follows, 3 both.
    #[serde(rename = "FollowType")]
    kind: u32,
}

impl Command for CheckFollows {
    const ROUTE: Route = Route::both("follow", "follow_check", "docs/spec/rest-users.md#8");
    type Reply = Checked;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Checked, Error> {
        require_feature(app)?;
        let account = owner(app, caller, self.from.as_deref()).await?;
        check_len("To_Account", self.users.len(), app.settings().limits().sns.follow_check_batch)?;
        let (mut items, mut failed) = (Vec::with_capacity(self.users.len()), Vec::new());
        for name in self.users {
            let Some(peer) = known(app, &name).await? else {
                let result = ItemResult::new(&name, Err(Refusal::NoSuchAccount(name.clone())));
                items.push(CheckedItem { result, kind: 0 });
                failed.push(name);
                continue;
            };
            let store = app.store().read();
            let follows = store.follows(app.id(), &account.user, &peer).await?;
            let is_followed = store.follows(app.id(), &peer, &account.user).await?;
            let kind = u32::from(is_followed) + 2 * u32::from(follows);
            items.push(CheckedItem { result: ItemResult::new(&name, Ok(())), kind });
        }
        Ok(Checked { items, failed })
    }
}

/// Counts followers. REST and gateway.
/// Limits: `limits.sns.follow_batch`. Errors: `RelationFollowOff`, `RelationBadParameter`; per item `RelationAccountNotFound`.
/// Spec: docs/spec/rest-users.md#8
#[derive(Debug, Deserialize)]
pub struct CountFollows {
    #[serde(rename = "To_Account")]
    users: Vec<String>,
}

/// Numbers of each, in the order of the request.
#[derive(Debug, Serialize)]
pub struct Counts {
    #[serde(rename = "FollowInfo")]
    items: Vec<Count>,
    #[serde(rename = "Fail_Account", skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Count {
    #[serde(flatten)]
    result: ItemResult,
    #[serde(rename = "FollowerCount")]
    followers: u64,
    #[serde(rename = "FollowingCount")]
    following: u64,
    #[serde(rename = "MutualFollowingCount")]
    mutual: u64,
}

impl Command for CountFollows {
    const ROUTE: Route = Route::both("follow", "follow_get_info", "docs/spec/rest-users.md#8");
    type Reply = Counts;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Counts, Error> {
        require_feature(app)?;
        check_len("To_Account", self.users.len(), app.settings().limits().sns.follow_batch)?;
        let (mut items, mut failed) = (Vec::with_capacity(self.users.len()), Vec::new());
        for name in self.users {
            let (people, outcome) = match known(app, &name).await? {
                Some(user) => (app.store().read().people(app.id(), &user).await?, Ok(())),
                None => {
                    failed.push(name.clone());
                    (relation::People::default(), Err(Refusal::NoSuchAccount(name.clone())))
                }
            };
            items.push(Count {
                result: ItemResult::new(&name, outcome),
                followers: people.followers,
                following: people.following,
                mutual: people.mutual,
            });
        }
        Ok(Counts { items, failed })
    }
}
