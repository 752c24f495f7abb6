//! Entries of friend lists: made, imported, changed, ended.

use super::{
    CUSTOM, Friend, FriendRequest, Pair, Refusal, RelationNews, Requested, allow_type, check_group_name, custom_value,
    fits, source, tell,
};
use crate::{
    AppSettings, UserId,
    account::{Account, ProfileValue},
    change::{Change, Expect, Write},
    profile,
    settings::AllowType,
    time::Timestamp,
};

/// Whose list is written, as it stands while a request with many entries is decided.
#[derive(Debug, Clone)]
pub struct Owner<'a> {
    /// The app's settings.
    pub settings: &'a AppSettings,
    /// The owner.
    pub account: &'a Account,
    /// How many friends there are.
    pub friends: u64,
    /// The names of the friend groups.
    pub groups: Vec<String>,
    /// How many requests of the owner wait for the others.
    pub requests: u64,
    /// When it happens.
    pub now: Timestamp,
}

/// An entry that somebody wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// What the owner calls them.
    pub remark: String,
    /// When the remark was given (imports); absent: now.
    pub remarked_at: Option<Timestamp>,
    /// Into which friend groups they come.
    pub groups: Vec<String>,
    /// Where the entry comes from.
    pub source: String,
    /// What is said to the other one.
    pub wording: String,
    /// When the entry was made (imports); absent: now.
    pub added_at: Option<Timestamp>,
    /// The app's own fields.
    pub custom: Vec<(String, ProfileValue)>,
}

/// How somebody is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddMode {
    /// Both lists get an entry; else only the own one.
    pub both: bool,
    /// Nobody is asked: a backend decides.
    pub forced: bool,
}

/// How an addition ended that was not refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Added {
    /// They are friends as asked for.
    Friends(Change),
    /// The other one is asked.
    Asked(Change),
}

impl Owner<'_> {
    fn user(&self) -> &UserId {
        &self.account.user
    }

    /// Makes room for friend groups that do not exist yet.
    fn join_groups(&self, groups: &[String]) -> Result<Vec<String>, Refusal> {
        let limits = &self.settings.limits().sns;
        let mut new: Vec<String> = Vec::new();
        for name in groups {
            check_group_name(name, limits)?;
            if !self.groups.contains(name) && !new.contains(name) {
                new.push(name.clone());
            }
        }
        if !new.is_empty() && self.groups.len() + new.len() > limits.max_lists as usize {
            return Err(Refusal::GroupsFull);
        }
        Ok(new)
    }

    /// The change makes new friend groups, and whatever it decided of their number has to hold.
    fn with_groups(&self, change: Change, new: &[String]) -> Change {
        if new.is_empty() {
            return change;
        }
        let cap = u64::from(self.settings.limits().sns.max_lists);
        let change =
            change.expect(Expect::FriendGroupsBelow { user: self.user().clone(), adding: new.len() as u64, cap });
        new.iter().fold(change, |change, name| {
            change.write(Write::PutFriendGroup { user: self.user().clone(), name: name.clone() })
        })
    }

    /// Lets pass a wish whose fields may be.
    ///
    /// # Errors
    /// [`Refusal::BadValue`].
    pub fn check(&self, peer: &UserId, wish: &Wish) -> Result<(), Refusal> {
        self.friend(peer, wish, Vec::new())?;
        wish.groups.iter().try_for_each(|name| check_group_name(name, &self.settings.limits().sns))
    }

    /// Lets pass who may ask for friends.
    ///
    /// # Errors
    /// [`Refusal::SendingForbidden`].
    pub fn may_ask(&self) -> Result<(), Refusal> {
        if self.account.text(profile::ADMIN_FORBID_TYPE) == profile::FORBIDS_SENDING {
            return Err(Refusal::SendingForbidden(self.user().clone()));
        }
        Ok(())
    }

    fn friend(&self, peer: &UserId, wish: &Wish, custom: Vec<(String, ProfileValue)>) -> Result<Friend, Refusal> {
        let limits = &self.settings.limits().sns;
        fits("Remark", &wish.remark, limits.remark_bytes)?;
        fits("AddWording", &wish.wording, limits.wording_bytes)?;
        let remarked_at = if wish.remark.is_empty() { Timestamp(0) } else { self.now };
        let mut groups: Vec<String> = Vec::new();
        for name in &wish.groups {
            if !groups.contains(name) {
                groups.push(name.clone());
            }
        }
        Ok(Friend {
            user: peer.clone(),
            remark: wish.remark.clone(),
            remarked_at: wish.remarked_at.unwrap_or(remarked_at),
            groups,
            source: source(&wish.source, limits)?,
            wording: wish.wording.clone(),
            added_at: wish.added_at.unwrap_or(self.now),
            custom: custom.into_iter().collect(),
        })
    }
}

