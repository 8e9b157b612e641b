-- Points of records whose rows are gone altogether, until the operator has removed them from the index. One for every row that may have
-- a point: whether the point was stored is not known for certain while somebody stores it.
CREATE TABLE achievement_points_gone (
    collection text NOT NULL,
    id         uuid NOT NULL,
    PRIMARY KEY (collection, id)
);

CREATE FUNCTION note_purged_point() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO achievement_points_gone (collection, id) VALUES (OLD.collection, OLD.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER achievements_purged AFTER DELETE ON achievements FOR EACH ROW
    WHEN (OLD.collection IS NOT NULL AND OLD.embedding IS NOT NULL) EXECUTE FUNCTION note_purged_point();

DO $$ BEGIN
    REVOKE ALL ON FUNCTION note_purged_point() FROM PUBLIC;
    EXECUTE format('GRANT SELECT, DELETE ON achievement_points_gone TO %I', current_database() || '_operator');
END $$;
