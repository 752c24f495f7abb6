//! The roof of Tsudoi: command line, configuration, provisioning and the assembly of a server.
//!
//! [`cli::run`] is the whole program. [`config`] says how the server is set up, [`provision`] which apps it shall have,
//! [`wiring`] puts the floors together. Rules live further down, in `tsudoi_domain`.

pub mod cli;
pub mod config;
pub mod greeting;
pub mod logging;
pub mod open_files;
pub mod provision;
pub mod shutdown;
pub mod storage;
pub mod wiring;
