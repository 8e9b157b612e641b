//! Achievements by the API: what people say, lists and figures. The bad inputs, and FAULTS 54, 55 (callers' text and other
//! namespaces).
#![allow(clippy::unwrap_used)]

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use support::{ALL, Answer, World};
use uuid::Uuid;

async fn create(world: &World, key: &str, body: Value) -> Value {
    let answer = world.post("/achievements/", key, body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

async fn delete(world: &World, path: &str, key: &str) -> u16 {
    let request = world.request(Method::DELETE, path, key);
    request.send().await.unwrap().status().as_u16()
}

/// What a worker would write.
async fn analysed(world: &World, id: &Value, impact: i32) {
    let mut sql = world.sql().await;
    sqlx::query("UPDATE achievements SET impact_score = $2, analyzed_at = now(), portfolio_ready = true WHERE id = $1")
        .bind(id.as_str().unwrap().parse::<Uuid>().unwrap())
        .bind(impact)
        .execute(&mut sql)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_declared_achievement_is_read_changed_and_deleted_for_good() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let wanted = json!({"key": Uuid::from_u128(7), "title": "Talk at a conference", "category": "milestone",
        "completed_at": "2026-03-01T00:00:00Z", "business_value": "saves 3 hours a week", "people": [{"login": "ada", "role": "author"}]});
    let made = create(&world, &key, wanted.clone()).await;
    let again = create(&world, &key, wanted).await;
    assert_eq!(
        made["id"], again["id"],
        "the same key makes no second record"
    );
    assert_eq!(
        made["impact_score"],
        Value::Null,
        "unknown until it is analysed"
    );
    let path = format!("/achievements/{}", made["id"].as_str().unwrap());
    let changed = world
        .put(&path, &key, json!({"title": "A talk", "category": null}))
        .await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.body["title"], "A talk");
    assert_eq!(changed.body["category"], "uncategorized");
    assert_eq!(
        changed.body["people"][0]["login"], "ada",
        "what was not named stays"
    );
    assert_eq!(delete(&world, &path, &key).await, 204);
    assert_eq!(world.get(&path, &key).await.status, 404);
    assert_eq!(delete(&world, &path, &key).await, 404);
    assert_eq!(world.get("/achievements/", &key).await.body["total"], 0);
}

#[tokio::test]
async fn a_list_is_narrowed_sorted_and_counted_exactly() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    for number in 0..25 {
        let category = if number % 2 == 0 { "feature" } else { "bugfix" };
        let person = if number < 5 { "Ada" } else { "grace" };
        let made = create(
            &world,
            &key,
            json!({"title": format!("Step {number} of 100%"), "category": category,
                "completed_at": format!("2026-03-{:02}T00:00:00Z", number + 1), "people": [{"login": person, "role": "author"}]}),
        )
        .await;
        analysed(&world, &made["id"], number * 4).await;
    }
    let list = async |query: &str| {
        let answer = world.get(&format!("/achievements/?{query}"), &key).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.body
    };
    let total = async |query: &str| list(query).await["total"].as_i64().unwrap();
    assert_eq!(total("").await, 25);
    assert_eq!(total("category=feature&min_impact_score=60").await, 5);
    assert_eq!(total("person=ADA").await, 5);
    assert_eq!(total("source=no-such-source").await, 0);
    assert_eq!(total("portfolio_ready=false").await, 0);
    assert_eq!(total("from=2026-03-25T00:00:00Z").await, 1);
    // FAULTS 54: taken literally.
    assert_eq!(total("search=100%25").await, 25);
    assert_eq!(total("search=1__").await, 0);
    assert_eq!(total("person=ada'%20OR%20'1'='1").await, 0);
    let page = list("per_page=10&page=3&sort_by=impact_score").await;
    assert_eq!(
        (
            page["pages"].clone(),
            page["items"].as_array().unwrap().len()
        ),
        (json!(3), 5)
    );
    assert_eq!(page["items"][4]["impact_score"], 0);
    assert_eq!(
        list("sort_by=completed_at&order=asc").await["items"][0]["title"],
        "Step 0 of 100%"
    );
    assert_eq!(
        world.get("/portfolio/ready", &key).await.body["items"][0]["impact_score"],
        96
    );

    // The totals are of when they were counted last.
    let before = world.get("/portfolio/stats", &key).await.body;
    assert_eq!(before["total"], 0);
    let mut sql = world.sql().await;
    let mut total = before["total"].clone();
    while total != 25 {
        sqlx::query("SELECT count_achievement_totals()")
            .execute(&mut sql)
            .await
            .unwrap();
        total = world.get("/portfolio/stats", &key).await.body["total"].clone();
    }
    let figures = world.get("/portfolio/stats", &key).await.body;
    assert!(figures["as_of"].as_str() > before["as_of"].as_str());
    let mut counted_now = world.get("/analytics/impact", &key).await.body;
    counted_now["as_of"] = figures["as_of"].clone();
    assert_eq!(counted_now, figures);
    assert_eq!(figures["categories"][0]["category"], "bugfix");
    assert_eq!(figures["categories"][0]["count"], 12);
    assert_eq!(
        figures["impact"][4],
        json!({"from": 80, "to": 100, "count": 5})
    );
    let timeline = world.get("/analytics/timeline", &key).await.body;
    assert_eq!(timeline["items"][0]["count"], 25);
    assert_eq!(
        world
            .get("/analytics/impact?category=feature", &key)
            .await
            .body["total"],
        13
    );
}

