-- The analysis of achievements: the whole interface of its workers, and the messages that wake them. As elsewhere, the functions belong
-- to a NOLOGIN owner, filter by the caller's namespace themselves, and row-level security does so again.
--
-- Lock order: the namespace (lock_achievements), records, tasks.

-- A message wakes for a content task or for the analysis of an achievement; one a claim.
ALTER TABLE outbox ALTER COLUMN task_id DROP NOT NULL;
ALTER TABLE outbox ADD COLUMN achievement_task_id uuid REFERENCES achievement_tasks (id) ON DELETE CASCADE;
ALTER TABLE outbox ADD CONSTRAINT outbox_one_task CHECK (num_nonnulls(task_id, achievement_task_id) = 1);
CREATE UNIQUE INDEX outbox_of_achievement_task ON outbox (achievement_task_id, attempt);

-- Workers that were lost while they had the task; that is no attempt of its own.
ALTER TABLE achievement_tasks ADD COLUMN system_failures integer NOT NULL DEFAULT 0;
-- Which explicit rescoring it belongs to, 0 for what the facts themselves asked for.
ALTER TABLE achievement_tasks ADD COLUMN rescoring integer NOT NULL DEFAULT 0;
CREATE INDEX achievements_duplicates ON achievements (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX achievements_fresh_points ON achievements (namespace, collection, point_stored_at) WHERE embedding IS NOT NULL;

-- Whoever queues a task, or gives one back, tells the broker of it in the same transaction; a wait between attempts is the message's
-- too. For a task that somebody has, nobody needs to be woken any more.
CREATE FUNCTION wake_for_achievement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.status <> 'queued' THEN
        DELETE FROM outbox WHERE achievement_task_id = NEW.id AND sent_at IS NULL;
        RETURN NULL;
    END IF;
    INSERT INTO outbox (namespace, type, achievement_task_id, attempt, not_before)
    VALUES (NEW.namespace, 'achievement.analysis', NEW.id, NEW.claims, NEW.not_before)
    ON CONFLICT (achievement_task_id, attempt) DO NOTHING;
    PERFORM pg_notify('threads_outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER achievement_tasks_queued AFTER INSERT ON achievement_tasks
    FOR EACH ROW WHEN (NEW.status = 'queued') EXECUTE FUNCTION wake_for_achievement();
CREATE TRIGGER achievement_tasks_moved AFTER UPDATE OF status ON achievement_tasks
    FOR EACH ROW WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION wake_for_achievement();
INSERT INTO outbox (namespace, type, achievement_task_id, attempt, not_before)
SELECT namespace, 'achievement.analysis', id, claims, not_before FROM achievement_tasks WHERE status = 'queued';

-- What a worker sees of a record: domain::achievement::Subject.
CREATE FUNCTION achievement_subject(p_row achievements) RETURNS jsonb LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('id', p_row.id, 'title', p_row.title, 'description', p_row.description,
            'category', p_row.overrides -> 'category', 'people', p_row.people, 'startedAt', p_row.started_at,
            'completedAt', p_row.completed_at, 'visibility', p_row.visibility,
            'businessValue', p_row.overrides -> 'businessValue', 'pullRequest', p_row.pull_request))
        || jsonb_build_object('evidence', coalesce((
            SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('kind', event.kind, 'host', event.host,
                'repositoryId', event.repository_id, 'repository', event.repository, 'externalId', event.external_id,
                'title', event.title, 'url', event.url, 'stream', event.stream, 'sha', event.sha, 'shas', to_jsonb(event.shas),
                'at', event.at, 'people', event.people)) ORDER BY event.at, event.id)
            FROM achievement_evidence_links link JOIN achievement_evidence event ON event.id = link.evidence_id
            WHERE link.achievement_id = p_row.id AND event.namespace = p_row.namespace), '[]'))
$$;