/// Adds somebody to the owner's list, and the owner to theirs (docs/spec/rest-users.md#5.3, in the order of its table).
///
/// # Errors
/// [`Refusal`] says why not.
pub fn add(
    owner: &mut Owner<'_>,
    peer: &Account,
    pair: &mut Pair,
    wish: &Wish,
    mode: AddMode,
) -> Result<Added, Refusal> {
    let limits = &owner.settings.limits().sns;
    owner.may_ask()?;
    owner.check(&pair.peer, wish)?;
    let friend = owner.friend(&pair.peer, wish, Vec::new())?;
    if *owner.user() == pair.peer {
        return Err(Refusal::BadValue("`To_Account`: nobody is their own friend".into()));
    }
    if pair.own.blocked {
        return Err(Refusal::Blocking(pair.peer.clone()));
    }
    if pair.theirs.blocked {
        return Err(Refusal::BlockedBy(pair.peer.clone()));
    }
    let (gains, they_gain) = (!pair.own.is_friend(), mode.both && !pair.theirs.is_friend());
    if !gains && !they_gain {
        return Err(Refusal::AlreadyFriends);
    }
    if gains && owner.friends >= u64::from(limits.max_friends) {
        return Err(Refusal::FriendsFull);
    }
    if they_gain && pair.their_friends >= u64::from(limits.max_friends) {
        return Err(Refusal::PeerFriendsFull(pair.peer.clone()));
    }
    let new_groups = if gains { owner.join_groups(&friend.groups)? } else { Vec::new() };
    if !mode.forced {
        match allow_type(peer, owner.settings) {
            AllowType::DenyAny if they_gain || !mode.both => return Err(Refusal::DeniesAll),
            AllowType::NeedConfirm if they_gain => return ask(owner, pair, friend).map(Added::Asked),
            AllowType::DenyAny | AllowType::NeedConfirm | AllowType::AllowAny => {}
        }
    }
    let back = they_gain.then(|| Friend {
        user: owner.user().clone(),
        remark: String::new(),
        remarked_at: Timestamp(0),
        groups: Vec::new(),
        source: friend.source.clone(),
        wording: friend.wording.clone(),
        added_at: owner.now,
        custom: friend.custom.clone(),
    });
    let change = owner.with_groups(Change::none(), &new_groups);
    let change = befriend(change, owner, pair, gains.then_some(friend), back);
    owner.groups.extend(new_groups);
    owner.friends += u64::from(gains);
    Ok(Added::Friends(change))
}

/// Makes the entries, drops the requests between the two, and tells both.
pub(super) fn befriend(
    change: Change,
    owner: &Owner<'_>,
    pair: &mut Pair,
    entry: Option<Friend>,
    back: Option<Friend>,
) -> Change {
    let (user, peer) = (owner.user().clone(), pair.peer.clone());
    let cap = u64::from(owner.settings.limits().sns.max_friends);
    let mut change = change.and(pair.expected(&user));
    for (of, other, entry) in [(&user, &peer, entry), (&peer, &user, back)] {
        let Some(entry) = entry else { continue };
        change = change
            .expect(Expect::FriendsBelow { user: of.clone(), cap })
            .write(Write::PutFriend { user: of.clone(), friend: Box::new(entry) })
            .event(tell(of, RelationNews::FriendsAdded(vec![other.clone()])));
        let tie = if of == &user { &mut pair.own } else { &mut pair.theirs };
        tie.friend = tie.friend.max(1);
    }
    drop_requests(change, &user, pair)
}

