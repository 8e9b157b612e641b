//! What people say of records.

use super::{Recorded, finish, storable};
use crate::postgres::StoreError;
use domain::{achievement::Visibility, names};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// Where a declared record comes from. What webhook or backfill know of it stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The column's word: `manual`, `api`, `ci`, `github_pr` …; absent means what it was, else `manual`.
    pub source_type: Option<String>,
    pub source_id: Option<String>,
    pub url: Option<String>,
    pub host: Option<String>,
    pub repository_id: Option<i64>,
    pub repository: Option<String>,
    pub number: Option<i64>,
    /// Absent means private, unless it is known.
    pub visibility: Option<Visibility>,
    pub source_uid: Option<Uuid>,
    /// The resource that declares it.
    pub resource_uid: Option<Uuid>,
    pub resource_name: Option<String>,
}

/// A person's word on a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration<'a> {
    /// For example [`names::pull_request_identity`].
    pub identity: &'a str,
    pub origin: &'a Origin,
    /// Fields of [`domain::achievement::Overrides`] as JSON.
    pub overrides: &'a Value,
    /// Changes field by field, null taking one away; else `overrides` replaces what people said before.
    pub patch: bool,
    /// Brings a deleted record back.
    pub revive: bool,
}

/// Makes or changes the record of an identity. A person's fields win over what webhook and backfill tell, now and later.
///
/// # Errors
/// A value that Postgres does not hold (an unknown category, a time that is none), or database errors.
pub async fn declare(
    connection: &mut PgConnection,
    namespace: &str,
    declaration: &Declaration<'_>,
) -> Result<Recorded, StoreError> {
    let answer: Value =
        sqlx::query_scalar("SELECT declare_achievement($1, $2, $3, $4, $5, $6, $7)")
            .bind(namespace)
            .bind(names::achievement_id(namespace, declaration.identity))
            .bind(declaration.identity)
            .bind(storable(declaration.origin)?)
            .bind(storable(declaration.overrides)?)
            .bind(declaration.patch)
            .bind(declaration.revive)
            .fetch_one(&mut *connection)
            .await?;
    finish(connection, namespace, answer).await
}
