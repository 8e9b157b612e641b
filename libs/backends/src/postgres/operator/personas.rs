//! Rows of personas: the row itself, its immutable revisions, and what becomes of the records of a persona made again.
//!
//! A persona that is deleted and applied again under its name, in the same namespace, is another uid of the same persona:
//! names of queue and collection do not depend on the uid. The new uid takes over its predecessor's row, and with it
//! revisions, runs, tasks, posts, usage, budgets and the ledger's entries. A namespace made again is another tenant and
//! takes over nothing.

mod deletion;
mod figures;
mod prompt;
mod repair;
mod waits;

pub use figures::{PersonaFigures, PersonaPicture};
pub use prompt::{MissingPrompt, ResolvedPrompt};
pub use waits::Wait;

use super::OperatorStore;
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use domain::{names::persona_revision_id, revision::PersonaRevision};
use sqlx::{Postgres, Transaction, types::Json};
use uuid::Uuid;

/// What a persona's row and newest revision shall hold.
#[derive(Debug, Clone)]
pub struct PersonaRecord<'a> {
    pub uid: Uuid,
    pub namespace: &'a str,
    pub namespace_uid: Uuid,
    pub name: &'a str,
    pub queue: &'a str,
    pub collection: &'a str,
    pub suspended: bool,
    pub tokens_per_day: Option<i64>,
    pub revision: &'a PersonaRevision,
}

/// What a synchronisation found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonaSync {
    /// The uid whose records were taken over in this call.
    pub took_over: Option<Uuid>,
    /// False where the row had to be written anew.
    pub row_existed: bool,
    pub revision: Revision,
}

/// An immutable revision.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Revision {
    pub id: Uuid,
    pub number: i32,
}

/// The row as it stands.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PersonaRow {
    pub queue: String,
    pub collection: String,
    pub suspended: bool,
    pub tokens_per_day: Option<i64>,
    /// Digest of the current revision.
    pub digest: Option<String>,
    pub revision_number: Option<i32>,
    pub gone_at: Option<DateTime<Utc>>,
}

impl OperatorStore {
    /// The persona's row, also where it is gone.
    ///
    /// # Errors
    /// Database errors.
    pub async fn persona_row(&self, uid: Uuid) -> Result<Option<PersonaRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT persona.queue, persona.collection, persona.suspended, persona.tokens_per_day, revision.digest,
                 revision.number AS revision_number, persona.gone_at
             FROM personas persona LEFT JOIN persona_revisions revision ON revision.id = persona.current_revision
             WHERE persona.uid = $1",
        )
        .bind(uid)
        .fetch_optional(self.pool())
        .await?)
    }

    /// Whether another uid had this name in this namespace, so that its records will be taken over.
    ///
    /// # Errors
    /// Database errors.
    pub async fn has_predecessor(
        &self,
        uid: Uuid,
        namespace_uid: Uuid,
        name: &str,
    ) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM personas WHERE namespace_uid = $2 AND name = $3 AND uid <> $1)")
            .bind(uid)
            .bind(namespace_uid)
            .bind(name)
            .fetch_one(self.pool())
            .await?)
    }

    /// Makes row and revision match, in one transaction that can be repeated. The caller has just seen the object alive,
    /// so every other uid of the same namespace and name is a predecessor.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn sync_persona(
        &self,
        record: &PersonaRecord<'_>,
    ) -> Result<PersonaSync, StoreError> {
        let mut transaction = self.begin().await?;
        let row_existed: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM personas WHERE uid = $1 AND gone_at IS NULL)",
        )
        .bind(record.uid)
        .fetch_one(&mut *transaction)
        .await?;
        let took_over = if row_existed {
            None
        } else {
            take_over(&mut transaction, record).await?
        };
        sqlx::query(
            "INSERT INTO personas (uid, namespace, namespace_uid, name, queue, collection, suspended, tokens_per_day)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (uid) DO UPDATE SET queue = excluded.queue, collection = excluded.collection,
                 suspended = excluded.suspended, tokens_per_day = excluded.tokens_per_day, gone_at = NULL
             WHERE (personas.queue, personas.collection, personas.suspended, personas.tokens_per_day, personas.gone_at)
                 IS DISTINCT FROM (excluded.queue, excluded.collection, excluded.suspended, excluded.tokens_per_day, NULL)",
        )
        .bind(record.uid)
        .bind(record.namespace)
        .bind(record.namespace_uid)
        .bind(record.name)
        .bind(record.queue)
        .bind(record.collection)
        .bind(record.suspended)
        .bind(record.tokens_per_day)
        .execute(&mut *transaction)
        .await?;
        let revision = ensure_revision(&mut transaction, record).await?;
        transaction.commit().await?;
        Ok(PersonaSync {
            took_over,
            row_existed,
            revision,
        })
    }
}

