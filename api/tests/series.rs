//! The engagement series: what the routes took, and nothing else, reaches InfluxDB.
#![allow(clippy::unwrap_used)]

mod support;

use backends::influx::{Fate, Influx, InfluxSettings};
use serde_json::json;
use std::sync::Arc;
use support::{ALL, World, ago, event, ndjson, posts};
use uuid::Uuid;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

/// Issue 6, 7.
#[tokio::test]
async fn what_was_taken_is_written_and_what_was_refused_is_not() {
    let Some(world) = World::create().await else {
        return;
    };
    let receiver = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&receiver)
        .await;
    let settings = InfluxSettings {
        url: receiver.uri().parse().unwrap(),
        authorization: None,
    };
    let (told, mut fates) = tokio::sync::mpsc::unbounded_channel();
    let counted = Arc::new(move |fate, count| told.send((fate, count)).unwrap());
    let (influx, _) = Influx::start(&settings, counted).unwrap();
    let world = world.with_influx(influx).await;
    let key = world.key("team", &ALL).await;
    let ids = posts(&world, "team", "job", 1).await;
    let lines = [
        event("taken", ids[0], ago(10)),
        event("unknown", Uuid::new_v4(), ago(10)),
        json!({"eventId": "invalid", "postId": ids[0], "metric": "likes", "value": -1, "at": ago(10)}),
    ];
    let published = json!({"url": "https://example.com/1", "externalId": "1", "at": ago(1_000)});
    world
        .post(
            &format!("/content/posts/{}/published", ids[0]),
            &key,
            published,
        )
        .await;
    let answer = world.outcomes(&key, ndjson(&lines)).await;
    assert_eq!(answer.body["applied"], 1, "{}", answer.body);

    assert_eq!(fates.recv().await, Some((Fate::Written, 1)));
    let requests = receiver.received_requests().await.unwrap();
    let text = String::from_utf8(requests[0].body.clone()).unwrap();
    let point = format!(
        "engagement,kind=event,metric=likes,namespace=team,post={} value=1 ",
        ids[0]
    );
    assert!(text.starts_with(&point), "{text}");
}
