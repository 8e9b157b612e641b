//! Rows of personas: revisions, a persona made again under its name, lost queues and collections, the ledger.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::operator::{
    ledger::{Claim, Ownership, System},
    personas::PersonaRecord,
};
use domain::{names::Tenant, revision::PersonaRevision};
use serde_json::json;
use support::{World, revision_spec};
use uuid::Uuid;

fn revision(tone: &str) -> PersonaRevision {
    let mut spec = revision_spec();
    spec["voice"]["tone"] = json!(tone);
    serde_json::from_value(spec).unwrap()
}

fn record<'a>(tenant: &'a Tenant, uid: Uuid, revision: &'a PersonaRevision) -> PersonaRecord<'a> {
    PersonaRecord {
        uid,
        namespace: &tenant.namespace,
        namespace_uid: tenant.namespace_uid,
        name: "maya",
        queue: "q",
        collection: "c",
        suspended: false,
        tokens_per_day: Some(1000),
        revision,
    }
}

#[tokio::test]
async fn a_changed_persona_gets_a_new_revision_and_an_old_content_its_old_one() {
    let Some(world) = World::create().await else {
        return;
    };
    let (tenant, uid) = (world.tenant("a"), Uuid::new_v4());
    let (dry, warm) = (revision("dry"), revision("warm"));
    let first = world
        .store
        .sync_persona(&record(&tenant, uid, &dry))
        .await
        .unwrap();
    assert!(!first.row_existed);
    let again = world
        .store
        .sync_persona(&record(&tenant, uid, &dry))
        .await
        .unwrap();
    assert!(again.row_existed);
    assert_eq!(first.revision, again.revision);
    let second = world
        .store
        .sync_persona(&record(&tenant, uid, &warm))
        .await
        .unwrap();
    assert_eq!((first.revision.number, second.revision.number), (1, 2));
    let back = world
        .store
        .sync_persona(&record(&tenant, uid, &dry))
        .await
        .unwrap();
    assert_eq!(back.revision, first.revision);
    assert_eq!(
        world.store.persona_row(uid).await.unwrap().unwrap().digest,
        Some(dry.digest())
    );
}

