//! Friend requests that wait: answered, seen, deleted.

use super::{Friend, Pair, Refusal, RelationNews, check_group_name, fits, friend, friend::Owner, tell};
use crate::{
    UserId,
    change::{Change, Expect, Write},
    time::Timestamp,
};

/// What somebody answers to a friend request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Both lists get an entry.
    AgreeAndAdd,
    /// Only the asker's list gets an entry.
    Agree,
    /// Neither does.
    Reject,
}

/// Answers the request that `pair.peer` made. `remark` and `group` are for the answering side's own entry.
///
/// # Errors
/// [`Refusal::NoSuchRequest`], and as in [`friend::add`].
pub fn answer(
    owner: &mut Owner<'_>,
    pair: &mut Pair,
    their_groups: usize,
    answer: Answer,
    remark: &str,
    group: &str,
) -> Result<Change, Refusal> {
    let limits = owner.settings.limits().sns;
    let (user, peer) = (owner.account.user.clone(), pair.peer.clone());
    let Some(request) = pair.received.clone() else { return Err(Refusal::NoSuchRequest(peer)) };
    fits("Remark", remark, limits.remark_bytes)?;
    if !group.is_empty() {
        check_group_name(group, &limits)?;
    }
    let expected =
        Change::none().expect(Expect::FriendRequestAt { user: user.clone(), peer: peer.clone(), time: request.time });
    if answer == Answer::Reject {
        pair.received = None;
        return Ok(expected
            .write(Write::DeleteFriendRequest { user: user.clone(), peer: peer.clone(), sent: false })
            .write(Write::DeleteFriendRequest { user: peer.clone(), peer: user.clone(), sent: true })
            .event(tell(&user, RelationNews::RequestsGone(vec![peer.clone()])))
            .event(tell(&peer, RelationNews::RequestsGone(vec![user]))));
    }
    if pair.own.blocked {
        return Err(Refusal::Blocking(peer));
    }
    if pair.theirs.blocked {
        return Err(Refusal::BlockedBy(peer));
    }
    let (gains, they_gain) = (answer == Answer::AgreeAndAdd && !pair.own.is_friend(), !pair.theirs.is_friend());
    if gains && owner.friends >= u64::from(limits.max_friends) {
        return Err(Refusal::FriendsFull);
    }
    if they_gain && pair.their_friends >= u64::from(limits.max_friends) {
        return Err(Refusal::PeerFriendsFull(peer));
    }
    let is_new_group = gains && !group.is_empty() && !owner.groups.iter().any(|name| name == group);
    if is_new_group && owner.groups.len() >= limits.max_lists as usize {
        return Err(Refusal::GroupsFull);
    }
    let entry = |of: &UserId, remark: &str, groups: Vec<String>| Friend {
        user: of.clone(),
        remark: remark.into(),
        remarked_at: if remark.is_empty() { Timestamp(0) } else { owner.now },
        groups,
        source: request.source.clone(),
        wording: request.wording.clone(),
        added_at: owner.now,
        custom: std::collections::BTreeMap::new(),
    };
    let own = gains.then(|| entry(&peer, remark, (!group.is_empty()).then(|| group.to_owned()).into_iter().collect()));
    // The asker wanted the friend in a group; one group too many is no reason to fail for the one who agrees.
    let asker_group =
        Some(request.group.clone()).filter(|name| !name.is_empty() && their_groups < limits.max_lists as usize);
    let theirs = they_gain.then(|| entry(&user, &request.remark, asker_group.clone().into_iter().collect()));
    let mut change = expected;
    if is_new_group {
        let cap = u64::from(limits.max_lists);
        change = change
            .expect(Expect::FriendGroupsBelow { user: user.clone(), adding: 1, cap })
            .write(Write::PutFriendGroup { user: user.clone(), name: group.to_owned() });
        owner.groups.push(group.to_owned());
    }
    if let (true, Some(name)) = (they_gain, asker_group) {
        change = change.write(Write::PutFriendGroup { user: peer.clone(), name });
    }
    owner.friends += u64::from(gains);
    let change = friend::befriend(change, owner, pair, own, theirs);
    let gone = |of: &UserId, other: &UserId| tell(of, RelationNews::RequestsGone(vec![other.clone()]));
    Ok(change.event(gone(&user, &peer)).event(gone(&peer, &user)))
}

/// Deletes requests from the own side; the other side keeps its own.
///
/// # Errors
/// [`Refusal::NothingPending`].
pub fn delete(user: &UserId, pair: &mut Pair, sent: bool, received: bool) -> Result<Change, Refusal> {
    let mut change = Change::none();
    for (is_there, sent) in [(sent && pair.sent.is_some(), true), (received && pair.received.is_some(), false)] {
        if is_there {
            change = change.write(Write::DeleteFriendRequest { user: user.clone(), peer: pair.peer.clone(), sent });
        }
    }
    if change.is_empty() {
        return Err(Refusal::NothingPending(pair.peer.clone()));
    }
    pair.sent = pair.sent.take().filter(|_| !sent);
    pair.received = pair.received.take().filter(|_| !received);
    Ok(change.event(tell(user, RelationNews::RequestsGone(vec![pair.peer.clone()]))))
}

/// The account has seen the requests made up to a moment.
#[must_use]
pub fn seen(user: &UserId, until: Timestamp) -> Change {
    Change::none()
        .write(Write::SeeFriendRequests { user: user.clone(), until })
        .event(tell(user, RelationNews::RequestsSeen(until)))
}
