//! From a declared record to its Job, over a real Postgres and an API server in memory.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::controller::testing::{MemoryApi, context};
use backends::postgres::{
    achievements::declare::Origin,
    operator::achievements::{DeclaredAchievement, RecordKey},
    testing::TestDatabase,
};
use domain::achievement::Overrides;
use http::StatusCode;
use serde_json::json;
use std::sync::Mutex;
use uuid::Uuid;

const UID: Uuid = Uuid::from_u128(7);

/// Queue and credentials are there, or are waited for.
#[derive(Default)]
struct Prepared {
    asked: Mutex<Vec<String>>,
    lacking: Mutex<bool>,
}

#[async_trait]
impl Ground for Prepared {
    async fn prepare(&self, _: &Tenant, queue: &str) -> Result<String, Trouble> {
        self.asked.lock().unwrap().push(queue.to_owned());
        if *self.lacking.lock().unwrap() {
            return Err(Trouble::Waits("no broker".into()));
        }
        Ok("threads-worker-a".into())
    }
}

struct Scene {
    api: MemoryApi,
    ctx: Arc<Context>,
    ground: Arc<Prepared>,
    analyses: Analyses,
    _database: TestDatabase,
}

impl Scene {
    /// A namespace without sources.
    async fn create() -> Option<Self> {
        let api = MemoryApi::default();
        let (ctx, _, database) = context(&api).await?;
        let ground = Arc::new(Prepared::default());
        let scene = Self {
            analyses: Analyses::on(ctx.clone(), ground.clone()),
            ground,
            ctx,
            api,
            _database: database,
        };
        scene.namespace(UID);
        Some(scene)
    }

    fn namespace(&self, uid: Uuid) {
        self.api.put(
            "/api/v1/namespaces/a",
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a", "uid": uid } }),
        );
    }

    async fn declare(&self) {
        let wanted = DeclaredAchievement {
            key: RecordKey::Declared {
                namespace_uid: UID,
                name: "drill".into(),
            },
            origin: Origin::default(),
            overrides: Overrides {
                title: Some("Drill".into()),
                ..Overrides::default()
            },
            publish: None,
            revive: true,
        };
        self.ctx
            .store
            .declare_achievement("a", &wanted)
            .await
            .unwrap();
    }

    async fn run(&self, statement: &'static str) {
        sqlx::query(statement)
            .execute(self.ctx.store.pool())
            .await
            .unwrap();
    }

    fn requests(&self) -> usize {
        self.api.objects().requests.len()
    }

    fn path(&self, ordinal: i32) -> String {
        let name = domain::names::achievement_job(
            &self.ctx.settings.install,
            "analysis",
            "declared",
            Uuid::nil(),
            ordinal,
        );
        format!("/apis/batch/v1/namespaces/a/jobs/{name}")
    }

    fn end(&self, ordinal: i32, condition: &str) {
        let mut job = self.api.get(&self.path(ordinal));
        job["status"] = json!({ "conditions": [{ "type": condition, "status": "True" }] });
        self.api.put(&self.path(ordinal), job);
    }
}

/// FAULTS 6: one Job while rows wait, and nothing is asked of Kubernetes while none does.
#[tokio::test]
async fn a_declared_record_of_a_namespace_without_sources_gets_one_job_that_holds_no_key() {
    let Some(mut scene) = Scene::create().await else {
        return;
    };
    scene.analyses.round().await;
    assert_eq!(scene.requests(), 0);

    scene.declare().await;
    scene.analyses.round().await;
    let job = scene.api.get(&scene.path(1));
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["args"], json!(["analyse"]));
    let environment = pod["containers"][0]["env"].as_array().unwrap();
    assert!(environment.contains(&json!({ "name": "THREADS_SOURCE_UID", "value": Uuid::nil() })));
    assert_eq!(
        pod["volumes"][0]["secret"]["secretName"],
        "threads-worker-a"
    );
    assert_eq!(pod["volumes"][1]["projected"]["sources"], json!([]));
    assert_eq!(scene.ground.asked.lock().unwrap().len(), 1);

    // While it works, no second one.
    scene.analyses.round().await;
    assert_eq!(scene.api.writes(), 1);

    // It ended with rows left: another one. Without rows: none, and no question either.
    scene.end(1, "Complete");
    scene.analyses.round().await;
    scene.analyses.round().await;
    assert_eq!(scene.api.get(&scene.path(2))["kind"], "Job");
    scene
        .run("UPDATE achievement_tasks SET status = 'completed', completed_at = now()")
        .await;
    scene.end(2, "Complete");
    scene.analyses.round().await;
    let requests = scene.requests();
    scene.analyses.round().await;
    assert_eq!(scene.requests(), requests);
}

