//! Every way a measurement can fail, in words that say what to do.

use std::io;
use std::path::PathBuf;

/// Why a benchmark stopped without figures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The address given with `--url` cannot be used.
    #[error("cannot use address {url:?}: {why}")]
    BadUrl {
        /// The address as it was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// An argument is outside its range, or two arguments contradict each other.
    #[error("bad argument: {0}")]
    BadArgument(String),
    /// A process of the measurement could not be started.
    #[error("cannot start {binary}: {source}", binary = binary.display())]
    Start {
        /// The program.
        binary: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The server did not become ready; `log` holds the end of what it printed.
    #[error("the server {why}; the end of its output:\n{log}")]
    NotReady {
        /// What happened instead.
        why: String,
        /// The last lines of its output.
        log: String,
    },
    /// A connection or a file failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The server answered a command with an error code.
    #[error("{command} was refused with {code}: {text}")]
    Refused {
        /// Service and command.
        command: String,
        /// `ErrorCode` of the answer.
        code: i64,
        /// `ErrorInfo` of the answer.
        text: String,
    },
    /// The server answered something that is not what the specification says.
    #[error("{command}: {why}")]
    BadAnswer {
        /// Service and command, or the step of the handshake.
        command: String,
        /// What was wrong.
        why: String,
    },
    /// Something that has to happen did not happen in time.
    #[error("{what} within {seconds} s")]
    TooSlow {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
    },
    /// The process may not hold enough open files for so many connections.
    #[error(
        "{needed} open files are needed but the system allows {allowed}: raise the hard limit (ulimit -Hn) or ask for fewer connections"
    )]
    TooFewFiles {
        /// Files that the measurement needs.
        needed: u64,
        /// The hard limit of this process.
        allowed: u64,
    },
}

impl BenchError {
    /// Wraps a system error together with what was being done; for `map_err`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// An answer that breaks the specification.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over errors and texts alike")]
    pub(crate) fn bad_answer(command: &str, why: impl ToString) -> Self {
        Self::BadAnswer { command: command.to_owned(), why: why.to_string() }
    }
}
