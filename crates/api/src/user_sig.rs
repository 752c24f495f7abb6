//! Signs and checks UserSig tickets: the password of a user id, which only the app's backend can make and the server keeps
//! nothing of.
//!
//! A ticket is a flat JSON document, signed with HMAC-SHA256, compressed with zlib and packed in base64 of an alphabet of its
//! own. Generators differ in white space, key order and compression level, so packed tickets are never compared with each
//! other: [`decode`] reads the fields, [`verify`] checks them. Every ticket is attacker input until then, hence the two limits
//! [`MAX_TICKET_BYTES`] and [`MAX_DOCUMENT_BYTES`].
//!
//! A ticket is a bearer secret: no error and no `Debug` text in this module holds one.
//!
//! Spec: docs/spec/usersig.md

use std::{fmt, io::Write as _, sync::Arc};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use flate2::{Compression, Decompress, FlushDecompress, Status, write::ZlibEncoder};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error_code::ErrorCode;

/// The longest ticket that is looked at, in bytes of packed text. Usual ones have 180 to 260.
///
/// Spec: docs/spec/usersig.md#4
pub const MAX_TICKET_BYTES: usize = 2048;

/// The longest document that is inflated from a ticket, in bytes.
///
/// Spec: docs/spec/usersig.md#4
pub const MAX_DOCUMENT_BYTES: usize = 8192;

const VERSION: &str = "2.0";

/// Why a ticket was refused.
///
/// Spec: docs/spec/usersig.md#6
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUserSig {
    /// There is no ticket, or it is empty.
    #[error("usersig is empty")]
    Empty,
    /// The app has no key to check tickets with.
    #[error("app has no verification key")]
    NoKey,
    /// The ticket cannot be unpacked or lacks something; the text says what.
    #[error("usersig is malformed: {0}")]
    Malformed(&'static str),
    /// The ticket is for another app than the claimed one.
    #[error("sdkappid differs from the one in the usersig")]
    OtherApp,
    /// The ticket is for another user than the claimed one.
    #[error("user id differs from the one in the usersig")]
    OtherUser,
    /// None of the app's keys made the signature.
    #[error("signature of the usersig is wrong")]
    BadSignature,
    /// The issue time lies further in the future than clocks may differ. Answered like a malformed ticket.
    #[error("usersig is malformed: issue time lies in the future")]
    FromTheFuture,
    /// Issue time and life time have passed.
    #[error("usersig has expired")]
    Expired,
}

impl BadUserSig {
    /// The vendor's number for this refusal. A REST call without a ticket is refused with 60025 before it comes here.
    ///
    /// Spec: docs/spec/usersig.md#6
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            BadUserSig::Empty => ErrorCode::UserSigEmpty,
            BadUserSig::NoKey => ErrorCode::AppHasNoKey,
            BadUserSig::Malformed(_) | BadUserSig::FromTheFuture => ErrorCode::UserSigMalformed,
            BadUserSig::OtherApp => ErrorCode::UserSigOtherApp,
            BadUserSig::OtherUser => ErrorCode::UserSigOtherUser,
            BadUserSig::BadSignature => ErrorCode::UserSigBadSignature,
            BadUserSig::Expired => ErrorCode::UserSigExpired,
        }
    }
}

/// The secret of an app that signs its tickets. It is used as text, never decoded from hex; the vendor's have 64 characters.
///
/// Wiped from memory when dropped, and never shown by `Debug`.
///
/// Spec: docs/spec/usersig.md#1
#[derive(Clone)]
pub struct SigningKey(Zeroizing<String>);

impl SigningKey {
    /// Takes over the key text as the console shows it.
    #[must_use]
    pub fn new(text: String) -> SigningKey {
        SigningKey(Zeroizing::new(text))
    }

    fn mac_of(&self, signed_text: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).expect("hmac takes keys of any length");
        mac.update(signed_text.as_bytes());
        mac
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// What a ticket says. Nothing in it is true before [`verify`] has checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The app (SDKAppID) the ticket is for.
    pub app: u32,
    /// The user id the ticket is for, as written: any text, also one that no account may have.
    pub user: String,
    /// When the ticket was made, Unix seconds.
    pub issued_at: i64,
    /// How long it is valid from then on, in seconds.
    pub expire_secs: u64,
    /// Room permissions of the audio and video product. Covered by the signature and otherwise ignored.
    ///
    /// Spec: docs/spec/usersig.md#5
    pub userbuf: Option<Vec<u8>>,
    signature: [u8; 32],
}

impl Ticket {
    /// The last moment the ticket is valid, Unix seconds; the largest `i64` when the sum is beyond it.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.issued_at.saturating_add_unsigned(self.expire_secs)
    }

    /// The text the signature covers. All numbers are in their shortest form and the userbuf in canonical base64, whatever the
    /// document had, so two different tickets never share a text.
    fn signed_text(&self) -> String {
        signed_text(self.app, &self.user, self.issued_at, self.expire_secs, self.userbuf.as_deref())
    }
}

/// Spec: docs/spec/usersig.md#2
fn signed_text(app: u32, user: &str, issued_at: i64, expire_secs: u64, userbuf: Option<&[u8]>) -> String {
    let mut text =
        format!("TLS.identifier:{user}\nTLS.sdkappid:{app}\nTLS.time:{issued_at}\nTLS.expire:{expire_secs}\n");
    if let Some(userbuf) = userbuf {
        text.push_str("TLS.userbuf:");
        STANDARD.encode_string(userbuf, &mut text);
        text.push('\n');
    }
    text
}

