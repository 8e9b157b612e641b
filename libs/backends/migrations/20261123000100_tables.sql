-- The tables of the main job. All times are TIMESTAMPTZ; every tenant's row names its namespace, on which row-level
-- security rests (see 20261123000200_tenancy.sql).

CREATE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;

-- One row: which leader may write. Every transaction of the operator takes it FOR SHARE.
CREATE TABLE operator_epoch (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch    bigint NOT NULL DEFAULT 0,
    holder   text NOT NULL DEFAULT '',
    since    timestamptz NOT NULL DEFAULT now()
);
INSERT INTO operator_epoch DEFAULT VALUES;

-- One row: the schema that stands here, and the pause-all switch that claims obey.
CREATE TABLE install_settings (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    schema_version integer NOT NULL,
    paused         boolean NOT NULL DEFAULT false
);
INSERT INTO install_settings (schema_version) VALUES (1);

-- Postgres logins of tenants' workers: policies map session_user to a namespace through this table.
CREATE TABLE worker_logins (
    login         text PRIMARY KEY,
    namespace     text NOT NULL,
    namespace_uid uuid NOT NULL,
    slot          text NOT NULL CHECK (slot IN ('a', 'b')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    -- When the password in force was set; the Secret that holds it says the same.
    keyed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at    timestamptz
);

-- What the operator made in other systems, and for whom; nothing outside this ledger is ever deleted.
CREATE TABLE ownership_ledger (
    system     text NOT NULL CHECK (system IN ('rabbitmq', 'qdrant', 'postgres', 'kubernetes')),
    name       text NOT NULL,
    namespace  text NOT NULL,
    owner_uid  uuid NOT NULL,
    adopted    boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Absent until the thing was seen to stand: an entry comes before the thing, and what never stood did not drift.
    made_at    timestamptz,
    PRIMARY KEY (system, name)
);

-- A destructive external call stands here, committed under the epoch, before it is made.
CREATE TABLE destructive_intents (
    id         uuid PRIMARY KEY,
    epoch      bigint NOT NULL,
    system     text NOT NULL,
    name       text NOT NULL,
    owner_uid  uuid NOT NULL,
    reason     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    done_at    timestamptz
);

-- A persona made again under its name takes over its predecessor's row: the uid changes, revisions and runs follow.
CREATE TABLE personas (
    uid              uuid PRIMARY KEY,
    namespace        text NOT NULL,
    namespace_uid    uuid NOT NULL,
    name             text NOT NULL,
    queue            text NOT NULL,
    collection       text NOT NULL,
    current_revision uuid,
    suspended        boolean NOT NULL DEFAULT false,
    tokens_per_day   bigint,
    waiting_since    timestamptz,
    model_seen_at    timestamptz,
    model_error      text,
    gone_at          timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX personas_live_name ON personas (namespace_uid, name) WHERE gone_at IS NULL;
CREATE TRIGGER personas_updated_at BEFORE UPDATE ON personas FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- Immutable: what a persona was when a task was made.
CREATE TABLE persona_revisions (
    id          uuid PRIMARY KEY,
    persona_uid uuid NOT NULL REFERENCES personas (uid) ON UPDATE CASCADE,
    namespace   text NOT NULL,
    number      integer NOT NULL CHECK (number > 0),
    digest      text NOT NULL,
    spec        jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (persona_uid, digest),
    UNIQUE (persona_uid, number)
);

-- Immutable: one row a digest.
CREATE TABLE prompt_versions (
    namespace     text NOT NULL,
    digest        text NOT NULL,
    template_uid  uuid NOT NULL,
    template_name text NOT NULL,
    version       text NOT NULL,
    number        integer NOT NULL CHECK (number > 0),
    system        text NOT NULL,
    hook          text NOT NULL,
    body          text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, digest)
);
CREATE INDEX prompt_versions_by_template ON prompt_versions (template_uid, number);

CREATE TABLE prompt_tracks (
    template_uid uuid NOT NULL,
    track        text NOT NULL,
    namespace    text NOT NULL,
    version      text NOT NULL,
    digest       text NOT NULL,
    since        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (template_uid, track)
);

-- One row a run of a ContentJob. job_uid follows the living object when a run is adopted by a re-applied one.
CREATE TABLE content_runs (
    id                 uuid PRIMARY KEY,
    job_uid            uuid NOT NULL,
    namespace          text NOT NULL,
    namespace_uid      uuid NOT NULL,
    name               text NOT NULL,
    persona_uid        uuid NOT NULL REFERENCES personas (uid) ON UPDATE CASCADE,
    persona_name       text NOT NULL,
    run_key            text NOT NULL DEFAULT '',
    spec_digest        text NOT NULL,
    kind               text NOT NULL CHECK (kind IN ('generate', 'plan')),
    priority           integer NOT NULL DEFAULT 50,
    parallelism        integer NOT NULL DEFAULT 1,
    suspended          boolean NOT NULL DEFAULT false,
    cancelled          boolean NOT NULL DEFAULT false,
    credentials_digest text NOT NULL,
    tokens_limit       bigint,
    tokens_reserved    bigint NOT NULL DEFAULT 0 CHECK (tokens_reserved >= 0),
    tokens_spent       bigint NOT NULL DEFAULT 0,
    -- Tasks that the run shall have, and what is reserved for each.
    tasks_total        integer NOT NULL DEFAULT 0,
    task_tokens        bigint NOT NULL DEFAULT 0,
    -- The newest worker Job: its number, the Pods it was given (0 once it ended), and how many failed in a row.
    job_ordinal        integer NOT NULL DEFAULT 0,
    job_pods           integer NOT NULL DEFAULT 0,
    job_failures       integer NOT NULL DEFAULT 0,
    -- Values of the annotations retry and discard that were obeyed, so that each is obeyed once.
    retry_handled      text,
    discard_handled    text,
    plan               jsonb,
    last_error         jsonb,
    deadline_at        timestamptz NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    finished_at        timestamptz,
    gone_at            timestamptz
);
CREATE INDEX content_runs_by_job ON content_runs (job_uid, created_at DESC);
CREATE INDEX content_runs_by_name ON content_runs (namespace_uid, name, created_at DESC);
CREATE INDEX content_runs_open ON content_runs (persona_uid) WHERE finished_at IS NULL;
CREATE INDEX content_runs_with_pods ON content_runs (persona_uid) WHERE job_pods > 0;

-- References that a resource waits for, so that five minutes are counted across restarts.
CREATE TABLE waits (
    uid    uuid NOT NULL,
    reason text NOT NULL,
    since  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (uid, reason)
);

-- The work itself; the row is the truth, a message only wakes a worker.
CREATE TABLE tasks (
    id                 uuid PRIMARY KEY,
    namespace          text NOT NULL,
    run_id             uuid NOT NULL REFERENCES content_runs (id),
    persona_uid        uuid NOT NULL,
    persona_revision   uuid NOT NULL REFERENCES persona_revisions (id),
    prompt_digest      text NOT NULL,
    prompt_variables   jsonb NOT NULL DEFAULT '{}',
    arm                text,
    arm_probability_bp integer CHECK (arm_probability_bp BETWEEN 0 AND 10000),
    weight_epoch       integer,
    protocol           integer NOT NULL,
    credentials_digest text NOT NULL,
    kind               text NOT NULL CHECK (kind IN ('generate', 'plan')),
    index              integer NOT NULL CHECK (index >= 0),
    payload            jsonb NOT NULL,
    status             text NOT NULL DEFAULT 'queued' CHECK (status IN
        ('queued', 'processing', 'parked', 'completed', 'failed', 'rejected', 'cancelled', 'dead_lettered')),
    parked_reason      text,
    priority           integer NOT NULL DEFAULT 50,
    created_at         timestamptz NOT NULL DEFAULT now(),
    started_at         timestamptz,
    completed_at       timestamptz,
    error_class        text,
    error_code         text,
    error_message      text,
    retry_count        integer NOT NULL DEFAULT 0,
    max_attempts       integer NOT NULL DEFAULT 3,
    system_failures    integer NOT NULL DEFAULT 0,
    claims             integer NOT NULL DEFAULT 0,
    not_before         timestamptz NOT NULL DEFAULT now(),
    lease_token        uuid,
    lease_until        timestamptz,
    claimed_by         text,
    reserved_tokens    bigint NOT NULL DEFAULT 0,
    reserved_day       date,
    UNIQUE (run_id, index),
    FOREIGN KEY (namespace, prompt_digest) REFERENCES prompt_versions (namespace, digest),
    CHECK (completed_at IS NULL OR started_at IS NULL OR completed_at >= started_at),
    CHECK ((status = 'processing') = (lease_token IS NOT NULL))
);
CREATE INDEX tasks_claimable ON tasks (persona_uid, priority DESC, created_at, index) WHERE status = 'queued';
CREATE INDEX tasks_leased ON tasks (lease_until) WHERE status = 'processing';
CREATE INDEX tasks_parked ON tasks (run_id) WHERE status = 'parked';
CREATE INDEX tasks_by_run ON tasks (run_id, status);

CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace  text NOT NULL,
    type       text NOT NULL,
    task_id    uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    attempt    integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz,
    -- Why the broker refused it, how often in a row, and when it is tried again.
    error      text,
    refusals   integer NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),
    UNIQUE (task_id, attempt)
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;

