//! Records of achievements on a real Postgres: whoever tells, in whatever order and however often, there is one record.
#![allow(clippy::unwrap_used)]

mod support;
#[path = "support/achievements.rs"]
mod told;

use backends::postgres::{
    achievements::{
        Outcome,
        declare::{Declaration, Origin, declare},
        record::tombstone,
    },
    operator::OperatorStore,
};
use domain::{
    achievement::{EvidenceKind, PullRequest, Visibility},
    names,
};
use serde_json::{Value, json};
use sqlx::Connection;
use support::World;
use told::{Telling, backfilled, event, picture, pull, source, tell, tell_pull};
use uuid::Uuid;

const NAMESPACE: &str = "team";

async fn scene() -> Option<(World, Uuid)> {
    let world = World::create().await?;
    let uid = source(&world.store, NAMESPACE).await;
    Some((world, uid))
}

fn identity(number: i64) -> String {
    names::pull_request_identity("github.com", told::REPOSITORY, number)
}

async fn number(store: &OperatorStore, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(store.pool())
        .await
        .unwrap()
}

async fn row(store: &OperatorStore, number: i64) -> Value {
    sqlx::query_scalar(
        "SELECT to_jsonb(record) FROM achievements record WHERE namespace = $1 AND identity = $2",
    )
    .bind(NAMESPACE)
    .bind(identity(number))
    .fetch_one(store.pool())
    .await
    .unwrap()
}

async fn say(store: &OperatorStore, overrides: Value, patch: bool, revive: bool) -> Outcome {
    let mut transaction = store.begin().await.unwrap();
    let recorded = declare(
        &mut transaction,
        NAMESPACE,
        &Declaration {
            identity: &identity(1),
            origin: &Origin {
                source_type: Some("github_pr".into()),
                host: Some("github.com".into()),
                ..Origin::default()
            },
            overrides: &overrides,
            patch,
            revive,
        },
    )
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    recorded.outcome
}

async fn delete(store: &OperatorStore, number: i64) -> bool {
    let mut transaction = store.begin().await.unwrap();
    let id = names::achievement_id(NAMESPACE, &identity(number));
    let done = tombstone(&mut transaction, NAMESPACE, id, "tester")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    done
}

#[tokio::test]
async fn telling_twice_writes_once() {
    let Some((world, uid)) = scene().await else {
        return;
    };
    let store = &world.store;
    let first = tell_pull(store, NAMESPACE, uid, &pull(1)).await;
    assert_eq!((first.outcome, first.facts_version), (Outcome::Created, 1));
    assert_eq!(
        first.id,
        names::achievement_id(NAMESPACE, &identity(1)),
        "the id is the one that names computes"
    );
    // A row that is written has another xmin.
    let writes = "SELECT string_agg(xmin::text, ' ' ORDER BY written) FROM (SELECT xmin, 'record' AS written FROM achievements
        UNION ALL SELECT xmin, 'task' FROM achievement_tasks) rows";
    let before: String = sqlx::query_scalar(writes)
        .fetch_one(store.pool())
        .await
        .unwrap();
    let mut transaction = store.begin().await.unwrap();
    let again = backends::postgres::achievements::record::record_pull_request(
        &mut transaction,
        NAMESPACE,
        uid,
        &pull(1),
    )
    .await
    .unwrap();
    assert_eq!(again.outcome, Outcome::Unchanged);
    transaction.commit().await.unwrap();
    let after: String = sqlx::query_scalar(writes)
        .fetch_one(store.pool())
        .await
        .unwrap();
    assert_eq!(before, after);
    assert_eq!(number(store, "SELECT count(*) FROM achievements").await, 1);
    let tasks: Vec<(Uuid, String, i32)> =
        sqlx::query_as("SELECT id, credentials_digest, facts_version FROM achievement_tasks")
            .fetch_all(store.pool())
            .await
            .unwrap();
    let wanted = names::analysis_task_id(first.id, 1, 0);
    assert_eq!(tasks, [(wanted, "credentials".to_owned(), 1)]);
    // Only the time of the telling differs: nothing that analysis sees.
    let later = PullRequest {
        updated_at: "2026-11-05T00:00:00Z".parse().unwrap(),
        ..pull(1)
    };
    let touched = tell_pull(store, NAMESPACE, uid, &later).await;
    assert_eq!(
        (touched.outcome, touched.facts_version),
        (Outcome::Updated, 1)
    );
    let old = PullRequest {
        title: "An old title".into(),
        ..pull(1)
    };
    assert_eq!(
        tell_pull(store, NAMESPACE, uid, &old).await.outcome,
        Outcome::Stale
    );
    assert_eq!(row(store, 1).await["title"], "Faster start 1");
}

