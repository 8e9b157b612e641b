-- What people and tools read. security_invoker: the reader's own rights and policies decide.
CREATE VIEW post_listing WITH (security_invoker = true) AS
SELECT task.namespace, run.name AS job, run.job_uid, task.index, task.status AS state, post.id AS post_id, post.hook, post.body,
    post.score_bp / 100.0 AS score, post.emotion, post.nearest_id AS nearest, post.nearest_bp / 100.0 AS similarity,
    post.tokens_used AS tokens, post.cost_micros, post.model, post.stand_in AS standin, persona.name AS persona,
    task.error_code || ': ' || task.error_message AS error, run.created_at AS run_created_at
FROM tasks task
JOIN content_runs run ON run.id = task.run_id
JOIN personas persona ON persona.uid = task.persona_uid
LEFT JOIN posts post ON post.task_id = task.id;

DO $$ BEGIN EXECUTE format('GRANT SELECT ON post_listing TO %I', current_database() || '_operator'); END $$;
