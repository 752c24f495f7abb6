//! Who may say what in a group, and what a message asks to be stored.

use std::sync::Arc;

use super::{Draft, MessageOptions};
use crate::{
    UserId,
    change::{Append, Change, Event, Expect, Write},
    conversation::ConversationKey,
    denied::Denied,
    group::Group,
    permission::{Action, Actor, permission},
    scene::Scene,
    time::MuteUntil,
};

/// What is known about the sender beside their role.
#[derive(Debug, Clone, Copy)]
pub struct Speaker {
    /// The sender is an admin account of the app, whom nobody mutes.
    pub is_app_admin: bool,
    /// Until when the sender is muted in the group, member or not.
    pub muted: MuteUntil,
    /// Until when the sender is muted in the topic.
    pub muted_in_topic: MuteUntil,
    /// The topic is muted as a whole.
    pub topic_muted: bool,
}

/// Lets pass a message that the type of the group and the sender's role allow.
///
/// # Errors
/// What the type or the role forbids; [`Denied::TooLargeForReceipts`] above `receipt_members` members,
/// [`Denied::NoReceiptsOnlineOnly`].
pub fn may_send(scene: &Scene, options: &MessageOptions, receipt_members: u32) -> Result<(), Denied> {
    scene.require(Action::Send, "send messages")?;
    if !options.targets.is_empty() {
        scene.require(Action::SendDirected, "send messages to named members")?;
    }
    if options.mentions.all {
        scene.require(Action::MentionAll, "mention everybody")?;
    }
    if options.need_receipt {
        if options.online_only {
            return Err(Denied::NoReceiptsOnlineOnly);
        }
        if scene.group.member_num > u64::from(receipt_members) {
            return Err(Denied::TooLargeForReceipts { group: scene.group.id.clone(), limit: receipt_members });
        }
    }
    Ok(())
}

/// Lets pass a sender whom nobody muted. Mutes bind whoever speaks, also when a backend speaks for them; only app admins are
/// above them.
///
/// # Errors
/// [`Denied::Muted`].
pub fn may_speak(scene: &Scene, speaker: Speaker) -> Result<(), Denied> {
    if speaker.is_app_admin {
        return Ok(());
    }
    let muted = || Denied::Muted { user: scene.user.clone(), group: scene.group.id.clone() };
    if speaker.muted.holds(scene.now) || speaker.muted_in_topic.holds(scene.now) {
        return Err(muted());
    }
    let leads = permission(&scene.policy, Actor::Role(scene.role()), Action::SendWhileAllMuted).allows();
    if (scene.group.mute_all || speaker.topic_muted) && !leads {
        return Err(muted());
    }
    Ok(())
}

/// What a stored message asks for. `sleepers` are the members of a group that nobody but its owner has seen yet: the first
/// message wakes it (docs/spec/group-types.md#2.8).
#[must_use]
pub fn send(scene: &Scene, draft: Draft, dedupe_secs: u32, sleepers: Vec<UserId>) -> Change {
    let change =
        Change::none().expect(Expect::GroupAt { group: scene.group.id.clone(), revision: scene.group.revision });
    let change = if scene.group.active {
        change
    } else {
        change
            .write(Write::UpdateGroup(Box::new(Group { active: true, ..(*scene.group).clone() })))
            .event(Event::Membership { group: scene.group.id.clone(), joined: sleepers, left: Vec::new() })
    };
    change.write(Write::Append(Append { draft: Arc::new(draft), dedupe_secs })).event(Event::Stored(0))
}

/// A message that only those who are online get.
#[must_use]
pub fn send_transient(draft: Draft) -> Change {
    Change::none().event(Event::Transient(Arc::new(draft)))
}

