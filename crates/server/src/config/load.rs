//! Puts the sources of settings on top of each other and remembers where each setting came from.
//!
//! Nothing is guessed: a key that nobody knows is a mistake, whoever wrote it, and all mistakes are found in one go.
//! Unknown environment variables only warn, because an environment is shared with others.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use super::{
    ServerConfig,
    mistake::{Mistake, Mistakes, did_you_mean, line_at},
    schema::Place,
};

/// The name of the file that is looked for when none is named.
pub const FILE_NAME: &str = "tsudoi.toml";

/// The variable that names the file.
pub const FILE_VARIABLE: &str = "TSUDOI_CONFIG";

/// Variables that begin like settings and are none: they belong to the tools around the server.
const OTHER_VARIABLES: [&str; 2] = ["TSUDOI_BENCH_APP_KEY", "TSUDOI_BIN"];

/// Where settings are read from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file that the operator named; else `tsudoi.toml` is looked for in `folder`, then in the data folder.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// Flags of the command line.
    pub flags: Vec<Flag>,
    /// The folder that relative names of files start at; empty for that of the process.
    pub folder: PathBuf,
}

/// A setting on the command line.
#[derive(Debug, Clone)]
pub struct Flag {
    /// How it was written: `--listen`.
    pub name: String,
    /// The path of the setting: `listen`.
    pub path: String,
    /// Its value.
    pub value: String,
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It was not set.
    Default,
    /// A line of the file.
    File {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { file, line } => write!(f, "{} line {line}", file.display()),
            Origin::Environment(name) | Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// What the sources come to.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub config: ServerConfig,
    /// Where each setting came from, by path; those not listed have their defaults.
    pub origins: BTreeMap<String, Origin>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What looks odd and does no harm.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// Where the setting came from.
    #[must_use]
    pub fn origin(&self, path: &str) -> Origin {
        self.origins.get(path).cloned().unwrap_or(Origin::Default)
    }
}

/// Reads all sources.
///
/// # Errors
/// Every mistake in them, in the order of the sources.
pub fn load(sources: &Sources) -> Result<Loaded, Mistakes> {
    let mut reading = Reading { places: ServerConfig::places(), ..Reading::default() };
    let environment = reading.environment(&sources.environment);
    let flags = reading.flags(&sources.flags);
    let file = match find_file(sources, &environment, &flags) {
        Ok(found) => found,
        Err(mistake) => {
            reading.mistakes.push(mistake);
            None
        }
    };
    let from_file = match &file {
        Some((name, text)) => reading.file(name, text),
        None => Vec::new(),
    };

    let mut table = toml::Table::new();
    let mut origins = BTreeMap::new();
    for setting in from_file.into_iter().chain(environment).chain(flags) {
        if let Err((words, hint)) = check_type(&reading.places[&setting.path], &setting.value) {
            reading.mistakes.push(Mistake::new(setting.origin.to_string(), setting.path, words).with_hint(hint));
            continue;
        }
        put(&mut table, &setting.path, setting.value);
        origins.insert(setting.path, setting.origin);
    }
    let config: ServerConfig = table.try_into().map_err(|error: toml::de::Error| {
        Mistakes(vec![Mistake::new("configuration", "", error.message().trim().to_owned())])
    })?;
    for invalid in config.validate() {
        let origin = origins.get(invalid.path).unwrap_or(&Origin::Default);
        reading.mistakes.push(Mistake::new(origin.to_string(), invalid.path, invalid.words));
    }
    if !reading.mistakes.is_empty() {
        return Err(Mistakes(reading.mistakes));
    }
    Ok(Loaded { config, origins, file: file.map(|(name, _)| name), warnings: reading.warnings })
}

/// One setting as a source has it.
#[derive(Debug)]
struct Setting {
    path: String,
    value: toml::Value,
    origin: Origin,
}

#[derive(Default)]
struct Reading {
    places: BTreeMap<String, Place>,
    mistakes: Vec<Mistake>,
    warnings: Vec<String>,
}

impl Reading {
    fn environment(&mut self, variables: &[(String, String)]) -> Vec<Setting> {
        let by_variable: BTreeMap<String, &Place> =
            self.places.values().map(|place| (place.variable(), place)).collect();
        let mut settings = Vec::new();
        for (name, text) in variables {
            if !name.starts_with("TSUDOI_") || name == FILE_VARIABLE || OTHER_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            let Some(place) = by_variable.get(name) else {
                let meant = did_you_mean(name, by_variable.keys().map(String::as_str)).unwrap_or_default();
                self.warnings
                    .push(format!("{name} is no setting and has no effect; {meant}").trim_end_matches("; ").into());
                continue;
            };
            // An empty variable is how scripts and containers say "not set".
            if !text.is_empty() {
                let value = from_text(place, text);
                settings.push(Setting { path: place.path.clone(), value, origin: Origin::Environment(name.clone()) });
            }
        }
        settings
    }

