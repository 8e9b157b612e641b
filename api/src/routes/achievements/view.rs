//! A record as callers see it.

use backends::postgres::api::achievements::AchievementRow;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Something that was accomplished.
#[derive(Debug, Serialize, ToSchema)]
pub struct Achievement {
    id: Uuid,
    title: String,
    /// Untrusted where it comes from a pull request: escape it before you show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    category: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<DateTime<Utc>>,
    /// Points of 100 for which there is evidence; absent until it was analysed.
    #[serde(skip_serializing_if = "Option::is_none")]
    impact_score: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    complexity_score: Option<i32>,
    /// Components with their evidence, stated values, findings, and the version of the formula; absent until it was analysed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    analysis: Option<Value>,
    /// `[{login, role}]`
    #[schema(value_type = Vec<Object>)]
    people: Value,
    source_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<i64>,
    /// public, internal or private.
    visibility: String,
    portfolio_ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    portfolio_section: Option<String>,
    display_priority: i32,
    hidden: bool,
    /// The earliest record that says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<Uuid>,
    /// The record that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    reverted_by: Option<Uuid>,
    /// The Achievement that stands for it in the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    /// The ContentJob that announced it.
    #[serde(skip_serializing_if = "Option::is_none")]
    announced_by: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<AchievementRow> for Achievement {
    fn from(row: AchievementRow) -> Self {
        Self {
            id: row.id,
            title: row.title,
            description: row.description,
            category: row.category,
            started_at: row.started_at,
            completed_at: row.completed_at,
            impact_score: row.impact_score,
            complexity_score: row.complexity_score,
            analysis: row.analysis,
            people: row.people,
            source_type: row.source_type,
            source_url: row.source_url,
            repository: row.repository,
            number: row.number,
            visibility: row.visibility,
            portfolio_ready: row.portfolio_ready,
            portfolio_section: row.portfolio_section,
            display_priority: row.display_priority,
            hidden: row.hidden,
            duplicate_of: row.duplicate_of,
            reverted_by: row.reverted_by,
            resource: row.resource_name,
            announced_by: row.announced_job,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
