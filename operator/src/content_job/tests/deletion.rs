//! The end of jobs: FAULTS 42, 44, 45, 46.

use crate::content_job::{
    cleanup::wanted_finalizers,
    testing::{
        UID, condition,
        scenario::{JOB_PATH, Scenario},
        tenant,
    },
};
use crds::{
    ConditionType,
    common::meta::{ANNOTATION_ADOPT, FINALIZER},
    content_job::ContentJobPhase,
};
use serde_json::json;
use uuid::Uuid;

fn mark_deleted(scenario: &Scenario) {
    scenario.api.edit(JOB_PATH, |job| {
        job["metadata"]["deletionTimestamp"] = json!("2026-11-23T00:00:00Z")
    });
}

/// FAULTS 44: nothing is left at any point of the creation at which the deletion comes.
#[tokio::test]
async fn a_job_deleted_at_any_point_leaves_no_task() {
    for passes in 0..3 {
        let Some(scenario) = Scenario::create(json!({ "deletionPolicy": "Delete" })).await else {
            return;
        };
        scenario.api.edit(JOB_PATH, |job| {
            job["metadata"]["finalizers"] = json!([FINALIZER])
        });
        for _ in 0..passes {
            scenario.reconcile().await.unwrap();
        }
        if passes == 2 {
            scenario.work(1).await;
        }
        mark_deleted(&scenario);
        scenario.reconcile().await.unwrap();
        assert_eq!(
            scenario.object().metadata.finalizers.unwrap_or_default(),
            Vec::<String>::new()
        );
        assert_eq!(scenario.count("SELECT count(*) FROM tasks").await, 0);
        assert_eq!(scenario.count("SELECT count(*) FROM outbox").await, 0);
        assert_eq!(
            scenario
                .count("SELECT coalesce(sum(reserved), 0)::bigint FROM token_days")
                .await,
            0
        );
        assert_eq!(
            scenario.count("SELECT count(*) FROM posts").await,
            i64::from(passes == 2),
            "posts are records"
        );
    }
}

#[tokio::test]
async fn the_finalizer_follows_the_policy() {
    let Some(scenario) = Scenario::create(json!({})).await else {
        return;
    };
    assert_eq!(wanted_finalizers(&scenario.object()), None);
    scenario.api.edit(JOB_PATH, |job| {
        job["spec"]["deletionPolicy"] = json!("Delete")
    });
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.object().metadata.finalizers.unwrap(), [FINALIZER]);
    scenario.api.edit(JOB_PATH, |job| {
        job["spec"]["deletionPolicy"] = json!("Retain");
        job["metadata"]["finalizers"] = json!(["other.io/mine", FINALIZER]);
    });
    scenario.reconcile().await.unwrap();
    assert_eq!(
        scenario.object().metadata.finalizers.unwrap(),
        ["other.io/mine"],
        "another's finalizer stays"
    );
}

/// FAULTS 45: what is made again under the same name adopts what was finished, and the old uid's end cannot touch it.
#[tokio::test]
async fn a_job_applied_again_adopts_and_the_old_ones_end_does_not_touch_it() {
    let Some(scenario) = Scenario::create(json!({ "count": 1 })).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario.work(1).await;
    scenario.reconcile().await.unwrap();
    scenario.api.edit(JOB_PATH, |job| {
        job["metadata"]["uid"] = json!(Uuid::from_u128(77));
        job["status"] = json!({});
    });
    scenario.reconcile().await.unwrap();
    scenario
        .world
        .store
        .bury_job(UID, false, false)
        .await
        .unwrap();
    scenario.reconcile().await.unwrap();
    let status = scenario.status();
    assert_eq!(status.phase, Some(ContentJobPhase::Succeeded));
    assert_eq!(condition(&status, ConditionType::Accepted), "True/Adopted");
    assert_eq!(status.posts.len(), 1);
    assert_eq!(scenario.count("SELECT count(*) FROM content_runs").await, 1);
}

/// A namespace made again under its name finds what the old one left only where an administrator says so.
#[tokio::test]
async fn a_job_in_a_new_namespace_adopts_at_an_administrators_word_alone() {
    for (adopts, phase, runs) in [
        (None, ContentJobPhase::Queued, 2),
        (Some(tenant().namespace_uid), ContentJobPhase::Succeeded, 1),
    ] {
        let Some(scenario) = Scenario::create(json!({ "count": 1 })).await else {
            return;
        };
        scenario.reconcile().await.unwrap();
        scenario.work(1).await;
        scenario.reconcile().await.unwrap();
        scenario.api.edit("/api/v1/namespaces/a", |namespace| {
            namespace["metadata"]["uid"] = json!(Uuid::from_u128(70));
            if let Some(old) = adopts {
                namespace["metadata"]["annotations"] = json!({ ANNOTATION_ADOPT: old });
            }
        });
        scenario.api.edit(JOB_PATH, |job| {
            job["metadata"]["uid"] = json!(Uuid::from_u128(77));
            job["status"] = json!({});
        });
        scenario.reconcile().await.unwrap();
        assert_eq!(scenario.status().phase, Some(phase), "{adopts:?}");
        let count = scenario.count("SELECT count(*) FROM content_runs").await;
        assert_eq!(count, runs, "{adopts:?}");
    }
}

/// FAULTS 46: the parent is gone first.
#[tokio::test]
async fn a_job_whose_persona_and_namespace_are_gone_lets_go() {
    let Some(scenario) = Scenario::create(json!({ "deletionPolicy": "Delete" })).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario
        .api
        .state()
        .objects
        .retain(|path, _| path == JOB_PATH);
    mark_deleted(&scenario);
    scenario.reconcile().await.unwrap();
    assert_eq!(
        scenario.object().metadata.finalizers.unwrap_or_default(),
        Vec::<String>::new()
    );
    assert_eq!(scenario.count("SELECT count(*) FROM tasks").await, 0);
}

/// FAULTS 42: an object that predates a rule is told what is wrong and stays editable elsewhere.
#[tokio::test]
async fn a_stored_value_that_predates_a_rule_stalls_and_is_mended_by_an_edit() {
    let Some(scenario) = Scenario::create(json!({ "count": 500 })).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    assert_eq!(
        condition(&scenario.status(), ConditionType::Stalled),
        "True/SpecInvalid"
    );
    scenario.api.edit(JOB_PATH, |job| {
        job["metadata"]["labels"] = json!({ "team": "x" })
    });
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.object().metadata.labels.unwrap()["team"], "x");
    scenario
        .api
        .edit(JOB_PATH, |job| job["spec"]["count"] = json!(2));
    scenario.reconcile().await.unwrap();
    assert_eq!(
        condition(&scenario.status(), ConditionType::Accepted),
        "True/Succeeded"
    );
}
