//! From a resource to values that can be acted upon. Later steps see no raw input.

use crds::{
    ContentJob, Reason,
    common::{
        meta::{ANNOTATION_DISCARD, ANNOTATION_RETRY, ANNOTATION_TRACEPARENT, NAME_MAX},
        policy::{DeletionPolicy, DriftPolicy},
        reference::PromptRef,
    },
    content_job::{self, ContentJobSpec, Mode},
};
use domain::{
    digest::digest_of,
    names::{Tenant, run_id},
    tasks::{ContentType, TaskKind},
};
use kube::ResourceExt;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Posts of one job at most; the schema says the same.
const COUNT_MAX: i32 = 200;
/// Longest input, in characters.
pub const INPUT_MAX: usize = 16_384;

/// A ContentJob whose every value was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidatedContentJob {
    pub uid: Uuid,
    pub name: String,
    pub tenant: Tenant,
    pub generation: Option<i64>,
    pub persona: String,
    pub input: InputSource,
    pub count: i32,
    pub parallelism: i32,
    pub content_type: ContentType,
    /// Absent: the persona's.
    pub prompt: Option<PromptRef>,
    /// Name of the experiment that the posts shall join. Absent: the persona's default.
    pub experiment: Option<String>,
    pub variables: BTreeMap<String, String>,
    pub kind: TaskKind,
    pub priority: i32,
    pub total_seconds: i32,
    pub attempt_seconds: u32,
    pub max_attempts: i32,
    pub tokens_limit: Option<i64>,
    pub cancel: bool,
    pub suspend: bool,
    pub ttl_seconds: i32,
    pub deletion_policy: DeletionPolicy,
    pub drift_policy: DriftPolicy,
    /// `spec.runId`, empty where there is none.
    pub run_key: String,
    pub spec_digest: String,
    /// Identity of the run that this spec asks for.
    pub run_id: Uuid,
    pub verbs: Verbs,
    /// The trace that the caller began, as it was given; whoever cannot read it begins another.
    pub traceparent: Option<String>,
}

/// Where the text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputSource {
    Text(String),
    ConfigMapKey { name: String, key: String },
}

/// What the annotations ask for. The whole value is the token: `failed` asks once, `failed-2` asks once more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verbs {
    pub retry: Option<String>,
    pub discard: Option<String>,
}

/// Why a job cannot be acted upon before somebody changes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct Invalid {
    pub field: &'static str,
    pub problem: String,
}

impl Invalid {
    #[must_use]
    pub fn reason(&self) -> Reason {
        Reason::SpecInvalid
    }
}

impl ValidatedContentJob {
    /// Tasks of a run: one a post, or the one plan.
    #[must_use]
    pub fn tasks_total(&self) -> i32 {
        match self.kind {
            TaskKind::Generate => self.count,
            TaskKind::Plan | TaskKind::Embed => 1,
        }
    }
}

/// Checks every value and derives the run's identity.
///
/// # Errors
/// The first value that cannot be used, in words that say how to mend it.
pub fn validate(job: &ContentJob, tenant: &Tenant) -> Result<ValidatedContentJob, Invalid> {
    let name = job.metadata.name.clone().unwrap_or_default();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.contains('.') {
        return Err(invalid(
            "metadata.name",
            "must have 1 to 50 characters and no dot; choose another name",
        ));
    }
    let uid: Uuid = job
        .metadata
        .uid
        .as_deref()
        .and_then(|uid| uid.parse().ok())
        .ok_or_else(|| invalid("metadata.uid", "is not a UUID"))?;
    let spec = &job.spec;
    let spec_digest = spec_digest(spec);
    let run_key = spec.run_id.clone().unwrap_or_default();
    bounded(
        "spec.timeouts.attemptSeconds",
        spec.timeouts.attempt_seconds,
        5,
        3600,
    )?;
    Ok(ValidatedContentJob {
        run_id: run_id(uid, &run_key, &spec_digest),
        uid,
        tenant: tenant.clone(),
        generation: job.metadata.generation,
        persona: spec.persona_ref.name.clone(),
        input: input(spec)?,
        count: bounded("spec.count", spec.count, 1, COUNT_MAX)?,
        parallelism: bounded("spec.parallelism", spec.parallelism, 1, 50)?,
        content_type: content_type(spec.content_type),
        prompt: spec.prompt_ref.clone(),
        experiment: spec
            .experiment_ref
            .as_ref()
            .map(|reference| reference.name.clone()),
        variables: variables(spec)?,
        kind: match spec.mode {
            Mode::Generate => TaskKind::Generate,
            Mode::Plan => TaskKind::Plan,
        },
        priority: bounded("spec.priority", spec.priority, 0, 100)?,
        total_seconds: bounded(
            "spec.timeouts.totalSeconds",
            spec.timeouts.total_seconds,
            10,
            604_800,
        )?,
        attempt_seconds: spec.timeouts.attempt_seconds.unsigned_abs(),
        max_attempts: bounded("spec.retry.maxAttempts", spec.retry.max_attempts, 1, 10)?,
        tokens_limit: spec.limits.tokens,
        cancel: spec.cancel,
        suspend: spec.suspend,
        ttl_seconds: bounded(
            "spec.ttlSecondsAfterFinished",
            spec.ttl_seconds_after_finished,
            0,
            2_592_000,
        )?,
        deletion_policy: spec.deletion_policy,
        drift_policy: spec.drift_policy,
        verbs: verbs(job),
        traceparent: job.annotations().get(ANNOTATION_TRACEPARENT).cloned(),
        run_key,
        spec_digest,
        name,
    })
}

