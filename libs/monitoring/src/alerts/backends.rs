//! Alerts on what the operator stands on.

use super::{Alert, Check, Runbook, Severity::*};
use crate::{
    catalog::{messages, reconciling, work},
    promql::series,
};

pub(super) fn alerts() -> Vec<Alert> {
    vec![
        Alert {
            name: "ThreadsBackendDown",
            severity: Critical,
            expression: format!(
                "{} == 0",
                series(&reconciling::BACKEND_UP).max(&["backend"])
            ),
            hold: "5m",
            summary: "{{ $labels.backend }} does not answer the operator",
            runbook: Runbook {
                meaning: "Postgres: nothing goes on. RabbitMQ: tasks are kept and sent later. Qdrant: posts are written, their points follow later. \
                    Nothing is lost in any of the three.",
                look: "kubectl -n threads-system logs deployment/threads-agent --tail=50 | grep -i 'does not answer\\|cannot be read'\n\
                    kubectl -n threads-system get secret threads-postgres threads-rabbitmq threads-qdrant",
                mend: "Bring the service back; the operator goes on by itself. Where it runs: a changed password (put it into the Secret and restart \
                    the operator), or a NetworkPolicy.",
            },
            check: Check {
                fires: &[("threads_backend_up{backend=\"qdrant\", pod=\"a\"}", "0x10")],
                labels: &[("backend", "qdrant")],
                silent: &[(
                    "threads_backend_up{backend=\"qdrant\", pod=\"a\"}",
                    "0x2 1x8",
                )],
            },
        },
        Alert {
            name: "ThreadsOutboxStuck",
            severity: Critical,
            expression: format!(
                "{} > 120",
                series(&messages::OUTBOX_OLDEST_SECONDS).max(&[])
            ),
            hold: "5m",
            summary: "Messages have waited for RabbitMQ for more than two minutes",
            runbook: Runbook {
                meaning: "Tasks are in their rows and nobody is woken for them.",
                look: "kubectl get per -A                      # a Persona whose queue is missing says so\n\
                    rabbitmqctl list_queues -p threads name messages consumers state\nrabbitmqctl list_connections; rabbitmqctl status | grep -A4 alarms",
                mend: "An alarm of memory or disk blocks publishers: mend that first. Messages that no queue takes wait for their Persona's queue, which \
                    the operator makes again within a minute; a Persona with driftPolicy Report wants that done by hand.",
            },
            check: Check {
                fires: &[("threads_outbox_oldest_seconds", "60+60x12")],
                labels: &[],
                silent: &[("threads_outbox_oldest_seconds", "60 120 0x10")],
            },
        },
        Alert {
            name: "ThreadsDriftStays",
            severity: Warning,
            expression: format!(
                "{} > 0",
                series(&reconciling::DRIFT)
                    .with("look", "bad")
                    .max(&["backend"])
            ),
            hold: "15m",
            summary: "Queues or collections in {{ $labels.backend }} are not as their Personas say",
            runbook: Runbook {
                meaning: "The operator found something missing or changed and did not mend it: it is told not to, or it must not.",
                look: "kubectl get per -A -o wide\nkubectl describe per NAME           # condition QueueReady or CollectionReady says what differs",
                mend: "With driftPolicy Report, mend it by hand or set Repair. A queue or collection with other arguments is never replaced, as it \
                    holds data: rename it away, and the operator makes a new one.",
            },
            check: Check {
                fires: &[("threads_drift{backend=\"rabbitmq\", look=\"bad\"}", "1x30")],
                labels: &[("backend", "rabbitmq")],
                silent: &[(
                    "threads_drift{backend=\"rabbitmq\", look=\"bad\"}",
                    "1 1 0x28",
                )],
            },
        },
        Alert {
            name: "ThreadsPointsPending",
            severity: Warning,
            expression: format!("{} > 0", series(&work::POINTS_PENDING).max(&[])),
            hold: "30m",
            summary: "Posts have been missing from the index for half an hour",
            runbook: Runbook {
                meaning: "Near duplicates of them may pass; the posts themselves are stored.",
                look: "kubectl get per -A                      # CollectionReady\nkubectl -n threads-system logs deployment/threads-agent | grep points",
                mend: "Bring Qdrant back, or free its disk; the operator stores what is missing.",
            },
            check: Check {
                fires: &[("threads_points_pending", "5x40")],
                labels: &[],
                silent: &[("threads_points_pending", "5x20 0x20")],
            },
        },
    ]
}
