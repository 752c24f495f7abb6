//! The limit of open files: each client is one, and systems begin with a limit for programs that have few.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What the server opens beside its clients: database, log, listener, webhooks.
const BESIDE_CLIENTS: u64 = 256;

/// Raises the limit as far as the system allows, and warns when that is too little for `max_connections`.
pub fn raise_limit(max_connections: usize) {
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be read");
            return;
        }
    };
    let limit = match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(error) => {
            tracing::warn!(%error, soft, hard, "the limit of open files cannot be raised");
            soft
        }
    };
    let wanted = (max_connections as u64).saturating_add(BESIDE_CLIENTS);
    if limit < wanted {
        tracing::warn!(
            limit,
            wanted,
            "open files are limited below websocket.max_connections; raise LimitNOFILE or ulimit -n"
        );
    } else {
        tracing::debug!(limit, "open files");
    }
}
