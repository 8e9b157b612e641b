//! What stands before the achievements: whose they are, what they come to, and what is not told.

use crate::{format::Template, select::Document, words};
use domain::achievement::FigureBasis;

pub struct Cover {
    pub title: String,
    /// `Executive summary`
    pub kicker: &'static str,
    /// Whose, of which time, as of when.
    pub lines: Vec<String>,
    /// `Achievements`, `40`
    pub facts: Vec<(&'static str, String)>,
    /// Name, count, share of the largest in hundredths.
    pub categories: Vec<(&'static str, usize, usize)>,
    pub values: Vec<Sum>,
    /// Achievements that are not told, and why.
    pub left_out: Vec<String>,
    pub is_empty: bool,
}

/// Figures of one unit and basis, added up.
pub struct Sum {
    /// `138 hours a year`
    pub text: String,
    pub basis: &'static str,
    pub is_claimed: bool,
    /// `of 2 figures`
    pub figures: String,
}

pub const EMPTY: &str = "There are no achievements to tell yet.";

pub fn of(document: &Document<'_>) -> Cover {
    let totals = &document.totals;
    let head = document.head;
    let mut left_out = words::left_out(&head.left_out);
    if document.chosen.untold > 0 {
        left_out.push(format!(
            "Counted in the totals, told by the full archive: {}.",
            words::count(document.chosen.untold, "further achievement")
        ));
    }
    let most = totals.categories.first().map_or(1, |it| it.achievements);
    Cover {
        title: head.title.clone(),
        kicker: document.template.heading(),
        lines: lines(document),
        facts: facts(document),
        categories: totals
            .categories
            .iter()
            .map(|it| {
                let share = it.achievements * 100 / most.max(1);
                (words::categories(it.category), it.achievements, share)
            })
            .collect(),
        values: totals
            .values
            .iter()
            .map(|value| Sum {
                text: words::value(value),
                basis: words::basis(value.basis),
                is_claimed: value.basis == FigureBasis::Claimed,
                figures: format!("of {}", words::count(value.figures, "figure")),
            })
            .collect(),
        left_out,
        is_empty: totals.achievements == 0,
    }
}

fn lines(document: &Document<'_>) -> Vec<String> {
    let head = document.head;
    let whose = head.person.as_ref().map_or_else(
        || format!("Namespace {}", head.namespace),
        |person| format!("{person}, namespace {}", head.namespace),
    );
    let told = match (document.totals.first, document.totals.last) {
        (Some(first), Some(last)) => Some(format!(
            "Completed from {} to {}",
            words::day(first),
            words::day(last)
        )),
        _ => None,
    };
    let asked = words::bounds(head).map(|bounds| format!("Asked for: {bounds}"));
    let as_of = format!("As of {}", words::moment(head.as_of));
    [Some(whose), told, asked, Some(as_of)]
        .into_iter()
        .flatten()
        .collect()
}

fn facts(document: &Document<'_>) -> Vec<(&'static str, String)> {
    let totals = &document.totals;
    let number = |number: usize| words::grouped(&number.to_string());
    let mut facts = vec![("Achievements", number(totals.achievements))];
    if totals.repositories > 0 {
        facts.push(("Repositories", number(totals.repositories)));
    }
    if totals.people > 0 && document.head.person.is_none() {
        facts.push(("People", number(totals.people)));
    }
    if let (Some(median), Some(highest)) = (totals.median_impact, totals.highest_impact) {
        facts.push(("Median impact", median.to_string()));
        facts.push(("Highest impact", highest.to_string()));
    }
    if totals.private > 0 {
        facts.push(("Not public", number(totals.private)));
    }
    let waiting = totals.achievements - totals.analysed;
    let matters = document.template != Template::ExecutiveSummary || totals.analysed == 0;
    if waiting > 0 && matters {
        facts.push(("Not analysed yet", number(waiting)));
    }
    facts
}
