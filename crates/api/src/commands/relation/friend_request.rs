//! Friend requests that wait: listed, seen, answered, deleted.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Timestamp, UserId,
    change::Change,
    relation::{
        FriendRequest,
        request::{self, Answer},
    },
};

use super::{Others, Results, bad, check_len, list_owner, owner, screen};
use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    webhook::relation::{Answered, How, before_response, friends_added},
    wire::faces::Faces,
};

pub(crate) fn all() -> Vec<Entry> {
    list![GetRequests, SeeRequests, AnswerRequests, DeleteRequests]
}

/// Which requests are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Received,
    Sent,
    Both,
}

const RECEIVED: &str = "Pendency_Type_ComeIn";
const SENT: &str = "Pendency_Type_SendOut";

impl Side {
    fn has(self, sent: bool) -> bool {
        match self {
            Self::Received => !sent,
            Self::Sent => sent,
            Self::Both => true,
        }
    }
}

impl decode::Named for Side {
    const NAMES: &'static str = "`Pendency_Type_ComeIn`, `Pendency_Type_SendOut`, `Pendency_Type_Both`";

    fn from_name(name: &str) -> Option<Self> {
        match name {
            RECEIVED => Some(Self::Received),
            SENT => Some(Self::Sent),
            "Pendency_Type_Both" => Some(Self::Both),
            _ => None,
        }
    }
}

/// Friend requests that wait, newest first. REST: of any account; gateway: one's own. `StartTime` is a place from an answer before;
/// a page ends between two seconds.
/// Errors: `RelationAccountNotFound`, `RelationBadParameter`.
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct GetRequests {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "PendencyType", alias = "ApplicationType", default, deserialize_with = "decode::named")]
    side: Option<Side>,
    #[serde(rename = "StartTime", default)]
    start: i64,
    #[serde(rename = "MaxLimited")]
    limit: Option<u32>,
}

/// Requests, and how many of them the account has not seen.
#[derive(Debug, Serialize)]
pub struct Requests {
    #[serde(rename = "PendencyItem")]
    items: Vec<RequestItem>,
    #[serde(rename = "UnreadPendencyCount")]
    unread: usize,
    #[serde(rename = "StartTime")]
    next: Timestamp,
    #[serde(rename = "CurrentSequence")]
    sequence: u64,
}

#[derive(Debug, Serialize)]
struct RequestItem {
    #[serde(rename = "To_Account")]
    user: UserId,
    #[serde(rename = "Nick")]
    nick: String,
    #[serde(rename = "Image")]
    image: String,
    #[serde(rename = "AddTime")]
    time: Timestamp,
    #[serde(rename = "AddSource")]
    source: String,
    #[serde(rename = "AddWording")]
    wording: String,
    #[serde(rename = "PendencyType")]
    side: &'static str,
}

/// Requests of a page when nobody says.
const PAGE: u32 = 100;

impl Command for GetRequests {
    const ROUTE: Route = Route::both("sns", "pendency_get", "docs/spec/websocket-protocol.md#18");
    type Reply = Requests;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Requests, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let limit = self.limit.filter(|limit| *limit > 0).unwrap_or(PAGE) as usize;
        let side = self.side.unwrap_or(Side::Both);
        let store = app.store().read();
        let sequence = store.people(app.id(), &account.user).await?.seq;
        let mut requests = store.friend_requests(app.id(), &account.user).await?;
        let unread = requests.iter().filter(|request| !request.sent && !request.seen).count();
        requests.retain(|request| side.has(request.sent) && (self.start <= 0 || request.time.0 <= self.start));
        requests.sort_by(|one, other| other.time.cmp(&one.time).then_with(|| one.peer.cmp(&other.peer)));
        let end = page_end(&requests, limit);
        let next = requests.get(end).map_or(Timestamp(0), |request| request.time);
        requests.truncate(end);
        let people = requests.iter().map(|request| request.peer.clone()).collect();
        let faces = Faces::of(app.store(), app.id(), people).await?;
        let items = requests.into_iter().map(|request| RequestItem {
            nick: faces.nick(&request.peer).to_owned(),
            image: faces.face_url(&request.peer).to_owned(),
            user: request.peer,
            time: request.time,
            source: request.source,
            wording: request.wording,
            side: if request.sent { SENT } else { RECEIVED },
        });
        Ok(Requests { items: items.collect(), unread, next, sequence })
    }
}

/// Where a page ends: what was asked in the same second stays together.
fn page_end(requests: &[FriendRequest], limit: usize) -> usize {
    let Some(last) = limit.checked_sub(1).and_then(|last| requests.get(last)) else { return requests.len() };
    requests.iter().position(|request| request.time < last.time).unwrap_or(requests.len())
}

/// Says which requests were seen: those made up to a moment. REST: for any account; gateway: for oneself.
/// Units: seconds. Errors: `RelationAccountNotFound`, `RelationBadParameter`.
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct SeeRequests {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "LatestPendencyTimeStamp")]
    until: i64,
}

impl Command for SeeRequests {
    const ROUTE: Route = Route::both("sns", "pendency_report", "docs/spec/websocket-protocol.md#18");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        app.commit(request::seen(&account.user, Timestamp(self.until))).await?;
        Ok(Done {})
    }
}

/// Answers friend requests. REST: for any account; gateway: for oneself.
/// Limits: `limits.sns`. Errors: `RelationAccountNotFound`, `RelationBadParameter`; per item also `RelationNoSuchRequest`,
/// `RelationPeerBlocked`, `RelationBlockedByPeer`, `RelationFriendListFull`, `RelationPeerFriendListFull`,
/// `RelationFriendGroupsFull`, `ContentTextRefused`.
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct AnswerRequests {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "ResponseFriendItem")]
    items: Vec<AnswerItem>,
}

