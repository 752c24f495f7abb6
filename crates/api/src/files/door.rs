//! The addresses of files over HTTP: `PUT` or `POST` to upload, `GET` and `HEAD` to download, also in ranges, from any site.
//!
//! What is served is never a page: types that browsers run nothing in are shown, everything else is saved.

use std::{ops::Bound, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, BodyDataStream},
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Path, RawQuery, Request, State, multipart::Field},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header},
    response::IntoResponse as _,
    routing::get,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use headers::{HeaderMapExt as _, Range};
use object_store::{Error, GetOptions, GetRange, buffered::BufWriter};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{io::AsyncWriteExt as _, time::timeout};
use tower_http::cors::{Any, CorsLayer};

use super::{FileKey, Files, Purpose, kind::DOWNLOADED, storage};
use crate::app::{App, Shared};

/// How much of an upload is held in memory before it is written.
const BUFFER_BYTES: usize = 5 << 20;
/// How much of a file is looked at to tell what it is.
const SNIFFED_BYTES: usize = 512;
/// How long the next piece of an upload may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The routes of files.
pub fn router(shared: Arc<Shared>) -> Router {
    let exposed = [
        header::ETAG,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::ACCEPT_RANGES,
        header::CONTENT_DISPOSITION,
    ];
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::PUT, Method::POST])
        .allow_headers(Any)
        .expose_headers(exposed)
        .max_age(Duration::from_secs(86_400));
    Router::new()
        .route("/files/{app}/{day}/{file}/{name}", get(download).put(upload).post(upload))
        .layer(DefaultBodyLimit::disable())
        .layer(cors)
        .with_state(shared)
}

type Parts = Path<(String, String, String, String)>;

/// Why nothing was served or taken.
enum Refused {
    /// The request's fault.
    With(StatusCode, String),
    /// The storage's.
    Storage(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

fn refuse<T>(status: StatusCode, text: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::With(status, text.into()))
}

fn respond(door: &'static str, result: Result<Response<Body>, Refused>) -> Response<Body> {
    let mut response = match result {
        Ok(response) => response,
        Err(Refused::With(status, text)) => (status, format!("{text}\n")).into_response(),
        Err(Refused::Storage(error)) => {
            tracing::error!(%error, "the storage of files is unavailable");
            (StatusCode::SERVICE_UNAVAILABLE, "files cannot be stored or read now\n").into_response()
        }
    };
    metrics::counter!("file_requests_total", "door" => door, "status" => response.status().as_u16().to_string())
        .increment(1);
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
    response
}

/// The app and file of an address that is signed for the purpose.
fn opened(
    shared: &Shared,
    Path((app, day, file, name)): Parts,
    query: Option<&str>,
    purpose: Purpose,
) -> Result<(Arc<App>, FileKey, String), Refused> {
    let found = FileKey::parse(&app, &day, &file).and_then(|key| Some((shared.app(key.app())?, key)));
    let Some((app, key)) = found else { return refuse(StatusCode::NOT_FOUND, "there is no such file") };
    if let Err(fault) = shared.files.check(&key, &name, purpose, query.unwrap_or_default(), shared.now().second()) {
        return refuse(StatusCode::FORBIDDEN, fault.to_string());
    }
    if app.settings().disabled {
        return refuse(StatusCode::FORBIDDEN, "the app is disabled");
    }
    Ok((app, key, name))
}

async fn require_allowed(app: &App, key: &FileKey) -> Result<(), Refused> {
    match app.store().read().is_file_banned(app.id(), &key.text()).await {
        Ok(false) => Ok(()),
        Ok(true) => refuse(StatusCode::FORBIDDEN, "the file is banned"),
        Err(error) => {
            tracing::error!(%error, "whether a file is banned cannot be read");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "files cannot be read now")
        }
    }
}

