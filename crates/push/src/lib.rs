//! The post of Tsudoi: notifications for devices that are away, handed to the push services of phone makers.
//!
//! The promise: whoever hands in a notification never waits ([`Post::offer`]); what does not fit into the queue is dropped and
//! counted. A service that is busy or gone is asked again a few times, with growing pauses; a device that the service no longer
//! knows is reported, so that its token is forgotten.
//!
//! A service is a [`Sender`]: [`Apns`], [`Fcm`], or a [`Gateway`] of the operator's own.

mod apns;
mod fcm;
mod gateway;
mod jwt;
mod notification;
mod post;
mod reach;
mod ticket;

pub use apns::{Apns, ApnsAccount};
pub use fcm::{Fcm, FcmAccount};
pub use gateway::{Gateway, GatewayAccount};
pub use jwt::BadKey;
pub use notification::{Extras, Notification};
pub use post::{Letter, Post, PostLimits};
pub use reach::AddressPolicy;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

/// What a service said about a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It took it; its own name for it, where it gives one.
    Taken(Option<String>),
    /// It no longer knows the device: the token is to be forgotten.
    Gone,
    /// Not now; the words say why, and it may say how long to wait.
    Later(String, Option<Duration>),
    /// Never; the words say why.
    Refused(String),
}

/// The number of Apple's service in reports.
pub const APPLE: u32 = 1;

/// A push service.
#[async_trait]
pub trait Sender: Send + Sync + std::fmt::Debug {
    /// The number of the service in reports (docs/spec/webhooks.md#13.1): 1 Apple, 4 Google, 0 others.
    fn platform(&self) -> u32;
    /// Hands a notification in, once.
    async fn send(&self, notification: &Notification) -> Verdict;
}

/// Why a sender cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BadAccount {
    /// The key is none that the service takes.
    #[error("the private key is not understood: {0}")]
    Key(#[from] BadKey),
    /// An address of the service is none, or may not be called.
    #[error("{0}")]
    Address(String),
    /// No client for HTTP.
    #[error("no connection can be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// How long a service may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// What every sender's client has in common: it calls only what may be called, gives up in time, and follows nobody elsewhere with a
/// ticket in hand. `addresses` are those of the service.
fn client(addresses: &[&str], allows: AddressPolicy) -> Result<reqwest::ClientBuilder, BadAccount> {
    for address in addresses {
        reach::check(address, &allows)?;
    }
    // Whoever was first in the process has chosen the same.
    _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().timeout(ANSWER).redirect(reqwest::redirect::Policy::none());
    Ok(builder.dns_resolver(Arc::new(reach::Resolver(allows))))
}

/// What went wrong on the way, without the address: it may hold secrets.
fn unreachable(error: reqwest::Error) -> Verdict {
    Verdict::Later(error.without_url().to_string(), None)
}

/// How long a busy service asks to wait.
fn retry_after(answer: &reqwest::Response) -> Option<Duration> {
    answer.headers().get(reqwest::header::RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
