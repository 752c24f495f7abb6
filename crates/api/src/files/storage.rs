//! What lies in the storage: files by app and day.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, path::Path};
use tsudoi_domain::{AppId, Timestamp};

use super::{FileKey, address::day};
use crate::app::Shared;

/// How often files are looked at whose days are over.
const UPKEEP: Duration = Duration::from_secs(3600);

/// Deletes files when their app's days are over, until the process ends.
pub async fn upkeep(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        for app in shared.apps() {
            let days = app.settings().files.days;
            match expire(shared.files.storage.as_ref(), app.id(), days, app.now()).await {
                Ok(0) => {}
                Ok(files) => tracing::info!(app = %app.id(), files, "files whose days are over were deleted"),
                Err(error) => tracing::warn!(%error, app = %app.id(), "files whose days are over cannot be deleted"),
            }
        }
    }
}

/// How many bytes the file has; `None` when it is not there.
pub(super) async fn size(storage: &dyn ObjectStore, key: &FileKey) -> Result<Option<u64>, Error> {
    match storage.head(&key.place()).await {
        Ok(meta) => Ok(Some(meta.size)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// The first bytes of a file; `None` when it is not there.
pub(super) async fn head(storage: &dyn ObjectStore, key: &FileKey, bytes: u64) -> Result<Option<Bytes>, Error> {
    let options = GetOptions { range: Some(GetRange::Bounded(0..bytes)), ..GetOptions::default() };
    match storage.get_opts(&key.place(), options).await {
        Ok(found) => found.bytes().await.map(Some),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Deletes the files of an app that came more than so many days ago; 0 keeps everything. Answers how many went.
///
/// # Errors
/// The storage's fault.
pub(super) async fn expire(storage: &dyn ObjectStore, app: AppId, days: u32, now: Timestamp) -> Result<u64, Error> {
    if days == 0 {
        return Ok(0);
    }
    let oldest = day(now).saturating_sub(days);
    let folders = storage.list_with_delimiter(Some(&Path::from(app.to_string()))).await?.common_prefixes;
    let mut deleted = 0;
    for folder in folders {
        let is_over = folder.filename().and_then(|name| name.parse().ok()).is_some_and(|day: u32| day < oldest);
        if is_over {
            let files = storage.list(Some(&folder)).map_ok(|meta| meta.location).boxed();
            deleted += storage.delete_stream(files).try_fold(0, |number, _| async move { Ok(number + 1) }).await?;
        }
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;
    use crate::files::FileKind;

    const NOW: Timestamp = Timestamp(1_764_580_000);

    #[tokio::test]
    async fn files_go_after_their_days() {
        let storage = InMemory::new();
        let [app, other] = [AppId(1), AppId(2)];
        for (app, age) in [(app, 0), (app, 7), (app, 8), (app, 400), (other, 400)] {
            let came = Timestamp(NOW.0 - age * 86_400);
            let key = FileKey::new(app, came, FileKind::Other, [age.unsigned_abs(), 0]);
            storage.put(&key.place(), "x".into()).await.unwrap();
        }
        assert_eq!(expire(&storage, app, 0, NOW).await.unwrap(), 0);
        assert_eq!(expire(&storage, app, 7, NOW).await.unwrap(), 2);
        assert_eq!(expire(&storage, app, 7, NOW).await.unwrap(), 0);
        let left: Vec<_> = storage.list(None).try_collect().await.unwrap();
        assert_eq!(left.len(), 3);
    }
}
