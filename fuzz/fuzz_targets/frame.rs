//! Frames of strangers: no bytes may crash the decoder, what it holds stays within the limit, and it makes no difference how
//! the bytes are cut. What it puts together is read as a request.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tsudoi_api::gateway::frame;
use tsudoi_realtime::frame::{Decoder, Frame};

/// A small limit, so that the fuzzer reaches it.
const LIMIT: usize = 512;

fuzz_target!(|input: &[u8]| {
    let mut whole = Vec::new();
    let at_once = Decoder::new(LIMIT).feed(input, &mut whole);

    let mut pieces = Vec::new();
    let mut decoder = Decoder::new(LIMIT);
    let in_pieces = input.chunks(3).try_for_each(|piece| decoder.feed(piece, &mut pieces));
    assert_eq!((&whole, at_once), (&pieces, in_pieces));

    for frame in &whole {
        if let Frame::Message(message) = frame {
            assert!(message.len() <= LIMIT);
            _ = frame::parse(message);
        }
    }
    _ = frame::parse(input);
});
