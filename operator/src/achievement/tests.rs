//! Scenarios: reconciles over an API server in memory and a real Postgres.
#![allow(clippy::unwrap_used)]

mod announcements;
mod resources;

use super::{resources::settle, *};
use crate::controller::testing::{MemoryApi, context};
use backends::postgres::{achievements::record, testing::TestDatabase};
use domain::achievement::{
    Analysis, BusinessValue, Category, Finding, Person, PullRequest, Role, Score, Visibility,
};
use serde_json::{Value, json};
use uuid::Uuid;

const ROOT: &str = "/apis/threads-agent.io/v1alpha1/namespaces/a";
const SOURCE: Uuid = Uuid::from_u128(5);

pub struct Scenario {
    pub api: MemoryApi,
    pub world: AchievementWorld,
    /// Keeps the name of the throw-away database.
    _database: TestDatabase,
}

impl Scenario {
    /// A namespace with a Persona and a source that is older than its pull requests.
    pub async fn create(resources: i32, publish: Value) -> Option<Self> {
        let api = MemoryApi::default();
        let (ctx, _, database) = context(&api).await?;
        let scenario = Self {
            world: AchievementWorld::new(&ctx),
            api,
            _database: database,
        };
        scenario.api.put(
            "/api/v1/namespaces/a",
            json!({ "metadata": { "name": "a", "uid": Uuid::from_u128(9) } }),
        );
        scenario.put("personas", "maya", 7, json!({}));
        scenario
            .put_source(resources, publish, "2026-01-01T00:00:00Z")
            .await;
        Some(scenario)
    }

    pub async fn put_source(&self, resources: i32, publish: Value, since: &str) {
        let settings = json!({
            "host": "github.com", "apiBaseUrl": "https://api.github.com", "owner": "acme", "repository": "shop", "filters": {},
            "since": null, "backfillEverySeconds": 3600, "resources": resources, "embedding": null, "publish": publish, "token": true
        });
        self.sql(&format!(
            "INSERT INTO achievement_sources (uid, namespace, namespace_uid, name, settings, settings_digest, created_at)
                 VALUES ('{SOURCE}', 'a', '{}', 'shop', '{settings}', 'd', '{since}')
             ON CONFLICT (uid) DO UPDATE SET settings = excluded.settings, created_at = excluded.created_at",
            Uuid::from_u128(9)
        ))
        .await;
    }

    pub fn put(&self, plural: &str, name: &str, uid: u128, spec: Value) {
        let kind = if plural == "personas" {
            "Persona"
        } else {
            "Achievement"
        };
        let object = json!({
            "apiVersion": "threads-agent.io/v1alpha1", "kind": kind, "spec": spec,
            "metadata": { "name": name, "namespace": "a", "uid": Uuid::from_u128(uid), "generation": 1,
                "managedFields": [{ "manager": "kubectl", "operation": "Apply" }] },
        });
        self.api.put(&format!("{ROOT}/{plural}/{name}"), object);
    }

    /// A merged pull request as its host tells of it, analysed.
    pub async fn tell(&self, number: i64, impact: i32) {
        self.record(&pull(number)).await;
        self.analyse(number, impact, &[]).await;
    }

    pub async fn record(&self, pull: &PullRequest) {
        let mut transaction = self.world.store.begin().await.unwrap();
        record::record_pull_request(&mut transaction, "a", SOURCE, pull)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }

    pub async fn analyse(&self, number: i64, impact: i32, findings: &[&str]) {
        sqlx::query(
            "UPDATE achievements SET analysis = $2, analyzed_version = facts_version, analyzed_at = now(), impact_score = $3
             WHERE number = $1",
        )
        .bind(number)
        .bind(serde_json::to_value(analysis(impact, findings)).unwrap())
        .bind(f64::from(impact))
        .execute(self.world.store.pool())
        .await
        .unwrap();
    }

    pub async fn settle(&self) -> usize {
        settle(&self.world).await.unwrap()
    }

    /// The resource of a pull request, where there is one.
    pub fn path_of(&self, number: i64) -> Option<String> {
        let paths = self.api.paths("achievements");
        paths
            .into_iter()
            .find(|path| self.api.get(path)["spec"]["source"]["number"] == number)
    }

    pub async fn reconcile(&self, path: &str) -> Result<Outcome, ReconcileError> {
        let object = serde_json::from_value(self.api.get(path)).unwrap();
        reconcile_in(&self.world, &object).await
    }

    pub fn edit(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.api.get(path);
        change(&mut object);
        self.api.put(path, object);
    }

    /// Status and reason.
    pub fn condition(&self, path: &str, type_: &str) -> String {
        let object = self.api.get(path);
        let conditions = object["status"]["conditions"].as_array().unwrap();
        let found = conditions.iter().find(|it| it["type"] == type_).unwrap();
        let word = |field: &str| found[field].as_str().unwrap().to_owned();
        format!("{} {}", word("status"), word("reason"))
    }

    pub async fn sql(&self, statement: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(self.world.store.pool())
            .await
            .unwrap();
    }

    pub async fn count(&self, condition: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "SELECT count(*) FROM achievements WHERE {condition}"
        )))
        .fetch_one(self.world.store.pool())
        .await
        .unwrap()
    }
}

pub fn pull(number: i64) -> PullRequest {
    PullRequest {
        host: "github.com".into(),
        repository_id: 42,
        repository: "acme/shop".into(),
        number,
        title: format!("Faster start {number}"),
        body: Some("Starts in half the time.".into()),
        url: format!("https://github.com/acme/shop/pull/{number}"),
        visibility: Visibility::Public,
        base_ref: "main".into(),
        default_branch: true,
        labels: vec![],
        people: vec![Person {
            login: "maya".into(),
            role: Role::Author,
        }],
        created_at: Some("2026-11-01T09:00:00Z".parse().unwrap()),
        merged_at: "2026-11-02T10:00:00Z".parse().unwrap(),
        updated_at: "2026-11-02T10:00:01Z".parse().unwrap(),
        merge_commit_sha: None,
        head_sha: None,
        commits: Some(3),
        comments: None,
        review_comments: None,
        additions: Some(120),
        deletions: Some(30),
        changed_files: Some(2),
        files: None,
        reverts: None,
    }
}

pub fn analysis(impact: i32, findings: &[&str]) -> Analysis {
    let score = |points| Score {
        points,
        evidenced: points,
        components: vec![],
    };
    Analysis {
        formula_version: 1,
        category: Category::Performance,
        category_reason: "the title says so".into(),
        impact: score(impact),
        complexity: score(20),
        business_value: BusinessValue::default(),
        findings: findings
            .iter()
            .map(|kind| Finding {
                kind: (*kind).to_owned(),
                detail: "the description holds it".into(),
            })
            .collect(),
        elapsed_hours: None,
        notes: vec![],
    }
}
