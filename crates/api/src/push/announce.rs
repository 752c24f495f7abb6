//! Announces what is said on devices that are away. Whoever says something never waits for it: what is to be announced goes into a
//! bounded queue, and from there, device by device, to the post.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc;
use tsudoi_domain::{
    GroupId, Timestamp, UserId, WebhookCommand,
    change::{Change, Write},
    conversation::{
        ConversationKey,
        care::{Contact, ReceiveOption},
    },
    group::MsgFlag,
    message::{Content, Draft},
    push::{Push, PushDevice, PushKind},
    statistics::Figure,
};
use tsudoi_push::{Extras, Letter, Notification, Post, Verdict};
use tsudoi_store::StoreError;

use super::figures::Of;
use crate::{
    app::{App, Shared},
    commands::push::product::default_words,
    delivery::place,
    webhook::{Line, Origin},
    wire::{MessageBody, OfflinePushInfo, PushWords, item},
};

/// Messages whose announcement may wait; more are not announced, and counted.
pub(crate) const QUEUE: usize = 10_000;
/// Members that are looked at in one step.
const PAGE: usize = 200;

/// A message that is to be announced to those of its readers who are away.
#[derive(Debug)]
pub struct Announcement {
    app: Arc<App>,
    draft: Arc<Draft>,
    seq: u64,
}

/// What a letter is about.
#[derive(Debug)]
pub(crate) struct About {
    app: Arc<App>,
    user: UserId,
    device: String,
    platform: u32,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Message { draft: Arc<Draft>, seq: u64 },
    Push { task: String, data_id: Option<String>, made: Timestamp },
}

impl Source {
    fn of(&self, now: Timestamp) -> Of<'_> {
        match self {
            Self::Message { .. } => Of::Message(now),
            Self::Push { task, .. } => Of::Task(task),
        }
    }
}

impl Source {
    /// The figure of the day that a notification counts in: what Apple's service took. Pushes arrive as one-to-one messages.
    fn figure(&self, platform: u32, verdict: &Verdict) -> Option<Figure> {
        if platform != tsudoi_push::APPLE || !matches!(verdict, Verdict::Taken(_)) {
            return None;
        }
        Some(match self {
            Self::Message { draft, .. } => match draft.conversation {
                ConversationKey::Direct(..) => Figure::DirectApplePushes,
                ConversationKey::Group(_) | ConversationKey::Topic(_) => Figure::GroupApplePushes,
            },
            Self::Push { .. } => Figure::DirectApplePushes,
        })
    }
}

/// Has a stored message announced, if anybody is to hear of it. Never waits.
pub(crate) fn announce(app: &Arc<App>, draft: &Arc<Draft>, seq: u64) {
    let options = &draft.options;
    let is_said = matches!(draft.content, Content::Elements(_)) && draft.sender.user().is_some();
    if app.pushes.channels.is_empty()
        || !is_said
        || options.online_only
        || options.silent
        || options.hidden_from_receiver
    {
        return;
    }
    let announcement = Announcement { app: app.clone(), draft: draft.clone(), seq };
    if app.shared().announcements.try_send(announcement).is_err() {
        metrics::counter!("push_dropped_total").increment(1);
    }
}

/// Announces until the process ends.
pub(crate) async fn run(mut queue: mpsc::Receiver<Announcement>) {
    while let Some(Announcement { app, draft, seq }) = queue.recv().await {
        if let Err(error) = Box::pin(message(&app, &draft, seq)).await {
            tracing::warn!(%error, app = %app.id(), "a message was not announced");
        }
    }
}

/// Whether the receivers' do-not-disturb settings bind the message: those of clients always, those of backends when they want it.
fn is_discreet(draft: &Draft) -> bool {
    draft.options.sent_on.is_some() || draft.options.with_mute_notifications
}

