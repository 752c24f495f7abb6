//! Attributes that pushes ask for: their names, and what they are for each user.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    UserId,
    change::{Change, Write},
    push::{BadLabel, attribute_number, check_value},
};

use super::{require_batch, require_push};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode::Fault,
    error::Error,
    error_code::ErrorCode,
};

/// How many attributes an app has.
const ATTRIBUTES: u8 = 10;

/// Names attributes by number, or renames them; their values stay. REST.
/// Limits: 10 attributes, names of 1 to 50 bytes. Errors: `PushOff`, `PushUnknownAttribute` for other numbers,
/// `MessageBadSyncFromOld` (90030) for bad names.
/// Spec: docs/spec/rest-push-ops.md#1.3
#[derive(Debug, Deserialize)]
pub struct SetNames {
    #[serde(rename = "AttrNames")]
    names: BTreeMap<String, String>,
}

impl Command for SetNames {
    const ROUTE: Route = Route::rest("all_member_push", "im_set_attr_name", "docs/spec/rest-push-ops.md#1.3");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        require_push(app)?;
        let mut known = app.store().read().attribute_names(app.id()).await?;
        let mut change = Change::none();
        for (number, name) in self.names {
            let slot = number.parse::<u8>().ok().filter(|slot| *slot < ATTRIBUTES && slot.to_string() == number);
            let slot = slot.ok_or(BadLabel::UnknownAttribute(number))?;
            if !(1..=tsudoi_domain::push::LABEL_BYTES).contains(&name.len()) {
                return Err(BadLabel::BadText(format!("the name of attribute {slot}")).into());
            }
            known.insert(slot, name.clone());
            change = change.write(Write::SetPushAttributeName { number: slot, name });
        }
        let mut names: Vec<&String> = known.values().collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let text = format!("two attributes are named `{}`", pair[0]);
            return Err(Error::new(ErrorCode::MessageBadSyncFromOld, text));
        }
        app.commit(change).await?;
        Ok(Done {})
    }
}

/// Tells the names of attributes by number. REST.
/// Errors: `PushOff`.
/// Spec: docs/spec/rest-push-ops.md#1.3
#[derive(Debug, Deserialize)]
pub struct GetNames {}

/// Names by number.
#[derive(Debug, Serialize)]
pub struct Names {
    #[serde(rename = "AttrNames")]
    names: BTreeMap<u8, String>,
}

impl Command for GetNames {
    const ROUTE: Route = Route::rest("all_member_push", "im_get_attr_name", "docs/spec/rest-push-ops.md#1.3");
    type Reply = Names;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Names, Error> {
        require_push(app)?;
        Ok(Names { names: app.store().read().attribute_names(app.id()).await? })
    }
}

/// Sets attributes of users; others stay. One fault fails the call. REST.
/// Limits: 100 users, values of 1 to 50 bytes. Errors: `PushOff`, `PushTooManyAccounts`, `PushUnknownAttribute`,
/// `MessageBadSyncFromOld` (90030) for bad values, `MessageAccountNotFound`.
/// Spec: docs/spec/rest-push-ops.md#1.4
#[derive(Debug, Deserialize)]
pub struct Set {
    #[serde(rename = "UserAttrs", alias = "Attrs")]
    users: Vec<UserAttributes>,
}

#[derive(Debug, Serialize, Deserialize)]
struct UserAttributes {
    #[serde(rename = "To_Account")]
    user: UserId,
    #[serde(rename = "Attrs")]
    attributes: BTreeMap<String, String>,
}

/// Lets pass users that are known.
pub(super) async fn require_known<'a>(app: &App, users: impl Iterator<Item = &'a UserId>) -> Result<(), Error> {
    for user in users {
        if app.store().account(app.id(), user).await?.is_none() {
            let text = format!("`To_Account`: account {user} does not exist");
            return Err(Error::new(ErrorCode::MessageAccountNotFound, text));
        }
    }
    Ok(())
}

impl Command for Set {
    const ROUTE: Route = Route::rest("all_member_push", "im_set_attr", "docs/spec/rest-push-ops.md#1.4");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        require_push(app)?;
        require_batch("UserAttrs", self.users.len())?;
        let names = app.store().read().attribute_names(app.id()).await?;
        let mut change = Change::none();
        for one in &self.users {
            for (name, value) in &one.attributes {
                let number = attribute_number(&names, name)?;
                check_value(name, value)?;
                let (user, value) = (one.user.clone(), Some(value.clone()));
                change = change.write(Write::SetPushAttribute { user, number, value });
            }
        }
        require_known(app, self.users.iter().map(|one| &one.user)).await?;
        app.commit(change).await?;
        Ok(Done {})
    }
}

/// Tells the attributes of users. REST.
/// Limits: 100 users. Errors: `PushOff`, `PushTooManyAccounts`, `MessageAccountNotFound`.
/// Spec: docs/spec/rest-push-ops.md#1.4
#[derive(Debug, Deserialize)]
pub struct Get {
    #[serde(rename = "To_Account")]
    users: Vec<UserId>,
}

/// One entry per user, in their order.
#[derive(Debug, Serialize)]
pub struct Attributes {
    #[serde(rename = "UserAttrs")]
    users: Vec<UserAttributes>,
}

impl Command for Get {
    const ROUTE: Route = Route::rest("all_member_push", "im_get_attr", "docs/spec/rest-push-ops.md#1.4");
    type Reply = Attributes;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Attributes, Error> {
        require_push(app)?;
        require_batch("To_Account", self.users.len())?;
        require_known(app, self.users.iter()).await?;
        let names = app.store().read().attribute_names(app.id()).await?;
        let labels = app.store().read().labels(app.id(), &self.users).await?;
        let named = |values: BTreeMap<u8, String>| {
            let one = |(number, value)| Some((names.get(&number)?.clone(), value));
            values.into_iter().filter_map(one).collect()
        };
        let users = self.users.into_iter().zip(labels);
        let users = users.map(|(user, labels)| UserAttributes { user, attributes: named(labels.attributes) });
        Ok(Attributes { users: users.collect() })
    }
}

/// Takes attributes from users; absent ones are no fault. REST.
/// Limits: 100 users. Errors: `PushOff`, `PushTooManyAccounts`, `PushUnknownAttribute`, `MessageAccountNotFound`.
/// Spec: docs/spec/rest-push-ops.md#1.4
#[derive(Debug, Deserialize)]
pub struct Remove {
    #[serde(rename = "UserAttrs", alias = "Attrs")]
    users: Vec<UserAttributeNames>,
}

#[derive(Debug, Deserialize)]
struct UserAttributeNames {
    #[serde(rename = "To_Account")]
    user: UserId,
    #[serde(rename = "Attrs")]
    names: Vec<String>,
}

impl Command for Remove {
    const ROUTE: Route = Route::rest("all_member_push", "im_remove_attr", "docs/spec/rest-push-ops.md#1.4");
    type Reply = Done;

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        super::send::bad_field(field, fault)
    }

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        require_push(app)?;
        require_batch("UserAttrs", self.users.len())?;
        let names = app.store().read().attribute_names(app.id()).await?;
        let mut change = Change::none();
        for one in &self.users {
            for name in &one.names {
                let (user, number) = (one.user.clone(), attribute_number(&names, name)?);
                change = change.write(Write::SetPushAttribute { user, number, value: None });
            }
        }
        require_known(app, self.users.iter().map(|one| &one.user)).await?;
        app.commit(change).await?;
        Ok(Done {})
    }
}
