//! API keys. The API reads them; only the operator's login makes and revokes them.

use super::ApiStore;
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};

/// What is known of a key; never the key itself.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct KeyRow {
    /// The readable part.
    pub id: String,
    pub namespace: String,
    pub name: String,
    pub verbs: Vec<String>,
    /// HMAC of the secret part, 32 bytes.
    pub hash: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// Neither expired nor revoked, by the database's clock.
    pub valid: bool,
}

/// A key that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    pub id: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    pub verbs: &'a [String],
    pub hash: &'a [u8; 32],
    pub expires_at: Option<DateTime<Utc>>,
}

macro_rules! columns {
    () => {
        "id, namespace, name, verbs, hash, created_at, expires_at, revoked_at,
         revoked_at IS NULL AND coalesce(expires_at > clock_timestamp(), true) AS valid"
    };
}

impl ApiStore {
    /// The key of an id, of whatever namespace: a caller is known only afterwards.
    ///
    /// # Errors
    /// Database errors.
    pub async fn key(&self, id: &str) -> Result<Option<KeyRow>, StoreError> {
        Ok(sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM api_keys WHERE id = $1"
        ))
        .bind(id)
        .fetch_optional(&self.pool)
        .await?)
    }
}

/// The keys of an install, under the operator's login.
#[derive(Debug)]
pub struct KeyStore {
    connection: PgConnection,
}

impl KeyStore {
    /// # Errors
    /// No connection.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Ok(Self {
            connection: PgConnection::connect(url).await?,
        })
    }

    /// # Errors
    /// An id that is taken, or database errors.
    pub async fn create(&mut self, key: &NewKey<'_>) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO api_keys (id, namespace, name, verbs, hash, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(key.id)
        .bind(key.namespace)
        .bind(key.name)
        .bind(key.verbs)
        .bind(&key.hash[..])
        .bind(key.expires_at)
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    /// Ends a key at once; answers false where there is none of this id that still holds.
    ///
    /// # Errors
    /// Database errors.
    pub async fn revoke(&mut self, id: &str) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE api_keys SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL",
        )
        .bind(id)
        .execute(&mut self.connection)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// All keys of a namespace, or of all namespaces, oldest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn list(&mut self, namespace: Option<&str>) -> Result<Vec<KeyRow>, StoreError> {
        Ok(sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM api_keys WHERE coalesce(namespace = $1, true) ORDER BY namespace, created_at, id"
        ))
        .bind(namespace)
        .fetch_all(&mut self.connection)
        .await?)
    }
}
