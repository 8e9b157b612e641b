//! Pull requests become records; records are deleted.

use super::{Recorded, finish, storable};
use crate::postgres::StoreError;
use domain::{achievement::PullRequest, names};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// Takes what a host told of a merged pull request. Told again it changes nothing; of two tellings each field's later one stays,
/// whatever the order in which they come.
///
/// # Errors
/// A value that Postgres does not hold, or database errors.
pub async fn record_pull_request(
    connection: &mut PgConnection,
    namespace: &str,
    source: Uuid,
    pull: &PullRequest,
) -> Result<Recorded, StoreError> {
    let identity = names::pull_request_identity(&pull.host, pull.repository_id, pull.number);
    let answer: Value = sqlx::query_scalar("SELECT record_pull_request($1, $2, $3, $4, $5)")
        .bind(namespace)
        .bind(source)
        .bind(names::achievement_id(namespace, &identity))
        .bind(&identity)
        .bind(storable(pull)?)
        .fetch_one(&mut *connection)
        .await?;
    finish(connection, namespace, answer).await
}

/// Deletes a record for everybody; webhook and backfill do not bring it back. Answers whether there was one.
///
/// # Errors
/// Database errors.
pub async fn tombstone(
    connection: &mut PgConnection,
    namespace: &str,
    id: Uuid,
    by: &str,
) -> Result<bool, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT tombstone_achievement($1, $2, $3)")
            .bind(namespace)
            .bind(id)
            .bind(by)
            .fetch_one(connection)
            .await?,
    )
}
