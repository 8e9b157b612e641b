#![allow(clippy::unwrap_used)]

use crate::achievement::tests::{evidence, subject};
use crate::achievement::{Component, Person, Role, Subject, analyse};
use rstest::rstest;

fn part(subject: &Subject, name: &str) -> Component {
    analyse(subject)
        .impact
        .components
        .into_iter()
        .find(|it| it.name == name)
        .unwrap()
}

fn with_body(body: &str) -> Subject {
    let mut record = subject();
    record.pull_request.as_mut().unwrap().body = Some(body.into());
    record
}

#[rstest]
#[case("production", 15)]
#[case("prod-eu", 15)]
#[case("Production – shop", 15)]
#[case("pre-prod", 6)]
#[case("non-production", 6)]
#[case("Preview – main", 6)]
#[case("staging", 6)]
fn an_environment_serves_users_or_does_not(#[case] name: &str, #[case] points: i32) {
    let mut record = subject();
    record.evidence.push(evidence("deployment", name));
    assert_eq!(part(&record, "deployed").points, points);
}

#[test]
fn a_release_told_twice_is_one() {
    let mut record = subject();
    record.evidence = vec![evidence("release", "v1"), evidence("release", "v1")];
    assert_eq!(part(&record, "released").points, 12);
    record.evidence.push(evidence("release", "v2"));
    assert_eq!(part(&record, "released").points, 15);
}

#[test]
fn nobody_reviews_their_own_work() {
    let reviewer = |login: &str| Person {
        login: login.into(),
        role: Role::Reviewer,
    };
    let mut record = subject();
    record.people.push(reviewer("Ada"));
    assert!(part(&record, "reviewed").absent.is_some());
    record.people.extend([reviewer("bob"), reviewer("Bob")]);
    assert_eq!(part(&record, "reviewed").points, 4);
}

#[rstest]
#[case("Closes #3", &["closes #3"])]
#[case("**Fixes** (#3), resolves #3.", &["closes #3"])]
#[case("fixes acme/shop#3 and fixes other/shop#3", &["closes #3", "closes other/shop#3"])]
#[case("Resolves https://github.com/acme/shop/issues/7", &["closes #7"])]
#[case("Fixes #40", &[])]
#[case("Fixes #0", &[])]
#[case("Fixes #latest", &[])]
#[case("<!-- Closes #123 -->", &[])]
#[case("```\nCloses #123\n```", &[])]
#[case("Fixes <script>/x#3", &[])]
fn issues_are_counted_as_the_host_closes_them(#[case] body: &str, #[case] closed: &[&str]) {
    assert_eq!(part(&with_body(body), "issues").evidence, closed);
}

#[rstest]
#[case("priority/high", 7)]
#[case("priority-high", 7)]
#[case("High", 7)]
#[case("severity: critical", 10)]
#[case("sev-1", 10)]
#[case("P0", 10)]
#[case("p2 customer", 5)]
#[case("effort: high", 0)]
#[case("size/medium", 0)]
#[case("non-critical", 0)]
#[case("not urgent", 0)]
#[case("good first issue", 0)]
fn labels_say_how_urgent_it_was(#[case] label: &str, #[case] points: i32) {
    let mut record = subject();
    record.pull_request.as_mut().unwrap().labels = vec![label.into()];
    assert_eq!(part(&record, "priority").points, points, "{label}");
}

/// FAULTS 60: names that others give stand in sentences; what they hide does not.
#[test]
fn sentences_hold_neither_secrets_nor_hidden_letters() {
    let token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let mut record = subject();
    record.evidence.push(evidence("release", token));
    record
        .evidence
        .push(evidence("deployment", "prod\u{202E}x"));
    record.pull_request.as_mut().unwrap().labels = vec![format!("p0 {token}")];
    let told = serde_json::to_string(&analyse(&record)).unwrap();
    assert!(
        !told.contains(token) && !told.contains('\u{202E}'),
        "{told}"
    );
}

/// A status has to hold them.
#[test]
fn sentences_are_bounded() {
    let mut record = subject();
    record.evidence = (0..500)
        .map(|tag| evidence("release", &format!("v{tag}")))
        .collect();
    let released = part(&record, "released");
    assert_eq!(released.evidence.len(), 21);
    assert_eq!(released.evidence[20], "and 480 more");
}

/// The same value a month is worth more than once.
#[test]
fn incidents_count_by_their_period() {
    let points = |text: &str| part(&with_body(text), "claimed value").points;
    assert!(points("Prevents 6 incidents a month") > points("Prevents 6 incidents"));
}
