//! Apps that are declared instead of clicked together: applied at every start, twice the same as once.
//!
//! A file declares apps with their keys, settings and accounts ([`Provision`]); without one, a server has a first app
//! ([`plans`]). A plan says what shall be; [`AppPlan::apply`] compares it with what is stored and answers what is left to
//! store, usually nothing.

pub mod key_file;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer};
use tsudoi_domain::{AppId, AppSettings, UserId};
use tsudoi_store::AppRow;

use crate::config::{
    Mistake, Mistakes, Secret, ServerConfig, check_key,
    load::lines,
    mistake::{did_you_mean_of_serde, line_at},
};

/// The contents of a provisioning file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Provision {
    /// The apps, each `[[apps]]`.
    pub apps: Vec<AppProvision>,
}

/// An app that shall be there.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppProvision {
    /// Its number (SDKAppID).
    pub app_id: u32,
    /// Its key, and during a rotation the previous one behind it. Without any, one is generated once and kept in the data
    /// folder.
    #[serde(default, deserialize_with = "one_or_more")]
    pub keys: Vec<Secret>,
    /// Its settings. What is not named has its default.
    #[serde(default)]
    pub settings: AppSettings,
    /// Accounts that shall be there, each `[[apps.accounts]]`.
    #[serde(default)]
    pub accounts: Vec<AccountProvision>,
}

/// An account that shall be there. Accounts that are not named stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountProvision {
    /// Its user id.
    pub id: UserId,
    /// What it is called when it is new; later changes by its owner stay.
    #[serde(default)]
    pub nick: String,
    /// Address of its picture when it is new.
    #[serde(default)]
    pub face_url: String,
}

impl Provision {
    /// Reads a provisioning file; `name` is what mistakes call it.
    ///
    /// # Errors
    /// Every mistake that can be told apart: the first one of form, else all that do not make sense.
    pub fn parse(name: &Path, text: &str) -> Result<Provision, Mistakes> {
        let place = |line: usize| format!("{} line {line}", name.display());
        let provision: Provision = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_at(text, span.start));
            let words = error.message().trim().to_owned();
            let hint = did_you_mean_of_serde(&words);
            Mistakes(vec![Mistake::new(place(line), "", words).with_hint(hint)])
        })?;
        let lines = lines(text).unwrap_or_default();
        let mistakes: Vec<Mistake> = provision
            .invalid()
            .into_iter()
            .map(|(path, words)| Mistake::new(place(nearest_line(&lines, &path)), path, words))
            .collect();
        if mistakes.is_empty() { Ok(provision) } else { Err(Mistakes(mistakes)) }
    }

    /// Reads the provisioning file at a path.
    ///
    /// # Errors
    /// The file cannot be read, or has mistakes.
    pub fn read(file: &Path) -> Result<Provision, Mistakes> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Mistakes(vec![Mistake::new(file.display().to_string(), "", format!("cannot be read: {error}"))])
        })?;
        Self::parse(file, &text)
    }

    /// What does not make sense, by path.
    fn invalid(&self) -> Vec<(String, String)> {
        let mut invalid = Vec::new();
        let mut ids = BTreeSet::new();
        for (index, app) in self.apps.iter().enumerate() {
            let path = format!("apps[{index}]");
            if app.app_id == 0 {
                invalid.push((format!("{path}.app_id"), "is 0; it must be from 1 to 4294967295".into()));
            }
            if !ids.insert(app.app_id) {
                invalid.push((format!("{path}.app_id"), format!("is {}; that app is declared twice", app.app_id)));
            }
            if app.keys.len() > MAX_KEYS {
                let words = format!("has {} entries; an app has a current and a previous key", app.keys.len());
                invalid.push((format!("{path}.keys"), words));
            }
            for (at, key) in app.keys.iter().enumerate() {
                if let Err(words) = check_key(key.reveal()) {
                    invalid.push((format!("{path}.keys[{at}]"), words.into()));
                }
            }
            for problem in app.settings.validate() {
                invalid.push((format!("{path}.settings.{}", problem.path), problem.words));
            }
            let mut users = BTreeSet::new();
            for (at, account) in app.accounts.iter().enumerate() {
                if !users.insert(&account.id) {
                    let words = format!("is `{}`; that account is declared twice", account.id);
                    invalid.push((format!("{path}.accounts[{at}].id"), words));
                }
            }
        }
        invalid
    }
}

