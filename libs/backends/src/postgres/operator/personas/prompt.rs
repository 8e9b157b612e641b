//! Which prompt version a persona's reference means.

use crate::postgres::{StoreError, operator::OperatorStore};

/// A prompt version that a persona follows.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ResolvedPrompt {
    pub template: String,
    pub version: String,
    pub digest: String,
}

/// Why a prompt reference names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingPrompt {
    Template,
    Selector,
}

impl OperatorStore {
    /// The version that a track of a template names now, or the version of a digest.
    ///
    /// # Errors
    /// Database errors.
    pub async fn resolve_prompt(
        &self,
        namespace: &str,
        template: &str,
        track: Option<&str>,
        digest: Option<&str>,
    ) -> Result<Result<ResolvedPrompt, MissingPrompt>, StoreError> {
        let found: Option<ResolvedPrompt> = sqlx::query_as(
            "SELECT version.template_name AS template, version.version, version.digest FROM prompt_versions version
             WHERE version.namespace = $1 AND version.template_name = $2
               AND CASE WHEN $4::text IS NOT NULL THEN version.digest = $4 ELSE EXISTS (
                   SELECT FROM prompt_tracks track WHERE track.template_uid = version.template_uid
                     AND track.namespace = $1 AND track.track = $3 AND track.digest = version.digest) END
             ORDER BY version.created_at DESC LIMIT 1",
        )
        .bind(namespace)
        .bind(template)
        .bind(track)
        .bind(digest)
        .fetch_optional(self.pool())
        .await?;
        if let Some(prompt) = found {
            return Ok(Ok(prompt));
        }
        let known: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM prompt_versions WHERE namespace = $1 AND template_name = $2)",
        )
        .bind(namespace)
        .bind(template)
        .fetch_one(self.pool())
        .await?;
        Ok(Err(if known {
            MissingPrompt::Selector
        } else {
            MissingPrompt::Template
        }))
    }
}
