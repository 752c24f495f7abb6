//! A push: one JSON text, encoded into a WebSocket frame once per encoding and shared by all who get it.

use std::{io::Write as _, sync::OnceLock};

use bytes::Bytes;
use flate2::{Compression, write::ZlibEncoder};

use crate::frame;

/// Frames smaller than this are sent plain: compressing them costs more than it saves.
const COMPRESS_FROM_BYTES: usize = 2048;
/// What a compressed frame begins with (docs/spec/websocket-protocol.md#2).
const COMPRESSED_MARK: &[u8] = b"COMP";

/// How a client wants its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Text frames (`/info`).
    Text,
    /// Binary frames (`/binfo`).
    Binary,
    /// Binary frames, compressed where that pays (`/binfo` with `compress=gzip`).
    Compressed,
}

/// What becomes of a push when a session's queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// The session would miss something it cannot do without: it is cut, reconnects and catches up.
    Needed,
    /// Dropped when the queue is more than so many percent full; live-room messages by priority.
    Droppable(u8),
}

/// One push for any number of sessions.
#[derive(Debug)]
pub struct Push {
    json: Vec<u8>,
    importance: Importance,
    text: OnceLock<Bytes>,
    binary: OnceLock<Bytes>,
    compressed: OnceLock<Bytes>,
}

impl Push {
    /// A push that says `json`.
    #[must_use]
    pub fn new(json: Vec<u8>, importance: Importance) -> Self {
        Self { json, importance, text: OnceLock::new(), binary: OnceLock::new(), compressed: OnceLock::new() }
    }

    /// What becomes of it when a queue is full.
    #[must_use]
    pub fn importance(&self) -> Importance {
        self.importance
    }

    /// The JSON text.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// The whole frame, header included, made once.
    #[must_use]
    pub fn frame(&self, encoding: Encoding) -> Bytes {
        match encoding {
            Encoding::Text => self.text.get_or_init(|| frame::text(&self.json)).clone(),
            Encoding::Binary => self.binary.get_or_init(|| frame::binary(&self.json)).clone(),
            Encoding::Compressed if self.json.len() < COMPRESS_FROM_BYTES => self.frame(Encoding::Binary),
            Encoding::Compressed => self.compressed.get_or_init(|| frame::binary(&compress(&self.json))).clone(),
        }
    }
}

/// A single frame for a single session.
#[must_use]
pub fn encode(json: &[u8], encoding: Encoding) -> Bytes {
    match encoding {
        Encoding::Text => frame::text(json),
        Encoding::Compressed if json.len() >= COMPRESS_FROM_BYTES => frame::binary(&compress(json)),
        Encoding::Binary | Encoding::Compressed => frame::binary(json),
    }
}

fn compress(json: &[u8]) -> Vec<u8> {
    let mut out = ZlibEncoder::new(COMPRESSED_MARK.to_vec(), Compression::fast());
    out.write_all(json).and_then(|()| out.finish()).expect("writing to memory cannot fail")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn small_frames_are_plain_and_large_ones_are_marked_and_inflate_to_the_same_text() {
        let small = Push::new(b"{}".to_vec(), Importance::Needed);
        assert_eq!(small.frame(Encoding::Compressed), small.frame(Encoding::Binary));
        let text = vec![b'a'; 10_000];
        let large = Push::new(text.clone(), Importance::Needed).frame(Encoding::Compressed);
        assert!(large.len() < 1000);
        let mark = large.windows(4).position(|w| w == COMPRESSED_MARK).expect("the mark");
        let mut inflated = Vec::new();
        flate2::read::ZlibDecoder::new(&large[mark + 4..]).read_to_end(&mut inflated).expect("inflates");
        assert_eq!(inflated, text);
    }
}
