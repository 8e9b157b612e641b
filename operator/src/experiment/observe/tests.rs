#![allow(clippy::unwrap_used)]

use super::{super::testing::validated, *};
use backends::postgres::operator::prompts::VersionRow;

fn version(name: &str, digest: &str, number: i32) -> VersionRow {
    VersionRow {
        version: name.into(),
        digest: digest.into(),
        number,
    }
}

fn rows(versions: Vec<VersionRow>) -> HashMap<&'static str, TemplateRows> {
    HashMap::from([(
        "launch",
        TemplateRows {
            versions,
            ..TemplateRows::default()
        },
    )])
}

#[test]
fn versions_become_the_digests_of_their_newest_content() {
    let templates = rows(vec![
        version("v1", "one", 1),
        version("v2", "old", 2),
        version("v2", "new", 3),
    ]);
    let arms = resolve(&validated(), &templates).unwrap();
    let digests: Vec<_> = arms
        .iter()
        .map(|arm| arm.prompt_digest.as_deref().unwrap())
        .collect();
    assert_eq!(digests, ["one", "new"]);
}

#[test]
fn what_is_missing_is_named_and_waited_for() {
    let missing = resolve(&validated(), &rows(vec![version("v1", "one", 1)])).unwrap_err();
    assert_eq!(
        (missing.reason, missing.waits),
        (Reason::VersionNotFound, true)
    );
    assert!(missing.message.contains("v2"), "{}", missing.message);
    let missing = resolve(&validated(), &rows(vec![])).unwrap_err();
    assert_eq!(missing.reason, Reason::PromptTemplateNotFound);
}

#[test]
fn an_arm_of_variables_alone_keeps_the_prompt_of_its_task() {
    let mut experiment = validated();
    for variant in &mut experiment.variants {
        variant.version = None;
        variant
            .variables
            .insert("hook_style".into(), variant.name.clone().into());
    }
    let arms = resolve(&experiment, &HashMap::new()).unwrap();
    assert!(arms.iter().all(|arm| arm.prompt_digest.is_none()));
    assert_eq!(arms[1].variables["hook_style"], "bold");
}
