//! A backfill over the stand-in of GitHub's REST API and a real Postgres: what it finds, once, and what it asks for.
#![allow(clippy::unwrap_used)]

use crate::support::backfill::{Scene, TOKEN};
use domain::achievement::github::{Delivery, Reading, read_delivery};
use github_dev::Merge;
use serde_json::{Value, json};
use std::time::Duration;
use worker::{backfill::Ending, stop::Stop};

fn merge(title: &str) -> Merge {
    Merge {
        title: title.to_owned(),
        ..Merge::default()
    }
}

#[tokio::test]
async fn an_unchanged_repository_costs_one_counted_request() {
    let Some(scene) = Scene::create(60).await else {
        return;
    };
    assert_eq!(scene.run().await, Ending::CaughtUp);
    assert_eq!(scene.records().await, 60);
    // A deployment of long ago is decided; the lists answer 304 from now on.
    scene.stand.world.forget_asked();
    assert_eq!(scene.run().await, Ending::CaughtUp);
    let counted = scene.stand.world.count(|status, _| status != 304);
    assert_eq!(counted, 1, "{:?}", scene.stand.world.lock().asked);
    assert_eq!(scene.stand.world.count(|status, _| status == 304), 4);
}

/// Issue 5: "a lost webhook is found". The merge is told by nobody; the next backfill asks for it and for nothing else.
#[tokio::test]
async fn a_lost_webhook_is_found_by_the_next_backfill() {
    let Some(scene) = Scene::create(60).await else {
        return;
    };
    assert_eq!(scene.run().await, Ending::CaughtUp);
    let number = scene
        .stand
        .world
        .merge("acme/shop", &merge("feat: lost"))
        .unwrap();
    scene.stand.world.forget_asked();
    assert_eq!(scene.run().await, Ending::CaughtUp);
    assert_eq!(scene.records().await, 61);
    let lost = "SELECT count(*) FROM achievements WHERE title = 'feat: lost'";
    assert_eq!(scene.office.number(lost).await, 1);
    let asked = scene.stand.world.answered(&format!("/pulls/{number}"));
    // Itself and its files.
    assert_eq!(asked, 2);
    assert!(
        scene.asked_of_each().len() <= 2,
        "little else is read again"
    );
}

/// Issue 5: "Both ways together give one record", whichever comes first.
#[tokio::test]
async fn webhook_and_backfill_together_give_one_record() {
    let Some(scene) = Scene::create(3).await else {
        return;
    };
    let deed = json!({"repository": "acme/shop", "merge": {"title": "feat: told twice", "labels": ["feature"]}});
    let delivery = reqwest::Client::new()
        .post(format!("{}/control/deeds", scene.stand.api_base_url()))
        .json(&deed)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let reading = Reading {
        host: "github.com",
        include_bots: true,
    };
    let Delivery::PullRequest(pull) = read_delivery(&reading, "pull_request", &delivery).unwrap()
    else {
        panic!("the delivery tells of a merge");
    };
    scene.office.told(&pull).await;
    assert_eq!(scene.run().await, Ending::CaughtUp);
    scene.office.told(&pull).await;
    assert_eq!(scene.records().await, 4);
    let whole = "SELECT count(*) FROM achievements WHERE title = 'feat: told twice' AND pull_request ? 'files'";
    assert_eq!(
        scene.office.number(whole).await,
        1,
        "the backfill adds files"
    );
    let version =
        "SELECT max(facts_version)::bigint FROM achievements WHERE title = 'feat: told twice'";
    assert!(scene.office.number(version).await <= 2);
}

/// Each record is queued for analysis once for each version of its facts.
#[tokio::test]
async fn what_is_found_waits_for_analysis() {
    let Some(scene) = Scene::create(30).await else {
        return;
    };
    scene.run().await;
    let waiting =
        "SELECT count(DISTINCT achievement_id) FROM achievement_tasks WHERE status = 'queued'";
    let records = "SELECT count(*) FROM achievements";
    assert_eq!(
        scene.office.number(waiting).await,
        scene.office.number(records).await
    );
}

/// FAULTS 44: the functions are bound to the login's namespace.
#[tokio::test]
async fn another_namespace_s_worker_finds_nothing_to_do() {
    let Some(scene) = Scene::create(3).await else {
        return;
    };
    let stop = Stop::new(Duration::from_secs(20));
    let stranger = scene.office.stranger_url().await;
    assert_eq!(scene.run_as(&stranger, &stop).await, Ending::NothingToDo);
    assert_eq!(scene.records().await, 0);
    assert_eq!(scene.stand.world.count(|_, _| true), 0);
    assert_eq!(
        scene.office.source_row().await["backfill_started_at"],
        Value::Null
    );
}

