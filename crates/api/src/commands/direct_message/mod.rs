//! Messages between two people. Spec: docs/spec/rest-c2c.md#1, docs/spec/websocket-protocol.md#9

use tsudoi_domain::{
    UserId,
    message::{Message, MsgKey},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    error::Error,
    error_code::ErrorCode,
    wire::{BodyLimits, item},
};

pub mod batch;
pub mod catch_up;
pub mod edit;
pub mod history;
pub mod import;
pub mod read;
pub mod recall;
pub mod send;

pub(crate) fn all() -> Vec<Entry> {
    list![
        send::SendMessage,
        batch::BatchSend,
        edit::EditMessage,
        import::ImportMessage,
        catch_up::CatchUp,
        history::History,
        history::AdminHistory,
        read::ReportRead,
        read::SetRead,
        read::PeerReadTime,
        read::UnreadNumbers,
        recall::Recall,
        recall::AdminRecall,
    ]
}

/// How large one message of the app may be.
fn body_limits(app: &App) -> BodyLimits {
    let settings = app.settings();
    let limits = &settings.limits().message;
    BodyLimits { max_bytes: limits.max_bytes as usize, max_merge_depth: limits.max_merge_depth as usize }
}

/// What a message says, in short: where the sender gives no number, the same words with the same dice are a repeat, and other words
/// with careless dice are not.
fn fingerprint(elements: &str, cloud_custom_data: Option<&str>) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(elements.as_bytes());
    hash.update(cloud_custom_data.unwrap_or_default().as_bytes());
    hash.finalize()
}

/// Lets pass an account that is known.
async fn known(app: &App, user: &UserId, field: &str, otherwise: ErrorCode) -> Result<(), Error> {
    if app.store().account(app.id(), user).await?.is_some() {
        return Ok(());
    }
    Err(Error::new(otherwise, format!("`{field}`: account {user} does not exist")))
}

/// Reads a `MsgKey`.
fn msg_key(field: &str, text: &str) -> Result<MsgKey, Error> {
    MsgKey::parse(text).ok_or_else(|| {
        Error::new(ErrorCode::MessageBadKey, format!("`{field}`: `{text}` is not of the form <seq>_<random>_<time>"))
    })
}

/// Everybody who sent one of the messages.
fn senders(messages: &[Message]) -> Vec<UserId> {
    let mut senders: Vec<UserId> = messages.iter().map(|message| item::direction(&message.draft).0.clone()).collect();
    senders.sort_unstable();
    senders.dedup();
    senders
}