/// The document as we write it: the member order of the vendor's Node generator.
///
/// Spec: docs/spec/usersig.md#3
#[derive(Serialize)]
struct WrittenDocument<'a> {
    #[serde(rename = "TLS.ver")]
    version: &'a str,
    #[serde(rename = "TLS.identifier")]
    user: &'a str,
    #[serde(rename = "TLS.sdkappid")]
    app: u32,
    #[serde(rename = "TLS.time")]
    issued_at: i64,
    #[serde(rename = "TLS.expire")]
    expire_secs: u64,
    #[serde(rename = "TLS.userbuf", skip_serializing_if = "Option::is_none")]
    userbuf: Option<String>,
    #[serde(rename = "TLS.sig")]
    signature: String,
}

/// The document as others write it: any order, white space and extra members; a member named twice is refused. The values are
/// read one by one, so that a refusal can name the member.
#[derive(Deserialize)]
struct ReadDocument<'a> {
    #[serde(rename = "TLS.ver", borrow)]
    version: Option<&'a RawValue>,
    #[serde(rename = "TLS.identifier", borrow)]
    user: Option<&'a RawValue>,
    #[serde(rename = "TLS.sdkappid", borrow)]
    app: Option<&'a RawValue>,
    #[serde(rename = "TLS.time", borrow)]
    issued_at: Option<&'a RawValue>,
    #[serde(rename = "TLS.expire", borrow)]
    expire_secs: Option<&'a RawValue>,
    #[serde(rename = "TLS.userbuf", borrow)]
    userbuf: Option<&'a RawValue>,
    #[serde(rename = "TLS.sig", borrow)]
    signature: Option<&'a RawValue>,
}

/// Makes a ticket for `user` of `app`, valid for `expire_secs` seconds from `issued_at` (Unix seconds) on.
///
/// `userbuf` is for the audio and video product; plain chat tickets have none. A user id that makes the packed text longer than
/// [`MAX_TICKET_BYTES`], or a time before 1970, makes a ticket that [`decode`] refuses.
///
/// Spec: docs/spec/usersig.md#4
///
/// ```
/// use tsudoi_api::user_sig::{self, SigningKey};
///
/// let key = SigningKey::new("0f1e2d3c".to_owned());
/// let ticket = user_sig::sign(&key, 1_400_000_001, "user_1001", 1_700_000_000, 86_400, None);
/// let checked = user_sig::verify(&[key], 1_400_000_001, "user_1001", &ticket, 1_700_000_100, 600).unwrap();
/// assert_eq!(checked.expires_at(), 1_700_086_400);
/// ```
#[must_use]
pub fn sign(
    key: &SigningKey,
    app: u32,
    user: &str,
    issued_at: i64,
    expire_secs: u64,
    userbuf: Option<&[u8]>,
) -> String {
    let text = signed_text(app, user, issued_at, expire_secs, userbuf);
    let document = serde_json::to_vec(&WrittenDocument {
        version: VERSION,
        user,
        app,
        issued_at,
        expire_secs,
        userbuf: userbuf.map(|bytes| STANDARD.encode(bytes)),
        signature: STANDARD.encode(key.mac_of(&text).finalize().into_bytes()),
    })
    .expect("texts and numbers always serialise");
    pack(&document)
}

/// Compresses a document and writes it in the ticket alphabet.
fn pack(document: &[u8]) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(document).expect("writing to memory cannot fail");
    let compressed = encoder.finish().expect("writing to memory cannot fail");
    let mut packed = STANDARD.encode(compressed).into_bytes();
    for byte in &mut packed {
        *byte = match *byte {
            b'+' => b'*',
            b'/' => b'-',
            b'=' => b'_',
            other => other,
        };
    }
    String::from_utf8(packed).expect("base64 is ascii")
}

/// Reads what a ticket says without checking any of it.
///
/// Accepts every documented generator's way of writing, also missing padding and the standard base64 alphabet.
///
/// Spec: docs/spec/usersig.md#3
///
/// # Errors
/// [`BadUserSig::Empty`] or [`BadUserSig::Malformed`].
pub fn decode(ticket: &str) -> Result<Ticket, BadUserSig> {
    if ticket.is_empty() {
        return Err(BadUserSig::Empty);
    }
    let document = unpack(ticket)?;
    let document: ReadDocument<'_> = serde_json::from_slice(&document)
        .map_err(|_| BadUserSig::Malformed("document is not a json object with each member once"))?;

    if text(document.version) != Some(VERSION.to_owned()) {
        return Err(BadUserSig::Malformed("TLS.ver is not \"2.0\""));
    }
    let user = text(document.user).ok_or(BadUserSig::Malformed("TLS.identifier is not a string"))?;
    let app = decimal(document.app)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or(BadUserSig::Malformed("TLS.sdkappid is not an unsigned 32-bit integer"))?;
    let issued_at = decimal(document.issued_at)
        .and_then(|number| i64::try_from(number).ok())
        .ok_or(BadUserSig::Malformed("TLS.time is not a time in seconds"))?;
    let expire_secs =
        decimal(document.expire_secs).ok_or(BadUserSig::Malformed("TLS.expire is not a number of seconds"))?;
    let userbuf = match document.userbuf {
        None => None,
        userbuf => Some(base64(userbuf).ok_or(BadUserSig::Malformed("TLS.userbuf is not base64"))?),
    };
    let signature = base64(document.signature)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(BadUserSig::Malformed("TLS.sig is not base64 of 32 bytes"))?;
    Ok(Ticket { app, user, issued_at, expire_secs, userbuf, signature })
}

