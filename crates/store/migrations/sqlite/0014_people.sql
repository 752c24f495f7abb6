-- What accounts are to each other, and what the app decided about single ones.

ALTER TABLE accounts ADD COLUMN direct_muted INTEGER NOT NULL DEFAULT 0; -- until when; 4294967295: for good
ALTER TABLE accounts ADD COLUMN groups_muted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN status TEXT NOT NULL DEFAULT '';         -- what the user says of themselves

-- Numbers about an account's relations. The two sequences outlive the account, so that no cache takes old lists for new ones.
CREATE TABLE people (
    app        INTEGER NOT NULL,
    user       TEXT NOT NULL,
    seq        INTEGER NOT NULL DEFAULT 0, -- grows with every change of friends, friend groups, requests, block list
    custom_seq INTEGER NOT NULL DEFAULT 0, -- grows with every change of a custom field of a friend
    friends    INTEGER NOT NULL DEFAULT 0,
    blocked    INTEGER NOT NULL DEFAULT 0,
    following  INTEGER NOT NULL DEFAULT 0,
    followers  INTEGER NOT NULL DEFAULT 0,
    mutual     INTEGER NOT NULL DEFAULT 0, -- whom the account follows and who follow it
    PRIMARY KEY (app, user)
) STRICT, WITHOUT ROWID;

-- Friendship is two entries, one in each list; either may be missing.
CREATE TABLE friends (
    id       INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of addition
    app      INTEGER NOT NULL,
    user     TEXT NOT NULL,
    peer     TEXT NOT NULL,
    revision INTEGER NOT NULL,                  -- the owner's seq at the last write
    data     TEXT NOT NULL                      -- JSON of Friend without the friend groups
) STRICT;
CREATE UNIQUE INDEX friends_by_peer ON friends (app, user, peer);
CREATE INDEX friends_by_owner ON friends (app, user);
CREATE INDEX friends_of ON friends (app, peer);

CREATE TABLE friend_groups (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,     -- the order of creation
    app  INTEGER NOT NULL,
    user TEXT NOT NULL,
    name TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX friend_groups_by_name ON friend_groups (app, user, name);
CREATE INDEX friend_groups_by_owner ON friend_groups (app, user);

CREATE TABLE friend_group_members (
    grp  INTEGER NOT NULL,
    peer TEXT NOT NULL,
    PRIMARY KEY (grp, peer)
) STRICT, WITHOUT ROWID;

-- A request lies on both sides, and each side deletes its own.
CREATE TABLE friend_requests (
    app  INTEGER NOT NULL,
    user TEXT NOT NULL,
    sent INTEGER NOT NULL,                      -- 1: the user asked, 0: the user is asked
    peer TEXT NOT NULL,
    time INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    data TEXT NOT NULL,                         -- JSON of FriendRequest
    PRIMARY KEY (app, user, sent, peer)
) STRICT, WITHOUT ROWID;
CREATE INDEX friend_requests_of ON friend_requests (app, peer);

CREATE TABLE blocks (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,     -- the order of blocking
    app  INTEGER NOT NULL,
    user TEXT NOT NULL,
    peer TEXT NOT NULL,
    time INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX blocks_by_peer ON blocks (app, user, peer);
CREATE INDEX blocks_by_owner ON blocks (app, user);
CREATE INDEX blocks_of ON blocks (app, peer);

CREATE TABLE follows (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,   -- the order of following
    app    INTEGER NOT NULL,
    user   TEXT NOT NULL,
    peer   TEXT NOT NULL,
    time   INTEGER NOT NULL,
    mutual INTEGER NOT NULL                     -- 1: the peer follows the user, too
) STRICT;
CREATE UNIQUE INDEX follows_by_peer ON follows (app, user, peer);
CREATE INDEX follows_by_owner ON follows (app, user);
CREATE INDEX follows_of ON follows (app, peer);
CREATE INDEX follows_mutual ON follows (app, user) WHERE mutual = 1;

-- Who wants to hear of whose presence.
CREATE TABLE status_watches (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,     -- the order of subscribing
    app  INTEGER NOT NULL,
    user TEXT NOT NULL,
    peer TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX status_watches_by_peer ON status_watches (app, user, peer);
CREATE INDEX status_watches_by_owner ON status_watches (app, user);
CREATE INDEX status_watches_of ON status_watches (app, peer);

-- Devices that logged in with a ticket and did not log out.
CREATE TABLE devices (
    id       INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of the logins
    app      INTEGER NOT NULL,
    user     TEXT NOT NULL,
    instance TEXT NOT NULL,
    platform INTEGER NOT NULL,
    time     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX devices_by_instance ON devices (app, user, instance);
CREATE INDEX devices_by_owner ON devices (app, user);

-- When accounts were deleted: their ids may have to rest for a while.
CREATE TABLE deleted_accounts (
    app  INTEGER NOT NULL,
    user TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (app, user)
) STRICT, WITHOUT ROWID;
