//! From a resource as somebody wrote it to one that later steps can rely on.

use super::design;
use crds::{
    Experiment,
    common::{
        meta::{ANNOTATION_CANCEL, ANNOTATION_PROMOTE, ANNOTATION_START},
        policy::DriftPolicy,
    },
};
use domain::experiment::Design;
use kube::ResourceExt;
use serde_json::{Map, Value};
use uuid::Uuid;

/// An experiment whose every part is present and can be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidatedExperiment {
    pub uid: Uuid,
    pub namespace: String,
    pub name: String,
    pub generation: Option<i64>,
    pub persona: String,
    pub design: Design,
    /// In the design's order.
    pub variants: Vec<WantedVariant>,
    /// Where a promotion goes.
    pub target: Option<Target>,
    pub suspended: bool,
    /// Drift is told and left as it is.
    pub report_drift: bool,
    /// Annotated to start.
    pub start: bool,
    /// Annotated to end without a verdict.
    pub cancel: bool,
    /// Inputs' digest that a person approved.
    pub approve: Option<String>,
    /// Seconds from the end to the pruning of details.
    pub ttl_seconds: f64,
    /// The A/A canary; none runs none.
    pub canary: Option<WantedCanary>,
}

/// How often the A/A canary runs, and how many labellings it draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedCanary {
    pub period_seconds: i64,
    pub relabels: u64,
}

/// What an arm shall mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedVariant {
    pub name: String,
    /// PromptTemplate and version; none keeps the prompt that a task would have had anyway.
    pub version: Option<(String, String)>,
    pub variables: Map<String, Value>,
}

/// A track of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub template: String,
    pub track: String,
}

/// Why a resource cannot be acted upon. The schema refuses most of this; a stored object may predate a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the resource has no {0}")]
    Absent(&'static str),
    #[error("{0}")]
    Design(String),
}

/// # Errors
/// The first thing that is wrong, with how to mend it.
pub fn validate(experiment: &Experiment) -> Result<ValidatedExperiment, Invalid> {
    let uid = experiment
        .metadata
        .uid
        .as_deref()
        .and_then(|uid| uid.parse().ok())
        .ok_or(Invalid::Absent("uid"))?;
    let namespace = experiment.namespace().ok_or(Invalid::Absent("namespace"))?;
    let spec = &experiment.spec;
    let design = design::design_of(spec).map_err(Invalid::Design)?;
    let annotation = |name: &str| experiment.annotations().get(name).cloned();
    Ok(ValidatedExperiment {
        uid,
        namespace,
        name: experiment.name_any(),
        generation: experiment.metadata.generation,
        persona: spec.persona_ref.name.clone(),
        design,
        variants: spec.variants.iter().map(design::variant_of).collect(),
        target: design::target_of(spec),
        suspended: spec.suspend,
        report_drift: spec.drift_policy == DriftPolicy::Report,
        start: annotation(ANNOTATION_START).is_some(),
        cancel: annotation(ANNOTATION_CANCEL).is_some(),
        approve: annotation(ANNOTATION_PROMOTE),
        ttl_seconds: f64::from(spec.ttl_seconds_after_finished),
        canary: spec.canary.enabled.then(|| WantedCanary {
            period_seconds: spec.canary.period_seconds.into(),
            relabels: u64::try_from(spec.canary.relabels).unwrap_or(0),
        }),
    })
}

#[cfg(test)]
mod tests;
