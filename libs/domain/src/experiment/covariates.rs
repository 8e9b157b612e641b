//! What is known of a unit at the moment of its assignment, as numbers for the adjustment of variance. Nothing that happens
//! later may enter here.

use super::design::Covariate;

const DAY: i64 = 86_400;
const QUARTER: i64 = DAY / 4;

/// What was known of a unit before it was assigned.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct KnownBefore {
    /// Unix seconds of the assignment.
    pub assigned_at: i64,
    /// Mean objective of the persona's posts that had matured by then; 0 where none had.
    pub trailing_mean: f64,
    /// The participant's own figure of before; 0 where there is none.
    pub own_past: f64,
}

/// The values of a unit, in the order of the design: three indicators for the second to fourth quarter of the day (UTC), one
/// for the weekend (Saturday and Sunday, UTC), one number for each of the rest. Always as many for the same design.
#[must_use]
pub fn covariate_values(covariates: &[Covariate], known: &KnownBefore) -> Vec<f64> {
    let indicator = |holds: bool| if holds { 1.0 } else { 0.0 };
    let quarter = known.assigned_at.rem_euclid(DAY) / QUARTER;
    // Unix time began on a Thursday.
    let weekday = (known.assigned_at.div_euclid(DAY) + 3).rem_euclid(7);
    covariates
        .iter()
        .flat_map(|covariate| match covariate {
            Covariate::Slot => (1..4).map(|slot| indicator(quarter == slot)).collect(),
            Covariate::Weekday => vec![indicator(weekday >= 5)],
            Covariate::TrailingMean => vec![finite(known.trailing_mean)],
            Covariate::OwnPast => vec![finite(known.own_past)],
        })
        .collect()
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_and_weekday_follow_the_clock_of_the_assignment() {
        let at = |assigned_at| {
            covariate_values(
                &[Covariate::Slot, Covariate::Weekday],
                &KnownBefore {
                    assigned_at,
                    ..KnownBefore::default()
                },
            )
        };
        // 1970-01-01 was a Thursday; day 2 a Saturday, day 3 a Sunday, day 4 a Monday.
        assert_eq!(at(0), [0.0, 0.0, 0.0, 0.0]);
        assert_eq!(at(QUARTER), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(at(2 * DAY + 3 * QUARTER), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(at(3 * DAY + DAY - 1), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(at(4 * DAY), [0.0, 0.0, 0.0, 0.0]);
        assert_eq!(at(-1), [0.0, 0.0, 1.0, 0.0], "a Wednesday night");
    }

    #[test]
    fn every_unit_of_a_design_has_as_many_values_and_all_are_finite() {
        let design = [
            Covariate::TrailingMean,
            Covariate::OwnPast,
            Covariate::Slot,
            Covariate::Weekday,
        ];
        for known in [
            KnownBefore::default(),
            KnownBefore {
                assigned_at: i64::MIN,
                trailing_mean: f64::NAN,
                own_past: f64::INFINITY,
            },
        ] {
            let values = covariate_values(&design, &known);
            assert_eq!(values.len(), 6);
            assert!(values.iter().all(|value| value.is_finite()));
        }
        assert!(covariate_values(&[], &KnownBefore::default()).is_empty());
    }
}
