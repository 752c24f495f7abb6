//! The workloads: each prepares its users and groups, measures once, and hands back its figures.

mod fanout;
mod growth;
mod idle;
mod logins;
mod sends;
mod webhooks;

use std::sync::Arc;

use crate::args::{Common, Workload};
use crate::error::BenchError;
use crate::process_meter::{CpuTime, Meter};
use crate::report::RunFigures;
use crate::target::{Sign, Target};

/// Measures `workload` once, against a server of its own unless `common` names a running one.
pub(crate) async fn run(workload: &Workload, common: &Common, sign: &Sign) -> Result<RunFigures, BenchError> {
    if let Workload::Webhooks(args) = workload {
        return Box::pin(webhooks::run(args, common, sign)).await;
    }
    let (mut figures, stopped) = Target::with(common, sign, "", async |target| measure(workload, target).await).await?;
    figures.notes.extend(stopped);
    Ok(figures)
}

async fn measure(workload: &Workload, target: &Arc<Target>) -> Result<RunFigures, BenchError> {
    match workload {
        Workload::Sends(args) => Box::pin(sends::run(args, target)).await,
        Workload::Fanout(args) => Box::pin(fanout::run(args, target)).await,
        Workload::Logins(args) => Box::pin(logins::run(args, target)).await,
        Workload::Idle(args) => Box::pin(idle::run(args, target)).await,
        Workload::Growth(args) => Box::pin(growth::run(args, target)).await,
        Workload::Webhooks(_) | Workload::RawReference(_) => {
            Err(BenchError::BadArgument(format!("{} does not measure one server", workload.name())))
        }
    }
}

/// CPU time of the metered process since `before`; `None` without a process.
fn cpu_since(meter: Option<Meter>, before: Option<CpuTime>) -> Option<CpuTime> {
    Some(meter?.cpu()?.since(before?))
}

/// The kernel's part of `cpu` in percent.
fn kernel_percent(cpu: CpuTime) -> Option<f64> {
    crate::report::ratio(100.0 * cpu.kernel.as_secs_f64(), cpu.total.as_secs_f64())
}
