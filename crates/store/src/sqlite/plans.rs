//! Watches every statement that tests run: none may scan a table or sort what an index could have given in order.

use std::{collections::BTreeMap, sync::LazyLock};

use parking_lot::Mutex;
use rusqlite::{
    Connection,
    trace::{TraceEvent, TraceEventCodes},
};

use super::MIGRATIONS;

/// The statements seen so far, each with its plan once it was looked at.
static SEEN: LazyLock<Mutex<BTreeMap<String, Option<String>>>> = LazyLock::new(Mutex::default);

/// Statements that may scan or sort, by how they begin, each with the reason.
const ALLOWED: &[(&str, &str)] = &[
    ("SELECT app, keys, settings FROM apps", "read once, at the start"),
    ("SELECT pk FROM dead_conversations ORDER BY pk LIMIT 1", "the first row is taken"),
    ("SELECT pk FROM dead_groups ORDER BY pk LIMIT 1", "the first row is taken"),
    ("SELECT user, is_on FROM robots", "read once, at the start"),
    ("SELECT g.id, n.reserved FROM live_numbers n", "read once, at the start"),
    ("SELECT g.id, m.user, m.entered_at, m.place FROM live_members m", "read once, at the start"),
    ("SELECT g.id, a.user FROM live_admins a", "read once, at the start"),
    ("SELECT g.id, k.user, k.mark, k.until FROM live_marks k", "read once, at the start"),
    ("SELECT id FROM webhook_calls ORDER BY id DESC LIMIT 1", "the last row is taken"),
    ("DELETE FROM push_devices WHERE app = ?1 AND user = ?2 AND device NOT IN", "the devices of one user are few"),
    (
        "SELECT device, channel, token, enabled FROM push_devices WHERE app = ?1 AND user",
        "the devices of one user are few",
    ),
    ("INSERT INTO account_counts SELECT", "run once, when the table is made"),
    ("INSERT INTO search_accounts (rowid, nick) SELECT", "run once, when the table is made"),
    ("INSERT INTO search_groups (rowid, name) SELECT", "run once, when the table is made"),
    ("INSERT INTO search_members (rowid, card) SELECT", "run once, when the table is made"),
    ("SELECT a.tiny FROM search_accounts s", "words of one or two letters are looked for in every name"),
    ("SELECT g.pk FROM search_groups s", "words of one or two letters are looked for in every name"),
    ("SELECT m.pk, m.grp FROM search_members s", "words of one or two letters are looked for in every name card"),
    ("SELECT id, list, text, regex, time, data FROM words", "read whole, to be looked through in memory"),
    (
        "SELECT count(*) FROM groups WHERE app = ?1 AND type IN (SELECT",
        "apps that open the search by name accept its price",
    ),
    ("SELECT id FROM groups WHERE app = ?1 AND type IN (SELECT", "apps that open the search by name accept its price"),
    ("SELECT a.data FROM members m", "a user's groups are few, and their applications come from all of them"),
];

/// Watches a connection.
pub(super) fn watch(connection: &Connection) {
    connection.trace_v2(
        TraceEventCodes::SQLITE_TRACE_STMT,
        Some(|event| {
            if let TraceEvent::Stmt(_, sql) = event {
                SEEN.lock().entry(sql.to_owned()).or_insert(None);
            }
        }),
    );
}

/// Fails when a statement that ran so far has a bad plan.
pub(crate) fn check() {
    let mut seen = SEEN.lock();
    if seen.values().all(Option::is_some) {
        return;
    }
    let mut connection = Connection::open_in_memory().unwrap();
    rusqlite_migration::Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).unwrap();
    for (sql, plan) in seen.iter_mut().filter(|(_, plan)| plan.is_none()) {
        *plan = Some(explain(&connection, sql));
    }
    let bad: Vec<String> = seen
        .iter()
        .filter(|(sql, plan)| {
            let plan = plan.as_deref().unwrap_or_default();
            let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
            (plan.contains("SCAN") || plan.contains("TEMP B-TREE") || plan.contains("AUTOMATIC"))
                && !ALLOWED.iter().any(|(start, _)| words.starts_with(start))
        })
        .map(|(sql, plan)| format!("{sql}\n{}", plan.as_deref().unwrap_or_default()))
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n\n"));
}

/// The plan of a statement, a line per step; empty for what has none.
fn explain(connection: &Connection, sql: &str) -> String {
    let is_query = ["SELECT", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| sql.trim_start().starts_with(verb));
    // What the search asks itself: its own database, and the tables of its indexes.
    let is_of_search = ["said.", "'said'.", "'search_"].iter().any(|name| sql.contains(name));
    if !is_query || is_of_search {
        return String::new();
    }
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get::<_, String>(3).unwrap());
    }
    // Rows that another step found by an index.
    steps.retain(|step| step != "SCAN CONSTANT ROW" && !step.starts_with("SCAN (subquery"));
    steps.join("\n")
}
