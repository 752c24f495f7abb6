//! Describes members.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, de};
use tsudoi_domain::{
    Action, Denied, GroupId, Role, Scene, UserId, conversation::Position, group::policy::MemberList, member::Member,
};

use super::check_accounts;
use crate::{
    app::App,
    command::{Caller, Command, Route},
    error::Error,
    error_code::ErrorCode,
    wire::group_info::{GroupView, MemberProfile, Reader, Wanted},
};

/// A role as a filter names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum RoleName {
    Owner,
    Admin,
    Member,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            RoleName::Member => Self::Member,
        }
    }
}

/// What an answer about members shall hold. An empty list counts as absent.
#[derive(Debug, Default)]
struct MemberFilter {
    fields: Vec<String>,
    roles: Vec<RoleName>,
    custom: Vec<String>,
}

impl MemberFilter {
    fn fields(&self) -> Wanted {
        if self.fields.is_empty() { Wanted::All } else { Wanted::Named(self.fields.clone()) }
    }

    /// Keys of custom fields: all when nothing at all is filtered, else those that are named.
    fn custom(&self) -> Wanted {
        match (self.custom.is_empty(), self.fields.is_empty()) {
            (true, true) => Wanted::All,
            (true, false) => Wanted::Nothing,
            (false, _) => Wanted::Named(self.custom.clone()),
        }
    }

    fn roles(&self) -> Vec<Role> {
        self.roles.iter().map(|name| (*name).into()).collect()
    }
}

/// Lets pass whoever may read the stored members.
fn check_readable(scene: &Scene) -> Result<(), Denied> {
    if !scene.policy.members_stored {
        let group_type = scene.group.group_type.clone();
        return Err(Denied::TypeLacks { group_type, what: "stored members" });
    }
    scene.require(Action::ReadMembers, "read the members")
}

fn describe<'a>(
    app: &App,
    caller: &Caller,
    scene: &Scene,
    filter: &MemberFilter,
    members: impl IntoIterator<Item = &'a Arc<Member>>,
) -> Vec<MemberProfile> {
    let settings = app.settings();
    let reader = Reader::of(caller, &settings, scene);
    let view = GroupView::at(app, scene.group.clone(), Position::default());
    let (fields, custom) = (filter.fields(), filter.custom());
    let describe = |member: &Arc<Member>| {
        let here = app.hub().is_here(app.id(), &member.user);
        MemberProfile::of(member, &view, &reader, &fields, &custom, Some(here))
    };
    members.into_iter().map(describe).collect()
}

/// Lists members: owner, admins, members, each in the order of joining. REST and gateway; needs `Action::ReadMembers`.
/// Communities are paged by `Next`, other groups by `Offset`. Limits: `limits.group.member_page` members per page.
/// Errors: `GroupNotFound`, `GroupNotAllowed` (also live rooms), `GroupBadParameter`, `GroupTooManyMembersInAnswer` without
/// `Limit`.
/// Spec: docs/spec/rest-groups.md#2.1, docs/spec/websocket-protocol.md#10
#[derive(Debug, Deserialize)]
pub struct ListMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "MemberInfoFilter", default)]
    fields: Vec<String>,
    #[serde(rename = "MemberRoleFilter", default)]
    roles: Vec<RoleName>,
    #[serde(rename = "AppDefinedDataFilter_GroupMember", default)]
    custom: Vec<String>,
    #[serde(rename = "Limit")]
    limit: Option<u32>,
    #[serde(rename = "Offset", default)]
    offset: u64,
    #[serde(rename = "Next", default, deserialize_with = "cursor")]
    next: Option<u64>,
}

/// A place in a list: empty or 0 is its beginning. Older clients send a number.
fn cursor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Sent {
        Number(u64),
        Text(String),
    }
    match Option::<Sent>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Sent::Number(number)) => Ok(Some(number)),
        Some(Sent::Text(text)) if text.is_empty() => Ok(Some(0)),
        Some(Sent::Text(text)) => {
            text.parse().map(Some).map_err(|_| de::Error::custom(format!("`{text}` was never answered as `Next`")))
        }
    }
}

