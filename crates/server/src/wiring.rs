//! Assembly: store, doors and the address they share.

use std::{future::Future, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::get, serve::ListenerExt as _};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tsudoi_api::{
    Bounds, Parts, Shared,
    clock::{RandomDice, SystemClock},
    gateway, rest,
};
use tsudoi_domain::{AppId, AppSettings};
use tsudoi_realtime::CloseReason;
use tsudoi_store::{
    Store, StoreError,
    sqlite::{Sqlite, SqliteOptions},
};

/// An app to be there when the server starts.
#[derive(Clone)]
pub struct DeclaredApp {
    /// Its number.
    pub app: AppId,
    /// Its signing keys, current first.
    pub keys: Vec<String>,
    /// Everything else.
    pub settings: AppSettings,
}

/// What is assembled.
#[derive(Clone)]
pub struct Plan {
    /// Where REST, WebSocket, health and metrics listen.
    pub listen: SocketAddr,
    /// The data folder.
    pub data_dir: PathBuf,
    /// The server's bounds.
    pub bounds: Bounds,
    /// How long open requests may take to finish when the server stops.
    pub drain: Duration,
    /// Apps that are created or changed on start.
    pub apps: Vec<DeclaredApp>,
    /// Answers `/metrics`, when metrics are on.
    pub metrics: Option<PrometheusHandle>,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error("the data folder cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
}

/// A server that is up.
pub struct Running {
    /// Where it listens; the port is a real one when the plan said 0.
    pub address: SocketAddr,
    /// What all apps share.
    pub shared: Arc<Shared>,
    listener: TcpListener,
    router: Router,
    drain: Duration,
}

/// Opens the store, creates the declared apps and binds the address.
///
/// # Errors
/// [`StartError`] when the store or the address cannot be had.
pub async fn start(plan: Plan) -> Result<Running, StartError> {
    let path = Sqlite::path_in(&plan.data_dir);
    let shared = Shared::start(Parts {
        store: Box::new(move |observer| {
            Store::sqlite(&SqliteOptions { path: Some(path), ..SqliteOptions::default() }, observer)
        }),
        clock: Arc::new(SystemClock),
        dice: Arc::new(RandomDice::default()),
        bounds: plan.bounds,
    })
    .await?;
    for declared in plan.apps {
        shared.put_app(declared.app, &declared.keys, declared.settings).await?;
    }
    let listener =
        TcpListener::bind(plan.listen).await.map_err(|cause| StartError::Listen { address: plan.listen, cause })?;
    let address = listener.local_addr().map_err(|cause| StartError::Listen { address: plan.listen, cause })?;
    let router = Router::new()
        .merge(rest::router(shared.clone()))
        .merge(gateway::router(shared.clone()))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready).with_state(shared.clone()))
        .route("/metrics", get(metrics).with_state(plan.metrics));
    Ok(Running { address, shared, listener, router, drain: plan.drain })
}

/// 200 only when sends would succeed: the store takes a durable write now.
async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, String) {
    match shared.store.read().probe().await {
        Ok(()) => (StatusCode::OK, "ready\n".into()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

async fn metrics(State(handle): State<Option<PrometheusHandle>>) -> (StatusCode, String) {
    match handle {
        Some(handle) => (StatusCode::OK, handle.render()),
        None => (StatusCode::NOT_FOUND, "metrics are switched off\n".into()),
    }
}

impl Running {
    /// Serves until `stop` is done; then takes no more connections, says goodbye to the open ones and finishes what they asked.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let (stopping, stopped) = tokio::sync::oneshot::channel();
        let hub = self.shared.hub.clone();
        let signal = async move {
            stop.await;
            hub.close_all(CloseReason::Stopping);
            _ = stopping.send(());
        };
        let listener = self.listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY was refused");
            }
        });
        let serving = axum::serve(listener, self.router).with_graceful_shutdown(signal);
        let drain = self.drain;
        tokio::select! {
            served = async { serving.await } => served,
            () = async {
                // A stop that never comes never ends the wait.
                if stopped.await.is_err() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(drain).await;
            } => {
                tracing::warn!("some requests were still open when the time to drain was over");
                Ok(())
            }
        }
    }
}
