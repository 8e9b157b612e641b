//! What a new run pins: the persona's revision and the prompt's version, as the rows hold them now.

use crate::postgres::{
    StoreError,
    operator::{OperatorStore, personas::MissingPrompt},
};
use domain::{prompts::PromptSource, revision::PersonaRevision};
use sqlx::types::Json;
use uuid::Uuid;

/// A persona's current revision.
#[derive(Debug, Clone, PartialEq)]
pub struct PinnedPersona {
    pub uid: Uuid,
    pub revision_id: Uuid,
    pub revision: PersonaRevision,
    pub tokens_per_day: Option<i64>,
}

/// A version of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedPrompt {
    pub digest: String,
    pub version: String,
    pub source: PromptSource,
}

impl OperatorStore {
    /// The current revision of a living persona; none before its own controller wrote the row.
    ///
    /// # Errors
    /// Database errors.
    pub async fn pinned_persona(&self, uid: Uuid) -> Result<Option<PinnedPersona>, StoreError> {
        let row: Option<(Uuid, Json<PersonaRevision>, Option<i64>)> = sqlx::query_as(
            "SELECT revision.id, revision.spec, persona.tokens_per_day
             FROM personas persona JOIN persona_revisions revision ON revision.id = persona.current_revision
             WHERE persona.uid = $1 AND persona.gone_at IS NULL",
        )
        .bind(uid)
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(
            |(revision_id, Json(revision), tokens_per_day)| PinnedPersona {
                uid,
                revision_id,
                revision,
                tokens_per_day,
            },
        ))
    }

    /// The prompt that a reference names now.
    ///
    /// # Errors
    /// Database errors.
    pub async fn pinned_prompt(
        &self,
        namespace: &str,
        template: &str,
        track: Option<&str>,
        digest: Option<&str>,
    ) -> Result<Result<PinnedPrompt, MissingPrompt>, StoreError> {
        let resolved = match self
            .resolve_prompt(namespace, template, track, digest)
            .await?
        {
            Ok(resolved) => resolved,
            Err(missing) => return Ok(Err(missing)),
        };
        let (system, hook, body): (String, String, String) = sqlx::query_as(
            "SELECT system, hook, body FROM prompt_versions WHERE namespace = $1 AND digest = $2",
        )
        .bind(namespace)
        .bind(&resolved.digest)
        .fetch_one(self.pool())
        .await?;
        Ok(Ok(PinnedPrompt {
            digest: resolved.digest,
            version: resolved.version,
            source: PromptSource { system, hook, body },
        }))
    }

    /// The revision that a run's tasks pin; none where no task row is left.
    ///
    /// # Errors
    /// Database errors.
    pub async fn revision_of_run(&self, run: Uuid) -> Result<Option<PersonaRevision>, StoreError> {
        let revision: Option<Json<PersonaRevision>> = sqlx::query_scalar(
            "SELECT spec FROM persona_revisions WHERE id = (SELECT persona_revision FROM tasks WHERE run_id = $1 LIMIT 1)",
        )
        .bind(run)
        .fetch_optional(self.pool())
        .await?;
        Ok(revision.map(|Json(revision)| revision))
    }
}
