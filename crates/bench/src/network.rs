//! Connections of the load generator: many of them from one machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::{TcpSocket, TcpStream};

use crate::error::BenchError;

/// Connections made from one loopback address before the next one is taken: fewer than the system has ports.
const PER_SOURCE: usize = 20_000;
/// Loopback addresses that are used in turn.
const SOURCES: usize = 250;
/// Files the process needs besides the connections of a workload.
const SPARE_FILES: u64 = 100;

/// Connects without delay of small writes. A target on the loopback is reached from 127.0.0.2 and upwards, since one address has too
/// few ports for repeated runs with ten thousand connections.
pub(crate) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let stream = match address.ip() {
        IpAddr::V4(ip) if ip.is_loopback() && cfg!(target_os = "linux") => {
            let turn = MADE.fetch_add(1, Ordering::Relaxed) / PER_SOURCE % SOURCES;
            let last = u8::try_from(turn + 2).unwrap_or(2);
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
            socket.connect(address).await?
        }
        _ => TcpStream::connect(address).await?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Raises the soft limit of open files for `connections` sockets. Processes started later inherit it.
pub(crate) fn allow_connections(connections: usize) -> Result<(), BenchError> {
    let needed = connections as u64 + SPARE_FILES;
    let as_io = |error: nix::Error| BenchError::io("cannot read or raise the limit of open files")(error.into());
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(as_io)?;
    if needed > hard {
        return Err(BenchError::TooFewFiles { needed, allowed: hard });
    }
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(as_io)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_connections_are_refused_in_words() {
        allow_connections(10).unwrap();
        let error = allow_connections(1 << 40).unwrap_err().to_string();
        assert!(error.contains("ulimit -Hn"), "{error}");
    }
}
