//! Message records: what was said in an hour, a file for messages between two people and one for groups.
//!
//! A record is made when it is first asked for, kept beside the database, and served under a signed address that ends when the file
//! does. It holds what is stored of the hour at that moment: also what was recalled, not what was imported, and nothing of live rooms,
//! which are never stored.
//!
//! Spec: docs/spec/rest-push-ops.md#4.2

use std::{
    fs,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Body,
    extract::{Path as UrlPath, RawQuery, State},
    http::{HeaderValue, Response, StatusCode, header},
    routing::get,
};
use flate2::{Compression, write::GzEncoder};
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{
    AppId, Timestamp,
    conversation::ConversationKey,
    message::{Content, Message},
};

use crate::{
    app::{App, Shared},
    error::Error,
    error_code::ErrorCode,
    wire::{
        envelope::{self, Display},
        item,
    },
};

/// Messages that are read at a time.
const PAGE: usize = 1000;
const DAY_SECS: i64 = 86_400;

/// Which messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chat {
    /// Between two people.
    Direct,
    /// In groups and topics.
    Group,
}

impl Chat {
    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "C2C" => Some(Self::Direct),
            "Group" => Some(Self::Group),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Direct => "C2C",
            Self::Group => "Group",
        }
    }
}

/// The record of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Of which app.
    pub app: AppId,
    /// Of which messages.
    pub chat: Chat,
    /// Of which hour, Unix seconds / 3600.
    pub hour: i64,
}

/// How large a record is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Bytes unpacked.
    pub bytes: u64,
    /// MD5 of the unpacked bytes.
    pub md5: String,
    /// Bytes packed.
    pub packed_bytes: u64,
    /// MD5 of the packed bytes.
    pub packed_md5: String,
}

/// Counts and sums what is written through it.
struct Summed<W> {
    inner: W,
    bytes: u64,
    md5: Md5,
}

impl<W: io::Write> Summed<W> {
    fn new(inner: W) -> Self {
        Self { inner, bytes: 0, md5: Md5::new() }
    }
}

impl<W: io::Write> io::Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        self.md5.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The file while it is written: unpacked bytes go in, packed ones into the file, both are summed.
type Packing = Summed<GzEncoder<Summed<BufWriter<fs::File>>>>;

/// Why a record cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The messages cannot be read.
    #[error(transparent)]
    Store(#[from] tsudoi_store::StoreError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The server keeps nothing on disk.
    #[error("the server has no folder for message records")]
    NoFolder,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "From_Account")]
    from: &'a str,
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(rename = "GroupId", skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(rename = "TopicId", skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(rename = "MsgTimestamp")]
    time: Timestamp,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "MsgRandom", skip_serializing_if = "Option::is_none")]
    random: Option<u32>,
    #[serde(rename = "MsgBody")]
    body: &'a RawValue,
    #[serde(rename = "CloudCustomData", skip_serializing_if = "Option::is_none")]
    cloud_custom_data: Option<&'a str>,
}

fn line(message: &Message) -> Option<String> {
    let draft = &message.draft;
    let Content::Elements(elements) = &draft.content else { return None };
    let from = draft.sender.user()?.as_str();
    let (mut to, mut group, mut topic) = (None, None, None);
    let (mut seq, mut random) = (message.seq, None);
    match &draft.conversation {
        ConversationKey::Direct(..) => {
            to = Some(item::direction(draft).1.as_str());
            (seq, random) = (u64::from(draft.client_seq), Some(draft.random));
        }
        ConversationKey::Group(id) => group = Some(id.as_str()),
        ConversationKey::Topic(id) => (group, topic) = (Some(id.group()), Some(id.as_str())),
    }
    let line = Line {
        from,
        to,
        group,
        topic,
        time: draft.time,
        seq,
        random,
        body: item::elements(elements),
        cloud_custom_data: draft.cloud_custom_data.as_deref().filter(|data| !data.is_empty()),
    };
    Some(serde_json::to_string(&line).expect("a line is plain data"))
}

impl Record {
    /// Until when it can be had.
    #[must_use]
    pub fn expires(self, days: u32) -> Timestamp {
        Timestamp((self.hour + 1) * 3600 + i64::from(days) * DAY_SECS)
    }

    fn file_name(self) -> String {
        format!("{}-{}-{}.gz", self.app, self.chat.name(), self.hour)
    }

