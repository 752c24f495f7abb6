//! A storage that speaks as much of the S3 protocol as a server of ours asks for, in memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Query, State},
    http::{HeaderMap, Method, Response, StatusCode, Uri, header},
};

#[derive(Default)]
struct Kept {
    objects: BTreeMap<String, Bytes>,
    parts: BTreeMap<(String, u32), Bytes>,
    unsigned: usize,
}

/// A bucket called `chat`.
#[derive(Clone, Default)]
pub struct Bucket(Arc<Mutex<Kept>>);

/// The access key that requests have to be signed with.
pub const ACCESS_KEY: &str = "TSUDOIACCESSKEY";

impl Bucket {
    /// Serves the bucket; answers its storage's address.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let router = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    /// The names of all objects.
    ///
    /// # Panics
    /// When a request broke off in the middle of a change.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").objects.keys().cloned().collect()
    }

    /// How many requests were not signed.
    ///
    /// # Panics
    /// When a request broke off in the middle of a change.
    #[must_use]
    pub fn unsigned(&self) -> usize {
        self.0.lock().expect("not poisoned").unsigned
    }
}

fn respond(status: u16, headers: &[(header::HeaderName, String)], body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, value) in headers {
        response.headers_mut().insert(name.clone(), value.parse().expect("a header"));
    }
    response
}

async fn answer(
    State(bucket): State<Bucket>,
    method: Method,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut kept = bucket.0.lock().expect("not poisoned");
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !text(header::AUTHORIZATION).starts_with(&format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/")) {
        kept.unsigned += 1;
        return respond(403, &[], "");
    }
    let tag = |bytes: &Bytes| (header::ETAG, format!("\"{}\"", bytes.len()));
    let key = uri.path().strip_prefix("/chat/").unwrap_or_default().to_owned();
    let part = query.get("partNumber").and_then(|number| number.parse().ok());
    match method {
        Method::GET if key.is_empty() => {
            let xml = "<ListBucketResult><Name>chat</Name><IsTruncated>false</IsTruncated></ListBucketResult>";
            respond(200, &[], xml)
        }
        Method::PUT => {
            let headers = [tag(&body)];
            match part {
                Some(number) => kept.parts.insert((key, number), body),
                None => kept.objects.insert(key, body),
            };
            respond(200, &headers, "")
        }
        Method::POST if query.contains_key("uploads") => {
            let inner = format!("<Bucket>chat</Bucket><Key>{key}</Key><UploadId>u1</UploadId>");
            respond(200, &[], format!("<InitiateMultipartUploadResult>{inner}</InitiateMultipartUploadResult>"))
        }
        Method::POST => {
            let parts = kept.parts.iter().filter(|((of, _), _)| *of == key);
            let whole: Vec<Bytes> = parts.map(|(_, part)| part.clone()).collect();
            kept.objects.insert(key, whole.concat().into());
            let xml = "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>";
            respond(200, &[], xml)
        }
        Method::DELETE => {
            kept.objects.remove(&key);
            respond(204, &[], "")
        }
        method => {
            let Some(object) = kept.objects.get(&key).cloned() else { return respond(404, &[], "") };
            let mut said = vec![tag(&object), (header::LAST_MODIFIED, "Mon, 01 Dec 2025 09:06:40 GMT".into())];
            if method == Method::HEAD {
                said.push((header::CONTENT_LENGTH, object.len().to_string()));
                return respond(200, &said, "");
            }
            let bounds = text(header::RANGE).strip_prefix("bytes=").and_then(|range| range.split_once('-'));
            let Some((from, last)) = bounds else { return respond(200, &said, object) };
            let from: usize = from.parse().expect("a number");
            let end = last.parse().map_or(object.len(), |last: usize| (last + 1).min(object.len()));
            said.push((header::CONTENT_RANGE, format!("bytes {from}-{}/{}", end - 1, object.len())));
            respond(206, &said, object.slice(from..end))
        }
    }
}
