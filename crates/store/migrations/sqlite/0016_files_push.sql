-- Uploaded files that may not be served. The files themselves lie elsewhere.

CREATE TABLE banned_files (
    app INTEGER NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (app, key)
) STRICT, WITHOUT ROWID;
