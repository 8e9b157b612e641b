//! A worker that is killed at any moment, before or after any effect: the next one ends with the same posts.
#![allow(clippy::unwrap_used)]

use crate::support::{Bench, Row, RowState, Silence, task};
use backends::postgres::worker::PostRecord;
use domain::tasks::TokenUsage;

fn moderated_tasks() -> Vec<domain::tasks::ClaimedTask> {
    (0..2)
        .map(|index| {
            let mut task = task(index);
            task.persona.moderation = Some(task.persona.embedding.clone());
            task
        })
        .collect()
}

/// What must not depend on crashes. The nearest post may: whether a sibling's point was stored
/// before the crash decides it, and the real commit compares with the rows whose points are missing.
fn outcome(row: &Row) -> (RowState, Option<PostRecord>, Vec<TokenUsage>) {
    let post = row.post.as_ref().map(|done| PostRecord {
        nearest_id: None,
        nearest_bp: None,
        ..done.post.clone()
    });
    (row.state.clone(), post, row.paid.clone())
}

async fn run_to_the_end(bench: &Bench) {
    bench.worker().consume(&mut Silence).await.unwrap();
}

#[tokio::test]
async fn faults_34_and_10_a_kill_at_any_moment_changes_no_post_and_no_committed_usage() {
    let clean = Bench::new(moderated_tasks());
    clean.tasks.crash_point().arm(0);
    run_to_the_end(&clean).await;
    let moments = clean.tasks.crash_point().seen();
    assert!(moments >= 30, "two tasks pass {moments} moments");
    let expected: Vec<_> = clean.tasks.rows().iter().map(outcome).collect();

    for moment in 1..=moments {
        let bench = Bench::new(moderated_tasks());
        let crash = bench.tasks.crash_point().clone();
        crash.arm(moment);
        let worker = bench.worker();
        tokio::select! {
            _ = async { worker.consume(&mut Silence).await } => panic!("moment {moment} was not reached"),
            () = crash.crashed() => {}
        }
        crash.disarm();
        bench.tasks.expire_leases();
        run_to_the_end(&bench).await;

        let rows = bench.tasks.rows();
        let reached: Vec<_> = rows.iter().map(outcome).collect();
        assert_eq!(reached, expected, "killed at moment {moment}");
        // FAULTS 32: a point is stored once or left to the sweep, and never one without its post.
        let points = bench.index.points();
        assert!(rows.iter().all(|row| {
            !row.point_stored
                || points
                    .iter()
                    .any(|point| point.id == row.post.as_ref().unwrap().post.id)
        }));
        assert!(points.len() <= rows.len());
    }
}
