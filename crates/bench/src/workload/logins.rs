//! A login storm: everybody comes at once and fetches every list.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{cpu_since, kernel_percent};
use crate::args::{CrowdSize, Logins};
use crate::crowd::Crowd;
use crate::error::BenchError;
use crate::figures::Latencies;
use crate::login_sequence::{LoginTimes, log_in};
use crate::network;
use crate::population::{Arrive, arrive_all, make_town};
use crate::process_meter::CpuTime;
use crate::report::{RunFigures, ratio};
use crate::socket_client::SocketClient;
use crate::target::Target;

pub(super) async fn run(args: &Logins, target: &Arc<Target>) -> Result<RunFigures, BenchError> {
    let storm = Storm::run(&args.crowd, target).await?;
    let users = args.crowd.users as f64;
    let (ready, complete) = (Latencies::new(), Latencies::new());
    let mut requests = 0;
    for times in &storm.times {
        ready.record(nanos(times.ready));
        complete.record(nanos(times.complete));
        requests += times.requests;
    }

    let mut figures = RunFigures::default();
    let cpu_seconds = storm.cpu.map(|cpu| cpu.total.as_secs_f64());
    figures.push("logins per second", "1/s", ratio(users, storm.elapsed.as_secs_f64()));
    figures.push("logins per server CPU second", "1/s", ratio(users, cpu_seconds));
    figures.push("kernel share of server CPU", "%", storm.cpu.and_then(kernel_percent));
    figures.push("requests per login", "", ratio(requests as f64, users));
    figures.push("requests per server CPU second", "1/s", ratio(requests as f64, cpu_seconds));
    figures.push_latencies(["ready, p50", "ready, p90", "ready, p99", "ready, p99.9", "ready, longest"], &ready);
    figures.push_latencies(
        ["all lists, p50", "all lists, p90", "all lists, p99", "all lists, p99.9", "all lists, longest"],
        &complete,
    );
    Ok(figures)
}

/// The users of a town after all of them logged in; the connections stay open.
pub(super) struct Storm {
    pub(super) crowd: Arc<Crowd>,
    times: Vec<LoginTimes>,
    /// Resident memory of the server before the first connection.
    pub(super) resident_before: Option<u64>,
    elapsed: Duration,
    cpu: Option<CpuTime>,
}

impl Storm {
    /// Makes the town and lets everybody log in.
    pub(super) async fn run(size: &CrowdSize, target: &Arc<Target>) -> Result<Self, BenchError> {
        network::allow_connections(size.users)?;
        make_town(target, size.users, size.groups, size.group_size).await?;
        let crowd = Arc::new(Crowd::new());
        let resident_before = target.meter.and_then(|meter| meter.resident_bytes());
        let cpu_before = target.meter.and_then(|meter| meter.cpu());
        let began = Instant::now();
        let whole = WholeLogin { crowd: Arc::clone(&crowd) };
        let times = arrive_all(target, whole, size.users, size.concurrency).await?;
        let elapsed = began.elapsed();
        Ok(Self { crowd, times, resident_before, elapsed, cpu: cpu_since(target.meter, cpu_before) })
    }
}

struct WholeLogin {
    crowd: Arc<Crowd>,
}

impl Arrive for WholeLogin {
    type Kept = LoginTimes;

    async fn arrive(&self, target: &Target, user: &str) -> Result<Self::Kept, BenchError> {
        let began = Instant::now();
        let mut client = SocketClient::open(target, user).await?;
        let times = log_in(&mut client, began).await?;
        self.crowd.join(client);
        Ok(times)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
