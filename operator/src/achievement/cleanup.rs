//! The end of an achievement that takes its record along.

use super::{AchievementWorld, status, write_status};
use crate::controller::{Outcome, ReconcileError, Verdict, finalizer};
use crds::Achievement;
use k8s_openapi::jiff::Timestamp;

/// Removes the record, then the finalizer. Without our finalizer the search for orphans decides what stays.
///
/// # Errors
/// [`ReconcileError`]; the status says what blocks.
pub async fn delete(
    world: &AchievementWorld,
    achievement: &Achievement,
) -> Result<Outcome, ReconcileError> {
    let Some(uid) = finalizer::held(achievement)? else {
        return Ok(Outcome::of(Verdict::Skipped));
    };
    let removal = world.store.purge_achievement(uid).await;
    match finalizer::removed(achievement, removal) {
        Ok(notices) => {
            finalizer::release(&world.client, achievement).await?;
            Ok(Outcome::done().telling(notices))
        }
        Err(error) => blocked(world, achievement, error).await,
    }
}

async fn blocked(
    world: &AchievementWorld,
    achievement: &Achievement,
    error: ReconcileError,
) -> Result<Outcome, ReconcileError> {
    if let Some(message) = finalizer::blocked(&error) {
        let before = achievement.status.clone().unwrap_or_default();
        let generation = achievement.metadata.generation;
        let after = status::build_deleting(&before, generation, &message, Timestamp::now());
        write_status(world, achievement, &before, &after).await?;
    }
    Err(error)
}
