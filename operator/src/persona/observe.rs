//! Reads everything that one reconcile decides by. Nothing here writes.

use super::{
    PersonaWorld,
    plan::{Observed, Problem, Thing},
    ports::WantedCollection,
    validate::{SecretNeed, ValidatedPersona},
};
use crate::{controller::time_boxed, tenancy::secrets};
use backends::postgres::{
    StoreError,
    operator::{
        ledger::{Claim, System},
        personas::{MissingPrompt, ResolvedPrompt},
    },
};
use crds::{Reason, common::reference::PromptSelector};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use std::collections::HashMap;

/// Why nothing could be observed at all.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    #[error("the database does not answer: {0}")]
    Store(#[from] StoreError),
    #[error("the Kubernetes API does not answer: {0}")]
    Kubernetes(#[from] kube::Error),
}

/// Reads rows, ledger, Secrets, broker and vector index. A broker or index that is down is part of the answer.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer: then nothing may be touched.
pub async fn observe(
    world: &PersonaWorld,
    persona: &ValidatedPersona,
) -> Result<Observed, ObserveError> {
    let store = &world.store;
    let row = store.persona_row(persona.uid).await?;
    let predecessor = row.is_none()
        && store
            .has_predecessor(persona.uid, persona.tenant.namespace_uid, &persona.name)
            .await?;
    let prompt = resolve(world, persona).await?;
    let wanted = wanted_collection(persona);
    let (queue, dead_letters, collection) = tokio::join!(
        world.services.queues.work_queue(&persona.queue),
        world.services.queues.dead_letter_queue(&persona.queue),
        world.services.vectors.collection(&wanted),
    );
    let owner = async |system, name: &str| {
        let claim = Claim {
            system,
            name,
            namespace: &persona.tenant.namespace,
            owner: persona.uid,
        };
        store
            .ownership_for_persona(&claim, persona.tenant.namespace_uid, &persona.name)
            .await
    };
    Ok(Observed {
        row,
        predecessor,
        prompt,
        secrets: check_secrets(world, persona).await?,
        queue: Thing {
            ownership: owner(System::RabbitMq, &persona.queue).await?,
            sight: queue.map_err(|e| e.to_string()),
        },
        dead_letters: Thing {
            ownership: owner(System::RabbitMq, &persona.dead_letter_queue).await?,
            sight: dead_letters.map_err(|e| e.to_string()),
        },
        collection: Thing {
            ownership: owner(System::Qdrant, &wanted.name).await?,
            sight: collection.map_err(|e| e.to_string()),
        },
    })
}

/// The collection that the persona's posts belong into.
#[must_use]
pub fn wanted_collection(persona: &ValidatedPersona) -> WantedCollection {
    let vectors = &persona.revision.vectors;
    WantedCollection {
        name: vectors.collection.clone(),
        dimensions: vectors.dimensions,
        distance: vectors.distance.clone(),
    }
}

async fn resolve(
    world: &PersonaWorld,
    persona: &ValidatedPersona,
) -> Result<Result<ResolvedPrompt, Problem>, StoreError> {
    let template = &persona.prompt.name;
    let (track, digest) = match persona.prompt.selector() {
        PromptSelector::Track(track) => (Some(track), None),
        PromptSelector::Digest(digest) => (None, Some(digest)),
    };
    let found = world
        .store
        .resolve_prompt(&persona.tenant.namespace, template, track, digest)
        .await?;
    Ok(found.map_err(|missing| match (missing, track, digest) {
        (MissingPrompt::Template, ..) => Problem {
            reason: Reason::PromptTemplateNotFound,
            message: format!("PromptTemplate {template:?} does not exist in this namespace, or none of its versions parses"),
        },
        (MissingPrompt::Selector, _, Some(digest)) => Problem {
            reason: Reason::DigestNotFound,
            message: format!("PromptTemplate {template:?} has no version with digest {digest}"),
        },
        (MissingPrompt::Selector, track, None) => Problem {
            reason: Reason::TrackNotFound,
            message: format!("PromptTemplate {template:?} has no track {:?}", track.unwrap_or_default()),
        },
    }))
}

/// Reads each named Secret once, by `get` alone, and drops it after the check.
async fn check_secrets(
    world: &PersonaWorld,
    persona: &ValidatedPersona,
) -> Result<Result<(), Problem>, kube::Error> {
    let api = Api::<Secret>::namespaced(world.client.clone(), &persona.tenant.namespace);
    let mut read: HashMap<&str, Option<Secret>> = HashMap::new();
    for SecretNeed { name, .. } in &persona.secrets {
        if !read.contains_key(name.as_str()) {
            read.insert(name, time_boxed(api.get_opt(name)).await?);
        }
    }
    for need in &persona.secrets {
        let secret = read.get(need.name.as_str()).and_then(Option::as_ref);
        if let Err(problem) = secrets::check(need, secret) {
            return Ok(Err(Problem {
                reason: problem.reason,
                message: problem.message,
            }));
        }
    }
    Ok(Ok(()))
}
