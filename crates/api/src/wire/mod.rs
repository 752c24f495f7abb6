//! The vendor's shapes that many commands share: what a request may hold, and how an answer is wrapped.
//!
//! What clients made and only clients read (message bodies, descriptions of push notifications) is checked here and then kept as
//! the JSON it came in, so members that this server does not know reach the receivers untouched.

pub mod contact;
pub mod envelope;
pub mod faces;
pub mod group_info;
pub mod item;
pub mod message_body;
pub mod notice;
pub mod push_info;
pub mod sent_field;
pub mod shown;
pub mod tip;

mod kept_json;
mod shape;

pub use message_body::{BodyError, BodyLimits, MessageBody};
pub use push_info::{BadPushInfo, OfflinePushInfo, PushWords};

use tsudoi_domain::{
    Role,
    group::{ApplyJoinOption, InviteJoinOption, MsgFlag},
};

use crate::decode::Named;

/// The wire's name of a join option.
#[must_use]
pub fn apply_option_name(option: ApplyJoinOption) -> &'static str {
    match option {
        ApplyJoinOption::FreeAccess => "FreeAccess",
        ApplyJoinOption::NeedPermission => "NeedPermission",
        ApplyJoinOption::DisableApply => "DisableApply",
    }
}

/// The wire's name of an invite option.
#[must_use]
pub fn invite_option_name(option: InviteJoinOption) -> &'static str {
    match option {
        InviteJoinOption::FreeAccess => "FreeAccess",
        InviteJoinOption::NeedPermission => "NeedPermission",
        InviteJoinOption::DisableInvite => "DisableInvite",
    }
}

/// The wire's name of a receive option.
#[must_use]
pub fn msg_flag_name(flag: MsgFlag) -> &'static str {
    match flag {
        MsgFlag::AcceptAndNotify => "AcceptAndNotify",
        MsgFlag::AcceptNotNotify => "AcceptNotNotify",
        MsgFlag::Discard => "Discard",
    }
}

/// The wire's name of a role.
#[must_use]
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Member => "Member",
        Role::NotMember => "NotMember",
    }
}

/// `On` or `Off`.
#[must_use]
pub fn on_off_name(on: bool) -> &'static str {
    if on { "On" } else { "Off" }
}

impl Named for ApplyJoinOption {
    const NAMES: &'static str = "FreeAccess, NeedPermission, DisableApply";

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|option| apply_option_name(*option) == name)
    }
}

impl Named for InviteJoinOption {
    const NAMES: &'static str = "FreeAccess, NeedPermission, DisableInvite";

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|option| invite_option_name(*option) == name)
    }
}

impl Named for MsgFlag {
    const NAMES: &'static str = "AcceptAndNotify, AcceptNotNotify, Discard";

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|flag| msg_flag_name(*flag) == name)
    }
}
