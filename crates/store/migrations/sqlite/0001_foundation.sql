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
    revision   INTEGER NOT NULL,
    read_floor INTEGER NOT NULL DEFAULT 0, -- up to this number the group counts as read for members whose row does not know it yet
    data       TEXT NOT NULL,              -- JSON of Group
    UNIQUE (app, id)
) STRICT;
CREATE INDEX groups_by_app ON groups (app);
CREATE INDEX groups_by_type ON groups (app, type);

-- How many groups of a type an app has.
CREATE TABLE group_counts (
    app    INTEGER NOT NULL,
    type   TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (app, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    pk            INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of joining
    grp           INTEGER NOT NULL,
    app           INTEGER NOT NULL,
    user          TEXT NOT NULL,
    rank          INTEGER NOT NULL,        -- 0 owner, 1 admin, 2 member
    read_seq      INTEGER NOT NULL DEFAULT 0,
    floor_seen    INTEGER NOT NULL DEFAULT 0, -- the group's read_floor when read_seq was written
    cleared_seq   INTEGER NOT NULL DEFAULT 0,
    last_spoke_at INTEGER NOT NULL DEFAULT 0,
    data          TEXT NOT NULL            -- JSON of Member without the columns above
) STRICT;
CREATE UNIQUE INDEX members_by_user ON members (grp, user);
CREATE INDEX members_by_rank ON members (grp, rank);
CREATE INDEX members_joined ON members (app, user);

CREATE TABLE mutes (
    grp   INTEGER NOT NULL,
    topic TEXT NOT NULL DEFAULT '',
    user  TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (grp, topic, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX mutes_by_end ON mutes (until);

CREATE TABLE bans (
    grp   INTEGER NOT NULL,
    user  TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (grp, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX bans_by_end ON bans (until);

CREATE TABLE applications (
    grp       INTEGER NOT NULL,
    applicant TEXT NOT NULL,
    key       INTEGER NOT NULL,            -- Unix milliseconds
    data      TEXT NOT NULL,               -- JSON of Application
    PRIMARY KEY (grp, applicant)
) STRICT, WITHOUT ROWID;
CREATE INDEX applications_by_key ON applications (grp, key);

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
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of arrival, which those that go leave as it was
    conv        INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    time        INTEGER NOT NULL,
    sender      TEXT NOT NULL,             -- empty: the server itself
    random      INTEGER NOT NULL,
    client_seq  INTEGER NOT NULL,
    client_time INTEGER NOT NULL,
    priority    INTEGER NOT NULL,          -- 1 high to 4 lowest
    direct      INTEGER,                   -- between two people only: bits 1, 2 hidden from the first, second; 4, 8 unread for them
    place       INTEGER NOT NULL DEFAULT 0, -- between two people: orders the messages of one second; see messages.rs
    counted     INTEGER NOT NULL DEFAULT 0, -- between two people: the receiver's unread counter with this message
    version     INTEGER NOT NULL DEFAULT 0,
    recall      TEXT,                      -- JSON of Recall
    elements    TEXT,                      -- JSON list of elements as sent ...
    tip         TEXT,                      -- ... or JSON of Tip
    cloud       TEXT,                      -- the sender's data beside the content
    options     TEXT                       -- JSON of MessageOptions, absent when all are at their default
) STRICT;
CREATE UNIQUE INDEX messages_by_seq ON messages (conv, seq);
-- Holds all that a page of one-to-one history or a count of unread messages has to look at before it is known.
CREATE INDEX messages_by_time ON messages (conv, time, place, client_seq, seq, direct) WHERE direct IS NOT NULL;
CREATE INDEX messages_recalled ON messages (conv, seq) WHERE recall IS NOT NULL;

CREATE TABLE direct_views (
    app          INTEGER NOT NULL,
    user         TEXT NOT NULL,
    peer         TEXT NOT NULL,
    shown_seq    INTEGER NOT NULL DEFAULT 0,
    updated_at   INTEGER NOT NULL DEFAULT 0,
    read_until   INTEGER NOT NULL DEFAULT 0,
    read_seq     INTEGER NOT NULL DEFAULT 0, -- the newest message when read_until was set
    late         INTEGER NOT NULL DEFAULT 0, -- unread messages that arrived since, dated read_until or before
    counted      INTEGER NOT NULL DEFAULT 0,
    counted_read INTEGER NOT NULL DEFAULT 0,
    cleared_seq  INTEGER NOT NULL DEFAULT 0,
    cleared_time INTEGER NOT NULL DEFAULT 0, -- the newest message when cleared_seq was set
    PRIMARY KEY (app, user, peer)
) STRICT, WITHOUT ROWID;
CREATE INDEX direct_views_by_time ON direct_views (app, user, updated_at);
CREATE INDEX direct_views_unread ON direct_views (app, user, updated_at) WHERE counted > counted_read;

CREATE TABLE user_log (
    app    INTEGER NOT NULL,
    user   TEXT NOT NULL,
    pos    INTEGER NOT NULL,               -- contiguous from 1 per user
    time   INTEGER NOT NULL,
    conv   INTEGER NOT NULL DEFAULT 0,     -- an inbound one-to-one message ...
    seq    INTEGER NOT NULL DEFAULT 0,
    notice TEXT,                           -- ... or a notice, JSON
    notice_id INTEGER,                     -- an unsigned 64-bit number kept as a signed one
    PRIMARY KEY (app, user, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_log_notices ON user_log (app, user, notice_id) WHERE notice_id IS NOT NULL;

-- What is known about a user's log without reading it; outlives its entries and the account, so that places are not reused.
CREATE TABLE inboxes (
    app     INTEGER NOT NULL,
    user    TEXT NOT NULL,
    log_end INTEGER NOT NULL DEFAULT 0,    -- place of the newest entry ever
    unread  INTEGER NOT NULL DEFAULT 0,    -- unread one-to-one messages in all conversations
    PRIMARY KEY (app, user)
) STRICT, WITHOUT ROWID;

-- Rows of these belong to nobody any more and are deleted bit by bit.
CREATE TABLE dead_groups (
    pk INTEGER PRIMARY KEY
) STRICT;
CREATE TABLE dead_conversations (
    pk INTEGER PRIMARY KEY
) STRICT;
