//! How a group comes to be (docs/spec/rest-groups.md#1.2, #4.1; docs/spec/group-types.md#8).

use std::collections::{BTreeMap, BTreeSet};

use super::{ApplyJoinOption, Group, GroupPolicy, GroupType, InviteJoinOption, MsgFlag, custom, modify};
use crate::{
    GroupId, UserId,
    change::{Change, Event, Expect, Write},
    denied::Denied,
    member::Member,
    notice::{self, Notice, NoticeKind},
    permission::{Action, Actor, Role, permission},
    settings::AppSettings,
    time::Timestamp,
};

/// A group as somebody wants it. Absent options take the value of the type.
#[derive(Debug, Clone, PartialEq)]
pub struct NewGroup {
    /// Chosen or generated.
    pub id: GroupId,
    /// Its type.
    pub group_type: GroupType,
    /// The type as the request spelled it.
    pub created_as: String,
    /// Group name; not empty.
    pub name: String,
    /// Introduction.
    pub introduction: String,
    /// Announcement.
    pub notification: String,
    /// Avatar address.
    pub face_url: String,
    /// The owner; ignored where the type has none.
    pub owner: Option<UserId>,
    /// How many members it may have; 0: as many as the type allows. Ignored where the type has no such cap.
    pub max_members: u64,
    /// How strangers come in.
    pub apply_option: Option<ApplyJoinOption>,
    /// How members bring others in.
    pub invite_option: Option<InviteJoinOption>,
    /// Custom group fields.
    pub custom: Vec<(String, String)>,
    /// Members from the start; the owner and repeats among them count once.
    pub members: Vec<NewMember>,
    /// Holds topics.
    pub support_topic: bool,
    /// Takes rights from permission groups.
    pub permission_enabled: bool,
    /// Rights of every member under permission groups.
    pub default_permission: u64,
    /// When it was created; now, unless it is imported.
    pub created_at: Timestamp,
    /// Imported: nobody is told.
    pub imported: bool,
}

/// A member from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMember {
    /// Who.
    pub user: UserId,
    /// Begins as an admin.
    pub is_admin: bool,
    /// Their name in the group.
    pub name_card: String,
    /// How they receive messages; absent: as the type has it.
    pub msg_flag: Option<MsgFlag>,
    /// Custom member fields.
    pub custom: Vec<(String, String)>,
}

/// Who creates a group.
#[derive(Debug, Clone, Copy)]
pub struct Creator<'a> {
    /// The account.
    pub user: &'a UserId,
    /// An app admin, whom no role binds.
    pub is_app_admin: bool,
}

/// Creates a group. `random` marks the notices; the type's caps on the number of groups are the caller's to check.
///
/// # Errors
/// What the type, the app's switches or its limits forbid.
pub fn create(
    new: &NewGroup,
    creator: Creator<'_>,
    policy: &GroupPolicy,
    settings: &AppSettings,
    now: Timestamp,
    random: u64,
) -> Result<Change, Denied> {
    let forbids = |what| Denied::TypeLacks { group_type: new.group_type.clone(), what };
    // 1. Lengths and values.
    modify::check_text(settings, "Name", &new.name)?;
    for (field, text) in
        [("Introduction", &new.introduction), ("Notification", &new.notification), ("FaceUrl", &new.face_url)]
    {
        modify::check_text(settings, field, text)?;
    }
    if new.created_at > now || new.created_at < Timestamp(1) {
        return Err(Denied::BadValue(format!("`CreateTime` {}: that is not in the past", new.created_at.0)));
    }
    if new.support_topic && !policy.topics {
        return Err(Denied::BadValue("`SupportTopic`: only communities hold topics".into()));
    }
    if new.permission_enabled && !new.support_topic {
        return Err(Denied::BadValue("`EnablePermission`: only communities with topics have permission groups".into()));
    }
    // 2. What the type and the app's switches allow.
    if !creator.is_app_admin && !policy.client_may_create {
        return Err(forbids("creation by clients"));
    }
    if policy.topics && !settings.features.community {
        return Err(Denied::CommunitiesOff);
    }
    if new.support_topic && !settings.features.topic {
        return Err(Denied::TopicsOff(new.id.clone()));
    }
    if new.permission_enabled && !settings.features.permission_group {
        return Err(Denied::FeatureOff("permission groups"));
    }
    if new.imported && !permission(policy, Actor::AppAdmin, Action::Import).allows() {
        return Err(forbids("import"));
    }
    if !new.members.is_empty() && !policy.create_with_members {
        return Err(forbids("members at creation"));
    }
    // 3. The group.
    let group = group(new, creator, policy, settings)?;
    // 4. Its members: the owner first.
    let members = members(new, &group, policy, settings)?;
    let cap = group.cap(policy);
    if cap > 0 && members.len() as u64 > cap {
        return Err(Denied::CapBeyondType { group_type: group.group_type, cap });
    }
    Ok(change(group, members, creator, new.imported, now, random))
}

