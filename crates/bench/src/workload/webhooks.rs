//! What a backend costs the chat: being asked before a message is sent, being told afterwards, and being dead.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::sends;
use crate::args::{Common, GroupKind, Webhooks};
use crate::error::BenchError;
use crate::figures::{Latencies, now_nanos};
use crate::population::{Group, group_id, make_groups, make_users, message};
use crate::receiver::{Receiver, Refusing, Silent};
use crate::report::{RunFigures, millis, ratio};
use crate::rest_client::{Call, RestConnection, path};
use crate::target::{Sign, Target};

/// Messages before anything is counted, of each sort.
const WARM_UP: usize = 20;
const BEFORE: &str = "Group.CallbackBeforeSendMsg";
const AFTER: &str = "Group.CallbackAfterSendMsg";

pub(super) async fn run(args: &Webhooks, common: &Common, sign: &Sign) -> Result<RunFigures, BenchError> {
    if common.url.is_some() {
        return Err(BenchError::BadArgument("webhooks needs servers of its own, so it takes no --url".to_owned()));
    }
    let bench = Bench { common, sign };
    let mut figures = RunFigures::default();
    ask(args, &bench, &mut figures).await?;
    let none = bench.sends(args, "", &mut figures).await?;
    figures.push("without a backend: sends per second", "1/s", none.per_second());
    figures.push("without a backend: sends per server CPU second", "1/s", none.per_cpu_second());

    let refusing = Refusing::start()?;
    let dead = bench.sends(args, &listens(refusing.address, AFTER), &mut figures).await?;
    figures.push("backend that refuses connections: sends per second", "1/s", dead.per_second());
    figures.push("refusing / without, sends per second", "", ratio(dead.per_second(), none.per_second()));
    let silent = Silent::start().await?;
    let dead = bench.sends(args, &listens(silent.address, AFTER), &mut figures).await?;
    figures.push("backend that never answers: sends per second", "1/s", dead.per_second());
    figures.push("silent / without, sends per second", "", ratio(dead.per_second(), none.per_second()));

    tell(args, &bench, none.per_second(), &mut figures).await?;
    Ok(figures)
}

/// Lines of the provisioning file: the app's backend is at `address` and listens to one command.
fn listens(address: SocketAddr, command: &str) -> String {
    format!(
        "[apps.settings.webhook]\n\
         url = \"http://{address}/\"\n\
         [apps.settings.webhook.switches]\n\
         \"{command}\" = true\n"
    )
}

/// Starts the servers, one for each backend.
struct Bench<'a> {
    common: &'a Common,
    sign: &'a Sign,
}

impl Bench<'_> {
    async fn with<F, T>(&self, app_settings: &str, figures: &mut RunFigures, measure: F) -> Result<T, BenchError>
    where
        F: AsyncFnOnce(&Target) -> Result<T, BenchError>,
    {
        let measured = Target::with(self.common, self.sign, app_settings, async |target| measure(target).await);
        let (value, stopped) = Box::pin(measured).await?;
        figures.notes.extend(stopped);
        Ok(value)
    }

    async fn sends(
        &self,
        args: &Webhooks,
        app_settings: &str,
        figures: &mut RunFigures,
    ) -> Result<sends::Measured, BenchError> {
        self.with(app_settings, figures, async |target| sends::measure(&args.sends(), target).await).await
    }
}

