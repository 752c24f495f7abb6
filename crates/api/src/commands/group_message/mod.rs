//! Messages of groups and topics. Spec: docs/spec/rest-groups.md#3, docs/spec/websocket-protocol.md#11

use crate::catalogue::{Entry, list};

pub mod send;

pub(crate) fn all() -> Vec<Entry> {
    list![send::SendGroupMessage]
}
