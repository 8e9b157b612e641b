#![allow(clippy::panic)]

use super::*;
use crate::achievement::Period;
use proptest::prelude::*;
use rstest::rstest;

fn only(text: &str) -> Option<Figure> {
    let value = described(text);
    assert!(value.figures.len() <= 1, "{value:?}");
    value.figures.into_iter().next()
}

#[rstest]
#[case("Saves $5 billion a year", "5000000000", "USD", Period::Year)]
#[case("Saves US$500 per month", "500", "USD", Period::Month)]
#[case("Cuts spend by 500 € a month", "500", "EUR", Period::Month)]
#[case("Revenue grew, worth CHF 12k annually", "12000", "CHF", Period::Year)]
#[case(
    "Reduces the bill of the cluster by £2.5k a month",
    "2500",
    "GBP",
    Period::Month
)]
#[case("An average of 3 hours a week is saved", "3", "hours", Period::Week)]
#[case("6 production outages were prevented", "6", "incidents", Period::Once)]
#[case("2 fewer incidents per sprint", "2", "incidents", Period::Sprint)]
#[case("Saves 1 hour per working day", "1", "hours", Period::Day)]
fn more_ways_to_state_a_value_are_read(
    #[case] text: &str,
    #[case] amount: &str,
    #[case] unit: &str,
    #[case] period: Period,
) {
    let figure = only(text).unwrap_or_else(|| panic!("{:?}", described(text)));
    assert_eq!(
        (figure.amount.as_str(), figure.unit.as_str(), figure.period),
        (amount, unit, period)
    );
}

/// Each of these holds a number that a careless reader takes for a value.
#[rstest]
#[case("Reduces the build from 8 hours to 2 hours", "range")]
#[case("Cuts the build to 5 minutes", "bound")]
#[case("The app saves drafts every 5 minutes", "bound")]
#[case("Saves between 2 and 4 hours", "range")]
#[case("Cuts the 3 hour build", "length")]
#[case("Reduces timeouts of 30 minutes", "length")]
#[case("Saves 0 hours a week", "zero")]
#[case("Saves €1.500 a month", "separator")]
#[case("Saves 3,5 hours a week", "separator")]
#[case("Saves C$500 a month", "currency")]
#[case("Saves $500 CAD a month", "currency")]
#[case("Saves $5 trillion", "word for a number")]
#[case("The new plan costs $500 a month, and saves work", "spent")]
#[case("The bug lost us $5k revenue", "loss")]
#[case(
    "Adds $40 to the bill, and increases costs by $500, but saves work",
    "loss"
)]
#[case("Saves 3 hours a week per developer", "each")]
#[case("Saves 3 hours every other week", "each")]
#[case("Saves $100 an hour", "each")]
#[case("Every week it saves 3 hours", "next to the figure")]
#[case("Does it save $500 a month?", "question")]
#[case("It can save $500 a month", "hope")]
#[case("It doesn’t save $500 a month", "denial")]
fn what_only_looks_like_a_value_stays_unread(#[case] text: &str, #[case] reason: &str) {
    let value = described(text);
    assert_eq!(value.figures, vec![], "{text}");
    assert!(
        value.unparsed.iter().any(|it| it.contains(reason)),
        "{value:?}"
    );
}

#[rstest]
#[case("Eliminates 4 pages of the settings")]
#[case("<!-- Example: saves 3 hours a week -->")]
#[case("```\nsaves $5k a month\n```")]
#[case("Wait 3 hours, then retry")]
fn texts_without_a_statement_state_nothing(#[case] text: &str) {
    assert_eq!(described(text), BusinessValue::default());
}

/// In the field for it a person writes the value alone.
#[test]
fn a_declared_value_needs_no_verb() {
    assert_eq!(declared("$5k a month").figures[0].amount, "5000");
    assert_eq!(declared("12 hours a week").figures[0].amount, "12");
    assert_eq!(declared("costs $500 a month").figures, vec![]);
}

#[test]
fn saying_it_twice_makes_it_no_greater() {
    assert_eq!(
        described("Saves 3 hours a week.\nIt saves 3 hours a week.")
            .figures
            .len(),
        1
    );
}

#[test]
fn a_rounded_figure_is_trusted_less() {
    let trust = |text: &str| only(text).map(|it| it.confidence_bp);
    assert_eq!(trust("Saves 3 hours a week"), Some(5_000));
    assert_eq!(trust("Saves about 3 hours a week"), Some(4_000));
}

/// An address holds no words: neither doubt nor a range.
#[test]
fn a_link_is_no_condition() {
    let text = "Saves $900 a month: https://grafana.example/d/2024-10?if=may";
    assert_eq!(only(text).map(|it| it.basis), Some(FigureBasis::Linked));
}

#[test]
fn a_quote_holds_its_figure_and_no_secret() {
    let text = format!(
        "{} DB_PASSWORD=hunter2hunter2 saves 3 hours a week {}",
        "word ".repeat(60),
        "more ".repeat(60)
    );
    let figure = only(&text).unwrap_or_else(|| panic!("{:?}", described(&text)));
    assert!(figure.quote.contains("3 hours a week"), "{}", figure.quote);
    assert!(!figure.quote.contains("hunter2"));
    assert!(figure.quote.chars().count() <= QUOTE + 2);
}

/// FAULTS 53: a long line of figures is read in bounded time and memory.
#[test]
fn a_long_line_of_figures_is_bounded() {
    let value = described(&format!("saves {}", "$1 ".repeat(40_000)));
    assert!(value.figures.len() <= 2 * MOST && value.unparsed.len() <= MOST);
    let value = described(&"Saves 2-3 hours a week.\n".repeat(3_000));
    assert!(value.unparsed.len() <= MOST);
}

proptest! {
    /// Whatever is written: figures are positive numbers, bounded in number, and quoted.
    #[test]
    fn figures_are_positive_and_few(text in "([sS]aves|worth|cuts|[$€£]|[0-9]{1,7}|[.,kmM%/-]|hours|USD|a|week|\\PC| |\n){0,60}") {
        for value in [described(&text), declared(&text)] {
            prop_assert!(value.figures.len() <= 2 * MOST && value.unparsed.len() <= MOST);
            for figure in value.figures {
                prop_assert!(figure.amount.parse::<f64>().is_ok_and(|it| it > 0.0), "{figure:?}");
                prop_assert!((0..=10_000).contains(&figure.confidence_bp) && !figure.quote.is_empty());
            }
        }
    }
}
