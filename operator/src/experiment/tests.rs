//! Scenarios: reconciles over an API server in memory and a real Postgres.
#![allow(clippy::unwrap_used)]

mod faults;

use super::*;
use crate::{
    controller::testing::{MemoryApi, context},
    signals::TriggeredAll,
};
use backends::postgres::testing::TestDatabase;
use domain::experiment::Verdict as Found;
use serde_json::{Value, json};
use uuid::Uuid;

const PATH: &str = "/apis/threads-agent.io/v1alpha1/namespaces/a/experiments/hooks";
const TEMPLATE: &str = "/apis/threads-agent.io/v1alpha1/namespaces/a/prompttemplates/launch";
const PERSONA: Uuid = Uuid::from_u128(77);

/// An analysis that decides earlier than any statistics would: the arm with the highest mean wins once each arm has a
/// matured unit.
pub fn evaluate_at_once(design: &Design, evidence: &Evidence) -> Evaluation {
    let mut evaluation = domain::experiment::evaluate(design, evidence);
    for (index, arm) in evaluation.arms.iter_mut().enumerate() {
        let rates: Vec<f64> = evidence
            .units
            .iter()
            .filter(|unit| usize::from(unit.arm) == index)
            .map(|unit| unit.objective.rate())
            .collect();
        arm.mean = (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64);
    }
    if evaluation.arms.iter().all(|arm| arm.mean.is_some()) {
        let best = (0..evaluation.arms.len()).max_by(|one, other| {
            let mean = |arm: &usize| evaluation.arms[*arm].mean.unwrap();
            mean(one).total_cmp(&mean(other))
        });
        let control = design.control();
        evaluation.verdict = if best == Some(control) {
            Found::Loser
        } else {
            Found::Winner
        };
        evaluation.winner = best;
        evaluation.leader = best;
        evaluation.sentence = "the better arm leads".into();
    }
    evaluation
}

pub struct Scenario {
    pub api: MemoryApi,
    pub world: ExperimentWorld,
    pub triggered: TriggeredAll,
    /// Keeps the name of the throw-away database.
    pub database: TestDatabase,
}

pub fn spec() -> Value {
    json!({
        "hypothesis": "questions work",
        "personaRef": { "name": "maya" },
        "variants": [
            { "name": "plain", "control": true, "weightBp": 5000, "prompt": { "template": "launch", "version": "v1" } },
            { "name": "bold", "weightBp": 5000, "prompt": { "template": "launch", "version": "v2" } },
        ],
        "objective": {
            "metric": { "numerator": "likes", "denominator": "impressions" },
            "attributionWindowSeconds": 60, "ingestGraceSeconds": 0,
        },
        "decision": { "mode": "AutoPromote", "template": "launch", "track": "production" },
    })
}

impl Scenario {
    /// A namespace with persona, template (track managed) and a draft of the experiment.
    pub async fn create(spec: Value) -> Option<Self> {
        let api = MemoryApi::default();
        let (ctx, triggered, database) = context(&api).await?;
        let scenario = Self {
            world: ExperimentWorld {
                evaluate: evaluate_at_once,
                ..ExperimentWorld::new(&ctx)
            },
            api,
            triggered,
            database,
        };
        scenario.api.put(
            "/api/v1/namespaces/a",
            json!({ "metadata": { "name": "a", "uid": Uuid::from_u128(9) } }),
        );
        scenario.put_template(json!({ "name": "production", "managed": { "initial": "v1" } }));
        scenario.put(Uuid::from_u128(1), spec);
        Some(scenario)
    }

    /// With rows of persona and versions, and annotated to start.
    pub async fn started(spec: Value) -> Option<Self> {
        let scenario = Self::create(spec).await?;
        scenario.write_references().await;
        scenario.annotate("start", "now");
        scenario.reconcile().await.unwrap();
        Some(scenario)
    }

    pub async fn write_references(&self) {
        self.sql(&format!(
            "INSERT INTO personas (uid, namespace, namespace_uid, name, queue, collection)
                 VALUES ('{PERSONA}', 'a', '{namespace}', 'maya', 'q', 'c');
             INSERT INTO prompt_versions (namespace, digest, template_uid, template_name, version, number, system, hook, body)
                 VALUES ('a', 'd1', '{template}', 'launch', 'v1', 1, '', 'h', 'b'), ('a', 'd2', '{template}', 'launch', 'v2', 2, '', 'h', 'b')",
            namespace = Uuid::from_u128(9),
            template = Uuid::from_u128(8),
        ))
        .await;
    }