/// Webhook, backfill, an edit, a push that contains it and a release told with and without its commits: every order of them.
#[tokio::test]
async fn every_order_of_tellings_gives_the_same_record() {
    let Some(world) = World::create().await else {
        return;
    };
    let edited = PullRequest {
        title: "Faster start, measured".into(),
        body: None,
        comments: Some(9),
        updated_at: "2026-11-04T00:00:00Z".parse().unwrap(),
        head_sha: Some("other-head".into()),
        ..pull(1)
    };
    let early = PullRequest {
        files: Some(Vec::new()),
        labels: Vec::new(),
        updated_at: "2026-11-02T10:00:00Z".parse().unwrap(),
        ..pull(1)
    };
    let mut unresolved = event(EvidenceKind::Release, "v1", &[]);
    unresolved.title = "v1".into();
    let tellings = [
        Telling::Pull(pull(1)),
        Telling::Pull(backfilled(1)),
        Telling::Pull(edited),
        Telling::Pull(early),
        Telling::Event(event(EvidenceKind::Release, "v1", &["unrelated", "merge1"])),
        Telling::Event(unresolved),
    ];
    let mut expected: Option<Vec<Value>> = None;
    for (index, order) in permutations(tellings.len()).into_iter().enumerate() {
        let namespace = format!("team-{index}");
        let uid = source(&world.store, &namespace).await;
        for place in &order {
            tell(&world.store, &namespace, uid, &tellings[*place]).await;
        }
        let seen = picture(&world.store, &namespace).await;
        let wanted = expected.get_or_insert_with(|| seen.clone());
        assert_eq!(&seen, wanted, "order {order:?}");
    }
    let record = &expected.unwrap()[0];
    assert_eq!(record["title"], "Faster start, measured");
    assert_eq!(
        record["description"], "Saves 3 hours a week.",
        "what was not told last is kept"
    );
    assert_eq!(record["pull_request"]["files"][0]["path"], "src/start.rs");
    assert_eq!(record["evidence"].as_array().unwrap().len(), 1);
    assert_eq!(record["logins"], json!(["maya", "tom"]));
    assert_eq!(record["queued"], json!([true]));
}

#[tokio::test]
async fn a_revert_hides_and_the_revert_of_a_revert_shows_again_in_any_order() {
    let Some(world) = World::create().await else {
        return;
    };
    let reverting = |number: i64| PullRequest {
        reverts: Some(number - 1),
        ..pull(number)
    };
    let tellings = [pull(1), reverting(2), reverting(3)];
    for (index, order) in permutations(3).into_iter().enumerate() {
        let namespace = format!("team-{index}");
        let uid = source(&world.store, &namespace).await;
        for place in &order {
            tell_pull(&world.store, &namespace, uid, &tellings[*place]).await;
        }
        let seen = reverted_by(&world.store, &namespace).await;
        let wanted = [None, Some(identity(3)), None];
        assert_eq!(seen, wanted, "order {order:?}");
    }
    let uid = source(&world.store, NAMESPACE).await;
    for pull in &tellings {
        tell_pull(&world.store, NAMESPACE, uid, pull).await;
    }
    assert!(delete(&world.store, 3).await);
    assert_eq!(
        reverted_by(&world.store, NAMESPACE).await,
        [Some(identity(2)), None, None],
        "a deleted revert takes nothing back"
    );
    // A claim to revert itself, or something later, is no revert.
    let nonsense = PullRequest {
        reverts: Some(9),
        ..pull(8)
    };
    tell_pull(&world.store, NAMESPACE, uid, &nonsense).await;
    tell_pull(&world.store, NAMESPACE, uid, &pull(9)).await;
    assert_eq!(
        reverted_by(&world.store, NAMESPACE).await,
        [Some(identity(2)), None, None, None, None]
    );
}

