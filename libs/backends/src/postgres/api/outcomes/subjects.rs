//! Who is meant: one look at all subjects of a batch.

use super::{
    Subject, Told,
    fate::{Fate, Standing},
};
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};
use std::collections::HashMap;
use uuid::Uuid;

/// The subjects of a batch as they stood when it was received.
pub(super) struct Subjects<'a> {
    /// The server's clock, read once and after the lock.
    pub received: DateTime<Utc>,
    standings: HashMap<&'a Subject, Standing>,
}

#[derive(sqlx::FromRow)]
struct Row {
    ordinality: i64,
    subject: Uuid,
    experiment: Option<Uuid>,
    exposed_at: Option<DateTime<Utc>>,
    window_end: Option<DateTime<Utc>>,
    freezes_at: Option<DateTime<Utc>>,
    matured: bool,
}

impl<'a> Subjects<'a> {
    pub async fn resolve(
        transaction: &mut Transaction<'static, Postgres>,
        batch: &'a [Told],
    ) -> Result<Self, StoreError> {
        let received = sqlx::query_scalar("SELECT clock_timestamp()")
            .fetch_one(&mut **transaction)
            .await?;
        let (mut posts, mut participants) = (Vec::new(), Vec::new());
        let mut seen: HashMap<&Subject, ()> = HashMap::new();
        for told in batch {
            if seen.insert(&told.subject, ()).is_none() {
                match &told.subject {
                    Subject::Post(_) | Subject::External(_) => posts.push(&told.subject),
                    Subject::Participant { .. } => participants.push(&told.subject),
                }
            }
        }
        let mut standings = HashMap::with_capacity(seen.len());
        for (subjects, rows) in [
            (&posts, posts_of(transaction, &posts).await?),
            (
                &participants,
                participants_of(transaction, &participants).await?,
            ),
        ] {
            for row in rows {
                let place = usize::try_from(row.ordinality - 1).unwrap_or(usize::MAX);
                if let Some(subject) = subjects.get(place) {
                    standings.insert(*subject, row.standing());
                }
            }
        }
        Ok(Self {
            received,
            standings,
        })
    }

    pub fn fate_of(&self, told: &Told) -> (Fate, Option<&Standing>) {
        match self.standings.get(&told.subject) {
            Some(standing) => (standing.fate_of(told, self.received), Some(standing)),
            None => (Fate::Unknown, None),
        }
    }
}

impl Row {
    fn standing(&self) -> Standing {
        Standing {
            subject: self.subject,
            experiment: self.experiment.unwrap_or_default(),
            exposed_at: self.exposed_at,
            window_end: self.window_end,
            freezes_at: self.freezes_at,
            matured: self.matured,
        }
    }
}

async fn posts_of(
    transaction: &mut Transaction<'static, Postgres>,
    subjects: &[&Subject],
) -> Result<Vec<Row>, StoreError> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, external): (Vec<Option<Uuid>>, Vec<Option<&str>>) = subjects
        .iter()
        .map(|subject| match subject {
            Subject::Post(id) => (Some(*id), None),
            Subject::External(id) => (None, Some(id.as_str())),
            Subject::Participant { .. } => (None, None),
        })
        .unzip();
    Ok(sqlx::query_as(
        "WITH found AS (
             SELECT item.ordinality, post.id, post.task_id, post.published_at
             FROM unnest($1::uuid[]) WITH ORDINALITY AS item (id, ordinality) JOIN posts post ON post.id = item.id
             UNION ALL
             SELECT item.ordinality, post.id, post.task_id, post.published_at
             FROM unnest($2::text[]) WITH ORDINALITY AS item (id, ordinality)
             JOIN posts post ON post.namespace = (SELECT api_namespace()) AND post.external_id = item.id)
         SELECT found.ordinality, found.id AS subject, unit.experiment_uid AS experiment, found.published_at AS exposed_at,
             found.published_at + make_interval(secs => (experiment.design->>'attributionSeconds')::float8) AS window_end,
             unit.freezes_at, unit.matured_at IS NOT NULL AS matured
         FROM found LEFT JOIN experiment_units unit ON unit.task_id = found.task_id
         LEFT JOIN experiments experiment ON experiment.uid = unit.experiment_uid",
    )
    .bind(ids)
    .bind(external)
    .fetch_all(&mut **transaction)
    .await?)
}

async fn participants_of(
    transaction: &mut Transaction<'static, Postgres>,
    subjects: &[&Subject],
) -> Result<Vec<Row>, StoreError> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let (experiments, participants): (Vec<&str>, Vec<&str>) = subjects
        .iter()
        .map(|subject| match subject {
            Subject::Participant {
                experiment,
                participant,
            } => (experiment.as_str(), participant.as_str()),
            Subject::Post(_) | Subject::External(_) => ("", ""),
        })
        .unzip();
    Ok(sqlx::query_as(
        "WITH item AS (
             SELECT * FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS item (experiment, participant, ordinality)),
         named AS (
             SELECT DISTINCT ON (experiment.name) experiment.name, experiment.uid,
                 make_interval(secs => (experiment.design->>'attributionSeconds')::float8) AS attribution
             FROM experiments experiment WHERE experiment.name IN (SELECT experiment FROM item)
             ORDER BY experiment.name, experiment.gone_at IS NOT NULL, experiment.created_at DESC)
         SELECT item.ordinality, unit.id AS subject, named.uid AS experiment, unit.exposed_at,
             unit.exposed_at + named.attribution AS window_end, unit.freezes_at, unit.matured_at IS NOT NULL AS matured
         FROM item JOIN named ON named.name = item.experiment
         JOIN experiment_units unit ON unit.experiment_uid = named.uid AND unit.participant = item.participant",
    )
    .bind(experiments)
    .bind(participants)
    .fetch_all(&mut **transaction)
    .await?)
}
