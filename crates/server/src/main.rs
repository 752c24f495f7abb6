//! The `tsudoi` program.

use std::process::ExitCode;

/// Requests allocate much and briefly, on all threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tsudoi::cli::run()
}
