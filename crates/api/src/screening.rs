//! Looks at what is about to be said, before anybody is asked or told.

use std::sync::Arc;

use serde::Serialize;
use tsudoi_domain::{AppId, GroupId, UserId, WebhookCommand, change::Change, moderation::Treatment};

use crate::{
    app::App,
    command::Caller,
    error::Error,
    error_code::ErrorCode,
    filter::{Author, Findings, Place},
    webhook::{Line, Origin},
};

/// What becomes of a message that may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screened {
    /// It goes on, perhaps with words replaced.
    Passed,
    /// Its sender is told success; nothing is stored, nobody else is told.
    Dropped,
}

fn author(caller: &Caller) -> Author {
    if caller.is_app_admin() { Author::Backend } else { Author::Client }
}

/// Whose text it is, and to whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// Who wrote it.
    pub from: &'a UserId,
    /// Where it goes.
    pub contact: Contact<'a>,
}

/// Where a text goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Contact<'a> {
    /// To a user.
    User(&'a UserId),
    /// To, or into the profile of, a group.
    Group(&'a GroupId),
    /// To a user, in a message.
    Message(&'a UserId, About<'a>),
    /// To a group, in a message.
    GroupMessage(&'a GroupId, About<'a>),
    /// To nobody in particular, or to many.
    Nobody,
}

/// What is known of a message besides what it says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// Its key, or its number in the group; absent as long as it has none.
    pub id: Option<&'a str>,
    /// The sender's data.
    pub cloud_custom_data: Option<&'a str>,
}

impl<'a> Contact<'a> {
    fn message(self) -> Option<About<'a>> {
        match self {
            Self::Message(_, about) | Self::GroupMessage(_, about) => Some(about),
            Self::User(_) | Self::Group(_) | Self::Nobody => None,
        }
    }
}

/// Looks at the elements of a message, and replaces words where that is all that becomes of them.
///
/// # Errors
/// [`ErrorCode::ContentTextRefused`].
pub(crate) async fn elements(
    app: &App,
    caller: &Caller,
    subject: &Subject<'_>,
    place: Place,
    elements: &mut Arc<str>,
) -> Result<Screened, Error> {
    let (findings, masked) = app.filter().look_at_elements(elements, place, author(caller));
    told(app, subject, place, &findings, || texts_of(elements)).await?;
    match findings.treatment {
        Some(Treatment::Refuse) => {
            metrics::counter!("texts_refused_total").increment(1);
            Err(Error::new(ErrorCode::ContentTextRefused, "the text of `MsgBody` was refused by moderation"))
        }
        Some(Treatment::Drop) => {
            metrics::counter!("texts_dropped_total").increment(1);
            Ok(Screened::Dropped)
        }
        Some(Treatment::Mask | Treatment::Review) | None => {
            if let Some(masked) = masked {
                metrics::counter!("texts_masked_total").increment(1);
                *elements = masked;
            }
            Ok(Screened::Passed)
        }
    }
}

/// Looks at a text that is not a message, and replaces words where that is all that becomes of them. What messages would be dropped
/// for is refused here: there is nothing to pretend.
///
/// # Errors
/// [`ErrorCode::ContentTextRefused`] that names the field.
pub(crate) async fn text(
    app: &App,
    caller: &Caller,
    subject: &Subject<'_>,
    place: Place,
    field: &str,
    text: &mut String,
) -> Result<(), Error> {
    let findings = app.filter().look(text, place, author(caller));
    told(app, subject, place, &findings, || vec![text.clone()]).await?;
    match findings.treatment {
        Some(Treatment::Refuse | Treatment::Drop) => {
            metrics::counter!("texts_refused_total").increment(1);
            Err(Error::new(ErrorCode::ContentTextRefused, format!("`{field}` was refused by moderation")))
        }
        Some(Treatment::Mask | Treatment::Review) | None => {
            if let Some(masked) = findings.masked {
                *text = masked;
            }
            Ok(())
        }
    }
}