#[tokio::test]
async fn a_job_that_failed_is_replaced_after_a_wait() {
    let Some(mut scene) = Scene::create().await else {
        return;
    };
    scene.declare().await;
    scene.analyses.round().await;
    scene.end(1, "Failed");
    scene.analyses.round().await;
    let requests = scene.requests();
    scene.analyses.round().await;
    assert_eq!(scene.requests(), requests);
    scene
        .run("UPDATE achievement_jobs SET not_before = now()")
        .await;
    scene.analyses.round().await;
    assert_eq!(scene.api.get(&scene.path(2))["kind"], "Job");
}

/// FAULTS 8, 10: the grant comes before the Job, so a crash between the two is mended under the same name.
#[tokio::test]
async fn a_job_whose_making_was_lost_is_made_under_its_name() {
    let Some(mut scene) = Scene::create().await else {
        return;
    };
    scene.declare().await;
    scene.api.objects().refuse = (1, StatusCode::INTERNAL_SERVER_ERROR);
    scene.analyses.round().await;
    assert!(scene.api.get(&scene.path(1)).is_null());
    scene.analyses.round().await;
    assert_eq!(scene.api.get(&scene.path(1))["kind"], "Job");
}

#[tokio::test]
async fn what_cannot_be_prepared_gives_the_grant_back() {
    let Some(mut scene) = Scene::create().await else {
        return;
    };
    scene.declare().await;
    *scene.ground.lacking.lock().unwrap() = true;
    scene.analyses.round().await;
    assert_eq!(scene.api.writes(), 0);
    assert_eq!(scene.ctx.store.unsourced_work().await.unwrap(), []);
    *scene.ground.lacking.lock().unwrap() = false;
    scene
        .run("UPDATE achievement_jobs SET not_before = now()")
        .await;
    scene.analyses.round().await;
    assert_eq!(scene.api.get(&scene.path(2))["kind"], "Job");
}

/// FAULTS 45: of a namespace that is gone nothing is made, and one made again under its name has a grant of its own.
#[tokio::test]
async fn a_gone_namespace_gets_nothing_and_its_successor_a_job_of_its_own() {
    let Some(mut scene) = Scene::create().await else {
        return;
    };
    scene.declare().await;
    scene.analyses.round().await;
    scene.api.remove("/api/v1/namespaces/a");
    scene.api.remove(&scene.path(1));
    scene.analyses.round().await;
    scene.analyses.round().await;
    assert_eq!(scene.api.writes(), 1);
    let requests = scene.requests();
    scene.analyses.round().await;
    assert_eq!(scene.requests(), requests);

    scene.namespace(Uuid::from_u128(8));
    scene.analyses.gone.clear();
    scene.analyses.round().await;
    assert_eq!(scene.api.get(&scene.path(1))["kind"], "Job");
    let owners: Vec<Uuid> =
        sqlx::query_scalar("SELECT namespace_uid FROM achievement_jobs WHERE pods > 0")
            .fetch_all(scene.ctx.store.pool())
            .await
            .unwrap();
    assert_eq!(owners, [Uuid::from_u128(8)]);
}
