//! Opens the storage of uploaded files: a folder, or a bucket.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt as _, sync::Arc};

use object_store::{ObjectStore, aws::AmazonS3Builder, local::LocalFileSystem, prefix::PrefixStore};

use crate::{config::ServerConfig, wiring::StartError};

/// The storage that the configuration names.
///
/// # Errors
/// The folder cannot be made, or the settings name no storage.
pub fn open(config: &ServerConfig) -> Result<Arc<dyn ObjectStore>, StartError> {
    let files = &config.files;
    let Some(bucket) = &files.bucket else {
        let folder = files.folder.clone().unwrap_or_else(|| config.data_dir.join("files"));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|why| StartError::DataFolder { folder: folder.clone(), why })?;
        // An upload that was answered survives a power cut.
        let storage = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true).with_automatic_cleanup(true);
        return Ok(Arc::new(storage));
    };
    // The storage's client has to know whose ciphers to use; whoever was first in the process has chosen the same.
    _ = rustls::crypto::ring::default_provider().install_default();
    let builder = if files.access_key.is_some() { AmazonS3Builder::new() } else { AmazonS3Builder::from_env() };
    let mut builder = builder
        .with_bucket_name(bucket)
        .with_region(&files.region)
        .with_virtual_hosted_style_request(files.virtual_hosts);
    if let Some(endpoint) = &files.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    if let Some(key) = &files.access_key {
        builder = builder.with_access_key_id(key);
    }
    if let Some(secret) = &files.secret_key {
        builder = builder.with_secret_access_key(secret.reveal());
    }
    let storage = builder.build()?;
    Ok(match &files.prefix {
        Some(prefix) => Arc::new(PrefixStore::new(storage, prefix.as_str())),
        None => Arc::new(storage),
    })
}
