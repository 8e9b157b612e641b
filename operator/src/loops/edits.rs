//! An edited post is embedded again: a run of one task for each edit, and a worker Job where no Pod of the persona took it.

mod job;

use super::{back_off, note_store_failure, rest};
use crate::{context::Context, tenancy::Tenancy};
use backends::postgres::{
    StoreError,
    operator::{
        edits::{EditedText, EmbeddingRun},
        runs::{NewRun, PinnedPersona, RunIdentity, TaskTemplate},
    },
};
use domain::{
    names::embedding_run_id,
    tasks::{ContentType, EditedPost, TaskKind, TaskPayload},
    text,
};
use serde_json::Map;
use std::{sync::Arc, time::Duration};

/// Edits taken up in one round.
const BATCH: i64 = 100;
/// The net under lost notifications, and between two looks at a Job that works.
const POLL: Duration = Duration::from_secs(60);
const BUSY: Duration = Duration::from_secs(5);
/// One embedding, and all attempts at it.
const ATTEMPT_SECONDS: u32 = 60;
const TOTAL_SECONDS: i32 = 24 * 3600;
const ATTEMPTS: i32 = 5;
/// Characters that a token stands for at least, in an estimate from above.
const CHARACTERS_PER_TOKEN: usize = 2;

/// Takes edits up until the process drains.
pub async fn run(ctx: Arc<Context>, tenancy: Tenancy) {
    let mut failures = 0;
    loop {
        let goes_on = match round(&ctx, &tenancy).await {
            Ok(open) => {
                failures = 0;
                let at_most = if open { BUSY } else { POLL };
                rest(&ctx, &ctx.process.signals.wakes.edits, at_most).await
            }
            Err(job::Trouble::Store(error)) => {
                failures += 1;
                note_store_failure(&ctx, "edits", &error);
                back_off(&ctx, failures).await
            }
            Err(job::Trouble::Kubernetes(error)) => {
                failures += 1;
                tracing::warn!(%error, "the Job that embeds an edited post waits");
                back_off(&ctx, failures).await
            }
        };
        if !goes_on {
            return;
        }
    }
}

/// Whether anything is still to be done. Nothing is asked of the Kubernetes API where not.
async fn round(ctx: &Context, tenancy: &Tenancy) -> Result<bool, job::Trouble> {
    if ctx.paused() {
        return Ok(false);
    }
    for edited in ctx.store.edited_texts(BATCH).await? {
        if let Some(persona) = ctx.store.pinned_persona(edited.persona_uid).await? {
            make_run(ctx, &edited, &persona).await?;
        }
    }
    let mut open = false;
    for run in ctx.store.embedding_runs().await? {
        if run.open {
            open = true;
            attend(ctx, tenancy, &run).await?;
        } else {
            close(ctx, &run).await?;
        }
    }
    Ok(open)
}

/// The run's id is made of post and revision, so that a repeat makes it once.
async fn make_run(
    ctx: &Context,
    edited: &EditedText,
    persona: &PinnedPersona,
) -> Result<(), StoreError> {
    let text = text::join(&edited.hook, &edited.body);
    let tokens = text.chars().count().div_ceil(CHARACTERS_PER_TOKEN).max(1);
    let credentials_digest = persona.revision.credentials_digest();
    let (name, key) = (
        format!("embed/{}", edited.post),
        edited.revision.to_string(),
    );
    let created = ctx
        .store
        .create_run(&NewRun {
            id: embedding_run_id(edited.post, edited.revision),
            identity: RunIdentity {
                job_uid: edited.post,
                namespace_uid: edited.namespace_uid,
                // No ContentJob can have such a name.
                name: &name,
                run_key: &key,
                spec_digest: "",
            },
            namespace: &edited.namespace,
            persona_uid: edited.persona_uid,
            persona_name: &edited.persona_name,
            kind: TaskKind::Embed,
            priority: 50,
            parallelism: 1,
            tokens_limit: None,
            total_seconds: TOTAL_SECONDS,
            tasks_total: 1,
            task_tokens: i64::try_from(tokens).unwrap_or(i64::MAX),
            task: TaskTemplate {
                persona_revision: persona.revision_id,
                prompt_digest: &edited.prompt_digest,
                prompt_variables: &Map::new(),
                credentials_digest: &credentials_digest,
                payload: &TaskPayload {
                    input: text,
                    content_type: ContentType::Post,
                    count: 1,
                    attempt_seconds: ATTEMPT_SECONDS,
                    post: Some(EditedPost {
                        id: edited.post,
                        revision: edited.revision,
                    }),
                    traceparent: None,
                },
                max_attempts: ATTEMPTS,
            },
            experiment: None,
            experiment_note: None,
            places: None,
        })
        .await?;
    tracing::info!(post = %edited.post, revision = edited.revision, new = created.new, "an edited post is to be embedded");
    Ok(())
}

async fn attend(ctx: &Context, tenancy: &Tenancy, run: &EmbeddingRun) -> Result<(), job::Trouble> {
    if run.parked {
        // The day's budget may hold it now.
        ctx.store.wake_parked(run.id).await?;
    }
    if run.job_pods > 0 {
        job::follow(ctx, tenancy, run).await
    } else if run.claimable {
        job::grant(ctx, tenancy, run).await
    } else {
        Ok(())
    }
}

/// What its Pods leave free goes to whoever waits.
async fn close(ctx: &Context, run: &EmbeddingRun) -> Result<(), StoreError> {
    for next in ctx.store.release_pods(run.id).await? {
        ctx.process
            .signals
            .triggers
            .jobs
            .reconcile(&next.namespace, &next.name);
    }
    ctx.store.finish_run(run.id).await?;
    Ok(())
}