    pub fn put(&self, uid: Uuid, spec: Value) {
        let object = json!({
            "apiVersion": "threads-agent.io/v1alpha1", "kind": "Experiment",
            "metadata": { "name": "hooks", "namespace": "a", "uid": uid, "generation": 1 }, "spec": spec,
        });
        self.api.put(PATH, object);
    }

    pub fn put_template(&self, track: Value) {
        let object = json!({
            "apiVersion": "threads-agent.io/v1alpha1", "kind": "PromptTemplate",
            "metadata": { "name": "launch", "namespace": "a", "uid": Uuid::from_u128(8) },
            "spec": { "versions": [{ "name": "v1", "hook": "h", "body": "b" }, { "name": "v2", "hook": "i", "body": "b" }],
                "tracks": [track] },
        });
        self.api.put(TEMPLATE, object);
    }

    pub fn annotate(&self, verb: &str, value: &str) {
        let mut object = self.api.get(PATH);
        object["metadata"]["annotations"][format!("threads-agent.io/{verb}")] = json!(value);
        self.api.put(PATH, object);
    }

    pub fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut object = self.api.get(PATH);
        change(&mut object["spec"]);
        let generation = object["metadata"]["generation"].as_i64().unwrap();
        object["metadata"]["generation"] = json!(generation + 1);
        self.api.put(PATH, object);
    }

    pub fn object(&self) -> Experiment {
        serde_json::from_value(self.api.get(PATH)).unwrap()
    }

    pub async fn reconcile(&self) -> Result<Outcome, ReconcileError> {
        reconcile_in(&self.world, &self.object()).await
    }

    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(self.world.store.pool())
            .await
            .unwrap()
    }

    pub async fn sql(&self, statement: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(self.world.store.pool())
            .await
            .unwrap();
    }

    /// A published post of this arm, seen so many seconds ago, with likes of ten impressions.
    pub async fn unit(&self, arm: i32, seconds_ago: i32, likes: i32) {
        let (unit, subject, task) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
        self.sql(&format!(
            "INSERT INTO experiment_units (id, experiment_uid, namespace, task_id, arm, probability, weight_epoch, assigned_at, exposed_at,
                 freezes_at)
                 SELECT '{unit}', uid, 'a', '{task}', {arm}, 0.5, 0, now() - interval '{seconds_ago} seconds',
                     now() - interval '{seconds_ago} seconds', now() - interval '{seconds_ago} seconds' + interval '60 seconds'
                 FROM experiments WHERE gone_at IS NULL;
             INSERT INTO posts (id, namespace, persona_uid, persona_id, task_id, run_id, index, hook, body, content_hash, model, stand_in,
                 collection, embedding_model, embedding) VALUES ('{subject}', 'a', '{PERSONA}', 'maya', '{task}', '{task}', 0, 'h', 'b',
                 '{subject}', 'm', true, 'c', 'e', '{{1}}');
             INSERT INTO outcome_totals (subject, metric, namespace, events) VALUES ('{subject}', 'likes', 'a', {likes}),
                 ('{subject}', 'impressions', 'a', 10)"
        ))
        .await;
    }

    pub fn condition(&self, type_: &str) -> String {
        let object = self.api.get(PATH);
        let found = object["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["type"] == type_)
            .unwrap_or_else(|| panic!("{type_} in {object}"))
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

    pub fn status(&self, field: &str) -> Value {
        self.api.get(PATH)["status"][field].clone()
    }
}

fn reasons(outcome: &Outcome) -> Vec<&str> {
    outcome.notices.iter().map(|notice| notice.reason).collect()
}

#[tokio::test]
async fn a_draft_waits_for_what_it_refers_to_then_for_its_start() {
    let Some(scenario) = Scenario::create(spec()).await else {
        return;
    };
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(outcome.verdict, Verdict::Waiting);
    assert!(outcome.again.is_some());
    assert_eq!(scenario.condition("Ready"), "False PersonaNotFound");
    assert_eq!(scenario.condition("Reconciling"), "True PersonaNotFound");
    assert_eq!(scenario.status("phase"), "Waiting");

    scenario
        .sql("UPDATE waits SET since = now() - interval '6 minutes'")
        .await;
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Stalled"), "True PersonaNotFound");
    assert_eq!(scenario.status("phase"), "Stalled");

    scenario.write_references().await;
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Ready"), "True NotStarted");
    assert_eq!(scenario.status("phase"), "Draft");
    assert_eq!(scenario.status("startedAt"), Value::Null);

    scenario.annotate("start", "now");
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(reasons(&outcome), ["Started"]);
    assert_eq!(scenario.condition("Ready"), "True Collecting");
    assert_eq!(scenario.condition("Running"), "True Collecting");
    assert_eq!(scenario.status("phase"), "Running");
    assert!(scenario.status("startedAt").is_string());
    let arms = scenario
        .number("SELECT count(*) FROM experiments WHERE arms->1->>'promptDigest' = 'd2' AND weight_epoch = 0")
        .await;
    assert_eq!(arms, 1);
}

#[tokio::test]
async fn a_version_that_does_not_parse_yet_is_waited_for() {
    let mut spec = spec();
    spec["variants"][1]["prompt"]["version"] = json!("v3");
    let Some(scenario) = Scenario::create(spec).await else {
        return;
    };
    scenario.write_references().await;
    scenario.annotate("start", "now");
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Ready"), "False VersionNotFound");
    assert_eq!(scenario.number("SELECT count(*) FROM experiments").await, 0);
}

/// FAULTS 6: a reconcile without news writes nothing, neither rows nor status.
#[tokio::test]
async fn units_that_matured_lead_to_a_winner_whose_version_is_promoted_once() {
    let Some(mut scenario) = Scenario::started(spec()).await else {
        return;
    };
    scenario.unit(0, 100, 1).await;
    scenario.unit(1, 10, 5).await;
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.status("verdict"), "Pending");
    assert_eq!(scenario.status("matured"), 1);
    let writes = scenario.api.writes();
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.api.writes(), writes, "nothing changed");

    scenario.unit(1, 100, 5).await;
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(reasons(&outcome), ["WinnerFound", "Promoted"]);
    assert_eq!(scenario.condition("DecisionReached"), "True Winner");
    assert_eq!(scenario.condition("Promoted"), "True WinnerPromoted");
    assert_eq!(scenario.condition("Ready"), "True Winner");
    assert_eq!(scenario.condition("Running"), "False Winner");
    assert_eq!(scenario.status("phase"), "Decided");
    assert_eq!(scenario.status("winner"), "bold");
    assert_eq!(scenario.status("decisions")[0]["action"], "promoted");
    assert_eq!(
        scenario.triggered.templates.try_recv().unwrap().name,
        "launch"
    );
    let promoted = scenario
        .number("SELECT count(*) FROM promotions WHERE version = 'v2' AND digest = 'd2' AND track = 'production'")
        .await;
    assert_eq!(promoted, 1);
    let writes = scenario.api.writes();
    let outcome = scenario.reconcile().await.unwrap();
    assert!(outcome.notices.is_empty() && outcome.again.is_some());
    assert_eq!(scenario.api.writes(), writes);
}

