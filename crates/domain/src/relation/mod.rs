//! What accounts are to each other: friends, friend groups, requests, block lists, followers (docs/spec/rest-users.md#5 to 8).
//!
//! A friendship is two entries, one in each list; either may be missing. Who blocks somebody is rid of both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    AppSettings, UserId,
    account::{Account, ProfileValue},
    change::{Change, Event, Expect, Write},
    limits::SnsLimits,
    profile,
    settings::{AllowType, FieldKind, UserField},
    time::Timestamp,
};

pub mod friend;
pub mod request;
#[cfg(test)]
mod tests;

/// What every tag of the app's own friend fields begins with.
pub const CUSTOM: &str = "Tag_SNS_Custom_";
/// What every source begins with.
const SOURCE: &str = "AddSource_Type_";
/// The source of entries that name none.
pub const UNKNOWN_SOURCE: &str = "AddSource_Type_Unknow";

/// An entry in somebody's friend list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Friend {
    /// Who is listed.
    #[serde(skip, default = "nobody")]
    pub user: UserId,
    /// What the owner calls them.
    pub remark: String,
    /// When the remark last changed; 0: never.
    pub remarked_at: Timestamp,
    /// The owner's friend groups they are in.
    #[serde(skip)]
    pub groups: Vec<String>,
    /// Where the entry came from.
    pub source: String,
    /// What was said when it was made.
    pub wording: String,
    /// When it was made.
    pub added_at: Timestamp,
    /// The app's own fields, by tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, ProfileValue>,
}

fn nobody() -> UserId {
    UserId::trusted("")
}

/// A request to become friends, as it lies on one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendRequest {
    /// On whose side.
    #[serde(skip, default = "nobody")]
    pub user: UserId,
    /// The other one.
    #[serde(skip, default = "nobody")]
    pub peer: UserId,
    /// The user asked; else the user is asked.
    #[serde(skip)]
    pub sent: bool,
    /// When it was made, or made again.
    #[serde(skip)]
    pub time: Timestamp,
    /// The user has seen it.
    #[serde(skip)]
    pub seen: bool,
    /// Where it came from.
    pub source: String,
    /// What was said.
    pub wording: String,
    /// What the asker will call the other one.
    pub remark: String,
    /// Into which friend group the asker will put the other one; empty: none.
    pub group: String,
}

/// Numbers about an account's relations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct People {
    /// Grows with every change of friends, friend groups, requests and block list.
    pub seq: u64,
    /// Grows with every change of a custom field of a friend.
    pub custom_seq: u64,
    /// Entries in the friend list.
    pub friends: u64,
    /// Entries in the block list.
    pub blocked: u64,
    /// Whom the account follows.
    pub following: u64,
    /// Who follow it.
    pub followers: u64,
    /// Whom it follows and who follow it.
    pub mutual: u64,
}

/// What one account has of another in its own lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tie {
    /// The state of the entry in the friend list; 0: there is none.
    pub friend: u64,
    /// On the block list.
    pub blocked: bool,
}

impl Tie {
    /// Whether the other one is in the friend list.
    #[must_use]
    pub fn is_friend(self) -> bool {
        self.friend > 0
    }
}

/// Two accounts, from the side of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The other one.
    pub peer: UserId,
    /// What the one has of the other.
    pub own: Tie,
    /// What the other has of the one.
    pub theirs: Tie,
    /// How many friends the other has.
    pub their_friends: u64,
    /// How many requests the other is asked to decide.
    pub their_requests: u64,
    /// The request that the one made, as it lies on the one's side.
    pub sent: Option<FriendRequest>,
    /// The request that the other made, as it lies on the one's side.
    pub received: Option<FriendRequest>,
    /// A request between the two lies on either side.
    pub pending: bool,
    /// A change decided by now has moved what was loaded.
    pub moved: bool,
}

impl Pair {
    /// A change that holds only for what was loaded. What an earlier part of the same change moved cannot have been moved by
    /// others.
    fn expected(&mut self, user: &UserId) -> Change {
        if std::mem::replace(&mut self.moved, true) {
            return Change::none();
        }
        Change::none()
            .expect(Expect::TieAt { user: user.clone(), peer: self.peer.clone(), tie: self.own })
            .expect(Expect::TieAt { user: self.peer.clone(), peer: user.clone(), tie: self.theirs })
    }
}

/// A friend group and how many friends are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FriendGroup {
    /// Its name.
    pub name: String,
    /// How many friends are in it.
    pub members: u64,
}

/// Whom an account follows or is followed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    /// The other one.
    pub user: UserId,
    /// Since when.
    pub since: Timestamp,
}

/// Which followers are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowKind {
    /// Who follow the account.
    Followers,
    /// Whom the account follows.
    Following,
    /// Both at once.
    Mutual,
}