async fn message(app: &Arc<App>, draft: &Arc<Draft>, seq: u64) -> Result<(), StoreError> {
    let (Content::Elements(elements), Some(from)) = (&draft.content, draft.sender.user()) else { return Ok(()) };
    let info = draft.options.push_info.clone().map(OfflinePushInfo::trusted);
    if info.as_ref().is_some_and(OfflinePushInfo::forbids_push) {
        return Ok(());
    }
    let words = info.as_ref().map(OfflinePushInfo::words).unwrap_or_default();
    let default = || MessageBody::trusted(elements.clone()).default_push_text();
    let Some(body) = words.body.clone().or_else(default) else { return Ok(()) };
    let sender = app.store().account(app.id(), from).await?;
    let nick = sender.as_ref().map(|account| account.nick()).filter(|nick| !nick.is_empty());
    let shown = nick.unwrap_or(from.as_str()).to_owned();
    let source = Source::Message { draft: draft.clone(), seq };
    let discreet = is_discreet(draft);
    let Some((group, _)) = place(&draft.conversation) else {
        let (_, to) = item::direction(draft);
        if to != from && !(discreet && (is_muted(app, to, from).await? || is_quiet(app, to).await?)) {
            let notification = compose(&words, shown, body, format!("C2C{from}"));
            to_devices(app, to, &notification, &words, &source).await?;
        }
        return Ok(());
    };
    let Some(found) = app.store().group(app.id(), &group).await? else { return Ok(()) };
    if !app.policy_of(&found).members_stored {
        return Ok(());
    }
    let body = if words.body.is_some() { body } else { format!("{shown}: {body}") };
    let notification = compose(&words, found.name.clone(), body, format!("GROUP{group}"));
    let targets = &draft.options.targets;
    let mut after = String::new();
    loop {
        let page = app.store().read().members_with_devices(app.id(), &group, &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.as_str().to_owned();
        for user in page.iter().filter(|user| *user != from && (targets.is_empty() || targets.contains(user))) {
            if wants(app, &group, user, discreet).await? {
                to_devices(app, user, &notification, &words, &source).await?;
            }
        }
    }
}

/// Whether nothing may disturb the user now.
async fn is_quiet(app: &App, user: &UserId) -> Result<bool, StoreError> {
    let book = app.store().read().book(app.id(), user).await?;
    Ok(book.do_not_disturb.is_some_and(|times| times.holds(app.now())))
}

/// Whether the user wants to hear nothing of a peer while away.
async fn is_muted(app: &App, user: &UserId, peer: &UserId) -> Result<bool, StoreError> {
    let care = app.store().read().care(app.id(), user, &Contact::User(peer.clone())).await?;
    Ok(care.receive != ReceiveOption::Notify)
}

/// Whether a member wants to hear of a group's messages while away.
async fn wants(app: &App, group: &GroupId, user: &UserId, discreet: bool) -> Result<bool, StoreError> {
    let Some(member) = app.store().member(app.id(), group, user).await? else { return Ok(false) };
    Ok(match member.msg_flag {
        MsgFlag::AcceptAndNotify => !(discreet && is_quiet(app, user).await?),
        MsgFlag::AcceptNotNotify => !discreet,
        MsgFlag::Discard => false,
    })
}

fn compose(words: &PushWords, title: String, body: String, thread: String) -> Notification {
    Notification {
        title: words.title.clone().unwrap_or(title),
        body,
        ext: words.ext.clone(),
        thread,
        extras: Extras {
            subtitle: words.subtitle.clone(),
            apple_sound: words.apple_sound.clone(),
            android_sound: words.android_sound.clone(),
            apple_image: words.apple_image.clone(),
            google_image: words.google_image.clone(),
            android_channel: words.android_channel.clone(),
            interruption: words.interruption.clone(),
            mutable: words.mutable,
            silent: words.silent,
        },
        ..Notification::default()
    }
}

/// Announces a push to a user who is away; answers on how many devices.
pub(super) async fn push(app: &Arc<App>, push: &Push, user: &UserId) -> Result<u64, StoreError> {
    if app.pushes.channels.is_empty() {
        return Ok(0);
    }
    let info = push.push_info.clone().map(OfflinePushInfo::trusted);
    if info.as_ref().is_some_and(OfflinePushInfo::forbids_push) {
        return Ok(0);
    }
    let words = info.as_ref().map(OfflinePushInfo::words).unwrap_or_default();
    let Some(body) = words.body.clone().or_else(|| default_words(push)) else { return Ok(0) };
    let account = app.store().account(app.id(), &push.from).await?;
    let nick = account.as_ref().map(|account| account.nick()).filter(|nick| !nick.is_empty());
    let title = nick.unwrap_or(push.from.as_str()).to_owned();
    let mut notification = compose(&words, title, body, format!("C2C{}", push.from));
    if push.kind == PushKind::ToMany {
        notification.until = Some(push.expires().0);
    }
    let source = Source::Push { task: push.task.clone(), data_id: push.data_id.clone(), made: push.time() };
    to_devices(app, user, &notification, &words, &source).await
}

/// Hands a notification to the post for every device of a user that is away; answers for how many.
async fn to_devices(
    app: &Arc<App>,
    user: &UserId,
    notification: &Notification,
    words: &PushWords,
    source: &Source,
) -> Result<u64, StoreError> {
    let devices = app.store().read().push_devices(app.id(), user).await?;
    if devices.is_empty() {
        return Ok(0);
    }
    let here = app.hub().sessions_of(app.id(), user);
    let badge = if words.without_badge { None } else { Some(app.store().read().unread_total(app.id(), user).await?) };
    let mut handed_in = 0;
    for PushDevice { device, channel, token, enabled } in devices {
        let is_in_front = here.iter().any(|session| **session.instance() == *device && !session.is_in_background());
        let Some(service) = app.pushes.channels.get(channel).filter(|_| enabled && !is_in_front) else { continue };
        let dice = app.dice();
        // As the services want it: a UUID.
        let (high, low) = (dice.u64(), dice.u64());
        let id = format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        );
        let platform = service.platform();
        let about = About { app: app.clone(), user: user.clone(), device, platform, source: source.clone() };
        let notification = Notification { id, token, badge, ..notification.clone() };
        if app.shared().post.offer(Letter { service, notification, about }) {
            app.pushes.counted.handed_in(source.of(app.now()), platform);
            handed_in += 1;
        }
    }
    Ok(handed_in)
}

