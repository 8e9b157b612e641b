//! The inbox of webhooks: deliveries are handled in order, each once, in the transaction that writes what they tell.

use super::OperatorStore;
use crate::postgres::{
    ErrorClass, StoreError,
    achievements::{
        evidence::{self, Unsettled, counts_alone},
        record,
    },
};
use domain::achievement::{Evidence, PullRequest};
use serde_json::Value;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// A delivery that made trouble this often is given up.
pub const ATTEMPTS_MAX: i32 = 5;
/// Bytes of bodies that are read at once.
const BATCH_BYTES: i64 = 16 * 1024 * 1024;
/// Rows that are forgotten in one transaction.
const PRUNE_ROWS: i64 = 5_000;
/// Evidence that is settled in one round.
const SETTLE_ROWS: i64 = 200;

/// A delivery that waits.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Waiting {
    pub id: i64,
    pub namespace: String,
    pub source_uid: Uuid,
    pub event: String,
    pub body: Vec<u8>,
    /// [`domain::achievement::SourceSettings`]
    pub settings: Value,
    /// The source was deleted meanwhile.
    pub gone: bool,
}

/// What a delivery tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Tells {
    PullRequest(Box<PullRequest>),
    Evidence(Box<Evidence>),
    /// Nothing that is collected: another event, or a pull request that was not merged.
    Ignored,
    /// Something that the source's filters leave out.
    Filtered,
    /// It is no delivery; the reason.
    Invalid(String),
}

impl Tells {
    /// The column `outcome`.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::PullRequest(_) => "recorded",
            Self::Evidence(_) => "evidence",
            Self::Ignored => "ignored",
            Self::Filtered => "filtered",
            Self::Invalid(_) => "invalid",
        }
    }
}

/// A delivery that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub id: i64,
    pub namespace: String,
    pub source_uid: Uuid,
    pub tells: Tells,
}

