//! Runs whose tasks join an experiment, against a real Postgres: every task gets its arm once and keeps it.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::{
    StoreError,
    operator::{
        progress::{Heard, Listener},
        runs::{ArmPrompt, NewRun, RunExperiment, RunIdentity, TaskTemplate},
    },
    worker::CommitOutcome,
};
use domain::{
    experiment::{Covariate, Design},
    names::{Tenant, run_id, task_id, unit_of_task},
    statistics::assign::assign,
    tasks::{ContentType, TaskKind, TaskPayload, TokenUsage},
};
use serde_json::{Map, Value, json};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;
use support::{CREDENTIALS, World, post_for, request, revision_spec};
use uuid::Uuid;

const KEY: [u8; 32] = [7; 32];

struct Lab {
    world: World,
    tenant: Tenant,
    persona: Uuid,
    revision: Uuid,
    experiment: Uuid,
}

fn design(max_units: Option<u64>) -> Design {
    serde_json::from_value(json!({
        "arms": [{"name": "plain", "control": true, "weightBp": 5000}, {"name": "bold", "control": false, "weightBp": 5000}],
        "unit": "Post", "allocation": "Fixed",
        "metric": {"kind": "Mean", "numerator": "likes", "denominator": "impressions"},
        "direction": "Increase", "estimand": "PerTask", "attributionSeconds": 3600, "ingestGraceSeconds": 0,
        "publishDeadlineSeconds": 86400, "feed": "default", "guardrails": [], "secondary": [], "engine": "Sequential",
        "alphaBp": 500, "powerBp": 8000, "mdeBp": 1000, "plannedUnits": 100, "probabilityBestBp": 9500,
        "lossThresholdBp": 100, "covariates": ["Slot", "Weekday", "TrailingMean"],
        "stopping": {"minSeconds": 0, "maxSeconds": 0, "minUnitsPerArm": 0, "maxUnits": max_units, "maxTokens": null},
        "decision": "Manual"
    }))
    .unwrap()
}

fn prompts() -> Vec<ArmPrompt> {
    ["plain", "bold"]
        .map(|name| ArmPrompt {
            name: name.into(),
            digest: format!("prompt-{name}"),
            variables: Map::from_iter([("tone".to_owned(), json!(name))]),
        })
        .to_vec()
}

