//! Who subscribes to official accounts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tsudoi_domain::{
    Timestamp, UserId, WebhookCommand,
    change::{Change, Write},
};

use super::{
    SERVICE, bad, bad_id, enabled, known,
    manage::{Filter, Shown, shown},
    told::{About, tell},
};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode::Fault,
    error::Error,
    error_code::ErrorCode,
};

/// Most subscribers of one call.
const MAX_PER_CALL: usize = 100;
/// Most entries of a page.
const MAX_PAGE: usize = 200;

fn count(field: &str, entries: usize) -> Result<(), Error> {
    if entries == 0 {
        return Err(bad(format!("`{field}` is empty")));
    }
    if entries > MAX_PER_CALL {
        return Err(bad(format!("`{field}` has {entries} entries, at most {MAX_PER_CALL} are allowed")));
    }
    Ok(())
}

fn page(limit: Option<usize>) -> Result<usize, Error> {
    match limit.unwrap_or(MAX_PAGE) {
        0 => Err(bad("`Limit` is 0")),
        limit if limit > MAX_PAGE => Err(bad(format!("`Limit`: {limit} is above {MAX_PAGE}"))),
        limit => Ok(limit),
    }
}

#[derive(Debug, Serialize)]
struct Outcome {
    #[serde(rename = "Subscriber_Account")]
    user: String,
    #[serde(rename = "Result")]
    result: u32,
}

/// What became of each.
#[derive(Debug, Serialize)]
pub struct Results {
    #[serde(rename = "SubscriberList")]
    users: Vec<Outcome>,
}

const FAILED: u32 = 0;
const DONE: u32 = 1;
const NOTHING_TO_DO: u32 = 2;

/// Lets users subscribe. REST only; those who are unknown, and those beyond the cap, are reported, the others subscribe.
/// Limits: 100 users. Errors: `GroupBadParameter`, `OfficialAccountBadId`, `OfficialAccountNotFound`, `OfficialAccountFull` when
/// nobody more fits, `OfficialAccountOff`.
/// Spec: docs/spec/rest-push-ops.md#3
#[derive(Debug, Deserialize)]
pub struct AddSubscribers {
    #[serde(rename = "Official_Account", alias = "OfficialAccount")]
    account: UserId,
    #[serde(rename = "SubscriberList")]
    users: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(rename = "Subscriber_Account")]
    user: String,
}

impl Command for AddSubscribers {
    const ROUTE: Route = Route::rest(SERVICE, "add_subscriber", "docs/spec/rest-push-ops.md#3");
    type Reply = Results;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Results, Error> {
        known(app, &self.account).await?;
        count("SubscriberList", self.users.len())?;
        let named: Vec<UserId> = self.users.iter().filter_map(|named| UserId::parse(&named.user).ok()).collect();
        let asked = About::subscribers(&self.account, &caller.user, &named);
        let answer = app.webhooks().ask(WebhookCommand::BeforeAddSubscriber, caller, &asked).await?;
        // The cap holds however many add at once.
        let _creating = app.creating.lock().await;
        let official = known(app, &self.account).await?;
        let mut room = official.max_subscriber_num.saturating_sub(official.subscriber_num);
        let mut change = Change::none();
        let mut users = Vec::with_capacity(self.users.len());
        let mut added: Vec<UserId> = Vec::new();
        let mut is_full = false;
        for Named { user } in self.users {
            let id = UserId::parse(&user).ok();
            let result = match id {
                Some(id) if answer.refused.contains(&id) => FAILED,
                Some(id) if added.contains(&id) => NOTHING_TO_DO,
                Some(id) if app.store().account(app.id(), &id).await?.is_some() => {
                    if app.store().read().subscriber(app.id(), &self.account, &id).await?.is_some() {
                        NOTHING_TO_DO
                    } else if room == 0 {
                        is_full = true;
                        FAILED
                    } else {
                        room -= 1;
                        added.push(id.clone());
                        let (account, since) = (self.account.clone(), app.now());
                        change = change.write(Write::PutSubscriber { account, user: id, since, custom: None });
                        DONE
                    }
                }
                Some(_) | None => FAILED,
            };
            users.push(Outcome { user, result });
        }
        if is_full && added.is_empty() {
            let text = format!("{} has {} subscribers", self.account, official.subscriber_num);
            return Err(Error::new(ErrorCode::OfficialAccountFull, text));
        }
        if !added.is_empty() {
            let about = About::subscribers(&self.account, &caller.user, &added);
            change = change.calls(tell(app, caller, WebhookCommand::AfterAddSubscriber, &self.account, about));
            if room == 0 {
                let about = About { account: Some(&self.account), ..About::default() };
                change =
                    change.calls(tell(app, caller, WebhookCommand::AfterOfficialAccountFull, &self.account, about));
            }
            app.commit(change).await?;
        }
        Ok(Results { users })
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_id(field, fault)
    }
}

