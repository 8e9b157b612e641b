//! Jobs whose posts join an experiment.

use crate::content_job::testing::{
    condition, job_with,
    references::{arms, design},
    scenario::{JOB_PATH, PERSONA, PERSONA_PATH, Scenario},
    tenant,
};
use crds::{ConditionType, find_condition};
use domain::tasks::TokenUsage;
use serde_json::{Value, json};
use uuid::Uuid;

const EXPERIMENT: Uuid = Uuid::from_u128(7);

/// A scenario with an experiment of the persona that runs, and the version of its second arm.
async fn running(changes: Value) -> Option<Scenario> {
    let scenario = Scenario::create(changes).await?;
    let mut transaction = scenario.world.store.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO prompt_versions (namespace, digest, template_uid, template_name, version, number, system, hook, body)
         SELECT 'a', 'bold-digest', template_uid, 'launch', 'v2', 2, '', '{{ variables.opening }} {{ input }}', '{{ hook }}'
         FROM prompt_versions",
    )
    .execute(&mut *transaction)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO experiments (uid, namespace, namespace_uid, name, persona_uid, design, design_digest, arms, assignment_key,
             started_at) VALUES ($1, 'a', $2, 'hooks', $3, $4, 'd', $5, $6, now())",
    )
    .bind(EXPERIMENT)
    .bind(tenant().namespace_uid)
    .bind(PERSONA)
    .bind(design())
    .bind(arms())
    .bind(&[3_u8; 32][..])
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    Some(scenario)
}

fn default_of_the_persona(scenario: &Scenario) {
    let mut persona = scenario.api.get(PERSONA_PATH).unwrap();
    persona["spec"]["defaultExperimentRef"] = json!({ "name": "hooks" });
    scenario.api.put(PERSONA_PATH, persona);
}

fn accepted(scenario: &Scenario) -> String {
    let status = scenario.status();
    find_condition(&status.conditions, ConditionType::Accepted)
        .unwrap()
        .message
        .clone()
}

/// Arm, prompt and variables of every task, by index.
async fn tasks(scenario: &Scenario) -> Vec<(Option<String>, String, Value)> {
    sqlx::query_as("SELECT arm, prompt_digest, prompt_variables FROM tasks ORDER BY index")
        .fetch_all(scenario.world.store.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn posts_join_the_experiment_that_the_job_names_and_show_their_arm() {
    let Some(scenario) = running(json!({ "count": 8, "experimentRef": { "name": "hooks" } })).await
    else {
        return;
    };
    scenario.reconcile().await.unwrap();
    assert!(accepted(&scenario).contains("its posts join Experiment \"hooks\""));
    let tasks = tasks(&scenario).await;
    for (arm, digest, variables) in &tasks {
        let expected = match arm.as_deref() {
            Some("plain") => ("digest", json!({})),
            Some("bold") => ("bold-digest", json!({ "opening": "Look!" })),
            other => panic!("{other:?}"),
        };
        assert_eq!((digest.as_str(), variables.clone()), expected);
    }
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM experiment_units")
            .await,
        8
    );
    // What a worker gets is the arm's own prompt.
    let worker = scenario.worker().await;
    let task = scenario.claim(&worker).await;
    let (_, digest, _) = &tasks[usize::try_from(task.index).unwrap()];
    assert_eq!(&task.prompt.digest, digest);
    worker
        .release(&task, "m", &TokenUsage::default())
        .await
        .unwrap();
    scenario.work(8).await;
    scenario.reconcile().await.unwrap();
    let shown: Vec<Option<String>> = scenario
        .status()
        .posts
        .iter()
        .map(|post| post.arm.clone())
        .collect();
    let arms: Vec<Option<String>> = tasks.into_iter().map(|(arm, _, _)| arm).collect();
    assert_eq!(shown, arms);
}

#[tokio::test]
async fn a_named_experiment_that_does_not_run_is_waited_for() {
    let Some(scenario) = running(json!({ "experimentRef": { "name": "hooks" } })).await else {
        return;
    };
    for (state, reason) in [
        (
            "UPDATE experiments SET started_at = NULL",
            "False/ExperimentNotRunning",
        ),
        (
            "UPDATE experiments SET started_at = now(), suspended = true",
            "False/ExperimentNotRunning",
        ),
        (
            "UPDATE experiments SET gone_at = now()",
            "False/ExperimentNotFound",
        ),
    ] {
        scenario.execute(state).await;
        scenario
            .world
            .last_writes
            .forget(scenario.object().metadata.uid.unwrap().parse().unwrap());
        let outcome = scenario.reconcile().await.unwrap();
        assert!(outcome.again.is_some());
        assert_eq!(
            condition(&scenario.status(), ConditionType::Accepted),
            reason,
            "{state}"
        );
        assert_eq!(
            condition(&scenario.status(), ConditionType::Stalled)
                .split('/')
                .next(),
            Some("False")
        );
    }
    assert_eq!(scenario.count("SELECT count(*) FROM tasks").await, 0);
    scenario
        .execute("UPDATE experiments SET gone_at = NULL, suspended = false")
        .await;
    scenario.reconcile().await.unwrap();
    assert_eq!(
        condition(&scenario.status(), ConditionType::Accepted),
        "True/Succeeded"
    );
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM experiment_units")
            .await,
        3
    );
}

