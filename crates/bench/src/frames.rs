//! WebSocket frames with as little work as possible: a server's frames are cut out of what was read, a client's are put together.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Longest frame that is believed; a longer one means that the stream is not what it seems.
const LONGEST_BYTES: u64 = 16 << 20;
/// A buffer for an incomplete frame that grew beyond this is given back.
const KEPT_BYTES: usize = 64 << 10;

/// A frame of the server that matters here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A whole message, text or binary.
    Message(&'a [u8]),
    /// To be answered with the same content.
    Ping(&'a [u8]),
    /// The server ends the connection.
    Close,
}

/// Why the bytes cannot be the frames of a server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadFrame {
    #[error("broken frame header: {0}")]
    Header(#[from] tungstenite::Error),
    #[error("masked frame from the server")]
    Masked,
    #[error("message split over several frames")]
    Fragmented,
    #[error("frame of {0} bytes")]
    TooLong(u64),
}

/// Cuts a byte stream into frames. Holds memory only while a frame is incomplete.
#[derive(Debug, Default)]
pub(crate) struct FrameCutter {
    rest: Vec<u8>,
}

impl FrameCutter {
    /// Hands every frame that `chunk` completes to `on_frame`, in order.
    pub(crate) fn feed(&mut self, chunk: &[u8], mut on_frame: impl FnMut(Frame<'_>)) -> Result<(), BadFrame> {
        if self.rest.is_empty() {
            let used = cut(chunk, &mut on_frame)?;
            self.rest.extend_from_slice(&chunk[used..]);
        } else {
            self.rest.extend_from_slice(chunk);
            let used = cut(&self.rest, &mut on_frame)?;
            self.rest.drain(..used);
        }
        if self.rest.is_empty() && self.rest.capacity() > KEPT_BYTES {
            self.rest = Vec::new();
        }
        Ok(())
    }
}

/// Returns how many bytes the complete frames at the front of `bytes` take.
fn cut(bytes: &[u8], on_frame: &mut impl FnMut(Frame<'_>)) -> Result<usize, BadFrame> {
    let mut used = 0;
    loop {
        let mut cursor = Cursor::new(&bytes[used..]);
        let Some((header, length)) = FrameHeader::parse(&mut cursor)? else {
            return Ok(used);
        };
        if header.mask.is_some() {
            return Err(BadFrame::Masked);
        }
        if length > LONGEST_BYTES {
            return Err(BadFrame::TooLong(length));
        }
        let begin = used + usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        let end = begin.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        let Some(payload) = bytes.get(begin..end) else {
            return Ok(used);
        };
        match header.opcode {
            OpCode::Data(Data::Continue) => return Err(BadFrame::Fragmented),
            OpCode::Data(_) if !header.is_final => return Err(BadFrame::Fragmented),
            OpCode::Data(_) => on_frame(Frame::Message(payload)),
            OpCode::Control(Control::Ping) => on_frame(Frame::Ping(payload)),
            OpCode::Control(Control::Close) => on_frame(Frame::Close),
            OpCode::Control(_) => {}
        }
        used = end;
    }
}

/// The bytes of a client's frame. The mask is four zero bytes: the server undoes it at its usual price, we pay nothing.
pub(crate) fn client_frame(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    whole_frame(opcode, payload, Some([0; 4]))
}

/// The bytes of a server's binary frame around `payload`.
pub(crate) fn server_frame(payload: &[u8]) -> Vec<u8> {
    whole_frame(OpCode::Data(Data::Binary), payload, None)
}

fn whole_frame(opcode: OpCode, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let header = FrameHeader { is_final: true, opcode, mask, ..FrameHeader::default() };
    let length = payload.len() as u64;
    let mut frame = Vec::with_capacity(header.len(length) + payload.len());
    header.format(length, &mut frame).expect("writing to memory cannot fail");
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_all(chunks: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<Vec<u8>> {
        let mut cutter = FrameCutter::default();
        let mut found = Vec::new();
        for chunk in chunks {
            cutter
                .feed(chunk.as_ref(), |frame| {
                    if let Frame::Message(payload) = frame {
                        found.push(payload.to_vec());
                    }
                })
                .unwrap();
        }
        found
    }

    #[test]
    fn frames_are_counted_wherever_the_reads_end() {
        let payloads: Vec<Vec<u8>> =
            [0, 1, 125, 126, 127, 400, 65_535, 65_536].into_iter().map(|length| vec![b'a'; length]).collect();
        let stream: Vec<u8> = payloads.iter().flat_map(|payload| server_frame(payload)).collect();
        for size in [1, 2, 3, 7, 127, 1_000, 65_537, stream.len()] {
            assert_eq!(cut_all(stream.chunks(size)), payloads, "reads of {size} bytes");
        }
    }

    #[test]
    fn pings_and_closes_are_told_apart() {
        let mut stream = whole_frame(OpCode::Control(Control::Ping), b"hello", None);
        stream.extend(whole_frame(OpCode::Control(Control::Pong), b"", None));
        stream.extend(whole_frame(OpCode::Control(Control::Close), &[3, 232], None));
        let mut seen = Vec::new();
        FrameCutter::default().feed(&stream, |frame| seen.push(format!("{frame:?}"))).unwrap();
        assert_eq!(seen, ["Ping([104, 101, 108, 108, 111])", "Close"]);
    }

    #[test]
    fn what_no_server_sends_is_refused() {
        let masked = client_frame(OpCode::Data(Data::Binary), b"x");
        let mut split = server_frame(b"x");
        split[0] &= 0x7f;
        let long = [0x82, 127, 0, 0, 0, 255, 0, 0, 0, 0];
        for (bytes, why) in
            [(&masked[..], "masked"), (&split[..], "split"), (&long[..], "bytes"), (&[0x8f, 0][..], "header")]
        {
            let error = FrameCutter::default().feed(bytes, |_| panic!("accepted")).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_client_frame_is_masked_and_carries_its_payload() {
        let frame = client_frame(OpCode::Data(Data::Binary), b"abc");
        assert_eq!(frame, [0x82, 0x83, 0, 0, 0, 0, b'a', b'b', b'c']);
    }
}
