//! Two means with unequal variances.
//!
//! Source: B. L. Welch (1947), "The generalization of 'Student's' problem when several different population variances are
//! involved", Biometrika 34; degrees of freedom by F. E. Satterthwaite (1946), Biometrics 2. Equals scipy
//! `ttest_ind(equal_var=False)` and its `confidence_interval`.

use serde::{Deserialize, Serialize};

use super::distributions::{student_upper_quantile, student_upper_tail};
use super::{Estimate, Interval, is_level};

/// Result of [`welch_test`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WelchTest {
    /// treatment − control.
    pub difference: f64,
    pub standard_error: f64,
    pub degrees_of_freedom: f64,
    pub statistic: f64,
    /// Two-sided.
    pub p_value: f64,
    pub interval: Interval,
}

/// Welch's t test of two means and the interval of their difference of level `alpha`.
///
/// The estimates come from [`super::moments::Moments::estimate`], or from [`super::ratio::ratio`] for a difference of
/// ratios by the delta method. `None` where neither arm varies: no error rate can be claimed without a variance.
#[must_use]
pub fn welch_test(treatment: &Estimate, control: &Estimate, alpha: f64) -> Option<WelchTest> {
    let difference = treatment.minus(control)?;
    test_difference(&difference, alpha)
}

/// The same for a difference that was estimated as one, for example stratified by epoch.
#[must_use]
pub fn test_difference(difference: &Estimate, alpha: f64) -> Option<WelchTest> {
    let standard_error = difference.standard_error();
    if !is_level(alpha) || standard_error <= 0.0 {
        return None;
    }
    let statistic = super::finite(difference.value / standard_error)?;
    let critical = student_upper_quantile(alpha / 2.0, difference.degrees_of_freedom);
    Some(WelchTest {
        difference: difference.value,
        standard_error,
        degrees_of_freedom: difference.degrees_of_freedom,
        statistic,
        p_value: (2.0 * student_upper_tail(statistic.abs(), difference.degrees_of_freedom))
            .min(1.0),
        interval: Interval::new(
            difference.value - critical * standard_error,
            difference.value + critical * standard_error,
        )?,
    })
}
