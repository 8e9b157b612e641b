-- Experiments: units, outcomes, decisions; publication and revisions of posts; API keys. The role <install>_api sees only the
-- namespace that its transaction was bound to (SET LOCAL threads.namespace), and cannot decide or promote.

DO $$
DECLARE api text := current_database() || '_api';
BEGIN
    -- Without a password nobody can log in as it; whoever installs gives it one.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = api) THEN
        EXECUTE format('CREATE ROLE %I LOGIN', api);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), api);
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', api);
END $$;

-- The namespace that an API transaction is bound to; none where it was not bound.
CREATE FUNCTION api_namespace() RETURNS text LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT nullif(current_setting('threads.namespace', true), '')
$$;

ALTER TABLE posts
    ADD COLUMN revision     integer NOT NULL DEFAULT 0,
    ADD COLUMN edited_at    timestamptz,
    ADD COLUMN published_at timestamptz,
    ADD COLUMN published_url text,
    ADD COLUMN external_id  text;
CREATE UNIQUE INDEX posts_external_id ON posts (namespace, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX posts_published ON posts (persona_uid, published_at) WHERE published_at IS NOT NULL;

-- What a post said before each edit; number 0 is what the worker wrote.
CREATE TABLE post_revisions (
    post_id    uuid NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    number     integer NOT NULL CHECK (number >= 0),
    namespace  text NOT NULL,
    hook       text NOT NULL,
    body       text NOT NULL,
    edited_by  text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (post_id, number)
);

CREATE TABLE experiments (
    uid             uuid PRIMARY KEY,
    namespace       text NOT NULL,
    namespace_uid   uuid NOT NULL,
    name            text NOT NULL,
    persona_uid     uuid NOT NULL,
    -- domain::experiment::Design, unchanged from the start on.
    design          jsonb NOT NULL,
    design_digest   text NOT NULL,
    -- One entry an arm: {name, promptDigest, version, variables}.
    arms            jsonb NOT NULL,
    assignment_key  bytea NOT NULL CHECK (length(assignment_key) = 32),
    started_at      timestamptz,
    suspended       boolean NOT NULL DEFAULT false,
    -- No unit is assigned after it, and no verdict changes.
    ended_at        timestamptz,
    verdict         text,
    winner          text,
    inputs_digest   text,
    -- The last domain::experiment::Evaluation.
    evaluation      jsonb,
    evaluated_at    timestamptz,
    weight_epoch    integer NOT NULL DEFAULT 0,
    canary          jsonb,
    canary_at       timestamptz,
    -- When details (units and their outcomes) were pruned.
    pruned_at       timestamptz,
    gone_at         timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX experiments_live_name ON experiments (namespace_uid, name) WHERE gone_at IS NULL;
CREATE INDEX experiments_running ON experiments (persona_uid) WHERE started_at IS NOT NULL AND ended_at IS NULL;

CREATE TABLE experiment_weights (
    experiment_uid uuid NOT NULL REFERENCES experiments (uid) ON DELETE CASCADE,
    epoch          integer NOT NULL CHECK (epoch >= 0),
    namespace      text NOT NULL,
    weights_bp     integer[] NOT NULL,
    since          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (experiment_uid, epoch)
);

-- One row a randomized unit. What it came to is frozen when it matures, once.
CREATE TABLE experiment_units (
    -- UUIDv5 of the experiment and the task, or the participant.
    id             uuid PRIMARY KEY,
    experiment_uid uuid NOT NULL REFERENCES experiments (uid) ON DELETE CASCADE,
    namespace      text NOT NULL,
    task_id        uuid UNIQUE,
    participant    text,
    arm            integer NOT NULL CHECK (arm >= 0),
    probability    double precision NOT NULL CHECK (probability > 0 AND probability <= 1),
    weight_epoch   integer NOT NULL,
    assigned_at    timestamptz NOT NULL DEFAULT now(),
    -- Fixed before assignment.
    covariates     double precision[] NOT NULL DEFAULT '{}',
    -- A post's publication; a participant's assignment.
    exposed_at     timestamptz,
    -- Exposure + attribution window + grace: what is received later is late.
    freezes_at     timestamptz,
    edited         boolean NOT NULL DEFAULT false,
    matured_at     timestamptz,
    -- Place in the order of maturity within the experiment, from 1.
    maturity       bigint,
    -- published: values hold; zero: its task gave no published post; missing: no record; excluded: not in the estimand.
    fate           text CHECK (fate IN ('published', 'zero', 'missing', 'excluded')),
    -- y and x of the objective, then of each extra metric of the design.
    y              double precision[] NOT NULL DEFAULT '{}',
    x              double precision[] NOT NULL DEFAULT '{}',
    CHECK ((task_id IS NULL) <> (participant IS NULL)),
    CHECK ((matured_at IS NULL) = (fate IS NULL)),
    UNIQUE (experiment_uid, participant),
    UNIQUE (experiment_uid, maturity)
);
CREATE INDEX experiment_units_open ON experiment_units (experiment_uid, freezes_at) WHERE matured_at IS NULL;

-- Everything that was told of a subject (a post's id, or a participant's unit id), by event. Pruned once units matured.
CREATE TABLE outcome_events (
    namespace   text NOT NULL,
    event_id    text NOT NULL,
    subject     uuid NOT NULL,
    metric      text NOT NULL,
    value       double precision NOT NULL,
    at          timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, event_id)
);
CREATE INDEX outcome_events_received ON outcome_events USING brin (received_at);

-- Sums of the events that count, and the newest cumulative snapshot that counts; a snapshot stands before the sum.
CREATE TABLE outcome_totals (
    subject     uuid NOT NULL,
    metric      text NOT NULL,
    namespace   text NOT NULL,
    events      double precision NOT NULL DEFAULT 0,
    snapshot    double precision,
    snapshot_at timestamptz,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, metric)
);

