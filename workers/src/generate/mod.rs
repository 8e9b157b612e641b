//! The pipeline of one post, a file a step: ingest → render prompt → hook → body → guardrails → score → emotion → embed →
//! dedup; the store step is the attempt's, because it alone must not be interrupted.
//!
//! A step is a function of what the earlier ones made, or calls one port. A gate that says no ends the text, not the task:
//! the attempt asks for another one.

pub mod analysis;
pub mod clock;
pub mod dedup;
pub mod draft;
pub mod embed;
mod gates;
mod guardrails;
mod ingest;
pub mod objection;
pub mod output;
pub mod prompt;
pub mod record;
pub mod write;

use crate::{
    meter::Meter,
    ports::{Among, Ports},
};
use clock::DatabaseClock;
use domain::{
    names,
    tasks::{ClaimedTask, TaskFailure},
};
use objection::Objection;
use prompt::TaskPrompt;
use record::{Finished, Parts};
use write::Writer;

pub use gates::check_language;
pub use ingest::ingest;

/// What became of one text.
#[derive(Debug)]
pub enum Verdict {
    /// It may be committed.
    Finished(Box<Finished>),
    /// A gate refused it.
    Refused(Objection),
}

/// Writes and judges text number `regeneration` (from 0) of a task. The same number gives the same text wherever the model
/// honours its seed.
///
/// # Errors
/// What fails the attempt: the input or prompt is wrong, an endpoint failed, or it answered what is no text or vector.
pub async fn write_post(
    ports: &Ports,
    task: &ClaimedTask,
    regeneration: u32,
    clock: &DatabaseClock,
    meter: &Meter,
) -> Result<Verdict, TaskFailure> {
    let persona = &task.persona;
    gates::check_language(persona)?;
    let input = ingest(&task.payload.input)?;
    let writer = Writer {
        model: &*ports.model,
        settings: &persona.model,
        seed: names::model_seed(task.id, regeneration),
        meter,
    };
    let written = writer.write(TaskPrompt::new(task, input)).await?;
    let findings = match guardrails::check(&*ports.moderator, task, &written.draft).await? {
        Ok(findings) => findings,
        Err(objection) => return Ok(Verdict::Refused(objection)),
    };
    let analysis = analysis::analyse(&persona.voice.language, &written.draft, findings);
    if let Some(objection) = gates::judge(&persona.gates, &analysis) {
        return Ok(Verdict::Refused(objection));
    }
    let embedding = embed::embed(&*ports.embedder, persona, &written.draft.text(), meter).await?;
    let queried_at = clock.now();
    let among = Among {
        excluding: names::post_id(task.id),
        before: task.dedup_before.as_deref(),
    };
    let (space, gate) = (&persona.vectors, &persona.gates.dedup);
    match dedup::compare(&*ports.index, space, &embedding, among, gate).await {
        Ok(similarity) => {
            let parts = Parts {
                written,
                analysis,
                embedding,
                similarity,
                queried_at,
                regeneration,
            };
            Ok(Verdict::Finished(Box::new(Finished::new(task, parts))))
        }
        Err(objection) => Ok(Verdict::Refused(objection)),
    }
}
