//! Changes of a group's profile and settings (docs/spec/rest-groups.md#1.4).

use super::{ApplyJoinOption, Group, InviteJoinOption, custom};
use crate::{
    change::{Change, Event, Expect, Write},
    denied::Denied,
    message::{GroupChanges, Tip, tip},
    permission::{Action, Actor, Role},
    scene::Scene,
    settings::AppSettings,
};

/// What somebody wants changed; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// Group name; not empty.
    pub name: Option<String>,
    /// Introduction.
    pub introduction: Option<String>,
    /// Announcement.
    pub notification: Option<String>,
    /// Avatar address.
    pub face_url: Option<String>,
    /// How many members it may have; 0: as many as the type allows. Ignored where the type has no such cap.
    pub max_members: Option<u64>,
    /// How strangers come in.
    pub apply_option: Option<ApplyJoinOption>,
    /// How members bring others in.
    pub invite_option: Option<InviteJoinOption>,
    /// Only owner, admins and app admins may speak.
    pub mute_all: Option<bool>,
    /// Custom fields; an empty value removes its key.
    pub custom: Vec<(String, String)>,
    /// Rights come from permission groups.
    pub permission_enabled: Option<bool>,
    /// Rights of every member under permission groups.
    pub default_permission: Option<u64>,
    /// Whether newcomers see earlier messages.
    pub history_before_join: Option<bool>,
}

/// Checks the length of a text of a group, topic or member; a name must not be empty either.
///
/// # Errors
/// [`Denied::BadValue`], which names the field.
pub fn check_text(settings: &AppSettings, field: &'static str, text: &str) -> Result<(), Denied> {
    let limits = settings.limits().group;
    let most = match field {
        "Name" | "TopicName" => limits.name_bytes,
        "Introduction" => limits.introduction_bytes,
        "Notification" => limits.notification_bytes,
        "FaceUrl" => limits.face_url_bytes,
        "NameCard" => limits.name_card_bytes,
        _ => u32::MAX,
    };
    if text.is_empty() && matches!(field, "Name" | "TopicName") {
        return Err(Denied::BadValue(format!("`{field}` is empty")));
    }
    if text.len() > most as usize {
        return Err(Denied::BadValue(format!("`{field}` has {} bytes, at most {most} are allowed", text.len())));
    }
    Ok(())
}

/// Changes a group; values that stay as they are change nothing. `random` marks the tip.
///
/// # Errors
/// What the type, the caller's role or the app's limits forbid.
pub fn modify(scene: &Scene, edit: &Edit, settings: &AppSettings, random: u32) -> Result<Change, Denied> {
    check(scene, edit, settings)?;
    let before = &*scene.group;
    let mut after = before.clone();
    let mut changes = GroupChanges {
        name: replace(&mut after.name, edit.name.as_ref()),
        introduction: replace(&mut after.introduction, edit.introduction.as_ref()),
        notification: replace(&mut after.notification, edit.notification.as_ref()),
        face_url: replace(&mut after.face_url, edit.face_url.as_ref()),
        mute_all: replace(&mut after.mute_all, edit.mute_all.as_ref()),
        ..GroupChanges::default()
    };
    // Options that the type does not have are not kept, so that they read back as they act.
    if scene.policy.apply_join_allowed {
        changes.apply_option = replace(&mut after.apply_option, edit.apply_option.as_ref());
    }
    if scene.policy.has_invite_option {
        replace(&mut after.invite_option, edit.invite_option.as_ref());
    }
    if scene.policy.own_member_cap {
        replace(&mut after.max_member_num, edit.max_members.as_ref());
    }
    replace(&mut after.permission_enabled, edit.permission_enabled.as_ref());
    replace(&mut after.default_permission, edit.default_permission.as_ref());
    after.history_before_join = edit.history_before_join.or(after.history_before_join);
    custom::write(settings, &before.group_type, scene.actor(), &mut after.custom, &edit.custom)?;
    changes.custom = told_fields(settings, before, &after);
    if after == *before {
        return Ok(Change::none());
    }
    Ok(changed(scene, after, changes, random))
}

