-- Achievements: sources, records, their evidence, the inbox of webhooks, cursors of backfills, tasks of analysis, exports.
-- Who may call what beyond plain rights stands in the migrations that follow.

-- A repository, or an organisation, of which merged pull requests are collected.
CREATE TABLE achievement_sources (
    uid                 uuid PRIMARY KEY,
    namespace           text NOT NULL,
    namespace_uid       uuid NOT NULL,
    name                text NOT NULL,
    -- domain::achievement::SourceSettings: what the resource declares, validated.
    settings            jsonb NOT NULL,
    settings_digest     text NOT NULL,
    -- Of the Secrets that its worker Jobs mount; tasks are claimed only by Pods that have exactly these.
    credentials_digest  text NOT NULL DEFAULT '',
    collection          text,
    embedding_model     text,
    suspended           boolean NOT NULL DEFAULT false,
    -- Webhook secrets, sealed; absent where the resource names none.
    webhook_keys        bytea,
    webhook_keys_digest text,
    webhook_verified_at timestamptz,
    webhook_error       text,
    last_delivery_at    timestamptz,
    reached_at          timestamptz,
    -- {code, message} of the last failure to reach the host; absent since it was reached.
    reach_error         jsonb,
    -- Up to when everything merged is known, and when a backfill shall run next.
    caught_up_at        timestamptz,
    backfill_due_at     timestamptz,
    backfill_started_at timestamptz,
    gone_at             timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX achievement_sources_live_name ON achievement_sources (namespace_uid, name) WHERE gone_at IS NULL;
CREATE TRIGGER achievement_sources_updated_at BEFORE UPDATE ON achievement_sources
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- The newest worker Job of a source ('analysis', 'backfill'); the nil uuid stands for what belongs to no source.
CREATE TABLE achievement_jobs (
    namespace_uid uuid NOT NULL,
    source_uid    uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('analysis', 'backfill')),
    namespace     text NOT NULL,
    ordinal       integer NOT NULL DEFAULT 0,
    -- Pods it was given; 0 once it ended.
    pods          integer NOT NULL DEFAULT 0,
    failures      integer NOT NULL DEFAULT 0,
    not_before    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace_uid, source_uid, kind)
);

ALTER TABLE achievements
    -- One record an identity: 'github/<host>/<repository id>/<number>', 'manual/<namespace uid>/<name>', 'api/<uuid>',
    -- 'event/<evidence id>' for what counts alone.
    ADD COLUMN identity           text NOT NULL,
    ADD COLUMN source_uid         uuid REFERENCES achievement_sources (uid) ON UPDATE CASCADE,
    ADD COLUMN host               text,
    ADD COLUMN repository_id      bigint,
    ADD COLUMN repository         text,
    ADD COLUMN number             bigint,
    ADD COLUMN visibility         text NOT NULL DEFAULT 'private' CHECK (visibility IN ('public', 'internal', 'private')),
    -- [{login, role}], bots left out; logins repeats the distinct logins in lower case, to filter by.
    ADD COLUMN people             jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN logins             text[] NOT NULL DEFAULT '{}',
    -- domain::achievement::PullRequest as GitHub told it last; absent for what has none.
    ADD COLUMN pull_request       jsonb,
    ADD COLUMN told_at            timestamptz,
    ADD COLUMN base_ref           text,
    -- Commits by which evidence finds it: merge commit, head, and those it is known to consist of.
    ADD COLUMN shas               text[] NOT NULL DEFAULT '{}',
    -- domain::achievement::Overrides: what a person set; it wins over what webhook and backfill tell.
    ADD COLUMN overrides          jsonb NOT NULL DEFAULT '{}',
    -- Raised by every change that analysis must see; the analysis in force says which version it saw.
    ADD COLUMN facts_version      integer NOT NULL DEFAULT 1,
    ADD COLUMN analyzed_version   integer,
    ADD COLUMN analyzed_at        timestamptz,
    ADD COLUMN formula_version    integer,
    -- domain::achievement::Analysis: components, their evidence, what is absent and why.
    ADD COLUMN analysis           jsonb,
    ADD COLUMN embedding          real[],
    ADD COLUMN embedding_model    text,
    ADD COLUMN collection         text,
    ADD COLUMN embedding_version  integer NOT NULL DEFAULT 0,
    ADD COLUMN point_version      integer NOT NULL DEFAULT 0,
    ADD COLUMN point_stored_at    timestamptz,
    -- The earliest record that says the same of the same person. A person may overrule: 'none', or another id.
    ADD COLUMN duplicate_of       uuid REFERENCES achievements (id),
    ADD COLUMN duplicate_bp       integer CHECK (duplicate_bp BETWEEN 0 AND 10000),
    -- Another pull request that took this one back.
    ADD COLUMN reverted_by        uuid REFERENCES achievements (id),
    -- For what counted alone until the pull request that contains it became known.
    ADD COLUMN superseded_by      uuid REFERENCES achievements (id),
    ADD COLUMN hidden             boolean NOT NULL DEFAULT false,
    -- The resource that stands for it; resource_name is kept after the resource is gone.
    ADD COLUMN resource_uid       uuid,
    ADD COLUMN resource_name      text,
    ADD COLUMN resource_wanted    boolean NOT NULL DEFAULT false,
    -- The ContentJob that announced it; set once.
    ADD COLUMN announced_job      text,
    ADD COLUMN announced_at       timestamptz,
    -- Who said yes to announcing what is not public, and to which digest.
    ADD COLUMN approved_digest    text,
    ADD COLUMN approved_at        timestamptz,
    -- A tombstone: the record is gone for everybody and does not come back by itself.
    ADD COLUMN deleted_at         timestamptz,
    ADD COLUMN deleted_by         text,
    ADD COLUMN revision           integer NOT NULL DEFAULT 0;
