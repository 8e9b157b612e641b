//! What all achievements of a portfolio come to. Nothing is added up that is not of one kind: no two currencies, and never what is
//! claimed with what is measured.

use crate::{clean, model::Item, words};
use domain::achievement::{
    Category, Figure, FigureBasis, Period, hours_a_year, incidents_a_year, money_a_year,
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    pub achievements: usize,
    pub analysed: usize,
    /// Of repositories that are not public.
    pub private: usize,
    pub repositories: usize,
    pub people: usize,
    /// First and last completion.
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    /// Median of the impact of what is analysed; with an even number the lower of the two in the middle.
    pub median_impact: Option<i32>,
    pub highest_impact: Option<i32>,
    /// The most frequent first.
    pub categories: Vec<CategoryCount>,
    pub values: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CategoryCount {
    pub category: Category,
    pub achievements: usize,
}

/// Sum of the figures of one unit and one basis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    pub basis: FigureBasis,
    /// Letters of a currency, `hours`, `incidents`.
    pub unit: String,
    /// Whether it comes every year, by the working calendar of docs/impact.md, or came once.
    pub yearly: bool,
    pub amount: f64,
    /// Of how many figures.
    pub figures: usize,
}

/// Totals of all items, told by the template or not.
pub fn of(items: &[Item]) -> Totals {
    let mut impacts: Vec<i32> = items.iter().filter_map(Item::impact).collect();
    impacts.sort_unstable();
    let repositories: BTreeSet<&str> = items
        .iter()
        .filter_map(|item| item.repository.as_deref())
        .collect();
    let people: BTreeSet<String> = items
        .iter()
        .flat_map(|item| &item.people)
        .map(|person| person.login.to_lowercase())
        .collect();
    let completed = || items.iter().filter_map(|item| item.completed_at);
    Totals {
        achievements: items.len(),
        analysed: impacts.len(),
        private: items.iter().filter(|item| !item.is_public()).count(),
        repositories: repositories.len(),
        people: people.len(),
        first: completed().min(),
        last: completed().max(),
        median_impact: impacts.get(impacts.len().saturating_sub(1) / 2).copied(),
        highest_impact: impacts.last().copied(),
        categories: categories(items),
        values: values(items),
    }
}

fn categories(items: &[Item]) -> Vec<CategoryCount> {
    let mut counts: BTreeMap<Category, usize> = BTreeMap::new();
    for item in items {
        *counts.entry(item.category).or_default() += 1;
    }
    let mut counts: Vec<CategoryCount> = counts
        .into_iter()
        .map(|(category, achievements)| CategoryCount {
            category,
            achievements,
        })
        .collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.achievements));
    counts
}

fn values(items: &[Item]) -> Vec<Value> {
    let mut sums: BTreeMap<(u8, String, bool), (f64, usize)> = BTreeMap::new();
    let figures = items
        .iter()
        .filter_map(|item| item.analysis.as_ref())
        .flat_map(|analysis| &analysis.business_value.figures);
    for figure in figures {
        let Some((yearly, amount)) = amount(figure) else {
            continue;
        };
        let key = (order(figure.basis), clean::line(&figure.unit, 40), yearly);
        let sum = sums.entry(key).or_default();
        sum.0 += amount;
        sum.1 += 1;
    }
    sums.into_iter()
        .map(|((basis, unit, yearly), (amount, figures))| Value {
            basis: BASES[usize::from(basis)],
            unit,
            yearly,
            amount,
            figures,
        })
        .collect()
}

/// What can be checked stands before what is only claimed.
const BASES: [FigureBasis; 3] = [
    FigureBasis::Measured,
    FigureBasis::Linked,
    FigureBasis::Claimed,
];

fn order(basis: FigureBasis) -> u8 {
    match basis {
        FigureBasis::Measured => 0,
        FigureBasis::Linked => 1,
        FigureBasis::Claimed => 2,
    }
}

/// Whether it comes every year, and how much; nothing where the figure is no number.
fn amount(figure: &Figure) -> Option<(bool, f64)> {
    let number: f64 = figure.amount.parse().ok()?;
    let yearly = figure.period != Period::Once;
    let amount = match (yearly, words::is_currency(&figure.unit)) {
        (false, _) => number,
        (true, true) => money_a_year(figure),
        (true, false) if figure.unit == "incidents" => incidents_a_year(figure),
        (true, false) => hours_a_year(figure),
    };
    amount.is_finite().then_some((yearly, amount))
}
