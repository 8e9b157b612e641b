//! An edit is embedded again by a worker's task, once, and only while it is the newest text.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::{
    api::{ApiStore, posts::PostEdit},
    operator::{
        edits::EditedText,
        runs::{NewRun, RunIdentity, TaskTemplate},
    },
    worker::{ClaimRequest, WorkerStore},
};
use domain::{
    names::{embedding_run_id, post_id},
    tasks::{ContentType, EditedPost, TaskKind, TaskPayload, TokenUsage},
};
use serde_json::Map;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use support::{CREDENTIALS, PASSWORD, Run, World, post_for, request};
use uuid::Uuid;

struct Desk {
    world: World,
    run: Run,
    worker: WorkerStore,
    api: ApiStore,
    post: Uuid,
}

impl Desk {
    /// One written post.
    async fn create() -> Option<Self> {
        let world = World::create().await?;
        let tenant = world.tenant("studio");
        let run = world.run(&tenant, "job", 1, 50).await;
        let revision = Uuid::new_v5(&run.persona, b"revision");
        sqlx::query("UPDATE personas SET current_revision = $2 WHERE uid = $1")
            .bind(run.persona)
            .bind(revision)
            .execute(world.store.pool())
            .await
            .unwrap();
        let worker = world.worker(&tenant).await;
        let task = worker.claim(&request(run.persona)).await.unwrap().unwrap();
        let now = worker.now().await.unwrap();
        let done = post_for(&task, vec![1.0, 0.0, 0.0], now);
        worker.complete(&task, &done, false).await.unwrap();
        let login = format!("{}_api", world.database.install);
        let mut superuser = PgConnection::connect(&world.database.superuser_url)
            .await
            .unwrap();
        sqlx::query(AssertSqlSafe(format!(
            "ALTER ROLE {login} PASSWORD '{PASSWORD}'"
        )))
        .execute(&mut superuser)
        .await
        .unwrap();
        let api = ApiStore::connect_lazy(&world.database.url_of(&login, PASSWORD)).unwrap();
        Some(Self {
            post: post_id(task.id),
            world,
            run,
            worker,
            api,
        })
    }

    async fn edit(&self, body: &str) {
        let edit = PostEdit {
            id: self.post,
            hook: "Hook",
            body,
            content_hash: body,
            edited_by: "key",
        };
        self.api.edit_post("studio", &edit).await.unwrap().unwrap();
    }

    /// As the operator's loop does.
    async fn take_up(&self, edited: &EditedText) {
        let (name, key) = (
            format!("embed/{}", edited.post),
            edited.revision.to_string(),
        );
        let payload = TaskPayload {
            input: edited.body.clone(),
            content_type: ContentType::Post,
            count: 1,
            attempt_seconds: 60,
            post: Some(EditedPost {
                id: edited.post,
                revision: edited.revision,
            }),
            traceparent: None,
        };
        let run = NewRun {
            id: embedding_run_id(edited.post, edited.revision),
            identity: RunIdentity {
                job_uid: edited.post,
                namespace_uid: edited.namespace_uid,
                name: &name,
                run_key: &key,
                spec_digest: "",
            },
            namespace: &edited.namespace,
            persona_uid: edited.persona_uid,
            persona_name: &edited.persona_name,
            kind: TaskKind::Embed,
            priority: 50,
            parallelism: 1,
            tokens_limit: None,
            total_seconds: 600,
            tasks_total: 1,
            task_tokens: 10,
            task: TaskTemplate {
                persona_revision: Uuid::new_v5(&self.run.persona, b"revision"),
                prompt_digest: &edited.prompt_digest,
                prompt_variables: &Map::new(),
                credentials_digest: CREDENTIALS,
                payload: &payload,
                max_attempts: 3,
            },
            experiment: None,
            experiment_note: None,
            places: None,
        };
        self.world.store.create_run(&run).await.unwrap();
    }

