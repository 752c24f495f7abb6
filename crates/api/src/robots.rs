//! The robots of an app: accounts that cannot log in and whose words the app's backend says.

use std::collections::HashMap;

use parking_lot::RwLock;
use tsudoi_domain::UserId;

/// Which robots there are, in memory: every message to a robot asks.
#[derive(Debug, Default)]
pub struct Robots {
    known: RwLock<Known>,
    /// Held while one comes or goes: there is a limit to their number.
    pub changing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    /// In the order of creation.
    order: Vec<UserId>,
    on: HashMap<UserId, bool>,
}

impl Robots {
    /// Takes over what was kept.
    pub fn load(&self, kept: Vec<(UserId, bool)>) {
        let mut known = self.known.write();
        known.order = kept.iter().map(|(user, _)| user.clone()).collect();
        known.on = kept.into_iter().collect();
    }

    /// Switches a robot on or off.
    pub fn set(&self, user: &UserId, on: bool) {
        let mut known = self.known.write();
        if known.on.insert(user.clone(), on).is_none() {
            known.order.push(user.clone());
        }
    }

    /// The robots that are switched on, in the order of creation.
    #[must_use]
    pub fn all(&self) -> Vec<UserId> {
        let known = self.known.read();
        known.order.iter().filter(|user| known.on.get(*user) == Some(&true)).cloned().collect()
    }

    /// Whether an account hears what is said to robots: those whose ids are a robot's do, until they are switched off.
    #[must_use]
    pub fn hears(&self, user: &UserId) -> bool {
        user.is_robot() && self.known.read().on.get(user) != Some(&false)
    }

    /// Whether an account is a robot that is switched on.
    #[must_use]
    pub fn is_on(&self, user: &UserId) -> bool {
        self.known.read().on.get(user) == Some(&true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robot_that_is_switched_off_is_deaf_and_not_listed() {
        let (robots, user) = (Robots::default(), UserId::trusted);
        robots.load(vec![(user("@RBT#b"), true), (user("@RBT#a"), false)]);
        robots.set(&user("@RBT#c"), true);
        assert_eq!(robots.all(), [user("@RBT#b"), user("@RBT#c")]);
        assert!(robots.hears(&user("@RBT#b")) && !robots.hears(&user("@RBT#a")));
        assert!(robots.hears(&user("@RBT#new")) && !robots.is_on(&user("@RBT#new")), "imported, never created");
        assert!(!robots.hears(&user("ana")));
        robots.set(&user("@RBT#a"), true);
        assert_eq!(robots.all().len(), 3);
        assert_eq!(robots.all()[1], user("@RBT#a"), "in its old place");
    }
}
