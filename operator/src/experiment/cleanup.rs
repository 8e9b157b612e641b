//! The end of an experiment that takes its records along.

use super::{ExperimentWorld, status, write_status};
use crate::controller::{Outcome, ReconcileError, Verdict, finalizer};
use crds::Experiment;
use k8s_openapi::jiff::Timestamp;

/// Removes the records, then the finalizer; what was promoted stays promoted. Without our finalizer the records stay as well,
/// and the search for orphans ends what ran.
///
/// # Errors
/// [`ReconcileError`]; the status says what blocks.
pub async fn delete(
    world: &ExperimentWorld,
    experiment: &Experiment,
) -> Result<Outcome, ReconcileError> {
    let Some(uid) = finalizer::held(experiment)? else {
        return Ok(Outcome::of(Verdict::Skipped));
    };
    let removal = world.store.remove_experiment(uid).await;
    match finalizer::removed(experiment, removal) {
        Ok(notices) => {
            finalizer::release(&world.client, experiment).await?;
            Ok(Outcome::done().telling(notices))
        }
        Err(error) => blocked(world, experiment, error).await,
    }
}

async fn blocked(
    world: &ExperimentWorld,
    experiment: &Experiment,
    error: ReconcileError,
) -> Result<Outcome, ReconcileError> {
    if let Some(message) = finalizer::blocked(&error) {
        let before = experiment.status.clone().unwrap_or_default();
        let generation = experiment.metadata.generation;
        let after = status::build_deleting(&before, generation, &message, Timestamp::now());
        write_status(world, experiment, &before, &after).await?;
    }
    Err(error)
}
