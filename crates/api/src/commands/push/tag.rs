//! Tags that pushes ask for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    UserId,
    change::{Change, Write},
    push::{BadLabel, check_tags},
};

use super::{attribute::require_known, require_batch, require_push};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    error::Error,
    error_code::ErrorCode,
};

/// The most tags of one user that one call names.
const TAGS: usize = 10;

/// Tags of users, as calls name them: a list, which some clients call `Tags`, or one user with tags, as others write it.
#[derive(Debug, Deserialize)]
struct Named {
    #[serde(rename = "UserTags")]
    users: Option<Vec<UserTags>>,
    #[serde(rename = "To_Account")]
    user: Option<UserId>,
    #[serde(rename = "Tags")]
    tags: Option<Entries>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a list of tags")]
enum Entries {
    Tags(Vec<String>),
    Users(Vec<UserTags>),
}

#[derive(Debug, Serialize, Deserialize)]
struct UserTags {
    #[serde(rename = "To_Account")]
    user: UserId,
    #[serde(rename = "Tags")]
    tags: Vec<String>,
}

impl Named {
    async fn check(self, app: &App) -> Result<Vec<UserTags>, Error> {
        require_push(app)?;
        let users = match (self.users, self.user, self.tags) {
            (Some(users), _, _) | (None, _, Some(Entries::Users(users))) => users,
            (None, Some(user), Some(Entries::Tags(tags))) => vec![UserTags { user, tags }],
            (None, None, Some(Entries::Tags(_))) => {
                return Err(Error::new(ErrorCode::MessageBadReceiver, "`To_Account` is missing"));
            }
            (None, _, None) => return Err(Error::new(ErrorCode::MessageBadJson, "`UserTags` is missing")),
        };
        require_batch("UserTags", users.len())?;
        for one in &users {
            check_tags(&one.tags, TAGS)?;
        }
        require_known(app, users.iter().map(|one| &one.user)).await?;
        Ok(users)
    }
}

/// Gives tags to users; those that are there are no fault. One fault fails the call. REST.
/// Limits: 100 users, 10 tags each of 1 to 50 bytes, `push.tags_per_user`. Errors: `PushOff`, `PushTooManyAccounts`, `PushTooManyTags`,
/// `PushEmptyTag`, `PushTagTooLong`, `MessageAccountNotFound`.
/// Spec: docs/spec/rest-push-ops.md#1.5
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Add(Named);

impl Command for Add {
    const ROUTE: Route = Route::rest("all_member_push", "im_add_tag", "docs/spec/rest-push-ops.md#1.5");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let users = self.0.check(app).await?;
        // Two calls at once must not take a user over the limit together.
        let _turn = app.pushes.turn().await;
        let most = app.settings().push.tags_per_user as usize;
        let ids: Vec<UserId> = users.iter().map(|one| one.user.clone()).collect();
        let known = app.store().read().labels(app.id(), &ids).await?;
        let mut tags: BTreeMap<UserId, BTreeSet<String>> =
            ids.into_iter().zip(known.into_iter().map(|labels| labels.tags)).collect();
        let mut change = Change::none();
        for one in users {
            let of_user = tags.entry(one.user.clone()).or_default();
            for tag in one.tags {
                if of_user.insert(tag.clone()) {
                    change = change.write(Write::SetPushTag { user: one.user.clone(), tag, on: true });
                }
            }
            if of_user.len() > most {
                return Err(BadLabel::TooManyTags { number: of_user.len(), most }.into());
            }
        }
        app.commit(change).await?;
        Ok(Done {})
    }
}

/// Tells the tags of users. REST.
/// Limits: 100 users. Errors: `PushOff`, `PushTooManyAccounts`, `MessageAccountNotFound`.
/// Spec: docs/spec/rest-push-ops.md#1.5
#[derive(Debug, Deserialize)]
pub struct Get {
    #[serde(rename = "To_Account")]
    users: Vec<UserId>,
}

/// One entry per user, in their order.
#[derive(Debug, Serialize)]
pub struct Tags {
    #[serde(rename = "UserTags")]
    users: Vec<UserTags>,
}

impl Command for Get {
    const ROUTE: Route = Route::rest("all_member_push", "im_get_tag", "docs/spec/rest-push-ops.md#1.5");
    type Reply = Tags;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Tags, Error> {
        require_push(app)?;
        require_batch("To_Account", self.users.len())?;
        require_known(app, self.users.iter()).await?;
        let labels = app.store().read().labels(app.id(), &self.users).await?;
        let users = self.users.into_iter().zip(labels);
        let users = users.map(|(user, labels)| UserTags { user, tags: labels.tags.into_iter().collect() });
        Ok(Tags { users: users.collect() })
    }
}

/// Takes tags from users; absent ones are no fault. REST.
/// Limits and errors: those of [`Add`].
/// Spec: docs/spec/rest-push-ops.md#1.5
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Remove(Named);

impl Command for Remove {
    const ROUTE: Route = Route::rest("all_member_push", "im_remove_tag", "docs/spec/rest-push-ops.md#1.5");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let mut change = Change::none();
        for one in self.0.check(app).await? {
            for tag in one.tags {
                change = change.write(Write::SetPushTag { user: one.user.clone(), tag, on: false });
            }
        }
        app.commit(change).await?;
        Ok(Done {})
    }
}

/// Takes all tags from users. REST.
/// Limits: 100 users. Errors: `PushOff`, `PushTooManyAccounts`, `MessageAccountNotFound`.
/// Spec: docs/spec/rest-push-ops.md#1.5
#[derive(Debug, Deserialize)]
pub struct RemoveAll {
    #[serde(rename = "To_Account")]
    users: Vec<UserId>,
}

impl Command for RemoveAll {
    const ROUTE: Route = Route::rest("all_member_push", "im_remove_all_tags", "docs/spec/rest-push-ops.md#1.5");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        require_push(app)?;
        require_batch("To_Account", self.users.len())?;
        require_known(app, self.users.iter()).await?;
        let clear = |change: Change, user| change.write(Write::ClearPushTags(user));
        app.commit(self.users.into_iter().fold(Change::none(), clear)).await?;
        Ok(Done {})
    }
}
