//! What whoever may read one namespace's Secrets can do to another namespace: nothing, in any of the stores.
//!
//! Tables, functions, queues and collections are listed by the systems themselves, so that a new one is tried as well.
#![allow(clippy::unwrap_used)]

mod postgres;
mod qdrant;
mod rabbitmq;
mod stolen;

use crds::{ConditionType, ContentJob, is_true};
use serde_json::json;
use stolen::Stolen;
use threads_e2e::{Cluster, manifests};

/// The namespace `e2e-victim` with a finished job, its posts and points, and two tasks in work that will not end; and the
/// namespace `e2e-thief` with a persona, a job and credentials of its own.
struct Scene {
    cluster: Cluster,
    victim: String,
    thief: String,
}

impl Scene {
    async fn set() -> Option<Self> {
        let cluster = Cluster::connect().await.unwrap()?;
        let victim = cluster.namespace("e2e-victim").await.unwrap();
        let thief = cluster.namespace("e2e-thief").await.unwrap();
        let scene = Self {
            cluster,
            victim,
            thief,
        };
        for (namespace, posts) in [(&scene.victim, 2), (&scene.thief, 1)] {
            for manifest in manifests::foundation("maya", "stand-in-writer") {
                scene
                    .cluster
                    .apply(Some(namespace), &manifest)
                    .await
                    .unwrap();
            }
            let job = manifests::job("launch", "maya", posts);
            scene.cluster.apply(Some(namespace), &job).await.unwrap();
        }
        scene.hold_two_tasks().await;
        for namespace in [&scene.victim, &scene.thief] {
            scene.finish(namespace).await;
        }
        Some(scene)
    }

    /// Tasks whose model never answers, so that there are leases to steal.
    async fn hold_two_tasks(&self) {
        for manifest in [
            manifests::persona("noah", "stand-in-writer?fault=hang"),
            manifests::job("held", "noah", 2),
        ] {
            self.cluster
                .apply(Some(&self.victim), &manifest)
                .await
                .unwrap();
        }
        self.cluster
            .eventually("two tasks are held", async || {
                let held = self
                    .cluster
                    .count(
                        "SELECT count(*) FROM tasks JOIN content_runs run ON run.id = tasks.run_id
                         WHERE run.namespace = $1 AND run.name = 'held' AND tasks.status = 'processing'",
                        &self.victim,
                    )
                    .await?;
                Ok((held == 2).then_some(()))
            })
            .await
            .unwrap();
    }

    async fn finish(&self, namespace: &str) {
        let complete = |job: &ContentJob| {
            job.status
                .as_ref()
                .is_some_and(|status| is_true(&status.conditions, ConditionType::Complete))
        };
        self.cluster
            .wait_for(namespace, "launch", "complete", complete)
            .await
            .unwrap();
        self.cluster
            .eventually("every post has its point", async || {
                let posts = self.cluster.posts(namespace, "launch").await?;
                Ok(posts.iter().all(|post| post.point_stored).then_some(()))
            })
            .await
            .unwrap();
    }

    async fn end(self) {
        // The endless tasks end with their job.
        let cancel = json!({"apiVersion": "threads-agent.io/v1alpha1", "kind": "ContentJob", "metadata": {"name": "held"},
            "spec": {"personaRef": {"name": "noah"}, "count": 2, "parallelism": 2, "cancel": true,
                "input": manifests::job("held", "noah", 2)["spec"]["input"]}});
        self.cluster
            .apply(Some(&self.victim), &cancel)
            .await
            .unwrap();
        for namespace in [&self.victim, &self.thief] {
            self.cluster.delete_namespace(namespace).await.unwrap();
        }
    }
}

#[tokio::test]
async fn stolen_secrets_of_one_namespace_reach_nothing_of_another() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let stolen = Stolen::all_of(&scene.cluster, &scene.thief).await;
    assert!(!stolen.is_empty(), "the thief's namespace has credentials");
    for credentials in &stolen {
        postgres::try_everything(&scene, credentials).await;
        rabbitmq::try_everything(&scene, credentials).await;
        qdrant::try_everything(&scene, credentials).await;
    }
    scene.end().await;
}
