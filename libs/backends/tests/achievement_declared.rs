//! Resources and their records, against a real Postgres.
#![allow(clippy::unwrap_used)]

#[path = "support/achievements.rs"]
mod support;

use backends::postgres::{
    achievements::{Outcome, declare::Origin},
    operator::{
        OperatorStore,
        achievements::{DeclaredAchievement, RecordKey, SourceWork},
    },
    testing::TestDatabase,
};
use domain::{
    achievement::{Category, Overrides},
    names::{Tenant, analysis_queue},
};
use uuid::Uuid;

const UID: Uuid = Uuid::from_u128(1);

async fn store() -> Option<OperatorStore> {
    let database = TestDatabase::create().await.unwrap()?;
    Some(
        OperatorStore::lead(&database.operator_url, "test")
            .await
            .unwrap(),
    )
}

fn declared(overrides: Overrides) -> DeclaredAchievement {
    DeclaredAchievement {
        key: RecordKey::Declared {
            namespace_uid: Uuid::from_u128(9),
            name: "drill".into(),
        },
        origin: Origin {
            source_type: Some("manual".into()),
            resource_uid: Some(UID),
            resource_name: Some("drill".into()),
            ..Origin::default()
        },
        overrides,
        publish: None,
        revive: true,
    }
}

fn titled(title: &str, category: Option<Category>) -> Overrides {
    Overrides {
        title: Some(title.into()),
        category,
        ..Overrides::default()
    }
}

async fn count(store: &OperatorStore, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(store.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_declared_achievement_is_recorded_and_analysed_once() {
    let Some(store) = store().await else { return };
    let wanted = declared(titled("Drill", Some(Category::Bugfix)));
    let first = store.declare_achievement("a", &wanted).await.unwrap();
    let again = store.declare_achievement("a", &wanted).await.unwrap();
    assert_eq!(
        (first.outcome, again.outcome),
        (Outcome::Created, Outcome::Unchanged)
    );
    assert_eq!(
        count(&store, "SELECT count(*) FROM achievement_tasks").await,
        1
    );
    let row = store
        .achievement_of("a", &wanted.key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (row.title.as_str(), row.category.as_str()),
        ("Drill", "bugfix")
    );
    assert_eq!(row.resource_uid, Some(UID));
    let marks = store.achievement_marks().await.unwrap();
    assert_eq!(marks[0].name, "drill");
    // A field that the resource takes away goes.
    store
        .declare_achievement("a", &declared(titled("Drill", None)))
        .await
        .unwrap();
    let row = store
        .achievement_of("a", &wanted.key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (row.category.as_str(), row.facts_version),
        ("uncategorized", 2)
    );
    assert_eq!(
        store.achievement_named("a", "drill").await.unwrap(),
        Some(row.id)
    );
}

// FAULTS 44, 45: the record outlives its resource, and one that is made again adopts it.
#[tokio::test]
async fn deleting_and_applying_again_adopts_the_record() {
    let Some(store) = store().await else { return };
    let wanted = declared(titled("Drill", None));
    let first = store.declare_achievement("a", &wanted).await.unwrap();
    let owners = store.owners_thought_alive().await.unwrap();
    assert!(owners.iter().any(|owner| owner.uid == UID));
    store.bury_achievement(UID, false).await.unwrap();
    let row = store
        .achievement_of("a", &wanted.key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.deleted, row.resource_uid), (false, None));
    let again = store.declare_achievement("a", &wanted).await.unwrap();
    assert_eq!(
        (again.id, again.facts_version),
        (first.id, first.facts_version)
    );
}

#[tokio::test]
async fn a_person_who_deletes_what_the_operator_made_leaves_a_tombstone_and_the_operator_does_not()
{
    let Some(store) = store().await else { return };
    let wanted = declared(titled("Drill", None));
    for (made, parent_gone, deleted) in [
        (true, false, true),
        (false, false, false),
        (true, true, false),
    ] {
        store.declare_achievement("a", &wanted).await.unwrap();
        sqlx::query("UPDATE achievements SET resource_wanted = $1")
            .bind(made)
            .execute(store.pool())
            .await
            .unwrap();
        store.bury_achievement(UID, parent_gone).await.unwrap();
        let row = store
            .achievement_of("a", &wanted.key)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.deleted, deleted, "{made} {parent_gone}");
    }
}

#[tokio::test]
async fn purging_takes_a_declared_record_along() {
    let Some(store) = store().await else { return };
    store
        .declare_achievement("a", &declared(titled("Drill", None)))
        .await
        .unwrap();
    store.purge_achievement(UID).await.unwrap();
    assert_eq!(count(&store, "SELECT count(*) FROM achievements").await, 0);
    store.purge_achievement(UID).await.unwrap();
}

/// Issue 5, item 3: a namespace without sources has its declared records analysed too; its credentials reach the queue for it, and are
/// given up an hour after.
#[tokio::test]
async fn records_of_no_source_wait_for_a_job_of_their_namespace() {
    let Some(store) = store().await else { return };
    assert_eq!(store.unsourced_work().await.unwrap(), []);
    store
        .declare_achievement("a", &declared(titled("Drill", None)))
        .await
        .unwrap();
    let waiting = store.unsourced_work().await.unwrap().remove(0);
    assert_eq!(
        (waiting.namespace.as_str(), waiting.granted, waiting.due),
        ("a", false, true)
    );
    let tenant = Tenant {
        install: "threads".into(),
        namespace: "a".into(),
        namespace_uid: Uuid::from_u128(9),
    };
    assert_eq!(
        store.tenant_reach(&tenant).await.unwrap().queues,
        Vec::<String>::new()
    );
    let work = SourceWork {
        namespace_uid: tenant.namespace_uid,
        ..waiting
    };
    assert_eq!(store.grant_source_job(&work, None).await.unwrap(), Some(1));
    let reach = store.tenant_reach(&tenant).await.unwrap();
    assert_eq!(reach.queues, [analysis_queue(&tenant)]);
    assert_eq!(reach.collections.len(), 1);

    let granted = store.unsourced_work().await.unwrap();
    assert_eq!(granted.len(), 1);
    assert_eq!((granted[0].granted, granted[0].ordinal), (true, 1));
    store.settle_source_job(&granted[0], true).await.unwrap();
    assert_eq!(store.unsourced_work().await.unwrap(), []);
    sqlx::query("UPDATE achievement_jobs SET not_before = now() - interval '2 hours'")
        .execute(store.pool())
        .await
        .unwrap();
    assert!(store.unsourced_work().await.unwrap()[0].due);
    assert_eq!(
        store.tenant_reach(&tenant).await.unwrap().queues,
        Vec::<String>::new()
    );
}

/// Where a source works, its workers analyse what people declare.
#[tokio::test]
async fn a_source_that_works_leaves_nothing_to_a_job_of_none() {
    let Some(store) = store().await else { return };
    store
        .declare_achievement("a", &declared(titled("Drill", None)))
        .await
        .unwrap();
    let source = support::source(&store, "a").await;
    assert_eq!(store.unsourced_work().await.unwrap(), []);
    sqlx::query("UPDATE achievement_sources SET suspended = true WHERE uid = $1")
        .bind(source)
        .execute(store.pool())
        .await
        .unwrap();
    assert_eq!(store.unsourced_work().await.unwrap().len(), 1);
}
