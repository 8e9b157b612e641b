//! Scenarios: reconciles over an API server in memory and a real Postgres.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    controller::{
        ErrorClass,
        testing::{MemoryApi, context},
    },
    signals::TriggeredAll,
};
use backends::postgres::testing::TestDatabase;
use http::StatusCode;
use kube::ResourceExt;
use serde_json::{Value, json};
use uuid::Uuid;

const PATH: &str = "/apis/threads-agent.io/v1alpha1/namespaces/a/prompttemplates/launch";
const TEXTS: &str = "/api/v1/namespaces/a/configmaps/texts";

struct Scenario {
    api: MemoryApi,
    world: TemplateWorld,
    triggered: TriggeredAll,
    /// Keeps the name of the throw-away database.
    _database: TestDatabase,
}

impl Scenario {
    async fn create(spec: Value) -> Option<Self> {
        let api = MemoryApi::default();
        let (ctx, triggered, database) = context(&api).await?;
        let scenario = Self {
            world: TemplateWorld::new(&ctx),
            api,
            triggered,
            _database: database,
        };
        scenario.put(Uuid::from_u128(1), spec);
        Some(scenario)
    }

    fn put(&self, uid: Uuid, spec: Value) {
        let object = json!({
            "apiVersion": "threads-agent.io/v1alpha1", "kind": "PromptTemplate",
            "metadata": { "name": "launch", "namespace": "a", "uid": uid, "generation": 1 }, "spec": spec,
        });
        self.api.put(PATH, object);
    }

    fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut object = self.api.get(PATH);
        change(&mut object);
        object["metadata"]["generation"] =
            json!(object["metadata"]["generation"].as_i64().unwrap() + 1);
        self.api.put(PATH, object);
    }

    fn object(&self) -> PromptTemplate {
        serde_json::from_value(self.api.get(PATH)).unwrap()
    }

    async fn reconcile(&self) -> Result<Outcome, ReconcileError> {
        reconcile_in(&self.world, &self.object()).await
    }

    async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(self.world.store.pool())
            .await
            .unwrap()
    }

    async fn sql(&self, statement: &'static str) {
        sqlx::raw_sql(statement)
            .execute(self.world.store.pool())
            .await
            .unwrap();
    }

    fn condition(&self, type_: &str) -> String {
        let object = self.api.get(PATH);
        let found = object["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["type"] == type_)
            .unwrap()
            .clone();
        assert_eq!(
            found["observedGeneration"], object["metadata"]["generation"],
            "{type_}"
        );
        format!(
            "{} {}",
            found["status"].as_str().unwrap(),
            found["reason"].as_str().unwrap()
        )
    }
}

fn two_versions() -> Value {
    json!({
        "versions": [{ "name": "v1", "hook": "one", "body": "b" }, { "name": "v2", "hook": "two", "body": "b" }],
        "tracks": [{ "name": "production", "version": "v1" }],
    })
}

/// FAULTS 6: a repeated reconcile, with a cache as old as it may be, writes no second row and no second status.
#[tokio::test]
async fn a_template_converges_and_then_nothing_is_written() {
    let Some(scenario) = Scenario::create(two_versions()).await else {
        return;
    };
    let stale = scenario.object();
    assert_eq!(
        scenario.reconcile().await.unwrap().verdict,
        Verdict::Applied
    );
    assert_eq!(scenario.condition("Ready"), "True AllReady");
    assert_eq!(
        scenario.api.get(PATH)["status"]["tracks"][0]["version"],
        "v1"
    );
    let writes = scenario.api.writes();
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.api.writes(), writes);

    // FAULTS 4: what was read before its own write is refused, and tried again by the driver.
    let conflict = reconcile_in(&scenario.world, &stale).await.unwrap_err();
    assert_eq!(conflict.class, ErrorClass::Transient);
    assert_eq!(
        scenario
            .number("SELECT count(*) FROM prompt_versions")
            .await,
        2
    );
    assert_eq!(
        scenario.number("SELECT count(*) FROM prompt_tracks").await,
        1
    );
}

