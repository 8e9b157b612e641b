//! What kind of work it was: by label, then by the title, else unknown. No model is asked.

use super::{Category, PullRequest, Subject, findings::neutral};

/// Labels that say it, in the order in which they win: what concerns safety comes first. Compared in lower case, with `kind/`, `type:`
/// and the like before them left out.
const LABELS: [(Category, &[&str]); 12] = [
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
    (Category::Business, &["business", "revenue", "growth"]),
    (Category::Milestone, &["milestone", "release"]),
];

/// Groups of labels that say what is missing or where it stands, and not what it is.
const STATES: [&str; 8] = [
    "needs", "status", "no", "skip", "missing", "blocked", "waiting", "wontfix",
];
/// Types of the Conventional Commits convention (`fix(api)!: …`), and of the Angular convention that it names.
const TYPES: [(Category, &[&str]); 8] = [
    (Category::Security, &["security", "sec"]),
    (Category::Performance, &["perf"]),
    (Category::Bugfix, &["fix", "bugfix", "hotfix", "bug"]),
    (Category::Feature, &["feat", "feature"]),
    (Category::Optimization, &["refactor"]),
    (
        Category::Infrastructure,
        &["ci", "build", "deploy", "infra", "deps", "chore(deps)"],
    ),
    (Category::Testing, &["test", "tests"]),
    (Category::Documentation, &["docs", "doc"]),
];
/// Words that begin a title in the imperative.
const VERBS: [(Category, &[&str]); 6] = [
    (Category::Security, &["harden", "hardens"]),
    (
        Category::Bugfix,
        &["fix", "fixes", "fixed", "resolve", "resolves"],
    ),
    (
        Category::Feature,
        &[
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
        &[
            "refactor",
            "refactors",
            "optimize",
            "optimizes",
            "optimise",
            "optimises",
            "simplify",
            "simplifies",
        ],
    ),
    (
        Category::Infrastructure,
        &["deploy", "deploys", "bump", "bumps"],
    ),
    (Category::Documentation, &["document", "documents"]),
];
/// What is added may be no feature: `Add tests for the parser`. Looked for in the first words after the verb.
const OBJECTS: [(Category, &[&str]); 3] = [
    (
        Category::Testing,
        &["test", "tests", "benchmark", "benchmarks"],
    ),
    (
        Category::Documentation,
        &["docs", "documentation", "readme", "changelog"],
    ),
    (
        Category::Infrastructure,
        &["ci", "workflow", "pipeline", "dockerfile"],
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
            .map(|label| (*category, format!("label `{}`", neutral(label, 100))))
    })
}

/// A label without what groups labels: `kind/bug`, `type: bug`, `C-bug` are `bug`; nothing where the group tells of a state.
fn bare(label: &str) -> String {
    let lower = label.trim().to_lowercase();
    if lower == "ci/cd" {
        return lower;
    }
    let group = lower.split(['/', ':', '-', ' ']).next().unwrap_or_default();
    if STATES.contains(&group) {
        return String::new();
    }
    let last = lower.rsplit(['/', ':']).next().unwrap_or_default().trim();
    last.strip_prefix("c-").unwrap_or(last).to_owned()
}

fn of_title(title: &str) -> Option<(Category, String)> {
    let lower = title.trim().to_lowercase();
    of_type(&lower).or_else(|| of_verb(&lower))
}

/// `fix: …`, `fix(api)!: …`, `[docs] …`
fn of_type(title: &str) -> Option<(Category, String)> {
    let prefix = match title.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => title.split_once(':')?.0.trim_end_matches('!'),
    };
    let kind = if prefix == "chore(deps)" {
        prefix
    } else {
        prefix.split('(').next().unwrap_or(prefix).trim()
    };
    let category = of_word(&TYPES, kind)?;
    Some((category, format!("the title begins with `{kind}`")))
}

/// `Fix the rounding`, `Add a page`, `Add tests for …`
fn of_verb(title: &str) -> Option<(Category, String)> {
    /// Words after the verb among which its object is looked for.
    const NEAR: usize = 3;
    let mut words = title
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let verb = words.next()?;
    let category = of_word(&VERBS, verb)?;
    let object = words
        .take(NEAR)
        .filter(|_| category == Category::Feature)
        .find_map(|word| Some((of_word(&OBJECTS, word)?, word)));
    Some(match object {
        Some((object, word)) => (object, format!("the title begins with `{verb} … {word}`")),
        None => (category, format!("the title begins with `{verb}`")),
    })
}

fn of_word(table: &[(Category, &[&str])], word: &str) -> Option<Category> {
    table
        .iter()
        .find(|(_, words)| words.contains(&word))
        .map(|(category, _)| *category)
}

#[cfg(test)]
mod tests;
