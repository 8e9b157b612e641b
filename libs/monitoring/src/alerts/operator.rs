//! Alerts on the operator itself and on the API.

use super::{Alert, Check, Runbook, Severity::*};
use crate::{
    catalog::{http, notifications, reconciling},
    promql::series,
};

pub(super) fn alerts() -> Vec<Alert> {
    vec![
        Alert {
            name: "ThreadsNoLeader",
            severity: Critical,
            expression: format!("absent({} == 1)", series(&reconciling::LEADER).now()),
            hold: "3m",
            summary: "No operator leads: nothing is reconciled",
            runbook: Runbook {
                meaning: "Nothing that is applied is acted on, and messages are not sent. Work that workers already hold goes on; nothing is lost.",
                look: "kubectl -n threads-system get pods,lease\nkubectl -n threads-system logs deployment/threads-agent --tail=50",
                mend: "A Pod that is not ready says which dependency it waits for on `/readyz` and in its log. Where Pods are ready and this still \
                    fires, Prometheus does not scrape them: look at the ServiceMonitor's labels and at NetworkPolicies (`networkPolicy.scrapers`).",
            },
            check: Check {
                fires: &[("threads_leader{pod=\"a\"}", "0x10")],
                labels: &[],
                silent: &[
                    ("threads_leader{pod=\"a\"}", "0x10"),
                    ("threads_leader{pod=\"b\"}", "1x10"),
                ],
            },
        },
        Alert {
            name: "ThreadsReconcileBug",
            severity: Critical,
            expression: format!(
                "{} > 0",
                series(&reconciling::RECONCILES)
                    .with("outcome", "bug")
                    .increase("15m", &["kind"])
            ),
            hold: "0m",
            summary: "A reconcile of {{ $labels.kind }} ended in a mistake of the operator",
            runbook: Runbook {
                meaning: "One resource cannot be worked on; the others are. Its condition Ready says InternalError.",
                look: "kubectl -n threads-system logs deployment/threads-agent | grep panicked\nkubectl get threads -A | grep InternalError",
                mend: "Report it with the log line and the resource. Changing the resource makes the operator try again; going back to the \
                    version before is safe as long as the schema's version did not change.",
            },
            check: Check {
                fires: &[(
                    "threads_reconciles_total{kind=\"Persona\", outcome=\"bug\"}",
                    "0 0 1 1 1 1 1 1 1 1 1",
                )],
                labels: &[("kind", "Persona")],
                silent: &[
                    (
                        "threads_reconciles_total{kind=\"Persona\", outcome=\"bug\"}",
                        "1x10",
                    ),
                    (
                        "threads_reconciles_total{kind=\"Persona\", outcome=\"applied\"}",
                        "0+9x10",
                    ),
                ],
            },
        },
        Alert {
            name: "ThreadsResourcesFail",
            severity: Warning,
            expression: format!("{} > 0", series(&reconciling::FAILING).sum(&["kind"])),
            hold: "15m",
            summary: "Resources of kind {{ $labels.kind }} have failed to reconcile for a quarter of an hour",
            runbook: Runbook {
                meaning: "They are tried again, ever more rarely. Usually something that they need does not answer.",
                look: "kubectl get threads -A -o wide\nkubectl -n threads-system logs deployment/threads-agent --tail=200 | grep '\"level\":\"WARN\"'",
                mend: "Each says in its condition Ready, with a reason and a sentence, what is missing. ThreadsBackendDown beside this is the cause.",
            },
            check: Check {
                fires: &[("threads_objects_failing{kind=\"ContentJob\"}", "2x30")],
                labels: &[("kind", "ContentJob")],
                silent: &[("threads_objects_failing{kind=\"ContentJob\"}", "2x5 0x25")],
            },
        },
        Alert {
            name: "ThreadsWatchErrors",
            severity: Warning,
            expression: format!(
                "{} > 20",
                series(&reconciling::WATCH_ERRORS).increase("15m", &["kind"])
            ),
            hold: "0m",
            summary: "Watches of {{ $labels.kind }} keep failing",
            runbook: Runbook {
                meaning: "Changes of resources are seen late or not at all.",
                look: "kubectl -n threads-system logs deployment/threads-agent | grep watch\nkubectl auth can-i watch personas -A \
                    --as system:serviceaccount:threads-system:threads-agent",
                mend: "Forbidden: the chart's ClusterRole or its binding was changed, `helm upgrade` puts it back. Not found: the definitions are \
                    missing (`crds.enabled`). Otherwise the API server is in trouble.",
            },
            check: Check {
                fires: &[("threads_watch_errors_total{kind=\"Persona\"}", "0+3x20")],
                labels: &[("kind", "Persona")],
                silent: &[("threads_watch_errors_total{kind=\"Persona\"}", "0+1x20")],
            },
        },
        Alert {
            name: "ThreadsNobodyIsTold",
            severity: Warning,
            expression: format!(
                "{} > 0",
                series(&notifications::GIVEN_UP).increase("1h", &[])
            ),
            hold: "0m",
            summary: "Notifications were given up: their receiver did not take them for a day",
            runbook: Runbook {
                meaning: "Failures and decisions show in the resources' conditions, and nobody was told of them.",
                look: "kubectl -n threads-system logs deployment/threads-agent | grep 'people are told later'\n\
                    kubectl -n threads-system get secret threads-notifications",
                mend: "4xx: the webhook was removed or its URL changed; put the new one into the Secret and restart the operator. No answer: a \
                    NetworkPolicy (`networkPolicy.notifications`).",
            },
            check: Check {
                fires: &[("threads_notifications_given_up_total", "0x10 3x5")],
                labels: &[],
                silent: &[("threads_notifications_given_up_total", "3x15")],
            },
        },
        Alert {
            name: "ThreadsApiErrors",
            severity: Warning,
            expression: format!(
                "{} / {} > 0.05",
                series(&http::REQUESTS)
                    .matching("status_code", "5..")
                    .rate("5m", &[]),
                series(&http::REQUESTS).rate("5m", &[])
            ),
            hold: "10m",
            summary: "More than 5 % of the API's answers are errors of its own",
            runbook: Runbook {
                meaning: "Outcomes and webhooks are refused; a sender that tries again loses nothing, GitHub does not by itself.",
                look: "kubectl -n threads-system logs deployment/threads-agent-api --tail=100\nkubectl -n threads-system get pods",
                mend: "503 says which dependency is away. After it, ask GitHub to deliver again, or wait for the next backfill, which finds what \
                    webhooks did not tell.",
            },
            check: Check {
                fires: &[
                    ("http_requests_total{status_code=\"503\"}", "0+10x30"),
                    ("http_requests_total{status_code=\"200\"}", "0+90x30"),
                ],
                labels: &[],
                silent: &[
                    ("http_requests_total{status_code=\"503\"}", "0+1x30"),
                    ("http_requests_total{status_code=\"200\"}", "0+90x30"),
                ],
            },
        },
    ]
}
