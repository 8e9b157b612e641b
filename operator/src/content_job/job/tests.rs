#![allow(clippy::unwrap_used)]

use super::*;
use crate::content_job::testing::{job_with, scenario::revision, valid};
use kube::Resource;
use serde_json::{Value, json};

fn built(worker: Value) -> Value {
    let persona: Persona = serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1",
        "kind": "Persona",
        "metadata": { "name": "maya", "namespace": "a" },
        "spec": {
            "voice": { "displayName": "Maya" },
            "model": { "endpoint": "http://llm:8000/v1", "name": "m", "apiKeySecretRef": { "name": "other" } },
            "embedding": { "endpoint": "http://llm:8000/v1", "model": "e", "secretRef": { "name": "other" } },
            "promptRef": { "name": "launch" },
            "worker": worker,
        },
    }))
    .unwrap();
    let settings = WorkerSettings {
        install: "threads".into(),
        image: "worker:dev".into(),
        image_pull_policy: "IfNotPresent".into(),
        pods_limit: None,
        traces_endpoint: Some("http://otel:4317".into()),
    };
    let (object, job, revision) = (job_with(json!({})), valid(json!({})), revision());
    let job = build_job(&WorkerJob {
        settings: &settings,
        namespace: "a",
        owner: object.controller_owner_ref(&()),
        content_job: Some("launch"),
        ttl_seconds: job.ttl_seconds,
        persona: &persona,
        persona_name: &job.persona,
        persona_uid: Uuid::from_u128(8),
        revision: &revision,
        queue: "queue",
        run: Uuid::from_u128(9),
        credentials_digest: "digest",
        credentials_secret: "threads-worker-b",
        name: "launch-1-abc",
        pods: 2,
        seconds_left: 3600,
    });
    serde_json::to_value(job).unwrap()
}

fn env(job: &Value, name: &str) -> Option<String> {
    let environment = job["spec"]["template"]["spec"]["containers"][0]["env"]
        .as_array()
        .unwrap();
    let found = environment.iter().find(|entry| entry["name"] == name)?;
    found["value"].as_str().map(str::to_owned)
}

/// What the level `restricted` of Pod Security asks for.
#[test]
fn a_worker_pod_is_restricted_and_has_no_token() {
    let job = built(json!({}));
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    let container = &pod["containers"][0]["securityContext"];
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["readOnlyRootFilesystem"], true);
    assert_eq!(container["capabilities"]["drop"], json!(["ALL"]));
    assert_eq!(pod["restartPolicy"], "Never");
}

#[test]
fn the_job_belongs_to_the_content_job_and_ends_with_its_time() {
    let job = built(json!({}));
    let owner = &job["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["controller"]),
        (&json!("ContentJob"), &json!(true))
    );
    assert_eq!(job["spec"]["parallelism"], 2);
    assert_eq!(job["spec"]["completions"], Value::Null);
    assert_eq!(job["spec"]["activeDeadlineSeconds"], 3600);
    assert_eq!(job["spec"]["ttlSecondsAfterFinished"], 3600);
    assert_eq!(
        job["spec"]["podFailurePolicy"]["rules"][0]["action"],
        "Ignore"
    );
    for labels in [
        &job["metadata"]["labels"],
        &job["spec"]["template"]["metadata"]["labels"],
    ] {
        assert_eq!(labels[LABEL_CONTENT_JOB], "launch");
        assert_eq!(labels[LABEL_PERSONA], "maya");
        assert_eq!(labels[LABEL_RUN], Uuid::from_u128(9).to_string());
    }
}

#[test]
fn the_worker_is_told_whose_tasks_it_claims() {
    let job = built(json!({}));
    assert_eq!(env(&job, "THREADS_NAMESPACE").unwrap(), "a");
    assert_eq!(
        env(&job, "THREADS_PERSONA_UID").unwrap(),
        Uuid::from_u128(8).to_string()
    );
    assert_eq!(
        env(&job, "THREADS_RUN_ID").unwrap(),
        Uuid::from_u128(9).to_string()
    );
    assert_eq!(env(&job, "THREADS_QUEUE").unwrap(), "queue");
    assert_eq!(env(&job, "THREADS_CREDENTIALS_DIGEST").unwrap(), "digest");
    assert_eq!(env(&job, "HTTPS_PROXY"), None);
    assert_eq!(
        env(&job, "OTEL_EXPORTER_OTLP_ENDPOINT").unwrap(),
        "http://otel:4317"
    );
}

/// The keys are those of the revision that the tasks pin, not of the Persona as it is now.
#[test]
fn keys_come_from_the_pinned_revision() {
    let job = built(json!({}));
    let volumes = &job["spec"]["template"]["spec"]["volumes"];
    assert_eq!(volumes[0]["secret"]["secretName"], "threads-worker-b");
    let sources = volumes[1]["projected"]["sources"].as_array().unwrap();
    let files: Vec<(&Value, &Value)> = sources
        .iter()
        .map(|source| {
            (
                &source["secret"]["name"],
                &source["secret"]["items"][0]["path"],
            )
        })
        .collect();
    assert_eq!(
        files,
        [
            (&json!("keys"), &json!("model")),
            (&json!("keys"), &json!("embedding"))
        ]
    );
}

#[test]
fn placement_proxy_and_bundle_come_from_the_persona_and_our_labels_stay_ours() {
    let job = built(json!({
        "serviceAccountName": "writers",
        "nodeSelector": { "zone": "a" },
        "tolerations": [{ "key": "gpu", "operator": "Exists" }],
        "priorityClassName": "low",
        "proxy": { "url": "http://proxy:3128", "noProxy": [".svc", ".local"] },
        "caBundle": { "name": "ca", "key": "ca.pem" },
        "labels": { "kueue.x-k8s.io/queue-name": "q", "threads-agent.io/persona": "someone-else" },
        "resources": { "limits": { "memory": "1Gi" } },
    }));
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], "writers");
    assert_eq!(pod["nodeSelector"]["zone"], "a");
    assert_eq!(pod["tolerations"][0]["key"], "gpu");
    assert_eq!(pod["priorityClassName"], "low");
    assert_eq!(pod["containers"][0]["resources"]["limits"]["memory"], "1Gi");
    assert_eq!(env(&job, "HTTPS_PROXY").unwrap(), "http://proxy:3128");
    assert_eq!(env(&job, "NO_PROXY").unwrap(), ".svc,.local");
    assert_eq!(
        env(&job, "CA_BUNDLE").unwrap(),
        "/etc/threads/ca/bundle.pem"
    );
    assert_eq!(job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], "q");
    assert_eq!(job["metadata"]["labels"][LABEL_PERSONA], "maya");
}
