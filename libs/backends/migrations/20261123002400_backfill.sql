-- What the backfill worker of a source may do: functions of the NOLOGIN owner. Every one is bound to the namespace of the login that
-- calls it, and writes only while the source is live: a source that is gone or suspended takes nothing more.

-- The source as a worker with these credentials sees it, from now on at work: {settings, namespace, startedAt}. NULL where there is no
-- such source for it, or nothing is to be done now.
CREATE FUNCTION backfill_source(p_source uuid, p_credentials text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ns text := worker_namespace();
    answer jsonb;
BEGIN
    IF ns IS NULL OR (SELECT paused FROM install_settings) THEN
        RETURN NULL;
    END IF;
    UPDATE achievement_sources SET backfill_started_at = now()
    WHERE uid = p_source AND namespace = ns AND gone_at IS NULL AND NOT suspended AND credentials_digest = p_credentials
    RETURNING jsonb_build_object('settings', settings, 'namespace', namespace, 'startedAt', backfill_started_at) INTO answer;
    RETURN answer;
END $$;

-- Raises TA001 where the source is not this worker's to fill any more.
CREATE FUNCTION backfill_live(p_source uuid) RETURNS achievement_sources
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE source achievement_sources;
BEGIN
    SELECT * INTO source FROM achievement_sources
    WHERE uid = p_source AND namespace = worker_namespace() AND gone_at IS NULL AND NOT suspended FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'source % is not to be filled', p_source USING ERRCODE = 'TA001';
    END IF;
    RETURN source;
END $$;

-- Where the streams of a repository stand: {stream: {cursor, etag, completeTo}}.
CREATE FUNCTION backfill_positions(p_source uuid, p_repository text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(stream, jsonb_build_object('cursor', cursor, 'etag', etag, 'completeTo', complete_to)), '{}')
    FROM backfill_cursors WHERE source_uid = p_source AND repository = p_repository AND namespace = worker_namespace()
$$;

-- One page: its records and the cursor that follows it, or nothing. p_before is the cursor that the worker started from; another one
-- says that another worker is at it, and this one must stop (TA001). p_items: [{"id", "pullRequest"} or {"id", "evidence"}], the ids
-- by domain::names. p_complete_to comes with the page that ends a walk. Answers {"outcomes": {outcome: n}, "raised": [...]}; for
-- `raised` the caller calls backfill_analyses in the same transaction.
CREATE FUNCTION backfill_page(p_source uuid, p_repository text, p_stream text, p_before jsonb, p_items jsonb, p_cursor jsonb,
    p_etag text, p_complete_to timestamptz, p_settle_seconds double precision) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ns text := worker_namespace();
    source achievement_sources;
    stands jsonb;
    item jsonb;
    told jsonb;
    answer jsonb;
    outcomes jsonb := '{}';
    raised jsonb := '[]';
BEGIN
    -- Lock order: the namespace's records, the source, the cursor.
    PERFORM lock_achievements(ns);
    source := backfill_live(p_source);
    SELECT cursor INTO stands FROM backfill_cursors
    WHERE source_uid = p_source AND repository = p_repository AND stream = p_stream FOR UPDATE;
    IF coalesce(stands, '{}') IS DISTINCT FROM p_before THEN
        RAISE EXCEPTION 'another worker fills source %', p_source USING ERRCODE = 'TA001';
    END IF;
    FOR item IN SELECT value FROM jsonb_array_elements(p_items) LOOP
        told := coalesce(item -> 'pullRequest', item -> 'evidence');
        IF told ->> 'host' IS DISTINCT FROM lower(source.settings ->> 'host') THEN
            RAISE EXCEPTION 'source % is of another host', p_source USING ERRCODE = '22023';
        END IF;
        IF item ? 'pullRequest' THEN
            answer := record_pull_request(ns, p_source, (item ->> 'id')::uuid,
                format('github/%s/%s/%s', told ->> 'host', told ->> 'repositoryId', told ->> 'number'), told);
        ELSE
            answer := record_evidence(ns, p_source, (item ->> 'id')::uuid, told, p_settle_seconds);
        END IF;
        outcomes := jsonb_set(outcomes, ARRAY[answer ->> 'outcome'],
            to_jsonb(coalesce((outcomes ->> (answer ->> 'outcome'))::integer, 0) + 1));
        raised := raised || (answer -> 'raised');
    END LOOP;
    INSERT INTO backfill_cursors AS stored (source_uid, repository, stream, namespace, cursor, etag, items, complete_to)
    VALUES (p_source, p_repository, p_stream, ns, p_cursor, p_etag, jsonb_array_length(p_items), p_complete_to)
    ON CONFLICT (source_uid, repository, stream) DO UPDATE SET cursor = excluded.cursor, etag = excluded.etag,
        items = stored.items + excluded.items, complete_to = greatest(stored.complete_to, excluded.complete_to), updated_at = now();
    RETURN jsonb_build_object('outcomes', outcomes, 'raised', raised);
END $$;

-- Queues what a page or a resolution raised.
CREATE FUNCTION backfill_analyses(p_tasks uuid[], p_achievements uuid[], p_versions integer[], p_protocol integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT queue_analyses(worker_namespace(), p_tasks, p_achievements, p_versions, p_protocol)
$$;

-- Evidence of the source whose commits are not known, oldest first, after the given place: with the one before it, from which its
-- commits are told by comparison. Only where everything up to it is known, because a predecessor that was missed would make it contain
-- too much.
CREATE FUNCTION backfill_unresolved(p_source uuid, p_after_at timestamptz, p_after_id uuid, p_limit integer) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', event.id, 'kind', event.kind, 'repository', event.repository,
        'stream', event.stream, 'sha', event.sha, 'at', event.at, 'previousStream', previous.stream, 'previousSha', previous.sha)
        ORDER BY event.at, event.id), '[]')
    FROM (SELECT * FROM achievement_evidence
          WHERE source_uid = p_source AND namespace = worker_namespace() AND shas IS NULL
            AND (p_after_at IS NULL OR (at, id) > (p_after_at, p_after_id))
            AND EXISTS (SELECT FROM backfill_cursors known WHERE known.source_uid = p_source
                AND known.repository = achievement_evidence.repository AND known.complete_to >= achievement_evidence.at
                AND known.stream = CASE kind WHEN 'push' THEN 'pushes' WHEN 'release' THEN 'releases' ELSE 'deployments' END)
          ORDER BY at, id LIMIT p_limit) event
    LEFT JOIN LATERAL (
        SELECT before.stream, before.sha FROM achievement_evidence before
        WHERE before.namespace = event.namespace AND before.host = event.host AND before.repository_id = event.repository_id
          AND before.kind = event.kind AND (event.kind = 'release' OR before.stream = event.stream)
          AND (before.at, before.id) < (event.at, event.id)
        ORDER BY before.at DESC, before.id DESC LIMIT 1) previous ON true
