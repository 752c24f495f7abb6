//! Webhooks behind TLS: whom the server believes to be the backend, and how it shows who it is itself
//! (docs/spec/webhooks.md#1.7).

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use serde_json::json;
use tempfile::TempDir;
use tsudoi_it::{Server, random, receiver::Receiver, text};

/// An authority that nobody knows unless told.
struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn names(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("names")
}

impl Authority {
    fn new() -> Self {
        let mut params = names(&[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed");
        Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        Identity { certificate: params.signed_by(&key, &self.issuer).expect("signed"), key }
    }
}

impl Identity {
    fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key");
        (vec![self.certificate.der().clone()], key)
    }
}

/// A backend of that identity, which lets in whoever `clients` vouches for, or everybody.
async fn backend(identity: &Identity, clients: Option<&Authority>) -> Receiver {
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone());
    let config = config.with_safe_default_protocol_versions().expect("versions");
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der.clone()).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
            config.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let (certificates, key) = identity.parts();
    Receiver::start_tls(Arc::new(config.with_single_cert(certificates, key).expect("a pair"))).await
}

fn write(folder: &TempDir, name: &str, pem: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, pem).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

/// What comes of a call: `ok`, or the class of its failure. The backend hears nothing of a failure.
async fn outcome(receiver: &Receiver, host: &str, more: &str) -> String {
    let settings =
        format!("[apps.settings.webhook]\nurl = \"{}\"\nall = true\ntimeout_ms = 10000\n{more}", receiver.url_at(host));
    let server = Server::with_settings(&settings).await;
    let heard = receiver.calls().len();
    let tested = server.ok("tsudoi_webhook/test", json!({})).await;
    let outcome = tested["Outcome"].as_str().expect("a word").to_owned();
    assert_eq!(receiver.calls().len() > heard, outcome == "ok", "{tested}");
    // Asked and told as over plain HTTP, and the chat goes on without.
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    let message = json!({ "GroupId": group, "Random": random(), "MsgBody": text("hello") });
    server.ok("group_open_http_svc/send_group_msg", message).await;
    if outcome == "ok" {
        for command in ["Group.CallbackBeforeSendMsg", "Group.CallbackAfterSendMsg"] {
            receiver.call(command, |body| body["GroupId"] == json!(group)).await;
        }
    } else {
        assert_eq!(receiver.calls().len(), heard);
    }
    outcome
}

#[tokio::test]
async fn a_backend_is_believed_when_a_known_authority_vouches_for_its_name() {
    let folder = TempDir::new().expect("a folder");
    let (ours, other) = (Authority::new(), Authority::new());
    let knows = |authority: &Authority| format!("ca_file = \"{}\"\n", write(&folder, "ca.pem", &authority.pem));
    let good = backend(&ours.sign(&names(&["localhost"])), None).await;
    assert_eq!(outcome(&good, "localhost", &knows(&ours)).await, "ok");
    // A public authority would be known; ours is not, unless named.
    assert_eq!(outcome(&good, "localhost", "").await, "tls");
    assert_eq!(outcome(&good, "localhost", &knows(&other)).await, "tls");
    // Not under another name.
    assert_eq!(outcome(&good, "127.0.0.1", &knows(&ours)).await, "tls");
    let by_address = backend(&ours.sign(&names(&["127.0.0.1"])), None).await;
    assert_eq!(outcome(&by_address, "127.0.0.1", &knows(&ours)).await, "ok");
    assert_eq!(outcome(&by_address, "localhost", &knows(&ours)).await, "tls");
}

#[tokio::test]
async fn old_and_home_made_certificates_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let ours = Authority::new();
    let knows = format!("ca_file = \"{}\"\n", write(&folder, "ca.pem", &ours.pem));
    let mut old = names(&["localhost"]);
    (old.not_before, old.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    let mut early = names(&["localhost"]);
    (early.not_before, early.not_after) = (date_time_ymd(4000, 1, 1), date_time_ymd(4001, 1, 1));
    for params in [old, early] {
        let receiver = backend(&ours.sign(&params), None).await;
        assert_eq!(outcome(&receiver, "localhost", &knows).await, "tls");
    }
    let key = KeyPair::generate().expect("a key");
    let own = Identity { certificate: names(&["localhost"]).self_signed(&key).expect("signed"), key };
    let receiver = backend(&own, None).await;
    assert_eq!(outcome(&receiver, "localhost", &knows).await, "tls");
}

#[tokio::test]
async fn the_server_shows_who_it_is_where_the_backend_asks() {
    let folder = TempDir::new().expect("a folder");
    let (ours, of_clients) = (Authority::new(), Authority::new());
    let knows = format!("ca_file = \"{}\"\n", write(&folder, "ca.pem", &ours.pem));
    let shows = |name: &str, identity: &Identity| {
        let certificate = write(&folder, &format!("{name}.pem"), &identity.certificate.pem());
        let key = write(&folder, &format!("{name}.key"), &identity.key.serialize_pem());
        format!("{knows}client_cert = \"{certificate}\"\nclient_key = \"{key}\"\n")
    };
    let receiver = backend(&ours.sign(&names(&["localhost"])), Some(&of_clients)).await;
    let known = of_clients.sign(&names(&["tsudoi"]));
    assert_eq!(outcome(&receiver, "localhost", &shows("known", &known)).await, "ok");
    assert_eq!(outcome(&receiver, "localhost", &knows).await, "tls");
    let stranger = ours.sign(&names(&["tsudoi"]));
    assert_eq!(outcome(&receiver, "localhost", &shows("stranger", &stranger)).await, "tls");
    // A backend that does not ask does not mind.
    let receiver = backend(&ours.sign(&names(&["localhost"])), None).await;
    assert_eq!(outcome(&receiver, "localhost", &shows("known", &known)).await, "ok");
}

/// A certificate that cannot be read stops calls, not the chat; nothing is sent without it.
#[tokio::test]
async fn without_its_files_nothing_is_called() {
    let folder = TempDir::new().expect("a folder");
    let ours = Authority::new();
    let receiver = backend(&ours.sign(&names(&["localhost"])), None).await;
    assert_eq!(outcome(&receiver, "localhost", "ca_file = \"/nowhere/ca.pem\"\n").await, "tls");
    let junk = write(&folder, "junk.pem", "-----BEGIN CERTIFICATE-----\nanVuaw==\n-----END CERTIFICATE-----\n");
    assert_eq!(outcome(&receiver, "localhost", &format!("ca_file = \"{junk}\"\n")).await, "tls");
    // TLS is not spoken to whoever only speaks HTTP, nor the other way round.
    let plain = Receiver::start().await;
    let url = plain.url().replace("http:", "https:");
    let server = Server::with_settings(&format!("webhook.url = \"{url}\"\nwebhook.all = true\n")).await;
    let tested = server.ok("tsudoi_webhook/test", json!({})).await;
    assert_ne!(tested["Outcome"], "ok", "{tested}");
    assert!(plain.calls().is_empty());
}
