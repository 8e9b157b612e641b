-- What the point of a record says besides its vector: people and completion. Another value is another version of the point.
CREATE FUNCTION renew_achievement_point() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.embedding_version := OLD.embedding_version + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER achievements_point_says_other BEFORE UPDATE OF logins, completed_at ON achievements
    FOR EACH ROW WHEN (NEW.embedding IS NOT NULL
        AND (NEW.logins, NEW.completed_at) IS DISTINCT FROM (OLD.logins, OLD.completed_at))
    EXECUTE FUNCTION renew_achievement_point();

-- What said the same as a record that is deleted stands for itself, unless a person linked it.
CREATE FUNCTION free_duplicates() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE achievements SET duplicate_of = NULL, duplicate_bp = NULL, revision = revision + 1
    WHERE namespace = NEW.namespace AND duplicate_of = NEW.id AND NOT overrides ? 'duplicateOf';
    RETURN NULL;
END $$;
CREATE TRIGGER achievements_deleted_free_duplicates AFTER UPDATE OF deleted_at ON achievements
    FOR EACH ROW WHEN (NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL) EXECUTE FUNCTION free_duplicates();

-- Points of deleted records, which are to go.
CREATE INDEX achievements_point_to_go ON achievements (collection) WHERE deleted_at IS NOT NULL AND point_version > 0;

DO $$
BEGIN
    REVOKE ALL ON FUNCTION renew_achievement_point(), free_duplicates() FROM PUBLIC;
END $$;