    /// Revision that the embedding is of, its version, and its first number.
    async fn embedded(&self) -> (i32, i32, f32) {
        sqlx::query_as(
            "SELECT embedded_revision, embedding_version, embedding[1] FROM posts WHERE id = $1",
        )
        .bind(self.post)
        .fetch_one(self.world.store.pool())
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn an_edit_becomes_one_task_and_its_embedding_the_posts() {
    let Some(desk) = Desk::create().await else {
        return;
    };
    let store = &desk.world.store;
    assert_eq!(store.edited_texts(10).await.unwrap(), []);
    desk.edit("Another body").await;
    let edited = store.edited_texts(10).await.unwrap();
    assert_eq!(
        (edited.len(), edited[0].revision, edited[0].body.as_str()),
        (1, 1, "Another body")
    );
    desk.take_up(&edited[0]).await;
    desk.take_up(&edited[0]).await;
    assert_eq!(store.edited_texts(10).await.unwrap(), [], "it has a run");
    let runs = store.embedding_runs().await.unwrap();
    assert!(
        runs.len() == 1 && runs[0].claimable && runs[0].open,
        "{runs:?}"
    );

    let older = ClaimRequest {
        protocol: 1,
        ..request(desk.run.persona)
    };
    assert!(
        desk.worker.claim(&older).await.unwrap().is_none(),
        "a worker of an older image does not know such tasks"
    );
    let task = desk
        .worker
        .claim(&request(desk.run.persona))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (task.kind, task.payload.input.as_str()),
        (TaskKind::Embed, "Another body")
    );
    let version = desk
        .worker
        .complete_embedding(&task, &[0.0, 1.0, 0.0], "e", &TokenUsage::default())
        .await
        .unwrap();
    assert_eq!(version, Some(2));
    assert_eq!(desk.embedded().await, (1, 2, 0.0));
    let pending = store.pending_points("c", 10).await.unwrap();
    assert_eq!(
        (pending.len(), pending[0].embedding_version),
        (1, 2),
        "the point follows"
    );
    assert!(!store.embedding_runs().await.unwrap()[0].open);
    let shown = desk.api.post("studio", desk.post).await.unwrap().unwrap();
    assert_eq!((shown.revision, shown.embedded_revision), (1, 1));
}

/// FAULTS 33: the newest text wins, in whatever order the embeddings come.
#[tokio::test]
async fn an_embedding_of_a_text_that_was_edited_again_is_not_stored() {
    let Some(desk) = Desk::create().await else {
        return;
    };
    let store = &desk.world.store;
    desk.edit("Second").await;
    desk.take_up(&store.edited_texts(10).await.unwrap()[0])
        .await;
    let second = desk
        .worker
        .claim(&request(desk.run.persona))
        .await
        .unwrap()
        .unwrap();
    desk.edit("Third").await;
    let stored = desk
        .worker
        .complete_embedding(&second, &[0.5, 0.0, 0.0], "e", &TokenUsage::default())
        .await
        .unwrap();
    assert_eq!(stored, None);
    assert_eq!(desk.embedded().await, (0, 1, 1.0));
    let waiting = store.edited_texts(10).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].revision), (1, 2));
}

/// FAULTS 44: what is left of an edit when its persona goes is nobody's orphan, and nobody's work.
#[tokio::test]
async fn no_edit_is_embedded_for_a_persona_that_is_gone() {
    let Some(desk) = Desk::create().await else {
        return;
    };
    let store = &desk.world.store;
    desk.edit("Second").await;
    desk.take_up(&store.edited_texts(10).await.unwrap()[0])
        .await;
    let owners = store.owners_thought_alive().await.unwrap();
    assert!(
        owners.iter().all(|owner| !owner.name.starts_with("embed/")),
        "{owners:?}"
    );
    sqlx::query("UPDATE personas SET gone_at = now() WHERE uid = $1")
        .bind(desk.run.persona)
        .execute(store.pool())
        .await
        .unwrap();
    assert_eq!(store.embedding_runs().await.unwrap(), []);
    assert!(
        desk.worker
            .claim(&request(desk.run.persona))
            .await
            .unwrap()
            .is_none()
    );
}