/// Gives the records of the newest predecessor to the persona's new uid.
async fn take_over(
    transaction: &mut Transaction<'static, Postgres>,
    record: &PersonaRecord<'_>,
) -> Result<Option<Uuid>, StoreError> {
    let predecessor: Option<(Uuid, String)> = sqlx::query_as(
        "SELECT uid, collection FROM personas WHERE namespace_uid = $1 AND name = $2 AND uid <> $3
         ORDER BY gone_at DESC NULLS FIRST, created_at DESC LIMIT 1 FOR UPDATE",
    )
    .bind(record.namespace_uid)
    .bind(record.name)
    .bind(record.uid)
    .fetch_optional(&mut **transaction)
    .await?;
    let Some((old, collection)) = predecessor else {
        return Ok(None);
    };
    // Revisions and runs follow by ON UPDATE CASCADE.
    for statement in [
        "UPDATE personas SET uid = $2, gone_at = NULL WHERE uid = $1",
        "UPDATE tasks SET persona_uid = $2 WHERE persona_uid = $1",
        "UPDATE posts SET persona_uid = $2 WHERE persona_uid = $1",
        "UPDATE usage SET persona_uid = $2 WHERE persona_uid = $1",
        "UPDATE token_days SET persona_uid = $2 WHERE persona_uid = $1",
        "UPDATE experiments SET persona_uid = $2 WHERE persona_uid = $1",
        "UPDATE ownership_ledger SET owner_uid = $2 WHERE owner_uid = $1",
    ] {
        sqlx::query(statement)
            .bind(old)
            .bind(record.uid)
            .execute(&mut **transaction)
            .await?;
    }
    move_points(transaction, record, &collection).await?;
    Ok(Some(old))
}

/// A persona of another namespace uid has another collection: posts of the same embedding model are asked for there.
async fn move_points(
    transaction: &mut Transaction<'static, Postgres>,
    record: &PersonaRecord<'_>,
    from: &str,
) -> Result<(), StoreError> {
    let (embedding, vectors) = (&record.revision.embedding, &record.revision.vectors);
    sqlx::query(
        "UPDATE posts SET collection = $3, point_version = 0 WHERE persona_uid = $1 AND collection = $2 AND $2 <> $3
           AND embedding_model = $4 AND array_length(embedding, 1) = $5",
    )
    .bind(record.uid)
    .bind(from)
    .bind(record.collection)
    .bind(&embedding.model)
    .bind(i32::try_from(vectors.dimensions).unwrap_or(i32::MAX))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn ensure_revision(
    transaction: &mut Transaction<'static, Postgres>,
    record: &PersonaRecord<'_>,
) -> Result<Revision, StoreError> {
    let digest = record.revision.digest();
    sqlx::query(
        "INSERT INTO persona_revisions (id, persona_uid, namespace, number, digest, spec)
         SELECT $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5 FROM persona_revisions WHERE persona_uid = $2
         ON CONFLICT (persona_uid, digest) DO NOTHING",
    )
    .bind(persona_revision_id(record.uid, &digest))
    .bind(record.uid)
    .bind(record.namespace)
    .bind(&digest)
    .bind(Json(record.revision))
    .execute(&mut **transaction)
    .await?;
    let revision: Revision = sqlx::query_as(
        "SELECT id, number FROM persona_revisions WHERE persona_uid = $1 AND digest = $2",
    )
    .bind(record.uid)
    .bind(&digest)
    .fetch_one(&mut **transaction)
    .await?;
    sqlx::query("UPDATE personas SET current_revision = $2 WHERE uid = $1 AND current_revision IS DISTINCT FROM $2")
        .bind(record.uid)
        .bind(revision.id)
        .execute(&mut **transaction)
        .await?;
    Ok(revision)
}
