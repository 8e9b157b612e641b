//! Experiments: their rows from the first look at a resource to the pruning of details.
//!
//! Outcomes are told through the API while units freeze here; both take the advisory lock of [`maturity`], so that nothing that
//! was received before a unit froze commits after it matured.

mod decisions;
mod due;
mod ending;
mod evidence;
mod maturity;
mod rows;
mod weights;

pub use decisions::{Action, Decided, Decision, DecisionRow, PromotionInto, PromotionRow};
pub use due::RunningMark;
pub use evidence::Gathered;
pub use maturity::Matured;
pub use rows::{ArmRecord, EndReason, ExperimentIdentity, ExperimentRow};

use super::OperatorStore;
use crate::postgres::StoreError;
use domain::{digest::digest_of, experiment::Design};
use rand::Rng;
use sqlx::{Postgres, Transaction, types::Json};
use uuid::Uuid;

/// Channel on which the API and workers tell that something changed that an experiment depends on.
pub const OUTCOMES_CHANNEL: &str = "threads_outcomes";

/// An experiment that shall have a row.
#[derive(Debug, Clone, Copy)]
pub struct WantedExperiment<'a> {
    pub identity: ExperimentIdentity<'a>,
    pub persona_uid: Uuid,
    pub design: &'a Design,
    /// One entry an arm, in the design's order.
    pub arms: &'a [ArmRecord],
    pub suspended: bool,
}

impl WantedExperiment<'_> {
    /// Identity of what is tried: a re-applied resource goes on with an experiment of the same digest.
    #[must_use]
    pub fn design_digest(&self) -> String {
        digest_of(&(self.design, self.arms))
    }
}

/// What [`OperatorStore::ensure_experiment`] found or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ensured {
    New,
    /// What a gone resource of the same name and design left.
    Adopted,
    /// It stood; its design may have been brought up to date if it had not started.
    Standing,
}

impl OperatorStore {
    /// Writes the row of a resource that was just seen alive, or finds it: its own, or that of a gone one of the same namespace
    /// uid, name and design. Before the start the design follows the resource; from then on it stands.
    ///
    /// An experiment that ended only because its resource was gone goes on when it is adopted; one that was decided or
    /// cancelled stays so, because what ran once does not run twice.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn ensure_experiment(
        &self,
        wanted: &WantedExperiment<'_>,
    ) -> Result<(ExperimentRow, Ensured), StoreError> {
        let identity = &wanted.identity;
        let digest = wanted.design_digest();
        let mut transaction = self.begin().await?;
        let own: Option<Uuid> = sqlx::query_scalar(
            "SELECT uid FROM experiments WHERE coalesce(object_uid, uid) = $1 ORDER BY created_at DESC LIMIT 1 FOR UPDATE",
        )
        .bind(identity.object_uid)
        .fetch_optional(&mut *transaction)
        .await?;
        ending::bury_others(&mut transaction, identity).await?;
        let (uid, ensured) = match own {
            Some(uid) => (uid, Ensured::Standing),
            None => match predecessor(&mut transaction, identity, &digest).await? {
                Some(uid) => (uid, Ensured::Adopted),
                None => (
                    insert(&mut transaction, wanted, &digest).await?,
                    Ensured::New,
                ),
            },
        };
        follow(&mut transaction, uid, wanted, &digest).await?;
        let row = rows::lock(&mut transaction, uid).await?;
        transaction.commit().await?;
        Ok((row, ensured))
    }

    /// Starts the experiment by the server's clock: its first weights are in force, and what is known of the persona from
    /// before is frozen. Repeating it changes nothing. Answers whether this call started it.
    ///
    /// # Errors
    /// Database errors, [`StoreError::EpochLost`], and [`StoreError::Changed`] where a version that an arm means was removed
    /// meanwhile.
    pub async fn start_experiment(&self, uid: Uuid) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let row = rows::lock(&mut transaction, uid).await?;
        if row.started_at.is_some() || row.ended_at.is_some() {
            return Ok(false);
        }
        if !holds_versions(&mut transaction, &row).await? {
            return Err(StoreError::Changed(
                "a version that an arm means was removed meanwhile",
            ));
        }
        let history = evidence::history(&mut transaction, &row).await?;
        sqlx::query(
            "UPDATE experiments SET started_at = clock_timestamp(), history = $2 WHERE uid = $1",
        )
        .bind(uid)
        .bind(Json(history))
        .execute(&mut *transaction)
        .await?;
        weights::insert_first(&mut transaction, &row).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Whether the versions of all arms stand; they do until the transaction ends.
