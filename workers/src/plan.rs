//! `mode: Plan`: what a run would cost and resemble, for the price of one embedding. Stores nothing but its answer.

use crate::{
    generate::{check_language, embed, ingest, prompt::TaskPrompt},
    meter::Meter,
    ports::{Among, Neighbour, Ports},
    tokens,
};
use domain::{
    digest::digest_of,
    tasks::{ClaimedTask, TaskFailure},
};
use serde_json::{Value, json};

/// Characters of the rendered prompt that people see.
const PREVIEW_CHARACTERS: usize = 300;
/// Posts that a plan names.
const NEAREST: u32 = 5;
/// Stands for the hook where the body's template is rendered before one was written.
const HOOK_PLACEHOLDER: &str = "(the hook that the model writes first)";

/// The plan of a run: `{estimatedTokens, promptDigest, promptPreview, nearest: [{id, similarityBp}]}`. `nearest` is absent
/// where the vector index did not answer. The digest is of the rendered prompt.
///
/// # Errors
/// `LanguageUnsupported`, `InputRejected`, `PromptInvalid`, `InvalidModelOutput`, or the embedding endpoint's failure.
pub async fn make(ports: &Ports, task: &ClaimedTask, meter: &Meter) -> Result<Value, TaskFailure> {
    check_language(&task.persona)?;
    let input = ingest(&task.payload.input)?;
    let prompt = TaskPrompt::new(task, input);
    let (system, hook, body) = (
        prompt.system()?,
        prompt.hook()?,
        prompt.body(HOOK_PLACEHOLDER)?,
    );
    let vector = embed::embed(&*ports.embedder, &task.persona, input, meter).await?;
    let mut plan = json!({
        "estimatedTokens": estimated_tokens(task, [&system, &hook, &body]),
        "promptDigest": digest_of(&[&system, &hook, &body]),
        "promptPreview": preview(&system, &hook),
    });
    // A plan has no post of its own, so there is nothing to leave out.
    match ports
        .index
        .nearest(&task.persona.vectors, &vector, Among::default(), NEAREST)
        .await
    {
        Ok(nearest) => plan["nearest"] = nearest.iter().map(neighbour).collect(),
        Err(down) => tracing::warn!(error = %down, "the plan names no similar posts"),
    }
    Ok(plan)
}

/// Upper estimate for the whole run: two calls a post with every allowed token written, and the embedding of what they wrote.
fn estimated_tokens(task: &ClaimedTask, [system, hook, body]: [&str; 3]) -> i64 {
    let written = 2 * i64::from(task.persona.model.max_output_tokens);
    let asked = 2 * tokens::estimate(system) + tokens::estimate(hook) + tokens::estimate(body);
    i64::from(task.payload.count.max(1)) * (asked + 2 * written)
}

fn preview(system: &str, hook: &str) -> String {
    format!("{system}\n\n{hook}")
        .trim()
        .chars()
        .take(PREVIEW_CHARACTERS)
        .collect()
}

fn neighbour(neighbour: &Neighbour) -> Value {
    json!({ "id": neighbour.id, "similarityBp": neighbour.similarity_bp })
}