    fn flags(&mut self, flags: &[Flag]) -> Vec<Setting> {
        let mut settings = Vec::new();
        for Flag { name, path, value } in flags {
            match self.places.get(path) {
                Some(place) => settings.push(Setting {
                    path: path.clone(),
                    value: from_text(place, value),
                    origin: Origin::Flag(name.clone()),
                }),
                None => self.unknown(name, path),
            }
        }
        settings
    }

    fn file(&mut self, file: &Path, text: &str) -> Vec<Setting> {
        let place = |line: usize| format!("{} line {line}", file.display());
        let (lines, values) = match (lines(text), text.parse::<toml::Table>()) {
            (Ok(lines), Ok(values)) => (lines, values),
            (Err(error), _) | (_, Err(error)) => {
                let line = error.span().map_or(1, |span| line_at(text, span.start));
                self.mistakes.push(Mistake::new(place(line), "", error.message().trim().to_owned()));
                return Vec::new();
            }
        };
        let mut settings = Vec::new();
        let mut waiting: Vec<(String, toml::Value)> = values.into_iter().collect();
        waiting.reverse();
        while let Some((path, value)) = waiting.pop() {
            let line = lines.get(&path).copied().unwrap_or(1);
            let is_section = self.places.keys().any(|known| known.starts_with(&format!("{path}.")));
            match value {
                toml::Value::Table(inside) if is_section => {
                    waiting.extend(inside.into_iter().rev().map(|(name, value)| (format!("{path}.{name}"), value)));
                }
                _ if is_section => {
                    self.mistakes.push(
                        Mistake::new(place(line), path.clone(), "is a section")
                            .with_hint(Some(format!("write [{path}] on a line of its own, and its settings below"))),
                    );
                }
                value if self.places.contains_key(&path) => {
                    settings.push(Setting { path, value, origin: Origin::File { file: file.to_owned(), line } });
                }
                _ => self.unknown(&place(line), &path),
            }
        }
        settings
    }

