-- Topics, attributes, counters, permission groups.

CREATE TABLE topics (
    pk         INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of creation
    app        INTEGER NOT NULL,
    grp        INTEGER NOT NULL,
    id         TEXT NOT NULL,
    read_floor INTEGER NOT NULL DEFAULT 0, -- as in groups
    data       TEXT NOT NULL,              -- JSON of Topic
    UNIQUE (app, id)
) STRICT;
CREATE INDEX topics_by_group ON topics (grp);

-- What members read and chose in topics; absent until they do.
CREATE TABLE topic_members (
    grp         INTEGER NOT NULL,
    user        TEXT NOT NULL,
    topic       INTEGER NOT NULL,
    read_seq    INTEGER,                   -- absent: never read here
    floor_seen  INTEGER NOT NULL DEFAULT 0, -- as in members
    cleared_seq INTEGER NOT NULL DEFAULT 0,
    flag        TEXT,                      -- JSON of MsgFlag
    PRIMARY KEY (grp, user, topic)
) STRICT, WITHOUT ROWID;

-- Numbers of the newest writes to what apps keep in a group.
CREATE TABLE group_data (
    grp           INTEGER PRIMARY KEY,
    attribute_seq INTEGER NOT NULL DEFAULT 0,
    counter_seq   INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE group_attributes (
    grp   INTEGER NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (grp, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE group_counters (
    grp   INTEGER NOT NULL,
    key   TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (grp, key)
) STRICT, WITHOUT ROWID;

-- Masks are unsigned 64-bit numbers kept as signed ones.
CREATE TABLE permission_groups (
    grp           INTEGER NOT NULL,
    id            TEXT NOT NULL,
    name          TEXT NOT NULL,
    permission    INTEGER NOT NULL,
    custom_string TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    member_num    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (grp, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE topic_permissions (
    grp        INTEGER NOT NULL,
    id         TEXT NOT NULL,              -- permission group
    topic      TEXT NOT NULL,
    permission INTEGER NOT NULL,
    PRIMARY KEY (grp, id, topic)
) STRICT, WITHOUT ROWID;

CREATE TABLE permission_members (
    grp  INTEGER NOT NULL,
    id   TEXT NOT NULL,                    -- permission group
    user TEXT NOT NULL,
    PRIMARY KEY (grp, id, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX permission_members_by_user ON permission_members (grp, user);
