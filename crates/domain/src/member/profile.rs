//! What a group knows of one member beside the role: receive option, name card, custom fields (docs/spec/group-types.md#5).

use std::collections::BTreeMap;

use super::{
    Dice, Member,
    mute::{self, Mute},
    role,
};
use crate::{
    Denied, Scene, TopicId,
    change::{Change, Event, Expect, Write},
    group::{MsgFlag, custom},
    notice::{self, Notice, NoticeKind},
    permission::{Action, Role},
    settings::AppSettings,
};

/// What is to change; absent parts stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberChanges {
    /// Admin, or ordinary member.
    pub role: Option<Role>,
    /// What to do with the group's messages.
    pub msg_flag: Option<MsgFlag>,
    /// The name in this group.
    pub name_card: Option<String>,
    /// Custom member fields; an empty value removes the field.
    pub custom: Vec<(String, String)>,
    /// For how many seconds the member may not speak; 0 lifts a mute.
    pub mute_secs: Option<u32>,
    /// The topic that the receive option or the mute is for.
    pub topic: Option<TopicId>,
}

/// Lets pass new values of custom fields; answers the fields as they will be.
fn written(
    scene: &Scene,
    settings: &AppSettings,
    target: &Member,
    entries: &[(String, String)],
) -> Result<BTreeMap<String, String>, Denied> {
    let mut custom = target.custom.clone();
    if entries.is_empty() {
        return Ok(custom);
    }
    let group_type = &scene.group.group_type;
    if !scene.policy.member_custom_fields {
        return Err(Denied::TypeLacks { group_type: group_type.clone(), what: "custom member fields" });
    }
    let on_self = target.user == scene.user;
    custom::write_of_member(settings, group_type, scene.actor(), on_self, &mut custom, entries)?;
    let most = (settings.limits().group.member_custom_fields as usize).max(settings.member_fields.len());
    if custom.len() > most {
        return Err(Denied::BadValue(format!("`AppMemberDefinedData`: a member has at most {most} fields")));
    }
    Ok(custom)
}

