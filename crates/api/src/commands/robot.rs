//! Robots: accounts that cannot log in; what is said to them goes to the app's backend, which answers for them.
//! Spec: docs/spec/rest-users.md#3, docs/spec/rest-groups.md#9

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{
    Denied, UserId,
    account::{Account, IMAGE, NICK, ProfileValue},
    change::{Change, Write},
    conversation::ConversationKey,
    message::{Content, Draft, Message, MessageOptions, MsgKey, Priority, Sender, direct, edit::NewText},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    webhook,
    wire::{BodyError, BodyLimits, MessageBody, OfflinePushInfo},
};

pub(crate) fn all() -> Vec<Entry> {
    list![CreateRobot, DeleteRobot, ListRobots, SendStream]
}

const SERVICE: &str = "openim_robot_http_svc";
const PREFIX: &str = "@RBT#";
const SELF_SIGNATURE: &str = "Tag_Profile_IM_SelfSignature";

fn bad(text: impl Into<String>) -> Error {
    Error::new(ErrorCode::GroupBadParameter, text)
}

/// Creates a robot, switches one on again that was deleted, or gives a known one another face. REST only.
/// Limits: `limits.app.max_robots` robots, `limits.app.robot_text_bytes` for each text.
/// Errors: `GroupBadParameter`, `GroupPlanTooLow` above the number.
/// Spec: docs/spec/rest-users.md#3
#[derive(Debug, Deserialize)]
pub struct CreateRobot {
    #[serde(rename = "UserID")]
    user: UserId,
    #[serde(rename = "Nick")]
    nick: Option<String>,
    #[serde(rename = "FaceUrl")]
    face_url: Option<String>,
    #[serde(rename = "SelfSignature")]
    signature: Option<String>,
}

impl Command for CreateRobot {
    const ROUTE: Route = Route::rest(SERVICE, "create_robot", "docs/spec/rest-users.md#3");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let limits = app.settings().limits().app;
        if !self.user.is_robot() || self.user.as_str().len() == PREFIX.len() {
            return Err(bad(format!("`UserID` does not begin with {PREFIX}, followed by a name")));
        }
        let texts = [
            (NICK, "Nick", self.nick),
            (IMAGE, "FaceUrl", self.face_url),
            (SELF_SIGNATURE, "SelfSignature", self.signature),
        ];
        for (_, name, text) in &texts {
            if text.as_ref().is_some_and(|text| text.len() > limits.robot_text_bytes as usize) {
                return Err(bad(format!("`{name}` has more than {} bytes", limits.robot_text_bytes)));
            }
        }
        let _changing = app.robots.changing.lock().await;
        if !app.robots.is_on(&self.user) && app.robots.all().len() >= limits.max_robots as usize {
            let text = format!("the app has {} robots, which is the most", limits.max_robots);
            return Err(Error::new(ErrorCode::GroupPlanTooLow, text));
        }
        let known = app.store().account(app.id(), &self.user).await?;
        let mut account = known.as_deref().cloned().unwrap_or_else(|| Account::new(self.user.clone(), app.now()));
        for (tag, _, text) in texts {
            if let Some(text) = text {
                account.profile.insert(tag.to_owned(), ProfileValue::Text(text));
            }
        }
        let robot = Write::SetRobot { user: self.user.clone(), on: true };
        app.commit(Change::none().write(Write::PutAccount(Box::new(account))).write(robot)).await?;
        app.robots.set(&self.user, true);
        Ok(Done {})
    }
}

/// Switches a robot off: it hears nothing any longer and is not listed; its account stays. REST only.
/// Errors: `GroupBadParameter` for what is no robot, or is switched off already.
/// Spec: docs/spec/rest-users.md#3
#[derive(Debug, Deserialize)]
pub struct DeleteRobot {
    #[serde(rename = "Robot_Account")]
    user: UserId,
}