async fn reverted_by(store: &OperatorStore, namespace: &str) -> Vec<Option<String>> {
    sqlx::query_scalar(
        "SELECT (SELECT identity FROM achievements other WHERE other.id = record.reverted_by) FROM achievements record
         WHERE namespace = $1 ORDER BY number",
    )
    .bind(namespace)
    .fetch_all(store.pool())
    .await
    .unwrap()
}

/// FAULTS 52: whoever repeats what, at the same time.
#[tokio::test]
async fn concurrent_tellings_lose_and_double_nothing() {
    let Some((world, uid)) = scene().await else {
        return;
    };
    let tellers = (0..6_usize).map(|teller| {
        let store = world.store.clone();
        tokio::spawn(async move {
            for step in 0..24_usize {
                let number = 1 + ((step + teller * 4) % 12) as i64;
                let telling = match (step + teller) % 3 {
                    0 => Telling::Pull(pull(number)),
                    1 => Telling::Pull(backfilled(number)),
                    _ => Telling::Event(event(
                        EvidenceKind::Push,
                        &format!("p{number}"),
                        &[&format!("merge{number}")],
                    )),
                };
                tell(&store, NAMESPACE, uid, &telling).await;
            }
        })
    });
    for teller in tellers.collect::<Vec<_>>() {
        teller.await.unwrap();
    }
    for number in 1..=12 {
        for telling in [
            Telling::Pull(pull(number)),
            Telling::Event(event(
                EvidenceKind::Push,
                &format!("p{number}"),
                &[&format!("merge{number}")],
            )),
        ] {
            tell(&world.store, NAMESPACE, uid, &telling).await;
        }
    }
    let store = &world.store;
    assert_eq!(number(store, "SELECT count(*) FROM achievements").await, 12);
    assert_eq!(
        number(store, "SELECT count(*) FROM achievement_evidence_links").await,
        12
    );
    for record in picture(store, NAMESPACE).await {
        assert_eq!(record["queued"], json!([true]), "{record}");
    }
}

#[tokio::test]
async fn what_was_deleted_stays_deleted_until_a_person_declares_it_again() {
    let Some((world, uid)) = scene().await else {
        return;
    };
    let store = &world.store;
    tell_pull(store, NAMESPACE, uid, &pull(1)).await;
    assert!(delete(store, 1).await);
    assert!(!delete(store, 1).await);
    let later = PullRequest {
        title: "Again".into(),
        updated_at: "2026-11-20T00:00:00Z".parse().unwrap(),
        ..backfilled(1)
    };
    assert_eq!(
        tell_pull(store, NAMESPACE, uid, &later).await.outcome,
        Outcome::Tombstoned
    );
    tell(
        store,
        NAMESPACE,
        uid,
        &Telling::Event(event(EvidenceKind::Push, "p", &["merge1"])),
    )
    .await;
    let waiting = "SELECT count(*) FROM achievement_tasks WHERE status = 'queued'";
    assert_eq!(number(store, waiting).await, 0);
    assert_eq!(
        say(store, json!({"title": "Mine"}), false, false).await,
        Outcome::Tombstoned
    );
    assert_eq!(
        say(store, json!({"title": "Mine"}), false, true).await,
        Outcome::Revived
    );
    assert_eq!(number(store, waiting).await, 1);
    assert_eq!(
        tell_pull(store, NAMESPACE, uid, &later).await.outcome,
        Outcome::Updated
    );
    assert_eq!(row(store, 1).await["title"], "Mine");
    assert_eq!(number(store, "SELECT count(*) FROM achievements").await, 1);
}

