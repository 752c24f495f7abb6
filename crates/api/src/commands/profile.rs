//! Profiles. Spec: docs/spec/rest-users.md#4, docs/spec/websocket-protocol.md#18

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    UserId,
    account::{Account, ProfileValue},
    profile::{self, BadField},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Route},
    error::Error,
    error_code::ErrorCode,
    filter::Place,
    screening::{self, Contact, Subject},
    webhook,
};

pub(crate) fn all() -> Vec<Entry> {
    list![SetProfile, GetProfiles, GetWholeProfiles]
}

/// One field with its value.
#[derive(Debug, Serialize, Deserialize)]
pub struct Field {
    #[serde(rename = "Tag")]
    tag: String,
    #[serde(rename = "Value")]
    value: ProfileValue,
}

fn refused(bad: &BadField) -> Error {
    let code = match bad {
        BadField::UnknownTag(_) => ErrorCode::ProfileUnknownTag,
        BadField::TooLong { .. } => ErrorCode::ProfileValueTooLong,
        BadField::BadValue { .. } => ErrorCode::ProfileBadValue,
        BadField::WrongType(_) => ErrorCode::ProfileWrongType,
        BadField::NotWritable(_) => ErrorCode::ProfileWriteForbidden,
        BadField::NotReadable(_) => ErrorCode::ProfileReadForbidden,
    };
    Error::new(code, bad.to_string())
}

/// Writes fields of a profile, all or none. REST: any account; gateway: one's own.
/// Limits: `limits.profile`. Errors: `ProfileAccountNotFound`, `ProfileUnknownTag`, `ProfileValueTooLong`, `ProfileBadValue`,
/// `ProfileWrongType`, `ProfileWriteForbidden`, `ContentTextRefused`.
/// Spec: docs/spec/rest-users.md#4.2
#[derive(Debug, Deserialize)]
pub struct SetProfile {
    #[serde(rename = "From_Account")]
    user: Option<UserId>,
    #[serde(rename = "ProfileItem")]
    fields: Vec<Sent>,
}

/// A field as it was sent; its value is judged by its tag.
#[derive(Debug, Deserialize)]
struct Sent {
    #[serde(rename = "Tag")]
    tag: String,
    #[serde(rename = "Value")]
    value: serde_json::Value,
}

impl Command for SetProfile {
    const ROUTE: Route = Route::both("profile", "portrait_set", "docs/spec/rest-users.md#4.2");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        if caller.is_app_admin() && self.user.is_none() {
            return Err(Error::new(ErrorCode::ProfileBadParameter, "`From_Account` is missing"));
        }
        if self.fields.is_empty() {
            return Err(Error::new(ErrorCode::ProfileBadParameter, "`ProfileItem` is empty"));
        }
        let user = caller.acting_for(self.user.as_ref());
        let settings = app.settings();
        let mut fields = Vec::with_capacity(self.fields.len());
        for Sent { tag, value } in self.fields {
            let mut value = match value {
                serde_json::Value::String(text) => ProfileValue::Text(text),
                serde_json::Value::Number(number) if number.is_u64() => {
                    ProfileValue::Number(number.as_u64().unwrap_or_default())
                }
                _ => return Err(refused(&BadField::WrongType(tag))),
            };
            profile::check_write(&settings, &tag, &value, caller.is_app_admin()).map_err(|bad| refused(&bad))?;
            if let ProfileValue::Text(text) = &mut value {
                let subject = Subject { from: &user, contact: Contact::Nobody };
                screening::text(app, caller, &subject, Place::UserInfo, &tag, text).await?;
            }
            let value = profile::kept(&settings, &tag, value);
            fields.push((tag, value));
        }
        app.decide(|| async {
            let account = app.store().account(app.id(), &user).await?.ok_or_else(|| unknown(&user))?;
            let change = profile::set(&account, fields.clone());
            Ok(((), webhook::user::profile_changed(app, caller, &user, &fields, change)))
        })
        .await?;
        Ok(Done {})
    }
}

fn unknown(user: &UserId) -> Error {
    Error::new(ErrorCode::ProfileAccountNotFound, format!("account `{user}` does not exist"))
}

