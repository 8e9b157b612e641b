//! Rows of sources, against a real Postgres.
#![allow(clippy::unwrap_used)]

#[path = "support/achievements.rs"]
mod support;

use backends::postgres::{
    operator::{
        OperatorStore,
        achievements::{SourceRecord, SourceWork},
        runs::PodBudget,
    },
    testing::TestDatabase,
};
use domain::{
    achievement::SourceSettings,
    names::{Tenant, analysis_queue},
};
use support::{pull, settings, tell_pull};
use uuid::Uuid;

const FIRST: Uuid = Uuid::from_u128(1);
const SECOND: Uuid = Uuid::from_u128(2);
const NAMESPACE: Uuid = Uuid::from_u128(9);

async fn store() -> Option<OperatorStore> {
    let database = TestDatabase::create().await.unwrap()?;
    Some(
        OperatorStore::lead(&database.operator_url, "test")
            .await
            .unwrap(),
    )
}

async fn sync(store: &OperatorStore, uid: Uuid, settings: &SourceSettings) {
    let record = SourceRecord {
        uid,
        namespace: "a",
        namespace_uid: NAMESPACE,
        name: "shop",
        settings,
        credentials_digest: "",
        suspended: false,
    };
    store.sync_source(&record).await.unwrap();
}

fn declared() -> SourceSettings {
    serde_json::from_value(settings()).unwrap()
}

async fn count(store: &OperatorStore, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(store.pool())
        .await
        .unwrap()
}

async fn cursor(store: &OperatorStore, source: Uuid) {
    sqlx::query("INSERT INTO backfill_cursors (source_uid, repository, stream, namespace) VALUES ($1, 'acme/shop', 'pulls', 'a')")
        .bind(source)
        .execute(store.pool())
        .await
        .unwrap();
}

// FAULTS 44, 46: a resource that goes ends its webhook and keeps its records; one made again under its name goes on with them.
#[tokio::test]
async fn a_source_made_again_goes_on_with_its_records_but_not_with_sealed_secrets() {
    let Some(store) = store().await else { return };
    sync(&store, FIRST, &declared()).await;
    store
        .set_webhook_keys(FIRST, Some((b"sealed", "v1")))
        .await
        .unwrap();
    tell_pull(&store, "a", FIRST, &pull(1)).await;
    cursor(&store, FIRST).await;
    store.bury_source(FIRST).await.unwrap();
    assert_eq!(store.source_row(FIRST).await.unwrap(), None);
    assert_eq!(
        count(
            &store,
            "SELECT count(*) FROM achievement_sources WHERE webhook_keys IS NOT NULL"
        )
        .await,
        0
    );

    sync(&store, SECOND, &declared()).await;
    let row = store.source_row(SECOND).await.unwrap().unwrap();
    assert_eq!((row.collected, row.webhook_keys_digest), (1, None));
    assert_eq!(
        count(&store, "SELECT count(*) FROM achievement_sources").await,
        1
    );
    assert_eq!(
        count(&store, "SELECT count(*) FROM backfill_cursors").await,
        1
    );
}

// The old object's burial may come after its successor was seen.
#[tokio::test]
async fn a_source_replaced_before_its_end_was_noticed_is_taken_over_and_not_buried() {
    let Some(store) = store().await else { return };
    sync(&store, FIRST, &declared()).await;
    sync(&store, SECOND, &declared()).await;
    store.bury_source(FIRST).await.unwrap();
    assert!(store.source_row(SECOND).await.unwrap().is_some());
    let owners = store.owners_thought_alive().await.unwrap();
    assert!(owners.iter().any(|owner| owner.uid == SECOND));
    assert!(owners.iter().all(|owner| owner.uid != FIRST));
}

#[tokio::test]
async fn only_a_change_of_what_is_collected_starts_the_backfill_from_the_beginning() {
    let Some(store) = store().await else { return };
    sync(&store, FIRST, &declared()).await;
    cursor(&store, FIRST).await;
    let fewer = SourceSettings {
        resources: 1,
        ..declared()
    };
    sync(&store, FIRST, &fewer).await;
    assert_eq!(
        count(&store, "SELECT count(*) FROM backfill_cursors").await,
        1
    );
    let mut filtered = fewer;
    filtered.filters.exclude_labels = vec!["chore".into()];
    sync(&store, FIRST, &filtered).await;
    assert_eq!(
        count(&store, "SELECT count(*) FROM backfill_cursors").await,
        0
    );
}

#[tokio::test]
async fn a_purge_takes_everything_but_what_somebody_declared() {
    let Some(store) = store().await else { return };
    sync(&store, FIRST, &declared()).await;
    tell_pull(&store, "a", FIRST, &pull(1)).await;
    tell_pull(&store, "a", FIRST, &pull(2)).await;
    sqlx::query(
        "UPDATE achievements SET resource_uid = $1, resource_name = 'mine' WHERE number = 2",
    )
    .bind(Uuid::from_u128(7))
    .execute(store.pool())
    .await
    .unwrap();
    store.purge_source(FIRST).await.unwrap();
    store.purge_source(FIRST).await.unwrap();
    assert_eq!(
        count(&store, "SELECT count(*) FROM achievement_sources").await,
        0
    );
    assert_eq!(count(&store, "SELECT number FROM achievements").await, 2);
}

