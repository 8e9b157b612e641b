//! Experiments against a real Postgres: who matures when and with what, what a repeat changes, who may decide.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::operator::{
    OperatorStore,
    experiments::{
        Action, ArmRecord, Decided, Decision, EndReason, Ensured, ExperimentIdentity,
        ExperimentRow, Gathered, PromotionInto, WantedExperiment,
    },
};
use domain::{
    experiment::{
        Allocation, Arm, DecisionMode, Design, Direction, Engine, Estimand, Evaluation, Guardrail,
        Metric, MetricKind, Power, RatioMismatch, Stopping, UnitKind, Verdict,
    },
    names::{Tenant, task_id},
};
use serde_json::{Value, json};
use support::{Run, World};
use uuid::Uuid;

fn metric(kind: MetricKind, numerator: &str, denominator: Option<&str>) -> Metric {
    Metric {
        kind,
        numerator: numerator.into(),
        denominator: denominator.map(Into::into),
    }
}

/// Ten minutes of attribution, one of grace, an hour to publish.
fn design() -> Design {
    let arm = |name: &str, control| Arm {
        name: name.into(),
        control,
        weight_bp: 5_000,
    };
    Design {
        arms: vec![arm("control", true), arm("bold", false)],
        unit: UnitKind::Post,
        allocation: Allocation::Fixed,
        metric: metric(MetricKind::Mean, "likes", Some("impressions")),
        direction: Direction::Increase,
        estimand: Estimand::PerTask,
        attribution_seconds: 600,
        ingest_grace_seconds: 60,
        publish_deadline_seconds: 3_600,
        feed: "default".into(),
        guardrails: vec![Guardrail {
            name: "hides".into(),
            metric: metric(MetricKind::Mean, "hides", Some("impressions")),
            direction: Direction::Decrease,
            margin_bp: 100,
            relative: false,
        }],
        secondary: vec![],
        engine: Engine::Sequential,
        alpha_bp: 500,
        power_bp: 8_000,
        mde_bp: 1_000,
        planned_units: 100,
        probability_best_bp: 9_500,
        loss_threshold_bp: 100,
        covariates: vec![],
        stopping: Stopping::default(),
        decision: DecisionMode::AutoPromote,
    }
}

fn arms() -> Vec<ArmRecord> {
    ["control", "bold"]
        .map(|name| ArmRecord {
            name: name.into(),
            prompt_digest: Some("prompt".into()),
            version: Some("v1".into()),
            ..ArmRecord::default()
        })
        .to_vec()
}

/// A namespace with a run of queued tasks and an experiment.
struct Lab {
    world: World,
    tenant: Tenant,
    run: Run,
    object: Uuid,
}

impl Lab {
    async fn open(tasks: i32) -> Option<Self> {
        let world = World::create().await?;
        let tenant = world.tenant("lab");
        let run = world.run(&tenant, "launch", tasks, 50).await;
        Some(Self {
            world,
            tenant,
            run,
            object: Uuid::new_v4(),
        })
    }

    fn store(&self) -> &OperatorStore {
        &self.world.store
    }

    async fn ensure(&self, object: Uuid, design: &Design) -> (ExperimentRow, Ensured) {
        let wanted = WantedExperiment {
            identity: ExperimentIdentity {
                object_uid: object,
                namespace: "lab",
                namespace_uid: self.tenant.namespace_uid,
                name: "hooks",
            },
            persona_uid: self.run.persona,
            design,
            arms: &arms(),
            suspended: false,
        };
        self.store().ensure_experiment(&wanted).await.unwrap()
    }

    async fn started(&self, design: &Design) -> Uuid {
        let (row, _) = self.ensure(self.object, design).await;
        assert!(self.store().start_experiment(row.uid).await.unwrap());
        row.uid
    }

    async fn sql(&self, statement: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(self.store().pool())
            .await
            .unwrap();
    }

