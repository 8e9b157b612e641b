//! Achievements: lists, one record, what people change, and figures over many.

mod change;
mod exports;
mod figures;
mod filter;
mod portfolio;
mod totals;

pub use change::{NewAchievement, Refused};
pub use exports::{
    ClaimedExport, ExpiredExport, ExportFailure, ExportRow, MAX_WAITING, NewExport, Queued,
    WrittenExport,
};
pub use figures::{Band, CategoryFigures, LeftOut, Statistics, Step, TimelinePoint};
pub use filter::{AchievementFilter, AchievementSort};
pub use portfolio::{LeftOutRecords, PortfolioRecords};

use super::ApiStore;
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder, Transaction};
use uuid::Uuid;

/// A record as callers see it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct AchievementRow {
    pub id: Uuid,
    pub title: String,
    pub description: Option<String>,
    pub category: String,
    pub started_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    /// Absent until it was analysed.
    pub impact_score: Option<i32>,
    pub complexity_score: Option<i32>,
    /// [`domain::achievement::Analysis`]
    pub analysis: Option<Value>,
    /// [{login, role}]
    pub people: Value,
    pub source_type: String,
    pub source_url: Option<String>,
    pub repository: Option<String>,
    pub number: Option<i64>,
    pub visibility: String,
    pub portfolio_ready: bool,
    pub portfolio_section: Option<String>,
    pub display_priority: i32,
    pub hidden: bool,
    pub duplicate_of: Option<Uuid>,
    pub reverted_by: Option<Uuid>,
    pub resource_name: Option<String>,
    pub announced_job: Option<String>,
    /// Of the pull request; only read for portfolios.
    #[sqlx(default)]
    pub labels: Option<Value>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A page, and how many there were in all when it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct AchievementPage {
    pub items: Vec<AchievementRow>,
    pub total: i64,
}

const COLUMNS: &str = "SELECT id, title, description, category::text, started_at, completed_at,
    CASE WHEN analyzed_at IS NOT NULL THEN impact_score::integer END AS impact_score,
    CASE WHEN analyzed_at IS NOT NULL THEN complexity_score::integer END AS complexity_score,
    analysis, people, source_type::text, source_url, repository, number, visibility, portfolio_ready, portfolio_section,
    display_priority, hidden, duplicate_of, reverted_by, resource_name, announced_job, created_at, updated_at FROM ";

/// The view through which filters reach their indices.
const LISTED: &str = "listed_achievements";

impl ApiStore {
    /// One page, and the exact number of records that the filter takes.
    ///
    /// # Errors
    /// Database errors.
    pub async fn achievements(
        &self,
        namespace: &str,
        filter: &AchievementFilter,
        sort: AchievementSort,
        (skip, limit): (i64, i64),
    ) -> Result<AchievementPage, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let mut listing = QueryBuilder::new("");
        write_page(&mut listing, namespace, filter, sort, (skip, limit));
        let listed: Vec<Listed> = listing
            .build_query_as()
            .fetch_all(&mut *transaction)
            .await?;
        let total = match listed.first().and_then(|row| row.total) {
            Some(total) => total,
            None => {
                let mut counting = QueryBuilder::new("");
                write_count(&mut counting, namespace, filter);
                let counted = counting.build_query_scalar();
                counted.fetch_one(&mut *transaction).await?
            }
        };
        transaction.commit().await?;
        let items = listed.into_iter().map(|row| row.row).collect();
        Ok(AchievementPage { items, total })
    }

    /// None where the namespace has no such record, or it was deleted.
    ///
    /// # Errors
    /// Database errors.
    pub async fn achievement(
        &self,
        namespace: &str,
        id: Uuid,
    ) -> Result<Option<AchievementRow>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let row = read(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(row)
    }
}

fn write_count(query: &mut QueryBuilder<Postgres>, namespace: &str, filter: &AchievementFilter) {
    query.push("SELECT count(*) FROM ").push(LISTED);
    filter.write(query, namespace);
}

/// A row of a page, with the total where it was counted beside it.
#[derive(Debug, sqlx::FromRow)]
struct Listed {
    #[sqlx(flatten)]
    row: AchievementRow,
    #[sqlx(default)]
    total: Option<i64>,
}

fn write_page(
    query: &mut QueryBuilder<Postgres>,
    namespace: &str,
    filter: &AchievementFilter,
    sort: AchievementSort,
    (skip, limit): (i64, i64),
) {
    let page = |query: &mut QueryBuilder<Postgres>| {
        sort.write(query);
        query.push(" LIMIT ").push_bind(limit);
        query.push(" OFFSET ").push_bind(skip);
    };
    if !filter.is_narrow() {
        query.push(COLUMNS).push(LISTED);
        filter.write(query, namespace);
        return page(query);
    }
    // What a narrow filter takes is found once, counted and sorted: in the order of an index, most rows would be passed by.
    query.push("WITH matching AS MATERIALIZED (SELECT id, completed_at, impact_score, display_priority FROM ");
    query.push(LISTED);
    filter.write(query, namespace);
    query
        .push(") ")
        .push(COLUMNS.replace(" FROM ", ", (SELECT count(*) FROM matching) AS total FROM "));
    query
        .push(LISTED)
        .push(" WHERE id = ANY(ARRAY(SELECT id FROM matching AS listed_achievements");
    page(query);
    query.push("))");
    sort.write(query);
}

async fn read(
    transaction: &mut Transaction<'_, Postgres>,
    id: Uuid,
) -> Result<Option<AchievementRow>, StoreError> {
    let mut query = QueryBuilder::new(COLUMNS);
    query
        .push("achievements WHERE deleted_at IS NULL AND id = ")
        .push_bind(id);
    Ok(query
        .build_query_as()
        .fetch_optional(&mut **transaction)
        .await?)
}

#[cfg(test)]
mod tests;
