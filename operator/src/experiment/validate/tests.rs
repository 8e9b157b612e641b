#![allow(clippy::unwrap_used)]

use super::*;
use domain::experiment::{Allocation, MetricKind, UnitKind};
use serde_json::json;

fn experiment(change: impl FnOnce(&mut Value)) -> Experiment {
    let mut object = json!({
        "apiVersion": "threads-agent.io/v1alpha1", "kind": "Experiment",
        "metadata": { "name": "hooks", "namespace": "a", "uid": Uuid::from_u128(1),
            "annotations": { "threads-agent.io/start": "now", "threads-agent.io/promote": "digest" } },
        "spec": {
            "hypothesis": "h", "personaRef": { "name": "maya" },
            "variants": [
                { "name": "plain", "control": true, "weightBp": 4000, "prompt": { "template": "launch", "version": "v1" } },
                { "name": "bold", "weightBp": 6000, "dimensions": { "hook_style": "bold" } },
            ],
            "objective": { "metric": { "numerator": "likes", "denominator": "impressions" } },
        },
    });
    change(&mut object);
    serde_json::from_value(object).unwrap()
}

#[test]
fn the_resource_is_read_with_the_defaults_of_the_schema() {
    let validated = validate(&experiment(|_| {})).unwrap();
    let design = &validated.design;
    assert_eq!(
        (design.unit, design.allocation),
        (UnitKind::Post, Allocation::Fixed)
    );
    assert_eq!(design.metric.kind, MetricKind::Mean);
    assert_eq!(
        (design.attribution_seconds, design.planned_units),
        (172_800, 200)
    );
    assert_eq!(design.arms[1].weight_bp, 6000);
    assert_eq!(
        validated.variants[0].version,
        Some(("launch".into(), "v1".into()))
    );
    assert_eq!(validated.variants[1].variables["hook_style"], "bold");
    assert_eq!(
        (validated.start, validated.cancel, validated.approve),
        (true, false, Some("digest".into()))
    );
    assert_eq!((validated.target, validated.canary), (None, None));
}

/// FAULTS 40: what admission refuses may have been stored before its rule.
#[test]
fn arms_that_cannot_be_randomized_over_are_named() {
    let message = |change: fn(&mut Value)| validate(&experiment(change)).unwrap_err().to_string();
    let one = message(|object| {
        object["spec"]["variants"].as_array_mut().unwrap().pop();
    });
    assert!(one.contains("at least two"), "{one}");
    let controls = message(|object| object["spec"]["variants"][1]["control"] = json!(true));
    assert!(controls.contains("2 are"), "{controls}");
    let weights = message(|object| object["spec"]["variants"][1]["weightBp"] = json!(-4000));
    assert!(weights.contains("they sum to 4000"), "{weights}");
    let nul = message(|object| object["metadata"]["uid"] = Value::Null);
    assert_eq!(nul, "the resource has no uid");
}
