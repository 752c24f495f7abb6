//! Makes, changes, shows and ends official accounts.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tsudoi_domain::{
    UserId, WebhookCommand,
    account::{self, Account, ProfileValue},
    change::{Change, Event, Write},
    official::{self, OfficialAccount},
};

use super::{
    SERVICE, bad, bad_id, enabled, known,
    told::{About, tell},
};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode::{self, Fault},
    error::Error,
    error_code::ErrorCode,
    filter::Place,
    screening::{self, Contact, Subject},
};

/// Most official accounts of one owner.
const MAX_PER_OWNER: u64 = 100;
/// Most official accounts that are shown at once.
const MAX_SHOWN: usize = 100;
/// How many may subscribe, unless the account says otherwise.
const DEFAULT_SUBSCRIBERS: u64 = 100_000;

/// What can be said of an official account.
#[derive(Debug, Default, Deserialize)]
struct Profile {
    #[serde(rename = "Name")]
    name: Option<String>,
    #[serde(rename = "Introduction")]
    introduction: Option<String>,
    #[serde(rename = "FaceUrl")]
    face_url: Option<String>,
    #[serde(rename = "Organization")]
    organization: Option<String>,
    #[serde(rename = "CustomString")]
    custom: Option<String>,
    #[serde(rename = "MaxSubscriberNum")]
    max_subscriber_num: Option<u64>,
}

impl Profile {
    fn check(&self) -> Result<(), Error> {
        for (field, value, most) in [
            ("Name", &self.name, 150),
            ("Introduction", &self.introduction, 400),
            ("FaceUrl", &self.face_url, 500),
            ("Organization", &self.organization, 500),
            ("CustomString", &self.custom, 3000),
        ] {
            if value.as_ref().is_some_and(|value| value.len() > most) {
                return Err(bad(format!("`{field}` has more than {most} bytes")));
            }
        }
        if self.name.as_deref() == Some("") {
            return Err(bad("`Name` is empty"));
        }
        if self.max_subscriber_num == Some(0) {
            return Err(bad("`MaxSubscriberNum` is 0"));
        }
        Ok(())
    }

    /// Lets the app's word lists look at what the account says of itself.
    async fn screen(&mut self, app: &App, caller: &Caller) -> Result<(), Error> {
        let subject = Subject { from: &caller.user, contact: Contact::Nobody };
        for (field, text) in [
            ("Name", &mut self.name),
            ("Introduction", &mut self.introduction),
            ("Organization", &mut self.organization),
        ] {
            if let Some(text) = text {
                screening::text(app, caller, &subject, Place::UserInfo, field, text).await?;
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        let texts = [&self.name, &self.introduction, &self.face_url, &self.organization, &self.custom];
        texts.iter().all(|text| text.is_none()) && self.max_subscriber_num.is_none()
    }

    /// The account with what is said put in place.
    fn of(self, account: OfficialAccount) -> OfficialAccount {
        OfficialAccount {
            name: self.name.unwrap_or(account.name),
            introduction: self.introduction.unwrap_or(account.introduction),
            face_url: self.face_url.unwrap_or(account.face_url),
            organization: self.organization.unwrap_or(account.organization),
            custom: self.custom.unwrap_or(account.custom),
            max_subscriber_num: self.max_subscriber_num.unwrap_or(account.max_subscriber_num),
            ..account
        }
    }
}

/// The ordinary account behind it, by which clients know name and picture.
fn face(official: &OfficialAccount, before: Option<&Account>) -> Account {
    let mut account = before.cloned().unwrap_or_else(|| Account::new(official.id.clone(), official.created_at));
    account.profile.insert(account::NICK.into(), ProfileValue::Text(official.name.clone()));
    account.profile.insert(account::IMAGE.into(), ProfileValue::Text(official.face_url.clone()));
    account
}

/// Makes an official account. REST only.
/// Limits: `Name` 150 bytes, `Introduction` 400, `FaceUrl` and `Organization` 500, `CustomString` 3,000; 100 per owner.
/// Errors: `GroupBadParameter`, `GroupAccountNotFound`, `OfficialAccountBadId`, `OfficialAccountIdTaken`,
/// `OfficialAccountTooMany`, `OfficialAccountOff`.
/// Spec: docs/spec/rest-push-ops.md#3
#[derive(Debug, Deserialize)]
pub struct CreateOfficialAccount {
    #[serde(rename = "Owner_Account")]
    owner: UserId,
    #[serde(
        rename = "OfficialAccountUserID",
        alias = "Official_Account",
        default,
        deserialize_with = "decode::non_empty"
    )]
    id: Option<UserId>,
    #[serde(flatten)]
    profile: Profile,
}

/// Its id.
#[derive(Debug, Serialize)]
pub struct Created {
    #[serde(rename = "OfficialAccountUserID")]
    id: UserId,
}

