//! What is written of the alerts: the groups of rules, the unit tests of promtool, and a page each.

use super::{Alert, Check, all};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Stands for the folder of the runbooks until the chart puts `monitoring.rules.runbooks` there.
pub const RUNBOOKS: &str = "RUNBOOKS";

/// The groups of rules, as `spec` of a PrometheusRule and as a file of Prometheus.
#[must_use]
pub fn rules() -> Value {
    let rules: Vec<Value> = all()
        .iter()
        .map(|alert| {
            json!({ "alert": alert.name, "expr": alert.expression, "for": alert.hold, "labels": { "severity": alert.severity.as_str() },
                "annotations": { "summary": alert.summary, "description": alert.runbook.meaning, "runbook_url": alert.url() } })
        })
        .collect();
    json!({ "groups": [{ "name": "threads-agent", "rules": rules }] })
}

/// A file for `promtool test rules` beside the rules: each alert fires where it should, and is silent where it should be.
#[must_use]
pub fn checks(rules_file: &str) -> Value {
    let tests: Vec<Value> = all()
        .iter()
        .flat_map(|alert| [alert.case("fires", true), alert.case("is silent", false)])
        .collect();
    json!({ "rule_files": [rules_file], "evaluation_interval": "1m", "tests": tests })
}

impl Alert {
    fn url(&self) -> String {
        format!("{RUNBOOKS}/{}.md", self.name)
    }

    fn case(&self, word: &str, fires: bool) -> Value {
        let Check {
            fires: on,
            labels,
            silent,
        } = self.check;
        let input = if fires { on } else { silent };
        let series: Vec<Value> = input
            .iter()
            .map(|(series, values)| json!({ "series": series, "values": values }))
            .collect();
        let mut said = json!({ "severity": self.severity.as_str() });
        for (name, value) in labels {
            said[*name] = json!(value);
        }
        let summary = labels
            .iter()
            .fold(self.summary.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{{ $labels.{name} }}}}"), value)
            });
        let expected = json!([{ "exp_labels": said, "exp_annotations": { "summary": summary,
            "description": self.runbook.meaning, "runbook_url": self.url() } }]);
        let minutes = input
            .iter()
            .map(|(_, values)| length(values))
            .max()
            .unwrap_or(0);
        json!({ "name": format!("{} {word}", self.name), "interval": "1m", "input_series": series,
            "alert_rule_test": [{ "eval_time": format!("{minutes}m"), "alertname": self.name,
                "exp_alerts": if fires { expected } else { json!([]) } }] })
    }
}

/// Minutes after the first value of a series in promtool's notation: `1 2`, `0x10`, `0+2x10`.
fn length(values: &str) -> usize {
    let of = |word: &str| {
        word.split_once('x').map_or(1, |(_, times)| {
            times.parse::<usize>().map_or(1, |times| times + 1)
        })
    };
    values
        .split_whitespace()
        .map(of)
        .sum::<usize>()
        .saturating_sub(1)
}

/// The page of an alert.
#[must_use]
pub fn runbook(alert: &Alert) -> String {
    format!(
        "# {}\n\nGenerated from libs/monitoring by `cargo xtask gen`; do not edit. Severity: {}.\n\n{}.\n\n\
         ## What it means\n\n{}\n\n## When it fires\n\n```\n{}\n```\n\nfor {}.\n\n## Where to look\n\n```\n{}\n```\n\n## How to mend it\n\n{}\n",
        alert.name,
        alert.severity.as_str(),
        alert
            .summary
            .replace("{{ $labels.", "`")
            .replace(" }}", "`"),
        alert.runbook.meaning,
        alert.expression,
        alert.hold,
        alert.runbook.look,
        alert.runbook.mend,
    )
}

/// The list of all pages.
#[must_use]
pub fn runbooks_index() -> String {
    let mut page = String::from(
        "# Runbooks\n\nGenerated from libs/monitoring by `cargo xtask gen`; do not edit. One page for each alert of the chart \
         (`monitoring.rules.enabled`).\n\n| alert | severity | what |\n|---|---|---|\n",
    );
    for alert in all() {
        let _ = writeln!(
            page,
            "| [{0}]({0}.md) | {1} | {2} |",
            alert.name,
            alert.severity.as_str(),
            alert
                .summary
                .replace("{{ $labels.", "`")
                .replace(" }}", "`")
        );
    }
    page
}
