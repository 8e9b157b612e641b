//! From a resource as somebody wrote it to settings that webhook, inbox and workers rely on.

use crate::persona::validate::SecretNeed;
use crds::{
    AchievementSource,
    achievement_source::SourceEmbedding,
    common::{meta::SecretPurpose, reference::SecretKeyRef, worker::WorkerSpec},
};
use domain::achievement::{EmbeddingSettings, Filters, PublishSettings, SourceSettings};
use kube::ResourceExt;
use url::Url;
use uuid::Uuid;

/// A source whose every part can be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidatedSource {
    pub uid: Uuid,
    pub namespace: String,
    pub name: String,
    pub generation: Option<i64>,
    pub settings: SourceSettings,
    /// What its workers would mount.
    pub secrets: Vec<SecretNeed>,
    /// The keys of the webhook's Secret; empty where it has no webhook.
    pub webhook: Vec<SecretNeed>,
    pub suspended: bool,
    pub worker: WorkerSpec,
}

/// Why a resource cannot be acted upon. The schema refuses most of this; a stored object may predate a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the resource has no uid")]
    Uid,
    #[error(
        "spec.{0} must be an http or https URL without user, query and fragment, such as https://api.github.com"
    )]
    Url(&'static str),
    #[error("spec.{field} {problem}")]
    Field {
        field: &'static str,
        problem: &'static str,
    },
}

/// # Errors
/// The first thing that is wrong, with how to mend it.
pub fn validate(source: &AchievementSource) -> Result<ValidatedSource, Invalid> {
    let spec = &source.spec;
    let uid = source
        .metadata
        .uid
        .as_deref()
        .and_then(|uid| uid.parse().ok())
        .ok_or(Invalid::Uid)?;
    let api = plain_url("github.apiBaseUrl", &spec.github.api_base_url)?;
    let api_host = api.host_str().unwrap_or_default().to_ascii_lowercase();
    word("github.owner", &spec.github.owner)?;
    if let Some(repository) = &spec.github.repository {
        word("github.repository", repository)?;
    }
    let every = spec.backfill.seconds().ok_or(Invalid::Field {
        field: "backfill.every",
        problem: "must be between 5m and 30d, for example 6h",
    })?;
    if !(0..=200).contains(&spec.resources) {
        return Err(Invalid::Field {
            field: "resources",
            problem: "must be between 0 and 200",
        });
    }
    let mut secrets = Vec::new();
    if let Some(token) = &spec.token_secret_ref {
        secrets.push(need(SecretPurpose::Github, token, &api_host));
    }
    let embedding = match &spec.embedding {
        None => None,
        Some(embedding) => Some(embedding_of(embedding, &mut secrets)?),
    };
    let webhook = spec.webhook.as_ref().map_or_else(Vec::new, |webhook| {
        let keys = webhook.secret_ref.keys.iter();
        keys.map(|key| SecretNeed {
            purpose: SecretPurpose::Webhook,
            name: webhook.secret_ref.name.clone(),
            key: key.clone(),
            host: api_host.clone(),
        })
        .collect()
    });
    Ok(ValidatedSource {
        uid,
        namespace: source.namespace().unwrap_or_default(),
        name: source.name_any(),
        generation: source.metadata.generation,
        settings: SourceSettings {
            host: host_of(&api),
            api_base_url: api.as_str().trim_end_matches('/').to_owned(),
            owner: spec.github.owner.clone(),
            repository: spec.github.repository.clone(),
            filters: Filters {
                repositories: spec.filters.repositories.clone(),
                branches: spec.filters.branches.clone(),
                include_labels: spec.filters.include_labels.clone(),
                exclude_labels: spec.filters.exclude_labels.clone(),
                people: spec.filters.people.clone(),
                include_bots: spec.filters.include_bots,
            },
            since: spec.since.as_ref().map(|since| since.0),
            backfill_every_seconds: every,
            resources: spec.resources,
            embedding,
            publish: PublishSettings {
                persona: spec.publish.persona_ref.as_ref().map(|it| it.name.clone()),
                minimum_impact: spec.publish.minimum_impact.clamp(0, 100),
                allow_private: spec.publish.allow_private,
            },
            token: spec.token_secret_ref.is_some(),
        },
        secrets,
        webhook,
        suspended: spec.suspend,
        worker: spec.worker.clone(),
    })
}

fn embedding_of(
    spec: &SourceEmbedding,
    secrets: &mut Vec<SecretNeed>,
) -> Result<EmbeddingSettings, Invalid> {
    let endpoint = plain_url("embedding.endpoint", &spec.endpoint)?;
    if let Some(key) = &spec.secret_ref {
        let host = endpoint.host_str().unwrap_or_default().to_ascii_lowercase();
        secrets.push(need(SecretPurpose::Embedding, key, &host));
    }
    let dimensions = u32::try_from(spec.dimensions)
        .ok()
        .filter(|it| (1..=4096).contains(it));
    Ok(EmbeddingSettings {
        endpoint: endpoint.as_str().trim_end_matches('/').to_owned(),
        model: spec.model.clone(),
        dimensions: dimensions.ok_or(Invalid::Field {
            field: "embedding.dimensions",
            problem: "must be between 1 and 4096",
        })?,
        key: spec.secret_ref.is_some(),
        duplicate_bp: spec.duplicate_threshold_bp.clamp(1, 10_000),
    })
}

fn need(purpose: SecretPurpose, secret: &SecretKeyRef, host: &str) -> SecretNeed {
    SecretNeed {
        purpose,
        name: secret.name.clone(),
        key: secret.key.clone(),
        host: host.to_owned(),
    }
}

/// The host that people see: of the public API it is `github.com`, of an own server the server, with its port.
fn host_of(api: &Url) -> String {
    let host = api.host_str().unwrap_or_default().to_ascii_lowercase();
    match (host.as_str(), api.port()) {
        ("api.github.com", _) => "github.com".to_owned(),
        (_, Some(port)) => format!("{host}:{port}"),
        (_, None) => host,
    }
}

fn plain_url(field: &'static str, text: &str) -> Result<Url, Invalid> {
    let url = Url::parse(text).map_err(|_| Invalid::Url(field))?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    plain.then_some(url).ok_or(Invalid::Url(field))
}

/// What becomes a part of a path at the host.
fn word(field: &'static str, text: &str) -> Result<(), Invalid> {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if plain && !text.is_empty() && text != "." && text != ".." {
        Ok(())
    } else {
        Err(Invalid::Field {
            field,
            problem: "may hold letters, digits, dashes, underscores and dots alone",
        })
    }
}

#[cfg(test)]
mod tests;
