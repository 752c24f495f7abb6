//! The devices of each user, also those that are away just now: who comes back must not push out who came later.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use parking_lot::Mutex;
use tsudoi_domain::{
    UserId,
    presence::{self, Platform},
    settings::LoginSettings,
};

use super::kick::KickType;

/// Users whose devices are remembered, and for how long after the last login; the store remembers them longer.
const USERS: u64 = 200_000;
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);
/// Most devices of a user that are remembered.
const DEVICES: usize = 32;

#[derive(Debug, Clone)]
struct Device {
    instance: Arc<str>,
    platform: Platform,
    /// How a newer device took its place.
    replaced: Option<KickType>,
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
    /// Whether the user's devices are remembered.
    #[must_use]
    pub fn knows(&self, user: &UserId) -> bool {
        self.by_user.contains_key(user)
    }

    /// Takes what the store remembers of a user's devices, the oldest first, unless something is remembered here.
    pub fn remember(&self, settings: &LoginSettings, user: &UserId, stored: &[tsudoi_store::Device]) {
        let mut devices = Vec::new();
        for one in stored {
            log_in(settings, &mut devices, &one.instance.as_str().into(), Platform::from_number(one.platform));
        }
        self.by_user.get_with_by_ref(user, || Arc::new(Mutex::new(devices)));
    }

    /// A device logged in with a ticket: it is the newest, and those that may not be online beside it are replaced.
    pub fn logged_in(&self, settings: &LoginSettings, user: &UserId, instance: &Arc<str>, platform: Platform) {
        let devices = self.by_user.get_with_by_ref(user, Arc::default);
        log_in(settings, &mut devices.lock(), instance, platform);
    }

    /// How a newer device took this one's place while it was away, if one did.
    #[must_use]
    pub fn was_replaced(&self, user: &UserId, instance: &str) -> Option<KickType> {
        let devices = self.by_user.get(user)?;
        let devices = devices.lock();
        devices.iter().find(|device| &*device.instance == instance)?.replaced
    }

    /// All devices of the user were thrown out.
    pub fn forget(&self, user: &UserId) {
        self.by_user.invalidate(user);
    }
}

fn log_in(settings: &LoginSettings, devices: &mut Vec<Device>, instance: &Arc<str>, platform: Platform) {
    devices.retain(|device| device.instance != *instance);
    let present: Vec<usize> = (0..devices.len()).filter(|place| devices[*place].replaced.is_none()).collect();
    let platforms: Vec<Platform> = present.iter().map(|place| devices[*place].platform).collect();
    for gone in presence::ousted(settings, platform, &platforms) {
        let gone = &mut devices[present[gone]];
        gone.replaced = Some(KickType::by(platform, gone.platform));
    }
    devices.push(Device { instance: instance.clone(), platform, replaced: None });
    if devices.len() > DEVICES {
        devices.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use tsudoi_domain::settings::LoginPolicy;

    use super::*;

    #[test]
    fn the_newest_of_a_platform_stay() {
        let settings = |web_instances| LoginSettings { web_instances, ..LoginSettings::default() };
        let devices = Devices::default();
        let ana = UserId::parse("ana").expect("an id");
        for (instance, platform) in [("a", 7), ("b", 7), ("phone", 2)] {
            devices.logged_in(&settings(1), &ana, &instance.into(), Platform::from_number(platform));
        }
        let replaced = |instance| devices.was_replaced(&ana, instance).is_some();
        assert_eq!((replaced("a"), replaced("b"), replaced("phone"), replaced("never")), (true, false, false, false));
        devices.logged_in(&settings(2), &ana, &"a".into(), Platform::Web);
        assert_eq!((replaced("a"), replaced("b")), (false, false));
        devices.logged_in(&settings(2), &ana, &"c".into(), Platform::Web);
        assert_eq!((replaced("a"), replaced("b"), replaced("c")), (false, true, false));
    }

    #[test]
    fn what_was_stored_is_told_apart_the_same_way() {
        let stored = [("a", 7), ("phone", 2), ("b", 7)].map(|(instance, platform)| tsudoi_store::Device {
            instance: instance.into(),
            platform,
            since: tsudoi_domain::Timestamp(0),
        });
        let (devices, ana) = (Devices::default(), UserId::parse("ana").expect("an id"));
        assert!(!devices.knows(&ana));
        devices.remember(&LoginSettings::default(), &ana, &stored);
        let replaced = |instance| devices.was_replaced(&ana, instance).is_some();
        assert_eq!((replaced("a"), replaced("phone"), replaced("b")), (true, false, false));
        devices.forget(&ana);
        assert!(!devices.knows(&ana) && devices.was_replaced(&ana, "a").is_none());
    }

    #[test]
    fn how_a_device_was_replaced_depends_on_what_took_its_place() {
        let settings = LoginSettings { policy: LoginPolicy::Single, ..LoginSettings::default() };
        let (devices, ana) = (Devices::default(), UserId::parse("ana").expect("an id"));
        for (instance, platform) in [("tab", Platform::Web), ("other tab", Platform::Web), ("phone", Platform::Android)]
        {
            devices.logged_in(&settings, &ana, &instance.into(), platform);
        }
        assert_eq!(devices.was_replaced(&ana, "tab"), Some(KickType::MultipleAccount));
        assert_eq!(devices.was_replaced(&ana, "other tab"), Some(KickType::MultipleDevice));
    }
}
