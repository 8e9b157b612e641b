-- Posts of an experiment: what a run needs to keep a task's arm, and functions that compare a post of an experiment only with
-- posts from before its start. Later texts depend on the arms' own posts; comparing with them would make one arm's survival
-- hang on the other's.

ALTER TABLE content_runs
    -- The experiment that its tasks joined; one a run.
    ADD COLUMN experiment_uid  uuid,
    -- What people are told of that, in one sentence.
    ADD COLUMN experiment_note text,
    -- {"base": {digest, variables}, "arms": [{name, digest, variables}, …]}: the prompts of tasks without and with an arm, so
    -- that a row that was lost is written as it was.
    ADD COLUMN arm_prompts     jsonb;

-- Claims the best claimable task of a persona: priority, then fair share between jobs, then age. NULL where there is none.
CREATE OR REPLACE FUNCTION claim_task(p_persona uuid, p_protocol integer, p_credentials text, p_worker text, p_lease_seconds integer)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ns text := worker_namespace();
    t tasks;
    answer jsonb;
BEGIN
    IF ns IS NULL OR (SELECT paused FROM install_settings) THEN
        RETURN NULL;
    END IF;
    SELECT task.* INTO t
    FROM tasks task
    JOIN content_runs run ON run.id = task.run_id
    JOIN personas persona ON persona.uid = task.persona_uid
    WHERE task.namespace = ns AND task.persona_uid = p_persona AND task.status = 'queued' AND task.not_before <= now()
      AND task.protocol <= p_protocol AND task.credentials_digest = p_credentials
      AND NOT run.suspended AND NOT run.cancelled AND run.gone_at IS NULL AND run.deadline_at > now()
      AND NOT persona.suspended AND persona.gone_at IS NULL
    ORDER BY task.priority DESC,
             (SELECT count(*) FROM tasks busy WHERE busy.run_id = task.run_id AND busy.status = 'processing'),
             task.created_at, task.index
    LIMIT 1
    FOR UPDATE OF task SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    UPDATE tasks SET status = 'processing', lease_token = gen_random_uuid(), claimed_by = p_worker, claims = claims + 1,
        lease_until = now() + make_interval(secs => p_lease_seconds), started_at = coalesce(started_at, now())
    WHERE id = t.id RETURNING * INTO t;

    SELECT jsonb_build_object(
        'id', t.id, 'leaseToken', t.lease_token, 'kind', t.kind, 'namespace', t.namespace, 'runId', t.run_id,
        'personaUid', t.persona_uid, 'index', t.index, 'retryCount', t.retry_count, 'maxAttempts', t.max_attempts,
        'payload', t.payload, 'persona', revision.spec, 'claimedAt', clock_timestamp(),
        'dedupBefore', (SELECT experiment.started_at FROM experiment_units unit JOIN experiments experiment
            ON experiment.uid = unit.experiment_uid WHERE unit.task_id = t.id),
        'prompt', jsonb_build_object('digest', prompt.digest, 'system', prompt.system, 'hook', prompt.hook, 'body', prompt.body,
            'variables', t.prompt_variables))
    INTO answer
    FROM persona_revisions revision, prompt_versions prompt
    WHERE revision.id = t.persona_revision AND prompt.namespace = t.namespace AND prompt.digest = t.prompt_digest;
    PERFORM pg_notify('threads_progress', '');
    RETURN answer;
END $$;

-- Commits a post with embedding, trajectory and usage in one transaction. Under the persona's lock it compares with the
-- posts that the worker's similarity query could not have seen: newer ones, and those whose point is not stored yet; for a
-- unit of an experiment only with those from before the experiment's start.
-- Answers {"committed": true} or {"committed": false, "duplicateOf": id, "similarityBp": n}.
CREATE OR REPLACE FUNCTION complete_task(p_task uuid, p_token uuid, p_post jsonb, p_embedding real[], p_trajectory jsonb, p_usage jsonb,
    p_queried_at timestamptz, p_notify boolean)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    t tasks;
    twin record;
    threshold integer;
    action text;
    -- Start of the experiment that the task is a unit of: what either arm wrote since is no reason to refuse the other's.
    started timestamptz;
    used bigint := (p_usage ->> 'promptTokens')::bigint + (p_usage ->> 'completionTokens')::bigint + (p_usage ->> 'embeddingTokens')::bigint;
