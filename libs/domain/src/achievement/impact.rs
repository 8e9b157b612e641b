//! What it changed for others, 0–100: the sum of capped points of components for which there is evidence. Nothing is scaled up where
//! evidence is missing, more evidence never lowers it, and no text but a stated business value enters it. docs/impact.md explains each
//! component and ranks worked examples.

use super::{
    Component, Evidence, EvidenceKind, Figure, FigureBasis, PullRequest, Role, Score, Subject,
    business_value::{hours_a_year, money_a_year},
};
use std::collections::BTreeSet;

/// Environments that serve users.
const PRODUCTION: [&str; 5] = ["production", "prod", "live", "main", "www"];
/// Labels by which a team says that something was urgent or important, without what groups labels.
const PRIORITY: [(&str, i32); 14] = [
    ("critical", 10),
    ("p0", 10),
    ("sev1", 10),
    ("sev-1", 10),
    ("incident", 10),
    ("blocker", 10),
    ("urgent", 8),
    ("high", 7),
    ("p1", 7),
    ("sev2", 7),
    ("important", 6),
    ("medium", 3),
    ("p2", 3),
    ("customer", 5),
];

/// The score of a record with the business value that its text states.
#[must_use]
pub fn impact(subject: &Subject, figures: &[Figure]) -> Score {
    let pull = subject.pull_request.as_ref();
    Score::of(vec![
        delivered(pull),
        released(&subject.evidence),
        deployed(&subject.evidence),
        reviewed(subject),
        issues(pull),
        priority(pull),
        claimed(figures),
        substantiated(figures),
    ])
}

fn component(name: &str, cap: i32, points: i32, evidence: Vec<String>, absent: &str) -> Component {
    let absent = evidence.is_empty().then(|| absent.to_owned());
    Component {
        name: name.to_owned(),
        points: if absent.is_some() {
            0
        } else {
            points.clamp(0, cap)
        },
        cap,
        evidence,
        absent,
    }
}

fn delivered(pull: Option<&PullRequest>) -> Component {
    let (points, evidence) = pull.map_or((0, vec![]), |pull| {
        let place = if pull.default_branch {
            "the default branch"
        } else {
            "another branch"
        };
        (
            if pull.default_branch { 15 } else { 8 },
            vec![format!(
                "merged into {place} `{}` of {}",
                pull.base_ref, pull.repository
            )],
        )
    });
    component(
        "delivered",
        15,
        points,
        evidence,
        "nothing says that it was merged",
    )
}

fn released(evidence: &[Evidence]) -> Component {
    let sentences: Vec<String> = of_kind(evidence, EvidenceKind::Release)
        .map(|release| format!("part of the release `{}`", release.stream))
        .collect();
    let points = if sentences.len() > 1 { 15 } else { 12 };
    component(
        "released",
        15,
        points,
        sentences,
        "no release contains it yet",
    )
}

fn deployed(evidence: &[Evidence]) -> Component {
    let environments: BTreeSet<&str> = of_kind(evidence, EvidenceKind::Deployment)
        .map(|deployment| deployment.stream.as_str())
        .collect();
    let serves = |name: &str| {
        let name = name.to_lowercase();
        name.split(['-', '_', '/', ' '])
            .any(|word| PRODUCTION.contains(&word))
    };
    let points = if environments.iter().any(|name| serves(name)) {
        15
    } else {
        6
    };
    let sentences = environments
        .iter()
        .map(|name| format!("deployed to `{name}`"))
        .collect();
    component(
        "deployed",
        15,
        points,
        sentences,
        "no successful deployment contains it yet",
    )
}

fn of_kind(evidence: &[Evidence], kind: EvidenceKind) -> impl Iterator<Item = &Evidence> {
    evidence
        .iter()
        .filter(move |evidence| evidence.kind == kind)
}