impl Command for CreateOfficialAccount {
    const ROUTE: Route = Route::rest(SERVICE, "create_official_account", "docs/spec/rest-push-ops.md#3");
    type Reply = Created;

    async fn run(mut self, caller: &Caller, app: &Arc<App>) -> Result<Created, Error> {
        enabled(app)?;
        if self.profile.name.is_none() {
            return Err(bad("`Name` is missing"));
        }
        self.profile.check()?;
        let id = match self.id {
            Some(id) if id.as_str().len() > official::PREFIX.len() && id.as_str().starts_with(official::PREFIX) => id,
            Some(id) => {
                let text = format!("`OfficialAccountUserID`: `{id}` does not begin with {}", official::PREFIX);
                return Err(Error::new(ErrorCode::OfficialAccountBadId, text));
            }
            None => UserId::trusted(&format!("{}{}", official::PREFIX, app.dice().id_part(12))),
        };
        if app.store().account(app.id(), &self.owner).await?.is_none() {
            let text = format!("`Owner_Account`: account {} does not exist", self.owner);
            return Err(Error::new(ErrorCode::GroupAccountNotFound, text));
        }
        self.profile.screen(app, caller).await?;
        let name = self.profile.name.as_deref().unwrap_or_default();
        let asked = About::new(None, &caller.user, &self.owner, name);
        app.webhooks().ask(WebhookCommand::BeforeCreateOfficialAccount, caller, &asked).await?;
        // Nobody makes another one between looking and storing.
        let _creating = app.creating.lock().await;
        if app.store().account(app.id(), &id).await?.is_some() {
            return Err(Error::new(
                ErrorCode::OfficialAccountIdTaken,
                format!("`OfficialAccountUserID`: {id} is taken"),
            ));
        }
        if app.store().read().official_accounts_of(app.id(), &self.owner).await? >= MAX_PER_OWNER {
            let text = format!("{} has {MAX_PER_OWNER} official accounts", self.owner);
            return Err(Error::new(ErrorCode::OfficialAccountTooMany, text));
        }
        let official = self.profile.of(OfficialAccount {
            id: id.clone(),
            owner: self.owner,
            name: String::new(),
            introduction: String::new(),
            face_url: String::new(),
            organization: String::new(),
            custom: String::new(),
            max_subscriber_num: DEFAULT_SUBSCRIBERS,
            created_at: app.now(),
            subscriber_num: 0,
            last_msg_time: tsudoi_domain::Timestamp(0),
        });
        let about = About::new(Some(&id), &caller.user, &official.owner, &official.name);
        let call = tell(app, caller, WebhookCommand::AfterCreateOfficialAccount, &id, about);
        let change = Change::none()
            .write(Write::PutAccount(Box::new(face(&official, None))))
            .write(Write::PutOfficialAccount(Box::new(official)))
            .calls(call);
        app.commit(change).await?;
        Ok(Created { id })
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_id(field, fault)
    }
}

/// Ends an official account with its subscriptions; what subscribers received stays theirs. REST only.
/// Errors: `OfficialAccountBadId`, `OfficialAccountNotFound`, `OfficialAccountOff`.
/// Spec: docs/spec/rest-push-ops.md#3
#[derive(Debug, Deserialize)]
pub struct DestroyOfficialAccount {
    #[serde(rename = "Official_Account", alias = "OfficialAccount")]
    account: UserId,
}

impl Command for DestroyOfficialAccount {
    const ROUTE: Route = Route::rest(SERVICE, "destroy_official_account", "docs/spec/rest-push-ops.md#3");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let official = known(app, &self.account).await?;
        let about = About {
            account: Some(&official.id),
            owner: Some(&official.owner),
            name: Some(&official.name),
            ..About::default()
        };
        let call = tell(app, caller, WebhookCommand::AfterOfficialAccountDestroyed, &official.id, about);
        let change = Change::none()
            .write(Write::DeleteOfficialAccount(official.id.clone()))
            .write(Write::DeleteAccount(official.id))
            .calls(call);
        app.commit(change).await?;
        Ok(Done {})
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_id(field, fault)
    }
}

/// Changes what is said of an official account; what is not named stays. REST only.
/// Limits: as for [`CreateOfficialAccount`]. Errors: `GroupBadParameter`, `OfficialAccountBadId`, `OfficialAccountNotFound`,
/// `OfficialAccountOff`.
/// Spec: docs/spec/rest-push-ops.md#3
#[derive(Debug, Deserialize)]
pub struct ModifyOfficialAccount {
    #[serde(rename = "Official_Account", alias = "OfficialAccount")]
    account: UserId,
    #[serde(flatten)]
    profile: Profile,
}