/// FAULTS 55: a key of another namespace sees and changes nothing.
#[tokio::test]
async fn another_namespace_sees_nothing() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let made = create(&world, &key, json!({"title": "Ours"})).await;
    let path = format!("/achievements/{}", made["id"].as_str().unwrap());
    let other = world.key("other", &ALL).await;
    assert_eq!(world.get("/achievements/", &other).await.body["total"], 0);
    assert_eq!(world.get(&path, &other).await.status, 404);
    assert_eq!(
        world
            .put(&path, &other, json!({"title": "Mine"}))
            .await
            .status,
        404
    );
    assert_eq!(delete(&world, &path, &other).await, 404);
    assert_eq!(world.get("/portfolio/stats", &other).await.body["total"], 0);
    let reader = world.key("team", &["achievements:read"]).await;
    assert_eq!(
        world
            .put(&path, &reader, json!({"title": "Mine"}))
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn what_a_resource_says_is_changed_there() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let made = create(&world, &key, json!({"title": "Declared"})).await;
    sqlx::query(
        "UPDATE achievements SET resource_uid = gen_random_uuid(), resource_name = 'drill'",
    )
    .execute(&mut world.sql().await)
    .await
    .unwrap();
    let path = format!("/achievements/{}", made["id"].as_str().unwrap());
    let refused = world.put(&path, &key, json!({"title": "Else"})).await;
    assert_eq!(
        (refused.status, refused.body["resource"].as_str()),
        (409, Some("drill"))
    );
    assert_eq!(delete(&world, &path, &key).await, 409);
}

#[tokio::test]
async fn bad_input_is_refused_with_a_sentence() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let says = |answer: &Answer, word: &str| {
        assert_eq!(answer.status, 422, "{}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(word), "{detail}");
    };
    for (body, word) in [
        (json!({}), "title"),
        (json!({"title": ""}), "title"),
        (json!({"title": "a".repeat(256)}), "255"),
        (json!({"title": "a\u{0000}"}), "control"),
        (json!({"title": 7}), "title"),
        (json!({"title": "x", "category": "wonder"}), "category"),
        (json!({"title": "x", "impact_score": 100}), "impact_score"),
        (json!({"title": "x", "visibility": "secret"}), "visibility"),
        (
            json!({"title": "x", "source_url": "javascript:alert(1)"}),
            "https",
        ),
        (
            json!({"title": "x", "duplicate_of": "that one"}),
            "duplicate_of",
        ),
        (
            json!({"title": "x", "display_priority": 101}),
            "display_priority",
        ),
        (
            json!({"title": "x", "started_at": "2026-02-02T00:00:00Z", "completed_at": "2026-02-01T00:00:00Z"}),
            "before",
        ),
    ] {
        says(&world.post("/achievements/", &key, body).await, word);
    }
    for (query, word) in [
        ("page=0", "page"),
        ("per_page=101", "per_page"),
        ("category=wonder", "category"),
        ("sort_by=luck", "sort_by"),
        ("min_impact_score=101", "min_impact_score"),
    ] {
        says(
            &world.get(&format!("/achievements/?{query}"), &key).await,
            word,
        );
    }
    assert_eq!(world.get("/achievements/?pages=3", &key).await.status, 400);
    assert_eq!(world.get("/achievements/no-uuid", &key).await.status, 400);
}

#[tokio::test]
async fn a_return_is_computed_from_given_figures_alone() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &["achievements:read"]).await;
    let ask = async |costs: Value| {
        world
            .post("/analytics/roi", &key, json!({"currency": "EUR", "from": "2026-01-01T00:00:00Z", "to": "2026-07-01T00:00:00Z",
                "gains": [{"what": "fewer support hours", "amount": 1500.0}], "costs": costs}))
            .await
    };
    let answer = ask(json!([{"what": "two weeks of work", "amount": 1000.0}]))
        .await
        .body;
    assert_eq!(
        (answer["roi"].clone(), answer["gain"].clone()),
        (json!(0.5), json!(1500.0))
    );
    let without = ask(json!([])).await.body;
    assert_eq!(
        (without["roi"].clone(), without["reason"].clone()),
        (Value::Null, json!("no cost was given"))
    );
    assert_eq!(
        ask(json!([{"what": "x", "amount": -1.0}])).await.status,
        422
    );
}