CREATE TABLE posts (
    id                 uuid PRIMARY KEY,
    namespace          text NOT NULL,
    persona_uid        uuid NOT NULL,
    persona_id         text NOT NULL,
    task_id            uuid NOT NULL UNIQUE,
    run_id             uuid NOT NULL,
    index              integer NOT NULL,
    hook               text NOT NULL,
    body               text NOT NULL,
    tokens_used        bigint NOT NULL DEFAULT 0,
    ts                 timestamptz NOT NULL DEFAULT clock_timestamp(),
    engagement_rate    double precision,
    original_input     text,
    metadata           jsonb NOT NULL DEFAULT '{}',
    content_hash       text NOT NULL,
    model              text NOT NULL,
    stand_in           boolean NOT NULL,
    score_bp           integer CHECK (score_bp BETWEEN 0 AND 10000),
    score              jsonb NOT NULL DEFAULT '{}',
    emotion            text,
    guardrails         jsonb NOT NULL DEFAULT '[]',
    duplicate_of       uuid,
    nearest_id         uuid,
    nearest_bp         integer,
    cost_micros        bigint,
    collection         text NOT NULL,
    embedding_model    text NOT NULL,
    embedding          real[] NOT NULL,
    embedding_version  integer NOT NULL DEFAULT 1,
    point_version      integer NOT NULL DEFAULT 0,
    point_stored_at    timestamptz
);
-- Whoever stores a point: a commit compares with the posts whose point came after its similarity query.
CREATE FUNCTION note_point_stored() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.point_stored_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER posts_point_stored BEFORE UPDATE OF point_version ON posts FOR EACH ROW EXECUTE FUNCTION note_point_stored();
CREATE INDEX posts_by_persona ON posts (persona_uid, ts DESC);
CREATE INDEX posts_by_run ON posts (run_id, index);
CREATE INDEX posts_without_point ON posts (collection, ts) WHERE point_version < embedding_version;

