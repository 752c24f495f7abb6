//! One shape for every command, whichever door it came through.

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use tsudoi_domain::{Timestamp, UserId};
use tsudoi_realtime::Session;

use crate::{
    app::App,
    decode,
    error::Error,
    error_code::ErrorCode,
    wire::envelope::{self, Status},
};

/// Where a command is called, and where it is described.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The service, the first part of the address.
    pub service: &'static str,
    /// The command, the second part.
    pub command: &'static str,
    /// Which doors offer it.
    pub doors: Doors,
    /// The section that describes it.
    pub spec: &'static str,
    /// Parameters of the address that are part of the request, as if they stood in the body.
    pub query: &'static [&'static str],
    /// Whether it may be called by GET, without a body.
    pub get: bool,
    /// Whether it sends a message: of those that a client sends one after the other, none waits until the one before is on disk.
    pub is_send: bool,
}

impl Route {
    /// The same, with parameters of the address that are part of the request.
    #[must_use]
    pub const fn with_query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }

    /// The same, that sends a message.
    #[must_use]
    pub const fn sending(self) -> Self {
        Self { is_send: true, ..self }
    }

    /// The same, that may also be called by GET, without a body.
    #[must_use]
    pub const fn or_get(self) -> Self {
        Self { get: true, ..self }
    }

    /// A command of both doors.
    #[must_use]
    pub const fn both(service: &'static str, command: &'static str, spec: &'static str) -> Self {
        Self { service, command, doors: Doors::Both, spec, query: &[], get: false, is_send: false }
    }

    /// A command of backends only.
    #[must_use]
    pub const fn rest(service: &'static str, command: &'static str, spec: &'static str) -> Self {
        Self { service, command, doors: Doors::Rest, spec, query: &[], get: false, is_send: false }
    }

    /// A command of clients only.
    #[must_use]
    pub const fn socket(service: &'static str, command: &'static str, spec: &'static str) -> Self {
        Self { service, command, doors: Doors::Socket, spec, query: &[], get: false, is_send: false }
    }
}

/// Which doors offer a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doors {
    /// Backends, over HTTP.
    Rest,
    /// Clients, over WebSocket.
    Socket,
    /// Both.
    Both,
}

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account.
    pub user: UserId,
    /// Through which door.
    pub door: Door,
    /// What the client showed to be let in; only over WebSocket.
    pub proof: Option<Proof>,
    /// The address the request came from, over HTTP; sessions know theirs.
    pub peer: Option<IpAddr>,
}

/// What a ticket or session token says beside the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// When the ticket was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// A session token was shown: the device had logged in before and comes back.
    pub is_return: bool,
}

/// The door a request came through.
#[derive(Debug, Clone)]
pub enum Door {
    /// HTTP; the caller is an app admin.
    Rest,
    /// WebSocket, on this session.
    Socket(Arc<Session>),
}

impl Caller {
    /// Whether roles do not bind the caller. Over REST every caller is an app admin; over WebSocket an admin account is an
    /// ordinary user, as the vendor's clients know it (docs/spec/rest-common.md#3).
    #[must_use]
    pub fn is_app_admin(&self) -> bool {
        matches!(self.door, Door::Rest)
    }

    /// The session, over WebSocket.
    #[must_use]
    pub fn session(&self) -> Option<&Arc<Session>> {
        match &self.door {
            Door::Rest => None,
            Door::Socket(session) => Some(session),
        }
    }

    /// The account that acts: over REST the one the backend names, else the calling admin; over WebSocket always the caller.
    #[must_use]
    pub fn acting_for(&self, named: Option<&UserId>) -> UserId {
        match (&self.door, named) {
            (Door::Rest, Some(user)) => user.clone(),
            (Door::Rest, None) | (Door::Socket(_), _) => self.user.clone(),
        }
    }
}

/// A request that answers for itself: load, decide, ask, commit, reply.
pub trait Command: DeserializeOwned + Send + 'static {
    /// Where it is called.
    const ROUTE: Route;
    /// What it answers; serialises to an object.
    type Reply: Serialize + Send + 'static;

    /// Does it.
    fn run(self, caller: &Caller, app: &Arc<App>) -> impl Future<Output = Result<Self::Reply, Error>> + Send;

    /// The code for a field that is missing or wrong, where the command's section names one that its family does not.
    #[must_use]
    fn bad_field(_field: &str, _fault: decode::Fault) -> Option<ErrorCode> {
        None
    }

    /// How it ended, when not plainly well.
    #[must_use]
    fn status(_reply: &Self::Reply) -> Status {
        Status::Ok
    }

    /// The text of a success; nearly always empty.
    const INFO: &'static str = "";
}

/// The reply of commands that have nothing to say.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Done {}

/// A running command.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>> + Send + 'a>>;

/// A command with its types forgotten: takes a body, answers the whole success.
pub type Run = for<'a> fn(&'a [u8], &'a Caller, &'a Arc<App>) -> Running<'a>;

/// Decodes, runs and wraps a command.
pub fn run<'a, C: Command>(body: &'a [u8], caller: &'a Caller, app: &'a Arc<App>) -> Running<'a> {
    Box::pin(async move {
        let command: C = decode::body::<C>(body)?;
        let reply = command.run(caller, app).await?;
        let display = decode::Family::of(C::ROUTE.service).display();
        Ok(envelope::success(&envelope::payload(&reply), C::status(&reply), C::INFO, display))
    })
}
