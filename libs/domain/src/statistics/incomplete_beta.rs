//! The regularised incomplete beta function, for parameters up to 10⁹.
//!
//! The crate that gives the other special functions stops its continued fraction after 140 terms, too few from about 10⁴
//! on. Here it runs to convergence, which takes about √max(a, b) terms (W. H. Press et al. 2007, *Numerical Recipes*, 3rd ed.,
//! section 6.4, modified Lentz), and its factor xᵃ(1 − x)ᵇ/B(a, b) comes from deviances instead of differences of large
//! logarithms (C. Loader 2000, "Fast and accurate computation of binomial probabilities").

use statrs::function::gamma::ln_gamma;

/// ½ ln 2π.
const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// More terms than any pair of parameters up to 10⁹ needs.
const MOST_TERMS: u32 = 400_000;

/// Iₓ(a, b) for 0 < x < 1 and positive a, b; `complement` is 1 − x, given apart because near 1 it cannot be had from x.
pub(super) fn regularised(a: f64, b: f64, x: f64, complement: f64) -> f64 {
    let factor = factor(a, b, x, complement);
    if x < (a + 1.0) / (a + b + 2.0) {
        factor * continued_fraction(a, b, x) / a
    } else {
        1.0 - factor * continued_fraction(b, a, complement) / b
    }
}

/// xᵃ (1 − x)ᵇ / B(a, b).
fn factor(a: f64, b: f64, x: f64, complement: f64) -> f64 {
    let sum = a + b;
    let log = stirling_error(sum)
        - stirling_error(a)
        - stirling_error(b)
        - deviance(a, sum * x)
        - deviance(b, sum * complement);
    (a / sum * b / std::f64::consts::TAU).sqrt() * log.exp()
}

/// ln Γ(z + 1) − (z + ½) ln z + z − ½ ln 2π.
fn stirling_error(z: f64) -> f64 {
    if z < 15.0 {
        return ln_gamma(z + 1.0) - (z + 0.5) * z.ln() + z - HALF_LOG_TWO_PI;
    }
    let square = z * z;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / 1680.0 / square) / square) / square) / z
}

/// observed · ln(observed/expected) + expected − observed ≥ 0, without cancellation where the two are close.
fn deviance(observed: f64, expected: f64) -> f64 {
    let (difference, sum) = (observed - expected, observed + expected);
    if difference.abs() >= 0.1 * sum {
        return observed * (observed / expected).ln() - difference;
    }
    // Series of observed · ln((1 + v)/(1 − v)) in v = difference/sum.
    let ratio = difference / sum;
    let mut total = difference * ratio;
    let mut term = 2.0 * observed * ratio;
    for odd in (3..).step_by(2) {
        term *= ratio * ratio;
        let next = total + term / f64::from(odd);
        if next == total {
            break;
        }
        total = next;
    }
    total
}

/// The fraction of the source's equation 6.4.5, by the modified Lentz method.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    let away = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut numerator = 1.0;
    let mut denominator = away(1.0 - (a + b) * x / (a + 1.0)).recip();
    let mut value = denominator;
    for term in 1..MOST_TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a - 1.0 + 2.0 * m) * (a + 2.0 * m));
        denominator = away(1.0 + even * denominator).recip();
        numerator = away(1.0 + even / numerator);
        value *= denominator * numerator;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 1.0 + 2.0 * m));
        denominator = away(1.0 + odd * denominator).recip();
        numerator = away(1.0 + odd / numerator);
        let change = denominator * numerator;
        value *= change;
        if (change - 1.0).abs() <= 1e-15 {
            break;
        }
    }
    value
}
