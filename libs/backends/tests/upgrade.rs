//! An upgrade from the first schema that was released, as `tests/fixtures/first` holds it, loses nothing.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::{migrate, testing::TestDatabase};
use domain::names::Tenant;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, migrate::Migrator};
use std::{collections::BTreeMap, path::Path, time::Duration};
use support::{World, request};
use uuid::Uuid;

const PERSONA: Uuid = Uuid::from_u128(0xa);
const NAMESPACE: Uuid = Uuid::from_u128(1);
const QUEUED: Uuid = Uuid::from_u128(0x94);

/// A database at the first schema, with what a first install held.
async fn first() -> Option<TestDatabase> {
    let database = TestDatabase::empty().await.unwrap()?;
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/first");
    let mut owner = PgConnection::connect(&database.migrate_url())
        .await
        .unwrap();
    Migrator::new(fixture.join("migrations"))
        .await
        .unwrap()
        .run(&mut owner)
        .await
        .unwrap();
    // The owner of the tables is held to their policies; rows are the operator's to write.
    let mut superuser = PgConnection::connect(&database.superuser_url)
        .await
        .unwrap();
    superuser
        .execute(include_str!("fixtures/first/rows.sql"))
        .await
        .unwrap();
    Some(database)
}

/// Every row of every table, by table.
async fn rows(database: &TestDatabase, tables: &[String]) -> BTreeMap<String, Vec<Value>> {
    let mut sql = PgConnection::connect(&database.superuser_url)
        .await
        .unwrap();
    let mut rows = BTreeMap::new();
    for table in tables {
        let query = format!("SELECT to_jsonb(t) FROM \"{table}\" t");
        let found = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_all(&mut sql)
            .await
            .unwrap();
        rows.insert(table.clone(), found);
    }
    rows
}

/// Of tenants and of the ledger: the schema's own version changes, and that is meant.
async fn tables(database: &TestDatabase) -> Vec<String> {
    let mut sql = PgConnection::connect(&database.superuser_url)
        .await
        .unwrap();
    sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables
         WHERE schemaname = 'public' AND tablename NOT IN ('_sqlx_migrations', 'install_settings') ORDER BY 1",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap()
}

/// Whether every column of `before` has the same value in `after`; new columns are free.
fn kept(before: &Value, after: &Value) -> bool {
    let columns = before.as_object().unwrap();
    columns
        .iter()
        .all(|(column, value)| after.get(column) == Some(value))
}

/// Issue 6, 1. A migration that was released and is edited later fails here too: its checksum is in the database.
#[tokio::test]
async fn every_row_of_the_first_schema_is_still_there() {
    let Some(database) = first().await else {
        return;
    };
    let tables = tables(&database).await;
    let before = rows(&database, &tables).await;
    for _ in 0..2 {
        migrate::migrate(&database.migrate_url(), Duration::from_secs(5))
            .await
            .unwrap();
    }
    let after = rows(&database, &tables).await;
    for (table, rows) in &before {
        for row in rows {
            let found = after[table].iter().any(|it| kept(row, it));
            assert!(found, "{table} lost {row:#}\nand has {:#?}", after[table]);
        }
        assert_eq!(after[table].len(), rows.len(), "{table}");
    }
    let filled = before.values().filter(|rows| !rows.is_empty()).count();
    assert!(filled >= 14, "the fixture fills {filled} tables only");
}

/// What was under way goes on: a queued task is claimed through a new worker's login, and what was done is in the totals.
#[tokio::test]
async fn work_of_the_first_schema_goes_on() {
    let Some(database) = first().await else {
        return;
    };
    migrate::migrate(&database.migrate_url(), Duration::from_secs(5))
        .await
        .unwrap();
    let world = World::over(database).await;
    let tenant = Tenant {
        install: world.database.install.clone(),
        namespace: "studio".into(),
        namespace_uid: NAMESPACE,
    };
    let worker = world.worker(&tenant).await;
    let task = worker.claim(&request(PERSONA)).await.unwrap().unwrap();
    assert_eq!(task.id, QUEUED);
    let mut sql = PgConnection::connect(&world.database.superuser_url)
        .await
        .unwrap();
    let totals: Vec<(String, i64)> = sqlx::query_as(
        "SELECT metric, amount FROM metric_totals WHERE metric IN ('posts', 'model_attempts', 'model_cost') ORDER BY 1",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    let expected = [("model_attempts", 2), ("model_cost", 120), ("posts", 2)];
    assert_eq!(
        totals,
        expected.map(|(metric, amount)| (metric.to_owned(), amount))
    );
}
