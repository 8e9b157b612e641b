-- Part of a title or description, in any case: by groups of three letters. Two letters and fewer are looked for in every record.
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE INDEX achievements_text ON achievements USING gin (title public.gin_trgm_ops, description public.gin_trgm_ops)
    WHERE deleted_at IS NULL AND superseded_by IS NULL;
