//! Profile fields: which there are, what they hold, who may touch them (docs/spec/rest-users.md#4.1).

use crate::{
    AppSettings,
    account::{Account, ProfileValue},
    change::{Change, Event, Write},
    settings::{AllowType, FieldKind},
};

/// What every standard tag begins with.
pub const STANDARD: &str = "Tag_Profile_IM_";
/// What every tag of an app's own fields begins with.
pub const CUSTOM: &str = "Tag_Profile_Custom_";

/// Why a field cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadField {
    /// There is no such field.
    #[error("`{0}` is no field of profiles")]
    UnknownTag(String),
    /// The value is too long.
    #[error("the value of `{tag}` has more than {most} bytes")]
    TooLong {
        /// The field.
        tag: String,
        /// The most it may have.
        most: u32,
    },
    /// The value is none of those the field knows.
    #[error("`{value}` is no value of `{tag}`")]
    BadValue {
        /// The field.
        tag: String,
        /// The value.
        value: String,
    },
    /// A text for a number, or a number for a text.
    #[error("the value of `{0}` has the wrong type")]
    WrongType(String),
    /// The caller may not write the field.
    #[error("`{0}` may not be written")]
    NotWritable(String),
    /// The caller may not read the field.
    #[error("`{0}` may not be read")]
    NotReadable(String),
}

/// What a standard field holds.
enum Kind {
    Text(u32),
    Number,
    OneOf(&'static [&'static str]),
}

/// Tag of how friend requests are met.
pub const ALLOW_TYPE: &str = "Tag_Profile_IM_AllowType";
/// Tag of what the app forbids its users.
pub const ADMIN_FORBID_TYPE: &str = "Tag_Profile_IM_AdminForbidType";
/// The value of [`ADMIN_FORBID_TYPE`] for those who may not send friend requests.
pub const FORBIDS_SENDING: &str = "AdminForbid_Type_SendOut";

const GENDERS: &[&str] = &["Gender_Type_Unknown", "Gender_Type_Female", "Gender_Type_Male"];
const ALLOW_TYPES: &[&str] = &["AllowType_Type_NeedConfirm", "AllowType_Type_AllowAny", "AllowType_Type_DenyAny"];
const FORBID_TYPES: &[&str] = &["AdminForbid_Type_None", "AdminForbid_Type_SendOut"];

fn standard(tag: &str, settings: &AppSettings) -> Option<Kind> {
    let limits = settings.limits().profile;
    Some(match tag.strip_prefix(STANDARD)? {
        "Nick" => Kind::Text(limits.nick_bytes),
        "Image" => Kind::Text(limits.face_url_bytes),
        "SelfSignature" => Kind::Text(limits.self_signature_bytes),
        "Location" => Kind::Text(limits.location_bytes),
        "Gender" => Kind::OneOf(GENDERS),
        "AllowType" => Kind::OneOf(ALLOW_TYPES),
        "AdminForbidType" => Kind::OneOf(FORBID_TYPES),
        "BirthDay" | "Language" | "MsgSettings" | "Level" | "Role" => Kind::Number,
        _ => return None,
    })
}

fn custom<'a>(tag: &str, settings: &'a AppSettings) -> Option<&'a crate::settings::UserField> {
    let keyword = tag.strip_prefix(CUSTOM)?;
    settings.profile_fields.iter().find(|field| field.keyword == keyword)
}

/// Lets pass a field that may be read.
///
/// # Errors
/// [`BadField::UnknownTag`], or [`BadField::NotReadable`] for an app's own field kept from the caller.
pub fn check_read(settings: &AppSettings, tag: &str, by_app_admin: bool) -> Result<(), BadField> {
    if standard(tag, settings).is_some() {
        return Ok(());
    }
    match custom(tag, settings) {
        Some(field) if field.readable(by_app_admin) => Ok(()),
        Some(_) => Err(BadField::NotReadable(tag.into())),
        None => Err(BadField::UnknownTag(tag.into())),
    }
}

/// Lets pass a value that may be written.
///
/// # Errors
/// [`BadField`] says what is wrong.
pub fn check_write(
    settings: &AppSettings,
    tag: &str,
    value: &ProfileValue,
    by_app_admin: bool,
) -> Result<(), BadField> {
    let wrong_type = || BadField::WrongType(tag.into());
    let fits = |text: &str, most: u32| {
        if text.len() > most as usize { Err(BadField::TooLong { tag: tag.into(), most }) } else { Ok(()) }
    };
    if let Some(kind) = standard(tag, settings) {
        // What the app decides about its users, its users do not decide themselves.
        if tag.ends_with("AdminForbidType") && !by_app_admin {
            return Err(BadField::NotWritable(tag.into()));
        }
        return match (kind, value) {
            (Kind::Text(most), ProfileValue::Text(text)) => fits(text, most),
            (Kind::Number, ProfileValue::Number(number)) if u32::try_from(*number).is_ok() => Ok(()),
            (Kind::Number, ProfileValue::Number(number)) => {
                Err(BadField::BadValue { tag: tag.into(), value: number.to_string() })
            }
            (Kind::OneOf(values), ProfileValue::Text(text)) if values.contains(&text.as_str()) => Ok(()),
            (Kind::OneOf(_), ProfileValue::Text(text)) => {
                Err(BadField::BadValue { tag: tag.into(), value: text.clone() })
            }
            (Kind::Text(_) | Kind::OneOf(_), ProfileValue::Number(_)) | (Kind::Number, ProfileValue::Text(_)) => {
                Err(wrong_type())
            }
        };
    }
    let field = custom(tag, settings).ok_or_else(|| BadField::UnknownTag(tag.into()))?;
    if !field.writable(by_app_admin) {
        return Err(BadField::NotWritable(tag.into()));
    }
    match (field.kind, value) {
        (FieldKind::Bytes, ProfileValue::Text(text)) => fits(text, settings.limits().profile.custom_value_bytes),
        (FieldKind::Integer, ProfileValue::Text(text)) if text.parse::<u64>().is_err() => Err(wrong_type()),
        (FieldKind::Integer, ProfileValue::Number(_) | ProfileValue::Text(_)) => Ok(()),
        (FieldKind::Bytes, ProfileValue::Number(_)) => Err(wrong_type()),
    }
}

