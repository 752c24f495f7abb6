//! Applications and invitations that wait, and their decision.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Denied, GroupId, UserId,
    group::Group,
    join::{Application, Awaits},
    member::join::{self, Decision},
};

use super::{candidate, last_seq};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    webhook::{self, group::JoinType},
    wire::faces::Faces,
};

/// Yes, or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Handled {
    Agree,
    Reject,
}

/// The owner or an admin decides about an application. Gateway; needs `Action::ApproveJoin`.
/// Limits: `ApprovalMsg` 1000 bytes. Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupApplicationHandled`, `GroupFull`.
/// Spec: docs/spec/websocket-protocol.md#10
#[derive(Debug, Deserialize)]
pub struct DecideApplication {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "Applicant_Account")]
    applicant: UserId,
    #[serde(rename = "HandleMsg")]
    handled: Handled,
    #[serde(rename = "ApprovalMsg", default)]
    words: String,
    #[serde(rename = "Authentication")]
    authentication: String,
    #[serde(rename = "MsgKey", default, deserialize_with = "decode::lenient_u64")]
    key: u64,
}

impl Command for DecideApplication {
    const ROUTE: Route =
        Route::socket("group_open_http_svc", "handle_apply_join_group", "docs/spec/websocket-protocol.md#10");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let answer = Answer {
            group: &self.group,
            applicant: &self.applicant,
            awaits: Awaits::Leaders,
            authentication: &self.authentication,
            key: self.key,
            agree: self.handled == Handled::Agree,
            words: &self.words,
        };
        decide(app, caller, answer).await
    }
}

/// The owner or an admin decides about a member's invitation. Gateway; needs `Action::ApproveJoin`.
/// Limits and errors: as [`DecideApplication`].
/// Spec: docs/spec/websocket-protocol.md#24
#[derive(Debug, Deserialize)]
pub struct DecideInvitation {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "Invited_Account")]
    invited: UserId,
    #[serde(rename = "HandleMsg")]
    handled: Handled,
    #[serde(rename = "ApprovalMsg", default)]
    words: String,
    #[serde(rename = "Authentication")]
    authentication: String,
}

impl Command for DecideInvitation {
    const ROUTE: Route = Route::socket(
        "group_open_http_svc",
        "handle_invite_join_permission_group",
        "docs/spec/websocket-protocol.md#24",
    );
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let answer = Answer {
            group: &self.group,
            applicant: &self.invited,
            awaits: Awaits::Leaders,
            authentication: &self.authentication,
            key: 0,
            agree: self.handled == Handled::Agree,
            words: &self.words,
        };
        decide(app, caller, answer).await
    }
}

/// The caller answers an invitation. Gateway.
/// Limits and errors: as [`DecideApplication`].
/// Spec: docs/spec/websocket-protocol.md#24
#[derive(Debug, Deserialize)]
pub struct AnswerInvitation {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "HandleMsg")]
    handled: Handled,
    #[serde(rename = "ApprovalMsg", default)]
    words: String,
    #[serde(rename = "Authentication")]
    authentication: String,
    #[serde(rename = "MsgKey", default, deserialize_with = "decode::lenient_u64")]
    key: u64,
}

impl Command for AnswerInvitation {
    const ROUTE: Route =
        Route::socket("group_open_http_svc", "handle_invite_join_group", "docs/spec/websocket-protocol.md#24");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let answer = Answer {
            group: &self.group,
            applicant: &caller.user,
            awaits: Awaits::Invitee,
            authentication: &self.authentication,
            key: self.key,
            agree: self.handled == Handled::Agree,
            words: &self.words,
        };
        decide(app, caller, answer).await
    }
}

/// A decision as a client sends it.
struct Answer<'a> {
    group: &'a GroupId,
    applicant: &'a UserId,
    awaits: Awaits,
    authentication: &'a str,
    /// 0: not sent.
    key: u64,
    agree: bool,
    words: &'a str,
}

impl Answer<'_> {
    fn is_about(&self, application: &Application) -> bool {
        application.awaits == self.awaits
            && application.authentication == self.authentication
            && (self.key == 0 || i64::try_from(self.key) == Ok(application.key))
    }
}

async fn decide(app: &Arc<App>, caller: &Caller, answer: Answer<'_>) -> Result<Done, Error> {
    let decided = app.decide(|| async {
        let scene = app.scene(answer.group, caller, &caller.user).await?;
        let pending = app.store().read().application(app.id(), answer.group, answer.applicant).await?;
        let application = pending.filter(|application| answer.is_about(application)).ok_or_else(|| {
            Denied::ApplicationHandled { user: answer.applicant.clone(), group: answer.group.clone() }
        })?;
        let applicant = candidate(app, &scene, answer.applicant).await?;
        let last_seq = last_seq(app, answer.group).await?;
        let decision = Decision {
            application: &application,
            agree: answer.agree,
            words: answer.words,
            applicant: &applicant,
            last_seq,
        };
        let change = join::decide(&scene, &decision, &|| app.dice().u64())?;
        let how = if application.is_invitation() { JoinType::Invited } else { JoinType::Apply };
        Ok(((), webhook::group::brought_in(app, caller, &scene.group, (how, &application.by), change)))
    });
    match decided.await {
        Ok(_) => Ok(Done {}),
        Err(error) => Err(webhook::group::turned_away(app, caller, answer.group, error).await),
    }
}