/// The caller changes what the group knows of a member: everything that is asked, or nothing
/// (docs/spec/rest-groups.md#2.5). For groups that store their members.
///
/// # Errors
/// What the type, the caller's role or a field's level forbids; [`Denied::BadValue`] for values that cannot be.
pub fn modify(
    scene: &Scene,
    settings: &AppSettings,
    target: &Member,
    changes: &MemberChanges,
    dice: Dice<'_>,
) -> Result<Change, Denied> {
    let group = &scene.group;
    // 1. What is asked is allowed, all of it.
    let on_self = target.user == scene.user && !scene.app_admin;
    let of_group = MemberChanges { mute_secs: None, msg_flag: None, topic: None, ..changes.clone() };
    if changes.topic.is_some() && of_group != MemberChanges::default() {
        return Err(Denied::BadValue("`TopicId` goes with `MsgFlag` and `MuteTime` only".into()));
    }
    let own_part = changes.msg_flag.is_some() || changes.name_card.is_some();
    if on_self && (own_part || !changes.custom.is_empty()) {
        scene.require(Action::EditOwnMember, "change their own member profile")?;
    }
    if changes.msg_flag.is_some() && !on_self && !scene.app_admin {
        let user = scene.user.clone();
        return Err(Denied::NotPermitted { user, what: "choose how others receive messages", group: group.id.clone() });
    }
    if let Some(card) = &changes.name_card {
        if !on_self {
            let role = scene.counts_as(target.role);
            scene.require_on(Action::EditOthersMember, role, "change that member's name card")?;
        }
        let most = settings.limits().group.name_card_bytes;
        if card.len() > most as usize {
            return Err(Denied::BadValue(format!("`NameCard` has more than {most} bytes")));
        }
    }
    let custom = written(scene, settings, target, &changes.custom)?;
    if let Some(role) = changes.role {
        role::check(scene, target, role)?;
    }
    let targets = [(target.user.clone(), target.role)];
    let mute = changes.mute_secs.map(|seconds| Mute { targets: &targets, topic: changes.topic.as_ref(), seconds });
    if let Some(mute) = &mute {
        mute::check(scene, mute)?;
    }
    // 2. The member as it will be.
    let changed = Member {
        role: changes.role.unwrap_or(target.role),
        msg_flag: changes.msg_flag.filter(|_| changes.topic.is_none()).unwrap_or(target.msg_flag),
        name_card: changes.name_card.clone().unwrap_or_else(|| target.name_card.clone()),
        custom,
        ..target.clone()
    };
    let mut change = Change::none().expect(Expect::GroupAt { group: group.id.clone(), revision: group.revision });
    if changed != *target {
        change = change.write(Write::PutMember(group.id.clone(), Box::new(changed.clone())));
    }
    // 3. Whoever has to know.
    let chosen = match (changes.msg_flag, &changes.topic) {
        // What a member chose for a topic before is not known here: chosen again, it is told again.
        (Some(flag), Some(topic)) => {
            change =
                change.write(Write::SetTopicFlag { topic: topic.clone(), user: target.user.clone(), flag: Some(flag) });
            Some(flag)
        }
        (Some(_), None) | (None, _) => Some(changed.msg_flag).filter(|flag| *flag != target.msg_flag),
    };
    if let Some(flag) = chosen {
        change = change.event(Event::ReceiveOption {
            group: group.id.clone(),
            topic: changes.topic.clone(),
            user: target.user.clone(),
            discard: flag == MsgFlag::Discard,
        });
        let about = Notice::about(group, target.user.clone(), NoticeKind::ReceiveOptionChanged { flag }, dice());
        let notice = Notice { topic: changes.topic.clone(), ..about };
        change = notice::tell(change, [&target.user], notice, scene.now);
    }
    if changed.role != target.role {
        change = role::tell(change, scene, &target.user, changed.role, dice);
    }
    if let Some(mute) = &mute {
        change = mute::apply(change, scene, mute, dice);
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy, Timestamp, UserId,
        member::tests::{scene_as, scene_of_app_admin},
        settings::{AccessLevel, MemberField},
        time::MuteUntil,
    };

    fn dice() -> u64 {
        7
    }

    fn settings() -> AppSettings {
        let field = |key: &str, write, self_write| MemberField {
            key: key.into(),
            read: AccessLevel::Member,
            write,
            self_read: true,
            self_write,
            types: Vec::new(),
        };
        let member_fields = vec![field("level", AccessLevel::Admin, false), field("mood", AccessLevel::AppAdmin, true)];
        AppSettings { member_fields, ..AppSettings::default() }
    }

    fn member(name: &str, role: Role) -> Member {
        Member::new(UserId::trusted(name), role, Timestamp(1500), 4, MsgFlag::AcceptAndNotify)
    }

    fn card() -> MemberChanges {
        MemberChanges { name_card: Some("Deputy".to_owned()), ..MemberChanges::default() }
    }

    fn flag() -> MemberChanges {
        MemberChanges { msg_flag: Some(MsgFlag::Discard), ..MemberChanges::default() }
    }

    fn role(role: Role) -> MemberChanges {
        MemberChanges { role: Some(role), ..MemberChanges::default() }
    }

    fn mute() -> MemberChanges {
        MemberChanges { mute_secs: Some(60), ..MemberChanges::default() }
    }

    fn field(key: &str) -> MemberChanges {
        MemberChanges { custom: vec![(key.to_owned(), "3".to_owned())], ..MemberChanges::default() }
    }

    fn may(scene: &Scene, target: &Member, changes: &MemberChanges) -> bool {
        modify(scene, &settings(), target, changes, &dice).is_ok()
    }

    /// What is changed about an ordinary member, by type: another member, admin, owner, app admin
    /// (docs/spec/group-types.md#2.7).
    #[rstest]
    #[case::role_work(GroupPolicy::WORK, role(Role::Admin), [false; 4])]
    #[case::role_public(GroupPolicy::PUBLIC, role(Role::Admin), [false, false, true, true])]
    #[case::role_meeting(GroupPolicy::MEETING, role(Role::Admin), [false, false, true, true])]
    #[case::role_community(GroupPolicy::COMMUNITY, role(Role::Admin), [false, false, true, true])]
    #[case::mute_work(GroupPolicy::WORK, mute(), [false; 4])]
    #[case::mute_public(GroupPolicy::PUBLIC, mute(), [false, true, true, true])]
    #[case::mute_meeting(GroupPolicy::MEETING, mute(), [false, true, true, true])]
    #[case::mute_community(GroupPolicy::COMMUNITY, mute(), [false, true, true, true])]
    #[case::card(GroupPolicy::PUBLIC, card(), [false, true, true, true])]
    #[case::flag(GroupPolicy::PUBLIC, flag(), [false, false, false, true])]
    #[case::level(GroupPolicy::PUBLIC, field("level"), [false, true, true, true])]
    #[case::mood(GroupPolicy::PUBLIC, field("mood"), [false, false, false, true])]
    fn who_changes_an_ordinary_member(
        #[case] policy: GroupPolicy,
        #[case] changes: MemberChanges,
        #[case] expected: [bool; 4],
    ) {
        let target = member("tom", Role::Member);
        let roles = [Role::Member, Role::Admin, Role::Owner];
        let mut found: Vec<bool> = roles.iter().map(|role| may(&scene_as(policy, *role), &target, &changes)).collect();
        found.push(may(&scene_of_app_admin(policy), &target, &changes));
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case::card(card(), true)]
    #[case::flag(flag(), true)]
    #[case::own_field(field("mood"), true)]
    #[case::field_of_others(field("level"), false)]
    #[case::role(role(Role::Admin), false)]
    #[case::mute(mute(), false)]
    fn what_members_change_about_themselves(#[case] changes: MemberChanges, #[case] expected: bool) {
        let scene = scene_as(GroupPolicy::PUBLIC, Role::Member);
        assert_eq!(may(&scene, &member("cid", Role::Member), &changes), expected);
    }

    #[test]
    fn the_owner_stays_owner_and_nobody_becomes_one() {
        let scene = scene_of_app_admin(GroupPolicy::PUBLIC);
        assert!(!may(&scene, &member("ana", Role::Owner), &role(Role::Member)));
        let refused = modify(&scene, &settings(), &member("tom", Role::Member), &role(Role::Owner), &dice);
        assert!(matches!(refused, Err(Denied::BadValue(text)) if text.contains("Role")));
    }

    #[test]
    fn all_or_nothing() {
        let scene = scene_as(GroupPolicy::PUBLIC, Role::Admin);
        let changes = MemberChanges { role: Some(Role::Admin), ..card() };
        assert!(!may(&scene, &member("tom", Role::Member), &changes), "an admin appoints nobody");
    }

    #[rstest]
    #[case(Role::Member, Role::Admin, Some(NoticeKind::AdminGranted))]
    #[case(Role::Admin, Role::Member, Some(NoticeKind::AdminRevoked))]
    #[case(Role::Admin, Role::Admin, None)]
    fn a_new_role_is_told_an_old_one_is_not(
        #[case] before: Role,
        #[case] after: Role,
        #[case] kind: Option<NoticeKind>,
    ) {
        for (policy, tips) in [(GroupPolicy::PUBLIC, 1), (GroupPolicy::MEETING, 0)] {
            let scene = scene_as(policy, Role::Owner);
            let change = modify(&scene, &settings(), &member("tom", before), &role(after), &dice).unwrap();
            let told = change.writes.iter().find_map(|write| match write {
                Write::Notify { user, notice, .. } if user.as_str() == "tom" => Some(notice.kind.clone()),
                _ => None,
            });
            assert_eq!(told, kind);
            assert_eq!(change.events.len(), if kind.is_some() { tips } else { 0 });
        }
    }

    #[test]
    fn a_new_receive_option_is_told_to_the_own_devices() {
        let scene = scene_as(GroupPolicy::PUBLIC, Role::Member);
        let change = modify(&scene, &settings(), &member("cid", Role::Member), &flag(), &dice).unwrap();
        let [Event::ReceiveOption { discard: true, .. }, Event::Notice { users, notice }] = change.events.as_slice()
        else {
            panic!("{:?}", change.events);
        };
        assert_eq!(users, &[UserId::trusted("cid")]);
        assert_eq!(notice.kind, NoticeKind::ReceiveOptionChanged { flag: MsgFlag::Discard });
    }

    #[rstest]
    #[case(60, MuteUntil(2060))]
    #[case(0, MuteUntil::NEVER)]
    #[case(u32::MAX, MuteUntil::FOREVER)]
    fn mutes_end(#[case] seconds: u32, #[case] until: MuteUntil) {
        let scene = scene_as(GroupPolicy::PUBLIC, Role::Owner);
        let changes = MemberChanges { mute_secs: Some(seconds), ..MemberChanges::default() };
        let change = modify(&scene, &settings(), &member("tom", Role::Member), &changes, &dice).unwrap();
        let (group, user) = (scene.group.id.clone(), UserId::trusted("tom"));
        assert!(change.writes.contains(&Write::SetMute { group, topic: None, user, until }));
        assert_eq!(change.events, [Event::Stored(0)], "members see who is muted");
    }

    #[rstest]
    #[case::long_card(MemberChanges { name_card: Some("n".repeat(51)), ..MemberChanges::default() }, "NameCard")]
    #[case::undeclared(field("rank"), "rank")]
    #[case::long_value(
        MemberChanges { custom: vec![("level".to_owned(), "v".repeat(65))], ..MemberChanges::default() },
        "level"
    )]
    #[case::topic(MemberChanges { topic: Some(TopicId::trusted("@TGS#_t@TOPIC#_x")), ..card() }, "TopicId")]
    fn what_cannot_be_says_its_name(#[case] changes: MemberChanges, #[case] name: &str) {
        let scene = scene_of_app_admin(GroupPolicy::PUBLIC);
        let refused = modify(&scene, &settings(), &member("tom", Role::Member), &changes, &dice);
        assert!(matches!(&refused, Err(Denied::BadValue(text)) if text.contains(name)), "{refused:?}");
    }

    #[test]
    fn an_empty_value_removes_the_field() {
        let scene = scene_of_app_admin(GroupPolicy::PUBLIC);
        let target = Member { custom: [("level".to_owned(), "3".to_owned())].into(), ..member("tom", Role::Member) };
        let changes = MemberChanges { custom: vec![("level".to_owned(), String::new())], ..MemberChanges::default() };
        let change = modify(&scene, &settings(), &target, &changes, &dice).unwrap();
        assert!(matches!(&change.writes[..], [Write::PutMember(_, member)] if member.custom.is_empty()));
    }
}
