use super::*;
use crate::persona::testing::persona;

#[test]
fn only_the_policy_delete_needs_a_finalizer_and_others_stay() {
    let mut subject = persona();
    subject.metadata.finalizers = Some(vec!["other/finalizer".into()]);
    assert_eq!(plan_finalizer(&subject), FinalizerStep::Keep);
    subject.spec.deletion_policy = DeletionPolicy::Delete;
    assert_eq!(plan_finalizer(&subject), FinalizerStep::Add);
    subject.metadata.finalizers = Some(finalizers_after(&subject, FinalizerStep::Add));
    assert_eq!(plan_finalizer(&subject), FinalizerStep::Keep);
    subject.spec.deletion_policy = DeletionPolicy::Retain;
    assert_eq!(plan_finalizer(&subject), FinalizerStep::Remove);
    assert_eq!(
        finalizers_after(&subject, FinalizerStep::Remove),
        ["other/finalizer"]
    );
}