    fn unknown(&mut self, place: &str, path: &str) {
        let hint = did_you_mean(path, self.places.keys().map(String::as_str))
            .unwrap_or_else(|| "`tsudoi config sample` shows all settings".into());
        self.mistakes.push(Mistake::new(place, path, "is no setting").with_hint(Some(hint)));
    }
}

/// The file to read, with its text: the named one, else the one in the folder, else the one in the data folder.
fn find_file(
    sources: &Sources,
    environment: &[Setting],
    flags: &[Setting],
) -> Result<Option<(PathBuf, String)>, Mistake> {
    let from_variable = sources.environment.iter().find(|(name, _)| name == FILE_VARIABLE);
    let from_variable = from_variable.filter(|(_, file)| !file.is_empty()).map(|(_, file)| PathBuf::from(file));
    if let Some(file) = sources.file.clone().or(from_variable) {
        return match std::fs::read_to_string(sources.folder.join(&file)) {
            Ok(text) => Ok(Some((file, text))),
            Err(error) => Err(Mistake::new(file.display().to_string(), "", format!("cannot be read: {error}"))),
        };
    }
    let named = |settings: &[Setting]| {
        let setting = settings.iter().rev().find(|setting| setting.path == "data_dir")?;
        setting.value.as_str().map(PathBuf::from)
    };
    let data_dir = named(flags).or_else(|| named(environment)).unwrap_or_else(|| ServerConfig::default().data_dir);
    for file in [PathBuf::from(FILE_NAME), data_dir.join(FILE_NAME)] {
        match std::fs::read_to_string(sources.folder.join(&file)) {
            Ok(text) => return Ok(Some((file, text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Mistake::new(file.display().to_string(), "", format!("cannot be read: {error}")));
            }
        }
    }
    Ok(None)
}

/// A value from a text, of the kind that the setting has.
fn from_text(place: &Place, text: &str) -> toml::Value {
    let word = text.trim();
    let read = match &place.default {
        Some(toml::Value::Integer(_)) => word.replace('_', "").parse().ok().map(toml::Value::Integer),
        Some(toml::Value::Boolean(_)) => match word.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(toml::Value::Boolean(true)),
            "false" | "no" | "off" | "0" => Some(toml::Value::Boolean(false)),
            _ => None,
        },
        Some(toml::Value::Array(_)) => {
            let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
            Some(toml::Value::Array(entries.map(|entry| toml::Value::String(entry.to_owned())).collect()))
        }
        _ => None,
    };
    read.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// Whether the value is of the setting's kind. If not: what is wrong, and a hint.
fn check_type(place: &Place, value: &toml::Value) -> Result<(), (String, Option<String>)> {
    let wanted = match (&place.default, value) {
        (Some(toml::Value::Integer(_)), toml::Value::Integer(number)) if *number >= 0 => None,
        (Some(toml::Value::Integer(_)), _) => Some("a whole number, 0 or more"),
        (Some(toml::Value::Boolean(_)), toml::Value::Boolean(_)) => None,
        (Some(toml::Value::Boolean(_)), _) => Some("true or false"),
        (Some(toml::Value::Array(_)), toml::Value::Array(_)) => None,
        (Some(toml::Value::Array(_)), _) => Some("a list like [\"10.0.0.0/8\"]"),
        (_, toml::Value::String(_)) => None,
        _ => Some("a text in quotes"),
    };
    if let Some(wanted) = wanted {
        // A key is not shown, also not one of the wrong kind.
        let is = if place.path == "app.key" { String::new() } else { format!("is {value}; it ") };
        return Err((format!("{is}must be {wanted}"), None));
    }
    let mut alone = toml::Table::new();
    put(&mut alone, &place.path, value.clone());
    match alone.try_into::<ServerConfig>() {
        Ok(_) => Ok(()),
        Err(error) => {
            let words = error.message().trim().to_owned();
            let hint = super::mistake::did_you_mean_of_serde(&words);
            Err((format!("is not understood: {words}"), hint))
        }
    }
}

fn put(table: &mut toml::Table, path: &str, value: toml::Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((section, rest)) => {
            let inside = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(inside) = inside {
                put(inside, rest, value);
            }
        }
    }
}

/// The line of each key of a TOML text, by path. Keys of tables in lists are `list[0].key`.
///
/// # Errors
/// The text is no TOML.
pub fn lines(text: &str) -> Result<BTreeMap<String, usize>, toml::de::Error> {
    let mut lines = BTreeMap::new();
    let table = toml::de::DeTable::parse(text)?;
    lines_of_table("", table.get_ref(), text, &mut lines);
    Ok(lines)
}

fn lines_of_table(above: &str, table: &toml::de::DeTable<'_>, text: &str, lines: &mut BTreeMap<String, usize>) {
    for (key, value) in table {
        let path = format!("{above}{}", key.get_ref());
        lines.insert(path.clone(), line_at(text, key.span().start));
        lines_of_value(&path, value.get_ref(), text, lines);
    }
}

fn lines_of_value(path: &str, value: &toml::de::DeValue<'_>, text: &str, lines: &mut BTreeMap<String, usize>) {
    if let toml::de::DeValue::Table(inside) = value {
        lines_of_table(&format!("{path}."), inside, text, lines);
    } else if let toml::de::DeValue::Array(entries) = value {
        for (index, entry) in entries.iter().enumerate() {
            let path = format!("{path}[{index}]");
            lines.insert(path.clone(), line_at(text, entry.span().start));
            lines_of_value(&path, entry.get_ref(), text, lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    struct Bench {
        folder: tempfile::TempDir,
        sources: Sources,
    }

    fn bench(file: &str) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        if !file.is_empty() {
            std::fs::write(folder.path().join(FILE_NAME), file).unwrap();
        }
        let sources = Sources { folder: folder.path().to_owned(), ..Sources::default() };
        Bench { folder, sources }
    }

    impl Bench {
        fn variable(mut self, name: &str, value: &str) -> Bench {
            self.sources.environment.push((name.into(), value.into()));
            self
        }

        fn flag(mut self, path: &str, value: &str) -> Bench {
            self.sources.flags.push(Flag { name: "--set".into(), path: path.into(), value: value.into() });
            self
        }

        fn load(&self) -> Loaded {
            load(&self.sources).unwrap_or_else(|mistakes| panic!("{mistakes}"))
        }

        fn mistakes(&self) -> Vec<String> {
            load(&self.sources).expect_err("a mistake").0.iter().map(ToString::to_string).collect()
        }
    }

    fn listen(config: &ServerConfig) -> u16 {
        let SocketAddr::V4(address) = config.listen else { panic!("IPv6") };
        address.port()
    }

    #[test]
    fn nothing_at_all_is_fine() {
        let loaded = bench("").load();
        assert_eq!(loaded.config, ServerConfig::default());
        assert_eq!(loaded.file, None);
    }

    #[test]
    fn each_source_overrides_the_one_before() {
        let file = "listen = \"127.0.0.1:2\"\n[log]\nlevel = \"warn\"\n[metrics]\nenabled = false\n";
        let loaded = bench(file).load();
        assert_eq!(listen(&loaded.config), 2);
        assert_eq!(loaded.config.log.level, "warn");
        assert!(!loaded.config.metrics.enabled);
        assert_eq!(loaded.origin("log.level").to_string(), "tsudoi.toml line 3");

        let loaded =
            bench(file).variable("TSUDOI_LISTEN", "127.0.0.1:3").variable("TSUDOI_METRICS_ENABLED", "yes").load();
        assert_eq!(listen(&loaded.config), 3);
        assert!(loaded.config.metrics.enabled);
        assert_eq!(loaded.config.log.level, "warn");

        let loaded = bench(file).variable("TSUDOI_LISTEN", "127.0.0.1:3").flag("listen", "localhost:4").load();
        assert_eq!(loaded.config.listen.port(), 4);
        assert_eq!(loaded.origin("listen"), Origin::Flag("--set".into()));
        assert_eq!(loaded.origin("data_dir"), Origin::Default);
    }

    #[test]
    fn values_from_the_environment_have_the_kind_of_their_setting() {
        let loaded = bench("")
            .variable("TSUDOI_APP_ID", "20009527")
            .variable("TSUDOI_APP_KEY", "0123456789")
            .variable("TSUDOI_WEBHOOK_URL", "http://127.0.0.1:1/")
            .variable("TSUDOI_WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/8, 192.0.2.1")
            .variable("TSUDOI_WEBSOCKET_MAX_CONNECTIONS", "1_000")
            .variable("TSUDOI_LOG_FORMAT", "json")
            .variable("TSUDOI_PUBLIC_URL", "")
            .load();
        let config = loaded.config;
        assert_eq!(config.app.id, 20_009_527);
        assert_eq!(config.app.key.unwrap().reveal(), "0123456789");
        assert_eq!(config.app.webhook_url.as_deref(), Some("http://127.0.0.1:1/"));
        assert!(config.webhook.allowed_networks.contains("10.9.9.9".parse().unwrap()));
        assert_eq!(config.websocket.max_connections, 1000);
        assert_eq!(config.log.format, crate::config::LogFormat::Json);
        assert_eq!(config.public_url, None);
    }

    #[test]
    fn unknown_variables_warn() {
        let loaded = bench("").variable("TSUDOI_LISTN", "x").variable("TSUDOI_BIN", "x").variable("LISTEN", "x").load();
        assert_eq!(loaded.warnings, ["TSUDOI_LISTN is no setting and has no effect; did you mean `TSUDOI_LISTEN`?"]);
    }

    #[test]
    fn all_mistakes_are_told_with_their_place() {
        let file = "\
            lisen = \"127.0.0.1:2\"\n\
            max_connections = 5\n\
            log = \"info\"\n\
            [websocket]\n\
            max_connections = \"many\"\n\
            max_frame_bytes = -1\n\
            outbound_queue_bytes = 1\n\
            [webhook]\n\
            allowed_networks = [\"everywhere\"]\n\
            [tls]\n\
            certificate = \"x\"\n";
        let mistakes = bench(file).variable("TSUDOI_LISTEN", "9000").variable("TSUDOI_LOG_FORMAT", "jsn").mistakes();
        let mut expected = [
            "tsudoi.toml line 1: `lisen` is no setting\n    did you mean `listen`?",
            "tsudoi.toml line 2: `max_connections` is no setting\n    did you mean `websocket.max_connections`?",
            "tsudoi.toml line 3: `log` is a section\n    write [log] on a line of its own, and its settings below",
            "tsudoi.toml line 5: `websocket.max_connections` is \"many\"; it must be a whole number, 0 or more",
            "tsudoi.toml line 6: `websocket.max_frame_bytes` is -1; it must be a whole number, 0 or more",
            "tsudoi.toml line 7: `websocket.outbound_queue_bytes` is 1; it must be from 32768 to 67108864",
            "tsudoi.toml line 9: `webhook.allowed_networks` is not understood: `everywhere` is no network; write it like \
             10.0.0.0/8, or a single address",
            "tsudoi.toml line 10: `tls` is no setting\n    `tsudoi config sample` shows all settings",
            "TSUDOI_LISTEN: `listen` is not understood: `9000` is no address to listen on; write HOST:PORT like \
             127.0.0.1:8700 or 0.0.0.0:8700",
            "TSUDOI_LOG_FORMAT: `log.format` is not understood: unknown variant `jsn`, expected `text` or `json`\n    did \
             you mean `json`?",
        ]
        .map(str::to_owned);
        let mut found = mistakes.clone();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_key_that_is_not_understood_is_not_shown() {
        let mistakes = bench("[app]\nkey = 12345678\n").mistakes();
        assert_eq!(mistakes, ["tsudoi.toml line 2: `app.key` must be a text in quotes"]);
    }

    #[test]
    fn a_file_that_is_no_toml_names_the_line() {
        let mistakes = bench("listen = \"127.0.0.1:1\"\nlog level = 1\n").mistakes();
        assert_eq!(mistakes.len(), 1);
        assert!(mistakes[0].starts_with("tsudoi.toml line 2: "), "{mistakes:?}");
    }

    #[test]
    fn the_file_is_looked_for_in_the_folder_and_in_the_data_folder() {
        let bench = bench("");
        let data = bench.folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join(FILE_NAME), "listen = \"127.0.0.1:5\"\n").unwrap();
        assert_eq!(listen(&bench.load().config), 5);
        std::fs::write(bench.folder.path().join(FILE_NAME), "listen = \"127.0.0.1:6\"\n").unwrap();
        assert_eq!(listen(&bench.load().config), 6);
        std::fs::write(bench.folder.path().join("other.toml"), "listen = \"127.0.0.1:7\"\n").unwrap();
        let bench = bench.variable(FILE_VARIABLE, "other.toml");
        assert_eq!(listen(&bench.load().config), 7);
    }

    #[test]
    fn a_named_file_must_exist() {
        let mut bench = bench("");
        bench.sources.file = Some("nowhere.toml".into());
        assert!(bench.mistakes()[0].starts_with("nowhere.toml: cannot be read: "));
    }
}
