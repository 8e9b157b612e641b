//! The API's instruments. What they are called and what they mean stands in the catalog (`libs/monitoring`).

use monitoring::{
    catalog::http,
    register::{counters, histograms},
};
use prometheus::{
    HistogramVec, IntCounterVec, Registry, Result, process_collector::ProcessCollector,
};

/// Value of the label `service`.
pub const SERVICE: &str = "api";

/// One hand on every instrument.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub registry: Registry,
    pub requests: IntCounterVec,
    pub seconds: HistogramVec,
    pub outcomes: IntCounterVec,
    /// Deliveries of webhooks by how they were answered.
    pub deliveries: IntCounterVec,
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
            requests: counters(&registry, &http::REQUESTS)?,
            seconds: histograms(&registry, &http::REQUEST_SECONDS)?,
            outcomes: counters(&registry, &http::OUTCOMES)?,
            deliveries: counters(&registry, &http::WEBHOOK_ANSWERS)?,
            registry,
        })
    }
}
