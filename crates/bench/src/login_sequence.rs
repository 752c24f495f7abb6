//! The whole login of the Web SDK, as it is seen on the wire: docs/spec/websocket-protocol.md#5-login.
//!
//! `wslogin` first; then every list at once, without waiting; lists that come in pages are asked for until they are complete, and two
//! requests follow the answer that they depend on.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::BenchError;
use crate::socket_client::SocketClient;

/// Groups per page of the group list.
const GROUPS_PER_PAGE: u64 = 200;
/// More requests than any complete login needs; a server whose pages never end is refused instead of asked forever.
const MOST_REQUESTS: usize = 1_000;
/// The answer that the SDK understands as "communities are switched off".
const COMMUNITY_OFF: i64 = 11_000;

const JOINED_GROUPS: &str = "group_open_http_svc.get_joined_group_list";
const JOINED_COMMUNITIES: &str = "million_group_open_http_svc.get_joined_group_list";
const CONVERSATIONS: &str = "recentcontact.page_get";
const CONVERSATION_GROUPS: &str = "recentcontact.get_contact_group";
const MESSAGES: &str = "openim.getmsg";
const FRIENDS: &str = "sns.friend_get";
const BLOCKED: &str = "sns.black_list_get";

/// What one login took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoginTimes {
    /// Until the answer of `wslogin`, when the SDK tells the app that it is ready.
    pub(crate) ready: Duration,
    /// Until the last list was complete.
    pub(crate) complete: Duration,
    /// Requests that were sent, heartbeat included.
    pub(crate) requests: usize,
}

/// Logs `client` in and fetches everything the SDK fetches. `began` is when the connection was asked for.
pub(crate) async fn log_in(client: &mut SocketClient, began: Instant) -> Result<LoginTimes, BenchError> {
    // The SDK pings as soon as the socket is open and does not wait for the answer.
    let mut login = Login { pending: Vec::new(), requests: 1 };
    login.ask(client, "heartbeat.alive", "{}").await?;
    client.login().await?;
    let ready = began.elapsed();
    // Nothing hangs on the answer to that ping.
    login.pending.clear();

    let user = client.user.clone();
    for (command, body) in first_requests(&user) {
        login.ask(client, command, &body).await?;
    }
    while !login.pending.is_empty() {
        let incoming = client.receive().await?;
        let Some(at) = login
            .pending
            .iter()
            .position(|(seq, command, _)| *seq == incoming.head.seq && *command == incoming.head.servcmd)
        else {
            continue;
        };
        let (_, command, offset) = login.pending.swap_remove(at);
        match incoming.refusal() {
            None => {}
            Some(BenchError::Refused { code: COMMUNITY_OFF, .. }) if command == JOINED_COMMUNITIES => continue,
            Some(refusal) => return Err(refusal),
        }
        if let Some((command, body, offset)) = follow_up(command, offset, &incoming.body, &user)? {
            login.ask_from(client, command, &body, offset).await?;
        }
    }
    Ok(LoginTimes { ready, complete: began.elapsed(), requests: login.requests })
}

/// Requests under way: `seq`, command, and the offset of a page.
struct Login {
    pending: Vec<(u32, &'static str, u64)>,
    requests: usize,
}

impl Login {
    async fn ask(&mut self, client: &mut SocketClient, command: &'static str, body: &str) -> Result<(), BenchError> {
        self.ask_from(client, command, body, 0).await
    }

