//! A namespace with one source of achievements in a throw-away Postgres, and a desk whose other systems are in memory.
#![allow(clippy::unwrap_used)]

use async_trait::async_trait;
use backends::postgres::{
    achievements::{declare::Origin, record::record_pull_request},
    operator::{
        OperatorStore,
        achievements::{DeclaredAchievement, RecordKey},
    },
    testing::TestDatabase,
    worker_achievements::AnalysisStore,
};
use domain::{
    achievement::{
        Analysis, BusinessValue, Category, EmbeddingSettings, Finding, Overrides, Person,
        PullRequest, Role, Score, Subject, Visibility,
    },
    names::{Slot, Tenant, worker_login},
    tasks::TaskFailure,
};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use uuid::Uuid;
use worker::{
    analyse::{
        Desk,
        adapters::StoredAnalyses,
        cli::Settings,
        ports::{Around, Embedder, Neighbourhood},
    },
    ports::{Embedding, IndexDown},
    stop::Stop,
};

const PASSWORD: &str = "a-password-of-more-than-24-characters";
const DIMENSIONS: usize = 32;

pub struct Office {
    operator: OperatorStore,
    database: TestDatabase,
    tenant: Tenant,
    pub source: Uuid,
    pub embedder: Arc<Words>,
    pub index: Arc<Listed>,
}

impl Office {
    pub async fn create() -> Option<Self> {
        let database = TestDatabase::create().await.unwrap()?;
        let operator = OperatorStore::lead(&database.operator_url, "test")
            .await
            .unwrap();
        let tenant = Tenant {
            install: database.install.clone(),
            namespace: "team".into(),
            namespace_uid: Uuid::new_v4(),
        };
        operator
            .ensure_worker_login(&tenant, Slot::A, &PASSWORD.to_owned().into())
            .await
            .unwrap();
        let office = Self {
            operator,
            database,
            source: Uuid::new_v4(),
            tenant,
            embedder: Arc::default(),
            index: Arc::default(),
        };
        sqlx::query(
            "INSERT INTO achievement_sources (uid, namespace, namespace_uid, name, settings, settings_digest, credentials_digest, collection)
             VALUES ($1, 'team', $2, 'shop', $3, 'd', 'credentials', 'achievements_team')",
        )
        .bind(office.source)
        .bind(office.tenant.namespace_uid)
        .bind(json!({"embedding": {"endpoint": "http://llm.test/v1", "model": "embedder", "dimensions": DIMENSIONS, "key": true,
            "duplicateBp": 9800}}))
        .execute(office.operator.pool())
        .await
        .unwrap();
        Some(office)
    }

    /// A merged pull request of that title and author, merged on that day of November.
    pub async fn record(&self, title: &str, login: &str, day: u32) -> Uuid {
        let number = 1 + self.number("SELECT count(*) FROM achievements").await;
        let merged = format!("2026-11-{day:02}T10:00:00Z").parse().unwrap();
        let pull = PullRequest {
            host: "github.com".into(),
            repository_id: 42,
            repository: "acme/shop".into(),
            number,
            title: title.into(),
            body: None,
            url: format!("https://github.com/acme/shop/pull/{number}"),
            visibility: Visibility::Public,
            base_ref: "main".into(),
            default_branch: true,
            labels: vec![],
            people: vec![Person {
                login: login.into(),
                role: Role::Author,
            }],
            created_at: None,
            merged_at: merged,
            updated_at: merged,
            merge_commit_sha: Some(format!("merge{number}")),
            head_sha: None,
            commits: None,
            comments: None,
            review_comments: None,
            additions: None,
            deletions: None,
            changed_files: None,
            files: None,
            reverts: None,
        };
        let mut transaction = self.operator.begin().await.unwrap();
        let recorded = record_pull_request(&mut transaction, "team", self.source, &pull)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        recorded.id
    }

