#![allow(clippy::unwrap_used)]

use super::*;
use crate::content_job::testing::{
    references::{condition, persona, prompt, ready, references, template},
    valid,
};
use serde_json::json;

#[test]
fn complete_references_resolve() {
    let resolved = resolve(&valid(json!({})), &references()).unwrap();
    assert_eq!(resolved.prompt_digest, "digest");
    assert_eq!(
        (resolved.payload.input.as_str(), resolved.payload.count),
        ("The launch", 3)
    );
    // 2 × "You are Maya." (4) + "On The launch" (4) + "(the hook)" (3) + 2 × 100 written + 200 embedded.
    assert_eq!(resolved.task_tokens, 2 * 4 + 4 + 3 + 400);
}

#[test]
fn a_plan_reserves_the_embedding_of_its_input_alone() {
    let resolved = resolve(&valid(json!({ "mode": "Plan", "count": 9 })), &references()).unwrap();
    assert_eq!(resolved.task_tokens, 3);
}

#[test]
fn each_missing_reference_has_its_reason() {
    type Spoil = fn(&mut References);
    let cases: Vec<(Spoil, ObstacleKind, Reason)> = vec![
        (
            |r| r.persona = None,
            ObstacleKind::Reference,
            Reason::PersonaNotFound,
        ),
        (
            |r| r.persona = Some(persona(json!(null))),
            ObstacleKind::Reference,
            Reason::PersonaNotReady,
        ),
        (
            |r| {
                r.persona = Some(persona(
                    json!({ "observedGeneration": 3, "conditions": [condition("Ready", "True", "")] }),
                ))
            },
            ObstacleKind::Reference,
            Reason::PersonaNotReady,
        ),
        (
            |r| {
                r.persona = Some(persona(
                    json!({ "observedGeneration": 4, "conditions": [condition("Ready", "False", "why")] }),
                ))
            },
            ObstacleKind::Reference,
            Reason::PersonaNotReady,
        ),
        (
            |r| r.pinned = None,
            ObstacleKind::Reference,
            Reason::PersonaNotReady,
        ),
        (
            |r| r.persona.as_mut().unwrap().spec.suspend = true,
            ObstacleKind::Hold,
            Reason::PersonaSuspended,
        ),
        (
            |r| r.template = None,
            ObstacleKind::Reference,
            Reason::PromptTemplateNotFound,
        ),
        (
            |r| r.prompt = Some(Err(MissingPrompt::Selector)),
            ObstacleKind::Reference,
            Reason::TrackNotFound,
        ),
        (
            |r| r.template = Some(template(json!([{ "name": "audience", "required": true }]))),
            ObstacleKind::Person,
            Reason::VariableMissing,
        ),
        (
            |r| r.prompt = Some(Ok(prompt("{{ variables.nobody }}"))),
            ObstacleKind::Person,
            Reason::VariableMissing,
        ),
        (
            |r| {
                r.prompt = Some(Ok(prompt(
                    "{% for x in range(100000) %}{{ x }}{% endfor %}",
                )))
            },
            ObstacleKind::Person,
            Reason::PromptInvalid,
        ),
        (
            |r| r.pinned.as_mut().unwrap().tokens_per_day = Some(100),
            ObstacleKind::Person,
            Reason::BudgetExhausted,
        ),
    ];
    for (spoil, kind, reason) in cases {
        let mut references = references();
        spoil(&mut references);
        let obstacle = resolve(&valid(json!({})), &references).unwrap_err();
        assert_eq!(
            (obstacle.kind, obstacle.reason),
            (kind, reason),
            "{}",
            obstacle.message
        );
    }
}

#[test]
fn a_persona_that_is_not_ready_says_why() {
    let mut references = references();
    references.persona = Some(persona(
        json!({ "observedGeneration": 4, "conditions": [condition("Ready", "False", "the queue is away")] }),
    ));
    assert!(
        resolve(&valid(json!({})), &references)
            .unwrap_err()
            .message
            .contains("the queue is away")
    );
}

#[test]
fn a_version_that_does_not_parse_is_told_with_the_templates_own_words() {
    let mut references = references();
    references.prompt = Some(Err(MissingPrompt::Template));
    let mut broken = template(json!([]));
    broken.status = serde_json::from_value(
        json!({ "conditions": [condition("Parsed", "False", "hook, line 3")] }),
    )
    .unwrap();
    references.template = Some(broken);
    let obstacle = resolve(&valid(json!({})), &references).unwrap_err();
    assert_eq!(obstacle.reason, Reason::PromptInvalid);
    assert!(obstacle.message.contains("hook, line 3"));
}

#[test]
fn variables_come_from_the_job_then_from_the_templates_defaults() {
    let mut references = references();
    references.template = Some(template(json!([
        { "name": "audience", "default": "all" }, { "name": "tone", "default": "dry" }, { "name": "mood" },
    ])));
    let resolved = resolve(
        &valid(json!({ "variables": { "tone": "warm", "extra": "x" } })),
        &references,
    )
    .unwrap();
    assert_eq!(
        Value::Object(resolved.variables),
        json!({ "audience": "all", "tone": "warm", "mood": "", "extra": "x" })
    );
}

#[test]
fn the_jobs_own_prompt_stands_before_the_personas() {
    let persona = persona(ready());
    assert_eq!(prompt_reference(&valid(json!({})), &persona).name, "launch");
    assert_eq!(
        prompt_reference(&valid(json!({ "promptRef": { "name": "mine" } })), &persona).name,
        "mine"
    );
}

#[test]
fn a_limit_below_one_task_stalls_at_once() {
    let obstacle =
        resolve(&valid(json!({ "limits": { "tokens": 10 } })), &references()).unwrap_err();
    assert_eq!(
        (obstacle.kind, obstacle.reason),
        (ObstacleKind::Person, Reason::BudgetExhausted)
    );
    assert!(obstacle.message.contains("spec.limits.tokens"));
}