/// Reads chosen fields of up to 100 profiles. REST; clients read whole profiles.
/// Limits: `limits.profile.batch`. Errors: `ProfileNoAccount`, `ProfileBadParameter`, `ProfileUnknownTag`; per item
/// `ProfileAccountNotFound`.
/// Spec: docs/spec/rest-users.md#4.3
#[derive(Debug, Deserialize)]
pub struct GetProfiles {
    #[serde(rename = "To_Account")]
    users: Vec<String>,
    #[serde(rename = "TagList")]
    tags: Vec<String>,
}

/// One profile, or why it cannot be read.
#[derive(Debug, Serialize)]
struct Profile {
    #[serde(rename = "To_Account")]
    user: String,
    #[serde(rename = "ProfileItem", skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<Field>>,
    #[serde(rename = "ResultCode")]
    code: u32,
    #[serde(rename = "ResultInfo")]
    text: &'static str,
}

/// Profiles in the order of the request.
#[derive(Debug, Serialize)]
pub struct Profiles {
    #[serde(rename = "UserProfileItem")]
    items: Vec<Profile>,
    #[serde(rename = "Fail_Account", skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
    #[serde(rename = "CurrentStandardSequence")]
    sequence: u32,
}

impl Command for GetProfiles {
    const ROUTE: Route = Route::both("profile", "portrait_get", "docs/spec/rest-users.md#4.3");
    type Reply = Profiles;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Profiles, Error> {
        if self.tags.is_empty() {
            return Err(Error::new(ErrorCode::ProfileBadParameter, "`TagList` is empty"));
        }
        for tag in &self.tags {
            profile::check_read(&app.settings(), tag, caller.is_app_admin()).map_err(|bad| refused(&bad))?;
        }
        profiles(app, self.users, &self.tags).await
    }
}

/// The text of an item about an unknown account.
const UNKNOWN: &str = "Err_Profile_PortraitGet_Account_Not_Exist";

async fn profiles(app: &App, users: Vec<String>, tags: &[String]) -> Result<Profiles, Error> {
    let settings = app.settings();
    let most = settings.limits().profile.batch as usize;
    if users.is_empty() {
        return Err(Error::new(ErrorCode::ProfileNoAccount, "`To_Account` is empty"));
    }
    if users.len() > most {
        return Err(Error::new(ErrorCode::ProfileBadParameter, format!("`To_Account` has more than {most} entries")));
    }
    let mut items = Vec::with_capacity(users.len());
    let mut failed = Vec::new();
    for user in users {
        let account = match UserId::parse(&user) {
            Ok(id) => app.store().account(app.id(), &id).await?,
            Err(_) => None,
        };
        items.push(match account {
            Some(account) => {
                let fields = Some(fields(&settings, &account, tags));
                Profile { user, fields, code: 0, text: "" }
            }
            None => {
                failed.push(user.clone());
                Profile { user, fields: None, code: ErrorCode::ProfileAccountNotFound.number(), text: UNKNOWN }
            }
        });
    }
    Ok(Profiles { items, failed, sequence: 0 })
}

fn fields(settings: &tsudoi_domain::AppSettings, account: &Account, tags: &[String]) -> Vec<Field> {
    let value = |tag: &String| account.profile.get(tag).cloned().or_else(|| profile::default_value(settings, tag));
    tags.iter().filter_map(|tag| Some(Field { tag: tag.clone(), value: value(tag)? })).collect()
}

/// Reads whole profiles. Gateway only.
/// Limits: `limits.profile.batch`. Errors: as [`GetProfiles`].
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct GetWholeProfiles {
    #[serde(rename = "UserItem")]
    users: Vec<Wanted>,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(rename = "To_Account")]
    user: String,
}

impl Command for GetWholeProfiles {
    const ROUTE: Route = Route::socket("profile", "portrait_get_all", "docs/spec/websocket-protocol.md#18");
    type Reply = Profiles;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Profiles, Error> {
        let mut tags = profile::all_tags(&app.settings());
        tags.retain(|tag| profile::check_read(&app.settings(), tag, caller.is_app_admin()).is_ok());
        profiles(app, self.users.into_iter().map(|wanted| wanted.user).collect(), &tags).await
    }
}