#[tokio::test]
async fn a_track_that_moves_reaches_the_rows_and_wakes_its_personas() {
    let Some(mut scenario) = Scenario::create(two_versions()).await else {
        return;
    };
    let persona = "/apis/threads-agent.io/v1alpha1/namespaces/a/personas/maya";
    scenario.api.put(
        persona,
        json!({ "metadata": { "name": "maya", "namespace": "a" } }),
    );
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.api.get(PATH)["status"]["usedBy"], 1);
    assert_eq!(scenario.triggered.personas.try_recv().unwrap().name, "maya");
    scenario.reconcile().await.unwrap();
    assert!(
        scenario.triggered.personas.try_recv().is_err(),
        "nothing changed, nobody is woken"
    );

    scenario.edit(|object| object["spec"]["tracks"][0]["version"] = json!("v2"));
    scenario.reconcile().await.unwrap();
    assert_eq!(
        scenario.api.get(PATH)["status"]["tracks"][0]["version"],
        "v2"
    );
    assert_eq!(
        scenario
            .number("SELECT count(*) FROM prompt_tracks WHERE version = 'v2'")
            .await,
        1
    );
    assert!(scenario.triggered.personas.try_recv().is_ok());
}

#[tokio::test]
async fn a_missing_config_map_is_waited_for_and_found() {
    let spec = json!({ "versions": [{ "name": "v1", "hook": "h", "bodyFrom": { "name": "texts", "key": "body" } }],
        "tracks": [{ "name": "production", "version": "v1" }] });
    let Some(scenario) = Scenario::create(spec).await else {
        return;
    };
    let waiting = scenario.reconcile().await.unwrap();
    assert_eq!(waiting.verdict, Verdict::Waiting);
    assert!(waiting.again.is_some(), "nobody would tell of a ConfigMap");
    assert_eq!(scenario.condition("Parsed"), "False ConfigMapNotFound");
    assert_eq!(scenario.condition("Stalled"), "False ConfigMapNotFound");
    scenario
        .sql("UPDATE waits SET since = now() - interval '6 minutes'")
        .await;
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Stalled"), "True ConfigMapNotFound");

    scenario
        .api
        .put(TEXTS, json!({ "data": { "body": "{{ input }}" } }));
    assert_eq!(scenario.reconcile().await.unwrap().again, None);
    assert_eq!(scenario.condition("Ready"), "True AllReady");
    assert_eq!(scenario.number("SELECT count(*) FROM waits").await, 0);

    scenario
        .api
        .put(TEXTS, json!({ "data": { "body": "another" } }));
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Parsed"), "False VersionChanged");
    assert_eq!(
        scenario
            .number("SELECT count(*) FROM prompt_versions WHERE body = '{{ input }}'")
            .await,
        1
    );
}

/// FAULTS 40: mending works from the error state, and what was good stays in force meanwhile.
#[tokio::test]
async fn a_broken_version_stalls_and_a_mended_one_is_ready() {
    let Some(scenario) = Scenario::create(two_versions()).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario.edit(|object| {
        object["spec"]["versions"][1] =
            json!({ "name": "v3", "hook": "a\n{{ unclosed", "body": "b" });
        object["spec"]["tracks"][0]["version"] = json!("v3");
    });
    assert_eq!(
        scenario.reconcile().await.unwrap().verdict,
        Verdict::Refused
    );
    assert_eq!(scenario.condition("Stalled"), "True PromptInvalid");
    let message = scenario.api.get(PATH)["status"]["conditions"].to_string();
    assert!(
        message.contains("v3") && message.contains("line 2"),
        "{message}"
    );
    assert_eq!(
        scenario
            .number("SELECT count(*) FROM prompt_tracks WHERE version = 'v1'")
            .await,
        1
    );
    scenario.edit(|object| {
        object["spec"]["versions"][1] = json!({ "name": "v4", "hook": "a", "body": "b" });
        object["spec"]["tracks"][0]["version"] = json!("v4");
    });
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Ready"), "True AllReady");
    assert_eq!(scenario.condition("Stalled"), "False AllReady");
}

