//! What a thief gets who reads another namespace's Secrets: that namespace's own, through functions, and nothing else.
//!
//! Tables, columns and functions are enumerated from the catalogue, so that what a later migration adds is tried as well.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::worker::WorkerStore;
use domain::names::{Slot, Tenant, post_id, task_id, worker_login};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use support::{CREDENTIALS, PASSWORD, Run, World, post_for, request};
use uuid::Uuid;

/// SQLSTATE of a missing right.
const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// SQLSTATE that the workers' functions raise for a lease that is not the caller's.
const LEASE_LOST: &str = "TA001";

struct Theft {
    world: World,
    victim: Run,
    /// The thief's connection with the stolen login of namespace `b`.
    thief: PgConnection,
    login: String,
}

/// Namespace `a` with three tasks, the first leased, the second finished with a post; and a login of namespace `b`.
async fn theft() -> Option<Theft> {
    let world = World::create().await?;
    let (a, b) = (world.tenant("a"), world.tenant("b"));
    let victim = world.run(&a, "launch", 3, 50).await;
    world.run(&b, "other", 1, 50).await;
    let worker = world.worker(&a).await;
    let done = worker
        .claim(&request(victim.persona))
        .await
        .unwrap()
        .unwrap();
    let queried_at = worker.now().await.unwrap();
    worker
        .complete(
            &done,
            &post_for(&done, vec![1.0, 0.0, 0.0], queried_at),
            false,
        )
        .await
        .unwrap();
    worker
        .claim(&request(victim.persona))
        .await
        .unwrap()
        .unwrap();
    let (thief, login) = steal(&world, &b).await;
    Some(Theft {
        world,
        victim,
        thief,
        login,
    })
}

async fn steal(world: &World, tenant: &Tenant) -> (PgConnection, String) {
    world
        .store
        .ensure_worker_login(tenant, Slot::A, &PASSWORD.to_owned().into())
        .await
        .unwrap();
    let login = worker_login(tenant, Slot::A);
    (
        PgConnection::connect(&world.database.url_of(&login, PASSWORD))
            .await
            .unwrap(),
        login,
    )
}

async fn code_of(thief: &mut PgConnection, statement: &str) -> Result<u64, String> {
    match sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(thief)
        .await
    {
        Ok(done) => Ok(done.rows_affected()),
        Err(error) => Err(error
            .as_database_error()
            .and_then(|e| e.code())
            .map(|c| c.to_string())
            .unwrap_or_default()),
    }
}

async fn superuser(world: &World) -> PgConnection {
    PgConnection::connect(&world.database.superuser_url)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_stolen_login_reaches_no_table_view_or_sequence() {
    let Some(mut theft) = theft().await else {
        return;
    };
    let mut catalogue = superuser(&theft.world).await;
    let relations: Vec<(String, String)> = sqlx::query_as(
        "SELECT quote_ident(relname), relkind::text FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f') ORDER BY relname",
    )
    .fetch_all(&mut catalogue)
    .await
    .unwrap();
    assert!(relations.len() > 20, "the catalogue was read");
    for (relation, kind) in relations {
        let mut attempts = vec![format!("SELECT * FROM {relation}")];
        if kind == "r" || kind == "p" {
            attempts.extend([
                format!("DELETE FROM {relation}"),
                format!("TRUNCATE {relation}"),
                format!("INSERT INTO {relation} DEFAULT VALUES"),
                format!("SELECT 1 FROM {relation} FOR UPDATE"),
                format!("COPY {relation} TO STDOUT"),
            ]);
        }
        for attempt in attempts {
            assert_eq!(
                code_of(&mut theft.thief, &attempt).await,
                Err(INSUFFICIENT_PRIVILEGE.into()),
                "{attempt}"
            );
        }
    }
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT quote_ident(table_name), quote_ident(column_name) FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name IN (SELECT relname FROM pg_class WHERE relkind IN ('r', 'p'))",
    )
    .fetch_all(&mut catalogue)
    .await
    .unwrap();
    for (table, column) in columns {
        for attempt in [
            format!("SELECT {column} FROM {table}"),
            format!("UPDATE {table} SET {column} = {column}"),
        ] {
            let answer = code_of(&mut theft.thief, &attempt).await;
            // An identity or generated column is refused before rights are looked at.
            let refused = answer
                .as_ref()
                .is_err_and(|code| [INSUFFICIENT_PRIVILEGE, "428C9"].contains(&code.as_str()));
            assert!(refused, "{attempt}: {answer:?}");
        }
    }
}

