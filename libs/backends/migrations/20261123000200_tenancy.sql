-- Who may see what. Role names begin with the install, which is the database's own name, so that two installs never meet.
--   <install>_migrate      owns the tables; runs the migrations
--   <install>_operator     reads and writes all tenants' rows
--   <install>_claims       owns the workers' functions; sees the rows of the namespace that session_user is mapped to
--   <install>_provisioner  owns the function that makes worker logins
--   <install>_workers      group of all worker logins: may call the workers' functions and nothing else

DO $$
DECLARE
    install text := current_database();
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['_claims', '_workers'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = install || role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', install || role);
        END IF;
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = install || '_provisioner') THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN CREATEROLE', install || '_provisioner');
    END IF;
    EXECUTE format('GRANT %I TO %I WITH ADMIN OPTION', install || '_workers', install || '_provisioner');
    EXECUTE format('GRANT %I, %I TO CURRENT_USER', install || '_claims', install || '_provisioner');
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', install);
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I, %I', install, install || '_operator', install || '_workers');
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I, %I, %I, %I', install || '_operator', install || '_claims',
        install || '_workers', install || '_provisioner');
END $$;

-- The namespace of the login that is connected; inside a definer function current_user would be the function's owner.
CREATE FUNCTION worker_namespace() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT namespace FROM worker_logins WHERE login = session_user AND retired_at IS NULL
$$;

DO $$
DECLARE
    install text := current_database();
    tenant_table text;
    operator_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['personas', 'persona_revisions', 'prompt_versions', 'prompt_tracks', 'content_runs', 'tasks',
        'outbox', 'posts', 'emotion_trajectories', 'usage', 'token_days', 'variant_performance', 'achievements'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('CREATE POLICY owner_all ON %I TO %I USING (true) WITH CHECK (true)', tenant_table, current_user);
        EXECUTE format('CREATE POLICY operator_all ON %I TO %I USING (true) WITH CHECK (true)', tenant_table, install || '_operator');
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', tenant_table, install || '_operator');
    END LOOP;
    FOREACH operator_table IN ARRAY ARRAY['operator_epoch', 'install_settings', 'worker_logins', 'ownership_ledger',
        'destructive_intents', 'waits'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', operator_table, install || '_operator');
    END LOOP;
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON worker_logins FROM %I', install || '_operator');
    EXECUTE format('GRANT SELECT ON _sqlx_migrations TO %I', install || '_operator');

    -- What the workers' functions may touch, and only within the caller's namespace.
    FOREACH tenant_table IN ARRAY ARRAY['personas', 'persona_revisions', 'prompt_versions', 'content_runs', 'tasks', 'outbox',
        'posts', 'emotion_trajectories', 'usage', 'token_days'] LOOP
        EXECUTE format('CREATE POLICY worker_namespace ON %I TO %I USING (namespace = (SELECT worker_namespace())) '
            'WITH CHECK (namespace = (SELECT worker_namespace()))', tenant_table, install || '_claims');
    END LOOP;
    EXECUTE format('GRANT SELECT ON persona_revisions, prompt_versions, install_settings TO %I', install || '_claims');
    EXECUTE format('GRANT SELECT, UPDATE ON personas, content_runs, tasks, token_days, posts TO %I', install || '_claims');
    EXECUTE format('GRANT INSERT ON posts, emotion_trajectories, usage TO %I', install || '_claims');
    EXECUTE format('GRANT SELECT ON usage, emotion_trajectories TO %I', install || '_claims');
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON worker_logins TO %I', install || '_provisioner');
    EXECUTE format('GRANT EXECUTE ON FUNCTION worker_namespace() TO %I', install || '_claims');
    REVOKE ALL ON FUNCTION worker_namespace() FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION worker_namespace() TO %I', install || '_claims');
END $$;

-- Makes or re-keys one tenant login. The name is checked, so that no other role can be altered through this function.
CREATE FUNCTION ensure_worker_login(p_login text, p_password text, p_namespace text, p_namespace_uid uuid, p_slot text,
    p_connection_limit integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF p_login !~ ('^' || current_database() || '_[a-z0-9-]+_[0-9a-f]{8}_[ab]$') OR length(p_password) < 24 THEN
        RAISE EXCEPTION 'not a worker login: %', p_login USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(p_login, 0));
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = p_login) THEN
        EXECUTE format('CREATE ROLE %I LOGIN IN ROLE %I', p_login, current_database() || '_workers');
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L CONNECTION LIMIT %s', p_login, p_password, p_connection_limit);
    EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', p_login, '15s');
    INSERT INTO worker_logins (login, namespace, namespace_uid, slot) VALUES (p_login, p_namespace, p_namespace_uid, p_slot)
    ON CONFLICT (login) DO UPDATE SET namespace = excluded.namespace, namespace_uid = excluded.namespace_uid,
        keyed_at = clock_timestamp(), retired_at = NULL;
END $$;

-- Ends one tenant login: it can no longer connect, and its mapping gives it no namespace.
CREATE FUNCTION retire_worker_login(p_login text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF p_login !~ ('^' || current_database() || '_[a-z0-9-]+_[0-9a-f]{8}_[ab]$') THEN
        RAISE EXCEPTION 'not a worker login: %', p_login USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = p_login) THEN
        EXECUTE format('ALTER ROLE %I NOLOGIN PASSWORD NULL', p_login);
    END IF;
    UPDATE worker_logins SET retired_at = now() WHERE login = p_login AND retired_at IS NULL;
END $$;

DO $$
DECLARE install text := current_database();
BEGIN
    EXECUTE format('GRANT CREATE ON SCHEMA public TO %I', install || '_provisioner');
    EXECUTE format('ALTER FUNCTION ensure_worker_login(text, text, text, uuid, text, integer) OWNER TO %I', install || '_provisioner');
    EXECUTE format('ALTER FUNCTION retire_worker_login(text) OWNER TO %I', install || '_provisioner');
    EXECUTE format('REVOKE CREATE ON SCHEMA public FROM %I', install || '_provisioner');
    REVOKE ALL ON FUNCTION ensure_worker_login(text, text, text, uuid, text, integer), retire_worker_login(text) FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION ensure_worker_login(text, text, text, uuid, text, integer), retire_worker_login(text) TO %I',
        install || '_operator');
END $$;