-- Claims the oldest claimable task of a source, or, with the nil uuid, of what has none. The worker must hold exactly the Secrets that
-- the source names now. The task then stands for the facts as they are now. NULL where there is none.
CREATE FUNCTION claim_achievement_task(p_source uuid, p_protocol integer, p_credentials text, p_worker text, p_lease_seconds integer)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ns text := worker_namespace();
    wanted uuid := nullif(p_source, '00000000-0000-0000-0000-000000000000');
    source achievement_sources;
    seen achievements;
    t achievement_tasks;
BEGIN
    IF ns IS NULL OR (SELECT paused FROM install_settings) THEN
        RETURN NULL;
    END IF;
    IF wanted IS NOT NULL THEN
        SELECT * INTO source FROM achievement_sources WHERE uid = wanted AND namespace = ns AND gone_at IS NULL AND NOT suspended
            AND credentials_digest = p_credentials AND (collection IS NOT NULL OR coalesce(settings -> 'embedding', 'null') = 'null');
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    SELECT task.* INTO t FROM achievement_tasks task JOIN achievements record ON record.id = task.achievement_id
    WHERE task.namespace = ns AND task.source_uid IS NOT DISTINCT FROM wanted AND task.status = 'queued' AND task.not_before <= now()
      AND task.protocol <= p_protocol AND record.deleted_at IS NULL
    ORDER BY task.created_at, task.id LIMIT 1
    FOR UPDATE OF task SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO seen FROM achievements WHERE id = t.achievement_id AND namespace = ns;
    UPDATE achievement_tasks SET status = 'processing', lease_token = gen_random_uuid(), claimed_by = p_worker, claims = claims + 1,
        lease_until = now() + make_interval(secs => p_lease_seconds), started_at = coalesce(started_at, now()),
        facts_version = greatest(facts_version, seen.facts_version)
    WHERE id = t.id RETURNING * INTO t;
    RETURN jsonb_build_object('id', t.id, 'leaseToken', t.lease_token, 'namespace', ns, 'factsVersion', seen.facts_version,
        'retryCount', t.retry_count, 'maxAttempts', t.max_attempts, 'subject', achievement_subject(seen), 'logins', seen.logins,
        'completedAt', coalesce(seen.completed_at, seen.created_at), 'embedding', nullif(source.settings -> 'embedding', 'null'),
        'collection', source.collection, 'queriedAt', clock_timestamp()::text);
END $$;

-- The leased task of the caller's namespace, locked; raises TA001 where the lease is no longer the caller's.
CREATE FUNCTION leased_achievement_task(p_task uuid, p_token uuid) RETURNS achievement_tasks
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE t achievement_tasks;
BEGIN
    SELECT * INTO t FROM achievement_tasks WHERE id = p_task AND namespace = worker_namespace() FOR UPDATE;
    IF NOT FOUND OR t.status <> 'processing' OR t.lease_token IS DISTINCT FROM p_token THEN
        RAISE EXCEPTION 'the lease on task % is no longer held', p_task USING ERRCODE = 'TA001';
    END IF;
    RETURN t;
END $$;

