#![allow(clippy::unwrap_used)]

use super::*;
use crate::achievement::{EvidenceKind, Person, Role, Visibility};
use serde_json::json;

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
const HEAD: &str = "89abcdef0123456789abcdef0123456789abcdef";

fn reading() -> Reading<'static> {
    Reading {
        host: "GitHub.com",
        include_bots: false,
    }
}

fn repository() -> Value {
    json!({"id": 7, "full_name": "acme/shop", "default_branch": "main", "private": false, "visibility": "public",
        "pushed_at": 1_767_312_000})
}

fn merged() -> Value {
    json!({"action": "closed", "number": 3, "repository": repository(), "pull_request": {
        "number": 3, "title": " feat: faster\nrest", "body": "Saves 2 hours a week", "merged": true,
        "html_url": "https://github.com/acme/shop/pull/3", "created_at": "2026-01-02T00:00:00Z",
        "merged_at": "2026-01-03T00:00:00Z", "updated_at": "2026-01-03T00:00:05Z", "merge_commit_sha": SHA,
        "user": {"login": "ada", "type": "User"}, "merged_by": {"login": "robot[bot]", "type": "Bot"},
        "assignees": [{"login": "bob"}, {"login": "bob"}, null], "labels": [{"name": "perf"}, {"name": "bug"}],
        "base": {"ref": "main"}, "head": {"ref": "faster", "sha": HEAD}, "commits": 2, "additions": 10, "deletions": -4}})
}

fn pushed() -> Value {
    json!({"ref": "refs/heads/main", "before": HEAD, "after": SHA, "deleted": false, "repository": repository(),
        "sender": {"login": "ada", "type": "User"}, "commits": [{"id": HEAD}, {"id": SHA}, {"id": "x"}],
        "head_commit": {"id": SHA, "message": "Faster (#3)\n\nmore", "timestamp": "2026-01-01T00:00:00+01:00",
            "url": "https://github.com/acme/shop/commit/x"}})
}

fn released() -> Value {
    json!({"action": "published", "repository": repository(), "release": {"id": 9, "tag_name": "v1", "name": null,
        "draft": false, "published_at": "2026-01-04T00:00:00Z", "html_url": "javascript:alert(1)",
        "author": {"login": "ada"}}})
}

fn deployed() -> Value {
    json!({"action": "created", "repository": repository(),
        "deployment": {"id": 11, "sha": SHA, "environment": "production", "creator": {"login": "ada"}},
        "deployment_status": {"state": "success", "created_at": "2026-01-05T00:00:00Z", "target_url": "https://ci.test/1"}})
}

fn read(event: &str, body: &Value) -> Result<Delivery, ReadError> {
    read_delivery(&reading(), event, body.to_string().as_bytes())
}

fn pull(body: &Value) -> PullRequest {
    match read("pull_request", body).unwrap() {
        Delivery::PullRequest(pull) => *pull,
        other => panic!("{other:?}"),
    }
}

fn evidence(event: &str, body: &Value) -> Evidence {
    match read(event, body).unwrap() {
        Delivery::Evidence { evidence, .. } => *evidence,
        other => panic!("{other:?}"),
    }
}

fn person(login: &str, role: Role) -> Person {
    Person {
        login: login.to_owned(),
        role,
    }
}

#[test]
fn a_merged_pull_request_is_read_without_bots() {
    let pull = pull(&merged());
    assert_eq!(pull.host, "github.com");
    assert_eq!(pull.title, "feat: faster");
    assert_eq!(
        pull.people,
        [person("ada", Role::Author), person("bob", Role::Assignee)]
    );
    assert_eq!(pull.labels, ["bug", "perf"]);
    assert!(pull.default_branch);
    assert_eq!(pull.visibility, Visibility::Public);
    assert_eq!(
        (pull.commits, pull.deletions, pull.comments),
        (Some(2), None, None)
    );
    assert_eq!(pull.head_sha.as_deref(), Some(HEAD));
}

#[test]
fn bots_are_people_where_they_are_asked_for() {
    let asked = Reading {
        include_bots: true,
        ..reading()
    };
    let Ok(Delivery::PullRequest(pull)) = read_event(&asked, "pull_request", &merged()) else {
        panic!("no pull request");
    };
    assert!(pull.people.contains(&person("robot[bot]", Role::Merger)));
}

