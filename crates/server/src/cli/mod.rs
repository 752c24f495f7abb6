//! The command line: one file per sub-command.

mod bench;
mod commands;
mod config;
mod policy;
mod serve;
mod usersig;
mod webhook;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    config::{Loaded, Mistakes, Sources, load, load::Flag},
    provision::{PlanError, Provision, key_file::KeyFileError},
    wiring::StartError,
};

const EXAMPLES: &str = "\
Examples:
  tsudoi serve                                  start with defaults, data in ./data
  tsudoi serve --listen 0.0.0.0:8700            be reached from other machines
  tsudoi usersig sign --user alice              a ticket for alice in the local server's app
  tsudoi webhook tail                           show calls to the app's backend as they happen
  tsudoi config check                           explain what is wrong in tsudoi.toml
  tsudoi policy explain --type AVChatRoom       what live rooms may do in the app, and why

Settings come from tsudoi.toml, TSUDOI_* environment variables and flags, later ones winning.";

/// A chat server that the published clients of Tencent Cloud Chat use unchanged
#[derive(Debug, Parser)]
#[command(name = "tsudoi", version, after_help = EXAMPLES, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server
    Serve(serve::ServeArgs),
    /// Make and check UserSig tickets
    Usersig(usersig::UsersigArgs),
    /// Check settings, or print a sample of them
    Config(config::ConfigArgs),
    /// Show what types of groups may do
    Policy(policy::PolicyArgs),
    /// Try and watch the webhooks of an app
    Webhook(webhook::WebhookArgs),
    /// List every command that the server answers, as Markdown
    Commands,
    /// Measure a server
    Bench(tsudoi_bench::BenchArgs),
}

/// Where settings come from, the same for every sub-command.
#[derive(Debug, Clone, Default, Args)]
struct SettingArgs {
    /// Settings file [default: tsudoi.toml here or in the data folder, if there is one] [env: TSUDOI_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for the database and generated keys [default: data] [env: TSUDOI_DATA_DIR]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// File that declares apps [env: TSUDOI_PROVISION]
    #[arg(long, value_name = "FILE")]
    provision: Option<String>,
    /// Any setting, such as --set websocket.max_connections=5000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

impl SettingArgs {
    /// All sources of settings, with `more` flags of the sub-command.
    fn sources(&self, more: Vec<Flag>) -> Result<Sources, Failure> {
        let mut flags = Vec::new();
        for text in &self.settings {
            let (path, value) = text
                .split_once('=')
                .ok_or_else(|| Failure::Usage(format!("--set {text}: write it like --set log.level=debug")))?;
            flags.push(Flag { name: "--set".into(), path: path.trim().into(), value: value.into() });
        }
        flags.extend(flag("--data-dir", "data_dir", self.data_dir.as_ref()));
        flags.extend(flag("--provision", "provision", self.provision.as_ref()));
        flags.extend(more);
        // Variables that are no text cannot be settings.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Ok(Sources { file: self.config.clone(), environment, flags, folder: PathBuf::new() })
    }

    fn load(&self, more: Vec<Flag>) -> Result<Loaded, Failure> {
        Ok(load(&self.sources(more)?)?)
    }
}

fn flag(name: &str, path: &str, value: Option<&String>) -> Option<Flag> {
    value.map(|value| Flag { name: name.into(), path: path.into(), value: value.clone() })
}

/// The provisioning file that the settings name.
fn provision_of(loaded: &Loaded) -> Result<Option<Provision>, Mistakes> {
    loaded.config.provision.as_deref().map(Provision::read).transpose()
}

/// Why a sub-command failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// The configuration has mistakes.
    #[error("{0}")]
    Mistakes(#[from] Mistakes),
    /// A key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A declared app cannot be made ready.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The server did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The local database cannot be read.
    #[error(transparent)]
    Store(#[from] tsudoi_store::StoreError),
    /// The measurement stopped.
    #[error(transparent)]
    Bench(#[from] tsudoi_bench::BenchError),
    /// The system refused something.
    #[error("{doing}: {why}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system says.
        why: io::Error,
    },
    /// The check that was asked for found something; everything is said already.
    #[error("")]
    Found,
}

impl Failure {
    fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Failure {
        move |why| Failure::System { doing, why }
    }

    /// 2 when the operator has to change something, else 1.
    fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Usage(_) | Failure::Mistakes(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Runs the program and says how it ended.
#[must_use]
pub fn run() -> ExitCode {
    let Cli { command } = Cli::parse();
    let mut out = io::stdout().lock();
    let outcome = match command {
        Command::Serve(args) => {
            drop(out);
            return end(serve::run(&args));
        }
        Command::Usersig(args) => usersig::run(&args, &mut out),
        Command::Config(args) => config::run(&args, &mut out),
        Command::Policy(args) => policy::run(&args, &mut out),
        Command::Webhook(args) => webhook::run(&args, &mut out),
        Command::Commands => commands::run(&mut out),
        Command::Bench(args) => bench::run(args, &mut out),
    };
    end(outcome)
}

fn end(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // A reader like `head` that has seen enough is no failure.
        Err(Failure::System { why, .. }) if why.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            let words = failure.to_string();
            if !words.is_empty() {
                // Nobody is left to tell when standard error is closed.
                let _ = writeln!(io::stderr(), "{words}");
            }
            failure.exit_code()
        }
    }
}

/// Writes a text to the given output.
fn print(out: &mut dyn Write, text: &str) -> Result<(), Failure> {
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::system("cannot write"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_is_complete_and_narrow_enough_to_read() {
        let mut command = Cli::command();
        command.build();
        let mut waiting = vec![command];
        while let Some(mut command) = waiting.pop() {
            assert!(command.get_about().is_some(), "{} says nothing about itself", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {} has no help", command.get_name(), argument.get_id());
            }
            let help = command.render_long_help().to_string();
            assert!(help.lines().all(|line| line.chars().count() <= 120), "{help}");
            waiting.extend(command.get_subcommands().filter(|sub| sub.get_name() != "help").cloned());
        }
    }

    #[test]
    fn settings_on_the_command_line_need_a_value() {
        let args = SettingArgs { settings: vec!["log.level".into()], ..SettingArgs::default() };
        assert!(matches!(args.sources(Vec::new()), Err(Failure::Usage(_))));
        let args = SettingArgs { settings: vec!["app.webhook_url=http://a/?b=c".into()], ..SettingArgs::default() };
        assert_eq!(args.sources(Vec::new()).unwrap().flags[0].value, "http://a/?b=c");
    }
}
