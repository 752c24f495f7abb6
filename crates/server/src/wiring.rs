//! Puts the floors together: store, hub, doors, and the addresses that machines ask.

use std::{
    fs::DirBuilder,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
    serve::ListenerExt as _,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, task::JoinHandle};
use tsudoi_api::{
    Bounds, Parts, Shared,
    clock::{RandomDice, SystemClock},
    files, gateway, housekeeping, records, rest, ticket_service,
};
use tsudoi_domain::{
    account::{self, Account, ProfileValue},
    change::{Change, Write},
};
use tsudoi_realtime::CloseReason;
use tsudoi_store::{
    Store, StoreError,
    sqlite::{Sqlite, SqliteOptions},
};

use crate::{
    config::{MetricsConfig, Networks, ServerConfig, WebhookConfig},
    provision::{AccountProvision, AppPlan, PlanError, ReadyApp},
    shutdown::Shutdown,
    storage,
};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {why}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        why: io::Error,
    },
    /// The data folder cannot be used.
    #[error("data folder {folder}: {why}", folder = .folder.display())]
    DataFolder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// The storage of files cannot be used.
    #[error("storage of files: {0}")]
    Files(#[from] object_store::Error),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A declared app cannot be made ready.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// A server that answers.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub listened: SocketAddr,
    /// Its declared apps.
    pub apps: Vec<ReadyApp>,
    task: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Waits until the server has stopped, which it does when the shutdown is requested.
    ///
    /// # Errors
    /// It stopped for another reason.
    pub async fn finished(self) -> io::Result<()> {
        self.task.await.unwrap_or_else(|broken| Err(io::Error::other(broken)))
    }
}

/// Opens the data folder, makes the declared apps ready and answers requests until the shutdown is requested.
///
/// # Errors
/// Whatever keeps the server from answering; nothing keeps running then.
pub async fn start(config: &ServerConfig, plans: Vec<AppPlan>, shutdown: Shutdown) -> Result<Running, StartError> {
    let listen_failed = |why| StartError::Listen { address: config.listen, why };
    // First the address: a second server on the same machine fails here and touches no data.
    let listener = TcpListener::bind(config.listen).await.map_err(listen_failed)?;
    let listened = listener.local_addr().map_err(listen_failed)?;
    // A new folder is private: the database holds the keys of apps.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data_dir)
        .map_err(|why| StartError::DataFolder { folder: config.data_dir.clone(), why })?;
    // The recorder has to be there before the first figure is counted.
    let metrics = metrics(&config.metrics);

    let options = SqliteOptions { path: Some(Sqlite::path_in(&config.data_dir)), ..SqliteOptions::default() };
    let shared = Shared::start(Parts {
        store: Box::new(move |observer| Store::sqlite(&options, observer)),
        clock: Arc::new(SystemClock),
        dice: Arc::new(RandomDice::default()),
        bounds: bounds(config, listened),
        webhook_addresses: webhook_addresses(config.webhook.clone()),
        proxies: proxies(config.http.trusted_proxies.clone()),
        files: storage::open(config)?,
        public_url: config.public_url.clone(),
        data_dir: Some(config.data_dir.clone()),
    })
    .await?;
    let apps = make_ready(&shared, plans, config).await?;
    shared.start_webhooks();
    tokio::spawn(housekeeping::run(Arc::clone(&shared)));

    let probes = Probes { shared: Arc::clone(&shared), shutdown: shutdown.clone(), metrics };
    let router = Router::new()
        .merge(rest::router(Arc::clone(&shared)))
        .merge(gateway::router(Arc::clone(&shared)))
        .merge(files::router(Arc::clone(&shared)))
        .merge(records::router(Arc::clone(&shared)))
        .merge(ticket_service::router(Arc::clone(&shared)))
        .merge(probes_router(Arc::new(probes)));
    let drain = Duration::from_secs(config.shutdown.drain_secs.into());
    let task = tokio::spawn(serve(listener, router, shared, shutdown, drain));
    tracing::info!(%listened, apps = apps.len(), "server is ready");
    Ok(Running { listened, apps, task })
}

fn bounds(config: &ServerConfig, listened: SocketAddr) -> Bounds {
    Bounds {
        body_bytes: config.http.body_limit_bytes,
        frame_bytes: config.websocket.max_frame_bytes,
        outbound_bytes: config.websocket.outbound_queue_bytes,
        connections: config.websocket.max_connections,
        hello_interval_secs: config.websocket.hello_interval_secs,
        public_url: config.http_url(listened),
        addresses: addresses(listened),
        ..Bounds::default()
    }
}

fn webhook_addresses(config: WebhookConfig) -> Arc<dyn Fn(IpAddr) -> bool + Send + Sync> {
    Arc::new(move |address| config.allows(address))
}

fn proxies(trusted: Networks) -> Arc<dyn Fn(IpAddr) -> bool + Send + Sync> {
    Arc::new(move |address| trusted.contains(address))
}

