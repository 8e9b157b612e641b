//! The outbox as the relay sees it: messages that are not known to be on their queues.
//!
//! Messages are chosen by not being sent, never by an id that grows: a row may commit after a younger one (FAULTS 28).

use super::{OperatorStore, runs::OUTBOX_CHANNEL};
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use domain::names::{Tenant, analysis_queue};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// A message that is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsentMessage {
    pub id: i64,
    pub task_id: Uuid,
    pub attempt: i32,
    pub created_at: DateTime<Utc>,
    pub namespace: String,
    pub wakes: Wakes,
    /// The routing key: tenants name no queue themselves.
    pub queue: String,
    pub priority: i32,
    pub retry_count: i32,
    /// The W3C Trace Context of the task's run, where it is traced.
    pub traceparent: Option<String>,
}

/// Whose workers a message is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wakes {
    /// A task of a persona.
    Persona { uid: Uuid, name: String },
    /// The analysis of a record.
    Achievement { id: Uuid },
}

/// Either the persona's columns are there, or the achievement's with its tenant's.
#[derive(sqlx::FromRow)]
struct UnsentRow {
    id: i64,
    task_id: Uuid,
    attempt: i32,
    created_at: DateTime<Utc>,
    namespace: String,
    persona_uid: Option<Uuid>,
    persona: Option<String>,
    queue: Option<String>,
    achievement_id: Option<Uuid>,
    install: String,
    namespace_uid: Option<Uuid>,
    priority: i32,
    retry_count: i32,
    traceparent: Option<String>,
}

impl UnsentRow {
    fn message(self) -> Option<UnsentMessage> {
        let (wakes, queue) = if let Some(id) = self.achievement_id {
            let tenant = Tenant {
                install: self.install,
                namespace: self.namespace.clone(),
                namespace_uid: self.namespace_uid?,
            };
            (Wakes::Achievement { id }, analysis_queue(&tenant))
        } else {
            let (uid, name) = (self.persona_uid?, self.persona?);
            (Wakes::Persona { uid, name }, self.queue?)
        };
        Some(UnsentMessage {
            id: self.id,
            task_id: self.task_id,
            attempt: self.attempt,
            created_at: self.created_at,
            namespace: self.namespace,
            wakes,
            queue,
            priority: self.priority,
            retry_count: self.retry_count,
            traceparent: self.traceparent,
        })
    }
}

/// A message that the broker would not take, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub id: i64,
    pub error: String,
}

impl OperatorStore {
    /// The oldest messages that may be sent now, at most `limit`, but for those that are under way.
    ///
    /// A message for a namespace in which no worker can log in waits: there is nobody whom it could wake.
    ///
    /// The rows are not locked while they are published: whoever cancels a task need not wait for a broker. Sending one twice
    /// is harmless, because both have the same message id.
    ///
    /// # Errors
    /// Database errors.
    pub async fn unsent_messages(
        &self,
        limit: i64,
        under_way: &[i64],
    ) -> Result<Vec<UnsentMessage>, StoreError> {
        let rows: Vec<UnsentRow> = sqlx::query_as(
            "SELECT message.id, coalesce(task.id, analysis.id) AS task_id, message.attempt, message.created_at, message.namespace,
                 task.persona_uid, persona.name AS persona, persona.queue, analysis.achievement_id, current_database()::text AS install,
                 tenant.namespace_uid, coalesce(task.priority, 50) AS priority, coalesce(task.retry_count, analysis.retry_count) AS retry_count,
                 task.payload ->> 'traceparent' AS traceparent
             FROM outbox message
             LEFT JOIN tasks task ON task.id = message.task_id
             LEFT JOIN personas persona ON persona.uid = task.persona_uid
             LEFT JOIN achievement_tasks analysis ON analysis.id = message.achievement_task_id
             LEFT JOIN LATERAL (SELECT login.namespace_uid FROM worker_logins login
                 WHERE message.achievement_task_id IS NOT NULL AND login.namespace = message.namespace AND login.retired_at IS NULL
                 ORDER BY login.keyed_at DESC LIMIT 1) tenant ON true
             WHERE message.sent_at IS NULL AND message.not_before <= now() AND message.id NOT IN (SELECT unnest($2::bigint[]))
               AND (persona.uid IS NOT NULL OR tenant.namespace_uid IS NOT NULL)
             ORDER BY message.id LIMIT $1",
        )
        .bind(limit)
        .bind(under_way)
        .fetch_all(self.pool())
        .await?;
        Ok(rows.into_iter().filter_map(UnsentRow::message).collect())
    }

