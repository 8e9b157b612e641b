-- The whole interface of a worker: functions of a NOLOGIN owner. A worker login has no right on any table. Every function
-- filters by the caller's namespace itself, and row-level security does so again.

-- Ends the reservation of a task: what was used is spent, the rest of the reservation is free again.
CREATE FUNCTION settle_reservation(p_task uuid, p_used bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE t record;
BEGIN
    SELECT run_id, persona_uid, reserved_tokens, reserved_day INTO t FROM tasks WHERE id = p_task;
    UPDATE content_runs SET tokens_reserved = greatest(0, tokens_reserved - t.reserved_tokens), tokens_spent = tokens_spent + p_used
        WHERE id = t.run_id;
    UPDATE token_days SET reserved = greatest(0, reserved - t.reserved_tokens), spent = spent + p_used
        WHERE persona_uid = t.persona_uid AND day = t.reserved_day;
    UPDATE tasks SET reserved_tokens = 0 WHERE id = p_task;
END $$;

-- Charges a part of a task's reservation that a failed attempt used, and keeps the rest for the next attempt.
CREATE FUNCTION charge_attempt(p_task uuid, p_used bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE t record;
BEGIN
    SELECT run_id, persona_uid, reserved_day INTO t FROM tasks WHERE id = p_task;
    UPDATE content_runs SET tokens_spent = tokens_spent + p_used WHERE id = t.run_id;
    UPDATE token_days SET spent = spent + p_used WHERE persona_uid = t.persona_uid AND day = t.reserved_day;
END $$;

-- The leased task of the caller's namespace, locked; raises TA001 where the lease is no longer the caller's.
CREATE FUNCTION leased_task(p_task uuid, p_token uuid) RETURNS tasks
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE t tasks;
BEGIN
    SELECT * INTO t FROM tasks WHERE id = p_task AND namespace = worker_namespace() FOR UPDATE;
    IF NOT FOUND OR t.status <> 'processing' OR t.lease_token IS DISTINCT FROM p_token THEN
        RAISE EXCEPTION 'the lease on task % is no longer held', p_task USING ERRCODE = 'TA001';
    END IF;
    RETURN t;
END $$;

-- Claims the best claimable task of a persona: priority, then fair share between jobs, then age. NULL where there is none.
CREATE FUNCTION claim_task(p_persona uuid, p_protocol integer, p_credentials text, p_worker text, p_lease_seconds integer)
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
        'prompt', jsonb_build_object('digest', prompt.digest, 'system', prompt.system, 'hook', prompt.hook, 'body', prompt.body,
            'variables', t.prompt_variables))
    INTO answer
    FROM persona_revisions revision, prompt_versions prompt
    WHERE revision.id = t.persona_revision AND prompt.namespace = t.namespace AND prompt.digest = t.prompt_digest;
    PERFORM pg_notify('threads_progress', '');
    RETURN answer;
END $$;

-- Prolongs a lease. False where it is lost, or where the task shall stop because its job was cancelled.
CREATE FUNCTION extend_lease(p_task uuid, p_token uuid, p_lease_seconds integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE tasks task SET lease_until = now() + make_interval(secs => p_lease_seconds)
    FROM content_runs run
    WHERE task.id = p_task AND task.lease_token = p_token AND task.status = 'processing' AND task.namespace = worker_namespace()
      AND run.id = task.run_id AND NOT run.cancelled AND run.gone_at IS NULL;
    RETURN FOUND;
END $$;

CREATE FUNCTION cosine_bp(a real[], b real[]) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN sum(x * x) > 0 AND sum(y * y) > 0
        THEN round(10000 * sum(x * y) / sqrt(sum(x * x) * sum(y * y)))::integer ELSE 0 END
    FROM unnest(a, b) AS pair (x, y)
$$;

-- Commits a post with embedding, trajectory and usage in one transaction. Under the persona's lock it compares with the
-- posts that the worker's similarity query could not have seen: newer ones, and those whose point is not stored yet.
-- Answers {"committed": true} or {"committed": false, "duplicateOf": id, "similarityBp": n}.
CREATE FUNCTION complete_task(p_task uuid, p_token uuid, p_post jsonb, p_embedding real[], p_trajectory jsonb, p_usage jsonb,
    p_queried_at timestamptz, p_notify boolean)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    t tasks;
    twin record;
    threshold integer;
    action text;
    used bigint := (p_usage ->> 'promptTokens')::bigint + (p_usage ->> 'completionTokens')::bigint + (p_usage ->> 'embeddingTokens')::bigint;
BEGIN
    -- Lock order is persona, then task: the same for every writer.
    PERFORM pg_advisory_xact_lock(hashtextextended(persona_uid::text, 0)) FROM tasks
        WHERE id = p_task AND namespace = worker_namespace();
    t := leased_task(p_task, p_token);
    SELECT (spec #>> '{gates,dedup,thresholdBp}')::integer, spec #>> '{gates,dedup,action}' INTO threshold, action
        FROM persona_revisions WHERE id = t.persona_revision;
    SELECT recent.id, cosine_bp(recent.embedding, p_embedding) AS similarity INTO twin
    FROM (SELECT id, embedding FROM posts
          WHERE persona_uid = t.persona_uid AND collection = p_post ->> 'collection' AND task_id <> t.id
            AND array_length(embedding, 1) = array_length(p_embedding, 1)
            AND (ts >= p_queried_at OR point_version < embedding_version OR point_stored_at >= p_queried_at)
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

CREATE FUNCTION record_usage(t tasks, p_model text, p_usage jsonb, p_estimated boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO usage (at, namespace, persona_uid, run_id, task_id, claim, model, prompt_tokens, completion_tokens, embedding_tokens, estimated)
    VALUES (t.started_at, t.namespace, t.persona_uid, t.run_id, t.id, t.claims, coalesce(p_model, 'unknown'),
        coalesce((p_usage ->> 'promptTokens')::bigint, 0), coalesce((p_usage ->> 'completionTokens')::bigint, 0),
        coalesce((p_usage ->> 'embeddingTokens')::bigint, 0), p_estimated)
    ON CONFLICT (task_id, claim, at) DO NOTHING
$$;

-- A plan: its result goes to the run, nothing else is stored.
CREATE FUNCTION complete_plan(p_task uuid, p_token uuid, p_plan jsonb, p_model text, p_usage jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE t tasks := leased_task(p_task, p_token);
BEGIN
    UPDATE content_runs SET plan = p_plan WHERE id = t.run_id;
    PERFORM record_usage(t, p_model, p_usage, false);
    PERFORM settle_reservation(t.id, (p_usage ->> 'promptTokens')::bigint + (p_usage ->> 'completionTokens')::bigint
        + (p_usage ->> 'embeddingTokens')::bigint);
    UPDATE tasks SET status = 'completed', completed_at = greatest(now(), started_at), lease_token = NULL, lease_until = NULL WHERE id = t.id;
    PERFORM pg_notify('threads_progress', '');
END $$;

-- An attempt ended without a post. Transient and unknown failures wait (at least p_retry_after) and are tried again within
-- the attempt limit, then the task is dead-lettered, once; what cannot get better by trying again fails at once.
CREATE FUNCTION fail_task(p_task uuid, p_token uuid, p_class text, p_code text, p_message text, p_retry_after integer, p_model text, p_usage jsonb)
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
    PERFORM pg_notify('threads_progress', '');
    RETURN next_status;
END $$;

-- A gate refused every text that the attempt limit allowed: the task ends rejected, with the reason.
CREATE FUNCTION reject_task(p_task uuid, p_token uuid, p_code text, p_message text, p_model text, p_usage jsonb) RETURNS void
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
    PERFORM pg_notify('threads_progress', '');
END $$;

-- Gives a task back uncharged: the worker is stopping.
CREATE FUNCTION release_task(p_task uuid, p_token uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE t tasks := leased_task(p_task, p_token);
BEGIN
    UPDATE tasks SET status = 'queued', lease_token = NULL, lease_until = NULL, not_before = now() WHERE id = t.id;
    PERFORM pg_notify('threads_progress', '');
END $$;

-- {"open": may this run still need its Pods, "waitMs": until its next task may be claimed, absent where none waits}.
CREATE FUNCTION run_state(p_run uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce((
        SELECT jsonb_build_object('open', run.gone_at IS NULL AND NOT run.cancelled AND NOT run.suspended AND NOT persona.suspended
                AND persona.gone_at IS NULL AND run.deadline_at > now() AND NOT (SELECT paused FROM install_settings)
                AND bool_or(task.status IN ('queued', 'processing')),
            'waitMs', CASE WHEN bool_or(task.status = 'queued') THEN greatest(0,
                extract(epoch FROM min(task.not_before) FILTER (WHERE task.status = 'queued') - now()) * 1000)::bigint END)
        FROM content_runs run JOIN tasks task ON task.run_id = run.id JOIN personas persona ON persona.uid = run.persona_uid
        WHERE run.id = p_run AND run.namespace = worker_namespace()
        GROUP BY run.id, persona.uid), '{"open": false}')
$$;

-- The points of these posts are stored in the vector index.
CREATE FUNCTION mark_points_stored(p_posts uuid[], p_versions integer[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE posts SET point_version = greatest(point_version, stored.version)
    FROM unnest(p_posts, p_versions) AS stored (id, version)
    WHERE posts.id = stored.id AND posts.namespace = worker_namespace()
$$;

CREATE FUNCTION worker_schema_version() RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT schema_version FROM install_settings $$;

-- Only the definers' owner calls the helpers; workers call the rest, and nobody else anything.
DO $$
DECLARE
    install text := current_database();
    signature text;
BEGIN
    EXECUTE format('GRANT CREATE ON SCHEMA public TO %I', install || '_claims');
    FOREACH signature IN ARRAY ARRAY['settle_reservation(uuid, bigint)', 'charge_attempt(uuid, bigint)', 'leased_task(uuid, uuid)',
        'record_usage(tasks, text, jsonb, boolean)', 'cosine_bp(real[], real[])'] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO %I', signature, install || '_claims');
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
    END LOOP;
    FOREACH signature IN ARRAY ARRAY['claim_task(uuid, integer, text, text, integer)', 'extend_lease(uuid, uuid, integer)',
        'complete_task(uuid, uuid, jsonb, real[], jsonb, jsonb, timestamptz, boolean)', 'complete_plan(uuid, uuid, jsonb, text, jsonb)',
        'fail_task(uuid, uuid, text, text, text, integer, text, jsonb)', 'reject_task(uuid, uuid, text, text, text, jsonb)',
        'release_task(uuid, uuid)', 'run_state(uuid)', 'mark_points_stored(uuid[], integer[])', 'worker_schema_version()'] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO %I', signature, install || '_claims');
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', signature, install || '_workers');
    END LOOP;
    EXECUTE format('REVOKE CREATE ON SCHEMA public FROM %I', install || '_claims');
END $$;