#[test]
fn an_entry_of_the_rest_api_gives_the_same_without_counts() {
    let body = merged();
    let mut entry = body["pull_request"].clone();
    entry.as_object_mut().unwrap().remove("merged");
    let from_list = read_pull_request(&reading(), &body["repository"], &entry).unwrap();
    assert_eq!(from_list, Some(pull(&body)));
    entry["merged_at"] = Value::Null;
    assert_eq!(
        read_pull_request(&reading(), &body["repository"], &entry),
        Ok(None)
    );
}

#[test]
fn a_push_holds_its_commits_and_the_time_at_which_it_came() {
    let push = evidence("push", &pushed());
    assert_eq!(push.kind, EvidenceKind::Push);
    assert_eq!(
        (push.external_id.as_str(), push.stream.as_str()),
        (SHA, "main")
    );
    assert_eq!(push.title, "Faster (#3)");
    assert_eq!(push.shas.unwrap(), [SHA, HEAD]);
    assert_eq!(push.at.to_string(), "2026-01-02T00:00:00Z");
    let mut huge = pushed();
    huge["commits"] = json!(vec![json!({"id": HEAD}); 2_048]);
    assert_eq!(
        evidence("push", &huge).shas,
        None,
        "not all of them are told"
    );
    let mut other = pushed();
    other["ref"] = json!("refs/heads/side");
    assert!(matches!(
        read("push", &other),
        Ok(Delivery::Evidence {
            on_default_branch: false,
            ..
        })
    ));
}

#[test]
fn a_release_and_a_deployment_are_evidence() {
    let release = evidence("release", &released());
    assert_eq!(
        (release.title.as_str(), release.external_id.as_str()),
        ("v1", "9")
    );
    assert_eq!(release.url, None, "a script is no address");
    assert_eq!(release.people, [person("ada", Role::Releaser)]);
    let deployment = evidence("deployment_status", &deployed());
    assert_eq!(deployment.sha.as_deref(), Some(SHA));
    assert_eq!(deployment.title, "Deployment to production");
    assert_eq!(deployment.url.as_deref(), Some("https://ci.test/1"));
}

#[test]
fn what_tells_nothing_is_ignored() {
    let change = |mut body: Value, at: &str, to: Value| {
        *body.pointer_mut(at).unwrap() = to;
        body
    };
    for (event, body) in [
        ("ping", json!({"zen": "x"})),
        ("issues", json!({})),
        (
            "pull_request",
            change(merged(), "/pull_request/merged", json!(false)),
        ),
        (
            "pull_request",
            change(merged(), "/pull_request/merged_at", json!(null)),
        ),
        ("push", change(pushed(), "/ref", json!("refs/tags/v1"))),
        ("push", change(pushed(), "/deleted", json!(true))),
        ("release", change(released(), "/action", json!("created"))),
        ("release", change(released(), "/release/draft", json!(true))),
        (
            "deployment_status",
            change(deployed(), "/deployment_status/state", json!("failure")),
        ),
    ] {
        assert!(
            matches!(read(event, &body), Ok(Delivery::Ignored(_))),
            "{event}"
        );
    }
}

/// FAULTS 53, and issue 5's row of bad input: what cannot be read is refused before it is parsed.
#[test]
fn oversized_deep_wide_and_foreign_bytes_are_refused() {
    let read = |body: &[u8]| read_delivery(&reading(), "push", body).unwrap_err();
    assert_eq!(read(&vec![b' '; MAX_BYTES + 1]), ReadError::TooLong);
    assert_eq!(read(b"{\"a\": \"\xff\xfe\"}"), ReadError::NotUtf8);
    assert_eq!(read("[".repeat(1_000_000).as_bytes()), ReadError::TooDeep);
    let deep = format!("{}{}", "{\"a\":".repeat(40), "}".repeat(40));
    assert_eq!(read(deep.as_bytes()), ReadError::TooDeep);
    let wide = format!("[{}0]", "0,".repeat(MAX_VALUES));
    assert_eq!(read(wide.as_bytes()), ReadError::TooMany);
    for none in ["", "{", "nul", "{\"a\": \"\\ud800\"}", "{} {}"] {
        assert!(
            matches!(read(none.as_bytes()), ReadError::NotJson { .. }),
            "{none}"
        );
    }
    for other in ["null", "[]", "1", "\"text\""] {
        assert_eq!(read(other.as_bytes()), ReadError::NotAnObject, "{other}");
    }
    // Brackets within a text are text.
    let text = json!({"ref": "[".repeat(100), "x": "\\\"[["}).to_string();
    assert!(matches!(
        read_delivery(&reading(), "push", text.as_bytes()),
        Ok(Delivery::Ignored(_))
    ));
}

