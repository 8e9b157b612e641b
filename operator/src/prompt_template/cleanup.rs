//! The end of a template that takes its records along.

use super::{TemplateWorld, status, write_status};
use crate::controller::{Outcome, ReconcileError, Verdict, finalizer};
use backends::postgres::operator::prompts::TemplateIdentity;
use crds::PromptTemplate;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

/// Removes the records, then the finalizer. Without our finalizer the records stay.
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
    match finalizer::removed(template, removal) {
        Ok(notices) => {
            finalizer::release(&world.client, template).await?;
            Ok(Outcome::done().telling(notices))
        }
        Err(error) => blocked(world, template, error).await,
    }
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
