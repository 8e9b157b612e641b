//! Experiments on the real cluster with shortened windows: promoted, invalid, inconclusive, adopted.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use threads_e2e::{
    Cluster,
    api::Api,
    experiments::{ARMS, ArmPost, EXPERIMENT, experiment, perform, persona, posts, template},
};

/// Every tenth a little above or below its arm's rate, so that there is variance.
fn likes(post: &ArmPost, n: usize, [control, other]: [u64; 2]) -> u64 {
    let base = if post.arm == ARMS[0] { control } else { other };
    base + (n as u64 * 7) % 10
}

async fn prepare(namespace: &str, changes: &Value, count: i32) -> Option<(Cluster, String, Api)> {
    let cluster = Cluster::connect().await.unwrap()?;
    let namespace = cluster.namespace(namespace).await.unwrap();
    cluster
        .run_experiment(&namespace, &experiment(changes), count)
        .await
        .unwrap();
    let api = Api::connect(&cluster, &namespace).await.unwrap();
    Some((cluster, namespace, api))
}

async fn verdict(cluster: &Cluster, namespace: &str) -> Value {
    let ended = cluster
        .wait_for_condition(
            namespace,
            "Experiment",
            EXPERIMENT,
            "DecisionReached",
            "True",
        )
        .await
        .unwrap();
    ended.data["status"].clone()
}

/// Applies all three as Argo CD does, and says whether any of them changed by it.
async fn reapply(cluster: &Cluster, namespace: &str, experiment: &Value) -> bool {
    let mut changed = false;
    for manifest in [&template(), &persona(), experiment] {
        changed |= cluster.reapply(namespace, manifest).await.unwrap();
    }
    changed
}

#[tokio::test]
async fn a_better_arm_is_promoted_and_git_sees_no_difference() {
    let changes = json!({});
    let Some((cluster, namespace, api)) = prepare("e2e-winner", &changes, 100).await else {
        return;
    };
    let found = posts(&api).await.unwrap();
    assert_eq!(found.len(), 100);
    for arm in ARMS {
        let of_arm = found.iter().filter(|post| post.arm == arm).count();
        assert!((20..=80).contains(&of_arm), "{of_arm} of 100 in {arm}");
    }
    assert!(!reapply(&cluster, &namespace, &experiment(&changes)).await);
    perform(&api, &found, |post, n| likes(post, n, [20, 200]))
        .await
        .unwrap();
    let status = verdict(&cluster, &namespace).await;
    assert_eq!(status["verdict"], "Winner", "{status:#}");
    assert_eq!(status["winner"], ARMS[1]);
    assert!(
        status["explanation"].as_str().unwrap().contains(ARMS[1]),
        "{status:#}"
    );
    cluster
        .wait_for_condition(&namespace, "Experiment", EXPERIMENT, "Promoted", "True")
        .await
        .unwrap();
    let moved = cluster
        .eventually("the track follows the promotion", async || {
            let template = cluster.get(&namespace, "PromptTemplate", "launch").await?;
            let track = template.data["status"]["tracks"][0].clone();
            Ok((track["version"] == "v2").then_some(track))
        })
        .await
        .unwrap();
    assert_eq!(moved["by"], format!("experiment/{EXPERIMENT}"));
    assert!(!reapply(&cluster, &namespace, &experiment(&changes)).await);
    let template = cluster
        .get(&namespace, "PromptTemplate", "launch")
        .await
        .unwrap();
    assert_eq!(template.data["status"]["tracks"][0]["version"], "v2");
    cluster.delete_namespace(&namespace).await.unwrap();
}

#[tokio::test]
async fn a_ratio_mismatch_is_invalid_whatever_the_means_say() {
    let Some((cluster, namespace, api)) = prepare("e2e-invalid", &json!({}), 60).await else {
        return;
    };
    let mut found = posts(&api).await.unwrap();
    // Somebody publishes what one arm wrote and nothing of the other.
    found.retain(|post| post.arm == ARMS[1]);
    perform(&api, &found, |post, n| likes(post, n, [20, 200]))
        .await
        .unwrap();
    let status = verdict(&cluster, &namespace).await;
    assert_eq!(status["verdict"], "Invalid", "{status:#}");
    assert!(
        status["winner"].is_null(),
        "nothing is promoted: {status:#}"
    );
    cluster
        .wait_for_condition(
            &namespace,
            "Experiment",
            EXPERIMENT,
            "SampleRatioOK",
            "False",
        )
        .await
        .unwrap();
    cluster.delete_namespace(&namespace).await.unwrap();
}

#[tokio::test]
async fn equal_arms_end_inconclusive_at_the_maximum_duration() {
    let changes = json!({"stopping": {"maxDurationSeconds": 45}, "objective": {"publishDeadlineSeconds": 20}});
    let Some((cluster, namespace, api)) = prepare("e2e-equal", &changes, 40).await else {
        return;
    };
    let found = posts(&api).await.unwrap();
    perform(&api, &found, |post, n| likes(post, n, [50, 50]))
        .await
        .unwrap();
    let status = verdict(&cluster, &namespace).await;
    assert_eq!(status["verdict"], "Inconclusive", "{status:#}");
    let template = cluster
        .get(&namespace, "PromptTemplate", "launch")
        .await
        .unwrap();
    assert_eq!(template.data["status"]["tracks"][0]["version"], "v1");
    cluster.delete_namespace(&namespace).await.unwrap();
}

#[tokio::test]
async fn a_bandit_adopts_without_claiming_an_error_rate() {
    let changes = json!({"allocation": {"mode": "Bandit", "floorBp": 2000, "cadenceSeconds": 60},
        "analysis": {"engine": "Bayesian"}});
    let Some((cluster, namespace, api)) = prepare("e2e-bandit", &changes, 80).await else {
        return;
    };
    let found = posts(&api).await.unwrap();
    perform(&api, &found, |post, n| likes(post, n, [20, 200]))
        .await
        .unwrap();
    let status = verdict(&cluster, &namespace).await;
    assert_eq!(status["verdict"], "Adopted", "{status:#}");
    assert_eq!(status["winner"], ARMS[1]);
    cluster.delete_namespace(&namespace).await.unwrap();
}
