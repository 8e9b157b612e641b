//! Every table, and every function with the victim's ids.

use crate::{Scene, stolen::Stolen};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;

/// SQLSTATE of a missing right.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

pub async fn try_everything(scene: &Scene, stolen: &Stolen) {
    let (catalogue, victim) = (&scene.cluster.database, scene.victim.as_str());
    let mut thief = PgConnection::connect(&stolen.database_url).await.unwrap();
    let before = picture(catalogue, victim).await;
    try_relations(catalogue, &mut thief).await;
    try_functions(catalogue, victim, &mut thief).await;
    assert_eq!(
        picture(catalogue, victim).await,
        before,
        "nothing of the victim changed"
    );
    thief.close().await.unwrap();
}

/// Tables, views and sequences of all schemas but the server's own, whoever they belong to.
async fn try_relations(catalogue: &PgPool, thief: &mut PgConnection) {
    let relations: Vec<(String, String)> = sqlx::query_as(
        "SELECT format('%I.%I', nspname, relname), relkind::text FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
         ORDER BY 1",
    )
    .fetch_all(catalogue)
    .await
    .unwrap();
    assert!(relations.len() > 20, "the catalogue was read");
    for (relation, kind) in relations {
        let mut attempts = vec![format!("SELECT * FROM {relation}")];
        if kind == "r" || kind == "p" {
            attempts.extend([
                format!("INSERT INTO {relation} DEFAULT VALUES"),
                format!("DELETE FROM {relation}"),
                format!("TRUNCATE {relation}"),
                format!("COPY {relation} TO STDOUT"),
            ]);
        }
        for attempt in attempts {
            let answer = sqlx::query(AssertSqlSafe(attempt.clone()))
                .execute(&mut *thief)
                .await;
            assert_eq!(
                answer.as_ref().err().and_then(code).as_deref(),
                Some(INSUFFICIENT_PRIVILEGE),
                "{attempt}: {answer:?}"
            );
        }
    }
}

/// Every function of the product, whether or not the login may call it, with each of the victim's ids wherever one fits.
async fn try_functions(catalogue: &PgPool, victim: &str, thief: &mut PgConnection) {
    let functions: Vec<(String, Vec<String>)> = sqlx::query_as(
        "SELECT format('%I.%I', nspname, proname),
             ARRAY(SELECT format_type(type, NULL) FROM unnest(proargtypes) WITH ORDINALITY argument (type, n) ORDER BY n)
         FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
         WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND prokind = 'f' ORDER BY 1",
    )
    .fetch_all(catalogue)
    .await
    .unwrap();
    let (ids, texts) = (ids(catalogue, victim).await, texts(catalogue, victim).await);
    let leases = leases(catalogue, victim).await;
    assert!(ids.len() > 10 && texts.len() == 4 && leases.len() == 2);
    let mut answered = 0;
    for (name, types) in functions {
        for values in arguments(&types, &ids, &leases) {
            let call = format!("SELECT ({name}({}))::text", values.join(", "));
            let told = match sqlx::query_scalar::<_, Option<String>>(AssertSqlSafe(call.clone()))
                .fetch_all(&mut *thief)
                .await
            {
                Ok(rows) => {
                    answered += 1;
                    rows.into_iter().flatten().collect::<String>()
                }
                Err(error) => error.to_string(),
            };
            assert!(
                !texts.iter().any(|text| told.contains(text)),
                "{call} told {told}"
            );
        }
    }
    assert!(answered > 5, "functions were really called");
}

/// Ways to call a function: each id for all arguments that take one, and each lease as the pair that it is.
fn arguments(types: &[String], ids: &[Uuid], leases: &[(Uuid, Uuid)]) -> Vec<Vec<String>> {
    let alone = ids.iter().map(|id| (*id, *id));
    alone
        .chain(leases.iter().copied())
        .map(|(first, rest)| {
            let mut seen = false;
            types
                .iter()
                .map(|type_| {
                    let id = if type_ == "uuid" && std::mem::replace(&mut seen, true) {
                        rest
                    } else {
                        first
                    };
                    literal(type_, id)
                })
                .collect()
        })
        .collect()
}

fn literal(type_: &str, id: Uuid) -> String {
    match type_ {
        "uuid" => format!("'{id}'::uuid"),
        "uuid[]" => format!("ARRAY['{id}'::uuid]"),
        "text" => format!("'{id}'"),
        "integer" => "60".to_owned(),
        "integer[]" => "ARRAY[9]".to_owned(),
        "bigint" => "5::bigint".to_owned(),
        "boolean" => "true".to_owned(),
        "jsonb" => format!("'{{\"id\": \"{id}\"}}'::jsonb"),
        "real[]" => "ARRAY[1, 0, 0]::real[]".to_owned(),
        "timestamp with time zone" => "now()".to_owned(),
        other => format!("NULL::{other}"),
    }
}

/// The values of all columns of type uuid in rows of the namespace.
async fn ids(catalogue: &PgPool, namespace: &str) -> Vec<Uuid> {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT quote_ident(table_name), quote_ident(column_name) FROM information_schema.columns
         WHERE table_schema = 'public' AND data_type = 'uuid' AND table_name IN (
             SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
             WHERE table_schema = 'public' AND column_name = 'namespace' AND table_type = 'BASE TABLE')",
    )
    .fetch_all(catalogue)
    .await
    .unwrap();
    let mut ids = Vec::new();
    for (table, column) in columns {
        let found: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT DISTINCT {column} FROM {table} WHERE namespace = $1 AND {column} IS NOT NULL"
        )))
        .bind(namespace)
        .fetch_all(catalogue)
        .await
        .unwrap();
        ids.extend(found);
    }
    ids.sort();
    ids.dedup();
    ids
}

/// Words that nobody but the victim may read.
async fn texts(catalogue: &PgPool, namespace: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT unnest(ARRAY[hook, body]) FROM posts WHERE namespace = $1")
        .bind(namespace)
        .fetch_all(catalogue)
        .await
        .unwrap()
}

/// Tasks in work with their lease tokens.
async fn leases(catalogue: &PgPool, namespace: &str) -> Vec<(Uuid, Uuid)> {
    sqlx::query_as(
        "SELECT id, lease_token FROM tasks WHERE namespace = $1 AND status = 'processing'",
    )
    .bind(namespace)
    .fetch_all(catalogue)
    .await
    .unwrap()
}

/// All rows of the namespace, but for what its own workers change while they hold a lease.
async fn picture(catalogue: &PgPool, namespace: &str) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT quote_ident(table_name) FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
         WHERE table_schema = 'public' AND column_name = 'namespace' AND table_type = 'BASE TABLE' ORDER BY 1",
    )
    .fetch_all(catalogue)
    .await
    .unwrap();
    let mut rows = Vec::new();
    for table in tables {
        let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT '{table} ' || (to_jsonb(t) - 'lease_until' - 'updated_at')::text FROM {table} t WHERE namespace = $1 ORDER BY 1"
        )))
        .bind(namespace)
        .fetch_all(catalogue)
        .await
        .unwrap();
        rows.extend(found);
    }
    rows
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.to_string())
}
