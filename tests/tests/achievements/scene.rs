//! What the tests have in common: a source with a webhook, and the deliveries that GitHub would send for one pull request.

use serde_json::{Value, json};
use threads_e2e::{Cluster, api::Api};

pub const SECRET: &str = "an-end-to-end-secret-of-32-bytes";
const MERGE: &str = "0123456789abcdef0123456789abcdef01234567";

/// A namespace with the source `shop` in it, and its path for webhooks.
pub struct Scene {
    pub cluster: Cluster,
    pub namespace: String,
    pub api: Api,
    pub path: String,
}

impl Scene {
    /// None where there is no cluster. `spec` is laid over the source's own.
    pub async fn set(namespace: &str, host: &str, spec: &Value) -> Option<Self> {
        let cluster = Cluster::connect().await.unwrap()?;
        let namespace = cluster.namespace(namespace).await.unwrap();
        for manifest in manifests(host, spec) {
            cluster.apply(Some(&namespace), &manifest).await.unwrap();
        }
        let path = cluster
            .eventually("the source has the path of its webhook", async || {
                let source = cluster.get(&namespace, "AchievementSource", "shop").await?;
                Ok(source.data["status"]["webhookPath"]
                    .as_str()
                    .map(str::to_owned))
            })
            .await
            .unwrap();
        let api = Api::of_achievements(&cluster, &namespace).await.unwrap();
        Some(Self {
            cluster,
            namespace,
            api,
            path,
        })
    }

    /// Delivers until it is taken: the secret is sealed into the row a moment after the path is known.
    pub async fn deliver(&self, event: &str, id: &str, body: &Value) {
        self.cluster
            .eventually("the delivery is taken", async || {
                let (status, _) = self
                    .api
                    .deliver(&self.path, (event, id), SECRET, body)
                    .await?;
                Ok(status.is_success().then_some(()))
            })
            .await
            .unwrap();
    }

    /// The list of records, as soon as the one of `person` has points for every one of `components`.
    pub async fn analysed(&self, person: &str, components: &[&str]) -> Value {
        self.cluster
            .eventually(
                "a worker analysed the record with its evidence",
                async || {
                    let list = self
                        .api
                        .get(&format!("/achievements/?person={person}"))
                        .await?;
                    let found = &list["items"][0]["analysis"]["impact"]["components"];
                    let has = |name: &&str| {
                        found.as_array().into_iter().flatten().any(|it| {
                            it["name"] == **name && it["points"].as_i64().is_some_and(|it| it > 0)
                        })
                    };
                    Ok(components.iter().all(has).then(|| list.clone()))
                },
            )
            .await
            .unwrap()
    }
}

fn manifests(host: &str, spec: &Value) -> [Value; 2] {
    let mut source = json!({"apiVersion": "threads-agent.io/v1alpha1", "kind": "AchievementSource", "metadata": {"name": "shop"},
        "spec": {"github": {"owner": "acme", "repository": "shop"}, "webhook": {"secretRef": {"name": "hook"}}}});
    for (name, value) in spec.as_object().into_iter().flatten() {
        source["spec"][name] = value.clone();
    }
    [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook",
            "labels": {"threads-agent.io/use": "webhook"}, "annotations": {"threads-agent.io/hosts": host}},
            "stringData": {"webhook-secret": SECRET}}),
        source,
    ]
}

fn repository() -> Value {
    json!({"id": 7, "full_name": "acme/shop", "default_branch": "main", "private": false, "visibility": "public"})
}

pub fn merged() -> Value {
    json!({"action": "closed", "number": 3, "repository": repository(), "pull_request": {
        "number": 3, "title": "feat: export invoices", "body": "Closes #2.\n\nSaves the team 6 hours a week.", "merged": true,
        "html_url": "https://github.com/acme/shop/pull/3", "created_at": "2026-01-02T00:00:00Z",
        "merged_at": "2026-01-03T00:00:00Z", "updated_at": "2026-01-03T00:00:05Z", "merge_commit_sha": MERGE,
        "user": {"login": "ada", "type": "User"}, "labels": [{"name": "feature"}],
        "base": {"ref": "main"}, "head": {"ref": "export", "sha": MERGE}, "review_comments": 4}})
}

pub fn deployed() -> Value {
    json!({"action": "created", "repository": repository(),
        "deployment": {"id": 11, "sha": MERGE, "environment": "production", "creator": {"login": "ada", "type": "User"}},
        "deployment_status": {"state": "success", "created_at": "2026-01-05T00:00:00Z"}})
}
