//! Totals of achievements on a real Postgres: counted on schedule, each namespace's own.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::api::{
    ApiStore,
    achievements::{AchievementFilter, Statistics},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use support::{PASSWORD, World};

const RECORDS: &str = "INSERT INTO achievements (id, namespace, identity, title, category, impact_score, complexity_score, source_type, portfolio_ready,
        analyzed_at, hidden, deleted_at)
    SELECT gen_random_uuid(), CASE WHEN n <= 300 THEN 'team' ELSE 'other' END, 'api/' || n, 'Achievement ' || n,
        (enum_range(NULL::achievement_category))[1 + n % 3], (n * 7919::bigint) % 101, n % 90, 'api', n % 4 = 0,
        CASE WHEN n % 7 <> 0 THEN now() END, n % 10 = 0, CASE WHEN n % 11 = 0 THEN now() END
    FROM generate_series(1, 400) AS n";

/// The API's store, and a connection of its login.
async fn api(world: &World) -> (ApiStore, PgConnection) {
    let role = format!("{}_api", world.database.install);
    let mut sql = PgConnection::connect(&world.database.superuser_url)
        .await
        .unwrap();
    let password = format!("ALTER ROLE {role} PASSWORD '{PASSWORD}'");
    sql.execute(AssertSqlSafe(password)).await.unwrap();
    let url = world.database.url_of(&role, PASSWORD);
    (
        ApiStore::connect_lazy(&url).unwrap(),
        PgConnection::connect(&url).await.unwrap(),
    )
}

async fn live(store: &ApiStore, namespace: &str) -> Statistics {
    store
        .achievement_statistics(namespace, &AchievementFilter::default())
        .await
        .unwrap()
}

/// Counts until the totals say what the records say; Postgres tells of writes a moment after them.
async fn count(world: &World, api: &ApiStore) {
    while api.portfolio_totals("team").await.unwrap().0 != live(api, "team").await {
        world.store.count_achievement_totals().await.unwrap();
    }
}

#[tokio::test]
async fn totals_are_those_of_the_records_and_are_counted_only_after_a_write() {
    let Some(world) = World::create().await else {
        return;
    };
    let (api, _) = api(&world).await;
    let (none, before) = api.portfolio_totals("team").await.unwrap();
    assert_eq!((none.categories.len(), none.left_out.hidden), (0, 0));
    sqlx::query(RECORDS)
        .execute(world.store.pool())
        .await
        .unwrap();
    count(&world, &api).await;
    let (totals, at) = api.portfolio_totals("team").await.unwrap();
    assert_eq!((totals.categories.len(), totals.bands.len()), (3, 5));
    assert!(totals.left_out.hidden > 0 && totals.left_out.not_analysed > 0);
    assert!(at > before);
    assert_eq!(
        api.portfolio_totals("other").await.unwrap().0,
        live(&api, "other").await
    );
    // What is told late may cause one count more; then there is nothing to do.
    while world.store.count_achievement_totals().await.unwrap() {}
    let (_, at) = api.portfolio_totals("team").await.unwrap();
    assert!(!world.store.count_achievement_totals().await.unwrap());
    assert_eq!(api.portfolio_totals("team").await.unwrap(), (totals, at));
    sqlx::query("UPDATE achievements SET hidden = NOT hidden WHERE namespace = 'team'")
        .execute(world.store.pool())
        .await
        .unwrap();
    count(&world, &api).await;
}

/// FAULTS 55: a view that is counted beforehand knows no row-level security; nobody but the owner reaches it.
#[tokio::test]
async fn a_namespace_reaches_no_totals_but_its_own() {
    let Some(world) = World::create().await else {
        return;
    };
    let (api, mut sql) = api(&world).await;
    sqlx::query(RECORDS)
        .execute(world.store.pool())
        .await
        .unwrap();
    count(&world, &api).await;
    assert!(sql.execute("SELECT FROM achievement_totals").await.is_err());
    assert!(
        sql.execute("SELECT count_achievement_totals()")
            .await
            .is_err()
    );
    let seen = "SELECT count(*) FROM portfolio_totals WHERE category IS NOT NULL";
    let unbound: i64 = sqlx::query_scalar(seen).fetch_one(&mut sql).await.unwrap();
    assert_eq!(unbound, 0);
    let foreign = api.portfolio_totals("third").await.unwrap().0;
    assert!(foreign.categories.is_empty());
    let mut worker = PgConnection::connect(&{
        let tenant = world.tenant("team");
        world.worker(&tenant).await;
        let login = domain::names::worker_login(&tenant, domain::names::Slot::A);
        world.database.url_of(&login, PASSWORD)
    })
    .await
    .unwrap();
    for view in ["achievement_totals", "portfolio_totals"] {
        let query = format!("SELECT FROM {view}");
        assert!(worker.execute(AssertSqlSafe(query)).await.is_err());
    }
}

/// A restore leaves the view unfilled, and the remembered number of writes may happen to be the same.
#[tokio::test]
async fn totals_that_a_restore_left_empty_are_filled() {
    let Some(world) = World::create().await else {
        return;
    };
    let (api, _) = api(&world).await;
    sqlx::query(RECORDS)
        .execute(world.store.pool())
        .await
        .unwrap();
    count(&world, &api).await;
    let mut root = PgConnection::connect(&world.database.superuser_url)
        .await
        .unwrap();
    root.execute("REFRESH MATERIALIZED VIEW achievement_totals WITH NO DATA")
        .await
        .unwrap();
    assert!(api.portfolio_totals("team").await.is_err());
    assert!(world.store.count_achievement_totals().await.unwrap());
    assert_eq!(
        api.portfolio_totals("team").await.unwrap().0,
        live(&api, "team").await
    );
}