/// The most keys of an app: the current one, and the previous one while clients move over.
pub const MAX_KEYS: usize = 2;

/// The line of a path, or of the nearest thing above it that is in the file.
fn nearest_line(lines: &BTreeMap<String, usize>, path: &str) -> usize {
    let mut path = path;
    loop {
        if let Some(line) = lines.get(path) {
            return *line;
        }
        match path.rfind(['.', '[']) {
            Some(cut) => path = &path[..cut],
            None => return 1,
        }
    }
}

/// One key, or a list of keys. What is neither is not shown in the error, because it may be a key.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "keys must be a text, or a list of texts")]
    enum Keys {
        One(Secret),
        More(Vec<Secret>),
    }
    Ok(match Keys::deserialize(deserializer)? {
        Keys::One(key) => vec![key],
        Keys::More(keys) => keys,
    })
}

/// What shall be true of an app once the server has started.
#[derive(Debug, Clone, PartialEq)]
pub struct AppPlan {
    /// The app.
    pub app: AppId,
    /// Its keys as given, the current one first; empty: those in its key file, else the stored ones, else a new one.
    pub keys: Vec<Secret>,
    /// Its settings.
    pub settings: SettingsPlan,
    /// The address of its backend, which is then called for everything.
    pub webhook_url: Option<String>,
    /// Accounts that shall be there.
    pub accounts: Vec<AccountProvision>,
}

/// Whether settings are declared or left to the people who run the app.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingsPlan {
    /// A file declares them: they are put back to that at every start.
    Declared(Box<AppSettings>),
    /// Whatever is stored; a new app begins with the defaults.
    Stored,
}

/// What shall be true of every app that the configuration names.
///
/// The first app of [`crate::config::FirstAppConfig`] is there when no file declares apps, or when its id or key is set on
/// purpose (`named_on_purpose`); its key and callback address lead those that the file may have for the same app.
#[must_use]
pub fn plans(config: &ServerConfig, provision: Option<Provision>, named_on_purpose: bool) -> Vec<AppPlan> {
    let first = &config.app;
    let mut plans: Vec<AppPlan> = provision
        .map(|provision| provision.apps)
        .unwrap_or_default()
        .into_iter()
        .map(|declared| AppPlan {
            app: AppId(declared.app_id),
            keys: declared.keys,
            settings: SettingsPlan::Declared(Box::new(declared.settings)),
            webhook_url: None,
            accounts: declared.accounts,
        })
        .collect();
    let first_id = AppId(first.id);
    if (plans.is_empty() || named_on_purpose) && !plans.iter().any(|plan| plan.app == first_id) {
        plans.push(AppPlan {
            app: first_id,
            keys: Vec::new(),
            settings: SettingsPlan::Stored,
            webhook_url: None,
            accounts: Vec::new(),
        });
    }
    if let Some(plan) = plans.iter_mut().find(|plan| plan.app == first_id) {
        if let Some(key) = &first.key {
            plan.keys.retain(|other| other != key);
            plan.keys.insert(0, key.clone());
            plan.keys.truncate(MAX_KEYS);
        }
        plan.webhook_url.clone_from(&first.webhook_url);
    }
    plans
}

/// An app that is ready to be stored, and what to tell the operator about its key.
#[derive(Debug, Clone)]
pub struct ReadyApp {
    /// The app.
    pub app: AppId,
    /// Its keys, the current one first.
    pub keys: Vec<Secret>,
    /// Where the current key is.
    pub key_place: KeyPlace,
    /// Its settings.
    pub settings: AppSettings,
    /// What has to be stored; `None` when it is stored already.
    pub to_store: Option<AppRow>,
    /// Accounts that shall be there.
    pub accounts: Vec<AccountProvision>,
}

/// Where the current key of an app is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// The operator gave it.
    Given,
    /// In this file of the data folder.
    File(PathBuf),
    /// In this file of the data folder, made just now.
    NewFile(PathBuf),
    /// Only in the database: somebody gave it at an earlier start or in the console.
    Database,
}

