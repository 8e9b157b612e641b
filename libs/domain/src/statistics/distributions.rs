//! Distribution functions and quantiles, total and safe in the tails.
//!
//! The special functions are `statrs`'; quantiles of Student and Beta are found here by bisection on their distribution
//! functions, because those of the crate stop at five to eight digits (see the committed cases against scipy).

use statrs::function::beta::beta_reg;
use statrs::function::erf::{erfc, erfc_inv};

/// Steps that halve an interval of two doubles below their spacing.
const HALVINGS: usize = 200;

/// P(Z > z) of the standard normal.
#[must_use]
pub fn normal_upper_tail(z: f64) -> f64 {
    0.5 * erfc(z / std::f64::consts::SQRT_2)
}

/// P(Z ≤ z) of the standard normal.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    normal_upper_tail(-z)
}

/// The z with P(Z > z) = `tail`; `tail` is kept within the smallest positive double and its complement.
#[must_use]
pub fn normal_upper_quantile(tail: f64) -> f64 {
    std::f64::consts::SQRT_2
        * erfc_inv(2.0 * tail.clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0))
}

/// P(T > t) of Student's distribution; the normal's for infinite degrees of freedom.
#[must_use]
pub fn student_upper_tail(t: f64, degrees_of_freedom: f64) -> f64 {
    if degrees_of_freedom > 1e10 {
        return normal_upper_tail(t);
    }
    let inside = degrees_of_freedom / (degrees_of_freedom + t * t);
    let tail = 0.5 * beta_cdf(inside, degrees_of_freedom / 2.0, 0.5);
    if t >= 0.0 { tail } else { 1.0 - tail }
}

/// The t with P(T > t) = `tail`.
#[must_use]
pub fn student_upper_quantile(tail: f64, degrees_of_freedom: f64) -> f64 {
    if degrees_of_freedom > 1e10 {
        return normal_upper_quantile(tail);
    }
    if tail == 0.5 {
        return 0.0;
    }
    if tail > 0.5 {
        return -student_upper_quantile(1.0 - tail, degrees_of_freedom);
    }
    let mut high = 1.0;
    while student_upper_tail(high, degrees_of_freedom) > tail && high < 1e150 {
        high *= 2.0;
    }
    bisect(0.0, high, |t| {
        student_upper_tail(t, degrees_of_freedom) <= tail
    })
}

/// Regularised incomplete beta function Iₓ(a, b), the distribution function of Beta(a, b); `x` is clamped to [0, 1].
#[must_use]
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || a.is_nan() || b.is_nan() {
        0.0
    } else if x >= 1.0 {
        1.0
    } else {
        beta_reg(a.max(f64::MIN_POSITIVE), b.max(f64::MIN_POSITIVE), x).clamp(0.0, 1.0)
    }
}

/// The x with Iₓ(a, b) = `probability`.
#[must_use]
pub fn beta_quantile(probability: f64, a: f64, b: f64) -> f64 {
    bisect(0.0, 1.0, |x| beta_cdf(x, a, b) >= probability)
}

/// The point in [low, high] from which on `reached` holds, for a `reached` that turns from false to true once.
pub(crate) fn bisect(mut low: f64, mut high: f64, reached: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..HALVINGS {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if reached(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}
