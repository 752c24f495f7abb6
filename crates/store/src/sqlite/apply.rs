//! Applies a change inside the writer's transaction: preconditions first, then every write, sequence numbers on the way.
//!
//! The applier remembers where conversations and groups stand, so that a send costs one insert; what it remembers is true
//! because nobody else writes. What moved is written once per batch ([`Applier::flush`]).

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use rusqlite::{Connection, Transaction};
use tsudoi_domain::{
    AppId, GroupId, TopicId, UserId,
    change::{Append, Change, Expect, Write},
    conversation::{ConversationKey, Position},
    message::{Draft, Recall, Sender},
    time::{MuteUntil, Timestamp},
    webhook::{Call, Slot},
};

use super::{
    accounts, contacts, conversations, conversations::ViewRow, extras, failed, figures, files, group_data, groups,
    groups::GroupState, hours, live, log, members, members::Put, messages, official, outbox, people, permission_groups,
    pushes, remembered::Remembered, topics, topics::TopicState, words,
};
use crate::{Appended, ReadyCall, Recounted, StoreError};

/// Most conversations and most groups that are remembered, each.
const REMEMBERED: usize = 100_000;
/// How long a message stays known for telling repeats; no dedupe window is longer.
const REPEAT_SECS: i64 = 600;

/// How an applied change ended.
pub(super) enum Applied {
    Stored(Vec<Appended>, Vec<ReadyCall>),
    Repeated(Appended),
}

/// What tells one send from another: sender, dice, and between two people the sender's number.
type SendKey = (Arc<str>, u32, u32);
type LineKey = (AppId, ConversationKey);
type GroupKey = (AppId, GroupId);

/// Where a conversation stands.
struct Line {
    pk: i64,
    position: Position,
    /// The sends of the last [`REPEAT_SECS`]; absent until somebody asks.
    recent: Option<Recent>,
}

/// Sends that a repeat is told by.
struct Recent {
    sends: HashMap<SendKey, Appended>,
    /// When old ones were last dropped.
    swept: Timestamp,
}

impl Recent {
    fn load(c: &Connection, conv: i64, direct: bool, now: Timestamp) -> Result<Self, StoreError> {
        let mut sends = HashMap::new();
        for one in messages::recent(c, conv, direct, Timestamp(now.0.saturating_sub(REPEAT_SECS)))? {
            // The newest comes first and stays.
            sends.entry((one.sender.into(), one.random, one.client_seq)).or_insert(Appended {
                seq: one.seq,
                time: one.time,
                counted: one.counted,
            });
        }
        Ok(Self { sends, swept: now })
    }

    fn note(&mut self, key: SendKey, appended: Appended) {
        if appended.time.since(self.swept) > REPEAT_SECS {
            self.swept = appended.time;
            self.sends.retain(|_, old| appended.time.since(old.time) <= REPEAT_SECS);
        }
        // An import may carry the dice of something newer.
        let newest = self.sends.entry(key).or_insert(appended);
        if newest.time <= appended.time {
            *newest = appended;
        }
    }
}

/// The writer's memory.
pub(super) struct Applier {
    lines: Remembered<LineKey, Line>,
    groups: Remembered<GroupKey, GroupState>,
    /// Conversations whose position has yet to be written.
    moved: HashSet<LineKey>,
    /// Groups whose state has yet to be written.
    changed: HashSet<GroupKey>,
    /// Members who spoke: the time and number of their newest message have yet to be written; 0 when they spoke in topics.
    spoke: HashMap<(AppId, GroupId, Arc<str>), (Timestamp, u64)>,
    /// Who spoke in topics: the number of their newest message there has yet to be written.
    spoke_in_topic: HashMap<(AppId, TopicId, Arc<str>), u64>,
    /// The id that the newest call of the outbox got; absent until one is put there.
    last_call: Option<u64>,
    /// The newest hour that is known to have a first message.
    hour: i64,
}

impl Default for Applier {
    fn default() -> Self {
        Self {
            lines: Remembered::new(REMEMBERED / 2),
            groups: Remembered::new(REMEMBERED / 2),
            moved: HashSet::new(),
            changed: HashSet::new(),
            spoke: HashMap::new(),
            spoke_in_topic: HashMap::new(),
            last_call: None,
            hour: 0,
        }
    }
}

impl Applier {
    /// Applies the change, or nothing of it when it is refused ([`StoreError::is_refusal`]). After any other error the
    /// transaction is to be given up and this memory with it.
    pub(super) fn apply(
        &mut self,
        transaction: &mut Transaction<'_>,
        app: AppId,
        change: &Change,
    ) -> Result<Applied, StoreError> {
        // A repeat is answered whatever became of the preconditions since the first one.
        for write in &change.writes {
            if let Write::Append(append) = write
                && let Some(first) = self.repeated(transaction, app, append)?
            {
                return Ok(Applied::Repeated(first));
            }
        }
        for expect in &change.expect {
            self.check(transaction, app, expect)?;
        }
        let mut appended = Vec::new();
        if let [single] = change.writes.as_slice() {
            // Every write looks before it writes, so that a single one needs no way back.
            self.write(transaction, app, single, &mut appended)?;
            let calls = self.put_calls(transaction, app, &change.calls, &appended)?;
            return Ok(Applied::Stored(appended, calls));
        }
        // Several writes stand or fall together. What is remembered goes to disk first, so that the disk knows what is true
        // when they fall.
        self.flush(transaction)?;
        let savepoint = transaction.savepoint().map_err(failed)?;
        let applied = change.writes.iter().try_for_each(|write| self.write(&savepoint, app, write, &mut appended));
        match applied.and_then(|()| self.flush(&savepoint)) {
            Ok(()) => savepoint.commit().map_err(failed)?,
            Err(error) => {
                savepoint.finish().map_err(failed)?;
                self.forget_unwritten();
                return Err(error);
            }
        }
        let calls = self.put_calls(transaction, app, &change.calls, &appended)?;
        Ok(Applied::Stored(appended, calls))
    }

