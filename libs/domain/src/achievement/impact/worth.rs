//! Points of stated values: what the text only says, and what it says was measured or links to.

use super::{Component, Figure, component};
use crate::achievement::{
    FigureBasis,
    business_value::{hours_a_year, incidents_a_year, money_a_year},
};

/// What the text only says counts, but never for more than ten points.
pub fn claimed(figures: &[Figure]) -> Component {
    let (points, sentences) = worth(figures, |basis| basis == FigureBasis::Claimed);
    component(
        "claimed value",
        10,
        points,
        sentences,
        "the text states no value",
    )
}

/// What is measured, or can be checked.
pub fn substantiated(figures: &[Figure]) -> Component {
    let (points, sentences) = worth(figures, |basis| basis != FigureBasis::Claimed);
    component(
        "measured value",
        15,
        points,
        sentences,
        "no stated value says how it was measured, or where to check it",
    )
}

fn worth(figures: &[Figure], counts: impl Fn(FigureBasis) -> bool) -> (i32, Vec<String>) {
    let chosen: Vec<&Figure> = figures
        .iter()
        .filter(|figure| counts(figure.basis))
        .collect();
    let points = chosen.iter().map(|figure| size(figure)).sum();
    let sentences = chosen
        .iter()
        .map(|figure| format!("{}: “{}”", word(figure.basis), figure.quote))
        .collect();
    (points, sentences)
}

/// `2 · log10(1 + x)`, at least 1, where x is hours a year, thousands of money a year, or ten times the incidents a year. Zero is worth
/// nothing.
fn size(figure: &Figure) -> i32 {
    let amount = match figure.unit.as_str() {
        "hours" => hours_a_year(figure),
        "incidents" => incidents_a_year(figure) * 10.0,
        _ => money_a_year(figure) / 1_000.0,
    };
    if amount.is_nan() || amount <= 0.0 {
        return 0;
    }
    #[allow(clippy::cast_possible_truncation)]
    let points = (2.0 * (1.0 + amount).log10()).min(15.0) as i32;
    points.max(1)
}

fn word(basis: FigureBasis) -> &'static str {
    match basis {
        FigureBasis::Claimed => "claimed",
        FigureBasis::Measured => "measured",
        FigureBasis::Linked => "linked",
    }
}
