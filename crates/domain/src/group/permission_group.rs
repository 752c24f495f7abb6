//! Permission groups of a community: masks of rights, and who has them (docs/spec/group-types.md#73).

use std::collections::BTreeMap;

use crate::{
    Denied, GroupId, Scene, TopicId, UserId,
    change::{Change, Expect, Write},
    permission::Action,
    settings::AppSettings,
    time::Timestamp,
};

/// A permission group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionGroup {
    /// The community.
    pub group: GroupId,
    /// Unique in the community.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What its members may do in the community.
    pub permission: u64,
    /// The app's own text.
    pub custom_string: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// How many members it has; kept by the store.
    pub member_num: u64,
}

/// What the permission groups of one member allow, all together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// In the community.
    pub community: u64,
    /// In single topics, beyond what their own masks allow everybody.
    pub topics: BTreeMap<TopicId, u64>,
}

/// Prefix of every id.
pub const PREFIX: &str = "@PMG#_";
/// Prefix of every generated id.
pub const GENERATED_PREFIX: &str = "@PMG#_@PMG#c";
/// Most bytes the part of an id behind the prefix may have.
const MAX_PART_BYTES: usize = 48;

/// Lets pass an id that somebody chose: `@PMG#_` and a part of its own, printable ASCII, that does not look generated
/// (docs/spec/group-types.md#8).
///
/// # Errors
/// [`Denied::BadValue`].
pub fn check_id(id: &str) -> Result<(), Denied> {
    let part = id.strip_prefix(PREFIX).unwrap_or_default();
    let is_fine = !part.is_empty()
        && part.len() <= MAX_PART_BYTES
        && part.bytes().all(|b| (0x20..=0x7e).contains(&b))
        && !part.starts_with("@PMG#");
    if is_fine {
        return Ok(());
    }
    let text =
        format!("`PermissionGroupId` is not `{PREFIX}` and 1 to {MAX_PART_BYTES} printable characters of its own");
    Err(Denied::BadValue(text))
}

/// Lets pass a community in which permission groups are in force.
///
/// # Errors
/// [`Denied::TypeLacks`] for other types; [`Denied::FeatureOff`], [`Denied::PermissionGroupsOff`].
pub fn in_force(scene: &Scene, settings: &AppSettings) -> Result<(), Denied> {
    let group = &scene.group;
    if !scene.policy.permission_groups {
        return Err(Denied::TypeLacks { group_type: group.group_type.clone(), what: "permission groups" });
    }
    if !settings.features.permission_group {
        return Err(Denied::FeatureOff("permission groups"));
    }
    if group.permission_enabled { Ok(()) } else { Err(Denied::PermissionGroupsOff(group.id.clone())) }
}

fn at(scene: &Scene) -> Change {
    Change::none().expect(Expect::GroupAt { group: scene.group.id.clone(), revision: scene.group.revision })
}

/// Creates a permission group, or stores a changed one: the whole row.
///
/// # Errors
/// What the community or the caller's rights forbid; [`Denied::BadValue`] for texts that are too long.
pub fn put(scene: &Scene, group: PermissionGroup, settings: &AppSettings) -> Result<Change, Denied> {
    in_force(scene, settings)?;
    scene.require(Action::ManagePermissionGroups, "manage permission groups")?;
    let limits = settings.limits().permission_group;
    for (field, text, most) in [
        ("PermissionGroupName", &group.name, limits.name_bytes),
        ("CustomString", &group.custom_string, limits.custom_string_bytes),
    ] {
        if text.len() > most as usize {
            let bytes = text.len();
            return Err(Denied::BadValue(format!("`{field}` has {bytes} bytes, at most {most} are allowed")));
        }
    }
    if group.name.is_empty() {
        return Err(Denied::BadValue("`PermissionGroupName` is empty".into()));
    }
    Ok(at(scene).write(Write::PutPermissionGroup(Box::new(group))))
}

/// Ends permission groups; their members stay in the community.
///
/// # Errors
/// What the community or the caller's rights forbid.
pub fn destroy(scene: &Scene, ids: &[String], settings: &AppSettings) -> Result<Change, Denied> {
    in_force(scene, settings)?;
    scene.require(Action::ManagePermissionGroups, "manage permission groups")?;
    let group = &scene.group.id;
    let delete = |id: &String| Write::DeletePermissionGroup { group: group.clone(), id: id.clone() };
    Ok(ids.iter().fold(at(scene), |change, id| change.write(delete(id))))
}