fn reviewed(subject: &Subject) -> Component {
    let reviewers: BTreeSet<&str> = subject
        .people
        .iter()
        .filter(|person| person.role == Role::Reviewer)
        .map(|person| person.login.as_str())
        .collect();
    let comments = subject
        .pull_request
        .as_ref()
        .and_then(|pull| pull.review_comments)
        .unwrap_or(0);
    let mut sentences: Vec<String> = reviewers
        .iter()
        .map(|login| format!("reviewed by {login}"))
        .collect();
    if comments > 0 {
        sentences.push(format!("{comments} comments of reviews"));
    }
    let points = capped(reviewers.len(), 4, 8) + if comments > 0 { 2 } else { 0 };
    component(
        "reviewed",
        10,
        points,
        sentences,
        "nobody is known to have reviewed it",
    )
}

fn issues(pull: Option<&PullRequest>) -> Component {
    let closed = pull.map(closed_issues).unwrap_or_default();
    let points = capped(closed.len(), 4, 10);
    let sentences = closed
        .iter()
        .map(|issue| format!("closes {issue}"))
        .collect();
    component(
        "issues",
        10,
        points,
        sentences,
        "it names no issue that it closes",
    )
}

/// Issues that the text closes with GitHub's own words.
fn closed_issues(pull: &PullRequest) -> BTreeSet<String> {
    const WORDS: [&str; 9] = [
        "close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved",
    ];
    let text = pull.body.as_deref().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().take(20_000).collect();
    words
        .windows(2)
        .filter(|pair| WORDS.contains(&pair[0].trim_end_matches(':').to_lowercase().as_str()))
        .filter_map(|pair| {
            let reference = pair[1].trim_end_matches(['.', ',', ';', ')']);
            let (_, number) = reference.rsplit_once('#')?;
            let digits = !number.is_empty()
                && number.len() < 10
                && number.bytes().all(|b| b.is_ascii_digit());
            (digits && number.parse() != Ok(pull.number)).then(|| format!("#{number}"))
        })
        .take(100)
        .collect()
}

fn priority(pull: Option<&PullRequest>) -> Component {
    let known = pull
        .into_iter()
        .flat_map(|pull| &pull.labels)
        .filter_map(|label| {
            let lower = label.to_lowercase();
            let words: Vec<&str> = lower.split(['/', ':', ' ']).map(str::trim).collect();
            let (_, points) = PRIORITY.iter().find(|(word, _)| words.contains(word))?;
            Some((*points, format!("label `{label}`")))
        });
    let found: Vec<(i32, String)> = known.collect();
    let points = found.iter().map(|(points, _)| *points).max().unwrap_or(0);
    let sentences = found.into_iter().map(|(_, sentence)| sentence).collect();
    component(
        "priority",
        10,
        points,
        sentences,
        "no label says how urgent it was",
    )
}

/// What the text only says counts, but never for more than ten points.
fn claimed(figures: &[Figure]) -> Component {
    let (points, sentences) = worth(figures, |basis| basis == FigureBasis::Claimed);
    component(
        "claimed value",
        10,
        points,
        sentences,
        "the text states no value",
    )
}

fn substantiated(figures: &[Figure]) -> Component {
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
        .map(|figure| format!("{}: “{}”", basis(figure.basis), figure.quote))
        .collect();
    (points, sentences)
}

/// Two points for each power of ten: of hours a year, of a thousandth of the money a year, or of incidents.
fn size(figure: &Figure) -> i32 {
    let amount = match figure.unit.as_str() {
        "hours" => hours_a_year(figure),
        "incidents" => figure.amount.parse().unwrap_or(0.0) * 10.0,
        _ => money_a_year(figure) / 1_000.0,
    };
    #[allow(clippy::cast_possible_truncation)]
    let points = (2.0 * (1.0 + amount.max(0.0)).log10()).min(15.0) as i32;
    points.max(1)
}

fn basis(basis: FigureBasis) -> &'static str {
    match basis {
        FigureBasis::Claimed => "claimed",
        FigureBasis::Measured => "measured",
        FigureBasis::Linked => "linked",
    }
}

fn capped(count: usize, each: i32, cap: i32) -> i32 {
    i32::try_from(count)
        .unwrap_or(i32::MAX)
        .saturating_mul(each)
        .min(cap)
}
