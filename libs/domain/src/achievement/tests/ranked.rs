//! Twenty worked examples that a person ranked before the formula saw them, and docs/impact.md, whose table is made of them.

use super::*;
use serde::Deserialize;
use std::fmt::Write;

/// Below this the formula and a person disagree too much.
const LEAST: f64 = 0.9;
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/impact.md");
const BEGIN: &str =
    "<!-- examples: made by the tests of libs/domain; UPDATE_DOCS=1 writes them -->\n";
const END: &str = "<!-- end of examples -->\n";

#[derive(Deserialize)]
struct Example {
    rank: u32,
    what: String,
    labels: Vec<String>,
    closes: i64,
    reviewers: u32,
    comments: u32,
    releases: u32,
    deployments: Vec<String>,
    text: String,
    #[serde(default)]
    side_branch: bool,
}

fn examples() -> Vec<(Example, Analysis)> {
    let examples: Vec<Example> = serde_json::from_str(include_str!("ranked.json")).unwrap();
    examples
        .into_iter()
        .map(|example| {
            let analysis = analyse(&subject_of(&example));
            (example, analysis)
        })
        .collect()
}

fn subject_of(example: &Example) -> Subject {
    let mut subject = subject();
    subject.title.clone_from(&example.what);
    let pull = subject.pull_request.as_mut().unwrap();
    pull.labels.clone_from(&example.labels);
    pull.default_branch = !example.side_branch;
    pull.review_comments = Some(example.comments);
    let closes: Vec<String> = (1..=example.closes)
        .map(|issue| format!("Closes #{issue}"))
        .collect();
    pull.body = Some(format!("{}\n{}", example.text, closes.join("\n")));
    subject
        .people
        .extend((0..example.reviewers).map(|id| Person {
            login: format!("r{id}"),
            role: Role::Reviewer,
        }));
    subject
        .evidence
        .extend((0..example.releases).map(|tag| evidence("release", &format!("v{tag}"))));
    subject.evidence.extend(
        example
            .deployments
            .iter()
            .map(|name| evidence("deployment", name)),
    );
    subject
}

/// Spearman's ρ with mean ranks for ties: the correlation of the ranks (Kendall & Gibbons, Rank Correlation Methods, 1990, §3.8).
fn spearman(by_hand: &[f64], by_points: &[f64]) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let count = by_hand.len() as f64;
    let mean = (count + 1.0) / 2.0;
    let sum = |one: &[f64], other: &[f64]| -> f64 {
        one.iter()
            .zip(other)
            .map(|(one, other)| (one - mean) * (other - mean))
            .sum()
    };
    sum(by_hand, by_points) / (sum(by_hand, by_hand) * sum(by_points, by_points)).sqrt()
}

fn correlation(examples: &[(Example, Analysis)]) -> f64 {
    let points: Vec<i32> = examples
        .iter()
        .map(|(_, analysis)| analysis.impact.points)
        .collect();
    let by_hand: Vec<f64> = examples
        .iter()
        .map(|(example, _)| f64::from(example.rank))
        .collect();
    let by_points: Vec<f64> = points
        .iter()
        .map(|own| {
            let above = points.iter().filter(|other| *other > own).count();
            let same = points.iter().filter(|other| *other == own).count();
            #[allow(clippy::cast_precision_loss)]
            let rank = above as f64 + (same as f64 + 1.0) / 2.0;
            rank
        })
        .collect();
    spearman(&by_hand, &by_points)
}

#[test]
fn the_formula_ranks_as_a_person_does() {
    let rho = correlation(&examples());
    assert!(rho >= LEAST, "Spearman's rank correlation is {rho:.3}");
}

#[test]
fn the_document_shows_what_the_formula_gives() {
    let examples = examples();
    let mut table = String::from(
        "| by hand | impact | evidenced | complexity | example |\n|---|---|---|---|---|\n",
    );
    for (example, analysis) in &examples {
        writeln!(
            table,
            "| {} | {} | {} of 100 | {} | {} |",
            example.rank,
            analysis.impact.points,
            analysis.impact.evidenced,
            analysis.complexity.points,
            example.what
        )
        .unwrap();
    }
    writeln!(
        table,
        "\nSpearman's rank correlation with the ranking by hand: {:.3}.",
        correlation(&examples)
    )
    .unwrap();
    let document = std::fs::read_to_string(DOCUMENT).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(DOCUMENT, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(
            shown, table,
            "UPDATE_DOCS=1 cargo test -p threads-domain --lib ranked"
        );
    }
}
