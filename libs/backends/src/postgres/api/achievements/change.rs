//! What people change by the API.

use super::{AchievementRow, ApiStore, read};
use crate::postgres::{
    StoreError,
    achievements::declare::{Declaration, Origin, declare},
};
use domain::achievement::Visibility;
use serde_json::Value;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// A record that somebody declares.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAchievement<'a> {
    /// Chosen by the caller, so that a repeated request makes no second record.
    pub key: Uuid,
    pub url: Option<&'a str>,
    pub visibility: Visibility,
    /// Fields of [`domain::achievement::Overrides`].
    pub fields: &'a Value,
}

/// Why a record was not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The namespace has no such record.
    Missing,
    /// A resource of this name says what stands in the record.
    Resource(String),
}

impl ApiStore {
    /// Makes a record, and answers it. The same key again changes nothing but what is said otherwise.
    ///
    /// # Errors
    /// Database errors.
    pub async fn create_achievement(
        &self,
        namespace: &str,
        new: &NewAchievement<'_>,
    ) -> Result<AchievementRow, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let origin = Origin {
            source_type: Some("api".to_owned()),
            url: new.url.map(str::to_owned),
            visibility: Some(new.visibility),
            ..Origin::default()
        };
        let declaration = Declaration {
            identity: &format!("api/{}", new.key),
            origin: &origin,
            overrides: new.fields,
            patch: false,
            revive: true,
        };
        let recorded = declare(&mut transaction, namespace, &declaration).await?;
        let row = read(&mut transaction, recorded.id)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        transaction.commit().await?;
        Ok(row)
    }

    /// Changes a record field by field; null takes a person's word away, so that what the source tells shows again.
    ///
    /// # Errors
    /// Database errors.
    pub async fn change_achievement(
        &self,
        namespace: &str,
        id: Uuid,
        fields: &Value,
    ) -> Result<Result<AchievementRow, Refused>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let identity = match changeable(&mut transaction, namespace, id).await? {
            Ok(identity) => identity,
            Err(refused) => return Ok(Err(refused)),
        };
        let declaration = Declaration {
            identity: &identity,
            origin: &Origin::default(),
            overrides: fields,
            patch: true,
            revive: false,
        };
        declare(&mut transaction, namespace, &declaration).await?;
        let row = read(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(row.ok_or(Refused::Missing))
    }

    /// Leaves a tombstone: the record is in no answer any more, and no webhook or backfill brings it back.
    ///
    /// # Errors
    /// Database errors.
    pub async fn delete_achievement(
        &self,
        namespace: &str,
        id: Uuid,
        by: &str,
    ) -> Result<Result<(), Refused>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        if let Err(refused) = changeable(&mut transaction, namespace, id).await? {
            return Ok(Err(refused));
        }
        sqlx::query("SELECT tombstone_achievement($1, $2, $3)")
            .bind(namespace)
            .bind(id)
            .bind(by)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Ok(()))
    }
}

/// The identity of a record that no resource speaks for. Takes the namespace's lock first, as every writer does.
async fn changeable(
    transaction: &mut Transaction<'_, Postgres>,
    namespace: &str,
    id: Uuid,
) -> Result<Result<String, Refused>, StoreError> {
    crate::postgres::achievements::lock(transaction, namespace).await?;
    let found: Option<(String, Option<Uuid>, Option<String>)> = sqlx::query_as(
        "SELECT identity, resource_uid, resource_name FROM achievements WHERE id = $1 AND deleted_at IS NULL",
    )
    .bind(id)
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(match found {
        None => Err(Refused::Missing),
        Some((_, Some(_), name)) => Err(Refused::Resource(name.unwrap_or_default())),
        Some((identity, None, _)) => Ok(identity),
    })
}
