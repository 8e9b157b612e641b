//! One look: does it work, is it behind, what does it cost.

use crate::{
    catalog::{achievements, experiments, http, messages, notifications, reconciling, work},
    grafana::{Dashboard, Panel, Row, Unit::*, View::*, query},
    promql::{GRAFANA, shown},
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "threads-overview",
        title: "Threads-Agent / Overview",
        description: "Whether it works, whether it is behind, and what it costs.",
        rows: vec![
            Row {
                title: "Now",
                panels: vec![
                    Panel::new(
                        "Leading operators",
                        "Exactly 1. With 0 nobody reconciles; work that was accepted goes on.",
                        Stat,
                        Count,
                        vec![query(shown(&reconciling::LEADER).sum(&[]), "leading")],
                    ),
                    Panel::new(
                        "Backends that answer",
                        "3: Postgres, RabbitMQ, Qdrant.",
                        Stat,
                        Count,
                        vec![query(shown(&reconciling::BACKEND_UP).sum(&[]), "answer")],
                    ),
                    Panel::new(
                        "Resources that fail",
                        "Resources whose last reconcile failed; each says why in its conditions.",
                        Stat,
                        Count,
                        vec![query(shown(&reconciling::FAILING).sum(&[]), "fail")],
                    ),
                    Panel::new(
                        "Tasks that wait",
                        "Queued and not begun. What matters is whether it falls.",
                        Stat,
                        Count,
                        vec![query(
                            shown(&work::TASKS).with("status", "queued").sum(&[]),
                            "wait",
                        )],
                    ),
                    Panel::new(
                        "Oldest unsent message",
                        "Above a minute the broker does not take what it is given.",
                        Stat,
                        Seconds,
                        vec![query(
                            shown(&messages::OUTBOX_OLDEST_SECONDS).max(&[]),
                            "oldest",
                        )],
                    ),
                    Panel::new(
                        "Budgets used up",
                        "Personas that rest until midnight UTC because their tokens of today are spent.",
                        Stat,
                        Count,
                        vec![query(
                            shown(&work::PERSONAS)
                                .with("state", "budget_spent")
                                .sum(&[]),
                            "personas",
                        )],
                    ),
                ],
            },
            Row {
                title: "Work",
                panels: vec![
                    Panel::new(
                        "Posts",
                        "Posts stored within the hour before each moment, by who wrote them.",
                        Stacked,
                        Count,
                        vec![query(
                            shown(&work::POSTS).increase("1h", &["writer"]),
                            "{{writer}}",
                        )],
                    ),
                    Panel::new(
                        "Tasks that ended otherwise",
                        "Anything beside completed, within the hour before; the job's status tells which.",
                        Stacked,
                        Count,
                        vec![query(
                            shown(&work::TASKS_FINISHED)
                                .matching("status", "failed|rejected|cancelled|dead_lettered")
                                .increase("1h", &["status"]),
                            "{{status}}",
                        )],
                    ),
                    Panel::new(
                        "Tokens",
                        "Tokens of all models within the hour before.",
                        Stacked,
                        Count,
                        vec![query(
                            shown(&work::MODEL_TOKENS).increase("1h", &["model", "type"]),
                            "{{model}} {{type}}",
                        )],
                    ),
                    Panel::new(
                        "Experiments",
                        "Experiments that collect, and those whose verdict waits for a person.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&experiments::RUNNING).sum(&["state"]),
                            "{{state}}",
                        )],
                    ),
                    Panel::new(
                        "Achievements collected",
                        "Records within the hour before, by source.",
                        Stacked,
                        Count,
                        vec![query(
                            shown(&achievements::COLLECTED).increase("1h", &["source"]),
                            "{{source}}",
                        )],
                    ),
                    Panel::new(
                        "People were told",
                        "Notifications within the hour before, by topic; put_off ones are tried again for a day.",
                        Stacked,
                        Count,
                        vec![query(
                            shown(&notifications::NOTIFICATIONS)
                                .increase("1h", &["topic", "result"]),
                            "{{topic}} {{result}}",
                        )],
                    ),
                    Panel::new(
                        "Notifications that wait",
                        "For the receiver; with none configured they wait for a day.",
                        TimeSeries,
                        Count,
                        vec![query(shown(&notifications::WAITING).max(&[]), "waiting")],
                    ),
                    Panel::new(
                        "Requests of the API",
                        "Requests a second by how they ended.",
                        TimeSeries,
                        PerSecond,
                        vec![query(
                            shown(&http::REQUESTS).rate(GRAFANA, &["status_code"]),
                            "{{status_code}}",
                        )],
                    ),
                ],
            },
        ],
    }
}