/// Undoes [`pack`], within the limits.
fn unpack(ticket: &str) -> Result<Vec<u8>, BadUserSig> {
    if ticket.len() > MAX_TICKET_BYTES {
        return Err(BadUserSig::Malformed("longer than 2048 characters"));
    }
    // Not the URL-safe alphabet of RFC 4648: `-` stands for `/`, and `_` is the padding.
    let mut standard: Vec<u8> = ticket
        .bytes()
        .map(|byte| match byte {
            b'*' => b'+',
            b'-' => b'/',
            b'_' => b'=',
            other => other,
        })
        .collect();
    let padding = standard.iter().rev().take(2).take_while(|&&byte| byte == b'=').count();
    standard.truncate(standard.len() - padding);
    let compressed = STANDARD_NO_PAD.decode(&standard).map_err(|_| BadUserSig::Malformed("not base64"))?;

    let mut document = Vec::with_capacity(MAX_DOCUMENT_BYTES + 1);
    let mut inflater = Decompress::new(true);
    let status = inflater.decompress_vec(&compressed, &mut document, FlushDecompress::Finish);
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(BadUserSig::Malformed("document longer than 8192 bytes"));
    }
    if status.ok() != Some(Status::StreamEnd) || inflater.total_in() != compressed.len() as u64 {
        return Err(BadUserSig::Malformed("not one whole zlib stream"));
    }
    Ok(document)
}

fn text(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

/// An integer of plain digits, or a string of them, as very old generators write it. Signs, fractions and exponents are refused.
fn decimal(value: Option<&RawValue>) -> Option<u64> {
    let raw = value?.get();
    let digits = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

fn base64(value: Option<&RawValue>) -> Option<Vec<u8>> {
    STANDARD.decode(text(value)?).ok()
}

/// Checks that `ticket` is a valid one of `user` in `app` at `now` (Unix seconds), signed with one of `keys`: the current one,
/// and during a rotation the previous one.
///
/// An issue time up to `max_future_skew_secs` seconds ahead is accepted, for clocks that run ahead (600 is usual).
/// Whether the app exists and is enabled is asked before this; whether the account is barred or its tickets were
/// invalidated by a kick (a ticket with `issued_at` before the moment of the kick), after it.
///
/// Spec: docs/spec/usersig.md#6
///
/// # Errors
/// The first check that fails, in the order of the specification.
pub fn verify(
    keys: &[SigningKey],
    app: u32,
    user: &str,
    ticket: &str,
    now: i64,
    max_future_skew_secs: u64,
) -> Result<Ticket, BadUserSig> {
    // 1. There is a ticket. (2 and 3, the app exists and is enabled, are the caller's.)
    if ticket.is_empty() {
        return Err(BadUserSig::Empty);
    }
    // 4. The app has a key.
    if keys.is_empty() {
        return Err(BadUserSig::NoKey);
    }
    // 5. The ticket can be read.
    let ticket = decode(ticket)?;
    // 6. It is for the claimed app,
    if ticket.app != app {
        return Err(BadUserSig::OtherApp);
    }
    // 7. and for the claimed user, byte for byte.
    if ticket.user != user {
        return Err(BadUserSig::OtherUser);
    }
    // 8. One of the keys signed it; compared in constant time.
    let signed_text = ticket.signed_text();
    if !keys.iter().any(|key| key.mac_of(&signed_text).verify_slice(&ticket.signature).is_ok()) {
        return Err(BadUserSig::BadSignature);
    }
    // 9. It is valid now, the last second included.
    check_time(ticket.issued_at, ticket.expires_at(), now, max_future_skew_secs)?;
    Ok(ticket)
}

fn check_time(issued_at: i64, expires_at: i64, now: i64, max_future_skew_secs: u64) -> Result<(), BadUserSig> {
    if issued_at > now.saturating_add_unsigned(max_future_skew_secs) {
        return Err(BadUserSig::FromTheFuture);
    }
    if now > expires_at {
        return Err(BadUserSig::Expired);
    }
    Ok(())
}

/// The times of a ticket that passed every check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidTicket {
    /// When the ticket was made, Unix seconds. Compare it with the last kick of the account.
    pub issued_at: i64,
    /// The last moment the ticket is valid, Unix seconds. No session lives longer.
    pub expires_at: i64,
}

/// The keys of an app, and how often they have changed.
#[derive(Clone, Copy, Debug)]
pub struct AppKeys<'a> {
    /// The current key, and during a rotation the previous one.
    pub keys: &'a [SigningKey],
    /// Grows with every change of `keys`. Tickets remembered under another generation are checked anew.
    pub generation: u64,
}

/// Remembers which tickets were verified, so that a ticket seen before costs a look-up instead of an inflation and an HMAC.
///
/// Holds a bounded number of bytes and forgets what is used least. Refusals are not remembered. Everything that can change
/// between two uses of a ticket (time, keys, who claims it) is checked on every use.
#[derive(Clone)]
pub struct VerifiedTickets {
    by_ticket: moka::sync::Cache<Arc<str>, Remembered>,
}

#[derive(Clone)]
struct Remembered {
    app: u32,
    user: Arc<str>,
    key_generation: u64,
    times: ValidTicket,
}

/// What one remembered ticket takes beside its text: the entry, the user id and the bookkeeping of the cache, roughly.
const REMEMBERED_OVERHEAD_BYTES: usize = 256;