/// Opens the post.
pub(crate) fn open_post() -> Post<About> {
    Post::open(tsudoi_push::PostLimits::default(), ended)
}

/// A letter has come to its end: figures, the backend, and a device that is no more.
#[expect(clippy::needless_pass_by_value, reason = "the post hands over what it is done with")]
fn ended(about: About, notification: Notification, verdict: Verdict) {
    let app = about.app.clone();
    app.pushes.counted.ended(about.source.of(app.now()), about.platform, &verdict);
    if let Some(figure) = about.source.figure(about.platform, &verdict) {
        app.statistics.add(&app, figure, 1);
    }
    if let Verdict::Refused(words) | Verdict::Later(words, _) = &verdict {
        tracing::info!(app = %app.id(), platform = about.platform, words, "a notification was not taken");
    }
    let mut change = Change::none().calls(report(&about, &notification.id, &verdict));
    if verdict == Verdict::Gone {
        change = change.write(Write::DeletePushDevice { user: about.user, device: about.device });
    }
    if !change.is_empty() {
        tokio::spawn(async move {
            if let Err(error) = app.commit(change).await {
                tracing::warn!(%error, app = %app.id(), "the end of a notification was not noted");
            }
        });
    }
}

#[derive(Serialize)]
struct Events<E> {
    #[serde(rename = "Events")]
    events: [E; 1],
}

#[derive(Serialize)]
struct MessageEvent<'a> {
    #[serde(rename = "CallbackCommand")]
    command: &'static str,
    #[serde(rename = "EventType")]
    kind: u32,
    #[serde(rename = "EventTime")]
    time: Timestamp,
    #[serde(rename = "From_Account")]
    from: &'a str,
    #[serde(rename = "To_Account")]
    to: &'a UserId,
    #[serde(rename = "PushPlatform")]
    platform: u32,
    #[serde(rename = "PushStage")]
    stage: u32,
    #[serde(rename = "MsgKey", skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(rename = "GroupID", skip_serializing_if = "Option::is_none")]
    group: Option<GroupId>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgTime")]
    sent: Timestamp,
    #[serde(rename = "PushID")]
    id: &'a str,
    #[serde(rename = "ErrCode")]
    code: u32,
    #[serde(rename = "ErrInfo")]
    words: String,
}

