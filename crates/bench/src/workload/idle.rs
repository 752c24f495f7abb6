//! What a connected member costs who does nothing but ping.

use std::sync::Arc;
use std::time::Duration;

use super::cpu_since;
use super::logins::Storm;
use crate::args::Idle;
use crate::error::BenchError;
use crate::report::{RunFigures, ratio};
use crate::target::Target;

pub(super) async fn run(args: &Idle, target: &Arc<Target>) -> Result<RunFigures, BenchError> {
    let storm = Storm::run(&args.crowd, target).await?;
    let users = args.crowd.users as f64;
    let resident_after_login = target.meter.and_then(|meter| meter.resident_bytes());

    let cpu_before = target.meter.and_then(|meter| meter.cpu());
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let cpu = cpu_since(target.meter, cpu_before);
    let resident_idle = target.meter.and_then(|meter| meter.resident_bytes());

    let mut figures = RunFigures::default();
    let per_member = |after: Option<u64>| {
        let (before, after) = (storm.resident_before? as f64, after? as f64);
        Some((after - before) / users / 1_024.0)
    };
    figures.push("memory per idle connection", "KiB", per_member(resident_idle));
    figures.push("memory per connection right after the logins", "KiB", per_member(resident_after_login));
    figures.push("server memory before", "MiB", storm.resident_before.map(mebibytes));
    figures.push("server memory with all connected", "MiB", resident_idle.map(mebibytes));
    let cpu_millis = cpu.map(|cpu| cpu.total.as_secs_f64() * 1e3);
    let thousand_seconds = users / 1e3 * args.seconds as f64;
    figures.push("server CPU per second of 1,000 idle connections", "ms", ratio(cpu_millis, thousand_seconds));
    figures.push("connections lost", "", storm.crowd.lost_connections() as f64);
    Ok(figures)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
