//! A namespace made again adopts the records of the old one only at an administrator's word.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::operator::{personas::PersonaRecord, runs::RunIdentity};
use domain::{names::Tenant, revision::PersonaRevision};
use serde_json::from_value;
use support::{Run, World, post_for, request, revision_spec};
use uuid::Uuid;

/// The namespace `a` with a persona, two runs and a post, and the namespace that was made under its name after it.
struct Again {
    world: World,
    old: Run,
    new: Tenant,
}

impl Again {
    async fn create() -> Option<Self> {
        let world = World::create().await?;
        let old = world.run(&world.tenant("a"), "launch", 1, 50).await;
        world.run(&old.tenant, "other", 1, 50).await;
        let worker = world.worker(&old.tenant).await;
        let task = worker.claim(&request(old.persona)).await.unwrap().unwrap();
        let queried_at = task.claimed_at.clone();
        let post = post_for(&task, vec![1.0, 0.0, 0.0], queried_at);
        worker.complete(&task, &post, true).await.unwrap();
        let new = world.tenant("a");
        Some(Self { world, old, new })
    }

    /// The run that a job named `launch` finds in the new namespace.
    async fn predecessor(&self) -> Option<Uuid> {
        let identity = RunIdentity {
            job_uid: Uuid::from_u128(5),
            namespace_uid: self.new.namespace_uid,
            name: "launch",
            run_key: "",
            spec_digest: "digest",
        };
        self.world.store.find_predecessor(&identity).await.unwrap()
    }

    /// Applies the persona in the new namespace, where its collection has another name; answers whose records it took over.
    async fn apply_persona(&self) -> Option<Uuid> {
        let mut spec = revision_spec();
        spec["vectors"]["collection"] = "c2".into();
        let revision: PersonaRevision = from_value(spec).unwrap();
        let record = PersonaRecord {
            uid: Uuid::from_u128(6),
            namespace: "a",
            namespace_uid: self.new.namespace_uid,
            name: "maya",
            queue: "q2",
            collection: "c2",
            suspended: false,
            tokens_per_day: None,
            revision: &revision,
        };
        self.world
            .store
            .sync_persona(&record)
            .await
            .unwrap()
            .took_over
    }

    async fn scalar(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(self.world.store.pool())
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn without_a_word_a_new_namespace_of_the_same_name_adopts_nothing() {
    let Some(again) = Again::create().await else {
        return;
    };
    assert_eq!(again.predecessor().await, None);
    assert_eq!(again.apply_persona().await, None);
    assert_eq!(
        again
            .scalar("SELECT count(*) FROM posts WHERE collection = 'c'")
            .await,
        1
    );
}

#[tokio::test]
async fn runs_personas_and_posts_follow_the_administrators_word() {
    let Some(again) = Again::create().await else {
        return;
    };
    let (store, old) = (&again.world.store, again.old.tenant.namespace_uid);
    assert_eq!(store.adopt_namespace(&again.new, old).await.unwrap(), 3);
    assert_eq!(store.adopt_namespace(&again.new, old).await.unwrap(), 0);
    assert_eq!(again.predecessor().await, Some(again.old.run));
    assert_eq!(again.apply_persona().await, Some(again.old.persona));
    // What the posts are compared with follows them into the collection that the new namespace's persona has.
    assert_eq!(
        again
            .scalar("SELECT count(*) FROM posts WHERE collection = 'c2' AND point_version = 0 AND persona_uid = (SELECT uid FROM personas)")
            .await,
        1
    );
}

/// The annotation names a uid, and whoever may write it may not take what belongs to a living namespace.
#[tokio::test]
async fn records_of_a_namespace_of_another_name_stay_where_they_are() {
    let Some(again) = Again::create().await else {
        return;
    };
    let (store, old) = (&again.world.store, again.old.tenant.namespace_uid);
    let thief = again.world.tenant("b");
    assert_eq!(store.adopt_namespace(&thief, old).await.unwrap(), 0);
    assert_eq!(
        again
            .scalar("SELECT count(*) FROM content_runs WHERE namespace = 'a'")
            .await,
        2
    );
}

#[tokio::test]
async fn a_persona_that_stands_already_keeps_its_own_records() {
    let Some(again) = Again::create().await else {
        return;
    };
    assert_eq!(again.apply_persona().await, None);
    let (store, old) = (&again.world.store, again.old.tenant.namespace_uid);
    assert_eq!(
        store.adopt_namespace(&again.new, old).await.unwrap(),
        2,
        "the runs alone"
    );
    assert_eq!(store.adopt_namespace(&again.new, old).await.unwrap(), 0);
    assert_eq!(again.scalar("SELECT count(*) FROM personas").await, 2);
}