async fn upload(
    State(shared): State<Arc<Shared>>,
    parts: Parts,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response<Body> {
    respond("upload", Box::pin(take(&shared, parts, query.as_deref(), request)).await)
}

async fn take(
    shared: &Arc<Shared>,
    parts: Parts,
    query: Option<&str>,
    request: Request,
) -> Result<Response<Body>, Refused> {
    let (app, key, _) = opened(shared, parts, query, Purpose::Upload)?;
    require_allowed(&app, &key).await?;
    let most = key.kind().max_bytes(&app.settings().files);
    // A form has some more around the file.
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|bytes: u64| bytes > most + (64 << 10)) {
        return too_large(most);
    }
    let Ok(_permit) = shared.files.uploads.try_acquire() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many uploads at a time, try again");
    };
    if shared.files.is_there(&key).await? {
        return refuse(StatusCode::CONFLICT, "the file was uploaded before");
    }
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("multipart/form-data"));
    if !is_form {
        return store(&shared.files, &key, most, Source::Body(request.into_body().into_data_stream())).await;
    }
    let Ok(mut form) = Multipart::from_request(request, &()).await else {
        return refuse(StatusCode::BAD_REQUEST, "the form has no boundary");
    };
    while let Ok(Some(field)) = form.next_field().await {
        if field.name() == Some("file") {
            return store(&shared.files, &key, most, Source::Field(Box::new(field))).await;
        }
    }
    refuse(StatusCode::BAD_REQUEST, "the form has no field `file`")
}

fn too_large<T>(most: u64) -> Result<T, Refused> {
    refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("the file has more than {most} bytes"))
}

/// Where the bytes of an upload come from.
enum Source<'a> {
    Body(BodyDataStream),
    Field(Box<Field<'a>>),
}

impl Source<'_> {
    /// The next bytes, `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        let next = async {
            match self {
                Self::Body(stream) => stream.next().await.transpose().map_err(|_| ()),
                Self::Field(field) => field.chunk().await.map_err(|_| ()),
            }
        };
        match timeout(PATIENCE, next).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(())) => refuse(StatusCode::BAD_REQUEST, "the upload broke off"),
            Err(_) => refuse(StatusCode::REQUEST_TIMEOUT, "the upload stood still"),
        }
    }
}

async fn store(files: &Files, key: &FileKey, most: u64, mut source: Source<'_>) -> Result<Response<Body>, Refused> {
    // 1. What it is, as far as its beginning tells.
    let mut beginning = BytesMut::new();
    while beginning.len() < SNIFFED_BYTES
        && let Some(bytes) = source.next().await?
    {
        beginning.extend_from_slice(&bytes);
    }
    if beginning.is_empty() {
        return refuse(StatusCode::BAD_REQUEST, "the file is empty");
    }
    if !key.kind().admits(&beginning) {
        let text = format!("the file is no {}", key.kind().word());
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
    }
    // 2. All of it, into a place that nobody sees before it is whole.
    let mut writer = BufWriter::with_capacity(files.storage.clone(), key.place(), BUFFER_BYTES).with_max_concurrency(2);
    let written = copy(&mut writer, beginning.freeze(), &mut source, most).await;
    match written {
        Ok(bytes) => {
            metrics::counter!("file_uploaded_bytes_total").increment(bytes);
            Ok(StatusCode::OK.into_response())
        }
        Err(refused) => {
            // What was never whole leaves nothing; a storage that cannot even forget is told about in the first error.
            _ = writer.abort().await;
            Err(refused)
        }
    }
}

async fn copy(writer: &mut BufWriter, first: Bytes, source: &mut Source<'_>, most: u64) -> Result<u64, Refused> {
    let mut total = 0;
    let mut next = Some(first);
    while let Some(bytes) = next {
        total += bytes.len() as u64;
        if total > most {
            return too_large(most);
        }
        writer.put(bytes).await?;
        next = source.next().await?;
    }
    match writer.shutdown().await {
        Ok(()) => Ok(total),
        Err(error) => Err(Refused::Storage(Error::Generic { store: "files", source: Box::new(error) })),
    }
}

