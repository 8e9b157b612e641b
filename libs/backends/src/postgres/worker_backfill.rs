//! What a backfill worker may do: call the functions of `20261123002400_backfill.sql`, within its own namespace.

use super::{
    StoreError,
    achievements::{
        ANALYSIS_PROTOCOL, Raised,
        evidence::{SETTLE_SECONDS, kind_word},
        storable,
    },
    worker::WorkerStore,
};
use domain::{
    achievement::{Evidence, PullRequest, SourceSettings},
    names,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{PgConnection, types::Json};
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

/// A source that is to be filled.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackfillSource {
    pub settings: SourceSettings,
    pub namespace: String,
    /// The database's clock at the start.
    pub started_at: Timestamp,
}

/// The four lists that are read of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    Pulls,
    Pushes,
    Releases,
    Deployments,
}

impl Stream {
    /// In the order in which a backfill reads them.
    pub const ALL: [Self; 4] = [Self::Pulls, Self::Pushes, Self::Releases, Self::Deployments];

    /// The column's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pulls => "pulls",
            Self::Pushes => "pushes",
            Self::Releases => "releases",
            Self::Deployments => "deployments",
        }
    }
}

/// Where a stream stands. `cursor` is the worker's own; `{}` before its first page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    pub cursor: Value,
    pub etag: Option<String>,
    pub complete_to: Option<Timestamp>,
}

impl Default for Position {
    fn default() -> Self {
        Self {
            cursor: json!({}),
            etag: None,
            complete_to: None,
        }
    }
}

/// Something that a page brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    PullRequest(Box<PullRequest>),
    Evidence(Box<Evidence>),
}

/// One page of a stream, and the position that follows it.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    pub source: Uuid,
    pub namespace: &'a str,
    pub repository: &'a str,
    pub stream: Stream,
    /// The cursor from which the page was read.
    pub before: &'a Value,
    pub found: &'a [Found],
    /// `complete_to` comes with the page that ends a walk.
    pub after: &'a Position,
}

/// Evidence whose commits are to be found by comparing it with what came before it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unresolved {
    pub id: Uuid,
    pub kind: String,
    pub repository: String,
    pub stream: String,
    pub sha: Option<String>,
    pub at: Timestamp,
    pub previous_stream: Option<String>,
    pub previous_sha: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    outcomes: BTreeMap<String, u64>,
    raised: Vec<Raised>,
}

impl WorkerStore {
    /// The source, or none where this worker has nothing to do there: it is gone, suspended, everything is paused, or other Secrets
    /// than the mounted ones are in force.
    ///
    /// # Errors
    /// Database errors, or settings that this build cannot read.
    pub async fn backfill_source(
        &self,
        source: Uuid,
        credentials_digest: &str,
    ) -> Result<Option<BackfillSource>, StoreError> {
        let found: Option<Json<BackfillSource>> =
            sqlx::query_scalar("SELECT backfill_source($1, $2)")
                .bind(source)
                .bind(credentials_digest)
                .fetch_one(&self.pool)
                .await?;
        Ok(found.map(|Json(source)| source))
    }

    /// Where the streams of a repository stand; those that were never read are left out.
    ///
    /// # Errors
    /// Database errors.
    pub async fn backfill_positions(
        &self,
        source: Uuid,
        repository: &str,
    ) -> Result<BTreeMap<Stream, Position>, StoreError> {
        let Json(positions) = sqlx::query_scalar("SELECT backfill_positions($1, $2)")
            .bind(source)
            .bind(repository)
            .fetch_one(&self.pool)
            .await?;
        Ok(positions)
    }

