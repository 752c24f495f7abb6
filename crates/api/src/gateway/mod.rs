//! The WebSocket door of the vendor's Web SDK (docs/spec/websocket-protocol.md): the same commands over frames.

pub mod devices;
pub mod frame;
pub mod kick;
pub mod login;
pub mod session_token;
mod upgrade;

pub use upgrade::router;