async fn download(
    State(shared): State<Arc<Shared>>,
    parts: Parts,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response<Body> {
    respond("download", Box::pin(give(&shared, parts, query.as_deref(), &method, &headers)).await)
}

async fn give(
    shared: &Shared,
    parts: Parts,
    query: Option<&str>,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response<Body>, Refused> {
    let (app, key, name) = opened(shared, parts, query, Purpose::Download)?;
    require_allowed(&app, &key).await?;
    let Some(size) = storage::size(shared.files.storage.as_ref(), &key).await? else {
        return refuse(StatusCode::NOT_FOUND, "there is no such file");
    };
    // A file never changes: its key is its version.
    let tag = format!("\"{}\"", key.text());
    if headers.get(header::IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, described(&key, &name, &tag)).into_response());
    }
    let range = match headers.typed_get::<Range>() {
        Some(range) => match wanted(&range, size) {
            Wanted::All => None,
            Wanted::Part(from, end) => Some((from, end)),
            Wanted::Nothing => {
                let range = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
                return Ok((StatusCode::RANGE_NOT_SATISFIABLE, range).into_response());
            }
        },
        None => None,
    };
    let (from, end) = range.unwrap_or((0, size));
    let body = if *method == Method::HEAD {
        Body::empty()
    } else {
        let options = GetOptions { range: Some(GetRange::Bounded(from..end)), ..GetOptions::default() };
        match shared.files.storage.get_opts(&key.place(), options).await {
            Ok(found) => Body::from_stream(found.into_stream()),
            Err(Error::NotFound { .. }) => return refuse(StatusCode::NOT_FOUND, "there is no such file"),
            Err(other) => return Err(other.into()),
        }
    };
    let mut response = (described(&key, &name, &tag), body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, (end - from).into());
    if range.is_some() {
        let text = format!("bytes {from}-{}/{size}", end - 1);
        headers.insert(header::CONTENT_RANGE, HeaderValue::try_from(text).expect("digits"));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// What is said of a file beside its bytes.
fn described(key: &FileKey, name: &str, tag: &str) -> [(HeaderName, String); 5] {
    let shown = key.kind().content_type(name);
    let how = if shown == DOWNLOADED { "attachment" } else { "inline" };
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    [
        (header::CONTENT_TYPE, shown.to_owned()),
        (header::CONTENT_DISPOSITION, format!("{how}; filename*=UTF-8''{name}")),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, tag.to_owned()),
        // Not for ever: a banned file is asked for again.
        (header::CACHE_CONTROL, "private, max-age=3600".to_owned()),
    ]
}

/// What a `Range` asks for.
enum Wanted {
    All,
    /// From a byte to before another.
    Part(u64, u64),
    Nothing,
}

/// One range is served; of several, all.
fn wanted(range: &Range, size: u64) -> Wanted {
    let mut ranges = range.satisfiable_ranges(size);
    let (first, more) = (ranges.next(), ranges.next().is_some());
    match first {
        None => Wanted::Nothing,
        Some(_) if more => Wanted::All,
        Some((from, to)) => {
            let from = match from {
                Bound::Included(from) => from,
                Bound::Excluded(_) | Bound::Unbounded => 0,
            };
            let end = match to {
                Bound::Included(last) => last.saturating_add(1).min(size),
                Bound::Excluded(end) => end.min(size),
                Bound::Unbounded => size,
            };
            if from < end { Wanted::Part(from, end) } else { Wanted::Nothing }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("bytes=0-9", Some((0, 10)))]
    #[case("bytes=90-", Some((90, 100)))]
    #[case("bytes=90-500", Some((90, 100)))]
    #[case("bytes=-10", Some((90, 100)))]
    #[case("bytes=100-", None)]
    #[case("bytes=5-5", Some((5, 6)))]
    fn ranges_of_a_hundred_bytes(#[case] range: &str, #[case] expected: Option<(u64, u64)>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        let part = match wanted(&headers.typed_get().unwrap(), 100) {
            Wanted::Part(from, end) => Some((from, end)),
            Wanted::All | Wanted::Nothing => None,
        };
        assert_eq!(part, expected);
    }
}