    /// Puts the calls of a change into the outbox, with what only now is known.
    fn put_calls(
        &mut self,
        c: &Connection,
        app: AppId,
        calls: &[Call],
        appended: &[Appended],
    ) -> Result<Vec<ReadyCall>, StoreError> {
        let mut ready = Vec::with_capacity(calls.len());
        for call in calls {
            let body = call.body.fill(|slot| match slot {
                Slot::Seq(at) => appended
                    .get(*at)
                    .map(|appended| appended.seq)
                    .ok_or_else(|| StoreError::Corrupt(format!("a call tells of message {at} of its change"))),
                Slot::Unread(user) => conversations::unread(c, app, user),
            })?;
            let call = ReadyCall {
                id: 0,
                app,
                command: call.command,
                line: call.line.clone(),
                origin: call.origin.clone(),
                body: body.into(),
            };
            ready.push(self.put_call(c, call)?);
        }
        Ok(ready)
    }

    fn put_call(&mut self, c: &Connection, call: ReadyCall) -> Result<ReadyCall, StoreError> {
        let last = match self.last_call {
            Some(last) => last,
            None => outbox::last_id(c)?,
        };
        let call = ReadyCall { id: last + 1, ..call };
        outbox::put(c, &call)?;
        self.last_call = Some(call.id);
        Ok(call)
    }

    /// Puts dead calls back into the outbox.
    pub(super) fn revive(&mut self, c: &Connection, app: AppId, ids: &[u64]) -> Result<Vec<ReadyCall>, StoreError> {
        let dead = outbox::exhume(c, app, ids)?;
        dead.into_iter().map(|call| self.put_call(c, call)).collect()
    }

    /// Writes what moved.
    pub(super) fn flush(&mut self, c: &Connection) -> Result<(), StoreError> {
        for key in self.moved.drain() {
            if let Some(line) = self.lines.get_mut(&key) {
                conversations::put_position(c, line.pk, &line.position)?;
            }
        }
        for key in self.changed.drain() {
            if let Some(state) = self.groups.get_mut(&key) {
                groups::put_state(c, state)?;
            }
        }
        for ((app, group, user), (time, seq)) in self.spoke.drain() {
            let known = self.groups.get_mut(&(app, group.clone())).copied();
            let state = match known {
                Some(state) => Some(state),
                None => groups::state(c, app, &group)?,
            };
            if let Some(state) = state {
                members::spoke(c, state.pk, &user, time, seq)?;
            }
        }
        for ((app, topic, user), seq) in self.spoke_in_topic.drain() {
            if let Some(state) = topics::state(c, app, &topic)? {
                topics::spoke(c, state, &UserId::trusted(&user), seq)?;
            }
        }
        self.lines.age();
        self.groups.age();
        Ok(())
    }

    /// Forgets whatever has yet to be written: it was rolled back.
    fn forget_unwritten(&mut self) {
        for key in self.moved.drain() {
            self.lines.remove(&key);
        }
        for key in self.changed.drain() {
            self.groups.remove(&key);
        }
        self.spoke.clear();
        self.spoke_in_topic.clear();
        self.hour = 0;
    }

    fn find_group(&mut self, c: &Connection, app: AppId, id: &GroupId) -> Result<Option<GroupState>, StoreError> {
        let key = (app, id.clone());
        if let Some(state) = self.groups.get_mut(&key) {
            return Ok(Some(*state));
        }
        let found = groups::state(c, app, id)?;
        if let Some(state) = found {
            self.groups.insert(key, state);
        }
        Ok(found)
    }

    fn group(&mut self, c: &Connection, app: AppId, id: &GroupId) -> Result<GroupState, StoreError> {
        self.find_group(c, app, id)?.ok_or_else(|| StoreError::Missing(format!("group {id}")))
    }

    fn set_group(&mut self, app: AppId, id: &GroupId, state: GroupState) {
        let key = (app, id.clone());
        self.changed.insert(key.clone());
        self.groups.insert(key, state);
    }

    /// A right was taken away.
    fn bump(&mut self, app: AppId, id: &GroupId, state: GroupState) {
        self.set_group(app, id, GroupState { revision: state.revision + 1, ..state });
    }

