//! Users and groups that a workload needs, made through REST before anything is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::task::JoinSet;

use crate::args::GroupKind;
use crate::crowd::Crowd;
use crate::error::BenchError;
use crate::rest_client::{Call, call_all};
use crate::socket_client::SocketClient;
use crate::target::Target;

/// Accounts per import: docs/spec/rest-users.md#12-im_open_login_svcmultiaccount_import.
const ACCOUNTS_PER_CALL: usize = 100;
/// Members per call: docs/spec/rest-groups.md#23-v4group_open_http_svcadd_group_member.
const MEMBERS_PER_CALL: usize = 300;
/// Calls at a time.
const CONNECTIONS: usize = 16;

/// A group to be made.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) kind: GroupKind,
    pub(crate) owner: Option<String>,
    /// Numbers of the users in it besides the owner.
    pub(crate) members: Vec<usize>,
}

/// The id of the `number`th group of this run.
pub(crate) fn group_id(target: &Target, kind: GroupKind, number: usize) -> String {
    // Own ids of communities begin like this: docs/spec/README.md, ruling 23.
    let begin = if kind == GroupKind::Community { "@TGS#_" } else { "" };
    format!("{begin}{}g{number}", target.prefix)
}

/// Imports the first `count` users of this run.
pub(crate) async fn make_users(target: &Target, count: usize) -> Result<(), BenchError> {
    let users: Vec<String> = (0..count).map(|number| target.user(number)).collect();
    let path = crate::rest_client::path(target, "im_open_login_svc/multiaccount_import");
    let calls = users
        .chunks(ACCOUNTS_PER_CALL)
        .map(|users| Call { path: Arc::clone(&path), body: json!({ "Accounts": users }).to_string().into() })
        .collect();
    call_all(target, CONNECTIONS, calls).await.map(drop)
}

/// Creates `groups` and puts their members in, without notices.
pub(crate) async fn make_groups(target: &Target, groups: &[Group]) -> Result<(), BenchError> {
    let path = crate::rest_client::path(target, "group_open_http_svc/create_group");
    let creations = groups
        .iter()
        .map(|group| {
            let mut body = json!({ "GroupId": group.id, "Type": group.kind.wire(), "Name": "bench" });
            if let Some(owner) = &group.owner {
                body["Owner_Account"] = json!(owner);
            }
            Call { path: Arc::clone(&path), body: body.to_string().into() }
        })
        .collect();
    call_all(target, CONNECTIONS, creations).await?;

    let path = crate::rest_client::path(target, "group_open_http_svc/add_group_member");
    let mut additions = Vec::new();
    for group in groups {
        for members in group.members.chunks(MEMBERS_PER_CALL) {
            let list: Vec<_> = members.iter().map(|number| json!({ "Member_Account": target.user(*number) })).collect();
            let body = json!({ "GroupId": group.id, "Silence": 1, "MemberList": list });
            additions.push(Call { path: Arc::clone(&path), body: body.to_string().into() });
        }
    }
    call_all(target, CONNECTIONS, additions).await.map(drop)
}

/// `users` users of whom each is in `groups_each` groups of about `group_size`, with one message in every group, so that
/// conversation lists are not empty.
pub(crate) async fn make_town(
    target: &Target,
    users: usize,
    groups_each: usize,
    group_size: usize,
) -> Result<(), BenchError> {
    make_users(target, users).await?;
    let groups: Vec<Group> = memberships(users, groups_each, group_size)
        .into_iter()
        .enumerate()
        .map(|(number, members)| {
            let kind = GroupKind::Public;
            Group { id: group_id(target, kind, number), kind, owner: None, members }
        })
        .collect();
    make_groups(target, &groups).await?;
    let path = crate::rest_client::path(target, "group_open_http_svc/send_group_msg");
    let greetings = groups
        .iter()
        .map(|group| Call { path: Arc::clone(&path), body: message(&group.id, None, rand::random(), "hello").into() })
        .collect();
    call_all(target, CONNECTIONS, greetings).await.map(drop)
}

