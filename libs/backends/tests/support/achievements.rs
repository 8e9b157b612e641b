//! Sources, pull requests and events as hosts tell of them.
#![allow(clippy::unwrap_used, dead_code)]

use backends::postgres::{
    achievements::{Recorded, evidence, record},
    operator::OperatorStore,
};
use domain::achievement::{
    Evidence, EvidenceKind, FileChange, Person, PullRequest, Role, Visibility,
};
use serde_json::{Value, json};
use uuid::Uuid;

pub const REPOSITORY: i64 = 42;

/// A living source of the repository `acme/shop`.
pub async fn source(store: &OperatorStore, namespace: &str) -> Uuid {
    let uid = Uuid::new_v4();
    sqlx::query(
        "INSERT INTO achievement_sources (uid, namespace, namespace_uid, name, settings, settings_digest, credentials_digest)
         VALUES ($1, $2, $3, 'shop', $4, 'd', 'credentials')",
    )
    .bind(uid)
    .bind(namespace)
    .bind(Uuid::new_v5(&Uuid::NAMESPACE_DNS, namespace.as_bytes()))
    .bind(settings())
    .execute(store.pool())
    .await
    .unwrap();
    uid
}

pub fn settings() -> Value {
    json!({
        "host": "github.com", "apiBaseUrl": "https://api.github.com", "owner": "acme", "repository": "shop", "filters": {},
        "since": null, "backfillEverySeconds": 3600, "resources": 200, "embedding": null, "publish": {}, "token": true
    })
}

pub fn person(login: &str, role: Role) -> Person {
    Person {
        login: login.into(),
        role,
    }
}

/// As a webhook tells of it: without files.
pub fn pull(number: i64) -> PullRequest {
    PullRequest {
        host: "github.com".into(),
        repository_id: REPOSITORY,
        repository: "acme/shop".into(),
        number,
        title: format!("Faster start {number}"),
        body: Some("Saves 3 hours a week.".into()),
        url: format!("https://github.com/acme/shop/pull/{number}"),
        visibility: Visibility::Public,
        base_ref: "main".into(),
        default_branch: true,
        labels: vec!["performance".into()],
        people: vec![
            person("Maya", Role::Author),
            person("maya", Role::Merger),
            person("tom", Role::Reviewer),
        ],
        created_at: Some("2026-11-01T09:00:00Z".parse().unwrap()),
        merged_at: "2026-11-02T10:00:00Z".parse().unwrap(),
        updated_at: "2026-11-02T10:00:01Z".parse().unwrap(),
        merge_commit_sha: Some(format!("merge{number}")),
        head_sha: Some(format!("head{number}")),
        commits: Some(3),
        comments: Some(1),
        review_comments: Some(0),
        additions: Some(120),
        deletions: Some(30),
        changed_files: Some(2),
        files: None,
        reverts: None,
    }
}

/// As a backfill tells of it: with files, and at another time perhaps.
pub fn backfilled(number: i64) -> PullRequest {
    PullRequest {
        files: Some(vec![FileChange {
            path: "src/start.rs".into(),
            additions: 120,
            deletions: 30,
            status: "modified".into(),
        }]),
        people: vec![person("Maya", Role::Author), person("ann", Role::CoAuthor)],
        ..pull(number)
    }
}

pub fn event(kind: EvidenceKind, id: &str, shas: &[&str]) -> Evidence {
    Evidence {
        kind,
        host: "github.com".into(),
        repository_id: REPOSITORY,
        repository: "acme/shop".into(),
        external_id: id.into(),
        title: format!("Event {id}"),
        url: Some("https://github.com/acme/shop".into()),
        stream: "main".into(),
        sha: shas.first().map(|sha| (*sha).to_owned()),
        shas: (!shas.is_empty()).then(|| shas.iter().map(|sha| (*sha).to_owned()).collect()),
        at: "2026-11-02T11:00:00Z".parse().unwrap(),
        people: vec![person("maya", Role::Releaser)],
    }
}

/// One telling.
#[derive(Debug, Clone)]
pub enum Telling {
    Pull(PullRequest),
    Event(Evidence),
}

/// Each telling in a transaction of its own.
pub async fn tell(store: &OperatorStore, namespace: &str, source: Uuid, telling: &Telling) {
    match telling {
        Telling::Pull(pull) => {
            tell_pull(store, namespace, source, pull).await;
        }
        Telling::Event(event) => {
            let mut transaction = store.begin().await.unwrap();
            evidence::record_evidence(&mut transaction, namespace, source, event)
                .await
                .unwrap();
            transaction.commit().await.unwrap();
        }
    }
}

pub async fn tell_pull(
    store: &OperatorStore,
    namespace: &str,
    source: Uuid,
    pull: &PullRequest,
) -> Recorded {
    let mut transaction = store.begin().await.unwrap();
    let recorded = record::record_pull_request(&mut transaction, namespace, source, pull)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    recorded
}

/// Everything of a namespace's records that somebody could see, without what depends on when and how often it was told.
pub async fn picture(store: &OperatorStore, namespace: &str) -> Vec<Value> {
    sqlx::query_scalar(
        "SELECT to_jsonb(record) - '{id,namespace,source_uid,created_at,updated_at,facts_version,revision,reverted_by,superseded_by}'::text[]
             || jsonb_build_object(
                 'revertedBy', (SELECT identity FROM achievements other WHERE other.id = record.reverted_by),
                 'superseded', record.superseded_by IS NOT NULL,
                 'evidence', (SELECT jsonb_agg(to_jsonb(event) - '{id,namespace,source_uid,created_at,settles_at,settled_at}'::text[]
                     ORDER BY kind, external_id) FROM achievement_evidence event JOIN achievement_evidence_links link
                     ON link.evidence_id = event.id WHERE link.achievement_id = record.id),
                 -- One task waits, for the facts in force.
                 'queued', (SELECT jsonb_agg(task.facts_version = record.facts_version) FROM achievement_tasks task
                     WHERE task.achievement_id = record.id AND task.status = 'queued'))
         FROM achievements record WHERE namespace = $1 ORDER BY identity",
    )
    .bind(namespace)
    .fetch_all(store.pool())
    .await
    .unwrap()
}
