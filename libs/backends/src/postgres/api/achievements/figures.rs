//! Figures over many records. Duplicates, reverted and hidden records are left out and counted apart.

use super::{ApiStore, filter::AchievementFilter};
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

/// Of one category.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct CategoryFigures {
    pub category: String,
    pub count: i64,
    pub portfolio_ready: i64,
    /// Of those that were analysed; absent where none was.
    pub mean_impact: Option<f64>,
    pub highest_impact: Option<i32>,
    pub mean_complexity: Option<f64>,
}

/// Records with an impact from `from` up to `from` + 19, the last up to 100.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Band {
    pub from: i32,
    pub count: i64,
}

/// What totals leave out. One record may be left out for more than one reason.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LeftOut {
    pub duplicates: i64,
    pub reverted: i64,
    pub hidden: i64,
    pub not_analysed: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    pub categories: Vec<CategoryFigures>,
    pub bands: Vec<Band>,
    pub left_out: LeftOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Week,
    Month,
    Quarter,
    Year,
}

impl Step {
    fn word(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

/// Records completed in one step of time.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct TimelinePoint {
    pub from: DateTime<Utc>,
    pub count: i64,
    pub mean_impact: Option<f64>,
}

impl ApiStore {
    /// # Errors
    /// Database errors.
    pub async fn achievement_statistics(
        &self,
        namespace: &str,
        filter: &AchievementFilter,
    ) -> Result<Statistics, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let mut query = QueryBuilder::new(
            "SELECT category::text, count(*) AS count, count(*) FILTER (WHERE portfolio_ready) AS portfolio_ready,
                 (avg(impact_score) FILTER (WHERE analyzed_at IS NOT NULL))::double precision AS mean_impact,
                 (max(impact_score) FILTER (WHERE analyzed_at IS NOT NULL))::integer AS highest_impact,
                 (avg(complexity_score) FILTER (WHERE analyzed_at IS NOT NULL))::double precision AS mean_complexity FROM listed_achievements",
        );
        filter.write(&mut query, namespace);
        query.push(" GROUP BY category ORDER BY category::text");
        let categories = query.build_query_as().fetch_all(&mut *transaction).await?;
        let mut query = QueryBuilder::new(
            "SELECT (least(floor(impact_score / 20), 4) * 20)::integer AS from, count(*) AS count FROM listed_achievements",
        );
        filter.write(&mut query, namespace);
        query.push(" AND analyzed_at IS NOT NULL GROUP BY 1 ORDER BY 1");
        let bands = query.build_query_as().fetch_all(&mut *transaction).await?;
        let mut query = QueryBuilder::new(
            "SELECT count(*) FILTER (WHERE duplicate_of IS NOT NULL) AS duplicates, count(*) FILTER (WHERE reverted_by IS NOT NULL) AS reverted,
                 count(*) FILTER (WHERE hidden) AS hidden, count(*) FILTER (WHERE analyzed_at IS NULL) AS not_analysed FROM listed_achievements",
        );
        let all = AchievementFilter {
            everything: true,
            ..filter.clone()
        };
        all.write(&mut query, namespace);
        let left_out = query.build_query_as().fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Statistics {
            categories,
            bands,
            left_out,
        })
    }

    /// Steps in which nothing was completed are left out.
    ///
    /// # Errors
    /// Database errors.
    pub async fn achievement_timeline(
        &self,
        namespace: &str,
        filter: &AchievementFilter,
        step: Step,
    ) -> Result<Vec<TimelinePoint>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let mut query = QueryBuilder::new("SELECT date_trunc(");
        query.push_bind(step.word());
        query.push(
            ", completed_at, 'UTC') AS from, count(*) AS count,
                 (avg(impact_score) FILTER (WHERE analyzed_at IS NOT NULL))::double precision AS mean_impact FROM listed_achievements",
        );
        filter.write(&mut query, namespace);
        query.push(" AND completed_at IS NOT NULL GROUP BY 1 ORDER BY 1");
        let points = query.build_query_as().fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(points)
    }
}
