//! The addresses of the service, for firewalls. Spec: docs/spec/rest-push-ops.md#4.3

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode::Fault,
    error::Error,
    error_code::ErrorCode,
};

/// The highest number of a kind of address.
const MAX_KIND: u32 = 6;

/// Lists the addresses of the service: those that the app's settings name, else those of the machine. One server does everything, so
/// every kind of address (`nettype` in the query) is the same. REST only.
/// Errors: `RestBadQuery` for a kind that does not exist.
/// Spec: docs/spec/rest-push-ops.md#4.3
#[derive(Debug, Deserialize)]
pub struct ListAddresses {
    #[serde(rename = "nettype", default)]
    kind: u32,
}

/// The addresses.
#[derive(Debug, Serialize)]
pub struct Addresses {
    #[serde(rename = "IPList")]
    addresses: Vec<String>,
}

impl Command for ListAddresses {
    const ROUTE: Route =
        Route::rest("ConfigSvc", "GetIPList", "docs/spec/rest-push-ops.md#4.3").with_query(&["nettype"]);
    type Reply = Addresses;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Addresses, Error> {
        if self.kind > MAX_KIND {
            let text = format!("`nettype`: {} is above {MAX_KIND}", self.kind);
            return Err(Error::new(ErrorCode::RestBadQuery, text));
        }
        let named = app.settings().operations.addresses.clone();
        let addresses = if named.is_empty() { app.shared().bounds.addresses.clone() } else { named };
        Ok(Addresses { addresses })
    }

    fn bad_field(field: &str, _: Fault) -> Option<ErrorCode> {
        (field == "nettype").then_some(ErrorCode::RestBadQuery)
    }
}
