//! More evidence never lowers a record's impact.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum More {
    Release(u8),
    Deployment(bool),
    Reviewer(u8),
    ReviewComments(u32),
    Closes(u16),
    Label(&'static str),
    Value(&'static str),
}

fn more() -> impl Strategy<Value = More> {
    prop_oneof![
        any::<u8>().prop_map(More::Release),
        any::<bool>().prop_map(More::Deployment),
        any::<u8>().prop_map(More::Reviewer),
        (0..5_000_u32).prop_map(More::ReviewComments),
        (41..999_u16).prop_map(More::Closes),
        prop_oneof![
            Just("p0"),
            Just("priority/high"),
            Just("customer"),
            Just("good first issue")
        ]
        .prop_map(More::Label),
        prop_oneof![
            Just("Saves 3 hours a week"),
            Just("Billing shows that it saves $900 a month")
        ]
        .prop_map(More::Value),
    ]
}

fn add(subject: &mut Subject, more: &More) {
    let pull = subject.pull_request.as_mut().unwrap();
    let mut line = |text: String| {
        let body = pull.body.get_or_insert_default();
        body.push('\n');
        body.push_str(&text);
    };
    match more {
        More::Release(tag) => subject
            .evidence
            .push(evidence("release", &format!("v{tag}"))),
        More::Deployment(live) => subject.evidence.push(evidence(
            "deployment",
            if *live { "production" } else { "staging" },
        )),
        More::Reviewer(id) => subject.people.push(Person {
            login: format!("r{id}"),
            role: Role::Reviewer,
        }),
        More::ReviewComments(count) => {
            pull.review_comments = Some(pull.review_comments.unwrap_or(0).max(*count))
        }
        More::Closes(issue) => line(format!("Closes #{issue}")),
        More::Label(label) => pull.labels.push((*label).into()),
        More::Value(text) => line((*text).into()),
    }
}

proptest! {
    #[test]
    fn more_evidence_never_lowers_impact(steps in prop::collection::vec(more(), 1..12)) {
        let mut growing = subject();
        let mut before = analyse(&growing).impact;
        for step in steps {
            add(&mut growing, &step);
            let after = analyse(&growing).impact;
            prop_assert!(after.points >= before.points, "{step:?} lowered {} to {}", before.points, after.points);
            prop_assert!(after.evidenced >= before.evidenced);
            for (old, new) in before.components.iter().zip(&after.components) {
                prop_assert!(new.points >= old.points && new.points <= new.cap, "{step:?}: {new:?}");
            }
            before = after;
        }
    }
}
