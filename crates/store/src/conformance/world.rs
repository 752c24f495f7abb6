//! People, groups and messages to try promises with.

use std::{collections::BTreeMap, sync::Arc};

use tsudoi_domain::{
    AppId, GroupId, GroupType, Role, Timestamp, TopicId, UserId,
    change::{Append, Change, Write},
    conversation::ConversationKey,
    group::{ApplyJoinOption, Group, InviteJoinOption, MsgFlag},
    member::Member,
    message::{Content, Draft, MessageOptions, Priority, Sender},
    notice::{Notice, NoticeKind},
};

use crate::{Appended, Store, StoreError};

/// The app most promises play in.
pub(super) const APP: AppId = AppId(1_400_000_001);
/// When most stories begin.
pub(super) const START: Timestamp = Timestamp(1_764_580_000);
/// The window for telling repeats that most promises use, in seconds.
pub(super) const WINDOW: u32 = 300;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp(START.0 + seconds)
}

pub(super) fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub(super) fn group_id(name: &str) -> GroupId {
    GroupId::parse(name).unwrap()
}

pub(super) fn topic_id(group: &str, part: &str) -> TopicId {
    TopicId::parse(&format!("{group}@TOPIC#_{part}")).unwrap()
}

pub(crate) fn in_group(name: &str) -> ConversationKey {
    ConversationKey::Group(group_id(name))
}

pub(super) fn between(one: &str, other: &str) -> ConversationKey {
    ConversationKey::direct(&user(one), &user(other))
}

pub(crate) fn group(name: &str) -> Group {
    Group {
        id: group_id(name),
        group_type: GroupType::Public,
        created_as: "Public".into(),
        name: format!("{name} by name"),
        introduction: String::new(),
        notification: String::new(),
        face_url: String::new(),
        owner: None,
        created_at: START,
        info_seq: 1,
        info_changed_at: START,
        member_num: 0,
        max_member_num: 0,
        apply_option: ApplyJoinOption::FreeAccess,
        invite_option: InviteJoinOption::FreeAccess,
        mute_all: false,
        support_topic: false,
        permission_enabled: false,
        default_permission: 0,
        history_before_join: None,
        active: true,
        custom: BTreeMap::new(),
        cleared_seq: 0,
        revision: 0,
    }
}

pub(super) fn member(name: &str, role: Role) -> Member {
    Member::new(user(name), role, START, 0, MsgFlag::AcceptAndNotify)
}

/// A text message; every call has dice of its own.
pub(crate) fn draft(conversation: &ConversationKey, sender: &str, time: Timestamp) -> Draft {
    use std::sync::atomic::{AtomicU32, Ordering};
    static DICE: AtomicU32 = AtomicU32::new(1);
    Draft {
        conversation: conversation.clone(),
        sender: Sender::User(user(sender)),
        random: DICE.fetch_add(1, Ordering::Relaxed),
        time,
        client_time: time.0,
        client_seq: 7,
        priority: Priority::Normal,
        content: Content::Elements(r#"[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]"#.into()),
        cloud_custom_data: None,
        options: MessageOptions::default(),
    }
}

pub(crate) fn append(draft: Draft) -> Write {
    Write::Append(Append { draft: Arc::new(draft), dedupe_secs: WINDOW })
}

pub(super) fn notice(group: &str, text: &str) -> Arc<Notice> {
    Arc::new(Notice {
        id: 1,
        group: group_id(group),
        topic: None,
        group_name: format!("{group} by name"),
        group_type: "Public".into(),
        holds_topics: false,
        by: user("admin"),
        kind: NoticeKind::Custom { text: text.into() },
    })
}

/// Short forms of what promises do all the time.
impl super::Opened {
    pub(super) async fn write(&self, write: Write) {
        self.commit(APP, Change::none().write(write)).await.unwrap();
    }

    /// A group with these members; the first one owns it.
    pub(super) async fn found(&self, name: &str, members: &[&str]) {
        let mut change = Change::none().write(Write::CreateGroup(Box::new(group(name))));
        for (place, who) in members.iter().enumerate() {
            let role = if place == 0 { Role::Owner } else { Role::Member };
            change = change.write(Write::PutMember(group_id(name), Box::new(member(who, role))));
        }
        self.commit(APP, change).await.unwrap();
    }

    pub(super) async fn send(&self, draft: Draft) -> Appended {
        self.try_send(draft).await.unwrap()
    }

    pub(super) async fn try_send(&self, draft: Draft) -> Result<Appended, StoreError> {
        Ok(self.commit(APP, Change::none().write(append(draft))).await?.first().unwrap())
    }

    /// Says something at a moment.
    pub(super) async fn say(&self, conversation: &ConversationKey, sender: &str, time: Timestamp) -> Appended {
        self.send(draft(conversation, sender, time)).await
    }

    pub(super) async fn revision(&self, name: &str) -> u64 {
        self.store.group(APP, &group_id(name)).await.unwrap().unwrap().revision
    }

    pub(super) async fn seqs(&self, conversation: &ConversationKey) -> Vec<u64> {
        self.read().history(APP, conversation, 0, u64::MAX).await.unwrap().iter().map(|m| m.seq).collect()
    }
}

/// The store of a promise outlives its tasks.
pub(super) fn shared(store: &Store) -> Store {
    store.clone()
}
