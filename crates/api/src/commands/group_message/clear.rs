//! Hides messages: from all members, or from oneself.

use std::sync::Arc;

use serde::Deserialize;
use tsudoi_domain::{GroupId, conversation::ConversationKey, message::clear};

use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    error::Error,
};

/// Hides the history of a group from its members, up to a number or all of it; backends still read it. REST.
/// Errors: `GroupNotFound`, `GroupNotAllowed` for types that cannot.
/// Spec: docs/spec/rest-groups.md#3.7
#[derive(Debug, Deserialize)]
pub struct ClearHistory {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "MsgSeq")]
    until: Option<u64>,
}

impl Command for ClearHistory {
    const ROUTE: Route = Route::rest("group_open_http_svc", "clear_group_msg", "docs/spec/rest-groups.md#3.7");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let decided = app.decide(|| async {
            let scene = app.scene(&self.group, caller, &caller.user).await?;
            let line = ConversationKey::Group(self.group.clone());
            let last_seq = app.store().read().position(app.id(), &line).await?.last_seq;
            Ok(((), clear::clear(&scene, self.until, last_seq)?))
        });
        decided.await?;
        Ok(Done {})
    }
}
