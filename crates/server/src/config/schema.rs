//! Settings that describe themselves: every key knows its documentation, its default and its environment variable.

use std::collections::BTreeMap;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name inside its section.
    pub name: &'static str,
    /// Its documentation, line by line.
    pub docs: &'static [&'static str],
    /// A value to show where the default is "none".
    pub example: Option<&'static str>,
}

/// A group of settings: one concern, one struct.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its name in the file; empty for the top level.
    pub name: &'static str,
    /// What the concern is, line by line.
    pub docs: &'static [&'static str],
    /// Its settings.
    pub keys: &'static [Key],
    /// The sections inside it.
    pub sections: Vec<Section>,
}

/// A struct of settings that can be listed.
pub trait Concern {
    /// The settings of the struct, under the name.
    fn section(name: &'static str) -> Section;
}

/// A setting with its place: `websocket.max_connections`.
#[derive(Debug, Clone)]
pub struct Place {
    /// The path from the top.
    pub path: String,
    /// The setting.
    pub key: Key,
    /// Its default; `None` when there is none.
    pub default: Option<toml::Value>,
}

impl Place {
    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(&self) -> String {
        variable(&self.path)
    }
}

/// The environment variable that sets the key at `path`.
#[must_use]
pub fn variable(path: &str) -> String {
    match path {
        // The callback address has the short name that automation relies on.
        "app.webhook_url" => "TSUDOI_WEBHOOK_URL".into(),
        other => format!("TSUDOI_{}", other.replace('.', "_").to_ascii_uppercase()),
    }
}

impl Section {
    /// All settings of the section and of those inside it, by path.
    ///
    /// `defaults` is the section's struct, written as TOML.
    #[must_use]
    pub fn places(&self, defaults: &toml::Table) -> BTreeMap<String, Place> {
        let mut places = BTreeMap::new();
        self.collect("", defaults, &mut places);
        places
    }

    fn collect(&self, above: &str, defaults: &toml::Table, places: &mut BTreeMap<String, Place>) {
        for key in self.keys {
            let path = format!("{above}{}", key.name);
            let default = defaults.get(key.name).cloned();
            places.insert(path.clone(), Place { path, key: *key, default });
        }
        for section in &self.sections {
            let nothing = toml::Table::new();
            let inside = defaults.get(section.name).and_then(toml::Value::as_table).unwrap_or(&nothing);
            section.collect(&format!("{above}{}.", section.name), inside, places);
        }
    }
}

/// Defines one concern: a struct with its defaults, readable from TOML, that can be listed.
macro_rules! concern {
    (
        $(#[doc = $doc:literal])*
        $name:ident {
            $(
                $(#[doc = $key_doc:literal])*
                $(#[serde($serde:meta)])?
                $key:ident: $type:ty = $default:expr $(; $example:literal)?,
            )*
        }
        $(sections {
            $($(#[doc = $section_doc:literal])* $section:ident: $section_type:ty,)+
        })?
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $key_doc])* $(#[serde($serde)])? pub $key: $type,)*
            $($($(#[doc = $section_doc])* pub $section: $section_type,)+)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($key: $default,)*
                    $($($section: <$section_type>::default(),)+)?
                }
            }
        }

        impl crate::config::schema::Concern for $name {
            fn section(name: &'static str) -> crate::config::schema::Section {
                crate::config::schema::Section {
                    name,
                    docs: &[$($doc),*],
                    keys: &[$(crate::config::schema::Key {
                        name: stringify!($key),
                        docs: &[$($key_doc),*],
                        example: concern!(@example $($example)?),
                    }),*],
                    sections: vec![$($(
                        <$section_type as crate::config::schema::Concern>::section(stringify!($section)),
                    )+)?],
                }
            }
        }
    };
    (@example) => { None };
    (@example $example:literal) => { Some($example) };
}
pub(super) use concern;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServerConfig;

    #[test]
    fn no_two_settings_share_a_variable() {
        let places = ServerConfig::places();
        let mut variables: Vec<_> = places.values().map(Place::variable).collect();
        variables.sort();
        let all = variables.len();
        variables.dedup();
        assert_eq!(variables.len(), all);
    }

    #[test]
    fn every_setting_is_documented_and_has_a_default_or_an_example() {
        for place in ServerConfig::places().values() {
            assert!(!place.key.docs.is_empty(), "{} is not documented", place.path);
            assert!(
                place.default.is_some() || place.key.example.is_some(),
                "{} shows no value in the sample",
                place.path
            );
        }
    }

    #[test]
    fn automation_finds_its_variables() {
        for (path, name) in [
            ("listen", "TSUDOI_LISTEN"),
            ("data_dir", "TSUDOI_DATA_DIR"),
            ("provision", "TSUDOI_PROVISION"),
            ("app.id", "TSUDOI_APP_ID"),
            ("app.key", "TSUDOI_APP_KEY"),
            ("app.webhook_url", "TSUDOI_WEBHOOK_URL"),
        ] {
            let places = ServerConfig::places();
            assert_eq!(places[path].variable(), name);
        }
    }
}
