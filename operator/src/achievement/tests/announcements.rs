//! Announcements, once for ever.

use super::*;
use http::StatusCode;

fn publish() -> Value {
    json!({ "persona": "maya", "minimumImpact": 60, "allowPrivate": false })
}

fn trusting() -> Value {
    json!({ "persona": "maya", "minimumImpact": 60, "allowPrivate": true })
}

/// A source with one record, and the path of its resource.
async fn one(publish: Value, impact: i32) -> Option<(Scenario, String)> {
    let scenario = Scenario::create(5, publish).await?;
    scenario.tell(1, impact).await;
    scenario.settle().await;
    let path = scenario.path_of(1).unwrap();
    Some((scenario, path))
}

fn jobs(scenario: &Scenario) -> Vec<String> {
    scenario.api.paths("contentjobs")
}

fn reasons(outcome: &Outcome) -> Vec<&str> {
    outcome.notices.iter().map(|it| it.reason).collect()
}

#[tokio::test]
async fn what_has_impact_enough_is_announced_once_by_a_job_of_its_own() {
    let Some((scenario, path)) = one(publish(), 60).await else {
        return;
    };
    let outcome = scenario.reconcile(&path).await.unwrap();
    assert_eq!(reasons(&outcome), ["Announced"]);
    assert_eq!(scenario.condition(&path, "Published"), "True Announced");
    let [job] = &jobs(&scenario)[..] else {
        panic!("{:?}", jobs(&scenario))
    };
    let (object, status) = (
        scenario.api.get(job),
        scenario.api.get(&path)["status"].clone(),
    );
    assert_eq!(object["metadata"]["name"], status["contentJobRef"]["name"]);
    assert_eq!(
        object["metadata"]["ownerReferences"][0]["uid"],
        scenario.api.get(&path)["metadata"]["uid"]
    );
    assert_eq!(status["publishedBy"], "maya");
    let job_spec: crds::ContentJobSpec = serde_json::from_value(object["spec"].clone()).unwrap();
    assert_eq!(
        (job_spec.count, job_spec.persona_ref.name.as_str()),
        (1, "maya")
    );
    let text = job_spec.input.text.unwrap();
    assert!(
        text.contains("Faster start 1") && text.contains("acme/shop#1"),
        "{text}"
    );

    // Nothing new: nothing is told or written. A rescoring, new facts and the job's deletion publish nothing again.
    let writes = scenario.api.writes();
    let outcome = scenario.reconcile(&path).await.unwrap();
    assert_eq!((reasons(&outcome), scenario.api.writes()), (vec![], writes));
    scenario
        .sql("UPDATE achievements SET facts_version = facts_version + 1, title = 'New'")
        .await;
    scenario.analyse(1, 99, &[]).await;
    scenario.api.remove(job);
    scenario.reconcile(&path).await.unwrap();
    assert_eq!(jobs(&scenario), Vec::<String>::new());
    assert_eq!(scenario.condition(&path, "Published"), "True Announced");
}

/// FAULTS 10: between the order in the row, the job, and the note that it is there.
#[tokio::test]
async fn a_crash_between_any_two_writes_leaves_one_job() {
    let Some((scenario, path)) = one(publish(), 80).await else {
        return;
    };
    scenario.api.objects().refuse = (1, StatusCode::INTERNAL_SERVER_ERROR);
    scenario.reconcile(&path).await.unwrap_err();
    assert_eq!(jobs(&scenario), Vec::<String>::new());
    assert_eq!(
        scenario
            .count("announced_job IS NOT NULL AND announcement_made_at IS NULL")
            .await,
        1
    );
    // The text changes; what was ordered is made.
    scenario
        .sql("UPDATE achievements SET title = 'Changed'")
        .await;
    let outcome = scenario.reconcile(&path).await.unwrap();
    assert_eq!(reasons(&outcome), ["Announced"]);
    let made = jobs(&scenario);
    assert_eq!(made.len(), 1);
    let text = scenario.api.get(&made[0])["spec"]["input"]["text"].to_string();
    assert!(text.contains("Faster start 1"), "{text}");

    scenario
        .sql("UPDATE achievements SET announcement_made_at = NULL")
        .await;
    scenario.reconcile(&path).await.unwrap();
    assert_eq!(jobs(&scenario), made);
    assert_eq!(scenario.count("announcement_made_at IS NOT NULL").await, 1);
}

