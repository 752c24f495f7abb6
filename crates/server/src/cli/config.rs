//! `tsudoi config`: explains mistakes before a server trips over them.

use std::{fmt::Write as _, io::Write};

use clap::{Args, Subcommand};

use super::{Failure, SettingArgs, print};
use crate::{
    config::{Mistake, ServerConfig, load, reference},
    provision::Provision,
};

/// Checks settings, or prints a sample of them.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Read all settings and the provisioning file as `serve` would, and explain what is wrong
    Check(SettingArgs),
    /// Print a tsudoi.toml with every setting and its default
    Sample,
    /// Print the reference of all settings as Markdown
    Reference,
}

pub(super) fn run(args: &ConfigArgs, out: &mut dyn Write) -> Result<(), Failure> {
    match &args.command {
        ConfigCommand::Check(settings) => check(settings, out),
        ConfigCommand::Sample => print(out, &reference::sample()),
        ConfigCommand::Reference => print(out, &reference::markdown()),
    }
}

fn check(settings: &SettingArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let mut text = String::new();
    let mut mistakes: Vec<Mistake> = Vec::new();
    match load(&settings.sources(Vec::new())?) {
        Err(found) => mistakes.extend(found.0),
        Ok(loaded) => {
            let file = loaded.file.as_ref().map_or("none".into(), |file| file.display().to_string());
            let _ = writeln!(text, "settings file: {file}");
            let places = ServerConfig::places();
            let table = toml::Table::try_from(&loaded.config).expect("settings are plain data");
            for (path, origin) in &loaded.origins {
                let value = places.get(path).and_then(|_| at(&table, path)).map_or(String::new(), ToString::to_string);
                let _ = writeln!(text, "  {path} = {value}   ({origin})");
            }
            for warning in &loaded.warnings {
                let _ = writeln!(text, "warning: {warning}");
            }
            if let Some(file) = &loaded.config.provision {
                match Provision::read(file) {
                    Ok(provision) => {
                        let _ = writeln!(text, "provisioning file: {}, {} apps", file.display(), provision.apps.len());
                    }
                    Err(found) => mistakes.extend(found.0),
                }
            }
        }
    }
    if mistakes.is_empty() {
        text.push_str("no mistakes\n");
        return print(out, &text);
    }
    for mistake in &mistakes {
        let _ = writeln!(text, "{mistake}");
    }
    let _ = writeln!(text, "{} {}", mistakes.len(), if mistakes.len() == 1 { "mistake" } else { "mistakes" });
    print(out, &text)?;
    Err(Failure::Found)
}

fn at<'a>(table: &'a toml::Table, path: &str) -> Option<&'a toml::Value> {
    match path.split_once('.') {
        None => table.get(path),
        Some((section, rest)) => at(table.get(section)?.as_table()?, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(file: &str, provision: &str) -> (String, bool) {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("tsudoi.toml");
        std::fs::write(&config, file).unwrap();
        let mut settings = SettingArgs { config: Some(config), ..SettingArgs::default() };
        if !provision.is_empty() {
            let path = folder.path().join("provision.toml");
            std::fs::write(&path, provision).unwrap();
            settings.provision = Some(path.display().to_string());
        }
        let mut out = Vec::new();
        let fine = check(&settings, &mut out).is_ok();
        let text = String::from_utf8(out).unwrap().replace(&format!("{}/", folder.path().display()), "");
        (text, fine)
    }

    #[test]
    fn a_sound_configuration_is_shown_with_its_origins() {
        let key = "0f1e2d3c4b5a6978";
        let (text, fine) =
            checked(&format!("[app]\nkey = \"{key}\"\n[log]\nformat = \"json\"\n"), "[[apps]]\napp_id = 7\n");
        assert!(fine, "{text}");
        assert!(text.contains("log.format = \"json\"   (tsudoi.toml line 4)"), "{text}");
        assert!(text.contains("provisioning file: provision.toml, 1 apps"), "{text}");
        assert!(text.ends_with("no mistakes\n"));
        assert!(!text.contains(key));
    }

    #[test]
    fn mistakes_of_both_files_are_explained() {
        let (text, fine) = checked("lisen = \"x\"\n", "");
        assert!(!fine);
        assert!(text.contains("did you mean `listen`?\n1 mistake\n"), "{text}");
        let (text, fine) = checked("", "[[apps]]\napp_id = 7\nadmins = []\n");
        assert!(!fine);
        assert!(text.contains("provision.toml line 3: "), "{text}");
    }
}
