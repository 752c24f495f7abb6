//! The server under test as a child process: its own data folder, its own port, no rate limits, stopped at the end.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::args::App;
use crate::error::BenchError;
use crate::rest_client::RestConnection;

/// How long a server may take until it answers that it is ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long it may drain after SIGTERM before it is killed.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// How much of its output is quoted when it fails.
const QUOTED_LINES: usize = 20;

/// Provisioning of the server under test: a benchmark measures the server, not the limits of an app.
fn provision(app: &App, app_settings: &str) -> String {
    format!(
        "[[apps]]\n\
         app_id = {}\n\
         [apps.settings.rates]\n\
         group_messages_per_second = 0\n\
         rest_default_per_second = 0\n\
         [apps.settings.limits.overrides.max_members]\n\
         Public = 0\n\
         Community = 0\n\
         {app_settings}",
        app.id
    )
}

/// A started server. Killed when dropped; [`ServerProcess::stop`] is the polite way.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    folder: TempDir,
    pub(crate) address: SocketAddr,
}

impl ServerProcess {
    /// Starts `binary serve` with an empty data folder below `parent` and waits until it is ready for sends. `app_settings` are
    /// more lines of its provisioning file.
    pub(crate) async fn start(binary: &Path, app: &App, app_settings: &str, parent: &Path) -> Result<Self, BenchError> {
        let folder = tempfile::Builder::new()
            .prefix("tsudoi-bench-")
            .tempdir_in(parent)
            .map_err(BenchError::io(format!("cannot make a data folder in {}", parent.display())))?;
        let address = free_address().map_err(BenchError::io("cannot find a free port"))?;
        let mut server = Self { child: spawn(binary, app, app_settings, &folder, address)?, folder, address };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// The process id, for its costs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    async fn wait_until_ready(&mut self) -> Result<(), BenchError> {
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.not_ready(format!("ended with {status} before it was ready")));
            }
            if is_ready(self.address).await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(self.not_ready(format!("was not ready after {} s", READY_WITHIN.as_secs())))
    }

    fn not_ready(&self, why: String) -> BenchError {
        let log = fs::read_to_string(log_file(&self.folder)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n");
        BenchError::NotReady { why, log: tail }
    }

    /// Asks the server to end, and kills it when it does not. Returns what is worth a note.
    pub(crate) async fn stop(mut self) -> Option<String> {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // An error means that it has ended already; `wait` below tells.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        match tokio::time::timeout(STOP_WITHIN, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => None,
            Ok(Ok(status)) => Some(format!("the server ended with {status}")),
            Ok(Err(error)) => Some(format!("the server could not be waited for: {error}")),
            Err(_) => {
                let _ = self.child.kill().await;
                Some(format!("the server was killed: it did not end within {} s of SIGTERM", STOP_WITHIN.as_secs()))
            }
        }
    }
}

fn spawn(
    binary: &Path,
    app: &App,
    app_settings: &str,
    folder: &TempDir,
    address: SocketAddr,
) -> Result<Child, BenchError> {
    let provision_file = folder.path().join("provision.toml");
    fs::write(&provision_file, provision(app, app_settings))
        .map_err(BenchError::io("cannot write the provisioning file"))?;
    let log = File::create(log_file(folder)).map_err(BenchError::io("cannot make the server's log file"))?;
    let errors = log.try_clone().map_err(BenchError::io("cannot share the server's log file"))?;
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TSUDOI_") {
            command.env_remove(name);
        }
    }
    command
        .arg("serve")
        .current_dir(folder.path())
        .env("TSUDOI_LISTEN", address.to_string())
        .env("TSUDOI_DATA_DIR", folder.path().join("data"))
        .env("TSUDOI_APP_ID", app.id.to_string())
        .env("TSUDOI_APP_KEY", &app.key)
        .env("TSUDOI_PROVISION", provision_file)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| BenchError::Start { binary: binary.to_owned(), source })
}

fn log_file(folder: &TempDir) -> PathBuf {
    folder.path().join("server.log")
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

async fn is_ready(address: SocketAddr) -> bool {
    let asked = async {
        let mut connection = RestConnection::open(address, &address.to_string()).await?;
        connection.get("/readyz").await
    };
    asked.await.is_ok_and(|(status, _)| status.is_success())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn script(folder: &TempDir, text: &str) -> PathBuf {
        let path = folder.path().join("server");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn app() -> App {
        App { id: 1, key: "k".to_owned() }
    }

    #[tokio::test]
    async fn a_server_that_ends_at_once_is_quoted() {
        let folder = TempDir::new().unwrap();
        let binary = script(&folder, "echo \"no such command $1 for app $TSUDOI_APP_ID\" >&2; exit 3");
        let error = ServerProcess::start(&binary, &app(), "", folder.path()).await.unwrap_err().to_string();
        assert!(error.contains("ended with exit status: 3"), "{error}");
        assert!(error.contains("no such command serve for app 1"), "{error}");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let folder = TempDir::new().unwrap();
        let error = ServerProcess::start(Path::new("/no/such/program"), &app(), "", folder.path()).await.unwrap_err();
        assert!(error.to_string().contains("/no/such/program"), "{error}");
    }

    #[tokio::test]
    async fn a_started_process_is_ended_politely_and_its_folder_goes() {
        let parent = TempDir::new().unwrap();
        let binary = script(&parent, "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done");
        let folder = TempDir::new_in(parent.path()).unwrap();
        let path = folder.path().to_owned();
        let address = free_address().unwrap();
        let child = spawn(&binary, &app(), "", &folder, address).unwrap();
        let server = ServerProcess { child, folder, address };
        while fs::read_to_string(log_file(&server.folder)).unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(server.stop().await, None);
        assert!(!path.exists());
    }
}
