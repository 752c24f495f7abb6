//! `tsudoi usersig`: makes tickets, and says what is wrong with one.

use std::{
    fmt::Write as _,
    io::{self, Read as _, Write},
};

use clap::{Args, Subcommand};
use tsudoi_api::{
    clock::{Clock as _, SystemClock},
    user_sig::{self, BadUserSig, MAX_TICKET_BYTES, SigningKey, Ticket},
};
use tsudoi_domain::{AppId, UserId};
use tsudoi_store::sqlite::{Sqlite, stored_apps};

use super::{Failure, SettingArgs, print, provision_of};
use crate::{
    config::{Loaded, Origin, Secret, check_key},
    provision::key_file,
};

const EXAMPLES: &str = "\
Examples:
  tsudoi usersig sign --user alice
  tsudoi usersig sign --app-id 1400000001 --key KEY --user alice --expire-secs 86400
  tsudoi usersig check eJyrVgrx... --user alice
  echo eJyrVgrx... | tsudoi usersig check -

The key comes from --key, TSUDOI_APP_KEY, the provisioning file, or the data folder of a server on this machine.";

/// Makes and checks UserSig tickets.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct UsersigArgs {
    #[command(subcommand)]
    command: UsersigCommand,
}

#[derive(Debug, Subcommand)]
enum UsersigCommand {
    /// Print a ticket for a user
    #[command(after_help = EXAMPLES)]
    Sign(SignArgs),
    /// Say what a ticket contains and whether it is valid
    #[command(after_help = EXAMPLES)]
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub(super) struct AppArgs {
    /// The app [default: the first app, or TSUDOI_APP_ID]
    #[arg(long, value_name = "SDKAPPID")]
    pub(super) app_id: Option<u32>,
    /// The app's key; mind that other users of this machine can see command lines
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    pub(super) settings: SettingArgs,
}

#[derive(Debug, Args)]
struct SignArgs {
    /// The user id
    #[arg(long, value_parser = |text: &str| UserId::parse(text))]
    user: UserId,
    /// How long the ticket is valid, in seconds [default: 15552000, which is 180 days]
    #[arg(long, value_name = "SECONDS", default_value_t = 15_552_000, hide_default_value = true, value_parser = clap::value_parser!(u64).range(1..=1_576_800_000))]
    expire_secs: u64,
    #[command(flatten)]
    app: AppArgs,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The ticket, or - to read it from standard input
    ticket: String,
    /// The user id that the ticket should be for [default: the one in the ticket]
    #[arg(long)]
    user: Option<String>,
    #[command(flatten)]
    app: AppArgs,
}

pub(super) fn run(args: &UsersigArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let now = SystemClock.now().second().0;
    match &args.command {
        UsersigCommand::Sign(args) => {
            let loaded = args.app.settings.load(Vec::new())?;
            let app = args.app.app_id.map_or(AppId(loaded.config.app.id), AppId);
            let keys = keys_of(&args.app, &loaded, app)?;
            let Some(key) = keys.first() else {
                return Err(Failure::Usage(format!(
                    "no key of app {app} is known here: give --key or TSUDOI_APP_KEY, or name the data folder of the \
                     server with --data-dir"
                )));
            };
            let ticket = user_sig::sign(key, app.0, args.user.as_str(), now, args.expire_secs, None);
            print(out, &format!("{ticket}\n"))
        }
        UsersigCommand::Check(args) => {
            let mut ticket = args.ticket.clone();
            if ticket == "-" {
                ticket.clear();
                // One byte more than any ticket, so that a longer one is seen to be too long.
                let limit = MAX_TICKET_BYTES as u64 + 2;
                io::stdin()
                    .take(limit)
                    .read_to_string(&mut ticket)
                    .map_err(Failure::system("cannot read the ticket"))?;
            }
            let loaded = args.app.settings.load(Vec::new())?;
            let ticket = ticket.trim();
            let app = args.app.app_id.or_else(|| Some(user_sig::decode(ticket).ok()?.app));
            let app = AppId(app.unwrap_or(loaded.config.app.id));
            let keys = keys_of(&args.app, &loaded, app)?;
            let (text, valid) = explain(ticket, app, args.user.as_deref(), &keys, now);
            print(out, &text)?;
            if valid { Ok(()) } else { Err(Failure::Found) }
        }
    }
}

/// The keys of the app, the current one first, from the first place that knows any.
pub(super) fn keys_of(args: &AppArgs, loaded: &Loaded, app: AppId) -> Result<Vec<SigningKey>, Failure> {
    if let Some(key) = &args.key {
        check_key(key).map_err(|words| Failure::Usage(format!("--key {words}")))?;
        return Ok(vec![SigningKey::new(key.clone())]);
    }
    let signing = |keys: Vec<Secret>| keys.iter().map(|key| SigningKey::new(key.reveal().to_owned())).collect();
    // A key without a number is meant for whichever app is asked about.
    let meant = loaded.config.app.id == app.0 || loaded.origin("app.id") == Origin::Default;
    if let (Some(key), true) = (&loaded.config.app.key, meant) {
        return Ok(signing(vec![key.clone()]));
    }
    let declared =
        provision_of(loaded)?.and_then(|file| file.apps.into_iter().find(|declared| declared.app_id == app.0));
    if let Some(declared) = declared
        && !declared.keys.is_empty()
    {
        return Ok(signing(declared.keys));
    }
    let data_dir = &loaded.config.data_dir;
    if let Some(row) = stored_apps(&Sqlite::path_in(data_dir))?.into_iter().find(|row| row.app == app) {
        return Ok(row.keys.into_iter().map(SigningKey::new).collect());
    }
    Ok(signing(key_file::read(&key_file::path(data_dir, app))?.unwrap_or_default()))
}

/// What is in the ticket, and the verdict. `true`: it is valid.
fn explain(ticket: &str, app: AppId, user: Option<&str>, keys: &[SigningKey], now: i64) -> (String, bool) {
    const SKEW_SECS: u64 = 600;
    let mut text = String::new();
    let user = match user_sig::decode(ticket) {
        Ok(decoded) => {
            contents(&mut text, &decoded, now);
            user.map_or(decoded.user, str::to_owned)
        }
        Err(_) => user.unwrap_or_default().to_owned(),
    };
    if keys.is_empty() && !text.is_empty() {
        let _ = writeln!(text, "\nnot checked: no key of app {app} is known here; give --key");
        return (text, false);
    }
    match user_sig::verify(keys, app.0, &user, ticket, now, SKEW_SECS) {
        Ok(_) => {
            text.push_str("\nvalid\n");
            (text, true)
        }
        Err(fault) => {
            let code = fault.code();
            let _ = writeln!(text, "\nrefused with {}: {fault}\n{}", code.number(), advice(fault));
            (text, false)
        }
    }
}

fn contents(text: &mut String, ticket: &Ticket, now: i64) {
    let _ = writeln!(text, "app        {}", ticket.app);
    let _ = writeln!(text, "user       {:?}", ticket.user);
    let _ = writeln!(text, "issued     {}", utc(ticket.issued_at));
    let _ = writeln!(text, "life       {} seconds", ticket.expire_secs);
    let left = ticket.expires_at().saturating_sub(now);
    let left = if left < 0 { "in the past".to_owned() } else { format!("in {left} seconds") };
    let _ = writeln!(text, "expires    {} ({left})", utc(ticket.expires_at()));
    if let Some(userbuf) = &ticket.userbuf {
        let _ = writeln!(text, "userbuf    {} bytes, for audio and video", userbuf.len());
    }
}

/// What to do about a refused ticket.
fn advice(fault: BadUserSig) -> &'static str {
    match fault {
        BadUserSig::Empty => "the ticket is missing: check that your backend's answer reaches the login call",
        BadUserSig::NoKey => "give the app a key",
        BadUserSig::Malformed(_) => {
            "the ticket was cut or changed on its way (a database column that is too short, a URL that was encoded twice), \
             or was not made by a UserSig generator"
        }
        BadUserSig::OtherApp => "use the SDKAppID that the ticket was made for, or make the ticket for this app",
        BadUserSig::OtherUser => "log in as the user that the ticket was made for; ids are case-sensitive",
        BadUserSig::BadSignature => {
            "the ticket was made with another key: check that your backend has this app's key, as text and without blanks"
        }
        BadUserSig::FromTheFuture => {
            "the clock of the machine that made the ticket is ahead, or it counts milliseconds"
        }
        BadUserSig::Expired => "make a new ticket",
    }
}

