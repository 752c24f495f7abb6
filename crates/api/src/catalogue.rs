//! Every command, one line each. The doors, the documentation and the coverage check read this list.

use std::{collections::HashMap, sync::LazyLock};

use crate::{
    command::{Command, Doors, Route, Run, run},
    commands, decode,
    error::Error,
};

/// A command with its types forgotten.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Where it is called, and where it is described.
    pub route: Route,
    /// Other services and names it answers under.
    pub aliases: &'static [(&'static str, &'static str)],
    /// Does it.
    pub run: Run,
    /// Says whether a body is a request of the command, without doing anything.
    pub check: fn(&[u8]) -> Result<(), Error>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("route", &self.route).finish_non_exhaustive()
    }
}

fn entry<C: Command>() -> Entry {
    Entry { route: C::ROUTE, aliases: &[], run: run::<C>, check: |body| decode::body::<C>(body).map(drop) }
}

/// Every service that group commands of clients arrive under: communities have one of their own.
const MILLION: &str = "million_group_open_http_svc";

static COMMANDS: LazyLock<Vec<Entry>> = LazyLock::new(commands::all);

static BY_NAME: LazyLock<HashMap<(&'static str, &'static str), &'static Entry>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for entry in COMMANDS.iter() {
        let Route { service, command, .. } = entry.route;
        let previous = names.insert((service, command), entry);
        assert!(previous.is_none(), "{service}/{command} is listed twice");
        if service == "group_open_http_svc" {
            names.entry((MILLION, command)).or_insert(entry);
        }
        for alias in entry.aliases {
            names.insert(*alias, entry);
        }
    }
    names
});

/// All commands.
#[must_use]
pub fn commands() -> &'static [Entry] {
    &COMMANDS
}

/// The command of a name, for a door.
#[must_use]
pub fn find(service: &str, command: &str, door: Doors) -> Option<&'static Entry> {
    let entry = *BY_NAME.get(&(service, command))?;
    (entry.route.doors == door || entry.route.doors == Doors::Both).then_some(entry)
}

/// Lists commands: `commands![First, Second as [("service", "alias")]]`.
macro_rules! list {
    ($($command:ty $(as [$($alias:expr),+ $(,)?])?),+ $(,)?) => {
        vec![$($crate::catalogue::listed::<$command>(&[$($($alias),+)?])),+]
    };
}
pub(crate) use list;

/// A command with its aliases.
pub(crate) fn listed<C: Command>(aliases: &'static [(&'static str, &'static str)]) -> Entry {
    Entry { aliases, ..entry::<C>() }
}
