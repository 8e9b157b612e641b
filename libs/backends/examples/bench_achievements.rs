//! How long a page of 20 of 100,000 achievements takes with its exact total, for each filter and order.
//!
//! `cargo xtask bench achievements`, or with `TEST_POSTGRES_SUPERUSER_URL` set
//! `cargo run --release -p threads-backends --example bench_achievements`.
#![allow(clippy::unwrap_used)]

use backends::postgres::{
    api::{
        ApiStore,
        achievements::{AchievementFilter, AchievementSort},
    },
    testing::TestDatabase,
};
use domain::achievement::{Category, Visibility};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::time::{Duration, Instant};

const ROUNDS: usize = 200;
/// For the first requests, which open connections and plan statements.
const WARM_UP: usize = 20;
const GOAL: Duration = Duration::from_millis(10);
const RECORDS: &str = "INSERT INTO achievements (id, namespace, identity, title, description, category, completed_at, impact_score, source_type,
        repository, visibility, logins, portfolio_ready, display_priority, analyzed_at, hidden)
    SELECT gen_random_uuid(), 'team', 'api/' || n, 'Achievement ' || n, repeat('what was done and why ', 10),
        (enum_range(NULL::achievement_category))[1 + n % 13],
        CASE WHEN n % 50 <> 0 THEN timestamptz '2020-01-01' + n * interval '25 minutes' END, (n * 7919::bigint) % 101, 'api',
        'acme/repository' || n % 40, (ARRAY['public', 'internal', 'private'])[1 + n % 3], ARRAY['person' || n % 200], n % 4 = 0, n % 100,
        now(), n % 97 = 0
    FROM generate_series(1, 100000) AS n";

#[tokio::main]
async fn main() {
    let Some(database) = TestDatabase::create().await.unwrap() else {
        std::process::exit(1);
    };
    let role = format!("{}_api", database.install);
    let mut sql = PgConnection::connect(&database.superuser_url)
        .await
        .unwrap();
    let password = format!("ALTER ROLE {role} PASSWORD 'test-password'");
    sql.execute(AssertSqlSafe(password)).await.unwrap();
    // Vacuum finds no page all-visible whose commit is not on disk yet.
    sql.execute("SET synchronous_commit = on").await.unwrap();
    sql.execute(RECORDS).await.unwrap();
    sql.execute("VACUUM ANALYZE achievements").await.unwrap();
    let version: String = sqlx::query_scalar("SELECT current_setting('server_version')")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    println!(
        "Postgres {version}, {} cores for client and Postgres; 20 of 100,000 records with the exact total, {ROUNDS} times each",
        std::thread::available_parallelism().unwrap()
    );
    let store = ApiStore::connect_lazy(&database.url_of(&role, "test-password")).unwrap();
    for (name, filter) in filters() {
        for sort in [
            AchievementSort::NewestFirst,
            AchievementSort::OldestFirst,
            AchievementSort::HighestImpact,
            AchievementSort::LowestImpact,
        ] {
            measure(&store, name, &filter, sort).await;
        }
    }
    let ready = AchievementFilter {
        portfolio_ready: Some(true),
        ..AchievementFilter::default()
    };
    measure(&store, "portfolio", &ready, AchievementSort::Portfolio).await;
}

async fn measure(store: &ApiStore, name: &str, filter: &AchievementFilter, sort: AchievementSort) {
    let (mut times, mut total) = (Vec::new(), 0);
    for round in 0..WARM_UP + ROUNDS {
        let started = Instant::now();
        let page = store.achievements("team", filter, sort, (0, 20));
        total = page.await.unwrap().total;
        if round >= WARM_UP {
            times.push(started.elapsed());
        }
    }
    times.sort();
    let (p50, p99) = (times[ROUNDS / 2], times[ROUNDS * 99 / 100]);
    println!(
        "{name:<20} {:<13} p50 {:>7.2} ms  p99 {:>7.2} ms  total {total:>6}  (goal p99 {} ms: {})",
        format!("{sort:?}"),
        p50.as_secs_f64() * 1e3,
        p99.as_secs_f64() * 1e3,
        GOAL.as_millis(),
        if p99 > GOAL { "MISSED" } else { "reached" }
    );
}

fn filters() -> Vec<(&'static str, AchievementFilter)> {
    let with = |change: &dyn Fn(&mut AchievementFilter)| {
        let mut filter = AchievementFilter::default();
        change(&mut filter);
        filter
    };
    vec![
        ("none", with(&|_| {})),
        ("everything", with(&|it| it.everything = true)),
        (
            "category",
            with(&|it| it.category = Some(Category::Feature)),
        ),
        ("impact", with(&|it| it.min_impact_score = Some(60))),
        (
            "category and impact",
            with(&|it| {
                it.category = Some(Category::Feature);
                it.min_impact_score = Some(60);
            }),
        ),
        (
            "portfolio_ready",
            with(&|it| it.portfolio_ready = Some(true)),
        ),
        ("person", with(&|it| it.person = Some("person7".to_owned()))),
        (
            "repository",
            with(&|it| it.repository = Some("acme/repository7".to_owned())),
        ),
        (
            "visibility",
            with(&|it| it.visibility = Some(Visibility::Public)),
        ),
        (
            "time",
            with(&|it| {
                it.from = "2021-01-01T00:00:00Z".parse().ok();
                it.to = "2021-06-01T00:00:00Z".parse().ok();
            }),
        ),
        (
            "text",
            with(&|it| it.search = Some("Achievement 777".to_owned())),
        ),
    ]
}
