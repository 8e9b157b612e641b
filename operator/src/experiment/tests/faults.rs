//! What goes wrong around an experiment.

use super::*;
use crate::controller::ErrorClass;
use backends::postgres::{StoreError, operator::OperatorStore};
use http::StatusCode;

/// FAULTS 10: the status cannot be written after the decision; the next reconcile tells the same and decides nothing more.
#[tokio::test]
async fn a_crash_between_the_decision_and_the_status_changes_nothing() {
    let Some(scenario) = Scenario::started(spec()).await else {
        return;
    };
    scenario.unit(0, 100, 1).await;
    scenario.unit(1, 100, 5).await;
    // The event of the template, then the status.
    scenario.api.objects().refuse = (2, StatusCode::INTERNAL_SERVER_ERROR);
    scenario.reconcile().await.unwrap_err();
    assert_eq!(scenario.status("verdict"), "Pending", "not told yet");
    assert_eq!(scenario.number("SELECT count(*) FROM promotions").await, 1);
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Promoted"), "True WinnerPromoted");
    assert_eq!(scenario.number("SELECT count(*) FROM promotions").await, 1);
    assert_eq!(
        scenario
            .number("SELECT count(*) FROM experiment_decisions")
            .await,
        1
    );
}

/// FAULTS 12: a leader that was replaced can neither count nor promote, and says nothing.
#[tokio::test]
async fn a_replaced_leader_decides_nothing() {
    let Some(scenario) = Scenario::started(spec()).await else {
        return;
    };
    scenario.unit(0, 100, 1).await;
    scenario.unit(1, 100, 5).await;
    let next = OperatorStore::lead(&scenario.database.operator_url, "next")
        .await
        .unwrap();
    let writes = scenario.api.writes();
    let mut error = scenario.reconcile().await.unwrap_err();
    if error.class == ErrorClass::Transient {
        // Its connections were ended; on a fresh one it learns why.
        error = scenario.reconcile().await.unwrap_err();
    }
    assert_eq!(error.class, ErrorClass::Fenced);
    assert!(scenario.api.writes() <= writes + 1);
    let promoted: i64 = sqlx::query_scalar("SELECT count(*) FROM promotions")
        .fetch_one(next.pool())
        .await
        .unwrap();
    assert_eq!(promoted, 0);
}

/// The template is removed between the look at the versions and the start: nothing starts without its prompts.
#[tokio::test]
async fn an_experiment_does_not_start_without_the_versions_of_its_arms() {
    let Some(scenario) = Scenario::create(spec()).await else {
        return;
    };
    scenario.write_references().await;
    scenario.reconcile().await.unwrap();
    scenario
        .sql("DELETE FROM prompt_versions WHERE version = 'v2'")
        .await;
    let store = &scenario.world.store;
    let uid = store.experiment_of(Uuid::from_u128(1)).await.unwrap();
    let started = store.start_experiment(uid.unwrap().uid).await;
    assert!(matches!(started, Err(StoreError::Changed(_))));
    let running = "SELECT count(*) FROM experiments WHERE started_at IS NOT NULL";
    assert_eq!(scenario.number(running).await, 0);
    scenario.annotate("start", "now");
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Ready"), "False VersionNotFound");
}

/// FAULTS 45: applied again under its name with the same design, it goes on; what ended stays ended.
#[tokio::test]
async fn a_reapplied_experiment_keeps_its_units_and_its_verdict() {
    let Some(scenario) = Scenario::started(spec()).await else {
        return;
    };
    scenario.unit(0, 100, 1).await;
    scenario.put(Uuid::from_u128(2), spec());
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(reasons(&outcome), ["Adopted"]);
    assert_eq!(scenario.condition("Running"), "True Collecting");
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.status("matured"), 1);
    scenario.unit(1, 100, 5).await;
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.status("phase"), "Decided");

    scenario.put(Uuid::from_u128(3), spec());
    scenario.annotate("start", "now");
    scenario.reconcile().await.unwrap();
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.status("phase"), "Decided");
    assert_eq!(scenario.status("winner"), "bold");
    assert_eq!(scenario.number("SELECT count(*) FROM promotions").await, 1);
}

