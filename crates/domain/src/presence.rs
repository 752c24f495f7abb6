//! Who counts as online, and which devices of one account may be so together (docs/spec/limits-and-editions.md#9,
//! docs/spec/rest-users.md#2).

use crate::{
    settings::{LoginPolicy, LoginSettings, PresenceSettings},
    time::Timestamp,
};

/// What a device runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// Android.
    Android,
    /// iPhone.
    IPhone,
    /// iPad.
    IPad,
    /// Windows.
    Windows,
    /// Mac.
    Mac,
    /// Browsers and the hosts of mini programs.
    Web,
}

/// Devices that replace each other under some policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Mobile,
    Desktop,
    Web,
}

impl Platform {
    /// The platform of a number in a connection's address (docs/spec/websocket-protocol.md#1).
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Windows,
            2 => Self::Android,
            3 => Self::IPhone,
            4 => Self::Mac,
            5 | 13 => Self::IPad,
            _ => Self::Web,
        }
    }

    /// The name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Android => "Android",
            Self::IPhone => "iPhone",
            Self::IPad => "iPad",
            Self::Windows => "Windows",
            Self::Mac => "Mac",
            Self::Web => "Web",
        }
    }

    /// Whether offline push reaches the device when it is away.
    #[must_use]
    pub fn is_mobile(self) -> bool {
        self.class() == Class::Mobile
    }

    fn class(self) -> Class {
        match self {
            Self::Android | Self::IPhone | Self::IPad => Class::Mobile,
            Self::Windows | Self::Mac => Class::Desktop,
            Self::Web => Class::Web,
        }
    }
}

/// Which devices have to go when another one logs in: their places in `others`, which stand in the order of their logins.
#[must_use]
pub fn ousted(settings: &LoginSettings, newcomer: Platform, others: &[Platform]) -> Vec<usize> {
    let replaces = |other: Platform| match settings.policy {
        LoginPolicy::Single => true,
        LoginPolicy::Dual => (newcomer.class() == Class::Web) == (other.class() == Class::Web),
        LoginPolicy::Triple => newcomer.class() == other.class(),
        LoginPolicy::Multi => newcomer == other,
    };
    let instances = match (settings.policy, newcomer) {
        (LoginPolicy::Single, _) => 1,
        (_, Platform::Web) => settings.web_instances,
        (_, _) => settings.native_instances,
    };
    let stays = usize::try_from(instances.max(1)).unwrap_or(usize::MAX);
    let same = others.iter().filter(|other| **other == newcomer).count();
    // The oldest of the newcomer's own platform go; of those it replaces altogether, all.
    let mut surplus = (same + 1).saturating_sub(stays);
    let mut gone = Vec::new();
    for (place, other) in others.iter().enumerate() {
        if *other == newcomer && surplus > 0 {
            surplus -= 1;
            gone.push(place);
        } else if *other != newcomer && replaces(*other) {
            gone.push(place);
        }
    }
    gone
}

/// Whether a device that is away without having logged out still counts as reachable by push.
#[must_use]
pub fn reachable_by_push(settings: &PresenceSettings, platform: Platform, since: Timestamp, now: Timestamp) -> bool {
    platform.is_mobile() && now.since(since) < i64::from(settings.push_online_days) * 86_400
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use Platform::{Android, IPad, IPhone, Mac, Web, Windows};

    #[rstest]
    #[case(LoginPolicy::Single, 1, 1, Web, &[Android], &[0])]
    #[case(LoginPolicy::Single, 9, 3, Web, &[Web, Mac], &[0, 1])]
    #[case(LoginPolicy::Dual, 1, 1, Web, &[Android, Web], &[1])]
    #[case(LoginPolicy::Dual, 1, 1, Android, &[Web, Mac], &[1])]
    #[case(LoginPolicy::Dual, 1, 1, IPhone, &[IPad], &[0])]
    #[case(LoginPolicy::Dual, 2, 1, Web, &[Web], &[])]
    #[case(LoginPolicy::Dual, 2, 1, Web, &[Web, Android, Web], &[0])]
    #[case(LoginPolicy::Dual, 1, 2, Android, &[Android, Mac], &[1])]
    #[case(LoginPolicy::Triple, 1, 1, Windows, &[Android, Web, Mac], &[2])]
    #[case(LoginPolicy::Triple, 1, 1, IPad, &[Android, Web, Mac], &[0])]
    #[case(LoginPolicy::Multi, 1, 1, IPad, &[Android, Web, Mac, IPhone], &[])]
    #[case(LoginPolicy::Multi, 1, 1, IPad, &[IPad, Web], &[0])]
    #[case(LoginPolicy::Multi, 1, 3, IPad, &[IPad, IPad, IPad], &[0])]
    fn policies(
        #[case] policy: LoginPolicy,
        #[case] web_instances: u32,
        #[case] native_instances: u32,
        #[case] newcomer: Platform,
        #[case] others: &[Platform],
        #[case] gone: &[usize],
    ) {
        let settings = LoginSettings { policy, web_instances, native_instances, ..LoginSettings::default() };
        assert_eq!(ousted(&settings, newcomer, others), gone);
    }

    #[rstest]
    #[case(Android, 0, true)]
    #[case(IPad, 7 * 86_400 - 1, true)]
    #[case(IPhone, 7 * 86_400, false)]
    #[case(Web, 0, false)]
    #[case(Mac, 0, false)]
    fn push_reaches_mobile_devices_for_a_week(#[case] platform: Platform, #[case] secs: i64, #[case] reached: bool) {
        let since = Timestamp(1_764_580_000);
        let now = Timestamp(since.0 + secs);
        assert_eq!(reachable_by_push(&PresenceSettings::default(), platform, since, now), reached);
    }
}
