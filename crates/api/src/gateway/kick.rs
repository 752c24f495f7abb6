//! Ends a user's sessions: by a newer login, or because the backend says so (docs/spec/websocket-protocol.md#6).

use std::sync::Arc;

use tsudoi_domain::{UserId, presence::Platform};
use tsudoi_realtime::{Importance, Session};

use crate::{
    app::App,
    delivery::push,
    webhook::{self, user::Move},
};

/// Why a session is told to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KickType {
    /// The account logged in once more on the same platform.
    MultipleAccount = 1,
    /// The account logged in on another platform.
    MultipleDevice = 2,
    /// The backend said so.
    Backend = 3,
}

impl KickType {
    /// Why a device has to go for a newer one.
    #[must_use]
    pub fn by(newcomer: Platform, gone: Platform) -> Self {
        if newcomer == gone { Self::MultipleAccount } else { Self::MultipleDevice }
    }
}

/// Tells a session that it is logged out, and lets go of it.
pub fn session(app: &App, session: &Arc<Session>, kind: KickType) {
    let payload = serde_json::json!([{ "KickoutMsgNotify": { "KickType": kind as u32, "NewInstInfo": {} } }]);
    // The vendor's client knows this push under a command of its own.
    let pushed = push(10, "C2cNotifyMsgArray", &payload, Importance::Needed);
    let json =
        String::from_utf8_lossy(pushed.json()).replacen("im_open_push.msg_push", "im_open_status.stat_forceoffline", 1);
    session.push(&tsudoi_realtime::Push::new(json.into_bytes(), Importance::Needed));
    app.hub().detach(session);
}

/// Ends all sessions of a user because the backend says so.
pub async fn by_backend(app: &App, user: &UserId) {
    for one in app.hub().sessions_of(app.id(), user) {
        session(app, &one, KickType::Backend);
        webhook::user::moved(app, user, &one, Move::LoggedOut).await;
    }
}
