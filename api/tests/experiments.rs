//! Experiments: participants' arms, tracked events, results, and what needs a cluster.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{ALL, World, ago, experiment, posts};

async fn world() -> Option<(World, String, uuid::Uuid)> {
    let world = World::create().await?;
    let key = world.key("team", &ALL).await;
    let uid = experiment(&world, "team", "hooks", "Participant").await;
    Some((world, key, uid))
}

async fn assign(world: &World, key: &str, participant: &str) -> support::Answer {
    let body = json!({"participant": participant});
    world.post("/experiments/hooks/assign", key, body).await
}

/// Issue 4, 1: the first assignment holds for ever, whatever the weights are by then.
#[tokio::test]
async fn the_first_assignment_holds_for_ever() {
    let Some((world, key, uid)) = world().await else {
        return;
    };
    let mut first = Vec::new();
    for number in 0..60 {
        let given = assign(&world, &key, &format!("p{number}")).await;
        assert_eq!(
            (given.status, &given.body["first"]),
            (200, &json!(true)),
            "{}",
            given.body
        );
        let expected = if given.body["arm"] == "bold" {
            0.7
        } else {
            0.3
        };
        assert_eq!(given.body["probability"], json!(expected));
        first.push(given.body);
    }
    let bold = first.iter().filter(|given| given["arm"] == "bold").count();
    assert!((30..56).contains(&bold), "{bold} of 60 at 70 %");
    let one = first.iter().find(|given| given["arm"] == "bold").unwrap();
    assert_eq!(
        (&one["digest"], &one["variables"]),
        (&json!("bold-prompt"), &json!({"tone": "bold"}))
    );
    let mut sql = world.sql().await;
    sqlx::query("UPDATE experiments SET weight_epoch = 1, suspended = true WHERE uid = $1")
        .bind(uid)
        .execute(&mut sql)
        .await
        .unwrap();
    sqlx::query("INSERT INTO experiment_weights (experiment_uid, epoch, namespace, weights_bp) VALUES ($1, 1, 'team', '{10000,0}')")
        .bind(uid)
        .execute(&mut sql)
        .await
        .unwrap();
    for (number, before) in first.iter().enumerate() {
        let again = assign(&world, &key, &format!("p{number}")).await.body;
        assert_eq!(
            (&again["arm"], &again["first"]),
            (&before["arm"], &json!(false))
        );
        assert_eq!(again["assignedAt"], before["assignedAt"]);
    }
    let refused = assign(&world, &key, "new").await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("suspended")
    );
    let exposed: bool = sqlx::query_scalar(
        "SELECT bool_and(exposed_at = assigned_at AND freezes_at = exposed_at + interval '3660 seconds') FROM experiment_units",
    )
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert!(exposed);
}

#[tokio::test]
async fn the_same_participant_at_once_is_one_unit() {
    let Some((world, key, _)) = world().await else {
        return;
    };
    let all = futures::future::join_all((0..12).map(|_| assign(&world, &key, "p"))).await;
    assert!(all.iter().all(|given| given.status == 200));
    assert_eq!(
        all.iter()
            .filter(|given| given.body["first"] == true)
            .count(),
        1
    );
    let arms: std::collections::BTreeSet<String> = all
        .iter()
        .map(|given| given.body["arm"].to_string())
        .collect();
    assert_eq!(arms.len(), 1);
}

