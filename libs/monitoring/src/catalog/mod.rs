//! Every metric of the product, one file a subject. docs/metrics.md is written from it.

pub mod achievements;
pub mod experiments;
pub mod http;
pub mod messages;
pub mod notifications;
pub mod reconciling;
pub mod work;

use crate::{Kind, Metric};
use std::fmt::Write as _;

/// The processes that export metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exporter {
    Operator,
    Api,
}

/// All of them, by who exports them.
#[must_use]
pub fn all() -> Vec<(Exporter, &'static Metric)> {
    let of = |exporter: Exporter, metrics: &'static [&'static Metric]| {
        metrics.iter().map(move |metric| (exporter, *metric))
    };
    of(Exporter::Operator, reconciling::ALL)
        .chain(of(Exporter::Operator, messages::ALL))
        .chain(of(Exporter::Operator, work::ALL))
        .chain(of(Exporter::Operator, experiments::ALL))
        .chain(of(Exporter::Operator, achievements::ALL))
        .chain(of(Exporter::Operator, notifications::ALL))
        .chain(of(Exporter::Api, http::ALL))
        .collect()
}

/// What every Rust process exports of itself, by the `process` feature of the prometheus crate.
pub mod process {
    use crate::Metric;

    pub const CPU_SECONDS: Metric =
        Metric::counter("process_cpu_seconds_total", "CPU time, in seconds.", &[]);
    pub const RESIDENT_BYTES: Metric =
        Metric::gauge("process_resident_memory_bytes", "Memory, in bytes.", &[]);
    pub const OPEN_FILES: Metric = Metric::gauge("process_open_fds", "Open file descriptors.", &[]);
}

/// docs/metrics.md.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Metrics\n\nGenerated from libs/monitoring by `cargo xtask gen`; do not edit.\n\n\
         Operator and API serve them at `/metrics` on port 8081, with those of the process (`process_*`). No label holds the name of a \
         resource: panels about single personas, jobs and experiments read the views of schema `grafana` \
         ([operations.md](operations.md)). Only the operator that leads counts; a standby shows zeros. The metrics named *of committed \
         work* are counted in Postgres by the transaction that did the work, so that neither a worker Pod nor an operator that is killed \
         takes any with it.\n",
    );
    for (exporter, title) in [(Exporter::Operator, "Operator"), (Exporter::Api, "API")] {
        let _ = write!(
            page,
            "\n## {title}\n\n| metric | type | labels | what it is |\n|---|---|---|---|\n"
        );
        for (_, metric) in all().into_iter().filter(|(of, _)| *of == exporter) {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {}{} |",
                metric.name,
                kind(metric.kind),
                labels(metric),
                metric.help,
                metric
                    .absent
                    .map_or_else(String::new, |why| format!(" Absent {why}."))
            );
        }
    }
    page
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    }
}

fn labels(metric: &Metric) -> String {
    let shown: Vec<String> = metric
        .labels
        .iter()
        .map(|label| {
            if label.values.is_empty() {
                format!("`{}`", label.name)
            } else {
                format!("`{}`: {}", label.name, label.values.join(", "))
            }
        })
        .collect();
    shown.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_follow_the_conventions_and_are_given_once() {
        let mut names = BTreeSet::new();
        for (_, metric) in all() {
            assert!(names.insert(metric.name), "{} is given twice", metric.name);
            assert_eq!(
                metric.kind == Kind::Counter,
                metric.name.ends_with("_total"),
                "{}",
                metric.name
            );
            assert!(metric.help.ends_with('.'), "{}", metric.name);
            for label in metric.labels {
                assert!(
                    !["name", "namespace", "persona", "job"].contains(&label.name),
                    "{} would have a series an object",
                    metric.name
                );
            }
        }
    }

    /// The goal of a scrape: at most 200 series a kind of resource, of which there are six.
    #[test]
    fn known_series_of_a_kind_are_few() {
        let of_kind: usize = reconciling::ALL
            .iter()
            .filter(|metric| metric.label_names().contains(&"kind"))
            .map(|metric| {
                let others: usize = metric
                    .labels
                    .iter()
                    .filter(|label| label.name != "kind")
                    .map(|label| label.values.len())
                    .product();
                let each = match metric.kind {
                    Kind::Histogram(bounds) => bounds.len() + 3,
                    Kind::Counter | Kind::Gauge => 1,
                };
                others * each
            })
            .sum();
        assert!(of_kind <= 200, "{of_kind}");
    }
}
