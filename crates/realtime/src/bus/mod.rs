//! The bus carries live events between nodes. It is a hint, not the truth: what is stored is found in the store.

use std::sync::Arc;

use bytes::Bytes;
use tsudoi_domain::{AppId, GroupId};

mod local;

pub use local::Local;

/// Something the other nodes should deliver to their own sessions.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The app.
    pub app: AppId,
    /// The group.
    pub group: GroupId,
    /// The push, JSON text.
    pub json: Bytes,
}

/// Whoever takes what other nodes say.
pub trait Listener: Send + Sync {
    /// An event of another node.
    fn heard(&self, envelope: &Envelope);
}

/// The bus between nodes.
pub trait Bus: Send + Sync {
    /// Tells the other nodes. Never waits; what does not fit is dropped.
    fn tell(&self, envelope: Envelope);
    /// Who hears what other nodes tell.
    fn listen(&self, listener: Arc<dyn Listener>);
}
