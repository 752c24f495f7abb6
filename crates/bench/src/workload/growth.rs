//! What an operation costs when there is much against when there is little: the same request to a small and a large thing, in turn.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::sends::{Measured, Requests, drive};
use crate::args::{GroupKind, Growth, Sends};
use crate::error::BenchError;
use crate::figures::{Latencies, now_nanos};
use crate::network;
use crate::population::{Group, group_id, log_in, make_groups, make_users, message};
use crate::report::{RunFigures, millis, ratio};
use crate::rest_client::{Call, RestConnection, call_each, path};
use crate::socket_client::{SocketClient, unix_seconds};
use crate::target::Target;

/// What "little" is: offline members, unread messages, friends.
const FEW: usize = 10;
/// Messages of the short history, and conversations of whoever has few: as many as the server puts on a page.
const SHORT: usize = 100;
/// Messages, members and conversations per page.
const PAGE: u64 = 20;
/// Friends per import and check: docs/spec/rest-users.md#5-friends-sns.
const FRIENDS_PER_CALL: usize = 1_000;
/// Friends that one check asks about.
const FRIENDS_CHECKED: usize = 10;
/// Calls at a time while things are made.
const CONNECTIONS: usize = 128;

pub(super) async fn run(args: &Growth, target: &Arc<Target>) -> Result<RunFigures, BenchError> {
    network::allow_connections(CONNECTIONS)?;
    make_users(target, args.members.max(args.conversations).max(args.friends) + FEW).await?;
    let mut figures = RunFigures::default();
    members(args, target, &mut figures).await?;
    histories(args, target, &mut figures).await?;
    conversations(args, target, &mut figures).await?;
    unread(args, target, &mut figures).await?;
    friends(args, target, &mut figures).await?;
    Ok(figures)
}

/// Sends to a group, and a page of its members, with few and with many offline members.
async fn members(args: &Growth, target: &Arc<Target>, figures: &mut RunFigures) -> Result<(), BenchError> {
    let kind = GroupKind::Community;
    let group = |number, members| Group {
        id: group_id(target, kind, number),
        kind,
        owner: Some(target.user(0)),
        members: (1..members).collect(),
    };
    let groups = [group(0, FEW), group(1, args.members)];
    make_groups(target, &groups).await?;

    let [few, many] = [send_to(args, target, &groups[0]).await?, send_to(args, target, &groups[1]).await?];
    let cpu = |measured: &Measured| ratio(1e6, measured.per_cpu_second());
    figures.push("send, few members: server CPU", "us", cpu(&few));
    figures.push("send, many members: server CPU", "us", cpu(&many));
    figures.push("send, many / few members: server CPU", "", ratio(cpu(&many), cpu(&few)));
    figures.push("send, few members: written", "bytes", few.written_each());
    figures.push("send, many members: written", "bytes", many.written_each());
    figures.push("send, many / few members: written", "", ratio(many.written_each(), few.written_each()));

    let command = path(target, "group_open_http_svc/get_group_member_info");
    let page = |group: &Group, next: &str| {
        let body = json!({ "GroupId": group.id, "Limit": PAGE, "Next": next }).to_string();
        Call { path: Arc::clone(&command), body: body.into() }
    };
    let mut connection = RestConnection::to(target).await?;
    let mut middle = String::new();
    for _ in 0..args.members as u64 / PAGE / 2 {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Members {
            next: String,
        }
        let answer = connection.call(&page(&groups[1], &middle)).await?;
        let members: Members =
            serde_json::from_slice(&answer).map_err(|error| BenchError::bad_answer("get_group_member_info", error))?;
        middle = members.next;
    }
    let calls = [page(&groups[0], ""), page(&groups[1], ""), page(&groups[1], &middle)];
    let [few, first, middle] = rest_times(args, target, calls).await?;
    figures.push("member page, few members, p50", "ms", few);
    figures.push("member page, first of many members, p50", "ms", first);
    figures.push("member page, middle of many members, p50", "ms", middle);
    figures.push("member page, first of many / few, p50", "", ratio(first, few));
    figures.push("member page, middle of many / first of many, p50", "", ratio(middle, first));
    Ok(())
}