/// Ends subscriptions. REST only; those who do not subscribe are reported.
/// Limits: 100 users. Errors: `GroupBadParameter`, `OfficialAccountBadId`, `OfficialAccountNotFound`, `OfficialAccountOff`.
/// Spec: docs/spec/rest-push-ops.md#3
#[derive(Debug, Deserialize)]
pub struct DeleteSubscribers {
    #[serde(rename = "Official_Account", alias = "OfficialAccount")]
    account: UserId,
    #[serde(rename = "SubscriberToDel_Account")]
    users: Vec<String>,
}

impl Command for DeleteSubscribers {
    const ROUTE: Route = Route::rest(SERVICE, "delete_subscriber", "docs/spec/rest-push-ops.md#3");
    type Reply = Results;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Results, Error> {
        known(app, &self.account).await?;
        count("SubscriberToDel_Account", self.users.len())?;
        let mut change = Change::none();
        let mut users = Vec::with_capacity(self.users.len());
        let mut gone: Vec<UserId> = Vec::new();
        for user in self.users {
            let result = match UserId::parse(&user) {
                Err(_) => FAILED,
                Ok(id) if gone.contains(&id) => NOTHING_TO_DO,
                Ok(id) => match app.store().read().subscriber(app.id(), &self.account, &id).await? {
                    None => NOTHING_TO_DO,
                    Some(_) => {
                        gone.push(id.clone());
                        change = change.write(Write::DeleteSubscriber { account: self.account.clone(), user: id });
                        DONE
                    }
                },
            };
            users.push(Outcome { user, result });
        }
        if !gone.is_empty() {
            let about = About::subscribers(&self.account, &caller.user, &gone);
            change = change.calls(tell(app, caller, WebhookCommand::AfterDeleteSubscriber, &self.account, about));
            app.commit(change).await?;
        }
        Ok(Results { users })
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_id(field, fault)
    }
}

/// Most bytes of what the app knows of a subscription.
const MAX_CUSTOM: usize = 3000;

/// Changes what the app knows of a subscription. REST only.
/// Limits: 3,000 bytes. Errors: `GroupBadParameter`, `OfficialAccountBadId`, `OfficialAccountNotFound`,
/// `OfficialAccountNotSubscribed`, `OfficialAccountOff`.
/// Spec: docs/spec/rest-push-ops.md#3
#[derive(Debug, Deserialize)]
pub struct ModifySubscriber {
    #[serde(rename = "Official_Account", alias = "OfficialAccount")]
    account: UserId,
    #[serde(rename = "Subscriber_Account")]
    user: UserId,
    #[serde(rename = "CustomString")]
    custom: String,
}

async fn subscribed(app: &App, account: &UserId, user: &UserId) -> Result<(), Error> {
    if app.store().read().subscriber(app.id(), account, user).await?.is_some() {
        return Ok(());
    }
    let text = format!("`Subscriber_Account`: {user} does not subscribe to {account}");
    Err(Error::new(ErrorCode::OfficialAccountNotSubscribed, text))
}

impl Command for ModifySubscriber {
    const ROUTE: Route = Route::rest(SERVICE, "modify_subscriber_info", "docs/spec/rest-push-ops.md#3");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        known(app, &self.account).await?;
        if self.custom.len() > MAX_CUSTOM {
            return Err(bad(format!("`CustomString` has more than {MAX_CUSTOM} bytes")));
        }
        subscribed(app, &self.account, &self.user).await?;
        let (account, user, since, custom) = (self.account, self.user, app.now(), Some(self.custom));
        app.commit(Change::none().write(Write::PutSubscriber { account, user, since, custom })).await?;
        Ok(Done {})
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_id(field, fault)
    }
}

/// Lists subscribers in the order of subscribing. REST only.
/// Limits: pages of 200. Errors: `GroupBadParameter`, `OfficialAccountBadId`, `OfficialAccountNotFound`, `OfficialAccountOff`.
/// Spec: docs/spec/rest-push-ops.md#3
#[derive(Debug, Deserialize)]
pub struct ListSubscribers {
    #[serde(rename = "Official_Account", alias = "OfficialAccount")]
    account: UserId,
    #[serde(rename = "Limit")]
    limit: Option<usize>,
    #[serde(rename = "Next", default)]
    next: String,
}

