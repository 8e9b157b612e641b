//! Records of achievements: the one place that makes and changes them, for webhook, backfill, resources and the REST API alike.
//!
//! Each function runs in the caller's transaction and under its rights: the operator's, fenced; the API's, bound to a namespace. The
//! rules stand in the migration `achievement_records`, so that the workers' functions follow the same.

pub mod declare;
pub mod evidence;
pub mod record;

use crate::postgres::StoreError;
use domain::names;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// Channel on which a change of a record is told.
pub const ACHIEVEMENTS_CHANNEL: &str = "threads_achievements";
/// What an analysis task asks of the worker that claims it; an older worker leaves a newer one alone.
pub const ANALYSIS_PROTOCOL: i32 = 1;

/// What a telling came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Created,
    Updated,
    /// Nothing was written.
    Unchanged,
    /// Something newer is known; nothing was written.
    Stale,
    /// The record was deleted and stays so.
    Tombstoned,
    /// The record was deleted and came back.
    Revived,
}

/// A record whose facts are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Raised {
    pub id: Uuid,
    pub facts_version: i32,
}

/// What became of a record. Its analysis was queued where its facts are new.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    pub id: Uuid,
    pub outcome: Outcome,
    pub facts_version: i32,
    pub raised: Vec<Raised>,
}

/// Takes the namespace's lock until the transaction ends. Whoever changes more than one record in a transaction takes it first; the
/// functions of this module do it themselves.
///
/// # Errors
/// Database errors.
pub async fn lock(connection: &mut PgConnection, namespace: &str) -> Result<(), StoreError> {
    sqlx::query("SELECT lock_achievements($1)")
        .bind(namespace)
        .execute(connection)
        .await?;
    Ok(())
}

/// Queues the analysis of new facts; answers how many tasks are new. Repeating it queues nothing.
///
/// # Errors
/// Database errors.
pub async fn queue_analyses(
    connection: &mut PgConnection,
    namespace: &str,
    raised: &[Raised],
) -> Result<i32, StoreError> {
    if raised.is_empty() {
        return Ok(0);
    }
    let tasks: Vec<Uuid> = raised
        .iter()
        .map(|it| names::analysis_task_id(it.id, it.facts_version, 0))
        .collect();
    let records: Vec<Uuid> = raised.iter().map(|it| it.id).collect();
    let versions: Vec<i32> = raised.iter().map(|it| it.facts_version).collect();
    Ok(
        sqlx::query_scalar("SELECT queue_analyses($1, $2, $3, $4, $5)")
            .bind(namespace)
            .bind(tasks)
            .bind(records)
            .bind(versions)
            .bind(ANALYSIS_PROTOCOL)
            .fetch_one(connection)
            .await?,
    )
}

/// Reads what a function answered, and queues what it raised.
async fn finish<T: DeserializeOwned>(
    connection: &mut PgConnection,
    namespace: &str,
    answer: Value,
) -> Result<T, StoreError> {
    let raised: Vec<Raised> = match answer.get("raised") {
        Some(raised) => serde_json::from_value(raised.clone())?,
        None => Vec::new(),
    };
    queue_analyses(connection, namespace, &raised).await?;
    Ok(serde_json::from_value(answer)?)
}

/// A value as Postgres can keep it: its texts cannot hold the character NUL, which JSON can (FAULTS 40).
pub(super) fn storable<T: serde::Serialize>(value: &T) -> Result<Value, StoreError> {
    let mut value = serde_json::to_value(value)?;
    drop_nul(&mut value);
    Ok(value)
}

fn drop_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => text.retain(|it| it != '\0'),
        Value::Array(items) => items.iter_mut().for_each(drop_nul),
        Value::Object(fields) => fields.values_mut().for_each(drop_nul),
        _ => {}
    }
}
