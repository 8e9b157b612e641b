-- Totals of every namespace, counted anew on schedule: what /portfolio/stats shows without going through the records.
-- Duplicates, reverted and hidden records are counted apart and are in no other figure.
CREATE MATERIALIZED VIEW achievement_totals AS
SELECT namespace, category,
    count(*) FILTER (WHERE shown) AS count,
    count(*) FILTER (WHERE shown AND portfolio_ready) AS portfolio_ready,
    (avg(impact_score) FILTER (WHERE shown AND analysed))::double precision AS mean_impact,
    (max(impact_score) FILTER (WHERE shown AND analysed))::integer AS highest_impact,
    (avg(complexity_score) FILTER (WHERE shown AND analysed))::double precision AS mean_complexity,
    -- Impacts of 0–19, 20–39, 40–59, 60–79, 80–100.
    ARRAY[count(*) FILTER (WHERE shown AND analysed AND impact_score < 20),
        count(*) FILTER (WHERE shown AND analysed AND impact_score >= 20 AND impact_score < 40),
        count(*) FILTER (WHERE shown AND analysed AND impact_score >= 40 AND impact_score < 60),
        count(*) FILTER (WHERE shown AND analysed AND impact_score >= 60 AND impact_score < 80),
        count(*) FILTER (WHERE shown AND analysed AND impact_score >= 80)] AS bands,
    count(*) FILTER (WHERE duplicate_of IS NOT NULL) AS duplicates,
    count(*) FILTER (WHERE reverted_by IS NOT NULL) AS reverted,
    count(*) FILTER (WHERE hidden) AS hidden,
    count(*) FILTER (WHERE NOT analysed) AS not_analysed
FROM (SELECT *, NOT hidden AND reverted_by IS NULL AND duplicate_of IS NULL AS shown, analyzed_at IS NOT NULL AS analysed
    FROM achievements WHERE deleted_at IS NULL AND superseded_by IS NULL) records
GROUP BY namespace, category;
-- What a refresh compares by, so that readers are not kept out meanwhile.
CREATE UNIQUE INDEX achievement_totals_key ON achievement_totals (namespace, category);

-- When they were counted, and how many rows had been written by then: a refresh without a write since changes nothing.
CREATE TABLE achievement_totals_counted (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    counted_at timestamptz NOT NULL DEFAULT now(),
    writes     bigint NOT NULL DEFAULT -1
);
INSERT INTO achievement_totals_counted DEFAULT VALUES;

-- Counts anew if anything was written since; answers whether it did. A write that is counted twice costs a refresh, none is missed:
-- Postgres tells of a write after it committed.
CREATE FUNCTION count_achievement_totals() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    told bigint;
BEGIN
    SELECT n_tup_ins + n_tup_upd + n_tup_del INTO told FROM pg_stat_all_tables WHERE relid = 'achievements'::regclass;
    PERFORM FROM achievement_totals_counted WHERE writes = told;
    IF FOUND THEN
        RETURN false;
    END IF;
    REFRESH MATERIALIZED VIEW CONCURRENTLY achievement_totals;
    UPDATE achievement_totals_counted SET counted_at = clock_timestamp(), writes = coalesce(told, -1);
    RETURN true;
END $$;

-- Of the transaction's namespace alone; no login reaches the view beneath it, which has no row-level security.
CREATE VIEW portfolio_totals WITH (security_barrier) AS
SELECT totals.*, counted.counted_at FROM achievement_totals_counted counted
LEFT JOIN achievement_totals totals ON totals.namespace = api_namespace();

DO $$ BEGIN
    REVOKE ALL ON FUNCTION count_achievement_totals() FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION count_achievement_totals() TO %I', current_database() || '_operator');
    EXECUTE format('GRANT SELECT ON portfolio_totals TO %I', current_database() || '_api');
END $$;
