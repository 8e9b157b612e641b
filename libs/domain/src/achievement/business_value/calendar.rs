//! The calendar by which figures of several periods are compared. docs/impact.md states it.

use super::super::{Figure, Period};

/// Weeks that somebody works in a year; the rest is holidays.
pub const WORKING_WEEKS: f64 = 46.0;
/// Days of a working week.
pub const WORKING_DAYS: f64 = 5.0;
/// A sprint is two weeks.
pub const SPRINT_WEEKS: f64 = 2.0;

/// Hours in a working year; a figure that happens once counts once.
#[must_use]
pub fn hours_a_year(figure: &Figure) -> f64 {
    amount(figure) * times_a_year(figure.period)
}

/// Money a year, in the figure's own currency. A bill comes twelve times; what is counted by days or weeks, in working ones.
#[must_use]
pub fn money_a_year(figure: &Figure) -> f64 {
    amount(figure) * bills_a_year(figure.period)
}

/// Incidents a year, counted as money is.
#[must_use]
pub fn incidents_a_year(figure: &Figure) -> f64 {
    amount(figure) * bills_a_year(figure.period)
}

fn amount(figure: &Figure) -> f64 {
    figure.amount.parse().unwrap_or(0.0)
}

fn bills_a_year(period: Period) -> f64 {
    match period {
        Period::Month => 12.0,
        other => times_a_year(other),
    }
}

fn times_a_year(period: Period) -> f64 {
    match period {
        Period::Day => WORKING_DAYS * WORKING_WEEKS,
        Period::Week => WORKING_WEEKS,
        Period::Sprint => WORKING_WEEKS / SPRINT_WEEKS,
        Period::Month => WORKING_WEEKS * 12.0 / 52.0,
        Period::Year | Period::Once => 1.0,
    }
}
