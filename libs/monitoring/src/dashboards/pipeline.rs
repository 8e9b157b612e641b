//! From task to post.

use crate::{
    catalog::{messages, work},
    grafana::{Dashboard, Panel, Query, Row, Unit::*, View::*, query},
    promql::{GRAFANA, shown},
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "threads-pipeline",
        title: "Threads-Agent / Content pipeline",
        description: "Tasks, messages and workers, from what was asked for to what was stored.",
        rows: vec![
            Row {
                title: "Tasks",
                panels: vec![
                    Panel::new(
                        "Unfinished tasks",
                        "Parked tasks wait for a budget or a person.",
                        Stacked,
                        Count,
                        vec![query(shown(&work::TASKS).sum(&["status"]), "{{status}}")],
                    ),
                    Panel::new(
                        "Tasks that ended",
                        "A second, by how.",
                        TimeSeries,
                        PerSecond,
                        vec![query(
                            shown(&work::TASKS_FINISHED).rate(GRAFANA, &["status"]),
                            "{{status}}",
                        )],
                    ),
                    Panel::new(
                        "The sweep",
                        "Decisions within the hour before. lease_expired: a worker was lost and its task given back; \
                        sent_again: a queue had lost its messages.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&work::SWEEP_DECISIONS).increase("1h", &["decision"]),
                            "{{decision}}",
                        )],
                    ),
                    Panel::new(
                        "Attempts with a model",
                        "A second, by model; estimated ones are charged to workers that were lost.",
                        TimeSeries,
                        PerSecond,
                        vec![query(
                            shown(&work::MODEL_ATTEMPTS).rate(GRAFANA, &["model", "charge"]),
                            "{{model}} {{charge}}",
                        )],
                    ),
                ],
            },
            Row {
                title: "Messages",
                panels: vec![
                    Panel::new(
                        "Ready messages",
                        "In the queues of all personas. Dead letters stay until somebody reads the jobs they belong to.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&messages::QUEUE_MESSAGES).sum(&["queue"]),
                            "{{queue}}",
                        )],
                    ),
                    Panel::new(
                        "Outbox",
                        "Messages that the broker has not confirmed.",
                        TimeSeries,
                        Count,
                        vec![query(shown(&messages::OUTBOX_UNSENT).max(&[]), "unsent")],
                    ),
                    Panel::new(
                        "Messages by what became of them",
                        "A second. Refused ones wait for a queue to take them; none is dropped.",
                        TimeSeries,
                        PerSecond,
                        vec![query(
                            shown(&messages::OUTBOX_MESSAGES).rate(GRAFANA, &["result"]),
                            "{{result}}",
                        )],
                    ),
                    Panel::new(
                        "Time of a batch",
                        "Half, and 95 of 100, took no longer.",
                        TimeSeries,
                        Seconds,
                        vec![
                            query(
                                shown(&messages::OUTBOX_BATCH_SECONDS).quantile(0.5, GRAFANA, &[]),
                                "p50",
                            ),
                            query(
                                shown(&messages::OUTBOX_BATCH_SECONDS).quantile(0.95, GRAFANA, &[]),
                                "p95",
                            ),
                        ],
                    ),
                ],
            },
            Row {
                title: "Jobs",
                panels: vec![
                    Panel::new(
                        "Jobs that are not finished, and the newest others",
                        "A row a run, unfinished ones first.",
                        Table,
                        Count,
                        vec![Query::Table {
                            sql: "SELECT namespace, job, persona, tasks, completed, failed, waiting, tokens_spent, created_at, \
                            finished_at FROM grafana.jobs WHERE namespace IN (${team:sqlstring}) \
                            ORDER BY finished_at IS NOT NULL, created_at DESC LIMIT 100",
                        }],
                    ),
                    Panel::new(
                        "Why tasks failed",
                        "Of the runs of the chosen time, by the code that the job's status shows.",
                        Table,
                        Count,
                        vec![Query::Table {
                            sql: "SELECT namespace, job, persona, status, error_code, count(*) AS tasks FROM grafana.task_errors \
                            WHERE namespace IN (${team:sqlstring}) AND $__timeFilter(at) GROUP BY namespace, job, persona, status, error_code \
                            ORDER BY tasks DESC LIMIT 100",
                        }],
                    ),
                ],
            },
        ],
    }
}
