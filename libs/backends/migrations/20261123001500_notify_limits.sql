-- Workers tell the operator less, and only what it needs: a notification takes a lock that all commits of the server share.

-- Tells the operator that tasks of a run changed: at most once a second a connection, but always when nothing of the run can
-- be worked on any more. What is left untold shows with the next telling, or with the operator's own poll.
CREATE FUNCTION tell_progress(p_run uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE told timestamptz := nullif(current_setting('threads.progress_told', true), '')::timestamptz;
BEGIN
    IF told > clock_timestamp() - interval '1 second'
        AND EXISTS (SELECT FROM tasks WHERE run_id = p_run AND status IN ('queued', 'processing')) THEN
        RETURN;
    END IF;
    PERFORM set_config('threads.progress_told', clock_timestamp()::text, false);
    PERFORM pg_notify('threads_progress', '');
END $$;

-- As before, but the tasks that each job has in work are counted once and not once a candidate, and the operator is told only
-- of a run's first claim: that work began. Later claims show with what they lead to.
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
    LEFT JOIN (SELECT run_id, count(*) AS tasks FROM tasks WHERE persona_uid = p_persona AND namespace = ns AND status = 'processing'
        GROUP BY run_id) busy ON busy.run_id = task.run_id
    WHERE task.namespace = ns AND task.persona_uid = p_persona AND task.status = 'queued' AND task.not_before <= now()
      AND task.protocol <= p_protocol AND task.credentials_digest = p_credentials
      AND NOT run.suspended AND NOT run.cancelled AND run.gone_at IS NULL AND run.deadline_at > now()
      AND NOT persona.suspended AND persona.gone_at IS NULL
    ORDER BY task.priority DESC, coalesce(busy.tasks, 0), task.created_at, task.index
    LIMIT 1
    FOR UPDATE OF task SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    IF NOT EXISTS (SELECT FROM tasks WHERE run_id = t.run_id AND claims > 0) THEN
        PERFORM pg_notify('threads_progress', '');
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
    RETURN answer;
END $$;

-- As before, but each recent post is compared in one pass of two sums; the length of the new embedding is found once.
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
    SELECT recent.id, coalesce(round(10000 * measured.dot / nullif(measured.length
            * (SELECT sqrt(sum(y * y)) FROM unnest(p_embedding) AS y), 0)), 0)::integer AS similarity INTO twin
    FROM (SELECT id, embedding FROM posts
          WHERE persona_uid = t.persona_uid AND collection = p_post ->> 'collection' AND task_id <> t.id
            AND array_length(embedding, 1) = array_length(p_embedding, 1)
            AND (ts >= p_queried_at OR point_version < embedding_version OR point_stored_at >= p_queried_at)
            AND (started IS NULL OR ts < started)
          ORDER BY ts DESC LIMIT 200) recent
    CROSS JOIN LATERAL (SELECT sum(x * y) AS dot, sqrt(sum(x * x)) AS length
        FROM (SELECT unnest(recent.embedding) AS x, unnest(p_embedding) AS y) pair) measured
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
    IF p_notify THEN PERFORM tell_progress(t.run_id); END IF;
    RETURN jsonb_build_object('committed', true, 'nearestId', twin.id, 'nearestBp', twin.similarity);
END $$;

DROP FUNCTION cosine_bp(real[], real[]);

-- As before, but for the telling.
CREATE OR REPLACE FUNCTION complete_plan(p_task uuid, p_token uuid, p_plan jsonb, p_model text, p_usage jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE t tasks := leased_task(p_task, p_token);
BEGIN
    UPDATE content_runs SET plan = p_plan WHERE id = t.run_id;
    PERFORM record_usage(t, p_model, p_usage, false);
    PERFORM settle_reservation(t.id, (p_usage ->> 'promptTokens')::bigint + (p_usage ->> 'completionTokens')::bigint
        + (p_usage ->> 'embeddingTokens')::bigint);
    UPDATE tasks SET status = 'completed', completed_at = greatest(now(), started_at), lease_token = NULL, lease_until = NULL WHERE id = t.id;
    PERFORM tell_progress(t.run_id);
END $$;

CREATE OR REPLACE FUNCTION fail_task(p_task uuid, p_token uuid, p_class text, p_code text, p_message text, p_retry_after integer, p_model text, p_usage jsonb)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    t tasks := leased_task(p_task, p_token);
    used bigint := coalesce((p_usage ->> 'promptTokens')::bigint, 0) + coalesce((p_usage ->> 'completionTokens')::bigint, 0)
        + coalesce((p_usage ->> 'embeddingTokens')::bigint, 0);
    next_status text;
    wait_seconds double precision;
BEGIN
    next_status := CASE WHEN p_class = 'invalid' THEN 'failed'
        WHEN t.retry_count + 1 >= t.max_attempts THEN 'dead_lettered' ELSE 'queued' END;
    -- Doubling from two seconds up to five minutes, with up to a quarter more so that many do not return at once.
    wait_seconds := greatest(least(300, 2 * power(2, least(t.retry_count, 10))), coalesce(p_retry_after, 0)) * (1 + random() / 4);
    IF used > 0 THEN
        PERFORM record_usage(t, p_model, p_usage, false);
    END IF;
    IF next_status = 'queued' THEN
        PERFORM charge_attempt(t.id, used);
    ELSE
        PERFORM settle_reservation(t.id, used);
    END IF;
    UPDATE tasks SET status = next_status, retry_count = retry_count + 1, lease_token = NULL, lease_until = NULL,
        error_class = p_class, error_code = p_code, error_message = left(p_message, 1000),
        not_before = CASE WHEN next_status = 'queued' THEN now() + make_interval(secs => wait_seconds) ELSE not_before END,
        completed_at = CASE WHEN next_status = 'queued' THEN NULL ELSE greatest(now(), started_at) END
    WHERE id = t.id;
    UPDATE content_runs SET last_error = jsonb_build_object('class', p_class, 'code', p_code, 'message', left(p_message, 1000))
        WHERE id = t.run_id;
    IF p_code IN ('RateLimited', 'Unavailable', 'Timeout', 'Unauthorized') THEN
        UPDATE personas SET model_seen_at = now(), model_error = p_code || ': ' || left(p_message, 300) WHERE uid = t.persona_uid;
    END IF;
    PERFORM tell_progress(t.run_id);
    RETURN next_status;
END $$;

CREATE OR REPLACE FUNCTION reject_task(p_task uuid, p_token uuid, p_code text, p_message text, p_model text, p_usage jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    t tasks := leased_task(p_task, p_token);
BEGIN
    PERFORM record_usage(t, p_model, p_usage, false);
    PERFORM settle_reservation(t.id, (p_usage ->> 'promptTokens')::bigint + (p_usage ->> 'completionTokens')::bigint
        + (p_usage ->> 'embeddingTokens')::bigint);
    UPDATE tasks SET status = 'rejected', completed_at = greatest(now(), started_at), lease_token = NULL, lease_until = NULL,
        error_class = 'invalid', error_code = p_code, error_message = left(p_message, 1000) WHERE id = t.id;
    UPDATE content_runs SET last_error = jsonb_build_object('class', 'invalid', 'code', p_code, 'message', left(p_message, 1000))
        WHERE id = t.run_id;
    PERFORM tell_progress(t.run_id);
END $$;

-- Gives a task back: the worker is stopping. It counts as no attempt, but what its calls used was paid for. The operator is told
-- at once, because another worker has to be woken for the task.
CREATE FUNCTION release_task(p_task uuid, p_token uuid, p_model text, p_usage jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    t tasks := leased_task(p_task, p_token);
    used bigint := coalesce((p_usage ->> 'promptTokens')::bigint, 0) + coalesce((p_usage ->> 'completionTokens')::bigint, 0)
        + coalesce((p_usage ->> 'embeddingTokens')::bigint, 0);
BEGIN
    IF used > 0 THEN
        PERFORM record_usage(t, p_model, p_usage, false);
        PERFORM charge_attempt(t.id, used);
    END IF;
    UPDATE tasks SET status = 'queued', lease_token = NULL, lease_until = NULL, not_before = now() WHERE id = t.id;
    PERFORM pg_notify('threads_progress', '');
END $$;

-- What workers of the image before this one call; they do not say what they used.
CREATE OR REPLACE FUNCTION release_task(p_task uuid, p_token uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT release_task(p_task, p_token, NULL, '{}')
$$;

DO $$
DECLARE install text := current_database();
BEGIN
    EXECUTE format('GRANT CREATE ON SCHEMA public TO %I', install || '_claims');
    EXECUTE format('ALTER FUNCTION tell_progress(uuid) OWNER TO %I', install || '_claims');
    REVOKE ALL ON FUNCTION tell_progress(uuid) FROM PUBLIC;
    EXECUTE format('ALTER FUNCTION release_task(uuid, uuid, text, jsonb) OWNER TO %I', install || '_claims');
    REVOKE ALL ON FUNCTION release_task(uuid, uuid, text, jsonb) FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION release_task(uuid, uuid, text, jsonb) TO %I', install || '_workers');
    EXECUTE format('REVOKE CREATE ON SCHEMA public FROM %I', install || '_claims');
END $$;
