//! The black-box suites, one file per family. They need the server's binary: `cargo build -p tsudoi` first.

mod crash;
mod golden;
mod rest_door;
mod socket_door;
