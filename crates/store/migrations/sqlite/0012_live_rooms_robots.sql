-- Live rooms: who is in them, written behind what happens there, and what was decided about people in them.

CREATE TABLE live_members (
    grp        INTEGER NOT NULL,
    user       TEXT NOT NULL,
    entered_at INTEGER NOT NULL,
    place      INTEGER NOT NULL,           -- the order of entering
    PRIMARY KEY (grp, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE live_admins (
    grp  INTEGER NOT NULL,
    user TEXT NOT NULL,
    PRIMARY KEY (grp, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE live_marks (
    grp   INTEGER NOT NULL,
    user  TEXT NOT NULL,
    mark  INTEGER NOT NULL,
    until INTEGER NOT NULL,                -- MuteUntil
    PRIMARY KEY (grp, user, mark)
) STRICT, WITHOUT ROWID;

-- No message of the room has a higher number: after a restart numbers go on from here.
CREATE TABLE live_numbers (
    grp      INTEGER PRIMARY KEY,
    reserved INTEGER NOT NULL
) STRICT;

-- Robots, by the order of creation.
CREATE TABLE robots (
    pk   INTEGER PRIMARY KEY AUTOINCREMENT,
    app  INTEGER NOT NULL,
    user TEXT NOT NULL,
    is_on INTEGER NOT NULL,                -- 0: switched off, its account stays
    UNIQUE (app, user)
) STRICT;
