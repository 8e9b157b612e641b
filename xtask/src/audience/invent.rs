//! Invented figures: how many saw a post, and how many of those did something. The same seed gives the same figures.

use rand::{RngExt, SeedableRng, rngs::ChaCha12Rng};
use rand_distr::{Binomial, Distribution, LogNormal};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What every id of an invented event begins with.
pub const SYNTHETIC: &str = "synthetic";
/// Most that see one post.
const IMPRESSIONS_MAX: f64 = 1e6;

/// How the invented audience behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Audience {
    pub seed: u64,
    /// Median of those who see a post.
    pub impressions: f64,
    /// Standard deviation of the logarithm of that number; networks have about 1 to 1.5.
    pub log_sd: f64,
    /// Share of those who see a post that do the thing, where no arm says otherwise.
    pub rate: f64,
    /// Shares by arm; an arm without one draws a factor from 0.8 to 1.4 by the seed.
    pub rates: BTreeMap<String, f64>,
}

/// The names of what is counted: `(numerator, denominator)`.
pub type MetricNames = (String, Option<String>);

impl Audience {
    /// The share that holds for an arm.
    pub fn rate_of(&self, arm: &str) -> f64 {
        if let Some(rate) = self.rates.get(arm) {
            return *rate;
        }
        let factor = self.draws(&["arm", arm]).random_range(0.8..1.4);
        (self.rate * factor).clamp(0.0, 1.0)
    }

    /// One line of NDJSON for each metric of a post, all at the moment `at` (RFC 3339). A repeat gives the same lines.
    pub fn events(&self, post: &str, arm: &str, at: &str, metrics: &[MetricNames]) -> Vec<Value> {
        let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
        let seen = self.impressions_of(post);
        for denominator in metrics
            .iter()
            .filter_map(|(_, denominator)| denominator.as_deref())
        {
            counts.insert(denominator, seen);
        }
        for (numerator, _) in metrics {
            let acted = self.acted(post, numerator, seen, self.rate_of(arm));
            counts.entry(numerator.as_str()).or_insert(acted);
        }
        counts
            .into_iter()
            .map(|(metric, value)| {
                json!({
                    "eventId": format!("{SYNTHETIC}/{}/{post}/{metric}", self.seed),
                    "postId": post, "metric": metric, "value": value, "at": at,
                })
            })
            .collect()
    }

    fn impressions_of(&self, post: &str) -> f64 {
        let mut draws = self.draws(&["impressions", post]);
        LogNormal::new(self.impressions.max(1.0).ln(), self.log_sd.max(0.0))
            .map_or(self.impressions, |spread| spread.sample(&mut draws))
            .clamp(1.0, IMPRESSIONS_MAX)
            .round()
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "whole numbers from 1 to a million"
    )]
    fn acted(&self, post: &str, metric: &str, seen: f64, rate: f64) -> f64 {
        Binomial::new(seen as u64, rate.clamp(0.0, 1.0)).map_or(0.0, |acts| {
            acts.sample(&mut self.draws(&["acts", post, metric])) as f64
        })
    }

    /// Draws of their own for each thing, so that one more post changes no other's figures.
    fn draws(&self, of: &[&str]) -> ChaCha12Rng {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        for part in of {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        ChaCha12Rng::from_seed(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn audience() -> Audience {
        Audience {
            seed: 7,
            impressions: 400.0,
            log_sd: 1.0,
            rate: 0.05,
            rates: [("plain".to_owned(), 0.02), ("bold".to_owned(), 0.2)].into(),
        }
    }

    fn metrics() -> Vec<MetricNames> {
        vec![
            ("likes".into(), Some("impressions".into())),
            ("replies".into(), Some("impressions".into())),
        ]
    }

    #[test]
    fn events_are_named_synthetic_and_repeat_themselves() {
        let at = "2026-11-23T06:00:00Z";
        let events = audience().events("post-1", "bold", at, &metrics());
        assert_eq!(events, audience().events("post-1", "bold", at, &metrics()));
        assert_eq!(events.len(), 3, "impressions once, two numerators");
        let ids: std::collections::BTreeSet<_> = events
            .iter()
            .map(|event| event["eventId"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), 3);
        assert!(ids.iter().all(|id| id.starts_with("synthetic/7/post-1/")));
        let value = |metric| {
            let event = events
                .iter()
                .find(|event| event["metric"] == metric)
                .unwrap();
            event["value"].as_f64().unwrap()
        };
        assert!(value("impressions") >= 1.0 && value("likes") <= value("impressions"));
        let other = Audience {
            seed: 8,
            ..audience()
        };
        assert_ne!(events, other.events("post-1", "bold", at, &metrics()));
    }

    /// Over many posts the median of reach and each arm's share come out as they were asked for.
    #[test]
    fn reach_is_log_normal_and_each_arm_has_its_own_rate() {
        let audience = audience();
        for (arm, rate) in [("plain", 0.02), ("bold", 0.2)] {
            let (mut reach, mut likes) = (Vec::new(), 0.0);
            for post in 0..2_000 {
                for event in audience.events(&format!("{arm}-{post}"), arm, "", &metrics()) {
                    match event["metric"].as_str().unwrap() {
                        "impressions" => reach.push(event["value"].as_f64().unwrap()),
                        "likes" => likes += event["value"].as_f64().unwrap(),
                        _ => {}
                    }
                }
            }
            reach.sort_by(f64::total_cmp);
            assert!((350.0..450.0).contains(&reach[1_000]), "{}", reach[1_000]);
            // A log-normal's mean is its median times e^(σ²/2).
            let mean = reach.iter().sum::<f64>() / 2_000.0;
            assert!((1.4..1.95).contains(&(mean / reach[1_000])), "{mean}");
            let share = likes / reach.iter().sum::<f64>();
            assert!((share / rate - 1.0).abs() < 0.05, "{arm}: {share}");
        }
    }

    #[test]
    fn an_arm_without_a_rate_draws_one_by_the_seed() {
        let audience = Audience {
            rates: BTreeMap::new(),
            ..audience()
        };
        let rate = audience.rate_of("other");
        assert!((0.04..0.07).contains(&rate));
        assert_eq!(rate.to_bits(), audience.rate_of("other").to_bits());
    }

    #[test]
    fn absurd_settings_give_finite_counts() {
        for (impressions, log_sd, rate) in
            [(0.0, -1.0, 2.0), (1e300, 50.0, -1.0), (f64::NAN, 1.0, 0.5)]
        {
            let audience = Audience {
                impressions,
                log_sd,
                rate,
                rates: BTreeMap::new(),
                seed: 1,
            };
            for event in audience.events("p", "a", "", &metrics()) {
                let value = event["value"].as_f64().unwrap();
                assert!((0.0..=1e6).contains(&value), "{event}");
            }
        }
    }
}
