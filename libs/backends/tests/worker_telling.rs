//! How often workers tell the operator of progress: a notification takes a lock that all commits of a server share.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::operator::progress::PROGRESS_CHANNEL;
use domain::{
    names::{Slot, worker_login},
    tasks::PROTOCOL,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgListener};
use support::{CREDENTIALS, PASSWORD, Run, World};

/// One worker's connection, and somebody who hears what it tells.
struct Talk {
    world: World,
    run: Run,
    worker: PgConnection,
    listener: PgListener,
}

impl Talk {
    async fn create(tasks: i32) -> Option<Self> {
        let world = World::create().await?;
        let tenant = world.tenant("studio");
        let run = world.run(&tenant, "job", tasks, 50).await;
        world.worker(&tenant).await;
        let url = world
            .database
            .url_of(&worker_login(&tenant, Slot::A), PASSWORD);
        let worker = PgConnection::connect(&url).await.unwrap();
        let mut listener = PgListener::connect(&world.database.operator_url)
            .await
            .unwrap();
        listener.listen(PROGRESS_CHANNEL).await.unwrap();
        Some(Self {
            world,
            run,
            worker,
            listener,
        })
    }

    async fn say(&mut self, statement: String) {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut self.worker)
            .await
            .unwrap();
    }

    /// Lets the worker believe that it told something that many seconds ago; negative is in the future.
    async fn told_seconds_ago(&mut self, seconds: i32) {
        self.say(format!(
            "SELECT set_config('threads.progress_told', (now() - make_interval(secs => {seconds}))::text, false)"
        ))
        .await;
    }

    /// Claims a task; answers id and lease token as arguments.
    async fn claim(&mut self) -> String {
        let answer: Value = sqlx::query_scalar("SELECT claim_task($1, $2, $3, 'pod', 60)")
            .bind(self.run.persona)
            .bind(PROTOCOL)
            .bind(CREDENTIALS)
            .fetch_one(&mut self.worker)
            .await
            .unwrap();
        format!(
            "'{}', '{}'",
            answer["id"].as_str().unwrap(),
            answer["leaseToken"].as_str().unwrap()
        )
    }

    async fn fail(&mut self, class: &str) {
        let held = self.claim().await;
        self.say(format!(
            "SELECT fail_task({held}, '{class}', 'RateLimited', 'slow down', NULL, 'm', '{{}}')"
        ))
        .await;
    }

    /// Notifications since the last call.
    async fn heard(&mut self) -> usize {
        sqlx::query("SELECT pg_notify($1, 'mark')")
            .bind(PROGRESS_CHANNEL)
            .execute(self.world.store.pool())
            .await
            .unwrap();
        let mut count = 0;
        while self.listener.recv().await.unwrap().payload() != "mark" {
            count += 1;
        }
        count
    }
}

#[tokio::test]
async fn the_first_claim_of_a_run_is_told_and_no_other() {
    let Some(mut talk) = Talk::create(3).await else {
        return;
    };
    talk.claim().await;
    assert_eq!(talk.heard().await, 1);
    talk.claim().await;
    talk.claim().await;
    assert_eq!(talk.heard().await, 0);
}

#[tokio::test]
async fn a_burst_of_failures_is_told_once_a_second() {
    let Some(mut talk) = Talk::create(4).await else {
        return;
    };
    talk.fail("transient").await;
    assert_eq!(talk.heard().await, 2, "the first claim and the failure");
    talk.told_seconds_ago(-3600).await;
    talk.fail("transient").await;
    talk.fail("transient").await;
    assert_eq!(talk.heard().await, 0);
    talk.told_seconds_ago(2).await;
    talk.fail("transient").await;
    assert_eq!(talk.heard().await, 1);
}

#[tokio::test]
async fn the_end_of_a_run_is_told_however_much_was_told_before() {
    let Some(mut talk) = Talk::create(2).await else {
        return;
    };
    talk.fail("invalid").await;
    talk.heard().await;
    talk.told_seconds_ago(-3600).await;
    talk.fail("invalid").await;
    assert_eq!(talk.heard().await, 1);
}

/// Another worker has to be woken for it.
#[tokio::test]
async fn a_task_that_is_given_back_is_told_at_once() {
    let Some(mut talk) = Talk::create(2).await else {
        return;
    };
    let held = talk.claim().await;
    talk.heard().await;
    talk.told_seconds_ago(-3600).await;
    talk.say(format!("SELECT release_task({held}, 'm', '{{}}')"))
        .await;
    assert_eq!(talk.heard().await, 1);
}