    fn check(&mut self, c: &Connection, app: AppId, expect: &Expect) -> Result<(), StoreError> {
        let conflict = |what: String| Err(StoreError::Conflict(what));
        let group = match expect {
            Expect::GroupAbsent(group) => {
                return match self.find_group(c, app, group)? {
                    None => Ok(()),
                    Some(_) => conflict(format!("group {group} exists")),
                };
            }
            Expect::MessageAt { conversation, seq, version } => {
                let line = self.line(c, app, conversation)?.map(|line| line.pk);
                let state = line.map(|conv| messages::state(c, conv, *seq)).transpose()?.flatten();
                return match state {
                    Some(state) if state.version == *version && !state.recalled => Ok(()),
                    _ => conflict(format!("message {seq} of {conversation} changed")),
                };
            }
            Expect::ExtensionsAt { conversation, seq, latest } => {
                let line = self.line(c, app, conversation)?.map(|line| line.pk);
                let marks = line.map(|conv| extras::marks(c, conv, *seq)).transpose()?.unwrap_or_default();
                return if marks.0 == *latest {
                    Ok(())
                } else {
                    conflict(format!("key-values of message {seq} of {conversation} changed"))
                };
            }
            Expect::BookAt { user, revision } => {
                return if contacts::revision(c, app, user)? == *revision {
                    Ok(())
                } else {
                    conflict(format!("the conversations of {user} changed"))
                };
            }
            Expect::KeyFree { conversation, key } => {
                let line = self.line(c, app, conversation)?.map(|line| line.pk);
                return match line.map(|conv| messages::has_key(c, conv, *key)).transpose()? {
                    Some(true) => conflict(format!("message {key} of {conversation} exists")),
                    Some(false) | None => Ok(()),
                };
            }
            Expect::TieAt { user, peer, tie } => {
                return if people::tie(c, app, user, peer)? == *tie {
                    Ok(())
                } else {
                    conflict(format!("what {user} has of {peer} changed"))
                };
            }
            Expect::FriendsBelow { user, cap } => {
                return if people::people(c, app, user)?.friends < *cap {
                    Ok(())
                } else {
                    conflict(format!("{user} has {cap} friends"))
                };
            }
            Expect::BlockedBelow { user, cap } => {
                return if people::people(c, app, user)?.blocked < *cap {
                    Ok(())
                } else {
                    conflict(format!("{user} has blocked {cap} accounts"))
                };
            }
            Expect::FriendGroupsBelow { user, adding, cap } => {
                return if people::group_count(c, app, user)?.saturating_add(*adding) <= *cap {
                    Ok(())
                } else {
                    conflict(format!("{user} has {cap} friend groups"))
                };
            }
            Expect::FriendRequestsBelow { user, sent, cap } => {
                return if people::request_count(c, app, user, *sent)? < *cap {
                    Ok(())
                } else {
                    conflict(format!("{user} has {cap} friend requests"))
                };
            }
            Expect::FriendRequestAt { user, peer, time } => {
                return if people::request_time(c, app, user, peer)? == Some(*time) {
                    Ok(())
                } else {
                    conflict(format!("the friend request of {peer} to {user} is gone"))
                };
            }
            Expect::PushPositionAt { user, pos } => {
                return if pushes::position(c, app, user)? == *pos {
                    Ok(())
                } else {
                    conflict(format!("{user} was served meanwhile"))
                };
            }
            Expect::TopicAbsent(topic) => {
                return match topics::state(c, app, topic)? {
                    None => Ok(()),
                    Some(_) => conflict(format!("topic {topic} exists")),
                };
            }
            Expect::GroupAt { group, .. }
            | Expect::NotMembers { group, .. }
            | Expect::RoomFor { group, .. }
            | Expect::Pending { group, .. }
            | Expect::TopicsBelow { group, .. }
            | Expect::AttributesAt { group, .. }
            | Expect::CountersAt { group, .. } => group,
        };
        let Some(state) = self.find_group(c, app, group)? else {
            return conflict(format!("group {group} is gone"));
        };
        match expect {
            Expect::GroupAt { revision, .. } => {
                if state.revision != *revision {
                    return conflict(format!("group {group} changed"));
                }
            }
            Expect::NotMembers { users, .. } => {
                for user in users {
                    if members::exists(c, &state, user)? {
                        return conflict(format!("{user} is a member of group {group}"));
                    }
                }
            }
            Expect::RoomFor { adding, cap, .. } => {
                if state.member_num.saturating_add(*adding) > *cap {
                    return conflict(format!("group {group} is full"));
                }
            }
            Expect::Pending { applicant, key, .. } => {
                if !members::is_pending(c, &state, applicant, *key)? {
                    return conflict(format!("the application of {applicant} to group {group} is decided"));
                }
            }
            Expect::TopicsBelow { cap, .. } => {
                if topics::count(c, &state)? >= *cap {
                    return conflict(format!("group {group} has {cap} topics"));
                }
            }
            Expect::AttributesAt { seq, .. } => {
                if group_data::seqs(c, &state)?.0 != *seq {
                    return conflict(format!("the attributes of group {group} changed"));
                }
            }
            Expect::CountersAt { seq, .. } => {
                if group_data::seqs(c, &state)?.1 != *seq {
                    return conflict(format!("the counters of group {group} changed"));
                }
            }
            Expect::GroupAbsent(_)
            | Expect::TopicAbsent(_)
            | Expect::MessageAt { .. }
            | Expect::ExtensionsAt { .. }
            | Expect::BookAt { .. }
            | Expect::PushPositionAt { .. }
            | Expect::KeyFree { .. }
            | Expect::TieAt { .. }
            | Expect::FriendsBelow { .. }
            | Expect::BlockedBelow { .. }
            | Expect::FriendGroupsBelow { .. }
            | Expect::FriendRequestsBelow { .. }
            | Expect::FriendRequestAt { .. } => {}
        }
        Ok(())
    }

    /// Where a conversation stands, if anybody ever spoke in it.
    fn line(&mut self, c: &Connection, app: AppId, key: &ConversationKey) -> Result<Option<&mut Line>, StoreError> {
        let full_key = (app, key.clone());
        // Asked twice, because a borrow that is returned would last.
        if self.lines.get_mut(&full_key).is_none() {
            let Some((pk, position)) = conversations::find(c, app, key)? else { return Ok(None) };
            self.lines.insert(full_key.clone(), Line { pk, position, recent: None });
        }
        Ok(self.lines.get_mut(&full_key))
    }

    /// The row of a conversation that somebody spoke in.
    fn conv(&mut self, c: &Connection, app: AppId, key: &ConversationKey) -> Result<i64, StoreError> {
        self.line(c, app, key)?.map(|line| line.pk).ok_or_else(|| StoreError::Missing(format!("any message of {key}")))
    }