#[derive(Debug, Deserialize)]
struct AnswerItem {
    #[serde(rename = "To_Account")]
    user: String,
    #[serde(rename = "Remark", default, deserialize_with = "decode::text_or_nothing")]
    remark: Option<String>,
    #[serde(rename = "TagName", alias = "GroupName", default, deserialize_with = "decode::text_or_nothing")]
    group: Option<String>,
    #[serde(rename = "ResponseAction", deserialize_with = "decode::named")]
    answer: Option<WireAnswer>,
}

impl AnswerItem {
    fn answered(&self) -> Option<Answered<'_>> {
        let WireAnswer(answer) = self.answer?;
        Some(Answered {
            user: &self.user,
            remark: self.remark.as_deref().unwrap_or_default(),
            group: self.group.as_deref().unwrap_or_default(),
            action: answer_name(answer),
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct WireAnswer(Answer);

fn answer_name(answer: Answer) -> &'static str {
    match answer {
        Answer::AgreeAndAdd => "Response_Action_AgreeAndAdd",
        Answer::Agree => "Response_Action_Agree",
        Answer::Reject => "Response_Action_Reject",
    }
}

impl decode::Named for WireAnswer {
    const NAMES: &'static str = "`Response_Action_AgreeAndAdd`, `Response_Action_Agree`, `Response_Action_Reject`";

    fn from_name(name: &str) -> Option<Self> {
        let answers = [Answer::AgreeAndAdd, Answer::Agree, Answer::Reject];
        answers.into_iter().find(|answer| answer_name(*answer) == name).map(Self)
    }
}

impl Command for AnswerRequests {
    const ROUTE: Route = Route::both("sns", "friend_response", "docs/spec/websocket-protocol.md#18");
    type Reply = Results;

    async fn run(mut self, caller: &Caller, app: &Arc<App>) -> Result<Results, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        let settings = app.settings();
        check_len("ResponseFriendItem", self.items.len(), settings.limits().sns.import_batch)?;
        if let Some(item) = self.items.iter().find(|item| item.answer.is_none()) {
            return Err(bad(format!("`ResponseAction` for `{}` is empty", item.user)));
        }
        let names: Vec<String> = self.items.iter().map(|item| item.user.clone()).collect();
        let mut unsaid = HashMap::new();
        for item in &mut self.items {
            let texts = [("Remark", item.remark.as_mut())];
            if let Some(refusal) = screen(app, caller, &account.user, &item.user, texts).await? {
                unsaid.insert(item.user.clone(), refusal);
            }
        }
        let asked = self.items.iter().filter(|item| !unsaid.contains_key(&item.user));
        let answered: Vec<Answered<'_>> = asked.filter_map(AnswerItem::answered).collect();
        let mut refused = before_response(app, caller, &answered).await?;
        refused.extend(unsaid);
        let decide = async || {
            let mut owner = list_owner(app, &settings, &account).await?;
            let mut others = Others::load(app, &account.user, &names).await?;
            let (mut results, mut change) = (Results::default(), Change::none());
            for item in &self.items {
                let Some(WireAnswer(answer)) = item.answer else { continue };
                if let Some(refusal) = refused.get(&item.user) {
                    results.refused(&item.user, refusal);
                    continue;
                }
                let answered = match others.get(&item.user) {
                    Err(unknown) => Err(unknown),
                    Ok((peer, pair)) => {
                        let their_groups = app.store().read().friend_groups(app.id(), &peer.user).await?.len();
                        let (remark, group) = (item.remark.as_deref(), item.group.as_deref());
                        let (remark, group) = (remark.unwrap_or_default(), group.unwrap_or_default());
                        request::answer(&mut owner, pair, their_groups, answer, remark, group)
                    }
                };
                results.add(&item.user, answered.map(|more| change = std::mem::take(&mut change).and(more)));
            }
            Ok((results, friends_added(app, caller, &account.user, How::Agreed, change)))
        };
        let (results, _) = app.decide(decide).await?;
        app.told().await;
        Ok(results)
    }
}

/// Deletes friend requests from the own side; the other side keeps its own. REST: for any account; gateway: for oneself.
/// Limits: `limits.sns.import_batch`. Errors: `RelationAccountNotFound`, `RelationBadParameter`; per item `RelationNoSuchPending`.
/// Spec: docs/spec/websocket-protocol.md#18
#[derive(Debug, Deserialize)]
pub struct DeleteRequests {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "PendencyType", default, deserialize_with = "decode::named")]
    side: Option<Side>,
    #[serde(rename = "To_Account")]
    users: Vec<String>,
}

impl Command for DeleteRequests {
    const ROUTE: Route = Route::both("sns", "pendency_delete", "docs/spec/websocket-protocol.md#18");
    type Reply = Results;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Results, Error> {
        let account = owner(app, caller, self.from.as_deref()).await?;
        check_len("To_Account", self.users.len(), app.settings().limits().sns.import_batch)?;
        let side = self.side.unwrap_or(Side::Both);
        let decide = async || {
            let mut others = Others::load(app, &account.user, &self.users).await?;
            let (mut results, mut change) = (Results::default(), Change::none());
            for name in &self.users {
                let deleted = others
                    .get(name)
                    .and_then(|(_, pair)| request::delete(&account.user, pair, side.has(true), side.has(false)));
                results.add(name, deleted.map(|more| change = std::mem::take(&mut change).and(more)));
            }
            Ok((results, change))
        };
        Ok(app.decide(decide).await?.0)
    }
}