#[tokio::test]
async fn a_persons_field_wins_before_and_after_until_it_is_taken_away() {
    let Some((world, uid)) = scene().await else {
        return;
    };
    let store = &world.store;
    let mine = json!({
        "title": "Mine", "category": "security", "people": [{"login": "Zoe", "role": "author"}], "displayPriority": 7,
        "startedAt": "2026-10-01T00:00:00Z", "hidden": true, "businessValue": "saves 3 hours a week"
    });
    assert_eq!(
        say(store, mine.clone(), false, false).await,
        Outcome::Created
    );
    tell_pull(store, NAMESPACE, uid, &pull(1)).await;
    assert_eq!(say(store, mine, false, false).await, Outcome::Unchanged);
    let seen = row(store, 1).await;
    assert_eq!(seen["title"], "Mine");
    assert_eq!(seen["category"], "security");
    assert_eq!(seen["logins"], json!(["zoe"]));
    assert_eq!(
        (&seen["display_priority"], &seen["hidden"]),
        (&json!(7), &json!(true))
    );
    assert_eq!(
        seen["description"], "Saves 3 hours a week.",
        "what nobody set is told"
    );
    assert_eq!(seen["started_at"], "2026-10-01T00:00:00+00:00");
    let patch = json!({"title": null, "description": "Other words"});
    assert_eq!(say(store, patch, true, false).await, Outcome::Updated);
    let seen = row(store, 1).await;
    assert_eq!(
        (&seen["title"], &seen["description"], &seen["category"]),
        (
            &json!("Faster start 1"),
            &json!("Other words"),
            &json!("security")
        )
    );
    assert_eq!(say(store, json!({}), false, false).await, Outcome::Updated);
    let seen = row(store, 1).await;
    assert_eq!(
        (&seen["category"], &seen["logins"]),
        (&json!("uncategorized"), &json!(["maya", "tom"]))
    );
}

#[tokio::test]
async fn times_that_run_backwards_are_dropped_with_a_reason() {
    let Some((world, uid)) = scene().await else {
        return;
    };
    let store = &world.store;
    let backwards = PullRequest {
        created_at: Some("2026-11-09T00:00:00Z".parse().unwrap()),
        ..pull(1)
    };
    tell_pull(store, NAMESPACE, uid, &backwards).await;
    let seen = row(store, 1).await;
    assert_eq!(seen["started_at"], Value::Null);
    assert_eq!(seen["completed_at"], "2026-11-02T10:00:00+00:00");
    assert_eq!(
        seen["metadata_json"]["dropped"],
        json!(["startedAt: it was after the completion"])
    );
    say(
        store,
        json!({"startedAt": "2026-11-08T00:00:00Z"}),
        false,
        false,
    )
    .await;
    let seen = row(store, 1).await;
    assert_eq!(
        (&seen["started_at"], &seen["completed_at"]),
        (&json!("2026-11-08T00:00:00+00:00"), &Value::Null)
    );
    say(store, json!({}), false, false).await;
    tell_pull(
        store,
        NAMESPACE,
        uid,
        &PullRequest {
            updated_at: "2026-11-10T00:00:00Z".parse().unwrap(),
            ..pull(1)
        },
    )
    .await;
    assert_eq!(
        row(store, 1).await["metadata_json"].get("dropped"),
        None,
        "mended"
    );
}

