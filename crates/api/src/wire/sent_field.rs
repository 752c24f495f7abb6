//! Custom fields as requests carry them (docs/spec/group-types.md#6).

use serde::{Deserialize, Deserializer, de};

/// A custom field of a request. Some clients send numbers: their text form is what counts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SentField {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Value", default, deserialize_with = "scalar")]
    value: String,
}

impl SentField {
    /// Keys with their values, in the order of the request.
    #[must_use]
    pub fn entries(fields: Vec<SentField>) -> Vec<(String, String)> {
        fields.into_iter().map(|field| (field.key, field.value)).collect()
    }
}

fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(text),
        value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => Ok(value.to_string()),
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            Err(de::Error::custom("neither a text nor a number"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_become_text_and_nothing_else_does() {
        let value = |json: &str| serde_json::from_str::<SentField>(json).map(|field| field.value);
        assert_eq!(value(r#"{"Key":"level","Value":"7"}"#).unwrap(), "7");
        assert_eq!(value(r#"{"Key":"level","Value":7}"#).unwrap(), "7");
        assert_eq!(value(r#"{"Key":"level"}"#).unwrap(), "");
        for bad in ["null", "[]", "{}"] {
            assert!(value(&format!(r#"{{"Key":"level","Value":{bad}}}"#)).is_err(), "{bad}");
        }
    }
}
