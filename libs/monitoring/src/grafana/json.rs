//! The JSON of a dashboard. Nothing in it depends on when it was made, so that it can be compared.

use super::{Dashboard, Panel, Query, Unit, View};
use serde_json::{Value, json};

/// Of the schema of Grafana 11.
const SCHEMA: u32 = 39;
const COLUMNS: u32 = 24;

impl Dashboard {
    /// What `Import dashboard` and the sidecar of the Grafana chart take.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "uid": self.uid, "title": self.title, "description": self.description, "schemaVersion": SCHEMA, "editable": true,
            "tags": ["threads-agent"], "time": { "from": "now-6h", "to": "now" }, "refresh": "30s", "timezone": "browser",
            "graphTooltip": 1, "templating": { "list": self.variables() }, "panels": self.placed(),
            "links": [{ "title": "Threads-Agent", "type": "dashboards", "tags": ["threads-agent"], "asDropdown": true }],
        })
    }

    fn variables(&self) -> Vec<Value> {
        let source = |name: &str, label: &str, of: &str| json!({ "name": name, "label": label, "type": "datasource", "query": of });
        let all = |name: &str, label: &str, from: Value, query: &str, everything: &str| {
            json!({ "name": name, "label": label, "type": "query", "datasource": from, "query": query, "refresh": 2,
                "includeAll": true, "multi": true, "allValue": everything, "current": { "text": "All", "value": "$__all" } })
        };
        let mut variables = vec![
            source("prometheus", "Prometheus", "prometheus"),
            all(
                "namespace",
                "Install",
                prometheus(),
                "label_values(threads_leader, namespace)",
                ".*",
            ),
        ];
        if self.reads_postgres() {
            variables.push(source(
                "postgres",
                "Postgres",
                "grafana-postgresql-datasource",
            ));
            // Every namespace: the subquery stands where a list of names would.
            let every = "SELECT namespace FROM grafana.namespaces";
            variables.push(all("team", "Namespace", postgres(), every, every));
        }
        variables
    }

    /// Panels from left to right, a new line where one has no room, a headline before each row.
    fn placed(&self) -> Vec<Value> {
        let mut placed = Vec::new();
        let mut top = 0;
        for row in &self.rows {
            placed.push(json!({ "id": placed.len() + 1, "type": "row", "title": row.title, "collapsed": false, "panels": [],
                "gridPos": { "x": 0, "y": top, "w": COLUMNS, "h": 1 } }));
            top += 1;
            let (mut left, mut tallest) = (0, 0);
            for panel in &row.panels {
                if left + panel.width > COLUMNS {
                    top += tallest;
                    (left, tallest) = (0, 0);
                }
                let height = panel.height();
                placed.push(panel.to_json(placed.len() + 1, [left, top, panel.width, height]));
                left += panel.width;
                tallest = tallest.max(height);
            }
            top += tallest;
        }
        placed
    }
}

impl Panel {
    const fn height(&self) -> u32 {
        match self.view {
            View::Stat => 4,
            View::TimeSeries | View::Stacked | View::Table => 8,
        }
    }

    fn to_json(&self, id: usize, [x, y, w, h]: [u32; 4]) -> Value {
        let targets: Vec<Value> = self
            .queries
            .iter()
            .zip('A'..='Z')
            .map(|(query, letter)| query.to_json(letter, self.view))
            .collect();
        json!({
            "id": id, "type": self.view.plugin(), "title": self.title, "description": self.description, "targets": targets,
            "datasource": self.queries.first().map_or_else(prometheus, Query::datasource),
            "gridPos": { "x": x, "y": y, "w": w, "h": h },
            "fieldConfig": { "defaults": { "unit": self.unit.word(), "min": 0, "noValue": "unknown: no data", "custom": self.view.custom() },
                "overrides": [] },
            "options": self.view.options(),
        })
    }
}

impl Query {
    fn datasource(&self) -> Value {
        match self {
            Self::Prometheus { .. } => prometheus(),
            Self::Table { .. } | Self::Series { .. } => postgres(),
        }
    }

    fn to_json(&self, letter: char, view: View) -> Value {
        let once = view == View::Stat || view == View::Table;
        match self {
            Self::Prometheus { expression, legend } => {
                json!({ "refId": letter, "datasource": prometheus(), "expr": expression,
                "legendFormat": legend, "instant": once, "range": !once })
            }
            Self::Table { sql } | Self::Series { sql } => {
                json!({ "refId": letter, "datasource": postgres(), "rawQuery": true,
                "editorMode": "code", "rawSql": sql,
                "format": if matches!(self, Self::Table { .. }) { "table" } else { "time_series" } })
            }
        }
    }
}

impl View {
    const fn plugin(self) -> &'static str {
        match self {
            Self::TimeSeries | Self::Stacked => "timeseries",
            Self::Stat => "stat",
            Self::Table => "table",
        }
    }

    fn custom(self) -> Value {
        match self {
            Self::Stacked => {
                json!({ "fillOpacity": 40, "stacking": { "mode": "normal", "group": "A" } })
            }
            Self::TimeSeries => json!({ "fillOpacity": 8, "lineWidth": 2 }),
            Self::Stat | Self::Table => json!({}),
        }
    }

    fn options(self) -> Value {
        match self {
            Self::Stat => {
                json!({ "colorMode": "value", "graphMode": "none", "reduceOptions": { "calcs": ["lastNotNull"] } })
            }
            Self::TimeSeries | Self::Stacked => {
                json!({ "legend": { "displayMode": "list", "placement": "bottom" },
                "tooltip": { "mode": "multi", "sort": "desc" } })
            }
            Self::Table => json!({ "cellHeight": "sm", "showHeader": true }),
        }
    }
}

impl Unit {
    const fn word(self) -> &'static str {
        match self {
            Self::Count => "short",
            Self::PerSecond => "ops",
            Self::Seconds => "s",
            Self::Bytes => "bytes",
            Self::Share => "percentunit",
            Self::Micros => "none",
        }
    }
}

fn prometheus() -> Value {
    json!({ "type": "prometheus", "uid": "${prometheus}" })
}

fn postgres() -> Value {
    json!({ "type": "grafana-postgresql-datasource", "uid": "${postgres}" })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::dashboards;
    use std::collections::BTreeSet;

    /// Grafana lays panels that overlap one over the other.
    #[test]
    fn no_panel_covers_another() {
        for dashboard in dashboards::all() {
            let json = dashboard.to_json();
            let mut cells = BTreeSet::new();
            for panel in json["panels"].as_array().unwrap() {
                let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
                for x in side("x")..side("x") + side("w") {
                    assert!(x < 24, "{} is too wide", panel["title"]);
                    for y in side("y")..side("y") + side("h") {
                        assert!(cells.insert((x, y)), "{} covers another", panel["title"]);
                    }
                }
            }
        }
    }

    #[test]
    fn every_panel_says_what_it_tells() {
        let mut uids = BTreeSet::new();
        for dashboard in dashboards::all() {
            assert!(uids.insert(dashboard.uid));
            for panel in dashboard.panels() {
                assert!(
                    !panel.description.is_empty() && !panel.queries.is_empty(),
                    "{}",
                    panel.title
                );
            }
        }
    }
}