    async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(self.store().pool())
            .await
            .unwrap()
    }

    /// The unit of task `index`, as `create_run` writes it; answers its id.
    async fn assign(&self, experiment: Uuid, index: i32, arm: i32) -> Uuid {
        let (unit, task) = (Uuid::new_v4(), task_id(self.run.run, index));
        self.sql(&format!(
            "INSERT INTO experiment_units (id, experiment_uid, namespace, task_id, arm, probability, weight_epoch)
             VALUES ('{unit}', '{experiment}', 'lab', '{task}', {arm}, 0.5, 0)"
        ))
        .await;
        unit
    }

    /// The post of task `index`, published so many seconds ago, as the API notes it; answers its id.
    async fn publish(&self, index: i32, seconds_ago: i32) -> Uuid {
        let (task, post) = (task_id(self.run.run, index), Uuid::new_v4());
        self.sql(&format!(
            "INSERT INTO posts (id, namespace, persona_uid, persona_id, task_id, run_id, index, hook, body, content_hash, model,
                 stand_in, collection, embedding_model, embedding, published_at)
             VALUES ('{post}', 'lab', '{persona}', 'maya', '{task}', '{run}', {index}, 'h', 'b', 'h{index}', 'm', true, 'c', 'e', '{{1}}',
                 now() - interval '{seconds_ago} seconds');
             UPDATE tasks SET status = 'completed', completed_at = now() WHERE id = '{task}';
             UPDATE experiment_units SET assigned_at = now() - interval '{seconds_ago} seconds',
                 exposed_at = now() - interval '{seconds_ago} seconds', freezes_at = now() - interval '{seconds_ago} seconds'
                 + interval '660 seconds' WHERE task_id = '{task}'",
            persona = self.run.persona,
            run = self.run.run,
        ))
        .await;
        post
    }

    async fn tell(&self, subject: Uuid, metric: &str, events: f64) {
        self.sql(&format!(
            "INSERT INTO outcome_totals (subject, metric, namespace, events) VALUES ('{subject}', '{metric}', 'lab', {events})
             ON CONFLICT (subject, metric) DO UPDATE SET events = outcome_totals.events + excluded.events"
        ))
        .await;
    }

    /// Fate, place, y and x of a unit.
    async fn unit(&self, unit: Uuid) -> (Option<String>, Option<i64>, Vec<f64>, Vec<f64>) {
        sqlx::query_as("SELECT fate, maturity, y, x FROM experiment_units WHERE id = $1")
            .bind(unit)
            .fetch_one(self.store().pool())
            .await
            .unwrap()
    }
}

fn evaluation(verdict: Verdict, gathered: &Gathered) -> Evaluation {
    Evaluation {
        verdict,
        winner: Some(1),
        leader: Some(1),
        sentence: "bold leads by 10 %".into(),
        arms: vec![],
        comparisons: vec![],
        ratio_mismatch: RatioMismatch::default(),
        guardrails: vec![],
        secondary: vec![],
        power: Power::NoHistory,
        data_fresh: true,
        effective_units: 2.0,
        forecast_at: None,
        next_weights_bp: None,
        notes: vec![],
        inputs_digest: domain::digest::digest_of(&gathered.evidence.units),
    }
}

fn promotion() -> PromotionInto<'static> {
    PromotionInto {
        template: "launch",
        track: "production",
        version: "v2",
        digest: "d2",
    }
}

#[tokio::test]
async fn units_mature_once_in_the_order_of_their_freezing_and_stay_as_they_froze() {
    let Some(lab) = Lab::open(3).await else {
        return;
    };
    let uid = lab.started(&design()).await;
    let units = [
        lab.assign(uid, 0, 0).await,
        lab.assign(uid, 1, 1).await,
        lab.assign(uid, 2, 0).await,
    ];
    let first = lab.publish(0, 700).await;
    let second = lab.publish(1, 900).await;
    lab.publish(2, 650).await;
    lab.tell(first, "likes", 3.0).await;
    lab.tell(first, "impressions", 100.0).await;
    lab.tell(second, "impressions", 50.0).await;
    lab.sql("INSERT INTO outcome_totals (subject, metric, namespace, events, snapshot) SELECT subject, 'likes', 'lab', 1, 7 \
             FROM outcome_totals WHERE events = 50")
        .await;

    let matured = lab.store().mature_units(uid).await.unwrap();
    assert_eq!((matured.published, matured.units()), (2, 2));
    // The second froze earlier. A snapshot stands before the sum; each extra metric follows the objective.
    let published = || Some("published".to_owned());
    assert_eq!(
        lab.unit(units[1]).await,
        (published(), Some(1), vec![7.0, 0.0], vec![50.0, 50.0])
    );
    assert_eq!(
        lab.unit(units[0]).await,
        (published(), Some(2), vec![3.0, 0.0], vec![100.0, 100.0])
    );
    assert_eq!(
        lab.unit(units[2]).await.0,
        None,
        "ten seconds of its grace are left"
    );

    lab.tell(first, "likes", 1000.0).await;
    assert_eq!(lab.store().mature_units(uid).await.unwrap().units(), 0);
    assert_eq!(
        lab.unit(units[0]).await.2,
        [3.0, 0.0],
        "what came after is never applied"
    );
    let gathered = lab.store().gather_evidence(uid).await.unwrap().unwrap();
    let order: Vec<Uuid> = gathered.evidence.units.iter().map(|unit| unit.id).collect();
    assert_eq!(order, [units[1], units[0]]);
    assert_eq!(gathered.last_maturity, 2);
    assert_eq!(gathered.evidence.open_units, 1);
    let counts = gathered.evidence.counts[0].arms[0];
    assert_eq!((counts.assigned, counts.exposed, counts.matured), (2, 2, 1));
}

