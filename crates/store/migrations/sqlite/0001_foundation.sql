-- Apps, accounts, groups, members, messages, one-to-one views, user logs.
-- `app` is the SDKAppID everywhere. Times are Unix seconds unless a name says otherwise.

CREATE TABLE apps (
    app        INTEGER PRIMARY KEY,
    keys       TEXT NOT NULL,              -- JSON list: current key, previous key
    settings   TEXT NOT NULL               -- JSON of AppSettings
) STRICT;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE accounts (
    tiny       INTEGER PRIMARY KEY AUTOINCREMENT,
    app        INTEGER NOT NULL,
    user       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    valid_from INTEGER NOT NULL DEFAULT 0,
    logged_in  INTEGER NOT NULL DEFAULT 0,
    profile    TEXT NOT NULL DEFAULT '{}',
    UNIQUE (app, user)
) STRICT;

CREATE TABLE groups (
    pk         INTEGER PRIMARY KEY AUTOINCREMENT,
    app        INTEGER NOT NULL,
    id         TEXT NOT NULL,
    type       TEXT NOT NULL,
    member_num INTEGER NOT NULL DEFAULT 0,
    revision   INTEGER NOT NULL DEFAULT 1,
    data       TEXT NOT NULL,              -- JSON of Group
    UNIQUE (app, id)
) STRICT;
CREATE INDEX groups_by_type ON groups (app, type, pk);

CREATE TABLE members (
    pk            INTEGER PRIMARY KEY AUTOINCREMENT,
    grp           INTEGER NOT NULL,
    app           INTEGER NOT NULL,
    user          TEXT NOT NULL,
    role          INTEGER NOT NULL,        -- 400 owner, 300 admin, 200 member
    read_seq      INTEGER NOT NULL DEFAULT 0,
    last_spoke_at INTEGER NOT NULL DEFAULT 0,
    data          TEXT NOT NULL            -- JSON of Member without the columns above
) STRICT;
CREATE UNIQUE INDEX members_by_user ON members (grp, user);
CREATE INDEX members_by_rank ON members (grp, role DESC, pk);
CREATE INDEX members_joined ON members (app, user, grp);

CREATE TABLE mutes (
    grp   INTEGER NOT NULL,
    topic TEXT NOT NULL DEFAULT '',
    user  TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (grp, topic, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE bans (
    grp   INTEGER NOT NULL,
    user  TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (grp, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE applications (
    grp       INTEGER NOT NULL,
    applicant TEXT NOT NULL,
    key       INTEGER NOT NULL,            -- Unix milliseconds
    data      TEXT NOT NULL,               -- JSON of Application
    PRIMARY KEY (grp, applicant)
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
    pk         INTEGER PRIMARY KEY AUTOINCREMENT,
    app        INTEGER NOT NULL,
    kind       INTEGER NOT NULL,           -- 1 group, 2 topic, 3 two people
    key        TEXT NOT NULL,              -- group id, topic id, or the two user ids joined by LF
    last_seq   INTEGER NOT NULL DEFAULT 0,
    last_time  INTEGER NOT NULL DEFAULT 0,
    shown_seq  INTEGER NOT NULL DEFAULT 0,
    shown_time INTEGER NOT NULL DEFAULT 0,
    UNIQUE (app, kind, key)
) STRICT;

CREATE TABLE messages (
    id         INTEGER PRIMARY KEY,        -- arrival order
    conv       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    time       INTEGER NOT NULL,
    sender     TEXT NOT NULL,              -- empty: the server itself
    random     INTEGER NOT NULL,
    client_seq INTEGER NOT NULL,
    direct     INTEGER NOT NULL,           -- 1: between two people
    counted    INTEGER NOT NULL DEFAULT 0, -- one-to-one: the receiver's unread counter with this message
    version    INTEGER NOT NULL DEFAULT 0,
    recall     TEXT,                       -- JSON of Recall
    data       TEXT NOT NULL               -- JSON of Draft
) STRICT;
CREATE UNIQUE INDEX messages_by_seq ON messages (conv, seq);
CREATE INDEX messages_by_time ON messages (conv, time, client_seq, id) WHERE direct = 1;
CREATE INDEX messages_recalled ON messages (conv, seq) WHERE recall IS NOT NULL;

CREATE TABLE direct_views (
    app          INTEGER NOT NULL,
    user         TEXT NOT NULL,
    peer         TEXT NOT NULL,
    shown_seq    INTEGER NOT NULL DEFAULT 0,
    updated_at   INTEGER NOT NULL DEFAULT 0,
    read_until   INTEGER NOT NULL DEFAULT 0,
    counted      INTEGER NOT NULL DEFAULT 0,
    counted_read INTEGER NOT NULL DEFAULT 0,
    cleared_seq  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (app, user, peer)
) STRICT, WITHOUT ROWID;
CREATE INDEX direct_views_by_time ON direct_views (app, user, updated_at);
CREATE INDEX direct_views_unread ON direct_views (app, user) WHERE counted > counted_read;

CREATE TABLE user_log (
    app    INTEGER NOT NULL,
    user   TEXT NOT NULL,
    pos    INTEGER NOT NULL,               -- contiguous from 1 per user
    time   INTEGER NOT NULL,
    conv   INTEGER NOT NULL DEFAULT 0,     -- an inbound one-to-one message ...
    seq    INTEGER NOT NULL DEFAULT 0,
    notice TEXT,                           -- ... or a notice, JSON
    PRIMARY KEY (app, user, pos)
) STRICT, WITHOUT ROWID;