/// FAULTS 26: rows deleted by hand are restored, and that is told.
#[tokio::test]
async fn deleted_rows_are_restored_with_an_event() {
    let Some(scenario) = Scenario::create(two_versions()).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario
        .sql("DELETE FROM prompt_tracks; DELETE FROM prompt_versions")
        .await;
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(outcome.notices[0].reason, "Drifted");
    assert_eq!(scenario.condition("Drifted"), "False Repaired");
    assert_eq!(
        scenario
            .number("SELECT count(*) FROM prompt_versions")
            .await,
        2
    );
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Drifted"), "False InSync");
}

/// FAULTS 45: the same name again, with another uid, has its rows; nothing of the old object can take them away.
#[tokio::test]
async fn a_template_made_again_finds_its_rows() {
    let Some(scenario) = Scenario::create(two_versions()).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    let old = scenario.object();
    scenario.put(Uuid::from_u128(2), two_versions());
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Ready"), "True AllReady");
    let resolved = scenario
        .world
        .store
        .resolve_prompt("a", "launch", Some("production"), None)
        .await
        .unwrap();
    assert_eq!(resolved.unwrap().version, "v1");
    scenario
        .world
        .store
        .remove_template(&backends::postgres::operator::prompts::TemplateIdentity {
            uid: old.uid().unwrap().parse().unwrap(),
            namespace: "a",
            name: "launch",
        })
        .await
        .unwrap();
    assert_eq!(
        scenario
            .number("SELECT count(*) FROM prompt_versions")
            .await,
        2
    );
}

