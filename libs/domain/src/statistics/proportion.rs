//! Two proportions: test, interval of their difference, interval of one.
//!
//! Sources: pooled z test, K. Pearson's χ² on the 2 × 2 table (statsmodels `proportions_ztest`, its default pooled
//! variance); E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22 (statsmodels
//! `proportion_confint(method="wilson")`); R. G. Newcombe (1998), "Interval estimation for the difference between
//! independent proportions: comparison of eleven methods", Statistics in Medicine 17, method 10 (statsmodels
//! `confint_proportions_2indep(method="newcomb", compare="diff")`).

use serde::{Deserialize, Serialize};

use super::distributions::{normal_upper_quantile, normal_upper_tail};
use super::{Estimate, Interval, is_level};

/// Successes among trials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proportion {
    pub successes: u64,
    pub trials: u64,
}

impl Proportion {
    /// `None` without trials or with more successes than trials.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.trials > 0 && self.successes <= self.trials)
            .then(|| self.successes as f64 / self.trials as f64)
    }

    /// Rate with a variance for sequences: p̃(1 − p̃)/n with p̃ = (successes + 1)/(n + 2), and n − 1 degrees of freedom.
    ///
    /// The plain p(1 − p)/n is zero while nobody succeeded, and a small arm then wins or loses at once: with 100 a day, 10 % of
    /// them in one arm and a rate of 1 %, that made 28 % false winners over 28 looks in simulation, and this 3 %. The added
    /// success and failure are those of A. Agresti and B. Caffo (2000), "Simple and effective confidence intervals for
    /// proportions", The American Statistician 54. `None` for fewer than two trials.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        let trials = self.trials as f64;
        let shrunk = (self.successes as f64 + 1.0) / (trials + 2.0);
        Estimate::new(self.rate()?, shrunk * (1.0 - shrunk) / trials, trials - 1.0)
    }
}

/// A test's statistic and its two-sided p-value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Test {
    pub statistic: f64,
    pub p_value: f64,
}

/// Two-sided z test of equal proportions with the pooled variance.
///
/// All or none succeeding in both arms is no evidence: statistic 0, p 1.
#[must_use]
pub fn pooled_z_test(treatment: Proportion, control: Proportion) -> Option<Test> {
    let difference = treatment.rate()? - control.rate()?;
    let trials = (treatment.trials as f64, control.trials as f64);
    let pooled = (treatment.successes as f64 + control.successes as f64) / (trials.0 + trials.1);
    let variance = pooled * (1.0 - pooled) * (1.0 / trials.0 + 1.0 / trials.1);
    let statistic = if variance > 0.0 {
        difference / variance.sqrt()
    } else {
        0.0
    };
    Some(Test {
        statistic,
        p_value: (2.0 * normal_upper_tail(statistic.abs())).min(1.0),
    })
}

/// Wilson's score interval, within [0, 1].
#[must_use]
pub fn wilson_interval(proportion: Proportion, alpha: f64) -> Option<Interval> {
    if !is_level(alpha) {
        return None;
    }
    let rate = proportion.rate()?;
    let trials = proportion.trials as f64;
    let z = normal_upper_quantile(alpha / 2.0);
    let shrink = 1.0 + z * z / trials;
    let centre = (rate + z * z / (2.0 * trials)) / shrink;
    let half = z / shrink * (rate * (1.0 - rate) / trials + z * z / (4.0 * trials * trials)).sqrt();
    // The exact ends where all or none succeeded, which rounding would miss.
    let lower = if proportion.successes == 0 {
        0.0
    } else {
        (centre - half).max(0.0)
    };
    let upper = if proportion.successes == proportion.trials {
        1.0
    } else {
        (centre + half).min(1.0)
    };
    Interval::new(lower, upper)
}

/// Newcombe's hybrid score interval of `treatment − control`, within [−1, 1].
#[must_use]
pub fn newcombe_interval(
    treatment: Proportion,
    control: Proportion,
    alpha: f64,
) -> Option<Interval> {
    let (first, second) = (
        wilson_interval(treatment, alpha)?,
        wilson_interval(control, alpha)?,
    );
    let (rate, base) = (treatment.rate()?, control.rate()?);
    let below = (rate - first.lower).hypot(second.upper - base);
    let above = (first.upper - rate).hypot(base - second.lower);
    Interval::new(rate - base - below, rate - base + above)
}