    /// A record that somebody declares of themselves, in the namespace whose source is gone.
    pub async fn declared(&self, title: &str, login: &str) -> Uuid {
        self.sql("UPDATE achievement_sources SET gone_at = now()")
            .await;
        let wanted = DeclaredAchievement {
            key: RecordKey::Declared {
                namespace_uid: self.tenant.namespace_uid,
                name: title.to_owned(),
            },
            origin: Origin::default(),
            overrides: Overrides {
                title: Some(title.to_owned()),
                people: Some(vec![Person {
                    login: login.into(),
                    role: Role::Author,
                }]),
                ..Overrides::default()
            },
            publish: None,
            revive: true,
        };
        let recorded = self.operator.declare_achievement("team", &wanted).await;
        recorded.unwrap().id
    }

    /// Declares the source anew.
    pub async fn settings(&self, settings: Value) {
        sqlx::query("UPDATE achievement_sources SET settings = $1")
            .bind(settings)
            .execute(self.operator.pool())
            .await
            .unwrap();
    }

    /// The source's endpoint from now on.
    pub async fn endpoint(&self, url: &str) {
        sqlx::query(
            "UPDATE achievement_sources SET settings = jsonb_set(settings, '{embedding,endpoint}', to_jsonb($1::text))",
        )
        .bind(url)
        .execute(self.operator.pool())
        .await
        .unwrap();
    }

    /// The URL of this namespace's worker login.
    pub fn worker_url(&self) -> String {
        let login = worker_login(&self.tenant, Slot::A);
        self.database.url_of(&login, PASSWORD)
    }

    /// The URL of another namespace's worker login.
    pub async fn stranger_url(&self) -> String {
        let tenant = Tenant {
            namespace: "other".into(),
            namespace_uid: Uuid::new_v4(),
            ..self.tenant.clone()
        };
        self.operator
            .ensure_worker_login(&tenant, Slot::A, &PASSWORD.to_owned().into())
            .await
            .unwrap();
        self.database
            .url_of(&worker_login(&tenant, Slot::A), PASSWORD)
    }

    /// As the inbox's loop records what a webhook told.
    pub async fn told(&self, pull: &PullRequest) {
        let mut transaction = self.operator.begin().await.unwrap();
        record_pull_request(&mut transaction, "team", self.source, pull)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }

    /// The row of the source.
    pub async fn source_row(&self) -> Value {
        sqlx::query_scalar("SELECT to_jsonb(source) FROM achievement_sources source WHERE uid = $1")
            .bind(self.source)
            .fetch_one(self.operator.pool())
            .await
            .unwrap()
    }

    /// A worker over these rows; another one is another Pod.
    pub fn desk(&self) -> Desk {
        self.desk_of(self.source, "credentials")
    }

    /// A worker of another source, or, with the nil uuid, of records that have none.
    pub fn desk_of(&self, source: Uuid, credentials_digest: &str) -> Desk {
        let store = AnalysisStore::connect_lazy(&self.worker_url()).unwrap();
        let settings = Settings {
            namespace: "team".into(),
            source_uid: source,
            queue: "queue".into(),
            credentials_digest: credentials_digest.into(),
            pod_name: "pod".into(),
            credentials_dir: "/nonexistent".into(),
            keys_dir: "/nonexistent".into(),
            lease_seconds: 60,
            grace_seconds: 20,
            https_proxy: None,
            ca_bundle: None,
        };
        Desk {
            analyst,
            embedder: self.embedder.clone(),
            index: self.index.clone(),
            tasks: Arc::new(StoredAnalyses::new(store, &settings)),
            lease: Duration::from_secs(60),
            stop: Stop::new(Duration::from_secs(20)),
        }
    }

    pub async fn sql(&self, statement: &str) {
        sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(self.operator.pool())
            .await
            .unwrap();
    }

    pub async fn number(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(self.operator.pool())
            .await
            .unwrap()
    }

