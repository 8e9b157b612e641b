use super::*;
use crate::content_job::testing::job_with;
use serde_json::{Value, json};

fn wanted(policy: &str, finalizers: &[&str]) -> Option<Vec<String>> {
    let mut job = job_with(json!({ "deletionPolicy": policy }));
    job.metadata.finalizers = Some(
        finalizers
            .iter()
            .map(|finalizer| (*finalizer).to_owned())
            .collect(),
    );
    wanted_finalizers(&job)
}

#[test]
fn only_the_policy_delete_holds_a_job_back_and_others_finalizers_stay() {
    assert_eq!(wanted("Retain", &[]), None);
    assert_eq!(wanted("Delete", &[FINALIZER]), None);
    assert_eq!(
        wanted("Delete", &["other"]),
        Some(vec!["other".into(), FINALIZER.into()])
    );
    assert_eq!(
        wanted("Retain", &["other", FINALIZER]),
        Some(vec!["other".into()])
    );
}

#[test]
fn an_annotation_must_say_true() {
    for (value, expected) in [("true", true), ("false", false), ("yes", false)] {
        let mut job = job_with(Value::Object(serde_json::Map::new()));
        job.metadata.annotations = Some([(ANNOTATION_ERASE.to_owned(), value.to_owned())].into());
        assert_eq!(annotated(&job, ANNOTATION_ERASE), expected);
    }
}
