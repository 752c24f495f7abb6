//! Tells members of a group what an app has to say beside the messages.

use std::sync::Arc;

use serde::Deserialize;
use tsudoi_domain::{
    Action, GroupId, Scene, TopicId, UserId,
    change::{Change, Event},
    notice::{self, Notice, NoticeKind},
};

use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
};

/// Tells an app's own words to those members of a group who are online, all of them or the named ones. REST. Nothing is stored, no
/// rate of messages counts it, named accounts that are no members are left out.
/// Limits: `limits.message.max_bytes`, `limits.group.notice_receivers` named accounts.
/// Errors: `GroupBadParameter` (also for named members of a live room), `MessageTooLong`, `GroupTooManyAccounts`,
/// `GroupNotFound`, `TopicBadId`.
/// Spec: docs/spec/rest-groups.md#3.2
#[derive(Debug, Deserialize)]
pub struct SendNotification {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "Content")]
    words: String,
    #[serde(rename = "ToMembers_Account", default)]
    named: Vec<UserId>,
}

impl Command for SendNotification {
    const ROUTE: Route =
        Route::rest("group_open_http_svc", "send_group_system_notification", "docs/spec/rest-groups.md#3.2");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let settings = app.settings();
        let limits = settings.limits();
        if self.words.is_empty() {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`Content` is empty"));
        }
        if self.words.len() > limits.message.max_bytes as usize {
            let text = format!("`Content` has more than {} bytes", limits.message.max_bytes);
            return Err(Error::new(ErrorCode::MessageTooLong, text));
        }
        if self.named.len() > limits.group.notice_receivers as usize {
            let text = format!("`ToMembers_Account` has more than {} entries", limits.group.notice_receivers);
            return Err(Error::new(ErrorCode::GroupTooManyAccounts, text));
        }
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        scene.require(Action::SendNotice, "send notifications")?;
        if !self.named.is_empty() && !scene.policy.notice_to_named_members {
            let text = format!("`ToMembers_Account`: groups of type {} tell everybody", scene.group.group_type);
            return Err(Error::new(ErrorCode::GroupBadParameter, text));
        }
        let scene = match &self.topic {
            Some(topic) => app.in_topic(scene, topic).await?,
            None => scene,
        };
        let kind = NoticeKind::Custom { text: self.words };
        let notice =
            Notice { topic: self.topic, ..Notice::about(&scene.group, caller.user.clone(), kind, app.dice().u64()) };
        let change = if self.named.is_empty() {
            Change::none().event(Event::Notice { users: Vec::new(), notice: Arc::new(notice) })
        } else {
            notice::tell(Change::none(), &present_members(app, &scene, &self.named).await?, notice, scene.now)
        };
        app.commit(change).await?;
        Ok(Done {})
    }
}

/// The members among the named accounts who are online.
async fn present_members(app: &App, scene: &Scene, named: &[UserId]) -> Result<Vec<UserId>, Error> {
    let mut present = Vec::new();
    for user in named {
        if app.hub().is_here(app.id(), user)
            && !present.contains(user)
            && app.store().member(app.id(), &scene.group.id, user).await?.is_some()
        {
            present.push(user.clone());
        }
    }
    Ok(present)
}
