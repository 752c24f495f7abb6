//! `tsudoi policy`: what a type of group may do in an app, and who decided that.

use std::{fmt::Write as _, io::Write};

use clap::{Args, Subcommand};
use tsudoi_domain::{
    AppId, AppSettings, GroupPolicy, GroupType,
    group::policy::{Explained, Source},
};
use tsudoi_store::sqlite::{Sqlite, stored_apps};

use super::{Failure, SettingArgs, print, provision_of};
use crate::{config::Loaded, provision::PlanError};

/// Shows what types of groups may do.
#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Print what holds for one type of group, and where each value comes from
    ///
    /// Settings of the app are read from the database in the data folder, else from the provisioning file; an app that is in
    /// neither has the defaults.
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
struct ExplainArgs {
    #[command(flatten)]
    settings: SettingArgs,
    /// The app [default: the first app]
    #[arg(long, visible_alias = "app", value_name = "SDKAPPID")]
    app_id: Option<u32>,
    /// The type: Work, Public, Meeting, AVChatRoom, Community, BChatRoom, an older name, or one of the app's own
    #[arg(long = "type", value_name = "TYPE")]
    group_type: String,
    /// Show only what differs from the built-in type
    #[arg(long)]
    changed: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &PolicyArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let PolicyCommand::Explain(args) = &args.command;
    let loaded = args.settings.load(Vec::new())?;
    let app = AppId(args.app_id.unwrap_or(loaded.config.app.id));
    let (settings, origin) = settings_of(&loaded, app)?;
    print(out, &explain(args, app, &settings, &origin)?)
}

/// The settings of the app, and where they were found.
fn settings_of(loaded: &Loaded, app: AppId) -> Result<(AppSettings, String), Failure> {
    let data_dir = &loaded.config.data_dir;
    if let Some(row) = stored_apps(&Sqlite::path_in(data_dir))?.into_iter().find(|row| row.app == app) {
        let settings = serde_json::from_str(&row.settings)
            .map_err(|error| PlanError::StoredSettings { app, why: error.to_string() })?;
        return Ok((settings, format!("the database in {}", data_dir.display())));
    }
    let declared =
        provision_of(loaded)?.and_then(|file| file.apps.into_iter().find(|declared| declared.app_id == app.0));
    Ok(match declared {
        Some(declared) => (declared.settings, "the provisioning file".into()),
        None => (AppSettings::default(), "the defaults; the app is not known here".into()),
    })
}

