//! Runs of ContentJobs against a real Postgres: what is written, what is reserved, and what a repeat changes.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::{
    operator::{
        counts::RunView,
        runs::{
            Adoption, CreatedRun, JobSlot, NewRun, Place, PodBudget, Reservation, RunIdentity,
            TaskTemplate,
        },
    },
    worker::CommitOutcome,
};
use domain::{
    names::{Tenant, run_id, task_id},
    tasks::{ContentType, TaskKind, TaskPayload, TokenUsage},
};
use serde_json::{Map, Value};
use support::{CREDENTIALS, World, post_for, request, revision_spec};
use uuid::Uuid;

const TASK_TOKENS: i64 = 1000;

/// A namespace with one persona, and ContentJobs in it.
struct Studio {
    world: World,
    tenant: Tenant,
    persona: Uuid,
    revision: Uuid,
}

/// A ContentJob as its reconcile sees it.
#[derive(Clone)]
struct Job {
    uid: Uuid,
    run_key: &'static str,
    digest: &'static str,
    count: i32,
    limit: Option<i64>,
    places: Option<PodBudget>,
}

impl Job {
    fn new(count: i32) -> Self {
        Self {
            uid: Uuid::new_v4(),
            run_key: "",
            digest: "digest",
            count,
            limit: None,
            places: None,
        }
    }
}

impl Studio {
    async fn open(tokens_per_day: Option<i64>) -> Option<Self> {
        let world = World::create().await?;
        let tenant = world.tenant("studio");
        let (persona, revision) = (Uuid::new_v4(), Uuid::new_v4());
        let mut tx = world.store.begin().await.unwrap();
        for statement in [
            "INSERT INTO personas (uid, namespace, namespace_uid, name, queue, collection, tokens_per_day)
             VALUES ($1, 'studio', $2, 'maya', 'q', 'c', $5)",
            "INSERT INTO persona_revisions (id, persona_uid, namespace, number, digest, spec)
             SELECT $3, $1, 'studio', 1, 'd', $4 WHERE $2::uuid IS NOT NULL AND coalesce($5::bigint, 0) >= 0",
        ] {
            sqlx::query(statement)
                .bind(persona)
                .bind(tenant.namespace_uid)
                .bind(revision)
                .bind(revision_spec())
                .bind(tokens_per_day)
                .execute(&mut *tx)
                .await
                .unwrap();
        }
        sqlx::query(
            "INSERT INTO prompt_versions (namespace, digest, template_uid, template_name, version, number, system, hook, body)
             VALUES ('studio', 'prompt', $1, 'launch', 'v1', 1, '', 'hook', 'body')",
        )
        .bind(Uuid::new_v4())
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
        Some(Self {
            world,
            tenant,
            persona,
            revision,
        })
    }

    fn identity<'a>(&self, job: &'a Job) -> RunIdentity<'a> {
        RunIdentity {
            job_uid: job.uid,
            namespace_uid: self.tenant.namespace_uid,
            name: "launch",
            run_key: job.run_key,
            spec_digest: job.digest,
        }
    }

    async fn create(&self, job: &Job) -> Reservation {
        self.create_named(job, "launch").await
    }

    async fn create_named(&self, job: &Job, name: &str) -> Reservation {
        self.made(job, name).await.reservation
    }

    async fn made(&self, job: &Job, name: &str) -> CreatedRun {
        let payload = TaskPayload {
            input: "text".into(),
            content_type: ContentType::Post,
            count: job.count,
            attempt_seconds: 60,
            post: None,
            traceparent: None,
        };
        let run = NewRun {
            id: run_id(job.uid, job.run_key, job.digest),
            identity: RunIdentity {
                name,
                ..self.identity(job)
            },
            namespace: "studio",
            persona_uid: self.persona,
            persona_name: "maya",
            kind: TaskKind::Generate,
            priority: 50,
            parallelism: 2,
            tokens_limit: job.limit,
            total_seconds: 3600,
            tasks_total: job.count,
            task_tokens: TASK_TOKENS,
            task: TaskTemplate {
                persona_revision: self.revision,
                prompt_digest: "prompt",
                prompt_variables: &Map::new(),
                credentials_digest: CREDENTIALS,
                payload: &payload,
                max_attempts: 3,
            },
            experiment: None,
            experiment_note: None,
            places: job.places,
        };
        self.world.store.create_run(&run).await.unwrap()
    }

    async fn view(&self, job: &Job) -> RunView {
        self.world
            .store
            .run_view(&self.identity(job))
            .await
            .unwrap()
            .unwrap()
    }

    async fn scalar(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(self.world.store.pool())
            .await
            .unwrap()
    }

    async fn execute(&self, query: &'static str) {
        let mut tx = self.world.store.begin().await.unwrap();
        sqlx::query(query).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Lets a worker write `posts` posts.
    async fn work(&self, posts: usize) {
        let worker = self.world.worker(&self.tenant).await;
        for _ in 0..posts {
            let task = worker.claim(&request(self.persona)).await.unwrap().unwrap();
            // Each post has a direction of its own, so that none is a duplicate.
            let embedding = (0..3)
                .map(|axis| if axis == task.index { 1.0 } else { 0.0 })
                .collect();
            let done = post_for(&task, embedding, task.claimed_at.clone());
            assert_eq!(
                worker.complete(&task, &done, true).await.unwrap(),
                CommitOutcome::Committed
            );
        }
    }

    async fn reserved_today(&self) -> i64 {
        self.scalar("SELECT coalesce(sum(reserved), 0)::bigint FROM token_days")
            .await
    }
}