/// One message after the other on an idle server, every second of which the backend is not asked about. Messages that are not stored:
/// the disk would drown what is looked for.
async fn ask(args: &Webhooks, bench: &Bench<'_>, figures: &mut RunFigures) -> Result<(), BenchError> {
    let backend = Receiver::start(Duration::from_millis(args.think_ms)).await?;
    let (asked, unasked, own) = (Latencies::new(), Latencies::new(), Latencies::new());
    let measure = async |target: &Target| {
        let pair = Pair::prepare(args, target).await?;
        let mut connection = RestConnection::to(target).await?;
        for number in 0..WARM_UP + args.questions {
            if number == WARM_UP {
                [&asked, &unasked, &own].into_iter().for_each(Latencies::reset);
            }
            let (calls_before, _) = backend.last();
            let took = pair.send(&mut connection, true).await?;
            let (calls, own_nanos) = backend.last();
            asked.record(took.saturating_sub(own_nanos));
            own.record(own_nanos);
            unasked.record(pair.send(&mut connection, false).await?);
            if (calls - calls_before, backend.last().0 - calls) != (1, 0) {
                return Err(BenchError::bad_answer(BEFORE, "the backend was not asked about every second message"));
            }
        }
        Ok(())
    };
    bench.with(&listens(backend.address, BEFORE), figures, measure).await?;
    figures.push_latencies(
        [
            "asked first, less the backend's own time: answer after, p50",
            "asked first, less the backend's own time: answer after, p90",
            "asked first, less the backend's own time: answer after, p99",
            "asked first, less the backend's own time: answer after, p99.9",
            "asked first, less the backend's own time: answer after, longest",
        ],
        &asked,
    );
    figures.push_latencies(
        [
            "not asked: answer after, p50",
            "not asked: answer after, p90",
            "not asked: answer after, p99",
            "not asked: answer after, p99.9",
            "not asked: answer after, longest",
        ],
        &unasked,
    );
    figures.push("the backend's own time, p50", "ms", own.percentile(0.5).map(millis));
    let added = |share| Some(millis(asked.percentile(share)?) - millis(unasked.percentile(share)?));
    figures.push("added by asking, p50", "ms", added(0.5));
    figures.push("added by asking, p99", "ms", added(0.99));
    Ok(())
}

/// Two sorts of messages to one group: the backend is asked about it, or not.
struct Pair {
    path: Arc<str>,
    group: String,
    sender: String,
    text: String,
}

impl Pair {
    async fn prepare(args: &Webhooks, target: &Target) -> Result<Self, BenchError> {
        make_users(target, args.members).await?;
        let kind = GroupKind::Public;
        let group = Group { id: group_id(target, kind, 0), kind, owner: None, members: (0..args.members).collect() };
        make_groups(target, std::slice::from_ref(&group)).await?;
        Ok(Self {
            path: path(target, "group_open_http_svc/send_group_msg"),
            group: group.id,
            sender: target.user(0),
            text: "x".repeat(args.size),
        })
    }

    /// How long the answer took, in nanoseconds.
    async fn send(&self, connection: &mut RestConnection, asks: bool) -> Result<u64, BenchError> {
        let body = message(&self.group, Some(&self.sender), rand::random(), &self.text);
        let mut body: Value = serde_json::from_str(&body).map_err(|error| BenchError::bad_answer("message", error))?;
        body["OnlineOnlyFlag"] = json!(1);
        // Both sorts are as long as each other.
        let forbidden = if asks { "ForbidAfterSendMsgCallback" } else { "ForbidBeforeSendMsgCallback" };
        body["ForbidCallbackControl"] = json!([forbidden]);
        let call = Call { path: Arc::clone(&self.path), body: body.to_string().into() };
        let began = now_nanos();
        connection.call(&call).await?;
        Ok(now_nanos() - began)
    }
}

/// Sends as fast as they go, while a fast backend is told of each.
async fn tell(
    args: &Webhooks,
    bench: &Bench<'_>,
    without: Option<f64>,
    figures: &mut RunFigures,
) -> Result<(), BenchError> {
    let backend = Receiver::start(Duration::ZERO).await?;
    let measure = async |target: &Target| {
        let sends = sends::measure(&args.sends(), target).await?;
        let ended = now_nanos();
        Ok((backend.wait_for(sends.total).await, ended, sends))
    };
    let (told, ended, sends) = bench.with(&listens(backend.address, AFTER), figures, measure).await?;
    figures.push("fast backend: sends per second", "1/s", sends.per_second());
    figures.push("fast / without, sends per second", "", ratio(sends.per_second(), without));
    figures.push("fast backend: sends per server CPU second", "1/s", sends.per_cpu_second());
    figures.push("fast backend: events per second", "1/s", ratio(told.calls as f64, told.span.as_secs_f64()));
    let late = Duration::from_nanos(told.last_call_nanos.saturating_sub(ended));
    figures.push("last event after the last send", "ms", millis(late));
    let missing = sends.total as f64 - told.calls as f64;
    figures.push("events missing", "%", ratio(100.0 * missing, sends.total as f64));
    Ok(())
}
