//! Stopping: everybody is told once, by a signal or by a failed part, and gets time to finish.

use std::io;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// The exit code when the operator did not want to wait.
const EXIT_IMPATIENT: i32 = 130;

/// Asks everybody to stop.
#[derive(Debug, Clone)]
pub struct Trigger(watch::Sender<bool>);

/// Tells when to stop.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// A trigger and what it triggers.
#[must_use]
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

impl Trigger {
    /// Asks everybody to stop; once is enough.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Waits until somebody asks to stop. A trigger that is gone asks too.
    pub async fn requested(&self) {
        let mut receiver = self.0.clone();
        // An error says that nobody is left who could ask.
        let _ = receiver.wait_for(|stop| *stop).await;
    }

    /// Whether somebody asked to stop.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}

/// Stops on SIGTERM or SIGINT (Ctrl-C). A second signal ends the process at once.
///
/// # Errors
/// The system does not let the process listen to signals.
pub fn stop_on_signals(trigger: Trigger) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let mut asked = false;
        loop {
            let name = tokio::select! {
                Some(()) = terminate.recv() => "SIGTERM",
                Some(()) = interrupt.recv() => "SIGINT",
                else => return,
            };
            if asked {
                tracing::warn!(signal = name, "second signal: stopping at once");
                std::process::exit(EXIT_IMPATIENT);
            }
            asked = true;
            tracing::info!(signal = name, "stopping; a second signal stops at once");
            trigger.stop();
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_hears_it_also_late() {
        let (trigger, shutdown) = channel();
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.requested().await }
        });
        assert!(!shutdown.is_requested());
        trigger.stop();
        waiting.await.unwrap();
        assert!(shutdown.is_requested());
        shutdown.requested().await;
    }

    #[tokio::test]
    async fn a_lost_trigger_stops_too() {
        let (trigger, shutdown) = channel();
        drop(trigger);
        shutdown.requested().await;
    }
}
