//! Who may do what: the table of docs/spec/group-types.md#2.7, role by action.
//!
//! [`permission`] answers from the policy of the group's type, the actor and the action alone. What else may stop an action
//! (a mute, a ban, an invite option that was changed, permission groups) is asked where the action is decided.
//! REST callers are app admins: every role check passes, only what a type does not know at all is refused.

use crate::group::policy::{
    GroupPolicy, InviteJoinOption, KickRule, MemberInvite, MemberList, ProfileEditors, SendPolicy,
};

/// What somebody is in a group. Ordered by rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Not in the group.
    NotMember,
    /// An ordinary member.
    Member,
    /// Appointed by the owner, or in live rooms by an app admin.
    Admin,
    /// At most one per group.
    Owner,
}

impl Role {
    /// The number of the role in notices: 400, 300, 200; 0 for strangers (docs/spec/websocket-protocol.md#10).
    #[must_use]
    pub fn rank(self) -> u32 {
        match self {
            Role::Owner => 400,
            Role::Admin => 300,
            Role::Member => 200,
            Role::NotMember => 0,
        }
    }

    /// The role of that number.
    #[must_use]
    pub fn from_rank(rank: u32) -> Option<Role> {
        [Role::Owner, Role::Admin, Role::Member, Role::NotMember].into_iter().find(|role| role.rank() == rank)
    }

    /// Whether the person is in the group.
    #[must_use]
    pub fn is_member(self) -> bool {
        self >= Role::Member
    }

    /// The role where permission groups are in force: an admin then counts as an ordinary member
    /// (docs/spec/group-types.md#2.7).
    #[must_use]
    pub fn under_permission_groups(self) -> Role {
        match self {
            Role::Admin => Role::Member,
            role => role,
        }
    }
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// An admin account of the app, through REST; need not be in the group.
    AppAdmin,
    /// Anybody else, by their role in the group.
    Role(Role),
}

impl From<Role> for Actor {
    fn from(role: Role) -> Actor {
        Actor::Role(role)
    }
}

/// What is done to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Read name, introduction, avatar and the like without being a member.
    ReadPublicProfile,
    /// Read the whole profile.
    ReadProfile,
    /// Change name, introduction, notification or avatar.
    EditProfile,
    /// Change join and invite options, the cap, and custom fields as far as their levels allow.
    EditSettings,
    /// Mute all members, or lift that.
    MuteAll,
    /// Apply to join.
    Apply,
    /// Bring somebody in.
    Invite,
    /// Decide on applications.
    ApproveJoin,
    /// Remove a member.
    Kick,
    /// Remove somebody and keep them out.
    Ban,
    /// Mute a member, or lift that.
    Mute,
    /// Appoint an admin or take the role away.
    SetRole,
    /// Hand the group to another owner.
    TransferOwner,
    /// Dismiss the group.
    Dismiss,
    /// Leave.
    Quit,
    /// Send a message.
    Send,
    /// Send a message that mentions everybody.
    MentionAll,
    /// Send a message to named members only.
    SendDirected,
    /// Send while everybody is muted.
    SendWhileAllMuted,
    /// Read stored messages.
    ReadHistory,
    /// Read the member list.
    ReadMembers,
    /// Recall a message of one's own.
    RecallOwn,
    /// Recall somebody else's message.
    RecallOthers,
    /// Edit a message, one's own or somebody else's: marks and reactions live in the custom data of any message.
    EditMessage,
    /// Delete messages from one's own view.
    DeleteMessages,
    /// Hide the history from members.
    ClearHistory,
    /// Pin or unpin a message.
    PinMessage,
    /// Attach key-values to a message.
    ExtendMessage,
    /// React to a message.
    React,
    /// Report messages as read, and see who has read one's own.
    UseReceipts,
    /// Read attributes.
    ReadAttributes,
    /// Change attributes.
    WriteAttributes,
    /// Read counters.
    ReadCounters,
    /// Change counters.
    WriteCounters,
    /// Change one's own name card, receive option or custom fields.
    EditOwnMember,
    /// Change those of somebody else.
    EditOthersMember,
    /// Create, change or delete topics.
    ManageTopics,
    /// Create, change or delete permission groups.
    ManagePermissionGroups,
    /// Bring members into permission groups, or take them out.
    ManagePermissionMembers,
    /// Change what permission groups allow in a topic.
    ManageTopicPermissions,
    /// Mark members of a live room.
    MarkMembers,
    /// Send a system notification.
    SendNotice,
    /// Import the group, members or messages.
    Import,
}

