//! Decisions: a verdict, what was done about it, and the end of the experiment stand or fall together.

use super::{
    evidence::{self, Gathered},
    rows,
};
use crate::postgres::{StoreError, operator::OperatorStore};
use chrono::{DateTime, Utc};
use domain::experiment::Evaluation;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// What was done about a verdict; the words of the column `action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    None,
    /// A person shall approve it.
    Awaiting,
    Promoted,
    RolledBack,
    /// Nothing could be promoted: the track is fixed by the template.
    Refused,
}

impl Action {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Awaiting => "awaiting",
            Self::Promoted => "promoted",
            Self::RolledBack => "rolledBack",
            Self::Refused => "refused",
        }
    }

    fn parse(word: &str) -> Self {
        [
            Self::Awaiting,
            Self::Promoted,
            Self::RolledBack,
            Self::Refused,
        ]
        .into_iter()
        .find(|action| action.as_str() == word)
        .unwrap_or(Self::None)
    }
}

/// A version that a managed track shall name from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromotionInto<'a> {
    pub template: &'a str,
    pub track: &'a str,
    pub version: &'a str,
    pub digest: &'a str,
}

/// A verdict with what shall be done about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision<'a> {
    pub evaluation: &'a Evaluation,
    pub gathered: &'a Gathered,
    /// The verdict's word.
    pub verdict: &'a str,
    /// Name of the arm that it names.
    pub winner: Option<&'a str>,
    pub action: Action,
    /// Needed for [`Action::Promoted`] and [`Action::RolledBack`].
    pub promotion: Option<PromotionInto<'a>>,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// This call decided.
    Now,
    /// The experiment had ended; nothing was changed.
    Already,
}

/// A decision as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRow {
    pub verdict: String,
    pub winner: Option<String>,
    pub inputs_digest: String,
    pub sentence: String,
    pub action: Action,
    pub at: DateTime<Utc>,
}

/// A promotion as its row has it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PromotionRow {
    pub template_name: String,
    pub track: String,
    pub version: String,
    pub digest: String,
    pub action: String,
    pub at: DateTime<Utc>,
}

