//! What can go wrong in the store.

/// A read or commit that did not work.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A precondition of the change no longer holds: load again, decide again.
    #[error("a precondition no longer holds: {0}")]
    Conflict(String),
    /// What the change refers to does not exist.
    #[error("{0} does not exist")]
    Missing(String),
    /// The store cannot answer now.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Stored data cannot be read.
    #[error("stored data is corrupt: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Whether the store works and just does not do this: the change asks for what is not there, or not any more.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Conflict(_) | Self::Missing(_) => true,
            Self::Unavailable(_) | Self::Corrupt(_) => false,
        }
    }
}
