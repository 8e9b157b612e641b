//! How long to wait before the next attempt, by what the failure asks for and how often it has happened in a row.

use super::error::ErrorClass;
use std::time::Duration;

/// Shortest and longest wait of a class, in seconds. Sixty seconds after a fault everything shall be well again, so waits for
/// services stay below half of that; nobody waits for our own mistakes.
fn bounds(class: ErrorClass) -> Option<(f64, f64)> {
    match class {
        ErrorClass::Transient => Some((0.5, 25.0)),
        ErrorClass::Waiting => Some((30.0, 300.0)),
        ErrorClass::Bug => Some((5.0, 300.0)),
        ErrorClass::Invalid | ErrorClass::Fenced => None,
    }
}

/// The wait after `failures` failures in a row (from 1); none where only a change of the object can help.
///
/// It doubles from the shortest to the longest, less up to a quarter by `jitter` (0 to 1), so that many objects that failed
/// together do not return together.
#[must_use]
pub fn delay(class: ErrorClass, failures: u32, jitter: f64) -> Option<Duration> {
    let (shortest, longest) = bounds(class)?;
    let doublings = failures.saturating_sub(1).min(16);
    let full = (shortest * f64::from(1_u32 << doublings)).min(longest);
    Some(Duration::from_secs_f64(
        full * (1.0 - jitter.clamp(0.0, 1.0) / 4.0),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_of_their_class() {
        let seconds =
            |failures| delay(ErrorClass::Transient, failures, 0.0).map(|delay| delay.as_secs_f64());
        assert_eq!(
            [seconds(1), seconds(2), seconds(3), seconds(40)],
            [Some(0.5), Some(1.0), Some(2.0), Some(25.0)]
        );
        assert_eq!(
            delay(ErrorClass::Waiting, 1, 0.0),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            delay(ErrorClass::Bug, u32::MAX, 0.0),
            Some(Duration::from_secs(300))
        );
    }

    #[test]
    fn what_a_person_must_mend_is_not_tried_again() {
        assert_eq!(delay(ErrorClass::Invalid, 1, 0.0), None);
        assert_eq!(delay(ErrorClass::Fenced, 1, 0.0), None);
    }

    #[test]
    fn jitter_shortens_a_wait_by_a_quarter_at_most() {
        assert_eq!(
            delay(ErrorClass::Waiting, 1, 1.0),
            Some(Duration::from_secs_f64(22.5))
        );
    }
}