-- Clocks of other systems run backwards: such times are dropped with a reason before they come here, never stored.
CREATE UNIQUE INDEX achievements_identity ON achievements (namespace, identity);
CREATE INDEX achievements_shas ON achievements USING gin (shas);
CREATE INDEX achievements_without_point ON achievements (collection, created_at)
    WHERE embedding IS NOT NULL AND point_version < embedding_version AND deleted_at IS NULL;
CREATE INDEX achievements_stale ON achievements (namespace) WHERE analyzed_version IS DISTINCT FROM facts_version AND deleted_at IS NULL;
CREATE INDEX achievements_of_source ON achievements (source_uid, impact_score DESC, completed_at DESC) WHERE deleted_at IS NULL;
CREATE TRIGGER achievements_point_stored BEFORE UPDATE OF point_version ON achievements
    FOR EACH ROW EXECUTE FUNCTION note_point_stored();

-- A push, a release or a successful deployment. It attaches to the pull requests whose commits it contains.
CREATE TABLE achievement_evidence (
    -- UUIDv5 of (namespace, host, repository id, kind, external id).
    id            uuid PRIMARY KEY,
    namespace     text NOT NULL,
    source_uid    uuid NOT NULL REFERENCES achievement_sources (uid) ON UPDATE CASCADE,
    kind          text NOT NULL CHECK (kind IN ('push', 'release', 'deployment')),
    host          text NOT NULL,
    repository_id bigint NOT NULL,
    repository    text NOT NULL,
    external_id   text NOT NULL,
    title         text NOT NULL,
    url           text,
    -- Branch of a push, tag of a release, environment of a deployment: what its predecessor is looked for by.
    stream        text NOT NULL,
    sha           text,
    -- The commits that it contains beyond its predecessor; absent until that is known.
    shas          text[],
    at            timestamptz NOT NULL,
    people        jsonb NOT NULL DEFAULT '[]',
    -- When it counts alone, unless a pull request contains it by then.
    settles_at    timestamptz NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (namespace, host, repository_id, kind, external_id)
);
CREATE INDEX achievement_evidence_shas ON achievement_evidence USING gin (shas);
CREATE INDEX achievement_evidence_unresolved ON achievement_evidence (source_uid, at) WHERE shas IS NULL;
CREATE INDEX achievement_evidence_stream ON achievement_evidence (namespace, host, repository_id, kind, stream, at);

CREATE TABLE achievement_evidence_links (
    achievement_id uuid NOT NULL REFERENCES achievements (id) ON DELETE CASCADE,
    evidence_id    uuid NOT NULL REFERENCES achievement_evidence (id) ON DELETE CASCADE,
    namespace      text NOT NULL,
    PRIMARY KEY (achievement_id, evidence_id)
);
CREATE INDEX achievement_evidence_links_back ON achievement_evidence_links (evidence_id);

-- Deliveries as they came, their signature checked. `delivery_id` is remembered after the body is pruned.
CREATE TABLE webhook_inbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace   text NOT NULL,
    source_uid  uuid NOT NULL REFERENCES achievement_sources (uid) ON UPDATE CASCADE,
    delivery_id text NOT NULL,
    event       text NOT NULL,
    -- The raw bytes; absent once handled.
    body        bytea,
    received_at timestamptz NOT NULL DEFAULT now(),
    handled_at  timestamptz,
    -- recorded, evidence, ignored, invalid, filtered
    outcome     text,
    attempts    integer NOT NULL DEFAULT 0,
    not_before  timestamptz NOT NULL DEFAULT now(),
    error       text,
    UNIQUE (source_uid, delivery_id)
);
CREATE INDEX webhook_inbox_waiting ON webhook_inbox (id) WHERE handled_at IS NULL;

-- Where a backfill stands: one row a repository and stream.
CREATE TABLE backfill_cursors (
    source_uid  uuid NOT NULL REFERENCES achievement_sources (uid) ON DELETE CASCADE ON UPDATE CASCADE,
    repository  text NOT NULL,
    stream      text NOT NULL CHECK (stream IN ('pulls', 'pushes', 'releases', 'deployments')),
    namespace   text NOT NULL,
    -- What the next page is asked by; the worker's own.
    cursor      jsonb NOT NULL DEFAULT '{}',
    etag        text,
    -- Items seen, and up to when everything is known.
    items       bigint NOT NULL DEFAULT 0,
    complete_to timestamptz,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source_uid, repository, stream)
);

