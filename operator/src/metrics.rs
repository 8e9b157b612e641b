//! The operator's instruments. What they are called and what they mean stands in the catalog (`libs/monitoring`).

mod totals;

pub use totals::TotalMetrics;

use monitoring::{
    catalog::{achievements, experiments, messages, notifications, reconciling, work},
    register::{counter, counters, float_gauges, gauge, gauges, histogram, histograms},
};
use prometheus::{
    GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    Result, process_collector::ProcessCollector,
};

/// One hand on every instrument.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub registry: Registry,
    pub reconciling: ReconcileMetrics,
    pub leader: IntGauge,
    pub drift: DriftMetrics,
    pub relay: RelayMetrics,
    pub sweep: SweepMetrics,
    pub budgets: BudgetMetrics,
    pub experiments: ExperimentMetrics,
    pub achievements: AchievementMetrics,
    pub notifications: NotificationMetrics,
    pub totals: TotalMetrics,
}

#[derive(Debug, Clone)]
pub struct NotificationMetrics {
    pub told: IntCounterVec,
    pub given_up: IntCounter,
    pub waiting: IntGauge,
}

impl NotificationMetrics {
    fn new(registry: &Registry) -> Result<Self> {
        Ok(Self {
            told: counters(registry, &notifications::NOTIFICATIONS)?,
            given_up: counter(registry, &notifications::GIVEN_UP)?,
            waiting: gauge(registry, &notifications::WAITING)?,
        })
    }
}

#[derive(Debug, Clone)]
pub struct ReconcileMetrics {
    pub outcomes: IntCounterVec,
    pub seconds: HistogramVec,
    pub running: IntGaugeVec,
    pub failing: IntGaugeVec,
    pub watch_errors: IntCounterVec,
}

impl ReconcileMetrics {
    fn new(registry: &Registry) -> Result<Self> {
        Ok(Self {
            outcomes: counters(registry, &reconciling::RECONCILES)?,
            seconds: histograms(registry, &reconciling::RECONCILE_SECONDS)?,
            running: gauges(registry, &reconciling::RECONCILES_RUNNING)?,
            failing: gauges(registry, &reconciling::FAILING)?,
            watch_errors: counters(registry, &reconciling::WATCH_ERRORS)?,
        })
    }
}

/// What the drift reader saw, and what was mended.
#[derive(Debug, Clone)]
pub struct DriftMetrics {
    pub looks: IntGaugeVec,
    pub repairs: IntCounterVec,
    pub backend_up: IntGaugeVec,
    /// Ready messages.
    pub queues: IntGaugeVec,
}

impl DriftMetrics {
    fn new(registry: &Registry) -> Result<Self> {
        Ok(Self {
            looks: gauges(registry, &reconciling::DRIFT)?,
            repairs: counters(registry, &reconciling::REPAIRS)?,
            backend_up: gauges(registry, &reconciling::BACKEND_UP)?,
            queues: gauges(registry, &messages::QUEUE_MESSAGES)?,
        })
    }
}

#[derive(Debug, Clone)]
pub struct ExperimentMetrics {
    pub units: IntCounterVec,
    pub decisions: IntCounterVec,
    pub relabels: IntCounterVec,
    /// The rate and its interval over all labellings of this process.
    pub false_winners: GaugeVec,
    pub running: IntGaugeVec,
}

impl ExperimentMetrics {
    fn new(registry: &Registry) -> Result<Self> {
        Ok(Self {
            units: counters(registry, &experiments::UNITS)?,
            decisions: counters(registry, &experiments::DECISIONS)?,
            relabels: counters(registry, &experiments::CANARY_RELABELS)?,
            false_winners: float_gauges(registry, &experiments::FALSE_WINNERS)?,
            running: gauges(registry, &experiments::RUNNING)?,
        })
    }
}

#[derive(Debug, Clone)]
pub struct RelayMetrics {
    pub messages: IntCounterVec,
    pub unsent: IntGauge,
    pub oldest_seconds: IntGauge,
    pub batch_seconds: Histogram,
}

impl RelayMetrics {
    fn new(registry: &Registry) -> Result<Self> {
        Ok(Self {
            messages: counters(registry, &messages::OUTBOX_MESSAGES)?,
            unsent: gauge(registry, &messages::OUTBOX_UNSENT)?,
            oldest_seconds: gauge(registry, &messages::OUTBOX_OLDEST_SECONDS)?,
            batch_seconds: histogram(registry, &messages::OUTBOX_BATCH_SECONDS)?,
        })
    }
}

#[derive(Debug, Clone)]
pub struct SweepMetrics {
    pub decisions: IntCounterVec,
    pub tasks: IntGaugeVec,
    pub points: IntCounter,
    pub points_pending: IntGauge,
}

impl SweepMetrics {
    fn new(registry: &Registry) -> Result<Self> {
        Ok(Self {
            decisions: counters(registry, &work::SWEEP_DECISIONS)?,
            tasks: gauges(registry, &work::TASKS)?,
            points: counter(registry, &work::POINTS_STORED)?,
            points_pending: gauge(registry, &work::POINTS_PENDING)?,
        })
    }
}

#[derive(Debug, Clone)]
pub struct BudgetMetrics {
    pub tokens: IntGaugeVec,
    pub personas: IntGaugeVec,
}

impl BudgetMetrics {
    fn new(registry: &Registry) -> Result<Self> {
        Ok(Self {
            tokens: gauges(registry, &work::BUDGET_TOKENS)?,
            personas: gauges(registry, &work::PERSONAS)?,
        })
    }
}

#[derive(Debug, Clone)]
pub struct AchievementMetrics {
    pub deliveries: IntCounterVec,
    pub deliveries_waiting: IntGauge,
    pub tasks: IntGaugeVec,
    pub oldest_seconds: IntGauge,
}

impl AchievementMetrics {
    fn new(registry: &Registry) -> Result<Self> {
        Ok(Self {
            deliveries: counters(registry, &achievements::DELIVERIES)?,
            deliveries_waiting: gauge(registry, &achievements::DELIVERIES_WAITING)?,
            tasks: gauges(registry, &achievements::TASKS)?,
            oldest_seconds: gauge(registry, &achievements::OLDEST_SECONDS)?,
        })
    }
}

impl Metrics {
    /// Registers everything in a registry of its own.
    ///
    /// # Errors
    /// Two metrics of one name, which is a mistake of ours.
    pub fn new() -> Result<Self> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(Self {
            reconciling: ReconcileMetrics::new(&registry)?,
            leader: gauge(&registry, &reconciling::LEADER)?,
            drift: DriftMetrics::new(&registry)?,
            relay: RelayMetrics::new(&registry)?,
            sweep: SweepMetrics::new(&registry)?,
            budgets: BudgetMetrics::new(&registry)?,
            experiments: ExperimentMetrics::new(&registry)?,
            achievements: AchievementMetrics::new(&registry)?,
            notifications: NotificationMetrics::new(&registry)?,
            totals: TotalMetrics::new(&registry)?,
            registry,
        })
    }

    /// Whether the last look at a backend (`postgres`, `rabbitmq`, `qdrant`) was answered.
    pub fn note_backend(&self, backend: &str, answered: bool) {
        let up = self.drift.backend_up.with_label_values(&[backend]);
        up.set(i64::from(answered));
    }
}

#[cfg(test)]
mod tests;
