//! Whole benchmarks, as processes: this program starts itself as a stand-in server (`serve`), as the helper of the fan-out
//! (`bench raw-reference`), and as the benchmark that uses both. It has no speed to speak of; what is tested is that the load
//! generator speaks the protocols, counts right, and cleans up.

#![expect(clippy::unwrap_used, reason = "this whole program is a test")]

mod stand_in;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use tsudoi_bench::{BenchArgs, BenchError, Report};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    bench: BenchArgs,
}

const TESTS: [(&str, fn()); 8] = [
    ("sends_are_counted_against_the_echo_route", sends_are_counted_against_the_echo_route),
    ("one_message_at_a_time_reaches_everybody", one_message_at_a_time_reaches_everybody),
    ("bursts_at_a_rate_go_through_rest_into_a_live_room", bursts_at_a_rate_go_through_rest_into_a_live_room),
    ("a_login_fetches_every_page", a_login_fetches_every_page),
    ("idle_members_are_weighed", idle_members_are_weighed),
    ("backends_are_asked_told_and_dead", backends_are_asked_told_and_dead),
    ("a_refusal_stops_the_benchmark_and_its_server", a_refusal_stops_the_benchmark_and_its_server),
    ("a_running_server_is_measured_and_left_running", a_running_server_is_measured_and_left_running),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => stand_in::serve(),
        Some("bench") => {
            run_line(&arguments[1..].join(" ")).expect("the helper runs");
        }
        _ => {
            let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
            for (name, test) in TESTS {
                if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
                    eprintln!("test {name}");
                    test();
                }
            }
        }
    }
}

fn run_line(line: &str) -> Result<Report, BenchError> {
    let cli = Cli::parse_from(std::iter::once("bench").chain(line.split_whitespace()));
    tsudoi_bench::run(cli.bench, stand_in::ticket)
}

/// Runs a benchmark against servers that it starts itself.
fn bench(line: &str) -> Result<Report, BenchError> {
    let program = std::env::current_exe().unwrap();
    run_line(&format!("{line} --server-binary {}", program.display()))
}

fn median(report: &Report, name: &str) -> f64 {
    report.row(name).unwrap_or_else(|| panic!("no row {name:?} in\n{report}")).median
}

fn sends_are_counted_against_the_echo_route() {
    let report = bench("sends --connections 4 --groups 3 --members 5 --seconds 1 --warmup 0 --runs 2").unwrap();
    assert_eq!(report.row("sends per second").unwrap().values.len(), 2);
    assert!(median(&report, "sends per second") > 10.0, "{report}");
    assert!(median(&report, "sends per server CPU second") > 10.0, "{report}");
    assert!(median(&report, "answer after, p50") <= median(&report, "answer after, longest"), "{report}");
    assert!(median(&report, "sends / reference, per server CPU second") > 0.0, "{report}");
    assert!(report.notes.is_empty(), "{report}");

    let report =
        bench("sends --connections 1 --groups 1 --seconds 1 --warmup 0 --runs 1 --echo-path /nowhere").unwrap();
    assert_eq!(report.notes, ["the reference /nowhere answered 404"]);
}

fn one_message_at_a_time_reaches_everybody() {
    let report = bench("fanout --members 20 --seconds 1 --settle 0 --runs 1").unwrap();
    assert_eq!(median(&report, "deliveries missing"), 0.0, "{report}");
    assert_eq!(median(&report, "connections lost"), 0.0, "{report}");
    assert_eq!(median(&report, "messages per read"), 1.0, "{report}");
    assert_eq!(median(&report, "acknowledgments per delivery"), 1.0, "{report}");
    assert!(median(&report, "server / raw one at a time, per CPU second") > 0.0, "{report}");
    assert!(report.row("raw, drained: deliveries per CPU second").is_none(), "{report}");
}

fn bursts_at_a_rate_go_through_rest_into_a_live_room() {
    let line =
        "fanout --group-type avchatroom --door rest --rate 40 --burst 4 --members 10 --seconds 1 --settle 0 --runs 1";
    let report = bench(line).unwrap();
    assert_eq!(median(&report, "deliveries missing"), 0.0, "{report}");
    let rate = median(&report, "messages per second");
    assert!((20.0..60.0).contains(&rate), "{report}");
    assert!(median(&report, "server / raw drained, per CPU second") > 0.0, "{report}");
}

fn a_login_fetches_every_page() {
    let report = bench("logins --users 30 --groups 4 --group-size 10 --concurrency 8 --runs 1").unwrap();
    assert!(median(&report, "logins per second") > 1.0, "{report}");
    // Ping, login and 11 lists; a second page of conversations, groups and messages; conversation groups; communities.
    assert_eq!(median(&report, "requests per login"), 18.0, "{report}");
    assert!(median(&report, "ready, p50") <= median(&report, "all lists, p50"), "{report}");
}

fn idle_members_are_weighed() {
    let report = bench("idle --users 20 --groups 0 --seconds 1 --runs 1").unwrap();
    assert!(report.row("memory per idle connection").is_some(), "{report}");
    assert_eq!(median(&report, "connections lost"), 0.0, "{report}");
}

fn backends_are_asked_told_and_dead() {
    let line =
        "webhooks --questions 20 --think-ms 5 --connections 2 --groups 2 --members 3 --seconds 1 --warmup 0 --runs 1";
    let report = bench(line).unwrap();
    assert!(median(&report, "the backend's own time, p50") >= 5.0, "{report}");
    assert!(report.row("added by asking, p99").is_some(), "{report}");
    assert!(median(&report, "refusing / without, sends per second") > 0.0, "{report}");
    assert!(median(&report, "silent / without, sends per second") > 0.0, "{report}");
    assert!(median(&report, "fast backend: events per second") > 0.0, "{report}");
    assert_eq!(median(&report, "events missing"), 0.0, "{report}");

    let error = run_line("webhooks --url http://127.0.0.1:1 --app-key x --runs 1").unwrap_err().to_string();
    assert!(error.contains("--url"), "{error}");
}

fn a_refusal_stops_the_benchmark_and_its_server() {
    let folder = std::env::temp_dir().join(format!("tsudoi-bench-test-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let line = format!("sends --admin stranger --runs 1 --data-dir {}", folder.display());
    let error = bench(&line).unwrap_err().to_string();
    assert_eq!(error, "im_open_login_svc/multiaccount_import was refused with 60010: not an admin");
    // Fails when the server's folder is still there.
    std::fs::remove_dir(&folder).unwrap();
}

fn a_running_server_is_measured_and_left_running() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut server = start_stand_in(&std::env::current_exe().unwrap(), &address);
    let line =
        format!("sends --url http://{address} --app-key x --connections 2 --groups 1 --seconds 1 --warmup 0 --runs 1");
    let report = run_line(&line).unwrap();
    assert!(report.row("sends per server CPU second").is_none(), "{report}");
    let report = run_line(&format!("{line} --pid {}", server.id())).unwrap();
    assert!(median(&report, "sends per server CPU second") > 0.0, "{report}");
    assert!(server.try_wait().unwrap().is_none(), "the server ended");
    server.kill().unwrap();
    server.wait().unwrap();
}

fn start_stand_in(program: &Path, address: &str) -> Child {
    let server = Command::new(program)
        .arg("serve")
        .env("TSUDOI_LISTEN", address)
        .env("TSUDOI_APP_ID", "1400000001")
        .env("TSUDOI_APP_KEY", "x")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "the stand-in does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}