/// Why an app cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Its key file cannot be read or made.
    #[error(transparent)]
    KeyFile(#[from] key_file::KeyFileError),
    /// Its stored settings cannot be read.
    #[error("stored settings of app {app} cannot be read: {why}")]
    StoredSettings {
        /// The app.
        app: AppId,
        /// What is wrong.
        why: String,
    },
    /// Its settings do not fit together, which can come from a callback address on top of stored settings.
    #[error("settings of app {app}: {words}")]
    Settings {
        /// The app.
        app: AppId,
        /// What is wrong.
        words: String,
    },
}

impl AppPlan {
    /// Compares the plan with the stored row of the app, if there is one. Makes a key file when the app has no key yet;
    /// changes nothing else.
    ///
    /// # Errors
    /// The key file or the stored settings cannot be read, or the settings do not fit together.
    pub fn apply(self, stored: Option<&AppRow>, data_dir: &Path) -> Result<ReadyApp, PlanError> {
        let app = self.app;
        let stored_keys = stored.map(|row| row.keys.as_slice()).unwrap_or_default();
        let (keys, key_place) = resolve_keys(app, self.keys, stored_keys, data_dir)?;
        let stored_settings = match stored {
            None => None,
            Some(row) => Some(
                serde_json::from_str::<AppSettings>(&row.settings)
                    .map_err(|error| PlanError::StoredSettings { app, why: error.to_string() })?,
            ),
        };
        let mut settings = match self.settings {
            SettingsPlan::Declared(settings) => *settings,
            SettingsPlan::Stored => stored_settings.clone().unwrap_or_default(),
        };
        if let Some(url) = self.webhook_url {
            settings.webhook.url = url;
            settings.webhook.all = true;
            settings.webhook.switches.clear();
            if let Some(problem) = settings.validate().into_iter().find(|problem| problem.path == "webhook.url") {
                return Err(PlanError::Settings { app, words: problem.to_string() });
            }
        }
        let key_texts: Vec<String> = keys.iter().map(|key| key.reveal().to_owned()).collect();
        let unchanged = stored_keys == key_texts && stored_settings.as_ref() == Some(&settings);
        let to_store = (!unchanged).then(|| AppRow {
            app,
            keys: key_texts,
            settings: serde_json::to_string(&settings).expect("settings are plain data"),
        });
        Ok(ReadyApp { app, keys, key_place, settings, to_store, accounts: self.accounts })
    }
}

