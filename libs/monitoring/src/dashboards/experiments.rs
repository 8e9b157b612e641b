//! Experiments: what they collect, what was decided, and whether the deciding can be trusted.

use crate::{
    catalog::{experiments, http},
    grafana::{Dashboard, Panel, Query, Row, Unit::*, View::*, query},
    promql::{GRAFANA, shown},
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "threads-experiments",
        title: "Threads-Agent / Experiments",
        description: "What experiments collect, what was decided, and whether the deciding can be trusted.",
        rows: vec![
            Row {
                title: "All experiments",
                panels: vec![
                    Panel::new(
                        "Experiments",
                        "Those that collect, and those whose verdict waits for a person.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&experiments::RUNNING).sum(&["state"]),
                            "{{state}}",
                        )],
                    ),
                    Panel::new(
                        "Units that matured",
                        "Within the hour before, by what they came to; missing ones count against no arm.",
                        Stacked,
                        Count,
                        vec![query(
                            shown(&experiments::UNITS).increase("1h", &["fate"]),
                            "{{fate}}",
                        )],
                    ),
                    Panel::new(
                        "Decisions",
                        "Within the day before each moment.",
                        Stacked,
                        Count,
                        vec![query(
                            shown(&experiments::DECISIONS).increase("1d", &["verdict", "action"]),
                            "{{verdict}} {{action}}",
                        )],
                    ),
                    Panel::new(
                        "Outcomes",
                        "A second, by what became of them. Late ones came after their unit had frozen.",
                        TimeSeries,
                        PerSecond,
                        vec![query(
                            shown(&http::OUTCOMES).rate(GRAFANA, &["fate"]),
                            "{{fate}}",
                        )],
                    ),
                    Panel::new(
                        "False winners of the canary",
                        "How often equal arms, made by labelling real units at random, were called different; \
                        to stay at or below 5 %. Resampled, no experiment.",
                        TimeSeries,
                        Share,
                        vec![query(
                            shown(&experiments::FALSE_WINNERS).max(&["bound"]),
                            "{{bound}}",
                        )],
                    ),
                    Panel::new(
                        "Labellings of the canary",
                        "Within the day before each moment.",
                        Stacked,
                        Count,
                        vec![query(
                            shown(&experiments::CANARY_RELABELS).increase("1d", &["found"]),
                            "{{found}}",
                        )],
                    ),
                ],
            },
            Row {
                title: "Each experiment",
                panels: vec![
                    Panel::new(
                        "Experiments now",
                        "Those that run first. `kubectl describe texp` has the sentence of why.",
                        Table,
                        Count,
                        vec![Query::Table {
                            sql: "SELECT namespace, experiment, persona, state, units, matured, verdict, winner, started_at, ended_at \
                            FROM grafana.experiments WHERE namespace IN (${team:sqlstring}) ORDER BY ended_at IS NOT NULL, started_at DESC \
                            NULLS FIRST LIMIT 200",
                        }],
                    ),
                    Panel::new(
                        "Decisions, newest first",
                        "Each with its sentence.",
                        Table,
                        Count,
                        vec![Query::Table {
                            sql: "SELECT at, namespace, experiment, verdict, winner, action, sentence FROM grafana.experiment_decisions \
                            WHERE namespace IN (${team:sqlstring}) AND $__timeFilter(at) ORDER BY at DESC LIMIT 200",
                        }],
                    ),
                    Panel::new(
                        "Outcomes a day",
                        "Of each experiment, by what became of them.",
                        Table,
                        Count,
                        vec![Query::Table {
                            sql: "SELECT day, namespace, experiment, fate, outcomes FROM grafana.outcome_fates \
                            WHERE namespace IN (${team:sqlstring}) AND $__timeFilter(day) ORDER BY day DESC, outcomes DESC LIMIT 500",
                        }],
                    ),
                ],
            },
        ],
    }
}
