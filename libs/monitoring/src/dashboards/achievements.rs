//! Achievements: what comes in, how far behind the analysis is.

use crate::{
    catalog::{achievements, http},
    grafana::{Dashboard, Panel, Query, Row, Unit::*, View::*, query},
    promql::{GRAFANA, shown},
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "threads-achievements",
        title: "Threads-Agent / Achievements",
        description: "What was collected and analysed, and how far behind that is.",
        rows: vec![
            Row {
                title: "All sources",
                panels: vec![
                    Panel::new(
                        "Records collected",
                        "Within the hour before, by where they come from.",
                        Stacked,
                        Count,
                        vec![query(
                            shown(&achievements::COLLECTED).increase("1h", &["source"]),
                            "{{source}}",
                        )],
                    ),
                    Panel::new(
                        "Analyses that ended",
                        "Within the hour before, by how.",
                        Stacked,
                        Count,
                        vec![query(
                            shown(&achievements::ANALYSES).increase("1h", &["status"]),
                            "{{status}}",
                        )],
                    ),
                    Panel::new(
                        "Analyses that wait",
                        "Queued and running.",
                        Stacked,
                        Count,
                        vec![query(
                            shown(&achievements::TASKS).sum(&["status"]),
                            "{{status}}",
                        )],
                    ),
                    Panel::new(
                        "Age of the oldest",
                        "Of the analyses that are not finished.",
                        TimeSeries,
                        Seconds,
                        vec![query(
                            shown(&achievements::OLDEST_SECONDS).max(&[]),
                            "oldest",
                        )],
                    ),
                ],
            },
            Row {
                title: "Webhooks",
                panels: vec![
                    Panel::new(
                        "Answers",
                        "A second. Unsigned ones had a wrong signature; GitHub tries none of them again by itself.",
                        TimeSeries,
                        PerSecond,
                        vec![query(
                            shown(&http::WEBHOOK_ANSWERS).rate(GRAFANA, &["outcome"]),
                            "{{outcome}}",
                        )],
                    ),
                    Panel::new(
                        "Deliveries that were handled",
                        "A second, by what they came to.",
                        TimeSeries,
                        PerSecond,
                        vec![query(
                            shown(&achievements::DELIVERIES).rate(GRAFANA, &["outcome"]),
                            "{{outcome}}",
                        )],
                    ),
                    Panel::new(
                        "Deliveries that wait",
                        "Stored and not yet read.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&achievements::DELIVERIES_WAITING).max(&[]),
                            "waiting",
                        )],
                    ),
                ],
            },
            Row {
                title: "Each source",
                panels: vec![
                    Panel::new(
                        "Sources",
                        "Up to when each is known to be complete, and what keeps it back.",
                        Table,
                        Count,
                        vec![Query::Table {
                            sql: "SELECT namespace, source, suspended, records, caught_up_at, last_delivery_at, reach_error, \
                            webhook_error FROM grafana.achievement_sources WHERE namespace IN (${team:sqlstring}) ORDER BY 1, 2 LIMIT 200",
                        }],
                    ),
                    Panel::new(
                        "Records by category",
                        "Completed within the chosen time; titles are not here, they may be private.",
                        Table,
                        Count,
                        vec![Query::Table {
                            sql: "SELECT namespace, category, visibility, count(*) AS records, round(avg(impact)::numeric, 1) AS mean_impact \
                            FROM grafana.achievements WHERE namespace IN (${team:sqlstring}) AND $__timeFilter(completed_at) \
                            GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 200",
                        }],
                    ),
                ],
            },
        ],
    }
}
