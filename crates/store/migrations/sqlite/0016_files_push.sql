-- Uploaded files that may not be served. The files themselves lie elsewhere.

CREATE TABLE banned_files (
    app INTEGER NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (app, key)
) STRICT, WITHOUT ROWID;

-- Pushes in the order they were made. Nothing is written per receiver.
CREATE TABLE pushes (
    pos      INTEGER PRIMARY KEY AUTOINCREMENT,
    app      INTEGER NOT NULL,
    task     TEXT NOT NULL,
    kind     INTEGER NOT NULL,             -- 1 to many, 2 to named accounts, 3 takes another one back
    random   INTEGER NOT NULL,
    made_at  INTEGER NOT NULL,             -- Unix milliseconds
    kept     INTEGER NOT NULL,             -- 1: for those who come later
    finished INTEGER NOT NULL,
    data     TEXT NOT NULL,                -- JSON of Push
    progress TEXT NOT NULL                 -- JSON of Progress
) STRICT;
CREATE INDEX pushes_by_task ON pushes (app, task);
CREATE INDEX pushes_by_dice ON pushes (app, random);
CREATE INDEX pushes_by_time ON pushes (app, kind, made_at);
CREATE INDEX pushes_lately ON pushes (app, made_at) WHERE kind IN (1, 2);
CREATE INDEX pushes_kept ON pushes (app, pos) WHERE kept = 1;
CREATE INDEX pushes_unfinished ON pushes (app, pos) WHERE finished = 0;

CREATE TABLE push_schedule (
    app  INTEGER NOT NULL,
    task TEXT NOT NULL,
    due  INTEGER NOT NULL,
    data TEXT NOT NULL,                    -- JSON of Push
    PRIMARY KEY (app, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX push_schedule_by_time ON push_schedule (app, due);

-- Up to which push each user was served.
CREATE TABLE push_positions (
    app  INTEGER NOT NULL,
    user TEXT NOT NULL,
    pos  INTEGER NOT NULL,
    PRIMARY KEY (app, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE push_attribute_names (
    app    INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name   TEXT NOT NULL,
    PRIMARY KEY (app, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE push_attributes (
    app    INTEGER NOT NULL,
    user   TEXT NOT NULL,
    number INTEGER NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (app, user, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE push_tags (
    app  INTEGER NOT NULL,
    user TEXT NOT NULL,
    tag  TEXT NOT NULL,
    PRIMARY KEY (app, user, tag)
) STRICT, WITHOUT ROWID;

-- Devices that can be told of what happens while they are away.
CREATE TABLE push_devices (
    app      INTEGER NOT NULL,
    user     TEXT NOT NULL,
    device   TEXT NOT NULL,
    channel  INTEGER NOT NULL,
    token    TEXT NOT NULL,
    enabled  INTEGER NOT NULL,
    heard_at INTEGER NOT NULL,
    PRIMARY KEY (app, user, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX push_devices_by_token ON push_devices (app, channel, token);
CREATE INDEX push_devices_by_name ON push_devices (app, device, heard_at);
