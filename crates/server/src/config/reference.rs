//! The sample file and the reference page, made from the settings' own documentation.

use std::fmt::Write as _;

use super::{
    ServerConfig,
    schema::{Concern, Key, Section, variable},
};

/// A `tsudoi.toml` with every setting, explained and commented out at its default.
#[must_use]
pub fn sample() -> String {
    let mut text = String::from(
        "# Settings of a Tsudoi server. Every setting is optional; those below are commented out and show the default.\n\
         # Environment variables win over this file and flags over both. `tsudoi config check` explains mistakes.\n",
    );
    each_section(&mut |name, section, keys| {
        if !name.is_empty() {
            text.push('\n');
            for line in section.docs {
                let _ = writeln!(text, "#{line}");
            }
            let _ = writeln!(text, "[{name}]");
        }
        for (key, default) in keys {
            text.push('\n');
            for line in key.docs {
                let _ = writeln!(text, "#{line}");
            }
            let _ = writeln!(text, "#{} = {}", key.name, shown(key, default.as_ref()));
        }
    });
    text
}

/// The reference of all settings as Markdown, for docs/operations/configuration.md.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::new();
    each_section(&mut |name, section, keys| {
        if name.is_empty() {
            text.push_str("### Top level\n");
        } else {
            let _ = writeln!(text, "\n### `[{name}]`");
            let _ = writeln!(text, "\n{}", joined(section.docs));
        }
        text.push_str("\n| key | default | environment | meaning |\n| --- | --- | --- | --- |\n");
        for (key, default) in keys {
            let path = if name.is_empty() { key.name.to_owned() } else { format!("{name}.{}", key.name) };
            let default = default.as_ref().map_or("none".into(), |value| format!("`{value}`"));
            let _ = writeln!(text, "| `{}` | {default} | `{}` | {} |", key.name, variable(&path), joined(key.docs));
        }
    });
    text
}

type Described<'a> = Vec<(&'a Key, Option<toml::Value>)>;

fn each_section(visit: &mut dyn FnMut(&str, &Section, &Described<'_>)) {
    let places = ServerConfig::places();
    let top = ServerConfig::section("");
    for section in std::iter::once(&top).chain(&top.sections) {
        let described = section
            .keys
            .iter()
            .map(|key| {
                let path = if section.name.is_empty() {
                    key.name.to_owned()
                } else {
                    format!("{}.{}", section.name, key.name)
                };
                (key, places[&path].default.clone())
            })
            .collect();
        visit(section.name, section, &described);
    }
}

fn shown(key: &Key, default: Option<&toml::Value>) -> String {
    match (default, key.example) {
        (Some(value), _) => value.to_string(),
        (None, Some(example)) => toml::Value::String(example.to_owned()).to_string(),
        (None, None) => "\"\"".into(),
    }
}

fn joined(docs: &[&str]) -> String {
    docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    #[test]
    fn the_sample_is_read_without_a_mistake_as_it_is_and_with_every_line_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tsudoi.toml");
        let sources = Sources { folder: folder.path().to_owned(), ..Sources::default() };
        std::fs::write(&file, sample()).unwrap();
        assert_eq!(load(&sources).unwrap().config, ServerConfig::default());

        let on: String = sample()
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with(' ') => {
                    format!("{}\n", setting.replace("64 hexadecimal digits", "0f1e"))
                }
                _ => format!("{line}\n"),
            })
            .collect();
        std::fs::write(&file, &on).unwrap();
        let loaded = load(&sources).unwrap_or_else(|mistakes| panic!("{mistakes}\n{on}"));
        assert_eq!(loaded.origins.len(), ServerConfig::places().len());
    }

    #[test]
    fn the_sample_file_is_up_to_date() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations/tsudoi.toml");
        if std::env::var_os("GOLDEN_ACCEPT").is_some() {
            std::fs::write(file, sample()).unwrap();
        } else {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            assert!(text == sample(), "docs/operations/tsudoi.toml is out of date; `make golden` renews it");
        }
    }

    #[test]
    fn the_reference_page_is_up_to_date() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations/configuration.md");
        let text = std::fs::read_to_string(page).unwrap();
        let (before, rest) = text.split_once("<!-- settings -->\n").expect("the page has the first mark");
        let (_, after) = rest.split_once("<!-- end of settings -->").expect("the page has the last mark");
        let fresh = format!("{before}<!-- settings -->\n{}<!-- end of settings -->{after}", markdown());
        if std::env::var_os("GOLDEN_ACCEPT").is_some() {
            std::fs::write(page, &fresh).unwrap();
        } else {
            assert!(fresh == text, "docs/operations/configuration.md is out of date; `make golden` renews it");
        }
    }
}
