//! Finds people, groups and members by name or id.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    GroupId, UserId,
    account::{Account, ProfileValue},
    group::{Group, GroupType, TypeNames},
};

use super::{MAX_FOUND, Page, bad, enabled, words};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode::Fault,
    error::Error,
    error_code::ErrorCode,
    gateway::login::visible,
    wire::{apply_option_name, invite_option_name},
};

/// Results of a page, unless the client says otherwise.
const USUAL: usize = 20;

/// Finds users by nick (a part of it) or id (the whole of it). Gateway only.
/// Limits: 5 words, pages of 100. Errors: `SearchBadParameter`, `RestAppSuspended` when switched off.
/// Spec: docs/spec/websocket-protocol.md#25
#[derive(Debug, Deserialize)]
pub struct SearchUsers {
    #[serde(rename = "Keywords")]
    words: Vec<String>,
    #[serde(rename = "KeywordMatchType", default)]
    every: u32,
    #[serde(rename = "UserBirthStart")]
    born_from: Option<u64>,
    #[serde(rename = "UserBirthEnd")]
    born_until: Option<u64>,
    #[serde(rename = "UserGenderType")]
    gender: Option<String>,
    #[serde(flatten)]
    page: Page,
}

/// A page of users.
#[derive(Debug, Serialize)]
pub struct Users {
    #[serde(rename = "TotalCount")]
    total: usize,
    #[serde(rename = "Cursor")]
    cursor: String,
    #[serde(rename = "Users")]
    users: Vec<User>,
}

#[derive(Debug, Serialize)]
struct User {
    #[serde(rename = "UserID")]
    user: UserId,
    #[serde(rename = "ProfileItems")]
    fields: Vec<Field>,
}

#[derive(Debug, Serialize)]
struct Field {
    #[serde(rename = "Tag")]
    tag: String,
    #[serde(rename = "StrValue", skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(rename = "IntValue", skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
}

/// What a search shows of a user.
const SHOWN: [&str; 6] = [
    "Tag_Profile_IM_Nick",
    "Tag_Profile_IM_Image",
    "Tag_Profile_IM_Gender",
    "Tag_Profile_IM_BirthDay",
    "Tag_Profile_IM_SelfSignature",
    "Tag_Profile_IM_Location",
];

fn face(account: &Account) -> User {
    let fields = SHOWN.iter().filter_map(|tag| {
        let (text, number) = match account.profile.get(*tag)? {
            ProfileValue::Text(text) => (Some(text.clone()), None),
            ProfileValue::Number(number) => (None, Some(*number)),
        };
        Some(Field { tag: (*tag).to_owned(), text, number })
    });
    User { user: account.user.clone(), fields: fields.collect() }
}

impl SearchUsers {
    fn fits(&self, account: &Account) -> bool {
        let born = match account.profile.get("Tag_Profile_IM_BirthDay") {
            Some(ProfileValue::Number(day)) => *day,
            Some(ProfileValue::Text(_)) | None => 0,
        };
        self.born_from.is_none_or(|from| born >= from)
            && self.born_until.is_none_or(|until| born <= until)
            && self.gender.as_ref().is_none_or(|gender| account.text("Tag_Profile_IM_Gender") == gender)
    }
}

impl Command for SearchUsers {
    const ROUTE: Route = Route::socket("user_search", "query", "docs/spec/websocket-protocol.md#25");
    type Reply = Users;

    async fn run(mut self, _: &Caller, app: &Arc<App>) -> Result<Users, Error> {
        enabled(app)?;
        let words = words("Keywords", std::mem::take(&mut self.words), self.every == 1)?;
        if words.words.is_empty() {
            return Err(bad("`Keywords` is empty"));
        }
        let found = app.store().read().search_accounts(app.id(), &words, MAX_FOUND).await?;
        let accounts = app.store().accounts(app.id(), &found).await?;
        let fitting: Vec<Arc<Account>> = accounts.into_iter().flatten().filter(|account| self.fits(account)).collect();
        let total = fitting.len();
        let (page, cursor) = self.page.of(fitting, USUAL)?;
        Ok(Users { total, cursor, users: page.iter().map(|account| face(account)).collect() })
    }