impl VerifiedTickets {
    /// Remembers tickets of together `max_bytes` bytes; 500 bytes each is usual.
    #[must_use]
    pub fn new(max_bytes: u64) -> VerifiedTickets {
        let by_ticket = moka::sync::Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|ticket: &Arc<str>, _: &Remembered| {
                u32::try_from(ticket.len() + REMEMBERED_OVERHEAD_BYTES).unwrap_or(u32::MAX)
            })
            .build();
        VerifiedTickets { by_ticket }
    }

    /// Like [`verify`], from memory when the ticket was verified before.
    ///
    /// # Errors
    /// As [`verify`].
    pub fn verify(
        &self,
        app_keys: AppKeys<'_>,
        app: u32,
        user: &str,
        ticket: &str,
        now: i64,
        max_future_skew_secs: u64,
    ) -> Result<ValidTicket, BadUserSig> {
        if let Some(known) = self.by_ticket.get(ticket)
            && known.app == app
            && *known.user == *user
            && known.key_generation == app_keys.generation
        {
            let ValidTicket { issued_at, expires_at } = known.times;
            check_time(issued_at, expires_at, now, max_future_skew_secs)?;
            return Ok(known.times);
        }
        let verified = verify(app_keys.keys, app, user, ticket, now, max_future_skew_secs)?;
        let times = ValidTicket { issued_at: verified.issued_at, expires_at: verified.expires_at() };
        let remembered = Remembered { app, user: user.into(), key_generation: app_keys.generation, times };
        self.by_ticket.insert(ticket.into(), remembered);
        Ok(times)
    }
}