// FAULTS 6: at most one Job a source; one that failed is replaced after a wait.
#[tokio::test]
async fn a_source_is_granted_one_job_at_a_time_while_analyses_wait() {
    let Some(store) = store().await else { return };
    sync(&store, FIRST, &declared()).await;
    assert_eq!(analyses(&store).await, []);
    tell_pull(&store, "a", FIRST, &pull(1)).await;
    let work = analyses(&store).await.remove(0);
    assert_eq!((work.ordinal, work.granted, work.due), (0, false, true));
    assert_eq!(store.grant_source_job(&work, None).await.unwrap(), Some(1));
    assert_eq!(store.grant_source_job(&work, None).await.unwrap(), None);

    let granted = analyses(&store).await.remove(0);
    assert_eq!((granted.ordinal, granted.granted), (1, true));
    store.settle_source_job(&granted, true).await.unwrap();
    // The wait after a failure is not over, so nothing is due.
    assert_eq!(analyses(&store).await, []);
    sqlx::query("UPDATE achievement_jobs SET not_before = now()")
        .execute(store.pool())
        .await
        .unwrap();
    let again = analyses(&store).await.remove(0);
    assert_eq!(store.grant_source_job(&again, None).await.unwrap(), Some(2));
}

// FAULTS 46: a namespace's token reaches its own collection of achievements, and an own one alone.
#[tokio::test]
async fn a_namespace_reaches_the_queue_and_collection_of_its_sources_until_they_go() {
    let Some(store) = store().await else { return };
    let tenant = |namespace_uid| Tenant {
        install: "threads".into(),
        namespace: "a".into(),
        namespace_uid,
    };
    sync(&store, FIRST, &declared()).await;
    let reach = store.tenant_reach(&tenant(NAMESPACE)).await.unwrap();
    assert_eq!(reach.queues, [analysis_queue(&tenant(NAMESPACE))]);
    assert_eq!(reach.collections.len(), 1);
    store
        .set_source_collection(FIRST, Some(("achievements_a_1", "m")))
        .await
        .unwrap();
    let reach = store.tenant_reach(&tenant(NAMESPACE)).await.unwrap();
    assert_eq!(reach.collections, ["achievements_a_1"]);

    let other = store.tenant_reach(&tenant(SECOND)).await.unwrap();
    assert!(other.queues.is_empty() && other.collections.is_empty());
    store.bury_source(FIRST).await.unwrap();
    let reach = store.tenant_reach(&tenant(NAMESPACE)).await.unwrap();
    assert!(reach.queues.is_empty() && reach.collections.is_empty());
}

async fn work_of(store: &OperatorStore, kind: &str) -> Vec<SourceWork> {
    let mut work = store.source_work().await.unwrap();
    work.retain(|it| it.kind == kind);
    work
}

async fn analyses(store: &OperatorStore) -> Vec<SourceWork> {
    work_of(store, "analysis").await
}

/// A lost webhook is found on schedule: a backfill is due at once, then after its time, and one Job at a time does it.
#[tokio::test]
async fn a_backfill_is_due_at_once_and_again_when_its_time_has_come() {
    let Some(store) = store().await else {
        return;
    };
    sync(&store, FIRST, &declared()).await;
    let due = work_of(&store, "backfill").await.remove(0);
    assert_eq!(store.grant_source_job(&due, None).await.unwrap(), Some(1));
    assert_eq!(store.grant_source_job(&due, None).await.unwrap(), None);
    let granted = work_of(&store, "backfill").await.remove(0);
    sqlx::query("UPDATE achievement_sources SET backfill_due_at = now() + interval '1 hour'")
        .execute(store.pool())
        .await
        .unwrap();
    store.settle_source_job(&granted, false).await.unwrap();
    assert_eq!(work_of(&store, "backfill").await, []);
}

/// The limit of worker Pods is the install's: a source waits for a Pod like any run, and a run counts the Pods of sources.
#[tokio::test]
async fn the_jobs_of_sources_count_among_the_installs_worker_pods() {
    let Some(store) = store().await else { return };
    sync(&store, FIRST, &declared()).await;
    tell_pull(&store, "a", FIRST, &pull(1)).await;
    let analysis = analyses(&store).await.remove(0);
    let backfill = work_of(&store, "backfill").await.remove(0);
    let grant = async |work, limit| store.grant_source_job(work, Some(limit)).await.unwrap();
    assert_eq!(grant(&analysis, 1).await, Some(1));
    assert_eq!(grant(&backfill, 1).await, None, "the only Pod is taken");
    assert_eq!(grant(&backfill, 2).await, Some(1));
    let run = Uuid::from_u128(77);
    for statement in [
        "INSERT INTO personas (uid, namespace, namespace_uid, name, queue, collection) VALUES ($1, 'a', $1, 'maya', 'q', 'c')",
        "INSERT INTO content_runs (id, job_uid, namespace, namespace_uid, name, persona_uid, persona_name, spec_digest, kind, credentials_digest,
             deadline_at) VALUES ($1, $1, 'a', $1, 'launch', $1, 'maya', 'd', 'generate', 'd', now())",
    ] {
        sqlx::query(statement)
            .bind(run)
            .execute(store.pool())
            .await
            .unwrap();
    }
    let budget = |install| PodBudget {
        wanted: 1,
        persona: 5,
        install: Some(install),
    };
    assert_eq!(store.grant_pods(run, budget(2), 0).await.unwrap(), None);
    assert!(store.grant_pods(run, budget(3), 0).await.unwrap().is_some());
    store.release_pods(run).await.unwrap();
    let granted = work_of(&store, "backfill").await.remove(0);
    store.settle_source_job(&granted, false).await.unwrap();
    assert!(store.grant_pods(run, budget(2), 0).await.unwrap().is_some());
}