/// Between friends nothing waits.
fn drop_requests(mut change: Change, user: &UserId, pair: &mut Pair) -> Change {
    if !pair.pending {
        return change;
    }
    for sent in [true, false] {
        change = change
            .write(Write::DeleteFriendRequest { user: user.clone(), peer: pair.peer.clone(), sent })
            .write(Write::DeleteFriendRequest { user: pair.peer.clone(), peer: user.clone(), sent });
    }
    (pair.sent, pair.received, pair.pending) = (None, None, false);
    change
}

fn ask(owner: &mut Owner<'_>, pair: &mut Pair, friend: Friend) -> Result<Change, Refusal> {
    let cap = u64::from(owner.settings.limits().sns.max_pending);
    let (user, peer) = (owner.user().clone(), pair.peer.clone());
    let is_new = pair.sent.is_none();
    if is_new && (owner.requests >= cap || pair.their_requests >= cap) {
        return Err(Refusal::RequestsFull);
    }
    let group = friend.groups.into_iter().next().unwrap_or_default();
    let sent = FriendRequest {
        user: user.clone(),
        peer: peer.clone(),
        sent: true,
        time: owner.now,
        seen: true,
        source: friend.source,
        wording: friend.wording,
        remark: friend.remark,
        group,
    };
    let received = FriendRequest { user: peer.clone(), peer: user.clone(), sent: false, seen: false, ..sent.clone() };
    let mut change = pair.expected(&user);
    if is_new {
        for (of, of_sender) in [(&user, true), (&peer, false)] {
            change = change.expect(Expect::FriendRequestsBelow { user: of.clone(), sent: of_sender, cap });
        }
        owner.requests += 1;
    }
    for request in [&received, &sent] {
        let told = Requested {
            from: user.clone(),
            peer: request.peer.clone(),
            source: request.source.clone(),
            wording: request.wording.clone(),
            time: request.time,
        };
        change = change
            .write(Write::PutFriendRequest(Box::new(request.clone())))
            .event(tell(&request.user, RelationNews::Requested(Box::new(told))));
    }
    (pair.sent, pair.pending) = (Some(sent), true);
    Ok(change)
}

/// Takes over an entry of another system: the own side only, nobody is asked or blocked, a known entry is overwritten.
///
/// # Errors
/// [`Refusal::BadValue`], [`Refusal::FriendsFull`], [`Refusal::GroupsFull`].
pub fn import(owner: &mut Owner<'_>, pair: &mut Pair, wish: &Wish) -> Result<Change, Refusal> {
    if *owner.user() == pair.peer {
        return Err(Refusal::BadValue("`To_Account`: nobody is their own friend".into()));
    }
    let custom = wish
        .custom
        .iter()
        .map(|(tag, value)| Ok((tag.clone(), custom_value(owner.settings, tag, value.clone(), true)?)))
        .collect::<Result<Vec<_>, Refusal>>()?;
    let friend = owner.friend(&pair.peer, wish, custom)?;
    let gains = !pair.own.is_friend();
    let cap = u64::from(owner.settings.limits().sns.max_friends);
    if gains && owner.friends >= cap {
        return Err(Refusal::FriendsFull);
    }
    let new_groups = owner.join_groups(&friend.groups)?;
    let user = owner.user().clone();
    let mut change = owner.with_groups(pair.expected(&user), &new_groups);
    if gains {
        change = change
            .expect(Expect::FriendsBelow { user: user.clone(), cap })
            .event(tell(&user, RelationNews::FriendsAdded(vec![pair.peer.clone()])));
    }
    change = change.write(Write::PutFriend { user, friend: Box::new(friend) });
    owner.friends += u64::from(gains);
    owner.groups.extend(new_groups);
    pair.own.friend = pair.own.friend.max(1);
    Ok(change)
}

