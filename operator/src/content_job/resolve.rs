//! From references as they were read to what a run pins, or to the obstacle that keeps the run from being made.

use super::{
    experiment::{ExperimentReference, Joining, join},
    validate::ValidatedContentJob,
};
use backends::postgres::operator::{
    personas::MissingPrompt,
    runs::{ArmPrompt, PinnedPersona, PinnedPrompt},
};
use crds::{
    ConditionType, Persona, PromptTemplate, Reason,
    common::reference::{PromptRef, PromptSelector},
    find_condition, is_true,
    prompt_template::PromptVariable,
};
use domain::{
    prompts::{Part, PromptContext, PromptError, render},
    tasks::{ContentType, Prompt, TaskKind, TaskPayload},
};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Characters that one token stands for, roughly and on the safe side for English.
const CHARACTERS_PER_TOKEN: usize = 4;
/// Stands for the hook where the body's template is tried before one was written.
const HOOK_PLACEHOLDER: &str = "(the hook)";

/// What keeps a job from going on, and who can change that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub kind: ObstacleKind,
    pub reason: Reason,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObstacleKind {
    /// Somebody has to change something.
    Person,
    /// A reference may yet appear; after five minutes somebody has to be told.
    Reference,
    /// Somebody asked for the wait, or a service will come back.
    Hold,
}

impl Obstacle {
    #[must_use]
    pub fn new(kind: ObstacleKind, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            kind,
            reason,
            message: message.into(),
        }
    }

    fn person(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(ObstacleKind::Person, reason, message)
    }

    fn reference(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(ObstacleKind::Reference, reason, message)
    }
}

/// References as they were read.
#[derive(Debug, Clone)]
pub struct References {
    pub input: Result<String, Obstacle>,
    pub persona: Option<Persona>,
    pub pinned: Option<PinnedPersona>,
    pub template: Option<PromptTemplate>,
    pub prompt: Option<Result<PinnedPrompt, MissingPrompt>>,
    /// Absent where neither the job nor the persona asks for one.
    pub experiment: Option<ExperimentReference>,
}

/// What a run pins.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    pub persona: PinnedPersona,
    pub prompt_digest: String,
    pub variables: Map<String, Value>,
    pub payload: TaskPayload,
    /// Tokens to reserve for one task, whatever its arm.
    pub task_tokens: i64,
    /// Worker Pods that the persona's runs may have together.
    pub persona_concurrency: i32,
    pub experiment: Option<ResolvedExperiment>,
    /// What people are told of the experiment, or of why there is none.
    pub experiment_note: Option<String>,
}

/// An experiment that the run joins.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedExperiment {
    pub uid: Uuid,
    pub arms: Vec<ArmPrompt>,
}

/// What a prompt is tried with; `prompt` and `template` are those of tasks without an arm.
#[derive(Debug, Clone, Copy)]
pub struct Rendering<'a> {
    pub persona: &'a PinnedPersona,
    pub payload: &'a TaskPayload,
    pub prompt: &'a PinnedPrompt,
    pub template: &'a PromptTemplate,
}

/// The prompt that the job follows: its own reference, else the persona's.
#[must_use]
pub fn prompt_reference<'a>(job: &'a ValidatedContentJob, persona: &'a Persona) -> &'a PromptRef {
    job.prompt.as_ref().unwrap_or(&persona.spec.prompt_ref)
}

/// Puts the references together.
///
/// # Errors
/// The first thing that is missing or wrong.
pub fn resolve(job: &ValidatedContentJob, references: &References) -> Result<Resolved, Obstacle> {
    let persona = living_persona(job, references)?;
    let pinned = ready_persona(persona, references)?;
    let input = references.input.clone()?;
    let reference = prompt_reference(job, persona);
    let template = references.template.as_ref().ok_or_else(|| {
        Obstacle::reference(
            Reason::PromptTemplateNotFound,
            format!(
                "PromptTemplate {:?} does not exist in this namespace; create it",
                reference.name
            ),
        )
    })?;
    let prompt = pinned_prompt(reference, template, references)?;
    let payload = TaskPayload {
        input,
        content_type: job.content_type,
        count: job.count,
        attempt_seconds: job.attempt_seconds,
        post: None,
        traceparent: None,
    };
    let rendering = Rendering {
        persona: pinned,
        payload: &payload,
        prompt,
        template,
    };
    let (variables, mut task_tokens) = try_prompt(
        job,
        &rendering,
        prompt,
        &template.spec.variables,
        &Map::new(),
    )?;
    let (experiment, experiment_note) = match join(job, pinned, references, &rendering)? {
        Joining::None => (None, None),
        Joining::Without { note } => (None, Some(note)),
        Joining::Joins {
            experiment: uid,
            arms,
            note,
            task_tokens: of_arms,
        } => {
            task_tokens = task_tokens.max(of_arms);
            (Some(ResolvedExperiment { uid, arms }), Some(note))
        }
    };
    check_budget(job, pinned, task_tokens)?;
    Ok(Resolved {
        persona: pinned.clone(),
        prompt_digest: prompt.digest.clone(),
        variables,
        payload,
        task_tokens,
        persona_concurrency: persona.spec.limits.concurrency,
        experiment,
        experiment_note,
    })
}