    fn from_file_name(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".gz")?.splitn(3, '-');
        let record = Self {
            app: AppId(parts.next()?.parse().ok()?),
            chat: Chat::named(parts.next()?)?,
            hour: parts.next()?.parse().ok()?,
        };
        (record.file_name() == name).then_some(record)
    }

    /// The address of the file, good until then.
    #[must_use]
    pub fn url(self, shared: &Shared, expires: Timestamp) -> String {
        let name = self.file_name();
        let sign = shared.token_key.sign_text(&signed_text(&name, expires.0));
        format!("{}/records/{name}?expires={}&sign={sign}", shared.bounds.public_url, expires.0)
    }

    /// Makes the file unless it is there. Answers how large it is; `None` when the hour has no messages.
    ///
    /// # Errors
    /// [`RecordError`].
    pub async fn make(self, app: &Arc<App>, hour_name: &str) -> Result<Option<Sizes>, RecordError> {
        let folder = folder(app.shared()).ok_or(RecordError::NoFolder)?;
        // One at a time: whoever asks for the same record meanwhile finds it made.
        let _making = app.shared().making_records.lock().await;
        let path = folder.join(self.file_name());
        let sizes_path = path.with_extension("json");
        if path.exists()
            && let Ok(known) = fs::read(&sizes_path)
            && let Ok(sizes) = serde_json::from_slice(&known)
        {
            return Ok(Some(sizes));
        }
        fs::create_dir_all(&folder)?;
        let unfinished = path.with_extension("part");
        let Some(sizes) = self.write(app, hour_name, &unfinished).await? else {
            fs::remove_file(&unfinished)?;
            return Ok(None);
        };
        fs::write(&sizes_path, serde_json::to_vec(&sizes).expect("sizes are plain data"))?;
        fs::rename(&unfinished, &path)?;
        Ok(Some(sizes))
    }

    async fn write(self, app: &Arc<App>, hour_name: &str, path: &Path) -> Result<Option<Sizes>, RecordError> {
        let file = Summed::new(BufWriter::new(fs::File::create(path)?));
        let mut out: Packing = Summed::new(GzEncoder::new(file, Compression::default()));
        let chat = self.chat.name();
        write!(out, r#"{{"SdkAppId":{},"ChatType":"{chat}","MsgTime":"{hour_name}","MsgList":["#, self.app)?;
        let mut is_first = true;
        let mut after = 0;
        loop {
            let direct = self.chat == Chat::Direct;
            let page = app.store().read().sent_in_hour(app.id(), direct, self.hour, after, PAGE).await?;
            for line in page.iter().filter_map(|(_, message)| line(message)) {
                out.write_all(if is_first { b"\n" } else { b",\n" })?;
                out.write_all(line.as_bytes())?;
                is_first = false;
            }
            match page.last() {
                Some((place, _)) if page.len() == PAGE => after = *place,
                Some(_) | None => break,
            }
        }
        if is_first {
            return Ok(None);
        }
        out.write_all(b"\n]}\n")?;
        let (bytes, md5) = (out.bytes, hex::encode(out.md5.finalize()));
        let mut packed = out.inner.finish()?;
        packed.flush()?;
        packed.inner.get_ref().sync_all()?;
        Ok(Some(Sizes { bytes, md5, packed_bytes: packed.bytes, packed_md5: hex::encode(packed.md5.finalize()) }))
    }
}

fn folder(shared: &Shared) -> Option<PathBuf> {
    shared.data_dir.as_ref().map(|folder| folder.join("records"))
}

fn signed_text(name: &str, expires: i64) -> String {
    format!("record\n{name}\n{expires}")
}

/// Deletes the files of hours whose records can no longer be had.
pub(crate) fn sweep(shared: &Shared) {
    let Some(entries) = folder(shared).and_then(|folder| fs::read_dir(folder).ok()) else { return };
    let now = shared.now().second();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.with_extension("gz");
        let record = name.file_name().and_then(|name| Record::from_file_name(name.to_str()?));
        let days = record.and_then(|record| Some(shared.app(record.app)?.settings().operations.record_days));
        let is_over = match (record, days) {
            (Some(record), Some(days)) => record.expires(days) <= now,
            // Of an app that is gone, or not ours: when nobody touched it for long.
            _ => is_old(&path),
        };
        if is_over && let Err(error) = fs::remove_file(&path) {
            tracing::warn!(file = %path.display(), %error, "a message record cannot be deleted");
        }
    }
}

fn is_old(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|found| found.modified());
    modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > Duration::from_hours(31 * 24)))
}

/// Serves the files.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new().route("/records/{name}", get(download)).with_state(shared)
}

async fn download(
    State(shared): State<Arc<Shared>>,
    UrlPath(name): UrlPath<String>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    match read(&shared, &name, query.as_deref().unwrap_or_default()).await {
        Ok(bytes) => {
            let mut response = Response::new(Body::from(bytes));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/gzip"));
            response
        }
        Err(error) => {
            let mut response = Response::new(Body::from(envelope::failure(&error, Display::Absent)));
            *response.status_mut() = StatusCode::FORBIDDEN;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
    }
}

async fn read(shared: &Shared, name: &str, query: &str) -> Result<Vec<u8>, Error> {
    let bad = || Error::new(ErrorCode::HistoryFileBadUrl, "the address is not one that the server gave");
    let (mut expires, mut sign) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "expires" => expires = value.parse::<i64>().ok(),
            "sign" => sign = Some(value.into_owned()),
            _ => {}
        }
    }
    let (Some(expires), Some(sign)) = (expires, sign) else { return Err(bad()) };
    let record = Record::from_file_name(name).ok_or_else(bad)?;
    if !shared.token_key.check_text(&signed_text(name, expires), &sign) {
        return Err(bad());
    }
    if shared.now().second().0 >= expires {
        return Err(Error::new(ErrorCode::HistoryFileExpired, "the address has expired"));
    }
    let gone = || Error::new(ErrorCode::HistoryFileExpired, "the record is gone");
    let folder = folder(shared).ok_or_else(gone)?;
    tokio::fs::read(folder.join(record.file_name())).await.map_err(|_| gone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_name_their_record_and_nothing_else() {
        let record = Record { app: AppId(7), chat: Chat::Group, hour: 490_137 };
        assert_eq!(Record::from_file_name(&record.file_name()), Some(record));
        for bad in ["", "7-Group-1", "7-Group-+1.gz", "../7-Group-1.gz", "7-group-1.gz", "07-Group-1.gz"] {
            assert_eq!(Record::from_file_name(bad), None, "{bad}");
        }
    }
}
