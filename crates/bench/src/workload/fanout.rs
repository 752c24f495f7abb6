//! One group, many connected members: what a delivery costs and how long it takes, against a loop of plain sends.

mod publisher;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use self::publisher::Publisher;
use super::{cpu_since, kernel_percent};
use crate::args::{Door, Fanout};
use crate::crowd::{Count, Crowd, Sample};
use crate::error::BenchError;
use crate::figures::{Latencies, now_nanos};
use crate::network;
use crate::population::{Group, JoinCrowd, arrive_all, group_id, log_in, make_groups, make_users};
use crate::process_meter::{CpuTime, Meter};
use crate::raw_reference::RawReference;
use crate::report::{RunFigures, millis, ratio};
use crate::target::Target;

/// Messages before anything is counted, one at a time.
const WARM_UP: usize = 20;
/// How long a message may take to everybody.
const DELIVERED_WITHIN: Duration = Duration::from_secs(30);

pub(super) async fn run(args: &Fanout, target: &Arc<Target>) -> Result<RunFigures, BenchError> {
    network::allow_connections(args.members + args.burst)?;
    let mut figures = RunFigures::default();
    let (server, sample) = measure_server(args, target, &mut figures).await?;
    let binary = std::env::current_exe().map_err(BenchError::io("cannot find the running program"))?;
    let raw = measure_raw(args, &binary, &sample, false).await?;
    raw.push_reference(
        &mut figures,
        ["raw, one at a time: deliveries per second", "raw, one at a time: deliveries per CPU second"],
    );
    figures.push("raw, one at a time: received after, p50", "ms", raw.p50.map(millis));
    figures.push("raw, one at a time: received after, p99", "ms", raw.p99.map(millis));
    figures.push("server / raw one at a time, per CPU second", "", ratio(server.per_cpu(), raw.per_cpu()));
    figures.push("server / raw one at a time, p99", "", ratio(server.p99.map(millis), raw.p99.map(millis)));
    if args.burst > 1 {
        let drained = measure_raw(args, &binary, &sample, true).await?;
        drained.push_reference(
            &mut figures,
            ["raw, drained: deliveries per second", "raw, drained: deliveries per CPU second"],
        );
        figures.push("server / raw drained, per CPU second", "", ratio(server.per_cpu(), drained.per_cpu()));
    }
    Ok(figures)
}

/// Connects the members, measures memory while they are idle, then the fan-out.
async fn measure_server(
    args: &Fanout,
    target: &Arc<Target>,
    figures: &mut RunFigures,
) -> Result<(Phase, Sample), BenchError> {
    // The last user sends; the others receive.
    let sender = target.user(args.members);
    make_users(target, args.members + 1).await?;
    let group = Group {
        id: group_id(target, args.group_type, 0),
        kind: args.group_type,
        owner: Some(sender.clone()),
        members: if args.group_type.joins_online() { Vec::new() } else { (0..args.members).collect() },
    };
    make_groups(target, std::slice::from_ref(&group)).await?;
    let enter = args.group_type.joins_online().then(|| group.id.clone());

    let resident_before = target.meter.and_then(|meter| meter.resident_bytes());
    let crowd = Arc::new(Crowd::new());
    let join = JoinCrowd { crowd: Arc::clone(&crowd), enter: enter.clone() };
    arrive_all(target, join, args.members, args.concurrency).await?;
    tokio::time::sleep(Duration::from_secs(args.settle)).await;
    let resident_after = target.meter.and_then(|meter| meter.resident_bytes());

    let mut publisher = match args.door {
        Door::Websocket => {
            let client = log_in(target, &sender, enter.as_deref()).await?;
            Publisher::over_socket(client, &group.id, args.size)
        }
        Door::Rest => Publisher::over_rest(target, &group.id, &sender, args.size),
    };
    let phase = measure(args, &crowd, &mut publisher, target.meter).await?;

    let count = phase.count;
    figures.push("deliveries per second", "1/s", phase.per_second());
    figures.push("deliveries per server CPU second", "1/s", phase.per_cpu());
    figures.push(
        "server CPU seconds per million deliveries",
        "s",
        ratio(phase.cpu.map(|cpu| cpu.total.as_secs_f64() * 1e6), count.deliveries as f64),
    );
    figures.push("kernel share of server CPU", "%", phase.cpu.and_then(kernel_percent));
    figures.push_latencies(
        [
            "received after, p50",
            "received after, p90",
            "received after, p99",
            "received after, p99.9",
            "received after, longest",
        ],
        crowd.latencies(),
    );
    let answers: &Latencies = publisher.answers();
    figures.push("sender answered after, p50", "ms", answers.percentile(0.5).map(millis));
    figures.push("sender answered after, p99", "ms", answers.percentile(0.99).map(millis));
    figures.push("messages per second", "1/s", ratio(phase.published as f64, phase.seconds()));
    figures.push("messages per read", "", count.per_read);
    figures.push("bytes per frame", "", count.frame_bytes);
    figures.push("acknowledgments per delivery", "", ratio(count.acknowledged as f64, count.deliveries as f64));
    let expected = (phase.published * crowd.len()) as f64;
    figures.push("deliveries missing", "%", ratio(100.0 * (expected - count.deliveries as f64), expected));
    figures.push("connections lost", "", crowd.lost_connections() as f64);
    let grown = resident_after.zip(resident_before).map(|(after, before)| after as f64 - before as f64);
    figures.push("memory per idle connection", "KiB", ratio(grown.map(|bytes| bytes / 1_024.0), args.members as f64));
    let sample = crowd
        .sample()
        .ok_or_else(|| BenchError::bad_answer("fan-out", "no frame with a single message was received"))?;
    Ok((phase, sample))
}