/// A page of members.
#[derive(Debug, Serialize)]
pub struct Members {
    /// In the group, whatever the filter and the page.
    #[serde(rename = "MemberNum")]
    total: u64,
    #[serde(rename = "MemberList")]
    members: Vec<MemberProfile>,
    /// Where the next page begins, empty at the end; only of lists that are paged so.
    #[serde(rename = "Next", skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Command for ListMembers {
    const ROUTE: Route = Route::both("group_open_http_svc", "get_group_member_info", "docs/spec/rest-groups.md#2.1");
    type Reply = Members;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Members, Error> {
        let most = app.settings().limits().group.member_page;
        if self.limit.is_some_and(|limit| limit == 0 || limit > most) {
            return Err(Error::new(ErrorCode::GroupBadParameter, format!("`Limit` is not from 1 to {most}")));
        }
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        check_readable(&scene)?;
        if self.limit.is_none() && scene.group.member_num > u64::from(most) {
            let text = format!("the group has {} members: ask for pages by `Limit`", scene.group.member_num);
            return Err(Error::new(ErrorCode::GroupTooManyMembersInAnswer, text));
        }
        let limit = self.shown(&scene, self.limit.unwrap_or(most) as usize);
        let filter = MemberFilter { fields: self.fields, roles: self.roles, custom: self.custom };
        let by_cursor = self.next.is_some() || self.group.is_community();
        let (offset, after) = if by_cursor { (0, self.next.unwrap_or(0)) } else { (self.offset, 0) };
        let roles = filter.roles();
        let (page, next) = if limit == 0 {
            (Vec::new(), 0)
        } else {
            app.store().read().member_page(app.id(), &self.group, &roles, offset, after, limit).await?
        };
        let next = by_cursor.then(|| if next == 0 { String::new() } else { next.to_string() });
        let members = describe(app, caller, &scene, &filter, &page);
        Ok(Members { total: scene.group.member_num, members, next })
    }
}

impl ListMembers {
    /// How much of a page the caller sees: of some types members see only the first so many.
    fn shown(&self, scene: &Scene, limit: usize) -> usize {
        if scene.app_admin || scene.policy.member_list != MemberList::Partial {
            return limit;
        }
        let visible = u64::from(scene.policy.member_list_partial_size).saturating_sub(self.offset);
        limit.min(usize::try_from(visible).unwrap_or(usize::MAX))
    }
}

/// Describes named members; who is none is left out. REST and gateway; needs `Action::ReadMembers`.
/// Limits: `limits.group.member_info_batch` accounts per call.
/// Errors: `GroupTooManyAccounts`, `GroupNotFound`, `GroupNotAllowed` (also live rooms).
/// Spec: docs/spec/rest-groups.md#2.2
#[derive(Debug, Deserialize)]
pub struct GetMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "Member_List_Account")]
    users: Vec<UserId>,
    #[serde(rename = "MemberInfoFilter", default)]
    fields: Vec<String>,
    #[serde(rename = "MemberRoleFilter", default)]
    roles: Vec<RoleName>,
    #[serde(rename = "AppDefinedDataFilter_GroupMember", default)]
    custom: Vec<String>,
}

/// Members of a group.
#[derive(Debug, Serialize)]
pub struct NamedMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "MemberList")]
    members: Vec<MemberProfile>,
}

impl Command for GetMembers {
    const ROUTE: Route =
        Route::both("group_open_http_svc", "get_specified_group_member_info", "docs/spec/rest-groups.md#2.2");
    type Reply = NamedMembers;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<NamedMembers, Error> {
        check_accounts("Member_List_Account", self.users.len(), app.settings().limits().group.member_info_batch)?;
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        check_readable(&scene)?;
        let filter = MemberFilter { fields: self.fields, roles: self.roles, custom: self.custom };
        let roles = filter.roles();
        let found = app.store().read().members(app.id(), &self.group, &self.users).await?;
        let wanted = found.iter().flatten().filter(|member| roles.is_empty() || roles.contains(&member.role));
        let members = describe(app, caller, &scene, &filter, wanted);
        Ok(NamedMembers { group: self.group, members })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(json: &str) -> MemberFilter {
        let json = format!(r#"{{"GroupId":"g"{json}}}"#);
        let list: ListMembers = serde_json::from_str(&json).unwrap();
        MemberFilter { fields: list.fields, roles: list.roles, custom: list.custom }
    }

    #[test]
    fn custom_fields_come_unasked_only_without_any_filter() {
        assert_eq!(filter("").custom(), Wanted::All);
        assert_eq!(filter(r#","MemberInfoFilter":[]"#).fields(), Wanted::All);
        let role = filter(r#","MemberInfoFilter":["Role"]"#);
        assert!(role.fields().has("Role") && !role.fields().has("NameCard"));
        assert_eq!(role.custom(), Wanted::Nothing);
        let level = filter(r#","MemberInfoFilter":["Role"],"AppDefinedDataFilter_GroupMember":["level"]"#);
        assert!(level.custom().has("level") && !level.custom().has("rank"));
    }

    #[test]
    fn cursors_are_texts_or_numbers() {
        let next = |json: &str| {
            serde_json::from_str::<ListMembers>(&format!(r#"{{"GroupId":"g"{json}}}"#)).map(|list| list.next)
        };
        assert_eq!(next("").unwrap(), None);
        assert_eq!(next(r#","Next":"""#).unwrap(), Some(0));
        assert_eq!(next(r#","Next":0"#).unwrap(), Some(0));
        assert_eq!(next(r#","Next":"42""#).unwrap(), Some(42));
        assert!(next(r#","Next":"x""#).is_err());
    }
}
