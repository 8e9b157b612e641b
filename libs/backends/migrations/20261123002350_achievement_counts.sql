-- Exact totals that stay fast, and filters that reach their indices.

-- What lists read: the records of the transaction's namespace that were not deleted or superseded.
--
-- It reads with its owner's rights on purpose. Under the row-level security of the API's login an index is used only for comparisons
-- that are marked leakproof, which those of enums, arrays and LIKE are not: lists by category or person would read the whole table.
-- The namespace is the same one that the policy compares with.
CREATE VIEW listed_achievements AS
SELECT * FROM achievements WHERE namespace = api_namespace() AND deleted_at IS NULL AND superseded_by IS NULL;

-- Totals are counted through these alone: they are narrow, and hold what lists show unless everything is asked for.
CREATE INDEX achievements_shown ON achievements (namespace)
    WHERE deleted_at IS NULL AND superseded_by IS NULL AND NOT hidden AND reverted_by IS NULL AND duplicate_of IS NULL;
CREATE INDEX achievements_shown_impact ON achievements (namespace, impact_score)
    WHERE deleted_at IS NULL AND superseded_by IS NULL AND NOT hidden AND reverted_by IS NULL AND duplicate_of IS NULL;
CREATE INDEX achievements_shown_category ON achievements (namespace, category, impact_score)
    WHERE deleted_at IS NULL AND superseded_by IS NULL AND NOT hidden AND reverted_by IS NULL AND duplicate_of IS NULL;
CREATE INDEX achievements_shown_repository ON achievements (namespace, repository, impact_score)
    WHERE deleted_at IS NULL AND superseded_by IS NULL AND NOT hidden AND reverted_by IS NULL AND duplicate_of IS NULL;
CREATE INDEX achievements_shown_visibility ON achievements (namespace, visibility)
    WHERE deleted_at IS NULL AND superseded_by IS NULL AND NOT hidden AND reverted_by IS NULL AND duplicate_of IS NULL;
CREATE INDEX achievements_shown_portfolio ON achievements (namespace, portfolio_ready)
    WHERE deleted_at IS NULL AND superseded_by IS NULL AND NOT hidden AND reverted_by IS NULL AND duplicate_of IS NULL;
CREATE INDEX achievements_shown_completion ON achievements (namespace, completed_at)
    WHERE deleted_at IS NULL AND superseded_by IS NULL AND NOT hidden AND reverted_by IS NULL AND duplicate_of IS NULL;
-- For everything, hidden ones too.
CREATE INDEX achievements_all ON achievements (namespace) WHERE deleted_at IS NULL AND superseded_by IS NULL;

DO $$ BEGIN EXECUTE format('GRANT SELECT ON listed_achievements TO %I', current_database() || '_api'); END $$;