async fn holds_versions(
    transaction: &mut Transaction<'static, Postgres>,
    row: &ExperimentRow,
) -> Result<bool, StoreError> {
    let mut wanted: Vec<&str> = row
        .arms
        .iter()
        .filter_map(|arm| arm.prompt_digest.as_deref())
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let held = sqlx::query(
        "SELECT FROM prompt_versions WHERE namespace = $1 AND digest = ANY($2) ORDER BY digest FOR SHARE",
    )
    .bind(&row.namespace)
    .bind(&wanted)
    .fetch_all(&mut **transaction)
    .await?;
    Ok(held.len() == wanted.len())
}

/// The newest experiment of a gone resource that this one may go on with.
async fn predecessor(
    transaction: &mut Transaction<'static, Postgres>,
    identity: &ExperimentIdentity<'_>,
    digest: &str,
) -> Result<Option<Uuid>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT uid FROM experiments WHERE namespace_uid = $1 AND name = $2 AND design_digest = $3 AND gone_at IS NOT NULL
           AND started_at IS NOT NULL ORDER BY created_at DESC LIMIT 1 FOR UPDATE",
    )
    .bind(identity.namespace_uid)
    .bind(identity.name)
    .bind(digest)
    .fetch_optional(&mut **transaction)
    .await?)
}

/// A fresh row with a key of its own.
async fn insert(
    transaction: &mut Transaction<'static, Postgres>,
    wanted: &WantedExperiment<'_>,
    digest: &str,
) -> Result<Uuid, StoreError> {
    let identity = &wanted.identity;
    let mut key = [0_u8; 32];
    rand::rng().fill_bytes(&mut key);
    sqlx::query(
        "INSERT INTO experiments (uid, object_uid, namespace, namespace_uid, name, persona_uid, design, design_digest, arms,
             assignment_key, suspended)
         VALUES ($1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(identity.object_uid)
    .bind(identity.namespace)
    .bind(identity.namespace_uid)
    .bind(identity.name)
    .bind(wanted.persona_uid)
    .bind(Json(wanted.design))
    .bind(digest)
    .bind(Json(wanted.arms))
    .bind(&key[..])
    .bind(wanted.suspended)
    .execute(&mut **transaction)
    .await?;
    Ok(identity.object_uid)
}

/// Brings into the row what the resource may change.
async fn follow(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
    wanted: &WantedExperiment<'_>,
    digest: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE experiments SET object_uid = $2, gone_at = NULL, persona_uid = $3, suspended = $4,
             ended_at = CASE WHEN ended_reason = 'gone' THEN NULL ELSE ended_at END,
             ended_reason = CASE WHEN ended_reason = 'gone' THEN NULL ELSE ended_reason END
         WHERE uid = $1 AND (object_uid IS DISTINCT FROM $2 OR gone_at IS NOT NULL OR persona_uid <> $3 OR suspended <> $4)",
    )
    .bind(uid)
    .bind(wanted.identity.object_uid)
    .bind(wanted.persona_uid)
    .bind(wanted.suspended)
    .execute(&mut **transaction)
    .await?;
    sqlx::query(
        "UPDATE experiments SET design = $2, design_digest = $3, arms = $4
         WHERE uid = $1 AND started_at IS NULL AND ended_at IS NULL AND design_digest <> $3",
    )
    .bind(uid)
    .bind(Json(wanted.design))
    .bind(digest)
    .bind(Json(wanted.arms))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
