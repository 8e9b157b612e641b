//! Posts whose reach has a long tail.

use domain::statistics::{ratio::RatioUnit, seeds::Seeded};

/// Median impressions of a post.
const MEDIAN: f64 = 500.0;
/// Coefficient of variation of the rate among posts.
const VARIATION: f64 = 0.5;
/// Exponent with which the rate rises with reach, where it does.
const RISE: f64 = 0.3;

#[derive(Clone, Copy)]
pub struct Audience {
    /// Log-sd of impressions.
    pub spread: f64,
    /// Whether the rate rises with reach.
    pub correlated: bool,
}

pub const AUDIENCES: [Audience; 3] = [
    Audience {
        spread: 1.0,
        correlated: false,
    },
    Audience {
        spread: 1.5,
        correlated: false,
    },
    Audience {
        spread: 1.5,
        correlated: true,
    },
];

impl Audience {
    pub fn name(&self) -> String {
        let rise = if self.correlated {
            ", rate rises with reach"
        } else {
            ""
        };
        format!("log-sd {:.1}{rise}", self.spread)
    }

    /// A post: impressions log-normal, its own rate Beta with mean `rate` and a coefficient of variation of ½ (without
    /// correlation the mean rate and the ratio of sums are both exactly `rate`), engagements binomial.
    pub fn post(&self, seeded: &mut Seeded, rate: f64) -> RatioUnit {
        let reach = seeded.log_normal(MEDIAN.ln(), self.spread).round().max(1.0);
        let rate = if self.correlated {
            (rate * (reach / MEDIAN).powf(RISE)).min(0.5)
        } else {
            rate
        };
        let weight = (1.0 - rate) / (rate * VARIATION * VARIATION) - 1.0;
        let own = seeded
            .beta(rate * weight, (1.0 - rate) * weight)
            .unwrap_or(rate);
        RatioUnit {
            numerator: seeded.binomial(reach as u64, own) as f64,
            denominator: reach,
        }
    }
}

pub fn rate_of(post: &RatioUnit) -> f64 {
    post.numerator / post.denominator
}

/// Σx and Σx², for the effective number (Σx)²/Σx².
#[derive(Clone, Copy, Default)]
pub struct Weight(f64, f64);

impl Weight {
    pub fn push(&mut self, x: f64) {
        self.0 += x;
        self.1 += x * x;
    }

    pub fn effective(&self) -> f64 {
        if self.1 > 0.0 {
            self.0 * self.0 / self.1
        } else {
            0.0
        }
    }
}