#[tokio::test]
async fn delete_takes_the_rows_along_and_retain_does_not() {
    let mut spec = two_versions();
    spec["deletionPolicy"] = json!("Delete");
    let Some(scenario) = Scenario::create(spec).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    assert_eq!(
        scenario.api.get(PATH)["metadata"]["finalizers"][0],
        crds::common::meta::FINALIZER
    );
    scenario.edit(|object| object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z"));
    scenario.reconcile().await.unwrap();
    assert!(scenario.api.get(PATH).is_null(), "the object is held back");
    assert_eq!(
        scenario
            .number("SELECT count(*) FROM prompt_versions")
            .await,
        0
    );

    scenario.put(Uuid::from_u128(3), two_versions());
    scenario.reconcile().await.unwrap();
    assert!(scenario.object().finalizers().is_empty());
    assert_eq!(
        scenario
            .number("SELECT count(*) FROM prompt_versions")
            .await,
        2
    );
}

/// FAULTS 46: tasks of a running experiment need its arms' versions, so the template goes when the experiment ended; the
/// status names it.
#[tokio::test]
async fn a_running_experiment_holds_the_versions_of_its_arms() {
    let mut spec = two_versions();
    spec["deletionPolicy"] = json!("Delete");
    let Some(scenario) = Scenario::create(spec).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario
        .sql(
            "INSERT INTO experiments (uid, namespace, namespace_uid, name, persona_uid, design, design_digest, arms, assignment_key)
             SELECT gen_random_uuid(), 'a', gen_random_uuid(), 'hooks', gen_random_uuid(), '{}', 'd',
                 jsonb_build_array('{\"name\": \"plain\", \"promptDigest\": null}'::jsonb,
                     jsonb_build_object('name', 'bold', 'promptDigest', digest)),
                 decode(repeat('07', 32), 'hex') FROM prompt_versions WHERE version = 'v2';
             UPDATE experiments SET started_at = now()",
        )
        .await;
    scenario.edit(|object| object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z"));
    let error = scenario.reconcile().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Waiting);
    assert_eq!(scenario.condition("Ready"), "False Deleting");
    let message = scenario.api.get(PATH)["status"]["conditions"].to_string();
    assert!(
        message.contains("experiments run with its versions: hooks;"),
        "{message}"
    );
    for rows in [
        "SELECT count(*) FROM prompt_versions",
        "SELECT 1 + count(*) FROM prompt_tracks",
    ] {
        assert_eq!(scenario.number(rows).await, 2, "{rows}");
    }
    scenario
        .sql("UPDATE experiments SET ended_at = now()")
        .await;
    scenario.reconcile().await.unwrap();
    assert!(scenario.api.get(PATH).is_null());
    assert_eq!(
        scenario
            .number("SELECT count(*) FROM prompt_versions")
            .await,
        0
    );
}

/// FAULTS 47: a database that is gone while deleting blocks it, tells so, and the annotation lets it go.
#[tokio::test]
async fn a_deletion_without_a_database_blocks_until_it_is_abandoned() {
    let mut spec = two_versions();
    spec["deletionPolicy"] = json!("Delete");
    let Some(scenario) = Scenario::create(spec).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario.world.store.close().await;
    scenario.edit(|object| object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z"));
    assert_eq!(
        scenario.reconcile().await.unwrap_err().class,
        ErrorClass::Transient
    );
    assert_eq!(scenario.condition("Ready"), "False Deleting");
    scenario.edit(|object| {
        object["metadata"]["annotations"] =
            json!({ crds::common::meta::ANNOTATION_ABANDON: "true" })
    });
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(outcome.notices[0].reason, "CleanupAbandoned");
    assert!(scenario.api.get(PATH).is_null());
}

#[tokio::test]
async fn without_a_database_the_status_says_so_and_nothing_is_lost() {
    let Some(scenario) = Scenario::create(two_versions()).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario.world.store.close().await;
    assert_eq!(
        scenario.reconcile().await.unwrap_err().class,
        ErrorClass::Transient
    );
    assert_eq!(scenario.condition("Ready"), "False DependencyUnavailable");
    assert_eq!(scenario.condition("Stalled"), "False DependencyUnavailable");
    assert_eq!(
        scenario.api.get(PATH)["status"]["versions"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

/// FAULTS 8: a write that the API server refuses for a while is repeated until it stands.
#[tokio::test]
async fn a_refused_status_write_is_repeated() {
    let Some(scenario) = Scenario::create(two_versions()).await else {
        return;
    };
    scenario.api.objects().refuse = (1, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        scenario.reconcile().await.unwrap_err().class,
        ErrorClass::Transient
    );
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Ready"), "True AllReady");
    assert_eq!(
        scenario
            .number("SELECT count(*) FROM prompt_versions")
            .await,
        2
    );
}

const NAMESPACE: &str = "/api/v1/namespaces/a";
const NAMESPACE_UID: Uuid = Uuid::from_u128(77);

fn managed() -> Value {
    json!({
        "versions": [{ "name": "v1", "hook": "one", "body": "b" }, { "name": "v2", "hook": "two", "body": "b" }],
        "tracks": [{ "name": "production", "managed": { "initial": "v1" } }],
    })
}

impl Scenario {
    fn put_namespace(&self, uid: Uuid) {
        self.api.put(
            NAMESPACE,
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a", "uid": uid } }),
        );
    }

    /// An experiment ends with this version as its winner.
    async fn promote(&self, version: &str, experiment: &str) {
        let mut transaction = self.world.store.begin().await.unwrap();
        sqlx::query(
            "INSERT INTO promotions (namespace_uid, template_name, track, experiment_uid, namespace, experiment, version, digest,
                 inputs_digest, action, epoch)
             SELECT $1, 'launch', 'production', $2, 'a', $3, version, digest, 'inputs', 'promoted', 1 FROM prompt_versions
             WHERE version = $4",
        )
        .bind(NAMESPACE_UID)
        .bind(Uuid::new_v5(&NAMESPACE_UID, experiment.as_bytes()))
        .bind(experiment)
        .bind(version)
        .execute(&mut *transaction)
        .await
        .unwrap();
        transaction.commit().await.unwrap();
    }

    fn track(&self) -> Value {
        let mut track = self.api.get(PATH)["status"]["tracks"][0].clone();
        track.as_object_mut().unwrap().remove("digest");
        track.as_object_mut().unwrap().remove("since").unwrap();
        track
    }
}

fn by(version: &str, managed: bool, by: &str) -> Value {
    json!({ "name": "production", "version": version, "managed": managed, "by": by })
}

/// FAULTS 42: Git holds the initial version, the row holds the winner, and neither undoes the other.
#[tokio::test]
async fn a_promotion_moves_a_managed_track_and_applying_the_same_spec_again_leaves_no_diff() {
    let Some(mut scenario) = Scenario::create(managed()).await else {
        return;
    };
    scenario.put_namespace(NAMESPACE_UID);
    scenario.api.put(
        "/apis/threads-agent.io/v1alpha1/namespaces/a/personas/maya",
        json!({ "metadata": { "name": "maya", "namespace": "a" } }),
    );
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.track(), by("v1", true, "spec"));
    while scenario.triggered.personas.try_recv().is_ok() {}

    scenario.promote("v2", "hooks").await;
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(scenario.track(), by("v2", true, "experiment/hooks"));
    let moved = outcome
        .notices
        .iter()
        .find(|notice| notice.reason == "TrackMoved")
        .unwrap();
    assert!(
        moved.note.contains("\"v2\"") && moved.note.contains("experiment/hooks"),
        "{}",
        moved.note
    );
    assert!(
        scenario.triggered.personas.try_recv().is_ok(),
        "who follows the track is told"
    );

    // Argo CD applies the spec that it holds, again and again.
    let (spec, writes) = (
        scenario.api.get(PATH)["spec"].clone(),
        scenario.api.writes(),
    );
    for _ in 0..3 {
        let mut object = scenario.api.get(PATH);
        object["spec"] = managed();
        scenario.api.put(PATH, object);
        let outcome = scenario.reconcile().await.unwrap();
        assert!(outcome.notices.is_empty());
    }
    assert_eq!(scenario.api.get(PATH)["spec"], spec);
    assert_eq!(
        scenario.api.writes(),
        writes,
        "no status is written, nothing fights"
    );
    assert_eq!(scenario.track(), by("v2", true, "experiment/hooks"));

    // A fixed version in Git wins at once, and giving the track back brings the promotion back.
    scenario.edit(|object| {
        object["spec"]["tracks"][0] = json!({ "name": "production", "version": "v1" })
    });
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.track(), by("v1", false, "spec"));
    scenario.edit(|object| object["spec"]["tracks"] = managed()["tracks"].clone());
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.track(), by("v2", true, "experiment/hooks"));
}

/// FAULTS 45: the template deleted and applied again keeps its promotion, whatever its deletion policy; another namespace of
/// the same name does not inherit it.
#[tokio::test]
async fn a_template_that_is_made_again_keeps_its_promotion() {
    for policy in ["Retain", "Delete"] {
        let mut spec = managed();
        spec["deletionPolicy"] = json!(policy);
        let Some(scenario) = Scenario::create(spec.clone()).await else {
            return;
        };
        scenario.put_namespace(NAMESPACE_UID);
        scenario.reconcile().await.unwrap();
        scenario.promote("v2", "hooks").await;
        scenario.reconcile().await.unwrap();
        if policy == "Delete" {
            scenario.edit(|object| {
                object["metadata"]["deletionTimestamp"] = json!("2026-11-23T00:00:00Z")
            });
            scenario.reconcile().await.unwrap();
            assert_eq!(
                scenario.number("SELECT count(*) FROM prompt_tracks").await,
                0
            );
        }
        scenario.api.remove(PATH);
        scenario.put(Uuid::from_u128(2), spec.clone());
        scenario.reconcile().await.unwrap();
        assert_eq!(
            scenario.track(),
            by("v2", true, "experiment/hooks"),
            "{policy}"
        );

        scenario.put_namespace(Uuid::from_u128(78));
        scenario.reconcile().await.unwrap();
        assert_eq!(scenario.track(), by("v1", true, "spec"), "{policy}");
    }
}

/// A promoted version that leaves the spec gives the track back to what was promoted before it.
#[tokio::test]
async fn a_promoted_version_that_is_taken_out_of_the_spec_no_longer_holds() {
    let Some(scenario) = Scenario::create(managed()).await else {
        return;
    };
    scenario.put_namespace(NAMESPACE_UID);
    scenario.reconcile().await.unwrap();
    scenario.promote("v2", "hooks").await;
    scenario.reconcile().await.unwrap();
    scenario.edit(|object| {
        object["spec"]["versions"] = json!([{ "name": "v1", "hook": "one", "body": "b" }])
    });
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.track(), by("v1", true, "spec"));
}
