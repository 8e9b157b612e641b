#![allow(clippy::unwrap_used)]

mod evidenced;
mod monotone;
mod ranked;
mod texts;

use super::*;
use serde_json::json;

/// A merged pull request that nothing more is known of.
pub fn subject() -> Subject {
    let pull: PullRequest = serde_json::from_value(json!({
        "host": "github.com", "repositoryId": 1, "repository": "acme/shop", "number": 40, "title": "Checkout", "body": null,
        "url": "https://github.com/acme/shop/pull/40", "visibility": "public", "baseRef": "main", "defaultBranch": true,
        "labels": [], "people": [{ "login": "ada", "role": "author" }], "createdAt": "2026-01-01T00:00:00Z",
        "mergedAt": "2026-01-02T12:00:00Z", "updatedAt": "2026-01-02T12:00:00Z", "mergeCommitSha": null, "headSha": null,
        "commits": null, "comments": null, "reviewComments": null, "additions": null, "deletions": null, "changedFiles": null,
        "files": null, "reverts": null,
    }))
    .unwrap();
    Subject {
        id: uuid::Uuid::from_u128(1),
        title: pull.title.clone(),
        description: None,
        category: None,
        people: pull.people.clone(),
        started_at: pull.created_at,
        completed_at: Some(pull.merged_at),
        visibility: pull.visibility,
        business_value: None,
        pull_request: Some(pull),
        evidence: vec![],
    }
}

pub fn evidence(kind: &str, stream: &str) -> Evidence {
    serde_json::from_value(json!({
        "kind": kind, "host": "github.com", "repositoryId": 1, "repository": "acme/shop", "externalId": format!("{kind}-{stream}"),
        "title": stream, "url": null, "stream": stream, "sha": null, "shas": null, "at": "2026-01-03T00:00:00Z", "people": [],
    }))
    .unwrap()
}

#[test]
fn an_empty_description_invents_nothing() {
    let analysis = analyse(&subject());
    assert_eq!(analysis.business_value, BusinessValue::default());
    assert_eq!(analysis.impact.points, 15, "merged, and nothing else");
    assert_eq!(analysis.impact.evidenced, 15);
    let caps: i32 = analysis
        .impact
        .components
        .iter()
        .map(|component| component.cap)
        .sum();
    assert_eq!(caps, 100);
    assert!(analysis.findings.is_empty());
    assert_eq!(analysis.elapsed_hours, Some(36.0));
}

#[test]
fn the_caps_of_complexity_are_a_hundred() {
    let caps: i32 = analyse(&subject())
        .complexity
        .components
        .iter()
        .map(|component| component.cap)
        .sum();
    assert_eq!(caps, 100);
}

/// FAULTS 59: times that run backwards give no negative duration.
#[test]
fn a_completion_before_the_start_has_no_elapsed_time() {
    let mut backwards = subject();
    backwards.completed_at = Some("2025-12-31T00:00:00Z".parse().unwrap());
    let analysis = analyse(&backwards);
    assert_eq!(analysis.elapsed_hours, None);
    assert!(
        analysis
            .notes
            .iter()
            .any(|note| note.contains("before the start"))
    );
}

#[test]
fn labels_win_over_the_title_and_a_person_over_both() {
    let mut pull = subject();
    pull.title = "fix: rounding".into();
    assert_eq!(analyse(&pull).category, Category::Bugfix);
    pull.pull_request.as_mut().unwrap().labels = vec!["kind/feature".into()];
    assert_eq!(analyse(&pull).category, Category::Feature);
    pull.category = Some(Category::Business);
    assert_eq!(analyse(&pull).category, Category::Business);
    let mut unknown = subject();
    unknown.title = "Checkout".into();
    assert_eq!(analyse(&unknown).category, Category::Uncategorized);
}

#[test]
fn what_nobody_wrote_is_no_complexity() {
    let mut lockfile = subject();
    let files = [
        "Cargo.lock",
        "vendor/a/b.go",
        "api/v1/shop.pb.go",
        "web/node_modules/x/index.js",
    ];
    lockfile.pull_request.as_mut().unwrap().files = Some(
        files
            .iter()
            .map(|path| FileChange {
                path: (*path).into(),
                additions: 9_000,
                deletions: 1,
                status: "modified".into(),
            })
            .chain([FileChange {
                path: "src/moved.rs".into(),
                additions: 0,
                deletions: 0,
                status: "renamed".into(),
            }])
            .collect(),
    );
    let analysis = analyse(&lockfile);
    assert_eq!(analysis.complexity.points, 0);
    assert!(
        analysis
            .notes
            .iter()
            .any(|note| note.contains("lock files"))
    );
}
