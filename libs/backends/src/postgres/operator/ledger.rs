//! Who owns what in other systems, and the intents without which nothing there is destroyed.

use super::OperatorStore;
use crate::postgres::StoreError;
use uuid::Uuid;

/// For this long after a thing was made, a listing may still show it without its parts: RabbitMQ's management lists a new
/// binding later than its queue.
const SETTLING_SECONDS: f64 = 30.0;

/// A system in which the operator makes things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    RabbitMq,
    Qdrant,
    Postgres,
    Kubernetes,
}

impl System {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq",
            Self::Qdrant => "qdrant",
            Self::Postgres => "postgres",
            Self::Kubernetes => "kubernetes",
        }
    }
}

/// Whose a name is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// Nobody's.
    Free,
    /// The asker's. `made` where the thing was brought to stand, `settled` where that was longer ago than the listings of
    /// the other system lag behind, `adopted` where it stood before the asker came.
    Own {
        made: bool,
        settled: bool,
        adopted: bool,
    },
    /// Another resource had it first and keeps it.
    Other { namespace: String, owner: Uuid },
}

/// An external thing and who wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim<'a> {
    pub system: System,
    pub name: &'a str,
    pub namespace: &'a str,
    pub owner: Uuid,
}

#[derive(sqlx::FromRow)]
struct Entry {
    namespace: String,
    owner_uid: Uuid,
    adopted: bool,
    made: bool,
    settled: bool,
    inherited: bool,
}

impl Entry {
    fn seen_by(self, asker: Uuid) -> Ownership {
        if self.owner_uid == asker || self.inherited {
            Ownership::Own {
                made: self.made,
                settled: self.settled,
                adopted: self.adopted,
            }
        } else {
            Ownership::Other {
                namespace: self.namespace,
                owner: self.owner_uid,
            }
        }
    }
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LedgerEntry {
    pub system: String,
    pub name: String,
    pub adopted: bool,
}

impl OperatorStore {
    /// Enters a thing into the ledger before it is made. The first owner keeps it.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn claim_name(&self, claim: &Claim<'_>) -> Result<Ownership, StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "INSERT INTO ownership_ledger (system, name, namespace, owner_uid) VALUES ($1, $2, $3, $4)
             ON CONFLICT (system, name) DO NOTHING",
        )
        .bind(claim.system.as_str())
        .bind(claim.name)
        .bind(claim.namespace)
        .bind(claim.owner)
        .execute(&mut *transaction)
        .await?;
        let entry: Entry = sqlx::query_as(
            "SELECT namespace, owner_uid, adopted, made_at IS NOT NULL AS made,
                 coalesce(made_at < now() - make_interval(secs => $3), false) AS settled, false AS inherited
             FROM ownership_ledger WHERE system = $1 AND name = $2",
        )
        .bind(claim.system.as_str())
        .bind(claim.name)
        .bind(SETTLING_SECONDS)
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(entry.seen_by(claim.owner))
    }

    /// Whose a name is for a persona: what its predecessor of the same namespace and name left counts as its own.
    ///
    /// # Errors
    /// Database errors.
    pub async fn ownership_for_persona(
        &self,
        claim: &Claim<'_>,
        namespace_uid: Uuid,
        persona: &str,
    ) -> Result<Ownership, StoreError> {
        let entry: Option<Entry> = sqlx::query_as(
            "SELECT entry.namespace, entry.owner_uid, entry.adopted, entry.made_at IS NOT NULL AS made,
                 coalesce(entry.made_at < now() - make_interval(secs => $5), false) AS settled,
                 EXISTS (SELECT FROM personas WHERE uid = entry.owner_uid AND namespace_uid = $3 AND name = $4) AS inherited
             FROM ownership_ledger entry WHERE entry.system = $1 AND entry.name = $2",
        )
        .bind(claim.system.as_str())
        .bind(claim.name)
        .bind(namespace_uid)
        .bind(persona)
        .bind(SETTLING_SECONDS)
        .fetch_optional(self.pool())
        .await?;
        Ok(entry.map_or(Ownership::Free, |entry| entry.seen_by(claim.owner)))
    }

    /// Notes that a thing was brought to stand, and whether it stood before its owner came.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn mark_made(&self, claim: &Claim<'_>, adopted: bool) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE ownership_ledger SET made_at = now(), adopted = $4
             WHERE system = $1 AND name = $2 AND owner_uid = $3 AND made_at IS NULL",
        )
        .bind(claim.system.as_str())
        .bind(claim.name)
        .bind(claim.owner)
        .bind(adopted)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Takes back a claim for which nothing was made, for example because the thing turned out to be somebody else's.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn disclaim_name(&self, claim: &Claim<'_>) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "DELETE FROM ownership_ledger WHERE system = $1 AND name = $2 AND owner_uid = $3",
        )
        .bind(claim.system.as_str())
        .bind(claim.name)
        .bind(claim.owner)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Everything that an owner has in other systems, by system and name.
    ///
    /// # Errors
    /// Database errors.
    pub async fn owned_by(&self, owner: Uuid) -> Result<Vec<LedgerEntry>, StoreError> {
        Ok(sqlx::query_as("SELECT system, name, adopted FROM ownership_ledger WHERE owner_uid = $1 ORDER BY system, name")
            .bind(owner)
            .fetch_all(self.pool())
            .await?)
    }

    /// Commits the intent to destroy a thing, under the epoch. None where the ledger does not name `owner` (any more):
    /// then the thing is another's, for example that of a resource made again under the same name, and stays.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn intend_destruction(
        &self,
        claim: &Claim<'_>,
        reason: &str,
    ) -> Result<Option<Uuid>, StoreError> {
        let mut transaction = self.begin().await?;
        let id: Option<Uuid> = sqlx::query_scalar(
            "INSERT INTO destructive_intents (id, epoch, system, name, owner_uid, reason)
             SELECT gen_random_uuid(), $5, system, name, owner_uid, $4 FROM ownership_ledger
             WHERE system = $1 AND name = $2 AND owner_uid = $3
             RETURNING id",
        )
        .bind(claim.system.as_str())
        .bind(claim.name)
        .bind(claim.owner)
        .bind(reason)
        .bind(self.epoch())
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// The thing is gone: the intent is done and the name is free.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn finish_destruction(&self, intent: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "WITH done AS (UPDATE destructive_intents SET done_at = now() WHERE id = $1 AND done_at IS NULL
                           RETURNING system, name, owner_uid)
             DELETE FROM ownership_ledger USING done
             WHERE ownership_ledger.system = done.system AND ownership_ledger.name = done.name
               AND ownership_ledger.owner_uid = done.owner_uid",
        )
        .bind(intent)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Gives up what an owner has, at a person's word: things stay where they are, and the audit says who left them.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn abandon(&self, owner: Uuid, reason: &str) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let abandoned = sqlx::query(
            "WITH left_behind AS (DELETE FROM ownership_ledger WHERE owner_uid = $1 RETURNING system, name, owner_uid)
             INSERT INTO destructive_intents (id, epoch, system, name, owner_uid, reason, done_at)
             SELECT gen_random_uuid(), $3, system, name, owner_uid, 'abandoned: ' || $2, now() FROM left_behind",
        )
        .bind(owner)
        .bind(reason)
        .bind(self.epoch())
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        Ok(abandoned)
    }
}
