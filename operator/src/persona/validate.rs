//! From a resource to what is acted upon: nothing that stands behind this step sees raw input.
//!
//! The schema refuses most of what is refused here; an object that was stored before a rule, or a schema that somebody
//! loosened, still must not reach a database or a broker.

mod values;

use crds::{
    Reason,
    common::{
        meta::{NAME_MAX, SecretPurpose},
        policy::{DeletionPolicy, DriftPolicy},
        reference::{PromptRef, SecretKeyRef},
    },
    persona::{Adoption, DedupAction, Persona, PersonaSpec},
};
use domain::{
    names::{EmbeddingSpace, Tenant, dead_letter_queue, persona_queue, posts_collection},
    revision::{
        self, DedupGate, EndpointSettings, Gates, ModelSettings, PersonaRevision, SecretKey,
        VectorSettings, Voice,
    },
};
use uuid::Uuid;
use values::{bounded, field, host_of, prose, text, url_of};

/// A persona whose every value is fit to be used, with the names of what it owns.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidatedPersona {
    pub uid: Uuid,
    pub name: String,
    pub tenant: Tenant,
    pub generation: Option<i64>,
    pub queue: String,
    pub dead_letter_queue: String,
    pub revision: PersonaRevision,
    pub secrets: Vec<SecretNeed>,
    pub prompt: PromptRef,
    pub adoption: Adoption,
    pub drift_policy: DriftPolicy,
    pub deletion_policy: DeletionPolicy,
    pub suspended: bool,
    pub tokens_per_day: Option<i64>,
}

/// A key that the persona's workers will be given, and the host to which they send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretNeed {
    pub purpose: SecretPurpose,
    pub name: String,
    pub key: String,
    pub host: String,
}

/// Why a persona cannot be acted upon before somebody changes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("{field} {problem}")]
    Field {
        field: &'static str,
        problem: String,
    },
    #[error(
        "gates.emotion needs an analysis that exists for English alone, and voice.language is {language:?}; remove the \
         gate or write in English"
    )]
    Language { language: String },
}

impl Invalid {
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Field { .. } => Reason::SpecInvalid,
            Self::Language { .. } => Reason::LanguageUnsupported,
        }
    }
}

/// Checks every value and derives every name.
///
/// # Errors
/// The first value that cannot be used, in words that say how to mend it.
pub fn validate(persona: &Persona, tenant: &Tenant) -> Result<ValidatedPersona, Invalid> {
    let name = persona.metadata.name.clone().unwrap_or_default();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.contains('.') {
        return Err(field(
            "metadata.name",
            "must have 1 to 50 characters and no dot; choose another name",
        ));
    }
    let uid = persona
        .metadata
        .uid
        .as_deref()
        .and_then(|uid| uid.parse().ok());
    let uid = uid.ok_or_else(|| field("metadata.uid", "is not a UUID"))?;
    let spec = &persona.spec;
    let queue = persona_queue(tenant, &name);
    let revision = build_revision(&name, spec, tenant)?;
    Ok(ValidatedPersona {
        uid,
        tenant: tenant.clone(),
        generation: persona.metadata.generation,
        dead_letter_queue: dead_letter_queue(&queue),
        queue,
        secrets: secret_needs(spec)?,
        prompt: spec.prompt_ref.clone(),
        adoption: spec.vectors.adoption,
        drift_policy: spec.drift_policy,
        deletion_policy: spec.deletion_policy,
        suspended: spec.suspend,
        tokens_per_day: spec.limits.tokens_per_day,
        revision,
        name,
    })
}

fn build_revision(
    name: &str,
    spec: &PersonaSpec,
    tenant: &Tenant,
) -> Result<PersonaRevision, Invalid> {
    let dimensions = bounded("vectors.dimensions", spec.vectors.dimensions, 1, 4096)?;
    let space = EmbeddingSpace {
        model: text("embedding.model", &spec.embedding.model, 200)?,
        dimensions,
        distance: spec.vectors.distance.as_str().to_owned(),
    };
    Ok(PersonaRevision {
        name: name.to_owned(),
        voice: build_voice(spec)?,
        model: ModelSettings {
            endpoint: endpoint(
                "model.endpoint",
                &spec.model.endpoint,
                text("model.name", &spec.model.name, 200)?,
                &spec.model.api_key_secret_ref,
            )?,
            temperature_bp: bounded("model.temperatureBp", spec.model.temperature_bp, 0, 20_000)?,
            max_output_tokens: bounded(
                "model.maxOutputTokens",
                spec.model.max_output_tokens,
                1,
                32_768,
            )?,
        },
        embedding: endpoint(
            "embedding.endpoint",
            &spec.embedding.endpoint,
            space.model.clone(),
            &spec.embedding.secret_ref,
        )?,
        moderation: match &spec.moderation {
            None => None,
            Some(moderation) => Some(endpoint(
                "moderation.endpoint",
                &moderation.endpoint,
                text("moderation.model", &moderation.model, 200)?,
                &moderation.secret_ref,
            )?),
        },
        vectors: VectorSettings {
            collection: posts_collection(tenant, name, &space),
            dimensions,
            distance: space.distance,
        },
        gates: build_gates(spec)?,
    })
}

