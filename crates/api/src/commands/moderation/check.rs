//! Questions about a text. Spec: docs/spec/rest-push-ops.md#5.1, #5.2

use std::{collections::HashSet, sync::Arc};

use serde::{Deserialize, Serialize};
use tsudoi_domain::moderation::Treatment;

use super::request_id;
use crate::{
    app::App,
    command::{Caller, Command, Route},
    error::Error,
    error_code::ErrorCode,
    filter::{Author, Findings, Place},
};

/// Most bytes of one content.
const MAX_BYTES: usize = 8192;
/// Most contents of one call.
const MAX_CONTENTS: usize = 10;
/// The kinds of words that the documents know.
const LABELS: [&str; 9] = ["Normal", "Polity", "Porn", "Illegal", "Abuse", "Terror", "Ad", "Sexy", "Composite"];

/// What kind of content it is. Only text is looked at; the other kinds pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum ContentType {
    Text,
    Image,
    Audio,
    Video,
}

/// Whether, and why, a content would be stopped.
#[derive(Debug, Serialize)]
pub struct Judged {
    #[serde(rename = "RequestId")]
    request_id: String,
    #[serde(rename = "Result")]
    result: &'static str,
    #[serde(rename = "Score")]
    score: u32,
    #[serde(rename = "Label")]
    label: String,
    #[serde(rename = "Keywords")]
    keywords: Vec<String>,
}

impl Judged {
    fn of(app: &App, findings: Findings) -> Self {
        let (result, score) = match findings.treatment {
            Some(Treatment::Refuse | Treatment::Drop) => ("Block", 100),
            Some(Treatment::Mask | Treatment::Review) => ("Review", 60),
            None => ("Pass", 0),
        };
        let label = match findings.treatment {
            None => "Normal".to_owned(),
            Some(_) if LABELS.contains(&findings.label.as_str()) => findings.label,
            Some(_) => "Composite".to_owned(),
        };
        Self { request_id: request_id(app), result, score, label, keywords: findings.words }
    }
}

/// What a text would meet in the place that an audit policy names; policies of one's own are looked at like messages.
fn judge(app: &App, policy: &str, kind: ContentType, content: &str) -> Judged {
    let place = match policy {
        "C2C" => Place::Direct,
        "UserInfo" => Place::UserInfo,
        "GroupInfo" => Place::GroupInfo,
        "GroupMemberInfo" => Place::MemberInfo,
        "RelationChain" => Place::Relation,
        _ => Place::Group,
    };
    let findings = match kind {
        ContentType::Text => app.filter().look(content, place, Author::Anybody),
        ContentType::Image | ContentType::Audio | ContentType::Video => Findings::default(),
    };
    Judged::of(app, findings)
}

fn enabled(app: &App) -> Result<(), Error> {
    if app.settings().features.moderation {
        return Ok(());
    }
    Err(Error::new(ErrorCode::RestAppSuspended, "moderation is switched off for the app"))
}

fn policy(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::new(ErrorCode::GroupBadParameter, "`AuditName` is empty"));
    }
    Ok(())
}

/// Says what would become of a text. REST only.
/// Limits: 8 KB. Errors: `PackageTooLong`, `GroupBadParameter`, `RestAppSuspended` when switched off.
/// Spec: docs/spec/rest-push-ops.md#5.1
#[derive(Debug, Deserialize)]
pub struct CheckContent {
    #[serde(rename = "AuditName")]
    policy: String,
    #[serde(rename = "ContentType")]
    kind: ContentType,
    #[serde(rename = "Content")]
    content: String,
}

impl Command for CheckContent {
    const ROUTE: Route = Route::rest("im_msg_audit", "content_moderation", "docs/spec/rest-push-ops.md#5.1");
    type Reply = Judged;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Judged, Error> {
        enabled(app)?;
        policy(&self.policy)?;
        if self.content.len() > MAX_BYTES {
            return Err(Error::new(ErrorCode::PackageTooLong, format!("`Content` has more than {MAX_BYTES} bytes")));
        }
        Ok(judge(app, &self.policy, self.kind, &self.content))
    }
}

/// Says what would become of up to ten texts or pictures. REST only.
/// Limits: 8 KB each. Errors: `ModerationBadBatchType`, `ModerationRepeatedId`, `ModerationTooMany`, `PackageTooLong`,
/// `GroupBadParameter`, `RestAppSuspended` when switched off.
/// Spec: docs/spec/rest-push-ops.md#5.2
#[derive(Debug, Deserialize)]
pub struct CheckContents {
    #[serde(rename = "AuditName")]
    policy: String,
    #[serde(rename = "Contents")]
    contents: Vec<Content>,
}

#[derive(Debug, Deserialize)]
struct Content {
    #[serde(rename = "ContentId")]
    id: u64,
    #[serde(rename = "ContentType")]
    kind: ContentType,
    #[serde(rename = "Content")]
    content: String,
}

/// What would become of each.
#[derive(Debug, Serialize)]
pub struct AllJudged {
    #[serde(rename = "AuditResults")]
    results: Vec<OneJudged>,
}

#[derive(Debug, Serialize)]
struct OneJudged {
    #[serde(rename = "ErrorCode")]
    code: u32,
    #[serde(rename = "ErrorInfo")]
    info: &'static str,
    #[serde(rename = "ContentId")]
    id: u64,
    #[serde(rename = "SubLabel")]
    sub_label: &'static str,
    #[serde(flatten)]
    judged: Judged,
}

impl Command for CheckContents {
    const ROUTE: Route = Route::rest("im_msg_audit", "batch_content_moderation", "docs/spec/rest-push-ops.md#5.2");
    type Reply = AllJudged;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<AllJudged, Error> {
        enabled(app)?;
        policy(&self.policy)?;
        if self.contents.is_empty() {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`Contents` is empty"));
        }
        if self.contents.len() > MAX_CONTENTS {
            let text = format!("`Contents` has {} entries, at most {MAX_CONTENTS} are allowed", self.contents.len());
            return Err(Error::new(ErrorCode::ModerationTooMany, text));
        }
        let mut ids = HashSet::new();
        for (at, content) in self.contents.iter().enumerate() {
            if !matches!(content.kind, ContentType::Text | ContentType::Image) {
                let text = format!("`Contents[{at}].ContentType` is neither Text nor Image");
                return Err(Error::new(ErrorCode::ModerationBadBatchType, text));
            }
            if !ids.insert(content.id) {
                let text = format!("`Contents[{at}].ContentId`: {} is repeated", content.id);
                return Err(Error::new(ErrorCode::ModerationRepeatedId, text));
            }
            if content.content.len() > MAX_BYTES {
                let text = format!("`Contents[{at}].Content` has more than {MAX_BYTES} bytes");
                return Err(Error::new(ErrorCode::PackageTooLong, text));
            }
        }
        let results = self
            .contents
            .iter()
            .map(|content| OneJudged {
                code: 0,
                info: "",
                id: content.id,
                sub_label: "",
                judged: judge(app, &self.policy, content.kind, &content.content),
            })
            .collect();
        Ok(AllJudged { results })
    }
}
