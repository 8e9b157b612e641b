//! Resources that the operator makes.

use super::*;
use http::StatusCode;

async fn uid(scenario: &Scenario, number: i64) -> Uuid {
    sqlx::query_scalar("SELECT resource_uid FROM achievements WHERE number = $1")
        .bind(number)
        .fetch_one(scenario.world.store.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_source_has_resources_for_its_most_important_records_and_nothing_is_written_twice() {
    let Some(scenario) = Scenario::create(2, json!({})).await else {
        return;
    };
    for (number, impact) in [(1, 10), (2, 50), (3, 90), (4, 95), (5, 96)] {
        scenario.tell(number, impact).await;
    }
    scenario
        .sql("UPDATE achievements SET hidden = true WHERE number = 4;
              UPDATE achievements SET duplicate_of = (SELECT id FROM achievements WHERE number = 1) WHERE number = 5")
        .await;
    assert_eq!(scenario.settle().await, 2);
    let paths = scenario.api.paths("achievements");
    assert_eq!(paths.len(), 2, "{paths:?}");
    let object = scenario.api.get(&scenario.path_of(3).unwrap());
    assert_eq!(
        object["spec"],
        json!({ "source": { "type": "GitHubPR", "repository": "acme/shop", "repositoryId": 42, "number": 3,
            "url": "https://github.com/acme/shop/pull/3" } })
    );
    assert_eq!(
        object["metadata"]["managedFields"][0]["manager"],
        "threads-operator"
    );
    assert_eq!(
        object["metadata"]["ownerReferences"][0]["uid"],
        json!(SOURCE)
    );
    // Nothing changed: no row is looked at, and no request is made.
    for path in &paths {
        scenario.reconcile(path).await.unwrap();
        scenario.reconcile(path).await.unwrap();
    }
    let requests = scenario.api.objects().requests.len();
    let revisions = scenario.count("revision > 1").await;
    assert_eq!(scenario.settle().await, 0);
    assert_eq!(scenario.api.objects().requests.len(), requests);
    assert_eq!(scenario.count("revision > 1").await, revisions);
    assert_eq!(scenario.count("overrides <> '{}'").await, 0);
    let path = scenario.path_of(3).unwrap();
    assert_eq!(
        scenario.condition(&path, "SourceVerified"),
        "True Succeeded"
    );
    assert_eq!(
        scenario.condition(&path, "Published"),
        "False NotApplicable"
    );
}

/// FAULTS 44: what falls out of the bound loses its resource and nothing else; what a person deletes stays deleted.
#[tokio::test]
async fn falling_out_of_the_bound_leaves_no_tombstone_and_a_persons_delete_does() {
    let Some(scenario) = Scenario::create(1, json!({})).await else {
        return;
    };
    scenario.tell(1, 10).await;
    scenario.settle().await;
    assert!(scenario.path_of(1).is_some());
    scenario.tell(2, 90).await;
    scenario.settle().await;
    assert!(scenario.path_of(1).is_none() && scenario.path_of(2).is_some());
    scenario.settle().await;
    assert_eq!(scenario.count("deleted_at IS NOT NULL").await, 0);
    assert_eq!(scenario.count("resource_uid IS NOT NULL").await, 1);

    let uid = uid(&scenario, 2).await;
    scenario.api.remove(&scenario.path_of(2).unwrap());
    // The loop does not make again what a person deleted, before and after the deletion is seen.
    scenario.settle().await;
    assert!(scenario.path_of(2).is_none());
    scenario
        .world
        .store
        .bury_achievement(uid, false)
        .await
        .unwrap();
    scenario.settle().await;
    assert_eq!(
        scenario
            .count("deleted_at IS NOT NULL AND number = 2")
            .await,
        1
    );
    assert!(scenario.path_of(1).is_some() && scenario.path_of(2).is_none());
}

#[tokio::test]
async fn a_resource_in_which_a_person_set_something_stays_beyond_the_bound() {
    let Some(scenario) = Scenario::create(1, json!({})).await else {
        return;
    };
    scenario.tell(1, 10).await;
    scenario.settle().await;
    let path = scenario.path_of(1).unwrap();
    scenario.edit(&path, |object| {
        object["metadata"]["managedFields"] =
            json!([{ "manager": "threads-operator" }, { "manager": "kubectl-edit", "operation": "Update" }]);
    });
    scenario.tell(2, 90).await;
    scenario.settle().await;
    scenario.settle().await;
    assert!(scenario.path_of(1).is_some() && scenario.path_of(2).is_some());
    assert_eq!(scenario.count("resource_wanted AND number = 1").await, 1);
}

/// FAULTS 10: between any two writes of making and of taking away.
#[tokio::test]
async fn a_crash_between_two_writes_leaves_one_resource_or_none() {
    let Some(scenario) = Scenario::create(1, json!({})).await else {
        return;
    };
    scenario.tell(1, 10).await;
    // Granted, not made.
    scenario.api.objects().refuse = (1, StatusCode::INTERNAL_SERVER_ERROR);
    scenario.settle().await;
    assert_eq!(
        scenario
            .count("resource_wanted AND resource_uid IS NULL")
            .await,
        1
    );
    // Its title changes meanwhile; the name that was granted stays.
    scenario
        .sql("UPDATE achievements SET title = 'Other'")
        .await;
    scenario.settle().await;
    let path = scenario.path_of(1).unwrap();
    assert!(path.contains("/faster-start-1-"), "{path}");
    // Made, not noted.
    scenario
        .sql("UPDATE achievements SET resource_uid = NULL")
        .await;
    scenario.settle().await;
    assert_eq!(scenario.api.paths("achievements"), [path]);
    assert_eq!(scenario.count("resource_uid IS NOT NULL").await, 1);
    // Released, not taken away; and within the bound again before the next round.
    scenario.tell(2, 90).await;
    scenario.api.objects().refuse = (2, StatusCode::INTERNAL_SERVER_ERROR);
    scenario.settle().await;
    assert_eq!(
        scenario
            .count("resource_owner IS NOT NULL AND NOT resource_wanted")
            .await,
        1
    );
    scenario.analyse(1, 99, &[]).await;
    for _ in 0..3 {
        scenario.settle().await;
    }
    assert!(scenario.path_of(1).is_some() && scenario.path_of(2).is_none());
    assert_eq!(scenario.count("deleted_at IS NOT NULL").await, 0);
}

#[tokio::test]
async fn the_operators_resource_gives_way_to_a_persons_whose_end_leaves_no_tombstone() {
    let Some(scenario) = Scenario::create(1, json!({})).await else {
        return;
    };
    scenario.tell(1, 10).await;
    scenario.settle().await;
    let ours = scenario.path_of(1).unwrap();
    let source = json!({ "type": "GitHubPR", "repository": "acme/shop", "number": 1 });
    scenario.put(
        "achievements",
        "mine",
        30,
        json!({ "source": source, "facts": { "title": "Mine" } }),
    );
    scenario
        .reconcile(&format!("{ROOT}/achievements/mine"))
        .await
        .unwrap();
    assert_eq!(
        scenario
            .count("title = 'Mine' AND NOT resource_wanted AND resource_owner IS NULL")
            .await,
        1
    );
    scenario.reconcile(&ours).await.unwrap();
    assert_eq!(scenario.api.paths("achievements").len(), 1);
    assert_eq!(scenario.settle().await, 0);
    scenario.api.remove(&format!("{ROOT}/achievements/mine"));
    scenario
        .world
        .store
        .bury_achievement(Uuid::from_u128(30), false)
        .await
        .unwrap();
    assert_eq!(scenario.count("deleted_at IS NULL").await, 1);
    scenario.settle().await;
    assert!(scenario.path_of(1).is_some(), "the operator's is back");
}

/// FAULTS 45, 46: the resources of a source go with it; one of the same name gets its own.
#[tokio::test]
async fn a_source_that_is_made_again_gets_resources_of_its_own() {
    let Some(scenario) = Scenario::create(1, json!({})).await else {
        return;
    };
    scenario.tell(1, 10).await;
    scenario.settle().await;
    let (old, again) = (uid(&scenario, 1).await, Uuid::from_u128(6));
    scenario
        .sql(&format!("UPDATE achievement_sources SET uid = '{again}'"))
        .await;
    assert_eq!(
        scenario.world.store.resource_owner(old).await.unwrap(),
        Some(SOURCE)
    );
    scenario.api.remove(&scenario.path_of(1).unwrap());
    assert_eq!(
        scenario.settle().await,
        0,
        "the end of the old one is not seen yet"
    );
    scenario
        .world
        .store
        .bury_achievement(old, true)
        .await
        .unwrap();
    scenario.settle().await;
    let object = scenario.api.get(&scenario.path_of(1).unwrap());
    assert_eq!(
        object["metadata"]["ownerReferences"][0]["uid"],
        json!(again)
    );
    assert_eq!(scenario.count("deleted_at IS NULL").await, 1);
}
