//! JSON that is checked once and then kept as text, so that it reaches its receivers as it was sent.
//!
//! It is kept in its shortest form: a message must not be larger in the store and in every receiver's frame than the size it was
//! admitted with, and white space and escapes (`\u5ba2` is six bytes for three) would make it so. What the JSON says is not
//! touched: member order, number forms and repeated members stay.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Serialize, Serializer, ser};
use serde_json::value::RawValue;

/// Compact JSON text; cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct KeptJson(Arc<str>);

impl KeptJson {
    /// `json` without white space between tokens and without escapes that need none.
    ///
    /// Strings come out as `serde_json` writes them. The one difference: half a surrogate pair, which JavaScript clients can make
    /// by cutting a text in the middle of an emoji, is no character and stays an escape.
    pub(super) fn compact(json: &RawValue) -> KeptJson {
        KeptJson(compact(json.get()).into())
    }

    /// Takes JSON that was kept before.
    pub(super) fn trusted(json: Arc<str>) -> KeptJson {
        KeptJson(json)
    }

    /// The JSON text.
    pub(super) fn get(&self) -> &str {
        &self.0
    }

    /// The JSON text.
    pub(super) fn into_text(self) -> Arc<str> {
        self.0
    }

    /// The JSON as a value to read or to write; an error only if [`KeptJson::trusted`] was given something else.
    pub(super) fn raw(&self) -> serde_json::Result<&RawValue> {
        serde_json::from_str(&self.0)
    }
}

impl Serialize for KeptJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw().map_err(ser::Error::custom)?.serialize(serializer)
    }
}

/// Shows the size only: what people write to each other stays out of logs.
impl fmt::Debug for KeptJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