/// The texts among elements (JSON).
fn texts_of(elements: &str) -> Vec<String> {
    let Ok(serde_json::Value::Array(list)) = serde_json::from_str(elements) else { return Vec::new() };
    let texts = list.iter().filter_map(|element| element["MsgContent"]["Text"].as_str());
    texts.map(str::to_owned).collect()
}

/// What was found, as the app's backend is told it.
#[derive(Serialize)]
struct Notice<'a> {
    #[serde(rename = "Scene")]
    scene: &'static str,
    #[serde(rename = "SdkAppId")]
    app: AppId,
    #[serde(rename = "From_Account")]
    from: &'a UserId,
    #[serde(rename = "ContactItem", skip_serializing_if = "Option::is_none")]
    contact: Option<ContactItem<'a>>,
    #[serde(rename = "ContentType")]
    kind: &'static str,
    #[serde(rename = "TextContent")]
    texts: Vec<String>,
    #[serde(rename = "MsgID", skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(rename = "CloudCustomData", skip_serializing_if = "Option::is_none")]
    cloud_custom_data: Option<&'a str>,
    #[serde(rename = "CtxcbResult")]
    stopped: u32,
    #[serde(rename = "CtxcbRequestId")]
    request_id: String,
    #[serde(rename = "CtxcbKeywords")]
    words: &'a [String],
    #[serde(rename = "CtxcbSuggestion")]
    suggestion: &'static str,
    #[serde(rename = "CtxcbLabel")]
    label: &'a str,
}

#[derive(Serialize)]
struct ContactItem<'a> {
    #[serde(rename = "ContactType")]
    kind: u32,
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    user: Option<&'a UserId>,
    #[serde(rename = "ToGroupId", skip_serializing_if = "Option::is_none")]
    group: Option<&'a GroupId>,
}

/// Tells the app's backend what was found; what passed without a finding only where the app wants that.
async fn told(
    app: &App,
    subject: &Subject<'_>,
    place: Place,
    findings: &Findings,
    texts: impl FnOnce() -> Vec<String> + Send,
) -> Result<(), Error> {
    if findings.treatment.is_none() && !app.filter().reports_all() {
        return Ok(());
    }
    let (suggestion, stopped) = match findings.treatment {
        Some(Treatment::Refuse | Treatment::Drop) => ("Block", 1),
        Some(Treatment::Mask | Treatment::Review) => ("Review", 0),
        None => ("Pass", 0),
    };
    let call =
        app.webhooks().tell(WebhookCommand::ContentResult, Line::User(subject.from), Origin::SERVER, || Notice {
            scene: match place {
                Place::Direct => "C2C",
                Place::Group => "Group",
                Place::UserInfo => "UserInfo",
                Place::GroupInfo => "GroupInfo",
                Place::MemberInfo => "GroupMemberInfo",
                Place::Relation => "RelationChain",
            },
            app: app.id(),
            from: subject.from,
            contact: match subject.contact {
                Contact::User(user) | Contact::Message(user, _) => {
                    Some(ContactItem { kind: 1, user: Some(user), group: None })
                }
                Contact::Group(group) | Contact::GroupMessage(group, _) => {
                    Some(ContactItem { kind: 2, user: None, group: Some(group) })
                }
                Contact::Nobody => None,
            },
            kind: "Text",
            texts: texts(),
            message: subject.contact.message().and_then(|about| about.id),
            cloud_custom_data: subject
                .contact
                .message()
                .and_then(|about| about.cloud_custom_data)
                .filter(|data| !data.is_empty()),
            stopped,
            request_id: format!("{:016x}", app.dice().u64()),
            words: &findings.words,
            suggestion,
            label: if findings.label.is_empty() { "Normal" } else { &findings.label },
        });
    if call.is_some() {
        app.commit(Change::none().calls(call)).await?;
    }
    Ok(())
}
