//! What people do to jobs and personas while they run: suspend, cancel, run again, apply again, delete.
#![allow(clippy::unwrap_used)]

use crds::{ConditionType, ContentJob, Persona, PromptTemplate, find_condition, is_true};
use kube::{Api, api::DeleteParams};
use serde_json::{Value, json};
use threads_e2e::{Cluster, manifests};

fn holds(job: &ContentJob, type_: ConditionType) -> bool {
    job.status
        .as_ref()
        .is_some_and(|status| is_true(&status.conditions, type_))
}

fn reason(job: &ContentJob, type_: ConditionType) -> Option<String> {
    find_condition(&job.status.as_ref()?.conditions, type_)
        .map(|condition| condition.reason.clone())
}

fn with(mut manifest: Value, field: &str, value: Value) -> Value {
    manifest["spec"][field] = value;
    manifest
}

async fn prepare(name: &str, model: &str) -> Option<(Cluster, String)> {
    let cluster = Cluster::connect().await.unwrap()?;
    let namespace = cluster.namespace(name).await.unwrap();
    for manifest in manifests::foundation("maya", model) {
        cluster.apply(Some(&namespace), &manifest).await.unwrap();
    }
    Some((cluster, namespace))
}

async fn finished(cluster: &Cluster, namespace: &str, name: &str) -> ContentJob {
    cluster
        .wait_for(namespace, name, "finished", |job: &ContentJob| {
            holds(job, ConditionType::Finished)
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_suspended_job_waits_and_a_resumed_one_ends() {
    let Some((cluster, namespace)) = prepare("e2e-suspend", "stand-in-writer").await else {
        return;
    };
    let job = manifests::job("launch", "maya", 2);
    cluster
        .apply(Some(&namespace), &with(job.clone(), "suspend", json!(true)))
        .await
        .unwrap();
    cluster
        .wait_for(&namespace, "launch", "suspended", |job: &ContentJob| {
            reason(job, ConditionType::Ready).as_deref() == Some("Suspended")
        })
        .await
        .unwrap();
    assert!(
        cluster
            .posts(&namespace, "launch")
            .await
            .unwrap()
            .is_empty()
    );
    cluster
        .apply(Some(&namespace), &with(job, "suspend", json!(false)))
        .await
        .unwrap();
    let done = finished(&cluster, &namespace, "launch").await;
    assert_eq!(
        reason(&done, ConditionType::Finished).as_deref(),
        Some("AllSucceeded")
    );
    cluster.delete_namespace(&namespace).await.unwrap();
}

#[tokio::test]
async fn a_cancelled_job_finishes_without_more_posts_and_frees_its_reservation() {
    let Some((cluster, namespace)) = prepare("e2e-cancel", "stand-in-writer?fault=hang").await
    else {
        return;
    };
    let job = manifests::job("launch", "maya", 3);
    cluster.apply(Some(&namespace), &job).await.unwrap();
    cluster
        .wait_for(&namespace, "launch", "accepted", |job: &ContentJob| {
            holds(job, ConditionType::Accepted)
        })
        .await
        .unwrap();
    cluster
        .apply(Some(&namespace), &with(job, "cancel", json!(true)))
        .await
        .unwrap();
    let done = finished(&cluster, &namespace, "launch").await;
    assert_eq!(
        reason(&done, ConditionType::Finished).as_deref(),
        Some("Cancelled")
    );
    assert!(
        !holds(&done, ConditionType::Failed),
        "a cancelled job has not failed"
    );
    let reserved = cluster
        .count("SELECT coalesce(sum(tokens_reserved), 0)::bigint FROM content_runs WHERE namespace = $1", &namespace)
        .await
        .unwrap();
    assert_eq!(reserved, 0);
    cluster.delete_namespace(&namespace).await.unwrap();
}

#[tokio::test]
async fn a_deleted_and_reapplied_job_does_not_run_twice_and_a_new_run_id_does() {
    let Some((cluster, namespace)) = prepare("e2e-reapply", "stand-in-writer").await else {
        return;
    };
    let job = manifests::job("launch", "maya", 2);
    cluster.apply(Some(&namespace), &job).await.unwrap();
    let first = finished(&cluster, &namespace, "launch").await;
    let before = cluster.posts(&namespace, "launch").await.unwrap();
    let jobs: Api<ContentJob> = Api::namespaced(cluster.client.clone(), &namespace);
    jobs.delete("launch", &DeleteParams::default())
        .await
        .unwrap();
    cluster
        .eventually("the job is gone", async || {
            Ok(jobs.get_opt("launch").await?.is_none().then_some(()))
        })
        .await
        .unwrap();
    cluster.apply(Some(&namespace), &job).await.unwrap();
    let second = finished(&cluster, &namespace, "launch").await;
    assert_ne!(first.metadata.uid, second.metadata.uid);
    assert_eq!(
        cluster.posts(&namespace, "launch").await.unwrap(),
        before,
        "the finished run was adopted"
    );
    cluster
        .apply(Some(&namespace), &with(job, "runId", json!("again")))
        .await
        .unwrap();
    cluster
        .wait_for(&namespace, "launch", "finished anew", |job: &ContentJob| {
            holds(job, ConditionType::Finished)
                && job
                    .status
                    .as_ref()
                    .and_then(|status| status.run_id.as_deref())
                    == Some("again")
        })
        .await
        .unwrap();
    assert!(cluster.posts(&namespace, "launch").await.unwrap().len() >= before.len());
    cluster.delete_namespace(&namespace).await.unwrap();
}

#[tokio::test]
async fn a_plan_estimates_and_stores_no_post() {
    let Some((cluster, namespace)) = prepare("e2e-plan", "stand-in-writer").await else {
        return;
    };
    cluster
        .apply(
            Some(&namespace),
            &with(manifests::job("plan", "maya", 10), "mode", json!("Plan")),
        )
        .await
        .unwrap();
    let done = finished(&cluster, &namespace, "plan").await;
    assert!(holds(&done, ConditionType::Complete));
    let plan = done.status.unwrap().plan.unwrap();
    assert!(plan.estimated_tokens > 0);
    assert!(cluster.posts(&namespace, "plan").await.unwrap().is_empty());
    cluster.delete_namespace(&namespace).await.unwrap();
}

/// A missing reference is waited for, and mended by creating it.
#[tokio::test]
async fn a_job_waits_for_its_persona_and_goes_on_when_it_comes() {
    let Some(cluster) = Cluster::connect().await.unwrap() else {
        return;
    };
    let namespace = cluster.namespace("e2e-waiting").await.unwrap();
    cluster
        .apply(Some(&namespace), &manifests::job("launch", "maya", 1))
        .await
        .unwrap();
    let waiting = cluster
        .wait_for(&namespace, "launch", "waiting", |job: &ContentJob| {
            reason(job, ConditionType::Accepted).as_deref() == Some("PersonaNotFound")
        })
        .await
        .unwrap();
    assert!(
        holds(&waiting, ConditionType::Reconciling) && !holds(&waiting, ConditionType::Stalled)
    );
    for manifest in manifests::foundation("maya", "stand-in-writer") {
        cluster.apply(Some(&namespace), &manifest).await.unwrap();
    }
    assert!(holds(
        &finished(&cluster, &namespace, "launch").await,
        ConditionType::Complete
    ));
    cluster.delete_namespace(&namespace).await.unwrap();
}

/// FAULTS 46: a namespace that is deleted with everything in it is gone without a finalizer edited by hand.
#[tokio::test]
async fn a_namespace_goes_with_everything_in_it() {
    let Some((cluster, namespace)) = prepare("e2e-namespace", "stand-in-writer?fault=hang").await
    else {
        return;
    };
    let mut persona = manifests::persona("otto", "stand-in-writer");
    persona["spec"]["deletionPolicy"] = json!("Delete");
    cluster.apply(Some(&namespace), &persona).await.unwrap();
    cluster
        .apply(Some(&namespace), &manifests::job("launch", "maya", 2))
        .await
        .unwrap();
    cluster
        .wait_for(&namespace, "launch", "accepted", |job: &ContentJob| {
            holds(job, ConditionType::Accepted)
        })
        .await
        .unwrap();
    cluster.delete_namespace(&namespace).await.unwrap();
    let open = cluster
        .eventually("no task of the namespace can be claimed any more", async || {
            let open = cluster
                .count(
                    "SELECT count(*) FROM tasks JOIN content_runs run ON run.id = run_id
                     WHERE run.namespace = $1 AND tasks.status IN ('queued', 'processing', 'parked')",
                    &namespace,
                )
                .await?;
            Ok((open == 0).then_some(open))
        })
        .await
        .unwrap();
    assert_eq!(open, 0);
}

/// A template that does not parse says which part and line, and nothing that uses it starts.
#[tokio::test]
async fn a_broken_template_says_where() {
    let Some(cluster) = Cluster::connect().await.unwrap() else {
        return;
    };
    let namespace = cluster.namespace("e2e-template").await.unwrap();
    let mut template = manifests::template();
    template["spec"]["versions"][0]["body"] = json!("first line\n{% if %}");
    cluster.apply(Some(&namespace), &template).await.unwrap();
    let stalled = cluster
        .wait_for(
            &namespace,
            "launch",
            "stalled",
            |template: &PromptTemplate| {
                template
                    .status
                    .as_ref()
                    .is_some_and(|status| is_true(&status.conditions, ConditionType::Stalled))
            },
        )
        .await
        .unwrap();
    let status = stalled.status.unwrap();
    let parsed = find_condition(&status.conditions, ConditionType::Parsed).unwrap();
    assert!(
        parsed.message.contains("body") && parsed.message.contains("line 2"),
        "{}",
        parsed.message
    );
    cluster.delete_namespace(&namespace).await.unwrap();
}

/// A Secret that does not allow the endpoint's host is not used, and the persona says how to mend it.
#[tokio::test]
async fn a_secret_for_another_host_is_refused() {
    let Some(cluster) = Cluster::connect().await.unwrap() else {
        return;
    };
    let namespace = cluster.namespace("e2e-secret").await.unwrap();
    let mut secret = manifests::model_key();
    secret["metadata"]["annotations"]["threads-agent.io/hosts"] = json!("api.example.com");
    cluster.apply(Some(&namespace), &secret).await.unwrap();
    cluster
        .apply(Some(&namespace), &manifests::template())
        .await
        .unwrap();
    cluster
        .apply(
            Some(&namespace),
            &manifests::persona("maya", "stand-in-writer"),
        )
        .await
        .unwrap();
    cluster
        .wait_for(&namespace, "maya", "refused", |persona: &Persona| {
            persona.status.as_ref().is_some_and(|status| {
                find_condition(&status.conditions, ConditionType::Ready)
                    .is_some_and(|ready| ready.reason == "SecretHostNotAllowed")
            })
        })
        .await
        .unwrap();
    cluster.delete_namespace(&namespace).await.unwrap();
}
