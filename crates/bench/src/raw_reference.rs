//! The reference of a fan-out: a process that does nothing but send the same bytes to the same number of connections, one plain
//! `send` each. What it spends is the price the kernel asks; a server cannot be cheaper without sending less often.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream as BlockingStream};
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::error::BenchError;
use crate::network;
use crate::process_meter::Meter;

/// Longest batch that is believed.
const LONGEST_BATCH_BYTES: usize = 64 << 20;

/// Runs as the helper process: tells its address on standard output, then serves until its controller hangs up.
#[expect(
    clippy::print_stdout,
    reason = "standard output is how the helper tells its address to the process that started it"
)]
pub(crate) fn serve_as_process(connections: usize) -> Result<(), BenchError> {
    network::allow_connections(connections)?;
    let what = || BenchError::io("the plain send loop failed");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(what())?;
    println!("{}", listener.local_addr().map_err(what())?);
    serve(&listener, connections).map_err(what())
}

/// The first connection controls: whatever batch it sends (length as four bytes, then the bytes) goes to each of the others.
fn serve(listener: &TcpListener, connections: usize) -> io::Result<()> {
    let (mut control, _) = listener.accept()?;
    let mut receivers = Vec::with_capacity(connections);
    for _ in 0..connections {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        receivers.push(stream);
    }
    control.write_all(&[1])?;
    let mut batch = Vec::new();
    while read_batch(&mut control, &mut batch)? {
        for receiver in &mut receivers {
            receiver.write_all(&batch)?;
        }
    }
    Ok(())
}

fn read_batch(control: &mut BlockingStream, batch: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    match control.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        other => other?,
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > LONGEST_BATCH_BYTES {
        return Err(io::Error::other(format!("batch of {length} bytes")));
    }
    batch.resize(length, 0);
    control.read_exact(batch)?;
    Ok(true)
}

/// A running reference with its receivers connected.
pub(crate) struct RawReference {
    control: TcpStream,
    pub(crate) meter: Meter,
    _host: Host,
}

/// Where the loop runs. A process ends with its controller; in tests, whose program has no such command, a thread does the same.
enum Host {
    Process {
        _child: Child,
    },
    #[cfg(test)]
    Thread,
}

impl RawReference {
    /// Starts `binary bench raw-reference` and connects `connections` receivers to it.
    pub(crate) async fn start(binary: &Path, connections: usize) -> Result<(Self, Vec<TcpStream>), BenchError> {
        let mut child = Command::new(binary)
            .args(["bench", "raw-reference", "--connections", &connections.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| BenchError::Start { binary: binary.to_owned(), source })?;
        let failed = || BenchError::io("the plain send loop did not tell its address");
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line).await.map_err(failed())?;
        }
        let address: SocketAddr = line
            .trim()
            .parse()
            .map_err(|_| BenchError::bad_answer("raw-reference", format!("{line:?} is not an address")))?;
        let meter = Meter::new(child.id().unwrap_or_default());
        Self::connect(address, connections, meter, Host::Process { _child: child }).await
    }

    /// The same in a thread of this process.
    #[cfg(test)]
    pub(crate) async fn start_in_thread(connections: usize) -> Result<(Self, Vec<TcpStream>), BenchError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || serve(&listener, connections));
        Self::connect(address, connections, Meter::new(std::process::id()), Host::Thread).await
    }

    async fn connect(
        address: SocketAddr,
        connections: usize,
        meter: Meter,
        host: Host,
    ) -> Result<(Self, Vec<TcpStream>), BenchError> {
        let failed = || BenchError::io("cannot connect to the plain send loop");
        let mut control = network::connect(address).await.map_err(failed())?;
        let mut streams = Vec::with_capacity(connections);
        for _ in 0..connections {
            streams.push(network::connect(address).await.map_err(failed())?);
        }
        control.read_u8().await.map_err(failed())?;
        Ok((Self { control, meter, _host: host }, streams))
    }

    /// Has every batch sent to every receiver, one `send` per batch and receiver. Returns when the loop has been told, not when it is done.
    pub(crate) async fn send(&mut self, batches: impl Iterator<Item = Vec<u8>>) -> Result<(), BenchError> {
        let mut message = Vec::new();
        for batch in batches {
            let length = u32::try_from(batch.len())
                .map_err(|_| BenchError::BadArgument(format!("a burst of {} bytes", batch.len())))?;
            message.extend_from_slice(&length.to_be_bytes());
            message.extend_from_slice(&batch);
        }
        self.control.write_all(&message).await.map_err(BenchError::io("the plain send loop hung up"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_receiver_gets_every_batch() {
        let (mut reference, streams) = RawReference::start_in_thread(3).await.unwrap();
        reference.send([b"one".to_vec(), b"two".to_vec()].into_iter()).await.unwrap();
        drop(reference);
        for mut stream in streams {
            let mut got = String::new();
            stream.read_to_string(&mut got).await.unwrap();
            assert_eq!(got, "onetwo");
        }
    }
}