impl fmt::Debug for VerifiedTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedTickets").field("entries", &self.by_ticket.entry_count()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const K1: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0";
    const K2: &str = "a3b1c5d7e9f00112aabbccddeeff00998877665544332211ffeeddccbbaa9900";
    const SKEW_SECS: u64 = 600;

    struct Vector {
        key: &'static str,
        app: u32,
        user: &'static str,
        issued_at: i64,
        expire_secs: u64,
        userbuf_hex: Option<&'static str>,
        signature: &'static str,
        ticket: &'static str,
    }

    /// docs/spec/usersig.md#9, made by the official generators; vector n is at index n - 1.
    const VECTORS: [Vector; 8] = [
        Vector {
            key: K1,
            app: 1_400_000_001,
            user: "user_1001",
            issued_at: 1_700_000_000,
            expire_secs: 86_400,
            userbuf_hex: None,
            signature: "t9UsPweNEcmu7Bl6JsCbi5V14Le/myhqXI6D/glFoa8=",
            ticket: "eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwqXFqUXxhgYGhlDJ4pTsxIKCzBQlK0MTAwgwhMiUZOamKlkZmkNFDSCiqRUFmUWpSlYWZiYwoeLMdCUrpRLL0OKA8lQ-1*TcUnOnHDOvYuekTNMwQxOfVP3cyozCCE8zF-30HLf8RAtbpVoAMHwxcA__",
        },
        Vector {
            key: K1,
            app: 1_400_000_001,
            user: "user_1001",
            issued_at: 1_700_000_000,
            expire_secs: 86_400,
            userbuf_hex: None,
            signature: "t9UsPweNEcmu7Bl6JsCbi5V14Le/myhqXI6D/glFoa8=",
            ticket: "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkSotTi*INDQwMYdLFKdmJBQWZKUBJQxMDCDCEyqVWFGQWpQJlLMyAUlDBksxckJChOVQxTLw4Mx1kQYllaHFAeaqfa3JuqblTjplXsXNSpmmYoYlPqn5uZUZhhKeZi356jlt*ooWtUi0Aqugy0A__",
        },
        Vector {
            key: K1,
            app: 1_400_000_001,
            user: "administrator",
            issued_at: 1_712_345_678,
            expire_secs: 15_552_000,
            userbuf_hex: None,
            signature: "1C2MmILJyhr73/cjRDFSUURrMpYw3ZnzvZ/PsVr73/I=",
            ticket: "eJwtjF0LgjAYhf-Lex26TZcx6KoIDIXQDPJO2qq30MY27Iv*e*g8d*d5DucL*6wMemVAAAsIzMaOUnUOzzjiRrbYoXWmcQ8zDay8N1qjBEFj4kO9cdgqEDShLIr5PFl4ql4azcA554wQMr3gBQTQFcvbNNu*ryaJwtOtWG-KqipMro-PqO4*fR3u7GFw6RJ*fzkDNG8_",
        },
        Vector {
            key: K2,
            app: 20_009_527,
            user: "@RBT#001",
            issued_at: 1_735_689_600,
            expire_secs: 604_800,
            userbuf_hex: None,
            signature: "zAe9fWZrq6heWoUYeP43O7ytPR0itY7BVw0g1euUvVY=",
            ticket: "eJw9zMsKgkAUgOFXkWkbcrzNaBCU6yAxL0w7waMdorJxshu9e1rW9vvhf7JktTE7VGxmMNsENjU*QiUeNVX0DYs4TCYA1q*25b5oGir7ZgNA4NliLHhrSGHvHFwfYFRNh8Es4XjcD-jfW6qH-WOJQZVv1ZnvMD*lEiPXWYu7jmIgLUWYXaG28JJ2mZyz1xsBxDI*",
        },
        Vector {
            key: K2,
            app: 20_009_527,
            user: "svc_\u{5BA2}\u{670D}",
            issued_at: 1_735_689_600,
            expire_secs: 3_600,
            userbuf_hex: None,
            signature: "YIPibN/JlVWNN5nC7OL0H2pGmErlmoW/KZ234bRTCVA=",
            ticket: "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkisuS42NKTZMSjWJKzcwNUmCqilOyEwsKMlOAaowMDAwsTY3MoTKpFQWZRalAcWMzAwOoWElmLkjE0NzY1MzCEiFenJkOsiTSMyAzyU-fKycs3M-PNM-Z3N-HwMOowD3XtSgnNz9c3zvKyNgkKSjEOczRVqkWAOO8NBI_",
        },
        Vector {
            key: K1,
            app: 1_400_000_001,
            user: "user_1001",
            issued_at: 1_700_000_000,
            expire_secs: 300,
            userbuf_hex: Some("000009757365725f3130303153724e01000027116553f22c000000ff00000000"),
            signature: "n6KRfFhHNwoFnTtwouqwl5jhruMb5cClMCkOXWc91ig=",
            ticket: "eJw1jVsLgkAUhP-LeQ7dza4LPRwMKUulMuotUtfc3NS8pBD99zBtHgbmG5h5g7s9KC*eA4OhQmDwyyLgSSlC8cNVwfMLJYT2ZRHE1ywTATA6Ip1o15TiwYHRaU9JR3mTiZwD0-6gHfSqEBggohmcbenLWWMtsTlqpoM7RLMx5FFdF4iIat06Lv7v4gYMkslmHxrRyq5TI3HLOq2etRzfo7yyvLGvS0uPnfPJn1NxW8DnC7bPRIo_",
        },
        Vector {
            key: K2,
            app: 20_009_527,
            user: "user_1002",
            issued_at: 1_700_000_000,
            expire_secs: 600,
            userbuf_hex: Some("010009757365725f3130303201315237000000006553f3580000002a000000000006726f6f6d2d78"),
            signature: "19XZy5dRH8SIb6EcJC153MOHMAqAIENuCeZF0yWjSjg=",
            ticket: "eJw1jt0KgkAUhN-lXEcdN*xnwYuTGWVplEXmTWS7yZaFmVYSvXtoNlcz38Awb1jNvOZDpsCBNREaVVZCXjN1VBXO7zLdaYisLu-ivE8SJYAzROzrrPvjmbpI4FoXa-2ofCUqlcA7f1DOhfkRONCCbOG78SHuvZwhFbQaee6TiGgQr1vutnTTiCoNrvYjZJhJMoz-DxUBB63vB4UuluOeNwk71sE2Nb3tzMcO3WhiubkpgxEWm5N3igz4fAFgG0Xo",
        },
        Vector {
            key: K1,
            app: 1_400_000_001,
            user: "user_1003",
            issued_at: 1_700_000_000,
            expire_secs: 15_552_000,
            userbuf_hex: Some("616263"),
            signature: "aVf5UBxRstJNGVBQX7em2NOmbihTxLSQ6Q/tbY6Foi8=",
            ticket: "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkSotTi*INDQyMYdLFKdmJBQWZKUBJQxMDCDCEyqVWFGQWpYJkTE1NjYASUPGSzFywqDlUPUwcZHhSaRrInshwryy4FZnpIKHEsDTTUKeKoOISLz-3MKfACPPUXCM--9ykzIyQCp-gQLNA-ZKkSDO3-EwLW6VaAPqmOhc_",
        },
    ];

    fn key(text: &str) -> SigningKey {
        SigningKey::new(text.to_owned())
    }

    /// Checks `ticket` as vector 1's user and app, with its key, at `now`.
    fn verify_first(ticket: &str, now: i64) -> Result<Ticket, BadUserSig> {
        verify(&[key(K1)], 1_400_000_001, "user_1001", ticket, now, SKEW_SECS)
    }

    /// Packs a document whose signature is right for vector 1's fields, with one replacement made in the text.
    fn packed_with(from: &str, to: &str) -> String {
        let document = format!(
            r#"{{"TLS.ver":"2.0","TLS.identifier":"user_1001","TLS.sdkappid":1400000001,"TLS.time":1700000000,"TLS.expire":86400,"TLS.sig":"{}"}}"#,
            VECTORS[0].signature
        );
        assert!(document.contains(from), "nothing to replace");
        pack(document.replacen(from, to, 1).as_bytes())
    }

    #[test]
    fn vectors_decode_and_verify() {
        for (index, vector) in VECTORS.iter().enumerate() {
            let number = index + 1;
            let decoded = decode(vector.ticket).unwrap();
            let userbuf = vector.userbuf_hex.map(|text| hex::decode(text).unwrap());
            assert_eq!(decoded.app, vector.app, "vector {number}");
            assert_eq!(decoded.user, vector.user, "vector {number}");
            assert_eq!(decoded.issued_at, vector.issued_at, "vector {number}");
            assert_eq!(decoded.expire_secs, vector.expire_secs, "vector {number}");
            assert_eq!(decoded.userbuf, userbuf, "vector {number}");
            assert_eq!(STANDARD.encode(decoded.signature), vector.signature, "vector {number}");

            let keys = [key(vector.key)];
            let verified = verify(&keys, vector.app, vector.user, vector.ticket, vector.issued_at, SKEW_SECS);
            assert_eq!(verified, Ok(decoded), "vector {number}");
        }
    }

    #[test]
    fn own_tickets_carry_the_signatures_of_the_vectors() {
        for vector in &VECTORS {
            let userbuf = vector.userbuf_hex.map(|text| hex::decode(text).unwrap());
            let ticket = sign(
                &key(vector.key),
                vector.app,
                vector.user,
                vector.issued_at,
                vector.expire_secs,
                userbuf.as_deref(),
            );
            assert_eq!(decode(&ticket), decode(vector.ticket));
        }
    }

    #[test]
    fn own_tickets_keep_to_the_alphabet() {
        for user in ["a", "ab", "abc", "abcd"] {
            let ticket = sign(&key(K1), 1, user, 0, 1, None);
            assert!(ticket.starts_with("eJ"), "{ticket}");
            assert!(ticket.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*-_".contains(&byte)));
        }
    }

    #[test]
    fn other_claims_are_refused() {
        let ticket = VECTORS[0].ticket;
        let check = |keys: &[SigningKey], app, user| verify(keys, app, user, ticket, 1_700_000_000, SKEW_SECS);
        let keys = [key(K1)];
        assert_eq!(check(&keys, 1_400_000_001, "user_1002"), Err(BadUserSig::OtherUser));
        assert_eq!(check(&keys, 1_400_000_001, "USER_1001"), Err(BadUserSig::OtherUser));
        assert_eq!(check(&keys, 20_009_527, "user_1001"), Err(BadUserSig::OtherApp));
        assert_eq!(check(&keys, 20_009_527, "user_1002"), Err(BadUserSig::OtherApp));
        assert_eq!(check(&[key(K2)], 1_400_000_001, "user_1001"), Err(BadUserSig::BadSignature));
        assert_eq!(check(&[], 1_400_000_001, "user_1001"), Err(BadUserSig::NoKey));
        let hex_decoded = String::from_utf8_lossy(&hex::decode(K1).unwrap()).into_owned();
        assert_eq!(check(&[key(&hex_decoded)], 1_400_000_001, "user_1001"), Err(BadUserSig::BadSignature));
    }

    /// docs/spec/usersig.md#6
    #[rstest]
    #[case(BadUserSig::Empty, 70002)]
    #[case(BadUserSig::NoKey, 70016)]
    #[case(BadUserSig::Malformed("not base64"), 70003)]
    #[case(BadUserSig::FromTheFuture, 70003)]
    #[case(BadUserSig::OtherApp, 70014)]
    #[case(BadUserSig::OtherUser, 70013)]
    #[case(BadUserSig::BadSignature, 70009)]
    #[case(BadUserSig::Expired, 70001)]
    fn each_refusal_has_its_code(#[case] refusal: BadUserSig, #[case] number: u32) {
        assert_eq!(refusal.code().number(), number);
    }

    #[test]
    fn either_key_of_a_rotation_verifies() {
        let keys = [key(K2), key(K1)];
        let verified = verify(&keys, 1_400_000_001, "user_1001", VECTORS[0].ticket, 1_700_000_000, 0);
        assert!(verified.is_ok());
    }

    #[rstest]
    #[case::issued(1_700_000_000, None)]
    #[case::last_second(1_700_086_400, None)]
    #[case::one_later(1_700_086_401, Some(BadUserSig::Expired))]
    #[case::clock_ahead(1_699_999_400, None)]
    #[case::clock_too_far_ahead(1_699_999_399, Some(BadUserSig::FromTheFuture))]
    fn time_bounds(#[case] now: i64, #[case] refusal: Option<BadUserSig>) {
        assert_eq!(verify_first(VECTORS[0].ticket, now).err(), refusal);
    }

    #[test]
    fn times_in_milliseconds_are_from_the_future() {
        let ticket = sign(&key(K1), 1_400_000_001, "user_1001", 1_700_000_000_000, 86_400, None);
        assert_eq!(verify_first(&ticket, 1_700_000_000), Err(BadUserSig::FromTheFuture));
    }

    #[test]
    fn the_end_of_a_very_long_life_does_not_overflow() {
        let ticket = sign(&key(K1), 1_400_000_001, "user_1001", 1_700_000_000, u64::MAX, None);
        assert_eq!(verify_first(&ticket, 1_700_000_000).unwrap().expires_at(), i64::MAX);
    }

    #[test]
    fn an_altered_ticket_never_verifies() {
        let ticket = VECTORS[0].ticket;
        for position in 0..ticket.len() {
            for replacement in ["A", "z", "*", "_", "\u{e9}"] {
                if ticket[position..].starts_with(replacement) {
                    continue;
                }
                let altered = format!("{}{replacement}{}", &ticket[..position], &ticket[position + 1..]);
                let refusal = verify_first(&altered, 1_700_000_000).unwrap_err();
                assert!(
                    matches!(refusal, BadUserSig::Malformed(_) | BadUserSig::BadSignature),
                    "position {position}: {refusal:?}"
                );
            }
        }
    }

    #[test]
    fn a_cut_ticket_is_malformed_and_missing_padding_is_not() {
        let ticket = VECTORS[0].ticket;
        let data = ticket.trim_end_matches('_').len();
        assert_eq!(ticket.len() - data, 2, "vector 1 has two padding characters");
        for length in 1..=ticket.len() {
            let verdict = verify_first(&ticket[..length], 1_700_000_000);
            if length >= data {
                assert!(verdict.is_ok(), "{length} of {}", ticket.len());
            } else {
                assert!(matches!(verdict, Err(BadUserSig::Malformed(_))), "{length}: {verdict:?}");
            }
        }
    }

    #[test]
    fn the_standard_alphabet_is_tolerated() {
        let standard = VECTORS[0].ticket.replace('*', "+").replace('-', "/").replace('_', "=");
        assert!(verify_first(&standard, 1_700_000_000).is_ok());
    }

    #[test]
    fn texts_that_are_no_tickets_are_malformed() {
        let endless = pack(&vec![b' '; 1_000_000]);
        let raw_deflate = "q1YqzUtNVrJSMlSqBQA";
        for text in ["not-a-ticket", "_", "__", "___", "eJ", "eJw", " ", "eJyrVg rxCd", raw_deflate, &endless] {
            assert!(matches!(decode(text), Err(BadUserSig::Malformed(_))), "{text}");
        }
        assert_eq!(decode(&endless[..]), Err(BadUserSig::Malformed("document longer than 8192 bytes")));
        assert_eq!(decode(""), Err(BadUserSig::Empty));
        assert_eq!(verify_first("", 0), Err(BadUserSig::Empty));
    }

    #[test]
    fn length_limits_hold_at_their_edges() {
        let fits = format!("{}{}", VECTORS[0].ticket, "A".repeat(MAX_TICKET_BYTES - VECTORS[0].ticket.len()));
        assert_eq!(decode(&fits), Err(BadUserSig::Malformed("not base64")));
        assert_eq!(decode(&format!("{fits}A")), Err(BadUserSig::Malformed("longer than 2048 characters")));

        let spaces = |count: usize| packed_with(r#","TLS.sig""#, &format!(",{}\"TLS.sig\"", " ".repeat(count)));
        let document_bytes = unpack(&spaces(0)).unwrap().len();
        let longest = spaces(MAX_DOCUMENT_BYTES - document_bytes);
        assert!(verify_first(&longest, 1_700_000_000).is_ok());
        let one_more = spaces(MAX_DOCUMENT_BYTES - document_bytes + 1);
        assert_eq!(decode(&one_more), Err(BadUserSig::Malformed("document longer than 8192 bytes")));
    }

    #[rstest]
    #[case::as_is("{", "{")]
    #[case::white_space(r#""TLS.time":"#, "\"TLS.time\" : \n\t")]
    #[case::unknown_member("{", r#"{"TLS.extra":{"deep":[1,2]},"#)]
    #[case::deep_unknown_member("{", &format!("{{\"x\":{}{},", "[".repeat(900), "]".repeat(900)))]
    #[case::app_as_text("1400000001", r#""1400000001""#)]
    #[case::times_as_text("1700000000", r#""1700000000""#)]
    #[case::life_as_text_with_zero("86400", r#""086400""#)]
    #[case::escaped_user("user_1001", r"\u0075ser_1001")]
    #[case::escaped_member("TLS.time", r"TLS\u002etime")]
    fn documents_of_other_generators_verify(#[case] from: &str, #[case] to: &str) {
        assert!(verify_first(&packed_with(from, to), 1_700_000_000).is_ok());
    }

    #[rstest]
    #[case::no_json("{", "")]
    #[case::array("{\"TLS.ver\":\"2.0\",", "[\"TLS.ver\":\"2.0\",")]
    #[case::data_after("}", "} x")]
    #[case::version_1("2.0", "1.0")]
    #[case::version_number(r#""2.0""#, "2.0")]
    #[case::version_missing(r#""TLS.ver":"2.0","#, "")]
    #[case::user_missing(r#""TLS.identifier":"user_1001","#, "")]
    #[case::user_number(r#""user_1001""#, "1001")]
    #[case::user_null(r#""user_1001""#, "null")]
    #[case::app_missing(r#""TLS.sdkappid":1400000001,"#, "")]
    #[case::app_negative("1400000001", "-1400000001")]
    #[case::app_beyond_u32("1400000001", "4294967296")]
    #[case::time_missing(r#""TLS.time":1700000000,"#, "")]
    #[case::time_fraction("1700000000", "1700000000.0")]
    #[case::time_exponent("1700000000", "17e8")]
    #[case::time_signed_text("1700000000", r#""+1700000000""#)]
    #[case::time_empty_text("1700000000", r#""""#)]
    #[case::time_beyond_i64("1700000000", "9223372036854775808")]
    #[case::expire_missing(r#""TLS.expire":86400,"#, "")]
    #[case::expire_fraction("86400", "86400.0")]
    #[case::expire_negative("86400", "-1")]
    #[case::expire_beyond_u64("86400", "18446744073709551616")]
    #[case::expire_array("86400", "[86400]")]
    #[case::userbuf_not_base64("{", r#"{"TLS.userbuf":"?","#)]
    #[case::userbuf_number("{", r#"{"TLS.userbuf":1,"#)]
    #[case::signature_missing(r#","TLS.sig""#, r#","TLS.sign""#)]
    #[case::signature_short(r#""TLS.sig":"t9Us"#, r#""TLS.sig":""#)]
    #[case::user_twice("{", r#"{"TLS.identifier":"user_1001","#)]
    #[case::time_twice("{", r#"{"TLS.time":1700000000,"#)]
    fn documents_that_break_the_rules_are_malformed(#[case] from: &str, #[case] to: &str) {
        let verdict = verify_first(&packed_with(from, to), 1_700_000_000);
        assert!(matches!(verdict, Err(BadUserSig::Malformed(_))), "{verdict:?}");
    }

    #[rstest]
    #[case::later("1700000000", "1700000001")]
    #[case::longer("86400", "8640000")]
    #[case::userbuf_added("{", r#"{"TLS.userbuf":"YWJj","#)]
    #[case::empty_userbuf_added("{", r#"{"TLS.userbuf":"","#)]
    #[case::other_signature("t9Us", "t9Ut")]
    fn changed_documents_do_not_match_their_signature(#[case] from: &str, #[case] to: &str) {
        let verdict = verify_first(&packed_with(from, to), 1_700_000_000);
        assert_eq!(verdict, Err(BadUserSig::BadSignature));
    }

    /// A user id with line feeds in it cannot pass for another user's signed text.
    #[test]
    fn line_feeds_in_a_user_id_do_not_move_the_other_fields() {
        let user = "user_1001\nTLS.sdkappid:1400000001\nTLS.time:1700000000\nTLS.expire:86400";
        let ticket = sign(&key(K1), 1_400_000_001, user, 1_700_000_000, 86_400, None);
        assert_eq!(verify_first(&ticket, 1_700_000_000), Err(BadUserSig::OtherUser));
        assert!(verify(&[key(K1)], 1_400_000_001, user, &ticket, 1_700_000_000, 0).is_ok());
    }

    #[test]
    fn secrets_stay_out_of_debug_texts() {
        assert_eq!(format!("{:?}", key(K1)), "SigningKey(..)");
        let tickets = VerifiedTickets::new(1 << 20);
        remembered_first(&tickets, &key(K1), 0, 1_700_000_000).unwrap();
        assert!(!format!("{tickets:?}").contains("eJ"));
    }

    fn remembered_first(
        tickets: &VerifiedTickets,
        key: &SigningKey,
        generation: u64,
        now: i64,
    ) -> Result<ValidTicket, BadUserSig> {
        let app_keys = AppKeys { keys: std::slice::from_ref(key), generation };
        tickets.verify(app_keys, 1_400_000_001, "user_1001", VECTORS[0].ticket, now, SKEW_SECS)
    }

    #[test]
    fn a_remembered_ticket_is_not_checked_against_the_key_again() {
        let tickets = VerifiedTickets::new(1 << 20);
        let times = ValidTicket { issued_at: 1_700_000_000, expires_at: 1_700_086_400 };
        assert_eq!(remembered_first(&tickets, &key(K1), 1, 1_700_000_000), Ok(times));
        // The wrong key shows that the answer comes from memory: real keys never change within a generation.
        assert_eq!(remembered_first(&tickets, &key(K2), 1, 1_700_000_000), Ok(times));
    }

    #[test]
    fn a_remembered_ticket_is_checked_for_time_claim_and_keys() {
        let tickets = VerifiedTickets::new(1 << 20);
        remembered_first(&tickets, &key(K1), 1, 1_700_000_000).unwrap();

        let later = remembered_first(&tickets, &key(K1), 1, 1_700_086_401);
        assert_eq!(later, Err(BadUserSig::Expired));
        let earlier = remembered_first(&tickets, &key(K1), 1, 1_600_000_000);
        assert_eq!(earlier, Err(BadUserSig::FromTheFuture));
        let rotated = remembered_first(&tickets, &key(K2), 2, 1_700_000_000);
        assert_eq!(rotated, Err(BadUserSig::BadSignature));

        let k1 = key(K1);
        let app_keys = AppKeys { keys: std::slice::from_ref(&k1), generation: 1 };
        let claim = |app, user| tickets.verify(app_keys, app, user, VECTORS[0].ticket, 1_700_000_000, SKEW_SECS);
        assert_eq!(claim(1_400_000_001, "user_1002"), Err(BadUserSig::OtherUser));
        assert_eq!(claim(20_009_527, "user_1001"), Err(BadUserSig::OtherApp));
        assert!(claim(1_400_000_001, "user_1001").is_ok());
    }

    #[test]
    fn remembered_tickets_take_a_bounded_number_of_bytes() {
        let tickets = VerifiedTickets::new(50_000);
        let k1 = key(K1);
        let app_keys = AppKeys { keys: std::slice::from_ref(&k1), generation: 1 };
        for number in 0..1_000 {
            let user = format!("user_{number}");
            let ticket = sign(&k1, 1, &user, 0, 100, None);
            tickets.verify(app_keys, 1, &user, &ticket, 0, 0).unwrap();
        }
        tickets.by_ticket.run_pending_tasks();
        let entries = tickets.by_ticket.entry_count();
        assert!((1..=150).contains(&entries), "{entries} entries");
    }

    proptest! {
        #[test]
        fn decode_undoes_sign(
            app: u32,
            user in ".{0,64}",
            issued_at in 0..=i64::MAX,
            expire_secs: u64,
            userbuf: Option<[u8; 24]>,
        ) {
            let userbuf = userbuf.map(|bytes| bytes.to_vec());
            let ticket = sign(&key(K1), app, &user, issued_at, expire_secs, userbuf.as_deref());
            let decoded = verify(&[key(K1)], app, &user, &ticket, issued_at, 0).unwrap();
            prop_assert_eq!(
                (decoded.app, decoded.user, decoded.issued_at, decoded.expire_secs, decoded.userbuf),
                (app, user, issued_at, expire_secs, userbuf)
            );
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,300}") {
            let _ = decode(&text);
        }

        #[test]
        fn any_compressed_document_is_answered(document: Vec<u8>) {
            prop_assert!(decode(&pack(&document)).is_err());
        }

        #[test]
        fn any_bytes_in_ticket_alphabet_are_answered(text in "[A-Za-z0-9*_-]{1,300}") {
            prop_assert!(verify_first(&text, 1_700_000_000).is_err());
        }
    }
}
