//! The list of recent conversations that backends read.

use std::{cmp::Reverse, sync::Arc};

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Timestamp, UserId,
    conversation::{ConversationKey, care::Contact},
};

use super::{
    list::{Kind, Line, lines, tie},
    mark::marks_text,
    owner,
};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    error::Error,
    push,
};

/// Conversations of a page.
const PAGE: usize = 100;

/// `AssistFlags`: the caller tells pinned conversations from others.
const KNOWS_PINNED: u32 = 1;
/// `AssistFlags`: conversations without messages are wanted, too.
const WITH_EMPTY: u32 = 2;
/// `AssistFlags`: pinned conversations come in pages of their own, before the others.
const PAGES_PINNED: u32 = 4;
/// `AssistFlags`: marks and groups are wanted.
const WITH_MARKS: u32 = 8 | 16 | 32;

/// The recent conversations of a user, the newest first, in pages; pinned ones through paging values of their own, before the others.
/// REST and gateway.
/// Units: seconds. Limits: `limits.conversation.max_kept` newest conversations beside the pinned ones.
/// Errors: `ConversationBadParameter`, `ConversationAccountNotFound`.
/// Spec: docs/spec/rest-c2c.md#3.1
#[derive(Debug, Deserialize)]
pub struct RecentConversations {
    #[serde(rename = "From_Account")]
    user: Option<UserId>,
    #[serde(rename = "TimeStamp")]
    time: i64,
    #[serde(rename = "StartIndex")]
    index: usize,
    #[serde(rename = "TopTimeStamp")]
    top_time: i64,
    #[serde(rename = "TopStartIndex")]
    top_index: usize,
    #[serde(rename = "AssistFlags")]
    flags: u32,
}

/// A page of conversations. The paging values are those of the next call; 0 after the last page.
#[derive(Debug, Serialize)]
pub struct Recent {
    #[serde(rename = "SessionItem")]
    items: Vec<Item>,
    #[serde(rename = "CompleteFlag")]
    complete: u32,
    #[serde(rename = "TimeStamp")]
    time: i64,
    #[serde(rename = "StartIndex")]
    index: usize,
    #[serde(rename = "TopTimeStamp")]
    top_time: i64,
    #[serde(rename = "TopStartIndex")]
    top_index: usize,
}

#[derive(Debug, Clone, Serialize)]
struct Item {
    #[serde(rename = "Type")]
    kind: u32,
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    #[serde(rename = "GroupId", skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(rename = "MsgTime")]
    time: Timestamp,
    #[serde(rename = "TopFlag")]
    pinned: u32,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    marks: Option<Marks>,
}

impl Item {
    fn name(&self) -> &str {
        self.peer.as_deref().or(self.group.as_deref()).unwrap_or_default()
    }
}

#[derive(Debug, Clone, Serialize)]
struct Marks {
    #[serde(rename = "StandardMark")]
    standard: String,
    #[serde(rename = "CustomMark")]
    custom: String,
    #[serde(rename = "ContactGroupId")]
    folders: Vec<u32>,
}

impl Command for RecentConversations {
    const ROUTE: Route = Route::both("recentcontact", "get_list", "docs/spec/rest-c2c.md#3.1");
    type Reply = Recent;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Recent, Error> {
        let user = owner(app, caller, self.user.as_ref()).await?;
        push::settle(app, &user).await?;
        let kept = app.settings().limits().conversation.max_kept as usize;
        let has = |flag: u32| self.flags & flag != 0;
        let items = lines(app, &user, Timestamp(0), kept).await?.into_iter();
        let items = items.filter_map(|line| item(caller, &user, &line.item, self.flags)).collect();
        let items = newest_first(app, items).await?;
        let own_pages = has(KNOWS_PINNED) && has(PAGES_PINNED);
        let (mut pinned, mut others) = (Vec::new(), Vec::new());
        for one in items {
            let list = if one.pinned == 1 && own_pages { &mut pinned } else { &mut others };
            list.push(one);
        }
        let is_pinned = |item: &Item| item.pinned == 1;
        let mut room = kept;
        others.retain(|item| {
            let stays = is_pinned(item) || room > 0;
            room = room.saturating_sub(usize::from(!is_pinned(item)));
            stays
        });
        if !has(KNOWS_PINNED) {
            others.iter_mut().for_each(|item| item.pinned = 0);
        }
        let mut top = Paged::from(&pinned, self.top_time, self.top_index);
        let mut page = top.take(PAGE);
        let mut ordinary = Paged::from(&others, self.time, self.index);
        page.extend(ordinary.take(PAGE - page.len()));
        let complete = top.is_done() && ordinary.is_done();
        let ((time, index), (top_time, top_index)) =
            if complete { ((0, 0), (0, 0)) } else { (ordinary.cursor(), top.cursor()) };
        Ok(Recent { items: page, complete: complete.into(), time, index, top_time, top_index })
    }
}

