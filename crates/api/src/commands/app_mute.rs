//! Mutes of accounts in the whole app. Spec: docs/spec/rest-users.md#9

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Timestamp, UserId,
    account::Account,
    change::{Change, Write},
    time::MuteUntil,
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Route},
    decode::Fault,
    error::Error,
    error_code::ErrorCode,
};

pub(crate) fn all() -> Vec<Entry> {
    list![MuteAccount, GetMute]
}

async fn known(app: &App, field: &str, user: &UserId, otherwise: ErrorCode) -> Result<Arc<Account>, Error> {
    let account = app.store().account(app.id(), user).await?;
    account.ok_or_else(|| Error::new(otherwise, format!("`{field}`: account {user} does not exist")))
}

/// Mutes an account towards single users, in all groups, or both; what is not named stays. REST only. Its REST messages pass.
/// Units: seconds from now; 0 lifts, the largest `u32` is for good.
/// Errors: `APP_MUTE_SET_ACCOUNT_MISSING`, `APP_MUTE_SET_ACCOUNT_UNKNOWN`, `APP_MUTE_NO_TIME`.
/// Spec: docs/spec/rest-users.md#9.1
#[derive(Debug, Deserialize)]
pub struct MuteAccount {
    #[serde(rename = "Set_Account")]
    user: UserId,
    #[serde(rename = "C2CmsgNospeakingTime")]
    direct_secs: Option<u32>,
    #[serde(rename = "GroupmsgNospeakingTime")]
    group_secs: Option<u32>,
}

impl Command for MuteAccount {
    const ROUTE: Route = Route::rest("openconfigsvr", "setnospeaking", "docs/spec/rest-users.md#9.1");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        if self.direct_secs.is_none() && self.group_secs.is_none() {
            let text = "neither `C2CmsgNospeakingTime` nor `GroupmsgNospeakingTime` is given";
            return Err(Error::new(ErrorCode::APP_MUTE_NO_TIME, text));
        }
        known(app, "Set_Account", &self.user, ErrorCode::APP_MUTE_SET_ACCOUNT_UNKNOWN).await?;
        let now = app.now();
        let until = |secs: Option<u32>| secs.map(|secs| MuteUntil::after(now, secs));
        let mute =
            Write::MuteAccount { user: self.user, direct: until(self.direct_secs), groups: until(self.group_secs) };
        app.commit(Change::none().write(mute)).await?;
        Ok(Done {})
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        Some(match (field, fault) {
            ("Set_Account", Fault::Missing) => ErrorCode::APP_MUTE_SET_ACCOUNT_MISSING,
            ("Set_Account", Fault::WrongType | Fault::BadValue) => ErrorCode::APP_MUTE_SET_ACCOUNT_UNKNOWN,
            (_, Fault::Missing | Fault::WrongType | Fault::BadValue) => ErrorCode::AppMuteBadJson,
        })
    }
}

/// Tells for how long an account is muted yet. REST only.
/// Units: seconds; 0 is not muted, the largest `u32` for good. Errors: `APP_MUTE_GET_ACCOUNT_MISSING`, `AppMuteBadAccount`.
/// Spec: docs/spec/rest-users.md#9.2
#[derive(Debug, Deserialize)]
pub struct GetMute {
    #[serde(rename = "Get_Account")]
    user: UserId,
}

/// The seconds that are left.
#[derive(Debug, Serialize)]
pub struct Remaining {
    #[serde(rename = "C2CmsgNospeakingTime")]
    direct_secs: u32,
    #[serde(rename = "GroupmsgNospeakingTime")]
    group_secs: u32,
}

impl Command for GetMute {
    const ROUTE: Route = Route::rest("openconfigsvr", "getnospeaking", "docs/spec/rest-users.md#9.2");
    type Reply = Remaining;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Remaining, Error> {
        let account = known(app, "Get_Account", &self.user, ErrorCode::AppMuteBadAccount).await?;
        let now = app.now();
        Ok(Remaining { direct_secs: left(account.direct_muted, now), group_secs: left(account.groups_muted, now) })
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        (field == "Get_Account" && fault == Fault::Missing).then_some(ErrorCode::APP_MUTE_GET_ACCOUNT_MISSING)
    }
}

fn left(until: MuteUntil, now: Timestamp) -> u32 {
    if until == MuteUntil::FOREVER {
        return u32::MAX;
    }
    u32::try_from((until.0 - now.0).max(0)).unwrap_or(u32::MAX)
}
