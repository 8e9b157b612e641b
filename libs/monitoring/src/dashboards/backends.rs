//! What the operator knows of Postgres, RabbitMQ and Qdrant. Their own exporters know more of their insides.

use crate::{
    catalog::{messages, reconciling, work},
    grafana::{Dashboard, Panel, Row, Unit::*, View::*, query},
    promql::{GRAFANA, shown},
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "threads-backends",
        title: "Threads-Agent / Backends",
        description: "Postgres, RabbitMQ and Qdrant as the operator sees them.",
        rows: vec![
            Row {
                title: "Do they answer",
                panels: vec![
                    Panel::new(
                        "Backends",
                        "1 where the last look, at most half a minute ago, was answered.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&reconciling::BACKEND_UP).max(&["backend"]),
                            "{{backend}}",
                        )],
                    ),
                    Panel::new(
                        "Age of the oldest unsent message",
                        "Rises as long as RabbitMQ does not confirm; nothing is lost meanwhile.",
                        TimeSeries,
                        Seconds,
                        vec![query(
                            shown(&messages::OUTBOX_OLDEST_SECONDS).max(&[]),
                            "oldest",
                        )],
                    ),
                ],
            },
            Row {
                title: "Drift",
                panels: vec![
                    Panel::new(
                        "Queues and collections that are not as they should be",
                        "bad ones are mended within a minute, where the Persona's \
                        driftPolicy lets the operator.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&reconciling::DRIFT)
                                .matching("look", "bad|unknown")
                                .sum(&["backend", "look"]),
                            "{{backend}} {{look}}",
                        )],
                    ),
                    Panel::new(
                        "Repairs",
                        "Within the day before each moment. Somebody else works on these servers where it is not 0.",
                        Stacked,
                        Count,
                        vec![query(
                            shown(&reconciling::REPAIRS).increase("1d", &["backend"]),
                            "{{backend}}",
                        )],
                    ),
                    Panel::new(
                        "Points that are missing",
                        "Posts and achievements that similarity search does not find yet.",
                        TimeSeries,
                        Count,
                        vec![query(shown(&work::POINTS_PENDING).max(&[]), "pending")],
                    ),
                    Panel::new(
                        "Points stored by the operator",
                        "A second; workers store the others themselves.",
                        TimeSeries,
                        PerSecond,
                        vec![query(
                            shown(&work::POINTS_STORED).rate(GRAFANA, &[]),
                            "stored",
                        )],
                    ),
                ],
            },
        ],
    }
}