BEGIN
    -- Lock order is persona, then task: the same for every writer.
    PERFORM pg_advisory_xact_lock(hashtextextended(persona_uid::text, 0)) FROM tasks
        WHERE id = p_task AND namespace = worker_namespace();
    t := leased_task(p_task, p_token);
    SELECT (spec #>> '{gates,dedup,thresholdBp}')::integer, spec #>> '{gates,dedup,action}' INTO threshold, action
        FROM persona_revisions WHERE id = t.persona_revision;
    SELECT experiment.started_at INTO started FROM experiment_units unit JOIN experiments experiment
        ON experiment.uid = unit.experiment_uid WHERE unit.task_id = t.id;
    SELECT recent.id, cosine_bp(recent.embedding, p_embedding) AS similarity INTO twin
    FROM (SELECT id, embedding FROM posts
          WHERE persona_uid = t.persona_uid AND collection = p_post ->> 'collection' AND task_id <> t.id
            AND array_length(embedding, 1) = array_length(p_embedding, 1)
            AND (ts >= p_queried_at OR point_version < embedding_version OR point_stored_at >= p_queried_at)
            AND (started IS NULL OR ts < started)
          ORDER BY ts DESC LIMIT 200) recent
    ORDER BY similarity DESC LIMIT 1;
    IF twin.similarity >= threshold AND action <> 'Flag' THEN
        RETURN jsonb_build_object('committed', false, 'duplicateOf', twin.id, 'similarityBp', twin.similarity);
    END IF;

    INSERT INTO posts (id, namespace, persona_uid, persona_id, task_id, run_id, index, hook, body, tokens_used, original_input,
        metadata, content_hash, model, stand_in, score_bp, score, emotion, guardrails, duplicate_of, nearest_id, nearest_bp,
        cost_micros, collection, embedding_model, embedding)
    SELECT (p_post ->> 'id')::uuid, t.namespace, t.persona_uid, p_post ->> 'persona', t.id, t.run_id, t.index, p_post ->> 'hook',
        p_post ->> 'body', used, t.payload ->> 'input', coalesce(p_post -> 'metadata', '{}'), p_post ->> 'contentHash',
        p_post ->> 'model', (p_post ->> 'standIn')::boolean, (p_post ->> 'scoreBp')::integer, coalesce(p_post -> 'score', '{}'),
        p_post ->> 'emotion', coalesce(p_post -> 'guardrails', '[]'),
        CASE WHEN twin.similarity >= threshold THEN twin.id ELSE (p_post ->> 'duplicateOf')::uuid END,
        CASE WHEN twin.similarity > coalesce((p_post ->> 'nearestBp')::integer, -1) THEN twin.id ELSE (p_post ->> 'nearestId')::uuid END,
        greatest(twin.similarity, (p_post ->> 'nearestBp')::integer),
        (p_post ->> 'costMicros')::bigint, p_post ->> 'collection', p_post ->> 'embeddingModel', p_embedding
    ON CONFLICT (task_id) DO NOTHING;

    IF p_trajectory IS NOT NULL AND p_trajectory <> 'null' THEN
        INSERT INTO emotion_trajectories (namespace, post_id, persona_id, content_hash, model_version, segment_count, trajectory_type,
            joy_avg, anger_avg, fear_avg, sadness_avg, surprise_avg, disgust_avg, anticipation_avg, trust_avg,
            sentiment_positive, sentiment_negative, sentiment_neutral, sentiment_compound, segments, processing_time_ms)
        SELECT t.namespace, (p_post ->> 'id')::uuid, p_post ->> 'persona', p_post ->> 'contentHash', r.model_version, r.segment_count,
            r.trajectory_type, r.joy_avg, r.anger_avg, r.fear_avg, r.sadness_avg, r.surprise_avg, r.disgust_avg, r.anticipation_avg,
            r.trust_avg, r.sentiment_positive, r.sentiment_negative, r.sentiment_neutral, r.sentiment_compound,
            coalesce(r.segments, '[]'), r.processing_time_ms
        FROM jsonb_populate_record(NULL::emotion_trajectories, p_trajectory) r
        ON CONFLICT (post_id, content_hash, model_version) DO NOTHING;
    END IF;

    PERFORM record_usage(t, p_post ->> 'model', p_usage, false);
    PERFORM settle_reservation(t.id, used);
    UPDATE tasks SET status = 'completed', completed_at = greatest(now(), started_at), lease_token = NULL, lease_until = NULL,
        error_class = NULL, error_code = NULL, error_message = NULL WHERE id = t.id;
    UPDATE personas SET model_seen_at = now(), model_error = NULL WHERE uid = t.persona_uid
        AND (model_error IS NOT NULL OR model_seen_at IS NULL OR model_seen_at < now() - interval '60 seconds');
    IF p_notify THEN PERFORM pg_notify('threads_progress', ''); END IF;
    RETURN jsonb_build_object('committed', true, 'nearestId', twin.id, 'nearestBp', twin.similarity);
END $$;

-- What people and tools read, with the arm.
CREATE OR REPLACE VIEW post_listing WITH (security_invoker = true) AS
SELECT task.namespace, run.name AS job, run.job_uid, task.index, task.status AS state, post.id AS post_id, post.hook, post.body,
    post.score_bp / 100.0 AS score, post.emotion, post.nearest_id AS nearest, post.nearest_bp / 100.0 AS similarity,
    post.tokens_used AS tokens, post.cost_micros, post.model, post.stand_in AS standin, persona.name AS persona,
    task.error_code || ': ' || task.error_message AS error, run.created_at AS run_created_at,
    task.arm, experiment.name AS experiment, post.published_at
FROM tasks task
JOIN content_runs run ON run.id = task.run_id
JOIN personas persona ON persona.uid = task.persona_uid
LEFT JOIN posts post ON post.task_id = task.id
LEFT JOIN experiments experiment ON experiment.uid = run.experiment_uid AND task.arm IS NOT NULL;

-- A promotion moves a track: the template's controller hears of it when it is committed.
CREATE FUNCTION tell_of_promotion() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_notify('threads_promotions', '');
    RETURN NULL;
END $$;
CREATE TRIGGER promotions_told AFTER INSERT OR UPDATE OR DELETE ON promotions FOR EACH STATEMENT EXECUTE FUNCTION tell_of_promotion();