/// FAULTS 6, 10: whoever repeats the transaction finds the same rows.
#[tokio::test]
async fn creating_a_run_twice_leaves_the_same_rows() {
    let Some(studio) = Studio::open(None).await else {
        return;
    };
    let job = Job::new(3);
    assert_eq!(
        studio.create(&job).await,
        Reservation {
            queued: 3,
            parked: 0,
            failed: 0
        }
    );
    let once = studio.view(&job).await;
    assert_eq!(studio.create(&job).await, Reservation::default());
    let twice = studio.view(&job).await;
    assert_eq!(once.tasks, twice.tasks);
    assert_eq!(
        (twice.tasks.queued, twice.run.tokens_reserved),
        (3, 3 * TASK_TOKENS)
    );
    assert_eq!(studio.scalar("SELECT count(*) FROM outbox").await, 3);
    assert_eq!(studio.reserved_today().await, 3 * TASK_TOKENS);
}

/// FAULTS 39, where budgets are taken: two jobs that are made at once never reserve more than the day holds.
#[tokio::test]
async fn jobs_that_race_for_a_days_tokens_stay_within_them() {
    let Some(studio) = Studio::open(Some(5 * TASK_TOKENS + 10)).await else {
        return;
    };
    let (one, two) = (
        Job::new(4),
        Job {
            digest: "other",
            ..Job::new(4)
        },
    );
    let (first, second) = tokio::join!(
        studio.create_named(&one, "launch"),
        studio.create_named(&two, "other-launch")
    );
    assert_eq!(first.queued + second.queued, 5);
    assert_eq!(first.parked + second.parked, 3);
    assert_eq!(studio.reserved_today().await, 5 * TASK_TOKENS);
}

#[tokio::test]
async fn parked_tasks_are_queued_when_tokens_are_free_again() {
    let Some(studio) = Studio::open(Some(2 * TASK_TOKENS)).await else {
        return;
    };
    let job = Job::new(3);
    assert_eq!(
        studio.create(&job).await,
        Reservation {
            queued: 2,
            parked: 1,
            failed: 0
        }
    );
    let run = studio.view(&job).await.run.id;
    assert_eq!(studio.world.store.wake_parked(run).await.unwrap().queued, 0);
    // The worker spends 17 of the 1,000 tokens that were reserved for each.
    studio.work(2).await;
    assert_eq!(studio.world.store.wake_parked(run).await.unwrap().queued, 1);
    assert_eq!(
        studio
            .scalar("SELECT count(*) FROM outbox WHERE sent_at IS NULL")
            .await,
        3
    );
}

#[tokio::test]
async fn tasks_that_the_jobs_own_limit_never_holds_fail_when_nothing_is_left_to_wait_for() {
    let Some(studio) = Studio::open(None).await else {
        return;
    };
    let job = Job {
        limit: Some(TASK_TOKENS),
        ..Job::new(2)
    };
    assert_eq!(
        studio.create(&job).await,
        Reservation {
            queued: 1,
            parked: 1,
            failed: 0
        }
    );
    studio.work(1).await;
    let run = studio.view(&job).await.run.id;
    assert_eq!(studio.world.store.wake_parked(run).await.unwrap().failed, 1);
    let view = studio.view(&job).await;
    assert_eq!((view.tasks.completed, view.tasks.failed), (1, 1));
    assert_eq!(view.run.last_error.unwrap()["code"], "BudgetExhausted");
}

