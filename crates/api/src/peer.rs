//! Who is at the other end of a connection, also behind proxies.

use std::net::{IpAddr, SocketAddr};

use axum::{Extension, extract::ConnectInfo};
use http::HeaderMap;

/// The address the server's listener saw.
pub(crate) type Connected = Option<Extension<ConnectInfo<SocketAddr>>>;

/// The address of the client: what the listener saw, unless that is a proxy of the operator; then the last address in
/// `X-Forwarded-For` that is none.
pub(crate) fn client(connected: Connected, headers: &HeaderMap, is_proxy: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let Extension(ConnectInfo(address)) = connected?;
    let mut client = address.ip().to_canonical();
    let forwarded: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for named in forwarded.iter().flat_map(|list| list.split(',')).rev() {
        if !is_proxy(client) {
            break;
        }
        let Ok(before) = named.trim().parse::<IpAddr>() else { break };
        client = before.to_canonical();
    }
    Some(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_believed_only_where_they_are_known() {
        let connected = || Some(Extension(ConnectInfo("[::ffff:10.0.0.1]:9".parse().unwrap())));
        let is_proxy = |ip: IpAddr| ip.to_string().starts_with("10.");
        for (forwarded, trusted, client_ip) in [
            ("203.0.113.9", true, "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9, 10.0.0.2", true, "203.0.113.9"),
            ("203.0.113.9", false, "10.0.0.1"),
            ("nonsense", true, "10.0.0.1"),
            ("", true, "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            let found = client(connected(), &headers, |ip| trusted && is_proxy(ip));
            assert_eq!(found.unwrap().to_string(), client_ip, "{forwarded}");
        }
        assert_eq!(client(None, &HeaderMap::new(), is_proxy), None);
    }
}
