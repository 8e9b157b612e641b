//! The end of a template that takes its records along.

use super::{TemplateWorld, status, write_status};
use crate::controller::{ErrorClass, Outcome, ReconcileError, Verdict, finalizer};
use backends::postgres::{StoreError, operator::prompts::TemplateIdentity};
use crds::{PromptTemplate, Reason, common::meta::ANNOTATION_CANCEL};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

/// Removes the records, then the finalizer; not while an experiment runs with them. Without our finalizer the records stay.
///
/// # Errors
/// [`ReconcileError`]; the status says what blocks.
pub async fn delete(
    world: &TemplateWorld,
    template: &PromptTemplate,
) -> Result<Outcome, ReconcileError> {
    let Some(uid) = finalizer::held(template)? else {
        return Ok(Outcome::of(Verdict::Skipped));
    };
    let identity = TemplateIdentity {
        uid,
        namespace: &template.namespace().unwrap_or_default(),
        name: &template.name_any(),
    };
    let removal = world.store.remove_template(&identity).await;
    match finalizer::removed(template, unhindered(removal)) {
        Ok(notices) => {
            finalizer::release(&world.client, template).await?;
            Ok(Outcome::done().telling(notices))
        }
        Err(error) => blocked(world, template, error).await,
    }
}

/// Running experiments are a reason to wait: their next tasks would have no prompt.
fn unhindered(removal: Result<Vec<String>, StoreError>) -> Result<(), ReconcileError> {
    let running = removal?;
    if running.is_empty() {
        return Ok(());
    }
    Err(ReconcileError::new(
        ErrorClass::Waiting,
        Reason::Deleting,
        format!(
            "experiments run with its versions: {}; let them end, or cancel them with the annotation {ANNOTATION_CANCEL}",
            running.join(", ")
        ),
    ))
}

async fn blocked(
    world: &TemplateWorld,
    template: &PromptTemplate,
    error: ReconcileError,
) -> Result<Outcome, ReconcileError> {
    if let Some(message) = finalizer::blocked(&error) {
        let before = template.status.clone().unwrap_or_default();
        let generation = template.metadata.generation;
        let after = status::build_deleting(&before, generation, &message, Timestamp::now());
        write_status(world, template, &before, &after).await?;
    }
    Err(error)
}
