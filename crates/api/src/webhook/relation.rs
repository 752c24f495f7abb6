//! What the backend is told and asked about relations between users (docs/spec/webhooks.md#5, #6).

use std::collections::HashMap;

use serde::Serialize;
use tsudoi_domain::{
    UserId, WebhookCommand,
    change::{Change, Event},
    relation::RelationNews,
    webhook::Call,
};

use super::Line;
use crate::{app::App, command::Caller, error::Error};

/// What the backend says against single people, by their names; everybody else may.
pub type Refused = HashMap<String, (u32, String)>;

/// Somebody whom a client wants to add.
#[derive(Debug, Serialize)]
pub struct Wanted<'a> {
    /// Whom.
    #[serde(rename = "To_Account")]
    pub user: &'a str,
    /// What they will be called.
    #[serde(rename = "Remark", skip_serializing_if = "Option::is_none")]
    pub remark: Option<&'a str>,
    /// Into which friend group they come.
    #[serde(rename = "GroupName", skip_serializing_if = "Option::is_none")]
    pub group: Option<&'a str>,
    /// Where it comes from.
    #[serde(rename = "AddSource")]
    pub source: &'a str,
    /// What is said.
    #[serde(rename = "AddWording")]
    pub wording: &'a str,
}

#[derive(Serialize)]
struct PrevAdd<'a> {
    #[serde(rename = "Requester_Account")]
    requester: &'a UserId,
    #[serde(rename = "From_Account")]
    from: &'a UserId,
    #[serde(rename = "FriendItem")]
    items: &'a [Wanted<'a>],
    #[serde(rename = "AddType")]
    how: &'static str,
    #[serde(rename = "ForceAddFlags")]
    forced: u32,
}

/// Asks about people whom a client wants to add. Backends are not asked about what backends do.
///
/// # Errors
/// As [`Webhooks::ask`](super::Webhooks::ask).
pub async fn before_add(app: &App, caller: &Caller, items: &[Wanted<'_>], both: bool) -> Result<Refused, Error> {
    let command = WebhookCommand::PrevFriendAdd;
    if caller.is_app_admin() || !app.webhooks().wants(command) {
        return Ok(Refused::new());
    }
    let how = if both { "Add_Type_Both" } else { "Add_Type_Single" };
    let payload = PrevAdd { requester: &caller.user, from: &caller.user, items, how, forced: 0 };
    ask(app, caller, command, &payload).await
}

/// An answer that a client gives to a friend request.
#[derive(Debug, Serialize)]
pub struct Answered<'a> {
    /// Who had asked.
    #[serde(rename = "To_Account")]
    pub user: &'a str,
    /// What they will be called.
    #[serde(rename = "Remark")]
    pub remark: &'a str,
    /// Into which friend group they come.
    #[serde(rename = "TagName")]
    pub group: &'a str,
    /// The answer.
    #[serde(rename = "ResponseAction")]
    pub action: &'static str,
}

#[derive(Serialize)]
struct PrevResponse<'a> {
    #[serde(rename = "Requester_Account")]
    requester: &'a UserId,
    #[serde(rename = "From_Account")]
    from: &'a UserId,
    #[serde(rename = "ResponseFriendItem")]
    items: &'a [Answered<'a>],
}

/// Asks about answers of a client to friend requests.
///
/// # Errors
/// As [`Webhooks::ask`](super::Webhooks::ask).
pub async fn before_response(app: &App, caller: &Caller, items: &[Answered<'_>]) -> Result<Refused, Error> {
    let command = WebhookCommand::PrevFriendResponse;
    if caller.is_app_admin() || !app.webhooks().wants(command) {
        return Ok(Refused::new());
    }
    let payload = PrevResponse { requester: &caller.user, from: &caller.user, items };
    ask(app, caller, command, &payload).await
}

async fn ask(app: &App, caller: &Caller, command: WebhookCommand, payload: &impl Serialize) -> Result<Refused, Error> {
    let answer = app.webhooks().ask(command, caller, payload).await?;
    let refusals = answer.results.iter().filter_map(|verdict| {
        let (code, text) = verdict.refusal()?;
        Some((verdict.user.to_string(), (code, text.to_owned())))
    });
    Ok(refusals.collect())
}

#[derive(Serialize)]
struct FriendPair<'a> {
    #[serde(rename = "From_Account")]
    from: &'a UserId,
    #[serde(rename = "To_Account")]
    to: &'a UserId,
    #[serde(rename = "Initiator_Account", skip_serializing_if = "Option::is_none")]
    initiator: Option<&'a UserId>,
}

#[derive(Serialize)]
struct Pairs<'a> {
    #[serde(rename = "PairList")]
    pairs: Vec<FriendPair<'a>>,
}

#[derive(Serialize)]
struct FriendsAdded<'a> {
    #[serde(flatten)]
    pairs: Pairs<'a>,
    #[serde(rename = "ClientCmd")]
    command: &'static str,
    #[serde(rename = "Admin_Account")]
    admin: &'a str,
    #[serde(rename = "ForceFlag")]
    forced: u32,
}