#[derive(Serialize)]
struct PushEvent<'a> {
    #[serde(rename = "CallbackCommand")]
    command: &'static str,
    /// 1: announced on a device that was away.
    #[serde(rename = "EventType")]
    kind: u32,
    #[serde(rename = "TaskId")]
    task: &'a str,
    #[serde(rename = "DataId", skip_serializing_if = "Option::is_none")]
    data_id: Option<&'a str>,
    #[serde(rename = "TaskTime")]
    made: Timestamp,
    #[serde(rename = "EventTime")]
    time: Timestamp,
    #[serde(rename = "To_Account")]
    to: &'a UserId,
    #[serde(rename = "PushPlatform")]
    platform: u32,
    #[serde(rename = "PushStage")]
    stage: u32,
    #[serde(rename = "ErrCode")]
    code: u32,
    #[serde(rename = "ErrInfo")]
    words: String,
}

/// What the backend is told of a notification's end.
fn report(about: &About, id: &str, verdict: &Verdict) -> Option<tsudoi_domain::webhook::Call> {
    let (code, words) = match verdict {
        Verdict::Taken(_) => (0, "OK".to_owned()),
        Verdict::Gone => (1, "the device is gone".to_owned()),
        Verdict::Later(words, _) => (2, words.clone()),
        Verdict::Refused(words) => (3, words.clone()),
    };
    let app = &about.app;
    let (time, to, platform) = (app.now(), &about.user, about.platform);
    match &about.source {
        Source::Message { draft, seq } => {
            app.webhooks().tell(WebhookCommand::OfflinePush, Line::Pushes, Origin::SERVER, || {
                let is_direct = matches!(draft.conversation, ConversationKey::Direct(..));
                Events {
                    events: [MessageEvent {
                        command: "Push.OfflinePush",
                        kind: if is_direct { 1 } else { 2 },
                        time,
                        from: draft.sender.user().map_or("", UserId::as_str),
                        to,
                        platform,
                        stage: 1,
                        key: is_direct.then(|| draft.msg_key().to_string()),
                        group: place(&draft.conversation).map(|(group, _)| group),
                        seq: if is_direct { draft.client_seq.into() } else { *seq },
                        random: draft.random,
                        sent: draft.time,
                        id,
                        code,
                        words,
                    }],
                }
            })
        }
        Source::Push { task, data_id, made } => {
            app.webhooks().tell(WebhookCommand::AllMemberPush, Line::Pushes, Origin::SERVER, || Events {
                events: [PushEvent {
                    command: "Push.AllMemberPush",
                    kind: 1,
                    task,
                    data_id: data_id.as_deref(),
                    made: *made,
                    time,
                    to,
                    platform,
                    stage: 1,
                    code,
                    words,
                }],
            })
        }
    }
}

/// What the backend is told of a push that reached a user who is here.
pub(super) fn report_online(app: &App, push: &Push, to: &UserId) -> Option<tsudoi_domain::webhook::Call> {
    app.webhooks().tell(WebhookCommand::AllMemberPush, Line::Pushes, Origin::SERVER, || Events {
        events: [PushEvent {
            command: "Push.AllMemberPush",
            kind: 2,
            task: &push.task,
            data_id: push.data_id.as_deref(),
            made: push.time(),
            time: app.now(),
            to,
            platform: 0,
            stage: 1,
            code: 0,
            words: "OK".to_owned(),
        }],
    })
}

/// Where announcements wait.
pub(crate) fn start(shared: &Arc<Shared>, queue: mpsc::Receiver<Announcement>) {
    tokio::spawn(run(queue));
    tokio::spawn(super::keep_time(shared.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apple_took_is_counted_and_nothing_else() {
        let push = Source::Push { task: "t".into(), data_id: None, made: Timestamp(0) };
        let taken = Verdict::Taken(None);
        assert_eq!(push.figure(tsudoi_push::APPLE, &taken), Some(Figure::DirectApplePushes));
        for (platform, verdict) in [
            (4, taken),
            (tsudoi_push::APPLE, Verdict::Gone),
            (tsudoi_push::APPLE, Verdict::Refused("no".into())),
            (tsudoi_push::APPLE, Verdict::Later("busy".into(), None)),
        ] {
            assert_eq!(push.figure(platform, &verdict), None, "{platform} {verdict:?}");
        }
    }
}