-- Prolongs a lease. False where it is lost, or where the record was deleted meanwhile.
CREATE FUNCTION extend_achievement_lease(p_task uuid, p_token uuid, p_lease_seconds integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE achievement_tasks task SET lease_until = now() + make_interval(secs => p_lease_seconds)
    FROM achievements record
    WHERE task.id = p_task AND task.lease_token = p_token AND task.status = 'processing' AND task.namespace = worker_namespace()
      AND record.id = task.achievement_id AND record.deleted_at IS NULL;
    RETURN FOUND;
END $$;

-- Records of the same person that are as similar as p_threshold to a vector: those whose ids an index gave, those whose points it may
-- not have shown, and those that are linked to this record now. `earlier` says which of two is the original.
CREATE FUNCTION similar_achievements(p_row achievements, p_near uuid[], p_queried_at timestamptz, p_threshold integer)
RETURNS TABLE (id uuid, bp integer, earlier boolean)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH candidates AS (
        SELECT other.id FROM achievements other WHERE other.id = ANY (p_near)
        UNION SELECT other.id FROM achievements other WHERE other.duplicate_of = p_row.id OR other.id = p_row.duplicate_of
        UNION (SELECT other.id FROM achievements other
            WHERE other.namespace = p_row.namespace AND other.collection = p_row.collection AND other.embedding IS NOT NULL
              AND other.deleted_at IS NULL AND other.point_version < other.embedding_version AND other.logins && p_row.logins
            ORDER BY other.analyzed_at DESC LIMIT 500)
        UNION (SELECT other.id FROM achievements other
            WHERE other.namespace = p_row.namespace AND other.collection = p_row.collection AND other.embedding IS NOT NULL
              AND other.deleted_at IS NULL AND other.point_stored_at >= p_queried_at AND other.logins && p_row.logins
            ORDER BY other.point_stored_at DESC LIMIT 500))
    SELECT other.id, measured.bp,
        (coalesce(other.completed_at, other.created_at), other.created_at, other.id)
            < (coalesce(p_row.completed_at, p_row.created_at), p_row.created_at, p_row.id)
    FROM candidates JOIN achievements other ON other.id = candidates.id
    CROSS JOIN LATERAL (SELECT coalesce(round(10000 * sum(x * y) / nullif(sqrt(sum(x * x) * sum(y * y)), 0)), 0)::integer AS bp
        FROM (SELECT unnest(other.embedding)::double precision AS x, unnest(p_row.embedding)::double precision AS y) pair) measured
    WHERE other.id <> p_row.id AND other.namespace = p_row.namespace AND other.collection = p_row.collection
      AND array_length(other.embedding, 1) = array_length(p_row.embedding, 1) AND other.logins && p_row.logins
      AND other.deleted_at IS NULL AND other.superseded_by IS NULL AND measured.bp >= p_threshold
$$;

-- Stores what an analysis concluded from one version of the facts; a person's field wins as everywhere. p_embedding is absent where the
-- record was not compared; p_near are ids that the index found near it. Of two alike the later is linked to the earlier, whichever
-- was analysed first. A result that is older than the one in force is dropped. Answers {stored, stale, duplicateOf, duplicateBp}.
CREATE FUNCTION complete_achievement_task(p_task uuid, p_token uuid, p_facts_version integer, p_analysis jsonb, p_embedding real[],
    p_model text, p_collection text, p_near uuid[], p_queried_at timestamptz, p_threshold integer)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ns text := worker_namespace();
    t achievement_tasks;
    before achievements;
    after achievements;
    twin record;
BEGIN
    PERFORM lock_achievements(ns);
    SELECT record.* INTO before FROM achievement_tasks task JOIN achievements record ON record.id = task.achievement_id
    WHERE task.id = p_task AND task.namespace = ns AND record.namespace = ns FOR UPDATE OF record;
    t := leased_achievement_task(p_task, p_token);
    UPDATE achievement_tasks SET status = 'completed', completed_at = greatest(now(), started_at), lease_token = NULL,
        lease_until = NULL, error_code = NULL, error_message = NULL WHERE id = t.id;
    IF before.id IS NULL OR before.deleted_at IS NOT NULL OR before.analyzed_version > p_facts_version THEN
        RETURN jsonb_build_object('stored', false, 'stale', true);
    END IF;
    after := before;
    after.analysis := p_analysis;
    after.duplicate_of := NULL;
    after.duplicate_bp := NULL;
    IF p_embedding IS NOT NULL THEN
        after.embedding := p_embedding;
        after.embedding_model := p_model;
        after.collection := p_collection;
        IF before.embedding IS DISTINCT FROM p_embedding OR before.collection IS DISTINCT FROM p_collection THEN
            after.embedding_version := before.embedding_version + 1;
        END IF;
        SELECT found.id, found.bp INTO twin
        FROM similar_achievements(after, p_near, p_queried_at, p_threshold) found JOIN achievements other ON other.id = found.id
        WHERE found.earlier
        ORDER BY coalesce(other.completed_at, other.created_at), other.created_at, other.id LIMIT 1;
        after.duplicate_of := twin.id;
        after.duplicate_bp := twin.bp;
    ELSE
        -- What was compared before stays in no index that it does not belong to any more.
        after.embedding := NULL;
        after.embedding_model := NULL;
    END IF;
    after := achievement_effective(after);
    UPDATE achievements SET analysis = after.analysis, category = after.category,
        impact_score = (p_analysis #>> '{impact,points}')::integer, complexity_score = (p_analysis #>> '{complexity,points}')::integer,
        business_value = coalesce(p_analysis -> 'businessValue', '{}'), formula_version = (p_analysis ->> 'formulaVersion')::integer,
        portfolio_ready = completed_at IS NOT NULL AND (p_analysis #>> '{impact,points}')::integer > 0
            AND NOT coalesce(p_analysis -> 'findings' @> '[{"kind": "secret"}]', false),
        analyzed_version = p_facts_version, analyzed_at = now(), embedding = after.embedding, embedding_model = after.embedding_model,
        collection = after.collection, embedding_version = after.embedding_version, duplicate_of = after.duplicate_of,
        duplicate_bp = after.duplicate_bp, revision = revision + 1
    WHERE id = before.id;
    IF p_embedding IS NOT NULL THEN
        PERFORM relink_duplicates(after, p_near, p_queried_at, p_threshold);
    END IF;
    PERFORM pg_notify('threads_achievements', '');
    RETURN jsonb_build_object('stored', true, 'stale', before.facts_version > p_facts_version, 'duplicateOf', after.duplicate_of,
        'duplicateBp', after.duplicate_bp);
END $$;

-- Later records that are like this one are linked to it, unless to an earlier one already or a person said otherwise; those that were
-- linked to it and are not like it any more are free.
CREATE FUNCTION relink_duplicates(p_row achievements, p_near uuid[], p_queried_at timestamptz, p_threshold integer) RETURNS void
LANGUAGE sql VOLATILE SET search_path = public, pg_temp AS $$
    WITH alike AS MATERIALIZED (SELECT * FROM similar_achievements(p_row, p_near, p_queried_at, p_threshold)),
    changed AS (
        SELECT other.id, CASE WHEN alike.id IS NOT NULL AND NOT alike.earlier THEN p_row.id END AS original,
            CASE WHEN alike.id IS NOT NULL AND NOT alike.earlier THEN alike.bp END AS bp
        FROM achievements other LEFT JOIN alike ON alike.id = other.id
        LEFT JOIN achievements original ON original.id = other.duplicate_of
        WHERE other.namespace = p_row.namespace AND other.id <> p_row.id AND NOT other.overrides ? 'duplicateOf'
          AND other.deleted_at IS NULL
          AND (other.duplicate_of = p_row.id
              OR alike.id IS NOT NULL AND NOT alike.earlier AND (original.id IS NULL
                  OR (coalesce(p_row.completed_at, p_row.created_at), p_row.created_at, p_row.id)
                      < (coalesce(original.completed_at, original.created_at), original.created_at, original.id)))
        ORDER BY other.id)
    UPDATE achievements SET duplicate_of = changed.original, duplicate_bp = changed.bp, revision = revision + 1
    FROM changed WHERE achievements.id = changed.id
      AND (achievements.duplicate_of, achievements.duplicate_bp) IS DISTINCT FROM (changed.original, changed.bp)
$$;

-- An attempt ended without a result. What may get better waits (at least p_retry_after) and is tried again within the attempt limit,
-- then the task is dead-lettered, once; what cannot get better fails at once. Answers the new status.
CREATE FUNCTION fail_achievement_task(p_task uuid, p_token uuid, p_class text, p_code text, p_message text, p_retry_after integer)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    t achievement_tasks := leased_achievement_task(p_task, p_token);
    next_status text;
    wait_seconds double precision;
BEGIN
    next_status := CASE WHEN p_class = 'invalid' THEN 'failed'
        WHEN t.retry_count + 1 >= t.max_attempts THEN 'dead_lettered' ELSE 'queued' END;
    -- Doubling from two seconds up to five minutes, with up to a quarter more so that many do not return at once.
    wait_seconds := greatest(least(300, 2 * power(2, least(t.retry_count, 10))), coalesce(p_retry_after, 0)) * (1 + random() / 4);
    UPDATE achievement_tasks SET status = next_status, retry_count = retry_count + 1, lease_token = NULL, lease_until = NULL,
        error_code = p_code, error_message = left(p_message, 1000),
        not_before = CASE WHEN next_status = 'queued' THEN now() + make_interval(secs => wait_seconds) ELSE not_before END,
        completed_at = CASE WHEN next_status = 'queued' THEN NULL ELSE greatest(now(), started_at) END
    WHERE id = t.id;
    PERFORM pg_notify('threads_achievements', '');
    RETURN next_status;
END $$;

-- Gives a task back uncharged: the worker is stopping.
CREATE FUNCTION release_achievement_task(p_task uuid, p_token uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE t achievement_tasks := leased_achievement_task(p_task, p_token);
BEGIN
    UPDATE achievement_tasks SET status = 'queued', lease_token = NULL, lease_until = NULL, not_before = now() WHERE id = t.id;
    PERFORM pg_notify('threads_achievements', '');
END $$;

-- {"open": is there work that a Pod of this source with these Secrets may do, "waitMs": until its next task may be claimed, absent where
-- none waits}.
CREATE FUNCTION analysis_state(p_source uuid, p_credentials text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT jsonb_build_object('open', count(*) > 0 AND NOT (SELECT paused FROM install_settings)
            AND (p_source = '00000000-0000-0000-0000-000000000000' OR EXISTS (SELECT FROM achievement_sources
                WHERE uid = p_source AND namespace = worker_namespace() AND gone_at IS NULL AND NOT suspended
                  AND credentials_digest = p_credentials
                  AND (collection IS NOT NULL OR coalesce(settings -> 'embedding', 'null') = 'null'))),
        'waitMs', greatest(0, extract(epoch FROM min(not_before) - now()) * 1000)::bigint)
    FROM achievement_tasks
    WHERE namespace = worker_namespace() AND status = 'queued'
      AND source_uid IS NOT DISTINCT FROM nullif(p_source, '00000000-0000-0000-0000-000000000000')
$$;

DO $$
DECLARE
    install text := current_database();
    claims text := install || '_claims';
    signature text;
BEGIN
    EXECUTE format('GRANT CREATE ON SCHEMA public TO %I', claims);
    REVOKE ALL ON FUNCTION wake_for_achievement() FROM PUBLIC;
    FOREACH signature IN ARRAY ARRAY['achievement_subject(achievements)', 'leased_achievement_task(uuid, uuid)',
        'similar_achievements(achievements, uuid[], timestamptz, integer)',
        'relink_duplicates(achievements, uuid[], timestamptz, integer)'] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO %I', signature, claims);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
    END LOOP;
    FOREACH signature IN ARRAY ARRAY['claim_achievement_task(uuid, integer, text, text, integer)',
        'extend_achievement_lease(uuid, uuid, integer)',
        'complete_achievement_task(uuid, uuid, integer, jsonb, real[], text, text, uuid[], timestamptz, integer)',
        'fail_achievement_task(uuid, uuid, text, text, text, integer)', 'release_achievement_task(uuid, uuid)',
        'analysis_state(uuid, text)'] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO %I', signature, claims);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', signature, install || '_workers');
    END LOOP;
    EXECUTE format('REVOKE CREATE ON SCHEMA public FROM %I', claims);
END $$;