/// Issue 4, 1: three replicas, many calls at once for few participants, and weights that change meanwhile: one unit each, one
/// arm in every answer, and the probability that the unit's own epoch gave.
#[tokio::test]
async fn replicas_at_once_give_each_participant_one_arm() {
    let Some((world, key, uid)) = world().await else {
        return;
    };
    let replicas = [world.address, world.replica().await, world.replica().await];
    let call = async |number: usize| {
        let participant = format!("p{}", number % 25);
        let url = format!("http://{}/experiments/hooks/assign", replicas[number % 3]);
        let request = world.client().post(url).bearer_auth(&key);
        let body = json!({"participant": participant});
        let answer = support::read(request.json(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        (participant, answer.body)
    };
    let change_weights = async {
        let mut sql = world.sql().await;
        for epoch in 1..=20 {
            let weights = if epoch % 2 == 0 {
                [3_000, 7_000]
            } else {
                [9_000, 1_000]
            };
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
                "INSERT INTO experiment_weights (experiment_uid, epoch, namespace, weights_bp) VALUES ('{uid}', {epoch}, 'team', '{{{},{}}}');
                 UPDATE experiments SET weight_epoch = {epoch} WHERE uid = '{uid}'",
                weights[0], weights[1]
            )))
            .execute(&mut sql)
            .await
            .unwrap();
        }
    };
    let (answers, ()) = tokio::join!(
        futures::future::join_all((0..150).map(call)),
        change_weights
    );
    let mut given = std::collections::BTreeMap::new();
    let mut firsts = 0;
    for (participant, answer) in answers {
        firsts += usize::from(answer["first"] == true);
        let facts =
            ["arm", "probability", "weightEpoch", "assignedAt"].map(|name| answer[name].clone());
        let known = given.entry(participant).or_insert_with(|| facts.clone());
        assert_eq!(*known, facts);
    }
    assert_eq!((given.len(), firsts), (25, 25));
    let (units, right): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE abs(unit.probability - weights.weights_bp[unit.arm + 1] / 10000.0) < 1e-9)
         FROM experiment_units unit JOIN experiment_weights weights
           ON weights.experiment_uid = unit.experiment_uid AND weights.epoch = unit.weight_epoch",
    )
    .fetch_one(&mut world.sql().await)
    .await
    .unwrap();
    assert_eq!((units, right), (25, 25));
}

/// The last place is taken by calls for one participant at once: who lost the race has the place as well.
#[tokio::test]
async fn the_last_place_is_one_participants_however_often_it_is_asked_for() {
    let Some((world, key, uid)) = world().await else {
        return;
    };
    sqlx::query("UPDATE experiments SET design = jsonb_set(design, '{stopping,maxUnits}', '1') WHERE uid = $1")
        .bind(uid)
        .execute(&mut world.sql().await)
        .await
        .unwrap();
    let all = futures::future::join_all((0..16).map(|_| assign(&world, &key, "p"))).await;
    let statuses: Vec<u16> = all.iter().map(|given| given.status).collect();
    assert_eq!(statuses, [200; 16]);
    assert_eq!(assign(&world, &key, "q").await.status, 409);
}

#[tokio::test]
async fn who_cannot_be_assigned_is_told_why() {
    let Some((world, key, uid)) = world().await else {
        return;
    };
    experiment(&world, "team", "of-posts", "Post").await;
    let body = json!({"participant": "p"});
    for (path, status) in [
        ("/experiments/of-posts/assign", 409),
        ("/experiments/absent/assign", 404),
        ("/experiments/..%2F..%2Fsecrets/assign", 422),
        ("/experiments/HOOKS/assign", 422),
    ] {
        assert_eq!(
            world.post(path, &key, body.clone()).await.status,
            status,
            "{path}"
        );
    }
    for body in [
        json!({}),
        json!({"participant": ""}),
        json!({"participant": 7}),
        json!({"participant": "a\u{0}"}),
        json!({"participant": "x".repeat(201)}),
    ] {
        assert_eq!(
            world
                .post("/experiments/hooks/assign", &key, body)
                .await
                .status,
            422
        );
    }
    // FAULTS 58.
    let theirs = world.key("theirs", &ALL).await;
    assert_eq!(assign(&world, &theirs, "p").await.status, 404);
    sqlx::query("UPDATE experiments SET design = jsonb_set(design, '{stopping,maxUnits}', '1') WHERE uid = $1")
        .bind(uid)
        .execute(&mut world.sql().await)
        .await
        .unwrap();
    assert_eq!(assign(&world, &key, "p").await.status, 200);
    assert_eq!(assign(&world, &key, "q").await.status, 409);
    assert_eq!(assign(&world, &key, "p").await.status, 200);
}

