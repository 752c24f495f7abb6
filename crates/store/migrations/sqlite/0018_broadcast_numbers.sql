-- Messages to all live rooms of an app: the number of the newest one.
CREATE TABLE broadcast_numbers (
    app    INTEGER PRIMARY KEY,
    newest INTEGER NOT NULL
) STRICT;
