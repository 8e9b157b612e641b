-- Lists of achievements. A record that another one supersedes, or that was deleted, is in no list.
DROP INDEX achievements_by_category, achievements_by_impact, achievements_by_portfolio;
CREATE INDEX achievements_by_completion ON achievements (namespace, completed_at DESC NULLS LAST, id)
    WHERE deleted_at IS NULL AND superseded_by IS NULL;
CREATE INDEX achievements_by_impact ON achievements (namespace, impact_score DESC, id)
    WHERE deleted_at IS NULL AND superseded_by IS NULL;
CREATE INDEX achievements_by_category ON achievements (namespace, category, impact_score DESC, id)
    WHERE deleted_at IS NULL AND superseded_by IS NULL;
CREATE INDEX achievements_by_repository ON achievements (namespace, repository, completed_at DESC NULLS LAST, id)
    WHERE deleted_at IS NULL AND superseded_by IS NULL;
CREATE INDEX achievements_by_login ON achievements USING gin (logins);
CREATE INDEX achievements_by_portfolio ON achievements (namespace, display_priority DESC, impact_score DESC, id)
    WHERE portfolio_ready AND deleted_at IS NULL AND superseded_by IS NULL;