/// A Unix time as people write it, in UTC.
pub(super) fn utc(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to a date of the proleptic Gregorian calendar, with years that begin in March: the leap day is then the last day
    // of the year, and the lengths of the months follow (153 m + 2) / 5.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0";
    const APP: AppId = AppId(1_400_000_001);
    const NOW: i64 = 1_700_000_000;

    fn key(text: &str) -> Vec<SigningKey> {
        vec![SigningKey::new(text.into())]
    }

    fn ticket() -> String {
        user_sig::sign(&key(KEY)[0], APP.0, "alice", NOW, 86_400, None)
    }

    #[test]
    fn a_valid_ticket_is_shown_with_its_times() {
        let (text, valid) = explain(&ticket(), APP, None, &key(KEY), NOW);
        assert!(valid);
        assert_eq!(
            text,
            "app        1400000001\nuser       \"alice\"\nissued     2023-11-14 22:13:20 UTC\nlife       86400 seconds\n\
             expires    2023-11-15 22:13:20 UTC (in 86400 seconds)\n\nvalid\n"
        );
    }

    #[test]
    fn each_fault_names_its_code_and_what_to_do() {
        let fine = ticket();
        let cases = [
            (fine.as_str(), APP, Some("bob"), KEY, NOW, "70013"),
            (fine.as_str(), AppId(7), None, KEY, NOW, "70014"),
            (fine.as_str(), APP, None, "another", NOW, "70009"),
            (fine.as_str(), APP, None, KEY, NOW + 86_401, "70001"),
            (fine.as_str(), APP, None, KEY, NOW - 1_000, "70003"),
            (&fine[..20], APP, None, KEY, NOW, "70003"),
            ("", APP, None, KEY, NOW, "70002"),
        ];
        for (ticket, app, user, key_text, now, code) in cases {
            let (text, valid) = explain(ticket, app, user, &key(key_text), now);
            assert!(!valid && text.contains(&format!("refused with {code}: ")), "{text}");
        }
        let (text, valid) = explain(&fine, APP, None, &[], NOW);
        assert!(!valid && text.ends_with("give --key\n"), "{text}");
    }

    #[test]
    fn times_are_written_for_people() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }

    fn verifies(keys: &[SigningKey], key_text: &str) -> bool {
        let ticket = user_sig::sign(&key(key_text)[0], APP.0, "alice", NOW, 60, None);
        user_sig::verify(keys, APP.0, "alice", &ticket, NOW, 0).is_ok()
    }

    #[test]
    fn the_key_is_found_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let found = |environment: &[(&str, &str)], args: Option<&str>| {
            let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let sources = Sources { environment, folder: folder.path().to_owned(), ..Sources::default() };
            let mut loaded = load(&sources).unwrap();
            loaded.config.data_dir.clone_from(&data_dir);
            let args = AppArgs { app_id: None, key: args.map(str::to_owned), settings: SettingArgs::default() };
            keys_of(&args, &loaded, APP).unwrap()
        };
        assert!(found(&[], None).is_empty());
        let generated = key_file::generate(&key_file::path(&data_dir, APP)).unwrap();
        assert!(verifies(&found(&[], None), generated.reveal()));

        let file = folder.path().join("provision.toml");
        std::fs::write(&file, format!("[[apps]]\napp_id = {APP}\nkeys = \"declared\"\n")).unwrap();
        let file = file.display().to_string();
        let provision = ("TSUDOI_PROVISION", file.as_str());
        assert!(verifies(&found(&[provision], None), "declared"));
        assert!(verifies(&found(&[provision, ("TSUDOI_APP_KEY", "environment")], None), "environment"));
        assert!(verifies(&found(&[("TSUDOI_APP_KEY", "environment")], Some("flag")), "flag"));
        let other_app = [("TSUDOI_APP_ID", "7"), ("TSUDOI_APP_KEY", "of app 7")];
        assert!(
            load(&Sources { environment: vec![(other_app[1].0.into(), other_app[1].1.into())], ..Sources::default() })
                .is_err()
        );
        let other_app = [("TSUDOI_APP_ID", "7"), ("TSUDOI_APP_KEY", "of-app-7")];
        assert!(verifies(&found(&other_app, None), generated.reveal()));
    }
}
