//! The rules of Tsudoi: who may do what to which group, member or message, and what then has to be stored.
//!
//! Everything here is a pure function of what was loaded, who asks, the time and, where the specification says
//! "at random", the dice. Nothing awaits, nothing reads a clock, nothing knows the vendor's field names. Callers load a
//! scene, ask for a decision and hand the resulting [`change::Change`] to the store.

pub mod account;
pub mod change;
mod column;
pub mod conversation;
pub mod denied;
#[cfg(test)]
mod example;
pub mod group;
pub mod id;
pub mod join;
pub mod limits;
pub mod live;
pub mod member;
pub mod message;
pub mod moderation;
pub mod notice;
pub mod official;
pub mod permission;
pub mod presence;
pub mod profile;
pub mod push;
pub mod relation;
pub mod rights;
pub mod scene;
pub mod settings;
pub mod statistics;
pub mod time;
pub mod topic;
pub mod webhook;

pub use denied::Denied;
pub use group::{GroupPolicy, GroupType};
pub use id::{AppId, GroupId, TopicId, UserId};
pub use limits::Limits;
pub use permission::{Action, Actor, Role, Verdict, permission};
pub use scene::Scene;
pub use settings::AppSettings;
pub use time::{Millis, Timestamp};
pub use webhook::WebhookCommand;
