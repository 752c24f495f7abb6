//! Entering and leaving a live room. Clients do both by the commands of all groups, which come here for rooms.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::value::RawValue;
use tsudoi_domain::{
    Denied, GroupId, Scene, Timestamp, UserId,
    change::{Change, Event},
    group::{Group, GroupPolicy},
    live::{self, PresenceCause},
};

use crate::{
    app::App,
    command::Caller,
    error::Error,
    live as rooms,
    webhook::{
        self,
        group::{ExitType, JoinType},
    },
};

/// What an answer to entering says of a room.
#[derive(Debug, Serialize)]
pub struct RoomKeys {
    /// 1: clients hear the group as a live room.
    #[serde(rename = "HugeGroupFlag")]
    huge: u32,
    /// Comes back with attributes and counters.
    #[serde(rename = "AVChatRoomKey")]
    room_key: String,
    /// Whom it is given to polls; others get pushes.
    #[serde(rename = "LongPollingKey", skip_serializing_if = "Option::is_none")]
    polling_key: Option<String>,
    /// The latest messages, oldest first.
    #[serde(rename = "RspMsgList", skip_serializing_if = "Vec::is_empty")]
    history: Vec<Box<RawValue>>,
}

impl RoomKeys {
    /// The keys of a room, with what newcomers get when they want it.
    #[must_use]
    pub(super) fn of(
        app: &App,
        group: &GroupId,
        policy: &GroupPolicy,
        polling_key: Option<String>,
        with_history: bool,
    ) -> Self {
        let history = if with_history { newest(app, group, policy) } else { Vec::new() };
        Self { huge: 1, room_key: app.dice().id_part(24), polling_key, history }
    }
}

/// What newcomers get, oldest first.
pub(super) fn newest(app: &App, group: &GroupId, policy: &GroupPolicy) -> Vec<Box<RawValue>> {
    let most = policy.history_before_join_count;
    let span = Duration::from_secs(3600 * u64::from(app.settings().live.newcomer_hours));
    let since = Timestamp(app.now().0.saturating_sub_unsigned(span.as_secs()));
    let items = app.live.find(group).map(|room| room.history(most, since)).unwrap_or_default();
    items.iter().map(|json| raw(json)).collect()
}

/// JSON of an item that was made when it was said.
pub(super) fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).expect("serialised when it was said")
}

/// The scene's user enters the room, or is in it already.
///
/// # Errors
/// As [`live::enter`], or what the app's backend says.
pub(crate) async fn enter(
    app: &Arc<App>,
    caller: &Caller,
    scene: &Scene,
    with_history: bool,
) -> Result<RoomKeys, Error> {
    let (group, user) = (&scene.group.id, &scene.user);
    let banned = || app.store().read().ban(app.id(), group, user);
    live::enter(scene, banned().await?, app.live.count(group) as u64)?;
    if !app.live.room(group).contains(user) {
        webhook::group::before_apply(app, caller, &scene.group).await?;
    }
    let entered = app.live.enter(group, user, scene.now, app.settings().live.rooms_per_user);
    let users = std::slice::from_ref(user);
    if entered.is_new {
        // Whoever was banned or whose room was dismissed meanwhile is not in after all.
        let closed = app.store().group(app.id(), group).await?.is_none();
        if closed || banned().await?.holds(scene.now) {
            app.live.leave(group, user);
            let group = group.clone();
            let denied = if closed { Denied::NoSuchGroup(group) } else { Denied::Banned { user: user.clone(), group } };
            return Err(denied.into());
        }
        // That somebody came is told with a number.
        rooms::reserve(app, group).await?;
        let membership = Event::Membership { group: group.clone(), joined: vec![user.clone()], left: Vec::new() };
        let change = Change::none().event(membership);
        let change = webhook::group::joined(app, caller, &scene.group, (JoinType::Apply, user), users, change);
        app.commit(webhook::group::presence(app, &scene.group, users, PresenceCause::Join, change)).await?;
        rooms::tell(app, &scene.policy, group, user, true).await?;
    } else if entered.is_back {
        let cause = PresenceCause::HeartbeatRecover;
        app.commit(webhook::group::presence(app, &scene.group, users, cause, Change::none())).await?;
    }
    for first in &entered.left {
        leave(app, Some(caller), first, user).await?;
    }
    Ok(RoomKeys::of(app, group, &scene.policy, None, with_history))
}

/// The scene's user leaves by their own wish.
///
/// # Errors
/// As [`live::quit`].
pub(crate) async fn quit(app: &Arc<App>, caller: &Caller, scene: &Scene) -> Result<(), Error> {
    let change = live::quit(scene, &|| app.dice().u64())?;
    let (group, user) = (&scene.group.id, &scene.user);
    if !app.live.leave(group, user) {
        return Err(Denied::NotMember { user: user.clone(), group: group.clone() }.into());
    }
    let change = left(app, Some(caller), &scene.group, user, change);
    app.commit(change).await?;
    rooms::tell(app, &scene.policy, group, user, false).await?;
    Ok(())
}

/// Somebody leaves a room because they logged out, entered too many others, or are no more. Where nobody acts for them, only
/// their presence is told of.
///
/// # Errors
/// The store's fault.
pub(crate) async fn leave(
    app: &Arc<App>,
    caller: Option<&Caller>,
    group: &GroupId,
    user: &UserId,
) -> Result<(), Error> {
    app.live.leave(group, user);
    let change = live::gone(group, user);
    let Some(found) = app.store().group(app.id(), group).await? else {
        app.commit(change).await?;
        return Ok(());
    };
    app.commit(left(app, caller, &found, user, change)).await?;
    rooms::tell(app, &app.policy_of(&found), group, user, false).await?;
    Ok(())
}

/// The calls about somebody who left.
fn left(app: &App, caller: Option<&Caller>, group: &Group, user: &UserId, change: Change) -> Change {
    let users = std::slice::from_ref(user);
    let change = match caller {
        Some(caller) => webhook::group::exited(app, caller, group, (ExitType::Quit, user), users, change),
        None => change,
    };
    webhook::group::presence(app, group, users, PresenceCause::Quit, change)
}
