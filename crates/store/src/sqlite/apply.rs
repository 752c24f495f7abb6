//! Applies a change inside the writer's transaction: preconditions first, then every write, sequence numbers on the way.
//!
//! The applier remembers where conversations and groups stand, so that a send costs one insert; what it remembers is true
//! because nobody else writes. Positions are written once per batch ([`Applier::flush`]).

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use rusqlite::{Connection, Transaction};
use tsudoi_domain::{
    AppId, GroupId, UserId,
    change::{Append, Change, Expect, Write},
    conversation::{ConversationKey, DirectView, Position},
    message::{Draft, Sender},
    time::{MuteUntil, Timestamp},
};

use super::{accounts, conversations, failed, groups, groups::GroupState, log, members, messages};
use crate::{Appended, StoreError};

/// Most conversations and groups that are remembered.
const REMEMBERED: usize = 100_000;
/// How long a message stays known for telling repeats; no dedupe window is longer.
const REPEAT_SECS: i64 = 600;

/// How an applied change ended.
pub(super) enum Applied {
    Stored(Vec<Appended>),
    Repeated(Appended),
}

/// What tells one send from another: sender, dice, and between two people the sender's number.
type SendKey = (Arc<str>, u32, u32);

/// Where a conversation stands.
struct Line {
    pk: i64,
    position: Position,
    dirty: bool,
    recent: HashMap<SendKey, Appended>,
    /// Nothing older than this is in `recent`.
    oldest: Timestamp,
}

/// The writer's memory.
#[derive(Default)]
pub(super) struct Applier {
    lines: HashMap<(AppId, ConversationKey), Line>,
    dirty: HashSet<(AppId, ConversationKey)>,
    groups: HashMap<(AppId, GroupId), GroupState>,
    /// Members who spoke in this batch: the time and number of their newest message.
    spoke: HashMap<(AppId, GroupId, Arc<str>), (Timestamp, u64)>,
}

impl Applier {
    /// Applies the change, or nothing of it.
    pub(super) fn apply(
        &mut self,
        transaction: &mut Transaction<'_>,
        app: AppId,
        change: &Change,
    ) -> Result<Applied, StoreError> {
        for expect in &change.expect {
            self.check(transaction, app, expect)?;
        }
        for write in &change.writes {
            if let Write::Append(append) = write
                && let Some(first) = self.repeated(transaction, app, append)?
            {
                return Ok(Applied::Repeated(first));
            }
        }
        if let [single] = change.writes.as_slice() {
            let mut appended = Vec::new();
            return self.write(transaction, app, single, &mut appended).map(|()| Applied::Stored(appended));
        }
        // Several writes stand or fall together: what is remembered goes to disk first, so that it can be forgotten.
        self.flush(transaction)?;
        let savepoint = transaction.savepoint().map_err(failed)?;
        let mut appended = Vec::new();
        let applied = change.writes.iter().try_for_each(|write| self.write(&savepoint, app, write, &mut appended));
        match applied.and_then(|()| self.flush(&savepoint)) {
            Ok(()) => {
                savepoint.commit().map_err(failed)?;
                Ok(Applied::Stored(appended))
            }
            Err(error) => {
                drop(savepoint);
                *self = Self::default();
                Err(error)
            }
        }
    }

    /// Writes the positions that moved.
    pub(super) fn flush(&mut self, c: &Connection) -> Result<(), StoreError> {
        for key in self.dirty.drain() {
            if let Some(line) = self.lines.get_mut(&key) {
                line.dirty = false;
                conversations::put_position(c, line.pk, &line.position)?;
            }
        }
        for ((app, group, user), (time, seq)) in std::mem::take(&mut self.spoke) {
            if let Some(state) = self.find_group(c, app, &group)? {
                members::spoke(c, state.pk, &user, time, seq)?;
            }
        }
        if self.lines.len() > REMEMBERED {
            self.lines.clear();
        }
        if self.groups.len() > REMEMBERED {
            self.groups.clear();
        }
        Ok(())
    }

