//! Manifests of experiments with shortened windows, and an audience whose behaviour a test decides.

use crate::{Cluster, api::Api, manifests};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// Name of the experiment in every scenario.
pub const EXPERIMENT: &str = "hooks";
/// The control and the other arm.
pub const ARMS: [&str; 2] = ["plain", "question"];

/// Template with two versions and a track that only experiments move.
#[must_use]
pub fn template() -> Value {
    let version = |name: &str, hook: &str| {
        json!({"name": name, "system": "You are {{ persona.displayName }}.",
            "hook": hook, "body": "Write the body that follows \"{{ hook }}\" about: {{ input }}"})
    };
    json!({"apiVersion": "threads-agent.io/v1alpha1", "kind": "PromptTemplate", "metadata": {"name": "launch"},
        "spec": {"versions": [version("v1", "Write a plain hook about: {{ input }} ({{ index }})"),
                version("v2", "Ask a question about: {{ input }} ({{ index }})")],
            "tracks": [{"name": "production", "managed": {"initial": "v1"}}]}})
}

/// A persona whose jobs join the experiment and whose posts may resemble one another.
#[must_use]
pub fn persona() -> Value {
    let mut persona = manifests::persona("maya", "stand-in-writer");
    persona["spec"]["defaultExperimentRef"] = json!({"name": EXPERIMENT});
    persona["spec"]["gates"] = json!({"dedup": {"action": "Flag"}});
    persona
}

/// An experiment that has the start annotation; `changes` is merged into its spec.
#[must_use]
pub fn experiment(changes: &Value) -> Value {
    let variant = |name: &str, version: &str, control: bool| json!({"name": name, "control": control, "weightBp": 5000, "prompt": {"template": "launch", "version": version}});
    let mut spec = json!({
        "hypothesis": "A question is read more often than a statement.",
        "personaRef": {"name": "maya"},
        "variants": [variant(ARMS[0], "v1", true), variant(ARMS[1], "v2", false)],
        "objective": {"metric": {"type": "Mean", "numerator": "likes", "denominator": "impressions"},
            "attributionWindowSeconds": 2, "ingestGraceSeconds": 15, "publishDeadlineSeconds": 600},
        "analysis": {"engine": "Sequential", "mdeBp": 1000, "plannedUnits": 50},
        "stopping": {"minDurationSeconds": 1, "maxDurationSeconds": 600, "minUnitsPerArm": 20},
        "decision": {"mode": "AutoPromote", "template": "launch", "track": "production"}
    });
    merge(&mut spec, changes);
    json!({"apiVersion": "threads-agent.io/v1alpha1", "kind": "Experiment",
        "metadata": {"name": EXPERIMENT, "annotations": {"threads-agent.io/start": "now"}}, "spec": spec})
}

fn merge(into: &mut Value, changes: &Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (name, change) in changes {
                merge(into.entry(name.clone()).or_insert(Value::Null), change);
            }
        }
        (into, changes) => *into = changes.clone(),
    }
}

/// A post with the arm that it was written for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmPost {
    pub id: String,
    pub arm: String,
}

/// Every post of the experiment, as the API lists them.
///
/// # Errors
/// What the API answers, and a post without an arm.
pub async fn posts(api: &Api) -> Result<Vec<ArmPost>> {
    let mut found = Vec::new();
    let mut page = format!("/content/posts?experiment={EXPERIMENT}&limit=100");
    loop {
        let answer = api.get(&page).await?;
        for post in answer["items"].as_array().context("items")? {
            found.push(arm_post(post)?);
        }
        match answer["nextCursor"].as_str() {
            Some(cursor) => {
                page = format!("/content/posts?experiment={EXPERIMENT}&limit=100&cursor={cursor}");
            }
            None => return Ok(found),
        }
    }
}

fn arm_post(post: &Value) -> Result<ArmPost> {
    let text = |pointer: &str| {
        post.pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .with_context(|| format!("{pointer} of {post}"))
    };
    Ok(ArmPost {
        id: text("/id")?,
        arm: text("/experiment/arm")?,
    })
}

/// Publishes the posts, tells what happened to each, and that everything was told. `likes` of 1,000 impressions by arm.
///
/// # Errors
/// What the API answers, and outcomes that were not applied.
pub async fn perform(
    api: &Api,
    posts: &[ArmPost],
    likes: impl Fn(&ArmPost, usize) -> u64,
) -> Result<()> {
    let mut lines = String::new();
    for (n, post) in posts.iter().enumerate() {
        let url = format!("https://example.com/{}", post.id);
        api.post(
            &format!("/content/posts/{}/published", post.id),
            &json!({"url": url, "externalId": format!("x-{}", post.id), "at": now()}),
        )
        .await?;
        let totals = json!({"impressions": 1000, "likes": likes(post, n)});
        lines += &format!(
            "{}\n",
            json!({"postId": post.id, "at": now(), "totals": totals})
        );
    }
    let answer = api.outcomes(&lines).await?;
    let applied = answer["applied"].as_u64().context("applied")?;
    ensure!(applied as usize >= posts.len(), "not applied: {answer}");
    Ok(())
}

/// The moment in RFC 3339.
#[must_use]
pub fn now() -> String {
    k8s_openapi::jiff::Timestamp::now().to_string()
}

impl Cluster {
    /// Foundation, experiment and a finished job of `count` posts in a namespace of their own.
    ///
    /// # Errors
    /// What the API server answers, or a step that never came.
    pub async fn run_experiment(
        &self,
        namespace: &str,
        experiment: &Value,
        count: i32,
    ) -> Result<()> {
        let job = manifests::job("launch", "maya", count);
        for manifest in [&manifests::model_key(), &template(), &persona(), experiment] {
            self.apply(Some(namespace), manifest).await?;
        }
        self.wait_for_condition(namespace, "Experiment", EXPERIMENT, "Running", "True")
            .await?;
        self.apply(Some(namespace), &job).await?;
        self.wait_for_condition(namespace, "ContentJob", "launch", "Finished", "True")
            .await
            .map(drop)
    }
}
