//! Rows of prompt templates: immutable versions, one a digest, and tracks that name one of them.

use super::OperatorStore;
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use domain::prompts::PromptSource;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// Channel on which a trigger tells of promotions.
pub const PROMOTIONS_CHANNEL: &str = "threads_promotions";

/// Which template; a template made again under its name takes over the rows of the uid before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateIdentity<'a> {
    pub uid: Uuid,
    pub namespace: &'a str,
    pub name: &'a str,
}

/// A version that shall have a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRecord {
    pub name: String,
    pub digest: String,
    pub source: PromptSource,
}

/// A track that shall name a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackRecord {
    pub name: String,
    pub version: String,
    pub digest: String,
}

/// A version as its row has it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct VersionRow {
    pub version: String,
    pub digest: String,
    pub number: i32,
}

/// A track as its row has it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TrackRow {
    pub track: String,
    pub version: String,
    pub digest: String,
    pub since: DateTime<Utc>,
}

/// What an experiment made of a managed track.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PromotedVersion {
    pub track: String,
    pub version: String,
    pub digest: String,
    /// Name of the experiment.
    pub experiment: String,
}

/// All rows of one template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateRows {
    pub versions: Vec<VersionRow>,
    pub tracks: Vec<TrackRow>,
}

/// A mark that changes whenever the rows of a template do, or an experiment promotes into it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, sqlx::FromRow)]
pub struct TemplateMark {
    pub namespace: String,
    pub name: String,
    pub mark: String,
}

impl OperatorStore {
    /// The rows of a template by name, whichever uid wrote them.
    ///
    /// # Errors
    /// Database errors.
    pub async fn template_rows(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<TemplateRows, StoreError> {
        let versions = sqlx::query_as(
            "SELECT version, digest, number FROM prompt_versions WHERE namespace = $1 AND template_name = $2 ORDER BY number",
        )
        .bind(namespace)
        .bind(name)
        .fetch_all(self.pool())
        .await?;
        let tracks = sqlx::query_as(
            "SELECT track, version, digest, since FROM prompt_tracks WHERE template_uid IN
                 (SELECT template_uid FROM prompt_versions WHERE namespace = $1 AND template_name = $2) ORDER BY track",
        )
        .bind(namespace)
        .bind(name)
        .fetch_all(self.pool())
        .await?;
        Ok(TemplateRows { versions, tracks })
    }

    /// What experiments made of the template's managed tracks, the newest first. A template that is made again under its
    /// name finds what was promoted before.
    ///
    /// # Errors
    /// Database errors.
    pub async fn promoted_versions(
        &self,
        namespace_uid: Uuid,
        name: &str,
    ) -> Result<Vec<PromotedVersion>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT track, version, digest, experiment FROM promotions WHERE namespace_uid = $1 AND template_name = $2
             ORDER BY id DESC",
        )
        .bind(namespace_uid)
        .bind(name)
        .fetch_all(self.pool())
        .await?)
    }

    /// Writes the rows of versions that have none yet and makes the tracks exactly those given. No row of a version is ever
    /// changed or removed. Answers whether anything changed.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn sync_template(
        &self,
        identity: &TemplateIdentity<'_>,
        versions: &[VersionRecord],
        tracks: &[TrackRecord],
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let mut changed = take_over(&mut transaction, identity).await?;
        for version in versions {
            changed += insert_version(&mut transaction, identity, version).await?;
        }
        changed += sync_tracks(&mut transaction, identity, tracks).await?;
        transaction.commit().await?;
        Ok(changed > 0)
    }

    /// Unfinished runs with tasks that were made with a version of this template.
    ///
    /// # Errors
    /// Database errors.
    pub async fn runs_using_template(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT count(*) FROM content_runs run WHERE run.namespace = $1 AND run.finished_at IS NULL AND run.gone_at IS NULL
               AND EXISTS (SELECT FROM tasks task JOIN prompt_versions version
                       ON version.namespace = task.namespace AND version.digest = task.prompt_digest
                   WHERE task.run_id = run.id AND version.template_name = $2)",
        )
        .bind(namespace)
        .bind(name)
        .fetch_one(self.pool())
        .await?)
    }

    /// The template is deleted with its records: removes its tracks and those versions that no task was made with. Nothing is
    /// removed while experiments run with one of its versions, since their next tasks would have no prompt: answers the names
    /// of those.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn remove_template(
        &self,
        identity: &TemplateIdentity<'_>,
    ) -> Result<Vec<String>, StoreError> {
        let mut transaction = self.begin().await?;
        let running = experiments_using(&mut transaction, identity).await?;
        if !running.is_empty() {
            return Ok(running);
        }
        sqlx::query("DELETE FROM prompt_tracks WHERE template_uid = $1")
            .bind(identity.uid)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "DELETE FROM prompt_versions version WHERE template_uid = $1 AND NOT EXISTS
                 (SELECT FROM tasks WHERE namespace = version.namespace AND prompt_digest = version.digest)",
        )
        .bind(identity.uid)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("DELETE FROM waits WHERE uid = $1")
            .bind(identity.uid)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(running)
    }

    /// The marks of all templates, in one query for the drift reader.
    ///
    /// # Errors
    /// Database errors.
    pub async fn template_marks(&self) -> Result<Vec<TemplateMark>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT version.namespace, version.template_name AS name, md5(concat_ws(' ',
                 string_agg(version.digest, ' ' ORDER BY version.digest),
                 (SELECT string_agg(track || '=' || digest, ' ' ORDER BY track) FROM prompt_tracks
                  WHERE template_uid = version.template_uid),
                 (SELECT max(id) FROM promotions WHERE namespace = version.namespace AND template_name = version.template_name))) AS mark
             FROM prompt_versions version GROUP BY version.namespace, version.template_name, version.template_uid",
        )
        .fetch_all(self.pool())
        .await?)
    }
}