impl Command for DeleteRobot {
    const ROUTE: Route = Route::rest(SERVICE, "delete_robot", "docs/spec/rest-users.md#3");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let _changing = app.robots.changing.lock().await;
        if !app.robots.is_on(&self.user) {
            return Err(bad(format!("`Robot_Account`: {} is no robot", self.user)));
        }
        app.commit(Change::none().write(Write::SetRobot { user: self.user.clone(), on: false })).await?;
        app.robots.set(&self.user, false);
        Ok(Done {})
    }
}

/// Lists the robots in the order of creation. REST only.
/// Spec: docs/spec/rest-users.md#3
#[derive(Debug, Deserialize)]
pub struct ListRobots {}

/// The robots.
#[derive(Debug, Serialize)]
pub struct RobotList {
    #[serde(rename = "Robot_Account")]
    robots: Vec<UserId>,
}

impl Command for ListRobots {
    const ROUTE: Route = Route::rest(SERVICE, "get_all_robots", "docs/spec/rest-users.md#3");
    type Reply = RobotList;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<RobotList, Error> {
        Ok(RobotList { robots: app.robots.all() })
    }
}

/// Sends a robot's answer in pieces: the first makes a message, the others make it longer, the last closes it. REST only.
/// Limits: `limits.message.max_bytes` for the whole.
/// Errors: `GroupBadParameter` (accounts, key, a closed message), `MessageTooLong`.
/// Spec: docs/spec/rest-users.md#3.1
#[derive(Debug, Deserialize)]
pub struct SendStream {
    #[serde(rename = "From_Account")]
    from: UserId,
    #[serde(rename = "To_Account")]
    to: UserId,
    #[serde(rename = "Chunk")]
    chunk: String,
    #[serde(rename = "MsgKey", default, deserialize_with = "decode::non_empty")]
    key: Option<String>,
    #[serde(rename = "Finish", default, deserialize_with = "decode::flag")]
    finish: bool,
    #[serde(rename = "OfflinePushInfo")]
    push_info: Option<Box<RawValue>>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: Option<Arc<str>>,
}

/// The key that the next piece has to name.
#[derive(Debug, Serialize)]
pub struct Streamed {
    #[serde(rename = "MsgKey")]
    key: String,
}

impl Command for SendStream {
    const ROUTE: Route = Route::rest(SERVICE, "send_stream_msg", "docs/spec/rest-users.md#3.1");
    type Reply = Streamed;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Streamed, Error> {
        if !app.robots.hears(&self.from) || app.store().account(app.id(), &self.from).await?.is_none() {
            return Err(bad(format!("`From_Account`: {} is no robot", self.from)));
        }
        if app.store().account(app.id(), &self.to).await?.is_none() {
            return Err(bad(format!("`To_Account`: account {} does not exist", self.to)));
        }
        match &self.key {
            None => self.begin(caller, app).await,
            Some(key) => {
                let key = MsgKey::parse(key).ok_or_else(|| bad("`MsgKey` is none that was answered"))?;
                self.go_on(caller, app, key).await
            }
        }
    }
}

/// What marks a message that grows, in its element.
const OPEN: &str = "IsStreaming";

/// The elements of a message that says a text so far.
fn elements(text: &str, is_open: bool) -> String {
    let content =
        if is_open { serde_json::json!({ "Text": text, OPEN: 1 }) } else { serde_json::json!({ "Text": text }) };
    serde_json::json!([{ "MsgType": "TIMTextElem", "MsgContent": content }]).to_string()
}

/// What an open message says so far; `None` when it is closed, withdrawn, or no such message.
fn open_text(message: &Message) -> Option<String> {
    let Content::Elements(elements) = &message.draft.content else { return None };
    let elements: serde_json::Value = serde_json::from_str(elements).ok()?;
    let content = &elements[0]["MsgContent"];
    let is_open = content[OPEN] == 1 && message.recall.is_none();
    is_open.then(|| content["Text"].as_str().map(str::to_owned))?
}