/// Changes what a permission group allows in topics; `None` takes its mask away.
#[must_use]
pub fn set_topics(scene: &Scene, id: &str, topics: Vec<(TopicId, Option<u64>)>) -> Change {
    let group = &scene.group.id;
    topics.into_iter().fold(at(scene), |change, (topic, permission)| {
        change.write(Write::SetTopicPermission { group: group.clone(), id: id.to_owned(), topic, permission })
    })
}

/// Brings members of the community into a permission group, or takes them out.
///
/// # Errors
/// What the community or the caller's rights forbid.
pub fn set_members(
    scene: &Scene,
    id: &str,
    users: &[UserId],
    belong: bool,
    settings: &AppSettings,
) -> Result<Change, Denied> {
    in_force(scene, settings)?;
    scene.require(Action::ManagePermissionMembers, "manage the members of permission groups")?;
    let (group, id) = (&scene.group.id, id.to_owned());
    let set = |user: &UserId| {
        let (group, id, user) = (group.clone(), id.clone(), user.clone());
        if belong {
            Write::PutPermissionMember { group, id, user }
        } else {
            Write::DeletePermissionMember { group, id, user }
        }
    };
    Ok(users.iter().fold(at(scene), |change, user| change.write(set(user))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy, Role,
        example::scene_of,
        rights::{Rights, community},
    };

    fn town(role: Role, rights: u64) -> Scene {
        let mut scene = scene_of(GroupPolicy::COMMUNITY, "ana", role);
        let group = Arc::make_mut(&mut scene.group);
        group.support_topic = true;
        group.permission_enabled = true;
        scene.rights = Some(Rights { community: rights, topic: None });
        scene
    }

    fn mods() -> PermissionGroup {
        PermissionGroup {
            group: GroupId::trusted("g"),
            id: "@PMG#_mods".into(),
            name: "Mods".into(),
            permission: 545,
            custom_string: String::new(),
            created_at: Timestamp(1),
            member_num: 0,
        }
    }

    // Who manages the groups, and who their members: role and rights.
    #[rstest]
    #[case::member(Role::Member, 0, false, false)]
    #[case::admin(Role::Admin, 0, false, false)]
    #[case::owner(Role::Owner, 0, true, true)]
    #[case::right_over_groups(Role::Member, community::MANAGE_PERMISSION_GROUPS, true, false)]
    #[case::right_over_members(Role::Member, community::MANAGE_PERMISSION_MEMBERS, false, true)]
    #[case::no_right_helps_strangers(Role::NotMember, u64::MAX, false, false)]
    fn managers(#[case] role: Role, #[case] rights: u64, #[case] groups: bool, #[case] members: bool) {
        let (scene, settings) = (town(role, rights), AppSettings::default());
        assert_eq!(put(&scene, mods(), &settings).is_ok(), groups);
        assert_eq!(destroy(&scene, &["@PMG#_mods".into()], &settings).is_ok(), groups);
        let bob = [UserId::trusted("bob")];
        assert_eq!(set_members(&scene, "@PMG#_mods", &bob, true, &settings).is_ok(), members);
    }

    #[test]
    fn they_exist_where_they_are_in_force() {
        let settings = AppSettings::default();
        let mut scene = town(Role::Owner, 0);
        Arc::make_mut(&mut scene.group).permission_enabled = false;
        assert!(matches!(put(&scene, mods(), &settings), Err(Denied::PermissionGroupsOff(_))));
        let public = scene_of(GroupPolicy::PUBLIC, "ana", Role::Owner);
        assert!(matches!(put(&public, mods(), &settings), Err(Denied::TypeLacks { .. })));
        let mut off = AppSettings::default();
        off.features.permission_group = false;
        assert!(matches!(put(&town(Role::Owner, 0), mods(), &off), Err(Denied::FeatureOff(_))));
    }

    #[rstest]
    #[case::no_name(PermissionGroup { name: String::new(), ..mods() }, "PermissionGroupName")]
    #[case::long_name(PermissionGroup { name: "x".repeat(151), ..mods() }, "PermissionGroupName")]
    #[case::long_text(PermissionGroup { custom_string: "x".repeat(3001), ..mods() }, "CustomString")]
    fn bad_values_are_named(#[case] group: PermissionGroup, #[case] field: &str) {
        match put(&town(Role::Owner, 0), group, &AppSettings::default()) {
            Err(Denied::BadValue(text)) => assert!(text.contains(field), "{text}"),
            other => panic!("{other:?}"),
        }
    }

    #[rstest]
    #[case("@PMG#_mods", true)]
    #[case("@PMG#_", false)]
    #[case("mods", false)]
    #[case("@PMG#_@PMG#cAB", false)]
    #[case("@PMG#_版主", false)]
    fn chosen_ids(#[case] id: &str, #[case] fine: bool) {
        assert_eq!(check_id(id).is_ok(), fine);
    }
}
