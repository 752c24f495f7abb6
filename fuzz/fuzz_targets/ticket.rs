//! Tickets of strangers: no input may crash the decoder or pass the check, and whatever it reads it reads back the same.
//!
//! The input is tried twice: as a packed ticket, and as the document inside of one, which no mutation of packed text reaches.

#![no_main]

use std::io::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::ZlibEncoder};
use libfuzzer_sys::fuzz_target;
use tsudoi_api::user_sig::{self, BadUserSig, MAX_DOCUMENT_BYTES, MAX_TICKET_BYTES, SigningKey};

fuzz_target!(|input: &[u8]| {
    if let Ok(ticket) = std::str::from_utf8(input) {
        check(ticket);
    }
    check(&pack(input));
});

fn check(packed: &str) {
    let key = SigningKey::new("a key that no input knows".to_owned());
    let Ok(ticket) = user_sig::decode(packed) else {
        return;
    };
    assert!(packed.len() <= MAX_TICKET_BYTES && ticket.user.len() <= MAX_DOCUMENT_BYTES);

    let claim = (ticket.app, ticket.user.as_str());
    let keys = std::slice::from_ref(&key);
    let verdict = user_sig::verify(keys, claim.0, claim.1, packed, ticket.issued_at, 0);
    assert_eq!(verdict, Err(BadUserSig::BadSignature));

    let userbuf = ticket.userbuf.as_deref();
    let own = user_sig::sign(&key, claim.0, claim.1, ticket.issued_at, ticket.expire_secs, userbuf);
    if own.len() <= MAX_TICKET_BYTES {
        let verified =
            user_sig::verify(keys, claim.0, claim.1, &own, ticket.issued_at, 0).expect("an own ticket verifies");
        assert_eq!((verified.expires_at(), verified.userbuf.as_deref()), (ticket.expires_at(), userbuf));
    }
}

fn pack(document: &[u8]) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(document).expect("writing to memory cannot fail");
    STANDARD.encode(encoder.finish().expect("writing to memory cannot fail"))
}