async fn send_to(args: &Growth, target: &Arc<Target>, group: &Group) -> Result<Measured, BenchError> {
    let sends = Sends::plain(CONNECTIONS, args.seconds);
    drive(&sends, target, Requests::sends(target, vec![group.id.clone()], sends.size)).await
}

/// The newest and the oldest page of a short and of a long history.
async fn histories(args: &Growth, target: &Arc<Target>, figures: &mut RunFigures) -> Result<(), BenchError> {
    let kind = GroupKind::Public;
    let group =
        |number| Group { id: group_id(target, kind, number), kind, owner: Some(target.user(0)), members: vec![1] };
    let groups = [group(2), group(3)];
    make_groups(target, &groups).await?;
    let command = path(target, "group_open_http_svc/send_group_msg");
    for (group, count) in groups.iter().zip([SHORT, args.messages]) {
        let sender = target.user(0);
        let call = |number: usize| Call {
            path: Arc::clone(&command),
            body: message(&group.id, Some(&sender), random(number), "one of many").into(),
        };
        call_each(target, CONNECTIONS, count, call).await?;
    }
    let page =
        |group: &Group, upto: u64| json!({ "GroupId": group.id, "ReqMsgNumber": PAGE, "ReqMsgSeq": upto }).to_string();
    let bodies = [page(&groups[0], 0), page(&groups[1], 0), page(&groups[0], PAGE), page(&groups[1], PAGE)];
    let mut reader = log_in(target, &target.user(1), None).await?;
    let [short_newest, long_newest, short_oldest, long_oldest] =
        socket_times(args, &mut reader, "group_open_http_svc.group_msg_get", bodies).await?;
    figures.push("newest page, short history, p50", "ms", short_newest);
    figures.push("newest page, long history, p50", "ms", long_newest);
    figures.push("newest page, long / short history, p50", "", ratio(long_newest, short_newest));
    figures.push("oldest page, short history, p50", "ms", short_oldest);
    figures.push("oldest page, long history, p50", "ms", long_oldest);
    figures.push("oldest page, long / short history, p50", "", ratio(long_oldest, short_oldest));
    Ok(())
}

/// The first page of conversations and the unread total of somebody with few and somebody with many conversations.
async fn conversations(args: &Growth, target: &Arc<Target>, figures: &mut RunFigures) -> Result<(), BenchError> {
    let users = [target.user(0), target.user(1)];
    for (user, count) in users.iter().zip([SHORT, args.conversations]) {
        // The two themselves are none of their own peers.
        mail(target, count, |number| (target.user(number + 2), user.clone())).await?;
    }
    let command = "recentcontact.page_get";
    let body = |user: &String| {
        json!({
            "From_Account": user, "TimeStamp": 0, "StartIndex": 0, "Count": PAGE, "TopTimeStamp": 0, "TopStartIndex": 0,
            "OrderType": 1, "MaxMsgReadTime": unix_seconds(),
        })
        .to_string()
    };
    let mut times = Vec::new();
    let mut readers = [log_in(target, &users[0], None).await?, log_in(target, &users[1], None).await?];
    for (reader, user) in readers.iter_mut().zip(&users) {
        let [time] = socket_times(args, reader, command, [body(user)]).await?;
        times.push(time);
    }
    figures.push("conversation page, few conversations, p50", "ms", times[0]);
    figures.push("conversation page, many conversations, p50", "ms", times[1]);
    figures.push("conversation page, many / few, p50", "", ratio(times[1], times[0]));
    let [few, many] = unread_times(args, target, &users).await?;
    figures.push("unread total, few conversations, p50", "ms", few);
    figures.push("unread total, many conversations, p50", "ms", many);
    figures.push("unread total, many / few conversations, p50", "", ratio(many, few));
    Ok(())
}

/// The unread total of somebody with few and somebody with many unread messages of one peer.
async fn unread(args: &Growth, target: &Arc<Target>, figures: &mut RunFigures) -> Result<(), BenchError> {
    let users = [target.user(2), target.user(3)];
    for (user, count) in users.iter().zip([FEW, args.unread]) {
        mail(target, count, |_| (target.user(4), user.clone())).await?;
    }
    let [few, many] = unread_times(args, target, &users).await?;
    figures.push("unread total, few messages, p50", "ms", few);
    figures.push("unread total, many messages, p50", "ms", many);
    figures.push("unread total, many / few messages, p50", "", ratio(many, few));
    Ok(())
}

