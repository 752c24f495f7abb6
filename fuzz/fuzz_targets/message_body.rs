//! Message bodies and push descriptions of strangers: no JSON may crash the checks, and what they accept is kept within the limits
//! and with its meaning.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, value::RawValue};
use tsudoi_api::wire::{BodyLimits, MessageBody, OfflinePushInfo};

/// Small limits, so that the fuzzer reaches them.
const LIMITS: BodyLimits = BodyLimits { max_bytes: 2_048, max_merge_depth: 4 };

fuzz_target!(|json: &str| {
    let Ok(sent) = serde_json::from_str::<&RawValue>(json) else {
        return;
    };

    match MessageBody::parse(sent, LIMITS) {
        Ok(body) => {
            check_kept(sent, body.as_json());
            let kept = RawValue::from_string(body.as_json().to_owned()).expect("kept bodies are json");
            assert_eq!(MessageBody::parse(&kept, LIMITS).as_ref(), Ok(&body), "a kept body is accepted again");
            assert_eq!(serde_json::to_string(&body).ok().as_deref(), Some(body.as_json()));
            let text_bytes: usize = body.texts().map(|text| text.len()).sum();
            assert!(text_bytes <= LIMITS.max_bytes);
            assert_ne!(body.default_push_text().as_deref(), Some(""));
        }
        Err(refusal) => assert!(refusal.to_string().len() < 200, "refusals do not repeat the input"),
    }

    match OfflinePushInfo::parse(sent, LIMITS.max_bytes) {
        Ok(info) => {
            check_kept(sent, info.as_json());
            assert_ne!(info.title().as_deref(), Some(""));
            assert_ne!(info.description().as_deref(), Some(""));
        }
        Err(refusal) => assert!(refusal.to_string().len() < 200, "refusals do not repeat the input"),
    }
});

/// What is kept is short enough and says what was sent. Half surrogate pairs and very deep values have no `Value` to compare.
fn check_kept(sent: &RawValue, kept: &str) {
    assert!(kept.len() <= LIMITS.max_bytes && kept.len() <= sent.get().len());
    if let Ok(meaning) = serde_json::from_str::<Value>(sent.get()) {
        assert_eq!(serde_json::from_str::<Value>(kept).ok(), Some(meaning));
    }
}