    /// Stores a page's records with the position that follows it, and queues their analysis: all of it or nothing. Answers how many
    /// records came to what.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where another worker moved the cursor or the source is gone; database errors, after which the page
    /// may or may not be stored.
    pub async fn backfill_page(
        &self,
        page: &Page<'_>,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let items = page
            .found
            .iter()
            .map(|it| item(page.namespace, it))
            .collect::<Result<Vec<Value>, StoreError>>()?;
        let mut transaction = self.pool.begin().await?;
        let Json(answer): Json<Answer> = sqlx::query_scalar(
            "SELECT backfill_page($1, $2, $3, $4, $5, $6, $7, $8::timestamptz, $9)",
        )
        .bind(page.source)
        .bind(page.repository)
        .bind(page.stream.as_str())
        .bind(page.before)
        .bind(Value::Array(items))
        .bind(&page.after.cursor)
        .bind(&page.after.etag)
        .bind(page.after.complete_to.map(|at| at.to_string()))
        .bind(SETTLE_SECONDS)
        .fetch_one(&mut *transaction)
        .await?;
        queue(&mut transaction, &answer.raised).await?;
        transaction.commit().await?;
        Ok(answer.outcomes)
    }

    /// Evidence of the source with unknown commits, at most `limit`, oldest first, after the given one.
    ///
    /// # Errors
    /// Database errors.
    pub async fn backfill_unresolved(
        &self,
        source: Uuid,
        after: Option<&Unresolved>,
        limit: i32,
    ) -> Result<Vec<Unresolved>, StoreError> {
        let Json(found) =
            sqlx::query_scalar("SELECT backfill_unresolved($1, $2::timestamptz, $3, $4)")
                .bind(source)
                .bind(after.map(|it| it.at.to_string()))
                .bind(after.map(|it| it.id))
                .bind(limit)
                .fetch_one(&self.pool)
                .await?;
        Ok(found)
    }

    /// The commits that evidence contains; attaches it to the pull requests that are among them.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where the source is gone, or database errors.
    pub async fn resolve_evidence(
        &self,
        source: Uuid,
        evidence: Uuid,
        shas: &[String],
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let Json(answer): Json<Answer> = sqlx::query_scalar("SELECT resolve_evidence($1, $2, $3)")
            .bind(source)
            .bind(evidence)
            .bind(shas)
            .fetch_one(&mut *transaction)
            .await?;
        queue(&mut transaction, &answer.raised).await?;
        Ok(transaction.commit().await?)
    }

    /// Everything up to `known_to` is known.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where the source is gone, or database errors.
    pub async fn backfill_done(&self, source: Uuid, known_to: Timestamp) -> Result<(), StoreError> {
        sqlx::query("SELECT backfill_done($1, $2::timestamptz)")
            .bind(source)
            .bind(known_to.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Something is not known: why, when to try again, and whether the host was reached.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where the source is gone, or database errors.
    pub async fn backfill_failed(
        &self,
        source: Uuid,
        code: &str,
        message: &str,
        retry: Duration,
        reached: bool,
    ) -> Result<(), StoreError> {
        sqlx::query("SELECT backfill_failed($1, $2, $3, $4, $5)")
            .bind(source)
            .bind(code)
            .bind(message)
            .bind(retry.as_secs_f64())
            .bind(reached)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

fn item(namespace: &str, found: &Found) -> Result<Value, StoreError> {
    Ok(match found {
        Found::PullRequest(pull) => {
            let identity =
                names::pull_request_identity(&pull.host, pull.repository_id, pull.number);
            let id = names::achievement_id(namespace, &identity);
            json!({"id": id, "pullRequest": storable(pull)?})
        }
        Found::Evidence(event) => {
            let id = names::evidence_id(
                namespace,
                &event.host,
                event.repository_id,
                kind_word(event.kind),
                &event.external_id,
            );
            json!({"id": id, "evidence": storable(event)?})
        }
    })
}

async fn queue(connection: &mut PgConnection, raised: &[Raised]) -> Result<(), StoreError> {
    if raised.is_empty() {
        return Ok(());
    }
    let tasks: Vec<Uuid> = raised
        .iter()
        .map(|it| names::analysis_task_id(it.id, it.facts_version, 0))
        .collect();
    sqlx::query("SELECT backfill_analyses($1, $2, $3, $4)")
        .bind(tasks)
        .bind(raised.iter().map(|it| it.id).collect::<Vec<_>>())
        .bind(raised.iter().map(|it| it.facts_version).collect::<Vec<_>>())
        .bind(ANALYSIS_PROTOCOL)
        .execute(connection)
        .await?;
    Ok(())
}
