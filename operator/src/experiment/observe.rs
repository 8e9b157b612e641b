//! Reads everything that one reconcile decides by. Nothing here writes.

use super::{ExperimentWorld, validate::ValidatedExperiment};
use crate::{
    controller::{ReconcileError, time_boxed},
    prompt_template::plan::Problem,
};
use backends::postgres::{
    StoreError,
    operator::{
        experiments::{ArmRecord, ExperimentRow},
        prompts::TemplateRows,
    },
};
use crds::{ExperimentStatus, PromptTemplate, Reason};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use std::collections::HashMap;
use uuid::Uuid;

/// What a plan is made from.
#[derive(Debug, Clone)]
pub struct Observed {
    pub namespace_uid: Uuid,
    pub row: Option<ExperimentRow>,
    /// The persona's row, or why there is none.
    pub persona: Result<Uuid, Problem>,
    /// What the arms mean now, or what they still lack. Not looked at once the experiment has started.
    pub arms: Result<Vec<ArmRecord>, Problem>,
    pub track: Track,
    /// The status says that it started.
    pub seen_started: bool,
}

/// What is known of the track into which the experiment promotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// There is none, or nothing depends on it now.
    NotLooked,
    Managed,
    /// A version stands in the template's spec: whoever wrote that wins.
    Fixed,
    Absent,
    NoTemplate,
}

/// None where the namespace is gone.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer: then nothing may be touched.
pub async fn observe(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    before: &ExperimentStatus,
) -> Result<Option<Observed>, ReconcileError> {
    let row = world.store.experiment_of(experiment.uid).await?;
    let Some(namespace_uid) = namespace_uid(world, experiment, row.as_ref()).await? else {
        return Ok(None);
    };
    let pending = row.as_ref().is_none_or(|row| row.started_at.is_none());
    Ok(Some(Observed {
        namespace_uid,
        persona: persona(world, experiment).await?,
        arms: if pending {
            arms(world, experiment).await?
        } else {
            Ok(Vec::new())
        },
        track: if pending {
            look_at_track(world, experiment).await?.0
        } else {
            Track::NotLooked
        },
        seen_started: before.started_at.is_some(),
        row,
    }))
}

/// The namespace's uid: of the row, which is of this very object, or of the cluster.
async fn namespace_uid(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    row: Option<&ExperimentRow>,
) -> Result<Option<Uuid>, ReconcileError> {
    if let Some(row) = row {
        return Ok(Some(row.namespace_uid));
    }
    let api = Api::<Namespace>::all(world.client.clone());
    let found = time_boxed(api.get_opt(&experiment.namespace)).await?;
    Ok(found
        .and_then(|namespace| namespace.metadata.uid)
        .and_then(|uid| uid.parse().ok()))
}

async fn persona(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
) -> Result<Result<Uuid, Problem>, StoreError> {
    let found = world
        .store
        .living_persona(&experiment.namespace, &experiment.persona)
        .await?;
    Ok(found.ok_or_else(|| {
        Problem::waiting(
            Reason::PersonaNotFound,
            format!(
                "Persona {:?} does not exist in this namespace, or is not known yet; create it",
                experiment.persona
            ),
        )
    }))
}

async fn arms(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
) -> Result<Result<Vec<ArmRecord>, Problem>, StoreError> {
    let mut templates: HashMap<&str, TemplateRows> = HashMap::new();
    for variant in &experiment.variants {
        let Some((template, _)) = &variant.version else {
            continue;
        };
        if !templates.contains_key(template.as_str()) {
            let rows = world
                .store
                .template_rows(&experiment.namespace, template)
                .await?;
            templates.insert(template, rows);
        }
    }
    Ok(resolve(experiment, &templates))
}

/// The arms' versions as digests.
fn resolve(
    experiment: &ValidatedExperiment,
    templates: &HashMap<&str, TemplateRows>,
) -> Result<Vec<ArmRecord>, Problem> {
    experiment
        .variants
        .iter()
        .map(|variant| {
            let mut arm = ArmRecord {
                name: variant.name.clone(),
                variables: variant.variables.clone(),
                ..ArmRecord::default()
            };
            if let Some((template, version)) = &variant.version {
                arm.prompt_digest = Some(digest_of(templates, template, version)?);
                arm.version = Some(version.clone());
            }
            Ok(arm)
        })
        .collect()
}

fn digest_of(
    templates: &HashMap<&str, TemplateRows>,
    template: &str,
    version: &str,
) -> Result<String, Problem> {
    let rows = templates
        .get(template)
        .filter(|rows| !rows.versions.is_empty());
    let Some(rows) = rows else {
        return Err(Problem::waiting(
            Reason::PromptTemplateNotFound,
            format!(
                "PromptTemplate {template:?} does not exist in this namespace, or none of its versions parses; create or mend it"
            ),
        ));
    };
    let newest = rows
        .versions
        .iter()
        .filter(|row| row.version == version)
        .max_by_key(|row| row.number);
    newest.map(|row| row.digest.clone()).ok_or_else(|| {
        Problem::waiting(
            Reason::VersionNotFound,
            format!("PromptTemplate {template:?} has no version {version:?} that parses; add it"),
        )
    })
}

/// The track of the experiment's decision as the template declares it now, and the template.
///
/// # Errors
/// The API server does not answer.
pub async fn look_at_track(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
) -> Result<(Track, Option<PromptTemplate>), ReconcileError> {
    let Some(target) = &experiment.target else {
        return Ok((Track::NotLooked, None));
    };
    let api = Api::<PromptTemplate>::namespaced(world.client.clone(), &experiment.namespace);
    let Some(template) = time_boxed(api.get_opt(&target.template)).await? else {
        return Ok((Track::NoTemplate, None));
    };
    let declared = template
        .spec
        .tracks
        .iter()
        .find(|track| track.name == target.track);
    let track = match declared {
        None => Track::Absent,
        Some(track) if track.managed.is_some() => Track::Managed,
        Some(_) => Track::Fixed,
    };
    Ok((track, Some(template)))
}

#[cfg(test)]
mod tests;
