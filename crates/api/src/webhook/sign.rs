//! How the backend knows that a call comes from this server (docs/spec/webhooks.md#1.7).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use tsudoi_domain::Timestamp;

/// `Sign` of the address: the hash of token and time. It says nothing about the body.
pub(super) fn sign(token: &str, time: Timestamp) -> String {
    hex::encode(Sha256::new().chain_update(token).chain_update(time.0.to_string()).finalize())
}

/// The key of the Standard Webhooks convention: base64 behind an optional `whsec_`. What is no base64 is taken as it is.
pub(super) fn key(secret: &str) -> Vec<u8> {
    let secret = secret.strip_prefix("whsec_").unwrap_or(secret);
    STANDARD.decode(secret).unwrap_or_else(|_| secret.as_bytes().to_vec())
}

/// The name of a call, the same however often it is made, and what a receiver tells repeats by.
pub(super) fn call_id(body: &[u8]) -> String {
    format!("msg_{}", hex::encode(&Sha256::digest(body)[..16]))
}

/// `webhook-signature` of the Standard Webhooks convention, over name, time and body.
pub(super) fn signature(key: &[u8], id: &str, time: Timestamp, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(format!("{id}.{}.", time.0).as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_signatures_come_out() {
        for (token, time, hash) in [
            ("hook-token-2026", 1_700_000_000, "69f6d1979ee781ba472578061370ed6b52a191ebe58ed1806ad245ce27444a1c"),
            ("xxxxyyyy", 1_669_872_112, "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"),
        ] {
            assert_eq!(sign(token, Timestamp(time)), hash);
        }
    }

    /// The example of the Standard Webhooks libraries.
    #[test]
    fn the_signature_of_the_convention_comes_out() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = br#"{"test": 2432232314}"#;
        let signature = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp(1_614_265_330), body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