    fn find_group(&mut self, c: &Connection, app: AppId, id: &GroupId) -> Result<Option<GroupState>, StoreError> {
        let key = (app, id.clone());
        if let Some(state) = self.groups.get(&key) {
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

    /// A right was taken away: remembered and stored.
    fn bump(&mut self, c: &Connection, app: AppId, id: &GroupId) -> Result<(), StoreError> {
        let state = self.group(c, app, id)?;
        groups::bump(c, &state)?;
        self.groups.insert((app, id.clone()), GroupState { revision: state.revision + 1, ..state });
        Ok(())
    }

    fn check(&mut self, c: &Connection, app: AppId, expect: &Expect) -> Result<(), StoreError> {
        let conflict = |what: String| Err(StoreError::Conflict(what));
        match expect {
            Expect::GroupAt { group, revision } => match self.find_group(c, app, group)? {
                Some(state) if state.revision == *revision => Ok(()),
                Some(_) => conflict(format!("group {group} changed")),
                None => conflict(format!("group {group} is gone")),
            },
            Expect::GroupAbsent(group) => match self.find_group(c, app, group)? {
                None => Ok(()),
                Some(_) => conflict(format!("group {group} exists")),
            },
            Expect::NotMembers { group, users } => {
                let state = self.group(c, app, group)?;
                for user in users {
                    if members::exists(c, &state, user)? {
                        return conflict(format!("{user} is a member of group {group}"));
                    }
                }
                Ok(())
            }
            Expect::RoomFor { group, adding, cap } => {
                let state = self.group(c, app, group)?;
                if state.member_num + adding <= *cap { Ok(()) } else { conflict(format!("group {group} is full")) }
            }
            Expect::Pending { group, applicant, key } => {
                let state = self.group(c, app, group)?;
                if members::is_pending(c, &state, applicant, *key)? {
                    Ok(())
                } else {
                    conflict(format!("the application of {applicant} to group {group} is decided"))
                }
            }
            Expect::MessageAt { conversation, seq, version } => {
                let found = match conversations::find(c, app, conversation)? {
                    Some((conv, _)) => messages::by_seq(c, conv, *seq)?,
                    None => None,
                };
                if found.is_some_and(|message| message.version == *version) {
                    Ok(())
                } else {
                    conflict(format!("message {seq} of {conversation} changed"))
                }
            }
        }
    }

    fn line(
        &mut self,
        c: &Connection,
        app: AppId,
        key: &ConversationKey,
        now: Timestamp,
    ) -> Result<&mut Line, StoreError> {
        let full_key = (app, key.clone());
        if !self.lines.contains_key(&full_key) {
            let line = match conversations::find(c, app, key)? {
                Some((pk, position)) => {
                    let oldest = Timestamp(now.0 - REPEAT_SECS);
                    let recent = messages::recent(c, pk, oldest)?
                        .into_iter()
                        .map(|r| {
                            let client_seq = if r.direct { r.client_seq } else { 0 };
                            (
                                (r.sender.into(), r.random, client_seq),
                                Appended { seq: r.seq, time: r.time, counted: r.counted },
                            )
                        })
                        .collect();
                    Line { pk, position, dirty: false, recent, oldest }
                }
                None => Line {
                    pk: conversations::create(c, app, key)?,
                    position: Position::default(),
                    dirty: false,
                    recent: HashMap::new(),
                    oldest: now,
                },
            };
            self.lines.insert(full_key.clone(), line);
        }
        Ok(self.lines.get_mut(&full_key).expect("inserted above"))
    }

    /// The first result, when the message is a repeat.
    fn repeated(&mut self, c: &Connection, app: AppId, append: &Append) -> Result<Option<Appended>, StoreError> {
        if append.dedupe_secs == 0 {
            return Ok(None);
        }
        let draft = &append.draft;
        let line = self.line(c, app, &draft.conversation, draft.time)?;
        Ok(line
            .recent
            .get(&send_key(draft))
            .filter(|first| draft.time.since(first.time) <= i64::from(append.dedupe_secs))
            .copied())
    }

    fn append(&mut self, c: &Connection, app: AppId, append: &Append) -> Result<Appended, StoreError> {
        let draft = &append.draft;
        let line = self.line(c, app, &draft.conversation, draft.time)?;
        let seq = line.position.last_seq + 1;
        let pk = line.pk;
        let counted = match &draft.conversation {
            ConversationKey::Direct(one, other) => append_direct(c, app, pk, seq, draft, one, other)?,
            ConversationKey::Group(_) | ConversationKey::Topic(_) => 0,
        };
        messages::insert(c, pk, seq, draft, counted)?;
        let line = self.line(c, app, &draft.conversation, draft.time)?;
        let appended = Appended { seq, time: draft.time, counted };
        line.position.last_seq = seq;
        line.position.last_time = line.position.last_time.max(draft.time);
        if !draft.options.no_last_msg {
            line.position.shown_seq = seq;
            line.position.shown_time = line.position.shown_time.max(draft.time);
        }
        if append.dedupe_secs > 0 {
            line.recent.insert(send_key(draft), appended);
        }
        if draft.time.since(line.oldest) > 2 * REPEAT_SECS {
            line.oldest = Timestamp(draft.time.0 - REPEAT_SECS);
            let oldest = line.oldest;
            line.recent.retain(|_, a| a.time > oldest);
        }
        if !line.dirty {
            line.dirty = true;
            self.dirty.insert((app, draft.conversation.clone()));
        }
        if let (ConversationKey::Group(group), Sender::User(user)) = (&draft.conversation, &draft.sender) {
            self.spoke.insert((app, group.clone(), user.as_str().into()), (draft.time, seq));
        }
        Ok(appended)
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
                let state = groups::create(c, app, group)?;
                self.groups.insert((app, group.id.clone()), state);
            }
            Write::UpdateGroup(group) => {
                let state = self.group(c, app, &group.id)?;
                groups::update(c, &state, group)?;
                self.groups.insert((app, group.id.clone()), GroupState { revision: state.revision + 1, ..state });
            }
            Write::DeleteGroup(id) => {
                let state = self.group(c, app, id)?;
                groups::delete(c, app, &state, id)?;
                self.groups.remove(&(app, id.clone()));
                let key = (app, ConversationKey::Group(id.clone()));
                self.lines.remove(&key);
                self.dirty.remove(&key);
                self.spoke.retain(|(a, g, _), _| (*a, g) != (app, id));
            }
            Write::PutMember(id, member) => {
                let state = self.group(c, app, id)?;
                if members::put(c, app, &state, member)? {
                    groups::count_members(c, &state, 1)?;
                    self.groups.insert((app, id.clone()), GroupState { member_num: state.member_num + 1, ..state });
                } else {
                    self.bump(c, app, id)?;
                }
            }
            Write::DeleteMember(id, user) => {
                let state = self.group(c, app, id)?;
                if members::delete(c, &state, user)? {
                    groups::count_members(c, &state, -1)?;
                    self.groups.insert(
                        (app, id.clone()),
                        GroupState { member_num: state.member_num.saturating_sub(1), ..state },
                    );
                    self.bump(c, app, id)?;
                }
            }
            Write::SetMute { group, topic, user, until } => {
                let state = self.group(c, app, group)?;
                members::set_mute(c, &state, topic.as_ref(), user, *until)?;
                if *until != MuteUntil::NEVER {
                    self.bump(c, app, group)?;
                }
            }
            Write::SetBan { group, user, until } => {
                let state = self.group(c, app, group)?;
                members::set_ban(c, &state, user, *until)?;
                if *until != MuteUntil::NEVER {
                    self.bump(c, app, group)?;
                }
            }
            Write::Append(append) => appended.push(self.append(c, app, append)?),
            Write::Recall { conversation, seq, recall } => {
                let line = self.line(c, app, conversation, recall.at)?;
                if let Some(before) = messages::recall(c, line.pk, *seq, recall)?
                    && let ConversationKey::Direct(one, other) = conversation
                {
                    forget_unread(c, app, &before.draft, before.counted, one, other)?;
                }
            }
            Write::Edit { conversation, seq, elements, cloud_custom_data, version } => {
                let line = self.line(c, app, conversation, Timestamp(i64::MAX))?;
                messages::edit(c, line.pk, *seq, elements.as_ref(), cloud_custom_data.as_ref(), *version)?;
            }
            Write::SetRead { conversation, user, seq, force } => match conversation {
                ConversationKey::Group(group) => {
                    let state = self.group(c, app, group)?;
                    members::set_read(c, &state, user, *seq, *force)?;
                }
                ConversationKey::Topic(_) | ConversationKey::Direct(..) => {
                    return Err(StoreError::Missing(format!("a read position of {conversation}")));
                }
            },
            Write::SetDirectRead { user, peer, until } => set_direct_read(c, app, user, peer, *until)?,
            Write::PutAccount(account) => accounts::put(c, app, account)?,
            Write::DeleteAccount(user) => accounts::delete(c, app, user)?,
            Write::PutApplication(application) => {
                let state = self.group(c, app, &application.group)?;
                members::put_application(c, &state, application)?;
            }
            Write::DeleteApplication { group, applicant } => {
                let state = self.group(c, app, group)?;
                members::delete_application(c, &state, applicant)?;
            }
            Write::Notify { user, notice, time } => log::append_notice(c, app, user, *time, notice)?,
        }
        Ok(())
    }
}

