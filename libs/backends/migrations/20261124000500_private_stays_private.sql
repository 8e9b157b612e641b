-- As before, but of two tellings of one moment the one that hides more is believed: a repository may have become private since, and
-- that changes no pull request's time.
CREATE OR REPLACE FUNCTION merge_tellings(p_one jsonb, p_one_at jsonb, p_other jsonb, OUT merged jsonb, OUT merged_at jsonb)
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
            WHEN key = 'visibility' AND '"private"' IN (was, now_is) THEN '"private"'
            WHEN key = 'visibility' AND '"internal"' IN (was, now_is) THEN '"internal"'
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
