//! Reads everything that one reconcile decides by. Nothing here writes.

use super::{SourceWorld, validate::ValidatedSource};
use crate::{
    controller::{ReconcileError, time_boxed},
    persona::validate::SecretNeed,
    prompt_template::plan::Problem,
    tenancy::{home, secrets},
};
use backends::postgres::operator::achievements::SourceRow;
use domain::{digest::digest_of, names::Tenant};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use std::collections::BTreeMap;

/// What a plan is made from.
pub struct Observed {
    pub tenant: Tenant,
    pub row: Option<SourceRow>,
    /// The webhook's secrets as the resource lists their keys; none where it names none.
    pub webhook: Option<Result<WebhookSecrets, Problem>>,
    /// Whether workers could mount what they need.
    pub secrets: Result<(), Problem>,
    /// Of the references and versions of the Secrets that workers mount.
    pub credentials_digest: String,
}

/// Secrets that are sealed and never shown.
pub struct WebhookSecrets {
    pub values: Vec<Vec<u8>>,
    /// Of the Secret's version and the keys: says whether they changed, and nothing of the secrets themselves.
    pub digest: String,
}

/// None where the namespace is gone.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer: then nothing may be touched.
pub async fn observe(
    world: &SourceWorld,
    source: &ValidatedSource,
) -> Result<Option<Observed>, ReconcileError> {
    let Some(home) = home(&world.client, &world.install, &source.namespace).await? else {
        return Ok(None);
    };
    let mut read = BTreeMap::new();
    let api = Api::<Secret>::namespaced(world.client.clone(), &source.namespace);
    for need in source.webhook.iter().chain(&source.secrets) {
        if !read.contains_key(&need.name) {
            read.insert(
                need.name.clone(),
                time_boxed(api.get_opt(&need.name)).await?,
            );
        }
    }
    let row = world.store.source_row(source.uid).await?;
    let references: Vec<_> = source
        .secrets
        .iter()
        .map(|need| (need.purpose.as_str(), &need.name, &need.key))
        .collect();
    Ok(Some(Observed {
        tenant: home.tenant,
        row,
        webhook: (!source.webhook.is_empty()).then(|| webhook_secrets(source, &read)),
        secrets: values(&source.secrets, &read).map(|_| ()),
        credentials_digest: if references.is_empty() {
            String::new()
        } else {
            digest_of(&references)
        },
    }))
}

/// Whether workers could mount what they need now.
///
/// # Errors
/// The Kubernetes API does not answer.
pub async fn check_secrets(
    client: &kube::Client,
    source: &ValidatedSource,
) -> Result<Result<(), Problem>, kube::Error> {
    let mut read = BTreeMap::new();
    let api = Api::<Secret>::namespaced(client.clone(), &source.namespace);
    for need in &source.secrets {
        if !read.contains_key(&need.name) {
            read.insert(
                need.name.clone(),
                time_boxed(api.get_opt(&need.name)).await?,
            );
        }
    }
    Ok(values(&source.secrets, &read).map(|_| ()))
}

fn webhook_secrets(
    source: &ValidatedSource,
    read: &BTreeMap<String, Option<Secret>>,
) -> Result<WebhookSecrets, Problem> {
    let values = values(&source.webhook, read)?;
    let version = source.webhook.iter().map(|need| {
        let secret = read.get(&need.name).and_then(Option::as_ref);
        let metadata = secret.map(|secret| &secret.metadata);
        let version = metadata.map(|it| (it.uid.clone(), it.resource_version.clone()));
        (&need.name, &need.key, version)
    });
    Ok(WebhookSecrets {
        values,
        digest: digest_of(&version.collect::<Vec<_>>()),
    })
}

/// The values of all keys, or the first that may not be used.
fn values(
    needs: &[SecretNeed],
    read: &BTreeMap<String, Option<Secret>>,
) -> Result<Vec<Vec<u8>>, Problem> {
    let mut values = Vec::with_capacity(needs.len());
    for need in needs {
        let secret = read.get(&need.name).and_then(Option::as_ref);
        secrets::check(need, secret)
            .map_err(|problem| Problem::waiting(problem.reason, problem.message))?;
        let data = secret.and_then(|secret| secret.data.as_ref());
        values.extend(
            data.and_then(|data| data.get(&need.key))
                .map(|it| it.0.clone()),
        );
    }
    Ok(values)
}
