//! What a client has dealt with. Spec: docs/spec/websocket-protocol.md#11, #13

use std::sync::Arc;

use serde::Deserialize;
use tsudoi_domain::change::{Change, Write};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Route},
    error::Error,
    error_code::ErrorCode,
};

pub(crate) fn all() -> Vec<Entry> {
    list![DropHandled]
}

/// Most notices a call may name.
const MOST: usize = 100;

/// Drops notices and mentions that the client has dealt with, so that no later login gets them again. Gateway only.
/// Limits: 100 per call. Errors: `MessageBadJson`.
/// Spec: docs/spec/websocket-protocol.md#13
#[derive(Debug, Deserialize)]
pub struct DropHandled {
    #[serde(rename = "DelMsgList")]
    handled: Vec<Handled>,
}

/// A notice, or the mention in a group message, which is nowhere kept.
#[derive(Debug, Deserialize)]
struct Handled {
    #[serde(rename = "MsgSeq", default)]
    seq: u64,
    #[serde(rename = "MsgRandom", default)]
    random: u32,
}

impl Command for DropHandled {
    const ROUTE: Route = Route::socket("openim", "deletemsg", "docs/spec/websocket-protocol.md#13");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        if self.handled.len() > MOST {
            let text = format!("`DelMsgList` has {} entries, at most {MOST} are allowed", self.handled.len());
            return Err(Error::new(ErrorCode::MessageBadJson, text));
        }
        // A notice's number and dice are the halves of its id (`wire::notice`).
        let ids = self.handled.iter().filter_map(|one| Some((u32::try_from(one.seq).ok()?, one.random)));
        let change = ids.fold(Change::none(), |change, (seq, random)| {
            let id = (u64::from(seq) << 32) | u64::from(random);
            change.write(Write::DropNotice { user: caller.user.clone(), id })
        });
        app.commit(change).await?;
        Ok(Done {})
    }
}
