-- What the REST API adds: lists in order of time, and when a publication was said to have happened.

-- What the caller said; posts.published_at is that, but never later than its receipt. A repeat of the call says the same.
ALTER TABLE posts ADD COLUMN published_told_at timestamptz;

CREATE INDEX posts_by_time ON posts (namespace, ts DESC, id DESC);
CREATE INDEX posts_by_persona_name ON posts (namespace, persona_id, ts DESC, id DESC);

DO $$ BEGIN
    EXECUTE format('GRANT UPDATE (published_told_at) ON posts TO %I', current_database() || '_api');
END $$;
