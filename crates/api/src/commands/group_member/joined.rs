//! Lists the groups of an account.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{GroupType, Scene, UserId, conversation::Position};
use tsudoi_store::Joined;

use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    gateway::login::visible,
    wire::group_info::{GroupProfile, GroupView, MemberProfile, Reader, ResponseFilter, Wanted},
};

/// Lists the groups of an account in the order of joining: of any account over REST, one's own over the gateway.
/// Limits: `limits.group.joined_page` groups per page. Errors: `GroupBadParameter`, `GroupAccountNotFound`.
/// Spec: docs/spec/rest-groups.md#2.6, docs/spec/websocket-protocol.md#10
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct ListJoined(Query);

/// As [`ListJoined`], of communities alone: they have a service of their own.
/// Errors: also `CommunityOff`. Spec: docs/spec/websocket-protocol.md#16
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct ListJoinedCommunities(Query);

#[derive(Debug, Deserialize)]
struct Query {
    #[serde(rename = "Member_Account")]
    user: Option<UserId>,
    #[serde(rename = "WithHugeGroups", default, deserialize_with = "decode::flag")]
    with_live_rooms: bool,
    #[serde(rename = "WithNoActiveGroups", default, deserialize_with = "decode::flag")]
    with_inactive: bool,
    #[serde(rename = "Limit")]
    limit: Option<u32>,
    #[serde(rename = "Offset", default)]
    offset: usize,
    #[serde(rename = "GroupType", alias = "Type", default, deserialize_with = "decode::non_empty")]
    group_type: Option<String>,
    #[serde(rename = "SupportTopic")]
    support_topic: Option<u32>,
    #[serde(rename = "NeedAppDefineData", default, deserialize_with = "decode::flag")]
    with_custom: bool,
    #[serde(rename = "ResponseFilter", default)]
    filter: ResponseFilter,
}

/// A page of groups.
#[derive(Debug, Serialize)]
pub struct JoinedGroups {
    /// All that match, whatever the page.
    #[serde(rename = "TotalCount")]
    total: usize,
    #[serde(rename = "GroupIdList")]
    groups: Vec<GroupProfile>,
}

impl Command for ListJoined {
    const ROUTE: Route = Route::both("group_open_http_svc", "get_joined_group_list", "docs/spec/rest-groups.md#2.6");
    type Reply = JoinedGroups;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<JoinedGroups, Error> {
        let group_type = self.0.group_type(app)?;
        let communities = group_type.as_ref().and_then(|kind| app.policy(kind)).is_some_and(|policy| policy.topics);
        if caller.is_app_admin() && self.0.support_topic.is_some() && !communities {
            let text = "`SupportTopic` goes with `GroupType` `Community`";
            return Err(Error::new(ErrorCode::GroupBadParameter, text));
        }
        self.0.answer(caller, app, |_| true).await
    }
}

impl Command for ListJoinedCommunities {
    const ROUTE: Route =
        Route::both("million_group_open_http_svc", "get_joined_group_list", "docs/spec/websocket-protocol.md#16");
    type Reply = JoinedGroups;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<JoinedGroups, Error> {
        if !app.settings().features.community {
            return Err(ErrorCode::CommunityOff.into());
        }
        self.0.answer(caller, app, |joined| app.policy_of(&joined.group).topics).await
    }
}

impl Query {
    /// The type that is asked for, if any.
    fn group_type(&self, app: &App) -> Result<Option<GroupType>, Error> {
        let Some(name) = &self.group_type else { return Ok(None) };
        let found = app.settings().group_type(name);
        let unknown = || format!("`GroupType`: the app has no type `{name}`");
        found.map(Some).ok_or_else(|| Error::new(ErrorCode::GroupBadParameter, unknown()))
    }

    async fn answer(
        self,
        caller: &Caller,
        app: &App,
        wanted: impl Fn(&Joined) -> bool + Send,
    ) -> Result<JoinedGroups, Error> {
        let bad = |text: String| Err(Error::new(ErrorCode::GroupBadParameter, text));
        let settings = app.settings();
        let most = settings.limits().group.joined_page;
        if self.limit.is_some_and(|limit| limit > most) {
            return bad(format!("`Limit` is above {most}"));
        }
        let group_type = self.group_type(app)?;
        if caller.is_app_admin() && self.user.is_none() {
            return bad("`Member_Account` is missing".into());
        }
        let user = caller.acting_for(self.user.as_ref());
        if app.store().account(app.id(), &user).await?.is_none() {
            return Err(tsudoi_domain::Denied::NoSuchAccount(user).into());
        }
        let mut joined = app.store().read().joined(app.id(), &user).await?;
        if self.with_live_rooms {
            joined.extend(live_rooms(app, &user).await?);
        }
        joined.retain(|joined| self.matches(joined, group_type.as_ref()) && wanted(joined));
        let total = joined.len();
        let limit = self.limit.map_or(usize::MAX, |limit| limit as usize);
        let page = joined.into_iter().skip(self.offset).take(limit);
        let groups = page.map(|joined| self.describe(caller, app, &user, joined)).collect();
        Ok(JoinedGroups { total, groups })
    }

    fn matches(&self, joined: &Joined, group_type: Option<&GroupType>) -> bool {
        let group = &joined.group;
        (self.with_inactive || visible(joined))
            && group_type.is_none_or(|wanted| group.group_type == *wanted)
            && self.support_topic.is_none_or(|wanted| group.support_topic == (wanted != 0))
    }

    fn describe(&self, caller: &Caller, app: &App, user: &UserId, joined: Joined) -> GroupProfile {
        let settings = app.settings();
        let view = GroupView::at(app, joined.group.clone(), joined.position);
        let scene = Scene {
            group: joined.group,
            policy: view.policy.clone(),
            user: user.clone(),
            app_admin: caller.is_app_admin(),
            member: Some(joined.member.clone()),
            topic: None,
            rights: None,
            now: app.now(),
        };
        let reader = Reader::of(caller, &settings, &scene);
        let custom = if self.with_custom { Wanted::All } else { self.filter.custom() };
        let mut base = self.filter.base();
        if caller.session().is_some() && view.group.support_topic {
            // Clients tell communities with topics by it, and do not ask for it.
            base.add("SupportTopic");
        }
        let profile = GroupProfile::of(&view, &reader, &base, &custom);
        let own = self.filter.own();
        if own == Wanted::Nothing {
            return profile;
        }
        let own = MemberProfile::of(&joined.member, &view, &reader, &own, &self.filter.member_custom(), None);
        profile.with_own(own.without_account())
    }
}

/// The live rooms that the user is in now.
async fn live_rooms(app: &App, user: &UserId) -> Result<Vec<Joined>, Error> {
    let mut rooms = Vec::new();
    for id in app.live.rooms_of(user) {
        if let Some(group) = app.store().group(app.id(), &id).await?
            && let Some(member) = app.live.member(&group, user)
        {
            rooms.push(Joined { group, member, position: Position::default() });
        }
    }
    Ok(rooms)
}
