//! The black-box suites, one file per family. They need the server's binary: `cargo build -p tsudoi` first.

mod attributes;
mod catch_up;
mod contacts;
mod content_filter;
mod conversations;
mod counters;
mod crash;
mod direct_messages;
mod files;
mod golden;
mod group_messages;
mod groups;
mod history;
mod joining;
mod members;
mod message_extras;
mod official_accounts;
mod operations;
mod permission_groups;
mod push;
mod rest_door;
mod search;
mod socket_door;
mod ticket_service;
mod topics;
mod webhooks;