CREATE TABLE emotion_trajectories (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace          text NOT NULL,
    post_id            uuid NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    persona_id         text NOT NULL,
    content_hash       text NOT NULL,
    model_version      text NOT NULL,
    segment_count      integer NOT NULL,
    trajectory_type    text NOT NULL CHECK (trajectory_type IN ('rising', 'falling', 'stable', 'volatile')),
    joy_avg            double precision NOT NULL DEFAULT 0,
    anger_avg          double precision NOT NULL DEFAULT 0,
    fear_avg           double precision NOT NULL DEFAULT 0,
    sadness_avg        double precision NOT NULL DEFAULT 0,
    surprise_avg       double precision NOT NULL DEFAULT 0,
    disgust_avg        double precision NOT NULL DEFAULT 0,
    anticipation_avg   double precision NOT NULL DEFAULT 0,
    trust_avg          double precision NOT NULL DEFAULT 0,
    sentiment_positive double precision NOT NULL DEFAULT 0,
    sentiment_negative double precision NOT NULL DEFAULT 0,
    sentiment_neutral  double precision NOT NULL DEFAULT 0,
    sentiment_compound double precision NOT NULL DEFAULT 0,
    segments           jsonb NOT NULL DEFAULT '[]',
    processing_time_ms integer,
    created_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (post_id, content_hash, model_version)
);
CREATE INDEX emotion_trajectories_by_persona ON emotion_trajectories (namespace, persona_id, created_at DESC);

