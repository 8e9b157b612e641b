//! The finalizer, and the end of a template that takes its records along.

use super::{TemplateWorld, status, write_status};
use crate::controller::{ErrorClass, Notice, Outcome, ReconcileError, Verdict, time_boxed};
use backends::postgres::operator::prompts::TemplateIdentity;
use crds::{
    PromptTemplate,
    common::{
        meta::{ANNOTATION_ABANDON, FINALIZER},
        policy::DeletionPolicy,
    },
};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use uuid::Uuid;

/// Puts the finalizer on or takes it off as the policy of a living template asks; answers the object as it is then.
///
/// # Errors
/// The API server refuses or does not answer.
pub async fn settle_finalizer(
    world: &TemplateWorld,
    template: &PromptTemplate,
) -> Result<PromptTemplate, ReconcileError> {
    let wanted = template.spec.deletion_policy == DeletionPolicy::Delete;
    if wanted == has_finalizer(template) {
        return Ok(template.clone());
    }
    set_finalizer(world, template, wanted).await
}

/// Removes the records, then the finalizer. Without our finalizer the records stay.
///
/// # Errors
/// [`ReconcileError`]; the status says what blocks.
pub async fn delete(
    world: &TemplateWorld,
    template: &PromptTemplate,
) -> Result<Outcome, ReconcileError> {
    if !has_finalizer(template) {
        return Ok(Outcome::of(Verdict::Skipped));
    }
    let Some(uid) = template.uid().and_then(|uid| uid.parse::<Uuid>().ok()) else {
        return Err(ReconcileError::bug("a resource without a uid"));
    };
    let (namespace, name) = (
        template.namespace().unwrap_or_default(),
        template.name_any(),
    );
    let removed = world
        .store
        .remove_template(&TemplateIdentity {
            uid,
            namespace: &namespace,
            name: &name,
        })
        .await;
    let mut notices = Vec::new();
    if let Err(error) = removed {
        let error = ReconcileError::from(error);
        if error.class == ErrorClass::Fenced || !is_abandoned(template) {
            return blocked(world, template, error).await;
        }
        notices.push(Notice::warning(
            "CleanupAbandoned",
            format!("its rows were left behind because of the annotation {ANNOTATION_ABANDON}"),
        ));
    }
    set_finalizer(world, template, false).await?;
    Ok(Outcome::done().telling(notices))
}

async fn blocked(
    world: &TemplateWorld,
    template: &PromptTemplate,
    error: ReconcileError,
) -> Result<Outcome, ReconcileError> {
    if error.class != ErrorClass::Fenced {
        let message = format!(
            "Blocked: {}. To let it go and leave the rows behind, annotate it {ANNOTATION_ABANDON}=true",
            error.message
        );
        let before = template.status.clone().unwrap_or_default();
        let after = status::build_deleting(
            &before,
            template.metadata.generation,
            &message,
            Timestamp::now(),
        );
        write_status(world, template, &before, &after).await?;
    }
    Err(error)
}

fn has_finalizer(template: &PromptTemplate) -> bool {
    template.finalizers().iter().any(|name| name == FINALIZER)
}

fn is_abandoned(template: &PromptTemplate) -> bool {
    template
        .annotations()
        .get(ANNOTATION_ABANDON)
        .is_some_and(|value| value == "true")
}

/// Writes the list whole, against the version that was read: what another manager added meanwhile is a conflict, not a loss.
async fn set_finalizer(
    world: &TemplateWorld,
    template: &PromptTemplate,
    wanted: bool,
) -> Result<PromptTemplate, ReconcileError> {
    let mut finalizers: Vec<&str> = template
        .finalizers()
        .iter()
        .map(String::as_str)
        .filter(|name| *name != FINALIZER)
        .collect();
    if wanted {
        finalizers.push(FINALIZER);
    }
    let patch = json!({ "metadata": { "resourceVersion": template.resource_version(), "finalizers": finalizers } });
    let api = Api::<PromptTemplate>::namespaced(
        world.client.clone(),
        &template.namespace().unwrap_or_default(),
    );
    Ok(time_boxed(api.patch(
        &template.name_any(),
        &PatchParams::default(),
        &Patch::Merge(patch),
    ))
    .await?)
}
