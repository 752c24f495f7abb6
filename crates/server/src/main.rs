//! The `tsudoi` binary.

mod wiring;

use std::time::Duration;

use tsudoi_api::Bounds;
use tsudoi_domain::{AppId, AppSettings};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let env = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.into());
    let plan = wiring::Plan {
        listen: env("TSUDOI_LISTEN", "127.0.0.1:9000").parse()?,
        data_dir: env("TSUDOI_DATA_DIR", "data").into(),
        bounds: Bounds::default(),
        drain: Duration::from_secs(5),
        apps: vec![wiring::DeclaredApp {
            app: AppId(env("TSUDOI_APP_ID", "1400000001").parse()?),
            keys: vec![env("TSUDOI_APP_KEY", "key")],
            settings: AppSettings::default(),
        }],
        metrics: None,
    };
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let running = wiring::start(plan).await?;
        tracing::info!(address = %running.address, "listening");
        running.serve(async { _ = tokio::signal::ctrl_c().await }).await?;
        Ok(())
    })
}