/// Why something about a relation is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A value is not allowed here.
    #[error("{0}")]
    BadValue(String),
    /// There is no such account.
    #[error("account `{0}` does not exist")]
    NoSuchAccount(String),
    /// The app forbids the asker to ask.
    #[error("{0} may not send friend requests")]
    SendingForbidden(UserId),
    /// The other one is on the own block list.
    #[error("{0} is on the own block list")]
    Blocking(UserId),
    /// The own side is on the other's block list.
    #[error("{0} has blocked the own side")]
    BlockedBy(UserId),
    /// They are friends as asked for.
    #[error("they are friends already")]
    AlreadyFriends,
    /// The own friend list is full.
    #[error("the friend list is full")]
    FriendsFull,
    /// The other's friend list is full.
    #[error("the friend list of {0} is full")]
    PeerFriendsFull(UserId),
    /// There are as many friend groups as allowed.
    #[error("there are as many friend groups as allowed")]
    GroupsFull,
    /// As many requests wait as allowed.
    #[error("too many friend requests wait already")]
    RequestsFull,
    /// The other one takes no requests.
    #[error("the other side takes no requests")]
    DeniesAll,
    /// The other one is asked.
    #[error("the other side is asked")]
    NeedsConfirmation,
    /// No request of the other one waits.
    #[error("no friend request of {0} waits for an answer")]
    NoSuchRequest(UserId),
    /// There is no such request to delete.
    #[error("there is no such friend request of or to {0}")]
    NothingPending(UserId),
    /// Nothing to delete: not a friend.
    #[error("{0} is not a friend")]
    NotFriend(UserId),
    /// Nothing to change: not a friend.
    #[error("{0} is not in the friend list")]
    NotListed(UserId),
    /// Only friends are put into friend groups.
    #[error("only friends are put into friend groups")]
    NotFriendForGroup,
    /// The other one is blocked already.
    #[error("blocked already")]
    AlreadyBlocked,
    /// The other one is not blocked.
    #[error("{0} is not on the block list")]
    NotBlocked(UserId),
    /// The block list is full.
    #[error("the block list is full")]
    BlockListFull,
}

/// What is told to an account's devices about its relations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RelationNews {
    /// Somebody came into the friend list.
    FriendsAdded(Vec<UserId>),
    /// Somebody left the friend list.
    FriendsDeleted(Vec<UserId>),
    /// An entry of the friend list changed; the changed tags.
    FriendChanged(UserId, Vec<String>),
    /// A request was made, by the account or to it.
    Requested(Box<Requested>),
    /// Requests are gone.
    RequestsGone(Vec<UserId>),
    /// All requests up to a moment were seen.
    RequestsSeen(Timestamp),
    /// Somebody was blocked.
    Blocked(Vec<UserId>),
    /// Somebody is no longer blocked.
    Unblocked(Vec<UserId>),
    /// The account follows somebody, or no longer does.
    Following(UserId, bool),
    /// Somebody follows the account, or no longer does.
    Follower(UserId, bool),
    /// Two follow each other, or no longer do.
    MutualFollower(UserId, bool),
}

/// A request as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// Who asked.
    pub from: UserId,
    /// The other one, as the told account sees it.
    pub peer: UserId,
    /// Where it came from.
    pub source: String,
    /// What was said.
    pub wording: String,
    /// When.
    pub time: Timestamp,
}

/// Tells an account's devices.
fn tell(user: &UserId, news: RelationNews) -> Event {
    Event::Relation { user: user.clone(), news }
}

/// Lets pass the name of a friend group.
///
/// # Errors
/// [`Refusal::BadValue`] when it is empty or too long.
pub fn check_group_name(name: &str, limits: &SnsLimits) -> Result<(), Refusal> {
    if name.is_empty() || name.len() > limits.list_name_bytes as usize {
        let most = limits.list_name_bytes;
        return Err(Refusal::BadValue(format!("`GroupName`: `{name}` has not 1 to {most} bytes")));
    }
    Ok(())
}

fn fits(field: &str, text: &str, most: u32) -> Result<(), Refusal> {
    if text.len() > most as usize {
        return Err(Refusal::BadValue(format!("`{field}` has more than {most} bytes")));
    }
    Ok(())
}

/// The source that is kept: letters after the prefix; none is "unknown".
fn source(text: &str, limits: &SnsLimits) -> Result<String, Refusal> {
    if text.is_empty() {
        return Ok(UNKNOWN_SOURCE.into());
    }
    let keyword = text.strip_prefix(SOURCE).unwrap_or_default();
    let is_keyword = !keyword.is_empty()
        && keyword.len() <= limits.add_source_chars as usize
        && keyword.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_keyword {
        return Ok(text.into());
    }
    let most = limits.add_source_chars;
    Err(Refusal::BadValue(format!("`AddSource`: `{text}` is not {SOURCE} and up to {most} letters")))
}

/// The app's own friend field of a tag.
fn field<'a>(settings: &'a AppSettings, tag: &str) -> Option<&'a UserField> {
    let keyword = tag.strip_prefix(CUSTOM)?;
    settings.friend_fields.iter().find(|field| field.keyword == keyword)
}

/// Whether the caller reads the app's own friend field of a tag; false for fields that are not declared.
#[must_use]
pub fn reads_custom(settings: &AppSettings, tag: &str, by_app_admin: bool) -> bool {
    field(settings, tag).is_some_and(|field| field.readable(by_app_admin))
}

