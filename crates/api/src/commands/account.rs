//! Accounts. Spec: docs/spec/rest-users.md#1

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    UserId,
    account::{self, Account, ProfileValue},
    change::{Change, Write},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Route},
    commands::live::enter,
    error::Error,
    error_code::ErrorCode,
};

pub(crate) fn all() -> Vec<Entry> {
    list![ImportAccount, ImportAccounts, DeleteAccounts, CheckAccounts, KickAccount,]
}

/// Makes an account known, or renames a known one. REST only.
/// Limits: `limits.account.id_max_bytes`, nick and picture `limits.profile`.
/// Errors: `AccountBadParameter` (also ids that only the server gives out), `ProfileValueTooLong`, `AccountQuotaReached`,
/// `AccountNotYetAgain`.
/// Spec: docs/spec/rest-users.md#1.1
#[derive(Debug, Deserialize)]
pub struct ImportAccount {
    #[serde(rename = "UserID", alias = "Identifier")]
    user: UserId,
    #[serde(flatten)]
    face: Face,
}

/// What an import says of an account beside its id.
#[derive(Debug, Default, Deserialize)]
struct Face {
    #[serde(rename = "Nick")]
    nick: Option<String>,
    #[serde(rename = "FaceUrl")]
    face_url: Option<String>,
}

impl Command for ImportAccount {
    const ROUTE: Route = Route::rest("im_open_login_svc", "account_import", "docs/spec/rest-users.md#1.1");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        import(app, self.user, self.face).await?;
        Ok(Done {})
    }
}

async fn import(app: &App, user: UserId, face: Face) -> Result<(), Error> {
    if user.is_reserved() {
        let text = format!("`UserID`: `{user}` begins as ids do that are not given to people");
        return Err(Error::new(ErrorCode::AccountBadParameter, text));
    }
    let settings = app.settings();
    let limits = settings.limits().profile;
    let mut fields = Vec::new();
    for (tag, name, value, most) in [
        (account::NICK, "Nick", face.nick, limits.nick_bytes),
        (account::IMAGE, "FaceUrl", face.face_url, limits.face_url_bytes),
    ] {
        let Some(value) = value else { continue };
        if value.len() > most as usize {
            return Err(Error::new(ErrorCode::ProfileValueTooLong, format!("`{name}` has more than {most} bytes")));
        }
        fields.push((tag.to_owned(), ProfileValue::Text(value)));
    }
    let mut change = Change::none();
    match app.store().account(app.id(), &user).await? {
        Some(known) => fields.retain(|(tag, value)| known.profile.get(tag) != Some(value)),
        None => {
            app.require_room_for(&user).await?;
            change = change.write(Write::PutAccount(Box::new(Account::new(user.clone(), app.now()))));
        }
    }
    if !fields.is_empty() {
        change = change.write(Write::SetProfile { user, fields });
    }
    app.commit(change).await?;
    Ok(())
}

/// Makes up to 100 accounts known. REST only. Ids that cannot be accounts are reported, the others are imported.
/// Errors: `AccountBadParameter` when none is named, too many are, or all are bad.
/// Spec: docs/spec/rest-users.md#1.2
#[derive(Debug, Deserialize)]
pub struct ImportAccounts {
    #[serde(rename = "Accounts", default)]
    ids: Vec<String>,
    #[serde(rename = "AccountList", default)]
    list: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    #[serde(rename = "UserID", alias = "Identifier")]
    user: String,
    #[serde(flatten)]
    face: Face,
}

/// Who could not be imported.
#[derive(Debug, Serialize)]
pub struct Imported {
    #[serde(rename = "FailAccounts")]
    failed: Vec<String>,
}

impl Command for ImportAccounts {
    const ROUTE: Route = Route::rest("im_open_login_svc", "multiaccount_import", "docs/spec/rest-users.md#1.2");
    type Reply = Imported;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Imported, Error> {
        let bad = |text: String| Error::new(ErrorCode::AccountBadParameter, text);
        let listed: Vec<Listed> =
            self.ids.into_iter().map(|user| Listed { user, face: Face::default() }).chain(self.list).collect();
        let most = app.settings().limits().account.batch as usize;
        if listed.is_empty() || listed.len() > most {
            return Err(bad(format!("`AccountList` has {} entries, 1 to {most} are allowed", listed.len())));
        }
        let total = listed.len();
        let mut failed = Vec::new();
        for Listed { user, face } in listed {
            let imported = match UserId::parse(&user) {
                Ok(id) => import(app, id, face).await,
                Err(e) => Err(bad(e.to_string())),
            };
            if let Err(error) = imported {
                tracing::debug!(%error, "an account could not be imported");
                failed.push(user);
            }
        }
        if failed.len() == total {
            return Err(bad("none of the accounts in `AccountList` is valid".into()));
        }
        Ok(Imported { failed })
    }
}

/// The text of an item about an account that does not exist; clients compare it.
fn unknown_text() -> String {
    ErrorCode::AccountNotFound.text().into()
}

/// One account of a batch.
#[derive(Debug, Deserialize)]
struct Named {
    #[serde(rename = "UserID", alias = "Identifier")]
    user: String,
}

