use super::*;

fn after(wait: Option<u64>, misses: u32) -> u128 {
    idle(
        &RunState {
            open: true,
            wait: wait.map(Duration::from_millis),
        },
        misses,
    )
    .as_millis()
}

#[test]
fn a_worker_waits_to_the_next_claimable_moment_but_never_beyond_a_recheck() {
    assert_eq!(after(Some(300), 1), 300);
    assert!((1_000..=2_000).contains(&after(Some(60_000), 1)));
    assert!((1_000..=2_000).contains(&after(None, 1)));
}

#[test]
fn a_task_that_this_worker_cannot_claim_does_not_keep_it_busy() {
    assert_eq!(after(Some(0), 1), 20);
    assert_eq!(after(Some(0), 3), 80);
    assert!(after(Some(0), 60) >= 1_000);
}