fn send_key(draft: &Draft) -> SendKey {
    let direct = matches!(draft.conversation, ConversationKey::Direct(..));
    let client_seq = if direct { draft.options.fingerprint.unwrap_or(draft.client_seq) } else { 0 };
    (messages::sender(draft).into(), draft.random, client_seq)
}

/// Moves both sides' views and notes the message in the receiver's log; answers the receiver's unread counter.
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
    let mut counted = 0;
    if !options.hidden_from_receiver {
        let mut view = conversations::view(c, app, to, from)?.unwrap_or_else(|| DirectView::new(from.clone()));
        if !options.no_unread && from != to {
            view.counted += 1;
        }
        counted = view.counted;
        shown(&mut view, seq, draft);
        conversations::put_view(c, app, to, &view)?;
        log::append_message(c, app, to, draft.time, conv, seq)?;
    }
    if !options.hidden_from_sender && from != to {
        let mut view = conversations::view(c, app, from, to)?.unwrap_or_else(|| DirectView::new(to.clone()));
        shown(&mut view, seq, draft);
        conversations::put_view(c, app, from, &view)?;
    }
    Ok(counted)
}

fn shown(view: &mut DirectView, seq: u64, draft: &Draft) {
    if !draft.options.no_last_msg {
        view.shown_seq = seq;
        view.updated_at = view.updated_at.max(draft.time);
    }
}