fn group(new: &NewGroup, creator: Creator<'_>, policy: &GroupPolicy, settings: &AppSettings) -> Result<Group, Denied> {
    let most = u64::from(policy.max_members);
    if policy.own_member_cap && most > 0 && new.max_members > most {
        return Err(Denied::CapBeyondType { group_type: new.group_type.clone(), cap: most });
    }
    let mut fields = BTreeMap::new();
    let actor = if creator.is_app_admin { Actor::AppAdmin } else { Actor::Role(Role::Owner) };
    custom::write(settings, &new.group_type, actor, &mut fields, &new.custom)?;
    // Where nobody can apply there is nothing to choose (docs/spec/group-types.md#2.2).
    let apply_option = match new.apply_option {
        Some(option) if policy.apply_join_allowed => option,
        Some(_) | None => policy.default_apply_option,
    };
    let invite_option = match new.invite_option {
        Some(option) if policy.has_invite_option => option,
        Some(_) | None => policy.default_invite_option,
    };
    Ok(Group {
        id: new.id.clone(),
        group_type: new.group_type.clone(),
        created_as: new.created_as.as_str().into(),
        name: new.name.clone(),
        introduction: new.introduction.clone(),
        notification: new.notification.clone(),
        face_url: new.face_url.clone(),
        owner: new.owner.clone().filter(|_| policy.has_owner),
        created_at: new.created_at,
        info_seq: 1,
        info_changed_at: new.created_at,
        member_num: 0,
        max_member_num: if policy.own_member_cap { new.max_members } else { 0 },
        apply_option,
        invite_option,
        mute_all: false,
        support_topic: new.support_topic,
        permission_enabled: new.permission_enabled,
        default_permission: new.default_permission,
        history_before_join: None,
        active: !policy.activate_on_first_msg,
        custom: fields,
        cleared_seq: 0,
        revision: 1,
    })
}

fn members(new: &NewGroup, group: &Group, policy: &GroupPolicy, settings: &AppSettings) -> Result<Vec<Member>, Denied> {
    let member = |user: &UserId, role| Member::new(user.clone(), role, new.created_at, 0, policy.default_msg_flag);
    let owner = group.owner.iter().filter(|_| policy.owner_is_member_at_creation);
    let mut members: Vec<Member> = owner.map(|owner| member(owner, Role::Owner)).collect();
    let mut known: BTreeSet<&UserId> = group.owner.iter().collect();
    for one in &new.members {
        if one.is_admin && !policy.has_admins {
            return Err(Denied::BadValue(format!("`Role`: groups of type {} have no admins", group.group_type)));
        }
        modify::check_text(settings, "NameCard", &one.name_card)?;
        let mut fields = BTreeMap::new();
        if !one.custom.is_empty() && !policy.member_custom_fields {
            return Err(Denied::TypeLacks { group_type: group.group_type.clone(), what: "custom fields of members" });
        }
        custom::write_of_member(settings, &group.group_type, Actor::AppAdmin, false, &mut fields, &one.custom)?;
        if known.insert(&one.user) {
            let role = if one.is_admin { Role::Admin } else { Role::Member };
            let plain = member(&one.user, role);
            members.push(Member {
                name_card: one.name_card.clone(),
                msg_flag: one.msg_flag.unwrap_or(plain.msg_flag),
                custom: fields,
                ..plain
            });
        }
    }
    Ok(members)
}