/// Renders a prompt as the first task will; answers the variables that it pins and the tokens that a task may use.
///
/// # Errors
/// What a person has to mend: a variable without a value, a template that cannot be rendered.
pub fn try_prompt(
    job: &ValidatedContentJob,
    rendering: &Rendering<'_>,
    prompt: &PinnedPrompt,
    declared: &[PromptVariable],
    own: &Map<String, Value>,
) -> Result<(Map<String, Value>, i64), Obstacle> {
    let (persona, payload) = (rendering.persona, rendering.payload);
    let variables = build_variables(job, declared, own)?;
    let rendered = try_rendering(job, persona, prompt, &variables, payload)?;
    let tokens = estimate(
        job.kind,
        &rendered,
        &payload.input,
        persona.revision.model.max_output_tokens,
    );
    Ok((variables, tokens))
}

fn living_persona<'a>(
    job: &ValidatedContentJob,
    references: &'a References,
) -> Result<&'a Persona, Obstacle> {
    references
        .persona
        .as_ref()
        .filter(|persona| persona.metadata.deletion_timestamp.is_none())
        .ok_or_else(|| {
            Obstacle::reference(
                Reason::PersonaNotFound,
                format!(
                    "Persona {:?} does not exist in this namespace; create it",
                    job.persona
                ),
            )
        })
}

fn ready_persona<'a>(
    persona: &Persona,
    references: &'a References,
) -> Result<&'a PinnedPersona, Obstacle> {
    let name = persona.metadata.name.as_deref().unwrap_or_default();
    if persona.spec.suspend {
        return Err(Obstacle::new(
            ObstacleKind::Hold,
            Reason::PersonaSuspended,
            format!(
                "Persona {name:?} is suspended; the job goes on when its spec.suspend is false"
            ),
        ));
    }
    let not_ready = |why: &str| {
        Obstacle::reference(
            Reason::PersonaNotReady,
            format!("Persona {name:?} is not ready: {why}"),
        )
    };
    let status = persona
        .status
        .as_ref()
        .filter(|status| status.observed_generation.is_some())
        .ok_or_else(|| not_ready("the operator has not looked at it yet"))?;
    if status.observed_generation != persona.metadata.generation {
        return Err(not_ready("its newest change is not in force yet"));
    }
    if !is_true(&status.conditions, ConditionType::Ready) {
        let why = find_condition(&status.conditions, ConditionType::Ready);
        return Err(not_ready(
            why.map_or("it has no condition Ready", |ready| ready.message.as_str()),
        ));
    }
    references
        .pinned
        .as_ref()
        .ok_or_else(|| not_ready("its row is not written yet"))
}

fn pinned_prompt<'a>(
    reference: &PromptRef,
    template: &PromptTemplate,
    references: &'a References,
) -> Result<&'a PinnedPrompt, Obstacle> {
    if let Some(Ok(prompt)) = &references.prompt {
        return Ok(prompt);
    }
    // A template that does not parse has said so itself; repeating its sentence saves a look.
    if let Some(parsed) = template
        .status
        .as_ref()
        .and_then(|status| find_condition(&status.conditions, ConditionType::Parsed))
        && parsed.status == "False"
    {
        return Err(Obstacle::reference(
            Reason::PromptInvalid,
            format!("PromptTemplate {:?}: {}", reference.name, parsed.message),
        ));
    }
    Err(match reference.selector() {
        PromptSelector::Digest(digest) => Obstacle::reference(
            Reason::DigestNotFound,
            format!(
                "PromptTemplate {:?} has no version with digest {digest}",
                reference.name
            ),
        ),
        PromptSelector::Track(track) => Obstacle::reference(
            Reason::TrackNotFound,
            format!(
                "PromptTemplate {:?} has no track {track:?} in force; add it or name another",
                reference.name
            ),
        ),
    })
}

