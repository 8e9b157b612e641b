use super::*;
use crate::content_job::testing::valid;
use serde_json::json;

#[test]
fn a_job_is_moved_on_by_what_it_waits_for_alone() {
    let (waiting, job) = (Waiting::default(), valid(json!({})));
    waiting.note(&job, Some(Reason::PersonaNotReady));
    assert_eq!(waiting.of(Awaited::Persona, "a", "maya"), ["launch"]);
    assert_eq!(
        waiting.of(Awaited::Persona, "a", "otto"),
        Vec::<String>::new()
    );
    assert_eq!(
        waiting.of(Awaited::Persona, "b", "maya"),
        Vec::<String>::new()
    );
    waiting.note(&job, Some(Reason::TrackNotFound));
    assert_eq!(
        waiting.of(Awaited::Persona, "a", "maya"),
        Vec::<String>::new()
    );
    assert_eq!(waiting.of(Awaited::Template, "a", "whatever"), ["launch"]);
    waiting.note(&job, Some(Reason::WaitingForWorker));
    assert_eq!(
        waiting.of(Awaited::Template, "a", "whatever"),
        Vec::<String>::new()
    );
    waiting.note(&job, None);

    let job = valid(json!({ "experimentRef": { "name": "hooks" } }));
    waiting.note(&job, Some(Reason::ExperimentNotRunning));
    assert_eq!(waiting.of(Awaited::Experiment, "a", "hooks"), ["launch"]);
    assert!(waiting.of(Awaited::Experiment, "a", "other").is_empty());
    waiting.note(&job, None);
    assert!(waiting.of(Awaited::Experiment, "a", "hooks").is_empty());
}