#[tokio::test]
async fn cancelling_gives_every_reservation_back() {
    let Some(studio) = Studio::open(Some(10 * TASK_TOKENS)).await else {
        return;
    };
    let job = Job::new(3);
    studio.create(&job).await;
    let worker = studio.world.worker(&studio.tenant).await;
    let held = worker
        .claim(&request(studio.persona))
        .await
        .unwrap()
        .unwrap();
    let run = studio.view(&job).await.run.id;
    assert_eq!(studio.world.store.cancel_run(run).await.unwrap(), 2);
    assert!(
        !studio.world.store.finish_run(run).await.unwrap(),
        "a worker still holds a task"
    );
    worker
        .release(&held, "m", &TokenUsage::default())
        .await
        .unwrap();
    assert_eq!(studio.world.store.cancel_run(run).await.unwrap(), 1);
    assert!(studio.world.store.finish_run(run).await.unwrap());
    assert_eq!(studio.reserved_today().await, 0);
    assert_eq!(studio.view(&job).await.run.tokens_reserved, 0);
    assert_eq!(
        studio
            .scalar("SELECT count(*) FROM outbox WHERE sent_at IS NULL")
            .await,
        0
    );
}

/// FAULTS 45: what is applied again under its name writes nothing twice, and the old uid's end does not touch it.
#[tokio::test]
async fn a_finished_run_is_adopted_by_the_same_name_and_runs_no_more() {
    let Some(studio) = Studio::open(None).await else {
        return;
    };
    let old = Job::new(2);
    studio.create(&old).await;
    studio.work(2).await;
    let run = studio.view(&old).await.run.id;
    assert!(studio.world.store.finish_run(run).await.unwrap());
    let new = Job {
        uid: Uuid::new_v4(),
        ..old.clone()
    };
    let store = &studio.world.store;
    assert_eq!(
        store
            .find_predecessor(&studio.identity(&new))
            .await
            .unwrap(),
        Some(run)
    );
    let adopted = store
        .adopt_run(run, &studio.identity(&new), false, 3600)
        .await
        .unwrap();
    assert_eq!(adopted, Adoption::Finished);
    assert_eq!(store.bury_job(old.uid, false, false).await.unwrap(), 0);
    let view = studio.view(&new).await;
    assert_eq!((view.tasks.completed, view.posts.len()), (2, 2));
    assert_eq!(studio.scalar("SELECT count(*) FROM content_runs").await, 1);
}

#[tokio::test]
async fn an_unfinished_run_of_a_gone_job_goes_on_under_the_new_one() {
    let Some(studio) = Studio::open(None).await else {
        return;
    };
    let old = Job::new(3);
    studio.create(&old).await;
    studio.work(1).await;
    let run = studio.view(&old).await.run.id;
    let store = &studio.world.store;
    assert_eq!(store.bury_job(old.uid, false, false).await.unwrap(), 2);
    assert_eq!(studio.reserved_today().await, 0);
    let new = Job {
        uid: Uuid::new_v4(),
        ..old.clone()
    };
    let adopted = store
        .adopt_run(run, &studio.identity(&new), false, 3600)
        .await
        .unwrap();
    assert_eq!(adopted, Adoption::Reopened);
    let view = studio.view(&new).await;
    assert_eq!(
        (
            view.tasks.completed,
            view.tasks.queued,
            view.tasks.cancelled
        ),
        (1, 2, 0)
    );
    studio.work(2).await;
    assert_eq!(studio.view(&new).await.tasks.completed, 3);
}

#[tokio::test]
async fn another_digest_or_run_id_is_another_run_and_ends_the_one_before() {
    let Some(studio) = Studio::open(None).await else {
        return;
    };
    let first = Job::new(2);
    studio.create(&first).await;
    let store = &studio.world.store;
    let other = Job {
        uid: Uuid::new_v4(),
        digest: "other",
        ..first.clone()
    };
    assert_eq!(
        store
            .find_predecessor(&studio.identity(&other))
            .await
            .unwrap(),
        None
    );
    let again = Job {
        run_key: "again",
        ..first.clone()
    };
    assert_eq!(
        store
            .find_predecessor(&studio.identity(&again))
            .await
            .unwrap(),
        None
    );
    assert_eq!(studio.create(&again).await.queued, 2);
    assert_eq!(
        store.run_view(&studio.identity(&first)).await.unwrap(),
        None,
        "superseded"
    );
    assert_eq!(
        studio
            .scalar("SELECT count(*) FROM tasks WHERE status = 'cancelled'")
            .await,
        2
    );
    assert_eq!(studio.reserved_today().await, 2 * TASK_TOKENS);
    // Going back to the first name goes on with the first run.
    assert!(
        store
            .find_predecessor(&studio.identity(&first))
            .await
            .unwrap()
            .is_some()
    );
}

