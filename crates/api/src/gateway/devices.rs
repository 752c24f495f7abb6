//! The devices of each user, also those that are away just now: who comes back must not push out who came later.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use parking_lot::Mutex;
use tsudoi_domain::UserId;

/// Users whose devices are remembered, and for how long after the last login.
const USERS: u64 = 200_000;
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);
/// Most devices of a user that are remembered.
const DEVICES: usize = 32;

#[derive(Debug, Clone)]
struct Device {
    instance: Arc<str>,
    platform: u32,
    replaced: bool,
}

/// Which devices logged in, in the order of their logins.
pub struct Devices {
    by_user: Cache<UserId, Arc<Mutex<Vec<Device>>>>,
}

impl Default for Devices {
    fn default() -> Self {
        Self { by_user: Cache::builder().max_capacity(USERS).time_to_idle(REMEMBERED).build() }
    }
}

impl Devices {
    /// A device logged in with a ticket: it is the newest, and of its platform only the newest `allowed` stay.
    pub fn logged_in(&self, user: &UserId, instance: &Arc<str>, platform: u32, allowed: usize) {
        let devices = self.by_user.get_with_by_ref(user, Arc::default);
        let mut devices = devices.lock();
        devices.retain(|device| device.instance != *instance);
        devices.push(Device { instance: instance.clone(), platform, replaced: false });
        let of_platform = devices.iter_mut().rev().filter(|device| device.platform == platform);
        for device in of_platform.skip(allowed.max(1)) {
            device.replaced = true;
        }
        if devices.len() > DEVICES {
            devices.remove(0);
        }
    }

    /// Whether a newer device took this one's place while it was away.
    #[must_use]
    pub fn was_replaced(&self, user: &UserId, instance: &str) -> bool {
        self.by_user
            .get(user)
            .is_some_and(|devices| devices.lock().iter().any(|device| &*device.instance == instance && device.replaced))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_a_platform_stay() {
        let devices = Devices::default();
        let ana = UserId::parse("ana").expect("an id");
        for (instance, platform) in [("a", 7), ("b", 7), ("phone", 2)] {
            devices.logged_in(&ana, &instance.into(), platform, 1);
        }
        let replaced = |instance| devices.was_replaced(&ana, instance);
        assert_eq!((replaced("a"), replaced("b"), replaced("phone"), replaced("never")), (true, false, false, false));
        devices.logged_in(&ana, &"a".into(), 7, 2);
        assert_eq!((replaced("a"), replaced("b")), (false, false));
        devices.logged_in(&ana, &"c".into(), 7, 2);
        assert_eq!((replaced("a"), replaced("b"), replaced("c")), (false, true, false));
    }
}
