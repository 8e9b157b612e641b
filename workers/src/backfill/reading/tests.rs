#![allow(clippy::unwrap_used)]

use super::*;
use crate::backfill::comparing::NOTHING;
use domain::achievement::{Filters, PublishSettings};

fn settings() -> SourceSettings {
    SourceSettings {
        host: "github.com".to_owned(),
        api_base_url: "https://api.github.com".to_owned(),
        owner: "acme".to_owned(),
        repository: None,
        filters: Filters::default(),
        since: None,
        backfill_every_seconds: 3600,
        resources: 10,
        embedding: None,
        publish: PublishSettings::default(),
        token: false,
    }
}

fn repository() -> Repository {
    serde_json::from_value(json!({"id": 7, "full_name": "acme/shop", "name": "shop",
        "default_branch": "main", "visibility": "public"}))
    .unwrap()
}

fn told() -> Value {
    json!({"number": 3, "title": "feat: x", "body": null, "html_url": "https://github.com/acme/shop/pull/3",
        "created_at": "2026-01-02T00:00:00Z", "merged_at": "2026-01-03T00:00:00Z", "updated_at": "2026-01-04T00:00:00Z",
        "user": {"login": "ada", "type": "User"}, "merged_by": {"login": "robot[bot]", "type": "Bot"},
        "base": {"ref": "main"}, "head": {"sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "labels": [{"name": "bug"}], "additions": 4})
}

#[test]
fn a_list_entry_is_a_merged_pull_request_without_its_counts() {
    let pull = pull_request(&settings(), &repository(), &told()).unwrap();
    assert_eq!((pull.additions, pull.deletions), (Some(4), None));
    assert_eq!(pull.people.len(), 1, "bots are left out");
    let mut other = told();
    other["base"]["ref"] = json!("release-1");
    let other = pull_request(&settings(), &repository(), &other);
    assert_eq!(other, None, "not the default branch");
}

/// Issue 5, bad input: times that run backwards make no gap; updated never stands before merged.
#[test]
fn times_that_run_backwards_are_read() {
    let mut backwards = told();
    backwards["created_at"] = json!("2026-02-01T00:00:00Z");
    backwards["updated_at"] = json!("2025-01-01T00:00:00Z");
    let pull = pull_request(&settings(), &repository(), &backwards).unwrap();
    assert_eq!(pull.updated_at, pull.merged_at);
}

/// FAULTS 40: any field may be missing, null or of another type.
#[test]
fn nonsense_is_no_pull_request_and_no_panic() {
    for field in [
        "number",
        "title",
        "html_url",
        "merged_at",
        "base",
        "user",
        "labels",
        "updated_at",
    ] {
        for value in [
            json!(null),
            json!(-1),
            json!([]),
            json!({"a": "\u{0}"}),
            json!("\u{202e}"),
        ] {
            let mut broken = told();
            broken[field] = value;
            let _ = pull_request(&settings(), &repository(), &broken);
        }
    }
    assert!(pull_request(&settings(), &repository(), &json!({})).is_none());
}

#[test]
fn parts_of_routes_cannot_leave_their_place() {
    assert_eq!(encode("v1.0/../x?y#z"), "v1.0%2F..%2Fx%3Fy%23z");
}

#[test]
fn a_push_whose_commits_are_gone_is_told_by_itself() {
    let after = "b".repeat(40);
    let actor = json!({"login": "ada", "type": "User"});
    let pushed = Pushed {
        reference: "refs/heads/main",
        before: NOTHING,
        after: &after,
        at: Timestamp::from_second(1_767_225_600).unwrap(),
        actor: &actor,
        commits: &[],
    };
    let event = push(&settings(), &repository(), &pushed).unwrap();
    assert_eq!((event.external_id, event.at), (after.clone(), pushed.at));
    assert_eq!(event.shas, Some(vec![after]));
}