#[tokio::test]
async fn an_experiment_does_not_start_into_a_fixed_track_and_one_that_git_fixes_later_wins() {
    let Some(scenario) = Scenario::create(spec()).await else {
        return;
    };
    scenario.write_references().await;
    scenario.annotate("start", "now");
    scenario.put_template(json!({ "name": "production", "version": "v1" }));
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(outcome.verdict, Verdict::Refused);
    assert_eq!(scenario.condition("Stalled"), "True TrackNotManaged");

    scenario.put_template(json!({ "name": "production", "managed": { "initial": "v1" } }));
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Running"), "True Collecting");
    scenario.put_template(json!({ "name": "production", "version": "v1" }));
    scenario.unit(0, 100, 1).await;
    scenario.unit(1, 100, 5).await;
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(reasons(&outcome), ["WinnerFound", "PromotionRefused"]);
    assert_eq!(scenario.condition("Promoted"), "False TrackNotManaged");
    assert_eq!(scenario.number("SELECT count(*) FROM promotions").await, 0);
}

#[tokio::test]
async fn a_manual_decision_waits_for_an_approval_that_names_the_digest() {
    let mut spec = spec();
    spec["decision"]["mode"] = json!("Manual");
    let Some(scenario) = Scenario::started(spec).await else {
        return;
    };
    scenario.unit(0, 100, 1).await;
    scenario.unit(1, 100, 5).await;
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(reasons(&outcome), ["WinnerFound", "AwaitingApproval"]);
    assert_eq!(scenario.status("phase"), "AwaitingApproval");
    scenario.annotate("promote", "another digest");
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Promoted"), "False AwaitingApproval");
    let digest = scenario.status("inputsDigest");
    scenario.annotate("promote", digest.as_str().unwrap());
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(reasons(&outcome), ["Promoted"]);
    assert_eq!(scenario.status("phase"), "Decided");
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.number("SELECT count(*) FROM promotions").await, 1);
}