#[tokio::test]
async fn what_is_not_to_be_announced_says_why() {
    let Some((scenario, path)) = one(publish(), 59).await else {
        return;
    };
    let say = async |statement: &str| {
        scenario.sql(statement).await;
        scenario.reconcile(&path).await.unwrap();
        scenario.condition(&path, "Published")
    };
    assert_eq!(say("").await, "False ImpactTooLow");
    scenario.analyse(1, 80, &[]).await;
    let facts = "UPDATE achievements SET facts_version = facts_version";
    assert_eq!(
        say(&format!("{facts} + 1")).await,
        "False WaitingForAnalysis"
    );
    assert_eq!(
        say(&format!("{facts} - 1, hidden = true")).await,
        "False Hidden"
    );
    assert_eq!(
        say("UPDATE achievements SET hidden = false, reverted_by = id").await,
        "False Reverted"
    );
    assert_eq!(
        say("UPDATE achievements SET reverted_by = NULL, duplicate_of = id").await,
        "False Duplicate"
    );
    scenario
        .sql("UPDATE achievements SET duplicate_of = NULL")
        .await;
    assert_eq!(
        say("UPDATE achievement_sources SET created_at = now()").await,
        "False DoneBefore"
    );
    scenario
        .sql("UPDATE achievement_sources SET created_at = '2026-01-01'")
        .await;
    scenario.edit(&path, |object| object["spec"]["suspend"] = json!(true));
    assert_eq!(say("").await, "False Suspended");
    scenario.edit(&path, |object| object["spec"]["suspend"] = json!(false));
    scenario.api.remove(&format!("{ROOT}/personas/maya"));
    assert_eq!(say("").await, "False PersonaNotFound");
    assert_eq!(jobs(&scenario), Vec::<String>::new());
    assert_eq!(scenario.count("announced_job IS NOT NULL").await, 0);
    // A resource of its own word.
    scenario.edit(&path, |object| object["spec"]["publish"] = json!({}));
    assert_eq!(say("").await, "False NotApplicable");
}

/// FAULTS 60: what is not public, is of category security or has findings waits for a yes to the very text.
#[tokio::test]
async fn what_is_not_public_needs_a_yes_that_a_change_of_the_text_voids() {
    let Some((scenario, path)) = one(publish(), 80).await else {
        return;
    };
    scenario
        .sql("UPDATE achievements SET visibility = 'private'")
        .await;
    scenario.reconcile(&path).await.unwrap();
    assert_eq!(scenario.condition(&path, "Published"), "False NotPublic");
    scenario
        .put_source(5, trusting(), "2026-01-01T00:00:00Z")
        .await;
    let outcome = scenario.reconcile(&path).await.unwrap();
    assert_eq!(reasons(&outcome), ["AwaitingApproval"]);
    assert_eq!(
        scenario.condition(&path, "Published"),
        "False AwaitingApproval"
    );
    let digest = scenario.api.get(&path)["status"]["approvalDigest"].clone();
    let approve = |digest: &Value| {
        scenario.edit(&path, |object| {
            object["metadata"]["annotations"] = json!({ "threads-agent.io/approve": digest });
        });
    };
    // The text changes before the yes arrives.
    scenario
        .sql("UPDATE achievements SET description = 'Names a customer.'")
        .await;
    approve(&digest);
    scenario.reconcile(&path).await.unwrap();
    assert_eq!(
        scenario.condition(&path, "Published"),
        "False AwaitingApproval"
    );
    let new = scenario.api.get(&path)["status"]["approvalDigest"].clone();
    assert_ne!(new, digest);
    assert_eq!(jobs(&scenario), Vec::<String>::new());
    approve(&new);
    scenario.reconcile(&path).await.unwrap();
    assert_eq!(scenario.condition(&path, "Published"), "True Announced");
    assert_eq!(jobs(&scenario).len(), 1);
    assert_eq!(
        scenario.api.get(&path)["status"]["approvalDigest"],
        Value::Null
    );
    assert_eq!(
        scenario
            .count("approved_digest IS NOT NULL AND approved_at IS NOT NULL")
            .await,
        1
    );
}

