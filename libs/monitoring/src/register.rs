//! Makes the instruments of a process from the catalog. Counters whose labels have known values begin at zero: a rate over the first
//! event is then seen, and an alert on what never happened has something to look at.

use crate::{Kind, Metric};
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, Result, core::Collector,
};

/// # Errors
/// The name is taken, as for every function here.
pub fn counter(registry: &Registry, metric: &Metric) -> Result<IntCounter> {
    registered(registry, IntCounter::with_opts(options(metric))?)
}

/// # Errors
/// As [`counter`].
pub fn counters(registry: &Registry, metric: &Metric) -> Result<IntCounterVec> {
    let made = registered(
        registry,
        IntCounterVec::new(options(metric), &metric.label_names())?,
    )?;
    for values in known_series(metric) {
        made.with_label_values(&values);
    }
    Ok(made)
}

/// # Errors
/// As [`counter`].
pub fn gauge(registry: &Registry, metric: &Metric) -> Result<IntGauge> {
    registered(registry, IntGauge::with_opts(options(metric))?)
}

/// # Errors
/// As [`counter`].
pub fn gauges(registry: &Registry, metric: &Metric) -> Result<IntGaugeVec> {
    registered(
        registry,
        IntGaugeVec::new(options(metric), &metric.label_names())?,
    )
}

/// # Errors
/// As [`counter`].
pub fn float_gauges(registry: &Registry, metric: &Metric) -> Result<GaugeVec> {
    registered(
        registry,
        GaugeVec::new(options(metric), &metric.label_names())?,
    )
}

/// # Errors
/// As [`counter`].
pub fn histogram(registry: &Registry, metric: &Metric) -> Result<Histogram> {
    registered(registry, Histogram::with_opts(buckets(metric))?)
}

/// # Errors
/// As [`counter`].
pub fn histograms(registry: &Registry, metric: &Metric) -> Result<HistogramVec> {
    let made = registered(
        registry,
        HistogramVec::new(buckets(metric), &metric.label_names())?,
    )?;
    for values in known_series(metric) {
        made.with_label_values(&values);
    }
    Ok(made)
}

fn registered<M: Collector + Clone + 'static>(registry: &Registry, made: M) -> Result<M> {
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn options(metric: &Metric) -> Opts {
    Opts::new(metric.name, metric.help)
}

fn buckets(metric: &Metric) -> HistogramOpts {
    let options = HistogramOpts::new(metric.name, metric.help);
    match metric.kind {
        Kind::Histogram(bounds) => options.buckets(bounds.to_vec()),
        Kind::Counter | Kind::Gauge => options,
    }
}

/// Every combination of label values that is known before; none where a label is open.
fn known_series(metric: &Metric) -> Vec<Vec<&'static str>> {
    metric
        .labels
        .iter()
        .fold(vec![Vec::new()], |series, label| {
            let with = |value| {
                series
                    .iter()
                    .map(move |values: &Vec<_>| [values.as_slice(), &[value]].concat())
            };
            label.values.iter().copied().flat_map(with).collect()
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Label;

    const RESULTS: Label = Label::of("result", &["sent", "refused"]);
    const KINDS: Label = Label::of("kind", &["a", "b", "c"]);

    #[test]
    fn known_series_begin_at_zero_and_open_ones_when_they_are_met() {
        const BOTH: Metric = Metric::counter("both_total", "Both.", &[RESULTS, KINDS]);
        const OPEN: Metric =
            Metric::counter("open_total", "Open.", &[RESULTS, Label::open("model")]);
        assert_eq!(known_series(&BOTH).len(), 6);
        assert!(known_series(&OPEN).is_empty());
        let registry = Registry::new();
        counters(&registry, &BOTH).unwrap();
        counters(&registry, &OPEN).unwrap();
        let shown = registry.gather();
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].get_metric().len(), 6);
    }
}
