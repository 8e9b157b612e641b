//! Scenarios of the whole reconcile, over an API server in memory and a real Postgres.
#![allow(clippy::unwrap_used)]

mod deletion;

use super::{
    ports::{CollectionSight, QueueSight},
    testing::{CANARY, Scenario, good_secret},
    *,
};
use backends::postgres::operator::ledger::{Claim, System};
use crds::ConditionType;
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use uuid::Uuid;

#[tokio::test]
async fn a_new_persona_becomes_ready_and_then_nothing_is_written() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    let pass = scenario.reconcile().await.unwrap();
    assert!(pass.again.is_none() && pass.notices.is_empty());
    assert!(scenario.is_ready());
    let (queue, dead, collection) = scenario.names();
    let status = scenario.api.persona().status.unwrap();
    assert_eq!(status.queue.unwrap().name, queue);
    assert_eq!(status.collection.unwrap().name, collection);
    assert_eq!(status.revision.unwrap().number, 1);
    assert_eq!(status.prompt.unwrap().version, "v1");
    assert!(scenario.queues.queues.lock().unwrap().contains_key(&dead));
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM ownership_ledger WHERE made_at IS NOT NULL")
            .await,
        3
    );

    let (writes, external) = (
        scenario.api.writes(),
        scenario.queues.writes.load(Ordering::SeqCst),
    );
    for _ in 0..3 {
        scenario.reconcile().await.unwrap();
    }
    assert_eq!(scenario.api.writes(), writes);
    assert_eq!(scenario.queues.writes.load(Ordering::SeqCst), external);
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM persona_revisions")
            .await,
        1
    );
}

#[tokio::test]
async fn a_changed_spec_is_a_new_revision_and_a_new_model_a_new_collection() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.converge().await;
    let (_, _, before) = scenario.names();
    scenario.api.edit("/spec/embedding/model", json!("another"));
    scenario.converge().await;
    let (_, _, after) = scenario.names();
    assert_ne!(before, after);
    assert!(scenario.is_ready());
    assert_eq!(
        scenario
            .api
            .persona()
            .status
            .unwrap()
            .revision
            .unwrap()
            .number,
        2
    );
    let collections = scenario.vectors.collections.lock().unwrap();
    assert!(
        collections.contains_key(&before) && collections.contains_key(&after),
        "the old one stays"
    );
}

/// FAULTS 17.
#[tokio::test]
async fn a_queue_deleted_by_hand_is_made_again_and_its_work_sent_again() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.converge().await;
    with_a_sent_task(&scenario).await;
    let (queue, ..) = scenario.names();
    scenario.queues.queues.lock().unwrap().remove(&queue);
    let pass = scenario.reconcile().await.unwrap();
    assert_eq!(pass.notices[0].reason, "Drifted");
    assert_eq!(pass.repairs, ["rabbitmq"]);
    assert!(scenario.queues.queues.lock().unwrap().contains_key(&queue));
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM outbox WHERE sent_at IS NULL")
            .await,
        1
    );
    assert_eq!(
        scenario.condition(ConditionType::Drifted),
        ("False".into(), "Repaired".into())
    );
    scenario.converge().await;
    assert!(scenario.is_ready());
}

/// A new queue's binding may be listed late: it is bound again, without a word of drift.
#[tokio::test]
async fn a_binding_that_is_listed_late_is_no_drift() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    let (_, dead, _) = scenario.names();
    let unbind = || {
        scenario
            .queues
            .queues
            .lock()
            .unwrap()
            .insert(dead.clone(), QueueSight::Unbound { ready: 0 })
    };
    unbind();
    assert!(scenario.reconcile().await.unwrap().notices.is_empty());
    assert!(scenario.is_ready());
    assert_eq!(
        scenario.condition(ConditionType::Drifted),
        ("False".into(), "InSync".into())
    );
    scenario.settle().await;
    unbind();
    assert_eq!(
        scenario.reconcile().await.unwrap().notices[0].reason,
        "Drifted"
    );
}

#[tokio::test]
async fn dead_letters_are_counted_on_their_own_queue() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.converge().await;
    let (queue, dead, _) = scenario.names();
    for (name, ready) in [(queue, 3), (dead, 7)] {
        let mut queues = scenario.queues.queues.lock().unwrap();
        queues.insert(name, QueueSight::Standing { ready });
    }
    scenario.reconcile().await.unwrap();
    let status = scenario.api.persona().status.unwrap().queue.unwrap();
    assert_eq!((status.ready, status.dead), (Some(3), Some(7)));
}

