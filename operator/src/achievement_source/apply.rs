//! Makes the row say what the plan holds. The row comes first: a webhook is taken only for a source that stands.

use super::{
    SourceWorld,
    observe::{Observed, WebhookSecrets},
    plan::{Keys, Plan},
    status::Applied,
    validate::ValidatedSource,
};
use crate::{controller::ReconcileError, prompt_template::plan::Problem};
use backends::postgres::{StoreError, operator::achievements::SourceRecord};
use crds::Reason;

/// Writes what the plan holds; answers how the source stands then.
///
/// # Errors
/// Postgres does not answer, or a newer leader writes. The next reconcile repeats it and finds the same (FAULTS 10).
pub async fn apply(
    world: &SourceWorld,
    source: &ValidatedSource,
    observed: Observed,
    plan: Plan,
) -> Result<Applied, ReconcileError> {
    let mut problems = plan.problems;
    let written = plan.sync || plan.keys != Keys::Keep;
    if plan.sync {
        world
            .store
            .sync_source(&SourceRecord {
                uid: source.uid,
                namespace: &source.namespace,
                namespace_uid: observed.tenant.namespace_uid,
                name: &source.name,
                settings: &source.settings,
                credentials_digest: &observed.credentials_digest,
                suspended: source.suspended,
            })
            .await?;
    }
    match (&plan.keys, &observed.webhook) {
        (Keys::Seal, Some(Ok(secrets))) => {
            if let Err(problem) = seal(world, source, secrets).await? {
                problems.push(problem);
            }
        }
        (Keys::Remove, _) => world.store.set_webhook_keys(source.uid, None).await?,
        _ => {}
    }
    let row = if written {
        world.store.source_row(source.uid).await?
    } else {
        observed.row
    };
    let waits: Vec<String> = problems
        .iter()
        .map(|problem| problem.reason.as_str().to_owned())
        .collect();
    Ok(Applied {
        row,
        waiting_seconds: note_waits(world, source, &waits).await?,
        problems,
    })
}

async fn seal(
    world: &SourceWorld,
    source: &ValidatedSource,
    secrets: &WebhookSecrets,
) -> Result<Result<(), Problem>, StoreError> {
    let Some(sealer) = &world.sealer else {
        return Ok(Err(Problem::waiting(
            Reason::DependencyUnavailable,
            "the operator has no API_KEY_PEPPER, so that webhook secrets cannot be stored; an administrator has to set api.apiKeyPepper of the chart".to_owned(),
        )));
    };
    match sealer.seal(&secrets.values, source.uid) {
        Ok(sealed) => {
            world
                .store
                .set_webhook_keys(source.uid, Some((&sealed, &secrets.digest)))
                .await?;
            Ok(Ok(()))
        }
        Err(error) => Ok(Err(Problem::waiting(
            Reason::DependencyUnavailable,
            format!("the webhook's secrets cannot be stored: {error}"),
        ))),
    }
}

/// Notes which references are missing; answers for how long the oldest has been.
async fn note_waits(
    world: &SourceWorld,
    source: &ValidatedSource,
    reasons: &[String],
) -> Result<Option<f64>, StoreError> {
    if reasons.is_empty() && !world.store.waits(source.uid).await? {
        return Ok(None);
    }
    let waits = world.store.note_waits(source.uid, reasons).await?;
    Ok(waits.iter().map(|wait| wait.seconds).reduce(f64::max))
}
