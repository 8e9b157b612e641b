-- An edited post is embedded again by a worker task: a run of one task, of kind 'embed', that stands for no ContentJob.

ALTER TABLE tasks DROP CONSTRAINT tasks_kind_check;
ALTER TABLE tasks ADD CONSTRAINT tasks_kind_check CHECK (kind IN ('generate', 'plan', 'embed'));
ALTER TABLE content_runs DROP CONSTRAINT content_runs_kind_check;
ALTER TABLE content_runs ADD CONSTRAINT content_runs_kind_check CHECK (kind IN ('generate', 'plan', 'embed'));

-- The revision whose text the embedding is of. Posts that were edited before this migration are behind and are caught up with.
ALTER TABLE posts ADD COLUMN embedded_revision integer NOT NULL DEFAULT 0;
CREATE INDEX posts_edited ON posts (persona_uid, edited_at) WHERE embedded_revision < revision;

-- Stores the embedding of one revision; a revision that is not the newest any more is left to the task of the newest. The point
-- follows, as it does for a new post. Answers the version of the embedding, or null where it was not stored.
CREATE FUNCTION complete_embedding(p_task uuid, p_token uuid, p_embedding real[], p_collection text, p_model text, p_usage jsonb)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    t tasks;
    stored integer;
    used bigint := (p_usage ->> 'promptTokens')::bigint + (p_usage ->> 'completionTokens')::bigint + (p_usage ->> 'embeddingTokens')::bigint;
BEGIN
    -- The same lock order as complete_task: a commit that compares with recent posts sees this text or waits for it.
    PERFORM pg_advisory_xact_lock(hashtextextended(persona_uid::text, 0)) FROM tasks
        WHERE id = p_task AND namespace = worker_namespace();
    t := leased_task(p_task, p_token);
    UPDATE posts SET embedding = p_embedding, embedding_model = p_model, collection = p_collection,
        embedding_version = embedding_version + 1, embedded_revision = revision
    WHERE id = (t.payload #>> '{post,id}')::uuid AND namespace = t.namespace
      AND revision = (t.payload #>> '{post,revision}')::integer AND embedded_revision < revision
    RETURNING embedding_version INTO stored;
    PERFORM record_usage(t, p_model, p_usage, false);
    PERFORM settle_reservation(t.id, used);
    UPDATE tasks SET status = 'completed', completed_at = greatest(now(), started_at), lease_token = NULL, lease_until = NULL,
        error_class = NULL, error_code = NULL, error_message = NULL WHERE id = t.id;
    PERFORM tell_progress(t.run_id);
    RETURN stored;
END $$;

DO $$
DECLARE install text := current_database();
BEGIN
    EXECUTE format('GRANT CREATE ON SCHEMA public TO %I', install || '_claims');
    EXECUTE format('ALTER FUNCTION complete_embedding(uuid, uuid, real[], text, text, jsonb) OWNER TO %I', install || '_claims');
    REVOKE ALL ON FUNCTION complete_embedding(uuid, uuid, real[], text, text, jsonb) FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION complete_embedding(uuid, uuid, real[], text, text, jsonb) TO %I', install || '_workers');
    EXECUTE format('REVOKE CREATE ON SCHEMA public FROM %I', install || '_claims');
END $$;
