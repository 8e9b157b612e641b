//! Outcomes: each told event or snapshot meets one fate, which is counted; only applied ones change totals.

mod apply;
mod fate;
mod feeds;
mod subjects;

pub use fate::{Fate, Tally};

use super::ApiStore;
use crate::postgres::StoreError;
use chrono::{DateTime, SubsecRound, Utc};
use sqlx::{Postgres, Transaction};
use std::collections::BTreeMap;
use subjects::Subjects;
use uuid::Uuid;

/// Attempts at a batch that another one got in the way of.
const ATTEMPTS: u32 = 4;

/// Of whom an outcome is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Post(Uuid),
    /// The network's id of a published post.
    External(String),
    Participant {
        experiment: String,
        participant: String,
    },
}

/// One told figure. A snapshot's totals are one each.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Line of the request, from 1.
    pub line: u64,
    pub subject: Subject,
    pub kind: Kind,
    pub metric: String,
    /// Finite, from 0 to 10¹².
    pub value: f64,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Adds to the sum, once for each event id of the namespace.
    Event(String),
    /// Says what the total was at that time; the newest one counts.
    Snapshot,
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ingested {
    pub tally: Tally,
    /// Lines that were not applied, and why; duplicates are not listed.
    pub refused: Vec<(u64, Fate)>,
}

/// A told figure that is to be remembered.
struct Candidate {
    event_id: String,
    subject: Uuid,
    experiment: Uuid,
    metric: String,
    value: f64,
    at: DateTime<Utc>,
}

/// Figures by experiment (nil where none) and fate.
type Counts = BTreeMap<(Uuid, Fate), u64>;

impl ApiStore {
    /// Takes a batch in one transaction: all of it or, with an error, nothing. `invalid` lines were refused before and are only
    /// counted. Repeating a batch applies nothing twice.
    ///
    /// # Errors
    /// Database errors; those of two batches that met are tried again first.
    pub async fn ingest(
        &self,
        namespace: &str,
        batch: &[Told],
        invalid: u64,
    ) -> Result<Ingested, StoreError> {
        let mut attempt = 1;
        loop {
            match self.ingest_once(namespace, batch, invalid).await {
                Err(error) if attempt < ATTEMPTS && met_another(&error) => attempt += 1,
                done => return done,
            }
        }
    }

    async fn ingest_once(
        &self,
        namespace: &str,
        batch: &[Told],
        invalid: u64,
    ) -> Result<Ingested, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        share_lock(&mut transaction, namespace).await?;
        let subjects = Subjects::resolve(&mut transaction, batch).await?;
        let mut ingested = Ingested::default();
        let mut counts = Counts::new();
        if invalid > 0 {
            counts.insert((Uuid::nil(), Fate::Invalid), invalid);
        }
        let mut candidates = Vec::with_capacity(batch.len());
        for told in batch {
            let (fate, standing) = subjects.fate_of(told);
            match standing {
                Some(standing) if fate == Fate::Applied => candidates.push(Candidate {
                    event_id: event_id(told, standing.subject),
                    subject: standing.subject,
                    experiment: standing.experiment,
                    metric: told.metric.clone(),
                    value: told.value,
                    at: told.at,
                }),
                standing => {
                    let experiment = standing.map_or(Uuid::nil(), |standing| standing.experiment);
                    *counts.entry((experiment, fate)).or_default() += 1;
                    ingested.refused.push((told.line, fate));
                }
            }
        }
        apply::apply(
            &mut transaction,
            namespace,
            candidates,
            subjects.received,
            &mut counts,
        )
        .await?;
        apply::count_fates(&mut transaction, namespace, subjects.received, &counts).await?;
        transaction.commit().await?;
        for ((_, fate), count) in &counts {
            ingested.tally.add(*fate, *count);
        }
        if ingested.tally.applied > 0 {
            self.wake.notify_one();
        }
        Ok(ingested)
    }
}

/// Shares the lock that maturation takes alone: what was received before a unit froze has committed before it matures.
pub(super) async fn share_lock(
    transaction: &mut Transaction<'static, Postgres>,
    namespace: &str,
) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock_shared(hashtextextended('outcomes ' || $1, 0))")
        .bind(namespace)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Event ids of snapshots begin with a word that callers' own event ids may not begin with.
pub const SNAPSHOT_PREFIX: &str = "snapshot/";

fn event_id(told: &Told, subject: Uuid) -> String {
    match &told.kind {
        Kind::Event(id) => id.clone(),
        Kind::Snapshot => format!(
            "{SNAPSHOT_PREFIX}{subject}/{}/{}",
            told.metric,
            told.at.trunc_subsecs(6).timestamp_micros()
        ),
    }
}

/// Deadlock or failed serialization: the other transaction went on, so this one can be tried again.
fn met_another(error: &StoreError) -> bool {
    let StoreError::Database(error) = error else {
        return false;
    };
    error
        .as_database_error()
        .and_then(|database| database.code())
        .is_some_and(|code| code == "40P01" || code == "40001")
}