/// Names of running experiments with an arm that means a version of this template. The versions are held until the
/// transaction ends: an experiment that starts meanwhile waits, and then does not find what was removed.
async fn experiments_using(
    transaction: &mut Transaction<'static, Postgres>,
    identity: &TemplateIdentity<'_>,
) -> Result<Vec<String>, StoreError> {
    let digests: Vec<String> = sqlx::query_scalar(
        "SELECT digest FROM prompt_versions WHERE template_uid = $1 ORDER BY digest FOR UPDATE",
    )
    .bind(identity.uid)
    .fetch_all(&mut **transaction)
    .await?;
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT experiment.name FROM experiments experiment, jsonb_array_elements(experiment.arms) arm
         WHERE experiment.namespace = $1 AND arm ->> 'promptDigest' = ANY($2) AND experiment.started_at IS NOT NULL
           AND experiment.ended_at IS NULL AND experiment.gone_at IS NULL ORDER BY experiment.name",
    )
    .bind(identity.namespace)
    .bind(digests)
    .fetch_all(&mut **transaction)
    .await?)
}

/// Gives the rows of an earlier uid of the same name to this one.
async fn take_over(
    transaction: &mut Transaction<'static, Postgres>,
    identity: &TemplateIdentity<'_>,
) -> Result<u64, StoreError> {
    sqlx::query(
        "UPDATE prompt_tracks track SET template_uid = $1 WHERE track.template_uid IN (SELECT template_uid FROM prompt_versions
             WHERE namespace = $2 AND template_name = $3 AND template_uid <> $1)
           AND NOT EXISTS (SELECT FROM prompt_tracks mine WHERE mine.template_uid = $1 AND mine.track = track.track)",
    )
    .bind(identity.uid)
    .bind(identity.namespace)
    .bind(identity.name)
    .execute(&mut **transaction)
    .await?;
    Ok(sqlx::query(
        "UPDATE prompt_versions SET template_uid = $1 WHERE namespace = $2 AND template_name = $3 AND template_uid <> $1",
    )
    .bind(identity.uid)
    .bind(identity.namespace)
    .bind(identity.name)
    .execute(&mut **transaction)
    .await?
    .rows_affected())
}

async fn insert_version(
    transaction: &mut Transaction<'static, Postgres>,
    identity: &TemplateIdentity<'_>,
    version: &VersionRecord,
) -> Result<u64, StoreError> {
    Ok(sqlx::query(
        "INSERT INTO prompt_versions (namespace, digest, template_uid, template_name, version, number, system, hook, body)
         SELECT $1, $2, $3, $4, $5, coalesce((SELECT max(number) FROM prompt_versions WHERE template_uid = $3), 0) + 1, $6, $7, $8
         ON CONFLICT (namespace, digest) DO NOTHING",
    )
    .bind(identity.namespace)
    .bind(&version.digest)
    .bind(identity.uid)
    .bind(identity.name)
    .bind(&version.name)
    .bind(&version.source.system)
    .bind(&version.source.hook)
    .bind(&version.source.body)
    .execute(&mut **transaction)
    .await?
    .rows_affected())
}

async fn sync_tracks(
    transaction: &mut Transaction<'static, Postgres>,
    identity: &TemplateIdentity<'_>,
    tracks: &[TrackRecord],
) -> Result<u64, StoreError> {
    let mut names = Vec::with_capacity(tracks.len());
    let mut changed = 0;
    for track in tracks {
        names.push(track.name.as_str());
        changed += sqlx::query(
            "INSERT INTO prompt_tracks (template_uid, track, namespace, version, digest) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (template_uid, track) DO UPDATE SET version = excluded.version, digest = excluded.digest, since = now()
             WHERE (prompt_tracks.version, prompt_tracks.digest) <> (excluded.version, excluded.digest)",
        )
        .bind(identity.uid)
        .bind(&track.name)
        .bind(identity.namespace)
        .bind(&track.version)
        .bind(&track.digest)
        .execute(&mut **transaction)
        .await?
        .rows_affected();
    }
    changed +=
        sqlx::query("DELETE FROM prompt_tracks WHERE template_uid = $1 AND NOT track = ANY($2)")
            .bind(identity.uid)
            .bind(names)
            .execute(&mut **transaction)
            .await?
            .rows_affected();
    Ok(changed)
}
