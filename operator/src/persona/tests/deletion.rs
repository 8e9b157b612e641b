//! FAULTS 44 to 47: deletion under both policies, at every point, with services down, and made again.

use super::*;
use crds::{
    common::meta::{ANNOTATION_ABANDON, FINALIZER},
    persona::PersonaPhase,
};

async fn deleting() -> Option<Scenario> {
    let scenario = Scenario::create().await?;
    scenario.api.edit("/spec/deletionPolicy", json!("Delete"));
    Some(scenario)
}

async fn leftovers(scenario: &Scenario) -> (usize, usize, i64) {
    let ledger = scenario
        .count("SELECT count(*) FROM ownership_ledger")
        .await;
    let collections = scenario.vectors.collections.lock().unwrap().len();
    (scenario.queues.standing(), collections, ledger)
}

#[tokio::test]
async fn with_the_policy_retain_nothing_holds_the_object_and_everything_stays() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.converge().await;
    assert!(scenario.api.persona().metadata.finalizers.is_none());
    scenario.api.delete();
    assert!(scenario.api.state().persona.is_null());
    assert_eq!(leftovers(&scenario).await, (2, 1, 3));
}

#[tokio::test]
async fn with_the_policy_delete_everything_goes_and_each_with_an_intent() {
    let Some(scenario) = deleting().await else {
        return;
    };
    scenario.converge().await;
    assert_eq!(
        scenario.api.persona().metadata.finalizers.unwrap(),
        [FINALIZER]
    );
    with_a_sent_task(&scenario).await;
    scenario.api.delete();
    scenario.reconcile().await.unwrap();
    assert!(scenario.api.state().persona.is_null(), "the object is gone");
    assert_eq!(leftovers(&scenario).await, (0, 0, 0));
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM destructive_intents WHERE done_at IS NOT NULL")
            .await,
        3
    );
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM tasks WHERE status = 'cancelled'")
            .await,
        1
    );
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM personas WHERE gone_at IS NOT NULL")
            .await,
        1
    );
}

/// FAULTS 18: a queue with live work is never dropped.
#[tokio::test]
async fn a_task_that_a_worker_holds_keeps_the_queue() {
    let Some(scenario) = deleting().await else {
        return;
    };
    scenario.converge().await;
    with_a_sent_task(&scenario).await;
    scenario
        .run("UPDATE tasks SET status = 'processing', started_at = now(), lease_token = gen_random_uuid(), lease_until = now()")
        .await;
    scenario.api.delete();
    let pass = scenario.reconcile().await.unwrap();
    assert!(pass.again.is_some());
    assert_eq!(leftovers(&scenario).await, (2, 1, 3));
    let status = scenario.api.persona().status.unwrap();
    assert_eq!(status.phase, Some(PersonaPhase::Deleting));
    assert_eq!(status.pending_deletion.len(), 3, "what would go is listed");
    scenario
        .run("UPDATE tasks SET status = 'cancelled', lease_token = NULL, lease_until = NULL")
        .await;
    scenario.reconcile().await.unwrap();
    assert!(scenario.api.state().persona.is_null());
    assert_eq!(leftovers(&scenario).await, (0, 0, 0));
}

/// FAULTS 44: whatever of the creation was done, the deletion leaves nothing.
#[tokio::test]
async fn deletion_at_every_point_of_creation_leaves_nothing() {
    for point in 0..4 {
        let Some(scenario) = deleting().await else {
            return;
        };
        match point {
            0 => drop(scenario.reconcile().await),
            1 => {
                scenario.queues.down.store(true, Ordering::SeqCst);
                drop(scenario.reconcile().await);
                scenario.queues.down.store(false, Ordering::SeqCst);
            }
            2 => {
                scenario.vectors.down.store(true, Ordering::SeqCst);
                drop(scenario.reconcile().await);
                scenario.vectors.down.store(false, Ordering::SeqCst);
            }
            _ => {
                // Ledger entries whose things were never made.
                drop(scenario.reconcile().await);
                scenario.queues.queues.lock().unwrap().clear();
                scenario.vectors.collections.lock().unwrap().clear();
            }
        }
        scenario.api.delete();
        scenario.reconcile().await.unwrap();
        assert!(scenario.api.state().persona.is_null(), "point {point}");
        assert_eq!(leftovers(&scenario).await, (0, 0, 0), "point {point}");
    }
}

/// FAULTS 45.
#[tokio::test]
async fn the_cleanup_of_an_old_uid_cannot_touch_what_the_new_one_has() {
    let Some(scenario) = deleting().await else {
        return;
    };
    scenario.converge().await;
    let old = scenario.api.persona();
    // Made again behind the operator's back: same name, another uid, before the old one's cleanup ran.
    scenario
        .api
        .edit("/metadata/uid", json!(Uuid::from_u128(5)));
    let new = scenario.api.persona();
    reconcile(&scenario.world, &new).await.unwrap();
    assert!(scenario.is_ready());
    let owned = scenario
        .world
        .store
        .owned_by(Uuid::from_u128(5))
        .await
        .unwrap();
    assert_eq!(owned.len(), 3, "the new uid took the things over");
    let progress = cleanup::cleanup(&scenario.world, &old).await.unwrap();
    assert_eq!(progress, cleanup::Progress::Done);
    assert_eq!(leftovers(&scenario).await, (2, 1, 3));
    assert!(scenario.is_ready());
}

/// FAULTS 46: Secret and namespace may go first.
#[tokio::test]
async fn a_missing_secret_does_not_hold_up_a_deletion() {
    let Some(scenario) = deleting().await else {
        return;
    };
    scenario.converge().await;
    scenario.api.state().secret = Value::Null;
    scenario.run("DELETE FROM prompt_tracks").await;
    scenario.api.delete();
    scenario.reconcile().await.unwrap();
    assert!(scenario.api.state().persona.is_null());
}

/// FAULTS 47.
#[tokio::test]
async fn a_blocked_deletion_says_so_and_can_be_abandoned_with_an_audit() {
    let Some(scenario) = deleting().await else {
        return;
    };
    scenario.converge().await;
    scenario.vectors.down.store(true, Ordering::SeqCst);
    scenario.api.delete();
    assert_eq!(
        scenario.reconcile().await.unwrap_err().class,
        controller::ErrorClass::Transient
    );
    let status = scenario.api.persona().status.unwrap();
    assert_eq!(status.phase, Some(PersonaPhase::Deleting));
    assert!(
        status
            .conditions
            .iter()
            .any(|condition| condition.message.starts_with("Blocked: "))
    );
    scenario.api.edit(
        "/metadata/annotations",
        json!({ ANNOTATION_ABANDON: "true" }),
    );
    let pass = scenario.reconcile().await.unwrap();
    assert_eq!(pass.notices[0].reason, "CleanupAbandoned");
    assert!(scenario.api.state().persona.is_null());
    assert!(
        scenario
            .count("SELECT count(*) FROM destructive_intents WHERE reason LIKE 'abandoned:%'")
            .await
            > 0
    );
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM ownership_ledger")
            .await,
        0
    );
}

#[tokio::test]
async fn a_policy_changed_back_takes_the_finalizer_off() {
    let Some(scenario) = deleting().await else {
        return;
    };
    scenario.converge().await;
    scenario.api.edit("/spec/deletionPolicy", json!("Retain"));
    scenario.converge().await;
    assert!(
        scenario
            .api
            .persona()
            .metadata
            .finalizers
            .is_none_or(|finalizers| finalizers.is_empty())
    );
}
