-- What Grafana shows of single resources. Prometheus holds aggregates alone; these views are read through a role of their own, which
-- sees nothing else: no texts of posts, no titles of achievements, no credentials. It sees all namespaces, as Prometheus does; who may look
-- at it is Grafana's to say. A login is made by whoever runs the database:
--   CREATE ROLE grafana LOGIN PASSWORD '…' IN ROLE <install>_grafana;

CREATE SCHEMA grafana;

CREATE VIEW grafana.namespaces AS SELECT DISTINCT namespace FROM personas
UNION SELECT DISTINCT namespace FROM achievement_sources;

CREATE VIEW grafana.personas AS
SELECT persona.namespace, persona.name AS persona, persona.suspended, persona.tokens_per_day, coalesce(today.spent, 0) AS tokens_spent,
    coalesce(today.reserved, 0) AS tokens_reserved, written.posts AS posts_7d, persona.model_error, persona.model_seen_at
FROM personas persona
LEFT JOIN token_days today ON today.persona_uid = persona.uid AND today.day = (now() AT TIME ZONE 'UTC')::date
CROSS JOIN LATERAL (SELECT count(*) AS posts FROM posts WHERE persona_uid = persona.uid AND ts > now() - interval '7 days') written
WHERE persona.gone_at IS NULL;

CREATE VIEW grafana.token_days AS
SELECT day.day::timestamptz AS day, day.namespace, persona.name AS persona, day.spent, day.reserved
FROM token_days day JOIN personas persona ON persona.uid = day.persona_uid;

CREATE VIEW grafana.jobs AS
SELECT run.namespace, run.name AS job, run.persona_name AS persona, run.kind, run.created_at, run.finished_at, run.suspended,
    run.cancelled, run.tasks_total AS tasks, tally.completed, tally.failed, tally.waiting, run.tokens_spent, run.tokens_limit
FROM content_runs run
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE status = 'completed') AS completed,
        count(*) FILTER (WHERE status IN ('failed', 'rejected', 'dead_lettered')) AS failed,
        count(*) FILTER (WHERE status IN ('queued', 'processing', 'parked')) AS waiting
    FROM tasks WHERE run_id = run.id) tally
WHERE run.gone_at IS NULL;

CREATE VIEW grafana.task_errors AS
SELECT task.namespace, run.name AS job, run.persona_name AS persona, task.status, task.error_code, task.error_class,
    coalesce(task.completed_at, task.started_at, task.created_at) AS at
FROM tasks task JOIN content_runs run ON run.id = task.run_id
WHERE task.error_code IS NOT NULL;

CREATE VIEW grafana.posts AS
SELECT post.ts AS at, post.namespace, persona.name AS persona, run.name AS job, post.score_bp / 100.0 AS score, post.emotion,
    post.tokens_used AS tokens, post.cost_micros, post.model, post.stand_in, post.nearest_bp / 100.0 AS similarity,
    post.published_at, post.engagement_rate
FROM posts post
JOIN personas persona ON persona.uid = post.persona_uid
LEFT JOIN content_runs run ON run.id = post.run_id;

CREATE VIEW grafana.experiments AS
SELECT experiment.namespace, experiment.name AS experiment, persona.name AS persona,
    CASE WHEN experiment.ended_at IS NOT NULL THEN 'ended' WHEN experiment.suspended THEN 'suspended'
        WHEN experiment.started_at IS NULL THEN 'draft' ELSE 'running' END AS state,
    tally.units, tally.matured, experiment.verdict, experiment.winner, experiment.started_at, experiment.ended_at, experiment.evaluated_at
FROM experiments experiment
JOIN personas persona ON persona.uid = experiment.persona_uid
CROSS JOIN LATERAL (SELECT count(*) AS units, count(matured_at) AS matured FROM experiment_units
    WHERE experiment_uid = experiment.uid) tally
WHERE experiment.gone_at IS NULL;

CREATE VIEW grafana.experiment_decisions AS
SELECT decision.at, decision.namespace, experiment.name AS experiment, decision.verdict, decision.winner, decision.action,
    decision.sentence
FROM experiment_decisions decision JOIN experiments experiment ON experiment.uid = decision.experiment_uid;

CREATE VIEW grafana.outcome_fates AS
SELECT fate.day::timestamptz AS day, fate.namespace, coalesce(experiment.name, 'none') AS experiment, fate.fate, fate.outcomes
FROM outcome_fates fate LEFT JOIN experiments experiment ON experiment.uid = fate.experiment_uid;

CREATE VIEW grafana.achievement_sources AS
SELECT source.namespace, source.name AS source, source.suspended, tally.records, source.caught_up_at, source.last_delivery_at,
    source.reach_error ->> 'message' AS reach_error, source.webhook_error
FROM achievement_sources source
CROSS JOIN LATERAL (SELECT count(*) AS records FROM achievements WHERE source_uid = source.uid AND deleted_at IS NULL) tally
WHERE source.gone_at IS NULL;

CREATE VIEW grafana.achievements AS
SELECT completed_at, namespace, category::text AS category, source_type::text AS source, visibility, impact_score AS impact,
    complexity_score AS complexity, portfolio_ready, analyzed_at
FROM achievements
WHERE deleted_at IS NULL AND superseded_by IS NULL AND duplicate_of IS NULL AND NOT hidden;

DO $$
DECLARE
    reader text := current_database() || '_grafana';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', reader);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), reader);
    EXECUTE format('GRANT USAGE ON SCHEMA grafana TO %I', reader);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA grafana TO %I', reader);
END $$;