fn resolve_keys(
    app: AppId,
    given: Vec<Secret>,
    stored: &[String],
    data_dir: &Path,
) -> Result<(Vec<Secret>, KeyPlace), PlanError> {
    if !given.is_empty() {
        return Ok((given, KeyPlace::Given));
    }
    let file = key_file::path(data_dir, app);
    if let Some(keys) = key_file::read(&file)? {
        return Ok((keys, KeyPlace::File(file)));
    }
    if !stored.is_empty() {
        return Ok((stored.iter().map(Secret::new).collect(), KeyPlace::Database));
    }
    let key = key_file::generate(&file)?;
    Ok((vec![key], KeyPlace::NewFile(file)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tsudoi_domain::WebhookCommand;

    use crate::config::FirstAppConfig;

    const K1: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0";
    const K2: &str = "a3b1c5d7e9f00112aabbccddeeff00998877665544332211ffeeddccbbaa9900";

    fn parse(text: &str) -> Provision {
        Provision::parse(Path::new("provision.toml"), text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    fn mistakes(text: &str) -> Vec<String> {
        let mistakes = Provision::parse(Path::new("provision.toml"), text).expect_err("a mistake");
        mistakes.0.iter().map(ToString::to_string).collect()
    }

    fn config(id: u32, key: Option<&str>, webhook_url: Option<&str>) -> ServerConfig {
        let app = FirstAppConfig { id, key: key.map(Secret::new), webhook_url: webhook_url.map(str::to_owned) };
        ServerConfig { app, ..ServerConfig::default() }
    }

    fn only(mut plans: Vec<AppPlan>) -> AppPlan {
        assert_eq!(plans.len(), 1);
        plans.remove(0)
    }

    #[test]
    fn the_example_of_the_documentation_is_read() {
        let page = include_str!("../../../../docs/operations/provisioning.md");
        let examples: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(!examples.is_empty());
        for example in examples {
            parse(example);
        }
    }

    #[test]
    fn everything_of_an_app_can_be_declared() {
        let provision = parse(&format!(
            r#"
            [[apps]]
            app_id = 20009527
            keys = ["{K2}", "{K1}"]
            [apps.settings]
            admins = ["administrator", "ops"]
            limits = {{ preset = "current", overrides = {{ group = {{ name_bytes = 200 }} }} }}
            [apps.settings.features]
            topic = false
            [apps.settings.custom_types.Ticket]
            reference = "Public"
            [apps.settings.webhook]
            url = "http://127.0.0.1:8080/im"
            all = true
            [[apps.accounts]]
            id = "alice"
            nick = "Alice"
            "#
        ));
        let app = &provision.apps[0];
        assert_eq!(app.keys[0].reveal(), K2);
        assert_eq!(app.settings.admins.len(), 2);
        assert_eq!(app.settings.limits().group.name_bytes, 200);
        assert!(!app.settings.features.topic);
        assert_eq!(app.accounts[0].nick, "Alice");
    }

    #[test]
    fn mistakes_name_line_path_and_what_was_meant() {
        let unknown = mistakes("[[apps]]\napp_id = 7\n[apps.settings]\nadmin = [\"a\"]\n").remove(0);
        assert!(unknown.starts_with("provision.toml line 4: unknown field `admin`"), "{unknown}");
        assert!(unknown.ends_with("did you mean `admins`?"), "{unknown}");
        assert_eq!(
            mistakes(
                "[[apps]]\napp_id = 7\nkeys = [\"a b\", \"b\", \"c\"]\n\n[[apps]]\napp_id = 7\n[apps.settings]\nadmins = []\n\
                 [[apps.accounts]]\nid = \"a\"\n[[apps.accounts]]\nid = \"a\"\n"
            ),
            [
                "provision.toml line 3: `apps[0].keys` has 3 entries; an app has a current and a previous key",
                "provision.toml line 3: `apps[0].keys[0]` holds blanks or characters outside ASCII",
                "provision.toml line 6: `apps[1].app_id` is 7; that app is declared twice",
                "provision.toml line 8: `apps[1].settings.admins` is empty, at least one account must be able to call \
                 REST commands",
                "provision.toml line 12: `apps[1].accounts[1].id` is `a`; that account is declared twice",
            ]
        );
        assert!(mistakes("[[apps]]\napp_id = \"seven\"\n")[0].starts_with("provision.toml line 2: "));
        assert!(mistakes("[[apps]]\napp_id = 7\n[[apps.accounts]]\nid = \"\"\n")[0].contains("user id is empty"));
    }

    #[test]
    fn keys_do_not_show_in_mistakes() {
        for text in [
            format!("[[apps]]\napp_id = 7\nkeys = [\"{K1} \"]\n"),
            format!("[[apps]]\napp_id = 7\nkeys = [[\"{K1}\"]]\n"),
            "[[apps]]\napp_id = 7\nkeys = 987654321\n".to_owned(),
        ] {
            for mistake in mistakes(&text) {
                assert!(!mistake.contains(&K1[..12]) && !mistake.contains("987654321"), "{mistake}");
            }
        }
    }

    #[test]
    fn a_server_without_a_file_has_the_first_app() {
        let plan = only(plans(&ServerConfig::default(), None, false));
        assert_eq!(plan.app, AppId(1_400_000_001));
        assert_eq!(plan.settings, SettingsPlan::Stored);
        assert_eq!(plan.keys, []);
    }

    #[test]
    fn the_first_app_joins_declared_ones_only_on_purpose() {
        let declared = || Some(parse(&format!("[[apps]]\napp_id = 7\nkeys = [\"{K1}\"]\n")));
        let plan = only(plans(&ServerConfig::default(), declared(), false));
        assert_eq!(plan.app, AppId(7));
        assert_eq!(plans(&config(8, Some(K2), None), declared(), true).len(), 2);

        let plan = only(plans(&config(7, Some(K2), Some("http://127.0.0.1:1/")), declared(), true));
        assert_eq!(plan.keys, [Secret::new(K2), Secret::new(K1)]);
        assert_eq!(plan.webhook_url.as_deref(), Some("http://127.0.0.1:1/"));
        let plan = only(plans(&config(7, Some(K1), None), declared(), true));
        assert_eq!(plan.keys, [Secret::new(K1)]);
    }

    #[test]
    fn a_plan_that_is_stored_already_stores_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let declared = format!("[[apps]]\napp_id = 7\nkeys = [\"{K1}\"]\n[apps.settings]\nname = \"Seven\"\n");
        for (config, provision) in [
            (ServerConfig::default(), None),
            (config(9, Some(K1), Some("http://127.0.0.1:1/cb")), None),
            (ServerConfig::default(), Some(parse(&declared))),
        ] {
            let plan = only(plans(&config, provision, false));
            let first = plan.clone().apply(None, folder.path()).unwrap();
            let row = first.to_store.expect("a new app is stored");
            let second = plan.apply(Some(&row), folder.path()).unwrap();
            assert!(second.to_store.is_none());
            assert_eq!(second.keys, first.keys);
        }
    }

    #[test]
    fn declared_settings_are_put_back_and_stored_ones_kept() {
        let folder = tempfile::tempdir().unwrap();
        let changed = |row: &AppRow| AppRow {
            app: row.app,
            keys: row.keys.clone(),
            settings: serde_json::to_string(&AppSettings { name: "Changed".into(), ..AppSettings::default() }).unwrap(),
        };
        let declared = only(plans(
            &ServerConfig::default(),
            Some(parse(&format!("[[apps]]\napp_id = 7\nkeys = [\"{K1}\"]\n[apps.settings]\nname = \"Seven\"\n"))),
            false,
        ));
        let row = declared.clone().apply(None, folder.path()).unwrap().to_store.unwrap();
        let again = declared.apply(Some(&changed(&row)), folder.path()).unwrap();
        assert_eq!(again.settings.name, "Seven");
        assert!(again.to_store.is_some());

        let first = only(plans(&config(8, Some(K1), None), None, true));
        let row = first.clone().apply(None, folder.path()).unwrap().to_store.unwrap();
        let again = first.apply(Some(&changed(&row)), folder.path()).unwrap();
        assert_eq!(again.settings.name, "Changed");
        assert!(again.to_store.is_none());
    }

    #[test]
    fn a_callback_address_switches_every_event_on() {
        let folder = tempfile::tempdir().unwrap();
        let plan = only(plans(&config(9, Some(K1), Some("http://127.0.0.1:1/cb")), None, true));
        let ready = plan.apply(None, folder.path()).unwrap();
        assert!(ready.settings.webhook.wants(WebhookCommand::GroupAfterSend));
        let plan = only(plans(&config(9, Some(K1), Some("http://a b/")), None, true));
        assert!(matches!(plan.apply(None, folder.path()), Err(PlanError::Settings { .. })));
    }

    #[test]
    fn a_key_is_generated_once_and_a_given_one_leads() {
        let folder = tempfile::tempdir().unwrap();
        let plan = || only(plans(&ServerConfig::default(), None, false));
        let first = plan().apply(None, folder.path()).unwrap();
        let KeyPlace::NewFile(file) = &first.key_place else { panic!("{:?}", first.key_place) };
        let second = plan().apply(None, folder.path()).unwrap();
        assert_eq!(second.key_place, KeyPlace::File(file.clone()));
        assert_eq!(second.keys, first.keys);

        let given = only(plans(&config(DEFAULT_ID, Some(K1), None), None, true)).apply(None, folder.path()).unwrap();
        assert_eq!((given.keys, given.key_place), (vec![Secret::new(K1)], KeyPlace::Given));
    }

    #[test]
    fn stored_keys_stay_when_nobody_gives_others() {
        let folder = tempfile::tempdir().unwrap();
        let given = only(plans(&config(DEFAULT_ID, Some(K1), None), None, true));
        let row = given.apply(None, folder.path()).unwrap().to_store.unwrap();
        let later = only(plans(&ServerConfig::default(), None, false)).apply(Some(&row), folder.path()).unwrap();
        assert_eq!((later.keys, later.key_place), (vec![Secret::new(K1)], KeyPlace::Database));
        assert!(later.to_store.is_none());
    }

    const DEFAULT_ID: u32 = crate::config::DEFAULT_APP_ID;
}
