-- What users do with the conversations of their lists, and records of merged messages.

-- One conversation of one user.
CREATE TABLE contacts (
    app        INTEGER NOT NULL,
    user       TEXT NOT NULL,
    kind       INTEGER NOT NULL,           -- 1 with somebody, 2 in a group
    id         TEXT NOT NULL,              -- of the other one, or of the group
    pinned_at  INTEGER,                    -- absent: not pinned
    grouped    INTEGER NOT NULL,           -- 1: has a mark, own data, or is in a folder
    changed_at INTEGER NOT NULL,
    data       TEXT NOT NULL,              -- JSON of Care
    PRIMARY KEY (app, user, kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX contacts_pinned ON contacts (app, user, pinned_at) WHERE pinned_at IS NOT NULL;
CREATE INDEX contacts_grouped ON contacts (app, user, kind, id) WHERE grouped = 1;
CREATE INDEX contacts_changed ON contacts (app, user, kind, changed_at);

-- What a user keeps about conversations as a whole.
CREATE TABLE books (
    app      INTEGER NOT NULL,
    user     TEXT NOT NULL,
    revision INTEGER NOT NULL,             -- grows with every write to the user's contacts and to this
    data     TEXT NOT NULL DEFAULT '{}',   -- JSON of Book
    PRIMARY KEY (app, user)
) STRICT, WITHOUT ROWID;

-- Merged messages that are too long for one message.
CREATE TABLE records (
    app  INTEGER NOT NULL,
    key  TEXT NOT NULL,
    time INTEGER NOT NULL,
    data TEXT NOT NULL,                    -- JSON list of messages
    PRIMARY KEY (app, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX records_by_time ON records (app, time);

-- When somebody read a message that keeps receipts; 0: before that was noted.
ALTER TABLE receipts ADD COLUMN time INTEGER NOT NULL DEFAULT 0;
