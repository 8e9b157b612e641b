-- Totals of committed work for Prometheus. Whoever does the work adds what it was in the same transaction, as a row of its own, so that
-- no two wait for each other; the operator adds the rows up and removes them in one transaction. So a total never falls, whatever
-- process is killed and whatever is purged.

CREATE TABLE metric_deltas (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    metric text NOT NULL,
    first  text NOT NULL DEFAULT '',
    second text NOT NULL DEFAULT '',
    amount bigint NOT NULL
);

CREATE TABLE metric_totals (
    metric text NOT NULL,
    first  text NOT NULL,
    second text NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (metric, first, second)
);

CREATE FUNCTION count_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO metric_deltas (metric, first, second, amount)
    SELECT * FROM (VALUES
        ('model_attempts', NEW.model, CASE WHEN NEW.estimated THEN 'estimated' ELSE 'exact' END, 1::bigint),
        ('model_tokens', NEW.model, 'prompt', NEW.prompt_tokens),
        ('model_tokens', NEW.model, 'completion', NEW.completion_tokens),
        ('model_tokens', NEW.model, 'embedding', NEW.embedding_tokens)) delta (metric, first, second, amount)
    WHERE delta.amount > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER usage_counted AFTER INSERT ON usage FOR EACH ROW EXECUTE FUNCTION count_usage();

CREATE FUNCTION count_post() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO metric_deltas (metric, first, amount) VALUES ('posts', CASE WHEN NEW.stand_in THEN 'stand_in' ELSE 'model' END, 1);
    IF NEW.cost_micros > 0 THEN
        INSERT INTO metric_deltas (metric, first, amount) VALUES ('model_cost', NEW.model, NEW.cost_micros);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER posts_counted AFTER INSERT ON posts FOR EACH ROW EXECUTE FUNCTION count_post();

CREATE FUNCTION count_finished() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO metric_deltas (metric, first, amount) VALUES (TG_ARGV[0], NEW.status, 1);
    RETURN NULL;
END $$;
CREATE TRIGGER tasks_counted AFTER UPDATE OF status ON tasks FOR EACH ROW
    WHEN (NEW.status <> OLD.status AND NEW.status IN ('completed', 'failed', 'rejected', 'cancelled', 'dead_lettered'))
    EXECUTE FUNCTION count_finished('tasks_finished');
CREATE TRIGGER achievement_tasks_counted AFTER UPDATE OF status ON achievement_tasks FOR EACH ROW
    WHEN (NEW.status <> OLD.status AND NEW.status IN ('completed', 'failed', 'cancelled', 'dead_lettered'))
    EXECUTE FUNCTION count_finished('analyses');

CREATE FUNCTION count_achievement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO metric_deltas (metric, first, amount) VALUES ('achievements', NEW.source_type::text, 1);
    RETURN NULL;
END $$;
CREATE TRIGGER achievements_counted AFTER INSERT ON achievements FOR EACH ROW EXECUTE FUNCTION count_achievement();

-- What stands already. The triggers above hold the tables until this transaction ends, so that nothing is counted twice or not at all.
INSERT INTO metric_totals (metric, first, second, amount)
SELECT 'model_attempts', model, CASE WHEN estimated THEN 'estimated' ELSE 'exact' END, count(*) FROM usage GROUP BY 2, 3
UNION ALL
SELECT 'model_tokens', model, part.type, sum(part.tokens)::bigint FROM usage CROSS JOIN LATERAL (VALUES ('prompt', prompt_tokens),
    ('completion', completion_tokens), ('embedding', embedding_tokens)) part (type, tokens) GROUP BY 2, 3
UNION ALL
SELECT 'posts', CASE WHEN stand_in THEN 'stand_in' ELSE 'model' END, '', count(*) FROM posts GROUP BY 2
UNION ALL
SELECT 'model_cost', model, '', sum(cost_micros)::bigint FROM posts WHERE cost_micros > 0 GROUP BY 2
UNION ALL
SELECT 'tasks_finished', status, '', count(*) FROM tasks
WHERE status IN ('completed', 'failed', 'rejected', 'cancelled', 'dead_lettered') GROUP BY 2
UNION ALL
SELECT 'analyses', status, '', count(*) FROM achievement_tasks
WHERE status IN ('completed', 'failed', 'cancelled', 'dead_lettered') GROUP BY 2
UNION ALL
SELECT 'achievements', source_type::text, '', count(*) FROM achievements GROUP BY 2;

DO $$ BEGIN
    REVOKE ALL ON FUNCTION count_usage(), count_post(), count_finished(), count_achievement() FROM PUBLIC;
    EXECUTE format('GRANT SELECT, DELETE ON metric_deltas TO %I', current_database() || '_operator');
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON metric_totals TO %I', current_database() || '_operator');
END $$;
