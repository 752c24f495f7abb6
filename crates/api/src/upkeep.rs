//! What has to be done every few seconds, whoever asks for it.

use std::{sync::Arc, time::Duration};

use crate::{
    app::{App, Shared},
    filter, records,
};

/// How often.
const PAUSE: Duration = Duration::from_secs(5);
/// How often old message records are looked for, in pauses.
const SWEEP_EVERY: u32 = 120;

/// Stores what was counted, reads changed files of words, and deletes old message records, until the process ends.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut turn = 0_u32;
    loop {
        tokio::time::sleep(PAUSE).await;
        for app in shared.apps() {
            store_statistics(&app).await;
            reload_changed_files(&app).await;
        }
        if shared.apps().iter().any(|app| app.settings().features.search) {
            index_messages(&shared).await;
        }
        if turn.is_multiple_of(SWEEP_EVERY) {
            records::sweep(&shared);
        }
        turn = turn.wrapping_add(1);
    }
}

/// Messages that are taken up at a time, and how often in one turn.
const INDEXED: usize = 1000;
const INDEXED_TIMES: usize = 20;

/// Takes up new messages for the search, little by little: whoever searches takes up the rest.
async fn index_messages(shared: &Shared) {
    for _ in 0..INDEXED_TIMES {
        match shared.store.read().index_messages(INDEXED).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, "messages cannot be taken up for the search");
                return;
            }
        }
    }
}

pub(crate) async fn store_statistics(app: &Arc<App>) {
    if let Err(error) = app.statistics.store(app).await {
        tracing::warn!(app = %app.id(), %error, "statistics cannot be stored");
    }
}

async fn reload_changed_files(app: &Arc<App>) {
    let times = filter::file_times(&app.settings().moderation);
    if app.word_file_times() == times {
        return;
    }
    match app.reload_words().await {
        Ok(()) => tracing::info!(app = %app.id(), "files of words were read anew"),
        Err(error) => tracing::warn!(app = %app.id(), %error, "word lists cannot be read"),
    }
}