/// FAULTS 16: held messages show on the persona until they are on their queue.
#[tokio::test]
async fn messages_that_no_queue_takes_show_on_their_persona() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.converge().await;
    with_a_sent_task(&scenario).await;
    scenario
        .run("UPDATE outbox SET sent_at = NULL, error = 'no queue takes the routing key: q'")
        .await;
    let pass = scenario.reconcile().await.unwrap();
    for type_ in [ConditionType::QueueReady, ConditionType::Ready] {
        assert_eq!(
            scenario.condition(type_),
            ("False".into(), "Unroutable".into())
        );
    }
    assert!(pass.again.is_some_and(|again| again.as_secs() <= 20));
    let writes = scenario.api.writes();
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.api.writes(), writes, "said once");

    scenario
        .run("UPDATE outbox SET sent_at = now(), error = NULL")
        .await;
    assert!(scenario.reconcile().await.unwrap().again.is_none());
    assert!(scenario.is_ready());
}

/// FAULTS 17 under `driftPolicy: Report`.
#[tokio::test]
async fn with_the_policy_report_drift_is_only_said() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.api.edit("/spec/driftPolicy", json!("Report"));
    scenario.converge().await;
    let (queue, ..) = scenario.names();
    scenario.queues.queues.lock().unwrap().remove(&queue);
    scenario.reconcile().await.unwrap();
    assert_eq!(
        scenario.condition(ConditionType::Drifted),
        ("True".into(), "DriftReported".into())
    );
    assert_eq!(scenario.condition(ConditionType::QueueReady).0, "False");
    assert!(!scenario.queues.queues.lock().unwrap().contains_key(&queue));
}

/// FAULTS 18.
#[tokio::test]
async fn a_queue_with_other_arguments_is_a_conflict_and_is_left_alone() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    let (queue, ..) = scenario.names();
    let different = QueueSight::Different {
        difference: "it is a classic queue".into(),
    };
    scenario
        .queues
        .queues
        .lock()
        .unwrap()
        .insert(queue.clone(), different.clone());
    scenario.converge().await;
    assert_eq!(
        scenario.condition(ConditionType::QueueReady),
        ("False".into(), "Conflict".into())
    );
    assert_eq!(scenario.condition(ConditionType::Stalled).0, "True");
    assert_eq!(scenario.queues.queues.lock().unwrap()[&queue], different);
    scenario.queues.queues.lock().unwrap().remove(&queue);
    scenario.converge().await;
    assert!(scenario.is_ready(), "mending works");
}

/// FAULTS 26: the row comes back with its revision, and an event tells of it.
#[tokio::test]
async fn a_row_deleted_by_hand_is_restored() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.converge().await;
    scenario
        .run("UPDATE personas SET current_revision = NULL")
        .await;
    scenario.run("DELETE FROM persona_revisions").await;
    scenario.run("DELETE FROM personas").await;
    let pass = scenario.reconcile().await.unwrap();
    assert_eq!(pass.notices[0].reason, "Drifted");
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM personas WHERE current_revision IS NOT NULL")
            .await,
        1
    );
    scenario.converge().await;
    assert!(scenario.is_ready());
}

/// FAULTS 30.
#[tokio::test]
async fn a_collection_of_another_shape_is_a_conflict_and_a_fitting_one_is_adopted() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    let (_, _, collection) = scenario.names();
    let different = CollectionSight::Different {
        difference: "3 dimensions".into(),
    };
    scenario
        .vectors
        .collections
        .lock()
        .unwrap()
        .insert(collection.clone(), different);
    scenario.converge().await;
    assert_eq!(
        scenario.condition(ConditionType::CollectionReady),
        ("False".into(), "Conflict".into())
    );
    assert_eq!(scenario.vectors.writes.load(Ordering::SeqCst), 0);
    scenario
        .vectors
        .collections
        .lock()
        .unwrap()
        .insert(collection, CollectionSight::Standing { points: 7 });
    scenario.converge().await;
    assert!(scenario.is_ready());
    let status = scenario.api.persona().status.unwrap().collection.unwrap();
    assert_eq!((status.adopted, status.points), (true, Some(7)));
    assert_eq!(scenario.vectors.writes.load(Ordering::SeqCst), 0);
}

