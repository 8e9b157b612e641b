//! Queries of Prometheus, made of metrics of the catalog. A label or value that the metric does not have is a mistake that the
//! generator ends with.

use crate::{Kind, Label, Metric};

/// Window of a rate in a dashboard: Grafana puts in what fits the interval of the scrapes.
pub const GRAFANA: &str = "$__rate_interval";

/// The series of a metric, narrowed by labels.
#[derive(Debug, Clone)]
pub struct Series {
    metric: &'static Metric,
    suffix: &'static str,
    matchers: Vec<String>,
}

/// All series of a metric.
#[must_use]
pub fn series(metric: &'static Metric) -> Series {
    Series {
        metric,
        suffix: "",
        matchers: Vec::new(),
    }
}

/// The same in a dashboard, where a variable chooses the namespaces of installs.
#[must_use]
pub fn shown(metric: &'static Metric) -> Series {
    let mut made = series(metric);
    made.matchers.push(r#"namespace=~"$namespace""#.to_owned());
    made
}

impl Series {
    /// Only those whose label has this value.
    ///
    /// # Panics
    /// The metric has no such label, or the label never has that value.
    #[must_use]
    pub fn with(mut self, label: &str, value: &str) -> Self {
        let known = self
            .label(label)
            .is_some_and(|it| it.values.is_empty() || it.values.contains(&value));
        assert!(known, "{} has no {label}={value}", self.metric.name);
        self.matchers.push(format!(r#"{label}="{value}""#));
        self
    }

    /// Only those whose label matches.
    ///
    /// # Panics
    /// The metric has no such label.
    #[must_use]
    pub fn matching(mut self, label: &str, pattern: &str) -> Self {
        self.has(label);
        self.matchers.push(format!(r#"{label}=~"{pattern}""#));
        self
    }

    fn has(&self, label: &str) {
        let known = self.label(label).is_some();
        assert!(known, "{} has no label {label}", self.metric.name);
    }

    fn label(&self, name: &str) -> Option<&'static Label> {
        self.metric.labels.iter().find(|it| it.name == name)
    }

    fn selector(&self) -> String {
        let matchers = if self.matchers.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", self.matchers.join(", "))
        };
        format!("{}{}{matchers}", self.metric.name, self.suffix)
    }

    /// The values as they are.
    ///
    /// # Panics
    /// Of a counter, which says nothing by itself.
    #[must_use]
    pub fn now(&self) -> String {
        assert!(self.metric.kind == Kind::Gauge, "{}", self.metric.name);
        self.selector()
    }

    /// Summed by labels; all in one where there are none.
    #[must_use]
    pub fn sum(&self, by: &[&str]) -> String {
        let values = self.now();
        self.by("sum", &values, by)
    }

    /// The greatest by labels: for gauges of which each replica tells the same.
    #[must_use]
    pub fn max(&self, by: &[&str]) -> String {
        let values = self.now();
        self.by("max", &values, by)
    }

    /// Events a second over the window, summed by labels.
    #[must_use]
    pub fn rate(&self, window: &str, by: &[&str]) -> String {
        self.over("rate", window, by)
    }

    /// Events within the window, summed by labels.
    #[must_use]
    pub fn increase(&self, window: &str, by: &[&str]) -> String {
        self.over("increase", window, by)
    }

    /// A quantile of a histogram over the window, by labels.
    ///
    /// # Panics
    /// Of what is no histogram.
    #[must_use]
    pub fn quantile(&self, quantile: f64, window: &str, by: &[&str]) -> String {
        assert!(
            matches!(self.metric.kind, Kind::Histogram(_)),
            "{}",
            self.metric.name
        );
        let buckets = Self {
            suffix: "_bucket",
            ..self.clone()
        };
        for label in by {
            self.has(label);
        }
        let by = [&["le"], by].concat().join(", ");
        format!(
            "histogram_quantile({quantile}, sum by ({by}) (rate({}[{window}])))",
            buckets.selector()
        )
    }

    fn over(&self, function: &str, window: &str, by: &[&str]) -> String {
        assert!(self.metric.kind == Kind::Counter, "{}", self.metric.name);
        let events = format!("{function}({}[{window}])", self.selector());
        self.by("sum", &events, by)
    }

    fn by(&self, function: &str, values: &str, by: &[&str]) -> String {
        for label in by {
            self.has(label);
        }
        if by.is_empty() {
            format!("{function}({values})")
        } else {
            format!("{function} by ({}) ({values})", by.join(", "))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::catalog::{messages, reconciling};

    #[test]
    fn queries_are_what_prometheus_reads() {
        let sent = series(&messages::OUTBOX_MESSAGES).with("result", "sent");
        assert_eq!(
            sent.rate("5m", &[]),
            r#"sum(rate(threads_outbox_messages_total{result="sent"}[5m]))"#
        );
        assert_eq!(
            series(&reconciling::RECONCILE_SECONDS).quantile(0.95, "5m", &["kind"]),
            "histogram_quantile(0.95, sum by (le, kind) (rate(threads_reconcile_duration_seconds_bucket[5m])))"
        );
    }

    #[test]
    #[should_panic(expected = "has no result=lost")]
    fn a_value_that_nobody_exports_ends_the_generator() {
        let _ = series(&messages::OUTBOX_MESSAGES).with("result", "lost");
    }
}
