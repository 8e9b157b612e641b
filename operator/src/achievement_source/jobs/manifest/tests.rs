#![allow(clippy::unwrap_used)]

use super::super::super::validate::validate;
use super::*;
use serde_json::json;

fn source() -> ValidatedSource {
    validate(
        &serde_json::from_value(json!({
            "apiVersion": "threads-agent.io/v1alpha1", "kind": "AchievementSource",
            "metadata": { "name": "shop", "namespace": "a", "uid": "00000000-0000-0000-0000-000000000001" },
            "spec": {
                "github": { "owner": "acme" }, "tokenSecretRef": { "name": "token" },
                "worker": {
                    "proxy": { "url": "http://proxy.example:3128", "noProxy": [".svc"] },
                    "caBundle": { "name": "authorities", "key": "all.pem" },
                    "labels": { "team": "blue", "app.kubernetes.io/name": "mine" },
                },
                "embedding": { "endpoint": "https://api.openai.com/v1", "model": "m", "secretRef": { "name": "key" } },
            },
        }))
        .unwrap(),
    )
    .unwrap()
}

#[test]
fn the_job_is_restricted_and_holds_no_key_but_the_embeddings() {
    let job = serde_json::to_value(build(&SourceJob {
        task: Task::Analyse,
        install: "threads",
        image: "worker:1",
        image_pull_policy: "IfNotPresent",
        namespace: "a",
        owner: None,
        name: "shop-analysis-1-x",
        source: Some(&source()),
        queue: "q",
        credentials_digest: "d",
        credentials_secret: "threads-worker-a",
    }))
    .unwrap();
    assert_eq!(job["metadata"]["name"], "shop-analysis-1-x");
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let container = &pod["containers"][0];
    assert_eq!(container["args"], json!(["analyse"]));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(
        container["securityContext"]["capabilities"]["drop"],
        json!(["ALL"])
    );
    assert_eq!(
        pod["volumes"][1]["projected"]["sources"],
        json!([{ "secret": { "name": "key", "items": [{ "key": "api-key", "path": "embedding" }] } }])
    );
    assert_eq!(
        job["spec"]["podFailurePolicy"]["rules"][0]["action"],
        "Ignore"
    );
}

#[test]
fn a_backfill_has_the_token_and_not_the_embeddings_key() {
    let source = source();
    let job = serde_json::to_value(build(&SourceJob {
        task: Task::Backfill,
        install: "threads",
        image: "worker:1",
        image_pull_policy: "IfNotPresent",
        namespace: "a",
        owner: None,
        name: "shop-backfill-1-x",
        source: Some(&source),
        queue: "q",
        credentials_digest: "d",
        credentials_secret: "threads-worker-a",
    }))
    .unwrap();
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["args"], json!(["backfill"]));
    let keys = &pod["volumes"][1]["projected"]["sources"];
    assert_eq!(keys.as_array().unwrap().len(), 1);
    assert_eq!(keys[0]["secret"]["items"][0]["path"], "github");
}

#[test]
fn the_pod_goes_by_the_sources_proxy_and_trusts_its_authorities() {
    let source = source();
    let job = serde_json::to_value(build(&SourceJob {
        task: Task::Backfill,
        install: "threads",
        image: "worker:1",
        image_pull_policy: "IfNotPresent",
        namespace: "a",
        owner: None,
        name: "shop-backfill-1-x",
        source: Some(&source),
        queue: "q",
        credentials_digest: "d",
        credentials_secret: "threads-worker-a",
    }))
    .unwrap();
    let labels = &job["spec"]["template"]["metadata"]["labels"];
    assert_eq!(labels["team"], "blue");
    assert_eq!(labels["app.kubernetes.io/name"], "threads-worker");
    let pod = &job["spec"]["template"]["spec"];
    let environment = pod["containers"][0]["env"].as_array().unwrap();
    let value = |name: &str| {
        let found = environment.iter().find(|it| it["name"] == name);
        found.map(|it| it["value"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        value("HTTPS_PROXY").as_deref(),
        Some("http://proxy.example:3128")
    );
    assert_eq!(value("NO_PROXY").as_deref(), Some(".svc"));
    assert_eq!(
        value("CA_BUNDLE").as_deref(),
        Some("/etc/threads/ca/bundle.pem")
    );
    assert_eq!(pod["volumes"][2]["configMap"]["name"], "authorities");
    assert_eq!(
        pod["containers"][0]["volumeMounts"][2]["mountPath"],
        "/etc/threads/ca"
    );
}
