//! Files of messages: pictures, sounds, videos and others that clients upload to the server and download from it.
//!
//! A file is known by its key, which the server makes and which says nothing of the name that the sender gave it: the app, the day,
//! the kind and 128 random bits. Addresses are signed: one to upload, for minutes, and one to download, for as long as the file is
//! kept. Nothing is stored about a file beside itself, but that it was banned.
//!
//! Spec: docs/spec/websocket-protocol.md#22, docs/spec/rest-push-ops.md#4.4

mod address;
mod door;
mod kind;
mod storage;

use std::sync::Arc;

use object_store::ObjectStore;
use tokio::sync::Semaphore;
use tsudoi_domain::Timestamp;
use tsudoi_store::{Store, StoreError};

use self::address::SigningKey;
pub use self::{
    address::{Address, FileKey, Purpose, SignatureFault},
    door::router,
    kind::FileKind,
    storage::upkeep,
};
use crate::{app::App, clock::Dice};

/// How many uploads are taken at a time; each holds a few megabytes.
const UPLOADS: usize = 64;
/// How long an address to upload to holds, in seconds.
const UPLOAD_SECS: i64 = 900;
/// How long an address that a backend asked for holds, in seconds.
const SIGNED_SECS: i64 = 900;

/// The files of the server.
pub struct Files {
    storage: Arc<dyn ObjectStore>,
    signing: SigningKey,
    public_url: Option<String>,
    uploads: Semaphore,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("storage", &self.storage).finish_non_exhaustive()
    }
}

impl Files {
    /// Files that lie in a storage. `public_url` is where clients reach the server; without it they are told the address that they
    /// came to.
    ///
    /// # Errors
    /// [`StoreError`] when the key that signs addresses cannot be read or kept.
    pub async fn load(
        storage: Arc<dyn ObjectStore>,
        public_url: Option<String>,
        store: &Store,
        dice: &dyn Dice,
    ) -> Result<Self, StoreError> {
        let signing = SigningKey::load(store, dice).await?;
        let public_url = public_url.map(|url| url.trim_end_matches('/').to_owned());
        Ok(Self { storage, signing, public_url, uploads: Semaphore::new(UPLOADS) })
    }

    /// A key for a new file.
    #[must_use]
    pub fn new_key(&self, app: &App, kind: FileKind) -> FileKey {
        let dice = app.dice();
        FileKey::new(app.id(), app.now(), kind, [dice.u64(), dice.u64()])
    }

    /// The address to upload a new file to, valid until the answered moment.
    #[must_use]
    pub fn upload_address(&self, key: &FileKey, name: &str, base: &str, now: Timestamp) -> (String, Timestamp) {
        let until = Timestamp(now.0 + UPLOAD_SECS);
        (self.signed(key, name, Purpose::Upload, base, until), until)
    }

    /// The address to download a file from for as long as the app keeps files.
    #[must_use]
    pub fn download_address(&self, app: &App, key: &FileKey, name: &str, base: &str) -> String {
        let days = i64::from(app.settings().files.days);
        let until = if days == 0 { Timestamp(0) } else { Timestamp(app.now().0 + days * 86_400) };
        self.signed(key, name, Purpose::Download, base, until)
    }

    /// The address to download a file from for a quarter of an hour.
    #[must_use]
    pub fn short_address(&self, key: &FileKey, name: &str, base: &str, now: Timestamp) -> String {
        self.signed(key, name, Purpose::Download, base, Timestamp(now.0 + SIGNED_SECS))
    }

    fn signed(&self, key: &FileKey, name: &str, purpose: Purpose, base: &str, until: Timestamp) -> String {
        let base = self.public_url.as_deref().unwrap_or(base);
        self.signing.sign(&Address { key: key.clone(), name: name.to_owned(), purpose, until }, base)
    }

    /// Whether the address is signed by this server for the purpose, and still holds.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(
        &self,
        key: &FileKey,
        name: &str,
        purpose: Purpose,
        query: &str,
        now: Timestamp,
    ) -> Result<(), SignatureFault> {
        self.signing.check(key, name, purpose, query, now)
    }

    /// Whether the file is there.
    ///
    /// # Errors
    /// The storage's fault.
    pub async fn is_there(&self, key: &FileKey) -> Result<bool, object_store::Error> {
        storage::size(self.storage.as_ref(), key).await.map(|size| size.is_some())
    }

    /// The first bytes of a file; `None` when it is not there.
    ///
    /// # Errors
    /// The storage's fault.
    pub async fn head(&self, key: &FileKey, bytes: u64) -> Result<Option<bytes::Bytes>, object_store::Error> {
        storage::head(self.storage.as_ref(), key, bytes).await
    }
}
