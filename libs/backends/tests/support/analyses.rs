//! A source whose records are compared, and a worker that analyses them.
#![allow(clippy::unwrap_used, dead_code)]

use crate::{
    support::{PASSWORD, World},
    told::{person, pull, source, tell_pull},
};
use backends::postgres::{
    achievements::ANALYSIS_PROTOCOL,
    worker_achievements::{AnalysisClaim, AnalysisStore, AnalysisTask, Comparison},
};
use domain::{
    achievement::{Analysis, BusinessValue, Category, PullRequest, Role, Score},
    names::{Slot, worker_login},
    tasks::{FailureClass, TaskFailure},
};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::time::Duration;
use uuid::Uuid;

pub const NAMESPACE: &str = "team";

pub struct Scene {
    pub world: World,
    pub source: Uuid,
    pub worker: AnalysisStore,
}

impl Scene {
    /// A source whose records are compared.
    pub async fn create() -> Option<Self> {
        let world = World::create().await?;
        let source = source(&world.store, NAMESPACE).await;
        let worker = analyst(&world, NAMESPACE).await;
        let scene = Self {
            world,
            source,
            worker,
        };
        scene
            .sql(
                r#"UPDATE achievement_sources SET collection = 'achievements_team', settings = settings || '{"embedding": {"endpoint":
                "http://llm.test/v1", "model": "embedder", "dimensions": 2, "key": true, "duplicateBp": 9500}}'"#,
            )
            .await;
        Some(scene)
    }

    pub async fn sql(&self, statement: &str) {
        sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(self.world.store.pool())
            .await
            .unwrap();
    }

    pub async fn number(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(self.world.store.pool())
            .await
            .unwrap()
    }

    pub async fn told(&self, pull: &PullRequest) -> Uuid {
        tell_pull(&self.world.store, NAMESPACE, self.source, pull)
            .await
            .id
    }

    pub fn request(&self) -> AnalysisClaim {
        request(self.source)
    }

    pub async fn claim(&self) -> Option<AnalysisTask> {
        self.worker.claim(&self.request()).await.unwrap()
    }

    pub async fn row(&self, id: Uuid) -> Value {
        sqlx::query_scalar("SELECT to_jsonb(record) FROM achievements record WHERE id = $1")
            .bind(id)
            .fetch_one(self.world.store.pool())
            .await
            .unwrap()
    }

    /// Records a pull request merged on that day of November by that person, and analyses it.
    pub async fn analysed(&self, number: i64, day: u32, login: &str, vector: [f32; 2]) -> Uuid {
        let id = self.told(&merged(number, day, login)).await;
        let task = self.claim().await.unwrap();
        assert_eq!(task.subject.id, id);
        self.worker
            .complete(&task, &analysis(40), Some(&near(vector, &[])))
            .await
            .unwrap();
        id
    }

    pub async fn original(&self, id: Uuid) -> Option<Uuid> {
        serde_json::from_value(self.row(id).await["duplicate_of"].clone()).unwrap()
    }
}

pub async fn analyst(world: &World, namespace: &str) -> AnalysisStore {
    let tenant = world.tenant(namespace);
    world
        .store
        .ensure_worker_login(&tenant, Slot::A, &PASSWORD.to_owned().into())
        .await
        .unwrap();
    let login = worker_login(&tenant, Slot::A);
    AnalysisStore::connect_lazy(&world.database.url_of(&login, PASSWORD)).unwrap()
}

pub fn request(source_uid: Uuid) -> AnalysisClaim {
    AnalysisClaim {
        source_uid,
        protocol: ANALYSIS_PROTOCOL,
        credentials_digest: "credentials".into(),
        worker: "pod".into(),
        lease: Duration::from_secs(60),
    }
}

pub fn merged(number: i64, day: u32, login: &str) -> PullRequest {
    PullRequest {
        created_at: None,
        merged_at: format!("2026-11-{day:02}T10:00:00Z").parse().unwrap(),
        people: vec![person(login, Role::Author)],
        ..pull(number)
    }
}

pub fn near(vector: [f32; 2], ids: &[Uuid]) -> Comparison {
    Comparison {
        vector: vector.to_vec(),
        model: "embedder".into(),
        collection: "achievements_team".into(),
        near: ids.to_vec(),
        threshold_bp: 9500,
    }
}

pub fn analysis(points: i32) -> Analysis {
    let score = |points| Score {
        points,
        evidenced: 60,
        components: vec![],
    };
    Analysis {
        formula_version: 3,
        category: Category::Performance,
        category_reason: "label".into(),
        impact: score(points),
        complexity: score(12),
        business_value: BusinessValue::default(),
        findings: vec![],
        elapsed_hours: Some(25.0),
        notes: vec![],
    }
}

pub fn failure(class: FailureClass) -> TaskFailure {
    TaskFailure {
        class,
        code: "Unavailable".into(),
        message: "embedding: no answer".into(),
        retry_after_seconds: Some(30),
    }
}