/// The same with the plain send loop: `drained` sends a burst as one piece.
async fn measure_raw(args: &Fanout, binary: &Path, sample: &Sample, drained: bool) -> Result<Phase, BenchError> {
    let (reference, streams) = RawReference::start(binary, args.members).await?;
    let meter = reference.meter;
    let crowd = Crowd::new();
    for stream in streams {
        crowd.join_plain(stream);
    }
    let mut publisher = Publisher::raw(reference, sample.clone(), drained);
    measure(args, &crowd, &mut publisher, Some(meter)).await
}

/// What was counted from the first message to the last delivery.
#[derive(Debug, Clone, Copy)]
struct Phase {
    published: usize,
    count: Count,
    elapsed: Duration,
    cpu: Option<CpuTime>,
    p50: Option<Duration>,
    p99: Option<Duration>,
}

impl Phase {
    fn seconds(&self) -> f64 {
        self.elapsed.as_secs_f64()
    }

    fn per_second(&self) -> Option<f64> {
        ratio(self.count.deliveries as f64, self.seconds())
    }

    fn per_cpu(&self) -> Option<f64> {
        ratio(self.count.deliveries as f64, self.cpu?.total.as_secs_f64())
    }

    fn push_reference(&self, figures: &mut RunFigures, names: [&'static str; 2]) {
        figures.push(names[0], "1/s", self.per_second());
        figures.push(names[1], "1/s", self.per_cpu());
    }
}

/// Warms up, then publishes for the asked time and waits until everything arrived.
async fn measure(
    args: &Fanout,
    crowd: &Crowd,
    publisher: &mut Publisher,
    meter: Option<Meter>,
) -> Result<Phase, BenchError> {
    crowd.begin(1);
    for sent in 1..=WARM_UP {
        publisher.publish(1, 1).await?;
        await_everybody(crowd, sent).await?;
    }
    publisher.finish().await?;
    publisher.answers().reset();

    crowd.begin(2);
    let cpu_before = meter.and_then(|meter| meter.cpu());
    let began = now_nanos();
    let until = Instant::now() + Duration::from_secs(args.seconds);
    let published = if args.rate == 0 {
        publish_as_delivered(args, crowd, publisher, until).await?
    } else {
        publish_at_rate(args, publisher, until).await?
    };
    publisher.finish().await?;
    // What a live room sheds never arrives; the report says how much is missing.
    crowd.wait_for(total(crowd, published), DELIVERED_WITHIN).await;
    let cpu = cpu_since(meter, cpu_before);
    let count = crowd.count();
    Ok(Phase {
        published,
        count,
        elapsed: Duration::from_nanos(count.last_delivery_nanos.saturating_sub(began)),
        cpu,
        p50: crowd.latencies().percentile(0.5),
        p99: crowd.latencies().percentile(0.99),
    })
}

async fn publish_as_delivered(
    args: &Fanout,
    crowd: &Crowd,
    publisher: &mut Publisher,
    until: Instant,
) -> Result<usize, BenchError> {
    let mut published = 0;
    while Instant::now() < until {
        publisher.publish(2, args.burst).await?;
        published += args.burst;
        await_everybody(crowd, published).await?;
    }
    Ok(published)
}

/// Publishes by the clock, whatever has arrived; a late tick is made up for.
async fn publish_at_rate(args: &Fanout, publisher: &mut Publisher, until: Instant) -> Result<usize, BenchError> {
    let period = Duration::from_secs(1) * u32::try_from(args.burst).unwrap_or(u32::MAX) / args.rate;
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut published = 0;
    loop {
        ticks.tick().await;
        if Instant::now() >= until {
            return Ok(published);
        }
        publisher.publish(2, args.burst).await?;
        published += args.burst;
    }
}

fn total(crowd: &Crowd, messages: usize) -> u64 {
    (crowd.len() * messages) as u64
}

async fn await_everybody(crowd: &Crowd, messages: usize) -> Result<(), BenchError> {
    let expected = total(crowd, messages);
    if crowd.wait_for(expected, DELIVERED_WITHIN).await {
        return Ok(());
    }
    let arrived = crowd.count().deliveries;
    let lost = crowd.lost_connections();
    Err(BenchError::TooSlow {
        what: format!("{arrived} of {expected} deliveries arrived ({lost} connections lost)"),
        seconds: DELIVERED_WITHIN.as_secs(),
    })
}
