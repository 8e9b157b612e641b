#![allow(clippy::unwrap_used)]

use super::*;
use backends::postgres::operator::figures::Total;
use std::collections::BTreeSet;

fn total(metric: &str, first: &str, second: &str) -> Total {
    Total {
        metric: metric.to_owned(),
        first: first.to_owned(),
        second: second.to_owned(),
    }
}

fn shown(metrics: &Metrics, name: &str) -> Vec<(String, f64)> {
    metrics
        .registry
        .gather()
        .iter()
        .filter(|family| family.name() == name)
        .flat_map(|family| family.get_metric())
        .map(|series| {
            let labels: Vec<&str> = series
                .get_label()
                .iter()
                .map(|label| label.value())
                .collect();
            (labels.join(" "), series.get_counter().get_value())
        })
        .collect()
}

/// What the catalog promises of the operator is what the operator has.
#[test]
fn every_metric_of_the_catalog_is_made_once() {
    let metrics = Metrics::new().unwrap();
    metrics.totals.raise(vec![
        (total("model_attempts", "m", "exact"), 1),
        (total("model_tokens", "m", "prompt"), 1),
        (total("model_cost", "m", ""), 1),
    ]);
    metrics
        .experiments
        .decisions
        .with_label_values(&["winner", "promoted"]);
    let exported: BTreeSet<String> = metrics
        .registry
        .gather()
        .iter()
        .map(|family| family.name().to_owned())
        .collect();
    for (exporter, metric) in monitoring::catalog::all() {
        let is_vector_gauge = metric.kind == monitoring::Kind::Gauge && !metric.labels.is_empty();
        if exporter == monitoring::catalog::Exporter::Operator && !is_vector_gauge {
            assert!(exported.contains(metric.name), "{}", metric.name);
        }
    }
}

#[test]
fn totals_rise_to_what_the_rows_say_and_never_fall() {
    let metrics = Metrics::new().unwrap();
    let name = "threads_posts_total";
    metrics.totals.raise(vec![(total("posts", "model", ""), 5)]);
    metrics.totals.raise(vec![(total("posts", "model", ""), 7)]);
    metrics.totals.raise(vec![
        (total("posts", "model", ""), 7),
        (total("of later versions", "", ""), 3),
    ]);
    assert!(shown(&metrics, name).contains(&("model".to_owned(), 7.0)));
    assert!(shown(&metrics, name).contains(&("stand_in".to_owned(), 0.0)));
}

#[test]
fn made_up_models_share_one_series() {
    let metrics = Metrics::new().unwrap();
    for number in 0..200 {
        metrics.totals.raise(vec![(
            total("model_attempts", &format!("m{number}"), "exact"),
            1,
        )]);
    }
    let series = shown(&metrics, "threads_model_attempts_total");
    assert_eq!(series.len(), 41);
    assert_eq!(series.iter().map(|(_, value)| value).sum::<f64>(), 200.0);
}
