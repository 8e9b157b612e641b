//! Counters of committed work. Postgres holds the totals; here they are raised to what it says, so that they never fall.

use backends::postgres::operator::figures::Total;
use monitoring::{
    Metric,
    catalog::{achievements, work},
    register::counters,
};
use prometheus::{IntCounterVec, Registry, Result};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

/// Models that get series of their own; a team that makes up names cannot fill Prometheus with them.
const MODELS: usize = 40;
/// What further models are counted as.
const OTHER: &str = "other";

/// The counters by the names that the rows have.
#[derive(Debug, Clone)]
pub struct TotalMetrics {
    counters: Arc<HashMap<&'static str, (&'static Metric, IntCounterVec)>>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// What each total was when it was last read.
    totals: HashMap<Total, i64>,
    models: BTreeSet<String>,
}

impl TotalMetrics {
    /// # Errors
    /// Two metrics of one name, which is a mistake of ours.
    pub fn new(registry: &Registry) -> Result<Self> {
        let rows: [(&'static str, &'static Metric); 7] = [
            ("tasks_finished", &work::TASKS_FINISHED),
            ("posts", &work::POSTS),
            ("model_attempts", &work::MODEL_ATTEMPTS),
            ("model_tokens", &work::MODEL_TOKENS),
            ("model_cost", &work::MODEL_COST),
            ("achievements", &achievements::COLLECTED),
            ("analyses", &achievements::ANALYSES),
        ];
        let made = rows
            .into_iter()
            .map(|(row, metric)| Ok((row, (metric, counters(registry, metric)?))))
            .collect::<Result<_>>()?;
        Ok(Self {
            counters: Arc::new(made),
            known: Arc::default(),
        })
    }

    /// Raises the counters to the totals of the database.
    pub fn raise(&self, totals: Vec<(Total, i64)>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (total, amount) in totals {
            let Some((metric, counters)) = self.counters.get(total.metric.as_str()) else {
                continue;
            };
            let names = metric.label_names();
            let mut labels = vec![total.first.clone(), total.second.clone()];
            labels.truncate(names.len());
            if names.first() == Some(&"model") {
                labels[0] = known.model(&total.first);
            }
            let before = known.totals.insert(total, amount).unwrap_or(0);
            counters
                .with_label_values(&labels)
                .inc_by(u64::try_from(amount - before).unwrap_or(0));
        }
    }
}

impl Known {
    fn model(&mut self, name: &str) -> String {
        if self.models.contains(name) || self.models.len() < MODELS {
            self.models.insert(name.to_owned());
            return name.to_owned();
        }
        OTHER.to_owned()
    }
}
