//! The API's metrics. `route` is the pattern of the path, never the path itself: ids would be labels without bound.

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, process_collector::ProcessCollector,
};

/// Value of the label `service`.
pub const SERVICE: &str = "api";
/// Seconds.
const BUCKETS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

/// One hand on every metric.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub registry: Registry,
    /// `http_requests_total{service, method, route, status_code}`
    pub requests: IntCounterVec,
    /// `http_request_duration_seconds{service, method, route}`
    pub seconds: HistogramVec,
    /// `threads_outcomes_total{fate}`
    pub outcomes: IntCounterVec,
    /// `threads_webhook_deliveries_total{outcome}`
    pub deliveries: IntCounterVec,
}

impl Metrics {
    /// Registers everything in a registry of its own.
    ///
    /// # Errors
    /// Two metrics of one name, which is a mistake of ours.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let requests = IntCounterVec::new(
            Opts::new("http_requests_total", "Requests by how they ended."),
            &["service", "method", "route", "status_code"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "http_request_duration_seconds",
                "From a request's head to its answer.",
            )
            .buckets(BUCKETS.to_vec()),
            &["service", "method", "route"],
        )?;
        let outcomes = IntCounterVec::new(
            Opts::new(
                "threads_outcomes_total",
                "Told outcomes by what became of them.",
            ),
            &["fate"],
        )?;
        let deliveries = IntCounterVec::new(
            Opts::new(
                "threads_webhook_deliveries_total",
                "Deliveries of webhooks by how they were answered.",
            ),
            &["outcome"],
        )?;
        registry.register(Box::new(deliveries.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(outcomes.clone()))?;
        Ok(Self {
            registry,
            requests,
            seconds,
            outcomes,
            deliveries,
        })
    }
}