impl Action {
    /// Every action, in the order of the table.
    pub const ALL: &[Action] = &[
        Action::ReadPublicProfile,
        Action::ReadProfile,
        Action::EditProfile,
        Action::EditSettings,
        Action::MuteAll,
        Action::Apply,
        Action::Invite,
        Action::ApproveJoin,
        Action::Kick,
        Action::Ban,
        Action::Mute,
        Action::SetRole,
        Action::TransferOwner,
        Action::Dismiss,
        Action::Quit,
        Action::Send,
        Action::MentionAll,
        Action::SendDirected,
        Action::SendWhileAllMuted,
        Action::ReadHistory,
        Action::ReadMembers,
        Action::RecallOwn,
        Action::RecallOthers,
        Action::EditMessage,
        Action::DeleteMessages,
        Action::ClearHistory,
        Action::PinMessage,
        Action::ExtendMessage,
        Action::React,
        Action::UseReceipts,
        Action::ReadAttributes,
        Action::WriteAttributes,
        Action::ReadCounters,
        Action::WriteCounters,
        Action::EditOwnMember,
        Action::EditOthersMember,
        Action::ManageTopics,
        Action::ManagePermissionGroups,
        Action::ManagePermissionMembers,
        Action::ManageTopicPermissions,
        Action::MarkMembers,
        Action::SendNotice,
        Action::Import,
    ];
}

/// Whether somebody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// They may, to anybody.
    Yes,
    /// They may not, or nobody may in groups of this type.
    No,
    /// They may, to those of lower rank.
    OnlyOverLower,
}

impl Verdict {
    /// Whether the action is open to the actor at all.
    #[must_use]
    pub fn allows(self) -> bool {
        self != Verdict::No
    }

    /// This verdict where the type knows the action, else [`Verdict::No`].
    fn when(self, possible: bool) -> Verdict {
        if possible { self } else { Verdict::No }
    }
}

/// A row of the table: what each kind of actor may.
#[derive(Clone, Copy)]
struct Row {
    stranger: Verdict,
    member: Verdict,
    admin: Verdict,
    owner: Verdict,
    app_admin: Verdict,
}

impl Row {
    const NOBODY: Row = Row::of([Verdict::No; 5]);

    const fn of([stranger, member, admin, owner, app_admin]: [Verdict; 5]) -> Row {
        Row { stranger, member, admin, owner, app_admin }
    }

    /// The row where the type knows the action, else nobody.
    fn when(self, possible: bool) -> Row {
        if possible { self } else { Self::NOBODY }
    }
}

/// Whether the actor may do the action in a group with this policy.
#[must_use]
pub fn permission(policy: &GroupPolicy, actor: Actor, action: Action) -> Verdict {
    let row = row(policy, action);
    match actor {
        Actor::AppAdmin => row.app_admin,
        Actor::Role(Role::Owner) => row.owner,
        // A type without admins has none to grant rights to; whoever still carries the role counts as a member.
        Actor::Role(Role::Admin) if policy.has_admins => row.admin,
        Actor::Role(Role::Admin | Role::Member) => row.member,
        Actor::Role(Role::NotMember) => row.stranger,
    }
}

/// Whether the actor may do the action to somebody of the role `target`.
///
/// Nobody removes, bans or demotes an owner; only app admins, and only where owners may leave, remove one
/// (docs/spec/rest-groups.md#2.4).
#[must_use]
pub fn may_act_on(policy: &GroupPolicy, actor: Actor, action: Action, target: Role) -> bool {
    let verdict = permission(policy, actor, action);
    if target == Role::Owner {
        match action {
            Action::Kick => return verdict == Verdict::Yes && actor == Actor::AppAdmin && policy.owner_may_quit,
            Action::Ban | Action::SetRole => return false,
            _ => {}
        }
    }
    // Of ordinary people in a live room nothing is stored that could be changed (docs/spec/rest-groups.md#2.5).
    if action == Action::EditOthersMember && !policy.members_stored && target < Role::Admin {
        return false;
    }
    match (verdict, actor) {
        (Verdict::Yes, _) => true,
        (Verdict::No, _) => false,
        (Verdict::OnlyOverLower, Actor::Role(role)) => role > target,
        (Verdict::OnlyOverLower, Actor::AppAdmin) => true,
    }
}

/// What becomes of an invitation, by the group's invite option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invitation {
    /// The invited person is in at once.
    Joins,
    /// The invited person must consent.
    InviteeConsents,
    /// The owner or an admin must approve.
    NeedsApproval,
    /// It is refused.
    Refused,
}

/// What an invitation by the actor does in a group whose invite option is `option` (docs/spec/group-types.md#2.2).
#[must_use]
pub fn invitation(policy: &GroupPolicy, option: InviteJoinOption, actor: Actor) -> Invitation {
    if !policy.rest_add_member {
        return Invitation::Refused;
    }
    let leads = match actor {
        Actor::AppAdmin => return Invitation::Joins,
        Actor::Role(Role::NotMember) => return Invitation::Refused,
        Actor::Role(Role::Member) => false,
        Actor::Role(Role::Admin) => policy.has_admins,
        Actor::Role(Role::Owner) => true,
    };
    match (option, leads) {
        (InviteJoinOption::DisableInvite, _) => Invitation::Refused,
        (InviteJoinOption::NeedPermission, false) => Invitation::NeedsApproval,
        (InviteJoinOption::NeedPermission, true) | (InviteJoinOption::FreeAccess, _) => {
            if policy.member_invite == MemberInvite::InviteeConsents {
                Invitation::InviteeConsents
            } else {
                Invitation::Joins
            }
        }
    }
}

