//! What kind of work it was: by label, then by the title, else unknown. No model is asked.

use super::{Category, PullRequest, Subject};

/// Labels that say it, in the order in which they win: what concerns safety comes first. Compared in lower case, with `kind/`, `type:`
/// and the like before them left out.
const LABELS: [(Category, &[&str]); 11] = [
    (Category::Security, &["security", "vulnerability", "cve"]),
    (Category::Performance, &["performance", "perf", "speed"]),
    (
        Category::Bugfix,
        &["bug", "bugfix", "fix", "regression", "hotfix", "defect"],
    ),
    (
        Category::Feature,
        &["feature", "enhancement", "feat", "new feature"],
    ),
    (
        Category::Architecture,
        &["architecture", "design", "rfc", "adr"],
    ),
    (
        Category::Optimization,
        &[
            "optimization",
            "optimisation",
            "refactor",
            "refactoring",
            "cleanup",
            "tech debt",
            "technical debt",
        ],
    ),
    (
        Category::Infrastructure,
        &[
            "infrastructure",
            "infra",
            "ci",
            "cd",
            "ci/cd",
            "build",
            "deployment",
            "devops",
            "kubernetes",
            "docker",
            "terraform",
            "dependencies",
        ],
    ),
    (Category::Testing, &["test", "tests", "testing", "qa"]),
    (Category::Documentation, &["documentation", "docs", "doc"]),
    (Category::Content, &["content", "copy", "blog"]),
    (Category::Milestone, &["milestone", "release"]),
];

/// Types of the Conventional Commits convention, and words that begin a title in the imperative.
const TITLES: [(Category, &[&str]); 8] = [
    (Category::Security, &["security", "sec"]),
    (Category::Performance, &["perf"]),
    (
        Category::Bugfix,
        &["fix", "fixes", "fixed", "bugfix", "hotfix"],
    ),
    (
        Category::Feature,
        &[
            "feat",
            "feature",
            "add",
            "adds",
            "introduce",
            "introduces",
            "implement",
            "implements",
        ],
    ),
    (
        Category::Optimization,
        &["refactor", "refactors", "optimize", "optimise", "simplify"],
    ),
    (
        Category::Infrastructure,
        &["ci", "build", "deploy", "chore(deps)", "infra"],
    ),
    (Category::Testing, &["test", "tests"]),
    (
        Category::Documentation,
        &["docs", "doc", "document", "documents"],
    ),
];

/// What kind of work it was, and why that is said.
#[must_use]
pub fn category(subject: &Subject) -> (Category, String) {
    if let Some(category) = subject.category {
        return (category, "a person set it".to_owned());
    }
    subject
        .pull_request
        .as_ref()
        .and_then(of_labels)
        .or_else(|| of_title(&subject.title))
        .unwrap_or_else(|| {
            (
                Category::Uncategorized,
                "neither a label nor the title tells".to_owned(),
            )
        })
}

fn of_labels(pull: &PullRequest) -> Option<(Category, String)> {
    LABELS.iter().find_map(|(category, words)| {
        pull.labels
            .iter()
            .find(|label| words.contains(&bare(label).as_str()))
            .map(|label| (*category, format!("label `{label}`")))
    })
}

/// A label without what groups labels: `kind/bug`, `type: bug`, `C-bug` are `bug`.
fn bare(label: &str) -> String {
    let lower = label.trim().to_lowercase();
    if lower == "ci/cd" {
        return lower;
    }
    let last = lower.rsplit(['/', ':']).next().unwrap_or_default().trim();
    last.strip_prefix("c-").unwrap_or(last).to_owned()
}

fn of_title(title: &str) -> Option<(Category, String)> {
    let lower = title.trim().to_lowercase();
    let first = lower
        .split([' ', ':', '!'])
        .next()
        .filter(|word| !word.is_empty())?;
    let kind = if first == "chore(deps)" {
        first
    } else {
        first.split('(').next().unwrap_or(first)
    };
    TITLES
        .iter()
        .find(|(_, words)| words.contains(&kind))
        .map(|(category, _)| (*category, format!("the title begins with `{kind}`")))
}