#[tokio::test]
async fn what_is_tracked_of_a_participant_counts_once() {
    let Some((world, key, _)) = world().await else {
        return;
    };
    let track = async |body: Value| world.post("/experiments/hooks/track", &key, body).await;
    let event = json!({"participant": "p", "metric": "likes", "eventId": "e1"});
    assert_eq!(track(event.clone()).await.status, 404);
    assert_eq!(assign(&world, &key, "p").await.status, 200);
    assert_eq!(track(event.clone()).await.body["fate"], "applied");
    assert_eq!(track(event).await.body["fate"], "duplicate");
    let before = track(json!({"participant": "p", "metric": "likes", "at": ago(60)})).await;
    assert_eq!(
        (before.status, &before.body["fate"]),
        (409, &json!("outside"))
    );
    assert_eq!(
        track(json!({"participant": "p", "metric": "likes", "value": -1}))
            .await
            .status,
        422
    );
    let total: f64 = sqlx::query_scalar("SELECT sum(events) FROM outcome_totals")
        .fetch_one(&mut world.sql().await)
        .await
        .unwrap();
    assert!((total - 1.0).abs() < 1e-9);
}

#[tokio::test]
async fn results_show_what_decided_and_say_what_is_not_known() {
    let Some((world, key, uid)) = world().await else {
        return;
    };
    let path = "/experiments/hooks/results";
    let none = world.get(path, &key).await;
    assert_eq!(none.status, 200, "{}", none.body);
    assert_eq!(none.body["state"], "active");
    assert!(none.body["unknown"]["figures"].is_string());
    assert!(none.body.get("sentence").is_none() && none.body["arms"][0].get("figures").is_none());
    assert_eq!(
        world.get("/experiments/absent/results", &key).await.status,
        404
    );
    let evaluation = json!({
        "verdict": "Pending", "winner": null, "leader": 1, "sentence": "bold leads.", "arms": [
            {"assigned": 3, "exposed": 3, "matured": 2, "missing": 0, "mean": 0.1, "low": null, "high": null, "probabilityBest": null,
             "expectedLoss": null, "weightBp": 3000, "effectiveUnits": 2.0},
            {"assigned": 7, "exposed": 7, "matured": 6, "missing": 0, "mean": 0.2, "low": 0.1, "high": 0.3, "probabilityBest": 0.9,
             "expectedLoss": 0.01, "weightBp": 7000, "effectiveUnits": 6.0}],
        "comparisons": [{"arm": 1, "difference": 0.1, "low": -0.1, "high": 0.3, "uplift": 1.0, "upliftLow": null, "upliftHigh": null,
            "pValue": 0.4, "level": 0.05}],
        "ratioMismatch": {"assignment": 0.7, "exposure": null, "maturity": null}, "guardrails": [], "power": {"state": "NoHistory"},
        "dataFresh": true, "effectiveUnits": 2.0, "forecastAt": null, "nextWeightsBp": null, "notes": ["no error rate"],
        "inputsDigest": "d"
    });
    sqlx::query("UPDATE experiments SET evaluation = $2, evaluated_at = now() WHERE uid = $1")
        .bind(uid)
        .bind(evaluation)
        .execute(&mut world.sql().await)
        .await
        .unwrap();
    let some = world.get(path, &key).await.body;
    assert_eq!(some["sentence"], "bold leads.");
    assert_eq!(some["arms"][1]["figures"]["probabilityBest"], json!(0.9));
    assert!(some["arms"][0]["figures"].get("low").is_none());
    assert_eq!(some["comparisons"][0]["arm"], "bold");
    assert!(some.get("unknown").is_none());
    let listed = world.get("/experiments", &key).await.body;
    assert_eq!(listed["items"][0]["name"], "hooks");
}