#[tokio::test]
async fn silence_is_missing_unless_a_heartbeat_covers_the_window() {
    let Some(lab) = Lab::open(2).await else {
        return;
    };
    let uid = lab.started(&design()).await;
    let (early, late) = (lab.assign(uid, 0, 0).await, lab.assign(uid, 1, 1).await);
    lab.publish(0, 2_000).await;
    lab.publish(1, 700).await;
    // Complete up to the end of the first one's window, not of the second's.
    lab.sql("INSERT INTO outcome_feeds (namespace, feed, through) VALUES ('lab', 'default', now() - interval '200 seconds')")
        .await;
    let matured = lab.store().mature_units(uid).await.unwrap();
    assert_eq!((matured.published, matured.missing), (1, 1));
    assert_eq!(
        lab.unit(early).await,
        (
            Some("published".into()),
            Some(1),
            vec![0.0, 0.0],
            vec![0.0, 0.0]
        )
    );
    assert_eq!(lab.unit(late).await.0.as_deref(), Some("missing"));
    let evidence = lab
        .store()
        .gather_evidence(uid)
        .await
        .unwrap()
        .unwrap()
        .evidence;
    assert_eq!(evidence.missing, [0, 1]);
    assert_eq!(evidence.units.len(), 1);
}

#[tokio::test]
async fn what_gave_no_published_post_counts_as_zero_per_task_and_not_at_all_among_published() {
    for (estimand, fate) in [
        (Estimand::PerTask, "zero"),
        (Estimand::AmongPublished, "excluded"),
    ] {
        let Some(lab) = Lab::open(4).await else {
            return;
        };
        let uid = lab
            .started(&Design {
                estimand,
                ..design()
            })
            .await;
        let mut units = Vec::new();
        for index in 0..4 {
            units.push(lab.assign(uid, index, index % 2).await);
        }
        let task = |index| task_id(lab.run.run, index);
        lab.sql(&format!(
            "UPDATE tasks SET status = 'rejected', completed_at = now() WHERE id = '{}';
             UPDATE tasks SET status = 'completed', completed_at = now() WHERE id = '{}';
             UPDATE experiment_units SET assigned_at = now() - interval '3601 seconds' WHERE task_id = '{}';
             UPDATE experiment_units SET assigned_at = now() - interval '3500 seconds' WHERE task_id = '{}'",
            task(0),
            task(1),
            task(1),
            task(2)
        ))
        .await;
        lab.store().mature_units(uid).await.unwrap();
        let mut fates = Vec::new();
        for unit in units {
            fates.push(lab.unit(unit).await.0);
        }
        // Rejected; completed and not published by the deadline; not due yet; queued.
        assert_eq!(
            fates,
            [Some(fate.to_owned()), Some(fate.to_owned()), None, None]
        );
        let evidence = lab
            .store()
            .gather_evidence(uid)
            .await
            .unwrap()
            .unwrap()
            .evidence;
        let counted = if estimand == Estimand::PerTask { 2 } else { 0 };
        assert_eq!(evidence.units.len(), counted);
        assert!(evidence.units.iter().all(|unit| !unit.published));
        let lost: u64 = evidence.counts[0].arms.iter().map(|arm| arm.lost).sum();
        assert_eq!(lost, 2);
    }
}

