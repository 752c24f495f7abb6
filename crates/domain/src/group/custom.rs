//! Custom fields of groups and members: what an app declared, who reads it and who writes it (docs/spec/group-types.md#6).

use std::collections::BTreeMap;

use super::GroupType;
use crate::{
    denied::Denied,
    permission::Actor,
    settings::{AccessLevel, AppSettings, MemberField},
};

/// The fields of a group that the actor may read. What nobody declared is open to everybody where the app accepts such
/// fields, else to app admins only.
#[must_use]
pub fn readable(
    settings: &AppSettings,
    group_type: &GroupType,
    actor: Actor,
    custom: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let may_read = |key: &str| match group_field(settings, group_type, key) {
        Some(field) => field.read.allows(actor),
        None => settings.accept_undeclared_fields || actor == Actor::AppAdmin,
    };
    custom.iter().filter(|(key, _)| may_read(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The fields of a member that the actor may read, on themselves or on somebody else.
#[must_use]
pub fn readable_of_member(
    settings: &AppSettings,
    group_type: &GroupType,
    actor: Actor,
    on_self: bool,
    custom: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let may_read = |key: &str| match member_field(settings, group_type, key) {
        Some(field) => field.readable(actor, on_self),
        None => settings.accept_undeclared_fields || actor == Actor::AppAdmin,
    };
    custom.iter().filter(|(key, _)| may_read(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Writes fields of a group; an empty value removes its key. Answers whether anything is different now.
///
/// # Errors
/// [`Denied::BadValue`] for a key nobody declared or a value that is too long, [`Denied::FieldNotWritable`] for a field that
/// is not open to the actor.
pub fn write(
    settings: &AppSettings,
    group_type: &GroupType,
    actor: Actor,
    custom: &mut BTreeMap<String, String>,
    entries: &[(String, String)],
) -> Result<bool, Denied> {
    let limits = settings.limits().group;
    for (key, value) in entries {
        match group_field(settings, group_type, key) {
            Some(field) if !field.write.allows(actor) => return Err(Denied::FieldNotWritable(key.clone())),
            Some(_) => {}
            None => check_undeclared(settings, "AppDefinedData", key)?,
        }
        check_value("AppDefinedData", key, value, limits.custom_value_bytes)?;
    }
    Ok(put(custom, entries))
}

/// As [`write`], for the fields of a member; `on_self` when members write their own.
///
/// # Errors
/// As [`write`].
pub fn write_of_member(
    settings: &AppSettings,
    group_type: &GroupType,
    actor: Actor,
    on_self: bool,
    custom: &mut BTreeMap<String, String>,
    entries: &[(String, String)],
) -> Result<bool, Denied> {
    let limits = settings.limits().group;
    for (key, value) in entries {
        match member_field(settings, group_type, key) {
            Some(field) if !field.writable(actor, on_self) => return Err(Denied::FieldNotWritable(key.clone())),
            Some(_) => {}
            None => {
                check_undeclared(settings, "AppMemberDefinedData", key)?;
                // As a declared field whose levels nobody chose.
                if !on_self && !AccessLevel::Admin.allows(actor) {
                    return Err(Denied::FieldNotWritable(key.clone()));
                }
            }
        }
        check_value("AppMemberDefinedData", key, value, limits.member_custom_value_bytes)?;
    }
    Ok(put(custom, entries))
}

fn put(custom: &mut BTreeMap<String, String>, entries: &[(String, String)]) -> bool {
    let before = custom.clone();
    for (key, value) in entries {
        if value.is_empty() {
            custom.remove(key);
        } else {
            custom.insert(key.clone(), value.clone());
        }
    }
    *custom != before
}

fn check_value(name: &str, key: &str, value: &str, most: u32) -> Result<(), Denied> {
    if value.len() > most as usize {
        return Err(Denied::BadValue(format!("`{name}`: the value of `{key}` has more than {most} bytes")));
    }
    Ok(())
}

fn check_undeclared(settings: &AppSettings, name: &str, key: &str) -> Result<(), Denied> {
    let most = settings.limits().group.custom_key_bytes as usize;
    if !settings.accept_undeclared_fields {
        return Err(Denied::BadValue(format!("`{name}`: nobody declared the field `{key}` for groups of this type")));
    }
    let is_key = !key.is_empty() && key.len() <= most && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_key { Ok(()) } else { Err(Denied::BadValue(format!("`{name}`: `{key}` is no key of a custom field"))) }
}

fn group_field<'a>(
    settings: &'a AppSettings,
    group_type: &GroupType,
    key: &str,
) -> Option<&'a crate::settings::GroupField> {
    settings.group_fields.iter().find(|field| field.key == key && field.applies_to(group_type.as_str()))
}

fn member_field<'a>(settings: &'a AppSettings, group_type: &GroupType, key: &str) -> Option<&'a MemberField> {
    settings.member_fields.iter().find(|field| field.key == key && field.applies_to(group_type.as_str()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{permission::Role, settings::GroupField};

    fn settings() -> AppSettings {
        let field = |key: &str, read, write| GroupField { key: key.into(), read, write, types: Vec::new() };
        AppSettings {
            group_fields: vec![
                field("stage", AccessLevel::Anybody, AccessLevel::Admin),
                field("secret", AccessLevel::Admin, AccessLevel::AppAdmin),
            ],
            member_fields: vec![MemberField {
                key: "level".into(),
                read: AccessLevel::Member,
                write: AccessLevel::Admin,
                self_read: true,
                self_write: false,
                types: Vec::new(),
            }],
            ..AppSettings::default()
        }
    }

    fn keys(custom: &BTreeMap<String, String>) -> Vec<&str> {
        custom.keys().map(String::as_str).collect()
    }

    fn entry(key: &str, value: &str) -> Vec<(String, String)> {
        vec![(key.to_owned(), value.to_owned())]
    }

    #[rstest]
    #[case(Actor::AppAdmin, &["old", "secret", "stage"])]
    #[case(Actor::Role(Role::Owner), &["secret", "stage"])]
    #[case(Actor::Role(Role::Admin), &["secret", "stage"])]
    #[case(Actor::Role(Role::Member), &["stage"])]
    #[case(Actor::Role(Role::NotMember), &["stage"])]
    fn a_key_beyond_the_reader_is_left_out(#[case] actor: Actor, #[case] shown: &[&str]) {
        let custom = ["stage", "secret", "old"].map(|key| (key.to_owned(), "x".to_owned())).into();
        assert_eq!(keys(&readable(&settings(), &GroupType::Public, actor, &custom)), shown);
    }

    #[rstest]
    #[case("stage", Role::Admin, true)]
    #[case("stage", Role::Member, false)]
    #[case("secret", Role::Owner, false)]
    fn writing_needs_the_level(#[case] key: &str, #[case] role: Role, #[case] may: bool) {
        let mut custom = BTreeMap::new();
        let written = write(&settings(), &GroupType::Public, role.into(), &mut custom, &entry(key, "1"));
        assert_eq!(written, if may { Ok(true) } else { Err(Denied::FieldNotWritable(key.to_owned())) });
        assert_eq!(custom.contains_key(key), may);
    }

    #[test]
    fn an_empty_value_removes_its_key_and_a_refusal_changes_nothing() {
        let (settings, admin) = (settings(), Actor::AppAdmin);
        let mut custom: BTreeMap<_, _> = entry("stage", "1").into_iter().collect();
        let mut write = |entries: &[(String, String)]| write(&settings, &GroupType::Work, admin, &mut custom, entries);
        assert_eq!(write(&entry("stage", "1")), Ok(false));
        assert_eq!(write(&entry("stage", "")), Ok(true));
        let long = [entry("stage", "2"), entry("secret", &"v".repeat(513))].concat();
        assert!(matches!(write(&long), Err(Denied::BadValue(text)) if text.contains("secret")));
        assert!(matches!(write(&entry("unknown", "1")), Err(Denied::BadValue(_))));
        assert!(custom.is_empty());
    }

    #[test]
    fn undeclared_fields_are_kept_where_the_app_says_so() {
        let settings = AppSettings { accept_undeclared_fields: true, ..settings() };
        let mut custom = BTreeMap::new();
        let member = Actor::Role(Role::Member);
        assert_eq!(write(&settings, &GroupType::Work, member, &mut custom, &entry("any_1", "1")), Ok(true));
        assert_eq!(keys(&readable(&settings, &GroupType::Work, member, &custom)), ["any_1"]);
        for bad in ["", "with space", "a_key_longer_than_16"] {
            assert!(write(&settings, &GroupType::Work, member, &mut custom, &entry(bad, "1")).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_level_may_be_read_but_not_written_by_oneself() {
        let settings = settings();
        let mut custom = BTreeMap::new();
        let mut write = |role: Role, on_self| {
            let entries = entry("level", "3");
            write_of_member(&settings, &GroupType::Public, role.into(), on_self, &mut custom, &entries)
        };
        assert!(write(Role::Member, true).is_err());
        assert!(write(Role::Member, false).is_err());
        assert_eq!(write(Role::Admin, false), Ok(true));
        let shown = readable_of_member(&settings, &GroupType::Public, Role::Member.into(), true, &custom);
        assert_eq!(keys(&shown), ["level"]);
    }
}
