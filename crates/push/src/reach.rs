//! Which addresses may be called: settings of an app must not lead the server to where its operator wants nobody to reach.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use crate::BadAccount;

/// Whether an address may be called.
pub type AddressPolicy = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Lets pass an address of a service. Names are looked at when they are resolved, bare addresses never are.
pub(crate) fn check(address: &str, allows: &AddressPolicy) -> Result<(), BadAccount> {
    let url = Url::parse(address).map_err(|e| BadAccount::Address(format!("the address is none: {e}")))?;
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(ip) if !allows(ip) => Err(BadAccount::Address(format!("{ip} may not be called"))),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Resolves names to the addresses that may be called.
pub(crate) struct Resolver(pub(crate) AddressPolicy);

/// The host has no address that may be called.
#[derive(Debug, thiserror::Error)]
#[error("the host leads to addresses that may not be called")]
struct NotAllowed;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allows = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err(NotAllowed.into());
            }
            let allowed: Addrs = Box::new(allowed.into_iter());
            Ok(allowed)
        })
    }
}
