//! Lets whoever starts one piece of work after another know when the order of their changes is settled, which is long before they
//! are on disk.

use std::sync::Arc;

use tokio::sync::Notify;

tokio::task_local! {
    static SETTLED: Arc<Notify>;
}

/// Does `work` and notifies `settled` when its first change has got its place among all changes. Work that commits nothing
/// notifies nobody: its end says as much.
pub async fn taking_turns<F: Future>(settled: Arc<Notify>, work: F) -> F::Output {
    SETTLED.scope(settled, work).await
}

/// The change of the running work has its place.
pub(crate) fn settle() {
    // Most work is done by people whom nobody follows.
    _ = SETTLED.try_with(|settled| settled.notify_one());
}