#[tokio::test]
async fn a_participant_is_exposed_at_assignment_and_silence_is_a_zero() {
    let Some(lab) = Lab::open(1).await else {
        return;
    };
    let uid = lab
        .started(&Design {
            unit: UnitKind::Participant,
            metric: metric(MetricKind::Proportion, "signup", None),
            guardrails: vec![],
            ..design()
        })
        .await;
    let (silent, converted) = (Uuid::new_v4(), Uuid::new_v4());
    lab.sql(&format!(
        "INSERT INTO experiment_units (id, experiment_uid, namespace, participant, arm, probability, weight_epoch, assigned_at) VALUES
             ('{silent}', '{uid}', 'lab', 'p1', 0, 0.5, 0, now() - interval '1 hour'),
             ('{converted}', '{uid}', 'lab', 'p2', 1, 0.5, 0, now() - interval '1 hour')"
    ))
    .await;
    lab.tell(converted, "signup", 3.0).await;
    assert_eq!(lab.store().mature_units(uid).await.unwrap().published, 2);
    assert_eq!(lab.unit(silent).await.2, [0.0]);
    assert_eq!(
        (lab.unit(converted).await.2, lab.unit(converted).await.3),
        (vec![1.0], vec![1.0])
    );
}

/// FAULTS 10: a crash between counting and writing status is a repeat of both, which changes nothing.
#[tokio::test]
async fn counting_again_after_a_crash_gives_the_same_evidence_and_the_stored_rows_give_it_once_more()
 {
    let Some(lab) = Lab::open(2).await else {
        return;
    };
    let uid = lab.started(&design()).await;
    lab.assign(uid, 0, 0).await;
    lab.assign(uid, 1, 1).await;
    let post = lab.publish(0, 700).await;
    lab.tell(post, "impressions", 10.0).await;
    lab.store().mature_units(uid).await.unwrap();
    let once = lab.store().gather_evidence(uid).await.unwrap().unwrap();
    lab.store().mature_units(uid).await.unwrap();
    let mut twice = lab.store().gather_evidence(uid).await.unwrap().unwrap();
    twice.evidence.now = once.evidence.now;
    assert_eq!(once.evidence, twice.evidence);

    let told = evaluation(Verdict::Pending, &once);
    assert!(
        lab.store()
            .record_evaluation(uid, &told, &once)
            .await
            .unwrap()
    );
    // What matures after the evaluation is not in what it counted.
    lab.publish(1, 700).await;
    lab.store().mature_units(uid).await.unwrap();
    let again = lab.store().counted_evidence(uid).await.unwrap().unwrap();
    assert_eq!(again.evidence, once.evidence);
    let row = lab
        .store()
        .experiment_of(lab.object)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.evaluation, Some(told));
}

/// FAULTS 12: two replicas decide at once.
#[tokio::test]
async fn two_who_decide_at_once_promote_once() {
    let Some(lab) = Lab::open(1).await else {
        return;
    };
    let uid = lab.started(&design()).await;
    let gathered = lab.store().gather_evidence(uid).await.unwrap().unwrap();
    let told = evaluation(Verdict::Winner, &gathered);
    let decision = Decision {
        evaluation: &told,
        gathered: &gathered,
        verdict: "Winner",
        winner: Some("bold"),
        action: Action::Promoted,
        promotion: Some(promotion()),
    };
    let (one, other) = tokio::join!(
        lab.store().decide_experiment(uid, &decision),
        lab.store().decide_experiment(uid, &decision)
    );
    let mut done = [one.unwrap(), other.unwrap()];
    done.sort_by_key(|decided| *decided == Decided::Already);
    assert_eq!(done, [Decided::Now, Decided::Already]);
    assert_eq!(lab.number("SELECT count(*) FROM promotions").await, 1);
    assert_eq!(
        lab.number("SELECT count(*) FROM experiment_decisions")
            .await,
        1
    );
    assert!(
        !lab.store()
            .record_evaluation(uid, &told, &gathered)
            .await
            .unwrap(),
        "no verdict changes"
    );

    // A leader that was replaced cannot decide at all.
    let fresh = lab.started_again().await;
    OperatorStore::lead(&lab.world.database.operator_url, "next")
        .await
        .unwrap();
    let lost = lab.store().decide_experiment(fresh, &decision).await;
    assert!(lost.is_err());
}

impl Lab {
    /// Another started experiment of the same persona.
    async fn started_again(&self) -> Uuid {
        let wanted = WantedExperiment {
            identity: ExperimentIdentity {
                object_uid: Uuid::new_v4(),
                namespace: "lab",
                namespace_uid: self.tenant.namespace_uid,
                name: "other",
            },
            persona_uid: self.run.persona,
            design: &design(),
            arms: &arms(),
            suspended: false,
        };
        let (row, _) = self.store().ensure_experiment(&wanted).await.unwrap();
        self.store().start_experiment(row.uid).await.unwrap();
        row.uid
    }
}

