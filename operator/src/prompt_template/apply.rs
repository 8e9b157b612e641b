//! Makes the rows match the plan, and tells the personas that follow the template.

use super::{
    TemplateWorld,
    observe::Observed,
    plan::{Plan, Problem, TrackWord},
    status::Applied,
    validate::ValidatedTemplate,
};
use crate::controller::ReconcileError;
use backends::postgres::{
    StoreError,
    operator::prompts::{TemplateIdentity, TemplateRows, TrackRow},
};

/// Writes what the plan holds; answers how the rows stand then.
///
/// # Errors
/// Postgres does not answer, or a newer leader writes.
pub async fn apply(
    world: &TemplateWorld,
    template: &ValidatedTemplate,
    observed: Observed,
    plan: Plan,
) -> Result<Applied, ReconcileError> {
    let identity = TemplateIdentity {
        uid: template.uid,
        namespace: &template.namespace,
        name: &template.name,
    };
    let mut rows = observed.rows;
    let mut moved = Vec::new();
    if plan.write
        && world
            .store
            .sync_template(&identity, &plan.versions, &plan.tracks)
            .await?
    {
        let before = rows;
        rows = world
            .store
            .template_rows(&template.namespace, &template.name)
            .await?;
        moved = moved_tracks(&before, &rows, &plan.words);
        for persona in &observed.personas {
            world.personas.reconcile(&template.namespace, persona);
        }
    }
    let waiting_seconds = note_waits(world, template, &plan.version_problems).await?;
    let users = i64::try_from(observed.personas.len())
        .unwrap_or(i64::MAX)
        .saturating_add(observed.runs);
    Ok(Applied {
        rows,
        version_problems: plan.version_problems,
        track_problems: plan.track_problems,
        words: plan.words,
        moved,
        drift: plan.drift,
        written: plan.write,
        used_by: i32::try_from(users).unwrap_or(i32::MAX),
        waiting_seconds,
        paused: *world.paused.borrow(),
    })
}

/// One sentence for each track that stood and names another version now.
fn moved_tracks(before: &TemplateRows, after: &TemplateRows, words: &[TrackWord]) -> Vec<String> {
    let sentence = |now: &TrackRow| {
        let was = before.tracks.iter().find(|row| row.track == now.track)?;
        let by = words.iter().find(|word| word.track == now.track)?;
        (was.digest != now.digest).then(|| {
            format!(
                "track {:?} names version {:?} instead of {:?}, by {}",
                now.track, now.version, was.version, by.by
            )
        })
    };
    after.tracks.iter().filter_map(sentence).collect()
}

/// Notes which references are missing; answers for how long the oldest has been.
async fn note_waits(
    world: &TemplateWorld,
    template: &ValidatedTemplate,
    problems: &[Problem],
) -> Result<Option<f64>, StoreError> {
    let reasons: Vec<String> = problems
        .iter()
        .filter(|problem| problem.waits)
        .map(|problem| problem.reason.as_str().to_owned())
        .collect();
    if reasons.is_empty() && !world.store.waits(template.uid).await? {
        return Ok(None);
    }
    let waits = world.store.note_waits(template.uid, &reasons).await?;
    Ok(waits.iter().map(|wait| wait.seconds).reduce(f64::max))
}
