//! The commands, one file per family, and the list of all of them.

use crate::{
    catalogue::{Entry, list},
    gateway::login,
};

/// All commands, family by family.
pub(crate) fn all() -> Vec<Entry> {
    list![
        login::Login,
        login::Logout,
        login::Alive,
        login::Hello,
        login::PushArrived,
        login::Telemetry,
        login::FetchConfig,
        login::FetchFeatures,
    ]
}