/// Lists the applications that wait for the caller's decision, newest first. Gateway.
/// Units: `StartTime` and `NextStartTime` are the `AddTime` of an item in Unix milliseconds, 0 at the start and the end.
/// Limits: `limits.group.pending` applications in all.
/// Spec: docs/spec/websocket-protocol.md#10
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct ListApplications(Page);

/// As [`ListApplications`], of communities: their service has a list of its own.
/// Spec: docs/spec/websocket-protocol.md#10
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct ListCommunityApplications(Page);

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(rename = "StartTime", default)]
    start: i64,
    #[serde(rename = "Limit", default = "default_limit")]
    limit: usize,
}

fn default_limit() -> usize {
    20
}

/// A page of applications.
#[derive(Debug, Serialize)]
pub struct Applications {
    #[serde(rename = "PendencyList")]
    list: Vec<Item>,
    #[serde(rename = "NextStartTime")]
    next: i64,
}

#[derive(Debug, Serialize)]
struct Item {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "GroupName")]
    group_name: String,
    #[serde(rename = "From_Account")]
    from: UserId,
    #[serde(rename = "FromUserNickName")]
    nick: String,
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    invited: Option<UserId>,
    #[serde(rename = "PendencyType")]
    kind: u32,
    #[serde(rename = "ApplyInviteMsg")]
    message: String,
    #[serde(rename = "AddTime")]
    key: i64,
    #[serde(rename = "Authentication")]
    authentication: String,
    #[serde(rename = "Handled")]
    handled: u32,
}

/// The numbers of `PendencyType`.
mod kind {
    pub(super) const APPLIES: u32 = 0;
    pub(super) const INVITED_BY_A_MEMBER: u32 = 2;
}

impl Command for ListApplications {
    const ROUTE: Route = Route::socket("group_open_http_svc", "get_pendency", "docs/spec/websocket-protocol.md#10");
    type Reply = Applications;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Applications, Error> {
        list(app, caller, &self.0, |group| !app.policy_of(group).topics).await
    }
}

impl Command for ListCommunityApplications {
    const ROUTE: Route =
        Route::socket("million_group_open_http_svc", "get_pendency", "docs/spec/websocket-protocol.md#10");
    type Reply = Applications;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Applications, Error> {
        list(app, caller, &self.0, |group| app.policy_of(group).topics).await
    }
}

async fn list(
    app: &App,
    caller: &Caller,
    page: &Page,
    wanted: impl Fn(&Group) -> bool + Send,
) -> Result<Applications, Error> {
    let most = app.settings().limits().group.pending as usize;
    let waiting = app.store().read().applications_for(app.id(), &caller.user, most).await?;
    let mut listed = Vec::new();
    for application in waiting {
        if application.awaits == Awaits::Leaders
            && let Some(group) = app.store().group(app.id(), &application.group).await?
            && wanted(&group)
        {
            listed.push((application, group));
        }
    }
    let (shown, next) = cut(listed, |(application, _)| application.key, page);
    let faces = Faces::of(app.store(), app.id(), shown.iter().map(|(application, _)| application.by.clone()).collect());
    let faces = faces.await?;
    let list = shown
        .into_iter()
        .map(|(application, group)| Item {
            nick: faces.nick(&application.by).to_owned(),
            group_name: group.name.clone(),
            kind: if application.is_invitation() { kind::INVITED_BY_A_MEMBER } else { kind::APPLIES },
            invited: application.is_invitation().then(|| application.applicant.clone()),
            group: application.group,
            from: application.by,
            message: application.message,
            key: application.key,
            authentication: application.authentication,
            handled: 0,
        })
        .collect();
    Ok(Applications { list, next })
}

/// A page of items ordered by falling keys, and the key that the next one begins with. Items with one key stay together, so
/// that every next page begins further down.
fn cut<T>(mut items: Vec<T>, key: impl Fn(&T) -> i64, page: &Page) -> (Vec<T>, i64) {
    if page.start > 0 {
        items.retain(|item| key(item) <= page.start);
    }
    let limit = page.limit.max(1);
    let end = match items.get(limit - 1) {
        Some(last) => {
            let last = key(last);
            items.iter().position(|item| key(item) < last).unwrap_or(items.len())
        }
        None => items.len(),
    };
    let next = items.get(end).map_or(0, key);
    items.truncate(end);
    (items, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_down_and_end() {
        let keys = vec![9, 8, 7, 7, 7, 3];
        let mut page = Page { start: 0, limit: 2 };
        let mut pages = Vec::new();
        loop {
            let (shown, next) = cut(keys.clone(), |key| *key, &page);
            pages.push(shown);
            if next == 0 {
                break;
            }
            page.start = next;
        }
        assert_eq!(pages, [vec![9, 8], vec![7, 7, 7], vec![3]]);
        assert_eq!(cut(Vec::<i64>::new(), |key| *key, &Page { start: 0, limit: 0 }), (Vec::new(), 0));
    }
}
