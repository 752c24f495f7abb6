//! The log on standard error: what happened, with fields, in text or JSON (docs/logging.md).

use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{LogConfig, LogFormat};

/// Starts logging, panics included. Later calls change nothing: the log belongs to the process.
pub fn start(config: &LogConfig) {
    let filter = EnvFilter::try_new(&config.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let to_stderr = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = match config.format {
        LogFormat::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            to_stderr.with_ansi(colours).boxed()
        }
        LogFormat::Json => to_stderr.json().flatten_event(true).boxed(),
    };
    // Fails only when a log was started before.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let words = panic.payload_as_str().unwrap_or("no words");
        let trace = std::backtrace::Backtrace::capture();
        tracing::error!(place, words, %trace, "a part of the server panicked");
    }));
}