#[tokio::test]
async fn findings_and_category_security_need_a_yes_as_well() {
    let Some((scenario, path)) = one(publish(), 80).await else {
        return;
    };
    scenario.analyse(1, 80, &["injection"]).await;
    scenario.reconcile(&path).await.unwrap();
    assert_eq!(scenario.condition(&path, "Published"), "False NotPublic");
    scenario.analyse(1, 80, &[]).await;
    scenario
        .sql("UPDATE achievements SET category = 'security'")
        .await;
    scenario.reconcile(&path).await.unwrap();
    assert_eq!(scenario.condition(&path, "Published"), "False NotPublic");
}

/// A resource that falls out of the bound waits for the job that goes with it.
#[tokio::test]
async fn a_resource_stays_until_its_announcement_ended() {
    let Some((scenario, path)) = one(publish(), 80).await else {
        return;
    };
    scenario.reconcile(&path).await.unwrap();
    scenario
        .put_source(0, publish(), "2026-01-01T00:00:00Z")
        .await;
    scenario.settle().await;
    assert!(scenario.path_of(1).is_some());
    let job = &jobs(&scenario)[0];
    scenario.edit(job, |object| {
        object["status"] = json!({ "conditions": [{ "type": "Finished", "status": "True", "reason": "AllSucceeded", "message": "",
            "lastTransitionTime": "2026-11-02T10:00:00Z" }] });
    });
    scenario.settle().await;
    assert!(scenario.path_of(1).is_none());
}

/// What was announced under a provisional identity stays announced when a host tells of it; and after its deletion.
#[tokio::test]
async fn a_declared_pull_request_is_not_announced_again_when_its_host_tells_of_it() {
    let Some(scenario) = Scenario::create(0, json!({})).await else {
        return;
    };
    let path = format!("{ROOT}/achievements/mine");
    let spec = json!({
        "source": { "type": "GitHubPR", "repository": "acme/shop", "number": 1 },
        "publish": { "personaRef": { "name": "maya" } }, "deletionPolicy": "Delete",
    });
    scenario.put("achievements", "mine", 30, spec);
    scenario.reconcile(&path).await.unwrap();
    scenario.analyse(1, 80, &[]).await;
    scenario
        .sql("UPDATE achievements SET visibility = 'public'")
        .await;
    scenario.reconcile(&path).await.unwrap();
    assert_eq!(jobs(&scenario).len(), 1);
    scenario.tell(1, 80).await;
    scenario.reconcile(&path).await.unwrap();
    assert_eq!(
        scenario
            .count("announced_job IS NOT NULL AND pull_request IS NOT NULL")
            .await,
        1
    );
    assert_eq!(scenario.count("true").await, 1);
    assert_eq!(jobs(&scenario).len(), 1);
    scenario
        .world
        .store
        .purge_achievement(Uuid::from_u128(30))
        .await
        .unwrap();
    scenario.reconcile(&path).await.unwrap();
    scenario.analyse(1, 80, &[]).await;
    scenario.reconcile(&path).await.unwrap();
    assert_eq!(scenario.condition(&path, "Published"), "True Announced");
    assert_eq!(jobs(&scenario).len(), 1);
}