impl Lab {
    async fn open(max_units: Option<u64>) -> Option<Self> {
        let world = World::create().await?;
        let tenant = world.tenant("lab");
        let lab = Self {
            persona: Uuid::new_v4(),
            revision: Uuid::new_v4(),
            experiment: Uuid::new_v4(),
            tenant,
            world,
        };
        let mut tx = lab.world.store.begin().await.unwrap();
        sqlx::query("INSERT INTO personas (uid, namespace, namespace_uid, name, queue, collection) VALUES ($1, 'lab', $2, 'maya', 'q', 'c')")
            .bind(lab.persona)
            .bind(lab.tenant.namespace_uid)
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query("INSERT INTO persona_revisions (id, persona_uid, namespace, number, digest, spec) VALUES ($1, $2, 'lab', 1, 'd', $3)")
            .bind(lab.revision)
            .bind(lab.persona)
            .bind(revision_spec())
            .execute(&mut *tx)
            .await
            .unwrap();
        for digest in ["prompt", "prompt-plain", "prompt-bold"] {
            sqlx::query(
                "INSERT INTO prompt_versions (namespace, digest, template_uid, template_name, version, number, system, hook, body)
                 VALUES ('lab', $1, $2, 'launch', $1, 1, '', 'hook', 'body')",
            )
            .bind(digest)
            .bind(lab.experiment)
            .execute(&mut *tx)
            .await
            .unwrap();
        }
        sqlx::query(
            "INSERT INTO experiments (uid, namespace, namespace_uid, name, persona_uid, design, design_digest, arms, assignment_key,
                 started_at)
             VALUES ($1, 'lab', $2, 'hooks', $3, $4, 'd', $5, $6, now())",
        )
        .bind(lab.experiment)
        .bind(lab.tenant.namespace_uid)
        .bind(lab.persona)
        .bind(serde_json::to_value(design(max_units)).unwrap())
        .bind(json!([{"name": "plain", "promptDigest": "prompt-plain", "variables": {"tone": "plain"}},
            {"name": "bold", "promptDigest": "prompt-bold", "variables": {"tone": "bold"}}]))
        .bind(&KEY[..])
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query("INSERT INTO experiment_weights (experiment_uid, epoch, namespace, weights_bp) VALUES ($1, 0, 'lab', '{5000, 5000}')")
            .bind(lab.experiment)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        Some(lab)
    }

    async fn create(&self, job: Uuid, count: i32, joins: bool) -> Result<(), StoreError> {
        let payload = TaskPayload {
            input: "text".into(),
            content_type: ContentType::Post,
            count,
            attempt_seconds: 60,
            post: None,
            traceparent: None,
        };
        let arms = prompts();
        let name = format!("job-{job}");
        let run = NewRun {
            id: run_id(job, "", "digest"),
            identity: RunIdentity {
                job_uid: job,
                namespace_uid: self.tenant.namespace_uid,
                name: &name,
                run_key: "",
                spec_digest: "digest",
            },
            namespace: "lab",
            persona_uid: self.persona,
            persona_name: "maya",
            kind: TaskKind::Generate,
            priority: 50,
            parallelism: 2,
            tokens_limit: None,
            total_seconds: 3600,
            tasks_total: count,
            task_tokens: 1000,
            task: TaskTemplate {
                persona_revision: self.revision,
                prompt_digest: "prompt",
                prompt_variables: &Map::new(),
                credentials_digest: CREDENTIALS,
                payload: &payload,
                max_attempts: 3,
            },
            experiment: joins.then_some(RunExperiment {
                uid: self.experiment,
                arms: &arms,
            }),
            experiment_note: joins.then_some("its posts join experiment hooks"),
            places: None,
        };
        self.world.store.create_run(&run).await.map(drop)
    }

    async fn execute(&self, statement: &str) {
        let mut tx = self.world.store.begin().await.unwrap();
        sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// What each task row says of its arm and prompt, by index.
    async fn tasks(&self) -> BTreeMap<i32, Value> {
        let rows: Vec<(i32, Value)> = sqlx::query_as(
            "SELECT index, jsonb_build_array(arm, arm_probability_bp, weight_epoch, prompt_digest, prompt_variables) FROM tasks",
        )
        .fetch_all(self.world.store.pool())
        .await
        .unwrap();
        rows.into_iter().collect()
    }

    async fn units(&self) -> Vec<(Uuid, Uuid, i32, f64, i32, Vec<f64>)> {
        sqlx::query_as("SELECT id, task_id, arm, probability, weight_epoch, covariates FROM experiment_units ORDER BY id")
            .fetch_all(self.world.store.pool())
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn every_task_gets_the_arm_that_the_keyed_hash_says_and_a_repeat_changes_nothing() {
    let Some(lab) = Lab::open(None).await else {
        return;
    };
    let job = Uuid::new_v4();
    lab.create(job, 12, true).await.unwrap();
    let (tasks, units) = (lab.tasks().await, lab.units().await);
    let run = run_id(job, "", "digest");
    for index in 0..12 {
        let unit = unit_of_task(lab.experiment, task_id(run, index));
        let arm = assign(&KEY, lab.experiment, &unit.to_string(), &[5000, 5000])
            .unwrap()
            .arm;
        let name = ["plain", "bold"][arm];
        assert_eq!(
            tasks[&index],
            json!([name, 5000, 0, format!("prompt-{name}"), {"tone": name}])
        );
        let row = units.iter().find(|row| row.0 == unit).unwrap();
        assert_eq!((row.1, row.2), (task_id(run, index), arm as i32));
        assert_eq!((row.3, row.4, row.5.len()), (0.5, 0, 5));
    }
    assert_eq!(
        tasks
            .values()
            .map(|task| task[0].as_str().unwrap())
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        2,
        "both arms are there"
    );
    // Other weights, the same run: the first assignment holds, whether or not the repeat still knows of the experiment.
    lab.execute("UPDATE experiments SET weight_epoch = 1").await;
    lab.execute(
        "INSERT INTO experiment_weights SELECT uid, 1, 'lab', '{10000, 0}' FROM experiments",
    )
    .await;
    for joins in [true, false] {
        lab.create(job, 12, joins).await.unwrap();
        assert_eq!(
            (lab.tasks().await, lab.units().await),
            (tasks.clone(), units.clone())
        );
    }
}

#[tokio::test]
async fn weights_of_the_newest_epoch_decide_and_are_noted() {
    let Some(lab) = Lab::open(None).await else {
        return;
    };
    lab.execute("UPDATE experiments SET weight_epoch = 3").await;
    lab.execute(
        "INSERT INTO experiment_weights SELECT uid, 3, 'lab', '{0, 10000}' FROM experiments",
    )
    .await;
    lab.create(Uuid::new_v4(), 5, true).await.unwrap();
    for task in lab.tasks().await.into_values() {
        assert_eq!(
            task,
            json!(["bold", 10000, 3, "prompt-bold", {"tone": "bold"}])
        );
    }
}

/// An epoch change waits for the assignment that read the weights before it.
#[tokio::test]
async fn an_epoch_change_and_an_assignment_do_not_cross() {
    let Some(lab) = Lab::open(None).await else {
        return;
    };
    let mut change = lab.world.store.begin().await.unwrap();
    sqlx::query("UPDATE experiments SET weight_epoch = 1")
        .execute(&mut *change)
        .await
        .unwrap();
    let job = Uuid::new_v4();
    let creation = lab.create(job, 4, true);
    tokio::pin!(creation);
    tokio::select! {
        _ = &mut creation => panic!("it did not wait for the change"),
        () = wait_for_a_lock(&lab) => {}
    }
    sqlx::query(
        "INSERT INTO experiment_weights SELECT uid, 1, 'lab', '{10000, 0}' FROM experiments",
    )
    .execute(&mut *change)
    .await
    .unwrap();
    change.commit().await.unwrap();
    creation.await.unwrap();
    for task in lab.tasks().await.into_values() {
        assert_eq!(
            task,
            json!(["plain", 10000, 1, "prompt-plain", {"tone": "plain"}])
        );
    }
}

async fn wait_for_a_lock(lab: &Lab) {
    loop {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(lab.world.store.pool())
        .await
        .unwrap();
        if waiting > 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn tasks_beyond_the_limit_run_without_the_experiment() {
    let Some(lab) = Lab::open(Some(5)).await else {
        return;
    };
    lab.create(Uuid::new_v4(), 3, true).await.unwrap();
    assert_eq!(lab.units().await.len(), 3);
    let second = Uuid::new_v4();
    lab.create(second, 4, true).await.unwrap();
    assert_eq!(lab.units().await.len(), 5);
    let without: i64 = sqlx::query_scalar("SELECT count(*) FROM tasks WHERE arm IS NULL AND prompt_digest = 'prompt' AND weight_epoch IS NULL")
        .fetch_one(lab.world.store.pool())
        .await
        .unwrap();
    assert_eq!(without, 2);
}

#[tokio::test]
async fn an_experiment_that_ended_or_rests_takes_no_posts() {
    for state in [
        "ended_at = now()",
        "suspended = true",
        "started_at = NULL",
        "gone_at = now()",
    ] {
        let Some(lab) = Lab::open(None).await else {
            return;
        };
        lab.execute(&format!("UPDATE experiments SET {state}"))
            .await;
        let refused = lab.create(Uuid::new_v4(), 2, true).await;
        assert!(
            matches!(refused, Err(StoreError::Changed(_))),
            "{state}: {refused:?}"
        );
        assert!(lab.tasks().await.is_empty(), "nothing was written");
    }
}

/// FAULTS 10: rows that were deleted by hand come back with the arm that they had, whatever became of the experiment.
#[tokio::test]
async fn restored_tasks_keep_their_arms() {
    let Some(lab) = Lab::open(Some(9)).await else {
        return;
    };
    let job = Uuid::new_v4();
    lab.create(job, 10, true).await.unwrap();
    let before = lab.tasks().await;
    assert_eq!(before.values().filter(|task| task[0].is_null()).count(), 1);
    let run = run_id(job, "", "digest");
    lab.execute("UPDATE experiments SET ended_at = now(), arms = '[]'")
        .await;
    lab.execute("DELETE FROM tasks WHERE index <> 3").await;
    assert_eq!(lab.world.store.restore_tasks(run).await.unwrap(), 9);
    assert_eq!(lab.tasks().await, before);
    // And where no row is left, the run is written anew without the experiment.
    lab.execute("DELETE FROM tasks").await;
    lab.create(job, 10, false).await.unwrap();
    assert_eq!(lab.tasks().await, before);
    assert_eq!(lab.units().await.len(), 9);
}

/// A task that stood before the experiment did not choose its prompt by lot.
#[tokio::test]
async fn a_run_that_stands_joins_no_experiment_later() {
    let Some(lab) = Lab::open(None).await else {
        return;
    };
    let job = Uuid::new_v4();
    lab.create(job, 3, false).await.unwrap();
    lab.create(job, 3, true).await.unwrap();
    assert!(lab.units().await.is_empty());
    assert!(lab.tasks().await.values().all(|task| task[0].is_null()));
}

#[tokio::test]
async fn the_trailing_mean_is_of_posts_whose_window_has_closed() {
    let Some(lab) = Lab::open(None).await else {
        return;
    };
    assert!(design(None).covariates.contains(&Covariate::TrailingMean));
    lab.create(Uuid::new_v4(), 4, false).await.unwrap();
    write_posts(&lab, 4).await;
    // Rates 0.1 and 0.3 count; the third is too young, the fourth has no record.
    for (index, age, likes) in [(0, 7200, 1), (1, 7200, 3), (2, 60, 10), (3, 7200, -1)] {
        lab.execute(&format!(
            "UPDATE posts SET published_at = now() - interval '{age} s' WHERE index = {index}"
        ))
        .await;
        if likes >= 0 {
            lab.execute(&format!(
                "INSERT INTO outcome_totals (subject, metric, namespace, events, snapshot)
                 SELECT id, 'likes', 'lab', {likes}, NULL::double precision FROM posts WHERE index = {index}
                 UNION ALL SELECT id, 'impressions', 'lab', 99, 10 FROM posts WHERE index = {index}"
            ))
            .await;
        }
    }
    lab.create(Uuid::new_v4(), 1, true).await.unwrap();
    let units = lab.units().await;
    let trailing = units[0].5[4];
    assert!((trailing - 0.2).abs() < 1e-12, "{trailing}");
}

/// Writes posts whose directions are their index.
async fn write_posts(lab: &Lab, posts: usize) {
    let worker = lab.world.worker(&lab.tenant).await;
    for _ in 0..posts {
        let task = worker.claim(&request(lab.persona)).await.unwrap().unwrap();
        let embedding = direction(task.index);
        let done = post_for(&task, embedding, task.claimed_at.clone());
        assert_eq!(
            worker.complete(&task, &done, true).await.unwrap(),
            CommitOutcome::Committed
        );
    }
}

/// Angles a quarter turn apart, so that the first four are no duplicates of each other.
fn direction(index: i32) -> Vec<f32> {
    match index {
        0 => vec![1.0, 0.0, 0.0],
        1 => vec![0.0, 1.0, 0.0],
        2 => vec![0.0, 0.0, 1.0],
        _ => vec![-1.0, 0.0, 0.0],
    }
}

/// What was written since the start is no reason to refuse a post of the experiment; what was written before is.
#[tokio::test]
async fn a_commit_within_an_experiment_compares_with_posts_from_before_its_start() {
    let Some(lab) = Lab::open(None).await else {
        return;
    };
    let worker = lab.world.worker(&lab.tenant).await;
    lab.create(Uuid::new_v4(), 1, false).await.unwrap();
    write_posts(&lab, 1).await;
    lab.execute("UPDATE experiments SET started_at = clock_timestamp()")
        .await;
    lab.create(Uuid::new_v4(), 3, true).await.unwrap();
    let same_as_old = direction(0);
    for (embedding, committed) in [
        (direction(1), true),
        (direction(1), true),
        (same_as_old, false),
    ] {
        let task = worker.claim(&request(lab.persona)).await.unwrap().unwrap();
        assert!(task.dedup_before.is_some());
        let done = post_for(&task, embedding, "1970-01-01T00:00:00Z".into());
        let outcome = worker.complete(&task, &done, true).await.unwrap();
        assert_eq!(
            outcome == CommitOutcome::Committed,
            committed,
            "{outcome:?}"
        );
        if !committed {
            worker
                .release(&task, "m", &TokenUsage::default())
                .await
                .unwrap();
        }
    }
    lab.execute("UPDATE tasks SET status = 'cancelled' WHERE status = 'queued'")
        .await;
    // Outside the experiment the newest posts count.
    lab.create(Uuid::new_v4(), 1, false).await.unwrap();
    let task = worker.claim(&request(lab.persona)).await.unwrap().unwrap();
    assert_eq!(task.dedup_before, None);
    let done = post_for(&task, direction(1), "1970-01-01T00:00:00Z".into());
    assert!(matches!(
        worker.complete(&task, &done, true).await.unwrap(),
        CommitOutcome::Duplicate { .. }
    ));
}

/// A promotion is heard at once, marks its template as changed, and is found by the namespace's uid, the newest first.
#[tokio::test]
async fn a_promotion_is_heard_and_marks_its_template() {
    let Some(lab) = Lab::open(None).await else {
        return;
    };
    let mut listener = Listener::connect(&lab.world.database.operator_url)
        .await
        .unwrap();
    let before = lab.world.store.template_marks().await.unwrap();
    for (number, version) in [(1, "prompt-plain"), (2, "prompt-bold")] {
        lab.execute(&format!(
            "INSERT INTO promotions (namespace_uid, template_name, track, experiment_uid, namespace, experiment, version, digest,
                 inputs_digest, action, epoch)
             SELECT namespace_uid, 'launch', 'production', gen_random_uuid(), 'lab', 'hooks-{number}', '{version}', '{version}',
                 'inputs', 'promoted', 1 FROM experiments"
        ))
        .await;
        assert_eq!(listener.next().await.unwrap(), Heard::Promotions);
    }
    assert_ne!(lab.world.store.template_marks().await.unwrap(), before);
    let promoted = lab
        .world
        .store
        .promoted_versions(lab.tenant.namespace_uid, "launch")
        .await
        .unwrap();
    let names: Vec<_> = promoted
        .iter()
        .map(|it| (it.experiment.as_str(), it.version.as_str()))
        .collect();
    assert_eq!(
        names,
        [("hooks-2", "prompt-bold"), ("hooks-1", "prompt-plain")]
    );
    let elsewhere = lab.world.store.promoted_versions(Uuid::nil(), "launch");
    assert!(elsewhere.await.unwrap().is_empty());
}
