//! Official accounts: accounts that others subscribe to, and that speak to all of them at once.
//! Spec: docs/spec/rest-push-ops.md#3

use tsudoi_domain::{
    UserId,
    official::{self, OfficialAccount},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    decode::Fault,
    error::Error,
    error_code::ErrorCode,
};

pub mod manage;
pub mod messages;
pub mod subscribers;
mod told;

pub(crate) fn all() -> Vec<Entry> {
    list![
        manage::CreateOfficialAccount,
        manage::DestroyOfficialAccount,
        manage::ModifyOfficialAccount,
        manage::GetOfficialAccounts,
        subscribers::AddSubscribers,
        subscribers::DeleteSubscribers,
        subscribers::ModifySubscriber,
        subscribers::ListSubscribers,
        subscribers::ListSubscriptions,
        messages::SendOfficialMessage,
        messages::RecallOfficialMessages,
        messages::ListOfficialMessages,
    ]
}

const SERVICE: &str = "official_account_open_http_svc";

/// The code for a field that names an official account.
fn bad_id(field: &str, _: Fault) -> Option<ErrorCode> {
    ["Official_Account", "OfficialAccount", "OfficialAccountUserID"]
        .contains(&field)
        .then_some(ErrorCode::OfficialAccountBadId)
}

fn bad(text: impl Into<String>) -> Error {
    Error::new(ErrorCode::GroupBadParameter, text)
}

fn enabled(app: &App) -> Result<(), Error> {
    if app.settings().features.official_account { Ok(()) } else { Err(ErrorCode::OfficialAccountOff.into()) }
}

/// The official account, or that there is none.
async fn known(app: &App, id: &UserId) -> Result<OfficialAccount, Error> {
    enabled(app)?;
    if !id.as_str().starts_with(official::PREFIX) {
        let text = format!("`Official_Account`: `{id}` does not begin with {}", official::PREFIX);
        return Err(Error::new(ErrorCode::OfficialAccountBadId, text));
    }
    let found = app.store().read().official_account(app.id(), id).await?;
    found.ok_or_else(|| Error::new(ErrorCode::OfficialAccountNotFound, format!("official account {id} does not exist")))
}