    /// Where a conversation stands, made when nobody spoke in it yet. Conversations end with their group or topic.
    fn line_or_new(&mut self, c: &Connection, app: AppId, key: &ConversationKey) -> Result<&mut Line, StoreError> {
        if self.line(c, app, key)?.is_none() {
            match key {
                ConversationKey::Group(group) => _ = self.group(c, app, group)?,
                ConversationKey::Topic(topic) => _ = find_topic(c, app, topic)?,
                ConversationKey::Direct(..) => {}
            }
            let pk = conversations::create(c, app, key)?;
            let full_key = (app, key.clone());
            self.moved.insert(full_key.clone());
            self.lines.insert(full_key, Line { pk, position: Position::default(), recent: None });
        }
        Ok(self.line(c, app, key)?.expect("found or inserted above"))
    }

    /// The first result, when the message is a repeat.
    fn repeated(&mut self, c: &Connection, app: AppId, append: &Append) -> Result<Option<Appended>, StoreError> {
        if append.dedupe_secs == 0 {
            return Ok(None);
        }
        let draft = &append.draft;
        let Some(line) = self.line(c, app, &draft.conversation)? else { return Ok(None) };
        let recent = match &mut line.recent {
            Some(recent) => recent,
            None => {
                let direct = matches!(draft.conversation, ConversationKey::Direct(..));
                line.recent.insert(Recent::load(c, line.pk, direct, draft.time)?)
            }
        };
        let first = recent.sends.get(&send_key(draft));
        Ok(first.filter(|first| draft.time.since(first.time) <= i64::from(append.dedupe_secs)).copied())
    }

    fn append(&mut self, c: &Connection, app: AppId, append: &Append) -> Result<Appended, StoreError> {
        let draft = &append.draft;
        let line = self.line_or_new(c, app, &draft.conversation)?;
        let seq = line.position.last_seq + 1;
        let counted = match &draft.conversation {
            ConversationKey::Direct(one, other) => append_direct(c, app, line.pk, seq, draft, one, other)?,
            ConversationKey::Group(_) | ConversationKey::Topic(_) => {
                messages::insert(c, line.pk, seq, draft, 0, None)?;
                0
            }
        };
        let appended = Appended { seq, time: draft.time, counted };
        line.position.last_seq = seq;
        line.position.last_time = line.position.last_time.max(draft.time);
        if !draft.options.no_last_msg {
            line.position.shown_seq = seq;
            line.position.shown_time = line.position.shown_time.max(draft.time);
        }
        match &mut line.recent {
            Some(recent) => recent.note(send_key(draft), appended),
            // In a new conversation there is nothing else to know.
            None if seq == 1 => {
                let sends = HashMap::from([(send_key(draft), appended)]);
                line.recent = Some(Recent { sends, swept: draft.time });
            }
            None => {}
        }
        self.hour = hours::note(c, self.hour, draft.time)?;
        self.moved.insert((app, draft.conversation.clone()));
        self.note_speaker(app, draft, seq);
        Ok(appended)
    }

    /// Members have read what they said themselves, and everything before it.
    fn note_speaker(&mut self, app: AppId, draft: &Draft, seq: u64) {
        let Sender::User(user) = &draft.sender else { return };
        let user: Arc<str> = user.as_str().into();
        match &draft.conversation {
            ConversationKey::Group(group) => {
                self.spoke.insert((app, group.clone(), user), (draft.time, seq));
            }
            ConversationKey::Topic(topic) => {
                self.spoke_in_topic.insert((app, topic.clone(), user.clone()), seq);
                let spoke = self.spoke.entry((app, GroupId::trusted(topic.group()), user)).or_default();
                spoke.0 = spoke.0.max(draft.time);
            }
            ConversationKey::Direct(..) => {}
        }
    }

