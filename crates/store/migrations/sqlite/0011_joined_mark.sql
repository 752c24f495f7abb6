-- The newest message of all when somebody joined: tells exactly which messages of topics are older than the membership, of which the
-- moment of joining knows the second only. Absent where the second has to do: members of before, and those who were imported.
ALTER TABLE members ADD COLUMN joined_mark INTEGER;
