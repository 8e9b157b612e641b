//! Reads everything that one reconcile decides by. Nothing here writes.

use super::{TemplateWorld, plan::Problem, validate::ValidatedTemplate};
use crate::{
    controller::{ReconcileError, time_boxed},
    tenancy::home,
};
use backends::postgres::operator::prompts::{PromotedVersion, TemplateRows};
use crds::{Persona, PromptTemplateStatus, Reason};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, ResourceExt, api::ListParams, core::PartialObjectMeta};
use std::collections::HashMap;

/// Longest text that a ConfigMap may give, in characters; the schema bounds texts in the resource alike.
pub const TEXT_MAX: usize = 32_768;

/// What a plan is made from.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    pub rows: TemplateRows,
    /// What experiments made of managed tracks, the newest first.
    pub promoted: Vec<PromotedVersion>,
    /// Texts by ConfigMap and key.
    pub texts: HashMap<(String, String), Result<String, Problem>>,
    /// Names of the personas that refer to the template.
    pub personas: Vec<String>,
    /// Unfinished runs that were made with one of its versions.
    pub runs: i64,
    /// What the status said that stands, for this very generation.
    pub seen: Option<PromptTemplateStatus>,
}

/// # Errors
/// Postgres or the Kubernetes API does not answer: then nothing may be touched.
pub async fn observe(
    world: &TemplateWorld,
    template: &ValidatedTemplate,
    before: &PromptTemplateStatus,
) -> Result<Observed, ReconcileError> {
    let (namespace, name) = (template.namespace.as_str(), template.name.as_str());
    Ok(Observed {
        rows: world.store.template_rows(namespace, name).await?,
        promoted: promoted(world, template).await?,
        texts: read_texts(world, template).await?,
        personas: personas(world, namespace, name).await?,
        runs: world.store.runs_using_template(namespace, name).await?,
        seen: (before.observed_generation == template.generation).then(|| before.clone()),
    })
}

/// Promotions belong to the namespace's uid: a namespace made again has none, unless an administrator gave it the old one's.
async fn promoted(
    world: &TemplateWorld,
    template: &ValidatedTemplate,
) -> Result<Vec<PromotedVersion>, ReconcileError> {
    if !template.tracks.iter().any(|track| track.managed) {
        return Ok(Vec::new());
    }
    let Some(home) = home(&world.client, &world.install, &template.namespace).await? else {
        return Ok(Vec::new());
    };
    if let Some(old) = home.adopts {
        world.store.adopt_namespace(&home.tenant, old).await?;
    }
    let namespace_uid = home.tenant.namespace_uid;
    Ok(world
        .store
        .promoted_versions(namespace_uid, &template.name)
        .await?)
}

/// Reads each named ConfigMap once, by `get` alone.
async fn read_texts(
    world: &TemplateWorld,
    template: &ValidatedTemplate,
) -> Result<HashMap<(String, String), Result<String, Problem>>, ReconcileError> {
    if template.suspended {
        return Ok(HashMap::new());
    }
    let api = Api::<ConfigMap>::namespaced(world.client.clone(), &template.namespace);
    let mut maps: HashMap<&str, Option<ConfigMap>> = HashMap::new();
    let mut texts = HashMap::new();
    for (name, key) in template.references() {
        if !maps.contains_key(name) {
            maps.insert(name, time_boxed(api.get_opt(name)).await?);
        }
        let map = maps.get(name).and_then(Option::as_ref);
        texts.insert((name.to_owned(), key.to_owned()), text_of(map, name, key));
    }
    Ok(texts)
}

/// The text under a key, or what has to be done so that there is one.
///
/// # Errors
/// A ConfigMap or key that is not there is waited for; a text that cannot be used has to be changed.
pub fn text_of(map: Option<&ConfigMap>, name: &str, key: &str) -> Result<String, Problem> {
    let Some(map) = map else {
        let message = format!("ConfigMap {name:?} does not exist in this namespace; create it");
        return Err(Problem::waiting(Reason::ConfigMapNotFound, message));
    };
    let Some(text) = map.data.as_ref().and_then(|data| data.get(key)) else {
        let message = format!("ConfigMap {name:?} has no text under the key {key:?}; add it");
        return Err(Problem::waiting(Reason::ConfigMapKeyMissing, message));
    };
    let unusable = |what| {
        Err(Problem::of_person(
            Reason::PromptInvalid,
            format!("the text {key:?} of ConfigMap {name:?} {what}"),
        ))
    };
    if text.trim().is_empty() {
        unusable("is empty")
    } else if text.chars().count() > TEXT_MAX {
        unusable("is longer than 32768 characters")
    } else if text.contains('\0') {
        unusable("holds the character NUL")
    } else {
        Ok(text.clone())
    }
}

async fn personas(
    world: &TemplateWorld,
    namespace: &str,
    template: &str,
) -> Result<Vec<String>, ReconcileError> {
    let api = Api::<PartialObjectMeta<Persona>>::namespaced(world.client.clone(), namespace);
    let following = ListParams::default().fields(&format!("spec.promptRef.name={template}"));
    let listed = time_boxed(api.list(&following)).await?;
    Ok(listed.items.iter().map(ResourceExt::name_any).collect())
}

#[cfg(test)]
mod tests;
