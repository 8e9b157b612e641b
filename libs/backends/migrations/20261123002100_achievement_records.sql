-- The one place that makes records of achievements. Webhook, backfill, resources and the REST API all come through these functions,
-- in any order and any number of times, and give the same records.
--
-- They run with the caller's rights: the operator's login sees all namespaces, the API's the one of its transaction, and the workers'
-- definer functions the one of their login. Ids are made by domain::names and passed in. An id that another namespace took on purpose
-- (it can be computed) makes no trouble: the record then has a random one, because it is found by its identity.

-- Evidence that was attached, or was found to count alone or not at all.
ALTER TABLE achievement_evidence ADD COLUMN settled_at timestamptz;
CREATE INDEX achievement_evidence_settling ON achievement_evidence (settles_at) WHERE settled_at IS NULL;
CREATE INDEX achievement_evidence_sha ON achievement_evidence (namespace, host, repository_id, sha);
CREATE INDEX achievements_reverts ON achievements (namespace, host, repository_id, ((pull_request ->> 'reverts')::bigint))
    WHERE pull_request ? 'reverts';
-- The oldest unfinished delivery of each source, and what is old enough to be forgotten.
CREATE INDEX webhook_inbox_handled ON webhook_inbox (handled_at) WHERE handled_at IS NOT NULL;

-- Whoever changes more than one record of a namespace takes this first, until the end of the transaction: two writers that do not see
-- each other would otherwise leave a revert, or evidence, without its pull request.
CREATE FUNCTION lock_achievements(p_namespace text) RETURNS void LANGUAGE sql VOLATILE SET search_path = public, pg_temp AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('achievements/' || p_namespace, 0))
$$;

-- Distinct logins, as filters compare them.
CREATE FUNCTION achievement_logins(p_people jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT lower(person ->> 'login') ORDER BY lower(person ->> 'login')), '{}')
    FROM jsonb_array_elements(p_people) AS person WHERE person ->> 'login' IS NOT NULL
$$;

-- Both lists as one, without repeats, in one order.
CREATE FUNCTION achievement_union(p_one jsonb, p_other jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(DISTINCT item), '[]') FROM jsonb_array_elements(coalesce(p_one, '[]') || coalesce(p_other, '[]')) AS item
$$;

-- Two tellings of a pull request as one, whichever came first. Each field is what was told of it last; p_at and p_later_at say, for
-- fields that are older than their telling, when that was ({field: time}). Of one moment, people are joined and else the greater text
-- is taken, so that the order in which tellings come never shows.
CREATE FUNCTION merge_tellings(p_one jsonb, p_one_at jsonb, p_other jsonb, OUT merged jsonb, OUT merged_at jsonb)
LANGUAGE plpgsql IMMUTABLE SET search_path = public, pg_temp AS $$
DECLARE
    one_at timestamptz := (p_one ->> 'updatedAt')::timestamptz;
    other_at timestamptz := (p_other ->> 'updatedAt')::timestamptz;
    latest text := CASE WHEN other_at > one_at THEN p_other ->> 'updatedAt' ELSE p_one ->> 'updatedAt' END;
BEGIN
    SELECT jsonb_object_agg(key, CASE
            WHEN now_is IS NULL THEN was
            WHEN was IS NULL OR was_at < is_at THEN now_is
            WHEN is_at < was_at THEN was
            WHEN key = 'people' THEN achievement_union(was, now_is)
            ELSE greatest(was::text, now_is::text)::jsonb END),
        coalesce(jsonb_object_agg(key, to_jsonb(field_at)) FILTER (WHERE field_at < greatest(one_at, other_at)), '{}')
    INTO merged, merged_at
    FROM (SELECT coalesce(one.key, other.key) AS key, one.value AS was, other.value AS now_is,
            coalesce((p_one_at ->> one.key)::timestamptz, one_at) AS was_at, other_at AS is_at,
            CASE WHEN other.value IS NULL THEN coalesce((p_one_at ->> one.key)::timestamptz, one_at)
                WHEN one.value IS NULL THEN other_at
                ELSE greatest(coalesce((p_one_at ->> one.key)::timestamptz, one_at), other_at) END AS field_at
        FROM jsonb_each(p_one) AS one FULL JOIN jsonb_each(p_other) AS other ON one.key = other.key
        WHERE coalesce(one.key, other.key) <> 'updatedAt') fields;
    merged := coalesce(merged, '{}') || jsonb_build_object('updatedAt', latest);