    fn write(
        &mut self,
        c: &Connection,
        app: AppId,
        write: &Write,
        appended: &mut Vec<Appended>,
    ) -> Result<(), StoreError> {
        match write {
            Write::CreateGroup(group) => {
                if self.find_group(c, app, &group.id)?.is_some() {
                    return Err(StoreError::Conflict(format!("group {} exists", group.id)));
                }
                let state = groups::create(c, app, group)?;
                self.set_group(app, &group.id, state);
            }
            Write::UpdateGroup(group) => {
                let state = self.group(c, app, &group.id)?;
                groups::update(c, &state, group)?;
                self.bump(app, &group.id, state);
            }
            Write::DeleteGroup(id) => self.delete_group(c, app, id)?,
            Write::PutMember(id, member) => {
                let state = self.group(c, app, id)?;
                match members::put(c, app, &state, member)? {
                    Put::Joined => self.set_group(app, id, GroupState { member_num: state.member_num + 1, ..state }),
                    Put::Demoted => self.bump(app, id, state),
                    Put::Changed => {}
                }
            }
            Write::DeleteMember(id, user) => {
                let state = self.group(c, app, id)?;
                if members::delete(c, &state, user)? {
                    contacts::forget_group(c, app, user, id)?;
                    self.bump(app, id, GroupState { member_num: state.member_num.saturating_sub(1), ..state });
                }
            }
            Write::Touch { group, at } => {
                let state = self.group(c, app, group)?;
                groups::touch(c, &state, *at)?;
            }
            Write::SetMute { group, topic, user, until } => {
                let state = self.group(c, app, group)?;
                members::set_mute(c, &state, topic.as_ref(), user, *until)?;
                if *until != MuteUntil::NEVER {
                    self.bump(app, group, state);
                }
            }
            Write::SetBan { group, user, until } => {
                let state = self.group(c, app, group)?;
                members::set_ban(c, &state, user, *until)?;
                if *until != MuteUntil::NEVER {
                    self.bump(app, group, state);
                }
            }
            Write::PutLiveMembers(members) => {
                if let Some(state) = self.find_group(c, app, &members.group)? {
                    live::put_members(c, &state, members)?;
                }
            }
            Write::SetBroadcastSeq(seq) => live::set_broadcast_seq(c, app, *seq)?,
            Write::SetLiveAdmin { group, user, admin } => {
                let state = self.group(c, app, group)?;
                live::set_admin(c, &state, user, *admin)?;
            }
            Write::SetLiveMark { group, user, mark, until } => {
                let state = self.group(c, app, group)?;
                live::set_mark(c, &state, user, *mark, *until)?;
            }
            Write::PutTopic(topic) => {
                let state = self.group(c, app, &topic.group)?;
                let known = topics::state(c, app, &topic.id)?;
                topics::put(c, app, &state, known, topic)?;
                if known.is_some() {
                    self.bump(app, &topic.group, state);
                }
            }
            Write::DeleteTopic(topic) => {
                let state = find_topic(c, app, topic)?;
                let group = GroupId::trusted(topic.group());
                let of_group = self.group(c, app, &group)?;
                topics::delete(c, state, topic)?;
                self.spoke_in_topic.retain(|(of, spoken, _), _| (*of, spoken) != (app, topic));
                self.end_line(c, app, ConversationKey::Topic(topic.clone()))?;
                self.bump(app, &group, of_group);
            }
            Write::SetTopicFlag { topic, user, flag } => {
                topics::set_flag(c, find_topic(c, app, topic)?, user, *flag)?;
            }
            Write::SetAttributes(change) => {
                let state = self.group(c, app, &change.group)?;
                group_data::set_attributes(c, &state, change)?;
            }
            Write::SetCounters(change) => {
                let state = self.group(c, app, &change.group)?;
                group_data::set_counters(c, &state, change)?;
            }
            Write::PutPermissionGroup(group) => {
                let state = self.group(c, app, &group.group)?;
                permission_groups::put(c, &state, group)?;
                self.bump(app, &group.group, state);
            }
            Write::DeletePermissionGroup { group, id } => {
                let state = self.permission_group(c, app, group, id)?;
                permission_groups::delete(c, &state, id)?;
                self.bump(app, group, state);
            }
            Write::SetTopicPermission { group, id, topic, permission } => {
                let state = self.permission_group(c, app, group, id)?;
                permission_groups::set_topic(c, &state, id, topic, *permission)?;
                self.bump(app, group, state);
            }
            Write::PutPermissionMember { group, id, user } => {
                let state = self.permission_group(c, app, group, id)?;
                permission_groups::put_member(c, &state, id, user)?;
            }
            Write::DeletePermissionMember { group, id, user } => {
                let state = self.permission_group(c, app, group, id)?;
                if permission_groups::delete_member(c, &state, id, user)? {
                    self.bump(app, group, state);
                }
            }
            Write::Append(append) => appended.push(self.append(c, app, append)?),
            Write::Recall { conversation, seq, recall } => self.recall(c, app, conversation, *seq, recall)?,
            Write::Edit { conversation, seq, elements, cloud_custom_data, version } => {
                let line = self.line(c, app, conversation)?.map(|line| line.pk);
                let edited = match line {
                    Some(conv) => {
                        messages::edit(c, conv, *seq, elements.as_ref(), cloud_custom_data.as_ref(), *version)?
                    }
                    None => false,
                };
                if !edited {
                    return Err(no_message(conversation, *seq));
                }
            }
            Write::SetRead { conversation, user, seq, force } => match conversation {
                ConversationKey::Group(group) => {
                    let state = self.group(c, app, group)?;
                    members::set_read(c, &state, user, *seq, *force)?;
                }
                ConversationKey::Topic(topic) => {
                    topics::set_read(c, find_topic(c, app, topic)?, user, *seq, *force)?;
                }
                ConversationKey::Direct(..) => {
                    return Err(StoreError::Missing(format!("a read position of {conversation}")));
                }
            },
            Write::ReadAll(group) => {
                let last_seq = self.last_seq(c, app, &ConversationKey::Group(group.clone()))?;
                let state = self.group(c, app, group)?;
                self.set_group(app, group, GroupState { read_floor: last_seq.max(state.read_floor), ..state });
            }
            Write::ReadAllOfTopic(topic) => {
                let last_seq = self.last_seq(c, app, &ConversationKey::Topic(topic.clone()))?;
                topics::raise_floor(c, find_topic(c, app, topic)?, last_seq)?;
            }
            Write::ClearHistory { conversation, user } => {
                let last_seq = self.last_seq(c, app, conversation)?;
                match conversation {
                    ConversationKey::Group(group) => {
                        let state = self.group(c, app, group)?;
                        members::clear_history(c, &state, user, last_seq)?;
                    }
                    ConversationKey::Topic(topic) => {
                        topics::clear_history(c, find_topic(c, app, topic)?, user, last_seq)?;
                    }
                    ConversationKey::Direct(one, other) => {
                        let peer = if user == one { other } else { one };
                        self.clear_direct(c, app, user, peer)?;
                    }
                }
            }
            Write::Hide { conversation, user, seqs } => self.hide(c, app, conversation, user, seqs)?,
            Write::PutReceipts { conversation, user, seqs, time } => {
                extras::put_receipts(c, self.conv(c, app, conversation)?, user, seqs, *time)?;
            }
            Write::PutExtensions { conversation, seq, pairs, latest, cleared } => {
                let conv = self.conv_of_message(c, app, conversation, *seq)?;
                extras::put_extensions(c, conv, *seq, pairs, *latest, *cleared)?;
            }
            Write::SetReaction { conversation, seq, reaction, user, reacts } => {
                let conv = self.conv_of_message(c, app, conversation, *seq)?;
                extras::set_reaction(c, conv, *seq, reaction, user, *reacts)?;
            }
            Write::SetPin { conversation, seq, pin: Some(pin) } => {
                extras::set_pin(c, self.conv_of_message(c, app, conversation, *seq)?, *seq, Some(pin))?;
            }
            Write::SetPin { conversation, seq, pin: None } => {
                extras::set_pin(c, self.conv(c, app, conversation)?, *seq, None)?;
            }
            Write::SetDirectRead { user, peer, until } => self.set_direct_read(c, app, user, peer, *until)?,
            Write::Unlist { user, peer } => {
                if let Some(mut row) = conversations::view(c, app, user, peer)? {
                    row.view.shown_seq = 0;
                    conversations::put_view(c, app, user, &row)?;
                }
            }
            Write::ClearDirect { user, peer } => self.clear_direct(c, app, user, peer)?,
            Write::PutCare { user, contact, care } => contacts::put_care(c, app, user, contact, care)?,
            Write::PutBook { user, book } => contacts::put_book(c, app, user, book)?,
            Write::PutRecord { key, messages, time, keep_from } => {
                contacts::put_record(c, app, key, messages, *time, *keep_from)?;
            }
            Write::PutAccount(account) => accounts::put(c, app, account)?,
            Write::DeleteAccount(user) => {
                for peer in conversations::peers(c, app, user)? {
                    self.clear_direct(c, app, user, &peer)?;
                }
                accounts::delete(c, app, user)?;
                pushes::forget_user(c, app, user)?;
                official::forget(c, app, user)?;
            }
            Write::NoteDeletion { user, at } => accounts::note_deletion(c, app, user, *at)?,
            Write::SetProfile { user, fields } => accounts::set_profile(c, app, user, fields)?,
            Write::MuteAccount { user, direct, groups } => accounts::mute(c, app, user, *direct, *groups)?,
            Write::SetStatus { user, status } => accounts::set_status(c, app, user, status)?,
            Write::PutFriend { user, friend } => people::put_friend(c, app, user, friend)?,
            Write::DeleteFriend { user, peer } => people::delete_friend(c, app, user, peer)?,
            Write::PutFriendGroup { user, name } => people::put_group(c, app, user, name)?,
            Write::RenameFriendGroup { user, old, new } => people::rename_group(c, app, user, old, new)?,
            Write::DeleteFriendGroup { user, name } => people::delete_group(c, app, user, name)?,
            Write::SetFriendGroup { user, name, peer, member } => {
                people::set_group(c, app, user, name, peer, *member)?;
            }
            Write::PutFriendRequest(request) => people::put_request(c, app, request)?,
            Write::DeleteFriendRequest { user, peer, sent } => people::delete_request(c, app, user, peer, *sent)?,
            Write::SeeFriendRequests { user, until } => people::see_requests(c, app, user, *until)?,
            Write::Block { user, peer, at } => people::block(c, app, user, peer, *at)?,
            Write::Unblock { user, peer } => people::unblock(c, app, user, peer)?,
            Write::Follow { user, peer, at } => people::follow(c, app, user, peer, *at)?,
            Write::Unfollow { user, peer } => people::unfollow(c, app, user, peer)?,
            Write::WatchStatus { user, peers, cap } => people::watch(c, app, user, peers, *cap)?,
            Write::UnwatchStatus { user, peers } => people::unwatch(c, app, user, peers.as_deref())?,
            Write::PutDevice { user, instance, platform, time } => {
                people::put_device(c, app, user, instance, *platform, *time)?;
            }
            Write::DeleteDevice { user, instance } => people::delete_device(c, app, user, instance.as_deref())?,
            Write::SetRobot { user, on } => accounts::set_robot(c, app, user, *on)?,
            Write::PutApplication(application) => {
                let state = self.group(c, app, &application.group)?;
                members::put_application(c, &state, application)?;
            }
            Write::DeleteApplication { group, applicant } => {
                let state = self.group(c, app, group)?;
                members::delete_application(c, &state, applicant)?;
            }
            Write::PutPush(push) => pushes::put(c, app, push)?,
            Write::SetPushProgress { task, progress } => pushes::set_progress(c, app, task, progress)?,
            Write::SchedulePush { due, push } => pushes::schedule(c, app, *due, push)?,
            Write::UnschedulePush(task) => pushes::unschedule(c, app, task)?,
            Write::SetPushPosition { user, pos } => pushes::set_position(c, app, user, *pos)?,
            Write::SetPushAttributeName { number, name } => pushes::set_attribute_name(c, app, *number, name)?,
            Write::SetPushAttribute { user, number, value } => {
                pushes::set_attribute(c, app, user, *number, value.as_deref())?;
            }
            Write::SetPushTag { user, tag, on } => pushes::set_tag(c, app, user, tag, *on)?,
            Write::ClearPushTags(user) => pushes::clear_tags(c, app, user)?,
            Write::PutPushDevice { user, device, now, most } => pushes::put_device(c, app, user, device, *now, *most)?,
            Write::DeletePushDevice { user, device } => pushes::delete_device(c, app, user, device)?,
            Write::SetFileBan { key, banned } => files::set_ban(c, app, key, *banned)?,
            Write::Notify { user, notice, time } => log::append_notice(c, app, user, *time, notice)?,
            Write::DropNotice { user, id } => log::drop_notice(c, app, user, *id)?,
            Write::PutWords(words) => words::put(c, app, words)?,
            Write::DeleteWords { list, words } => words::delete(c, app, list, words)?,
            Write::Count(counts) => figures::count(c, app, counts)?,
            Write::PutOfficialAccount(account) => official::put(c, app, account)?,
            Write::DeleteOfficialAccount(id) => official::delete(c, app, id)?,
            Write::PutSubscriber { account, user, since, custom } => {
                official::put_subscriber(c, app, account, user, *since, custom.as_deref())?;
            }
            Write::DeleteSubscriber { account, user } => official::delete_subscriber(c, app, account, user)?,
            Write::PutBroadcast { account, broadcast } => official::put_broadcast(c, app, account, broadcast)?,
        }
        Ok(())
    }