/// FAULTS 45: what the old uid's cleanup asks for afterwards is refused, because the ledger names the new uid.
#[tokio::test]
async fn a_persona_made_again_takes_over_records_and_its_old_cleanup_is_powerless() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("a");
    let run = world.run(&tenant, "launch", 2, 50).await;
    let claim = Claim {
        system: System::RabbitMq,
        name: "q",
        namespace: "a",
        owner: run.persona,
    };
    assert_eq!(
        world.store.claim_name(&claim).await.unwrap(),
        Ownership::Own {
            made: false,
            settled: false,
            adopted: false
        }
    );

    let (uid, spec) = (Uuid::new_v4(), revision("dry"));
    let sync = world
        .store
        .sync_persona(&record(&tenant, uid, &spec))
        .await
        .unwrap();
    assert_eq!(sync.took_over, Some(run.persona));
    assert_eq!(
        sync.revision.number, 2,
        "numbers go on where the predecessor stopped"
    );
    assert_eq!(world.store.live_tasks(uid).await.unwrap(), 2);
    assert_eq!(world.store.live_tasks(run.persona).await.unwrap(), 0);
    assert!(
        world
            .store
            .persona_row(run.persona)
            .await
            .unwrap()
            .is_none()
    );

    assert_eq!(
        world
            .store
            .intend_destruction(&claim, "deleted")
            .await
            .unwrap(),
        None
    );
    let own = Claim {
        owner: uid,
        ..claim
    };
    let intent = world
        .store
        .intend_destruction(&own, "deleted")
        .await
        .unwrap()
        .unwrap();
    world.store.finish_destruction(intent).await.unwrap();
    assert!(world.store.owned_by(uid).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_namespace_made_again_takes_over_nothing() {
    let Some(world) = World::create().await else {
        return;
    };
    let run = world.run(&world.tenant("a"), "launch", 1, 50).await;
    let (reborn, spec) = (world.tenant("a"), revision("dry"));
    let sync = world
        .store
        .sync_persona(&record(&reborn, Uuid::new_v4(), &spec))
        .await
        .unwrap();
    assert_eq!(sync.took_over, None);
    assert_eq!(world.store.live_tasks(run.persona).await.unwrap(), 1);
}

/// FAULTS 43.
#[tokio::test]
async fn the_first_owner_of_an_external_thing_keeps_it() {
    let Some(world) = World::create().await else {
        return;
    };
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    let claim = Claim {
        system: System::Qdrant,
        name: "posts_x",
        namespace: "a",
        owner: first,
    };
    world.store.claim_name(&claim).await.unwrap();
    let rival = Claim {
        namespace: "b",
        owner: second,
        ..claim.clone()
    };
    for _ in 0..2 {
        assert_eq!(
            world.store.claim_name(&rival).await.unwrap(),
            Ownership::Other {
                namespace: "a".into(),
                owner: first
            }
        );
        assert_eq!(
            world.store.claim_name(&claim).await.unwrap(),
            Ownership::Own {
                made: false,
                settled: false,
                adopted: false
            }
        );
    }
}

/// A thing counts as settled only some time after it was made, so that a listing that lags behind is not taken for drift.
#[tokio::test]
async fn a_thing_settles_after_it_was_made() {
    let Some(world) = World::create().await else {
        return;
    };
    let owner = Uuid::new_v4();
    let claim = Claim {
        system: System::RabbitMq,
        name: "q",
        namespace: "a",
        owner,
    };
    let seen = async || {
        world
            .store
            .ownership_for_persona(&claim, Uuid::new_v4(), "maya")
            .await
            .unwrap()
    };
    let own = |made, settled| Ownership::Own {
        made,
        settled,
        adopted: false,
    };
    assert_eq!(seen().await, Ownership::Free);
    world.store.claim_name(&claim).await.unwrap();
    assert_eq!(seen().await, own(false, false));
    world.store.mark_made(&claim, false).await.unwrap();
    assert_eq!(seen().await, own(true, false));
    sqlx::query("UPDATE ownership_ledger SET made_at = made_at - interval '31 seconds'")
        .execute(world.store.pool())
        .await
        .unwrap();
    assert_eq!(seen().await, own(true, true));
    assert_eq!(
        world.store.claim_name(&claim).await.unwrap(),
        own(true, true)
    );
}

/// FAULTS 17 and 31: the rows say what a lost queue and a lost collection held.
#[tokio::test]
async fn lost_messages_and_points_are_asked_for_again() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("a");
    let run = world.run(&tenant, "launch", 2, 50).await;
    let mut tx = world.store.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO outbox (namespace, type, task_id, attempt, sent_at)
         SELECT namespace, 'content.generation', id, attempt, now() FROM tasks, generate_series(0, 1) attempt WHERE run_id = $1",
    )
    .bind(run.run)
    .execute(&mut *tx)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO posts (id, namespace, persona_uid, persona_id, task_id, run_id, index, hook, body, content_hash, model,
             stand_in, collection, embedding_model, embedding, point_version)
         SELECT gen_random_uuid(), namespace, persona_uid, 'maya', id, run_id, index, 'h', 'b', 'x', 'm', true, 'c', 'e', '{1}', 1
         FROM tasks WHERE run_id = $1",
    )
    .bind(run.run)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        world.store.wake_again(run.persona).await.unwrap(),
        2,
        "the newest row of each task"
    );
    assert_eq!(
        world.store.wake_again(run.persona).await.unwrap(),
        0,
        "once"
    );
    assert_eq!(world.store.forget_points("c").await.unwrap(), 2);
    assert_eq!(world.store.forget_points("c").await.unwrap(), 0);
}

#[tokio::test]
async fn cancelling_a_persona_frees_its_reservations() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("a");
    let run = world.run(&tenant, "launch", 3, 50).await;
    let mut tx = world.store.begin().await.unwrap();
    sqlx::query("INSERT INTO token_days (persona_uid, day, namespace, reserved) VALUES ($1, current_date, 'a', 3000)")
        .bind(run.persona)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        world
            .store
            .persona_figures(run.persona)
            .await
            .unwrap()
            .tokens_today,
        3000
    );
    assert_eq!(world.store.cancel_persona(run.persona).await.unwrap(), 0);
    assert_eq!(world.store.live_tasks(run.persona).await.unwrap(), 0);
    assert_eq!(
        world
            .store
            .persona_figures(run.persona)
            .await
            .unwrap()
            .tokens_today,
        0
    );
    world.store.bury_persona(run.persona, false).await.unwrap();
    assert!(world.store.persona_pictures().await.unwrap().is_empty());
}

#[tokio::test]
async fn waits_count_from_when_they_began_and_end_with_their_reason() {
    let Some(world) = World::create().await else {
        return;
    };
    let uid = Uuid::new_v4();
    let first = world
        .store
        .note_waits(uid, &["SecretNotFound".into()])
        .await
        .unwrap();
    let second = world
        .store
        .note_waits(uid, &["SecretNotFound".into(), "TrackNotFound".into()])
        .await
        .unwrap();
    assert_eq!(second.len(), 2);
    assert_eq!(second[0].since, first[0].since);
    assert!(world.store.note_waits(uid, &[]).await.unwrap().is_empty());
}
