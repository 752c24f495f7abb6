//! Drives one connection: reads through a scratch buffer of the thread, writes everything that waits in one go.

use std::{cell::RefCell, collections::VecDeque, future::Future, io, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use crate::{
    CloseReason, Session,
    frame::{self, Decoder, Frame},
    session::write_some,
};

/// The bounds of a connection.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Most bytes of one message.
    pub message_bytes: usize,
    /// A client that says nothing for so long is gone.
    pub silence: Duration,
    /// A client that takes nothing for so long, while something waits for it, is gone.
    pub stall: Duration,
}

/// A whole message of a client.
pub type Incoming = Vec<u8>;

/// Why a connection ended.
pub type Ended = CloseReason;

/// Whoever answers a client's messages; one at a time, in order.
pub trait Receiver: Send + 'static {
    /// Takes one message.
    fn receive(&mut self, message: Incoming) -> impl Future<Output = ()> + Send;
}

thread_local! {
    /// Reads go through here, so that an idle connection holds no buffer.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

/// Serves the connection until it ends; `already_read` are bytes that came with the upgrade.
pub async fn serve(
    stream: TcpStream,
    already_read: Bytes,
    session: Arc<Session>,
    limits: ConnectionLimits,
    receiver: impl Receiver,
) -> Ended {
    let (reader, writer) = stream.into_split();
    let writer = Arc::new(writer);
    session.attach(writer.clone());
    let writing = tokio::spawn(write_loop(writer, session.clone(), limits.stall));
    let reason = read_loop(reader, already_read, &session, limits, receiver).await;
    session.end(reason);
    // The writer ends by itself: the session is closed, and it waits for no client longer than `stall`.
    _ = writing.await;
    session.ended().unwrap_or(reason)
}

async fn read_loop(
    reader: OwnedReadHalf,
    already_read: Bytes,
    session: &Session,
    limits: ConnectionLimits,
    mut receiver: impl Receiver,
) -> CloseReason {
    let mut decoder = Decoder::new(limits.message_bytes);
    let mut frames = Vec::new();
    let mut fed = decoder.feed(&already_read, &mut frames);
    drop(already_read);
    loop {
        for one in frames.drain(..) {
            match one {
                Frame::Message(message) => receiver.receive(message).await,
                Frame::Ping(payload) => session.pong(frame::pong(&payload)),
                Frame::Close => return CloseReason::Gone,
            }
            if let Some(reason) = session.closed() {
                return reason;
            }
        }
        if frames.capacity() > 16 {
            frames = Vec::new();
        }
        if let Err(bad) = fed {
            return CloseReason::BadFrame(bad.close_code());
        }
        match timeout(limits.silence.min(session.remaining()), reader.readable()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return CloseReason::Gone,
            Err(_) if session.remaining().is_zero() => return CloseReason::Expired,
            Err(_) => return CloseReason::Silent,
        }
        let read = SCRATCH.with_borrow_mut(|scratch| {
            let read = reader.try_read(scratch)?;
            fed = decoder.feed(&scratch[..read], &mut frames);
            Ok::<_, io::Error>(read)
        });
        match read {
            Ok(0) => return CloseReason::Gone,
            Ok(_) => session.hear(),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return CloseReason::Gone,
        }
        if let Some(reason) = session.closed() {
            return reason;
        }
    }
}

async fn write_loop(writer: Arc<OwnedWriteHalf>, session: Arc<Session>, stall: Duration) {
    let mut batch = VecDeque::new();
    loop {
        let closing = session.take(&mut batch);
        let bytes = batch.iter().map(Bytes::len).sum();
        if closing == Some(CloseReason::TooSlow) || write_all(&writer, &session, &mut batch, stall).await.is_err() {
            session.end(closing.unwrap_or(CloseReason::Gone));
            break;
        }
        session.sent(bytes);
        if let Some(reason) = closing {
            _ = write_all(&writer, &session, &mut VecDeque::from([frame::close(reason.code())]), stall).await;
            break;
        }
        if bytes > 0 {
            // More may have come while this was written.
            continue;
        }
        batch = VecDeque::new();
        session.woken().await;
    }
    // Dropping the last hold on the write half shuts the direction down; the reader then sees the end.
    session.detach();
}

async fn write_all(
    writer: &OwnedWriteHalf,
    session: &Session,
    batch: &mut VecDeque<Bytes>,
    stall: Duration,
) -> io::Result<()> {
    while !batch.is_empty() {
        match write_some(writer, batch) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => loop {
                tokio::select! {
                    ready = timeout(stall, writer.writable()) => {
                        ready.map_err(|_| io::ErrorKind::TimedOut)??;
                        break;
                    }
                    () = session.woken() => {
                        if session.closed() == Some(CloseReason::TooSlow) {
                            return Err(io::ErrorKind::TimedOut.into());
                        }
                    }
                }
            },
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
