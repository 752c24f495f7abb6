-- What members add to messages that were sent. `conv` and `seq` name the message, as in `messages`.

-- Messages of groups and topics that one reader deleted from their own view; between two people a bit of the message says so.
CREATE TABLE hidden (
    conv INTEGER NOT NULL,
    user TEXT NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (conv, user, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX hidden_by_seq ON hidden (conv, seq);

-- Who said to have read a message that keeps receipts.
CREATE TABLE receipts (
    conv INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    user TEXT NOT NULL,
    PRIMARY KEY (conv, seq, user)
) STRICT, WITHOUT ROWID;

-- Key-values of a message. A deleted pair stays, without value, so that whoever kept it learns of it.
CREATE TABLE extensions (
    conv    INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (conv, seq, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE extension_marks (
    conv    INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    latest  INTEGER NOT NULL,              -- the highest version of any pair, also of those cleared
    cleared INTEGER NOT NULL,              -- the version of the last clearing; 0 when there was none
    PRIMARY KEY (conv, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE reactions (
    id       INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of reacting
    conv     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    reaction TEXT NOT NULL,
    user     TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX reactions_by_user ON reactions (conv, seq, reaction, user);
CREATE INDEX reactions_by_order ON reactions (conv, seq, reaction);

-- How many users react to a message in one way.
CREATE TABLE reaction_counts (
    conv     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    reaction TEXT NOT NULL,
    number   INTEGER NOT NULL,
    first    INTEGER NOT NULL,             -- the order in which the ways came up
    PRIMARY KEY (conv, seq, reaction)
) STRICT, WITHOUT ROWID;

-- Messages that a group or topic holds up.
CREATE TABLE pins (
    conv INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    user TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (conv, seq)
) STRICT, WITHOUT ROWID;
