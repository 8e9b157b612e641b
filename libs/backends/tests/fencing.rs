//! Fencing and migrations on a real Postgres.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::{ErrorClass, operator::OperatorStore, testing::TestDatabase};
use support::World;

/// FAULTS 12: a leader that was stopped past its lease and comes back cannot write.
#[tokio::test]
async fn a_replaced_leader_cannot_commit() {
    let Some(world) = World::create().await else {
        return;
    };
    let mut open = world.store.begin().await.unwrap();
    let successor = OperatorStore::lead(&world.database.operator_url, "successor")
        .await
        .unwrap();
    let write = sqlx::query("UPDATE install_settings SET paused = true")
        .execute(&mut *open)
        .await;
    let committed = match write {
        Ok(_) => open.commit().await.is_ok(),
        Err(_) => false,
    };
    assert!(!committed, "a transaction of the old epoch committed");
    let refused = loop {
        // The old pool first notices that its connections were ended; then the epoch itself refuses.
        match world.store.begin().await {
            Err(error) if error.class() == ErrorClass::Transient => {}
            other => break other,
        }
    };
    assert_eq!(
        refused.err().map(|error| error.class()),
        Some(ErrorClass::Fenced)
    );
    assert!(successor.begin().await.is_ok());
    let paused: bool = sqlx::query_scalar("SELECT paused FROM install_settings")
        .fetch_one(successor.pool())
        .await
        .unwrap();
    assert!(!paused);
}

/// FAULTS 27: two that migrate at once leave one schema.
#[tokio::test]
async fn two_migrations_at_once_leave_one_schema() {
    let Some(database) = TestDatabase::create().await.unwrap() else {
        return;
    };
    let url = database.url_of(&format!("{}_migrate", database.install), "test-password");
    let patience = std::time::Duration::from_secs(5);
    let (one, two) = tokio::join!(
        backends::postgres::migrate::migrate(&url, patience),
        backends::postgres::migrate::migrate(&url, patience)
    );
    one.unwrap();
    two.unwrap();
    OperatorStore::lead(&database.operator_url, "test")
        .await
        .unwrap();
}