/// FAULTS 31.
#[tokio::test]
async fn a_vanished_collection_is_made_again_and_every_point_asked_for() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.converge().await;
    with_a_sent_task(&scenario).await;
    scenario
        .run(
            "INSERT INTO posts (id, namespace, persona_uid, persona_id, task_id, run_id, index, hook, body, content_hash, model,
                 stand_in, collection, embedding_model, embedding, point_version)
             SELECT gen_random_uuid(), tasks.namespace, persona_uid, 'maya', tasks.id, run_id, index, 'h', 'b', 'x', 'm', true,
                 personas.collection, 'e', '{1}', 1 FROM tasks, personas",
        )
        .await;
    let (_, _, collection) = scenario.names();
    scenario
        .vectors
        .collections
        .lock()
        .unwrap()
        .remove(&collection);
    scenario.reconcile().await.unwrap();
    assert!(
        scenario
            .vectors
            .collections
            .lock()
            .unwrap()
            .contains_key(&collection)
    );
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM posts WHERE point_version = 0")
            .await,
        1
    );
}

#[tokio::test]
async fn a_secret_that_may_not_be_used_is_named_and_read_again() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    type Spoil = fn(&mut Value);
    let spoilt: [(&str, Spoil); 4] = [
        ("SecretNotFound", |secret| *secret = Value::Null),
        ("SecretNotLabelled", |secret| {
            secret["metadata"]["labels"] = json!({})
        }),
        ("SecretHostNotAllowed", |secret| {
            secret["metadata"]["annotations"] = json!({})
        }),
        ("SecretKeyMissing", |secret| {
            secret["data"] = json!({ "other": "eA==" })
        }),
    ];
    for (reason, spoil) in spoilt {
        spoil(&mut scenario.api.state().secret);
        let pass = scenario.reconcile().await.unwrap();
        assert_eq!(
            scenario.condition(ConditionType::Ready),
            ("False".into(), reason.into())
        );
        assert_eq!(scenario.condition(ConditionType::Reconciling).0, "True");
        assert!(
            pass.again
                .is_some_and(|again| again.as_secs() >= 30 && again.as_secs() <= 31)
        );
        scenario.api.state().secret = good_secret();
    }
    scenario
        .run("UPDATE waits SET since = now() - interval '6 minutes'")
        .await;
    scenario.api.state().secret["data"] = json!({});
    let pass = scenario.reconcile().await.unwrap();
    assert_eq!(
        scenario.condition(ConditionType::Stalled),
        ("True".into(), "SecretKeyMissing".into())
    );
    assert!(pass.again.is_some_and(|again| again.as_secs() > 200));
    scenario.api.state().secret = good_secret();
    assert!(
        scenario.reconcile().await.unwrap().again.is_none(),
        "nobody waits any more"
    );
    assert!(scenario.is_ready());
    // FAULTS 60.
    let persona = scenario.api.state().persona.to_string();
    assert!(!persona.contains(CANARY) && !persona.contains("c2stY2FuYXJ5"));
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM persona_revisions WHERE spec::text LIKE '%canary%'")
            .await,
        0
    );
}

#[tokio::test]
async fn an_unknown_track_waits_and_then_stalls() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.api.edit(
        "/spec/promptRef",
        json!({ "name": "launch", "track": "canary" }),
    );
    let pass = scenario.reconcile().await.unwrap();
    assert_eq!(
        scenario.condition(ConditionType::PromptResolved),
        ("False".into(), "TrackNotFound".into())
    );
    assert_eq!(scenario.condition(ConditionType::Stalled).0, "False");
    assert!(pass.again.is_some_and(|again| again.as_secs() > 290));
    scenario
        .run("UPDATE waits SET since = now() - interval '5 minutes'")
        .await;
    scenario.reconcile().await.unwrap();
    assert_eq!(
        scenario.condition(ConditionType::Stalled),
        ("True".into(), "TrackNotFound".into())
    );
    scenario
        .api
        .edit("/spec/promptRef", json!({ "name": "none" }));
    scenario.reconcile().await.unwrap();
    assert_eq!(
        scenario.condition(ConditionType::PromptResolved).1,
        "PromptTemplateNotFound"
    );
}

#[tokio::test]
async fn a_broker_that_is_down_is_waited_for_and_the_rest_is_made() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.queues.down.store(true, Ordering::SeqCst);
    assert_eq!(
        scenario.reconcile().await.unwrap_err().class,
        controller::ErrorClass::Transient
    );
    assert_eq!(
        scenario.condition(ConditionType::QueueReady),
        ("Unknown".into(), "DependencyUnavailable".into())
    );
    assert_eq!(scenario.condition(ConditionType::CollectionReady).0, "True");
    assert_eq!(scenario.condition(ConditionType::Reconciling).0, "True");
    scenario.queues.down.store(false, Ordering::SeqCst);
    scenario.converge().await;
    assert!(scenario.is_ready());
}

