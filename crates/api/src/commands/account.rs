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
    error::Error,
    error_code::ErrorCode,
};

pub(crate) fn all() -> Vec<Entry> {
    list![ImportAccount, ImportAccounts]
}

/// Makes an account known, or renames a known one. REST only.
/// Limits: `limits.account.id_max_bytes`, nick and picture `limits.profile`.
/// Errors: `AccountBadParameter`, `ProfileValueTooLong`, `AccountQuotaReached`.
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
    let settings = app.settings();
    let limits = settings.limits().profile;
    let known = app.store().account(app.id(), &user).await?;
    let mut account = known.as_deref().cloned().unwrap_or_else(|| Account::new(user, app.now()));
    for (tag, name, value, most) in [
        (account::NICK, "Nick", face.nick, limits.nick_bytes),
        (account::IMAGE, "FaceUrl", face.face_url, limits.face_url_bytes),
    ] {
        let Some(value) = value else { continue };
        if value.len() > most as usize {
            return Err(Error::new(ErrorCode::ProfileValueTooLong, format!("`{name}` has more than {most} bytes")));
        }
        account.profile.insert(tag.into(), ProfileValue::Text(value));
    }
    if known.as_deref() != Some(&account) {
        app.commit(Change::none().write(Write::PutAccount(Box::new(account)))).await?;
    }
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