/// What became of one account of a batch.
#[derive(Debug, Serialize)]
struct AccountResult {
    #[serde(rename = "UserID")]
    user: String,
    #[serde(rename = "ResultCode")]
    code: u32,
    #[serde(rename = "ResultInfo")]
    text: String,
    #[serde(rename = "AccountStatus", skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

/// What became of a batch, in its order.
#[derive(Debug, Serialize)]
pub struct AccountResults {
    #[serde(rename = "ResultItem")]
    items: Vec<AccountResult>,
}

fn check_batch(items: &[Named], name: &str, most: u32) -> Result<(), Error> {
    if items.is_empty() || items.len() > most as usize {
        let text = format!("`{name}` has {} entries, 1 to {most} are allowed", items.len());
        return Err(Error::new(ErrorCode::AccountBadParameter, text));
    }
    Ok(())
}

async fn known(app: &App, user: &str) -> Result<Option<Arc<Account>>, Error> {
    match UserId::parse(user) {
        Ok(user) => Ok(app.store().account(app.id(), &user).await?),
        Err(_) => Ok(None),
    }
}

/// Deletes up to 100 accounts with their profiles, memberships and relations. REST only. What they said stays.
/// Errors: per item `AccountNotFound`, `AccountBadParameter` (admin accounts); `AccountDeletionOff`.
/// Spec: docs/spec/rest-users.md#1.3
#[derive(Debug, Deserialize)]
pub struct DeleteAccounts {
    #[serde(rename = "DeleteItem")]
    items: Vec<Named>,
}

impl Command for DeleteAccounts {
    const ROUTE: Route = Route::rest("im_open_login_svc", "account_delete", "docs/spec/rest-users.md#1.3");
    type Reply = AccountResults;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<AccountResults, Error> {
        let settings = app.settings();
        if !settings.features.account_delete {
            return Err(ErrorCode::AccountDeletionOff.into());
        }
        check_batch(&self.items, "DeleteItem", settings.limits().account.batch)?;
        let mut items = Vec::with_capacity(self.items.len());
        for Named { user } in self.items {
            let (code, text) = match known(app, &user).await? {
                None => (ErrorCode::AccountNotFound.number(), unknown_text()),
                Some(account) if settings.is_admin(&account.user) => {
                    (ErrorCode::AccountBadParameter.number(), "admin accounts cannot be deleted".into())
                }
                Some(account) => {
                    delete(app, &account.user).await?;
                    (0, String::new())
                }
            };
            items.push(AccountResult { user, code, text, status: None });
        }
        Ok(AccountResults { items })
    }
}

/// Ends an account: its sessions, its memberships (owned groups go on without owner), then itself.
async fn delete(app: &Arc<App>, user: &UserId) -> Result<(), Error> {
    app.decide(|| async {
        let joined = app.store().read().joined(app.id(), user).await?;
        let listed_by = listed_by(app, user).await?;
        let groups = joined.iter().map(|joined| joined.group.as_ref());
        Ok(((), account::delete(user, groups, &listed_by, app.now())))
    })
    .await?;
    app.devices.forget(user);
    let (rooms, mut change) = app.live.forget(user);
    if app.robots.is_on(user) {
        change = change.write(Write::SetRobot { user: user.clone(), on: false });
        app.robots.set(user, false);
    }
    app.commit(change).await?;
    for group in rooms {
        enter::leave(app, None, &group, user).await?;
    }
    Ok(())
}

/// Accounts that are read at a time.
const PAGE: usize = 500;

/// Who has the account in their friend list.
async fn listed_by(app: &App, user: &UserId) -> Result<Vec<UserId>, Error> {
    let (mut owners, mut after) = (Vec::new(), 0);
    loop {
        let page = app.store().read().listed_by(app.id(), user, after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(owners) };
        after = *last;
        owners.extend(page.into_iter().map(|(_, owner)| owner));
    }
}

/// Tells which accounts are known. REST only.
/// Limits: `limits.account.batch`. Errors: `AccountBadParameter`.
/// Spec: docs/spec/rest-users.md#1.4
#[derive(Debug, Deserialize)]
pub struct CheckAccounts {
    #[serde(rename = "CheckItem")]
    items: Vec<Named>,
}

impl Command for CheckAccounts {
    const ROUTE: Route = Route::rest("im_open_login_svc", "account_check", "docs/spec/rest-users.md#1.4");
    type Reply = AccountResults;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<AccountResults, Error> {
        check_batch(&self.items, "CheckItem", app.settings().limits().account.batch)?;
        let mut items = Vec::with_capacity(self.items.len());
        for Named { user } in self.items {
            let is_known = known(app, &user).await?.is_some();
            let status = Some(if is_known { "Imported" } else { "NotImported" });
            items.push(AccountResult { user, code: 0, text: String::new(), status });
        }
        Ok(AccountResults { items })
    }
}

/// Ends all sessions of an account and voids every ticket issued before. REST only.
/// Errors: `AccountNotFound`, `AccountBadParameter`.
/// Spec: docs/spec/rest-users.md#1.5
#[derive(Debug, Deserialize)]
pub struct KickAccount {
    #[serde(rename = "UserID", alias = "Identifier")]
    user: UserId,
}

impl Command for KickAccount {
    const ROUTE: Route = Route::rest("im_open_login_svc", "kick", "docs/spec/rest-users.md#1.5");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let account = app.store().account(app.id(), &self.user).await?;
        let account = account.ok_or_else(|| Error::new(ErrorCode::AccountNotFound, unknown_text()))?;
        app.commit(account::kick(&account, app.now())).await?;
        app.devices.forget(&account.user);
        Ok(Done {})
    }
}
