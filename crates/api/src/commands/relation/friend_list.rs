//! Friend lists as they are read: pages, chosen entries, checks.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    AppSettings, UserId,
    account::{Account, ProfileValue},
    profile,
    relation::{self, Friend, Refusal, friend},
};

use super::{ItemResult, Others, bad, check_len, cut, owner};
use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::compared_text,
};

pub(crate) fn all() -> Vec<Entry> {
    list![GetFriends, GetFriendsByTags, GetFriendsByName, CheckFriends]
}

/// A field of an entry.
#[derive(Debug, Clone, Serialize)]
pub struct SnsField {
    #[serde(rename = "Tag")]
    tag: String,
    #[serde(rename = "Value")]
    value: SnsValue,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum SnsValue {
    One(ProfileValue),
    Many(Vec<String>),
}

impl SnsValue {
    fn is_empty(&self) -> bool {
        match self {
            Self::One(ProfileValue::Text(text)) => text.is_empty(),
            Self::One(ProfileValue::Number(number)) => *number == 0,
            Self::Many(names) => names.is_empty(),
        }
    }
}

const SOURCE: &str = "Tag_SNS_IM_AddSource";
const WORDING: &str = "Tag_SNS_IM_AddWording";
const ADDED_AT: &str = "Tag_SNS_IM_AddTime";
const REMARKED_AT: &str = "Tag_SNS_IM_RemarkTime";
/// The standard fields of an entry.
const STANDARD: [&str; 6] = [SOURCE, friend::REMARK, friend::GROUP, WORDING, ADDED_AT, REMARKED_AT];

/// The value of a field of an entry; `None` for the app's own that were never set and for what is no field.
fn value(friend: &Friend, tag: &str) -> Option<SnsValue> {
    let text = |text: &String| SnsValue::One(ProfileValue::Text(text.clone()));
    let number = |secs: i64| SnsValue::One(ProfileValue::Number(u64::try_from(secs).unwrap_or(0)));
    Some(match tag {
        friend::GROUP => SnsValue::Many(friend.groups.clone()),
        friend::REMARK => text(&friend.remark),
        SOURCE => text(&friend.source),
        WORDING => text(&friend.wording),
        ADDED_AT => number(friend.added_at.0),
        REMARKED_AT => number(friend.remarked_at.0),
        _ => SnsValue::One(friend.custom.get(tag)?.clone()),
    })
}

/// Fields of an entry as pushes show them.
pub(crate) fn changed_fields(friend: &Friend, tags: &[String], settings: &AppSettings) -> Vec<SnsField> {
    let shown = |tag: &&String| !friend::is_custom(tag) || relation::reads_custom(settings, tag, false);
    let fields = tags.iter().filter(shown);
    fields.filter_map(|tag| Some(SnsField { tag: tag.clone(), value: value(friend, tag)? })).collect()
}

fn custom_tags(settings: &AppSettings) -> impl Iterator<Item = String> {
    settings.friend_fields.iter().map(|field| format!("{}{}", relation::CUSTOM, field.keyword))
}

/// All friends, in pages, with those of their fields that are set. REST: of any account; gateway: one's own. What a caller has
/// already, told by its sequences, is left out of the first page.
/// Errors: `RelationAccountNotFound`, `RelationBadParameter`.
/// Spec: docs/spec/rest-users.md#5.9, docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct GetFriends {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "StartIndex")]
    start: Option<u64>,
    #[serde(rename = "StandardSequence", default)]
    standard_sequence: u64,
    #[serde(rename = "CustomSequence", default)]
    custom_sequence: u64,
}

/// A page of friends.
#[derive(Debug, Serialize)]
pub struct Friends {
    #[serde(rename = "UserDataItem")]
    friends: Vec<Entries>,
    #[serde(rename = "StandardSequence")]
    standard_sequence: u64,
    #[serde(rename = "CustomSequence")]
    custom_sequence: u64,
    #[serde(rename = "FriendNum")]
    total: u64,
    #[serde(rename = "CompleteFlag")]
    complete: u32,
    #[serde(rename = "NextStartIndex")]
    next: u64,
}

#[derive(Debug, Serialize)]
struct Entries {
    #[serde(rename = "To_Account")]
    user: UserId,
    #[serde(rename = "ValueItem")]
    fields: Vec<SnsField>,
}

/// Friends of a page.
const PAGE: usize = 100;

