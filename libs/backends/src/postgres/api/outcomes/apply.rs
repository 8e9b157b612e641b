//! What counts: events are remembered, sums and snapshots follow.

use super::{Candidate, Counts, Fate, SNAPSHOT_PREFIX};
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};
use std::collections::HashMap;
use uuid::Uuid;

/// Remembers the events that were not seen before and brings totals up to them, in one statement.
///
/// Rows are locked in one order everywhere (events by id, then totals by subject and metric), so two batches cannot wait for each
/// other.
pub(super) async fn apply(
    transaction: &mut Transaction<'static, Postgres>,
    namespace: &str,
    mut candidates: Vec<Candidate>,
    received: DateTime<Utc>,
    counts: &mut Counts,
) -> Result<(), StoreError> {
    if candidates.is_empty() {
        return Ok(());
    }
    candidates.sort_unstable_by(|one, other| one.event_id.cmp(&other.event_id));
    let of_subject: HashMap<Uuid, Uuid> = candidates
        .iter()
        .map(|candidate| (candidate.subject, candidate.experiment))
        .collect();
    let mut told: HashMap<Uuid, u64> = HashMap::with_capacity(of_subject.len());
    let mut columns = Columns::default();
    for candidate in candidates {
        *told.entry(candidate.subject).or_default() += 1;
        columns.push(candidate);
    }
    let fresh: HashMap<Uuid, i64> = columns
        .insert(transaction, namespace, received)
        .await?
        .into_iter()
        .collect();
    for (subject, told) in told {
        let experiment = of_subject.get(&subject).copied().unwrap_or_default();
        let applied = fresh
            .get(&subject)
            .map_or(0, |count| count.unsigned_abs())
            .min(told);
        for (fate, count) in [(Fate::Applied, applied), (Fate::Duplicate, told - applied)] {
            if count > 0 {
                *counts.entry((experiment, fate)).or_default() += count;
            }
        }
    }
    Ok(())
}

/// Adds to the counted fates of the day.
pub(super) async fn count_fates(
    transaction: &mut Transaction<'static, Postgres>,
    namespace: &str,
    received: DateTime<Utc>,
    counts: &Counts,
) -> Result<(), StoreError> {
    if counts.is_empty() {
        return Ok(());
    }
    // A map's order: the same in every batch.
    let (keys, outcomes): (Vec<&(Uuid, Fate)>, Vec<i64>) = counts
        .iter()
        .map(|(key, count)| (key, i64::try_from(*count).unwrap_or(i64::MAX)))
        .unzip();
    let (experiments, fates): (Vec<Uuid>, Vec<&str>) = keys
        .into_iter()
        .map(|(experiment, fate)| (*experiment, fate.as_str()))
        .unzip();
    sqlx::query(
        "INSERT INTO outcome_fates AS fates (namespace, experiment_uid, day, fate, outcomes)
         SELECT $1, experiment, ($2 AT TIME ZONE 'UTC')::date, fate, outcomes
         FROM unnest($3::uuid[], $4::text[], $5::bigint[]) AS item (experiment, fate, outcomes)
         ON CONFLICT (namespace, experiment_uid, day, fate) DO UPDATE SET outcomes = fates.outcomes + excluded.outcomes",
    )
    .bind(namespace)
    .bind(received)
    .bind(experiments)
    .bind(fates)
    .bind(outcomes)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A batch as Postgres takes it fastest: one array a column.
#[derive(Default)]
struct Columns {
    event_ids: Vec<String>,
    subjects: Vec<Uuid>,
    metrics: Vec<String>,
    values: Vec<f64>,
    times: Vec<DateTime<Utc>>,
}

impl Columns {
    fn push(&mut self, candidate: Candidate) {
        self.event_ids.push(candidate.event_id);
        self.subjects.push(candidate.subject);
        self.metrics.push(candidate.metric);
        self.values.push(candidate.value);
        self.times.push(candidate.at);
    }

    /// How many were new, by subject.
    async fn insert(
        self,
        transaction: &mut Transaction<'static, Postgres>,
        namespace: &str,
        received: DateTime<Utc>,
    ) -> Result<Vec<(Uuid, i64)>, StoreError> {
        Ok(sqlx::query_as(
            "WITH fresh AS (
                 INSERT INTO outcome_events (namespace, event_id, subject, metric, value, at, received_at)
                 SELECT $1, event_id, subject, metric, value, at, $2
                 FROM unnest($3::text[], $4::uuid[], $5::text[], $6::float8[], $7::timestamptz[])
                     AS item (event_id, subject, metric, value, at)
                 ON CONFLICT (namespace, event_id) DO NOTHING
                 RETURNING event_id, subject, metric, value, at),
             sums AS (
                 SELECT subject, metric, sum(value) AS value FROM fresh WHERE NOT starts_with(event_id, $8)
                 GROUP BY subject, metric),
             newest AS (
                 SELECT DISTINCT ON (subject, metric) subject, metric, value, at FROM fresh WHERE starts_with(event_id, $8)
                 ORDER BY subject, metric, at DESC),
             totals AS (
                 INSERT INTO outcome_totals AS total (subject, metric, namespace, events, snapshot, snapshot_at)
                 SELECT subject, metric, $1, coalesce(sums.value, 0), newest.value, newest.at
                 FROM sums FULL JOIN newest USING (subject, metric) ORDER BY subject, metric
                 ON CONFLICT (subject, metric) DO UPDATE SET events = total.events + excluded.events,
                     snapshot = CASE WHEN excluded.snapshot_at IS NULL OR total.snapshot_at >= excluded.snapshot_at
                         THEN total.snapshot ELSE excluded.snapshot END,
                     snapshot_at = greatest(total.snapshot_at, excluded.snapshot_at), updated_at = now())
             SELECT subject, count(*) FROM fresh GROUP BY subject",
        )
        .bind(namespace)
        .bind(received)
        .bind(self.event_ids)
        .bind(self.subjects)
        .bind(self.metrics)
        .bind(self.values)
        .bind(self.times)
        .bind(SNAPSHOT_PREFIX)
        .fetch_all(&mut **transaction)
        .await?)
    }
}
