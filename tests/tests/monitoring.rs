//! Metrics, dashboards and alerts as they are: a real Prometheus scrapes the running product, every panel's and alert's expression is
//! executed by it, every panel of single resources by Postgres as Grafana's role.
#![allow(clippy::unwrap_used)]

use crds::{ConditionType, ContentJob, is_true};
use monitoring::{Kind, Metric, catalog, dashboards, grafana::Query};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use threads_e2e::{Cluster, api::Api, manifests, prometheus::Prometheus};

const HOME: &str = "e2e-monitoring";
/// What a post alone does not bring; the catalog says when each is there.
const ELSEWHERE: [&Metric; 3] = [
    &catalog::work::MODEL_COST,
    &catalog::experiments::DECISIONS,
    &catalog::experiments::FALSE_WINNERS,
];

#[tokio::test]
async fn every_panel_and_alert_is_answered_by_what_runs() {
    let Some(cluster) = Cluster::connect().await.unwrap() else {
        return;
    };
    let folder =
        std::env::temp_dir().join(format!("threads-e2e-prometheus-{}", std::process::id()));
    let Some(prometheus) = Prometheus::start(&cluster, &folder).await.unwrap() else {
        return;
    };
    something_happens(&cluster).await;

    every_metric_is_there(&cluster, &prometheus).await;
    every_expression_is_answered(&prometheus).await;
    every_rule_is_evaluated(&cluster, &prometheus).await;
    every_statement_is_answered(&cluster).await;

    cluster.delete_namespace(HOME).await.unwrap();
    drop(prometheus);
    let _ = std::fs::remove_dir_all(folder);
}

/// A post is written, and somebody asks the API.
async fn something_happens(cluster: &Cluster) {
    cluster.namespace(HOME).await.unwrap();
    for manifest in manifests::foundation("maya", "stand-in-writer") {
        cluster.apply(Some(HOME), &manifest).await.unwrap();
    }
    let job = manifests::job("launch", "maya", 2);
    cluster.apply(Some(HOME), &job).await.unwrap();
    let complete = |job: &ContentJob| {
        let status = job.status.as_ref();
        status.is_some_and(|status| is_true(&status.conditions, ConditionType::Complete))
    };
    cluster
        .wait_for(HOME, "launch", "complete", complete)
        .await
        .unwrap();
    let api = Api::connect(cluster, HOME).await.unwrap();
    api.get("/content/posts").await.unwrap();
}

/// What the catalog says is exported: where it may be absent, the reason stands in it.
async fn every_metric_is_there(cluster: &Cluster, prometheus: &Prometheus) {
    for (_, metric) in catalog::all() {
        if ELSEWHERE.contains(&metric) {
            continue;
        }
        let name = match metric.kind {
            Kind::Histogram(_) => format!("{}_count", metric.name),
            Kind::Counter | Kind::Gauge => metric.name.to_owned(),
        };
        let what = format!("Prometheus has {name}");
        let found = cluster.eventually(&what, async || {
            Ok((!prometheus.query(&name).await?.is_empty()).then_some(()))
        });
        if let Err(error) = found.await {
            panic!("{error}\n{}", prometheus.log());
        }
    }
    let posts = format!("sum({}) > 0", catalog::work::POSTS.name);
    let counted = async || Ok((!prometheus.query(&posts).await?.is_empty()).then_some(()));
    cluster
        .eventually("what the worker committed is counted", counted)
        .await
        .unwrap();
}

async fn every_expression_is_answered(prometheus: &Prometheus) {
    let mut asked = 0;
    for dashboard in dashboards::all() {
        for panel in dashboard.panels() {
            for query in &panel.queries {
                let Query::Prometheus { expression, .. } = query else {
                    continue;
                };
                let expression = expression
                    .replace("$__rate_interval", "1m")
                    .replace("$namespace", ".*");
                assert!(!expression.contains('$'), "{expression}");
                let answer = prometheus.query(&expression).await;
                assert!(answer.is_ok(), "{}: {expression}: {answer:?}", panel.title);
                asked += 1;
            }
        }
    }
    assert!(asked > 40, "{asked} expressions");
}

/// Every rule is evaluated without an error, and none that wakes people fires on a healthy install.
async fn every_rule_is_evaluated(cluster: &Cluster, prometheus: &Prometheus) {
    let evaluated = cluster
        .eventually("every rule was evaluated", async || {
            let groups = prometheus.get("rules", &[]).await?;
            let rules: Vec<_> = groups["groups"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
                .collect();
            let known = !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown");
            Ok(known.then_some(rules))
        })
        .await
        .unwrap();
    assert_eq!(evaluated.len(), monitoring::alerts::all().len());
    for rule in evaluated {
        assert_eq!(rule["health"], "ok", "{rule:#}");
        let wakes = rule["labels"]["severity"] == "critical";
        assert!(!wakes || rule["state"] != "firing", "{rule:#}");
    }
}

/// As the role that Grafana logs in with, Grafana's own words replaced as Grafana would.
async fn every_statement_is_answered(cluster: &Cluster) {
    let mut grafana = PgConnection::connect(&cluster.database_url).await.unwrap();
    grafana.execute("SET ROLE threads_grafana").await.unwrap();
    let mut asked = 0;
    for dashboard in dashboards::all() {
        for panel in dashboard.panels() {
            for query in &panel.queries {
                let (Query::Table { sql } | Query::Series { sql }) = query else {
                    continue;
                };
                let statement = as_grafana_sends(sql);
                assert!(!statement.contains('$'), "{statement}");
                let answer = grafana.execute(AssertSqlSafe(statement)).await;
                assert!(answer.is_ok(), "{}: {sql}: {answer:?}", panel.title);
                asked += 1;
            }
        }
    }
    assert!(asked > 10, "{asked} statements");
}

fn as_grafana_sends(sql: &str) -> String {
    let mut statement = sql.replace(
        "${team:sqlstring}",
        "SELECT namespace FROM grafana.namespaces",
    );
    const FILTER: &str = "$__timeFilter(";
    while let Some(start) = statement.find(FILTER) {
        let column = start + FILTER.len();
        let end = column + statement[column..].find(')').unwrap();
        let between = format!(
            "{} BETWEEN now() - interval '1 day' AND now()",
            &statement[column..end]
        );
        statement.replace_range(start..=end, &between);
    }
    statement
}
