//! WebSocket frames over tungstenite's header primitives.
//!
//! Server frames are not masked, so one buffer serves every member of a group; that, and reading through one scratch buffer
//! per thread instead of one per connection, is why frames are handled here and not by a stream adaptor
//! (docs/decisions/0005-websocket-frames.md).

use std::io::Cursor;

use bytes::Bytes;
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

fn encode(opcode: OpCode, payload: &[u8]) -> Bytes {
    let header = FrameHeader { is_final: true, rsv1: false, rsv2: false, rsv3: false, opcode, mask: None };
    let length = payload.len() as u64;
    let mut out = Vec::with_capacity(header.len(length) + payload.len());
    header.format(length, &mut out).expect("writing to memory cannot fail");
    out.extend_from_slice(payload);
    out.into()
}

/// A text frame.
#[must_use]
pub fn text(payload: &[u8]) -> Bytes {
    encode(OpCode::Data(Data::Text), payload)
}

/// A binary frame.
#[must_use]
pub fn binary(payload: &[u8]) -> Bytes {
    encode(OpCode::Data(Data::Binary), payload)
}

/// The answer to a ping.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    encode(OpCode::Control(Control::Pong), payload)
}

/// The end of a connection, with its code.
#[must_use]
pub fn close(code: u16) -> Bytes {
    encode(OpCode::Control(Control::Close), &code.to_be_bytes())
}

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole message, text or binary.
    Message(Vec<u8>),
    /// A ping to be answered.
    Ping(Vec<u8>),
    /// The client says goodbye.
    Close,
}

/// Why a client's bytes are no frames; carries the close code to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// The protocol is violated.
    #[error("the frame violates the WebSocket protocol")]
    Protocol,
    /// A message is larger than allowed.
    #[error("the message is too large")]
    TooLarge,
    /// A text message is not UTF-8.
    #[error("the text message is not UTF-8")]
    NotUtf8,
}

impl BadFrame {
    /// The close code.
    #[must_use]
    pub fn close_code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::TooLarge => 1009,
            Self::NotUtf8 => 1007,
        }
    }
}

/// Puts the bytes of a connection together into messages. Holds memory only while something is incomplete.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    rest: Vec<u8>,
    fragments: Option<(bool, Vec<u8>)>,
}

