#![allow(clippy::unwrap_used)]

use super::*;
use crate::achievement::{Filters, PublishSettings, Visibility};

fn settings(filters: Filters) -> SourceSettings {
    SourceSettings {
        host: "github.com".to_owned(),
        api_base_url: "https://api.github.com".to_owned(),
        owner: "acme".to_owned(),
        repository: None,
        filters,
        since: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        backfill_every_seconds: 3_600,
        resources: 10,
        embedding: None,
        publish: PublishSettings::default(),
        token: false,
    }
}

fn pull() -> PullRequest {
    let person = |login: &str, role| Person {
        login: login.to_owned(),
        role,
    };
    PullRequest {
        host: "github.com".to_owned(),
        repository_id: 7,
        repository: "Acme/Shop".to_owned(),
        number: 3,
        title: "Faster".to_owned(),
        body: None,
        url: "https://github.com/acme/shop/pull/3".to_owned(),
        visibility: Visibility::Public,
        base_ref: "main".to_owned(),
        default_branch: true,
        labels: vec!["Bug".to_owned()],
        people: vec![person("Ada", Role::Author), person("eve", Role::Merger)],
        created_at: None,
        merged_at: "2026-01-03T00:00:00Z".parse().unwrap(),
        updated_at: "2026-01-03T00:00:00Z".parse().unwrap(),
        merge_commit_sha: None,
        head_sha: None,
        commits: None,
        comments: None,
        review_comments: None,
        additions: None,
        deletions: None,
        changed_files: None,
        files: None,
        reverts: None,
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn a_pull_request_passes_filters_that_name_it() {
    for filters in [
        Filters::default(),
        Filters {
            repositories: words(&["other", "sh*p"]),
            branches: words(&["m*"]),
            include_labels: words(&["bug"]),
            exclude_labels: words(&["wip"]),
            people: words(&["ada"]),
            include_bots: false,
        },
    ] {
        assert_eq!(settings(filters).refuses_pull_request(&pull()), None);
    }
}

#[test]
fn each_filter_refuses_with_its_reason() {
    let cases = [
        (
            Filters {
                repositories: words(&["api"]),
                ..Filters::default()
            },
            "another repository",
        ),
        (
            Filters {
                branches: words(&["release-*"]),
                ..Filters::default()
            },
            "another base branch",
        ),
        (
            Filters {
                include_labels: words(&["feature"]),
                ..Filters::default()
            },
            "none of the labels",
        ),
        (
            Filters {
                exclude_labels: words(&["BUG"]),
                ..Filters::default()
            },
            "an excluded label",
        ),
        (
            Filters {
                people: words(&["eve"]),
                ..Filters::default()
            },
            "another author",
        ),
    ];
    for (filters, reason) in cases {
        assert_eq!(
            settings(filters).refuses_pull_request(&pull()),
            Some(reason)
        );
    }
    let default = settings(Filters::default());
    let mut robots = pull();
    robots.people.remove(0);
    assert_eq!(
        default.refuses_pull_request(&robots),
        Some("the author is a bot, or unknown")
    );
    let mut early = pull();
    early.merged_at = "2025-12-31T23:59:59Z".parse().unwrap();
    assert_eq!(
        default.refuses_pull_request(&early),
        Some("merged before spec.since")
    );
    let mut elsewhere = pull();
    elsewhere.repository = "evil/shop".to_owned();
    assert_eq!(
        default.refuses_pull_request(&elsewhere),
        Some("another repository")
    );
    let one = SourceSettings {
        repository: Some("api".to_owned()),
        ..default
    };
    assert_eq!(
        one.refuses_pull_request(&pull()),
        Some("another repository")
    );
}

#[test]
fn stars_stand_for_any_characters() {
    for (pattern, text) in [
        ("*", ""),
        ("a*", "abc"),
        ("*c", "abc"),
        ("a*b*c", "aXbYc"),
        ("abc", "abc"),
    ] {
        assert!(matches(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [
        ("a", "ab"),
        ("a*c", "ab"),
        ("*b*", "ac"),
        ("", "a"),
        ("ab*ba", "aba"),
    ] {
        assert!(!matches(pattern, text), "{pattern} {text}");
    }
}