END $$;

-- What hosts tell of a record, in the words of domain::achievement::Overrides: of its pull request, else of the event that it is.
CREATE FUNCTION achievement_told(p_row achievements) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    IF p_row.pull_request IS NOT NULL THEN
        RETURN jsonb_build_object('title', p_row.pull_request -> 'title', 'description', p_row.pull_request -> 'body',
            'startedAt', p_row.pull_request -> 'createdAt', 'completedAt', p_row.pull_request -> 'mergedAt',
            'people', p_row.pull_request -> 'people');
    ELSIF p_row.identity LIKE 'event/%' THEN
        RETURN coalesce((SELECT jsonb_build_object('title', event.title, 'completedAt', event.at, 'people', event.people)
            FROM achievement_evidence event
            WHERE event.namespace = p_row.namespace AND event.id = substr(p_row.identity, 7)::uuid), '{}');
    END IF;
    RETURN '{}';
END $$;

-- The columns that people and filters see: what a person set, else what was told. Times that run backwards are dropped, with a reason
-- in metadata_json; of two that contradict each other a person's stays.
CREATE FUNCTION achievement_effective(p_row achievements) RETURNS achievements LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    told jsonb := achievement_told(p_row);
    mine jsonb := p_row.overrides;
    dropped text[] := '{}';
    other uuid;
BEGIN
    p_row.title := left(coalesce(nullif(btrim(mine ->> 'title'), ''), nullif(btrim(told ->> 'title'), ''),
        p_row.repository || '#' || p_row.number, p_row.identity), 255);
    p_row.description := coalesce(mine ->> 'description', told ->> 'description');
    p_row.category := coalesce(mine ->> 'category', p_row.analysis ->> 'category', 'uncategorized');
    p_row.people := CASE WHEN jsonb_typeof(mine -> 'people') = 'array' THEN mine -> 'people'
        WHEN jsonb_typeof(told -> 'people') = 'array' THEN told -> 'people' ELSE '[]' END;
    p_row.logins := achievement_logins(p_row.people);
    p_row.portfolio_section := left(mine ->> 'portfolioSection', 100);
    p_row.display_priority := coalesce((mine ->> 'displayPriority')::integer, 50);
    p_row.hidden := coalesce((mine ->> 'hidden')::boolean, false);
    IF mine ->> 'duplicateOf' = 'none' THEN
        p_row.duplicate_of := NULL;
        p_row.duplicate_bp := NULL;
    ELSIF mine ->> 'duplicateOf' IS NOT NULL THEN
        SELECT id INTO other FROM achievements
        WHERE namespace = p_row.namespace AND id::text = mine ->> 'duplicateOf' AND id <> p_row.id;
        p_row.duplicate_of := other;
        p_row.duplicate_bp := NULL;
    END IF;
    p_row.started_at := coalesce(mine ->> 'startedAt', told ->> 'startedAt')::timestamptz;
    p_row.completed_at := coalesce(mine ->> 'completedAt', told ->> 'completedAt')::timestamptz;
    IF p_row.completed_at < p_row.started_at THEN
        IF mine ->> 'startedAt' IS NOT NULL AND mine ->> 'completedAt' IS NULL THEN
            p_row.completed_at := NULL;
            dropped := '{"completedAt: it was before the start that a person set"}';
        ELSE
            p_row.started_at := NULL;
            dropped := '{"startedAt: it was after the completion"}';
        END IF;
    END IF;
    p_row.metadata_json := p_row.metadata_json - 'dropped'
        || CASE WHEN dropped = '{}' THEN '{}' ELSE jsonb_build_object('dropped', dropped) END;
    RETURN p_row;
END $$;

-- What analysis sees of a record, beside its evidence. Another value here is another version of its facts.
CREATE FUNCTION achievement_seen(p_row achievements) RETURNS jsonb LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT jsonb_build_object('title', p_row.title, 'description', p_row.description, 'people', p_row.people,
        'startedAt', p_row.started_at, 'completedAt', p_row.completed_at, 'visibility', p_row.visibility,
        'category', p_row.overrides -> 'category', 'businessValue', p_row.overrides -> 'businessValue',
        'duplicateOf', p_row.overrides -> 'duplicateOf', 'pullRequest', p_row.pull_request - 'updatedAt',
        'gone', p_row.deleted_at IS NOT NULL)