/// The declared variables with an arm's own values, else the job's, else their defaults. What is given beyond them stays.
fn build_variables(
    job: &ValidatedContentJob,
    declared: &[PromptVariable],
    own: &Map<String, Value>,
) -> Result<Map<String, Value>, Obstacle> {
    let mut variables: Map<String, Value> = job
        .variables
        .iter()
        .map(|(name, value)| (name.clone(), Value::String(value.clone())))
        .chain(own.clone())
        .collect();
    for declared in declared {
        if variables.contains_key(&declared.name) {
            continue;
        }
        if declared.required {
            return Err(Obstacle::person(
                Reason::VariableMissing,
                format!(
                    "the template requires the variable {:?}; create the job with spec.variables.{} set",
                    declared.name, declared.name
                ),
            ));
        }
        variables.insert(
            declared.name.clone(),
            Value::String(declared.default.clone().unwrap_or_default()),
        );
    }
    Ok(variables)
}

/// Renders all three parts as the first task will, so that a prompt that cannot be rendered costs no attempt.
fn try_rendering(
    job: &ValidatedContentJob,
    persona: &PinnedPersona,
    pinned: &PinnedPrompt,
    variables: &Map<String, Value>,
    payload: &TaskPayload,
) -> Result<[String; 3], Obstacle> {
    let prompt = Prompt {
        digest: pinned.digest.clone(),
        system: pinned.source.system.clone(),
        hook: pinned.source.hook.clone(),
        body: pinned.source.body.clone(),
        variables: Map::new(),
    };
    let part = |part: Part, hook: Option<&str>| {
        let context = PromptContext {
            input: &payload.input,
            persona: (&persona.revision.voice).into(),
            content_type: match job.content_type {
                ContentType::Post => "post",
                ContentType::Thread => "thread",
                ContentType::Announcement => "announcement",
            },
            index: 1,
            count: payload.count,
            hook,
            variables,
        };
        render(&prompt, part, &context).map_err(|error| {
            let reason = match &error {
                PromptError::Undefined { .. } => Reason::VariableMissing,
                _ => Reason::PromptInvalid,
            };
            Obstacle::person(
                reason,
                format!("version {} cannot be rendered: {error}", pinned.version),
            )
        })
    };
    Ok([
        part(Part::System, None)?,
        part(Part::Hook, None)?,
        part(Part::Body, Some(HOOK_PLACEHOLDER))?,
    ])
}

/// Upper estimate for one task: two model calls that write all they may, both with the system prompt, the second with the
/// hook; and one embedding of what they wrote. A plan and an embedding pay for their input alone.
fn estimate(
    kind: TaskKind,
    [system, hook, body]: &[String; 3],
    input: &str,
    max_output_tokens: u32,
) -> i64 {
    let tokens = |text: &str| {
        i64::try_from(text.chars().count().div_ceil(CHARACTERS_PER_TOKEN)).unwrap_or(i64::MAX)
    };
    let written = 2 * i64::from(max_output_tokens);
    match kind {
        TaskKind::Plan | TaskKind::Embed => tokens(input).max(1),
        TaskKind::Generate => 2 * tokens(system) + tokens(hook) + tokens(body) + written + written,
    }
}

fn check_budget(
    job: &ValidatedContentJob,
    persona: &PinnedPersona,
    task_tokens: i64,
) -> Result<(), Obstacle> {
    let too_small = |field: &str, limit: i64| {
        Obstacle::person(
            Reason::BudgetExhausted,
            format!(
                "one task may use {task_tokens} tokens, more than {field} allows ({limit}); raise the limit or lower the \
                 persona's model.maxOutputTokens"
            ),
        )
    };
    match (job.tokens_limit, persona.tokens_per_day) {
        (Some(limit), _) if task_tokens > limit => Err(too_small("spec.limits.tokens", limit)),
        (_, Some(limit)) if task_tokens > limit => {
            Err(too_small("the Persona's limits.tokensPerDay", limit))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
