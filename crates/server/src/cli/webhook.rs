//! `tsudoi webhook`: tries the backend of an app, shows calls as they happen, and the calls that failed for good. Asks a running
//! server, as an admin of the app.

use std::{fmt::Write as _, io::Write, time::Duration};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tsudoi_api::{
    clock::{Clock as _, SystemClock},
    user_sig,
};
use tsudoi_domain::{AppId, UserId};
use tsudoi_store::sqlite::{Sqlite, stored_apps};

use super::{
    Failure, print,
    usersig::{AppArgs, keys_of},
};

const EXAMPLES: &str = "\
Examples:
  tsudoi webhook test                                      call the backend with a sample
  tsudoi webhook test --command Group.CallbackAfterSendMsg
  tsudoi webhook tail                                      show calls as they happen, until Ctrl-C
  tsudoi webhook dead                                      list calls that failed for good
  tsudoi webhook replay                                    make all of them again
  tsudoi webhook replay 17 18                              make two of them again
  tsudoi webhook drop 17                                   forget one

The server is asked at --url, else where the settings say that it listens; the key comes from where `tsudoi usersig` finds it.";

/// Watches and tries webhooks.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct WebhookArgs {
    #[command(subcommand)]
    command: WebhookCommand,
}

#[derive(Debug, Subcommand)]
enum WebhookCommand {
    /// Call the backend with a sample and show what comes of it
    Test {
        /// The webhook command to call [default: State.StateChange]
        #[arg(long, value_name = "NAME")]
        command: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show calls as they happen: what was said, answered, and how long it took
    Tail {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List calls that failed for good
    Dead {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Make calls again that failed for good
    Replay(IdArgs),
    /// Forget calls that failed for good
    Drop(IdArgs),
}

#[derive(Debug, Args)]
struct IdArgs {
    /// Which ones, as `tsudoi webhook dead` numbers them [default: all]
    ids: Vec<u64>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Args)]
struct ServerArgs {
    /// Address of the server [default: where the settings say that it listens]
    #[arg(long)]
    url: Option<String>,
    /// An admin account of the app [default: the first one]
    #[arg(long, value_parser = |text: &str| UserId::parse(text))]
    admin: Option<UserId>,
    #[command(flatten)]
    app: AppArgs,
}

pub(super) fn run(args: &WebhookArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::system("cannot start"))?;
    runtime.block_on(async {
        match &args.command {
            WebhookCommand::Test { command, server } => test(&Server::of(server)?, command.as_deref(), out).await,
            WebhookCommand::Tail { server } => tail(&Server::of(server)?, out).await,
            WebhookCommand::Dead { server } => dead(&Server::of(server)?, out).await,
            WebhookCommand::Replay(args) => concern(args, "replay_dead_calls", "made again", out).await,
            WebhookCommand::Drop(args) => concern(args, "drop_dead_calls", "forgotten", out).await,
        }
    })
}

/// A running server, and who asks it.
struct Server {
    url: String,
    app: AppId,
    admin: UserId,
    ticket: String,
    http: reqwest::Client,
}

/// How long a ticket of the tool is valid: longer than anybody watches.
const TICKET_SECS: u64 = 7 * 24 * 3600;

impl Server {
    fn of(args: &ServerArgs) -> Result<Self, Failure> {
        let loaded = args.app.settings.load(Vec::new())?;
        let app = args.app.app_id.map_or(AppId(loaded.config.app.id), AppId);
        let keys = keys_of(&args.app, &loaded, app)?;
        let Some(key) = keys.first() else {
            return Err(Failure::Usage(format!("no key of app {app} is known here: give --key or --data-dir")));
        };
        let admin = match &args.admin {
            Some(admin) => admin.clone(),
            None => first_admin(&Sqlite::path_in(&loaded.config.data_dir), app)?,
        };
        let ticket = user_sig::sign(key, app.0, admin.as_str(), SystemClock.now().second().0, TICKET_SECS, None);
        let url = match &args.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", reachable(loaded.config.listen)),
        };
        // The client is built with TLS, which has to know whose ciphers to use.
        _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self { url, app, admin, ticket, http: reqwest::Client::new() })
    }

    async fn ask(&self, command: &str, body: &Value) -> Result<Value, Failure> {
        let url = format!(
            "{}/v4/tsudoi_webhook/{command}?sdkappid={}&identifier={}&usersig={}&random=1&contenttype=json",
            self.url, self.app, self.admin, self.ticket
        );
        let unreachable =
            |error: reqwest::Error| Failure::Usage(format!("{} does not answer: {}", self.url, error.without_url()));
        let answer = self.http.post(url).body(body.to_string()).send().await.map_err(unreachable)?;
        let answer: Value = answer.json().await.map_err(unreachable)?;
        if answer["ErrorCode"] != 0 {
            let words = answer["ErrorInfo"].as_str().unwrap_or_default();
            return Err(Failure::Usage(format!("refused with {}: {words}", answer["ErrorCode"])));
        }
        Ok(answer)
    }
}

