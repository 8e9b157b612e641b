//! The custom resources of threads-agent.io, and nothing but their schema: no IO, no clock, no client.
//!
//! One file a kind holds its spec, `<kind>/status.rs` its status; what the kinds share stands in [`common`]. The doc
//! comments on the types are the user's manual: they become the text of `kubectl explain` and of `docs/api.md`.

pub mod achievement;
pub mod achievement_source;
pub mod common;
pub mod content_job;
pub mod experiment;
pub mod persona;
pub mod prompt_template;

pub use achievement::{Achievement, AchievementSpec, AchievementStatus};
pub use achievement_source::{AchievementSource, AchievementSourceSpec, AchievementSourceStatus};
pub use common::condition::{ConditionType, Reason};
pub use common::conditions::{ConditionState, find_condition, is_true, set_condition};
pub use content_job::{ContentJob, ContentJobSpec, ContentJobStatus};
pub use experiment::{Experiment, ExperimentSpec, ExperimentStatus};
pub use persona::{Persona, PersonaSpec, PersonaStatus};
pub use prompt_template::{PromptTemplate, PromptTemplateSpec, PromptTemplateStatus};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The definitions of all kinds, in the order in which the documents list them.
#[must_use]
pub fn definitions() -> Vec<CustomResourceDefinition> {
    [
        Persona::crd(),
        ContentJob::crd(),
        PromptTemplate::crd(),
        Experiment::crd(),
        Achievement::crd(),
        AchievementSource::crd(),
    ]
    .into_iter()
    .map(common::schema::finish)
    .collect()
}