/// FAULTS 36: two Jobs at once; one of them goes on, and nothing is recorded twice.
#[tokio::test]
async fn of_two_workers_at_once_one_goes_on() {
    let Some(scene) = Scene::create(120).await else {
        return;
    };
    let endings: [Ending; 2] = tokio::join!(scene.run(), scene.run()).into();
    assert!(endings.contains(&Ending::CaughtUp), "{endings:?}");
    assert!(
        endings
            .iter()
            .all(|it| matches!(it, Ending::CaughtUp | Ending::NothingToDo)),
        "{endings:?}"
    );
    assert_eq!(scene.records().await, 120);
    let versions = "SELECT count(*) FROM achievements WHERE pull_request IS NOT NULL";
    assert_eq!(scene.office.number(versions).await, 120);
}

#[tokio::test]
async fn a_source_that_is_gone_is_left_alone_even_in_the_middle() {
    let Some(scene) = Scene::create(120).await else {
        return;
    };
    scene.stand.world.lock().faults.latency_ms = 5;
    let suspend = async {
        while scene.asked_of_each().len() < 30 {
            tokio::task::yield_now().await;
        }
        scene
            .office
            .sql("UPDATE achievement_sources SET suspended = true")
            .await;
    };
    let (ending, ()) = tokio::join!(scene.run(), suspend);
    assert_eq!(ending, Ending::NothingToDo);
    assert!(scene.records().await < 120);
}

#[tokio::test]
async fn an_empty_repository_is_caught_up_at_once() {
    let Some(scene) = Scene::create(0).await else {
        return;
    };
    assert_eq!(scene.run().await, Ending::CaughtUp);
    assert_eq!((scene.records().await, scene.evidence().await), (0, 0));
    assert_ne!(scene.office.source_row().await["caught_up_at"], Value::Null);
}

/// Issue 5, bad input: times that run backwards make no start, and no gap in what follows.
#[tokio::test]
async fn a_pull_request_whose_times_run_backwards_is_a_record_without_a_start() {
    let Some(scene) = Scene::create(5).await else {
        return;
    };
    let backwards = Merge {
        created_at: Some("2026-05-02T00:00:00Z".parse().unwrap()),
        merged_at: Some("2026-05-01T00:00:00Z".parse().unwrap()),
        updated_at: Some("2025-01-01T00:00:00Z".parse().unwrap()),
        ..merge("fix: backwards")
    };
    scene.stand.world.merge("acme/shop", &backwards).unwrap();
    assert_eq!(scene.run().await, Ending::CaughtUp);
    assert_eq!(scene.records().await, 6);
    let without = "SELECT count(*) FROM achievements WHERE title = 'fix: backwards' AND started_at IS NULL AND completed_at IS NOT NULL";
    assert_eq!(scene.office.number(without).await, 1);
    scene
        .stand
        .world
        .merge("acme/shop", &merge("feat: next"))
        .unwrap();
    scene.run().await;
    assert_eq!(scene.records().await, 7);
}

/// The host leads from the old name to the new one; what is recorded stays one record, because its identity is the repository's id.
#[tokio::test]
async fn a_renamed_repository_is_filled_under_its_new_name() {
    let Some(scene) = Scene::create(30).await else {
        return;
    };
    scene.run().await;
    scene.stand.world.rename("acme/shop", "store").unwrap();
    scene
        .stand
        .world
        .merge("acme/store", &merge("feat: moved"))
        .unwrap();
    assert_eq!(scene.run().await, Ending::CaughtUp);
    assert_eq!(scene.records().await, 31);
    let named = "SELECT count(*) FROM achievements WHERE title = 'feat: moved' AND repository = 'acme/store'";
    assert_eq!(scene.office.number(named).await, 1);
}

/// FAULTS 60: nothing that the database holds has the token in it.
#[tokio::test]
async fn the_token_is_nowhere_in_the_rows() {
    let Some(scene) = Scene::create(3).await else {
        return;
    };
    scene.stand.world.lock().revoked.insert(TOKEN.to_owned());
    assert_eq!(scene.run().await, Ending::Failed);
    let row = scene.office.source_row().await.to_string();
    assert!(!row.contains(TOKEN), "{row}");
}
