//! Personas, their budgets and how their posts do.

use crate::{
    catalog::work,
    grafana::{Dashboard, Panel, Query, Row, Unit::*, View::*, query},
    promql::{GRAFANA, shown},
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "threads-personas",
        title: "Threads-Agent / Personas and budgets",
        description: "Who writes, what of the day's tokens is left, and how the posts score.",
        rows: vec![
            Row {
                title: "All personas",
                panels: vec![
                    Panel::new(
                        "Personas",
                        "By state; budget_spent rest until midnight UTC.",
                        Stacked,
                        Count,
                        vec![query(shown(&work::PERSONAS).sum(&["state"]), "{{state}}")],
                    ),
                    Panel::new(
                        "Tokens of today",
                        "Of the personas that have a budget: what is spent and reserved, and the limit.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&work::BUDGET_TOKENS).sum(&["state"]),
                            "{{state}}",
                        )],
                    ),
                    Panel::new(
                        "Tokens a second",
                        "By model and type.",
                        TimeSeries,
                        PerSecond,
                        vec![query(
                            shown(&work::MODEL_TOKENS).rate(GRAFANA, &["model", "type"]),
                            "{{model}} {{type}}",
                        )],
                    ),
                    Panel::new(
                        "Cost",
                        "Of the posts of the hour before, in millionths of the price list's currency; unknown where no price is.",
                        Stacked,
                        Micros,
                        vec![query(
                            shown(&work::MODEL_COST).increase("1h", &["model"]),
                            "{{model}}",
                        )],
                    ),
                ],
            },
            Row {
                title: "Each persona",
                panels: vec![
                    Panel::new(
                        "Personas now",
                        "Tokens are those of today, UTC; posts those of seven days.",
                        Table,
                        Count,
                        vec![Query::Table {
                            sql: "SELECT namespace, persona, suspended, tokens_per_day, tokens_spent, tokens_reserved, posts_7d, \
                            model_error FROM grafana.personas WHERE namespace IN (${team:sqlstring}) ORDER BY namespace, persona LIMIT 500",
                        }],
                    ),
                    Panel::new(
                        "Tokens a day",
                        "Spent by each persona.",
                        Stacked,
                        Count,
                        vec![Query::Series {
                            sql: "SELECT day AS time, namespace || '/' || persona AS metric, spent AS value \
                            FROM grafana.token_days WHERE namespace IN (${team:sqlstring}) AND $__timeFilter(day) ORDER BY day",
                        }],
                    ),
                    Panel::new(
                        "Mean score a day",
                        "Of stored posts, 0 to 100; the stand-in's are not among them.",
                        TimeSeries,
                        Count,
                        vec![Query::Series {
                            sql: "SELECT date_trunc('day', at) AS time, namespace || '/' || persona AS metric, avg(score) AS value \
                            FROM grafana.posts WHERE namespace IN (${team:sqlstring}) AND NOT stand_in AND score IS NOT NULL \
                            AND $__timeFilter(at) GROUP BY 1, 2 ORDER BY 1",
                        }],
                    ),
                    Panel::new(
                        "Emotions",
                        "Of the posts of the chosen time.",
                        Table,
                        Count,
                        vec![Query::Table {
                            sql: "SELECT namespace, persona, coalesce(emotion, 'none') AS emotion, count(*) AS posts, \
                            round(avg(score), 1) AS mean_score FROM grafana.posts WHERE namespace IN (${team:sqlstring}) AND $__timeFilter(at) \
                            GROUP BY 1, 2, 3 ORDER BY 1, 2, 4 DESC LIMIT 500",
                        }],
                    ),
                ],
            },
        ],
    }
}