#[tokio::test]
async fn an_approval_must_name_the_digest_that_was_decided_and_promotes_once() {
    let Some(lab) = Lab::open(1).await else {
        return;
    };
    let uid = lab.started(&design()).await;
    let gathered = lab.store().gather_evidence(uid).await.unwrap().unwrap();
    let told = evaluation(Verdict::Winner, &gathered);
    let approve = |digest: String| {
        let store = lab.store().clone();
        async move {
            store
                .approve_promotion(uid, &digest, &promotion(), "approved")
                .await
                .unwrap()
        }
    };
    assert!(
        !approve(told.inputs_digest.clone()).await,
        "nothing was decided yet"
    );
    let decision = Decision {
        evaluation: &told,
        gathered: &gathered,
        verdict: "Winner",
        winner: Some("bold"),
        action: Action::Awaiting,
        promotion: None,
    };
    lab.store().decide_experiment(uid, &decision).await.unwrap();
    assert!(!approve("another".into()).await);
    assert!(approve(told.inputs_digest.clone()).await);
    assert!(!approve(told.inputs_digest.clone()).await);
    let decisions = lab.store().experiment_decisions(uid, 10).await.unwrap();
    let actions: Vec<Action> = decisions.iter().map(|decision| decision.action).collect();
    assert_eq!(actions, [Action::Promoted, Action::Awaiting]);
    let promoted = lab.store().promotion_of(uid).await.unwrap().unwrap();
    assert_eq!(
        (promoted.version.as_str(), promoted.action.as_str()),
        ("v2", "promoted")
    );
}

/// FAULTS 42, 45: the design follows the resource up to the start; a re-applied resource goes on with what its predecessor left.
#[tokio::test]
async fn a_reapplied_experiment_of_the_same_design_goes_on_and_another_design_begins_anew() {
    let Some(lab) = Lab::open(1).await else {
        return;
    };
    let (draft, ensured) = lab.ensure(lab.object, &design()).await;
    assert_eq!(ensured, Ensured::New);
    let changed = Design {
        planned_units: 7,
        ..design()
    };
    let (row, ensured) = lab.ensure(lab.object, &changed).await;
    assert_eq!(ensured, Ensured::Standing);
    assert_eq!((row.uid, row.design.planned_units), (draft.uid, 7));
    lab.store().start_experiment(row.uid).await.unwrap();
    let (row, _) = lab.ensure(lab.object, &design()).await;
    assert_eq!(row.design, changed, "it has started");

    lab.store().bury_experiment(lab.object).await.unwrap();
    let (second, third) = (Uuid::new_v4(), Uuid::new_v4());
    let (adopted, ensured) = lab.ensure(second, &changed).await;
    assert_eq!(ensured, Ensured::Adopted);
    assert_eq!((adopted.uid, adopted.object_uid), (row.uid, second));
    assert!(adopted.is_running());

    // What a person cancelled stays cancelled, whoever applies it again; its old object is known to be gone.
    assert!(
        lab.store()
            .cancel_experiment(adopted.uid, "cancelled")
            .await
            .unwrap()
    );
    let (still, ensured) = lab.ensure(third, &changed).await;
    assert_eq!(
        (ensured, still.ended_reason),
        (Ensured::Adopted, Some(EndReason::Cancelled))
    );
    let (other, ensured) = lab.ensure(Uuid::new_v4(), &design()).await;
    assert_eq!(ensured, Ensured::New);
    assert_ne!(other.uid, row.uid);
    assert_eq!(
        lab.number("SELECT count(*) FROM experiments WHERE gone_at IS NULL")
            .await,
        1
    );
}

