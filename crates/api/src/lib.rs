//! The doors of Tsudoi: commands, REST, the WebSocket gateway, webhooks and the vendor's shapes.

pub mod error_code;
pub mod user_sig;
pub mod wire;
