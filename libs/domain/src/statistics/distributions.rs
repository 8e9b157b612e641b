//! Distribution functions and quantiles, total and safe in the tails.
//!
//! The error function and its inverse are `statrs`'; the incomplete beta function and the quantiles of Student and Beta are
//! the product's own, since those of the crate lose digits at many trials (the committed cases against scipy measure it).

use statrs::function::erf::{erfc, erfc_inv};

use super::incomplete_beta::regularised;

/// Steps that halve an interval of two doubles below their spacing.
const HALVINGS: usize = 200;

/// Degrees of freedom from which Student's distribution is taken as a corrected normal one.
const LARGE: f64 = 1e7;

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
///
/// From 10⁷ degrees of freedom on by the normal of t(1 − 1/4ν)/√(1 + t²/2ν) (M. Abramowitz and I. Stegun 1964, 26.7.8).
#[must_use]
pub fn student_upper_tail(t: f64, degrees_of_freedom: f64) -> f64 {
    if degrees_of_freedom > LARGE {
        let spread = (1.0 + t * t / (2.0 * degrees_of_freedom)).sqrt();
        return normal_upper_tail(if spread.is_finite() {
            t * (1.0 - 0.25 / degrees_of_freedom) / spread
        } else {
            t
        });
    }
    if t < 0.0 {
        return 1.0 - student_upper_tail(-t, degrees_of_freedom);
    }
    let sum = degrees_of_freedom + t * t;
    let (inside, outside) = (degrees_of_freedom / sum, t * t / sum);
    if outside <= 0.0 {
        0.5
    } else if inside <= 0.0 {
        0.0
    } else {
        (0.5 * regularised(degrees_of_freedom / 2.0, 0.5, inside, outside)).clamp(0.0, 0.5)
    }
}

/// The t with P(T > t) = `tail`.
#[must_use]
pub fn student_upper_quantile(tail: f64, degrees_of_freedom: f64) -> f64 {
    if degrees_of_freedom.is_infinite() {
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

/// Distribution function Iₓ(a, b) of Beta(a, b) for positive a and b up to 10⁹; `x` is clamped to [0, 1].
#[must_use]
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        0.0
    } else if x >= 1.0 {
        1.0
    } else {
        regularised(a, b, x, 1.0 - x).clamp(0.0, 1.0)
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