/// The body of a REST send of one text.
pub(crate) fn message(group: &str, sender: Option<&str>, random: u32, text: &str) -> String {
    let mut body = json!({
        "GroupId": group,
        "Random": random,
        "MsgBody": [{ "MsgType": "TIMTextElem", "MsgContent": { "Text": text } }],
    });
    if let Some(sender) = sender {
        body["From_Account"] = json!(sender);
    }
    body.to_string()
}

/// The members of each group, so that every user is in exactly `groups_each` different groups of nearly equal size.
fn memberships(users: usize, groups_each: usize, group_size: usize) -> Vec<Vec<usize>> {
    if groups_each == 0 {
        return Vec::new();
    }
    let count = (users * groups_each).div_ceil(group_size).max(groups_each);
    let mut groups = vec![Vec::new(); count];
    for user in 0..users {
        for turn in 0..groups_each {
            groups[(user * groups_each + turn) % count].push(user);
        }
    }
    groups
}

/// What to do with a connection after it was opened.
pub(crate) trait Arrive: Send + Sync + 'static {
    /// What is kept of it.
    type Kept: Send + 'static;

    /// Opens the connection of `user` and does what the workload wants done.
    fn arrive(&self, target: &Target, user: &str) -> impl Future<Output = Result<Self::Kept, BenchError>> + Send;
}

/// Lets the users `0..count` arrive, `concurrency` at a time. Returns what was kept, in order of arrival.
pub(crate) async fn arrive_all<A: Arrive>(
    target: &Arc<Target>,
    arrive: A,
    count: usize,
    concurrency: usize,
) -> Result<Vec<A::Kept>, BenchError> {
    let arrive = Arc::new(arrive);
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..concurrency.min(count) {
        let (target, arrive, next) = (Arc::clone(target), Arc::clone(&arrive), Arc::clone(&next));
        workers.spawn(async move {
            let mut kept = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<_, BenchError>(kept);
                }
                kept.push(arrive.arrive(&target, &target.user(number)).await?);
            }
        });
    }
    let mut all = Vec::with_capacity(count);
    while let Some(done) = workers.join_next().await {
        all.extend(done.expect("a worker neither panics nor is cancelled")?);
    }
    Ok(all)
}

/// Logs in, enters the live room if there is one to enter, and joins the crowd.
pub(crate) struct JoinCrowd {
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) enter: Option<String>,
}

impl Arrive for JoinCrowd {
    type Kept = ();

    async fn arrive(&self, target: &Target, user: &str) -> Result<(), BenchError> {
        let client = log_in(target, user, self.enter.as_deref()).await?;
        self.crowd.join(client);
        Ok(())
    }
}

/// The logged-in connection of `user`, who is in the live room `enter` afterwards.
pub(crate) async fn log_in(target: &Target, user: &str, enter: Option<&str>) -> Result<SocketClient, BenchError> {
    let mut client = SocketClient::open(target, user).await?;
    client.login().await?;
    if let Some(group) = enter {
        let body = json!({ "GroupId": group, "ApplyMsg": "", "WebPushFlag": 1, "HugeGroupHistoryMsgFlag": 0 });
        client.request("group_open_http_svc.apply_join_group", &body.to_string()).await?;
    }
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_in_as_many_different_groups() {
        for (users, each, size) in [(100, 20, 10), (7, 3, 100), (1, 1, 1), (1_000, 20, 100)] {
            let groups = memberships(users, each, size);
            for user in 0..users {
                let mine = groups.iter().filter(|members| members.contains(&user)).count();
                assert_eq!(mine, each, "user {user} of {users}, {each} groups of {size}");
            }
            assert!(groups.iter().all(|members| members.len() <= size));
        }
        assert!(memberships(5, 0, 10).is_empty());
    }

    #[test]
    fn a_message_names_its_sender_only_when_there_is_one() {
        let with: serde_json::Value = serde_json::from_str(&message("g", Some("ana"), 7, "hi")).unwrap();
        assert_eq!(with["From_Account"], "ana");
        assert_eq!(with["MsgBody"][0]["MsgContent"]["Text"], "hi");
        assert!(!message("g", None, 7, "hi").contains("From_Account"));
    }
}