/// A field of an entry that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The remark.
    Remark(String),
    /// The friend groups, all of them.
    Groups(Vec<String>),
    /// One of the app's own fields.
    Custom(String, ProfileValue),
}

/// Tag of the friend groups of an entry.
pub const GROUP: &str = "Tag_SNS_IM_Group";
/// Tag of the remark of an entry.
pub const REMARK: &str = "Tag_SNS_IM_Remark";

impl Edit {
    /// The tag that changes.
    #[must_use]
    pub fn tag(&self) -> &str {
        match self {
            Self::Remark(_) => REMARK,
            Self::Groups(_) => GROUP,
            Self::Custom(tag, _) => tag,
        }
    }
}

/// Changes fields of an entry, all or none.
///
/// # Errors
/// [`Refusal::NotListed`], [`Refusal::BadValue`], [`Refusal::GroupsFull`].
pub fn update(
    owner: &mut Owner<'_>,
    pair: &mut Pair,
    known: &mut Option<Friend>,
    edits: Vec<Edit>,
    by_app_admin: bool,
) -> Result<Change, Refusal> {
    let Some(mut friend) = known.clone() else { return Err(Refusal::NotListed(pair.peer.clone())) };
    let mut tags: Vec<String> = Vec::new();
    for edit in edits {
        if !tags.iter().any(|tag| tag == edit.tag()) {
            tags.push(edit.tag().to_owned());
        }
        match edit {
            Edit::Remark(remark) => {
                fits(REMARK, &remark, owner.settings.limits().sns.remark_bytes)?;
                friend.remark = remark;
                friend.remarked_at = owner.now;
            }
            Edit::Groups(groups) => friend.groups = groups,
            Edit::Custom(tag, value) => {
                let value = custom_value(owner.settings, &tag, value, by_app_admin)?;
                friend.custom.insert(tag, value);
            }
        }
    }
    let mut groups: Vec<String> = Vec::new();
    for name in std::mem::take(&mut friend.groups) {
        if !groups.contains(&name) {
            groups.push(name);
        }
    }
    friend.groups = groups;
    let new_groups = owner.join_groups(&friend.groups)?;
    let user = owner.user().clone();
    *known = Some(friend.clone());
    let change = owner
        .with_groups(pair.expected(&user), &new_groups)
        .write(Write::PutFriend { user: user.clone(), friend: Box::new(friend) })
        .event(tell(&user, RelationNews::FriendChanged(pair.peer.clone(), tags)));
    owner.groups.extend(new_groups);
    Ok(change)
}

/// Whether a tag names one of the app's own friend fields.
#[must_use]
pub fn is_custom(tag: &str) -> bool {
    tag.starts_with(CUSTOM)
}

/// Ends a friendship on the own side, or on both.
///
/// # Errors
/// [`Refusal::NotFriend`].
pub fn delete(user: &UserId, pair: &mut Pair, both: bool) -> Result<Change, Refusal> {
    let has_any = pair.own.is_friend() || both && pair.theirs.is_friend();
    if !has_any {
        return Err(Refusal::NotFriend(pair.peer.clone()));
    }
    let change = pair.expected(user);
    Ok(end(change, user, pair, both))
}

/// Takes the entries that there are out of the lists.
pub(super) fn end(mut change: Change, user: &UserId, pair: &mut Pair, both: bool) -> Change {
    let peer = pair.peer.clone();
    for (of, other, tie) in [(user, &peer, &mut pair.own), (&peer, user, &mut pair.theirs)] {
        if !tie.is_friend() || !both && of != user {
            continue;
        }
        tie.friend = 0;
        change = change
            .write(Write::DeleteFriend { user: of.clone(), peer: other.clone() })
            .event(tell(of, RelationNews::FriendsDeleted(vec![other.clone()])));
    }
    change
}