#[tokio::test]
async fn an_ended_experiment_stalls_the_job_that_names_it_at_once() {
    let Some(scenario) = running(json!({ "experimentRef": { "name": "hooks" } })).await else {
        return;
    };
    scenario
        .execute("UPDATE experiments SET ended_at = now()")
        .await;
    scenario.reconcile().await.unwrap();
    assert_eq!(
        condition(&scenario.status(), ConditionType::Stalled),
        "True/ExperimentNotRunning"
    );
}

#[tokio::test]
async fn the_personas_default_is_joined_while_it_runs_and_is_no_obstacle_else() {
    for (state, units, told) in [
        (
            "UPDATE experiments SET weight_epoch = 0",
            3,
            "its posts join Experiment",
        ),
        (
            "UPDATE experiments SET ended_at = now()",
            0,
            "join no experiment, because the Persona's default takes none now",
        ),
        ("UPDATE experiments SET suspended = true", 0, "is suspended"),
        ("DELETE FROM experiments", 0, "does not exist"),
    ] {
        let Some(scenario) = running(json!({})).await else {
            return;
        };
        default_of_the_persona(&scenario);
        scenario.execute(state).await;
        scenario.reconcile().await.unwrap();
        assert_eq!(
            scenario
                .count("SELECT count(*) FROM experiment_units")
                .await,
            units,
            "{state}"
        );
        assert_eq!(scenario.count("SELECT count(*) FROM tasks").await, 3);
        assert!(
            accepted(&scenario).contains(told),
            "{}",
            accepted(&scenario)
        );
    }
}

#[tokio::test]
async fn a_prompt_of_its_own_keeps_a_job_out() {
    let Some(scenario) = running(json!({ "promptRef": { "name": "launch" } })).await else {
        return;
    };
    default_of_the_persona(&scenario);
    scenario.reconcile().await.unwrap();
    assert!(
        tasks(&scenario)
            .await
            .iter()
            .all(|(arm, digest, _)| arm.is_none() && digest == "digest")
    );
}

/// FAULTS 10, 45: rows that were deleted, a retry, and the same job applied again keep every task's arm.
#[tokio::test]
async fn repairs_and_re_applied_jobs_keep_the_arms() {
    let spec = json!({ "count": 6, "experimentRef": { "name": "hooks" } });
    let Some(scenario) = running(spec.clone()).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    let before = tasks(&scenario).await;
    scenario
        .execute("UPDATE experiments SET weight_epoch = 1, ended_at = now()")
        .await;
    scenario.execute("DELETE FROM tasks WHERE index <> 2").await;
    scenario.reconcile().await.unwrap();
    assert_eq!(tasks(&scenario).await, before);

    // Another uid of the same name takes the run over.
    let mut again = serde_json::to_value(job_with(spec)).unwrap();
    again["metadata"]["uid"] = json!(Uuid::from_u128(99));
    scenario.api.put(JOB_PATH, again);
    scenario.reconcile().await.unwrap();
    assert_eq!(
        condition(&scenario.status(), ConditionType::Accepted),
        "True/Adopted"
    );
    assert_eq!(tasks(&scenario).await, before);
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM experiment_units")
            .await,
        6
    );
}
