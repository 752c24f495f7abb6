//! `tsudoi commands`: the catalogue as a page.

use std::{collections::BTreeMap, fmt::Write as _, io::Write};

use tsudoi_api::{
    catalogue,
    command::{Doors, Route},
};

use super::{Failure, print};

pub(super) fn run(out: &mut dyn Write) -> Result<(), Failure> {
    print(out, &page())
}

/// docs/commands.md.
fn page() -> String {
    let mut services: BTreeMap<&str, BTreeMap<&str, Route>> = BTreeMap::new();
    for entry in catalogue::commands() {
        services.entry(entry.route.service).or_default().insert(entry.route.command, entry.route);
    }
    let mut text = String::from(
        "# Commands\n\n\
         Every command that the server answers. REST commands are called at `/v4/<service>/<command>`; clients send the same\n\
         commands over WebSocket. This page is made from the catalogue: `make golden` renews it.\n",
    );
    for (service, commands) in services {
        let _ = write!(
            text,
            "\n## {service}\n\n| command | REST | WebSocket | described in |\n| --- | --- | --- | --- |\n"
        );
        for (command, route) in commands {
            let (rest, socket) = match route.doors {
                Doors::Rest => ("yes", ""),
                Doors::Socket => ("", "yes"),
                Doors::Both => ("yes", "yes"),
            };
            let _ = writeln!(text, "| `{command}` | {rest} | {socket} | {} |", route.spec);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_up_to_date() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/commands.md");
        if std::env::var_os("GOLDEN_ACCEPT").is_some() {
            std::fs::write(file, page()).unwrap();
        } else {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            assert!(text == page(), "docs/commands.md is out of date; `make golden` renews it");
        }
    }
}