$$;

-- Writes a record as it shall be, if it differs from what it was; raises the version of its facts if analysis would see it. A row that
-- was not there (p_before.id absent) is inserted. Answers the row that stands, and whether its facts are new.
CREATE FUNCTION store_achievement(p_before achievements, p_after achievements, OUT stored achievements, OUT outcome text, OUT raised boolean)
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
    p_after := achievement_effective(p_after);
    raised := false;
    stored := p_before;
    IF p_before.id IS NOT NULL AND p_before IS NOT DISTINCT FROM p_after THEN
        outcome := 'unchanged';
        RETURN;
    END IF;
    PERFORM pg_notify('threads_achievements', '');
    IF p_before.id IS NULL THEN
        LOOP
            INSERT INTO achievements (id, namespace, identity, source_uid, source_type, source_id, source_url, host, repository_id,
                repository, number, visibility, title, description, category, people, logins, started_at, completed_at,
                portfolio_section, display_priority, hidden, duplicate_of, pull_request, told_at, base_ref, shas, overrides,
                metadata_json, resource_uid, resource_name)
            SELECT p_after.id, p_after.namespace, p_after.identity, p_after.source_uid, p_after.source_type, p_after.source_id,
                p_after.source_url, p_after.host, p_after.repository_id, p_after.repository, p_after.number, p_after.visibility,
                p_after.title, p_after.description, p_after.category, p_after.people, p_after.logins, p_after.started_at,
                p_after.completed_at, p_after.portfolio_section, p_after.display_priority, p_after.hidden, p_after.duplicate_of,
                p_after.pull_request, p_after.told_at, p_after.base_ref, p_after.shas, p_after.overrides, p_after.metadata_json,
                p_after.resource_uid, p_after.resource_name
            ON CONFLICT (id) DO NOTHING RETURNING * INTO stored;
            EXIT WHEN FOUND;
            p_after.id := gen_random_uuid();
        END LOOP;
        outcome := 'created';
        raised := true;
        RETURN;
    END IF;
    raised := p_after.deleted_at IS NULL AND achievement_seen(p_before) IS DISTINCT FROM achievement_seen(p_after);
    UPDATE achievements SET source_uid = p_after.source_uid, source_type = p_after.source_type, source_id = p_after.source_id,
        source_url = p_after.source_url, host = p_after.host, repository_id = p_after.repository_id, repository = p_after.repository,
        number = p_after.number, visibility = p_after.visibility, title = p_after.title, description = p_after.description,
        category = p_after.category, people = p_after.people, logins = p_after.logins, started_at = p_after.started_at,
        completed_at = p_after.completed_at, portfolio_section = p_after.portfolio_section,
        display_priority = p_after.display_priority, hidden = p_after.hidden, duplicate_of = p_after.duplicate_of,
        duplicate_bp = p_after.duplicate_bp, pull_request = p_after.pull_request, told_at = p_after.told_at,
        base_ref = p_after.base_ref, shas = p_after.shas, overrides = p_after.overrides, metadata_json = p_after.metadata_json,
        resource_uid = p_after.resource_uid, resource_name = p_after.resource_name, deleted_at = p_after.deleted_at,
        deleted_by = p_after.deleted_by, resource_wanted = p_after.resource_wanted, revision = revision + 1,
        facts_version = facts_version + CASE WHEN raised THEN 1 ELSE 0 END
    WHERE id = p_before.id RETURNING * INTO stored;
    outcome := 'updated';
END $$;

