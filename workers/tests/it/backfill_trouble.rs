//! Hosts that refuse, limit, break off, and workers that are killed: what was read stays, the source's row says why, and the next
//! backfill goes on where it stood.
#![allow(clippy::unwrap_used)]

use crate::support::backfill::{Scene, TOKEN};
use github_dev::{Fault, FaultKind};
use serde_json::Value;
use std::time::Duration;
use worker::{backfill::Ending, stop::Stop};

/// Seconds until the next backfill, by the database's clock.
const DUE: &str =
    "SELECT extract(epoch FROM backfill_due_at - now())::bigint FROM achievement_sources";

async fn code(scene: &Scene) -> Value {
    scene.office.source_row().await["reach_error"]["code"].clone()
}

/// FAULTS 51: short troubles cost a wait and nothing else.
#[tokio::test]
async fn troubles_that_pass_are_waited_out() {
    let Some(scene) = Scene::create(30).await else {
        return;
    };
    scene.fault([
        Fault::new(FaultKind::SecondaryLimit, "/pulls/7").times(1),
        Fault::new(FaultKind::Status(502), "/pulls/9").times(2),
        Fault::new(FaultKind::CutOff, "/pulls/11").times(1),
        Fault::new(FaultKind::NotJson, "/releases").times(1),
    ]);
    assert_eq!(scene.run().await, Ending::CaughtUp);
    assert_eq!(scene.records().await, 30);
    assert_eq!(code(&scene).await, Value::Null);
}

/// FAULTS 51, 52: each refusal is told by its name, and what comes after it is found when it is over.
#[tokio::test]
async fn refusals_are_told_and_are_over_when_they_are_over() {
    let Some(scene) = Scene::create(30).await else {
        return;
    };
    for (kind, path, told, due) in [
        (FaultKind::Status(404), "/repos/acme/shop", "NotFound", 900),
        (FaultKind::Status(403), "/repos/acme/shop", "Forbidden", 900),
        (FaultKind::Status(503), "/pulls", "Unavailable", 300),
        (FaultKind::CutOff, "/pulls/", "InvalidAnswer", 300),
        (FaultKind::Status(403), "/deployments", "Forbidden", 900),
    ] {
        scene.fault([Fault::new(kind, path)]);
        assert_eq!(scene.run().await, Ending::Failed, "{kind:?}");
        assert_eq!(code(&scene).await, told, "{kind:?}");
        let wait = scene.office.number(DUE).await;
        assert!((due - 30..=due).contains(&wait), "{kind:?}: {wait} s");
        let row = scene.office.source_row().await;
        assert_eq!(row["caught_up_at"], Value::Null, "{kind:?}");
    }
    scene.fault([]);
    assert_eq!(scene.run().await, Ending::CaughtUp);
    assert_eq!(scene.records().await, 30);
    assert_eq!(code(&scene).await, Value::Null);
    assert!((3_500..=3_600).contains(&scene.office.number(DUE).await));
}

#[tokio::test]
async fn a_revoked_token_ends_the_backfill_at_its_first_request() {
    let Some(scene) = Scene::create(30).await else {
        return;
    };
    scene.stand.world.lock().revoked.insert(TOKEN.to_owned());
    assert_eq!(scene.run().await, Ending::Failed);
    assert_eq!(code(&scene).await, "Unauthorized");
    assert_eq!(scene.stand.world.count(|_, _| true), 1);
    scene.stand.world.lock().revoked.clear();
    assert_eq!(scene.run().await, Ending::CaughtUp);
    assert_eq!(scene.records().await, 30);
}

/// A limit that lasts longer than a worker waits ends it; the next backfill is due when the limit is over.
#[tokio::test]
async fn a_long_limit_ends_the_backfill_until_it_is_over() {
    let Some(scene) = Scene::create(60).await else {
        return;
    };
    let limit = Fault::new(FaultKind::SecondaryLimit, "/pulls/")
        .after(60)
        .retry_after(600);
    scene.fault([limit]);
    assert_eq!(scene.run().await, Ending::Failed);
    assert_eq!(code(&scene).await, "SecondaryRateLimited");
    assert!((570..=600).contains(&scene.office.number(DUE).await));
    let before = scene.records().await;
    assert!((1..60).contains(&before), "{before}");
    scene.fault([]);
    assert_eq!(scene.run().await, Ending::CaughtUp);
    assert_eq!(scene.records().await, 60);
    // What was read before the limit was stored with it, so nothing is asked for again.
    assert_eq!(scene.asked_of_each()[0], 1);
}

/// Issue 5: "resumes after a kill without a repeat". A kill costs the batch that was under way and no record twice.
#[tokio::test]
async fn a_killed_backfill_goes_on_from_its_cursor() {
    let Some(scene) = Scene::create(200).await else {
        return;
    };
    {
        let run = scene.run();
        tokio::pin!(run);
        // Dropped where it stands, as a SIGKILL would.
        while scene.asked_of_each().len() < 90 {
            tokio::select! {
                ending = &mut run => panic!("it ended too early: {ending:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    assert_eq!(scene.run().await, Ending::CaughtUp);
    assert_eq!(scene.records().await, 200);
    let asked = scene.asked_of_each();
    assert_eq!(asked.len(), 200);
    let repeated = asked.iter().filter(|times| **times > 1).count();
    assert!(repeated <= 25, "{repeated} were asked for again");
    let raised =
        "SELECT count(*) FROM achievements WHERE pull_request IS NOT NULL AND told_at IS NULL";
    assert_eq!(scene.office.number(raised).await, 0);
}

/// FAULTS 35: SIGTERM stores nothing half, and says nothing wrong of the source.
#[tokio::test]
async fn a_worker_that_is_asked_to_stop_leaves_the_rest_to_the_next() {
    let Some(scene) = Scene::create(120).await else {
        return;
    };
    let stop = Stop::new(Duration::from_secs(20));
    let url = scene.office.worker_url();
    let ask = async {
        while scene.asked_of_each().len() < 40 {
            tokio::task::yield_now().await;
        }
        stop.request();
    };
    let (ending, ()) = tokio::join!(scene.run_as(&url, &stop), ask);
    assert_eq!(ending, Ending::Stopped);
    assert_eq!(code(&scene).await, Value::Null);
    assert_eq!(scene.run().await, Ending::CaughtUp);
    assert_eq!(scene.records().await, 120);
    // The one whose files were not read yet is asked for again; what was read was stored.
    let asked = scene.asked_of_each();
    assert_eq!(
        asked.iter().sum::<usize>() - asked.len(),
        usize::from(asked[0] > 1)
    );
    assert!(asked[0] <= 2, "{asked:?}");
}

/// One pull request that the host cannot show does not hold back those behind it for ever.
#[tokio::test]
async fn an_entry_that_never_reads_is_recorded_by_what_the_list_tells() {
    let Some(scene) = Scene::create(30).await else {
        return;
    };
    scene.fault([Fault::new(FaultKind::Status(500), "/pulls/20")]);
    let mut ending = Ending::Failed;
    for _ in 0..4 {
        ending = scene.run().await;
    }
    assert_eq!(ending, Ending::CaughtUp);
    assert_eq!(scene.records().await, 30);
}