/// FAULTS 44, 46: under Delete the rows go with the resource, the promotion stays; under Retain nothing holds it back.
#[tokio::test]
async fn deletion_takes_units_and_figures_and_leaves_the_promotion() {
    let mut spec = spec();
    spec["deletionPolicy"] = json!("Delete");
    let Some(scenario) = Scenario::started(spec).await else {
        return;
    };
    scenario.unit(0, 100, 1).await;
    scenario.unit(1, 100, 5).await;
    scenario.reconcile().await.unwrap();
    let mut object = scenario.api.get(PATH);
    assert_eq!(
        object["metadata"]["finalizers"],
        json!(["threads-agent.io/cleanup"])
    );
    object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    scenario.api.put(PATH, object);
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.api.get(PATH), Value::Null);
    for (table, rows) in [
        ("SELECT count(*) FROM experiments", 0),
        ("SELECT count(*) FROM experiment_units", 0),
        ("SELECT count(*) FROM promotions", 1),
        ("SELECT count(*) FROM experiment_decisions", 1),
    ] {
        assert_eq!(scenario.number(table).await, rows, "{table}");
    }
}

/// FAULTS 26: the row of a running experiment is deleted by hand.
#[tokio::test]
async fn a_lost_row_is_begun_anew_or_reported() {
    let Some(scenario) = Scenario::started(spec()).await else {
        return;
    };
    scenario.sql("DELETE FROM experiments").await;
    scenario.edit(|spec| spec["driftPolicy"] = json!("Report"));
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Drifted"), "True DriftReported");
    assert_eq!(scenario.condition("Stalled"), "True DriftReported");
    scenario.edit(|spec| spec["driftPolicy"] = json!("Repair"));
    let outcome = scenario.reconcile().await.unwrap();
    assert!(reasons(&outcome).contains(&"Drifted"));
    assert_eq!(scenario.condition("Drifted"), "False Repaired");
    assert_eq!(scenario.condition("Running"), "True Collecting");
}

/// FAULTS 40: a stored object that admission would refuse today keeps its last good state and says what to mend.
#[tokio::test]
async fn an_object_that_predates_a_rule_says_what_to_mend_and_can_be_mended() {
    let Some(scenario) = Scenario::started(spec()).await else {
        return;
    };
    scenario.edit(|spec| spec["variants"][1]["weightBp"] = json!(4000));
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(outcome.verdict, Verdict::Refused);
    assert_eq!(scenario.condition("Stalled"), "True SpecInvalid");
    assert!(scenario.status("startedAt").is_string());
    scenario.edit(|spec| spec["variants"][1]["weightBp"] = json!(5000));
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Ready"), "True Collecting");
}

/// A persona that is gone stops assignment by itself; what was assigned still matures, and the verdict is reached.
#[tokio::test]
async fn an_experiment_outlives_its_persona() {
    let Some(scenario) = Scenario::started(spec()).await else {
        return;
    };
    scenario.unit(0, 100, 1).await;
    scenario.unit(1, 100, 5).await;
    scenario.sql("UPDATE personas SET gone_at = now()").await;
    scenario.api.remove(TEMPLATE);
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(reasons(&outcome), ["WinnerFound", "PromotionRefused"]);
    assert_eq!(scenario.condition("DecisionReached"), "True Winner");
}

/// After its time the details go; the figures and the decision stay.
#[tokio::test]
async fn details_are_pruned_once_the_time_is_over() {
    let Some(scenario) = Scenario::started(spec()).await else {
        return;
    };
    scenario.unit(0, 100, 1).await;
    scenario.unit(1, 100, 5).await;
    scenario.reconcile().await.unwrap();
    scenario.edit(|spec| spec["ttlSecondsAfterFinished"] = json!(0));
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(reasons(&outcome), ["Pruned"]);
    assert_eq!(
        scenario
            .number("SELECT count(*) FROM experiment_units")
            .await,
        0
    );
    assert_eq!(scenario.status("winner"), "bold");
    assert_eq!(scenario.status("matured"), 2);
}