impl Command for ModifyOfficialAccount {
    const ROUTE: Route = Route::rest(SERVICE, "modify_official_account_base_info", "docs/spec/rest-push-ops.md#3");
    type Reply = Done;

    async fn run(mut self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let before = known(app, &self.account).await?;
        self.profile.check()?;
        if self.profile.is_empty() {
            return Err(bad("nothing of the official account is to be changed"));
        }
        self.profile.screen(app, caller).await?;
        let official = self.profile.of(before.clone());
        let account = app.store().account(app.id(), &official.id).await?;
        let mut tags = vec![account::NICK.to_owned(), account::IMAGE.to_owned()];
        let changed = face(&official, account.as_deref());
        tags.retain(|tag| account.as_ref().is_none_or(|before| before.profile.get(tag) != changed.profile.get(tag)));
        let about = About::changed(&before, &official, &caller.user);
        let call = tell(app, caller, WebhookCommand::AfterOfficialAccountInfoChanged, &official.id, about);
        let mut change = Change::none()
            .write(Write::PutAccount(Box::new(changed)))
            .write(Write::PutOfficialAccount(Box::new(official.clone())))
            .calls(call);
        if !tags.is_empty() {
            change = change.event(Event::ProfileChanged { user: official.id, tags });
        }
        app.commit(change).await?;
        Ok(Done {})
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_id(field, fault)
    }
}

/// Which fields are wanted; none named: all.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(rename = "OfficialAccountBaseInfoFilter", default)]
    fields: Vec<String>,
    #[serde(rename = "SelfInfoFilter", default)]
    pub(super) own_fields: Vec<String>,
}

pub(super) type Shown = BTreeMap<&'static str, Value>;

/// What others see of an official account.
pub(super) fn shown(official: &OfficialAccount, filter: &Filter) -> Shown {
    let mut shown = BTreeMap::from([
        ("Owner_Account", json!(official.owner)),
        ("Name", json!(official.name)),
        ("Introduction", json!(official.introduction)),
        ("FaceUrl", json!(official.face_url)),
        ("Organization", json!(official.organization)),
        ("CustomString", json!(official.custom)),
        ("MaxSubscriberNum", json!(official.max_subscriber_num)),
        ("SubscriberNum", json!(official.subscriber_num)),
        ("CreateTime", json!(official.created_at)),
        ("LastMsgTime", json!(official.last_msg_time)),
    ]);
    if !filter.fields.is_empty() {
        shown.retain(|name, _| filter.fields.iter().any(|field| field == name));
    }
    shown.insert("Official_Account", json!(official.id));
    shown
}

/// Shows official accounts. REST only.
/// Limits: 100. Errors: `GroupBadParameter`, `OfficialAccountOff`; per item `OfficialAccountBadId`, `OfficialAccountNotFound`.
/// Spec: docs/spec/rest-push-ops.md#3
#[derive(Debug, Deserialize)]
pub struct GetOfficialAccounts {
    #[serde(rename = "OfficialAccountIdList")]
    accounts: Vec<Named>,
    #[serde(rename = "ResponseFilter", default)]
    filter: Filter,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(rename = "Official_Account", alias = "OfficialAccount")]
    account: String,
}

/// The accounts in the order of the request.
#[derive(Debug, Serialize)]
pub struct OfficialAccountsShown {
    #[serde(rename = "OfficialAccountInfoList")]
    accounts: Vec<Shown>,
}

impl Command for GetOfficialAccounts {
    const ROUTE: Route = Route::rest(SERVICE, "get_official_account_info", "docs/spec/rest-push-ops.md#3");
    type Reply = OfficialAccountsShown;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<OfficialAccountsShown, Error> {
        enabled(app)?;
        if self.accounts.is_empty() {
            return Err(bad("`OfficialAccountIdList` is empty"));
        }
        if self.accounts.len() > MAX_SHOWN {
            return Err(bad(format!("`OfficialAccountIdList` has more than {MAX_SHOWN} entries")));
        }
        let mut accounts = Vec::with_capacity(self.accounts.len());
        for Named { account } in self.accounts {
            let found = match UserId::parse(&account) {
                Ok(id) => known(app, &id).await,
                Err(error) => Err(Error::new(ErrorCode::OfficialAccountBadId, format!("`Official_Account`: {error}"))),
            };
            let mut item = match &found {
                Ok(official) => shown(official, &self.filter),
                Err(_) => BTreeMap::from([("Official_Account", json!(account))]),
            };
            item.insert("ErrorCode", json!(found.as_ref().err().map_or(0, Error::code)));
            item.insert("ErrorInfo", json!(found.as_ref().err().map_or("", Error::text)));
            accounts.push(item);
        }
        Ok(OfficialAccountsShown { accounts })
    }

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_id(field, fault)
    }
}