/// A recalled message that was not read yet no longer counts as unread.
fn forget_unread(
    c: &Connection,
    app: AppId,
    draft: &Draft,
    counted: u64,
    one: &UserId,
    other: &UserId,
) -> Result<(), StoreError> {
    let (from, to) = if draft.sender.user() == Some(other) { (other, one) } else { (one, other) };
    if draft.options.no_unread || counted == 0 || draft.options.hidden_from_receiver {
        return Ok(());
    }
    if let Some(mut view) = conversations::view(c, app, to, from)?
        && view.counted_read < counted
    {
        view.counted_read += 1;
        conversations::put_view(c, app, to, &view)?;
    }
    Ok(())
}

fn set_direct_read(
    c: &Connection,
    app: AppId,
    user: &UserId,
    peer: &UserId,
    until: Timestamp,
) -> Result<(), StoreError> {
    let mut view = conversations::view(c, app, user, peer)?.unwrap_or_else(|| DirectView::new(peer.clone()));
    if until <= view.read_until {
        return Ok(());
    }
    view.read_until = until;
    if let Some((conv, _)) = conversations::find(c, app, &ConversationKey::direct(user, peer))? {
        view.counted_read = view.counted_read.max(messages::counted_until(c, conv, peer, until)?).min(view.counted);
    }
    conversations::put_view(c, app, user, &view)
}