    /// Counts the members of groups anew; answers those whose count was wrong, and where to go on, 0 at the end.
    pub(super) fn recount(&mut self, c: &Connection, after: u64, limit: usize) -> Result<Recounted, StoreError> {
        self.flush(c)?;
        let (wrong, next) = groups::miscounted(c, after, limit)?;
        let mut corrected = Vec::with_capacity(wrong.len());
        for (app, id, member_num) in wrong {
            let state = self.group(c, app, &id)?;
            self.bump(app, &id, GroupState { member_num, ..state });
            corrected.push((app, id));
        }
        Ok(Recounted { corrected, next })
    }

    fn delete_group(&mut self, c: &Connection, app: AppId, id: &GroupId) -> Result<(), StoreError> {
        let state = self.group(c, app, id)?;
        let topics = groups::delete(c, app, &state, id)?;
        self.groups.remove(&(app, id.clone()));
        self.changed.remove(&(app, id.clone()));
        self.forget_line(app, ConversationKey::Group(id.clone()));
        for topic in topics {
            self.forget_line(app, ConversationKey::Topic(topic));
        }
        self.spoke.retain(|(of, group, _), _| (*of, group) != (app, id));
        self.spoke_in_topic.retain(|(of, topic, _), _| *of != app || !topic.belongs_to(id));
        Ok(())
    }