impl Command for GetFriends {
    const ROUTE: Route = Route::both("sns", "friend_get", "docs/spec/rest-users.md#5.9");
    type Reply = Friends;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Friends, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        if caller.is_app_admin() && self.start.is_none() {
            return Err(bad("`StartIndex` is missing"));
        }
        let start = self.start.unwrap_or(0);
        let people = app.store().read().people(app.id(), &account.user).await?;
        // Callers echo the sequences of one page when they ask for the next: only the first one spares anything.
        let known = |sent: u64, now: u64| start == 0 && sent != 0 && sent == now;
        let settings = app.settings();
        let mut tags: Vec<String> = Vec::new();
        if !known(self.standard_sequence, people.seq) {
            tags.extend(STANDARD.map(str::to_owned));
        }
        if !known(self.custom_sequence, people.custom_seq) {
            let readable = |tag: &String| relation::reads_custom(&settings, tag, caller.is_app_admin());
            tags.extend(custom_tags(&settings).filter(readable));
        }
        let page = app.store().read().friend_page(app.id(), &account.user, start, PAGE + 1).await?;
        let (page, next) = cut(page, PAGE, |(place, _)| *place);
        let fields = |friend: &Friend| {
            let set = tags.iter().filter_map(|tag| Some((tag, value(friend, tag).filter(|value| !value.is_empty())?)));
            set.map(|(tag, value)| SnsField { tag: tag.clone(), value }).collect()
        };
        Ok(Friends {
            friends: page
                .iter()
                .map(|(_, friend)| Entries { user: friend.user.clone(), fields: fields(friend) })
                .collect(),
            standard_sequence: people.seq,
            custom_sequence: people.custom_seq,
            total: people.friends,
            complete: (next == 0).into(),
            next,
        })
    }
}

/// Chosen fields of named friends and of their profiles. REST: of any account; gateway: one's own.
/// Limits: `limits.sns.get_batch`. Errors: `RelationAccountNotFound`, `RelationBadParameter`, also per item.
/// Spec: docs/spec/rest-users.md#5.10
#[derive(Debug, Deserialize)]
pub struct GetFriendsByTags {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "To_Account")]
    users: Vec<String>,
    #[serde(rename = "TagList")]
    tags: Vec<String>,
}

/// Named friends, in the order of the request.
#[derive(Debug, Serialize)]
pub struct NamedFriends {
    #[serde(rename = "InfoItem")]
    items: Vec<NamedFriend>,
    #[serde(rename = "Fail_Account", skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
}

#[derive(Debug, Serialize)]
struct NamedFriend {
    #[serde(flatten)]
    result: ItemResult,
    #[serde(rename = "SnsProfileItem", skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<SnsField>>,
}

impl Command for GetFriendsByTags {
    const ROUTE: Route = Route::both("sns", "friend_get_list", "docs/spec/rest-users.md#5.10");
    type Reply = NamedFriends;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<NamedFriends, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        if self.tags.is_empty() {
            return Err(bad("`TagList` is empty"));
        }
        let settings = app.settings();
        let by_app_admin = caller.is_app_admin();
        for tag in &self.tags {
            let is_field = STANDARD.contains(&tag.as_str())
                || relation::reads_custom(&settings, tag, by_app_admin)
                || profile::check_read(&settings, tag, by_app_admin).is_ok();
            if !is_field {
                return Err(bad(format!("`TagList`: `{tag}` is no field of friends or profiles that can be read")));
            }
        }
        named_friends(app, &account.user, &self.users, &self.tags).await
    }
}

/// Everything about named friends. Gateway; also in the name of any account over REST.
/// Limits: `limits.sns.get_batch`. Errors: as [`GetFriendsByTags`].
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct GetFriendsByName {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "To_Account")]
    users: Vec<String>,
}

impl Command for GetFriendsByName {
    const ROUTE: Route = Route::both("sns", "friend_get_specified", "docs/spec/websocket-protocol.md#18");
    type Reply = NamedFriends;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<NamedFriends, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let settings = app.settings();
        let by_app_admin = caller.is_app_admin();
        let custom = custom_tags(&settings).filter(|tag| relation::reads_custom(&settings, tag, by_app_admin));
        let mut tags: Vec<String> = STANDARD.map(str::to_owned).into_iter().chain(custom).collect();
        let mut of_profiles = profile::all_tags(&settings);
        of_profiles.retain(|tag| profile::check_read(&settings, tag, by_app_admin).is_ok());
        tags.extend(of_profiles);
        named_friends(app, &account.user, &self.users, &tags).await
    }
}

