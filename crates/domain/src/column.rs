//! Values of settings that are chosen from a short list: written as words, read as words or as the vendor's numbers.
//!
//! The numbers are those of docs/spec/group-types.md#2.9, so that a sheet filled in for the vendor can be typed in as it is.

use std::{fmt, marker::PhantomData};

use serde::{Deserializer, de};

/// One cell of a table of settings: what it may hold, and how it is written.
pub(crate) trait Column: Copy {
    /// What a reader may write, for error messages.
    fn expected() -> String;
    /// The value that the word names.
    fn from_word(word: &str) -> Option<Self>;
    /// The value that the number stands for.
    fn from_code(code: u64) -> Option<Self>;
    /// The value that a plain true or false stands for.
    fn from_bool(_: bool) -> Option<Self> {
        None
    }
    /// The value as a person reads it.
    fn word(self) -> String;
}

impl Column for bool {
    fn expected() -> String {
        "true, false, 1 or 0".into()
    }

    fn from_word(_: &str) -> Option<Self> {
        None
    }

    fn from_code(code: u64) -> Option<Self> {
        match code {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn from_bool(value: bool) -> Option<Self> {
        Some(value)
    }

    fn word(self) -> String {
        if self { "yes" } else { "no" }.into()
    }
}

impl Column for u32 {
    fn expected() -> String {
        "a number from 0 to 4294967295".into()
    }

    fn from_word(_: &str) -> Option<Self> {
        None
    }

    fn from_code(code: u64) -> Option<Self> {
        code.try_into().ok()
    }

    fn word(self) -> String {
        self.to_string()
    }
}

struct CellVisitor<T>(PhantomData<T>);

impl<T: Column> de::Visitor<'_> for CellVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&T::expected())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        match T::from_bool(value) {
            Some(cell) => Ok(Some(cell)),
            None => Err(E::invalid_type(de::Unexpected::Bool(value), &self)),
        }
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        match T::from_code(value) {
            Some(cell) => Ok(Some(cell)),
            None => Err(E::invalid_value(de::Unexpected::Unsigned(value), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) => Err(E::invalid_value(de::Unexpected::Signed(value), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        match T::from_word(value) {
            Some(cell) => Ok(Some(cell)),
            None => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Reads a cell that may be absent.
pub(crate) fn optional<'de, D: Deserializer<'de>, T: Column>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(CellVisitor(PhantomData))
}

/// Reads a cell that must be there.
pub(crate) fn required<'de, D: Deserializer<'de>, T: Column>(deserializer: D) -> Result<T, D::Error> {
    optional(deserializer)?.ok_or_else(|| de::Error::custom(format_args!("expected {}", T::expected())))
}

/// Defines an enum whose values have a word, optionally further words, and optionally the vendor's number.
macro_rules! choice {
    (
        $(#[$doc:meta])*
        $name:ident {
            $($(#[$value_doc:meta])* $value:ident = $word:literal $(| $alias:literal)* $(, $code:literal)?;)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$value_doc])* $value,)+
        }

        impl $name {
            /// Every value, in the order of the definition.
            pub const ALL: &[$name] = &[$($name::$value),+];

            /// The word of the value in settings and in print.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$value => $word,)+
                }
            }
        }

        impl crate::column::Column for $name {
            fn expected() -> String {
                [$($word),+].join(", ")
            }

            fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word $(| $alias)* => Some($name::$value),)+
                    _ => None,
                }
            }

            fn from_code(code: u64) -> Option<Self> {
                $($(if code == $code {
                    return Some($name::$value);
                })?)+
                let _ = code;
                None
            }

            fn word(self) -> String {
                self.as_str().into()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::column::required(deserializer)
            }
        }
    };
}
pub(crate) use choice;
