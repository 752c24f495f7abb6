//! The `tsudoi` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    tsudoi::cli::run()
}
