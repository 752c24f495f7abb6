//! Messages to all accounts of an app, or to those that a condition names; labels; devices that are away.
//! Spec: docs/spec/rest-push-ops.md#1, #2

use tsudoi_domain::push::BadLabel;

use crate::{
    app::App,
    catalogue::{Entry, list},
    error::Error,
    error_code::ErrorCode,
};

pub mod attribute;
pub mod device;
pub mod product;
pub mod report;
pub mod send;
pub mod tag;

pub(crate) fn all() -> Vec<Entry> {
    list![
        send::PushToMany as [("openim", "im_push")],
        report::Reports,
        attribute::SetNames,
        attribute::GetNames,
        attribute::Set,
        attribute::Get,
        attribute::Remove,
        tag::Add,
        tag::Get,
        tag::Remove,
        tag::RemoveAll,
        product::ProductPush,
        product::Batch,
        product::Revoke,
        product::Schedule,
        report::TaskStatistics,
        report::Trace,
        report::Losses,
        report::MessageStatistics,
        device::SetToken,
        device::Background,
        device::Foreground,
        device::PutDevice,
        device::GetDevices,
        device::DeleteDevice,
    ]
}

/// The most users that one call labels.
const BATCH: usize = 100;

/// Lets pass apps that push.
fn require_push(app: &App) -> Result<(), Error> {
    if app.settings().features.all_member_push { Ok(()) } else { Err(ErrorCode::PushOff.into()) }
}

/// Lets pass calls about 1 to [`BATCH`] users.
fn require_batch(field: &str, users: usize) -> Result<(), Error> {
    match users {
        0 => Err(Error::new(ErrorCode::MessageBadReceiver, format!("`{field}` is empty"))),
        1..=BATCH => Ok(()),
        _ => {
            let text = format!("`{field}` has {users} accounts, at most {BATCH} are allowed");
            Err(Error::new(ErrorCode::PushTooManyAccounts, text))
        }
    }
}

impl From<BadLabel> for Error {
    fn from(bad: BadLabel) -> Self {
        let code = match &bad {
            BadLabel::Mixed => ErrorCode::PushMixedConditions,
            BadLabel::Repeated(_) => ErrorCode::PushSameTagTwice,
            BadLabel::UnknownAttribute(_) => ErrorCode::PushUnknownAttribute,
            BadLabel::EmptyTag => ErrorCode::PushEmptyTag,
            BadLabel::LongTag(_) => ErrorCode::PushTagTooLong,
            BadLabel::TooManyTags { .. } => ErrorCode::PushTooManyTags,
            BadLabel::BadText(_) => ErrorCode::MessageBadSyncFromOld,
        };
        Error::new(code, bad.to_string())
    }
}
