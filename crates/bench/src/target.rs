//! The server that one run measures, and who speaks to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::Uri;

use crate::args::{App, Common};
use crate::error::BenchError;
use crate::process_meter::Meter;
use crate::server_process::ServerProcess;

/// Makes the UserSig of a user.
pub(crate) type Sign = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// An open target: address, app, tickets, and the process to meter.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// Value of the `Host` header.
    pub(crate) host: String,
    pub(crate) app: App,
    pub(crate) admin: String,
    pub(crate) sign: Sign,
    /// The server's process, when it is known.
    pub(crate) meter: Option<Meter>,
    /// Begins the name of every user and group of this run, so that runs against one server do not meet.
    pub(crate) prefix: String,
}

impl Target {
    /// Finds the running server, or starts one that is stopped at the end, and measures it. `app_settings` are more lines of the
    /// provisioning file of a server that is started. Answers also what is worth a note about its end.
    pub(crate) async fn with<F, T>(
        common: &Common,
        sign: &Sign,
        app_settings: &str,
        measure: F,
    ) -> Result<(T, Option<String>), BenchError>
    where
        F: AsyncFnOnce(&Arc<Self>) -> Result<T, BenchError>,
    {
        let (target, server) = Self::open(common, Arc::clone(sign), app_settings).await?;
        let result = measure(&Arc::new(target)).await;
        let stopped = match server {
            Some(server) => server.stop().await,
            None => None,
        };
        Ok((result?, stopped))
    }

    async fn open(
        common: &Common,
        sign: Sign,
        app_settings: &str,
    ) -> Result<(Self, Option<ServerProcess>), BenchError> {
        let (address, host, server) = match &common.url {
            Some(url) => {
                let (address, host) = find(url).await?;
                (address, host, None)
            }
            None => {
                let server = start(common, app_settings).await?;
                (server.address, server.address.to_string(), Some(server))
            }
        };
        let pid = server.as_ref().and_then(ServerProcess::pid).or(common.pid);
        let target = Self {
            address,
            host,
            app: common.app(),
            admin: common.admin.clone(),
            sign,
            meter: pid.map(Meter::new),
            prefix: format!("b{:06x}", rand::random::<u32>() >> 8),
        };
        Ok((target, server))
    }

    /// The name of the `number`th user of this run.
    pub(crate) fn user(&self, number: usize) -> String {
        format!("{}u{number}", self.prefix)
    }
}

async fn start(common: &Common, app_settings: &str) -> Result<ServerProcess, BenchError> {
    let binary = own_binary(common)?;
    let parent = common.data_dir.clone().unwrap_or_else(std::env::temp_dir);
    ServerProcess::start(&binary, &common.app(), app_settings, &parent).await
}

fn own_binary(common: &Common) -> Result<PathBuf, BenchError> {
    match &common.server_binary {
        Some(binary) => Ok(binary.clone()),
        None => std::env::current_exe().map_err(BenchError::io("cannot find the running program")),
    }
}

async fn find(url: &str) -> Result<(SocketAddr, String), BenchError> {
    let bad = |why: &str| BenchError::BadUrl { url: url.to_owned(), why: why.to_owned() };
    let uri: Uri = url.parse().map_err(|_| bad("not an address"))?;
    if uri.scheme_str() != Some("http") {
        return Err(bad("it has to begin with http://; encryption would be measured as well"));
    }
    let host = uri.authority().ok_or_else(|| bad("it names no host"))?.clone();
    let mut found = tokio::net::lookup_host((host.host(), host.port_u16().unwrap_or(80)))
        .await
        .map_err(|error| bad(&error.to_string()))?;
    let address = found.next().ok_or_else(|| bad("the host has no address"))?;
    Ok((address, host.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_read() {
        assert_eq!(find("http://127.0.0.1:81/").await.unwrap().0, "127.0.0.1:81".parse().unwrap());
        assert_eq!(find("http://127.0.0.1").await.unwrap().0.port(), 80);
        for (url, why) in [("https://127.0.0.1", "http://"), ("127.0.0.1:80", "http://"), ("http:///x", "address")] {
            let error = find(url).await.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
