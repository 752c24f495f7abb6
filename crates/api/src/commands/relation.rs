//! Friends and block lists, as far as the login of a client asks for them. Spec: docs/spec/websocket-protocol.md#5, #18
//!
//! No command makes a relation yet (docs/compatibility.md), so every list is empty; clients need the lists to be told apart from a
//! refusal, or they ask again and again (docs/spec/websocket-protocol.md#3).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Route},
    error::Error,
};

pub(crate) fn all() -> Vec<Entry> {
    list![GetFriends, GetFriendGroups, GetApplications, GetBlockList]
}

/// Nothing: the lists hold no entries.
type Nobody = [(); 0];

/// One's friends. Gateway only.
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct GetFriends {}

/// A page of friends, and that it is the last.
#[derive(Debug, Default, Serialize)]
pub struct Friends {
    #[serde(rename = "UserDataItem")]
    friends: Nobody,
    #[serde(rename = "FriendNum")]
    total: u32,
    #[serde(rename = "CompleteFlag")]
    complete: u32,
    #[serde(rename = "NextStartIndex")]
    next: u32,
    #[serde(rename = "StandardSequence")]
    standard_sequence: u32,
    #[serde(rename = "CustomSequence")]
    custom_sequence: u32,
}

impl Command for GetFriends {
    const ROUTE: Route = Route::socket("sns", "friend_get", "docs/spec/websocket-protocol.md#18");
    type Reply = Friends;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<Friends, Error> {
        Ok(Friends { complete: 1, ..Friends::default() })
    }
}

/// One's friend groups. Gateway only.
/// Spec: docs/spec/websocket-protocol.md#5
#[derive(Debug, Deserialize)]
pub struct GetFriendGroups {}

/// The friend groups.
#[derive(Debug, Default, Serialize)]
pub struct FriendGroups {
    #[serde(rename = "ResultItem")]
    groups: Nobody,
    #[serde(rename = "CurrentSequence")]
    sequence: u32,
}

impl Command for GetFriendGroups {
    const ROUTE: Route = Route::socket("sns", "group_get", "docs/spec/websocket-protocol.md#5");
    type Reply = FriendGroups;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<FriendGroups, Error> {
        Ok(FriendGroups::default())
    }
}

/// Friend requests that wait. Gateway only.
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct GetApplications {}

/// The requests.
#[derive(Debug, Default, Serialize)]
pub struct Applications {
    #[serde(rename = "PendencyItem")]
    requests: Nobody,
    #[serde(rename = "UnreadPendencyCount")]
    unread: u32,
    #[serde(rename = "StartTime")]
    start: u32,
    #[serde(rename = "CurrentSequence")]
    sequence: u32,
}

impl Command for GetApplications {
    const ROUTE: Route = Route::socket("sns", "pendency_get", "docs/spec/websocket-protocol.md#18");
    type Reply = Applications;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<Applications, Error> {
        Ok(Applications::default())
    }
}

/// Whom one has blocked. Gateway only.
/// Spec: docs/spec/websocket-protocol.md#3
#[derive(Debug, Deserialize)]
pub struct GetBlockList {}

/// A page of the list, and that it is the last: 0 says where no next page begins.
#[derive(Debug, Default, Serialize)]
pub struct BlockList {
    #[serde(rename = "BlackListItem")]
    blocked: Nobody,
    #[serde(rename = "StartIndex")]
    next: u32,
    #[serde(rename = "CurruentSequence")]
    misspelt_sequence: u32,
    #[serde(rename = "CurrentSequence")]
    sequence: u32,
}

impl Command for GetBlockList {
    const ROUTE: Route = Route::socket("sns", "black_list_get", "docs/spec/websocket-protocol.md#3");
    type Reply = BlockList;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<BlockList, Error> {
        Ok(BlockList::default())
    }
}