    /// A conversation is no more.
    fn end_line(&mut self, c: &Connection, app: AppId, key: ConversationKey) -> Result<(), StoreError> {
        conversations::delete(c, app, &key)?;
        self.forget_line(app, key);
        Ok(())
    }

    fn forget_line(&mut self, app: AppId, key: ConversationKey) {
        let line = (app, key);
        self.lines.remove(&line);
        self.moved.remove(&line);
    }

    /// The number of the newest message; 0 when nobody spoke yet.
    fn last_seq(&mut self, c: &Connection, app: AppId, key: &ConversationKey) -> Result<u64, StoreError> {
        Ok(self.line(c, app, key)?.map_or(0, |line| line.position.last_seq))
    }

    /// The community of a permission group.
    fn permission_group(
        &mut self,
        c: &Connection,
        app: AppId,
        group: &GroupId,
        id: &str,
    ) -> Result<GroupState, StoreError> {
        let state = self.group(c, app, group)?;
        if permission_groups::exists(c, &state, id)? {
            return Ok(state);
        }
        Err(StoreError::Missing(format!("permission group {id} of group {group}")))
    }

    /// The row of the conversation in which the message lies.
    fn conv_of_message(
        &mut self,
        c: &Connection,
        app: AppId,
        conversation: &ConversationKey,
        seq: u64,
    ) -> Result<i64, StoreError> {
        let conv = self.conv(c, app, conversation)?;
        if messages::state(c, conv, seq)?.is_none() {
            return Err(no_message(conversation, seq));
        }
        Ok(conv)
    }

    /// Messages disappear for one user.
    fn hide(
        &mut self,
        c: &Connection,
        app: AppId,
        conversation: &ConversationKey,
        user: &UserId,
        seqs: &[u64],
    ) -> Result<(), StoreError> {
        let Some(conv) = self.line(c, app, conversation)?.map(|line| line.pk) else { return Ok(()) };
        let ConversationKey::Direct(one, other) = conversation else {
            return extras::hide(c, conv, user, seqs);
        };
        let peer = if user == one { other } else { one };
        let side = messages::side(one, user);
        for seq in seqs {
            let Some(state) = messages::state(c, conv, *seq)? else { continue };
            messages::hide(c, conv, *seq, side)?;
            if state.unread_for(side) {
                forget_unread(c, app, user, peer, *seq, state.time)?;
            }
        }
        // The conversation list shows what is left.
        let Some(mut row) = conversations::view(c, app, user, peer)? else { return Ok(()) };
        if seqs.contains(&row.view.shown_seq) {
            match messages::newest_shown(c, conv, side, row.view.cleared_seq, row.shown_from())? {
                Some(seq) => row.view.shown_seq = seq,
                // Nothing is left: as if the history had been cleared.
                None => row.view.cleared_seq = row.view.cleared_seq.max(row.view.shown_seq),
            }
            conversations::put_view(c, app, user, &row)?;
        }
        Ok(())
    }

    /// The first recall of a message counts. One that was not read yet no longer counts as unread.
    fn recall(
        &mut self,
        c: &Connection,
        app: AppId,
        conversation: &ConversationKey,
        seq: u64,
        recall: &Recall,
    ) -> Result<(), StoreError> {
        let conv = self.line(c, app, conversation)?.map(|line| line.pk);
        let found = conv.map(|conv| Ok((conv, messages::state(c, conv, seq)?))).transpose()?;
        let Some((conv, Some(state))) = found else { return Err(no_message(conversation, seq)) };
        if state.recalled {
            return Ok(());
        }
        messages::recall(c, conv, seq, recall)?;
        extras::set_pin(c, conv, seq, None)?;
        if let ConversationKey::Direct(one, other) = conversation {
            for (user, peer) in [(one, other), (other, one)] {
                let side = messages::side(one, user);
                if state.unread_for(side) {
                    messages::clear_unread(c, conv, seq, side)?;
                    forget_unread(c, app, user, peer, seq, state.time)?;
                }
            }
        }
        Ok(())
    }