#[tokio::test]
async fn weights_change_once_an_epoch_and_the_next_deadline_is_known() {
    let Some(lab) = Lab::open(1).await else {
        return;
    };
    let bandit = Design {
        allocation: Allocation::Bandit {
            floor_bp: 1_000,
            cadence_seconds: 500,
        },
        stopping: Stopping {
            min_seconds: 100,
            max_seconds: 9_000,
            ..Stopping::default()
        },
        ..design()
    };
    let uid = lab.started(&bandit).await;
    let due = || async {
        let marks = lab.store().running_experiments().await.unwrap();
        marks[0].due_seconds.map(f64::round)
    };
    assert_eq!(due().await, Some(0.0), "never evaluated");
    let gathered = lab.store().gather_evidence(uid).await.unwrap().unwrap();
    lab.store()
        .record_evaluation(uid, &evaluation(Verdict::Pending, &gathered), &gathered)
        .await
        .unwrap();
    assert_eq!(due().await, Some(100.0), "the minimum");
    lab.sql("UPDATE experiments SET started_at = started_at - interval '1300 seconds'; UPDATE experiment_weights SET since = since - interval '1300 seconds'")
        .await;
    assert_eq!(due().await, Some(200.0), "the cadence, for the third time");

    assert!(
        lab.store()
            .set_weights(uid, 0, &[2_000, 8_000])
            .await
            .unwrap()
    );
    assert!(
        !lab.store()
            .set_weights(uid, 0, &[1_000, 9_000])
            .await
            .unwrap()
    );
    let epochs = lab
        .store()
        .gather_evidence(uid)
        .await
        .unwrap()
        .unwrap()
        .evidence
        .epochs;
    assert_eq!(
        (epochs.len(), &epochs[1].weights_bp[..]),
        (2, &[2_000, 8_000][..])
    );
    assert_eq!(due().await, Some(500.0));

    let before = lab.store().running_experiments().await.unwrap();
    lab.assign(uid, 0, 0).await;
    let after = lab.store().running_experiments().await.unwrap();
    assert_ne!(before[0].mark, after[0].mark, "a unit was assigned");
    lab.publish(0, 560).await;
    assert_eq!(due().await, Some(100.0), "the unit freezes");
    lab.store().suspend_experiment(uid, true).await.unwrap();
    assert!(lab.store().running_experiments().await.unwrap().is_empty());
    assert_eq!(lab.store().mature_units(uid).await.unwrap().units(), 0);
}

#[tokio::test]
async fn pruning_and_removing_leave_what_the_promotion_rests_on() {
    let Some(lab) = Lab::open(1).await else {
        return;
    };
    let uid = lab.started(&design()).await;
    lab.assign(uid, 0, 0).await;
    let post = lab.publish(0, 700).await;
    lab.tell(post, "impressions", 10.0).await;
    lab.store().mature_units(uid).await.unwrap();
    let gathered = lab.store().gather_evidence(uid).await.unwrap().unwrap();
    let told = evaluation(Verdict::Winner, &gathered);
    let decision = Decision {
        evaluation: &told,
        gathered: &gathered,
        verdict: "Winner",
        winner: Some("bold"),
        action: Action::Promoted,
        promotion: Some(promotion()),
    };
    lab.store().decide_experiment(uid, &decision).await.unwrap();
    assert!(!lab.store().prune_experiment(uid, 3_600.0).await.unwrap());
    assert!(lab.store().prune_experiment(uid, 0.0).await.unwrap());
    assert_eq!(lab.number("SELECT count(*) FROM experiment_units").await, 0);
    assert!(lab.store().counted_evidence(uid).await.unwrap().is_none());
    let row = lab
        .store()
        .experiment_of(lab.object)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.evaluation, Some(told));

    lab.store().remove_experiment(lab.object).await.unwrap();
    assert_eq!(lab.number("SELECT count(*) FROM experiments").await, 0);
    assert_eq!(lab.number("SELECT count(*) FROM promotions").await, 1);
    assert_eq!(lab.number("SELECT count(*) FROM posts").await, 1);
}

#[tokio::test]
async fn history_is_frozen_at_the_start() {
    let Some(lab) = Lab::open(3).await else {
        return;
    };
    for (index, ago, likes) in [(0, 2_000, 4.0), (1, 1_000, 6.0), (2, 100, 9.0)] {
        let post = lab.publish(index, ago).await;
        lab.tell(post, "likes", likes).await;
        lab.tell(post, "impressions", 100.0).await;
    }
    let uid = lab.started(&design()).await;
    lab.sql("UPDATE outcome_totals SET events = 1000").await;
    let history = lab
        .store()
        .gather_evidence(uid)
        .await
        .unwrap()
        .unwrap()
        .evidence
        .history;
    // Oldest first; the third one's window is still open.
    let likes: Value = json!(history.iter().map(|unit| unit.y).collect::<Vec<_>>());
    assert_eq!(likes, json!([4.0, 6.0]));
}
