//! The doors of Tsudoi: commands, REST, the WebSocket gateway, webhooks and the vendor's shapes.
//!
//! Both doors lead to the same commands. A door finds out who calls and checks the frame around the request; a command loads
//! what it needs, lets the rules decide, commits, and replies. What the commit changed is told to the world by `delivery`.

pub mod app;
pub mod catalogue;
pub mod clock;
pub mod command;
pub mod commands;
pub mod decode;
mod delivery;
pub mod error;
pub mod error_code;
pub mod files;
pub mod filter;
pub mod gateway;
pub mod housekeeping;
pub mod live;
pub mod new_groups;
mod peer;
pub mod push;
pub mod rate;
pub mod recent_sends;
pub mod records;
pub mod rest;
pub mod robots;
mod screening;
pub mod statistics;
pub mod ticket_service;
mod turns;
mod upkeep;
pub mod user_sig;
pub mod webhook;
pub mod wire;

pub use app::{App, Bounds, Parts, Shared};
pub use error::Error;