fn explain(args: &ExplainArgs, app: AppId, settings: &AppSettings, origin: &str) -> Result<String, Failure> {
    let group_type = settings.group_type(&args.group_type);
    let explained = group_type.as_ref().and_then(|kind| Some((kind, GroupPolicy::explain(settings, kind)?)));
    let Some((group_type, mut columns)) = explained else {
        let mut known: Vec<String> = GroupType::BUILT_IN.iter().map(ToString::to_string).collect();
        known.extend(settings.custom_types.keys().cloned());
        let words = format!("app {app} has no type `{}`; it has {}", args.group_type, known.join(", "));
        return Err(Failure::Usage(words));
    };
    if args.changed {
        columns.retain(|cell| matches!(cell.source, Source::AppSetting | Source::Limits));
    }
    if args.json {
        let text = serde_json::to_string_pretty(&columns).expect("cells are plain data");
        return Ok(format!("{text}\n"));
    }
    let mut text = format!("{group_type} in app {app}; settings from {origin}\n\n");
    let widths = |of: fn(&Explained) -> usize| columns.iter().map(of).max().unwrap_or(0);
    let (name, value) = (widths(|cell| cell.column.len()), widths(|cell| cell.value.len()));
    for cell in &columns {
        let _ = writeln!(text, "{:name$}  {:value$}  {}", cell.column, cell.value, cell.source.as_str());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(group_type: &str, changed: bool, json: bool) -> ExplainArgs {
        ExplainArgs { settings: SettingArgs::default(), app_id: None, group_type: group_type.into(), changed, json }
    }

    fn settings() -> AppSettings {
        toml::from_str("[group_types.Public]\nmute_supported = false\n[custom_types.Ticket]\nreference = \"Public\"\n")
            .unwrap()
    }

    #[test]
    fn every_value_names_its_origin() {
        let text = explain(&args("Public", false, false), AppId(7), &settings(), "a test").unwrap();
        assert!(text.starts_with("Public in app 7; settings from a test\n"));
        let line = |column: &str| text.lines().find(|line| line.split_whitespace().next() == Some(column)).unwrap();
        assert!(line("mute_supported").ends_with("app setting"));
        assert!(line("mute_all_supported").ends_with("built-in"));

        let text = explain(&args("Public", true, false), AppId(7), &settings(), "a test").unwrap();
        assert!(text.contains("mute_supported") && !text.contains("built-in"));
    }

    /// Each type of the app by all of its names: the same columns for all, each once, with a value and an origin.
    #[test]
    fn every_type_has_every_column() {
        let read = |name: &str| {
            let json = explain(&args(name, false, true), AppId(7), &settings(), "").unwrap();
            serde_json::from_str::<Vec<serde_json::Value>>(&json).unwrap()
        };
        let columns = |cells: &[serde_json::Value]| -> Vec<String> {
            cells.iter().map(|cell| cell["column"].as_str().unwrap().to_owned()).collect()
        };
        let all = columns(&read("Public"));
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
        for (name, newer, source) in [
            ("Private", "Work", "built_in"),
            ("ChatRoom", "Meeting", "built_in"),
            ("AVChatRoom", "AVChatRoom", "built_in"),
            ("Community", "Community", "built_in"),
            ("BChatRoom", "BChatRoom", "built_in"),
            ("Ticket", "Ticket", "reference"),
        ] {
            let cells = read(name);
            assert_eq!(columns(&cells), all, "{name}");
            assert_eq!(cells, read(newer), "{name}");
            for cell in &cells {
                assert_ne!(cell["value"], "", "{name}: {cell}");
                assert!(cell["source"] == source || cell["source"] == "limits", "{name}: {cell}");
            }
            let text = explain(&args(name, false, false), AppId(7), &settings(), "").unwrap();
            assert_eq!(text.lines().count(), all.len() + 2, "{name}");
        }
    }

    /// Each switch of docs/spec/group-types.md#2.9 in its codes, as the sheet of an app would have them.
    #[test]
    fn a_sheet_of_codes_is_explained_in_words() {
        let sheet = "[group_types.Public]
            member_edits_profile = 1
            searchable_by_id = 0
            apply_join_allowed = 0
            member_invite = 2
            owner_may_quit = 1
            owner_may_dismiss = 0
            owner_sets_admins = 0
            default_apply_option = 2
            kick_policy = 1
            kick_offline = 1
            count_online = 1
            history_before_join = 1
            member_change_notice = 2
            activate_on_first_msg = 1
            mute_supported = 0
            default_msg_flag = 1
            unread_count = 0
            recycle_seconds = 2592000";
        let settings: AppSettings = toml::from_str(sheet).unwrap();
        let text = explain(&args("Public", true, false), AppId(7), &settings, "a sheet").unwrap();
        let found: Vec<(&str, &str)> = text
            .lines()
            .skip(2)
            .map(|line| {
                let mut words = line.split_whitespace();
                (words.next().unwrap(), words.next().unwrap())
            })
            .collect();
        let mut expected = [
            ("member_edits_profile", "yes"),
            ("searchable_by_id", "no"),
            ("apply_join_allowed", "no"),
            ("member_invite", "invitee_consents"),
            ("default_invite_option", "free_access"),
            ("owner_may_quit", "yes"),
            ("owner_may_dismiss", "no"),
            ("owner_sets_admins", "no"),
            ("default_apply_option", "free_access"),
            ("kick", "any_member"),
            ("kick_offline", "on"),
            ("count_online", "every_five_minutes"),
            ("history_before_join", "yes"),
            ("member_change_notice", "silent"),
            ("activate_on_first_msg", "yes"),
            ("mute_supported", "no"),
            ("default_msg_flag", "discard"),
            ("unread_count", "no"),
            ("recycle_seconds", "2592000"),
        ];
        let mut found = found;
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn older_names_and_own_types_are_understood() {
        for name in ["ChatRoom", "Ticket"] {
            let json = explain(&args(name, false, true), AppId(7), &settings(), "").unwrap();
            assert!(serde_json::from_str::<Vec<serde_json::Value>>(&json).unwrap().len() > 20);
        }
        let failure = explain(&args("Chatroom", false, false), AppId(7), &settings(), "").unwrap_err();
        assert!(failure.to_string().ends_with("BChatRoom, Ticket"), "{failure}");
    }
}