fn change(
    group: Group,
    members: Vec<Member>,
    creator: Creator<'_>,
    imported: bool,
    now: Timestamp,
    random: u64,
) -> Change {
    let about = |kind| Notice::about(&group, creator.user.clone(), kind, random);
    let (created, invited) = (about(NoticeKind::Created), about(NoticeKind::Invited));
    let (id, owner, active) = (group.id.clone(), group.owner.clone(), group.active);
    let is_owner = |user: &UserId| owner.as_ref() == Some(user);
    // Until its first message only the owner sees a group that has yet to wake up.
    let sees = |user: &UserId| active || is_owner(user);
    let newcomers: Vec<UserId> = members.iter().map(|member| member.user.clone()).filter(sees).collect();
    let mut change = Change::none().expect(Expect::GroupAbsent(id.clone())).write(Write::CreateGroup(Box::new(group)));
    for member in members {
        change = change.write(Write::PutMember(id.clone(), Box::new(member)));
    }
    change = change.write(Write::Touch { group: id.clone(), at: now });
    if !imported {
        change = notice::tell(change, &owner, created, now);
        let others: Vec<UserId> = newcomers.iter().filter(|user| !is_owner(user)).cloned().collect();
        change = notice::tell(change, &others, invited, now);
    }
    if newcomers.is_empty() {
        return change;
    }
    change.event(Event::Membership { group: id, joined: newcomers, left: Vec::new() })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn user(id: &str) -> UserId {
        UserId::trusted(id)
    }

    fn new_group(group_type: GroupType) -> NewGroup {
        NewGroup {
            id: GroupId::trusted("crew"),
            created_as: group_type.as_str().to_owned(),
            group_type,
            name: "Crew".into(),
            introduction: String::new(),
            notification: String::new(),
            face_url: String::new(),
            owner: Some(user("ana")),
            max_members: 0,
            apply_option: None,
            invite_option: None,
            custom: Vec::new(),
            members: Vec::new(),
            support_topic: false,
            permission_enabled: false,
            default_permission: 0,
            created_at: Timestamp(1000),
            imported: false,
        }
    }

    fn with_members(group_type: GroupType) -> NewGroup {
        let members = ["bob", "ana", "bob", "cid"].map(|name| NewMember {
            user: user(name),
            is_admin: false,
            name_card: String::new(),
            msg_flag: None,
            custom: Vec::new(),
        });
        NewGroup { members: members.into(), ..new_group(group_type) }
    }

    fn decide(new: &NewGroup, is_app_admin: bool, settings: &AppSettings) -> Result<Change, Denied> {
        let policy = GroupPolicy::for_app(settings, &new.group_type).expect("a known type");
        let creator = user(if is_app_admin { "administrator" } else { "ana" });
        create(new, Creator { user: &creator, is_app_admin }, &policy, settings, Timestamp(1000), 7)
    }

    fn by_client(new: &NewGroup) -> Result<Change, Denied> {
        decide(new, false, &AppSettings::default())
    }

    fn group_of(change: &Change) -> &Group {
        match &change.writes[0] {
            Write::CreateGroup(group) => group,
            other => panic!("{other:?} is no creation"),
        }
    }

    fn members_of(change: &Change) -> Vec<(String, Role)> {
        let member = |write: &Write| match write {
            Write::PutMember(_, member) => Some((member.user.to_string(), member.role)),
            _ => None,
        };
        change.writes.iter().filter_map(member).collect()
    }

    fn told(change: &Change) -> Vec<(String, NoticeKind)> {
        let told = |write: &Write| match write {
            Write::Notify { user, notice, .. } => Some((user.to_string(), notice.kind.clone())),
            _ => None,
        };
        change.writes.iter().filter_map(told).collect()
    }

    #[rstest]
    #[case(GroupType::Work, ApplyJoinOption::DisableApply, InviteJoinOption::FreeAccess, false)]
    #[case(GroupType::Public, ApplyJoinOption::NeedPermission, InviteJoinOption::DisableInvite, true)]
    #[case(GroupType::Meeting, ApplyJoinOption::FreeAccess, InviteJoinOption::DisableInvite, true)]
    #[case(GroupType::AvChatRoom, ApplyJoinOption::FreeAccess, InviteJoinOption::DisableInvite, true)]
    #[case(GroupType::Community, ApplyJoinOption::FreeAccess, InviteJoinOption::FreeAccess, true)]
    fn options_left_out_are_those_of_the_type(
        #[case] group_type: GroupType,
        #[case] apply: ApplyJoinOption,
        #[case] invite: InviteJoinOption,
        #[case] active: bool,
    ) {
        let change = by_client(&new_group(group_type)).expect("allowed");
        let group = group_of(&change);
        assert_eq!((group.apply_option, group.invite_option, group.active), (apply, invite, active));
        assert_eq!((group.info_seq, group.created_at), (1, Timestamp(1000)));
    }

    #[test]
    fn the_owner_and_repeats_among_the_members_count_once() {
        let change = by_client(&with_members(GroupType::Public)).expect("allowed");
        let expected = [("ana", Role::Owner), ("bob", Role::Member), ("cid", Role::Member)];
        assert_eq!(members_of(&change), expected.map(|(user, role)| (user.to_owned(), role)));
        let told = told(&change);
        assert_eq!(told[0], ("ana".into(), NoticeKind::Created));
        assert_eq!(told[1..], [("bob".into(), NoticeKind::Invited), ("cid".into(), NoticeKind::Invited)]);
    }

    #[test]
    fn only_the_owner_hears_of_a_group_that_sleeps() {
        let change = by_client(&with_members(GroupType::Work)).expect("allowed");
        assert_eq!(told(&change), [("ana".into(), NoticeKind::Created)]);
        let joined = vec![user("ana")];
        let group = GroupId::trusted("crew");
        assert_eq!(change.events, [Event::Membership { group, joined, left: Vec::new() }]);
    }

    #[test]
    fn nobody_hears_of_an_import() {
        let new = NewGroup { imported: true, ..new_group(GroupType::Public) };
        assert!(told(&decide(&new, true, &AppSettings::default()).expect("allowed")).is_empty());
        let live = NewGroup { imported: true, ..new_group(GroupType::AvChatRoom) };
        assert!(matches!(decide(&live, true, &AppSettings::default()), Err(Denied::TypeLacks { .. })));
    }

    #[test]
    fn a_live_room_begins_empty() {
        let change = by_client(&new_group(GroupType::AvChatRoom)).expect("allowed");
        assert!(members_of(&change).is_empty() && change.events.is_empty());
        assert_eq!(group_of(&change).owner, Some(user("ana")));
        assert!(matches!(by_client(&with_members(GroupType::AvChatRoom)), Err(Denied::TypeLacks { .. })));
    }

    #[test]
    fn rooms_for_everybody_belong_to_app_admins_and_have_no_owner() {
        let new = new_group(GroupType::Broadcast);
        assert!(matches!(by_client(&new), Err(Denied::TypeLacks { .. })));
        let change = decide(&new, true, &AppSettings::default()).expect("allowed");
        assert_eq!(group_of(&change).owner, None);
    }

    #[rstest]
    #[case::empty_name(NewGroup { name: String::new(), ..new_group(GroupType::Public) }, "Name")]
    #[case::long_name(NewGroup { name: "x".repeat(31), ..new_group(GroupType::Public) }, "Name")]
    #[case::introduction(NewGroup { introduction: "x".repeat(241), ..new_group(GroupType::Public) }, "Introduction")]
    #[case::notification(NewGroup { notification: "x".repeat(301), ..new_group(GroupType::Public) }, "Notification")]
    #[case::face(NewGroup { face_url: "x".repeat(101), ..new_group(GroupType::Public) }, "FaceUrl")]
    #[case::topics(NewGroup { support_topic: true, ..new_group(GroupType::Public) }, "SupportTopic")]
    #[case::rights(NewGroup { permission_enabled: true, ..new_group(GroupType::Community) }, "EnablePermission")]
    #[case::field(NewGroup { custom: vec![("x".into(), "1".into())], ..new_group(GroupType::Public) }, "AppDefinedData")]
    fn a_bad_value_is_named(#[case] new: NewGroup, #[case] field: &str) {
        match by_client(&new) {
            Err(Denied::BadValue(text)) => assert!(text.contains(field), "{text}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn more_members_than_the_type_allows_are_refused() {
        let new = NewGroup { max_members: 201, ..new_group(GroupType::Work) };
        assert!(matches!(by_client(&new), Err(Denied::CapBeyondType { cap: 200, .. })));
        let new = NewGroup { max_members: 2, ..with_members(GroupType::Work) };
        assert!(matches!(by_client(&new), Err(Denied::CapBeyondType { cap: 2, .. })));
        let live = NewGroup { max_members: 1_000_000, ..new_group(GroupType::AvChatRoom) };
        assert_eq!(group_of(&by_client(&live).expect("ignored")).max_member_num, 0);
    }

    #[test]
    fn communities_and_topics_can_be_switched_off() {
        let mut settings = AppSettings::default();
        settings.features.topic = false;
        let town = new_group(GroupType::Community);
        assert!(decide(&town, false, &settings).is_ok());
        let topics = NewGroup { support_topic: true, ..town.clone() };
        assert!(matches!(decide(&topics, false, &settings), Err(Denied::TopicsOff(_))));
        settings.features.community = false;
        assert_eq!(decide(&town, false, &settings), Err(Denied::CommunitiesOff));
    }
}
