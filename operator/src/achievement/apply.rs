//! Makes the record say what the plan holds.

use super::{
    AchievementWorld,
    observe::Observed,
    plan::Plan,
    status::Applied,
    validate::{Source, ValidatedAchievement},
};
use crate::controller::ReconcileError;
use backends::postgres::{
    StoreError, achievements::declare::Origin, operator::achievements::DeclaredAchievement,
};

/// Writes what the plan holds; answers how the record stands then.
///
/// # Errors
/// Postgres does not answer, or a newer leader writes. The next reconcile repeats it and finds the same (FAULTS 10).
pub async fn apply(
    world: &AchievementWorld,
    achievement: &ValidatedAchievement,
    observed: Observed,
    plan: Plan,
) -> Result<Applied, ReconcileError> {
    let mut row = observed.row;
    let written = plan.declare.is_some();
    if let Some(overrides) = plan.declare {
        world
            .store
            .declare_achievement(
                &achievement.namespace,
                &DeclaredAchievement {
                    key: observed.key.clone(),
                    origin: origin_of(achievement),
                    overrides,
                    publish: achievement.publish.clone(),
                    revive: !achievement.collected,
                },
            )
            .await?;
        row = world
            .store
            .achievement_of(&achievement.namespace, &observed.key)
            .await?;
    }
    let waits: Vec<String> = plan
        .problems
        .iter()
        .filter(|problem| problem.waits)
        .map(|problem| problem.reason.as_str().to_owned())
        .collect();
    Ok(Applied {
        row,
        waiting_seconds: note_waits(world, achievement, &waits).await?,
        problems: plan.problems,
        drift: plan.drift,
        written,
        ..Applied::default()
    })
}

fn origin_of(achievement: &ValidatedAchievement) -> Origin {
    let mut origin = Origin {
        url: achievement.url.clone(),
        resource_uid: Some(achievement.uid),
        resource_name: Some(achievement.name.clone()),
        ..Origin::default()
    };
    match &achievement.source {
        Source::Manual => origin.source_type = Some("manual".to_owned()),
        Source::Ci => origin.source_type = Some("ci".to_owned()),
        Source::PullRequest {
            host,
            repository,
            repository_id,
            number,
        } => {
            origin.source_type = Some("github_pr".to_owned());
            origin.source_id = Some(format!("{repository}#{number}"));
            origin.host = Some(host.clone());
            origin.repository = Some(repository.clone());
            origin.repository_id = *repository_id;
            origin.number = Some(*number);
        }
    }
    origin
}

/// Notes which references are missing; answers for how long the oldest has been.
async fn note_waits(
    world: &AchievementWorld,
    achievement: &ValidatedAchievement,
    reasons: &[String],
) -> Result<Option<f64>, StoreError> {
    if reasons.is_empty() && !world.store.waits(achievement.uid).await? {
        return Ok(None);
    }
    let waits = world.store.note_waits(achievement.uid, reasons).await?;
    Ok(waits.iter().map(|wait| wait.seconds).reduce(f64::max))
}