/// FAULTS 28: what needs Kubernetes says so; the rest goes on.
#[tokio::test]
async fn without_a_cluster_no_experiment_is_made() {
    let Some((world, key, _)) = world().await else {
        return;
    };
    let made = json!({"name": "new", "spec": {"hypothesis": "x"}});
    assert_eq!(
        world
            .post("/experiments/create", &key, made.clone())
            .await
            .status,
        503
    );
    assert_eq!(
        world
            .post("/experiments/hooks/pause", &key, json!({}))
            .await
            .status,
        503
    );
    for body in [
        json!({}),
        json!({"name": "x"}),
        json!({"name": "x", "spec": []}),
        json!({"name": "x", "spec": {"suspend": true}}),
    ] {
        assert_eq!(
            world.post("/experiments/create", &key, body).await.status,
            422
        );
    }
}

#[tokio::test]
async fn variants_count_what_is_reported_and_nothing_else() {
    let Some((world, key, _)) = world().await else {
        return;
    };
    let dimensions = json!({"dimensions": {"hook_style": "question", "tone": "dry"}});
    for id in ["a", "b"] {
        let made = world
            .put(&format!("/variants/{id}"), &key, dimensions.clone())
            .await;
        assert_eq!((made.status, &made.body["impressions"]), (200, &json!(0)));
        assert!(made.body.get("success_rate").is_none());
    }
    let report = async |id: &str, body: Value| {
        world
            .post(&format!("/variants/{id}/performance"), &key, body)
            .await
    };
    assert_eq!(
        report("a", json!({"impression": true, "batch_size": 9}))
            .await
            .status,
        200
    );
    let counted = report("a", json!({"success": true})).await.body;
    assert_eq!(
        (&counted["impressions"], &counted["successes"]),
        (&json!(10), &json!(1))
    );
    assert_eq!(
        report("absent", json!({"impression": true})).await.status,
        404
    );
    for body in [
        json!({}),
        json!({"impression": true, "batch_size": 0}),
        json!({"impression": true, "batch_size": 9e9}),
    ] {
        assert_eq!(report("a", body).await.status, 422);
    }
    let stats = world.get("/variants/a/stats", &key).await.body;
    assert_eq!(
        (&stats["alpha"], &stats["beta"]),
        (&json!(2.0), &json!(10.0))
    );
    let interval: Vec<f64> = serde_json::from_value(stats["interval"].clone()).unwrap();
    assert!(
        interval[0] > 0.0 && interval[0] < stats["mean"].as_f64().unwrap() && interval[1] < 1.0
    );
    for level in ["0", "1", "-1", "NaN", "x"] {
        let path = format!("/variants/a/stats?confidence={level}");
        assert_eq!(world.get(&path, &key).await.status, 400, "{level}");
    }
    let list = world
        .get("/variants?hook_style=question&min_impressions=1", &key)
        .await
        .body;
    assert_eq!(
        (&list["total_count"], &list["variants"][0]["variant_id"]),
        (&json!(1), &json!("a"))
    );
    let select = async |body: Value| world.post("/variants/select", &key, body).await;
    assert_eq!(
        select(json!({"top_k": 99})).await.body["selected"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        select(json!({"top_k": 1, "algorithm": "thompson_sampling_exploration"}))
            .await
            .status,
        200
    );
    assert_eq!(
        select(json!({"top_k": 1, "algorithm": "guess"}))
            .await
            .status,
        400
    );
    assert_eq!(select(json!({"top_k": 0})).await.status, 422);
    assert_eq!(select(json!({"top_k": -1})).await.status, 422);
    posts(&world, "theirs", "job", 1).await;
    let theirs = world.key("theirs", &ALL).await;
    assert_eq!(world.get("/variants", &theirs).await.body["total_count"], 0);
}
