#![allow(clippy::unwrap_used)]

use super::*;
use crate::persona::testing::{persona, tenant};
use crate::persona::validate::validate;
use uuid::Uuid;

const OWN: Ownership = Ownership::Own {
    made: true,
    settled: true,
    adopted: false,
};
const JUST_MADE: Ownership = Ownership::Own {
    made: true,
    settled: false,
    adopted: false,
};
const ENTERED: Ownership = Ownership::Own {
    made: false,
    settled: false,
    adopted: false,
};

fn valid(policy: DriftPolicy, adoption: Adoption) -> ValidatedPersona {
    ValidatedPersona {
        drift_policy: policy,
        adoption,
        ..validate(&persona(), &tenant()).unwrap()
    }
}

fn queue(ownership: Ownership, sight: QueueSight, policy: DriftPolicy) -> Step {
    plan_queue(
        "q",
        &Thing {
            ownership,
            sight: Ok(sight),
        },
        policy == DriftPolicy::Repair,
    )
}

fn collection(ownership: Ownership, sight: CollectionSight, adoption: Adoption) -> Step {
    plan_collection(
        &valid(DriftPolicy::Repair, adoption),
        &Thing {
            ownership,
            sight: Ok(sight),
        },
        true,
    )
}

/// FAULTS 17 and 18.
#[test]
fn a_queue_is_made_kept_repaired_reported_or_refused() {
    use DriftPolicy::{Repair, Report};
    let standing = || QueueSight::Standing { ready: 3 };
    assert_eq!(
        queue(Ownership::Free, QueueSight::Absent, Report),
        Step::Create
    );
    assert_eq!(
        queue(ENTERED, QueueSight::Absent, Report),
        Step::Create,
        "what never stood did not drift"
    );
    assert_eq!(queue(OWN, standing(), Repair), Step::Keep);
    assert!(matches!(
        queue(OWN, QueueSight::Absent, Repair),
        Step::Repair { .. }
    ));
    assert!(matches!(
        queue(OWN, QueueSight::Unbound { ready: 0 }, Repair),
        Step::Repair { .. }
    ));
    assert!(matches!(
        queue(OWN, QueueSight::Absent, Report),
        Step::Report { .. }
    ));
    let different = QueueSight::Different {
        difference: "x-queue-type is classic".into(),
    };
    for ownership in [Ownership::Free, ENTERED, OWN] {
        assert!(matches!(
            queue(ownership, different.clone(), Repair),
            Step::Refuse { .. }
        ));
    }
}

/// RabbitMQ lists the binding of a queue later than the queue.
#[test]
fn what_was_made_a_moment_ago_has_not_drifted() {
    use DriftPolicy::{Repair, Report};
    for policy in [Repair, Report] {
        for sight in [QueueSight::Absent, QueueSight::Unbound { ready: 0 }] {
            assert_eq!(queue(JUST_MADE, sight, policy), Step::Create);
        }
        assert_eq!(
            queue(JUST_MADE, QueueSight::Standing { ready: 0 }, policy),
            Step::Keep
        );
    }
}

/// FAULTS 30 and 31.
#[test]
fn a_collection_is_made_adopted_rebuilt_or_refused_and_never_replaced() {
    use Adoption::{IfMatching, Never};
    let standing = |points| CollectionSight::Standing { points };
    assert_eq!(
        collection(Ownership::Free, CollectionSight::Absent, Never),
        Step::Create
    );
    assert_eq!(
        collection(Ownership::Free, standing(7), IfMatching),
        Step::Adopt
    );
    assert!(matches!(
        collection(Ownership::Free, standing(0), Never),
        Step::Refuse { .. }
    ));
    assert_eq!(
        collection(ENTERED, standing(0), Never),
        Step::Create,
        "an earlier attempt made it"
    );
    assert_eq!(collection(OWN, standing(7), Never), Step::Keep);
    assert!(matches!(
        collection(OWN, CollectionSight::Absent, Never),
        Step::Repair { .. }
    ));
    let different = CollectionSight::Different {
        difference: "3 dimensions".into(),
    };
    assert!(matches!(
        collection(OWN, different, IfMatching),
        Step::Refuse { .. }
    ));
}

/// FAULTS 43.
#[test]
fn what_is_anothers_is_left_alone_whatever_it_looks_like() {
    let other = || Ownership::Other {
        namespace: "b".into(),
        owner: Uuid::nil(),
    };
    for sight in [QueueSight::Absent, QueueSight::Standing { ready: 0 }] {
        assert!(matches!(
            queue(other(), sight, DriftPolicy::Repair),
            Step::Refuse { .. }
        ));
    }
    assert!(matches!(
        collection(other(), CollectionSight::Absent, Adoption::IfMatching),
        Step::Refuse { .. }
    ));
}

#[test]
fn a_service_that_does_not_answer_is_waited_for() {
    let thing = Thing {
        ownership: OWN,
        sight: Err("no route".into()),
    };
    assert_eq!(
        plan_queue("q", &thing, true),
        Step::Wait {
            why: "no route".into()
        }
    );
}

/// FAULTS 26: a row deleted by hand is missing only if the persona was here before.
#[test]
fn a_missing_row_is_drift_only_where_there_was_one() {
    let observed = |ownership: Ownership, predecessor| Observed {
        row: None,
        predecessor,
        prompt: Err(Problem {
            reason: Reason::TrackNotFound,
            message: String::new(),
        }),
        secrets: Ok(()),
        queue: Thing {
            ownership: ownership.clone(),
            sight: Ok(QueueSight::Standing { ready: 0 }),
        },
        dead_letters: Thing {
            ownership,
            sight: Ok(QueueSight::Standing { ready: 0 }),
        },
        collection: Thing {
            ownership: OWN,
            sight: Ok(CollectionSight::Standing { points: 0 }),
        },
    };
    let persona = valid(DriftPolicy::Report, Adoption::IfMatching);
    assert_eq!(
        plan(&persona, &observed(Ownership::Free, false)).row,
        Step::Create
    );
    assert_eq!(plan(&persona, &observed(OWN, true)).row, Step::Create);
    assert!(matches!(
        plan(&persona, &observed(OWN, false)).row,
        Step::Report { .. }
    ));
}