/// The addresses under which the machine can be reached: the one that is listened on, or all when it is every one.
fn addresses(listened: SocketAddr) -> Vec<String> {
    if !listened.ip().is_unspecified() {
        return vec![listened.ip().to_string()];
    }
    let interfaces = match nix::ifaddrs::getifaddrs() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            tracing::warn!(%error, "the addresses of this machine are not known");
            return Vec::new();
        }
    };
    let found = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    });
    let is_wanted = |address: &IpAddr| {
        let link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        !address.is_loopback() && !link_local && (listened.is_ipv6() || address.is_ipv4())
    };
    let mut found: Vec<IpAddr> = found.filter(is_wanted).collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        found.push(if listened.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    found.iter().map(ToString::to_string).collect()
}

async fn make_ready(
    shared: &Arc<Shared>,
    plans: Vec<AppPlan>,
    config: &ServerConfig,
) -> Result<Vec<ReadyApp>, StartError> {
    let stored = shared.store.read().apps().await?;
    let mut apps = Vec::with_capacity(plans.len());
    for plan in plans {
        let row = stored.iter().find(|row| row.app == plan.app);
        let ready = plan.apply(row, &config.data_dir)?;
        if let Some(row) = &ready.to_store {
            shared.put_app(ready.app, &row.keys, ready.settings.clone()).await?;
            tracing::info!(app = %ready.app, "keys and settings of the app are stored");
        }
        for account in &ready.accounts {
            import(shared, &ready, account).await?;
        }
        apps.push(ready);
    }
    Ok(apps)
}

/// Makes a declared account, unless it is there.
async fn import(shared: &Arc<Shared>, app: &ReadyApp, declared: &AccountProvision) -> Result<(), StoreError> {
    if shared.store.account(app.app, &declared.id).await?.is_some() {
        return Ok(());
    }
    let mut account = Account::new(declared.id.clone(), shared.now().second());
    for (tag, text) in [(account::NICK, &declared.nick), (account::IMAGE, &declared.face_url)] {
        if !text.is_empty() {
            account.profile.insert(tag.to_owned(), ProfileValue::Text(text.clone()));
        }
    }
    shared.store.commit(app.app, Change::none().write(Write::PutAccount(Box::new(account)))).await?;
    Ok(())
}

async fn serve(
    listener: TcpListener,
    router: Router,
    shared: Arc<Shared>,
    shutdown: Shutdown,
    drain: Duration,
) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Frames and answers are written whole; waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let stop = shutdown.clone();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move { stop.requested().await });
    let mut server = tokio::spawn(async move { server.await });
    tokio::select! {
        // An idle server ends at the same moment: what follows has to be done all the same.
        biased;
        () = shutdown.requested() => {}
        ended = &mut server => return ended.unwrap_or_else(|broken| Err(io::Error::other(broken))),
    }
    // Requests under way finish; clients are sent away in good order and come back to the next server.
    shared.hub.close_all(CloseReason::Stopping);
    let drained = tokio::time::timeout(drain, async {
        let ended = (&mut server).await;
        while shared.hub.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        shared.stop_webhooks().await;
        ended
    })
    .await;
    shared.settle().await;
    match drained {
        Ok(ended) => {
            tracing::info!("stopped");
            ended.unwrap_or_else(|broken| Err(io::Error::other(broken)))
        }
        Err(_) => {
            server.abort();
            let connections = shared.hub.connections();
            tracing::warn!(connections, drain_secs = drain.as_secs(), "stopped before everything under way was done");
            Ok(())
        }
    }
}

/// What the addresses for machines need.
struct Probes {
    shared: Arc<Shared>,
    shutdown: Shutdown,
    metrics: Option<PrometheusHandle>,
}

fn probes_router(probes: Arc<Probes>) -> Router {
    Router::new()
        .route("/healthz", get(healthz).post(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_page))
        .with_state(probes)
}

/// 200 while the process answers. A POST is taken too, body and all: it is the cheapest request there is, to compare others with.
async fn healthz(_: Bytes) -> &'static str {
    "ok\n"
}

/// 200 only when a send would succeed: the store takes writes, and the server is not stopping.
async fn readyz(State(probes): State<Arc<Probes>>) -> (StatusCode, &'static str) {
    if probes.shutdown.is_requested() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match probes.shared.store.read().probe().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready: the store takes no writes");
            (StatusCode::SERVICE_UNAVAILABLE, "the store takes no writes\n")
        }
    }
}

async fn metrics_page(State(probes): State<Arc<Probes>>) -> impl IntoResponse {
    match &probes.metrics {
        Some(handle) => {
            let page = handle.render();
            (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4")], page).into_response()
        }
        None => (StatusCode::NOT_FOUND, "metrics are switched off: metrics.enabled\n").into_response(),
    }
}

/// How often the recorder folds up what was counted, so that it stays small when nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);

fn metrics(config: &MetricsConfig) -> Option<PrometheusHandle> {
    if !config.enabled {
        return None;
    }
    let seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
    let changes = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &seconds)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full("store_batch_changes".into()), &changes))
        .expect("there are buckets")
        .build_recorder();
    let handle = recorder.handle();
    if ::metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("figures are counted elsewhere in this process; /metrics is empty");
    }
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Some(handle)
}
