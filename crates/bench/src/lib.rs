//! The load generator of Tsudoi: sends, fan-out, login storms, webhooks, each against a reference in the same run.
//!
//! A benchmark starts its own server with an empty data folder, or aims at a running one, and speaks to it the way clients do: REST
//! calls and the Web SDK's WebSocket protocol. Absolute numbers belong to a machine; what carries over is the ratio to a reference
//! that the same run measures, on the same machine, with the same receivers. So every workload with such a reference quotes both.
//!
//! Nothing here passes or fails by the clock, and everything ends: each wait has a limit, and the server that was started is stopped.

mod args;
mod crowd;
mod error;
mod figures;
mod frames;
mod login_sequence;
mod marker;
mod network;
mod population;
mod process_meter;
mod raw_reference;
mod receiver;
mod report;
mod rest_client;
mod server_process;
mod socket_client;
mod target;
mod workload;

pub use args::{App, BenchArgs};
pub use error::BenchError;
pub use report::{Report, Row, Setting};

use std::sync::Arc;

use args::Workload;

/// Runs the workload that `args` name, as often as they say, and reports medians.
///
/// `sign` makes the UserSig of a user for [`BenchArgs::app`]. Progress goes to standard error. Builds its own runtime, so it must not be
/// called from inside one.
///
/// # Errors
/// Whatever stopped the measurement; a server that was started is stopped in any case.
pub fn run(args: BenchArgs, sign: impl Fn(&str) -> String + Send + Sync + 'static) -> Result<Report, BenchError> {
    if let Workload::RawReference(raw) = &args.workload {
        raw_reference::serve_as_process(raw.connections)?;
        return Ok(Report::default());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(BenchError::io("cannot start the runtime"))?;
    runtime.block_on(run_all(args, Arc::new(sign)))
}

async fn run_all(args: BenchArgs, sign: target::Sign) -> Result<Report, BenchError> {
    let runs = args.common.runs;
    let mut machine = process_meter::machine();
    machine.push(Setting::new("server", args.common.server_in_words()));
    let mut all = Vec::new();
    for run in 1..=runs {
        eprintln!("{}: run {run} of {runs}", args.workload.name());
        all.push(workload::run(&args.workload, &args.common, &sign).await?);
    }
    Ok(Report::new(args.workload.name(), args.workload.settings(runs), machine, all, args.common.json))
}
