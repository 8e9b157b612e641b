#![allow(clippy::unwrap_used)]

use super::*;
use crate::content_job::{
    resolve::{Resolved, resolve},
    testing::{
        references::{experiment, references, template},
        valid,
    },
};
use serde_json::{Value, json};

fn reference(named: bool) -> ExperimentReference {
    ExperimentReference {
        name: "hooks".into(),
        named,
        declared: true,
        row: Some(experiment()),
        arms: vec![
            ArmReference::default(),
            ArmReference {
                template: Some(template(json!([{ "name": "opening", "required": true }]))),
                prompt: Some(PinnedPrompt {
                    digest: "bold-digest".into(),
                    version: "v2".into(),
                    source: domain::prompts::PromptSource {
                        system: String::new(),
                        hook: "{{ variables.opening }} {{ input }} and a prompt that is longer by far than the one that a task without an arm has".into(),
                        body: "{{ hook }}".into(),
                    },
                }),
            },
        ],
    }
}

fn resolved(
    job: Value,
    named: bool,
    spoil: impl FnOnce(&mut ExperimentReference),
) -> Result<Resolved, Obstacle> {
    let mut experiment = reference(named);
    spoil(&mut experiment);
    let references = References {
        experiment: Some(experiment),
        ..references()
    };
    resolve(&valid(job), &references)
}

#[test]
fn a_job_asks_for_its_own_experiment_then_for_the_personas() {
    let name = |job: Value, default| experiment_name(&valid(job), default);
    let hooks = || Some(("hooks".to_owned(), true));
    let own = json!({ "experimentRef": { "name": "hooks" } });
    assert_eq!(name(own.clone(), None), hooks());
    assert_eq!(name(own, Some("other")), hooks());
    assert_eq!(
        name(json!({}), Some("other")),
        Some(("other".into(), false))
    );
    assert_eq!(name(json!({}), None), None);
    let prompt = json!({ "promptRef": { "name": "mine" } });
    assert_eq!(
        name(prompt, Some("other")),
        None,
        "its own prompt keeps it out"
    );
    assert_eq!(name(json!({ "mode": "Plan" }), Some("other")), None);
}

#[test]
fn each_arm_has_its_prompt_and_variables_and_the_dearest_one_is_reserved() {
    let alone = resolve(&valid(json!({})), &references()).unwrap();
    let joined = resolved(json!({ "variables": { "opening": "mine" } }), true, |_| ()).unwrap();
    let experiment = joined.experiment.unwrap();
    assert_eq!(experiment.uid, Uuid::from_u128(7));
    let arms = serde_json::to_value(&experiment.arms).unwrap();
    assert_eq!(
        arms,
        json!([
            { "name": "plain", "digest": "digest", "variables": { "opening": "mine" } },
            { "name": "bold", "digest": "bold-digest", "variables": { "opening": "Look!" } },
        ])
    );
    assert_eq!(
        joined.prompt_digest, "digest",
        "tasks without an arm keep theirs"
    );
    assert!(joined.task_tokens > alone.task_tokens);
    assert!(joined.experiment_note.unwrap().contains("hooks"));
    assert_eq!(alone.experiment_note, None);
}

/// What a job waits for where it names the experiment, is no obstacle where the experiment is the Persona's default.
#[test]
fn an_experiment_that_takes_no_posts_stops_only_the_job_that_names_it() {
    type Spoil = fn(&mut ExperimentReference);
    let cases: Vec<(Spoil, ObstacleKind, Reason)> = vec![
        (
            |e| (e.row, e.declared) = (None, false),
            ObstacleKind::Reference,
            Reason::ExperimentNotFound,
        ),
        (
            |e| e.row = None,
            ObstacleKind::Reference,
            Reason::ExperimentNotRunning,
        ),
        (
            |e| row(e).started_at = None,
            ObstacleKind::Reference,
            Reason::ExperimentNotRunning,
        ),
        (
            |e| row(e).ended_at = row(e).started_at,
            ObstacleKind::Person,
            Reason::ExperimentNotRunning,
        ),
        (
            |e| row(e).suspended = true,
            ObstacleKind::Hold,
            Reason::ExperimentNotRunning,
        ),
        (
            |e| row(e).persona_uid = Uuid::nil(),
            ObstacleKind::Person,
            Reason::ExperimentNotRunning,
        ),
        (
            |e| row(e).design.unit = UnitKind::Participant,
            ObstacleKind::Person,
            Reason::ExperimentNotRunning,
        ),
        (
            |e| e.arms[1] = ArmReference::default(),
            ObstacleKind::Reference,
            Reason::DigestNotFound,
        ),
        (
            |e| row(e).arms[1].variables.clear(),
            ObstacleKind::Person,
            Reason::VariableMissing,
        ),
        (
            |e| e.arms[1].prompt.as_mut().unwrap().source.body = "{{ nobody }}".into(),
            ObstacleKind::Person,
            Reason::VariableMissing,
        ),
    ];
    for (spoil, kind, reason) in cases {
        let obstacle = resolved(json!({}), true, spoil).unwrap_err();
        assert_eq!(
            (obstacle.kind, obstacle.reason),
            (kind, reason),
            "{}",
            obstacle.message
        );
        let without = resolved(json!({}), false, spoil).unwrap();
        assert_eq!(without.experiment, None);
        let note = without.experiment_note.unwrap();
        assert!(note.contains(&obstacle.message), "{note}");
    }
}

fn row(reference: &mut ExperimentReference) -> &mut ExperimentRow {
    reference.row.as_mut().unwrap()
}
