//! A metric as everything here refers to it.

/// What a metric measures and how its series differ. No label holds the name of an object: their number would have no bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    pub name: &'static str,
    /// One sentence, shown by `/metrics` and in docs/metrics.md.
    pub help: &'static str,
    pub kind: Kind,
    pub labels: &'static [Label],
    /// Why a healthy install may show no series of it; absent where there is always one.
    pub absent: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets, in the metric's unit.
    Histogram(&'static [f64]),
}

/// A label and, where they are few and known, all its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    pub name: &'static str,
    /// Empty where they are not known before: then series come as they are met.
    pub values: &'static [&'static str],
}

impl Metric {
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str, labels: &'static [Label]) -> Self {
        Self::new(name, help, Kind::Counter, labels)
    }

    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str, labels: &'static [Label]) -> Self {
        Self::new(name, help, Kind::Gauge, labels)
    }

    #[must_use]
    pub const fn histogram(
        name: &'static str,
        help: &'static str,
        buckets: &'static [f64],
        labels: &'static [Label],
    ) -> Self {
        Self::new(name, help, Kind::Histogram(buckets), labels)
    }

    const fn new(
        name: &'static str,
        help: &'static str,
        kind: Kind,
        labels: &'static [Label],
    ) -> Self {
        Self {
            name,
            help,
            kind,
            labels,
            absent: None,
        }
    }

    /// The same, with the reason why it may be missing.
    #[must_use]
    pub const fn absent_while(mut self, why: &'static str) -> Self {
        self.absent = Some(why);
        self
    }

    #[must_use]
    pub fn label_names(&self) -> Vec<&'static str> {
        self.labels.iter().map(|label| label.name).collect()
    }
}

impl Label {
    /// A label with all its values.
    #[must_use]
    pub const fn of(name: &'static str, values: &'static [&'static str]) -> Self {
        Self { name, values }
    }

    /// A label whose values are not known before.
    #[must_use]
    pub const fn open(name: &'static str) -> Self {
        Self { name, values: &[] }
    }
}
