//! Appointing admins.

use super::{Dice, Member, random};
use crate::{
    Denied, Scene, UserId,
    change::Change,
    message::{Tip, tip},
    notice::{self, Notice, NoticeKind},
    permission::{Action, Role},
};

/// Lets pass a new role for a member.
///
/// # Errors
/// What the type or the caller's role forbids; [`Denied::BadValue`] for a role that nobody is given this way.
pub(super) fn check(scene: &Scene, target: &Member, role: Role) -> Result<(), Denied> {
    if !matches!(role, Role::Admin | Role::Member) {
        return Err(Denied::BadValue(
            "`Role` is neither `Admin` nor `Member`: owners change by a command of their own".into(),
        ));
    }
    scene.require(Action::SetRole, "appoint admins")?;
    scene.require_on(Action::SetRole, target.role, "change the owner's role")
}

/// Tells the member, and the group where its type does.
pub(crate) fn tell(change: Change, scene: &Scene, target: &UserId, role: Role, dice: Dice<'_>) -> Change {
    let granted = role == Role::Admin;
    let kind = if granted { NoticeKind::AdminGranted } else { NoticeKind::AdminRevoked };
    let notice = Notice::about(&scene.group, scene.user.clone(), kind, dice());
    let change = notice::tell(change, [target], notice, scene.now);
    if !scene.policy.member_profile_notice || !scene.group.active {
        return change;
    }
    let tip = Tip::AdminSet { by: scene.user.clone(), users: vec![target.clone()], granted };
    tip::tell(change, scene, tip, random(dice))
}
