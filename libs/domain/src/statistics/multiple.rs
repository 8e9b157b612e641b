//! Several comparisons at once.
//!
//! Sources: S. Holm (1979), "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6 (statsmodels
//! `multipletests(method="holm")`); e-BH by R. Wang and A. Ramdas (2022), "False discovery rate control with e-values",
//! JRSS B 84, definition 2, valid under any dependence.

use serde::{Deserialize, Serialize};

/// One comparison's place in Holm's procedure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Holm {
    /// p adjusted for all comparisons: rejected at any level not below it.
    pub adjusted: f64,
    /// The level at which this comparison is tested, α/(m − rank): intervals that decide have this level.
    pub level: f64,
    pub rejected: bool,
}

/// Holm's step-down procedure at family-wise error `alpha`, in the order of `p_values`. Anything but a number in [0, 1]
/// counts as p = 1.
#[must_use]
pub fn holm(p_values: &[f64], alpha: f64) -> Vec<Holm> {
    let p_values: Vec<f64> = p_values
        .iter()
        .map(|p| if (0.0..=1.0).contains(p) { *p } else { 1.0 })
        .collect();
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|one, other| p_values[*one].total_cmp(&p_values[*other]));
    let mut results = vec![
        Holm {
            adjusted: 1.0,
            level: alpha,
            rejected: false
        };
        p_values.len()
    ];
    let (mut largest, mut rejecting) = (0.0_f64, true);
    for (rank, index) in order.into_iter().enumerate() {
        let remaining = (p_values.len() - rank) as f64;
        largest = largest.max((p_values[index] * remaining).min(1.0));
        rejecting = rejecting && p_values[index] <= alpha / remaining;
        results[index] = Holm {
            adjusted: largest,
            level: alpha / remaining,
            rejected: rejecting,
        };
    }
    results
}

/// e-BH at false discovery rate `alpha`: which hypotheses are rejected, in the order of `e_values`.
///
/// Rejects the k largest, k the greatest with e₍ₖ₎ ≥ m/(αk). Negative or non-finite e-values count as 0.
#[must_use]
pub fn e_benjamini_hochberg(e_values: &[f64], alpha: f64) -> Vec<bool> {
    let e_values: Vec<f64> = e_values
        .iter()
        .map(|e| if e.is_finite() && *e > 0.0 { *e } else { 0.0 })
        .collect();
    let mut order: Vec<usize> = (0..e_values.len()).collect();
    order.sort_by(|one, other| e_values[*other].total_cmp(&e_values[*one]));
    let goal = e_values.len() as f64 / alpha;
    let rejections = order
        .iter()
        .enumerate()
        .filter(|(rank, index)| e_values[**index] * (rank + 1) as f64 >= goal)
        .map(|(rank, _)| rank + 1)
        .max()
        .unwrap_or(0);
    let mut rejected = vec![false; e_values.len()];
    order
        .iter()
        .take(rejections)
        .for_each(|index| rejected[*index] = true);
    rejected
}
