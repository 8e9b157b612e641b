-- As before, but the oldest task is found at the index's first rows, however many wait: it is ordered by age within a source.
CREATE OR REPLACE FUNCTION claim_achievement_task(p_source uuid, p_protocol integer, p_credentials text, p_worker text, p_lease_seconds integer)
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
    IF wanted IS NULL THEN
        SELECT task.* INTO t FROM achievement_tasks task JOIN achievements record ON record.id = task.achievement_id
        WHERE task.namespace = ns AND task.source_uid IS NULL AND task.status = 'queued' AND task.not_before <= now()
          AND task.protocol <= p_protocol AND record.deleted_at IS NULL
        ORDER BY task.created_at LIMIT 1
        FOR UPDATE OF task SKIP LOCKED;
    ELSE
        SELECT task.* INTO t FROM achievement_tasks task JOIN achievements record ON record.id = task.achievement_id
        WHERE task.namespace = ns AND task.source_uid = wanted AND task.status = 'queued' AND task.not_before <= now()
          AND task.protocol <= p_protocol AND record.deleted_at IS NULL
        ORDER BY task.created_at LIMIT 1
        FOR UPDATE OF task SKIP LOCKED;
    END IF;
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