async fn named_friends(app: &App, user: &UserId, names: &[String], tags: &[String]) -> Result<NamedFriends, Error> {
    let settings = app.settings();
    check_len("To_Account", names.len(), settings.limits().sns.get_batch)?;
    let (mut items, mut failed) = (Vec::with_capacity(names.len()), Vec::new());
    for name in names {
        let known = match UserId::parse(name) {
            Ok(peer) => app.store().read().friend(app.id(), user, &peer).await?,
            Err(_) => None,
        };
        let account = match &known {
            Some(friend) => app.store().account(app.id(), &friend.user).await?,
            None => None,
        };
        let (Some(friend), Some(account)) = (known, account) else {
            failed.push(name.clone());
            let refusal = Refusal::BadValue(compared_text::LISTED_FRIEND_NOT_FOUND.into());
            items.push(NamedFriend { result: ItemResult::new(name, Err(refusal)), fields: None });
            continue;
        };
        let field = |tag: &String| {
            let value = value(&friend, tag).or_else(|| of_profile(&settings, &account, tag).map(SnsValue::One))?;
            Some(SnsField { tag: tag.clone(), value })
        };
        let fields = Some(tags.iter().filter_map(field).collect());
        items.push(NamedFriend { result: ItemResult::new(name, Ok(())), fields });
    }
    Ok(NamedFriends { items, failed })
}

fn of_profile(settings: &AppSettings, account: &Account, tag: &str) -> Option<ProfileValue> {
    account.profile.get(tag).cloned().or_else(|| profile::default_value(settings, tag))
}

/// Tells who is whose friend. REST: of any account; gateway: one's own.
/// Limits: `limits.sns.import_batch`. Errors: `RelationBadParameter`, `RelationAccountNotFound`, also per item.
/// Spec: docs/spec/rest-users.md#5.8, docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct CheckFriends {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "To_Account")]
    users: Vec<String>,
    #[serde(rename = "CheckType", default, deserialize_with = "decode::named")]
    how: Option<CheckType>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckType {
    Single,
    Both,
}

impl decode::Named for CheckType {
    const NAMES: &'static str = "`CheckResult_Type_Single`, `CheckResult_Type_Both`";

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "CheckResult_Type_Single" => Some(Self::Single),
            "CheckResult_Type_Both" => Some(Self::Both),
            _ => None,
        }
    }
}

/// What there is to each, in the order of the request.
#[derive(Debug, Serialize)]
pub struct Checked {
    #[serde(rename = "InfoItem")]
    items: Vec<CheckedItem>,
    #[serde(rename = "Fail_Account", skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct CheckedItem {
    #[serde(flatten)]
    result: ItemResult,
    #[serde(rename = "Relation")]
    relation: &'static str,
}

impl CheckedItem {
    pub(super) fn new(user: &str, outcome: Result<(), Refusal>, relation: &'static str) -> Self {
        Self { result: ItemResult::new(user, outcome), relation }
    }
}

impl Command for CheckFriends {
    const ROUTE: Route = Route::both("sns", "friend_check", "docs/spec/rest-users.md#5.8");
    type Reply = Checked;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Checked, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        check_len("To_Account", self.users.len(), app.settings().limits().sns.import_batch)?;
        let both = self.how != Some(CheckType::Single);
        let mut others = Others::load(app, &account.user, &self.users).await?;
        let (mut items, mut failed) = (Vec::with_capacity(self.users.len()), Vec::new());
        for name in &self.users {
            let (relation, outcome) = match others.get(name) {
                Ok((_, pair)) => (relation(pair.own.is_friend(), both && pair.theirs.is_friend()), Ok(())),
                Err(unknown) => {
                    failed.push(name.clone());
                    (relation(false, false), Err(unknown))
                }
            };
            items.push(CheckedItem::new(name, outcome, relation));
        }
        Ok(Checked { items, failed })
    }
}

fn relation(has: bool, is_had: bool) -> &'static str {
    match (has, is_had) {
        (false, false) => "CheckResult_Type_NoRelation",
        (true, false) => "CheckResult_Type_AWithB",
        (false, true) => "CheckResult_Type_BWithA",
        (true, true) => "CheckResult_Type_BothWay",
    }
}
