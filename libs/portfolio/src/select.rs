//! Which achievements a template tells, in which order and under which headings.

use crate::{
    clean::{self, Head},
    format::Template,
    model::{Item, Portfolio},
    totals::Totals,
    words,
};
use std::cmp::Reverse;

/// Achievements that an executive summary tells.
pub const TOP: usize = 10;

/// What every format writes.
pub struct Document<'a> {
    pub template: Template,
    pub head: &'a Head,
    /// Of all items, told or not.
    pub totals: Totals,
    pub chosen: Chosen<'a>,
}

pub struct Chosen<'a> {
    pub groups: Vec<Group<'a>>,
    /// Items that the template does not tell.
    pub untold: usize,
}

/// Achievements under one heading.
pub struct Group<'a> {
    pub heading: String,
    items: Vec<&'a Item>,
}

impl Group<'_> {
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Each made fit to be shown only when it is its turn, so that a document is never held twice.
    pub fn items(&self) -> impl Iterator<Item = Item> {
        self.items.iter().map(|item| clean::item(item))
    }
}

impl Document<'_> {
    pub fn told(&self) -> usize {
        self.chosen.groups.iter().map(Group::len).sum()
    }

    /// Whether components, evidence and figures are told in full.
    pub fn is_detailed(&self) -> bool {
        self.template != Template::ExecutiveSummary
    }

    /// Whether also what is absent, and what analysis noted, is told.
    pub fn is_complete(&self) -> bool {
        self.template == Template::FullArchive
    }
}

pub fn choose(portfolio: &Portfolio, template: Template) -> Chosen<'_> {
    let mut items: Vec<&Item> = portfolio.items.iter().collect();
    match template {
        Template::ExecutiveSummary => {
            items.sort_by_key(|item| rank(item));
            let untold = items.len().saturating_sub(TOP);
            items.truncate(TOP);
            Chosen {
                groups: grouped(items, |_| "What stands out".to_owned()),
                untold,
            }
        }
        Template::TechnicalPortfolio => {
            items.sort_by_key(|item| rank(item));
            Chosen {
                groups: grouped(items, subject),
                untold: 0,
            }
        }
        Template::FullArchive => {
            items.sort_by_key(|item| (Reverse(item.completed_at), item.id));
            Chosen {
                groups: grouped(items, year),
                untold: 0,
            }
        }
    }
}

/// As `/portfolio/ready` sorts: what a person put first, then impact. Then the newest, and the id where all else is equal.
fn rank(item: &Item) -> impl Ord + use<> {
    (
        Reverse(item.display_priority),
        Reverse(item.impact()),
        Reverse(item.completed_at),
        item.id,
    )
}

fn subject(item: &Item) -> String {
    let section = item
        .section
        .as_deref()
        .map(|section| clean::line(section, 100))
        .filter(|section| !section.is_empty());
    section.unwrap_or_else(|| words::categories(item.category).to_owned())
}

fn year(item: &Item) -> String {
    item.completed_at.map_or_else(
        || "Without a date of completion".to_owned(),
        |at| words::date(at).year().to_string(),
    )
}

/// Groups stand in the order of their first item, items in theirs.
fn grouped<'a>(items: Vec<&'a Item>, heading: impl Fn(&Item) -> String) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = vec![];
    for item in items {
        let heading = heading(item);
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) => group.items.push(item),
            None => groups.push(Group {
                heading,
                items: vec![item],
            }),
        }
    }
    groups
}