-- What was paid for. A committed attempt is exact; a lost one is charged at its reservation and marked an estimate.
CREATE TABLE usage (
    at                timestamptz NOT NULL,
    namespace         text NOT NULL,
    persona_uid       uuid NOT NULL,
    run_id            uuid NOT NULL,
    task_id           uuid NOT NULL,
    claim             integer NOT NULL,
    model             text NOT NULL,
    prompt_tokens     bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    embedding_tokens  bigint NOT NULL,
    estimated         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (task_id, claim, at)
) PARTITION BY RANGE (at);
CREATE TABLE usage_default PARTITION OF usage DEFAULT;
CREATE INDEX usage_by_run ON usage (run_id);
CREATE INDEX usage_by_persona ON usage (persona_uid, at);

-- Tokens of a persona's day (UTC): reserved when tasks are made, spent when they end.
CREATE TABLE token_days (
    persona_uid uuid NOT NULL,
    day         date NOT NULL,
    namespace   text NOT NULL,
    reserved    bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    spent       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (persona_uid, day)
);

-- The seed's tables of later flows, mended; nothing writes them yet but their own flows.
CREATE TYPE achievement_category AS ENUM ('feature', 'optimization', 'bugfix', 'infrastructure', 'documentation', 'testing',
    'security', 'performance', 'architecture', 'content', 'business', 'milestone', 'uncategorized');
CREATE TYPE source_type_enum AS ENUM ('git', 'github_pr', 'ci', 'manual', 'api', 'threads', 'webhook');

CREATE TABLE variant_performance (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace        text NOT NULL,
    variant_id       text NOT NULL,
    dimensions       jsonb NOT NULL,
    impressions      bigint NOT NULL DEFAULT 0 CHECK (impressions >= 0),
    successes        bigint NOT NULL DEFAULT 0 CHECK (successes >= 0),
    last_used        timestamptz NOT NULL DEFAULT now(),
    created_at       timestamptz NOT NULL DEFAULT now(),
    confidence_level double precision,
    mean_performance double precision,
    variance         double precision,
    UNIQUE (namespace, variant_id)
);
CREATE INDEX variant_performance_last_used ON variant_performance (last_used DESC);

CREATE TABLE achievements (
    id                          uuid PRIMARY KEY,
    namespace                   text NOT NULL,
    title                       varchar(255) NOT NULL,
    description                 text,
    category                    achievement_category NOT NULL DEFAULT 'uncategorized',
    started_at                  timestamptz,
    completed_at                timestamptz,
    duration_hours              double precision GENERATED ALWAYS AS (EXTRACT(EPOCH FROM (completed_at - started_at)) / 3600) STORED,
    impact_score                double precision NOT NULL DEFAULT 0 CHECK (impact_score BETWEEN 0 AND 100),
    complexity_score            double precision NOT NULL DEFAULT 0 CHECK (complexity_score BETWEEN 0 AND 100),
    business_value              jsonb NOT NULL DEFAULT '{}',
    time_saved_hours            double precision,
    performance_improvement_pct double precision,
    source_type                 source_type_enum NOT NULL,
    source_id                   varchar(255),
    source_url                  varchar(500),
    portfolio_ready             boolean NOT NULL DEFAULT false,
    portfolio_section           varchar(100),
    display_priority            integer NOT NULL DEFAULT 50,
    linkedin_post_id            varchar(255),
    linkedin_published_at       timestamptz,
    metadata_json               jsonb NOT NULL DEFAULT '{}',
    created_at                  timestamptz NOT NULL DEFAULT now(),
    updated_at                  timestamptz NOT NULL DEFAULT now(),
    CHECK (completed_at >= started_at)
);
CREATE INDEX achievements_by_category ON achievements (namespace, category);
CREATE INDEX achievements_by_impact ON achievements (namespace, impact_score DESC);
CREATE INDEX achievements_by_portfolio ON achievements (namespace, portfolio_ready, display_priority);
CREATE INDEX achievements_by_source ON achievements (source_type, source_id);
CREATE TRIGGER achievements_updated_at BEFORE UPDATE ON achievements FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
