//! Which indices the lists use, at 100,000 records of one namespace beside those of another.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::postgres::testing::TestDatabase;
use domain::achievement::{Category, Visibility};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

const RECORDS: &str = "INSERT INTO achievements (id, namespace, identity, title, category, completed_at, impact_score, source_type, repository,
        visibility, logins, portfolio_ready, display_priority, analyzed_at, hidden)
    SELECT gen_random_uuid(), CASE WHEN n <= 100000 THEN 'team' ELSE 'other' END, 'api/' || n, 'Achievement ' || n,
        (enum_range(NULL::achievement_category))[1 + n % 13],
        CASE WHEN n % 50 <> 0 THEN timestamptz '2020-01-01' + n * interval '25 minutes' END, (n * 7919::bigint) % 101, 'api',
        'acme/repository' || n % 40, (ARRAY['public', 'internal', 'private'])[1 + n % 3], ARRAY['person' || n % 200], n % 4 = 0, n % 100,
        now(), n % 97 = 0
    FROM generate_series(1, 102000) AS n";

async fn crowded() -> Option<(TestDatabase, ApiStore)> {
    let database = TestDatabase::create().await.unwrap()?;
    let role = format!("{}_api", database.install);
    let mut sql = PgConnection::connect(&database.superuser_url)
        .await
        .unwrap();
    sql.execute(AssertSqlSafe(format!(
        "ALTER ROLE {role} PASSWORD 'test-password'"
    )))
    .await
    .unwrap();
    // Vacuum finds no page all-visible whose commit is not on disk yet.
    sql.execute("SET synchronous_commit = on").await.unwrap();
    sql.execute(RECORDS).await.unwrap();
    sql.execute("VACUUM ANALYZE achievements").await.unwrap();
    let store = ApiStore::connect_lazy(&database.url_of(&role, "test-password")).unwrap();
    Some((database, store))
}

async fn plan(store: &ApiStore, mut query: QueryBuilder<Postgres>) -> String {
    let mut transaction = store.begin("team").await.unwrap();
    let lines: Vec<String> = query
        .build_query_scalar()
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
    lines.join("\n")
}

/// Sources are few, and may be read whole.
const WHOLE: &str = "Seq Scan on achievements\n";

fn filters() -> Vec<(&'static str, AchievementFilter)> {
    let none = AchievementFilter::default;
    let time = |text: &str| Some(text.parse().unwrap());
    vec![
        ("all that is shown", none()),
        (
            "everything",
            AchievementFilter {
                everything: true,
                ..none()
            },
        ),
        (
            "category",
            AchievementFilter {
                category: Some(Category::Feature),
                ..none()
            },
        ),
        (
            "impact",
            AchievementFilter {
                min_impact_score: Some(60),
                ..none()
            },
        ),
        (
            "category and impact",
            AchievementFilter {
                category: Some(Category::Feature),
                min_impact_score: Some(60),
                ..none()
            },
        ),
        (
            "portfolio",
            AchievementFilter {
                portfolio_ready: Some(true),
                ..none()
            },
        ),
        (
            "person",
            AchievementFilter {
                person: Some("Person7".to_owned()),
                ..none()
            },
        ),
        (
            "repository",
            AchievementFilter {
                repository: Some("acme/repository7".to_owned()),
                ..none()
            },
        ),
        (
            "visibility",
            AchievementFilter {
                visibility: Some(Visibility::Public),
                ..none()
            },
        ),
        (
            "time",
            AchievementFilter {
                from: time("2021-01-01T00:00:00Z"),
                to: time("2021-06-01T00:00:00Z"),
                ..none()
            },
        ),
        (
            "source",
            AchievementFilter {
                source: Some("shop".to_owned()),
                ..none()
            },
        ),
        (
            "text",
            AchievementFilter {
                search: Some("Achievement 777".to_owned()),
                ..none()
            },
        ),
    ]
}

#[tokio::test]
async fn every_filter_and_order_uses_an_index_at_a_hundred_thousand_records() {
    let Some((_database, store)) = crowded().await else {
        return;
    };
    for (name, filter) in filters() {
        let mut counting = QueryBuilder::new("EXPLAIN (COSTS OFF) ");
        write_count(&mut counting, "team", &filter);
        let counted = plan(&store, counting).await;
        assert!(!counted.contains(WHOLE), "{name}: {counted}");
        // What these take is little; all others are counted without a look at the records themselves.
        let narrow = filter.person.is_some() || filter.source.is_some() || filter.search.is_some();
        if filter.search.is_some() {
            assert!(counted.contains("achievements_text"), "{counted}");
        }
        if !narrow {
            assert!(counted.contains("Index Only Scan"), "{name}: {counted}");
        }
        for sort in [
            AchievementSort::NewestFirst,
            AchievementSort::OldestFirst,
            AchievementSort::HighestImpact,
            AchievementSort::LowestImpact,
        ] {
            let mut listing = QueryBuilder::new("EXPLAIN (COSTS OFF) ");
            write_page(&mut listing, "team", &filter, sort, (0, 20));
            let listed = plan(&store, listing).await;
            assert!(!listed.contains(WHOLE), "{name}, {sort:?}: {listed}");
        }
    }
    let mut listing = QueryBuilder::new("EXPLAIN (COSTS OFF) ");
    let ready = AchievementFilter {
        portfolio_ready: Some(true),
        ..AchievementFilter::default()
    };
    write_page(
        &mut listing,
        "team",
        &ready,
        AchievementSort::Portfolio,
        (0, 20),
    );
    let listed = plan(&store, listing).await;
    assert!(listed.contains("achievements_by_portfolio"), "{listed}");
}

#[tokio::test]
async fn totals_are_exact_and_a_login_that_is_bound_to_nothing_sees_nothing() {
    let Some((database, store)) = crowded().await else {
        return;
    };
    let shown = store
        .achievements(
            "team",
            &AchievementFilter::default(),
            AchievementSort::default(),
            (0, 20),
        )
        .await
        .unwrap();
    assert_eq!(
        (shown.items.len(), shown.total),
        (20, 100_000 - 100_000 / 97)
    );
    for (namespace, total) in [("team", 100_000), ("other", 2_000), ("third", 0), ("", 0)] {
        let all = AchievementFilter {
            everything: true,
            ..AchievementFilter::default()
        };
        let page = store
            .achievements(namespace, &all, AchievementSort::default(), (0, 1))
            .await
            .unwrap();
        assert_eq!(page.total, total, "{namespace}");
    }
    // The view is asked without the filter's own word on the namespace: only the transaction's binding counts.
    let url = database.url_of(&format!("{}_api", database.install), "test-password");
    let mut unbound = PgConnection::connect(&url).await.unwrap();
    let count = "SELECT count(*) FROM listed_achievements";
    let seen: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut unbound)
        .await
        .unwrap();
    assert_eq!(seen, 0);
    let mut bound = store.begin("other").await.unwrap();
    let seen: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut *bound)
        .await
        .unwrap();
    assert_eq!(seen, 2_000);
    assert!(
        sqlx::query("DELETE FROM listed_achievements")
            .execute(&mut *bound)
            .await
            .is_err()
    );
}
