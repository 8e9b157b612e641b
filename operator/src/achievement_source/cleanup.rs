//! The end of a source that takes its rows along.

use super::{SourceWorld, status, write_status};
use crate::controller::{Outcome, ReconcileError, Verdict, finalizer};
use crds::AchievementSource;
use k8s_openapi::jiff::Timestamp;

/// Removes the rows, then the finalizer. Without our finalizer the search for orphans decides what stays.
///
/// # Errors
/// [`ReconcileError`]; the status says what blocks.
pub async fn delete(
    world: &SourceWorld,
    source: &AchievementSource,
) -> Result<Outcome, ReconcileError> {
    let Some(uid) = finalizer::held(source)? else {
        return Ok(Outcome::of(Verdict::Skipped));
    };
    let removal = world.store.purge_source(uid).await;
    match finalizer::removed(source, removal) {
        Ok(notices) => {
            finalizer::release(&world.client, source).await?;
            Ok(Outcome::done().telling(notices))
        }
        Err(error) => blocked(world, source, error).await,
    }
}

async fn blocked(
    world: &SourceWorld,
    source: &AchievementSource,
    error: ReconcileError,
) -> Result<Outcome, ReconcileError> {
    if let Some(message) = finalizer::blocked(&error) {
        let before = source.status.clone().unwrap_or_default();
        let generation = source.metadata.generation;
        let after = status::build_deleting(&before, generation, &message, Timestamp::now());
        write_status(world, source, &before, &after).await?;
    }
    Err(error)
}
