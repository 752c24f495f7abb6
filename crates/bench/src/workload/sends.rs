//! Durable group sends over REST: how many a core of the server takes, against a route that does nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use tokio::task::JoinSet;

use super::{cpu_since, kernel_percent};
use crate::args::Sends;
use crate::error::BenchError;
use crate::figures::{Latencies, now_nanos};
use crate::network;
use crate::population::{Group, group_id, make_groups, make_users, message};
use crate::process_meter::CpuTime;
use crate::report::{RunFigures, ratio};
use crate::rest_client::{Call, RestConnection, path};
use crate::target::Target;

pub(super) async fn run(args: &Sends, target: &Arc<Target>) -> Result<RunFigures, BenchError> {
    let measured = measure(args, target).await?;
    let mut figures = RunFigures::default();
    let rate = measured.per_second();
    let per_cpu = measured.per_cpu_second();
    figures.push("sends per second", "1/s", rate);
    figures.push("sends per server CPU second", "1/s", per_cpu);
    figures.push("kernel share of server CPU", "%", measured.cpu.and_then(kernel_percent));
    figures.push_latencies(
        ["answer after, p50", "answer after, p90", "answer after, p99", "answer after, p99.9", "answer after, longest"],
        &measured.latencies,
    );
    figures.push("written to disk per send", "bytes", measured.written_each());

    let echo = Requests::Echo { path: args.echo_path.as_str().into(), body: measured.example };
    let reference = drive(args, target, echo).await?;
    figures.push("reference: requests per second", "1/s", reference.per_second());
    figures.push("reference: requests per server CPU second", "1/s", reference.per_cpu_second());
    figures.push("sends / reference, per server CPU second", "", ratio(per_cpu, reference.per_cpu_second()));
    figures.push("sends / reference, per second", "", ratio(rate, reference.per_second()));
    if let Some(status) = reference.odd_status {
        figures.notes.push(format!("the reference {} answered {status}", args.echo_path));
    }
    Ok(figures)
}

/// Makes the groups and sends into them.
pub(super) async fn measure(args: &Sends, target: &Target) -> Result<Measured, BenchError> {
    network::allow_connections(args.connections)?;
    let groups = prepare(args, target).await?;
    let groups = groups.into_iter().map(|group| group.id).collect();
    drive(args, target, Requests::sends(target, groups, args.size)).await
}

async fn prepare(args: &Sends, target: &Target) -> Result<Vec<Group>, BenchError> {
    make_users(target, args.members).await?;
    let members: Vec<usize> = (0..args.members).collect();
    let groups: Vec<Group> = (0..args.groups)
        .map(|number| {
            let members = if args.group_type.joins_online() { Vec::new() } else { members.clone() };
            let id = group_id(target, args.group_type, number);
            Group { id, kind: args.group_type, owner: None, members }
        })
        .collect();
    make_groups(target, &groups).await?;
    Ok(groups)
}

/// What is posted again and again.
pub(super) enum Requests {
    Sends { path: Arc<str>, groups: Vec<String>, sender: String, text: String, turn: AtomicU32 },
    Echo { path: Arc<str>, body: Bytes },
}

impl Requests {
    /// Sends of `size` bytes to `groups` in turn, by the first user.
    pub(super) fn sends(target: &Target, groups: Vec<String>, size: usize) -> Self {
        Self::Sends {
            path: path(target, "group_open_http_svc/send_group_msg"),
            groups,
            sender: target.user(0),
            text: "x".repeat(size),
            turn: AtomicU32::new(rand::random()),
        }
    }

    fn next(&self) -> Call {
        match self {
            Self::Sends { path, groups, sender, text, turn } => {
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                let group = &groups[turn as usize % groups.len()];
                Call { path: Arc::clone(path), body: message(group, Some(sender), turn, text).into() }
            }
            Self::Echo { path, body } => Call { path: Arc::clone(path), body: body.clone() },
        }
    }
}

/// State of all connections together.
struct Load {
    requests: Requests,
    stop: AtomicBool,
    done: AtomicU64,
    latencies: Latencies,
    /// Last HTTP status of the reference that was no success; 0 for none.
    odd_status: AtomicU32,
}

/// What was counted between warm-up and end.
pub(super) struct Measured {
    count: u64,
    /// All, also before and after.
    pub(super) total: u64,
    elapsed: Duration,
    cpu: Option<CpuTime>,
    written: Option<u64>,
    pub(super) latencies: Latencies,
    odd_status: Option<u32>,
    /// A body like those that were sent.
    example: Bytes,
}

impl Measured {
    pub(super) fn per_second(&self) -> Option<f64> {
        ratio(self.count as f64, self.elapsed.as_secs_f64())
    }

    pub(super) fn per_cpu_second(&self) -> Option<f64> {
        ratio(self.count as f64, self.cpu?.total.as_secs_f64())
    }

    /// Bytes written to disk per request.
    pub(super) fn written_each(&self) -> Option<f64> {
        ratio(self.written? as f64, self.count as f64)
    }
}

/// Keeps one request under way on each connection: first to warm up, then for the measured seconds.
pub(super) async fn drive(args: &Sends, target: &Target, requests: Requests) -> Result<Measured, BenchError> {
    let load = Arc::new(Load {
        requests,
        stop: AtomicBool::new(false),
        done: AtomicU64::new(0),
        latencies: Latencies::new(),
        odd_status: AtomicU32::new(0),
    });
    let mut workers = JoinSet::new();
    for _ in 0..args.connections {
        let connection = RestConnection::to(target).await?;
        workers.spawn(post_until_stopped(connection, Arc::clone(&load)));
    }
    tokio::time::sleep(Duration::from_secs(args.warmup)).await;

    load.latencies.reset();
    let began = Instant::now();
    let count_before = load.done.load(Ordering::SeqCst);
    let cpu_before = target.meter.and_then(|meter| meter.cpu());
    let written_before = target.meter.and_then(|meter| meter.written_bytes());
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let count = load.done.load(Ordering::SeqCst) - count_before;
    let cpu = cpu_since(target.meter, cpu_before);
    let written = target.meter.and_then(|meter| meter.written_bytes());
    let elapsed = began.elapsed();

    load.stop.store(true, Ordering::SeqCst);
    while let Some(worker) = workers.join_next().await {
        worker.expect("a worker neither panics nor is cancelled")?;
    }
    let example = load.requests.next().body;
    let load = Arc::into_inner(load).expect("all workers have ended");
    Ok(Measured {
        count,
        total: load.done.into_inner(),
        elapsed,
        cpu,
        written: written.zip(written_before).map(|(after, before)| after.saturating_sub(before)),
        latencies: load.latencies,
        odd_status: Some(load.odd_status.into_inner()).filter(|status| *status != 0),
        example,
    })
}

async fn post_until_stopped(mut connection: RestConnection, load: Arc<Load>) -> Result<(), BenchError> {
    while !load.stop.load(Ordering::Relaxed) {
        let call = load.requests.next();
        let began = now_nanos();
        match &load.requests {
            Requests::Sends { .. } => {
                connection.call(&call).await?;
            }
            Requests::Echo { .. } => {
                let (status, _) = connection.post(&call.path, call.body).await?;
                if status != StatusCode::OK {
                    load.odd_status.store(u32::from(status.as_u16()), Ordering::Relaxed);
                }
            }
        }
        load.latencies.record(now_nanos() - began);
        load.done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
