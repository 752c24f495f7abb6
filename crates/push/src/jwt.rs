//! Signed tickets in the form that both big services want: three parts, the last one a signature with a private key (RFC 7515).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::{Value, json};

/// Why a text is no key.
#[derive(Debug, thiserror::Error)]
pub enum BadKey {
    /// It is no private key in PEM form.
    #[error("it is no private key in PEM form: {0}")]
    Pem(#[from] rustls_pki_types::pem::Error),
    /// It is a key of another kind.
    #[error("it is a key of another kind: {0}")]
    Kind(ring::error::KeyRejected),
    /// It is of an older form.
    #[error("it is not in the form PKCS#8 (`BEGIN PRIVATE KEY`)")]
    Form,
}

/// A private key that signs tickets.
pub(crate) enum Key {
    /// ES256.
    Elliptic(EcdsaKeyPair),
    /// RS256.
    Rsa(RsaKeyPair),
}

/// The system could not sign; the words say that it lacks chance.
#[derive(Debug, thiserror::Error)]
#[error("the system cannot sign")]
pub(crate) struct CannotSign;

impl Key {
    /// A key on the curve P-256, as Apple gives it away.
    pub(crate) fn elliptic(pem: &str) -> Result<Self, BadKey> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())?;
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der(), &SystemRandom::new())
                .map_err(BadKey::Kind)?;
        Ok(Self::Elliptic(pair))
    }

    /// An RSA key, as Google gives it away.
    pub(crate) fn rsa(pem: &str) -> Result<Self, BadKey> {
        let pair = match PrivateKeyDer::from_pem_slice(pem.as_bytes())? {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(BadKey::Kind)?,
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(BadKey::Kind)?,
            _ => return Err(BadKey::Form),
        };
        Ok(Self::Rsa(pair))
    }

    /// The ticket that says `claims`; `name` names the key, where the service wants that.
    pub(crate) fn sign(&self, name: Option<&str>, claims: &Value) -> Result<String, CannotSign> {
        let mut header = match self {
            Self::Elliptic(_) => json!({ "alg": "ES256" }),
            Self::Rsa(_) => json!({ "alg": "RS256", "typ": "JWT" }),
        };
        if let Some(name) = name {
            header["kid"] = json!(name);
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let dice = SystemRandom::new();
        let signature = match self {
            Self::Elliptic(pair) => pair.sign(&dice, signed.as_bytes()).map_err(|_| CannotSign)?.as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &dice, signed.as_bytes(), &mut signature).map_err(|_| CannotSign)?;
                signature
            }
        };
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