/// A value that was let pass as it is kept: numbers of integer fields may have been written as text.
#[must_use]
pub fn kept(settings: &AppSettings, tag: &str, value: ProfileValue) -> ProfileValue {
    let is_integer = custom(tag, settings).is_some_and(|field| field.kind == FieldKind::Integer);
    match value {
        ProfileValue::Text(text) if is_integer => text.parse().map_or(ProfileValue::Text(text), ProfileValue::Number),
        value => value,
    }
}

/// Writes fields that were checked; a repeated one ends at its last value, an empty text clears.
#[must_use]
pub fn set(account: &Account, fields: Vec<(String, ProfileValue)>) -> Change {
    let mut written: Vec<(String, ProfileValue)> = Vec::new();
    for (tag, value) in fields {
        match written.iter_mut().find(|(known, _)| *known == tag) {
            Some((_, earlier)) => *earlier = value,
            None => written.push((tag, value)),
        }
    }
    written.retain(|(tag, value)| account.profile.get(tag) != Some(value));
    if written.is_empty() {
        return Change::none();
    }
    let (user, tags) = (account.user.clone(), written.iter().map(|(tag, _)| tag.clone()).collect());
    Change::none()
        .write(Write::SetProfile { user: user.clone(), fields: written })
        .event(Event::ProfileChanged { user, tags })
}

/// The value a field shows when it was never set; `None` for those that are then left out.
#[must_use]
pub fn default_value(settings: &AppSettings, tag: &str) -> Option<ProfileValue> {
    let text = match tag.strip_prefix(STANDARD)? {
        "Gender" => GENDERS[0],
        "AllowType" => allow_type_name(settings.sns.default_allow_type),
        "AdminForbidType" => FORBID_TYPES[0],
        _ => return None,
    };
    Some(ProfileValue::Text(text.into()))
}

/// The wire's name of how friend requests are met.
#[must_use]
pub fn allow_type_name(allow: AllowType) -> &'static str {
    match allow {
        AllowType::NeedConfirm => ALLOW_TYPES[0],
        AllowType::AllowAny => ALLOW_TYPES[1],
        AllowType::DenyAny => ALLOW_TYPES[2],
    }
}

/// How friend requests are met, by the wire's name.
#[must_use]
pub fn allow_type(name: &str) -> Option<AllowType> {
    [AllowType::NeedConfirm, AllowType::AllowAny, AllowType::DenyAny]
        .into_iter()
        .find(|allow| allow_type_name(*allow) == name)
}

/// Every tag the app's profiles have, in a stable order.
#[must_use]
pub fn all_tags(settings: &AppSettings) -> Vec<String> {
    const NAMES: [&str; 12] = [
        "Nick",
        "Gender",
        "BirthDay",
        "Location",
        "SelfSignature",
        "AllowType",
        "Language",
        "Image",
        "MsgSettings",
        "AdminForbidType",
        "Level",
        "Role",
    ];
    let standard = NAMES.iter().map(|name| format!("{STANDARD}{name}"));
    standard.chain(settings.profile_fields.iter().map(|field| format!("{CUSTOM}{}", field.keyword))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_standard_field_holds_its_kind() {
        let settings = AppSettings::default();
        let text = |value: &str| ProfileValue::Text(value.into());
        let number = ProfileValue::Number;
        for (tag, value, expected) in [
            ("Nick", text("Rowan"), None),
            ("Nick", text(&"x".repeat(501)), Some("TooLong")),
            ("Nick", number(1), Some("WrongType")),
            ("Gender", text("Gender_Type_Female"), None),
            ("Gender", text("female"), Some("BadValue")),
            ("Gender", number(1), Some("WrongType")),
            ("BirthDay", number(20_000_101), None),
            ("BirthDay", text("20000101"), Some("WrongType")),
            ("Level", number(1 << 40), Some("BadValue")),
            ("Location", text(&"x".repeat(17)), Some("TooLong")),
            ("AllowType", text("AllowType_Type_DenyAny"), None),
            ("Shoe", number(1), Some("UnknownTag")),
        ] {
            let verdict = check_write(&settings, &format!("{STANDARD}{tag}"), &value, true);
            let name = verdict.err().map(|e| format!("{e:?}"));
            assert_eq!(name.as_deref().map(|n| n.split(['(', ' ']).next().unwrap_or(n)), expected, "{tag} = {value:?}");
        }
        let forbid = format!("{STANDARD}AdminForbidType");
        assert!(check_write(&settings, &forbid, &text("AdminForbid_Type_SendOut"), true).is_ok());
        assert!(matches!(
            check_write(&settings, &forbid, &text("AdminForbid_Type_SendOut"), false),
            Err(BadField::NotWritable(_))
        ));
    }
}
