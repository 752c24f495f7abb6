//! What became of announcements, counted since the process started.

use std::collections::{BTreeMap, HashMap, VecDeque};

use parking_lot::Mutex;
use tsudoi_domain::Timestamp;
use tsudoi_push::Verdict;

/// Pushes whose figures are kept; those of older ones are forgotten.
const TASKS: usize = 1000;
/// Hours of ordinary messages that are kept: 30 days.
const HOURS: usize = 720;

/// Counts of one service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Handed to the post.
    pub handed_in: u64,
    /// Taken by the service.
    pub taken: u64,
    /// For devices that the service no longer knows.
    pub gone: u64,
    /// Refused by the service.
    pub refused: u64,
    /// Given up, because the service was busy or could not be reached.
    pub given_up: u64,
    /// Opened by people.
    pub clicked: u64,
}

impl Figures {
    /// Adds other figures.
    pub fn add(&mut self, other: &Figures) {
        self.handed_in += other.handed_in;
        self.taken += other.taken;
        self.gone += other.gone;
        self.refused += other.refused;
        self.given_up += other.given_up;
        self.clicked += other.clicked;
    }

    fn note(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Taken(_) => self.taken += 1,
            Verdict::Gone => self.gone += 1,
            Verdict::Refused(_) => self.refused += 1,
            Verdict::Later(..) => self.given_up += 1,
        }
    }
}

type ByPlatform = BTreeMap<u32, Figures>;

/// What an announcement was about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of<'a> {
    /// A push.
    Task(&'a str),
    /// An ordinary message, announced at that moment.
    Message(Timestamp),
}

#[derive(Default)]
struct Inner {
    tasks: HashMap<String, ByPlatform>,
    /// The order in which pushes came up.
    order: VecDeque<String>,
    hours: BTreeMap<i64, ByPlatform>,
}

/// The figures of an app.
#[derive(Default)]
pub(super) struct Counted(Mutex<Inner>);

impl Counted {
    fn change(&self, of: Of<'_>, platform: u32, change: impl FnOnce(&mut Figures)) {
        let mut inner = self.0.lock();
        let figures = match of {
            Of::Task(task) => {
                if !inner.tasks.contains_key(task) {
                    inner.order.push_back(task.to_owned());
                    if inner.order.len() > TASKS
                        && let Some(oldest) = inner.order.pop_front()
                    {
                        inner.tasks.remove(&oldest);
                    }
                }
                inner.tasks.entry(task.to_owned()).or_default()
            }
            Of::Message(time) => {
                if inner.hours.len() > HOURS {
                    inner.hours.pop_first();
                }
                inner.hours.entry(time.0.div_euclid(3600)).or_default()
            }
        };
        change(figures.entry(platform).or_default());
    }

    pub(super) fn handed_in(&self, of: Of<'_>, platform: u32) {
        self.change(of, platform, |figures| figures.handed_in += 1);
    }

    pub(super) fn ended(&self, of: Of<'_>, platform: u32, verdict: &Verdict) {
        self.change(of, platform, |figures| figures.note(verdict));
    }

    pub(super) fn of_task(&self, task: &str) -> ByPlatform {
        self.0.lock().tasks.get(task).cloned().unwrap_or_default()
    }

    pub(super) fn of_messages(&self, from: Timestamp, until: Timestamp) -> ByPlatform {
        let hours = from.0.div_euclid(3600)..=until.0.div_euclid(3600);
        let mut sum = ByPlatform::new();
        for by_platform in self.0.lock().hours.range(hours).map(|(_, by_platform)| by_platform) {
            for (platform, figures) in by_platform {
                sum.entry(*platform).or_default().add(figures);
            }
        }
        sum
    }
}