/// The table. Columns: stranger, member, admin, owner, app admin.
fn row(policy: &GroupPolicy, action: Action) -> Row {
    use Verdict::{No, OnlyOverLower, Yes};

    /// A verdict that depends on a switch.
    fn if_(switch: bool) -> Verdict {
        Yes.when(switch)
    }

    let p = policy;
    let members = Row::of([No, Yes, Yes, Yes, Yes]);
    let leaders = Row::of([No, No, Yes, Yes, Yes]);
    let over_lower = Row::of([No, No, OnlyOverLower, OnlyOverLower, Yes]);
    let app_admin = Row::of([No, No, No, No, Yes]);
    match action {
        Action::ReadPublicProfile => Row::of([if_(p.searchable_by_id), Yes, Yes, Yes, Yes]),
        Action::ReadProfile => members,
        Action::EditProfile => Row::of([
            No,
            if_(p.member_edits_profile),
            if_(p.member_edits_profile || p.profile_edit_min_role == ProfileEditors::Admin),
            if_(p.member_edits_profile || p.profile_edit_min_role <= ProfileEditors::Owner),
            Yes,
        ]),
        Action::EditSettings => Row::of([
            No,
            No,
            if_(p.profile_edit_min_role == ProfileEditors::Admin),
            if_(p.profile_edit_min_role <= ProfileEditors::Owner),
            Yes,
        ]),
        Action::MuteAll => leaders.when(p.mute_all_supported),
        Action::Apply => Row::of([Yes, No, No, No, No]).when(p.apply_join_allowed),
        Action::Invite => {
            let may = |role| if_(invitation(p, p.default_invite_option, Actor::Role(role)) != Invitation::Refused);
            Row::of([No, may(Role::Member), may(Role::Admin), may(Role::Owner), Yes]).when(p.rest_add_member)
        }
        Action::ApproveJoin => leaders,
        Action::Kick => match p.kick {
            KickRule::OwnerAndAdmins => over_lower,
            KickRule::AnyMember => members,
            KickRule::Nobody => Row::NOBODY,
        },
        Action::Ban => over_lower.when(p.ban_supported),
        Action::Mute => over_lower.when(p.mute_supported),
        Action::SetRole => Row::of([No, No, No, if_(p.owner_sets_admins), Yes]).when(p.has_admins),
        Action::TransferOwner => Row::of([No, No, No, Yes, Yes]).when(p.transferable),
        Action::Dismiss => Row::of([No, No, No, if_(p.owner_may_dismiss), Yes]),
        Action::Quit => Row::of([No, Yes, Yes, if_(p.owner_may_quit), No]),
        Action::Send => match p.send_policy {
            SendPolicy::Members => members,
            SendPolicy::AnyAccount => Row::of([Yes; 5]),
            SendPolicy::AppAdmins => app_admin,
        },
        Action::MentionAll => row(p, Action::Send).when(p.at_all),
        Action::SendDirected => row(p, Action::Send).when(p.directed_msgs),
        Action::SendWhileAllMuted => leaders,
        Action::ReadHistory => members.when(p.history_stored),
        Action::ReadMembers => members.when(p.member_list != MemberList::None),
        Action::RecallOwn => members.when(p.recall_supported || p.live_recall),
        Action::RecallOthers => over_lower.when(p.recall_supported || p.live_recall),
        Action::EditMessage => members.when(p.edit_supported),
        Action::DeleteMessages => members.when(p.delete_supported),
        Action::ClearHistory => app_admin.when(p.clear_supported),
        Action::PinMessage => leaders.when(p.pins_supported),
        Action::ExtendMessage => members.when(p.msg_extension),
        Action::React => members.when(p.msg_reactions),
        Action::UseReceipts => members.when(p.read_receipts),
        Action::ReadAttributes | Action::WriteAttributes => members.when(p.group_attr),
        Action::ReadCounters | Action::WriteCounters => members.when(p.group_counter),
        Action::EditOwnMember => Row::of([No, if_(p.members_stored), Yes, Yes, Yes]),
        Action::EditOthersMember => over_lower,
        Action::ManageTopics => leaders.when(p.topics),
        Action::ManagePermissionGroups | Action::ManagePermissionMembers | Action::ManageTopicPermissions => {
            Row::of([No, No, No, Yes, Yes]).when(p.permission_groups)
        }
        Action::MarkMembers => Row::of([No, No, No, Yes, Yes]).when(p.member_marks),
        Action::SendNotice => app_admin,
        Action::Import => app_admin.when(p.import_allowed),
    }
}

#[cfg(test)]
mod tests;
