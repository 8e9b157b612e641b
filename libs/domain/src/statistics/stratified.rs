//! Arms compared within weight epochs: the alternative to [`super::aipw`] under adaptive assignment.
//!
//! Within an epoch probabilities are constant, so its difference of means is unbiased whatever the trend between epochs.

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::moments::Moments;

/// One weight epoch of two arms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stratum {
    pub treatment: Moments,
    pub control: Moments,
}

/// Arm − control within epochs, averaged with the epochs' numbers of units in both arms.
///
/// Source: W. G. Cochran (1977), *Sampling Techniques*, section 5.4, post-stratification by epoch. Epochs with fewer than two
/// units in either arm have no variance and are left out. `None` where none is left.
#[must_use]
pub fn stratified_difference(strata: &[Stratum]) -> Option<Estimate> {
    let usable: Vec<(f64, Estimate)> = strata
        .iter()
        .filter_map(|stratum| {
            let difference = stratum
                .treatment
                .estimate()?
                .minus(&stratum.control.estimate()?)?;
            Some((
                (stratum.treatment.count() + stratum.control.count()) as f64,
                difference,
            ))
        })
        .collect();
    if usable.is_empty() {
        return None;
    }
    let units: f64 = usable.iter().map(|(units, _)| units).sum();
    let value = usable
        .iter()
        .map(|(weight, part)| weight / units * part.value)
        .sum();
    let parts = || {
        usable
            .iter()
            .map(|(weight, part)| ((weight / units).powi(2) * part.variance, part))
    };
    let variance: f64 = parts().map(|(part, _)| part).sum();
    let degrees_of_freedom = if variance > 0.0 {
        parts()
            .map(|(part, stratum)| (part / variance).powi(2) / stratum.degrees_of_freedom)
            .sum::<f64>()
            .recip()
    } else {
        f64::INFINITY
    };
    Estimate::new(value, variance, degrees_of_freedom)
}
