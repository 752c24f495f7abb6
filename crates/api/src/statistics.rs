//! Counts what happens in an app, per day (docs/spec/rest-push-ops.md#4.1).
//!
//! Everything is counted in memory and stored every few seconds and when the server stops, so that counting costs no disk on the
//! way of a message. What a sudden end takes with it are the last seconds of the figures, never a message.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use parking_lot::Mutex;
use tsudoi_domain::{
    GroupId, Timestamp, UserId,
    change::{Change, Event, Write},
    conversation::ConversationKey,
    message::{Content, Draft},
    relation::RelationNews,
    statistics::{Counts, Figure, Moment},
};
use tsudoi_store::{Committed, StoreError};

use crate::app::App;

/// Most names that are remembered as counted today; beyond, the store tells who was.
const REMEMBERED: usize = 200_000;

/// What was counted since it was last stored.
#[derive(Debug, Default)]
pub struct Statistics(Mutex<Pending>);

#[derive(Debug, Default)]
struct Pending {
    day: u32,
    added: BTreeMap<Figure, u64>,
    highest: BTreeMap<Figure, u64>,
    seen: Vec<(Figure, String)>,
    /// Who was counted already today.
    known: HashSet<(Figure, String)>,
    /// Days that ended since.
    ended: Vec<Counts>,
    /// Whether today has been stored at all.
    stored: bool,
}

impl Pending {
    fn turn_to(&mut self, day: u32) {
        if self.day == day {
            return;
        }
        if self.day != 0 {
            let ended = self.take();
            self.ended.push(ended);
        }
        self.day = day;
        self.known.clear();
        self.stored = false;
    }

