//! The vendor's shapes that many commands share: what a request may hold, and how an answer is wrapped.
//!
//! What clients made and only clients read (message bodies, descriptions of push notifications) is checked here and then kept as
//! the JSON it came in, so members that this server does not know reach the receivers untouched.

pub mod message_body;
pub mod push_info;

mod kept_json;
mod shape;

pub use message_body::{BodyError, BodyLimits, MessageBody};
pub use push_info::{BadPushInfo, OfflinePushInfo};