    /// Notes what the broker confirmed and what it refused, in one transaction. A refused message waits twice as long as the
    /// last time, up to twenty seconds.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn settle_messages(
        &self,
        sent: &[i64],
        refused: &[Refused],
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        if !sent.is_empty() {
            sqlx::query(
                "UPDATE outbox SET sent_at = now(), error = NULL, refusals = 0 WHERE id = ANY($1)",
            )
            .bind(sent)
            .execute(&mut *transaction)
            .await?;
        }
        if !refused.is_empty() {
            let (ids, errors): (Vec<i64>, Vec<&str>) = refused
                .iter()
                .map(|message| (message.id, message.error.as_str()))
                .unzip();
            sqlx::query(
                "UPDATE outbox SET error = left(refused.error, 500), refusals = refusals + 1,
                     not_before = now() + make_interval(secs => least(20, power(2, least(refusals, 5)))::double precision)
                 FROM unnest($1::bigint[], $2::text[]) AS refused (id, error) WHERE outbox.id = refused.id",
            )
            .bind(ids)
            .bind(errors)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Seconds until the next refused message may be tried again; none where none waits.
    ///
    /// # Errors
    /// Database errors.
    pub async fn next_refused_seconds(&self) -> Result<Option<f64>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT extract(epoch FROM min(not_before) - now())::double precision FROM outbox
             WHERE sent_at IS NULL AND (task_id IS NOT NULL OR EXISTS (SELECT FROM worker_logins login
                 WHERE login.namespace = outbox.namespace AND login.retired_at IS NULL))",
        )
        .fetch_one(self.pool())
        .await?)
    }

    /// Why the broker refused a message that would wake a worker for this persona and still waits; none where it refused none.
    ///
    /// # Errors
    /// Database errors.
    pub async fn refused_reason(&self, persona: Uuid) -> Result<Option<String>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT max(message.error) FROM outbox message JOIN tasks task ON task.id = message.task_id
             WHERE message.sent_at IS NULL AND message.error IS NOT NULL AND task.status = 'queued' AND task.persona_uid = $1",
        )
        .bind(persona)
        .fetch_one(self.pool())
        .await?)
    }
}

/// Sends the messages of claimable tasks again, of one persona or of all, and tells the relay.
pub(super) async fn wake_claimable(
    transaction: &mut Transaction<'static, Postgres>,
    persona: Option<Uuid>,
) -> Result<u64, StoreError> {
    let woken = sqlx::query(
        "INSERT INTO outbox (namespace, type, task_id, attempt)
         SELECT namespace, 'content.generation', id, claims FROM tasks
         WHERE status = 'queued' AND not_before <= now() AND ($1::uuid IS NULL OR persona_uid = $1) ORDER BY created_at, index
         ON CONFLICT (task_id, attempt) DO UPDATE SET sent_at = NULL, error = NULL, not_before = now(), refusals = 0
             WHERE outbox.sent_at IS NOT NULL",
    )
    .bind(persona)
    .execute(&mut **transaction)
    .await?
    .rows_affected();
    if woken > 0 {
        tell_relay(transaction).await?;
    }
    Ok(woken)
}

/// Wakes the relay when the transaction commits.
pub(super) async fn tell_relay(
    transaction: &mut Transaction<'static, Postgres>,
) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_notify($1, '')")
        .bind(OUTBOX_CHANNEL)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
