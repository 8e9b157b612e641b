-- A restore leaves the materialized view empty where the tool may not refresh it: then it is filled, which a concurrent refresh cannot do.
CREATE OR REPLACE FUNCTION count_achievement_totals() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    told bigint;
    filled boolean;
BEGIN
    SELECT n_tup_ins + n_tup_upd + n_tup_del INTO told FROM pg_stat_all_tables WHERE relid = 'achievements'::regclass;
    SELECT relispopulated INTO filled FROM pg_class WHERE oid = 'achievement_totals'::regclass;
    IF filled AND EXISTS (SELECT FROM achievement_totals_counted WHERE writes = told) THEN
        RETURN false;
    END IF;
    IF filled THEN
        REFRESH MATERIALIZED VIEW CONCURRENTLY achievement_totals;
    ELSE
        REFRESH MATERIALIZED VIEW achievement_totals;
    END IF;
    UPDATE achievement_totals_counted SET counted_at = clock_timestamp(), writes = coalesce(told, -1);
    RETURN true;
END $$;