    fn take(&mut self) -> Counts {
        Counts {
            day: self.day,
            added: std::mem::take(&mut self.added).into_iter().collect(),
            highest: std::mem::take(&mut self.highest).into_iter().collect(),
            seen: std::mem::take(&mut self.seen),
            set: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.highest.is_empty() && self.seen.is_empty()
    }

    fn add(&mut self, figure: Figure, number: u64) {
        if number > 0 {
            *self.added.entry(figure).or_default() += number;
        }
    }

    fn see(&mut self, figure: Figure, name: &str) {
        let key = (figure, name.to_owned());
        if self.known.contains(&key) {
            return;
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(key.clone());
        self.seen.push(key);
    }
}

/// The day it is for an app.
pub(crate) fn today(app: &App, now: Timestamp) -> u32 {
    Moment::of(now, app.settings().operations.utc_offset_hours).day_number()
}

impl Statistics {
    fn with<T>(&self, app: &App, count: impl FnOnce(&mut Pending) -> T) -> T {
        self.at(app, app.now(), count)
    }

    /// Counts what happened at a moment; what comes late is counted on its own day all the same.
    fn at<T>(&self, app: &App, time: Timestamp, count: impl FnOnce(&mut Pending) -> T) -> T {
        let day = today(app, time);
        let mut pending = self.0.lock();
        if day < pending.day {
            let mut late = Pending { day, ..Pending::default() };
            let answer = count(&mut late);
            pending.ended.push(late.take());
            return answer;
        }
        pending.turn_to(day);
        count(&mut pending)
    }

    /// Something happened so often.
    pub fn add(&self, app: &App, figure: Figure, number: u64) {
        self.with(app, |pending| pending.add(figure, number));
    }

    /// Somebody logged in; so many users are online now.
    pub fn logged_in(&self, app: &App, user: &UserId, online: u64) {
        self.with(app, |pending| {
            pending.add(Figure::Logins, 1);
            pending.see(Figure::LoginUsers, user.as_str());
            pending.see(Figure::ActiveUsers, user.as_str());
            let most = pending.highest.entry(Figure::MostOnline).or_default();
            *most = online.max(*most);
        });
    }

    /// A change was committed, or something that is not stored happened.
    pub(crate) fn committed(&self, app: &App, committed: &Committed) {
        let change = &committed.change;
        if change.events.is_empty() && !change.writes.iter().any(counts) {
            return;
        }
        // Who hears it is asked before the figures are locked.
        let appends: Vec<&Draft> = change
            .writes
            .iter()
            .filter_map(|write| if let Write::Append(append) = write { Some(&*append.draft) } else { None })
            .collect();
        let mut said: Vec<(&Draft, u64)> = Vec::new();
        let mut joins = 0;
        let mut exits = 0;
        let (mut made, mut lost) = (0, 0);
        for event in &change.events {
            if let Event::Stored(at) = event {
                said.extend(appends.get(*at).map(|draft| (*draft, hearers(app, draft))));
            } else if let Event::Transient(draft) | Event::Live { draft, .. } = event {
                said.push((draft, hearers(app, draft)));
            } else if let Event::Membership { joined, left, .. } = event {
                joins += joined.len() as u64;
                exits += left.len() as u64;
            } else if let Event::Relation { news: RelationNews::FriendsAdded(users), .. } = event {
                made += users.len() as u64;
            } else if let Event::Relation { news: RelationNews::FriendsDeleted(users), .. } = event {
                lost += users.len() as u64;
            }
        }
        let time = said.first().map_or_else(|| app.now(), |(draft, _)| draft.time);
        self.at(app, time, |pending| {
            for (draft, heard) in said {
                pending.say(draft, heard);
            }
            pending.add(Figure::Joins, joins);
            pending.add(Figure::Exits, exits);
            pending.add(Figure::FriendsMade, made);
            pending.add(Figure::FriendsLost, lost);
            for write in &change.writes {
                if let Write::CreateGroup(_) = write {
                    pending.add(Figure::GroupsMade, 1);
                } else if let Write::DeleteGroup(_) = write {
                    pending.add(Figure::GroupsGone, 1);
                }
            }
        });
    }

    /// Stores what was counted.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be stored; what was counted is lost then.
    pub async fn store(&self, app: &Arc<App>) -> Result<(), StoreError> {
        let (calls, answers) = app.webhooks().take_tally();
        let pending = self.with(app, |pending| {
            pending.add(Figure::WebhookCalls, calls);
            pending.add(Figure::WebhookAnswers, answers);
            let mut all = std::mem::take(&mut pending.ended);
            if !pending.is_empty() || !pending.stored {
                pending.stored = true;
                all.push(pending.take());
            }
            all
        });
        let Some(newest) = pending.last().map(|counts| counts.day) else { return Ok(()) };
        let (accounts, made) = app.store().read().account_counts(app.id()).await?;
        let groups = app.store().read().group_count(app.id(), None).await?;
        for mut counts in pending {
            if counts.day == newest {
                counts.set = vec![(Figure::Accounts, accounts), (Figure::AccountsMade, made), (Figure::Groups, groups)];
            }
            app.store().commit(app.id(), Change::none().write(Write::Count(Box::new(counts)))).await?;
        }
        Ok(())
    }
}

fn counts(write: &Write) -> bool {
    matches!(write, Write::CreateGroup(_) | Write::DeleteGroup(_))
}

/// How many users a message reaches now.
fn hearers(app: &App, draft: &Draft) -> u64 {
    let is_here = |user: &UserId| app.hub().is_here(app.id(), user);
    match &draft.conversation {
        ConversationKey::Group(group) => app.hub().count_in(app.id(), group) as u64,
        ConversationKey::Topic(topic) => app.hub().count_in(app.id(), &GroupId::trusted(topic.group())) as u64,
        ConversationKey::Direct(one, other) => {
            let from = draft.sender.user();
            [one, other].into_iter().filter(|user| Some(*user) != from && is_here(user)).count() as u64
        }
    }
}

impl Pending {
    fn say(&mut self, draft: &Draft, heard: u64) {
        let (Content::Elements(_), Some(from)) = (&draft.content, draft.sender.user()) else { return };
        self.see(Figure::ActiveUsers, from.as_str());
        self.see(Figure::Senders, from.as_str());
        let group = match &draft.conversation {
            ConversationKey::Group(group) => Some(group.as_str()),
            ConversationKey::Topic(topic) => Some(topic.group()),
            ConversationKey::Direct(..) => None,
        };
        match group {
            Some(group) => {
                self.add(Figure::GroupUp, 1);
                self.add(Figure::GroupDown, heard);
                self.see(Figure::GroupSenders, from.as_str());
                self.see(Figure::SpokenGroups, group);
            }
            None => {
                self.add(Figure::DirectUp, 1);
                self.add(Figure::DirectDown, heard);
                self.see(Figure::DirectSenders, from.as_str());
            }
        }
    }
}