#[tokio::test]
async fn a_loser_rolls_the_track_back_to_the_control() {
    let mut spec = spec();
    spec["decision"]["mode"] = json!("AutoRollback");
    let Some(scenario) = Scenario::started(spec).await else {
        return;
    };
    scenario.unit(0, 100, 5).await;
    scenario.unit(1, 100, 1).await;
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(reasons(&outcome), ["LoserFound", "RolledBack"]);
    assert_eq!(scenario.condition("Promoted"), "True RolledBack");
    let back = scenario
        .number("SELECT count(*) FROM promotions WHERE version = 'v1' AND action = 'rolledBack'")
        .await;
    assert_eq!(back, 1);
}

#[tokio::test]
async fn suspending_holds_it_and_cancelling_ends_it_without_a_claim() {
    let Some(scenario) = Scenario::started(spec()).await else {
        return;
    };
    scenario.unit(0, 100, 1).await;
    scenario.unit(1, 100, 5).await;
    scenario.edit(|spec| spec["suspend"] = json!(true));
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.condition("Running"), "False Suspended");
    assert_eq!(scenario.condition("Ready"), "True Suspended");
    assert_eq!(scenario.status("phase"), "Suspended");
    let held = scenario
        .number("SELECT count(*) FROM experiment_units WHERE matured_at IS NULL")
        .await;
    assert_eq!(held, 2);

    scenario.annotate("cancel", "yes");
    scenario.edit(|spec| spec["suspend"] = json!(false));
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(reasons(&outcome), ["Cancelled"]);
    assert_eq!(scenario.condition("DecisionReached"), "True Cancelled");
    assert_eq!(scenario.status("phase"), "Cancelled");
    assert_eq!(scenario.status("verdict"), "Inconclusive");
    assert_eq!(scenario.number("SELECT count(*) FROM promotions").await, 0);
}

/// The product's own analysis, from rows to a promoted version, and once more from the stored rows.
#[tokio::test]
async fn the_real_analysis_finds_a_large_effect_and_recomputes_to_the_same_digest() {
    let mut spec = spec();
    spec["stopping"] =
        json!({ "minDurationSeconds": 0, "maxDurationSeconds": 3600, "minUnitsPerArm": 20 });
    spec["analysis"] = json!({ "plannedUnits": 50, "engine": "Sequential" });
    spec["canary"] = json!({ "enabled": true, "relabels": 20 });
    let Some(mut scenario) = Scenario::started(spec).await else {
        return;
    };
    scenario.world.evaluate = domain::experiment::evaluate;
    for _ in 0..15 {
        scenario.unit(0, 100, 1).await;
        scenario.unit(1, 100, 5).await;
    }
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.status("verdict"), "Pending");
    assert_eq!(
        scenario.condition("DecisionReached"),
        "False TooFewEffectiveUnits"
    );
    assert_eq!(scenario.status("leader"), "bold");
    let canary = scenario.status("canary");
    assert_eq!(
        (&canary["relabels"], &canary["posts"]),
        (&json!(20), &json!(30))
    );

    for unit in 0..45 {
        scenario.unit(0, 100, unit % 3).await;
        scenario.unit(1, 100, 4 + unit % 3).await;
    }
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(reasons(&outcome), ["WinnerFound", "Promoted"]);
    assert_eq!(scenario.status("winner"), "bold");
    assert_eq!(scenario.status("phase"), "Decided");
    let url = scenario.database.operator_url.clone();
    let settings = crate::cli::RecomputeSettings {
        database_url: url.into(),
        namespace: "a".into(),
        name: "hooks".into(),
    };
    recompute::run(&settings).await.unwrap();
    scenario
        .sql("UPDATE experiment_units SET y[1] = y[1] + 1 WHERE maturity = 7")
        .await;
    recompute::run(&settings).await.unwrap_err();
}