-- One task a record and version of its facts.
CREATE TABLE achievement_tasks (
    -- UUIDv5 of (achievement, facts version, ordinal of the rescoring).
    id                 uuid PRIMARY KEY,
    namespace          text NOT NULL,
    achievement_id     uuid NOT NULL REFERENCES achievements (id) ON DELETE CASCADE,
    -- Whose embedding settings it is analysed with; absent where there are none, then it is not compared.
    source_uid         uuid REFERENCES achievement_sources (uid) ON UPDATE CASCADE,
    facts_version      integer NOT NULL,
    protocol           integer NOT NULL,
    credentials_digest text NOT NULL DEFAULT '',
    status             text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'processing', 'completed', 'failed', 'cancelled', 'dead_lettered')),
    created_at         timestamptz NOT NULL DEFAULT now(),
    started_at         timestamptz,
    completed_at       timestamptz,
    not_before         timestamptz NOT NULL DEFAULT now(),
    retry_count        integer NOT NULL DEFAULT 0,
    max_attempts       integer NOT NULL DEFAULT 5,
    claims             integer NOT NULL DEFAULT 0,
    lease_token        uuid,
    lease_until        timestamptz,
    claimed_by         text,
    error_code         text,
    error_message      text,
    CHECK ((status = 'processing') = (lease_token IS NOT NULL))
);
CREATE INDEX achievement_tasks_claimable ON achievement_tasks (namespace, source_uid, created_at) WHERE status = 'queued';
CREATE INDEX achievement_tasks_leased ON achievement_tasks (lease_until) WHERE status = 'processing';
CREATE INDEX achievement_tasks_of_record ON achievement_tasks (achievement_id);

-- Exports on their way to the object store.
CREATE TABLE portfolio_exports (
    id          uuid PRIMARY KEY,
    namespace   text NOT NULL,
    -- portfolio::Request as it was asked.
    request     jsonb NOT NULL,
    status      text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'done', 'failed')),
    -- In the bucket; made of namespace and id alone.
    object_key  text NOT NULL,
    media_type  text,
    bytes       bigint,
    sha256      text,
    items       integer,
    attempts    integer NOT NULL DEFAULT 0,
    not_before  timestamptz NOT NULL DEFAULT now(),
    lease_token uuid,
    lease_until timestamptz,
    error       text,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    done_at     timestamptz
);
CREATE INDEX portfolio_exports_waiting ON portfolio_exports (not_before) WHERE status IN ('queued', 'running');

DO $$
DECLARE
    install text := current_database();
    api text := install || '_api';
    claims text := install || '_claims';
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['achievement_sources', 'achievement_jobs', 'achievement_evidence', 'achievement_evidence_links',
        'webhook_inbox', 'backfill_cursors', 'achievement_tasks', 'portfolio_exports'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('CREATE POLICY owner_all ON %I TO %I USING (true) WITH CHECK (true)', tenant_table, current_user);
        EXECUTE format('CREATE POLICY operator_all ON %I TO %I USING (true) WITH CHECK (true)', tenant_table, install || '_operator');
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', tenant_table, install || '_operator');
    END LOOP;
    -- The API: the namespace of its transaction.
    FOREACH tenant_table IN ARRAY ARRAY['achievements', 'achievement_sources', 'achievement_evidence', 'achievement_evidence_links',
        'webhook_inbox', 'achievement_tasks', 'portfolio_exports'] LOOP
        EXECUTE format('CREATE POLICY api_namespace ON %I TO %I USING (namespace = (SELECT api_namespace())) '
            'WITH CHECK (namespace = (SELECT api_namespace()))', tenant_table, api);
    END LOOP;
    -- Not the sealed keys: those are for the function that finds a source by the path of its webhook.
    EXECUTE format('GRANT SELECT (uid, namespace, namespace_uid, name, settings, suspended, webhook_verified_at, last_delivery_at, '
        'caught_up_at, gone_at) ON achievement_sources TO %I', api);
    EXECUTE format('GRANT UPDATE (webhook_verified_at, webhook_error, last_delivery_at) ON achievement_sources TO %I', api);
    EXECUTE format('GRANT SELECT ON achievement_evidence, achievement_evidence_links TO %I', api);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON achievements TO %I', api);
    EXECUTE format('GRANT SELECT, INSERT ON webhook_inbox, achievement_tasks TO %I', api);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON portfolio_exports TO %I', api);
    -- The workers' functions: the namespace of the login.
    FOREACH tenant_table IN ARRAY ARRAY['achievements', 'achievement_sources', 'achievement_evidence', 'achievement_evidence_links',
        'backfill_cursors', 'achievement_tasks'] LOOP
        EXECUTE format('CREATE POLICY worker_namespace ON %I TO %I USING (namespace = (SELECT worker_namespace())) '
            'WITH CHECK (namespace = (SELECT worker_namespace()))', tenant_table, claims);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO %I', tenant_table, claims);
    END LOOP;
END $$;

UPDATE install_settings SET schema_version = 3;
