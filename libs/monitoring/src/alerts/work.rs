//! Alerts on what is done, or is not.

use super::{Alert, Check, Runbook, Severity::*};
use crate::{
    catalog::{achievements, experiments, http, work},
    promql::series,
};

pub(super) fn alerts() -> Vec<Alert> {
    vec![
        Alert {
            name: "ThreadsTasksStandStill",
            severity: Warning,
            expression: format!(
                "{} > 0 and on () {} == 0",
                series(&work::TASKS)
                    .with("status", "queued")
                    .max(&["status"]),
                series(&work::TASKS_FINISHED).increase("30m", &[])
            ),
            hold: "30m",
            summary: "Tasks are queued, and none has ended for an hour",
            runbook: Runbook {
                meaning: "Content that was asked for is not written.",
                look: "kubectl get cjob -A -o wide\nkubectl get jobs,pods -A -l app.kubernetes.io/name=threads-worker\n\
                    kubectl -n threads-system get configmap threads-agent-settings -o jsonpath='{.data.paused}'",
                mend: "Jobs say why they wait: suspended, no place within the Persona's concurrency, a quota or a Pod that cannot be scheduled or pulled. \
                    `paused: \"true\"` stops everything.",
            },
            check: Check {
                fires: &[
                    ("threads_tasks{status=\"queued\"}", "3x70"),
                    ("threads_tasks_finished_total{status=\"completed\"}", "7x70"),
                ],
                labels: &[("status", "queued")],
                silent: &[
                    ("threads_tasks{status=\"queued\"}", "3x70"),
                    (
                        "threads_tasks_finished_total{status=\"completed\"}",
                        "0+1x70",
                    ),
                ],
            },
        },
        Alert {
            name: "ThreadsDeadLetters",
            severity: Warning,
            expression: format!(
                "{} > 0",
                series(&work::TASKS_FINISHED)
                    .with("status", "dead_lettered")
                    .increase("30m", &[])
            ),
            hold: "0m",
            summary: "Tasks were given up after all their attempts",
            runbook: Runbook {
                meaning: "Some posts will not be written until somebody says so.",
                look: "kubectl get cjob -A                     # failed tasks, and the reason\nkubectl describe cjob NAME",
                mend: "Mend what the reason names (key, model, endpoint, prompt), then have them tried again:\n\
                    kubectl annotate cjob NAME threads-agent.io/retry=\"failed-$(date +%s)\" --overwrite",
            },
            check: Check {
                fires: &[(
                    "threads_tasks_finished_total{status=\"dead_lettered\"}",
                    "0x20 2x10",
                )],
                labels: &[],
                silent: &[
                    (
                        "threads_tasks_finished_total{status=\"dead_lettered\"}",
                        "2x30",
                    ),
                    (
                        "threads_tasks_finished_total{status=\"completed\"}",
                        "0+5x30",
                    ),
                ],
            },
        },
        Alert {
            name: "ThreadsWorkersLost",
            severity: Warning,
            expression: format!(
                "{} > 5",
                series(&work::SWEEP_DECISIONS)
                    .with("decision", "lease_expired")
                    .increase("15m", &[])
            ),
            hold: "0m",
            summary: "Workers keep dying while they hold tasks",
            runbook: Runbook {
                meaning: "Each such task is given back and done by another worker; a lost attempt is charged to the budget by estimate.",
                look: "kubectl get pods -A -l app.kubernetes.io/name=threads-worker\nkubectl get events -A --field-selector reason=OOMKilling",
                mend: "Out of memory: raise `spec.worker.resources` of the Persona. Evicted: give workers a priority class, or nodes that stay.",
            },
            check: Check {
                fires: &[(
                    "threads_sweep_decisions_total{decision=\"lease_expired\"}",
                    "0+1x20",
                )],
                labels: &[],
                silent: &[(
                    "threads_sweep_decisions_total{decision=\"lease_expired\"}",
                    "0x10 1x10",
                )],
            },
        },
        Alert {
            name: "ThreadsBudgetSpent",
            severity: Info,
            expression: format!(
                "{} > 0",
                series(&work::PERSONAS)
                    .with("state", "budget_spent")
                    .max(&[])
            ),
            hold: "5m",
            summary: "Personas have used up their tokens of today",
            runbook: Runbook {
                meaning: "They rest until midnight UTC; their tasks are parked, not lost.",
                look: "kubectl get per -A -o wide\nkubectl describe per NAME               # status.usage",
                mend: "Wait, or raise `spec.limits.tokensPerDay`; parked tasks go on within seconds.",
            },
            check: Check {
                fires: &[("threads_personas{state=\"budget_spent\"}", "1x10")],
                labels: &[],
                silent: &[
                    ("threads_personas{state=\"budget_spent\"}", "0x10"),
                    ("threads_personas{state=\"active\"}", "9x10"),
                ],
            },
        },
        Alert {
            name: "ThreadsAchievementsLag",
            severity: Warning,
            expression: format!("{} > 3600", series(&achievements::OLDEST_SECONDS).max(&[])),
            hold: "10m",
            summary: "The analysis of achievements is more than an hour behind",
            runbook: Runbook {
                meaning: "Records are kept; their scores, texts and resources come late.",
                look: "kubectl get achsrc -A\nkubectl describe achsrc NAME            # conditions Ready, Reachable, CaughtUp\nkubectl get jobs -A -l app.kubernetes.io/name=threads-worker",
                mend: "The source says what its analysis waits for: a Secret, a place within the install's Pods (`limits.maxWorkerPods`), or an endpoint \
                    of embeddings that does not answer.",
            },
            check: Check {
                fires: &[("threads_achievement_oldest_seconds", "3700+60x20")],
                labels: &[],
                silent: &[("threads_achievement_oldest_seconds", "3700x5 10x15")],
            },
        },
        Alert {
            name: "ThreadsWebhooksUnsigned",
            severity: Warning,
            expression: format!(
                "{} > 10",
                series(&http::WEBHOOK_ANSWERS)
                    .with("outcome", "unsigned")
                    .increase("15m", &[])
            ),
            hold: "0m",
            summary: "Deliveries of webhooks have wrong signatures",
            runbook: Runbook {
                meaning: "They are refused. Either the secret differs, or somebody tries to make things up.",
                look: "kubectl get achsrc -A -o wide\nkubectl describe achsrc NAME            # WebhookVerified; the repository's page lists the refused deliveries",
                mend: "Put the same secret into the repository's webhook and into the Secret that `spec.webhook.secretRef` names; both may be in force during a \
                    change of it.",
            },
            check: Check {
                fires: &[(
                    "threads_webhook_answers_total{outcome=\"unsigned\"}",
                    "0+2x20",
                )],
                labels: &[],
                silent: &[
                    (
                        "threads_webhook_answers_total{outcome=\"unsigned\"}",
                        "0x19 1",
                    ),
                    (
                        "threads_webhook_answers_total{outcome=\"accepted\"}",
                        "0+9x20",
                    ),
                ],
            },
        },
        Alert {
            name: "ThreadsFalseWinners",
            severity: Warning,
            expression: format!(
                "{} > 0.05",
                series(&experiments::FALSE_WINNERS)
                    .with("bound", "lower")
                    .max(&[])
            ),
            hold: "1h",
            summary: "The canary calls equal arms different more often than the 5 % that experiments claim",
            runbook: Runbook {
                meaning: "Verdicts of experiments may be wrong more often than they say.",
                look: "kubectl get texp -A\nkubectl describe texp NAME              # conditions SampleRatioOK, DataFresh",
                mend: "Hold promotions (`spec.decision.mode`: Manual) and report it with `status.canary` of the experiments: the outcomes may be \
                    dependent in a way that their design does not know (docs/experiments.md).",
            },
            check: Check {
                fires: &[(
                    "threads_canary_false_winner_rate{bound=\"lower\", source=\"resampled\"}",
                    "0.06x70",
                )],
                labels: &[],
                silent: &[(
                    "threads_canary_false_winner_rate{bound=\"lower\", source=\"resampled\"}",
                    "0.03x70",
                )],
            },
        },
    ]
}
