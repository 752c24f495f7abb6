//! The air of Tsudoi: who is connected, who gets what, and the bus between nodes.
//!
//! The promise: a push is encoded once per encoding, whoever gets it; a session receives in the order it was sent to;
//! every queue is bounded, and a slow reader hurts itself only.

pub mod bus;
pub mod connection;
pub mod frame;
pub mod hub;
pub mod push;
pub mod session;

pub use bus::{Bus, Local};
pub use connection::{ConnectionLimits, Ended, Incoming, Receiver, serve};
pub use hub::{Hub, Subscription};
pub use push::{Encoding, Importance, Push};
pub use session::{CloseReason, Session, SessionId};