/// A page of subscribers.
#[derive(Debug, Serialize)]
pub struct Subscribers {
    #[serde(rename = "SubscriberNum")]
    total: u64,
    #[serde(rename = "SubscriberList")]
    users: Vec<SubscriberShown>,
    #[serde(rename = "Next")]
    next: String,
}

#[derive(Debug, Serialize)]
struct SubscriberShown {
    #[serde(rename = "Subscriber_Account")]
    user: UserId,
    #[serde(rename = "SubscribeTime")]
    since: Timestamp,
    #[serde(rename = "CustomString")]
    custom: String,
    #[serde(rename = "MsgFlag")]
    msg_flag: &'static str,
    #[serde(rename = "LastSendMsgTime")]
    last_sent: Timestamp,
}

impl Command for ListSubscribers {
    const ROUTE: Route = Route::rest(SERVICE, "get_subscriber_info", "docs/spec/rest-push-ops.md#3");
    type Reply = Subscribers;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Subscribers, Error> {
        let official = known(app, &self.account).await?;
        let limit = page(self.limit)?;
        let after = match self.next.as_str() {
            "" => 0,
            text => text.parse().map_err(|_| bad(format!("`Next`: `{text}` was not given by an earlier page")))?,
        };
        let found = app.store().read().subscribers(app.id(), &self.account, after, limit + 1).await?;
        let is_end = found.len() <= limit;
        let mut next = String::new();
        let mut users = Vec::with_capacity(found.len().min(limit));
        for subscriber in found.into_iter().take(limit) {
            if !is_end {
                next = subscriber.place.to_string();
            }
            let view = app.store().read().direct_view(app.id(), &subscriber.user, &self.account).await?;
            users.push(SubscriberShown {
                user: subscriber.user,
                since: subscriber.since,
                custom: subscriber.custom,
                msg_flag: "AcceptAndNotify",
                last_sent: view.map_or(Timestamp(0), |view| view.updated_at),
            });
        }
        Ok(Subscribers { total: official.subscriber_num, users, next })
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_id(field, fault)
    }
}

/// Lists the official accounts that a user subscribes to. REST only.
/// Limits: pages of 200. Errors: `GroupBadParameter`, `GroupAccountNotFound`, `OfficialAccountOff`.
/// Spec: docs/spec/rest-push-ops.md#3
#[derive(Debug, Deserialize)]
pub struct ListSubscriptions {
    #[serde(rename = "Subscriber_Account")]
    user: UserId,
    #[serde(rename = "Limit")]
    limit: Option<usize>,
    #[serde(rename = "Offset", default)]
    offset: u64,
    #[serde(rename = "ResponseFilter", default)]
    filter: Filter,
}

/// A page of subscriptions.
#[derive(Debug, Serialize)]
pub struct Subscriptions {
    #[serde(rename = "OfficialAccountInfoList")]
    accounts: Vec<Shown>,
    #[serde(rename = "TotalCount")]
    total: u64,
    #[serde(rename = "CompleteFlag")]
    complete: u32,
    #[serde(rename = "Next")]
    next: u64,
}

impl Command for ListSubscriptions {
    const ROUTE: Route = Route::rest(SERVICE, "get_subscribed_official_account_list", "docs/spec/rest-push-ops.md#3");
    type Reply = Subscriptions;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Subscriptions, Error> {
        enabled(app)?;
        let limit = page(self.limit)?;
        if app.store().account(app.id(), &self.user).await?.is_none() {
            let text = format!("`Subscriber_Account`: account {} does not exist", self.user);
            return Err(Error::new(ErrorCode::GroupAccountNotFound, text));
        }
        let (found, total) = app.store().read().subscriptions(app.id(), &self.user, self.offset, limit).await?;
        let next = self.offset.saturating_add(found.len() as u64);
        let accounts = found
            .iter()
            .map(|(official, subscriber)| {
                let mut item = shown(official, &self.filter);
                let mut own = serde_json::Map::new();
                own.insert("SubscribeTime".into(), json!(subscriber.since));
                own.insert("CustomString".into(), json!(subscriber.custom));
                own.insert("MsgFlag".into(), json!("AcceptAndNotify"));
                if !self.filter.own_fields.is_empty() {
                    own.retain(|name, _| self.filter.own_fields.contains(name));
                }
                item.insert("SelfInfo", own.into());
                item
            })
            .collect();
        let complete = next >= total;
        Ok(Subscriptions { accounts, total, complete: u32::from(complete), next: if complete { 0 } else { next } })
    }
}
