//! Labels by which a team says that something was urgent or important.

use super::{Component, PullRequest, component, shown};

/// Words that say it wherever they stand.
const ALONE: [(&str, i32); 13] = [
    ("critical", 10),
    ("p0", 10),
    ("sev0", 10),
    ("sev1", 10),
    ("incident", 10),
    ("blocker", 10),
    ("urgent", 8),
    ("p1", 7),
    ("sev2", 7),
    ("important", 6),
    ("customer", 5),
    ("p2", 3),
    ("sev3", 3),
];
/// Words that say it alone, or in a group of labels that ranks: `effort: high` says another thing.
const RANKED: [(&str, i32); 4] = [("highest", 10), ("high", 7), ("medium", 3), ("moderate", 3)];
const GROUPS: [&str; 8] = [
    "priority",
    "prio",
    "severity",
    "sev",
    "importance",
    "urgency",
    "impact",
    "pri",
];
/// Words that turn a label around.
const DENIALS: [&str; 4] = ["not", "non", "no", "low"];

pub fn component_of(pull: Option<&PullRequest>) -> Component {
    let found: Vec<(i32, String)> = pull
        .into_iter()
        .flat_map(|pull| &pull.labels)
        .filter_map(|label| Some((points(label)?, format!("label `{}`", shown(label)))))
        .collect();
    let highest = found.iter().map(|(points, _)| *points).max().unwrap_or(0);
    let sentences = found.into_iter().map(|(_, sentence)| sentence).collect();
    component(
        "priority",
        10,
        highest,
        sentences,
        "no label says how urgent it was",
    )
}

/// What a label is worth; none where it says nothing of urgency.
fn points(label: &str) -> Option<i32> {
    let label = label
        .to_lowercase()
        .replace("sev-", "sev")
        .replace("sev ", "sev");
    let words: Vec<&str> = label
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    if words.iter().any(|word| DENIALS.contains(word)) {
        return None;
    }
    let ranks = words.len() == 1 || words.iter().any(|word| GROUPS.contains(word));
    let of = |table: &[(&str, i32)]| {
        table
            .iter()
            .filter(|(word, _)| words.contains(word))
            .map(|(_, points)| *points)
            .max()
    };
    of(&ALONE).max(of(&RANKED).filter(|_| ranks))
}
