//! A gateway of the operator's own: one HTTP request per notification, for services that Tsudoi does not speak to itself.
//!
//! `POST` with the notification as JSON and the secret as bearer ticket. 2xx takes it, 404 and 410 say that the device is gone, 429
//! and 5xx ask to come again, everything else refuses.

use async_trait::async_trait;
use reqwest::Client;

use crate::{AddressPolicy, BadAccount, Notification, Sender, Verdict, client, retry_after, unreachable};

/// Where the gateway is.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewayAccount {
    /// Its address.
    pub address: String,
    /// What it knows the server by.
    pub secret: String,
    /// The number of the phone maker that reports name.
    pub platform: u32,
}

/// Shows neither secret nor address, which may hold one.
impl std::fmt::Debug for GatewayAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayAccount").field("platform", &self.platform).finish_non_exhaustive()
    }
}

/// A gateway of the operator's own.
#[derive(Debug)]
pub struct Gateway {
    account: GatewayAccount,
    client: Client,
}

impl Gateway {
    /// A sender to a gateway.
    ///
    /// # Errors
    /// The address may not be called, or no client can be made.
    pub fn new(account: GatewayAccount, allows: AddressPolicy) -> Result<Self, BadAccount> {
        let client = client(&[&account.address], allows)?.build()?;
        Ok(Self { account, client })
    }
}

#[async_trait]
impl Sender for Gateway {
    fn platform(&self) -> u32 {
        self.account.platform
    }

    async fn send(&self, notification: &Notification) -> Verdict {
        let request = self.client.post(&self.account.address).bearer_auth(&self.account.secret).json(notification);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return unreachable(error),
        };
        let (status, wait) = (answer.status(), retry_after(&answer));
        match status.as_u16() {
            200..300 => Verdict::Taken(None),
            404 | 410 => Verdict::Gone,
            429 | 500.. => Verdict::Later(status.to_string(), wait),
            _ => Verdict::Refused(status.to_string()),
        }
    }
}