#[test]
fn a_missing_field_is_named() {
    let cases = [
        ("pull_request", merged(), "/pull_request", "pull_request"),
        ("pull_request", merged(), "/repository", "repository"),
        ("pull_request", merged(), "/repository/id", "repository.id"),
        (
            "pull_request",
            merged(),
            "/repository/full_name",
            "repository.full_name",
        ),
        (
            "pull_request",
            merged(),
            "/pull_request/number",
            "pull_request.number",
        ),
        (
            "pull_request",
            merged(),
            "/pull_request/title",
            "pull_request.title",
        ),
        (
            "pull_request",
            merged(),
            "/pull_request/html_url",
            "pull_request.html_url",
        ),
        (
            "pull_request",
            merged(),
            "/pull_request/base",
            "pull_request.base",
        ),
        (
            "pull_request",
            merged(),
            "/pull_request/base/ref",
            "pull_request.base.ref",
        ),
        ("push", pushed(), "/ref", "ref"),
        ("push", pushed(), "/after", "after"),
        (
            "release",
            released(),
            "/release/published_at",
            "release.published_at",
        ),
        (
            "deployment_status",
            deployed(),
            "/deployment/id",
            "deployment.id",
        ),
        (
            "deployment_status",
            deployed(),
            "/deployment_status/state",
            "deployment_status.state",
        ),
    ];
    for (event, mut body, at, name) in cases {
        *body.pointer_mut(at).unwrap() = Value::Null;
        assert_eq!(
            read(event, &body),
            Err(ReadError::Missing(name.to_owned())),
            "{at}"
        );
    }
}

/// FAULTS 40: any field may have another type; nothing panics, and errors do not repeat values.
#[test]
fn fields_of_other_types_are_errors_or_absent() {
    let strange = [
        json!(-1),
        json!([]),
        json!({"a": "\u{0}"}),
        json!("canary \u{202e}"),
        json!(true),
        json!(1e300),
    ];
    for (event, body) in [
        ("pull_request", merged()),
        ("push", pushed()),
        ("release", released()),
        ("deployment_status", deployed()),
    ] {
        for at in pointers(&body, "") {
            for value in &strange {
                let mut broken = body.clone();
                *broken.pointer_mut(&at).unwrap() = value.clone();
                if let Err(error) = read(event, &broken) {
                    assert!(!error.to_string().contains("canary"), "{error}");
                }
            }
        }
    }
}

fn pointers(value: &Value, at: &str) -> Vec<String> {
    let mut all = Vec::new();
    if let Value::Object(fields) = value {
        for (name, field) in fields {
            let path = format!("{at}/{name}");
            all.extend(pointers(field, &path));
            all.push(path);
        }
    }
    all
}

/// Issue 5, bad input: times that run backwards are kept as told, for the record to drop with a reason; the telling's own time is
/// never before the merge.
#[test]
fn times_may_run_backwards() {
    let mut body = merged();
    body["pull_request"]["created_at"] = json!("2026-02-01T00:00:00Z");
    body["pull_request"]["updated_at"] = json!("2025-01-01T00:00:00Z");
    let pull = pull(&body);
    assert!(pull.created_at.unwrap() > pull.merged_at);
    assert_eq!(pull.updated_at, pull.merged_at);
}

#[test]
fn what_is_not_known_to_be_public_is_private() {
    for (repository, expected) in [
        (
            json!({"visibility": "internal", "private": true}),
            Visibility::Internal,
        ),
        (
            json!({"visibility": "private", "private": true}),
            Visibility::Private,
        ),
        (
            json!({"visibility": "public", "private": true}),
            Visibility::Private,
        ),
        (
            json!({"visibility": "secret", "private": false}),
            Visibility::Private,
        ),
        (
            json!({"visibility": null, "private": false}),
            Visibility::Public,
        ),
        (
            json!({"visibility": null, "private": null}),
            Visibility::Private,
        ),
    ] {
        let mut body = merged();
        body["repository"]["visibility"] = repository["visibility"].clone();
        body["repository"]["private"] = repository["private"].clone();
        assert_eq!(pull(&body).visibility, expected, "{repository}");
    }
}

#[test]
fn a_revert_names_what_it_takes_back() {
    let mut body = merged();
    body["pull_request"]["body"] = json!("Reverts acme/shop#2");
    assert_eq!(pull(&body).reverts, Some(2));
    body["pull_request"]["body"] = Value::Null;
    body["pull_request"]["title"] = json!("Revert \"x\"");
    body["pull_request"]["head"]["ref"] = json!("revert-1-x");
    assert_eq!(pull(&body).reverts, Some(1));
}