/// A message of a live room, with its number.
#[must_use]
pub fn send_live(draft: Draft, seq: u64) -> Change {
    debug_assert!(matches!(draft.conversation, ConversationKey::Group(_)), "live rooms have no topics");
    Change::none().event(Event::Live { draft: Arc::new(draft), seq })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy, Role, Timestamp,
        example::{scene_of, text_of},
        message::Mentions,
    };

    #[derive(Debug, PartialEq)]
    enum Says {
        Yes,
        TypeForbids,
        NotMember,
    }

    fn verdict(result: Result<(), Denied>) -> Says {
        match result {
            Ok(()) => Says::Yes,
            Err(Denied::TypeForbids { .. }) => Says::TypeForbids,
            Err(Denied::NotMember { .. }) => Says::NotMember,
            Err(other) => panic!("{other}"),
        }
    }

    fn plain() -> MessageOptions {
        MessageOptions::default()
    }

    fn directed() -> MessageOptions {
        MessageOptions { targets: vec![UserId::trusted("bob")], ..plain() }
    }

    fn to_all() -> MessageOptions {
        MessageOptions { mentions: Mentions { all: true, ..Mentions::default() }, ..plain() }
    }

    // Who may send what: policy, role, options.
    #[rstest]
    #[case::member(GroupPolicy::WORK, Role::Member, plain(), Says::Yes)]
    #[case::stranger(GroupPolicy::PUBLIC, Role::NotMember, plain(), Says::NotMember)]
    #[case::visitor_of_a_room(GroupPolicy::AV_CHAT_ROOM, Role::NotMember, plain(), Says::NotMember)]
    #[case::directed_work(GroupPolicy::WORK, Role::Member, directed(), Says::Yes)]
    #[case::directed_meeting(GroupPolicy::MEETING, Role::Member, directed(), Says::Yes)]
    #[case::directed_community(GroupPolicy::COMMUNITY, Role::Owner, directed(), Says::TypeForbids)]
    #[case::directed_room(GroupPolicy::AV_CHAT_ROOM, Role::Owner, directed(), Says::TypeForbids)]
    #[case::all_public(GroupPolicy::PUBLIC, Role::Member, to_all(), Says::Yes)]
    #[case::all_community(GroupPolicy::COMMUNITY, Role::Owner, to_all(), Says::TypeForbids)]
    #[case::all_room(GroupPolicy::AV_CHAT_ROOM, Role::Member, to_all(), Says::Yes)]
    fn types_and_roles(
        #[case] policy: GroupPolicy,
        #[case] role: Role,
        #[case] options: MessageOptions,
        #[case] expected: Says,
    ) {
        assert_eq!(verdict(may_send(&scene_of(policy, "ana", role), &options, 200)), expected);
    }

    #[test]
    fn only_app_admins_speak_in_broadcast_groups() {
        let mut scene = scene_of(GroupPolicy::BROADCAST, "ana", Role::NotMember);
        assert!(may_send(&scene, &plain(), 200).is_err());
        scene.app_admin = true;
        assert!(may_send(&scene, &plain(), 200).is_ok());
    }

    #[rstest]
    #[case(200, false, Ok(()))]
    #[case(201, false, Err(10060))]
    #[case(5, true, Err(10061))]
    fn receipts(#[case] members: u64, #[case] online_only: bool, #[case] expected: Result<(), u32>) {
        let mut scene = scene_of(GroupPolicy::WORK, "ana", Role::Member);
        Arc::make_mut(&mut scene.group).member_num = members;
        let options = MessageOptions { need_receipt: true, online_only, ..plain() };
        let code = |denied| match denied {
            Denied::TooLargeForReceipts { limit: 200, .. } => 10060,
            Denied::NoReceiptsOnlineOnly => 10061,
            other => panic!("{other}"),
        };
        assert_eq!(may_send(&scene, &options, 200).map_err(code), expected);
    }

    // Who may speak: role, own mute, topic mute, mute of all, topic muted as a whole, app admin.
    #[rstest]
    #[case::nobody_muted(Role::Member, 0, 0, false, false, false, true)]
    #[case::muted(Role::Member, 1001, 0, false, false, false, false)]
    #[case::mute_is_over(Role::Member, 1000, 0, false, false, false, true)]
    #[case::muted_owner(Role::Owner, 1001, 0, false, false, false, false)]
    #[case::muted_in_the_topic(Role::Member, 0, 1001, false, false, false, false)]
    #[case::all_muted(Role::Member, 0, 0, true, false, false, false)]
    #[case::all_muted_but_admins(Role::Admin, 0, 0, true, false, false, true)]
    #[case::all_muted_but_the_owner(Role::Owner, 0, 0, true, false, false, true)]
    #[case::topic_muted(Role::Member, 0, 0, false, true, false, false)]
    #[case::topic_muted_but_admins(Role::Admin, 0, 0, false, true, false, true)]
    #[case::not_a_member_while_all_muted(Role::NotMember, 0, 0, true, false, false, false)]
    #[case::app_admins_are_above(Role::NotMember, 2000, 2000, true, true, true, true)]
    fn mutes(
        #[case] role: Role,
        #[case] muted: i64,
        #[case] in_topic: i64,
        #[case] all: bool,
        #[case] topic_muted: bool,
        #[case] is_app_admin: bool,
        #[case] fine: bool,
    ) {
        let mut scene = Scene { now: Timestamp(1000), ..scene_of(GroupPolicy::PUBLIC, "ana", role) };
        Arc::make_mut(&mut scene.group).mute_all = all;
        let speaker =
            Speaker { is_app_admin, muted: MuteUntil(muted), muted_in_topic: MuteUntil(in_topic), topic_muted };
        assert_eq!(may_speak(&scene, speaker).is_ok(), fine);
    }

    #[test]
    fn the_first_message_wakes_a_group() {
        let mut scene = scene_of(GroupPolicy::WORK, "ana", Role::Owner);
        Arc::make_mut(&mut scene.group).active = false;
        let change = send(&scene, text_of("ana", 5), 300, vec![UserId::trusted("bob")]);
        assert!(matches!(change.writes.as_slice(), [Write::UpdateGroup(group), Write::Append(_)] if group.active));
        assert!(
            matches!(change.events.as_slice(), [Event::Membership { joined, .. }, Event::Stored(0)] if joined.len() == 1)
        );
    }
}