fn compact(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let mut shorter = String::new();
    let mut copied = 0;
    let mut position = 0;
    let mut in_string = false;
    while let Some(&byte) = bytes.get(position) {
        // How many bytes the next token takes, and what replaces it; `None` leaves it as it is.
        let (length, replacement) = match byte {
            b'"' => {
                in_string = !in_string;
                (1, None)
            }
            b'\\' if in_string => shortest_escape(&json[position..]),
            b' ' | b'\t' | b'\n' | b'\r' if !in_string => (1, Some(Token::Nothing)),
            _ => (1, None),
        };
        if let Some(token) = replacement {
            shorter.push_str(&json[copied..position]);
            match token {
                Token::Nothing => {}
                Token::Character(character) => shorter.push(character),
                Token::Escape(escape) => shorter.push_str(escape),
            }
            copied = position + length;
        }
        position += length;
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    shorter.push_str(&json[copied..]);
    Cow::Owned(shorter)
}

enum Token {
    Nothing,
    Character(char),
    Escape(&'static str),
}

/// Reads the escape that `text` begins with: its length in bytes, and something shorter that means the same if there is any.
fn shortest_escape(text: &str) -> (usize, Option<Token>) {
    match text.as_bytes().get(1) {
        Some(b'/') => return (2, Some(Token::Character('/'))),
        Some(b'u') => {}
        _ => return (2, None),
    }
    let Some(first) = utf16_unit(text) else {
        return (2, None);
    };
    let (length, character) = if let Some(Ok(character)) = char::decode_utf16([first]).next() {
        (6, character)
    } else if let Some(second) = utf16_unit(&text[6..])
        && let Some(Ok(character)) = char::decode_utf16([first, second]).next()
    {
        (12, character)
    } else {
        return (6, None);
    };
    let token = match character {
        '"' => Token::Escape("\\\""),
        '\\' => Token::Escape("\\\\"),
        '\u{8}' => Token::Escape("\\b"),
        '\t' => Token::Escape("\\t"),
        '\n' => Token::Escape("\\n"),
        '\u{c}' => Token::Escape("\\f"),
        '\r' => Token::Escape("\\r"),
        '\0'..='\u{1f}' => return (length, None),
        _ => Token::Character(character),
    };
    (length, Some(token))
}

/// The four hex digits of a `\uXXXX` at the beginning of `text`.
fn utf16_unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

/// The text of a JSON string, with U+FFFD for each half of a surrogate pair; `None` if `json` is no string.
pub(super) fn text_of(json: &RawValue) -> Option<Cow<'_, str>> {
    if let Ok(text) = serde_json::from_str::<&str>(json.get()) {
        return Some(Cow::Borrowed(text));
    }
    if let Ok(text) = serde_json::from_str(json.get()) {
        return Some(Cow::Owned(text));
    }
    let mut whole = String::new();
    let mut rest = json.get();
    while let Some(at) = rest.find('\\') {
        whole.push_str(&rest[..at]);
        let escape = &rest[at..];
        let (length, shorter) = shortest_escape(escape);
        let is_half = shorter.is_none() && utf16_unit(escape).is_some_and(|unit| unit >= 0xd800);
        whole.push_str(if is_half { "\u{fffd}" } else { &escape[..length] });
        rest = &escape[length..];
    }
    whole.push_str(rest);
    serde_json::from_str(&whole).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[rstest]
    #[case(r#"[ { "a b" : [ 1 , 2.50 , -0 ] } ]"#, r#"[{"a b":[1,2.50,-0]}]"#)]
    #[case("{\t\"a\":\r\n1e5, \"a\":null}", r#"{"a":1e5,"a":null}"#)]
    #[case(r#""\u5ba2\u670D""#, "\"客服\"")]
    #[case(r#""\ud83d\ude00!""#, "\"😀!\"")]
    #[case(r#""\u003ca\/b\u003e""#, r#""<a/b>""#)]
    #[case(r#""\u0022\u005c\u0008\u0009\u000a\u000C\u000d""#, r#""\"\\\b\t\n\f\r""#)]
    fn json_gets_shorter(#[case] json: &str, #[case] shortest: &str) {
        assert_eq!(KeptJson::compact(&raw(json)).get(), shortest);
    }

    #[rstest]
    #[case::no_string("[1,true,null,{}]")]
    #[case::space_in_string(r#"" \\ \" ""#)]
    #[case::control_character(r#""\u0001\u001f""#)]
    #[case::first_half(r#""\ud83d""#)]
    #[case::second_half(r#""\ude00\ud83d""#)]
    #[case::half_and_character(r#""\ud83d客""#)]
    #[case::ends_with_escape(r#""\n""#)]
    fn shortest_json_is_borrowed(#[case] json: &str) {
        let json = raw(json);
        assert!(matches!(compact(json.get()), Cow::Borrowed(same) if same == json.get()));
    }

    #[test]
    fn kept_json_is_written_as_it_is() {
        let kept = KeptJson::compact(&raw(r#"{"b" : 1.0, "a":[ "x" ]}"#));
        assert_eq!(serde_json::to_string(&[&kept]).unwrap(), r#"[{"b":1.0,"a":["x"]}]"#);
        assert_eq!(format!("{kept:?}"), "19 bytes");
        assert!(serde_json::to_string(&KeptJson::trusted("no json".into())).is_err());
    }

    #[rstest]
    #[case(r#""plain""#, Some("plain"))]
    #[case(r#""a\nb\u0041""#, Some("a\nbA"))]
    #[case(r#""\ud83d\ude00""#, Some("😀"))]
    #[case(r#""cut \ud83d""#, Some("cut \u{fffd}"))]
    #[case(r#""\\ud83d \ude00\ud83d\u0041\"""#, Some("\\ud83d \u{fffd}\u{fffd}A\""))]
    #[case("17", None)]
    #[case(r#"["a"]"#, None)]
    fn texts_are_read(#[case] json: &str, #[case] text: Option<&str>) {
        assert_eq!(text_of(&raw(json)).as_deref(), text);
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn pretty_json_becomes_what_serde_json_writes(value in any_json()) {
            let pretty = raw(&serde_json::to_string_pretty(&value).unwrap());
            let written = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(compact(pretty.get()), &*written);
            prop_assert!(matches!(compact(&written), Cow::Borrowed(_)));
        }

        #[test]
        fn escaped_text_becomes_what_serde_json_writes(text: String) {
            let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            let escaped = raw(&format!("\"{escaped}\""));
            prop_assert_eq!(compact(escaped.get()), serde_json::to_string(&text).unwrap());
            let read = text_of(&escaped);
            prop_assert_eq!(read.as_deref(), Some(&*text));
        }
    }
}