impl SendStream {
    /// The elements with the pieces so far, within the size of a message.
    fn checked(&self, app: &App, text: &str) -> Result<Arc<str>, Error> {
        let limits = app.settings().limits().message;
        let limits =
            BodyLimits { max_bytes: limits.max_bytes as usize, max_merge_depth: limits.max_merge_depth as usize };
        let refuse = |e: BodyError| Error::new(e.group_code(), e.to_string());
        let json = RawValue::from_string(elements(text, !self.finish)).expect("just serialised");
        let body = MessageBody::parse(&json, limits).map_err(refuse)?;
        body.check_size(self.cloud_custom_data.as_deref(), limits).map_err(refuse)?;
        Ok(body.into_json())
    }

    async fn begin(&self, caller: &Caller, app: &Arc<App>) -> Result<Streamed, Error> {
        let elements = self.checked(app, &self.chunk)?;
        let most = app.settings().limits().message.max_bytes as usize;
        let push_info = self.push_info.as_deref().map(|info| OfflinePushInfo::parse(info, most)).transpose();
        let push_info = push_info.map_err(|e| bad(format!("`OfflinePushInfo`: {e}")))?;
        let draft = Draft {
            conversation: ConversationKey::direct(&self.from, &self.to),
            sender: Sender::User(self.from.clone()),
            random: app.dice().u32(),
            time: app.now(),
            client_time: 0,
            client_seq: app.dice().u32(),
            priority: Priority::Normal,
            content: Content::Elements(elements),
            cloud_custom_data: self.cloud_custom_data.clone(),
            options: MessageOptions {
                push_info: push_info.map(OfflinePushInfo::into_json),
                ..MessageOptions::default()
            },
        };
        let tiny_id = app.store().account(app.id(), &self.from).await?;
        let tiny_id = tiny_id.map_or_else(String::new, |robot| robot.tiny_id.to_string());
        let calls = webhook::direct::sent(app, caller, &tiny_id, &draft, None);
        let key = draft.msg_key();
        app.commit(direct::send(draft, 0).calls(calls)).await?;
        Ok(Streamed { key: key.to_string() })
    }

    async fn go_on(&self, caller: &Caller, app: &Arc<App>, key: MsgKey) -> Result<Streamed, Error> {
        let closed = || bad("`MsgKey` names no message of the robot that is open");
        let decided = app.decide(|| async {
            let message = app.store().read().direct_message(app.id(), &self.from, &self.to, key).await?;
            let said = message.as_ref().and_then(open_text).ok_or_else(closed)?;
            let elements = self.checked(app, &(said + &self.chunk))?;
            let new = NewText { elements: Some(elements), cloud_custom_data: None };
            let change = direct::edit(key, &self.from, message.as_ref(), None, new).map_err(|_: Denied| closed())?;
            Ok(((), webhook::direct::edited(app, caller, change)))
        });
        decided.await?;
        Ok(Streamed { key: key.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use tsudoi_domain::Timestamp;

    use super::*;

    fn message(elements: &str) -> Message {
        let draft = Draft {
            conversation: ConversationKey::direct(&UserId::trusted("@RBT#a"), &UserId::trusted("ana")),
            sender: Sender::User(UserId::trusted("@RBT#a")),
            random: 1,
            time: Timestamp(1),
            client_time: 1,
            client_seq: 1,
            priority: Priority::Normal,
            content: Content::Elements(elements.into()),
            cloud_custom_data: None,
            options: MessageOptions::default(),
        };
        Message { seq: 1, draft: draft.into(), version: 0, recall: None, counted: 0 }
    }

    #[test]
    fn a_message_grows_while_it_is_open() {
        assert_eq!(open_text(&message(&elements("so \"far\" ", true))).as_deref(), Some("so \"far\" "));
        assert_eq!(open_text(&message(&elements("done", false))), None);
        assert_eq!(open_text(&message("[]")), None);
    }
}