#[tokio::test]
async fn without_postgres_nothing_outside_is_written() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.world.store.close().await;
    assert_eq!(
        scenario.reconcile().await.unwrap_err().class,
        controller::ErrorClass::Transient
    );
    assert_eq!(
        scenario.condition(ConditionType::RowSynced),
        ("Unknown".into(), "DependencyUnavailable".into())
    );
    assert_eq!(
        scenario.queues.writes.load(Ordering::SeqCst)
            + scenario.vectors.writes.load(Ordering::SeqCst),
        0
    );
}

/// FAULTS 40: the last good state stays, and mending works from the error state.
#[tokio::test]
async fn an_invalid_spec_keeps_the_last_good_state() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario.converge().await;
    scenario
        .api
        .edit("/spec/voice/displayName", json!("Ma\u{202e}ya"));
    scenario.converge().await;
    assert_eq!(
        scenario.condition(ConditionType::Ready),
        ("False".into(), "SpecInvalid".into())
    );
    assert_eq!(
        scenario
            .api
            .persona()
            .status
            .unwrap()
            .revision
            .unwrap()
            .number,
        1
    );
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM persona_revisions")
            .await,
        1
    );
    scenario
        .api
        .edit("/spec/voice/displayName", json!("Maya C."));
    scenario.converge().await;
    assert!(scenario.is_ready());
}

/// FAULTS 41: the same spec from two start states comes to the same things.
#[tokio::test]
async fn two_start_states_end_alike() {
    let (Some(fresh), Some(meddled)) = (Scenario::create().await, Scenario::create().await) else {
        return;
    };
    fresh.converge().await;
    meddled.converge().await;
    meddled.queues.queues.lock().unwrap().clear();
    meddled.vectors.collections.lock().unwrap().clear();
    meddled.converge().await;
    assert_eq!(
        *fresh.queues.queues.lock().unwrap(),
        *meddled.queues.queues.lock().unwrap()
    );
    assert_eq!(
        *fresh.vectors.collections.lock().unwrap(),
        *meddled.vectors.collections.lock().unwrap()
    );
    assert!(fresh.is_ready() && meddled.is_ready());
}

/// FAULTS 43.
#[tokio::test]
async fn what_the_ledger_gives_to_another_is_a_conflict_without_flapping() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    let (queue, ..) = scenario.names();
    let first = Claim {
        system: System::RabbitMq,
        name: &queue,
        namespace: "b",
        owner: Uuid::from_u128(99),
    };
    scenario.world.store.claim_name(&first).await.unwrap();
    assert_eq!(scenario.converge().await, 2);
    assert_eq!(
        scenario.condition(ConditionType::QueueReady),
        ("False".into(), "Conflict".into())
    );
    assert_eq!(scenario.queues.writes.load(Ordering::SeqCst), 0);
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM ownership_ledger WHERE namespace = 'b'")
            .await,
        1
    );
}

/// FAULTS 4 and 6.
#[tokio::test]
async fn a_conflicting_write_is_read_again_and_nothing_foreign_is_lost() {
    let Some(scenario) = Scenario::create().await else {
        return;
    };
    scenario
        .api
        .edit("/metadata/annotations", json!({ "someone": "else" }));
    scenario.api.state().refuse = (1, StatusCode::CONFLICT);
    assert_eq!(
        scenario.reconcile().await.unwrap_err().class,
        controller::ErrorClass::Transient
    );
    scenario.converge().await;
    assert!(scenario.is_ready());
    assert_eq!(
        scenario.api.state().persona["metadata"]["annotations"]["someone"],
        "else"
    );
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM persona_revisions")
            .await,
        1
    );
}

/// A task of the persona, whose wake-up message was sent.
async fn with_a_sent_task(scenario: &Scenario) {
    for statement in [
        "INSERT INTO content_runs (id, job_uid, namespace, namespace_uid, name, persona_uid, persona_name, spec_digest, kind,
             credentials_digest, deadline_at)
         SELECT gen_random_uuid(), gen_random_uuid(), 'a', namespace_uid, 'job', uid, name, 'd', 'generate', 'c',
             now() + interval '1 hour' FROM personas",
        "INSERT INTO tasks (id, namespace, run_id, persona_uid, persona_revision, prompt_digest, protocol, credentials_digest,
             kind, index, payload)
         SELECT gen_random_uuid(), 'a', run.id, run.persona_uid, current_revision, 'digest', 1, 'c', 'generate', 0, '{}'
         FROM content_runs run, personas",
        "INSERT INTO outbox (namespace, type, task_id, attempt, sent_at)
         SELECT 'a', 'content.generation', id, 0, now() FROM tasks",
    ] {
        scenario.run(statement).await;
    }
}
