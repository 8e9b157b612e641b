//! Which records, in which order.

use chrono::{DateTime, Utc};
use domain::achievement::{Category, Visibility};
use sqlx::{Postgres, QueryBuilder};

/// What is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AchievementFilter {
    pub category: Option<Category>,
    pub min_impact_score: Option<i32>,
    pub portfolio_ready: Option<bool>,
    /// A login, in any case.
    pub person: Option<String>,
    /// `owner/name`
    pub repository: Option<String>,
    pub visibility: Option<Visibility>,
    /// Name of the AchievementSource that told it first, of a living one or one that is gone.
    pub source: Option<String>,
    /// Completed at or after.
    pub from: Option<DateTime<Utc>>,
    /// Completed before.
    pub to: Option<DateTime<Utc>>,
    /// Part of the title or description, taken literally, in any case.
    pub search: Option<String>,
    /// Hidden and reverted records and duplicates too.
    pub everything: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AchievementSort {
    #[default]
    NewestFirst,
    OldestFirst,
    HighestImpact,
    LowestImpact,
    /// As portfolios show them: by priority, then impact.
    Portfolio,
}

impl AchievementSort {
    /// The view is named, because the bare name would mean the column that is selected, which no index holds.
    pub(super) fn write(self, query: &mut QueryBuilder<Postgres>) {
        query.push(match self {
            Self::NewestFirst => " ORDER BY completed_at DESC NULLS LAST, id",
            Self::OldestFirst => " ORDER BY completed_at ASC NULLS FIRST, id DESC",
            Self::HighestImpact => " ORDER BY listed_achievements.impact_score DESC, id",
            Self::LowestImpact => " ORDER BY listed_achievements.impact_score ASC, id DESC",
            Self::Portfolio => {
                " ORDER BY display_priority DESC, listed_achievements.impact_score DESC, id"
            }
        });
    }
}

impl AchievementFilter {
    /// Whether few records are taken as a rule, so that the planner does best to find them all before it sorts.
    pub(super) fn is_narrow(&self) -> bool {
        self.person.is_some() || self.source.is_some() || self.search.is_some()
    }

    /// The WHERE clause. The namespace is named although row-level security would do, so that indices that begin with it are used.
    pub(super) fn write(&self, query: &mut QueryBuilder<Postgres>, namespace: &str) {
        query
            .push(" WHERE deleted_at IS NULL AND superseded_by IS NULL AND namespace = ")
            .push_bind(namespace.to_owned());
        if !self.everything {
            query.push(" AND NOT hidden AND reverted_by IS NULL AND duplicate_of IS NULL");
        }
        if let Some(category) = self.category {
            query
                .push(" AND category = ")
                .push_bind(word(&category))
                .push("::achievement_category");
        }
        if let Some(points) = self.min_impact_score {
            query.push(" AND impact_score >= ").push_bind(points);
        }
        if let Some(ready) = self.portfolio_ready {
            query.push(" AND portfolio_ready = ").push_bind(ready);
        }
        if let Some(person) = &self.person {
            query
                .push(" AND logins @> ARRAY[")
                .push_bind(person.to_lowercase())
                .push("]");
        }
        if let Some(repository) = &self.repository {
            query
                .push(" AND repository = ")
                .push_bind(repository.clone());
        }
        if let Some(visibility) = self.visibility {
            query
                .push(" AND visibility = ")
                .push_bind(word(&visibility));
        }
        if let Some(source) = &self.source {
            query
                .push(" AND source_uid IN (SELECT uid FROM achievement_sources WHERE namespace = ")
                .push_bind(namespace.to_owned())
                .push(" AND name = ")
                .push_bind(source.clone())
                .push(")");
        }
        if let Some(from) = self.from {
            query.push(" AND completed_at >= ").push_bind(from);
        }
        if let Some(to) = self.to {
            query.push(" AND completed_at < ").push_bind(to);
        }
        if let Some(text) = &self.search {
            let pattern = format!("%{}%", literal(text));
            query.push(" AND (title ILIKE ").push_bind(pattern.clone());
            query
                .push(" OR description ILIKE ")
                .push_bind(pattern)
                .push(")");
        }
    }
}

/// Text in which LIKE finds no sign of its own.
fn literal(text: &str) -> String {
    text.replace('\\', r"\\")
        .replace('%', r"\%")
        .replace('_', r"\_")
}

/// The word under which a value is stored.
fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}