#[tokio::test]
async fn evidence_counts_alone_only_while_nothing_contains_it() {
    let Some((world, uid)) = scene().await else {
        return;
    };
    let store = &world.store;
    for telling in [
        Telling::Event(event(EvidenceKind::Deployment, "d1", &["merge1"])),
        Telling::Event(domain::achievement::Evidence {
            title: "Faster start (#9)".into(),
            ..event(EvidenceKind::Push, "p9", &["merge9"])
        }),
        Telling::Event(domain::achievement::Evidence {
            people: Vec::new(),
            ..event(EvidenceKind::Push, "bot", &["x"])
        }),
    ] {
        tell(store, NAMESPACE, uid, &telling).await;
    }
    assert_eq!(store.settle_evidence().await.unwrap(), 0, "too early");
    sqlx::query("UPDATE achievement_evidence SET settles_at = now()")
        .execute(store.pool())
        .await
        .unwrap();
    assert_eq!(
        store.settle_evidence().await.unwrap(),
        0,
        "no backfill has caught up"
    );
    sqlx::query("UPDATE achievement_sources SET caught_up_at = now()")
        .execute(store.pool())
        .await
        .unwrap();
    assert_eq!(store.settle_evidence().await.unwrap(), 3);
    assert_eq!(store.settle_evidence().await.unwrap(), 0);
    let seen = picture(store, NAMESPACE).await;
    assert_eq!(
        seen.len(),
        1,
        "neither a bot's push nor the merge of a pull request: {seen:?}"
    );
    assert_eq!(
        (&seen[0]["title"], &seen[0]["source_type"]),
        (&json!("Event d1"), &json!("ci"))
    );
    assert_eq!(seen[0]["completed_at"], "2026-11-02T11:00:00+00:00");
    assert_eq!(seen[0]["evidence"].as_array().unwrap().len(), 1);
    tell_pull(store, NAMESPACE, uid, &pull(1)).await;
    let seen = picture(store, NAMESPACE).await;
    assert_eq!(
        (&seen[0]["superseded"], &seen[1]["superseded"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(seen[1]["evidence"][0]["kind"], "deployment");
}

/// A repository that became private takes its pull requests along, though their own times did not change; only a later telling makes
/// them public again, and what counts alone is as its repository was last.
#[tokio::test]
async fn private_stays_private_in_any_order_of_tellings() {
    let Some((world, uid)) = scene().await else {
        return;
    };
    let store = &world.store;
    let seen = |number: i64, visibility: Visibility| PullRequest {
        visibility,
        ..pull(number)
    };
    let (public, private) = (Visibility::Public, Visibility::Private);
    for (number, first, second, left) in [
        (1, public, private, "private"),
        (2, private, public, "private"),
        (3, Visibility::Internal, public, "internal"),
        (4, Visibility::Internal, private, "private"),
        (5, public, public, "public"),
    ] {
        tell_pull(store, NAMESPACE, uid, &seen(number, first)).await;
        tell_pull(store, NAMESPACE, uid, &seen(number, second)).await;
        assert_eq!(row(store, number).await["visibility"], left, "{number}");
    }
    let later = PullRequest {
        updated_at: "2026-11-03T10:00:00Z".parse().unwrap(),
        ..seen(1, public)
    };
    tell_pull(store, NAMESPACE, uid, &later).await;
    tell_pull(store, NAMESPACE, uid, &seen(1, private)).await;
    assert_eq!(row(store, 1).await["visibility"], "public");

    let mut transaction = store.begin().await.unwrap();
    let drill = Declaration {
        identity: "api/1",
        origin: &Origin::default(),
        overrides: &json!({"title": "Drill"}),
        patch: false,
        revive: false,
    };
    declare(&mut transaction, NAMESPACE, &drill).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(
        number(
            store,
            "SELECT count(*) FROM achievements WHERE identity = 'api/1' AND visibility = 'private'"
        )
        .await,
        1,
        "nobody said that it is public"
    );
}

/// FAULTS 58: an id that another namespace computed and took, and the same pull request in two namespaces.
#[tokio::test]
async fn namespaces_do_not_meet() {
    let Some((world, uid)) = scene().await else {
        return;
    };
    let store = &world.store;
    let wanted = names::achievement_id(NAMESPACE, &identity(1));
    sqlx::query(
        "INSERT INTO achievements (id, namespace, identity, title, source_type) VALUES ($1, 'thief', 'manual/x', 'Mine', 'manual')",
    )
    .bind(wanted)
    .execute(store.pool())
    .await
    .unwrap();
    let other = source(store, "other").await;
    let recorded = tell_pull(store, NAMESPACE, uid, &pull(1)).await;
    assert_eq!(recorded.outcome, Outcome::Created);
    assert_ne!(recorded.id, wanted);
    assert_eq!(
        tell_pull(store, NAMESPACE, uid, &pull(1)).await.outcome,
        Outcome::Unchanged
    );
    tell_pull(store, "other", other, &pull(1)).await;
    assert!(
        !delete(store, 1).await,
        "the thief's row is not this namespace's"
    );
    assert_eq!(number(store, "SELECT count(*) FROM achievements").await, 3);
}

/// FAULTS 40, 54: text is text.
#[tokio::test]
async fn hostile_text_is_stored_as_text() {
    let Some((world, uid)) = scene().await else {
        return;
    };
    let store = &world.store;
    let title = format!(
        "'; DROP TABLE achievements; -- \u{202e}\0{}",
        "x".repeat(2_000)
    );
    let hostile = PullRequest {
        title: title.clone(),
        body: Some("{{ 7 * 7 }} ${jndi:ldap://x} %s\0".into()),
        url: format!("https://github.com/{}", "u".repeat(600)),
        ..pull(1)
    };
    tell_pull(store, NAMESPACE, uid, &hostile).await;
    let seen = row(store, 1).await;
    let kept: String = title.replace('\0', "").chars().take(255).collect();
    assert_eq!(seen["title"], kept);
    assert_eq!(seen["description"], "{{ 7 * 7 }} ${jndi:ldap://x} %s");
    assert_eq!(
        seen["source_url"],
        Value::Null,
        "a cut address leads elsewhere"
    );
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    permutations(count - 1)
        .into_iter()
        .flat_map(|rest| {
            (0..count).map(move |place| {
                let mut order = rest.clone();
                order.insert(place, count - 1);
                order
            })
        })
        .collect()
}

/// What somebody did whose work is not collected is evidence of others' pull requests, and no record by itself.
#[tokio::test]
async fn evidence_counts_alone_only_for_people_whose_work_is_collected() {
    let Some((world, uid)) = scene().await else {
        return;
    };
    let store = &world.store;
    for (id, login) in [("d1", "maya"), ("d2", "otto")] {
        let told = domain::achievement::Evidence {
            people: vec![told::person(login, domain::achievement::Role::Releaser)],
            ..event(EvidenceKind::Deployment, id, &[id])
        };
        tell(store, NAMESPACE, uid, &Telling::Event(told)).await;
    }
    for statement in [
        "UPDATE achievement_evidence SET settles_at = now()",
        r#"UPDATE achievement_sources SET caught_up_at = now(), settings = jsonb_set(settings, '{filters}', '{"people": ["Otto"]}')"#,
    ] {
        sqlx::query(statement).execute(store.pool()).await.unwrap();
    }
    assert_eq!(store.settle_evidence().await.unwrap(), 2);
    let seen = picture(store, NAMESPACE).await;
    assert_eq!((seen.len(), &seen[0]["title"]), (1, &json!("Event d2")));
}

/// FAULTS 21: one event that the database refuses waits alone; the others are settled.
#[tokio::test]
async fn evidence_that_is_refused_holds_no_other_back() {
    let Some((world, uid)) = scene().await else {
        return;
    };
    let store = &world.store;
    for id in ["d1", "bad", "d3"] {
        let told = event(EvidenceKind::Deployment, id, &[id]);
        tell(store, NAMESPACE, uid, &Telling::Event(told)).await;
    }
    for statement in [
        "UPDATE achievement_evidence SET settles_at = now()",
        "UPDATE achievement_sources SET caught_up_at = now()",
    ] {
        sqlx::query(statement).execute(store.pool()).await.unwrap();
    }
    let mut owner = sqlx::PgConnection::connect(&world.database.superuser_url)
        .await
        .unwrap();
    sqlx::query("ALTER TABLE achievements ADD CONSTRAINT refuses CHECK (title <> 'Event bad')")
        .execute(&mut owner)
        .await
        .unwrap();
    assert_eq!(store.settle_evidence().await.unwrap(), 3);
    assert_eq!(store.settle_evidence().await.unwrap(), 0, "put off");
    assert_eq!(picture(store, NAMESPACE).await.len(), 2);
    for statement in [
        "ALTER TABLE achievements DROP CONSTRAINT refuses",
        "UPDATE achievement_evidence SET settles_at = now() WHERE settled_at IS NULL",
    ] {
        sqlx::query(statement).execute(&mut owner).await.unwrap();
    }
    assert_eq!(store.settle_evidence().await.unwrap(), 1);
    assert_eq!(picture(store, NAMESPACE).await.len(), 3);
}
