//! A scene: what a decision about one group looks at.

use std::sync::Arc;

use crate::{
    UserId,
    denied::Denied,
    group::{Group, GroupPolicy},
    member::Member,
    permission::{Action, Actor, Role, Verdict, may_act_on, permission},
    time::Timestamp,
};

/// One group as one caller finds it at one moment.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The group.
    pub group: Arc<Group>,
    /// What its type allows in this app.
    pub policy: Arc<GroupPolicy>,
    /// Who acts: the caller, or the account a backend acts for.
    pub user: UserId,
    /// Whether an app admin acts, whom no role binds.
    pub app_admin: bool,
    /// The caller's membership.
    pub member: Option<Arc<Member>>,
    /// Now.
    pub now: Timestamp,
}

impl Scene {
    /// The caller's role in the group.
    #[must_use]
    pub fn role(&self) -> Role {
        self.counts_as(self.member.as_ref().map_or(Role::NotMember, |member| member.role))
    }

    /// What a role comes to in the group: permission groups take the admins' powers (docs/spec/group-types.md#2.7).
    #[must_use]
    pub fn counts_as(&self, role: Role) -> Role {
        if self.group.permission_enabled { role.under_permission_groups() } else { role }
    }

    /// Who acts, for the table of rights.
    #[must_use]
    pub fn actor(&self) -> Actor {
        if self.app_admin { Actor::AppAdmin } else { Actor::Role(self.role()) }
    }

    /// Lets pass who may do this; `what` completes "may not ..." in the refusal.
    ///
    /// # Errors
    /// [`Denied::TypeForbids`] when not even an app admin may; [`Denied::NotMember`] when members may and the caller is none;
    /// [`Denied::NotPermitted`] otherwise.
    pub fn require(&self, action: Action, what: &'static str) -> Result<(), Denied> {
        if permission(&self.policy, self.actor(), action).allows() {
            return Ok(());
        }
        Err(self.refusal(action, what))
    }

    /// As [`Scene::require`], for an action on somebody with a role.
    ///
    /// # Errors
    /// As [`Scene::require`].
    pub fn require_on(&self, action: Action, target: Role, what: &'static str) -> Result<(), Denied> {
        if may_act_on(&self.policy, self.actor(), action, target) {
            return Ok(());
        }
        Err(self.refusal(action, what))
    }

    /// Why the caller may not do this.
    #[must_use]
    pub fn refusal(&self, action: Action, what: &'static str) -> Denied {
        let group_type = || self.group.group_type.clone();
        if permission(&self.policy, Actor::AppAdmin, action) == Verdict::No {
            return Denied::TypeForbids { group_type: group_type(), what };
        }
        if self.role() == Role::NotMember && !self.app_admin {
            return Denied::NotMember { user: self.user.clone(), group: self.group.id.clone() };
        }
        Denied::NotPermitted { user: self.user.clone(), what, group: self.group.id.clone() }
    }
}
