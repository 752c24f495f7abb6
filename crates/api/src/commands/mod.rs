//! The commands, one file per family, and the list of all of them.

use crate::catalogue::Entry;

pub mod account;
pub mod app_mute;
pub mod conversation;
pub mod direct_message;
pub mod file;
pub mod group;
pub mod group_attribute;
pub mod group_counter;
pub mod group_member;
pub mod group_message;
pub mod live;
pub mod merged;
pub mod message_extras;
pub mod moderation;
pub mod notice;
pub mod official_account;
pub mod operations;
pub mod permission_group;
pub mod presence;
pub mod profile;
pub mod push;
pub mod relation;
pub mod robot;
pub mod search;
pub mod topic;
pub mod webhook;

/// All commands, family by family.
pub(crate) fn all() -> Vec<Entry> {
    [
        crate::gateway::login::all(),
        account::all(),
        app_mute::all(),
        conversation::all(),
        direct_message::all(),
        group_attribute::all(),
        group_counter::all(),
        file::all(),
        group_member::all(),
        group::all(),
        group_message::all(),
        live::all(),
        merged::all(),
        message_extras::all(),
        moderation::all(),
        notice::all(),
        official_account::all(),
        operations::all(),
        permission_group::all(),
        presence::all(),
        profile::all(),
        push::all(),
        relation::all(),
        robot::all(),
        search::all(),
        topic::all(),
        webhook::all(),
    ]
    .concat()
}
