//! Checks the members of a JSON object against a table that reads like the specification's own.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// What a member's value has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A string, also an empty one.
    Text,
    /// A number. Fractions are let through: clients compute sizes and durations in floating point. `null` too: it is how
    /// JavaScript writes a number it could not compute. A number in a string is refused, as docs/spec/rest-common.md#1.3 says.
    Number,
    /// An array of anything.
    Array,
    /// An object with anything in it.
    Object,
}

/// A row of the table: one member of the object.
pub(super) struct Field {
    pub(super) name: &'static str,
    shape: Shape,
    required: bool,
}

/// A member that has to be there.
pub(super) const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

/// A member that may be left out or `null`.
pub(super) const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

/// A member that breaks its row: which one, and how ("is not a string").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) field: &'static str,
    pub(super) problem: &'static str,
}

/// The members of an object in the order they came, values unread.
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The members of `json`; `None` if it is no object.
    pub(super) fn of(json: &'a str) -> Option<Members<'a>> {
        serde_json::from_str(json).ok()
    }

    /// The value of the member called `name`, the last one if there are several; `None` if there is none or it is `null`.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().rev().find(|(member, _)| member == name)?;
        (value.get() != "null").then_some(value)
    }

    /// Checks every row of `table`; members without a row are not looked at.
    pub(super) fn check(&self, table: &'static [Field]) -> Result<(), Fault> {
        for field in table {
            let mut values = self.0.iter().filter(|(member, _)| member == field.name);
            let fault = |problem| Err(Fault { field: field.name, problem });
            match (values.next(), values.next()) {
                (_, Some(_)) => return fault("is given twice"),
                (Some((_, value)), None) if !fits(value, field) => {
                    return fault(problem(field.shape));
                }
                (None, None) if field.required => return fault("is missing"),
                _ => {}
            }
        }
        Ok(())
    }
}

fn fits(value: &RawValue, field: &Field) -> bool {
    match value.get().as_bytes().first() {
        Some(b'"') => field.shape == Shape::Text,
        Some(b'-' | b'0'..=b'9') => field.shape == Shape::Number,
        Some(b'[') => field.shape == Shape::Array,
        Some(b'{') => field.shape == Shape::Object,
        Some(b'n') => !field.required || field.shape == Shape::Number,
        _ => false,
    }
}

fn problem(shape: Shape) -> &'static str {
    match shape {
        Shape::Text => "is not a string",
        Shape::Number => "is not a number",
        Shape::Array => "is not an array",
        Shape::Object => "is not an object",
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members<'de>, M::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

/// A member's name, borrowed when it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const TABLE: &[Field] = &[
        required("Url", Shape::Text),
        required("Size", Shape::Number),
        optional("Lines", Shape::Array),
        optional("Info", Shape::Object),
        optional("Title", Shape::Text),
    ];

    fn check(json: &str) -> Result<(), (&'static str, &'static str)> {
        let members = Members::of(json).ok_or(("", "is not an object"))?;
        members.check(TABLE).map_err(|fault| (fault.field, fault.problem))
    }

    #[rstest]
    #[case::all(r#"{"Url":"","Size":1,"Lines":[],"Info":{},"Title":"t"}"#)]
    #[case::least(r#"{"Url":"u","Size":-1.5e3}"#)]
    #[case::nulls(r#"{"Url":"u","Size":null,"Lines":null,"Info":null,"Title":null}"#)]
    #[case::unknown(r#"{"Url":"u","Size":0,"url":1,"More":[{}],"More":2}"#)]
    #[case::escaped_name(r#"{"\u0055rl":"u","Size":0}"#)]
    fn objects_that_fit(#[case] json: &str) {
        assert_eq!(check(json), Ok(()));
    }

    #[rstest]
    #[case(r#"[]"#, "", "is not an object")]
    #[case(r#""x""#, "", "is not an object")]
    #[case(r#"{}"#, "Url", "is missing")]
    #[case(r#"{"Url":null,"Size":1}"#, "Url", "is not a string")]
    #[case(r#"{"Url":true,"Size":1}"#, "Url", "is not a string")]
    #[case(r#"{"Url":"u"}"#, "Size", "is missing")]
    #[case(r#"{"Url":"u","Size":"1"}"#, "Size", "is not a number")]
    #[case(r#"{"Url":"u","Size":1,"Lines":{}}"#, "Lines", "is not an array")]
    #[case(r#"{"Url":"u","Size":1,"Info":[]}"#, "Info", "is not an object")]
    #[case(r#"{"Url":"u","Size":1,"Title":7}"#, "Title", "is not a string")]
    #[case(r#"{"Url":"u","Size":1,"Url":"v"}"#, "Url", "is given twice")]
    fn objects_that_do_not_fit(#[case] json: &str, #[case] field: &str, #[case] problem: &str) {
        assert_eq!(check(json), Err((field, problem)));
    }

    #[test]
    fn values_are_found_by_name() {
        let members = Members::of(r#"{"a":[1],"b":null}"#).unwrap();
        assert_eq!(members.get("a").map(RawValue::get), Some("[1]"));
        assert!(members.get("b").is_none() && members.get("c").is_none());
    }
}
