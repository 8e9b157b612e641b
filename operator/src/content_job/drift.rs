//! Runs whose rows do not add up, from one query for all of them (FAULTS 26). A run is reconciled when what is missing
//! changes, not again and again while it is left so.

use crate::{context::Context, loops::rest};
use backends::postgres::operator::counts::DriftedRun;
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(30);

/// Looks until the process drains.
pub async fn run(ctx: Arc<Context>) {
    let (mut told, never) = (HashSet::new(), Notify::new());
    loop {
        match ctx.store.drifted_runs().await {
            Ok(drifted) => {
                for run in fresh(&mut told, drifted) {
                    ctx.process
                        .signals
                        .triggers
                        .jobs
                        .reconcile(&run.namespace, &run.name);
                }
            }
            Err(error) => tracing::warn!(%error, "drift of runs cannot be read"),
        }
        if !rest(&ctx, &never, INTERVAL).await {
            return;
        }
    }
}

/// What was not told before; what adds up again is forgotten.
fn fresh(told: &mut HashSet<DriftedRun>, drifted: Vec<DriftedRun>) -> Vec<DriftedRun> {
    let now: HashSet<DriftedRun> = drifted.into_iter().collect();
    let fresh = now.difference(told).cloned().collect();
    *told = now;
    fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_is_told_once_and_again_when_it_changes() {
        let run = |missing_tasks| DriftedRun {
            namespace: "a".into(),
            name: "launch".into(),
            missing_tasks,
            lost_posts: 0,
        };
        let mut told = HashSet::new();
        assert_eq!(fresh(&mut told, vec![run(1)]), [run(1)]);
        assert_eq!(fresh(&mut told, vec![run(1)]), []);
        assert_eq!(fresh(&mut told, vec![run(2)]), [run(2)]);
        assert_eq!(fresh(&mut told, vec![]), []);
        assert_eq!(
            fresh(&mut told, vec![run(2)]),
            [run(2)],
            "it was mended in between"
        );
    }
}