fn check(scene: &Scene, edit: &Edit, settings: &AppSettings) -> Result<(), Denied> {
    // 1. Lengths and values.
    for (field, text) in [
        ("Name", &edit.name),
        ("Introduction", &edit.introduction),
        ("Notification", &edit.notification),
        ("FaceUrl", &edit.face_url),
    ] {
        if let Some(text) = text {
            check_text(settings, field, text)?;
        }
    }
    // 2. What the type knows.
    let (policy, group) = (&scene.policy, &scene.group);
    let forbids = |what| Denied::TypeLacks { group_type: group.group_type.clone(), what };
    let most = u64::from(policy.max_members);
    if let Some(cap) = edit.max_members
        && policy.own_member_cap
        && most > 0
        && cap > most
    {
        return Err(Denied::CapBeyondType { group_type: group.group_type.clone(), cap: most });
    }
    if edit.history_before_join.is_some() && !policy.history_option {
        return Err(forbids("own choice of history from before joining"));
    }
    let rights = edit.permission_enabled.is_some() || edit.default_permission.is_some();
    if rights && !group.support_topic {
        return Err(forbids("permission groups"));
    }
    if edit.permission_enabled == Some(true) && !settings.features.permission_group {
        return Err(Denied::FeatureOff("permission groups"));
    }
    // 3. What the role allows. Custom fields have levels of their own.
    let texts = [&edit.name, &edit.introduction, &edit.notification, &edit.face_url];
    if texts.iter().any(|text| text.is_some()) {
        scene.require(Action::EditProfile, "edit the profile")?;
    }
    let options = edit.apply_option.is_some()
        || edit.invite_option.is_some()
        || edit.max_members.is_some()
        || edit.history_before_join.is_some();
    if options {
        scene.require(Action::EditSettings, "change settings")?;
    }
    if rights {
        scene.require(Action::ManagePermissionGroups, "change rights")?;
    }
    if edit.mute_all.is_some() {
        scene.require(Action::MuteAll, "mute everybody")?;
    }
    Ok(())
}

/// Puts the wanted value in place; answers it when it is another than before.
fn replace<T: Clone + PartialEq>(place: &mut T, wanted: Option<&T>) -> Option<T> {
    let wanted = wanted.filter(|wanted| *wanted != place)?;
    *place = wanted.clone();
    Some(wanted.clone())
}

/// The changed custom fields that every member may read: all get the same tip. A removed field is told with an empty value.
fn told_fields(settings: &AppSettings, before: &Group, after: &Group) -> std::collections::BTreeMap<String, String> {
    let mut touched = after.custom.clone();
    for key in before.custom.keys() {
        touched.entry(key.clone()).or_default();
    }
    touched.retain(|key, value| before.custom.get(key).map_or("", String::as_str) != value);
    custom::readable(settings, &before.group_type, Actor::Role(Role::Member), &touched)
}

/// The group with its profile changed, and what is told of it.
pub(super) fn changed(scene: &Scene, after: Group, changes: GroupChanges, random: u32) -> Change {
    let after = Group { info_seq: scene.group.info_seq + 1, info_changed_at: scene.now, ..after };
    let change = Change::none()
        .expect(Expect::GroupAt { group: after.id.clone(), revision: scene.group.revision })
        .write(Write::UpdateGroup(Box::new(after)));
    let change = tell(change, scene, &changes, random);
    if changes.is_empty() {
        return change;
    }
    change.event(Event::GroupProfileChanged { group: scene.group.id.clone(), by: scene.user.clone(), changes })
}

