//! The operator from within.

use crate::{
    catalog::{process, reconciling},
    grafana::{Dashboard, Panel, Row, Unit::*, View::*, query},
    promql::{GRAFANA, shown},
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "threads-operator",
        title: "Threads-Agent / Operator internals",
        description: "Reconciles, watches, leadership and the processes themselves.",
        rows: vec![
            Row {
                title: "Reconciling",
                panels: vec![
                    Panel::new(
                        "Reconciles",
                        "A second, by kind. At rest there are none.",
                        Stacked,
                        PerSecond,
                        vec![query(
                            shown(&reconciling::RECONCILES).rate(GRAFANA, &["kind"]),
                            "{{kind}}",
                        )],
                    ),
                    Panel::new(
                        "Outcomes",
                        "A second. bug is a mistake of ours: the log names the resource.",
                        TimeSeries,
                        PerSecond,
                        vec![query(
                            shown(&reconciling::RECONCILES).rate(GRAFANA, &["outcome"]),
                            "{{outcome}}",
                        )],
                    ),
                    Panel::new(
                        "Duration, p95",
                        "By kind.",
                        TimeSeries,
                        Seconds,
                        vec![query(
                            shown(&reconciling::RECONCILE_SECONDS).quantile(
                                0.95,
                                GRAFANA,
                                &["kind"],
                            ),
                            "{{kind}}",
                        )],
                    ),
                    Panel::new(
                        "Running now",
                        "By kind. At its bound for long, the controller is behind.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&reconciling::RECONCILES_RUNNING).sum(&["kind"]),
                            "{{kind}}",
                        )],
                    ),
                    Panel::new(
                        "Resources that fail",
                        "Their last reconcile failed and is tried again, ever more rarely.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&reconciling::FAILING).sum(&["kind"]),
                            "{{kind}}",
                        )],
                    ),
                    Panel::new(
                        "Errors of watches",
                        "Within the hour before. A few an hour are API servers that restart.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&reconciling::WATCH_ERRORS).increase("1h", &["kind"]),
                            "{{kind}}",
                        )],
                    ),
                ],
            },
            Row {
                title: "Processes",
                panels: vec![
                    Panel::new(
                        "Leadership",
                        "One line at 1. A change shows as one line that ends and another that begins.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&reconciling::LEADER).now(),
                            "{{pod}} {{instance}}",
                        )],
                    ),
                    Panel::new(
                        "Memory",
                        "Resident, of each process.",
                        TimeSeries,
                        Bytes,
                        vec![query(
                            shown(&process::RESIDENT_BYTES).now(),
                            "{{pod}} {{instance}}",
                        )],
                    ),
                    Panel::new(
                        "CPU",
                        "Cores, all processes together.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&process::CPU_SECONDS).rate(GRAFANA, &[]),
                            "cores",
                        )],
                    ),
                    Panel::new(
                        "Open files",
                        "Of each process; steady growth is a leak.",
                        TimeSeries,
                        Count,
                        vec![query(
                            shown(&process::OPEN_FILES).now(),
                            "{{pod}} {{instance}}",
                        )],
                    ),
                ],
            },
        ],
    }
}