impl Decoder {
    /// Messages may have at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, rest: Vec::new(), fragments: None }
    }

    /// Takes the next bytes and adds the frames they complete to `frames`.
    ///
    /// # Errors
    /// [`BadFrame`] when the connection has to be closed.
    pub fn feed(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), BadFrame> {
        if self.rest.is_empty() {
            let consumed = self.all(bytes, frames)?;
            self.rest = bytes[consumed..].to_vec();
            return Ok(());
        }
        let mut joined = std::mem::take(&mut self.rest);
        joined.extend_from_slice(bytes);
        let consumed = self.all(&joined, frames)?;
        if consumed < joined.len() {
            // What is still incomplete stays where it lies: a client that sends byte by byte has none of them copied again.
            joined.drain(..consumed);
            self.rest = joined;
        }
        Ok(())
    }

    /// Decodes the whole frames at the start of `input`; answers how many bytes they took.
    fn all(&mut self, input: &[u8], frames: &mut Vec<Frame>) -> Result<usize, BadFrame> {
        let mut consumed = 0;
        while let Some(more) = self.next(&input[consumed..], frames)? {
            consumed += more;
        }
        Ok(consumed)
    }

    /// Decodes one frame from the start of `input`; answers how many bytes it took, `None` when it is incomplete.
    fn next(&mut self, input: &[u8], frames: &mut Vec<Frame>) -> Result<Option<usize>, BadFrame> {
        let mut cursor = Cursor::new(input);
        let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| BadFrame::Protocol)? else {
            return Ok(None);
        };
        // A client masks its frames, and nothing was negotiated that would use the reserved bits (RFC 6455 5.1, 5.2).
        let Some(mask) = header.mask else { return Err(BadFrame::Protocol) };
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(BadFrame::Protocol);
        }
        let collected = self.fragments.as_ref().map_or(0, |(_, parts)| parts.len());
        let length = usize::try_from(length).map_err(|_| BadFrame::TooLarge)?;
        if length > self.limit || collected + length > self.limit {
            return Err(BadFrame::TooLarge);
        }
        let start = usize::try_from(cursor.position()).map_err(|_| BadFrame::TooLarge)?;
        let Some(masked) = input.get(start..start + length) else { return Ok(None) };
        let payload: Vec<u8> = masked.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        match header.opcode {
            OpCode::Control(control) => {
                if !header.is_final || length > 125 {
                    return Err(BadFrame::Protocol);
                }
                match control {
                    Control::Ping => frames.push(Frame::Ping(payload)),
                    Control::Pong => {}
                    Control::Close => frames.push(Frame::Close),
                    Control::Reserved(_) => return Err(BadFrame::Protocol),
                }
            }
            OpCode::Data(data) => {
                let (is_text, message) = match (data, self.fragments.take()) {
                    (Data::Text, None) => (true, payload),
                    (Data::Binary, None) => (false, payload),
                    (Data::Continue, Some((is_text, mut parts))) => {
                        parts.extend_from_slice(&payload);
                        (is_text, parts)
                    }
                    (Data::Text | Data::Binary | Data::Continue | Data::Reserved(_), _) => {
                        return Err(BadFrame::Protocol);
                    }
                };
                if header.is_final {
                    if is_text && std::str::from_utf8(&message).is_err() {
                        return Err(BadFrame::NotUtf8);
                    }
                    frames.push(Frame::Message(message));
                } else {
                    self.fragments = Some((is_text, message));
                }
            }
        }
        Ok(Some(start + length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(opcode: OpCode, is_final: bool, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let header = FrameHeader { is_final, rsv1: false, rsv2: false, rsv3: false, opcode, mask: Some(mask) };
        let mut out = Vec::new();
        header.format(payload.len() as u64, &mut out).expect("memory");
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, k)| b ^ k));
        out
    }

    #[test]
    fn bytes_may_arrive_one_by_one() {
        let mut wire = masked(OpCode::Data(Data::Text), true, "héllo".as_bytes());
        wire.extend(masked(OpCode::Control(Control::Ping), true, b"x"));
        wire.extend(masked(OpCode::Data(Data::Binary), true, &[7; 70_000]));
        let mut decoder = Decoder::new(100_000);
        let mut frames = Vec::new();
        for byte in &wire {
            decoder.feed(std::slice::from_ref(byte), &mut frames).expect("valid frames");
        }
        assert_eq!(
            frames,
            [Frame::Message("héllo".as_bytes().to_vec()), Frame::Ping(b"x".to_vec()), Frame::Message(vec![7; 70_000])]
        );
        let mut at_once = Vec::new();
        Decoder::new(100_000).feed(&wire, &mut at_once).expect("valid frames");
        assert_eq!(at_once, frames);
    }

    #[test]
    fn fragments_join_and_pings_may_come_between() {
        let mut wire = masked(OpCode::Data(Data::Text), false, b"ab");
        wire.extend(masked(OpCode::Control(Control::Ping), true, b""));
        wire.extend(masked(OpCode::Data(Data::Continue), true, b"cd"));
        let mut frames = Vec::new();
        Decoder::new(10).feed(&wire, &mut frames).expect("valid frames");
        assert_eq!(frames, [Frame::Ping(vec![]), Frame::Message(b"abcd".to_vec())]);
    }

    #[test]
    fn violations_close_the_connection() {
        let unmasked = text(b"{}");
        for (wire, expected) in [
            (unmasked.to_vec(), BadFrame::Protocol),
            (masked(OpCode::Data(Data::Continue), true, b"x"), BadFrame::Protocol),
            (masked(OpCode::Data(Data::Binary), true, &[0; 11]), BadFrame::TooLarge),
            (masked(OpCode::Data(Data::Text), true, &[0xff]), BadFrame::NotUtf8),
            (masked(OpCode::Control(Control::Ping), false, b""), BadFrame::Protocol),
            (vec![0x83, 0x80, 0, 0, 0, 0], BadFrame::Protocol),
            (vec![0xf1, 0x80, 0, 0, 0, 0], BadFrame::Protocol),
        ] {
            assert_eq!(Decoder::new(10).feed(&wire, &mut Vec::new()), Err(expected), "{wire:?}");
        }
    }
}
