//! Marks of people in a live room, and robots: accounts that count as here whether they are or not.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Denied, GroupId, Scene, UserId,
    change::{Change, Write},
    live::{self, PINNED, PINNED_SECS},
    time::MuteUntil,
};

use super::{SERVICE, accounts, check_known, room_with};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    error::Error,
    error_code::ErrorCode,
    live::MarkLimits,
};

/// Marks people in a live room, or takes marks off. REST and gateway; needs `Action::MarkMembers`, reserved marks an app admin.
/// Limits: `limits.live.mark_batch` people, `marks` different ones in a room, `members_per_mark`.
/// Errors: `GroupBadParameter` (also when nobody of these is in the room), `GroupTooManyAccounts`, `GroupNotFound`,
/// `GroupNotAllowed`, `GroupAccountNotFound`, `GroupFeatureOff`.
/// Spec: docs/spec/rest-groups.md#6.4
#[derive(Debug, Deserialize)]
pub struct MarkMembers {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "CommandType")]
    command: u32,
    #[serde(rename = "MemberList")]
    members: Vec<Marked>,
}

/// Somebody and their marks.
#[derive(Debug, Serialize, Deserialize)]
struct Marked {
    #[serde(rename = "Member_Account")]
    user: UserId,
    #[serde(rename = "Marks")]
    marks: Vec<u32>,
}

/// Who was changed.
#[derive(Debug, Serialize)]
pub struct MarkedMembers {
    #[serde(rename = "CommandType")]
    command: u32,
    #[serde(rename = "MemberList")]
    members: Vec<Marked>,
}

/// 1 sets, 2 takes off.
pub(super) fn is_set(command: u32) -> Result<bool, Error> {
    match command {
        1 => Ok(true),
        2 => Ok(false),
        _ => Err(Error::new(ErrorCode::GroupBadParameter, "`CommandType` is neither 1 nor 2")),
    }
}

impl Command for MarkMembers {
    const ROUTE: Route = Route::both(SERVICE, "modify_user_info", "docs/spec/rest-groups.md#6.4");
    type Reply = MarkedMembers;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<MarkedMembers, Error> {
        let settings = app.settings();
        let limits = settings.limits().live;
        let set = is_set(self.command)?;
        let users: Vec<UserId> = self.members.iter().map(|member| member.user.clone()).collect();
        let users = accounts("MemberList", &users, limits.mark_batch)?;
        if self.members.iter().any(|member| member.marks.is_empty()) {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`Marks` is empty"));
        }
        let marks = |scene: &Scene| scene.policy.member_marks;
        let scene = room_with(app, &self.group, caller, marks, "marks").await?;
        if !settings.features.live_member_marks {
            return Err(Denied::FeatureOff("the marks of people in live rooms").into());
        }
        live::may_mark(&scene, self.members.iter().flat_map(|member| member.marks.iter().copied()))?;
        check_known(app, &users).await?;
        let bounds = MarkLimits { marks: limits.marks, people_per_mark: limits.members_per_mark };
        let until = |mark| match (set, mark) {
            (false, _) => MuteUntil::NEVER,
            (true, PINNED) => MuteUntil::after(scene.now, PINNED_SECS),
            (true, _) => MuteUntil::FOREVER,
        };
        let changed = put(app, &scene, &merged(self.members), set, bounds, until).await?;
        let members = changed.into_iter().map(|(user, marks)| Marked { user, marks }).collect();
        Ok(MarkedMembers { command: self.command, members })
    }
}

/// Everybody once, with each of their marks once.
fn merged(members: Vec<Marked>) -> Vec<(UserId, Vec<u32>)> {
    let mut order: Vec<(UserId, Vec<u32>)> = Vec::with_capacity(members.len());
    let mut places: BTreeMap<UserId, usize> = BTreeMap::new();
    for Marked { user, marks } in members {
        let place = *places.entry(user.clone()).or_insert_with(|| {
            order.push((user, Vec::new()));
            order.len() - 1
        });
        for mark in marks {
            if !order[place].1.contains(&mark) {
                order[place].1.push(mark);
            }
        }
    }
    order
}

