//! Who is in a live room now.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{Action, Denied, GroupId, Scene, Timestamp, UserId};

use super::{SERVICE, accounts, room_with};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    error::Error,
    live::{Listed, Page},
    wire::faces::Faces,
};

/// Lets pass those who are in a live room, and backends.
pub(super) fn check_present(scene: &Scene) -> Result<(), Denied> {
    if scene.policy.members_stored {
        let group_type = scene.group.group_type.clone();
        return Err(Denied::TypeLacks { group_type, what: "messages of live rooms" });
    }
    scene.require(Action::ReadProfile, "read messages")
}

/// How many people are in a live room. REST and gateway, for whoever may find the room.
/// Errors: `GroupNotFound`, `GroupNotAllowed` (other types).
/// Spec: docs/spec/rest-groups.md#6.1, docs/spec/websocket-protocol.md#15
#[derive(Debug, Deserialize)]
pub struct CountOnline {
    #[serde(rename = "GroupId")]
    group: GroupId,
}

/// How many there are.
#[derive(Debug, Serialize)]
pub struct OnlineCount {
    #[serde(rename = "OnlineMemberNum")]
    count: usize,
    /// For how many seconds clients believe it.
    #[serde(rename = "ExpireTime")]
    believed_secs: u32,
}

/// The number is that of the moment; clients ask again as often as the vendor's own number changes.
const BELIEVED_SECS: u32 = 10;

impl Command for CountOnline {
    const ROUTE: Route = Route::both("group_open_http_svc", "get_online_member_num", "docs/spec/rest-groups.md#6.1");
    type Reply = OnlineCount;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<OnlineCount, Error> {
        let counts = |scene: &Scene| scene.policy.online_count;
        let scene = room_with(app, &self.group, caller, counts, "number of people who are online").await?;
        scene.require(Action::ReadPublicProfile, "count who is online")?;
        Ok(OnlineCount { count: app.live.count(&self.group), believed_secs: BELIEVED_SECS })
    }
}

/// Lists who is here, the latest who came first; of communities, which members are online. REST and gateway; needs
/// `Action::ReadMembers`. Who is hidden is listed only for a mark.
/// Limits: the latest `live.member_list_size` people, `limits.live.member_page` per page.
/// Errors: `GroupBadParameter`, `GroupNotFound`, `GroupNotAllowed`.
/// Spec: docs/spec/rest-groups.md#6.2, docs/spec/websocket-protocol.md#14
#[derive(Debug, Deserialize)]
pub struct ListOnline {
    #[serde(rename = "GroupId")]
    group: GroupId,
    /// 0 at first, then as answered.
    #[serde(rename = "Timestamp")]
    from: u64,
    #[serde(rename = "Mark")]
    mark: Option<u32>,
}

/// A page of people.
#[derive(Debug, Serialize)]
pub struct OnlineMembers {
    #[serde(rename = "MemberList")]
    members: Vec<OnlineMember>,
    /// 0 at the end.
    #[serde(rename = "NextTimestamp")]
    next: u64,
}

#[derive(Debug, Serialize)]
struct OnlineMember {
    #[serde(rename = "Member_Account")]
    user: UserId,
    #[serde(rename = "JoinTime")]
    entered_at: Timestamp,
    #[serde(rename = "NickName")]
    nick: String,
    #[serde(rename = "Avatar")]
    face_url: String,
    #[serde(rename = "Marks")]
    marks: Vec<u32>,
}

impl Command for ListOnline {
    const ROUTE: Route = Route::both(SERVICE, "get_members", "docs/spec/rest-groups.md#6.2");
    type Reply = OnlineMembers;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<OnlineMembers, Error> {
        let lists = |scene: &Scene| scene.policy.online_list;
        let scene = room_with(app, &self.group, caller, lists, "list of people who are online").await?;
        scene.require(Action::ReadMembers, "list who is online")?;
        let settings = app.settings();
        let page = Page {
            mark: self.mark,
            before: self.from,
            window: settings.live_member_list_size() as usize,
            size: settings.limits().live.member_page as usize,
        };
        let (listed, next) = if scene.policy.members_stored {
            online_of_stored(app, &self.group, &page).await?
        } else {
            app.live.find(&self.group).map(|room| room.list(&page)).unwrap_or_default()
        };
        let faces = Faces::of(app.store(), app.id(), listed.iter().map(|one| one.user.clone()).collect()).await?;
        let describe = |one: Listed| OnlineMember {
            nick: faces.nick(&one.user).to_owned(),
            face_url: faces.face_url(&one.user).to_owned(),
            user: one.user,
            entered_at: one.entered_at,
            marks: one.marks,
        };
        Ok(OnlineMembers { members: listed.into_iter().map(describe).collect(), next })
    }
}

/// Members of a group of another type who are online, the latest who joined first. They carry no marks.
async fn online_of_stored(app: &App, group: &GroupId, page: &Page) -> Result<(Vec<Listed>, u64), Error> {
    if page.mark.is_some() {
        return Ok((Vec::new(), 0));
    }
    let here: Vec<UserId> = app.hub().here_in(app.id(), group);
    let mut members = Vec::with_capacity(here.len());
    for user in here {
        if let Some(member) = app.store().member(app.id(), group, &user).await? {
            members.push(Listed { user, entered_at: member.joined_at, marks: Vec::new() });
        }
    }
    members.sort_by(|one, other| (other.entered_at, &other.user).cmp(&(one.entered_at, &one.user)));
    members.truncate(page.window);
    let from = usize::try_from(page.before).unwrap_or(usize::MAX);
    let next = from.saturating_add(page.size);
    let more = next < members.len();
    let listed = members.into_iter().skip(from).take(page.size).collect();
    Ok((listed, if more { next as u64 } else { 0 }))
}

/// Tells which of the named accounts are in a live room. REST only.
/// Limits: `limits.live.check_batch` accounts. Errors: `GroupTooManyAccounts`, `GroupNotFound`, `GroupNotAllowed`.
/// Spec: docs/spec/rest-groups.md#6.3
#[derive(Debug, Deserialize)]
pub struct CheckOnline {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "Member_Account")]
    users: Vec<UserId>,
}

/// Those who are in.
#[derive(Debug, Serialize)]
pub struct Present {
    #[serde(rename = "Member_Account")]
    users: Vec<UserId>,
}

impl Command for CheckOnline {
    const ROUTE: Route = Route::rest(SERVICE, "check_members", "docs/spec/rest-groups.md#6.3");
    type Reply = Present;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Present, Error> {
        let mut users = accounts("Member_Account", &self.users, app.settings().limits().live.check_batch)?;
        let lists = |scene: &Scene| !scene.policy.members_stored && scene.policy.online_list;
        room_with(app, &self.group, caller, lists, "list of people who are online").await?;
        let room = app.live.find(&self.group);
        users.retain(|user| room.as_ref().is_some_and(|room| room.is_here(user)));
        Ok(Present { users })
    }
}
