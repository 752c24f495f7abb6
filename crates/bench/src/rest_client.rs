//! REST calls of an app admin over connections that stay open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::error::BenchError;
use crate::network;
use crate::target::Target;

/// How long one call may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// One keep-alive connection; one call at a time.
pub(crate) struct RestConnection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

/// A call that is ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Path and query.
    pub(crate) path: Arc<str>,
    /// The JSON body.
    pub(crate) body: Bytes,
}

/// Path and query of `command` for the admin of `target`; worth keeping, since it holds a signed ticket.
pub(crate) fn path(target: &Target, command: &str) -> Arc<str> {
    let ticket = (target.sign)(&target.admin);
    format!(
        "/v4/{command}?sdkappid={}&identifier={}&usersig={ticket}&random={}&contenttype=json",
        target.app.id,
        target.admin,
        rand::random::<u32>(),
    )
    .into()
}

impl RestConnection {
    pub(crate) async fn open(address: SocketAddr, host: &str) -> Result<Self, BenchError> {
        let stream = network::connect(address).await.map_err(BenchError::io(format!("cannot connect to {address}")))?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| BenchError::bad_answer("connect", error))?;
        // Ends when the sender is dropped or the server hangs up; the next call reports the latter.
        tokio::spawn(connection);
        Ok(Self { sender, host: host.to_owned() })
    }

    pub(crate) async fn to(target: &Target) -> Result<Self, BenchError> {
        Self::open(target.address, &target.host).await
    }

    /// Status and body of a GET.
    pub(crate) async fn get(&mut self, path: &str) -> Result<(StatusCode, Bytes), BenchError> {
        self.exchange(Method::GET, path, Bytes::new()).await
    }

    /// Status and body of a POST, whatever they are.
    pub(crate) async fn post(&mut self, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), BenchError> {
        self.exchange(Method::POST, path, body).await
    }

    /// The answer of a command; a refusal is an error.
    pub(crate) async fn call(&mut self, call: &Call) -> Result<Bytes, BenchError> {
        let (status, answer) = self.post(&call.path, call.body.clone()).await?;
        let command = command_of(&call.path);
        if status != StatusCode::OK {
            return Err(BenchError::bad_answer(command, format!("HTTP status {status}")));
        }
        check_envelope(command, &answer)?;
        Ok(answer)
    }

    async fn exchange(&mut self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), BenchError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| BenchError::bad_answer(command_of(path), error))?;
        let answered = async {
            self.sender.ready().await?;
            let (head, body) = self.sender.send_request(request).await?.into_parts();
            Ok::<_, hyper::Error>((head.status, body.collect().await?.to_bytes()))
        };
        match tokio::time::timeout(ANSWER_WITHIN, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(BenchError::bad_answer(command_of(path), error)),
            Err(_) => Err(BenchError::TooSlow {
                what: format!("{} was not answered", command_of(path)),
                seconds: ANSWER_WITHIN.as_secs(),
            }),
        }
    }
}

/// `service/command` without the query, which holds the ticket.
fn command_of(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    path.strip_prefix("/v4/").unwrap_or(path)
}

/// Refuses answers whose `ErrorCode` is not 0; see docs/spec/rest-common.md#22-envelope.
fn check_envelope(command: &str, answer: &[u8]) -> Result<(), BenchError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Envelope {
        error_code: i64,
        #[serde(default)]
        error_info: String,
    }
    let envelope: Envelope = serde_json::from_slice(answer).map_err(|error| BenchError::bad_answer(command, error))?;
    match envelope.error_code {
        0 => Ok(()),
        code => Err(BenchError::Refused { command: command.to_owned(), code, text: envelope.error_info }),
    }
}

/// Makes `count` calls over `connections` connections, in no particular order, and stops at the first that fails.
pub(crate) async fn call_each(
    target: &Target,
    connections: usize,
    count: usize,
    call: impl Fn(usize) -> Call,
) -> Result<(), BenchError> {
    let next = AtomicUsize::new(0);
    let workers = (0..connections.min(count)).map(async |_| {
        let mut connection = RestConnection::to(target).await?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok::<_, BenchError>(());
            }
            connection.call(&call(number)).await?;
        }
    });
    futures_util::future::try_join_all(workers).await.map(drop)
}

/// Makes all `calls` over up to `connections` connections, in no particular order, and stops at the first that fails.
/// Answers come back in the order of the calls.
pub(crate) async fn call_all(target: &Target, connections: usize, calls: Vec<Call>) -> Result<Vec<Bytes>, BenchError> {
    let calls: Arc<[Call]> = calls.into();
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..connections.min(calls.len()) {
        let mut connection = RestConnection::to(target).await?;
        let (calls, next) = (Arc::clone(&calls), Arc::clone(&next));
        workers.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(call) = calls.get(index) else {
                    return Ok::<_, BenchError>(answers);
                };
                answers.push((index, connection.call(call).await?));
            }
        });
    }
    let mut answers = vec![Bytes::new(); calls.len()];
    while let Some(done) = workers.join_next().await {
        for (index, answer) in done.expect("a worker neither panics nor is cancelled")? {
            answers[index] = answer;
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_command_but_not_the_ticket() {
        let command = command_of("/v4/group_open_http_svc/create_group?usersig=secret");
        let error = check_envelope(command, br#"{"ActionStatus":"FAIL","ErrorCode":10021,"ErrorInfo":"id taken"}"#);
        assert_eq!(error.unwrap_err().to_string(), "group_open_http_svc/create_group was refused with 10021: id taken");
        assert!(check_envelope(command, br#"{"ActionStatus":"OK","ErrorCode":0}"#).is_ok());
        assert!(check_envelope(command, b"{}").is_err());
        assert!(check_envelope(command, b"<html>").is_err());
    }
}
