//! The operator's metrics. No label holds the name of an object: their number would have no bound.

use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, process_collector::ProcessCollector,
};

/// Seconds; a reconcile that calls nobody takes a few milliseconds, one that waits for a broker up to a minute.
const RECONCILE_BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0];

/// One hand on every metric.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub registry: Registry,
    /// `threads_reconciles_total{kind, outcome}`
    pub reconciles: IntCounterVec,
    /// `threads_reconcile_duration_seconds{kind}`
    pub reconcile_seconds: HistogramVec,
    /// `threads_watch_errors_total{kind}`
    pub watch_errors: IntCounterVec,
    /// `threads_leader`
    pub leader: IntGauge,
    pub relay: RelayMetrics,
    pub sweep: SweepMetrics,
    pub experiments: ExperimentMetrics,
    /// `threads_webhook_deliveries_total{outcome}`: recorded, evidence, ignored, filtered, invalid.
    pub deliveries: IntCounterVec,
    /// `threads_webhook_deliveries_waiting`
    pub deliveries_waiting: IntGauge,
}

#[derive(Debug, Clone)]
pub struct ExperimentMetrics {
    /// `threads_experiment_units_total{fate}` of units that matured: published, zero, missing, excluded.
    pub units: IntCounterVec,
    /// `threads_experiment_decisions_total{verdict, action}`
    pub decisions: IntCounterVec,
    /// `threads_canary_relabels_total{found, source}`; found is winner or nothing, source is always resampled.
    pub relabels: IntCounterVec,
    /// `threads_canary_false_winner_rate{bound, source}`; bound is estimate, or lower and upper of the Wilson interval at 95 %,
    /// over all labellings of this process.
    pub false_winners: GaugeVec,
}

impl ExperimentMetrics {
    fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            units: counters(
                registry,
                "threads_experiment_units_total",
                "Units of experiments that matured, by what they came to.",
                &["fate"],
            )?,
            decisions: counters(
                registry,
                "threads_experiment_decisions_total",
                "Verdicts of experiments, and what followed.",
                &["verdict", "action"],
            )?,
            relabels: counters(
                registry,
                "threads_canary_relabels_total",
                "Random labellings of matured units (resampled, no experiments), by what the analysis found.",
                &["found", "source"],
            )?,
            false_winners: registered(
                registry,
                GaugeVec::new(
                    Opts::new(
                        "threads_canary_false_winner_rate",
                        "Share of random labellings in which equal arms were called different (resampled).",
                    ),
                    &["bound", "source"],
                )?,
            )?,
        })
    }
}

#[derive(Debug, Clone)]
pub struct RelayMetrics {
    /// `threads_outbox_messages_total{result}`: sent, unroutable, deferred.
    pub messages: IntCounterVec,
    /// `threads_outbox_unsent`
    pub unsent: IntGauge,
    /// `threads_outbox_oldest_seconds`
    pub oldest_seconds: IntGauge,
    /// `threads_outbox_batch_duration_seconds`
    pub batch_seconds: Histogram,
}

#[derive(Debug, Clone)]
pub struct SweepMetrics {
    /// `threads_sweep_decisions_total{decision}`
    pub decisions: IntCounterVec,
    /// `threads_tasks{status}` of tasks that are not finished.
    pub tasks: IntGaugeVec,
    /// `threads_points_stored_total`
    pub points: IntCounter,
    /// `threads_points_pending`
    pub points_pending: IntGauge,
}

impl Metrics {
    /// Registers everything in a registry of its own.
    ///
    /// # Errors
    /// Two metrics of one name, which is a mistake of ours.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let reconcile_options = HistogramOpts::new(
            "threads_reconcile_duration_seconds",
            "How long a reconcile took.",
        );
        let batch_options = HistogramOpts::new(
            "threads_outbox_batch_duration_seconds",
            "How long a batch of messages took.",
        );
        Ok(Self {
            reconciles: counters(
                &registry,
                "threads_reconciles_total",
                "Reconciles by what they came to.",
                &["kind", "outcome"],
            )?,
            reconcile_seconds: registered(
                &registry,
                HistogramVec::new(
                    reconcile_options.buckets(RECONCILE_BUCKETS.to_vec()),
                    &["kind"],
                )?,
            )?,
            watch_errors: counters(
                &registry,
                "threads_watch_errors_total",
                "Errors of watches.",
                &["kind"],
            )?,
            leader: gauge(&registry, "threads_leader", "1 while this process leads.")?,
            relay: RelayMetrics {
                messages: counters(
                    &registry,
                    "threads_outbox_messages_total",
                    "Messages by what became of them.",
                    &["result"],
                )?,
                unsent: gauge(
                    &registry,
                    "threads_outbox_unsent",
                    "Messages that are not confirmed yet.",
                )?,
                oldest_seconds: gauge(
                    &registry,
                    "threads_outbox_oldest_seconds",
                    "Age of the oldest of them.",
                )?,
                batch_seconds: registered(&registry, Histogram::with_opts(batch_options)?)?,
            },
            sweep: SweepMetrics {
                decisions: counters(
                    &registry,
                    "threads_sweep_decisions_total",
                    "Tasks that the sweep decided on.",
                    &["decision"],
                )?,
                tasks: registered(
                    &registry,
                    IntGaugeVec::new(Opts::new("threads_tasks", "Unfinished tasks."), &["status"])?,
                )?,
                points: registered(
                    &registry,
                    IntCounter::new(
                        "threads_points_stored_total",
                        "Points that the operator stored.",
                    )?,
                )?,
                points_pending: gauge(
                    &registry,
                    "threads_points_pending",
                    "Posts whose point is not stored yet.",
                )?,
            },
            experiments: ExperimentMetrics::new(&registry)?,
            deliveries: counters(
                &registry,
                "threads_webhook_deliveries_total",
                "Deliveries of webhooks that were handled, by what they came to.",
                &["outcome"],
            )?,
            deliveries_waiting: registered(
                &registry,
                IntGauge::new(
                    "threads_webhook_deliveries_waiting",
                    "Deliveries of webhooks that were not handled yet.",
                )?,
            )?,
            registry,
        })
    }
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> prometheus::Result<IntCounterVec> {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGauge> {
    registered(registry, IntGauge::new(name, help)?)
}

fn registered<M: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    metric: M,
) -> prometheus::Result<M> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_metrics_have_names_of_their_own() {
        assert!(Metrics::new().is_ok());
    }
}