-- What became of outcomes, by namespace, experiment (the nil uuid where none) and day.
CREATE TABLE outcome_fates (
    namespace      text NOT NULL,
    experiment_uid uuid NOT NULL,
    day            date NOT NULL,
    fate           text NOT NULL CHECK (fate IN ('applied', 'duplicate', 'late', 'future', 'unknown', 'unpublished', 'outside',
        'invalid')),
    outcomes       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (namespace, experiment_uid, day, fate)
);

-- Up to when a feed has told everything.
CREATE TABLE outcome_feeds (
    namespace   text NOT NULL,
    feed        text NOT NULL,
    through     timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, feed)
);

-- What was decided, in order; the resource shows the last ten.
CREATE TABLE experiment_decisions (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_uid uuid NOT NULL,
    namespace      text NOT NULL,
    verdict        text NOT NULL,
    winner         text,
    inputs_digest  text NOT NULL,
    sentence       text NOT NULL,
    action         text NOT NULL CHECK (action IN ('none', 'awaiting', 'promoted', 'rolledBack', 'refused')),
    at             timestamptz NOT NULL DEFAULT now(),
    UNIQUE (experiment_uid, inputs_digest, verdict, action)
);

-- Which version a managed track means: the newest row of a track whose version still stands. One an experiment.
CREATE TABLE promotions (
    id             bigint GENERATED ALWAYS AS IDENTITY,
    namespace_uid  uuid NOT NULL,
    template_name  text NOT NULL,
    track          text NOT NULL,
    experiment_uid uuid NOT NULL,
    namespace      text NOT NULL,
    experiment     text NOT NULL,
    version        text NOT NULL,
    digest         text NOT NULL,
    inputs_digest  text NOT NULL,
    action         text NOT NULL CHECK (action IN ('promoted', 'rolledBack')),
    epoch          bigint NOT NULL,
    at             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace_uid, template_name, track, experiment_uid)
);
CREATE INDEX promotions_newest ON promotions (namespace_uid, template_name, track, id DESC);

-- Keys of the REST API. Only an HMAC of the secret part is kept.
CREATE TABLE api_keys (
    -- The readable part, by which the row is found.
    id         text PRIMARY KEY,
    namespace  text NOT NULL,
    name       text NOT NULL,
    verbs      text[] NOT NULL,
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_by_namespace ON api_keys (namespace, name);

DO $$
DECLARE
    install text := current_database();
    api text := install || '_api';
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['post_revisions', 'experiments', 'experiment_weights', 'experiment_units', 'outcome_events',
        'outcome_totals', 'outcome_fates', 'outcome_feeds', 'experiment_decisions', 'promotions', 'api_keys'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('CREATE POLICY owner_all ON %I TO %I USING (true) WITH CHECK (true)', tenant_table, current_user);
        EXECUTE format('CREATE POLICY operator_all ON %I TO %I USING (true) WITH CHECK (true)', tenant_table, install || '_operator');
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', tenant_table, install || '_operator');
    END LOOP;
    -- The API: its transaction's namespace alone. It looks a key up before it knows the namespace.
    FOREACH tenant_table IN ARRAY ARRAY['post_revisions', 'experiments', 'experiment_weights', 'experiment_units', 'outcome_events',
        'outcome_totals', 'outcome_fates', 'outcome_feeds', 'experiment_decisions', 'promotions', 'posts', 'tasks', 'content_runs',
        'personas', 'persona_revisions', 'prompt_versions', 'prompt_tracks', 'outbox', 'emotion_trajectories', 'variant_performance'] LOOP
        EXECUTE format('CREATE POLICY api_namespace ON %I TO %I USING (namespace = (SELECT api_namespace())) '
            'WITH CHECK (namespace = (SELECT api_namespace()))', tenant_table, api);
        EXECUTE format('GRANT SELECT ON %I TO %I', tenant_table, api);
    END LOOP;
    EXECUTE format('CREATE POLICY api_reads ON api_keys FOR SELECT TO %I USING (true)', api);
    EXECUTE format('GRANT SELECT ON api_keys, install_settings, _sqlx_migrations TO %I', api);
    EXECUTE format('GRANT SELECT ON post_listing TO %I', api);
    EXECUTE format('GRANT INSERT, UPDATE ON outcome_totals, outcome_fates, outcome_feeds, variant_performance TO %I', api);
    EXECUTE format('GRANT INSERT ON outcome_events, post_revisions, experiment_units TO %I', api);
    EXECUTE format('GRANT UPDATE (exposed_at, freezes_at, edited) ON experiment_units TO %I', api);
    EXECUTE format('GRANT UPDATE (hook, body, content_hash, revision, edited_at, published_at, published_url, external_id) ON posts TO %I', api);
    -- Workers' functions compare within an experiment only with posts from before its start.
    EXECUTE format('GRANT SELECT ON experiments, experiment_units TO %I', install || '_claims');
    EXECUTE format('CREATE POLICY worker_namespace ON experiments TO %I USING (namespace = (SELECT worker_namespace()))', install || '_claims');
    EXECUTE format('CREATE POLICY worker_namespace ON experiment_units TO %I USING (namespace = (SELECT worker_namespace()))',
        install || '_claims');
END $$;

UPDATE install_settings SET schema_version = 2;
