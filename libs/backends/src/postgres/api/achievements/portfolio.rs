//! Records for a portfolio, as of one moment.

use super::{AchievementFilter, AchievementRow, AchievementSort, COLUMNS, LISTED};
use crate::postgres::{StoreError, api::ApiStore};
use domain::achievement::Visibility;
use sqlx::QueryBuilder;

/// What a portfolio is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PortfolioRecords {
    pub records: Vec<AchievementRow>,
    pub left_out: LeftOutRecords,
}

/// Records that fit the filter and are not among those.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct LeftOutRecords {
    pub hidden: i64,
    pub reverted: i64,
    pub duplicates: i64,
    /// Not public, where only what is public was asked for.
    pub private: i64,
    /// Beyond the limit.
    #[sqlx(skip)]
    pub beyond_limit: i64,
}

const LEFT_OUT: &str = "SELECT count(*) FILTER (WHERE hidden) AS hidden,
    count(*) FILTER (WHERE NOT hidden AND reverted_by IS NOT NULL) AS reverted,
    count(*) FILTER (WHERE NOT hidden AND reverted_by IS NULL AND duplicate_of IS NOT NULL) AS duplicates,
    count(*) FILTER (WHERE NOT hidden AND reverted_by IS NULL AND duplicate_of IS NULL AND visibility <> 'public') AS private FROM ";

impl ApiStore {
    /// At most `limit` records that the filter takes, the first by `sort`, and how many more there are and why, all of one moment.
    ///
    /// # Errors
    /// Database errors.
    pub async fn portfolio_records(
        &self,
        namespace: &str,
        filter: &AchievementFilter,
        sort: AchievementSort,
        limit: i64,
    ) -> Result<PortfolioRecords, StoreError> {
        let mut transaction = self.begin_snapshot(namespace).await?;
        let everything = AchievementFilter {
            everything: true,
            visibility: None,
            ..filter.clone()
        };
        let mut counting = QueryBuilder::new(LEFT_OUT);
        counting.push(LISTED);
        everything.write(&mut counting, namespace);
        let mut left_out: LeftOutRecords = counting
            .build_query_as()
            .fetch_one(&mut *transaction)
            .await?;
        if filter.visibility != Some(Visibility::Public) {
            left_out.private = 0;
        }
        let mut total = QueryBuilder::new("");
        super::write_count(&mut total, namespace, filter);
        let total: i64 = total
            .build_query_scalar()
            .fetch_one(&mut *transaction)
            .await?;
        let mut listing = QueryBuilder::new(
            COLUMNS.replace(" FROM ", ", pull_request -> 'labels' AS labels FROM "),
        );
        listing.push(LISTED);
        filter.write(&mut listing, namespace);
        sort.write(&mut listing);
        listing.push(" LIMIT ").push_bind(limit);
        let records: Vec<AchievementRow> = listing
            .build_query_as()
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        left_out.beyond_limit = total - i64::try_from(records.len()).unwrap_or(total);
        Ok(PortfolioRecords { records, left_out })
    }
}
