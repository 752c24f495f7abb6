//! What operators ask: statistics, message records, addresses. Spec: docs/spec/rest-push-ops.md#4

use crate::catalogue::{Entry, list};

pub mod addresses;
pub mod app_info;
pub mod records;

pub(crate) fn all() -> Vec<Entry> {
    list![addresses::ListAddresses, app_info::AppInfo, records::MessageRecords]
}
