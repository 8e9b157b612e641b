//! What it changed for others, 0–100: the sum of capped points of components for which there is evidence. Nothing is scaled up where
//! evidence is missing, more evidence never lowers it, and no text but a stated business value enters it. docs/impact.md explains each
//! component and ranks worked examples.

mod issues;
mod priority;
mod worth;

use super::{
    Component, Evidence, EvidenceKind, Figure, PullRequest, Role, Score, Subject, findings::neutral,
};
use std::collections::BTreeSet;

/// Environments that serve users.
const PRODUCTION: [&str; 5] = ["production", "prod", "live", "main", "www"];
/// Words that make another environment of it.
const REHEARSAL: [&str; 14] = [
    "pre",
    "non",
    "not",
    "staging",
    "stage",
    "preview",
    "test",
    "testing",
    "dev",
    "development",
    "qa",
    "uat",
    "sandbox",
    "demo",
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
        issues::component_of(pull),
        priority::component_of(pull),
        worth::claimed(figures),
        worth::substantiated(figures),
    ])
}

fn component(
    name: &str,
    cap: i32,
    points: i32,
    mut evidence: Vec<String>,
    absent: &str,
) -> Component {
    /// Sentences that a component shows; the others are counted.
    const SHOWN: usize = 20;
    if evidence.len() > SHOWN {
        let others = evidence.len() - SHOWN;
        evidence.truncate(SHOWN);
        evidence.push(format!("and {others} more"));
    }
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
                shown(&pull.base_ref),
                shown(&pull.repository)
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
    let releases: BTreeSet<(&str, &str)> = of_kind(evidence, EvidenceKind::Release)
        .map(|release| (release.repository.as_str(), release.stream.as_str()))
        .collect();
    let sentences: Vec<String> = releases
        .iter()
        .map(|(_, tag)| format!("part of the release `{}`", shown(tag)))
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
    let points = if environments.iter().any(|name| serves_users(name)) {
        15
    } else {
        6
    };
    let sentences = environments
        .iter()
        .map(|name| format!("deployed to `{}`", shown(name)))
        .collect();
    component(
        "deployed",
        15,
        points,
        sentences,
        "no successful deployment contains it yet",
    )
}

/// `prod-eu` serves users; `pre-prod` and `Preview – main` do not.
fn serves_users(environment: &str) -> bool {
    let name = environment.to_lowercase();
    let words: Vec<&str> = name
        .split(|letter: char| !letter.is_alphanumeric())
        .collect();
    words.iter().any(|word| PRODUCTION.contains(word))
        && !words.iter().any(|word| REHEARSAL.contains(word))
}

fn of_kind(evidence: &[Evidence], kind: EvidenceKind) -> impl Iterator<Item = &Evidence> {
    evidence
        .iter()
        .filter(move |evidence| evidence.kind == kind)
}

fn reviewed(subject: &Subject) -> Component {
    let logins = |role: Role| -> BTreeSet<String> {
        subject
            .people
            .iter()
            .filter(|person| person.role == role)
            .map(|person| person.login.to_lowercase())
            .collect()
    };
    let authors = logins(Role::Author);
    let mut reviewers = logins(Role::Reviewer);
    reviewers.retain(|login| !authors.contains(login));
    let comments = subject
        .pull_request
        .as_ref()
        .and_then(|pull| pull.review_comments)
        .unwrap_or(0);
    let mut sentences: Vec<String> = reviewers
        .iter()
        .map(|login| format!("reviewed by {}", shown(login)))
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

fn capped(count: usize, each: i32, cap: i32) -> i32 {
    i32::try_from(count)
        .unwrap_or(i32::MAX)
        .saturating_mul(each)
        .min(cap)
}

/// A name that somebody else gave, as a sentence may hold it.
fn shown(name: &str) -> String {
    /// Letters of a name that a sentence holds.
    const LONGEST: usize = 100;
    neutral(name, LONGEST)
}

#[cfg(test)]
mod tests;
