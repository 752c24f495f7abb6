//! Bodies of strangers: no bytes may crash the decoder of any command, and every refusal is a documented code with a short text
//! in a well-formed envelope.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tsudoi_api::{
    catalogue,
    error_code::ErrorCode,
    wire::envelope::{self, Display},
};

fuzz_target!(|input: &[u8]| {
    // The first byte chooses the command, so that the fuzzer learns what each one reads.
    let Some((choice, body)) = input.split_first() else { return };
    let commands = catalogue::commands();
    let entry = &commands[usize::from(*choice) % commands.len()];
    let Err(refusal) = (entry.check)(body) else { return };
    assert!(
        ErrorCode::from_number(refusal.code()).is_some(),
        "{} refuses with {}",
        entry.route.command,
        refusal.code()
    );
    let answer = envelope::failure(&refusal, Display::Empty);
    let answer: Value = serde_json::from_slice(&answer).expect("an envelope is JSON");
    assert_eq!(answer["ActionStatus"], "FAIL");
    assert_eq!(answer["ErrorCode"], refusal.code());
});