-- Who takes a pull request back: the first that says so, is not deleted, and was not itself taken back. What that changes goes on to
-- the pull request that this one takes back; a later number takes back an earlier one, so it ends.
CREATE FUNCTION settle_reverts(p_namespace text, p_host text, p_repository_id bigint, p_number bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    number_now bigint := p_number;
    reverter uuid;
    reverts bigint;
BEGIN
    WHILE number_now IS NOT NULL LOOP
        SELECT id INTO reverter FROM achievements
        WHERE namespace = p_namespace AND host = p_host AND repository_id = p_repository_id AND pull_request ? 'reverts'
          AND (pull_request ->> 'reverts')::bigint = number_now AND number > number_now AND deleted_at IS NULL AND reverted_by IS NULL
        ORDER BY number LIMIT 1;
        UPDATE achievements SET reverted_by = reverter, revision = revision + 1
        WHERE namespace = p_namespace AND identity = format('github/%s/%s/%s', p_host, p_repository_id, number_now)
          AND reverted_by IS DISTINCT FROM reverter
        RETURNING (pull_request ->> 'reverts')::bigint INTO reverts;
        EXIT WHEN NOT FOUND OR reverts IS NULL OR reverts >= number_now;
        number_now := reverts;
    END LOOP;
END $$;

-- Attaches to a pull request the evidence that contains its commits. What counted alone until then is superseded. Answers how many
-- were new.
CREATE FUNCTION attach_evidence(p_row achievements) RETURNS integer LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE attached uuid[];
BEGIN
    WITH found AS (
        SELECT event.id FROM achievement_evidence event
        WHERE event.namespace = p_row.namespace AND event.host = p_row.host AND event.repository_id = p_row.repository_id
          AND (event.shas && p_row.shas OR event.sha = ANY (p_row.shas))),
    linked AS (
        INSERT INTO achievement_evidence_links (achievement_id, evidence_id, namespace)
        SELECT p_row.id, found.id, p_row.namespace FROM found ON CONFLICT DO NOTHING RETURNING evidence_id)
    SELECT coalesce(array_agg(evidence_id), '{}') INTO attached FROM linked;
    IF attached = '{}' THEN
        RETURN 0;
    END IF;
    UPDATE achievement_evidence SET settled_at = now() WHERE id = ANY (attached) AND settled_at IS NULL;
    UPDATE achievements SET superseded_by = p_row.id, revision = revision + 1
    WHERE namespace = p_row.namespace AND superseded_by IS NULL
      AND identity IN (SELECT 'event/' || event FROM unnest(attached) AS event);
    RETURN cardinality(attached);
END $$;

-- The version of a record's facts was raised by something that stands in other rows.
CREATE FUNCTION raise_facts(p_achievement uuid) RETURNS integer LANGUAGE sql VOLATILE SET search_path = public, pg_temp AS $$
    UPDATE achievements SET facts_version = facts_version + 1, revision = revision + 1
    WHERE id = p_achievement AND deleted_at IS NULL AND superseded_by IS NULL RETURNING facts_version
$$;

-- Takes what was told of a merged pull request (domain::achievement::PullRequest). Answers {id, outcome, factsVersion, raised: [{id,
-- factsVersion}]}; for each of `raised` the caller calls queue_analyses in the same transaction. outcome: created, updated, unchanged,
-- stale (something newer is known), tombstoned (it was deleted and stays so).
CREATE FUNCTION record_pull_request(p_namespace text, p_source uuid, p_id uuid, p_identity text, p_pull jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    pull jsonb := jsonb_strip_nulls(p_pull);
    before achievements;
    after achievements;
    kept record;
    new_links integer;
    is_raised boolean;
BEGIN
    PERFORM lock_achievements(p_namespace);
    SELECT * INTO before FROM achievements WHERE namespace = p_namespace AND identity = p_identity FOR UPDATE;
    IF before.deleted_at IS NOT NULL THEN
        RETURN jsonb_build_object('id', before.id, 'outcome', 'tombstoned', 'factsVersion', before.facts_version, 'raised', '[]'::jsonb);
    END IF;
    after := before;
    IF before.id IS NULL THEN
        after.id := p_id;
        after.namespace := p_namespace;
        after.identity := p_identity;
        after.overrides := '{}';
        after.metadata_json := '{}';
        after.shas := '{}';
    END IF;
    SELECT merged, merged_at INTO after.pull_request, pull FROM merge_tellings(
        coalesce(before.pull_request, pull), coalesce(before.metadata_json -> 'toldAt', '{}'), pull);
    after.metadata_json := after.metadata_json - 'toldAt'
        || CASE WHEN pull = '{}' THEN '{}' ELSE jsonb_build_object('toldAt', pull) END;
    pull := after.pull_request;
    after.source_uid := coalesce((SELECT uid FROM achievement_sources WHERE uid = before.source_uid AND gone_at IS NULL), p_source,
        before.source_uid);
    after.source_type := 'github_pr';
    after.source_id := left((pull ->> 'repository') || '#' || (pull ->> 'number'), 255);
    after.source_url := CASE WHEN length(pull ->> 'url') <= 500 THEN pull ->> 'url' END;
    after.host := pull ->> 'host';
    after.repository_id := (pull ->> 'repositoryId')::bigint;
    after.repository := pull ->> 'repository';
    after.number := (pull ->> 'number')::bigint;
    after.visibility := coalesce(pull ->> 'visibility', 'private');
    after.told_at := (pull ->> 'updatedAt')::timestamptz;
    after.base_ref := pull ->> 'baseRef';
    after.shas := ARRAY(SELECT DISTINCT sha FROM unnest(after.shas
        || ARRAY[p_pull ->> 'mergeCommitSha', p_pull ->> 'headSha']) AS sha WHERE sha IS NOT NULL ORDER BY sha);
    SELECT * INTO kept FROM store_achievement(before, after);
    IF kept.outcome = 'unchanged' THEN
        RETURN jsonb_build_object('id', before.id, 'factsVersion', before.facts_version, 'raised', '[]'::jsonb, 'outcome',
            CASE WHEN (p_pull ->> 'updatedAt')::timestamptz < before.told_at THEN 'stale' ELSE 'unchanged' END);
    END IF;
    after := kept.stored;
    is_raised := kept.raised;
    IF after.shas IS DISTINCT FROM before.shas THEN
        new_links := attach_evidence(after);
        IF new_links > 0 AND NOT is_raised THEN
            after.facts_version := raise_facts(after.id);
            is_raised := true;
        END IF;
    END IF;
    IF before.pull_request IS NULL OR (before.pull_request -> 'reverts') IS DISTINCT FROM (pull -> 'reverts') THEN
        PERFORM settle_reverts(p_namespace, after.host, after.repository_id, after.number);
        PERFORM settle_reverts(p_namespace, after.host, after.repository_id, told.number)
        FROM (VALUES ((before.pull_request ->> 'reverts')::bigint), ((pull ->> 'reverts')::bigint)) AS told (number)
        WHERE told.number < after.number;
    END IF;
    RETURN jsonb_build_object('id', after.id, 'outcome', kept.outcome, 'factsVersion', after.facts_version, 'raised',
        CASE WHEN is_raised THEN jsonb_build_array(jsonb_build_object('id', after.id, 'factsVersion', after.facts_version))
            ELSE '[]'::jsonb END);
END $$;

-- Takes what was told of a push, a release or a successful deployment (domain::achievement::Evidence), and attaches it to the pull
-- requests whose commits it contains. Told twice, commits and people are joined. Answers {id, outcome: created | updated | unchanged,
-- linked, raised}; `linked` counts pull requests, deleted ones as well, which it then belongs to and not to itself.
CREATE FUNCTION record_evidence(p_namespace text, p_source uuid, p_id uuid, p_evidence jsonb, p_settle_seconds double precision)
RETURNS jsonb LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    told jsonb := jsonb_strip_nulls(p_evidence);
    before achievement_evidence;
    after achievement_evidence;
    pull achievements;
    told_shas text[] := (SELECT array_agg(DISTINCT sha ORDER BY sha) FROM jsonb_array_elements_text(told -> 'shas') AS sha);
    all_links integer := 0;
    raised jsonb := '[]';
BEGIN
    PERFORM lock_achievements(p_namespace);
    SELECT * INTO before FROM achievement_evidence WHERE namespace = p_namespace AND host = told ->> 'host'
        AND repository_id = (told ->> 'repositoryId')::bigint AND kind = told ->> 'kind' AND external_id = told ->> 'externalId' FOR UPDATE;
    after := before;
    after.title := greatest(before.title, left(told ->> 'title', 1000));
    after.url := greatest(before.url, told ->> 'url');
    after.stream := greatest(before.stream, told ->> 'stream');
    after.repository := coalesce(told ->> 'repository', before.repository);
    after.sha := greatest(before.sha, told ->> 'sha');
    after.shas := CASE WHEN before.shas IS NULL THEN told_shas WHEN told_shas IS NULL THEN before.shas
        ELSE ARRAY(SELECT DISTINCT sha FROM unnest(before.shas || told_shas) AS sha ORDER BY sha) END;
    after.at := least(before.at, (told ->> 'at')::timestamptz);
    after.people := achievement_union(before.people, told -> 'people');
    IF before.id IS NOT NULL AND before IS NOT DISTINCT FROM after THEN
        RETURN jsonb_build_object('id', before.id, 'outcome', 'unchanged', 'linked',
            (SELECT count(*) FROM achievement_evidence_links WHERE evidence_id = before.id), 'raised', raised);
    END IF;
    IF before.id IS NULL THEN
        after.id := p_id;
        LOOP
            INSERT INTO achievement_evidence (id, namespace, source_uid, kind, host, repository_id, repository, external_id, title, url,
                stream, sha, shas, at, people, settles_at)
            VALUES (after.id, p_namespace, p_source, told ->> 'kind', told ->> 'host', (told ->> 'repositoryId')::bigint,
                after.repository, told ->> 'externalId', after.title, after.url, after.stream, after.sha, after.shas, after.at,
                after.people, now() + make_interval(secs => p_settle_seconds))
            ON CONFLICT (id) DO NOTHING RETURNING * INTO after;
            EXIT WHEN FOUND;
            after.id := gen_random_uuid();
        END LOOP;
    ELSE
        UPDATE achievement_evidence SET title = after.title, url = after.url, stream = after.stream, repository = after.repository,
            sha = after.sha, shas = after.shas, at = after.at, people = after.people WHERE id = before.id;
    END IF;
    PERFORM pg_notify('threads_achievements', '');
    -- Analysis sees the evidence, so those that have it already see it change.
    FOR pull IN SELECT record.* FROM achievements record
        WHERE record.namespace = p_namespace AND (
            (record.host = after.host AND record.repository_id = after.repository_id AND record.pull_request IS NOT NULL
                AND (record.shas && after.shas OR record.shas @> ARRAY[after.sha]))
            OR record.id IN (SELECT achievement_id FROM achievement_evidence_links WHERE evidence_id = after.id))
        ORDER BY record.id LOOP
        IF pull.pull_request IS NOT NULL THEN
            PERFORM attach_evidence(pull);
            all_links := all_links + 1;
        END IF;
        pull.facts_version := raise_facts(pull.id);
        IF pull.facts_version IS NOT NULL THEN
            raised := raised || jsonb_build_object('id', pull.id, 'factsVersion', pull.facts_version);
        END IF;
    END LOOP;
    RETURN jsonb_build_object('id', after.id, 'outcome', CASE WHEN before.id IS NULL THEN 'created' ELSE 'updated' END,
        'linked', all_links, 'raised', raised);
END $$;

-- Evidence that no pull request contains, and whose time has come, becomes a record of its own; p_alone false says that it does not
-- count by itself either. Answers as record_pull_request; outcome `unchanged` where it was settled meanwhile.
CREATE FUNCTION settle_evidence(p_namespace text, p_evidence uuid, p_id uuid, p_identity text, p_alone boolean) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    event achievement_evidence;
    before achievements;
    after achievements;
    kept record;
BEGIN
    PERFORM lock_achievements(p_namespace);
    UPDATE achievement_evidence SET settled_at = now() WHERE id = p_evidence AND namespace = p_namespace AND settled_at IS NULL
    RETURNING * INTO event;
    SELECT * INTO before FROM achievements WHERE namespace = p_namespace AND identity = p_identity;
    IF event.id IS NULL OR NOT p_alone OR before.id IS NOT NULL THEN
        RETURN jsonb_build_object('id', coalesce(before.id, p_id), 'outcome', 'unchanged', 'factsVersion', 0, 'raised', '[]'::jsonb);
    END IF;
    after.id := p_id;
    after.namespace := p_namespace;
    after.identity := p_identity;
    after.overrides := '{}';
    after.metadata_json := jsonb_build_object('evidence', event.kind);
    after.shas := '{}';
    after.source_uid := event.source_uid;
    after.source_type := CASE WHEN event.kind = 'deployment' THEN 'ci' ELSE 'git' END;
    after.source_id := left(event.repository || '@' || event.external_id, 255);
    after.source_url := CASE WHEN length(event.url) <= 500 THEN event.url END;
    after.host := event.host;
    after.repository_id := event.repository_id;
    after.repository := event.repository;
    after.visibility := coalesce((SELECT record.visibility FROM achievements record WHERE record.namespace = p_namespace
        AND record.host = event.host AND record.repository_id = event.repository_id AND record.pull_request IS NOT NULL
        ORDER BY record.told_at DESC LIMIT 1), 'private');
    SELECT * INTO kept FROM store_achievement(before, after);
    after := kept.stored;
    INSERT INTO achievement_evidence_links (achievement_id, evidence_id, namespace) VALUES (after.id, event.id, p_namespace);
    RETURN jsonb_build_object('id', after.id, 'outcome', 'created', 'factsVersion', after.facts_version, 'raised',
        jsonb_build_array(jsonb_build_object('id', after.id, 'factsVersion', after.facts_version)));
END $$;

-- What a person says of a record. p_overrides (domain::achievement::Overrides) replaces what people said before, or, with p_patch,
-- changes it field by field, null taking one away. p_origin {sourceType, sourceId, url, host, repositoryId, repository, number,
-- visibility, sourceUid, resourceUid, resourceName} says where it comes from; webhook and backfill know better, but for the resource.
-- With p_revive a deleted record comes back. Answers as record_pull_request; outcome also `revived`.
CREATE FUNCTION declare_achievement(p_namespace text, p_id uuid, p_identity text, p_origin jsonb, p_overrides jsonb, p_patch boolean,
    p_revive boolean) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    before achievements;
    after achievements;
    kept record;
    revived boolean;
BEGIN
    PERFORM lock_achievements(p_namespace);
    SELECT * INTO before FROM achievements WHERE namespace = p_namespace AND identity = p_identity FOR UPDATE;
    revived := before.deleted_at IS NOT NULL AND p_revive;
    IF before.deleted_at IS NOT NULL AND NOT p_revive THEN
        RETURN jsonb_build_object('id', before.id, 'outcome', 'tombstoned', 'factsVersion', before.facts_version, 'raised', '[]'::jsonb);
    END IF;
    after := before;
    IF before.id IS NULL THEN
        after.id := p_id;
        after.namespace := p_namespace;
        after.identity := p_identity;
        after.overrides := '{}';
        after.metadata_json := '{}';
        after.shas := '{}';
    END IF;
    after.deleted_at := NULL;
    after.deleted_by := NULL;
    after.overrides := jsonb_strip_nulls(CASE WHEN p_patch THEN after.overrides || p_overrides ELSE p_overrides END);
    after.resource_uid := coalesce((p_origin ->> 'resourceUid')::uuid, before.resource_uid);
    after.resource_name := coalesce(p_origin ->> 'resourceName', before.resource_name);
    after.source_uid := coalesce(before.source_uid, (p_origin ->> 'sourceUid')::uuid);
    IF before.pull_request IS NULL AND coalesce(before.identity, '') NOT LIKE 'event/%' THEN
        after.source_type := coalesce((p_origin ->> 'sourceType')::source_type_enum, before.source_type, 'manual');
        after.source_id := coalesce(left(p_origin ->> 'sourceId', 255), before.source_id);
        after.source_url := CASE WHEN length(p_origin ->> 'url') <= 500 THEN p_origin ->> 'url' ELSE before.source_url END;
        after.host := coalesce(p_origin ->> 'host', before.host);
        after.repository_id := coalesce((p_origin ->> 'repositoryId')::bigint, before.repository_id);
        after.repository := coalesce(p_origin ->> 'repository', before.repository);
        after.number := coalesce((p_origin ->> 'number')::bigint, before.number);
        after.visibility := coalesce(p_origin ->> 'visibility', before.visibility, 'private');
    END IF;
    SELECT * INTO kept FROM store_achievement(before, after);
    IF revived THEN
        PERFORM settle_reverts(p_namespace, before.host, before.repository_id, (before.pull_request ->> 'reverts')::bigint);
    END IF;
    RETURN jsonb_build_object('id', (kept.stored).id, 'outcome', CASE WHEN revived THEN 'revived' ELSE kept.outcome END,
        'factsVersion', (kept.stored).facts_version, 'raised', CASE WHEN kept.raised
            THEN jsonb_build_array(jsonb_build_object('id', (kept.stored).id, 'factsVersion', (kept.stored).facts_version))
            ELSE '[]'::jsonb END);
END $$;

-- Deletes a record for everybody, leaving a tombstone: webhook and backfill do not bring it back. Answers whether there was one.
CREATE FUNCTION tombstone_achievement(p_namespace text, p_id uuid, p_by text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE gone achievements;
BEGIN
    PERFORM lock_achievements(p_namespace);
    UPDATE achievements SET deleted_at = now(), deleted_by = p_by, resource_wanted = false, revision = revision + 1
    WHERE namespace = p_namespace AND id = p_id AND deleted_at IS NULL RETURNING * INTO gone;
    IF gone.id IS NULL THEN
        RETURN false;
    END IF;
    UPDATE achievement_tasks SET status = 'cancelled', completed_at = now() WHERE achievement_id = p_id AND status = 'queued';
    IF gone.pull_request ? 'reverts' THEN
        PERFORM settle_reverts(p_namespace, gone.host, gone.repository_id, (gone.pull_request ->> 'reverts')::bigint);
    END IF;
    PERFORM pg_notify('threads_achievements', '');
    RETURN true;
END $$;

-- Whose embedding settings a record is analysed with: its own source's while that lives; else the namespace's default, which is its
-- oldest source that has some.
CREATE FUNCTION analysis_source(p_namespace text, p_source uuid) RETURNS uuid LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT uid FROM achievement_sources
    WHERE namespace = p_namespace AND gone_at IS NULL AND (uid = p_source OR settings -> 'embedding' <> 'null')
    ORDER BY uid IS DISTINCT FROM p_source, created_at, uid LIMIT 1
$$;

-- Queues the analysis of new versions of facts; what waited for an older version is cancelled. Ids are domain::names::analysis_task_id.
-- Answers how many were queued.
CREATE FUNCTION queue_analyses(p_namespace text, p_tasks uuid[], p_achievements uuid[], p_versions integer[], p_protocol integer)
RETURNS integer LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE queued integer;
BEGIN
    UPDATE achievement_tasks task SET status = 'cancelled', completed_at = now()
    FROM unnest(p_achievements, p_versions) AS wanted (achievement_id, version)
    WHERE task.namespace = p_namespace AND task.achievement_id = wanted.achievement_id AND task.status = 'queued'
      AND task.facts_version < wanted.version;
    INSERT INTO achievement_tasks (id, namespace, achievement_id, source_uid, facts_version, protocol, credentials_digest)
    SELECT wanted.task, p_namespace, record.id, source.uid, wanted.version, p_protocol, coalesce(source.credentials_digest, '')
    FROM unnest(p_tasks, p_achievements, p_versions) AS wanted (task, achievement_id, version)
    JOIN achievements record ON record.id = wanted.achievement_id AND record.namespace = p_namespace
    LEFT JOIN achievement_sources source ON source.uid = analysis_source(p_namespace, record.source_uid)
    WHERE record.deleted_at IS NULL
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS queued = ROW_COUNT;
    RETURN queued;
END $$;

-- The source that the path of a webhook names: its namespace and sealed keys. The API's login may not read keys otherwise, and knows no
-- namespace before it has found the source.
CREATE FUNCTION webhook_source(p_uid uuid) RETURNS TABLE (namespace text, webhook_keys bytea, suspended boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT namespace, webhook_keys, suspended FROM achievement_sources WHERE uid = p_uid AND gone_at IS NULL
$$;

DO $$
DECLARE
    install text := current_database();
    api text := install || '_api';
    claims text := install || '_claims';
    shared text;
BEGIN
    REVOKE ALL ON FUNCTION webhook_source(uuid) FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION webhook_source(uuid) TO %I', api);
    FOREACH shared IN ARRAY ARRAY['lock_achievements(text)', 'achievement_logins(jsonb)', 'achievement_union(jsonb, jsonb)',
        'merge_tellings(jsonb, jsonb, jsonb)', 'achievement_told(achievements)', 'achievement_effective(achievements)',
        'achievement_seen(achievements)', 'store_achievement(achievements, achievements)',
        'settle_reverts(text, text, bigint, bigint)', 'attach_evidence(achievements)', 'raise_facts(uuid)',
        'record_pull_request(text, uuid, uuid, text, jsonb)', 'record_evidence(text, uuid, uuid, jsonb, double precision)',
        'settle_evidence(text, uuid, uuid, text, boolean)', 'declare_achievement(text, uuid, text, jsonb, jsonb, boolean, boolean)',
        'tombstone_achievement(text, uuid, text)', 'analysis_source(text, uuid)',
        'queue_analyses(text, uuid[], uuid[], integer[], integer)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', shared);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I, %I, %I', shared, install || '_operator', api, claims);
    END LOOP;
    -- A person's change cancels what waited for the facts before it, and the next task is bound to its source's Pods.
    EXECUTE format('GRANT UPDATE (status, completed_at) ON achievement_tasks TO %I', api);
    EXECUTE format('GRANT SELECT (credentials_digest, created_at) ON achievement_sources TO %I', api);
END $$;
