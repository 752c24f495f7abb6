-- When members of a group last came or went: what tells idle groups, beside the time of the newest message.
ALTER TABLE groups ADD COLUMN touched_at INTEGER NOT NULL DEFAULT 0;
