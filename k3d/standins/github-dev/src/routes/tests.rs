#![allow(clippy::unwrap_used)]

use super::*;
use crate::{Fault, FaultKind, Merge, Plan, Running};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request},
};
use tower::ServiceExt;

async fn world() -> Arc<World> {
    let world = Arc::new(World::default());
    world.add(&Plan {
        pulls: 120,
        ..Plan::default()
    });
    world
}

async fn get_with(
    world: &Arc<World>,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, Value) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router(world.clone())
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (parts.status, parts.headers, value)
}

async fn get(world: &Arc<World>, path: &str) -> Value {
    let (status, _, body) = get_with(world, path, &[]).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

#[tokio::test]
async fn pages_of_pull_requests_are_linked_and_hold_each_one_once() {
    let world = world().await;
    let (mut page, mut numbers) = (1, Vec::new());
    loop {
        let path = format!(
            "/repos/acme/shop/pulls?state=all&sort=updated&direction=desc&per_page=50&page={page}"
        );
        let (_, headers, body) = get_with(&world, &path, &[]).await;
        let items = body.as_array().unwrap();
        numbers.extend(items.iter().map(|it| it["number"].as_i64().unwrap()));
        let link = headers.get("link").unwrap().to_str().unwrap();
        if !link.contains("rel=\"next\"") {
            break;
        }
        page += 1;
    }
    numbers.sort_unstable();
    // Every twentieth has one beside it that was closed without a merge.
    assert_eq!(numbers, (1..=126).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_same_plan_gives_the_same_bytes_and_a_condition_is_answered_304_without_charge() {
    let (one, other) = (world().await, world().await);
    let path = "/repos/acme/shop/pulls/7";
    assert_eq!(get(&one, path).await, get(&other, path).await);
    let (_, headers, _) = get_with(&one, path, &[]).await;
    let etag = headers["etag"].to_str().unwrap().to_owned();
    let before = one.lock().quota.used;
    let (status, _, _) = get_with(&one, path, &[("if-none-match", &etag)]).await;
    assert_eq!(status, StatusCode::NOT_MODIFIED);
    assert_eq!(one.lock().quota.used, before);
    one.edit("acme/shop", |it| it.pulls[6].title.push('!'));
    let (status, _, _) = get_with(&one, path, &[("if-none-match", &etag)]).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn a_comparison_holds_the_commits_past_its_base() {
    let world = world().await;
    let releases = get(&world, "/repos/acme/shop/releases").await;
    let (newer, older) = (
        releases[0]["tag_name"].as_str().unwrap(),
        releases[1]["tag_name"].as_str().unwrap(),
    );
    let compared = get(
        &world,
        &format!("/repos/acme/shop/compare/{older}...{newer}"),
    )
    .await;
    // 25 merges and the pushes among them.
    assert!(compared["total_commits"].as_u64().unwrap() >= 25);
    assert_eq!(compared["status"], "ahead");
}

#[tokio::test]
async fn revoked_tokens_limits_faults_and_private_repositories_are_refused() {
    let world = world().await;
    world.lock().tokens.insert("good".to_owned());
    let known = [("authorization", "Bearer good")];
    let path = "/repos/acme/shop";
    assert_eq!(get_with(&world, path, &known).await.0, StatusCode::OK);
    world.lock().revoked.insert("good".to_owned());
    assert_eq!(
        get_with(&world, path, &known).await.0,
        StatusCode::UNAUTHORIZED
    );
    world.edit("acme/shop", |it| it.private = true);
    assert_eq!(get_with(&world, path, &[]).await.0, StatusCode::NOT_FOUND);
    world.edit("acme/shop", |it| it.private = false);

    let limit = Fault::new(FaultKind::SecondaryLimit, "/acme/")
        .times(1)
        .retry_after(9);
    world.lock().faults.list.push(limit);
    let (status, headers, _) = get_with(&world, path, &[]).await;
    assert_eq!(
        (status, &headers["retry-after"]),
        (StatusCode::FORBIDDEN, &HeaderValue::from(9))
    );
    assert_eq!(get_with(&world, path, &[]).await.0, StatusCode::OK);

    let used = world.lock().quota.limit;
    world.lock().quota.used = used;
    let (status, headers, _) = get_with(&world, path, &[]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(headers["x-ratelimit-remaining"], "0");
}

#[tokio::test]
async fn a_merge_shows_in_lists_and_history_and_a_renamed_repository_redirects() {
    let stand = Running::start().await.unwrap();
    stand.world.add(&Plan::default());
    let number = stand.world.merge("acme/shop", &Merge::default()).unwrap();
    let pull = get(&stand.world, &format!("/repos/acme/shop/pulls/{number}")).await;
    assert_eq!(pull["merged"], true);
    let commits = get(&stand.world, "/repos/acme/shop/commits").await;
    assert_eq!(commits[0]["sha"], pull["merge_commit_sha"]);
    stand.world.rename("acme/shop", "store").unwrap();
    let (status, headers, _) =
        get_with(&stand.world, "/repos/acme/shop/pulls", &[("host", "h:1")]).await;
    assert_eq!(status, StatusCode::MOVED_PERMANENTLY);
    let place = headers["location"].to_str().unwrap();
    let path = place.strip_prefix("http://h:1").unwrap();
    assert_eq!(get(&stand.world, path).await["name"], "store");
}