fn build_voice(spec: &PersonaSpec) -> Result<Voice, Invalid> {
    let voice = &spec.voice;
    let mut banned_phrases = Vec::with_capacity(voice.banned_phrases.len());
    for phrase in &voice.banned_phrases {
        banned_phrases.push(prose("voice.bannedPhrases", phrase, 200)?);
    }
    Ok(Voice {
        display_name: text("voice.displayName", &voice.display_name, 100)?,
        language: text("voice.language", &voice.language, 35)?,
        tone: prose("voice.tone", &voice.tone, 500)?,
        style_guide: prose("voice.styleGuide", &voice.style_guide, 8192)?,
        banned_phrases,
    })
}

fn build_gates(spec: &PersonaSpec) -> Result<Gates, Invalid> {
    let gates = &spec.gates;
    let language = &spec.voice.language;
    if gates.emotion.is_some() && !is_english(language) {
        return Err(Invalid::Language {
            language: language.clone(),
        });
    }
    // The contract means the same in both crates; its words are those of the wire.
    let emotion = match &gates.emotion {
        None => None,
        Some(contract) => Some(
            serde_json::to_value(contract)
                .and_then(serde_json::from_value)
                .map_err(|error| field("gates.emotion", &format!("cannot be used: {error}")))?,
        ),
    };
    Ok(Gates {
        dedup: DedupGate {
            action: match gates.dedup.action {
                DedupAction::Reject => revision::DedupAction::Reject,
                DedupAction::Regenerate => revision::DedupAction::Regenerate,
                DedupAction::Flag => revision::DedupAction::Flag,
            },
            threshold_bp: bounded(
                "gates.dedup.thresholdBp",
                gates.dedup.threshold_bp,
                1,
                10_000,
            )?,
        },
        emotion,
        min_score_bp: match gates.min_score_bp {
            None => None,
            Some(score) => Some(bounded("gates.minScoreBp", score, 0, 10_000)?),
        },
    })
}

fn secret_needs(spec: &PersonaSpec) -> Result<Vec<SecretNeed>, Invalid> {
    let mut needs = vec![
        need(
            SecretPurpose::Model,
            "model.endpoint",
            &spec.model.endpoint,
            &spec.model.api_key_secret_ref,
        )?,
        need(
            SecretPurpose::Embedding,
            "embedding.endpoint",
            &spec.embedding.endpoint,
            &spec.embedding.secret_ref,
        )?,
    ];
    if let Some(moderation) = &spec.moderation {
        needs.push(need(
            SecretPurpose::Moderation,
            "moderation.endpoint",
            &moderation.endpoint,
            &moderation.secret_ref,
        )?);
    }
    Ok(needs)
}

fn need(
    purpose: SecretPurpose,
    name: &'static str,
    endpoint: &str,
    secret: &SecretKeyRef,
) -> Result<SecretNeed, Invalid> {
    Ok(SecretNeed {
        purpose,
        name: secret.name.clone(),
        key: secret.key.clone(),
        host: host_of(name, endpoint)?,
    })
}

fn endpoint(
    name: &'static str,
    endpoint: &str,
    model: String,
    secret: &SecretKeyRef,
) -> Result<EndpointSettings, Invalid> {
    Ok(EndpointSettings {
        endpoint: url_of(name, endpoint)?
            .as_str()
            .trim_end_matches('/')
            .to_owned(),
        model,
        secret: SecretKey {
            name: secret.name.clone(),
            key: secret.key.clone(),
        },
    })
}

fn is_english(language: &str) -> bool {
    language
        .split('-')
        .next()
        .is_some_and(|primary| primary.eq_ignore_ascii_case("en"))
}

#[cfg(test)]
mod tests;
