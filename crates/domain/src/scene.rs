//! A scene: what a decision about one group looks at.

use std::sync::Arc;

use crate::{
    UserId,
    denied::Denied,
    group::{Group, GroupPolicy},
    member::Member,
    permission::{Action, Actor, Role, Verdict, may_act_on, permission},
    rights::Rights,
    time::Timestamp,
    topic::Topic,
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
    /// The topic that is acted in, where it is one.
    pub topic: Option<Arc<Topic>>,
    /// What permission groups allow the caller, where they are in force; else roles alone decide.
    pub rights: Option<Rights>,
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

    /// The rights that decide for the caller: an owner, an app admin and a stranger are told apart by that alone.
    fn deciding_rights(&self) -> Option<Rights> {
        self.rights.filter(|_| !self.app_admin && self.role() == Role::Member)
    }

    /// What the type allows the actor.
    fn by_type(&self, actor: Actor, action: Action) -> Verdict {
        if action == Action::MentionAll && self.rights.is_some() {
            // Only where a right opens it may anybody mention everybody in a community (docs/spec/group-types.md#2.5).
            return permission(&GroupPolicy { at_all: true, ..*self.policy }, actor, action);
        }
        permission(&self.policy, actor, action)
    }

    /// Whether not even an app admin may do this.
    fn is_unknown(&self, action: Action) -> bool {
        self.by_type(Actor::AppAdmin, action) == Verdict::No
    }

    /// Whether the caller may do this at all.
    #[must_use]
    pub fn allows(&self, action: Action) -> bool {
        match self.deciding_rights().and_then(|rights| rights.allow(action)) {
            Some(allowed) => allowed && !self.is_unknown(action),
            None => self.by_type(self.actor(), action).allows(),
        }
    }

    /// Lets pass who may do this; `what` completes "may not ..." in the refusal.
    ///
    /// # Errors
    /// [`Denied::TypeForbids`] when not even an app admin may; [`Denied::NotMember`] when members may and the caller is none;
    /// [`Denied::NotPermitted`] otherwise.
    pub fn require(&self, action: Action, what: &'static str) -> Result<(), Denied> {
        if self.allows(action) {
            return Ok(());
        }
        Err(self.refusal(action, what))
    }

    /// As [`Scene::require`], for an action on somebody with a role. A right reaches everybody but the owner.
    ///
    /// # Errors
    /// As [`Scene::require`].
    pub fn require_on(&self, action: Action, target: Role, what: &'static str) -> Result<(), Denied> {
        let may = match self.deciding_rights().and_then(|rights| rights.allow(action)) {
            Some(allowed) => allowed && !self.is_unknown(action) && target != Role::Owner,
            None => may_act_on(&self.policy, self.actor(), action, target),
        };
        if may { Ok(()) } else { Err(self.refusal(action, what)) }
    }

    /// Why the caller may not do this.
    #[must_use]
    pub fn refusal(&self, action: Action, what: &'static str) -> Denied {
        if self.is_unknown(action) {
            return Denied::TypeForbids { group_type: self.group.group_type.clone(), what };
        }
        if self.role() == Role::NotMember && !self.app_admin {
            return Denied::NotMember { user: self.user.clone(), group: self.group.id.clone() };
        }
        Denied::NotPermitted { user: self.user.clone(), what, group: self.group.id.clone() }
    }
}