/// An address that listens everywhere is reached here.
fn reachable(listen: std::net::SocketAddr) -> std::net::SocketAddr {
    let mut address = listen;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    address
}

fn first_admin(file: &std::path::Path, app: AppId) -> Result<UserId, Failure> {
    let stored = stored_apps(file)?.into_iter().find(|row| row.app == app);
    let settings: tsudoi_domain::AppSettings =
        stored.and_then(|row| serde_json::from_str(&row.settings).ok()).unwrap_or_default();
    settings.admins.into_iter().next().ok_or_else(|| Failure::Usage(format!("app {app} has no admin: give --admin")))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

async fn test(server: &Server, command: Option<&str>, out: &mut dyn Write) -> Result<(), Failure> {
    let answer = server.ask("test", &json!({ "CallbackCommand": command })).await?;
    let mut page = String::new();
    let _ = writeln!(page, "called     {}", text(&answer, "Address"));
    let _ = writeln!(page, "took       {:.1} ms", answer["DurationMs"].as_f64().unwrap_or_default());
    if answer["Outcome"] == "ok" {
        let _ = writeln!(page, "answered   {}", text(&answer, "Answer"));
        return print(out, &page);
    }
    let _ = writeln!(page, "failed     {}: {}", text(&answer, "Outcome"), text(&answer, "Detail"));
    print(out, &page)?;
    Err(Failure::Found)
}

/// How often a running server is asked for news.
const PAUSE: Duration = Duration::from_millis(300);

async fn tail(server: &Server, out: &mut dyn Write) -> Result<(), Failure> {
    // What happened before is old news.
    let mut after = server.ask("get_calls", &json!({ "After": u64::MAX })).await?["Next"].as_u64().unwrap_or_default();
    loop {
        let news = server.ask("get_calls", &json!({ "After": after })).await?;
        for call in news["CallList"].as_array().into_iter().flatten() {
            print(out, &line(call))?;
        }
        after = news["Next"].as_u64().unwrap_or(after);
        tokio::time::sleep(PAUSE).await;
    }
}

/// A call as a person reads it.
fn line(call: &Value) -> String {
    let millis = call["Time"].as_i64().unwrap_or_default();
    let mut line = format!(
        "{} {:>8.1} ms  {:<8} {}",
        super::usersig::utc(millis.div_euclid(1000)),
        call["DurationMs"].as_f64().unwrap_or_default(),
        text(call, "Outcome"),
        text(call, "CallbackCommand"),
    );
    for (name, label) in [("Detail", "why"), ("Body", "said"), ("Answer", "answered")] {
        let words = text(call, name);
        if !words.is_empty() {
            let _ = write!(line, "\n    {label:<9}{words}");
        }
    }
    line.push('\n');
    line
}

async fn dead(server: &Server, out: &mut dyn Write) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let page = server.ask("get_dead_calls", &json!({ "After": after, "Limit": 500 })).await?;
        if after == 0 {
            print(out, &format!("{} calls failed for good\n", page["Total"]))?;
        }
        for call in page["CallList"].as_array().into_iter().flatten() {
            let time = super::usersig::utc(call["Time"].as_i64().unwrap_or_default().div_euclid(1000));
            let reason = &call["Reason"];
            let line = format!(
                "{:>8}  {time}  {}  {}: {}\n          {}\n",
                call["Id"],
                text(call, "CallbackCommand"),
                text(reason, "class"),
                text(reason, "detail"),
                call["Body"],
            );
            print(out, &line)?;
        }
        after = page["Next"].as_u64().unwrap_or_default();
        if after == 0 {
            return Ok(());
        }
    }
}

async fn concern(args: &IdArgs, command: &str, what: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let body = if args.ids.is_empty() { json!({}) } else { json!({ "IdList": args.ids }) };
    let answer = Server::of(&args.server)?.ask(command, &body).await?;
    print(out, &format!("{} calls {what}\n", answer["Count"]))
}
