-- Calls to the backends of apps.

-- Calls that have yet to be made, in commit order; written with the change they tell of, deleted once made.
CREATE TABLE webhook_calls (
    id      INTEGER PRIMARY KEY,
    app     INTEGER NOT NULL,
    command TEXT NOT NULL,
    line    TEXT NOT NULL, -- calls of a line are made one after the other
    origin  TEXT NOT NULL, -- the part of the address that says where the action came from
    body    TEXT NOT NULL
) STRICT;

-- Calls that failed for good, for a look and another try.
CREATE TABLE webhook_dead (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    app     INTEGER NOT NULL,
    command TEXT NOT NULL,
    line    TEXT NOT NULL,
    origin  TEXT NOT NULL,
    body    TEXT NOT NULL,
    time    INTEGER NOT NULL, -- when it was given up, Unix milliseconds
    reason  TEXT NOT NULL     -- JSON of what went wrong
) STRICT;
CREATE INDEX webhook_dead_by_app ON webhook_dead (app, id);