async fn unread_times(
    args: &Growth,
    target: &Arc<Target>,
    users: &[String; 2],
) -> Result<[Option<f64>; 2], BenchError> {
    let command = path(target, "openim/get_c2c_unread_msg_num");
    let calls = std::array::from_fn(|at| Call {
        path: Arc::clone(&command),
        body: json!({ "To_Account": users[at] }).to_string().into(),
    });
    rest_times(args, target, calls).await
}

/// A check of ten friends, of somebody with few and somebody with many friends.
async fn friends(args: &Growth, target: &Arc<Target>, figures: &mut RunFigures) -> Result<(), BenchError> {
    let users = [target.user(0), target.user(1)];
    let command = path(target, "sns/friend_import");
    let mut connection = RestConnection::to(target).await?;
    for (user, count) in users.iter().zip([FEW, args.friends]) {
        let numbers: Vec<usize> = (2..count + 2).collect();
        for some in numbers.chunks(FRIENDS_PER_CALL) {
            let items: Vec<Value> = some
                .iter()
                .map(|number| json!({ "To_Account": target.user(*number), "AddSource": "AddSource_Type_Bench" }))
                .collect();
            let body = json!({ "From_Account": user, "AddFriendItem": items }).to_string();
            connection.call(&Call { path: Arc::clone(&command), body: body.into() }).await?;
        }
    }
    let command = path(target, "sns/friend_check");
    let calls = std::array::from_fn(|at| {
        let asked: Vec<String> = (0..FRIENDS_CHECKED).map(|number| target.user(number + 2)).collect();
        let body = json!({ "From_Account": users[at], "To_Account": asked, "CheckType": "CheckResult_Type_Both" });
        Call { path: Arc::clone(&command), body: body.to_string().into() }
    });
    let [few, many] = rest_times(args, target, calls).await?;
    figures.push("friend check, few friends, p50", "ms", few);
    figures.push("friend check, many friends, p50", "ms", many);
    figures.push("friend check, many / few friends, p50", "", ratio(many, few));
    Ok(())
}

/// Sends `count` one-to-one messages between the sender and the receiver of each.
async fn mail(
    target: &Arc<Target>,
    count: usize,
    between: impl Fn(usize) -> (String, String) + Sync,
) -> Result<(), BenchError> {
    let command = path(target, "openim/sendmsg");
    let call = |number: usize| {
        let (sender, receiver) = between(number);
        let body = json!({
            "From_Account": sender, "To_Account": receiver, "MsgRandom": random(number),
            "MsgBody": [{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "one of many" } }],
        });
        Call { path: Arc::clone(&command), body: body.to_string().into() }
    };
    call_each(target, CONNECTIONS, count, call).await
}

/// A random number that no other message of the same kind has.
fn random(number: usize) -> u32 {
    u32::try_from(number + 1).unwrap_or(u32::MAX)
}

/// Median answer times of `calls`, each made as often as asked, in turn over one connection.
async fn rest_times<const N: usize>(
    args: &Growth,
    target: &Target,
    calls: [Call; N],
) -> Result<[Option<f64>; N], BenchError> {
    let mut connection = RestConnection::to(target).await?;
    let times: [Latencies; N] = std::array::from_fn(|_| Latencies::new());
    for round in 0..=args.requests {
        for (call, times) in calls.iter().zip(&times) {
            let began = now_nanos();
            connection.call(call).await?;
            record(times, round, began);
        }
    }
    Ok(times.map(|times| times.percentile(0.5).map(millis)))
}

/// As [`rest_times`], over a WebSocket.
async fn socket_times<const N: usize>(
    args: &Growth,
    client: &mut SocketClient,
    command: &str,
    bodies: [String; N],
) -> Result<[Option<f64>; N], BenchError> {
    let times: [Latencies; N] = std::array::from_fn(|_| Latencies::new());
    for round in 0..=args.requests {
        for (body, times) in bodies.iter().zip(&times) {
            let began = now_nanos();
            client.request(command, body).await?;
            record(times, round, began);
        }
    }
    Ok(times.map(|times| times.percentile(0.5).map(millis)))
}

/// The first round warms caches up.
fn record(times: &Latencies, round: usize, began: u64) {
    if round > 0 {
        times.record(now_nanos() - began);
    }
}
