//! Muting single people. A mute needs no membership, outlives it, and ends by itself (docs/spec/rest-groups.md#2.8).

use super::{Dice, random};
use crate::{
    Denied, Scene, TopicId, UserId,
    change::{Change, Expect, Write},
    message::{MemberMute, Tip, tip},
    permission::{Action, Role},
    time::MuteUntil,
};

/// People to be muted, or to speak again.
#[derive(Debug, Clone, Copy)]
pub struct Mute<'a> {
    /// Whom, with their role in the group.
    pub targets: &'a [(UserId, Role)],
    /// Only in this topic.
    pub topic: Option<&'a TopicId>,
    /// For how many seconds; 0 lifts the mute, the largest number means for good.
    pub seconds: u32,
}

/// The caller mutes people, or lifts their mutes; a new mute replaces an old one.
///
/// # Errors
/// What the type or the caller's role forbids.
pub fn mute(scene: &Scene, request: &Mute<'_>, dice: Dice<'_>) -> Result<Change, Denied> {
    check(scene, request)?;
    let group = &scene.group;
    let change = Change::none().expect(Expect::GroupAt { group: group.id.clone(), revision: group.revision });
    Ok(apply(change, scene, request, dice))
}

/// Lets pass a mute.
pub(super) fn check(scene: &Scene, request: &Mute<'_>) -> Result<(), Denied> {
    scene.require(Action::Mute, "mute members")?;
    for (_, role) in request.targets {
        scene.require_on(Action::Mute, scene.counts_as(*role), "mute that member")?;
    }
    Ok(())
}

/// Stores a mute that was found right, and tells the group where its type does.
pub(super) fn apply(change: Change, scene: &Scene, request: &Mute<'_>, dice: Dice<'_>) -> Change {
    let group = &scene.group;
    let until = MuteUntil::after(scene.now, request.seconds);
    let set = |(user, _): &(UserId, Role)| Write::SetMute {
        group: group.id.clone(),
        topic: request.topic.cloned(),
        user: user.clone(),
        until,
    };
    let change = request.targets.iter().fold(change, |change, target| change.write(set(target)));
    if !scene.policy.member_profile_notice || !group.active {
        return change;
    }
    let muted = |(user, _): &(UserId, Role)| MemberMute { user: user.clone(), seconds: request.seconds };
    let members = request.targets.iter().map(muted).collect();
    let tip = Tip::Muted { by: scene.user.clone(), members, topic: request.topic.cloned() };
    tip::tell(change, scene, tip, random(dice))
}