/// Whose lists the change moved, with whom.
fn pairs<'a>(change: &'a Change, pick: fn(&RelationNews) -> Option<&[UserId]>) -> Vec<FriendPair<'a>> {
    let mut pairs = Vec::new();
    for event in &change.events {
        let Event::Relation { user, news } = event else { continue };
        let moved = pick(news).unwrap_or_default().iter();
        pairs.extend(moved.map(|to| FriendPair { from: user, to, initiator: None }));
    }
    pairs
}

/// How somebody became somebody's friend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Added, by force or not.
    Added {
        /// By a backend that asked nobody.
        forced: bool,
    },
    /// A request was agreed to.
    Agreed,
}

fn added(news: &RelationNews) -> Option<&[UserId]> {
    if let RelationNews::FriendsAdded(users) = news { Some(users) } else { None }
}

fn deleted(news: &RelationNews) -> Option<&[UserId]> {
    if let RelationNews::FriendsDeleted(users) = news { Some(users) } else { None }
}

fn blocked(news: &RelationNews) -> Option<&[UserId]> {
    if let RelationNews::Blocked(users) = news { Some(users) } else { None }
}

fn unblocked(news: &RelationNews) -> Option<&[UserId]> {
    if let RelationNews::Unblocked(users) = news { Some(users) } else { None }
}

/// Tells of the friendships that a change makes. `user` acts.
#[must_use]
pub fn friends_added(app: &App, caller: &Caller, user: &UserId, how: How, change: Change) -> Change {
    let call = tell(app, caller, WebhookCommand::FriendAdd, user, &change, added, |mut pairs| {
        for pair in &mut pairs {
            // Who is agreed with had begun it.
            let other = if pair.from == user { pair.to } else { pair.from };
            pair.initiator = Some(if how == How::Agreed { other } else { user });
        }
        let command = match (how, caller.is_app_admin()) {
            (How::Added { .. }, true) => "friend_add",
            (How::Added { .. }, false) => "FriendAdd",
            (How::Agreed, true) => "friend_response",
            (How::Agreed, false) => "FriendResponse",
        };
        FriendsAdded {
            pairs: Pairs { pairs },
            command,
            admin: if caller.is_app_admin() { caller.user.as_str() } else { "" },
            forced: u32::from(how == How::Added { forced: true }),
        }
    });
    change.calls(call)
}

/// Tells of the friendships that a change ends.
#[must_use]
pub fn friends_deleted(app: &App, caller: &Caller, user: &UserId, change: Change) -> Change {
    let call = tell(app, caller, WebhookCommand::FriendDelete, user, &change, deleted, |pairs| Pairs { pairs });
    change.calls(call)
}

/// Tells of whom a change blocks, and of the friendships that end by it.
#[must_use]
pub fn blocked_now(app: &App, caller: &Caller, user: &UserId, change: Change) -> Change {
    let call = tell(app, caller, WebhookCommand::BlackListAdd, user, &change, blocked, |pairs| Pairs { pairs });
    friends_deleted(app, caller, user, change.calls(call))
}

/// Tells of whom a change no longer blocks.
#[must_use]
pub fn unblocked_now(app: &App, caller: &Caller, user: &UserId, change: Change) -> Change {
    let call = tell(app, caller, WebhookCommand::BlackListDelete, user, &change, unblocked, |pairs| Pairs { pairs });
    change.calls(call)
}

fn tell<'a, P: Serialize>(
    app: &App,
    caller: &Caller,
    command: WebhookCommand,
    user: &UserId,
    change: &'a Change,
    pick: fn(&RelationNews) -> Option<&[UserId]>,
    payload: impl FnOnce(Vec<FriendPair<'a>>) -> P,
) -> Option<Call> {
    let moved = pairs(change, pick);
    if moved.is_empty() {
        return None;
    }
    app.webhooks().tell(command, Line::User(user), caller, || payload(moved))
}

#[derive(Serialize)]
struct Followed<'a> {
    #[serde(rename = "From_Account")]
    from: &'a UserId,
    #[serde(rename = "FollowList")]
    followed: Vec<Named<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    #[serde(rename = "To_Account")]
    user: &'a UserId,
}

#[derive(Serialize)]
struct Unfollowed<'a> {
    #[serde(rename = "From_Account")]
    from: &'a UserId,
    #[serde(rename = "To_Account")]
    left: Vec<&'a UserId>,
}

/// Tells whom `user` follows by a change, or no longer does.
#[must_use]
pub fn follows_changed(app: &App, caller: &Caller, user: &UserId, change: Change) -> Change {
    let (mut followed, mut left) = (Vec::new(), Vec::new());
    for event in &change.events {
        if let Event::Relation { user: of, news: RelationNews::Following(peer, added) } = event
            && of == user
        {
            if *added { followed.push(peer) } else { left.push(peer) }
        }
    }
    let (line, hooks) = (Line::User(user), app.webhooks());
    let mut calls: Vec<Call> = Vec::new();
    if !followed.is_empty() {
        let named = followed.into_iter().map(|user| Named { user }).collect();
        calls.extend(hooks.tell(WebhookCommand::FollowAdd, line, caller, || Followed { from: user, followed: named }));
    }
    if !left.is_empty() {
        calls.extend(hooks.tell(WebhookCommand::FollowDelete, line, caller, || Unfollowed { from: user, left }));
    }
    change.calls(calls)
}