    async fn ask_from(
        &mut self,
        client: &mut SocketClient,
        command: &'static str,
        body: &str,
        offset: u64,
    ) -> Result<(), BenchError> {
        self.requests += 1;
        if self.requests > MOST_REQUESTS {
            return Err(BenchError::bad_answer(command, format!("login incomplete after {MOST_REQUESTS} requests")));
        }
        let seq = client.send(command, body).await?;
        self.pending.push((seq, command, offset));
        Ok(())
    }
}

/// What the SDK sends back to back once it is logged in. The last one really comes a second later.
fn first_requests(user: &str) -> [(&'static str, String); 11] {
    [
        ("heartbeat.alive", "{}".to_owned()),
        (
            "profile.portrait_get_all",
            format!(
                r#"{{"From_Account":"{user}","UserItem":[{{"To_Account":"{user}","StandardSequence":0,"CustomSequence":0}}]}}"#
            ),
        ),
        (BLOCKED, blocked_body(user, 0)),
        (CONVERSATIONS, conversations_body(user, &ConversationPage::default())),
        (JOINED_GROUPS, groups_body(user, 0, false)),
        (MESSAGES, messages_body("", 0)),
        (FRIENDS, friends_body(user, 0)),
        (
            "sns.group_get",
            format!(r#"{{"From_Account":"{user}","LastSequence":0,"NeedFriend":"Need_Friend_Type_Yes"}}"#),
        ),
        (
            "sns.pendency_get",
            format!(
                r#"{{"From_Account":"{user}","PendencyType":"Pendency_Type_Both","StartTime":0,"LastSequence":0,"MaxLimited":100}}"#
            ),
        ),
        ("im_sdk_config_mgr.fetch_config", r#"{"uint32_sdkappid":0,"uint64_version":0}"#.to_owned()),
        ("im_sdk_config_mgr.fetch_imsdk_purchase_bitsv2", r#"{"uint32_sdkappid":0}"#.to_owned()),
    ]
}

/// The next page, or what the SDK asks after the answer of `command`.
fn follow_up(
    command: &'static str,
    offset: u64,
    body: &RawValue,
    user: &str,
) -> Result<Option<(&'static str, String, u64)>, BenchError> {
    fn read<'a, T: Deserialize<'a>>(command: &str, body: &'a RawValue) -> Result<T, BenchError> {
        serde_json::from_str(body.get()).map_err(|error| BenchError::bad_answer(command, error))
    }
    Ok(match command {
        CONVERSATIONS => {
            let page: ConversationPage = read(command, body)?;
            if page.complete_flag == 1 {
                let body = format!(r#"{{"From_Account":"{user}","StartIndex":0,"Count":100}}"#);
                Some((CONVERSATION_GROUPS, body, 0))
            } else {
                Some((CONVERSATIONS, conversations_body(user, &page), 0))
            }
        }
        JOINED_GROUPS | JOINED_COMMUNITIES => {
            let page: GroupPage = read(command, body)?;
            let next = offset + GROUPS_PER_PAGE;
            let communities = command == JOINED_COMMUNITIES;
            if next < page.total_count {
                Some((command, groups_body(user, next, communities), next))
            } else {
                (!communities).then(|| (JOINED_COMMUNITIES, groups_body(user, 0, true), 0))
            }
        }
        MESSAGES => {
            let page: MessagePage = read(command, body)?;
            if page.cookie.is_empty() {
                return Err(BenchError::bad_answer(command, "the cookie is empty"));
            }
            (page.sync_flag != 2).then(|| (MESSAGES, messages_body(&page.cookie, page.sync_flag), 0))
        }
        FRIENDS => {
            let page: FriendPage = read(command, body)?;
            (page.complete_flag == 0).then(|| (FRIENDS, friends_body(user, page.next_start_index), 0))
        }
        BLOCKED => {
            let page: BlockedPage = read(command, body)?;
            (page.start_index != 0).then(|| (BLOCKED, blocked_body(user, page.start_index), 0))
        }
        _ => None,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ConversationPage {
    complete_flag: u64,
    time_stamp: u64,
    start_index: u64,
    top_time_stamp: u64,
    top_start_index: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GroupPage {
    total_count: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MessagePage {
    cookie: String,
    sync_flag: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FriendPage {
    complete_flag: u64,
    #[serde(default)]
    next_start_index: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BlockedPage {
    start_index: u64,
}

fn conversations_body(user: &str, from: &ConversationPage) -> String {
    format!(
        r#"{{"From_Account":"{user}","TimeStamp":{},"StartIndex":{},"TopTimeStamp":{},"TopStartIndex":{},"OrderType":1,"MsgAssistFlags":15,"AssistFlags":31}}"#,
        from.time_stamp, from.start_index, from.top_time_stamp, from.top_start_index,
    )
}

fn groups_body(user: &str, offset: u64, communities: bool) -> String {
    let kind = if communities { r#""GroupType":"Community","SupportTopic":0,"# } else { "" };
    format!(
        concat!(
            r#"{{"Member_Account":"{}",{}"Limit":{},"Offset":{},"ResponseFilter":{{"GroupBaseInfoFilter":["Type","Name","Introduction","#,
            r#""Notification","FaceUrl","CreateTime","Owner_Account","LastInfoTime","LastMsgTime","NextMsgSeq","MemberNum","MaxMemberNum","#,
            r#""ApplyJoinOption","ShutUpAllMember"],"SelfInfoFilter":["Role","JoinTime","MsgFlag","MsgSeq","NameCard"]}}}}"#
        ),
        user, kind, GROUPS_PER_PAGE, offset,
    )
}

fn messages_body(cookie: &str, sync_flag: u64) -> String {
    let cookie = serde_json::Value::from(cookie);
    format!(
        r#"{{"Cookie":{cookie},"SyncFlag":{sync_flag},"NeedAbstract":1,"IsOnlineSync":0,"NeedSignaling":1,"NeedCachedMsg":1}}"#
    )
}

fn friends_body(user: &str, start: u64) -> String {
    format!(r#"{{"From_Account":"{user}","StartIndex":{start},"StandardSequence":0,"CustomSequence":0}}"#)
}

fn blocked_body(user: &str, start: u64) -> String {
    format!(r#"{{"From_Account":"{user}","StartIndex":{start},"MaxLimited":100,"LastSequence":0}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(command: &'static str, offset: u64, body: &str) -> Option<(&'static str, String, u64)> {
        let body = RawValue::from_string(body.to_owned()).unwrap();
        follow_up(command, offset, &body, "ana").unwrap()
    }

    #[test]
    fn every_body_is_json() {
        for (command, body) in first_requests("ana") {
            assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok(), "{command}: {body}");
        }
        assert!(serde_json::from_str::<serde_json::Value>(&groups_body("ana", 200, true)).is_ok());
        assert!(serde_json::from_str::<serde_json::Value>(&messages_body("a\"b", 1)).is_ok());
    }

    #[test]
    fn lists_are_followed_to_their_end() {
        let (command, body, _) = after(CONVERSATIONS, 0, r#"{"CompleteFlag":0,"TimeStamp":9,"StartIndex":2}"#).unwrap();
        assert_eq!(command, CONVERSATIONS);
        assert!(body.contains(r#""TimeStamp":9,"StartIndex":2"#), "{body}");
        assert_eq!(after(CONVERSATIONS, 0, r#"{"CompleteFlag":1}"#).unwrap().0, CONVERSATION_GROUPS);
        assert_eq!(after(JOINED_GROUPS, 0, r#"{"TotalCount":500}"#).unwrap().2, 200);
        assert_eq!(after(JOINED_GROUPS, 400, r#"{"TotalCount":500}"#).unwrap().0, JOINED_COMMUNITIES);
        assert!(after(JOINED_COMMUNITIES, 0, r#"{"TotalCount":0}"#).is_none());
        assert!(after(MESSAGES, 0, r#"{"Cookie":"c","SyncFlag":2}"#).is_none());
        assert_eq!(after(MESSAGES, 0, r#"{"Cookie":"c","SyncFlag":1}"#).unwrap().0, MESSAGES);
        assert!(after(FRIENDS, 0, r#"{"CompleteFlag":1}"#).is_none());
        assert!(after(BLOCKED, 0, r#"{"StartIndex":0}"#).is_none());
        assert!(after("sns.group_get", 0, "{}").is_none());
    }

    #[test]
    fn an_empty_cookie_is_an_error() {
        let body = RawValue::from_string(r#"{"Cookie":"","SyncFlag":2}"#.to_owned()).unwrap();
        assert!(follow_up(MESSAGES, 0, &body, "ana").is_err());
    }
}