impl OperatorStore {
    /// Ends a running experiment with its verdict, in one transaction under the epoch: evaluation, decision, promotion. Of two
    /// who decide at once one does; the other changes nothing.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn decide_experiment(
        &self,
        uid: Uuid,
        decision: &Decision<'_>,
    ) -> Result<Decided, StoreError> {
        let mut transaction = self.begin().await?;
        let row = rows::lock(&mut transaction, uid).await?;
        let Decision {
            evaluation,
            gathered,
            ..
        } = *decision;
        if !row.is_running()
            || !evidence::write_evaluation(&mut transaction, uid, evaluation, gathered).await?
        {
            return Ok(Decided::Already);
        }
        sqlx::query(
            "UPDATE experiments SET ended_at = clock_timestamp(), ended_reason = 'decided', verdict = $2, winner = $3 WHERE uid = $1",
        )
        .bind(uid)
        .bind(decision.verdict)
        .bind(decision.winner)
        .execute(&mut *transaction)
        .await?;
        let told = Told {
            verdict: decision.verdict,
            winner: decision.winner,
            digest: &evaluation.inputs_digest,
            sentence: &evaluation.sentence,
        };
        write_decision(&mut transaction, uid, &told, decision.action).await?;
        if let Some(promotion) = &decision.promotion {
            self.write_promotion(
                &mut transaction,
                uid,
                promotion,
                decision.action,
                told.digest,
            )
            .await?;
        }
        transaction.commit().await?;
        Ok(Decided::Now)
    }

    /// A person approved the verdict of an ended experiment by its inputs' digest: records the promotion. Answers false where
    /// the digest is another one, or where it was promoted before.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn approve_promotion(
        &self,
        uid: Uuid,
        inputs_digest: &str,
        promotion: &PromotionInto<'_>,
        sentence: &str,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let row = rows::lock(&mut transaction, uid).await?;
        let (Some(_), Some(verdict)) = (row.ended_at, &row.verdict) else {
            return Ok(false);
        };
        if row.inputs_digest.as_deref() != Some(inputs_digest) {
            return Ok(false);
        }
        let written = self
            .write_promotion(
                &mut transaction,
                uid,
                promotion,
                Action::Promoted,
                inputs_digest,
            )
            .await?;
        if written {
            let told = Told {
                verdict,
                winner: row.winner.as_deref(),
                digest: inputs_digest,
                sentence,
            };
            write_decision(&mut transaction, uid, &told, Action::Promoted).await?;
        }
        transaction.commit().await?;
        Ok(written)
    }

    /// The last decisions of an experiment, newest first, at most `limit`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn experiment_decisions(
        &self,
        uid: Uuid,
        limit: i64,
    ) -> Result<Vec<DecisionRow>, StoreError> {
        #[derive(sqlx::FromRow)]
        struct Raw {
            verdict: String,
            winner: Option<String>,
            inputs_digest: String,
            sentence: String,
            action: String,
            at: DateTime<Utc>,
        }
        let rows: Vec<Raw> = sqlx::query_as(
            "SELECT verdict, winner, inputs_digest, sentence, action, at FROM experiment_decisions
             WHERE experiment_uid = $1 ORDER BY id DESC LIMIT $2",
        )
        .bind(uid)
        .bind(limit)
        .fetch_all(self.pool())
        .await?;
        let parsed = |row: Raw| DecisionRow {
            action: Action::parse(&row.action),
            verdict: row.verdict,
            winner: row.winner,
            inputs_digest: row.inputs_digest,
            sentence: row.sentence,
            at: row.at,
        };
        Ok(rows.into_iter().map(parsed).collect())
    }

    /// Outcomes that came after their unit was frozen.
    ///
    /// # Errors
    /// Database errors.
    pub async fn late_outcomes(&self, uid: Uuid) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT coalesce(sum(outcomes), 0)::bigint FROM outcome_fates
             WHERE namespace = (SELECT namespace FROM experiments WHERE uid = $1) AND experiment_uid = $1 AND fate = 'late'",
        )
        .bind(uid)
        .fetch_one(self.pool())
        .await?)
    }

    /// What the experiment promoted, where it did.
    ///
    /// # Errors
    /// Database errors.
    pub async fn promotion_of(&self, uid: Uuid) -> Result<Option<PromotionRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT template_name, track, version, digest, action, at FROM promotions WHERE experiment_uid = $1
             ORDER BY id DESC LIMIT 1",
        )
        .bind(uid)
        .fetch_optional(self.pool())
        .await?)
    }

    /// One promotion an experiment and track; the second of two changes nothing.
    async fn write_promotion(
        &self,
        transaction: &mut Transaction<'static, Postgres>,
        uid: Uuid,
        promotion: &PromotionInto<'_>,
        action: Action,
        inputs_digest: &str,
    ) -> Result<bool, StoreError> {
        let written = sqlx::query(
            "INSERT INTO promotions (namespace_uid, template_name, track, experiment_uid, namespace, experiment, version, digest,
                 inputs_digest, action, epoch)
             SELECT namespace_uid, $2, $3, uid, namespace, name, $4, $5, $6, $7, $8 FROM experiments WHERE uid = $1
             ON CONFLICT DO NOTHING",
        )
        .bind(uid)
        .bind(promotion.template)
        .bind(promotion.track)
        .bind(promotion.version)
        .bind(promotion.digest)
        .bind(inputs_digest)
        .bind(action.as_str())
        .bind(self.epoch())
        .execute(&mut **transaction)
        .await?
        .rows_affected();
        Ok(written > 0)
    }
}

/// What a decision's row says.
struct Told<'a> {
    verdict: &'a str,
    winner: Option<&'a str>,
    digest: &'a str,
    sentence: &'a str,
}

async fn write_decision(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
    told: &Told<'_>,
    action: Action,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO experiment_decisions (experiment_uid, namespace, verdict, winner, inputs_digest, sentence, action)
         SELECT uid, namespace, $2, $3, $4, $5, $6 FROM experiments WHERE uid = $1 ON CONFLICT DO NOTHING",
    )
    .bind(uid)
    .bind(told.verdict)
    .bind(told.winner)
    .bind(told.digest)
    .bind(told.sentence)
    .bind(action.as_str())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