/// Every function that the login may call, with the ids of namespace `a` for every argument that can take one.
#[tokio::test]
async fn a_stolen_login_reaches_nothing_of_another_namespace_through_any_function() {
    let Some(mut theft) = theft().await else {
        return;
    };
    let mut catalogue = superuser(&theft.world).await;
    let before = picture_of(&mut catalogue).await;
    let functions: Vec<(String, Vec<String>, bool)> = sqlx::query_as(
        "SELECT quote_ident(proname), ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) WITH ORDINALITY a(t, n) ORDER BY n),
             has_function_privilege($1, oid, 'EXECUTE')
         FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY proname",
    )
    .bind(&theft.login)
    .fetch_all(&mut catalogue)
    .await
    .unwrap();
    assert!(
        functions
            .iter()
            .any(|(name, _, allowed)| name == "claim_task" && *allowed),
        "the catalogue was read"
    );
    let mut called = 0;
    for (name, arguments, allowed) in functions {
        for values in combinations(
            &theft.victim,
            &catalogue_lease(&mut catalogue).await,
            &arguments,
        ) {
            let call = format!("SELECT {name}({})", values.join(", "));
            match sqlx::query(AssertSqlSafe(call.clone()))
                .fetch_all(&mut theft.thief)
                .await
            {
                Ok(rows) => {
                    assert!(allowed, "{call} was allowed");
                    for row in rows {
                        let told = shown(&row);
                        assert!(
                            !told.contains("Hook") && !told.contains("maya"),
                            "{call} told {told}"
                        );
                    }
                    called += 1;
                }
                Err(error) => {
                    let code = error
                        .as_database_error()
                        .and_then(|e| e.code())
                        .map(|c| c.to_string());
                    let text = error.to_string();
                    assert!(!text.contains("Hook"), "{call} told {text}");
                    if !allowed {
                        let refused = [INSUFFICIENT_PRIVILEGE, "0A000", "42883"];
                        assert!(
                            code.is_some_and(|code| refused.contains(&code.as_str())),
                            "{call}: {text}"
                        );
                    }
                }
            }
        }
    }
    assert!(called > 5, "functions were really called");
    assert_eq!(
        picture_of(&mut catalogue).await,
        before,
        "nothing of namespace a changed"
    );
}

#[tokio::test]
async fn the_functions_refuse_a_foreign_lease_in_so_many_words() {
    let Some(mut theft) = theft().await else {
        return;
    };
    let mut catalogue = superuser(&theft.world).await;
    let (task, token) = catalogue_lease(&mut catalogue).await;
    for call in [
        format!("SELECT release_task('{task}', '{token}')"),
        format!("SELECT release_task('{task}', '{token}', 'm', '{{}}')"),
        format!("SELECT reject_task('{task}', '{token}', 'x', 'x', 'm', '{{}}')"),
        format!("SELECT fail_task('{task}', '{token}', 'invalid', 'x', 'x', NULL, 'm', '{{}}')"),
        format!("SELECT complete_plan('{task}', '{token}', '{{}}', 'm', '{{}}')"),
    ] {
        assert_eq!(
            code_of(&mut theft.thief, &call).await,
            Err(LEASE_LOST.into()),
            "{call}"
        );
    }
}

#[tokio::test]
async fn a_stolen_login_becomes_nobody_else_and_makes_nothing() {
    let Some(mut theft) = theft().await else {
        return;
    };
    let install = theft.world.database.install.clone();
    for suffix in ["_migrate", "_operator", "_claims", "_provisioner"] {
        for attempt in [
            format!("SET ROLE {install}{suffix}"),
            format!("SET SESSION AUTHORIZATION {install}{suffix}"),
        ] {
            assert_eq!(
                code_of(&mut theft.thief, &attempt).await,
                Err(INSUFFICIENT_PRIVILEGE.into()),
                "{attempt}"
            );
        }
    }
    let group = format!("{install}_workers");
    for attempt in [
        "CREATE TABLE loot (x int)".to_owned(),
        "CREATE TEMP TABLE loot (x int)".to_owned(),
        "CREATE SCHEMA loot".to_owned(),
        "CREATE VIEW loot AS SELECT 1".to_owned(),
        "CREATE FUNCTION loot() RETURNS int LANGUAGE sql AS 'SELECT 1'".to_owned(),
        "CREATE TYPE loot AS ENUM ('x')".to_owned(),
        "CREATE SEQUENCE loot".to_owned(),
        "CREATE EXTENSION dblink".to_owned(),
        "CREATE ROLE loot".to_owned(),
        "CREATE DATABASE loot".to_owned(),
        "CREATE PUBLICATION loot".to_owned(),
        format!("ALTER ROLE {group} CREATEROLE"),
        "ALTER TABLE posts DISABLE ROW LEVEL SECURITY".to_owned(),
        "ALTER FUNCTION claim_task(uuid, integer, text, text, integer) SECURITY INVOKER".to_owned(),
        "COPY (SELECT 1) TO PROGRAM 'true'".to_owned(),
        "SELECT pg_read_file('PG_VERSION')".to_owned(),
    ] {
        let answer = code_of(&mut theft.thief, &attempt).await;
        assert_eq!(answer, Err(INSUFFICIENT_PRIVILEGE.into()), "{attempt}");
    }
}

