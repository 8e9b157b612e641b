-- Exports: how long they are kept, what was left out of them, and the two things that the API's loop does for all namespaces.
ALTER TABLE portfolio_exports
    -- domain of portfolio::LeftOut.
    ADD COLUMN left_out   jsonb,
    ADD COLUMN expires_at timestamptz NOT NULL DEFAULT now() + interval '7 days';
CREATE INDEX portfolio_exports_of_namespace ON portfolio_exports (namespace, created_at DESC);
CREATE INDEX portfolio_exports_expiring ON portfolio_exports (expires_at);

-- Claims the export that waits longest, of whatever namespace; one whose writer's lease ended is claimed again. No row where there is
-- none. All else happens in a transaction bound to the namespace that this tells.
CREATE FUNCTION claim_export(p_lease_seconds double precision)
RETURNS TABLE (id uuid, namespace text, request jsonb, object_key text, attempts integer, lease_token uuid, created_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE portfolio_exports AS export
    SET status = 'running', attempts = export.attempts + 1, lease_token = gen_random_uuid(),
        lease_until = now() + make_interval(secs => p_lease_seconds)
    WHERE export.id = (
        SELECT waiting.id FROM portfolio_exports AS waiting
        WHERE (waiting.status = 'queued' AND waiting.not_before <= now())
           OR (waiting.status = 'running' AND waiting.lease_until < now())
        ORDER BY waiting.not_before, waiting.id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING export.id, export.namespace, export.request, export.object_key, export.attempts, export.lease_token, export.created_at
$$;

-- Exports whose time is over. Their objects go first, then the rows.
CREATE FUNCTION expired_exports(p_limit integer) RETURNS TABLE (id uuid, namespace text, object_key text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT export.id, export.namespace, export.object_key FROM portfolio_exports AS export
    WHERE export.expires_at < now() AND export.status IN ('done', 'failed') ORDER BY export.expires_at LIMIT p_limit
$$;

DO $$
DECLARE
    api text := current_database() || '_api';
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['claim_export(double precision)', 'expired_exports(integer)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', signature, api);
    END LOOP;
END $$;
