//! Reads what one reconcile decides by. Nothing here writes.

use super::{
    ContentJobWorld,
    experiment::{ArmReference, ExperimentReference, experiment_name},
    plan::Observed,
    resolve::{Obstacle, ObstacleKind, References, prompt_reference},
    validate::{InputSource, ValidatedContentJob, usable_text},
};
use crate::controller::{ReconcileError, time_boxed};
use backends::postgres::{StoreError, operator::runs::RunIdentity};
use crds::{Experiment, Persona, PromptTemplate, Reason, common::reference::PromptSelector};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, ResourceExt};

/// Why nothing could be observed at all.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    #[error("the database does not answer: {0}")]
    Store(#[from] StoreError),
    #[error("the Kubernetes API does not answer: {0}")]
    Kubernetes(#[from] kube::Error),
}

impl From<ObserveError> for ReconcileError {
    fn from(error: ObserveError) -> Self {
        match error {
            ObserveError::Store(error) => error.into(),
            ObserveError::Kubernetes(error) => error.into(),
        }
    }
}

/// What makes the job's run.
#[must_use]
pub fn identity(job: &ValidatedContentJob) -> RunIdentity<'_> {
    RunIdentity {
        job_uid: job.uid,
        namespace_uid: job.tenant.namespace_uid,
        name: &job.name,
        run_key: &job.run_key,
        spec_digest: &job.spec_digest,
    }
}

/// The rows of the job's run, or the run that it may take over.
///
/// # Errors
/// Database errors.
pub async fn rows(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
) -> Result<Observed, StoreError> {
    let identity = identity(job);
    let view = world.store.run_view(&identity).await?;
    let predecessor = if view.is_none() {
        world.store.find_predecessor(&identity).await?
    } else {
        None
    };
    Ok(Observed { view, predecessor })
}

/// What the API server answered to the question for a Persona.
pub type Asked = Result<Option<Persona>, kube::Error>;

/// Everything that a new run refers to; `early` is the Persona where it was asked for already.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer.
pub async fn references(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    early: Option<Asked>,
) -> Result<References, ObserveError> {
    let namespace = &job.tenant.namespace;
    let persona = async {
        match early {
            Some(asked) => asked,
            None => persona(world, namespace, &job.persona).await,
        }
    };
    let (persona, input) = tokio::join!(persona, input(world, job));
    let mut references = References {
        input: input?,
        persona: None,
        pinned: None,
        template: None,
        prompt: None,
        experiment: None,
    };
    let Some(persona) = persona? else {
        return Ok(references);
    };
    let reference = prompt_reference(job, &persona);
    let (track, digest) = match reference.selector() {
        PromptSelector::Track(track) => (Some(track), None),
        PromptSelector::Digest(digest) => (None, Some(digest)),
    };
    let templates = Api::<PromptTemplate>::namespaced(world.client.clone(), namespace);
    let store = &world.store;
    let (template, pinned, prompt, experiment) = tokio::join!(
        time_boxed(templates.get_opt(&reference.name)),
        async {
            match persona.uid().and_then(|uid| uid.parse().ok()) {
                Some(uid) => store.pinned_persona(uid).await,
                None => Ok(None),
            }
        },
        store.pinned_prompt(namespace, &reference.name, track, digest),
        experiment(world, job, &persona),
    );
    references.template = template?;
    references.pinned = pinned?;
    references.prompt = Some(prompt?);
    references.experiment = experiment?;
    references.persona = Some(persona);
    Ok(references)
}

/// The experiment that the job or its Persona asks for, with the prompts of its arms.
async fn experiment(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    persona: &Persona,
) -> Result<Option<ExperimentReference>, ObserveError> {
    let default = persona.spec.default_experiment_ref.as_ref();
    let asked = experiment_name(job, default.map(|reference| reference.name.as_str()));
    let Some((name, named)) = asked else {
        return Ok(None);
    };
    let tenant = &job.tenant;
    let row = world
        .store
        .experiment_named(&tenant.namespace, &name)
        .await?
        .filter(|row| row.gone_at.is_none());
    // A resource without a row was not accepted yet.
    let experiments = Api::<Experiment>::namespaced(world.client.clone(), &tenant.namespace);
    let declared = row.is_some() || time_boxed(experiments.get_opt(&name)).await?.is_some();
    let mut arms = Vec::new();
    for arm in row.iter().flat_map(|row| &row.arms) {
        arms.push(match &arm.prompt_digest {
            Some(digest) => arm_reference(world, &tenant.namespace, digest).await?,
            None => ArmReference::default(),
        });
    }
    Ok(Some(ExperimentReference {
        declared,
        name,
        named,
        row,
        arms,
    }))
}

async fn arm_reference(
    world: &ContentJobWorld,
    namespace: &str,
    digest: &str,
) -> Result<ArmReference, ObserveError> {
    let Some((name, prompt)) = world.store.prompt_of_digest(namespace, digest).await? else {
        return Ok(ArmReference::default());
    };
    let templates = Api::<PromptTemplate>::namespaced(world.client.clone(), namespace);
    Ok(ArmReference {
        template: time_boxed(templates.get_opt(&name)).await?,
        prompt: Some(prompt),
    })
}

/// The Persona of this name.
///
/// # Errors
/// The API server does not answer.
pub async fn persona(world: &ContentJobWorld, namespace: &str, name: &str) -> Asked {
    let personas = Api::<Persona>::namespaced(world.client.clone(), namespace);
    time_boxed(personas.get_opt(name)).await
}

async fn input(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
) -> Result<Result<String, Obstacle>, kube::Error> {
    let (name, key) = match &job.input {
        InputSource::Text(text) => return Ok(Ok(text.clone())),
        InputSource::ConfigMapKey { name, key } => (name, key),
    };
    let maps = Api::<ConfigMap>::namespaced(world.client.clone(), &job.tenant.namespace);
    let found = time_boxed(maps.get_opt(name)).await?;
    Ok(read_input(found.as_ref(), name, key))
}

/// The text that a ConfigMap's key holds.
fn read_input(found: Option<&ConfigMap>, name: &str, key: &str) -> Result<String, Obstacle> {
    let missing = |reason, message| Err(Obstacle::new(ObstacleKind::Reference, reason, message));
    let Some(map) = found else {
        return missing(
            Reason::ConfigMapNotFound,
            format!(
                "ConfigMap {name:?}, which holds the input, does not exist in this namespace; create it"
            ),
        );
    };
    let Some(text) = map.data.as_ref().and_then(|data| data.get(key)) else {
        if map
            .binary_data
            .as_ref()
            .is_some_and(|data| data.contains_key(key))
        {
            return missing(
                Reason::InputInvalid,
                format!("key {key:?} of ConfigMap {name:?} is not UTF-8 text; replace it"),
            );
        }
        return missing(
            Reason::ConfigMapKeyMissing,
            format!("ConfigMap {name:?} has no key {key:?}; add it"),
        );
    };
    match usable_text(text) {
        Ok(()) => Ok(text.clone()),
        Err(problem) => missing(
            Reason::InputInvalid,
            format!("key {key:?} of ConfigMap {name:?} {problem}"),
        ),
    }
}

#[cfg(test)]
mod tests;