    pub async fn tasks(&self, status: &str) -> i64 {
        self.number(&format!(
            "SELECT count(*) FROM achievement_tasks WHERE status = '{status}'"
        ))
        .await
    }

    pub async fn column(&self, id: Uuid, column: &str) -> Value {
        let row: Value =
            sqlx::query_scalar("SELECT to_jsonb(record) FROM achievements record WHERE id = $1")
                .bind(id)
                .fetch_one(self.operator.pool())
                .await
                .unwrap();
        row[column].clone()
    }

    pub async fn make_due(&self) {
        self.sql("UPDATE achievement_tasks SET not_before = now() WHERE status = 'queued'")
            .await;
    }

    /// As if the operator had stored all points an hour ago.
    pub async fn store_points_long_ago(&self) {
        self.sql("UPDATE achievements SET point_version = embedding_version")
            .await;
        self.sql("UPDATE achievements SET point_stored_at = now() - interval '1 hour'")
            .await;
    }
}

/// A formula that says the same of everything, and finds a secret where the title says so.
fn analyst(subject: &Subject) -> Analysis {
    assert!(!subject.title.contains("panic"), "the title says so");
    let score = |points| Score {
        points,
        evidenced: 60,
        components: vec![],
    };
    Analysis {
        formula_version: 1,
        category: Category::Performance,
        category_reason: "test".into(),
        impact: score(42),
        complexity: score(7),
        business_value: BusinessValue::default(),
        findings: subject
            .title
            .contains("secret")
            .then(|| Finding {
                kind: "secret".into(),
                detail: "title".into(),
            })
            .into_iter()
            .collect(),
        elapsed_hours: None,
        notes: vec![],
    }
}

/// An endpoint whose vectors are counts of words.
#[derive(Default)]
pub struct Words {
    asked: Mutex<Vec<String>>,
    failure: Mutex<Option<TaskFailure>>,
    dimensions: Mutex<Option<usize>>,
}

impl Words {
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub fn fail(&self, failure: Option<TaskFailure>) {
        *self.failure.lock().unwrap() = failure;
    }

    pub fn answer_dimensions(&self, dimensions: usize) {
        *self.dimensions.lock().unwrap() = Some(dimensions);
    }
}

#[async_trait]
impl Embedder for Words {
    async fn embed(&self, _: &EmbeddingSettings, text: &str) -> Result<Embedding, TaskFailure> {
        self.asked.lock().unwrap().push(text.to_owned());
        if let Some(failure) = self.failure.lock().unwrap().clone() {
            return Err(failure);
        }
        let size = self.dimensions.lock().unwrap().unwrap_or(DIMENSIONS);
        let mut vector = vec![0.0_f32; size];
        for word in text.split_whitespace() {
            let hash = word.bytes().fold(5381_usize, |hash, byte| {
                (hash.wrapping_mul(33)) ^ usize::from(byte)
            });
            vector[hash % size] += 1.0;
        }
        Ok(Embedding {
            vector,
            tokens: None,
        })
    }
}

/// Logins and collection of a question.
type Question = (Vec<String>, String);

/// An index that answers from a list.
#[derive(Default)]
pub struct Listed {
    ids: Mutex<Vec<Uuid>>,
    asked: Mutex<Vec<Question>>,
    down: Mutex<bool>,
}

impl Listed {
    pub fn set(&self, ids: Vec<Uuid>) {
        *self.ids.lock().unwrap() = ids;
    }

    pub fn set_down(&self) {
        *self.down.lock().unwrap() = true;
    }

    pub fn asked(&self) -> Vec<Question> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Neighbourhood for Listed {
    async fn near(&self, around: Around<'_>) -> Result<Vec<Uuid>, IndexDown> {
        self.asked
            .lock()
            .unwrap()
            .push((around.logins.to_vec(), around.collection.to_owned()));
        if *self.down.lock().unwrap() {
            return Err(IndexDown("connection refused".to_owned()));
        }
        Ok(self.ids.lock().unwrap().clone())
    }
}