impl OperatorStore {
    /// The oldest deliveries that may be handled, at most `limit` and 16 MiB of bodies (but always one). Those of suspended sources
    /// wait.
    ///
    /// # Errors
    /// Database errors.
    pub async fn waiting_deliveries(&self, limit: i64) -> Result<Vec<Waiting>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT inbox.id, inbox.namespace, inbox.source_uid, inbox.event, coalesce(inbox.body, '') AS body, source.settings,
                 source.gone_at IS NOT NULL AS gone
             FROM (SELECT id, sum(octet_length(body)) OVER (ORDER BY id) - octet_length(body) AS before
                   FROM (SELECT waiting.id, waiting.body FROM webhook_inbox waiting
                         JOIN achievement_sources source ON source.uid = waiting.source_uid
                         WHERE waiting.handled_at IS NULL AND waiting.not_before <= now()
                           AND (NOT source.suspended OR source.gone_at IS NOT NULL)
                         ORDER BY waiting.id LIMIT $1) oldest) sized
             JOIN webhook_inbox inbox ON inbox.id = sized.id JOIN achievement_sources source ON source.uid = inbox.source_uid
             WHERE coalesce(sized.before, 0) < $2 ORDER BY inbox.id",
        )
        .bind(limit)
        .bind(BATCH_BYTES)
        .fetch_all(self.pool())
        .await?)
    }

    /// Writes what deliveries tell and that they were handled, all in one transaction or nothing.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn handle_deliveries(&self, read: &[Read]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for delivery in read {
            if mark_handled(&mut transaction, delivery).await? {
                apply(&mut transaction, delivery).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// A delivery could not be handled: it is tried again later, and given up after [`ATTEMPTS_MAX`] attempts. Answers whether it was
    /// given up.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn note_failed_delivery(&self, id: i64, error: &str) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let given_up: Option<bool> = sqlx::query_scalar(
            "UPDATE webhook_inbox SET attempts = attempts + 1, error = left($2, 500),
                 not_before = now() + make_interval(secs => power(2, attempts)),
                 handled_at = CASE WHEN attempts + 1 >= $3 THEN now() END,
                 outcome = CASE WHEN attempts + 1 >= $3 THEN 'invalid' END,
                 body = CASE WHEN attempts + 1 >= $3 THEN NULL ELSE body END
             WHERE id = $1 AND handled_at IS NULL RETURNING handled_at IS NOT NULL",
        )
        .bind(id)
        .bind(error)
        .bind(ATTEMPTS_MAX)
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(given_up.unwrap_or(false))
    }

    /// Evidence whose time has come counts alone, or not at all; answers how many were settled or put off. What the database
    /// refuses is put off for an hour, and the others do not wait for it.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn settle_evidence(&self) -> Result<usize, StoreError> {
        let due = evidence::unsettled(&mut *self.pool().acquire().await?, SETTLE_ROWS).await?;
        match self.settle_all(&due).await {
            Ok(()) => {}
            Err(error) if error.class() != ErrorClass::Invalid => return Err(error),
            Err(_) => {
                for event in &due {
                    self.settle_or_put_off(event).await?;
                }
            }
        }
        Ok(due.len())
    }

    async fn settle_all(&self, due: &[Unsettled]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for event in due {
            let alone = counts_alone(event);
            evidence::settle(&mut transaction, &event.namespace, event.id, alone).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn settle_or_put_off(&self, event: &Unsettled) -> Result<(), StoreError> {
        match self.settle_all(std::slice::from_ref(event)).await {
            Err(error) if error.class() == ErrorClass::Invalid => {
                tracing::warn!(evidence = %event.id, namespace = event.namespace, %error, "evidence is not settled; trying again in an hour");
                let mut transaction = self.begin().await?;
                sqlx::query("UPDATE achievement_evidence SET settles_at = now() + interval '1 hour' WHERE id = $1")
                    .bind(event.id)
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await?;
                Ok(())
            }
            settled => settled,
        }
    }

    /// Forgets deliveries that were handled longer than `days` ago, some at a time; answers how many.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn forget_deliveries(&self, days: i32) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let forgotten = sqlx::query(
            "DELETE FROM webhook_inbox WHERE id IN (SELECT id FROM webhook_inbox WHERE handled_at < now() - make_interval(days => $1)
                 ORDER BY handled_at LIMIT $2)",
        )
        .bind(days)
        .bind(PRUNE_ROWS)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        Ok(forgotten)
    }

    /// Deliveries that wait, those of suspended sources as well.
    ///
    /// # Errors
    /// Database errors.
    pub async fn deliveries_waiting(&self) -> Result<i64, StoreError> {
        Ok(
            sqlx::query_scalar("SELECT count(*) FROM webhook_inbox WHERE handled_at IS NULL")
                .fetch_one(self.pool())
                .await?,
        )
    }
}

/// False where somebody handled it before.
async fn mark_handled(
    transaction: &mut Transaction<'static, Postgres>,
    delivery: &Read,
) -> Result<bool, StoreError> {
    let error = match &delivery.tells {
        Tells::Invalid(reason) => Some(reason.chars().take(500).collect::<String>()),
        _ => None,
    };
    Ok(sqlx::query(
        "UPDATE webhook_inbox SET handled_at = now(), outcome = $2, error = $3, body = NULL WHERE id = $1 AND handled_at IS NULL",
    )
    .bind(delivery.id)
    .bind(delivery.tells.outcome())
    .bind(error)
    .execute(&mut **transaction)
    .await?
    .rows_affected()
        > 0)
}

async fn apply(
    transaction: &mut Transaction<'static, Postgres>,
    delivery: &Read,
) -> Result<(), StoreError> {
    let (namespace, source) = (&delivery.namespace, delivery.source_uid);
    match &delivery.tells {
        Tells::PullRequest(pull) => {
            record::record_pull_request(transaction, namespace, source, pull).await?;
        }
        Tells::Evidence(event) => {
            evidence::record_evidence(transaction, namespace, source, event).await?;
        }
        Tells::Ignored | Tells::Filtered | Tells::Invalid(_) => {}
    }
    Ok(())
}
