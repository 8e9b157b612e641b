//! Variants of the seed: counts for display. No verdict rests on them.

use super::ApiStore;
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::types::Json;

/// A variant's counts; successes never exceed impressions.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct VariantRow {
    pub variant_id: String,
    pub dimensions: Json<Map<String, Value>>,
    pub impressions: i64,
    pub successes: i64,
    pub last_used: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}

/// What became of a report of performance.
#[derive(Debug, Clone, PartialEq)]
pub enum Reported {
    Counted(VariantRow),
    NoSuchVariant,
}

macro_rules! variants {
    ($rest:literal) => {
        concat!(
            "SELECT variant_id, dimensions, impressions, successes, last_used, created_at FROM variant_performance ",
            $rest
        )
    };
}

impl ApiStore {
    /// Those whose dimensions hold all of `dimensions` and that have at least so many impressions, most used first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn variants(
        &self,
        namespace: &str,
        dimensions: &Map<String, Value>,
        min_impressions: i64,
        limit: i64,
    ) -> Result<Vec<VariantRow>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let rows = sqlx::query_as(variants!(
            "WHERE dimensions @> $1 AND impressions >= $2 ORDER BY impressions DESC, variant_id LIMIT $3"
        ))
        .bind(Json(dimensions))
        .bind(min_impressions)
        .bind(limit)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(rows)
    }

    /// # Errors
    /// Database errors.
    pub async fn variant(
        &self,
        namespace: &str,
        id: &str,
    ) -> Result<Option<VariantRow>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let row = sqlx::query_as(variants!("WHERE variant_id = $1"))
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(row)
    }

    /// Makes a variant, or gives it other dimensions; its counts stay.
    ///
    /// # Errors
    /// Database errors.
    pub async fn put_variant(
        &self,
        namespace: &str,
        id: &str,
        dimensions: &Map<String, Value>,
    ) -> Result<VariantRow, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let row = sqlx::query_as(
            "INSERT INTO variant_performance (namespace, variant_id, dimensions) VALUES ($1, $2, $3)
             ON CONFLICT (namespace, variant_id) DO UPDATE SET dimensions = excluded.dimensions
             RETURNING variant_id, dimensions, impressions, successes, last_used, created_at",
        )
        .bind(namespace)
        .bind(id)
        .bind(Json(dimensions))
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(row)
    }

    /// Adds to a variant's counts. `impressions` is at least `successes`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn report_variant(
        &self,
        namespace: &str,
        id: &str,
        impressions: i64,
        successes: i64,
    ) -> Result<Reported, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let row = sqlx::query_as(
            "UPDATE variant_performance SET impressions = impressions + $2, successes = successes + $3, last_used = now()
             WHERE variant_id = $1
             RETURNING variant_id, dimensions, impressions, successes, last_used, created_at",
        )
        .bind(id)
        .bind(impressions)
        .bind(successes)
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(row.map_or(Reported::NoSuchVariant, Reported::Counted))
    }
}
