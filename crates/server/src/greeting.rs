//! What a started server tells the person who started it: where it is, and what to paste next.

use std::{fmt::Write as _, net::SocketAddr};

use tsudoi_api::user_sig::{self, SigningKey};
use tsudoi_domain::Timestamp;

use crate::{
    config::ServerConfig,
    provision::{KeyPlace, ReadyApp},
};

/// How long the ticket in the greeting is valid: a week of trying things out.
const TICKET_SECS: u64 = 7 * 24 * 3600;

/// What the greeting is about.
#[derive(Debug)]
pub struct Greeting<'a> {
    /// The server's settings.
    pub config: &'a ServerConfig,
    /// Where it really listens.
    pub listened: SocketAddr,
    /// Its apps.
    pub apps: &'a [ReadyApp],
    /// Whether keys and tickets may be shown: only when a person watches.
    pub show_secrets: bool,
    /// Now, for the ticket.
    pub now: Timestamp,
}

impl Greeting<'_> {
    /// The text, ending in a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let http = self.config.http_url(self.listened);
        let websocket = self.config.websocket_url(self.listened);
        let _ = writeln!(text, "Tsudoi {} is ready.\n", env!("CARGO_PKG_VERSION"));
        let _ = writeln!(text, "  REST        {http}/v4");
        let _ = writeln!(text, "  WebSocket   {websocket}   (the Web SDK's proxyServer)");
        if self.config.metrics.enabled {
            let _ = writeln!(text, "  Monitoring  {http}/healthz  {http}/readyz  {http}/metrics");
        } else {
            let _ = writeln!(text, "  Monitoring  {http}/healthz  {http}/readyz");
        }
        let _ = writeln!(text, "  Data        {}", self.config.data_dir.display());
        for app in self.apps {
            let _ = writeln!(text, "\n  App (SDKAppID)  {}", app.app);
            let _ = writeln!(text, "  Key             {}", self.key_in_words(app));
            if self.show_secrets
                && let Some(key) = app.keys.first()
            {
                let _ = writeln!(text, "                  {}", key.reveal());
            }
            let admins: Vec<&str> = app.settings.admins.iter().map(AsRef::as_ref).collect();
            let _ = writeln!(text, "  Admins          {}", admins.join(", "));
        }
        if let [app] = self.apps {
            self.next_steps(&mut text, app, &http, &websocket);
        } else {
            text.push_str("\n  Tickets: tsudoi usersig sign --app-id APP --user USER\n");
        }
        text
    }

    fn key_in_words(&self, app: &ReadyApp) -> String {
        match &app.key_place {
            KeyPlace::Given => "as configured".into(),
            KeyPlace::File(file) => format!("in {}", file.display()),
            KeyPlace::NewFile(file) => format!("new, in {}", file.display()),
            KeyPlace::Database => "in the database, as given before".into(),
        }
    }

    fn next_steps(&self, text: &mut String, app: &ReadyApp, http: &str, websocket: &str) {
        let (Some(admin), Some(key)) = (app.settings.admins.first(), app.keys.first()) else { return };
        let id = app.app;
        if !self.show_secrets {
            let _ = writeln!(text, "\n  A ticket for the admin: tsudoi usersig sign --app-id {id} --user {admin}");
            return;
        }
        let key = SigningKey::new(key.reveal().to_owned());
        let ticket = |user: &str| user_sig::sign(&key, id.0, user, self.now.0, TICKET_SECS, None);
        let admin_ticket = ticket(admin.as_str());
        let query = |command: &str| {
            format!(
                "{http}/v4/{command}?sdkappid={id}&identifier={}&usersig={admin_ticket}&random=1&contenttype=json",
                escaped(admin.as_str())
            )
        };
        let _ = write!(
            text,
            "\nA UserSig for {admin}, good for a week:\n\n{admin_ticket}\n\n\
             Make two users and a group over REST:\n\n\
             curl -s '{accounts}' -d '{{\"Accounts\":[\"alice\",\"bob\"]}}'\n\
             curl -s '{create}' -d '{{\"Type\":\"Public\",\"Name\":\"Hello\",\"GroupId\":\"hello\",\"Owner_Account\":\"alice\",\
             \"MemberList\":[{{\"Member_Account\":\"bob\"}}]}}'\n\n\
             Chat as alice, in Node or a page (npm install @tencentcloud/chat):\n\n\
             const chat = TencentCloudChat.create({{ SDKAppID: {id}, proxyServer: '{websocket}' }});\n\
             chat.on(TencentCloudChat.EVENT.SDK_READY, () => chat.sendMessage(chat.createTextMessage({{\n  \
             to: 'hello', conversationType: TencentCloudChat.TYPES.CONV_GROUP, payload: {{ text: 'Hello!' }} }})));\n\
             chat.login({{ userID: 'alice', userSig: '{alice}' }});\n\n\
             Tickets for others: tsudoi usersig sign --app-id {id} --user USER\n",
            accounts = query("im_open_login_svc/multiaccount_import"),
            create = query("group_open_http_svc/create_group"),
            alice = ticket("alice"),
        );
    }
}

/// A user id in a query string.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use tsudoi_domain::{AppId, AppSettings, UserId};

    use super::*;
    use crate::config::Secret;

    const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0";

    fn app(id: u32, admin: &str) -> ReadyApp {
        ReadyApp {
            app: AppId(id),
            keys: vec![Secret::new(KEY)],
            key_place: KeyPlace::NewFile("data/app-7.key".into()),
            settings: AppSettings { admins: vec![UserId::trusted(admin)], ..AppSettings::default() },
            to_store: None,
            accounts: Vec::new(),
        }
    }

    fn text(apps: &[ReadyApp], show_secrets: bool) -> String {
        let config = ServerConfig::default();
        let listened = SocketAddr::from(([127, 0, 0, 1], 8700));
        Greeting { config: &config, listened, apps, show_secrets, now: Timestamp(1_700_000_000) }.text()
    }

    #[test]
    fn a_person_gets_what_to_paste_next() {
        let text = text(&[app(7, "ad min")], true);
        for part in [
            "http://127.0.0.1:8700/v4",
            "ws://127.0.0.1:8700",
            "/metrics",
            KEY,
            "new, in data/app-7.key",
            "curl -s 'http://127.0.0.1:8700/v4/group_open_http_svc/create_group?sdkappid=7&identifier=ad%20min&usersig=eJ",
            "SDKAppID: 7, proxyServer: 'ws://127.0.0.1:8700'",
        ] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        let ticket = text.lines().find(|line| line.starts_with("eJ")).unwrap();
        let keys = [SigningKey::new(KEY.into())];
        assert!(user_sig::verify(&keys, 7, "ad min", ticket, 1_700_000_100, 600).is_ok());
    }

    #[test]
    fn nobody_watching_means_no_secrets() {
        for apps in [vec![app(7, "administrator")], vec![app(7, "administrator"), app(8, "administrator")]] {
            let text = text(&apps, false);
            assert!(!text.contains(KEY) && !text.contains("eJ"), "{text}");
            assert!(text.contains("tsudoi usersig sign"));
        }
    }
}