    /// One side read what is dated up to a moment. An earlier moment than before changes nothing.
    fn set_direct_read(
        &mut self,
        c: &Connection,
        app: AppId,
        user: &UserId,
        peer: &UserId,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let conversation = ConversationKey::direct(user, peer);
        let line = self.line(c, app, &conversation)?.map(|line| (line.pk, line.position));
        let mut row = conversations::view(c, app, user, peer)?.unwrap_or_else(|| ViewRow::new(peer));
        if until < row.view.read_until {
            return Ok(());
        }
        if let Some((conv, position)) = line {
            let newly_read = if until >= position.last_time {
                row.view.unread()
            } else {
                let side = messages::side(user.min(peer), user);
                let (after, cleared) = (row.view.read_until, row.view.cleared_seq);
                row.late + messages::unread_between(c, conv, side, after, until, cleared)?
            };
            if newly_read > 0 {
                row.view.counted_read += newly_read;
                conversations::less_unread(c, app, user, newly_read)?;
            }
            row.read_seq = position.last_seq;
        }
        row.view.read_until = until;
        row.late = 0;
        conversations::put_view(c, app, user, &row)
    }

    /// One side no longer sees what there is; nothing of it is unread for them.
    fn clear_direct(&mut self, c: &Connection, app: AppId, user: &UserId, peer: &UserId) -> Result<(), StoreError> {
        let line = self.line(c, app, &ConversationKey::direct(user, peer))?.map(|line| line.position);
        let (Some(position), Some(mut row)) = (line, conversations::view(c, app, user, peer)?) else { return Ok(()) };
        let unread = row.view.unread();
        if unread > 0 {
            conversations::less_unread(c, app, user, unread)?;
        }
        row.view.counted_read = row.view.counted;
        row.view.cleared_seq = position.last_seq;
        row.cleared_time = position.last_time;
        row.late = 0;
        conversations::put_view(c, app, user, &row)
    }
}

fn no_message(conversation: &ConversationKey, seq: u64) -> StoreError {
    StoreError::Missing(format!("message {seq} of {conversation}"))
}

fn send_key(draft: &Draft) -> SendKey {
    let direct = matches!(draft.conversation, ConversationKey::Direct(..));
    let client_seq = if direct { draft.options.fingerprint.unwrap_or(draft.client_seq) } else { 0 };
    (messages::sender(draft).into(), draft.random, client_seq)
}

fn find_topic(c: &Connection, app: AppId, topic: &TopicId) -> Result<TopicState, StoreError> {
    topics::state(c, app, topic)?.ok_or_else(|| StoreError::Missing(format!("topic {topic}")))
}

/// Stores a one-to-one message, moves both sides' views and notes it in the receiver's log; answers the receiver's unread
/// counter. What is older than the history that a side cleared stays hidden from that side.
fn append_direct(
    c: &Connection,
    app: AppId,
    conv: i64,
    seq: u64,
    draft: &Draft,
    one: &UserId,
    other: &UserId,
) -> Result<u64, StoreError> {
    let (from, to) = if draft.sender.user() == Some(other) { (other, one) } else { (one, other) };
    let options = &draft.options;
    let mut hidden = [false; 2];
    if from != to {
        let mut row = conversations::view(c, app, from, to)?.unwrap_or_else(|| ViewRow::new(to));
        let for_sender = !options.hidden_from_sender && draft.time >= row.shown_from();
        hidden[messages::side(one, from)] = !for_sender;
        if for_sender {
            show(&mut row, seq, draft);
            conversations::put_view(c, app, from, &row)?;
        }
    }
    let mut row = conversations::view(c, app, to, from)?.unwrap_or_else(|| ViewRow::new(from));
    let for_receiver = !options.hidden_from_receiver && draft.time >= row.shown_from();
    hidden[messages::side(one, to)] = !for_receiver;
    let unread = for_receiver && !options.no_unread && from != to;
    if for_receiver {
        if unread {
            row.view.counted += 1;
            if draft.time <= row.view.read_until {
                row.late += 1;
            }
        }
        show(&mut row, seq, draft);
        conversations::put_view(c, app, to, &row)?;
        if !options.silent {
            log::append_message(c, app, to, draft.time, conv, seq, unread)?;
        } else if unread {
            conversations::more_unread(c, app, to)?;
        }
    }
    let flags = messages::direct_flags(hidden, unread.then(|| messages::side(one, to)), options.no_roaming);
    messages::insert(c, conv, seq, draft, row.view.counted, Some(flags))?;
    Ok(row.view.counted)
}

/// The conversation list shows the message, unless its sender wants otherwise or a newer one is there to be shown (imports).
fn show(row: &mut ViewRow, seq: u64, draft: &Draft) {
    let is_newest = draft.time >= row.view.updated_at || row.view.shown_seq <= row.view.cleared_seq;
    if !draft.options.no_last_msg && is_newest {
        row.view.shown_seq = seq;
        row.view.updated_at = row.view.updated_at.max(draft.time);
    }
}

/// A message that counted as unread is gone; when it was not read yet it counts no longer.
pub(super) fn forget_unread(
    c: &Connection,
    app: AppId,
    user: &UserId,
    peer: &UserId,
    seq: u64,
    time: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut row) = conversations::view(c, app, user, peer)? else { return Ok(()) };
    let late = time <= row.view.read_until;
    if seq <= row.view.cleared_seq || late && seq <= row.read_seq {
        return Ok(());
    }
    if late {
        row.late = row.late.saturating_sub(1);
    }
    row.view.counted_read += 1;
    conversations::put_view(c, app, user, &row)?;
    conversations::less_unread(c, app, user, 1)
}
