#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn tenant(namespace: &str, uid: u128) -> Tenant {
    Tenant {
        install: "threads".into(),
        namespace: namespace.into(),
        namespace_uid: Uuid::from_u128(uid),
    }
}

#[test]
fn names_read_as_documented() {
    let tenant = tenant("studio", 7);
    assert!(persona_queue(&tenant, "maya").starts_with("content.generation.studio.maya-"));
    assert!(worker_login(&tenant, Slot::A).starts_with("threads_studio_"));
    assert!(
        worker_job("threads", "launch-week", Uuid::from_u128(1), 2).starts_with("launch-week-2-")
    );
}

#[test]
fn a_namespace_that_was_made_again_is_another_tenant() {
    let (before, after) = (tenant("studio", 1), tenant("studio", 2));
    assert_ne!(
        persona_queue(&before, "maya"),
        persona_queue(&after, "maya")
    );
    assert_ne!(
        worker_login(&before, Slot::A),
        worker_login(&after, Slot::A)
    );
}

#[test]
fn another_embedding_model_is_another_collection() {
    let space = |model: &str| EmbeddingSpace {
        model: model.into(),
        dimensions: 1536,
        distance: "Cosine".into(),
    };
    let tenant = tenant("studio", 1);
    assert_ne!(
        posts_collection(&tenant, "maya", &space("a")),
        posts_collection(&tenant, "maya", &space("b"))
    );
}

#[test]
fn parts_of_an_identity_do_not_run_together() {
    let one = tenant("a", 1);
    let two = tenant("a-b", 1);
    assert_ne!(persona_queue(&one, "b-c"), persona_queue(&two, "c"));
}

proptest! {
    #[test]
    fn names_keep_the_limits_of_their_systems(namespace in ".{0,80}", persona in ".{0,80}", ordinal in 0..i32::MAX, uid: u128) {
        let tenant = tenant(&namespace, uid);
        prop_assert!(worker_login(&tenant, Slot::B).len() <= 63);
        prop_assert!(worker_job("threads", &persona, Uuid::from_u128(uid), ordinal).len() <= 63);
        prop_assert!(dead_letter_queue(&persona_queue(&tenant, &persona)).len() <= 255);
        let login = worker_login(&tenant, Slot::A);
        prop_assert!(login.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-'));
    }

    #[test]
    fn identities_are_stable_and_distinct(run: u128, a in 0..10_000i32, b in 0..10_000i32) {
        let run = Uuid::from_u128(run);
        prop_assert_eq!(task_id(run, a), task_id(run, a));
        prop_assert_eq!(a == b, task_id(run, a) == task_id(run, b));
        prop_assert_ne!(post_id(task_id(run, a)), task_id(run, a));
    }

    #[test]
    fn seeds_differ_by_regeneration_and_fit_31_bits(task: u128) {
        let task = Uuid::from_u128(task);
        prop_assert!((0..1 << 31).contains(&model_seed(task, 0)));
        prop_assert_ne!(model_seed(task, 0), model_seed(task, 1));
    }
}

#[test]
fn a_unit_belongs_to_one_experiment_and_one_subject() {
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let units = [
        unit_of_task(one, two),
        unit_of_task(two, two),
        unit_of_task(one, one),
        unit_of_participant(one, &two.to_string()),
        unit_of_participant(two, "ada"),
    ];
    let distinct: std::collections::BTreeSet<_> = units.iter().collect();
    assert_eq!(distinct.len(), units.len());
    assert_eq!(unit_of_task(one, two), units[0]);
}
