//! The A/A canary of an experiment that asks for one, once a period.

use super::{ExperimentWorld, validate::ValidatedExperiment};
use crate::{controller::ReconcileError, metrics::ExperimentMetrics};
use backends::postgres::operator::experiments::{ExperimentRow, Gathered};
use domain::{
    experiment::canary::{Canary, resample},
    statistics::{
        proportion::{Proportion, wilson_interval},
        seeds::seed_of,
    },
};

/// Resamples where the period is over, and stores what came of it. The draws follow from the experiment and the counted units,
/// so that a repeat after a crash stores the same.
///
/// # Errors
/// Postgres does not answer, or a newer leader writes.
pub async fn look(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    row: &ExperimentRow,
    gathered: &Gathered,
) -> Result<(), ReconcileError> {
    let Some(wanted) = experiment.canary else {
        return Ok(());
    };
    let due = row
        .canary_at
        .is_none_or(|at| (gathered.at - at).num_seconds() >= wanted.period_seconds);
    if !due {
        return Ok(());
    }
    let (design, units) = (row.design.clone(), gathered.evidence.units.clone());
    let evaluate = world.evaluate;
    let seed = seed_of(format!("{} {}", row.uid, gathered.last_maturity).as_bytes());
    // A second or so of arithmetic must not hold up the other reconciles.
    let canary = tokio::task::spawn_blocking(move || {
        resample(&design, &units, wanted.relabels, seed, evaluate)
    })
    .await
    .map_err(|error| ReconcileError::bug(format!("the canary: {error}")))?;
    if let Some(canary) = canary {
        world.store.record_canary(row.uid, &canary).await?;
        export(&world.metrics, &canary);
    }
    Ok(())
}

/// The word of the metrics' label `source`: nobody shall take these for experiments.
const RESAMPLED: &str = "resampled";
/// Error rate of the interval.
const ALPHA: f64 = 0.05;

fn export(metrics: &ExperimentMetrics, canary: &Canary) {
    let relabels = |found| metrics.relabels.with_label_values(&[found, RESAMPLED]);
    relabels("winner").inc_by(canary.false_winners);
    relabels("nothing").inc_by(canary.runs.saturating_sub(canary.false_winners));
    let successes = relabels("winner").get();
    let all = Proportion {
        successes,
        trials: successes + relabels("nothing").get(),
    };
    let (Some(rate), Some(interval)) = (all.rate(), wilson_interval(all, ALPHA)) else {
        return;
    };
    for (bound, value) in [
        ("estimate", rate),
        ("lower", interval.lower),
        ("upper", interval.upper),
    ] {
        metrics
            .false_winners
            .with_label_values(&[bound, RESAMPLED])
            .set(value);
    }
}
