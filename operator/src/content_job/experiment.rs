//! Whether a job's posts join an experiment, and what each arm's posts are made from. Pure.

use super::{
    resolve::{Obstacle, ObstacleKind, References, Rendering, try_prompt},
    validate::ValidatedContentJob,
};
use backends::postgres::operator::{
    experiments::{ArmRecord, ExperimentRow},
    runs::{ArmPrompt, PinnedPersona, PinnedPrompt},
};
use crds::{PromptTemplate, Reason};
use domain::{experiment::UnitKind, tasks::TaskKind};
use uuid::Uuid;

/// The experiment that a job would join, as it was read.
#[derive(Debug, Clone)]
pub struct ExperimentReference {
    pub name: String,
    /// The job itself names it; else it is the Persona's default.
    pub named: bool,
    /// Whether there is such a resource; asked only where there is no row.
    pub declared: bool,
    pub row: Option<ExperimentRow>,
    /// One an arm, in the row's order.
    pub arms: Vec<ArmReference>,
}

/// The prompt of an arm, as it was read.
#[derive(Debug, Clone, Default)]
pub struct ArmReference {
    /// Absent where the arm keeps the job's own prompt, or where its template is gone.
    pub template: Option<PromptTemplate>,
    /// Absent where the arm keeps the job's own prompt, or where there is no such version.
    pub prompt: Option<PinnedPrompt>,
}

/// What a job does about experiments.
#[derive(Debug, Clone, PartialEq)]
pub enum Joining {
    /// Nobody asked for one.
    None,
    /// The Persona's default takes no posts now; the sentence says so.
    Without { note: String },
    Joins {
        experiment: Uuid,
        arms: Vec<ArmPrompt>,
        note: String,
        /// The most tokens that a task of any arm may use.
        task_tokens: i64,
    },
}

/// Name of the experiment that the job asks for, and whether itself: its own reference, else the Persona's default unless the
/// job has a prompt of its own. A plan joins none.
#[must_use]
pub fn experiment_name(job: &ValidatedContentJob, default: Option<&str>) -> Option<(String, bool)> {
    if job.kind == TaskKind::Plan {
        return None;
    }
    match (&job.experiment, &job.prompt, default) {
        (Some(name), _, _) => Some((name.clone(), true)),
        (None, None, Some(name)) => Some((name.to_owned(), false)),
        _ => None,
    }
}

/// Decides, and tries every arm's prompt as its first task will render it.
///
/// # Errors
/// An experiment that the job itself names and that takes no posts now. A default that takes none is no obstacle.
pub fn join(
    job: &ValidatedContentJob,
    persona: &PinnedPersona,
    references: &References,
    rendering: &Rendering<'_>,
) -> Result<Joining, Obstacle> {
    let Some(reference) = &references.experiment else {
        return Ok(Joining::None);
    };
    let joined = running(reference, persona)
        .and_then(|row| arms(job, reference, row, rendering).map(|arms| (row, arms)));
    match joined {
        Ok((row, (arms, task_tokens))) => Ok(Joining::Joins {
            experiment: row.uid,
            arms,
            note: format!("its posts join Experiment {:?}", reference.name),
            task_tokens,
        }),
        Err(obstacle) if reference.named => Err(obstacle),
        Err(obstacle) => Ok(Joining::Without {
            note: format!(
                "its posts join no experiment, because the Persona's default takes none now: {}",
                obstacle.message
            ),
        }),
    }
}

/// The row of an experiment that takes posts of this persona.
fn running<'a>(
    reference: &'a ExperimentReference,
    persona: &PinnedPersona,
) -> Result<&'a ExperimentRow, Obstacle> {
    let name = &reference.name;
    let obstacle =
        |kind, message: String| Err(Obstacle::new(kind, Reason::ExperimentNotRunning, message));
    let Some(row) = reference.row.as_ref().filter(|row| row.gone_at.is_none()) else {
        if reference.declared {
            return obstacle(
                ObstacleKind::Reference,
                format!("Experiment {name:?} was not accepted yet; see its conditions"),
            );
        }
        return Err(Obstacle::new(
            ObstacleKind::Reference,
            Reason::ExperimentNotFound,
            format!("Experiment {name:?} does not exist in this namespace; create it"),
        ));
    };
    if row.persona_uid != persona.uid {
        let message =
            format!("Experiment {name:?} is of another Persona; name one of this Persona");
        obstacle(ObstacleKind::Person, message)
    } else if row.design.unit != UnitKind::Post {
        let message = format!(
            "Experiment {name:?} assigns participants, not posts; create the job without experimentRef"
        );
        obstacle(ObstacleKind::Person, message)
    } else if row.ended_at.is_some() {
        let message = format!(
            "Experiment {name:?} has ended; create the job without experimentRef or with that of a running one"
        );
        obstacle(ObstacleKind::Person, message)
    } else if row.started_at.is_none() {
        let message = format!(
            "Experiment {name:?} has not started; start it with the annotation threads-agent.io/start"
        );
        obstacle(ObstacleKind::Reference, message)
    } else if row.suspended {
        let message = format!(
            "Experiment {name:?} is suspended; the job goes on when its spec.suspend is false"
        );
        obstacle(ObstacleKind::Hold, message)
    } else {
        Ok(row)
    }
}

/// What each arm's tasks are made from, and the most tokens that one of them may use.
fn arms(
    job: &ValidatedContentJob,
    reference: &ExperimentReference,
    row: &ExperimentRow,
    rendering: &Rendering<'_>,
) -> Result<(Vec<ArmPrompt>, i64), Obstacle> {
    let mut prompts = Vec::with_capacity(row.arms.len());
    let mut most = 0;
    for (index, arm) in row.arms.iter().enumerate() {
        let read = reference.arms.get(index).cloned().unwrap_or_default();
        let (prompt, tokens) = arm_prompt(job, arm, &read, rendering).map_err(|obstacle| {
            let message = format!(
                "arm {:?} of Experiment {:?}: {}",
                arm.name, reference.name, obstacle.message
            );
            Obstacle {
                message,
                ..obstacle
            }
        })?;
        prompts.push(prompt);
        most = most.max(tokens);
    }
    Ok((prompts, most))
}

/// An arm's own variables stand before the job's: else two arms could come to the same text.
fn arm_prompt(
    job: &ValidatedContentJob,
    arm: &ArmRecord,
    read: &ArmReference,
    rendering: &Rendering<'_>,
) -> Result<(ArmPrompt, i64), Obstacle> {
    let prompt = match (&arm.prompt_digest, &read.prompt) {
        (None, _) => rendering.prompt,
        (Some(_), Some(prompt)) => prompt,
        (Some(digest), None) => {
            return Err(Obstacle::new(
                ObstacleKind::Reference,
                Reason::DigestNotFound,
                format!("no PromptTemplate of this namespace has a version with digest {digest}"),
            ));
        }
    };
    let declared = match arm.prompt_digest {
        None => &rendering.template.spec.variables[..],
        Some(_) => read
            .template
            .as_ref()
            .map_or(&[][..], |template| &template.spec.variables),
    };
    let (variables, tokens) = try_prompt(job, rendering, prompt, declared, &arm.variables)?;
    Ok((
        ArmPrompt {
            name: arm.name.clone(),
            digest: prompt.digest.clone(),
            variables,
        },
        tokens,
    ))
}

#[cfg(test)]
mod tests;
