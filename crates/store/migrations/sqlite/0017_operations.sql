-- Word lists, figures, hours, official accounts, search.

-- Words that an app does not want to read.
CREATE TABLE words (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    app   INTEGER NOT NULL,
    list  TEXT NOT NULL,
    text  TEXT NOT NULL,
    regex INTEGER NOT NULL,                -- 1: a regular expression
    time  INTEGER NOT NULL,
    data  TEXT NOT NULL,                   -- JSON of Word without the columns above
    UNIQUE (app, list, text, regex)
) STRICT;

-- What was counted, per day (yyyymmdd in the app's own time).
CREATE TABLE figures (
    app    INTEGER NOT NULL,
    day    INTEGER NOT NULL,
    figure INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (app, day, figure)
) STRICT, WITHOUT ROWID;

-- Who was counted already on the day that is not over yet, for figures that count everybody once.
CREATE TABLE figure_keys (
    app    INTEGER NOT NULL,
    day    INTEGER NOT NULL,
    figure INTEGER NOT NULL,
    key    TEXT NOT NULL,
    PRIMARY KEY (app, day, figure, key)
) STRICT, WITHOUT ROWID;

-- How many accounts an app has, and how many it ever had.
CREATE TABLE account_counts (
    app   INTEGER PRIMARY KEY,
    total INTEGER NOT NULL,
    made  INTEGER NOT NULL
) STRICT;
INSERT INTO account_counts SELECT app, count(*), count(*) FROM accounts GROUP BY app;
CREATE TRIGGER accounts_made AFTER INSERT ON accounts BEGIN
    INSERT INTO account_counts VALUES (new.app, 1, 1)
    ON CONFLICT (app) DO UPDATE SET total = total + 1, made = made + 1;
END;
CREATE TRIGGER accounts_gone AFTER DELETE ON accounts BEGIN
    UPDATE account_counts SET total = total - 1 WHERE app = old.app;
END;

-- The first message of every hour in which anything was said, so that an hour's messages are found by their ids.
CREATE TABLE hours (
    hour  INTEGER PRIMARY KEY,             -- Unix seconds / 3600
    first INTEGER NOT NULL
) STRICT;

-- Accounts that others subscribe to.
CREATE TABLE official_accounts (
    pk             INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of creation
    app            INTEGER NOT NULL,
    id             TEXT NOT NULL,
    owner          TEXT NOT NULL,
    subscriber_num INTEGER NOT NULL DEFAULT 0,
    last_msg_time  INTEGER NOT NULL DEFAULT 0,
    data           TEXT NOT NULL,          -- JSON of OfficialAccount without the columns above
    UNIQUE (app, id)
) STRICT;

CREATE TABLE subscribers (
    pk      INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of subscribing
    account INTEGER NOT NULL,
    app     INTEGER NOT NULL,
    user    TEXT NOT NULL,
    time    INTEGER NOT NULL,
    custom  TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX subscribers_by_user ON subscribers (account, user);
CREATE INDEX subscribers_by_account ON subscribers (account);
CREATE INDEX subscriptions ON subscribers (app, user);

-- What official accounts said to all of their subscribers.
CREATE TABLE broadcasts (
    pk       INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of sending
    account  INTEGER NOT NULL,
    key      TEXT NOT NULL,                -- the wire key that the message has at every subscriber
    draft    TEXT NOT NULL,                -- JSON of Draft
    recalled TEXT                          -- JSON of Recall
) STRICT;
CREATE UNIQUE INDEX broadcasts_by_key ON broadcasts (account, key);
CREATE INDEX broadcasts_by_account ON broadcasts (account);

-- What people are found by. Three characters and more are found by the index, shorter words by looking at every row.
CREATE VIRTUAL TABLE search_accounts USING fts5(nick, tokenize = 'trigram');
CREATE VIRTUAL TABLE search_groups USING fts5(name, tokenize = 'trigram');
CREATE VIRTUAL TABLE search_members USING fts5(card, tokenize = 'trigram');
INSERT INTO search_accounts (rowid, nick)
    SELECT tiny, profile ->> '$.Tag_Profile_IM_Nick' FROM accounts WHERE profile ->> '$.Tag_Profile_IM_Nick' <> '';
INSERT INTO search_groups (rowid, name) SELECT pk, data ->> '$.name' FROM groups WHERE data ->> '$.name' <> '';
INSERT INTO search_members (rowid, card) SELECT pk, data ->> '$.name_card' FROM members WHERE data ->> '$.name_card' <> '';

CREATE TRIGGER accounts_named AFTER INSERT ON accounts WHEN new.profile ->> '$.Tag_Profile_IM_Nick' <> '' BEGIN
    INSERT INTO search_accounts (rowid, nick) VALUES (new.tiny, new.profile ->> '$.Tag_Profile_IM_Nick');
END;
CREATE TRIGGER accounts_renamed AFTER UPDATE OF profile ON accounts
WHEN new.profile ->> '$.Tag_Profile_IM_Nick' IS NOT old.profile ->> '$.Tag_Profile_IM_Nick' BEGIN
    DELETE FROM search_accounts WHERE rowid = old.tiny;
    INSERT INTO search_accounts (rowid, nick) SELECT new.tiny, new.profile ->> '$.Tag_Profile_IM_Nick' WHERE new.profile ->> '$.Tag_Profile_IM_Nick' <> '';
END;
CREATE TRIGGER accounts_unnamed AFTER DELETE ON accounts WHEN old.profile ->> '$.Tag_Profile_IM_Nick' <> '' BEGIN
    DELETE FROM search_accounts WHERE rowid = old.tiny;
END;
CREATE TRIGGER groups_named AFTER INSERT ON groups WHEN new.data ->> '$.name' <> '' BEGIN
    INSERT INTO search_groups (rowid, name) VALUES (new.pk, new.data ->> '$.name');
END;
CREATE TRIGGER groups_renamed AFTER UPDATE OF data ON groups WHEN new.data ->> '$.name' IS NOT old.data ->> '$.name' BEGIN
    DELETE FROM search_groups WHERE rowid = old.pk;
    INSERT INTO search_groups (rowid, name) SELECT new.pk, new.data ->> '$.name' WHERE new.data ->> '$.name' <> '';
END;
CREATE TRIGGER groups_unnamed AFTER DELETE ON groups WHEN old.data ->> '$.name' <> '' BEGIN
    DELETE FROM search_groups WHERE rowid = old.pk;
END;
CREATE TRIGGER members_named AFTER INSERT ON members WHEN new.data ->> '$.name_card' <> '' BEGIN
    INSERT INTO search_members (rowid, card) VALUES (new.pk, new.data ->> '$.name_card');
END;
CREATE TRIGGER members_renamed AFTER UPDATE OF data ON members
WHEN new.data ->> '$.name_card' IS NOT old.data ->> '$.name_card' BEGIN
    DELETE FROM search_members WHERE rowid = old.pk;
    INSERT INTO search_members (rowid, card) SELECT new.pk, new.data ->> '$.name_card' WHERE new.data ->> '$.name_card' <> '';
END;
CREATE TRIGGER members_unnamed AFTER DELETE ON members WHEN old.data ->> '$.name_card' <> '' BEGIN
    DELETE FROM search_members WHERE rowid = old.pk;
END;

-- Which messages were overwritten, in the order in which they were: the index of messages, a file of its own, follows.
ALTER TABLE messages ADD COLUMN edited INTEGER;
CREATE INDEX messages_edited ON messages (edited) WHERE edited IS NOT NULL;
CREATE TRIGGER messages_overwritten AFTER UPDATE OF elements ON messages WHEN new.elements IS NOT old.elements BEGIN
    UPDATE messages SET edited = (SELECT coalesce(max(edited), 0) + 1 FROM messages WHERE edited IS NOT NULL)
    WHERE id = new.id;
END;