/// The value of an app's own friend field, as it is kept. Numbers of integer fields are understood as text, too.
///
/// # Errors
/// [`Refusal::BadValue`] when the field is not declared, not open to the writer, or holds something else.
pub fn custom_value(
    settings: &AppSettings,
    tag: &str,
    value: ProfileValue,
    by_app_admin: bool,
) -> Result<ProfileValue, Refusal> {
    let bad = |text: String| Refusal::BadValue(text);
    let field = field(settings, tag).ok_or_else(|| bad(format!("`{tag}` is no field of friends that can be set")))?;
    if !field.writable(by_app_admin) {
        return Err(bad(format!("`{tag}` may not be written")));
    }
    match (field.kind, value) {
        (FieldKind::Bytes, ProfileValue::Text(text)) => {
            fits(tag, &text, settings.limits().sns.custom_value_bytes)?;
            Ok(ProfileValue::Text(text))
        }
        (FieldKind::Integer, ProfileValue::Number(number)) => Ok(ProfileValue::Number(number)),
        (FieldKind::Integer, ProfileValue::Text(text)) => {
            text.parse().map(ProfileValue::Number).map_err(|_| bad(format!("the value of `{tag}` is no number")))
        }
        (FieldKind::Bytes, ProfileValue::Number(_)) => Err(bad(format!("the value of `{tag}` is no text"))),
    }
}

/// How friend requests to the account are met.
#[must_use]
pub fn allow_type(account: &Account, settings: &AppSettings) -> AllowType {
    match account.text(profile::ALLOW_TYPE) {
        "" => settings.sns.default_allow_type,
        name => profile::allow_type(name).unwrap_or(settings.sns.default_allow_type),
    }
}

/// Whom the account will no longer hear of: friendship ends on both sides.
///
/// # Errors
/// [`Refusal::BadValue`] for oneself, [`Refusal::AlreadyBlocked`], [`Refusal::BlockListFull`].
pub fn block(
    user: &UserId,
    pair: &mut Pair,
    blocked: &mut u64,
    limits: &SnsLimits,
    now: Timestamp,
) -> Result<Change, Refusal> {
    let peer = &pair.peer.clone();
    if user == peer {
        return Err(Refusal::BadValue("`To_Account`: nobody blocks themselves".into()));
    }
    if pair.own.blocked {
        return Err(Refusal::AlreadyBlocked);
    }
    let cap = u64::from(limits.max_blocked);
    if *blocked >= cap {
        return Err(Refusal::BlockListFull);
    }
    let change = pair
        .expected(user)
        .expect(Expect::BlockedBelow { user: user.clone(), cap })
        .write(Write::Block { user: user.clone(), peer: peer.clone(), at: now })
        .event(tell(user, RelationNews::Blocked(vec![peer.clone()])));
    *blocked += 1;
    pair.own.blocked = true;
    Ok(friend::end(change, user, pair, true))
}

/// Lifts a block. What was ended by it stays ended.
///
/// # Errors
/// [`Refusal::NotBlocked`].
pub fn unblock(user: &UserId, pair: &mut Pair) -> Result<Change, Refusal> {
    if !pair.own.blocked {
        return Err(Refusal::NotBlocked(pair.peer.clone()));
    }
    let change = pair.expected(user);
    pair.own.blocked = false;
    let peer = &pair.peer;
    Ok(change
        .write(Write::Unblock { user: user.clone(), peer: peer.clone() })
        .event(tell(user, RelationNews::Unblocked(vec![peer.clone()]))))
}

/// Follows somebody. Who is followed already stays so.
///
/// # Errors
/// [`Refusal::BadValue`] for oneself.
pub fn follow(
    user: &UserId,
    peer: &UserId,
    follows: bool,
    is_followed: bool,
    now: Timestamp,
) -> Result<Change, Refusal> {
    if user == peer {
        return Err(Refusal::BadValue("`To_Account`: nobody follows themselves".into()));
    }
    if follows {
        return Ok(Change::none());
    }
    let change = Change::none().write(Write::Follow { user: user.clone(), peer: peer.clone(), at: now });
    Ok(told_of_following(change, user, peer, is_followed, true))
}

/// Follows somebody no longer.
#[must_use]
pub fn unfollow(user: &UserId, peer: &UserId, follows: bool, is_followed: bool) -> Change {
    if !follows {
        return Change::none();
    }
    let change = Change::none().write(Write::Unfollow { user: user.clone(), peer: peer.clone() });
    told_of_following(change, user, peer, is_followed, false)
}

fn told_of_following(change: Change, user: &UserId, peer: &UserId, is_mutual: bool, added: bool) -> Change {
    let change = change
        .event(tell(user, RelationNews::Following(peer.clone(), added)))
        .event(tell(peer, RelationNews::Follower(user.clone(), added)));
    if !is_mutual {
        return change;
    }
    change
        .event(tell(user, RelationNews::MutualFollower(peer.clone(), added)))
        .event(tell(peer, RelationNews::MutualFollower(user.clone(), added)))
}