/// FAULTS 26.
#[tokio::test]
async fn deleted_rows_are_restored_and_a_stored_post_is_not_written_again() {
    let Some(studio) = Studio::open(None).await else {
        return;
    };
    let job = Job::new(3);
    studio.create(&job).await;
    studio.work(1).await;
    let run = studio.view(&job).await.run.id;
    studio
        .execute("DELETE FROM tasks WHERE index IN (0, 2)")
        .await;
    assert_eq!(studio.view(&job).await.tasks.rows, 1);
    assert_eq!(studio.world.store.restore_tasks(run).await.unwrap(), 2);
    let view = studio.view(&job).await;
    assert_eq!(
        (
            view.tasks.completed,
            view.tasks.queued,
            view.tasks.lost_posts
        ),
        (1, 2, 0)
    );
    studio.execute("DELETE FROM tasks").await;
    studio.create(&job).await;
    assert_eq!(
        studio.view(&job).await.tasks.completed,
        1,
        "all rows gone: the transaction of the start restores them"
    );
    studio.execute("DELETE FROM posts").await;
    assert_eq!(studio.view(&job).await.tasks.lost_posts, 1);
    assert_eq!(
        studio.world.store.drifted_runs().await.unwrap()[0].lost_posts,
        1
    );
}

#[tokio::test]
async fn a_row_lost_after_the_end_is_not_run_unasked() {
    let Some(studio) = Studio::open(None).await else {
        return;
    };
    let job = Job::new(2);
    studio.create(&job).await;
    studio.work(1).await;
    let run = studio.view(&job).await.run.id;
    studio
        .execute("UPDATE tasks SET status = 'rejected' WHERE status = 'queued'")
        .await;
    assert!(studio.world.store.finish_run(run).await.unwrap());
    studio
        .execute("DELETE FROM tasks WHERE status = 'rejected'")
        .await;
    assert_eq!(studio.world.store.restore_tasks(run).await.unwrap(), 1);
    let view = studio.view(&job).await;
    assert_eq!(
        (view.tasks.completed, view.tasks.failed, view.tasks.open()),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn failed_tasks_are_retried_once_for_each_value() {
    let Some(studio) = Studio::open(None).await else {
        return;
    };
    let job = Job::new(2);
    studio.create(&job).await;
    let store = &studio.world.store;
    let run = studio.view(&job).await.run.id;
    studio.execute("UPDATE tasks SET status = 'dead_lettered', retry_count = 3, reserved_tokens = 0, completed_at = now()").await;
    store.finish_run(run).await.unwrap();
    assert_eq!(store.retry_failed(run, "failed", 3600).await.unwrap(), 2);
    assert_eq!(store.retry_failed(run, "failed", 3600).await.unwrap(), 0);
    let view = studio.view(&job).await;
    assert_eq!((view.tasks.queued, view.run.finished_at), (2, None));
    assert_eq!(
        studio
            .scalar("SELECT sum(retry_count)::bigint FROM tasks")
            .await,
        0
    );
    studio.execute("UPDATE tasks SET status = 'failed'").await;
    assert_eq!(store.retry_failed(run, "failed-2", 3600).await.unwrap(), 2);
    studio.execute("UPDATE tasks SET status = 'failed'").await;
    assert_eq!(store.discard_failed(run, "failed").await.unwrap(), 2);
    assert_eq!(studio.view(&job).await.tasks.cancelled, 2);
}

#[tokio::test]
async fn pods_are_granted_within_the_personas_and_the_installs_limit() {
    let Some(studio) = Studio::open(None).await else {
        return;
    };
    let (one, two) = (
        Job::new(4),
        Job {
            digest: "other",
            ..Job::new(4)
        },
    );
    studio.create_named(&one, "launch").await;
    studio.create_named(&two, "other").await;
    let (a, b) = (run_id(one.uid, "", "digest"), run_id(two.uid, "", "other"));
    let store = &studio.world.store;
    let budget = PodBudget {
        wanted: 3,
        persona: 4,
        install: None,
    };
    let (x, y) = tokio::join!(
        store.grant_pods(a, budget, 0),
        store.grant_pods(b, budget, 0)
    );
    let pods = [x.unwrap(), y.unwrap()]
        .iter()
        .flatten()
        .map(|slot| slot.pods)
        .sum::<i32>();
    assert_eq!(pods, 4, "two grants at once stay within the limit");
    let waiting = store.release_pods(a).await.unwrap();
    assert!(waiting.is_empty(), "the other run has Pods already");
    assert_eq!(
        store
            .grant_pods(
                a,
                PodBudget {
                    install: Some(1),
                    ..budget
                },
                0
            )
            .await
            .unwrap(),
        None
    );
    let again = store.grant_pods(a, budget, 1).await.unwrap().unwrap();
    assert_eq!(
        again.ordinal, 2,
        "each Job of a run has a number of its own: {again:?}"
    );
    assert!(matches!(again, JobSlot { pods: 1..=3, .. }));
    store.release_pods(b).await.unwrap();
    assert_eq!(
        store.release_pods(a).await.unwrap().len(),
        1,
        "the run that has none comes next"
    );
}

#[tokio::test]
async fn a_new_run_takes_its_place_with_its_rows_and_once() {
    let Some(studio) = Studio::open(Some(5 * TASK_TOKENS)).await else {
        return;
    };
    let places = Some(PodBudget {
        wanted: 3,
        persona: 4,
        install: None,
    });
    let job = |digest, count| Job {
        digest,
        places,
        ..Job::new(count)
    };
    let two = job("two", 2);
    let slot = |ordinal, pods| Place::Granted(JobSlot { ordinal, pods });
    assert_eq!(
        studio.made(&two, "two").await.place,
        slot(1, 2),
        "no more Pods than tasks"
    );
    assert_eq!(
        studio.made(&two, "two").await.place,
        Place::NotAsked,
        "a repeat changes nothing"
    );
    assert_eq!(studio.view(&two).await.run.job_pods, 2);
    assert_eq!(
        studio.made(&job("three", 2), "three").await.place,
        slot(1, 2)
    );
    assert_eq!(
        studio.made(&job("full", 1), "full").await.place,
        Place::Refused
    );
    assert_eq!(
        studio.made(&job("parked", 1), "parked").await.place,
        Place::NotAsked,
        "no token is left, so nothing can be claimed"
    );
}

#[tokio::test]
async fn a_resumed_run_wakes_its_workers_again() {
    let Some(studio) = Studio::open(None).await else {
        return;
    };
    let job = Job::new(2);
    studio.create(&job).await;
    let run = studio.view(&job).await.run.id;
    let store = &studio.world.store;
    studio.execute("UPDATE outbox SET sent_at = now()").await;
    assert!(store.sync_run(run, 90, true).await.unwrap());
    assert_eq!(
        studio
            .scalar("SELECT count(*) FROM outbox WHERE sent_at IS NULL")
            .await,
        0
    );
    assert!(store.sync_run(run, 90, false).await.unwrap());
    assert!(
        !store.sync_run(run, 90, false).await.unwrap(),
        "nothing differs any more"
    );
    assert_eq!(
        studio
            .scalar("SELECT count(*) FROM outbox WHERE sent_at IS NULL")
            .await,
        2
    );
    assert_eq!(
        studio
            .scalar("SELECT min(priority)::bigint FROM tasks")
            .await,
        90
    );
}

#[tokio::test]
async fn a_purged_job_leaves_its_posts_and_an_erased_one_nothing() {
    let Some(studio) = Studio::open(None).await else {
        return;
    };
    let job = Job::new(2);
    studio.create(&job).await;
    studio.work(1).await;
    let store = &studio.world.store;
    assert_eq!(store.bury_job(job.uid, true, false).await.unwrap(), 1);
    assert_eq!(studio.scalar("SELECT count(*) FROM tasks").await, 0);
    assert_eq!(studio.scalar("SELECT count(*) FROM posts").await, 1);
    assert!(
        store
            .owners_thought_alive()
            .await
            .unwrap()
            .iter()
            .all(|owner| owner.uid != job.uid)
    );
    store.bury_job(job.uid, true, true).await.unwrap();
    assert_eq!(studio.scalar("SELECT count(*) FROM posts").await, 0);
    assert_eq!(studio.scalar("SELECT count(*) FROM usage").await, 0);
}

#[tokio::test]
async fn ids_of_tasks_follow_from_the_run() {
    let Some(studio) = Studio::open(None).await else {
        return;
    };
    let job = Job::new(2);
    studio.create(&job).await;
    let run = run_id(job.uid, job.run_key, job.digest);
    let ids: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM tasks ORDER BY index")
        .fetch_all(studio.world.store.pool())
        .await
        .unwrap();
    assert_eq!(ids, [task_id(run, 0), task_id(run, 1)]);
    let payload: Value = sqlx::query_scalar("SELECT payload FROM tasks LIMIT 1")
        .fetch_one(studio.world.store.pool())
        .await
        .unwrap();
    assert_eq!(payload["attemptSeconds"], 60);
}