/// What tells the place of a conversation from that of another of the same second: the message it shows.
struct Said {
    conversation: ConversationKey,
    seq: u64,
}

/// The newest conversations first; those of one second by the arrival of what they show.
async fn newest_first(app: &App, mut items: Vec<(Said, Item)>) -> Result<Vec<Item>, Error> {
    items.sort_by_key(|(_, item)| Reverse(item.time));
    let mut ordered = Vec::with_capacity(items.len());
    for second in items.chunk_by(|one, next| one.1.time == next.1.time) {
        let mut arrived = Vec::with_capacity(second.len());
        for (said, item) in second {
            // Who is alone in a second needs no further order.
            let arrival = if second.len() == 1 || said.seq == 0 {
                0
            } else {
                app.store().read().arrival(app.id(), &said.conversation, said.seq).await?
            };
            let tie = tie(if item.peer.is_some() { 1 } else { 2 }, item.name());
            arrived.push(((arrival, tie), item.clone()));
        }
        arrived.sort_by_key(|(place, _)| Reverse(*place));
        ordered.extend(arrived.into_iter().map(|(_, item)| item));
    }
    Ok(ordered)
}

/// The item of a conversation with what it shows; nothing when nobody spoke yet and such are not wanted.
fn item(caller: &Caller, user: &UserId, line: &Line, flags: u32) -> Option<(Said, Item)> {
    let care = &line.care;
    let (contact, conversation, time, seq) = match &line.kind {
        Kind::Direct(view) => {
            let conversation = ConversationKey::direct(user, &view.peer);
            (Contact::User(view.peer.clone()), conversation, view.updated_at, view.shown_seq)
        }
        Kind::Group(joined) => {
            let position = joined.position;
            let time = if position.shown_seq == 0 { joined.member.joined_at } else { position.shown_time };
            let group = joined.group.id.clone();
            (Contact::Group(group.clone()), ConversationKey::Group(group), time, position.shown_seq)
        }
    };
    let is_empty = seq == 0;
    if is_empty && flags & WITH_EMPTY == 0 {
        return None;
    }
    let time = if time.0 == 0 { care.changed_at } else { time };
    let marks = (flags & WITH_MARKS != 0).then(|| Marks {
        standard: marks_text(caller, care.marks),
        custom: care.custom.clone(),
        folders: care.groups.iter().copied().collect(),
    });
    let (kind, peer, group) = match &contact {
        Contact::User(peer) => (1, Some(peer.to_string()), None),
        Contact::Group(group) => (2, None, Some(group.to_string())),
    };
    let item = Item { kind, peer, group, time, pinned: care.pinned_at.is_some().into(), marks };
    Some((Said { conversation, seq }, item))
}

/// A list that is read in pages, the newest first. A cursor is a second and how many of that second were given.
struct Paged<'a> {
    items: &'a [Item],
    next: usize,
}

impl<'a> Paged<'a> {
    fn from(items: &'a [Item], time: i64, given: usize) -> Self {
        if time == 0 {
            return Self { items, next: given.min(items.len()) };
        }
        let newer = items.iter().take_while(|item| item.time.0 > time).count();
        let same = items[newer..].iter().take_while(|item| item.time.0 == time).count();
        Self { items, next: newer + given.min(same) }
    }

    fn take(&mut self, most: usize) -> Vec<Item> {
        let end = (self.next + most).min(self.items.len());
        let page = self.items[self.next..end].to_vec();
        self.next = end;
        page
    }

    fn is_done(&self) -> bool {
        self.next == self.items.len()
    }

    fn cursor(&self) -> (i64, usize) {
        let Some(last) = self.next.checked_sub(1).and_then(|at| self.items.get(at)) else { return (0, 0) };
        (last.time.0, self.items[..self.next].iter().rev().take_while(|item| item.time == last.time).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(times: &[i64]) -> Vec<Item> {
        let item = |(n, time): (usize, &i64)| Item {
            kind: 1,
            peer: Some(n.to_string()),
            group: None,
            time: Timestamp(*time),
            pinned: 0,
            marks: None,
        };
        times.iter().enumerate().map(item).collect()
    }

    #[test]
    fn pages_hold_everything_once_also_within_a_second() {
        let all = items(&[9, 7, 7, 7, 7, 3, 1]);
        for size in 1..8 {
            let (mut seen, mut cursor) = (Vec::new(), (0, 0));
            loop {
                let mut paged = Paged::from(&all, cursor.0, cursor.1);
                seen.extend(paged.take(size).into_iter().filter_map(|item| item.peer));
                if paged.is_done() {
                    break;
                }
                cursor = paged.cursor();
            }
            assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6"], "pages of {size}");
        }
        assert!(Paged::from(&[], 0, 0).is_done());
    }
}