/// Decides, stores and sets marks.
async fn put(
    app: &App,
    scene: &Scene,
    wanted: &[(UserId, Vec<u32>)],
    set: bool,
    bounds: MarkLimits,
    until: impl Fn(u32) -> MuteUntil,
) -> Result<Vec<(UserId, Vec<u32>)>, Error> {
    let group = &scene.group.id;
    let _changing = app.live.changing.lock().await;
    let planned = app.live.room(group).plan_marks(wanted, set, bounds)?;
    let each = || planned.iter().flat_map(|(user, marks)| marks.iter().map(move |mark| (user, *mark)));
    let change = each().fold(Change::none(), |change, (user, mark)| {
        change.write(Write::SetLiveMark { group: group.clone(), user: user.clone(), mark, until: until(mark) })
    });
    app.commit(change).await?;
    for (user, mark) in each() {
        if set {
            app.live.mark(group, user, mark, until(mark), scene.now);
        } else {
            app.live.unmark(group, user, mark);
        }
    }
    Ok(planned)
}

/// The scene of a room that takes robots.
async fn robot_room(app: &Arc<App>, group: &GroupId, caller: &Caller) -> Result<Scene, Error> {
    let scene = room_with(app, group, caller, |scene| scene.policy.live_robots, "robots").await?;
    if !app.settings().features.live_robots {
        return Err(Denied::FeatureOff("robots in live rooms").into());
    }
    Ok(scene)
}

const NO_LIMITS: MarkLimits = MarkLimits { marks: u32::MAX, people_per_mark: u32::MAX };

/// Puts accounts into the list of a live room for good. REST only.
/// Limits: `limits.live.robot_batch` accounts, `members_per_mark` in a room.
/// Errors: `GroupTooManyAccounts`, `GroupNotFound`, `GroupNotAllowed`, `GroupAccountNotFound`, `GroupFeatureOff`.
/// Spec: docs/spec/rest-groups.md#6.7
#[derive(Debug, Deserialize)]
pub struct AddRobots {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "Member_Account")]
    users: Vec<UserId>,
}

impl Command for AddRobots {
    const ROUTE: Route = Route::rest(SERVICE, "add_robots", "docs/spec/rest-groups.md#6.7");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let limits = app.settings().limits().live;
        let users = accounts("Member_Account", &self.users, limits.robot_batch)?;
        let scene = robot_room(app, &self.group, caller).await?;
        check_known(app, &users).await?;
        let wanted: Vec<_> = users.into_iter().map(|user| (user, vec![PINNED])).collect();
        let bounds = MarkLimits { people_per_mark: limits.members_per_mark, ..NO_LIMITS };
        put(app, &scene, &wanted, true, bounds, |_| MuteUntil::FOREVER).await?;
        Ok(Done {})
    }
}

/// Takes accounts out of the list of a live room again; those that were not put there are passed over. REST only.
/// Limits: `limits.live.robot_batch` accounts.
/// Errors: `GroupTooManyAccounts`, `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`.
/// Spec: docs/spec/rest-groups.md#6.8
#[derive(Debug, Deserialize)]
pub struct DeleteRobots {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "Member_Account")]
    users: Vec<UserId>,
}

impl Command for DeleteRobots {
    const ROUTE: Route = Route::rest(SERVICE, "del_robots", "docs/spec/rest-groups.md#6.8");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let users = accounts("Member_Account", &self.users, app.settings().limits().live.robot_batch)?;
        let scene = robot_room(app, &self.group, caller).await?;
        let room = app.live.room(&self.group);
        let pinned = users.into_iter().filter(|user| room.carries(user, PINNED));
        let wanted: Vec<_> = pinned.map(|user| (user, vec![PINNED])).collect();
        if !wanted.is_empty() {
            put(app, &scene, &wanted, false, NO_LIMITS, |_| MuteUntil::NEVER).await?;
        }
        Ok(Done {})
    }
}
