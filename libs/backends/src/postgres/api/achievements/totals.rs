//! A namespace's whole portfolio in figures, as the operator counted them last.

use super::{ApiStore, Band, CategoryFigures, LeftOut, Statistics};
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};

/// One category as it was counted; all but the time is absent where the namespace has no records.
#[derive(Debug, sqlx::FromRow)]
struct Counted {
    counted_at: DateTime<Utc>,
    category: Option<String>,
    count: Option<i64>,
    portfolio_ready: Option<i64>,
    mean_impact: Option<f64>,
    highest_impact: Option<i32>,
    mean_complexity: Option<f64>,
    bands: Option<Vec<i64>>,
    duplicates: Option<i64>,
    reverted: Option<i64>,
    hidden: Option<i64>,
    not_analysed: Option<i64>,
}

impl ApiStore {
    /// The totals, and when they were counted.
    ///
    /// # Errors
    /// Database errors.
    pub async fn portfolio_totals(
        &self,
        namespace: &str,
    ) -> Result<(Statistics, DateTime<Utc>), StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let counted: Vec<Counted> = sqlx::query_as(
            "SELECT counted_at, category::text, count, portfolio_ready, mean_impact, highest_impact, mean_complexity, bands,
                 duplicates, reverted, hidden, not_analysed FROM portfolio_totals ORDER BY category::text",
        )
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let at = counted
            .first()
            .map(|it| it.counted_at)
            .ok_or(sqlx::Error::RowNotFound)?;
        Ok((sum(counted), at))
    }
}

fn sum(counted: Vec<Counted>) -> Statistics {
    let of = |figure: fn(&Counted) -> Option<i64>| counted.iter().filter_map(figure).sum();
    let left_out = LeftOut {
        duplicates: of(|it| it.duplicates),
        reverted: of(|it| it.reverted),
        hidden: of(|it| it.hidden),
        not_analysed: of(|it| it.not_analysed),
    };
    let in_band = |band: usize| {
        let counts = counted.iter().filter_map(|it| it.bands.as_ref()?.get(band));
        counts.sum::<i64>()
    };
    let bands = (0..5)
        .zip((0..).step_by(20))
        .map(|(band, from)| Band {
            from,
            count: in_band(band),
        })
        .filter(|band| band.count > 0)
        .collect();
    let categories = counted
        .into_iter()
        .filter_map(|it| {
            Some(CategoryFigures {
                category: it.category?,
                count: it.count.filter(|count| *count > 0)?,
                portfolio_ready: it.portfolio_ready.unwrap_or_default(),
                mean_impact: it.mean_impact,
                highest_impact: it.highest_impact,
                mean_complexity: it.mean_complexity,
            })
        })
        .collect();
    Statistics {
        categories,
        bands,
        left_out,
    }
}
