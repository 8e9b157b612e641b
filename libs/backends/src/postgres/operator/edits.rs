//! Posts that a person edited and whose embedding is still of an older text, and the runs that embed them again.

use super::OperatorStore;
use crate::postgres::StoreError;
use uuid::Uuid;

/// A text that waits for a run of its own.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct EditedText {
    pub post: Uuid,
    pub revision: i32,
    pub hook: String,
    pub body: String,
    pub namespace: String,
    pub namespace_uid: Uuid,
    pub persona_uid: Uuid,
    pub persona_name: String,
    /// Of the task that wrote the post.
    pub prompt_digest: String,
}

/// An unfinished run of one embedding.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct EmbeddingRun {
    pub id: Uuid,
    pub post: Uuid,
    pub namespace: String,
    pub namespace_uid: Uuid,
    pub persona_uid: Uuid,
    pub persona_name: String,
    pub queue: String,
    pub credentials_digest: String,
    pub job_ordinal: i32,
    /// Pods that its newest Job was given; 0 once that ended.
    pub job_pods: i32,
    pub job_failures: i32,
    pub seconds_left: f64,
    pub claimable: bool,
    pub parked: bool,
    /// Whether its task may still come to something.
    pub open: bool,
}

impl OperatorStore {
    /// Edited texts without a run, the oldest edit first, at most `limit`. Those of suspended personas wait.
    ///
    /// # Errors
    /// Database errors.
    pub async fn edited_texts(&self, limit: i64) -> Result<Vec<EditedText>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT post.id AS post, post.revision, post.hook, post.body, persona.namespace, persona.namespace_uid,
                 persona.uid AS persona_uid, persona.name AS persona_name, task.prompt_digest
             FROM posts post JOIN personas persona ON persona.uid = post.persona_uid JOIN tasks task ON task.id = post.task_id
             WHERE post.embedded_revision < post.revision AND persona.gone_at IS NULL AND NOT persona.suspended
               AND persona.current_revision IS NOT NULL
               AND NOT EXISTS (SELECT FROM content_runs WHERE job_uid = post.id AND run_key = post.revision::text AND kind = 'embed')
             ORDER BY post.edited_at LIMIT $1",
        )
        .bind(limit)
        .fetch_all(self.pool())
        .await?)
    }

    /// All unfinished runs of this kind.
    ///
    /// # Errors
    /// Database errors.
    pub async fn embedding_runs(&self) -> Result<Vec<EmbeddingRun>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT run.id, run.job_uid AS post, run.namespace, run.namespace_uid, run.persona_uid, run.persona_name, persona.queue,
                 run.credentials_digest, run.job_ordinal, run.job_pods, run.job_failures,
                 extract(epoch FROM run.deadline_at - now())::double precision AS seconds_left,
                 coalesce(bool_or(task.status = 'queued' AND task.not_before <= now()), false) AS claimable,
                 coalesce(bool_or(task.status = 'parked'), false) AS parked,
                 coalesce(bool_or(task.status IN ('queued', 'processing', 'parked')), false) AS open
             FROM content_runs run JOIN personas persona ON persona.uid = run.persona_uid
             LEFT JOIN tasks task ON task.run_id = run.id
             WHERE run.kind = 'embed' AND run.finished_at IS NULL AND run.gone_at IS NULL AND persona.gone_at IS NULL
             GROUP BY run.id, persona.uid ORDER BY run.created_at",
        )
        .fetch_all(self.pool())
        .await?)
    }
}