    fn bad_field(_: &str, _: Fault) -> Option<ErrorCode> {
        Some(ErrorCode::SearchBadParameter)
    }
}

/// Finds groups by name (a part of it) or id (the whole of it): one's own, and those whose public face strangers may read. Live rooms
/// are not found. Gateway only.
/// Limits: 5 words, pages of 100. Errors: `SearchBadParameter`, `RestAppSuspended` when switched off.
/// Spec: docs/spec/websocket-protocol.md#25
#[derive(Debug, Deserialize)]
pub struct SearchGroups {
    #[serde(rename = "Keywords")]
    words: Vec<String>,
    #[serde(rename = "KeywordMatchType", default)]
    every: u32,
    #[serde(rename = "GroupType", alias = "GroupTypeList", default)]
    types: Vec<String>,
    #[serde(flatten)]
    page: Page,
}

/// A page of groups.
#[derive(Debug, Serialize)]
pub struct Groups {
    #[serde(rename = "TotalCount")]
    total: usize,
    #[serde(rename = "Cursor")]
    cursor: String,
    #[serde(rename = "Groups")]
    groups: Vec<GroupShown>,
}

#[derive(Debug, Serialize)]
struct GroupShown {
    #[serde(rename = "GroupID")]
    id: GroupId,
    #[serde(rename = "GroupName")]
    name: String,
    #[serde(rename = "GroupType")]
    group_type: String,
    #[serde(rename = "GroupFaceUrl")]
    face_url: String,
    #[serde(rename = "GroupIntroduction")]
    introduction: String,
    #[serde(rename = "GroupOwnerUserID")]
    owner: String,
    #[serde(rename = "GroupOwnerUserName")]
    owner_nick: String,
    #[serde(rename = "GroupMemberNum")]
    member_num: u64,
    #[serde(rename = "GroupAddOption")]
    apply_option: &'static str,
    #[serde(rename = "GroupInviteOption")]
    invite_option: &'static str,
}

/// The types that a search is about; none named: all.
struct Types(Vec<GroupType>);

impl Types {
    fn of(app: &App, names: &[String]) -> Result<Self, Error> {
        let known = |name: &String| {
            app.settings().group_type(name).ok_or_else(|| bad(format!("`GroupType`: there is no type {name}")))
        };
        names.iter().map(known).collect::<Result<_, _>>().map(Self)
    }

    fn has(&self, group: &Group) -> bool {
        self.0.is_empty() || self.0.contains(&group.group_type)
    }
}

/// Clients know the types by these names whatever the app chose for its backends.
fn type_name(group: &Group) -> String {
    group.group_type.wire_name(TypeNames::Legacy).to_owned()
}

impl Command for SearchGroups {
    const ROUTE: Route = Route::socket("group_search", "query", "docs/spec/websocket-protocol.md#25");
    type Reply = Groups;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Groups, Error> {
        enabled(app)?;
        let words = words("Keywords", self.words, self.every == 1)?;
        if words.words.is_empty() {
            return Err(bad("`Keywords` is empty"));
        }
        let types = Types::of(app, &self.types)?;
        let mut seen = Vec::new();
        for id in app.store().read().search_groups(app.id(), &words, MAX_FOUND).await? {
            let Some(group) = app.store().group(app.id(), &id).await? else { continue };
            let policy = app.policy_of(&group);
            if !policy.members_stored || !types.has(&group) {
                continue;
            }
            let member = app.store().member(app.id(), &id, &caller.user).await?;
            let is_own = member.is_some() && (group.active || group.owner.as_ref() == Some(&caller.user));
            if is_own || group.active && policy.searchable_by_id {
                seen.push(group);
            }
        }
        let total = seen.len();
        let (page, cursor) = self.page.of(seen, USUAL)?;
        let mut groups = Vec::with_capacity(page.len());
        for group in page {
            let owner = match &group.owner {
                Some(owner) => app.store().account(app.id(), owner).await?,
                None => None,
            };
            groups.push(GroupShown {
                id: group.id.clone(),
                name: group.name.clone(),
                group_type: type_name(&group),
                face_url: group.face_url.clone(),
                introduction: group.introduction.clone(),
                owner: group.owner.as_ref().map_or_else(String::new, ToString::to_string),
                owner_nick: owner.map_or_else(String::new, |owner| owner.nick().to_owned()),
                member_num: group.member_num,
                apply_option: apply_option_name(group.apply_option),
                invite_option: invite_option_name(group.invite_option),
            });
        }
        Ok(Groups { total, cursor, groups })
    }

