//! Where the message records are. Spec: docs/spec/rest-push-ops.md#4.2

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::statistics::Moment;

use crate::{
    app::App,
    command::{Caller, Command, Route},
    error::Error,
    error_code::ErrorCode,
    records::{Chat, Record},
};

/// Tells where the record of an hour's messages can be fetched. It is made when it is first asked for. REST only.
/// Units: the hour on the app's clock, `yyyymmddhh`. Limits: 10 calls a second.
/// Errors: `HistoryFileBadParameter`, `HistoryFileNotReady`, `HistoryFileExpired`, `HistoryFileInternal`.
/// Spec: docs/spec/rest-push-ops.md#4.2
#[derive(Debug, Deserialize)]
pub struct MessageRecords {
    #[serde(rename = "ChatType")]
    chat: String,
    #[serde(rename = "MsgTime")]
    hour: String,
}

/// The files.
#[derive(Debug, Serialize)]
pub struct Files {
    #[serde(rename = "File")]
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct File {
    #[serde(rename = "URL")]
    url: String,
    #[serde(rename = "ExpireTime")]
    expires: String,
    #[serde(rename = "FileSize")]
    bytes: u64,
    #[serde(rename = "FileMD5")]
    md5: String,
    #[serde(rename = "GzipSize")]
    packed_bytes: u64,
    #[serde(rename = "GzipMD5")]
    packed_md5: String,
}

fn bad(text: String) -> Error {
    Error::new(ErrorCode::HistoryFileBadParameter, text)
}

/// The beginning of an hour, as the hour's number since 1970.
fn hour_of(text: &str, utc_offset_hours: i32) -> Option<i64> {
    if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text[from..to].parse::<u32>().ok();
    let moment = Moment {
        year: i64::from(part(0, 4)?),
        month: part(4, 6)?,
        day: part(6, 8)?,
        hour: part(8, 10)?,
        minute: 0,
        second: 0,
    };
    Some(moment.time(utc_offset_hours)?.0.div_euclid(3600))
}

impl Command for MessageRecords {
    const ROUTE: Route = Route::rest("open_msg_svc", "get_history", "docs/spec/rest-push-ops.md#4.2");
    type Reply = Files;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Files, Error> {
        let settings = app.settings();
        let ahead = settings.operations.utc_offset_hours;
        let chat = Chat::named(&self.chat)
            .ok_or_else(|| bad(format!("`ChatType`: `{}` is neither C2C nor Group", self.chat)))?;
        let hour = hour_of(&self.hour, ahead)
            .ok_or_else(|| bad(format!("`MsgTime`: `{}` is no hour of the form yyyymmddhh", self.hour)))?;
        let record = Record { app: app.id(), chat, hour };
        let (end, now) = ((hour + 1) * 3600, app.now().0);
        if now < end + i64::from(settings.operations.record_delay_secs) {
            return Err(Error::new(
                ErrorCode::HistoryFileNotReady,
                format!("the record of {} is not ready", self.hour),
            ));
        }
        let expires = record.expires(settings.operations.record_days);
        if now >= expires.0 {
            return Err(Error::new(ErrorCode::HistoryFileExpired, format!("the record of {} is gone", self.hour)));
        }
        let made = record.make(app, &self.hour).await.map_err(|error| {
            tracing::error!(%error, "a message record cannot be made");
            Error::from(ErrorCode::HistoryFileInternal)
        })?;
        let Some(sizes) = made else {
            let text = format!("nothing was said in {}", self.hour);
            return Err(Error::new(ErrorCode::HistoryFileNotReady, text));
        };
        let file = File {
            url: record.url(app.shared(), expires),
            expires: Moment::of(expires, ahead).to_string(),
            bytes: sizes.bytes,
            md5: sizes.md5,
            packed_bytes: sizes.packed_bytes,
            packed_md5: sizes.packed_md5,
        };
        Ok(Files { files: vec![file] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_those_of_the_calendar() {
        assert_eq!(hour_of("2025113009", 0), Some(1_764_493_201 / 3600));
        assert_eq!(hour_of("2025113017", 8), Some(1_764_493_201 / 3600));
        for bad in [
            "",
            "20251130",
            "2025113024",
            "2025133009",
            "2025023009",
            "20251130090",
            "2025-11-30",
            "２０２５１１３００９",
        ] {
            assert_eq!(hour_of(bad, 0), None, "{bad}");
        }
    }
}
