//! A2 tokens: what a session shows instead of its ticket once it has logged in.
//!
//! Self-contained and signed, so that they outlive the connection and the process (docs/spec/websocket-protocol.md#6,
//! docs/decisions/0006-session-tokens.md). The signing key is made once and kept in the store.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tsudoi_domain::{AppId, Timestamp, UserId};
use tsudoi_store::{Store, StoreError};

use crate::clock::Dice;

const META_KEY: &str = "session_token_key";
const VERSION: u8 = 1;
/// Tokens longer than this are not looked at.
const MAX_TOKEN_BYTES: usize = 256;

/// The key that signs session tokens.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey")
    }
}

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionToken {
    /// The app.
    pub app: AppId,
    /// The user.
    pub user: UserId,
    /// When the ticket that was logged in with was issued; a kick since then voids the token.
    pub issued_at: Timestamp,
    /// When the ticket ends, and the token with it.
    pub expires_at: Timestamp,
}

impl TokenKey {
    /// The server's key, made on the first start.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read or kept.
    pub async fn load(store: &Store, dice: &dyn Dice) -> Result<Self, StoreError> {
        if let Some(found) = store.read().meta(META_KEY).await? {
            return found.try_into().map(Self).map_err(|_| StoreError::Corrupt(META_KEY.into()));
        }
        let mut key = [0; 32];
        for part in key.chunks_mut(8) {
            part.copy_from_slice(&dice.u64().to_le_bytes());
        }
        store.read().put_meta(META_KEY, &key).await?;
        Ok(Self(key))
    }

    /// Signs an address that the server gives out.
    #[must_use]
    pub fn sign_text(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(text.as_bytes()).finalize().into_bytes())
    }

    /// Whether an address was signed by this server.
    #[must_use]
    pub fn check_text(&self, text: &str, sign: &str) -> bool {
        URL_SAFE_NO_PAD.decode(sign).is_ok_and(|sign| self.mac(text.as_bytes()).verify_slice(&sign).is_ok())
    }

    fn mac(&self, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(body);
        mac
    }

    /// The text of a token.
    #[must_use]
    pub fn sign(&self, token: &SessionToken) -> String {
        let mut body = vec![VERSION];
        body.extend_from_slice(&token.app.0.to_be_bytes());
        body.extend_from_slice(&token.issued_at.0.to_be_bytes());
        body.extend_from_slice(&token.expires_at.0.to_be_bytes());
        body.extend_from_slice(token.user.as_str().as_bytes());
        let tag = self.mac(&body).finalize().into_bytes();
        body.extend_from_slice(&tag[..16]);
        URL_SAFE_NO_PAD.encode(body)
    }

    /// What the token says, when this server signed it. Whether it still holds is the caller's question.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<SessionToken> {
        if text.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, tag) = bytes.split_at_checked(bytes.len().checked_sub(16)?)?;
        self.mac(body).verify_truncated_left(tag).ok()?;
        let (version, rest) = body.split_first()?;
        let (app, rest) = rest.split_first_chunk()?;
        let (issued_at, rest) = rest.split_first_chunk()?;
        let (expires_at, user) = rest.split_first_chunk()?;
        (*version == VERSION).then_some(())?;
        Some(SessionToken {
            app: AppId(u32::from_be_bytes(*app)),
            user: UserId::parse(std::str::from_utf8(user).ok()?).ok()?,
            issued_at: Timestamp(i64::from_be_bytes(*issued_at)),
            expires_at: Timestamp(i64::from_be_bytes(*expires_at)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_key_signed_is_read() {
        let key = TokenKey([7; 32]);
        let token = SessionToken {
            app: AppId(1_400_000_001),
            user: UserId::parse("ana").expect("an id"),
            issued_at: Timestamp(1_700_000_000),
            expires_at: Timestamp(1_800_000_000),
        };
        let text = key.sign(&token);
        assert_eq!(key.read(&text), Some(token));
        assert_eq!(TokenKey([8; 32]).read(&text), None);
        assert_eq!(key.read(&text[..text.len() - 4]), None);
        for junk in ["", "x", "t1.abc", &"A".repeat(300)] {
            assert_eq!(key.read(junk), None);
        }
    }
}