    fn bad_field(_: &str, _: Fault) -> Option<ErrorCode> {
        Some(ErrorCode::SearchBadParameter)
    }
}

/// Finds members of one's own groups by name card or nick (a part of it) or id (the whole of it). Gateway only.
/// Limits: 5 words, pages of 100. Errors: `SearchBadParameter`, `RestAppSuspended` when switched off.
/// Spec: docs/spec/websocket-protocol.md#25
#[derive(Debug, Deserialize)]
pub struct SearchMembers {
    #[serde(rename = "Keywords")]
    words: Vec<String>,
    #[serde(rename = "KeywordMatchType", default)]
    every: u32,
    #[serde(rename = "GroupType", alias = "GroupTypeList", default)]
    types: Vec<String>,
    #[serde(rename = "GroupIdList", alias = "GroupIDList", default)]
    groups: Vec<String>,
    #[serde(flatten)]
    page: Page,
}

/// A page of members.
#[derive(Debug, Serialize)]
pub struct Members {
    #[serde(rename = "TotalCount")]
    total: usize,
    #[serde(rename = "Cursor")]
    cursor: String,
    #[serde(rename = "GroupMembers")]
    members: Vec<MemberShown>,
}

#[derive(Debug, Serialize)]
struct MemberShown {
    #[serde(rename = "GroupID")]
    group: GroupId,
    #[serde(rename = "GroupName")]
    group_name: String,
    #[serde(rename = "GroupType")]
    group_type: String,
    #[serde(rename = "GroupFaceUrl")]
    group_face_url: String,
    #[serde(rename = "GroupMemberUserID")]
    user: UserId,
    #[serde(rename = "GroupMemberUserName")]
    nick: String,
    #[serde(rename = "GroupMemberNameCard")]
    name_card: String,
    #[serde(rename = "GroupMemberAvatar")]
    face_url: String,
}

impl Command for SearchMembers {
    const ROUTE: Route = Route::socket("group_member_search", "query", "docs/spec/websocket-protocol.md#25");
    type Reply = Members;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Members, Error> {
        enabled(app)?;
        let words = words("Keywords", self.words, self.every == 1)?;
        if words.words.is_empty() {
            return Err(bad("`Keywords` is empty"));
        }
        let types = Types::of(app, &self.types)?;
        let joined = app.store().read().joined(app.id(), &caller.user).await?;
        let own: Vec<GroupId> = joined
            .iter()
            .filter(|joined| visible(joined) && types.has(&joined.group))
            .map(|joined| joined.group.id.clone())
            .filter(|id| self.groups.is_empty() || self.groups.iter().any(|named| named == id.as_str()))
            .collect();
        let found = app.store().read().search_members(app.id(), &own, &words, MAX_FOUND).await?;
        let total = found.len();
        let (page, cursor) = self.page.of(found, USUAL)?;
        let mut members = Vec::with_capacity(page.len());
        for (id, user) in page {
            let (Some(group), Some(member), Some(account)) = (
                app.store().group(app.id(), &id).await?,
                app.store().member(app.id(), &id, &user).await?,
                app.store().account(app.id(), &user).await?,
            ) else {
                continue;
            };
            members.push(MemberShown {
                group_name: group.name.clone(),
                group_type: type_name(&group),
                group_face_url: group.face_url.clone(),
                group: id,
                user,
                nick: account.nick().to_owned(),
                name_card: member.name_card.clone(),
                face_url: account.face_url().to_owned(),
            });
        }
        Ok(Members { total, cursor, members })
    }

    fn bad_field(_: &str, _: Fault) -> Option<ErrorCode> {
        Some(ErrorCode::SearchBadParameter)
    }
}