/// FAULTS 54: a definer function finds its own tables, whatever the caller's search path says.
#[tokio::test]
async fn a_hostile_search_path_changes_nothing() {
    let Some(mut theft) = theft().await else {
        return;
    };
    code_of(&mut theft.thief, "SET search_path = pg_temp, nowhere")
        .await
        .unwrap();
    let open: serde_json::Value = sqlx::query_scalar("SELECT public.run_state($1)")
        .bind(theft.victim.run)
        .fetch_one(&mut theft.thief)
        .await
        .unwrap();
    assert_eq!(open["open"], false);
    let mut catalogue = superuser(&theft.world).await;
    let unpinned: Vec<String> = sqlx::query_scalar(
        "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
         AND NOT EXISTS (SELECT FROM unnest(proconfig) setting WHERE setting LIKE 'search_path=%')",
    )
    .fetch_all(&mut catalogue)
    .await
    .unwrap();
    assert!(
        unpinned.is_empty(),
        "definer functions without a pinned search path: {unpinned:?}"
    );
}

/// Every table that names a namespace is under forced row-level security, a new one included.
#[tokio::test]
async fn every_tenant_table_is_under_forced_row_level_security() {
    let Some(world) = World::create().await else {
        return;
    };
    let mut catalogue = superuser(&world).await;
    let open: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
             AND NOT (relrowsecurity AND relforcerowsecurity) AND NOT relispartition
             AND relname NOT IN ('worker_logins', 'ownership_ledger')
             AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'namespace')",
    )
    .fetch_all(&mut catalogue)
    .await
    .unwrap();
    assert!(open.is_empty(), "{open:?}");
}

/// FAULTS 46: what is retired connects no more, and what is connected still belongs to no namespace.
#[tokio::test]
async fn a_retired_login_reaches_not_even_its_own_namespace() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("a");
    let run = world.run(&tenant, "launch", 1, 50).await;
    let (mut connected, login) = steal(&world, &tenant).await;
    world
        .store
        .retire_worker_login(&tenant, Slot::A)
        .await
        .unwrap();
    let claimed: Option<serde_json::Value> =
        sqlx::query_scalar("SELECT claim_task($1, 1, $2, 'pod', 60)")
            .bind(run.persona)
            .bind(CREDENTIALS)
            .fetch_one(&mut connected)
            .await
            .unwrap();
    assert_eq!(claimed, None);
    assert!(
        PgConnection::connect(&world.database.url_of(&login, PASSWORD))
            .await
            .is_err()
    );
    let store = WorkerStore::connect_lazy(&world.database.url_of(&login, PASSWORD)).unwrap();
    assert!(store.check_schema().await.is_err());
}

async fn catalogue_lease(catalogue: &mut PgConnection) -> (Uuid, Uuid) {
    sqlx::query_as(
        "SELECT id, lease_token FROM tasks WHERE status = 'processing' AND namespace = 'a'",
    )
    .fetch_one(catalogue)
    .await
    .unwrap()
}

/// Values that an argument of a type could take to hurt: the victim's ids, each alone, and something harmless for the rest.
fn combinations(victim: &Run, lease: &(Uuid, Uuid), types: &[String]) -> Vec<Vec<String>> {
    let ids = [
        victim.persona,
        victim.run,
        task_id(victim.run, 0),
        post_id(task_id(victim.run, 0)),
        lease.0,
        lease.1,
    ];
    let value = |type_: &str, id: Uuid| match type_ {
        "uuid" => format!("'{id}'::uuid"),
        "uuid[]" => format!("ARRAY['{id}'::uuid]"),
        "integer" => "60".to_owned(),
        "integer[]" => "ARRAY[9]".to_owned(),
        "bigint" => "5::bigint".to_owned(),
        "boolean" => "true".to_owned(),
        "text" => format!("'{CREDENTIALS}'"),
        "jsonb" => format!("'{{\"id\": \"{id}\", \"namespace\": \"a\"}}'::jsonb"),
        "real[]" => "ARRAY[1, 0, 0]::real[]".to_owned(),
        "timestamp with time zone" => "now()".to_owned(),
        other => format!("NULL::{other}"),
    };
    let mut all: Vec<Vec<String>> = ids
        .iter()
        .map(|id| types.iter().map(|type_| value(type_, *id)).collect())
        .collect();
    // The pair that a lease is: task and token.
    let mut pair = ids[4..].iter();
    all.push(
        types
            .iter()
            .map(|type_| {
                value(
                    type_,
                    if type_ == "uuid" {
                        *pair.next().unwrap_or(&lease.1)
                    } else {
                        lease.0
                    },
                )
            })
            .collect(),
    );
    all
}

/// Everything of namespace `a` that could have been changed.
async fn picture_of(catalogue: &mut PgConnection) -> Vec<String> {
    let mut picture = Vec::new();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT quote_ident(table_name) FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'namespace'
             AND table_name IN (SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')) ORDER BY 1",
    )
    .fetch_all(&mut *catalogue)
    .await
    .unwrap();
    for table in tables {
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT row_to_json(t)::text FROM {table} t WHERE namespace = 'a' ORDER BY 1"
        )))
        .fetch_all(&mut *catalogue)
        .await
        .unwrap();
        picture.extend(rows);
    }
    picture
}

/// The first column as text, whatever its type.
fn shown(row: &sqlx::postgres::PgRow) -> String {
    row.try_get::<serde_json::Value, _>(0)
        .map(|value| value.to_string())
        .or_else(|_| row.try_get::<String, _>(0))
        .unwrap_or_default()
}
