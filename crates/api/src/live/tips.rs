//! Who came and went, told to the room: at most so many times a second, several people at once when they are many.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tsudoi_domain::{
    GroupId, GroupPolicy, UserId,
    change::{Change, Event},
    group::policy::MemberChangeNotice,
    message::Tip,
};
use tsudoi_store::StoreError;

use crate::app::App;

/// Most people one tip names; of others the room does not hear by name.
const NAMED: usize = 100;

/// Those of whom the room has yet to hear.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    came: Vec<UserId>,
    went: Vec<UserId>,
    told_at: Option<Instant>,
    is_scheduled: bool,
}

/// When those who wait are told of.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Now,
    After(Duration),
    /// Somebody else sees to it.
    Scheduled,
}

impl Waiting {
    fn add(&mut self, user: &UserId, came: bool, now: Instant, pause: Duration) -> Turn {
        let (list, other) = if came { (&mut self.came, &mut self.went) } else { (&mut self.went, &mut self.came) };
        other.retain(|one| one != user);
        if list.len() < NAMED && !list.contains(user) {
            list.push(user.clone());
        }
        if self.is_scheduled {
            return Turn::Scheduled;
        }
        let rest = self.told_at.map_or(Duration::ZERO, |told_at| (told_at + pause).saturating_duration_since(now));
        self.is_scheduled = true;
        if rest.is_zero() { Turn::Now } else { Turn::After(rest) }
    }

    /// Who came and who went.
    fn take(&mut self, now: Instant) -> (Vec<UserId>, Vec<UserId>) {
        self.told_at = Some(now);
        self.is_scheduled = false;
        (std::mem::take(&mut self.came), std::mem::take(&mut self.went))
    }
}

/// Tells a room that somebody came or went, as far as its type tells such things.
///
/// # Errors
/// As [`App::commit`].
pub(crate) async fn tell(
    app: &Arc<App>,
    policy: &GroupPolicy,
    group: &GroupId,
    user: &UserId,
    came: bool,
) -> Result<(), StoreError> {
    if policy.member_change_notice == MemberChangeNotice::None {
        return Ok(());
    }
    let pause = match app.settings().live.member_tips_per_second {
        0 => Duration::ZERO,
        rate => Duration::from_secs(1) / rate,
    };
    match app.live.room(group).tips(|waiting| waiting.add(user, came, Instant::now(), pause)) {
        Turn::Now => tell_waiting(app, group).await,
        Turn::Scheduled => Ok(()),
        Turn::After(rest) => {
            let (app, group) = (app.clone(), group.clone());
            tokio::spawn(async move {
                tokio::time::sleep(rest).await;
                if let Err(error) = tell_waiting(&app, &group).await {
                    tracing::error!(%error, %group, "a live room could not be told who came and went");
                }
            });
            Ok(())
        }
    }
}

async fn tell_waiting(app: &App, group: &GroupId) -> Result<(), StoreError> {
    let Some(room) = app.live.find(group) else { return Ok(()) };
    let (came, went) = room.tips(|waiting| waiting.take(Instant::now()));
    let member_num = room.count() as u64;
    let mut change = Change::none();
    let mut tip = |tip| {
        change.events.push(Event::Tip { group: group.clone(), tip });
    };
    if let Some(first) = came.first() {
        tip(Tip::Joined { by: first.clone(), users: came, invited: false, member_num });
    }
    match went.as_slice() {
        [] => {}
        [user] => tip(Tip::Quit { user: user.clone(), member_num }),
        _ => tip(Tip::QuitTogether { users: went, member_num }),
    }
    app.commit(change).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_told_of_together() {
        let user = UserId::trusted;
        let (mut waiting, now, pause) = (Waiting::default(), Instant::now(), Duration::from_millis(200));
        assert_eq!(waiting.add(&user("ana"), true, now, pause), Turn::Now);
        assert_eq!(waiting.take(now), (vec![user("ana")], vec![]));
        let soon = now + Duration::from_millis(50);
        assert_eq!(waiting.add(&user("bob"), true, soon, pause), Turn::After(Duration::from_millis(150)));
        assert_eq!(waiting.add(&user("cid"), true, soon, pause), Turn::Scheduled);
        assert_eq!(waiting.add(&user("bob"), false, soon, pause), Turn::Scheduled);
        assert_eq!(waiting.take(soon), (vec![user("cid")], vec![user("bob")]), "who is gone again did not come");
        for n in 0..3 * NAMED {
            waiting.add(&user(&n.to_string()), true, soon, pause);
        }
        assert_eq!(waiting.take(soon).0.len(), NAMED);
    }
}
