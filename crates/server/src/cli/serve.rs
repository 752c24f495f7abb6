//! `tsudoi serve`: starts the server and stays until it is asked to stop.

use std::io::{self, IsTerminal as _};

use clap::Args;
use tsudoi_api::clock::{Clock as _, SystemClock};

use super::{Failure, SettingArgs, flag, print, provision_of};
use crate::{
    config::{Loaded, Origin},
    greeting::Greeting,
    logging, open_files, provision, shutdown, wiring,
};

const AFTER: &str = "\
Without any setting the server listens on 127.0.0.1:8700, keeps its data in ./data and has one app, whose key it
generates and keeps in the data folder. SIGTERM or Ctrl-C stops it in good order, a second one at once.

Automation sets TSUDOI_LISTEN, TSUDOI_DATA_DIR, TSUDOI_APP_ID, TSUDOI_APP_KEY, TSUDOI_WEBHOOK_URL and TSUDOI_PROVISION,
and waits until /readyz answers 200.";

/// Starts the server.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    settings: SettingArgs,
    /// Address and port to listen on [default: 127.0.0.1:8700] [env: TSUDOI_LISTEN]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// What to log: error, warn, info, debug or trace [default: info] [env: TSUDOI_LOG_LEVEL]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How to log: text or json [default: text] [env: TSUDOI_LOG_FORMAT]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Show the app's key and ready-made tickets at the start, also when the output is no terminal
    #[arg(long)]
    show_secrets: bool,
}

pub(super) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let more = [
        flag("--listen", "listen", args.listen.as_ref()),
        flag("--log-level", "log.level", args.log_level.as_ref()),
        flag("--log-format", "log.format", args.log_format.as_ref()),
    ];
    let loaded = args.settings.load(more.into_iter().flatten().collect())?;
    let plans = provision::plans(&loaded.config, provision_of(&loaded)?, first_app_on_purpose(&loaded));
    logging::start(&loaded.config.log);
    match &loaded.file {
        Some(file) => tracing::info!(file = %file.display(), "settings read"),
        None => tracing::info!("no settings file, defaults hold"),
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    open_files::raise_limit(loaded.config.websocket.max_connections);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::system("cannot start the runtime"))?;
    runtime.block_on(async {
        let (trigger, shutdown) = shutdown::channel();
        shutdown::stop_on_signals(trigger.clone()).map_err(Failure::system("cannot listen to signals"))?;
        let running = wiring::start(&loaded.config, plans, shutdown).await?;
        let greeting = Greeting {
            config: &loaded.config,
            listened: running.listened,
            apps: &running.apps,
            show_secrets: args.show_secrets || io::stdout().is_terminal(),
            now: SystemClock.now().second(),
        };
        if let Err(error) = print(&mut io::stdout(), &greeting.text()) {
            tracing::warn!(%error, "the greeting could not be shown");
        }
        let ended = running.finished().await;
        // Parts that wait for the end hear of it also when the server ended by itself.
        trigger.stop();
        ended.map_err(Failure::system("the server broke down"))
    })
}

/// Whether somebody set the id or key of the first app, which then exists beside those that a file declares.
fn first_app_on_purpose(loaded: &Loaded) -> bool {
    ["app.id", "app.key"].into_iter().any(|path| loaded.origin(path) != Origin::Default)
}