/// Tells the members as far as the type's switches say. Muting everybody and the join option are always told to those who are
/// online, whose devices show them; a place in the history they take only where the app wants that.
fn tell(change: Change, scene: &Scene, changes: &GroupChanges, random: u32) -> Change {
    // Of a group that sleeps nobody hears.
    if !scene.group.active {
        return change;
    }
    let policy = &scene.policy;
    let by = || scene.user.clone();
    let settings =
        GroupChanges { apply_option: changes.apply_option, mute_all: changes.mute_all, ..GroupChanges::default() };
    let profile = GroupChanges { apply_option: None, mute_all: None, ..changes.clone() };
    let (stored, passing) = match (policy.profile_notice, policy.settings_notice) {
        (true, true) => (changes.clone(), GroupChanges::default()),
        (true, false) => (profile, settings),
        (false, true) => (settings, GroupChanges::default()),
        (false, false) => (GroupChanges::default(), settings),
    };
    let change = if stored.is_empty() {
        change
    } else {
        tip::tell(change, scene, Tip::GroupChanged { by: by(), changes: stored }, random)
    };
    if passing.is_empty() {
        return change;
    }
    let tip = Tip::GroupChanged { by: by(), changes: passing };
    change.event(Event::Tip { group: scene.group.id.clone(), tip })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::{GroupPolicy, UserId, member::Member, member::tests::scene, time::Timestamp};

    fn as_role(policy: GroupPolicy, role: Role) -> Scene {
        let mut scene = scene(policy);
        let user = UserId::trusted("bob");
        if role.is_member() {
            scene.member = Some(Arc::new(Member::new(user.clone(), role, Timestamp(1), 0, policy.default_msg_flag)));
        }
        Scene { user, ..scene }
    }

    fn as_admin(policy: GroupPolicy) -> Scene {
        Scene { app_admin: true, ..scene(policy) }
    }

    fn name(name: &str) -> Edit {
        Edit { name: Some(name.into()), ..Edit::default() }
    }

    fn decide(scene: &Scene, edit: &Edit) -> Result<Change, Denied> {
        modify(scene, edit, &AppSettings::default(), 7)
    }

    fn group_of(change: &Change) -> &Group {
        match &change.writes[0] {
            Write::UpdateGroup(group) => group,
            other => panic!("{other:?} is no update"),
        }
    }

    fn tips(change: &Change) -> (Vec<GroupChanges>, Vec<GroupChanges>) {
        let of = |tip: &Tip| match tip {
            Tip::GroupChanged { changes, .. } => changes.clone(),
            other => panic!("{other:?}"),
        };
        let stored = change.writes.iter().filter_map(|write| match write {
            Write::Append(append) => match &append.draft.content {
                crate::message::Content::Tip(tip) => Some(of(tip)),
                crate::message::Content::Elements(_) => None,
            },
            _ => None,
        });
        let passing = change.events.iter().filter_map(|event| match event {
            Event::Tip { tip, .. } => Some(of(tip)),
            _ => None,
        });
        (stored.collect(), passing.collect())
    }

    #[rstest]
    #[case::work(GroupPolicy::WORK, [false, true, true, true])]
    #[case::public(GroupPolicy::PUBLIC, [false, false, true, true])]
    #[case::meeting(GroupPolicy::MEETING, [false, false, false, true])]
    #[case::live(GroupPolicy::AV_CHAT_ROOM, [false, false, false, true])]
    #[case::community(GroupPolicy::COMMUNITY, [false, false, false, true])]
    #[case::broadcast(GroupPolicy::BROADCAST, [false, false, false, false])]
    fn who_renames_a_group(#[case] policy: GroupPolicy, #[case] may: [bool; 4]) {
        for (role, may) in [Role::NotMember, Role::Member, Role::Admin, Role::Owner].into_iter().zip(may) {
            assert_eq!(decide(&as_role(policy, role), &name("New")).is_ok(), may, "{role:?}");
        }
        assert!(decide(&as_admin(policy), &name("New")).is_ok());
    }

    #[test]
    fn a_member_of_a_work_group_edits_its_texts_and_nothing_else() {
        let member = as_role(GroupPolicy::WORK, Role::Member);
        for edit in [
            Edit { max_members: Some(5), ..Edit::default() },
            Edit { mute_all: Some(true), ..Edit::default() },
            Edit { invite_option: Some(InviteJoinOption::DisableInvite), ..name("New") },
        ] {
            assert!(matches!(decide(&member, &edit), Err(Denied::NotPermitted { .. })), "{edit:?}");
        }
    }

    #[test]
    fn a_change_counts_and_is_told_with_what_is_new() {
        let edit = Edit { notification: Some("Meet at nine".into()), ..name("Crew") };
        let change = decide(&as_admin(GroupPolicy::PUBLIC), &edit).expect("allowed");
        let group = group_of(&change);
        assert_eq!((group.info_seq, group.info_changed_at), (2, Timestamp(2000)));
        let (stored, passing) = tips(&change);
        let told = GroupChanges { notification: Some("Meet at nine".into()), ..GroupChanges::default() };
        assert_eq!((stored, passing), (vec![told], vec![]), "the name is as it was");
    }

    #[test]
    fn the_same_again_changes_nothing() {
        assert_eq!(decide(&as_admin(GroupPolicy::PUBLIC), &name("Crew")), Ok(Change::none()));
        assert_eq!(decide(&as_admin(GroupPolicy::PUBLIC), &Edit::default()), Ok(Change::none()));
    }

    #[test]
    fn a_mute_of_all_is_stored_only_where_the_app_wants_it() {
        let edit = Edit { mute_all: Some(true), ..name("New") };
        let (stored, passing) = tips(&decide(&as_admin(GroupPolicy::PUBLIC), &edit).expect("allowed"));
        assert!(stored[0].mute_all.is_none() && passing[0].mute_all == Some(true));
        let loud = GroupPolicy { settings_notice: true, ..GroupPolicy::PUBLIC };
        let (stored, passing) = tips(&decide(&as_admin(loud), &edit).expect("allowed"));
        assert!(stored[0].mute_all == Some(true) && passing.is_empty());
    }

    #[test]
    fn of_a_group_that_sleeps_nobody_hears() {
        let mut sleeping = as_admin(GroupPolicy::WORK);
        Arc::make_mut(&mut sleeping.group).active = false;
        let (stored, passing) = tips(&decide(&sleeping, &name("New")).expect("allowed"));
        assert!(stored.is_empty() && passing.is_empty());
    }

    #[test]
    fn options_that_the_type_does_not_have_are_not_kept() {
        let edit = Edit { apply_option: Some(ApplyJoinOption::FreeAccess), ..Edit::default() };
        assert_eq!(decide(&as_admin(GroupPolicy::WORK), &edit), Ok(Change::none()));
        let edit = Edit { max_members: Some(7), ..Edit::default() };
        assert_eq!(decide(&as_admin(GroupPolicy::AV_CHAT_ROOM), &edit), Ok(Change::none()));
        let edit = Edit { history_before_join: Some(true), ..Edit::default() };
        assert!(matches!(decide(&as_admin(GroupPolicy::COMMUNITY), &edit), Err(Denied::TypeLacks { .. })));
    }

    #[test]
    fn fields_that_members_may_not_read_are_not_told() {
        let field = |key: &str, read| crate::settings::GroupField {
            key: key.into(),
            read,
            write: crate::settings::AccessLevel::Admin,
            types: Vec::new(),
        };
        let settings = AppSettings {
            group_fields: vec![
                field("open", crate::settings::AccessLevel::Member),
                field("shut", crate::settings::AccessLevel::Admin),
            ],
            ..AppSettings::default()
        };
        let custom = vec![("open".into(), "1".into()), ("shut".into(), "2".into())];
        let change = modify(&as_admin(GroupPolicy::PUBLIC), &Edit { custom, ..Edit::default() }, &settings, 7);
        let change = change.expect("allowed");
        assert_eq!(group_of(&change).custom.len(), 2);
        let (stored, _) = tips(&change);
        assert_eq!(stored[0].custom.keys().collect::<Vec<_>>(), ["open"]);
    }
}