$$;

-- The commits that evidence contains have become known. Answers {"raised": [...]}, as backfill_page does.
CREATE FUNCTION resolve_evidence(p_source uuid, p_evidence uuid, p_shas text[]) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ns text := worker_namespace();
    event achievement_evidence;
BEGIN
    PERFORM lock_achievements(ns);
    PERFORM backfill_live(p_source);
    SELECT * INTO event FROM achievement_evidence
    WHERE id = p_evidence AND source_uid = p_source AND namespace = ns AND shas IS NULL;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('raised', '[]'::jsonb);
    END IF;
    IF p_shas = '{}' THEN
        -- Nothing beyond its predecessor: known, and told to nobody.
        UPDATE achievement_evidence SET shas = '{}' WHERE id = event.id;
        RETURN jsonb_build_object('raised', '[]'::jsonb);
    END IF;
    RETURN record_evidence(ns, p_source, event.id, jsonb_build_object('kind', event.kind, 'host', event.host,
        'repositoryId', event.repository_id, 'repository', event.repository, 'externalId', event.external_id, 'title', event.title,
        'url', event.url, 'stream', event.stream, 'sha', event.sha, 'shas', p_shas, 'at', event.at, 'people', event.people), 0);
END $$;

-- Everything is known up to p_known_to; the next backfill is due after the source's own interval.
CREATE FUNCTION backfill_done(p_source uuid, p_known_to timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM backfill_live(p_source);
    UPDATE achievement_sources SET caught_up_at = greatest(caught_up_at, p_known_to), reached_at = now(), reach_error = NULL,
        backfill_due_at = now() + make_interval(secs => coalesce((settings ->> 'backfillEverySeconds')::double precision, 3600))
    WHERE uid = p_source AND namespace = worker_namespace();
    PERFORM pg_notify('threads_achievements', '');
END $$;

-- Something is not known, and why; the next backfill is due when p_retry_seconds are over. p_reached says that the host answered.
CREATE FUNCTION backfill_failed(p_source uuid, p_code text, p_message text, p_retry_seconds double precision, p_reached boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM backfill_live(p_source);
    UPDATE achievement_sources SET reach_error = jsonb_build_object('code', left(p_code, 60), 'message', left(p_message, 500)),
        reached_at = CASE WHEN p_reached THEN now() ELSE reached_at END,
        backfill_due_at = now() + make_interval(secs => least(greatest(p_retry_seconds, 0), 86400))
    WHERE uid = p_source AND namespace = worker_namespace();
    PERFORM pg_notify('threads_achievements', '');
END $$;

DO $$
DECLARE
    install text := current_database();
    claims text := install || '_claims';
    signature text;
BEGIN
    EXECUTE format('GRANT CREATE ON SCHEMA public TO %I', claims);
    FOREACH signature IN ARRAY ARRAY['backfill_live(uuid)', 'backfill_source(uuid, text)', 'backfill_positions(uuid, text)',
        'backfill_page(uuid, text, text, jsonb, jsonb, jsonb, text, timestamptz, double precision)',
        'backfill_analyses(uuid[], uuid[], integer[], integer)', 'backfill_unresolved(uuid, timestamptz, uuid, integer)',
        'resolve_evidence(uuid, uuid, text[])', 'backfill_done(uuid, timestamptz)',
        'backfill_failed(uuid, text, text, double precision, boolean)'] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO %I', signature, claims);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        -- The first is for the others alone.
        IF signature <> 'backfill_live(uuid)' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', signature, install || '_workers');
        END IF;
    END LOOP;
    EXECUTE format('REVOKE CREATE ON SCHEMA public FROM %I', claims);
END $$;