/// The fields that make a run what it is. What may change while a run lives is left out; so is a field that a later version
/// adds and that has its default, because an update of the operator must not make every finished job run anew.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pinned<'a> {
    persona_ref: &'a str,
    input: &'a content_job::Input,
    count: i32,
    parallelism: i32,
    content_type: content_job::ContentType,
    prompt_ref: &'a Option<PromptRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    experiment_ref: Option<&'a str>,
    variables: &'a BTreeMap<String, String>,
    mode: Mode,
    timeouts: &'a content_job::Timeouts,
    retry: &'a content_job::Retry,
    limits: &'a content_job::JobLimits,
}

/// Digest of the fields that cannot change.
#[must_use]
pub fn spec_digest(spec: &ContentJobSpec) -> String {
    digest_of(&Pinned {
        persona_ref: &spec.persona_ref.name,
        input: &spec.input,
        count: spec.count,
        parallelism: spec.parallelism,
        content_type: spec.content_type,
        prompt_ref: &spec.prompt_ref,
        experiment_ref: spec
            .experiment_ref
            .as_ref()
            .map(|reference| reference.name.as_str()),
        variables: &spec.variables,
        mode: spec.mode,
        timeouts: &spec.timeouts,
        retry: &spec.retry,
        limits: &spec.limits,
    })
}

fn input(spec: &ContentJobSpec) -> Result<InputSource, Invalid> {
    match (&spec.input.text, &spec.input.config_map_key_ref) {
        (Some(text), None) => {
            usable_text(text).map_err(|problem| invalid("spec.input.text", problem))?;
            Ok(InputSource::Text(text.clone()))
        }
        (None, Some(reference)) => Ok(InputSource::ConfigMapKey {
            name: reference.name.clone(),
            key: reference.key.clone(),
        }),
        _ => Err(invalid(
            "spec.input",
            "must have exactly one of text and configMapKeyRef",
        )),
    }
}

/// What the input may not be, wherever it comes from. Postgres stores no NUL.
///
/// # Errors
/// The problem, in words that go after the name of the text.
pub fn usable_text(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        Err("must not be empty; say what the posts are about")
    } else if text.contains('\0') {
        Err("must not hold the character NUL; remove it")
    } else if text.chars().count() > INPUT_MAX {
        Err("has more than 16384 characters; shorten it")
    } else {
        Ok(())
    }
}

fn variables(spec: &ContentJobSpec) -> Result<BTreeMap<String, String>, Invalid> {
    if spec
        .variables
        .iter()
        .any(|(name, value)| name.contains('\0') || value.contains('\0'))
    {
        return Err(invalid(
            "spec.variables",
            "must not hold the character NUL; remove it",
        ));
    }
    Ok(spec.variables.clone())
}

fn content_type(content_type: content_job::ContentType) -> ContentType {
    match content_type {
        content_job::ContentType::Post => ContentType::Post,
        content_job::ContentType::Thread => ContentType::Thread,
        content_job::ContentType::Announcement => ContentType::Announcement,
    }
}

fn verbs(job: &ContentJob) -> Verbs {
    let verb = |annotation: &str| {
        let value = job.metadata.annotations.as_ref()?.get(annotation)?;
        let asks = value == "failed" || value.starts_with("failed-");
        // A value of any length would go into a row.
        asks.then(|| value.chars().take(253).collect())
    };
    Verbs {
        retry: verb(ANNOTATION_RETRY),
        discard: verb(ANNOTATION_DISCARD),
    }
}

fn bounded(name: &'static str, value: i32, min: i32, max: i32) -> Result<i32, Invalid> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(invalid(
            name,
            &format!("must be from {min} to {max}, not {value}"),
        ))
    }
}

fn invalid(field: &'static str, problem: &str) -> Invalid {
    Invalid {
        field,
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests;
