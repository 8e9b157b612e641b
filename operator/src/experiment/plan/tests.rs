#![allow(clippy::unwrap_used)]

use super::super::testing::{evaluation, row, validated};
use super::*;
use chrono::Utc;
use domain::experiment::Design;

fn observed(row: Option<ExperimentRow>) -> Observed {
    Observed {
        namespace_uid: Uuid::nil(),
        persona: Ok(Uuid::from_u128(7)),
        arms: Ok(super::super::testing::arms()),
        track: Track::Managed,
        seen_started: false,
        row,
    }
}

fn annotated() -> ValidatedExperiment {
    ValidatedExperiment {
        start: true,
        ..validated()
    }
}

fn with_mode(decision: DecisionMode) -> ValidatedExperiment {
    let experiment = validated();
    ValidatedExperiment {
        design: Design {
            decision,
            ..experiment.design.clone()
        },
        ..experiment
    }
}

#[test]
fn a_draft_gets_its_row_and_starts_only_when_annotated() {
    let plan_of = |experiment: &ValidatedExperiment| plan(experiment, &observed(None));
    let draft = plan_of(&validated());
    assert!(draft.ensure.is_some() && !draft.start && !draft.evaluate);
    let annotated = plan_of(&annotated());
    assert!(annotated.ensure.is_some() && annotated.start && annotated.evaluate);
}

#[test]
fn what_is_missing_keeps_it_from_starting_and_not_from_going_on() {
    let missing = Problem::waiting(Reason::PersonaNotFound, "no persona".into());
    let without = Observed {
        persona: Err(missing.clone()),
        ..observed(None)
    };
    let waiting = plan(&annotated(), &without);
    assert!(!waiting.start && waiting.ensure.is_none());
    assert_eq!(waiting.problems, [missing]);

    let running = Observed {
        row: Some(row()),
        ..without
    };
    let going_on = plan(&annotated(), &running);
    assert!(going_on.evaluate, "what was assigned still matures");
    assert_eq!(going_on.problems.len(), 1);
}

#[test]
fn an_experiment_that_shall_promote_by_itself_does_not_start_into_a_fixed_track() {
    let fixed = Observed {
        track: Track::Fixed,
        ..observed(None)
    };
    let started = |decision| {
        let experiment = ValidatedExperiment {
            start: true,
            ..with_mode(decision)
        };
        plan(&experiment, &fixed)
    };
    let refused = started(DecisionMode::AutoPromote);
    assert!(!refused.start);
    assert_eq!(refused.problems[0].reason, Reason::TrackNotManaged);
    assert!(!refused.problems[0].waits);
    assert!(started(DecisionMode::Manual).start);
}

#[test]
fn a_suspended_or_cancelled_experiment_is_not_evaluated() {
    let held = ValidatedExperiment {
        suspended: true,
        ..annotated()
    };
    let plan_of = |experiment: &ValidatedExperiment| plan(experiment, &observed(Some(row())));
    assert_eq!(plan_of(&held).suspend, Some(true));
    assert!(!plan_of(&held).evaluate);
    let cancelled = ValidatedExperiment {
        cancel: true,
        ..annotated()
    };
    assert!(plan_of(&cancelled).cancel && !plan_of(&cancelled).evaluate);
}

#[test]
fn an_ended_experiment_is_left_alone_but_for_approval_and_pruning() {
    let ended = ExperimentRow {
        ended_at: Some(Utc::now()),
        inputs_digest: Some("d".into()),
        ..row()
    };
    let experiment = ValidatedExperiment {
        cancel: true,
        ttl_seconds: 60.0,
        approve: Some("another".into()),
        ..annotated()
    };
    let plan_of =
        |experiment: &ValidatedExperiment| plan(experiment, &observed(Some(ended.clone())));
    assert_eq!(
        plan_of(&experiment),
        Plan {
            prune_after: Some(60.0),
            ..Plan::default()
        }
    );
    let approved = ValidatedExperiment {
        approve: Some("d".into()),
        ..experiment
    };
    assert_eq!(plan_of(&approved).approve.as_deref(), Some("d"));
}

#[test]
fn a_row_that_is_gone_is_drift_and_is_reported_or_begun_anew() {
    let gone = Observed {
        seen_started: true,
        ..observed(None)
    };
    let repaired = plan(&annotated(), &gone);
    assert!(repaired.drift.is_some() && repaired.ensure.is_some() && repaired.start);
    let reported = ValidatedExperiment {
        report_drift: true,
        ..annotated()
    };
    let left = plan(&reported, &gone);
    assert!(left.drift.is_some() && left.ensure.is_none());
}

#[test]
fn what_is_done_about_a_verdict_follows_from_mode_and_track() {
    let target = validated().target;
    let row_of = |decision| ExperimentRow {
        design: Design {
            decision,
            ..row().design
        },
        ..row()
    };
    let act = |mode, verdict, track| {
        act_on(
            &row_of(mode),
            target.as_ref(),
            &evaluation(verdict, Some(1)),
            track,
        )
    };
    use DecisionMode::{AutoPromote, AutoRollback, Manual};
    let cases = [
        (
            Manual,
            Verdict::Winner,
            Track::Fixed,
            Action::Awaiting,
            Some(1),
        ),
        (Manual, Verdict::Loser, Track::Managed, Action::None, None),
        (
            AutoPromote,
            Verdict::Winner,
            Track::Managed,
            Action::Promoted,
            Some(1),
        ),
        (
            AutoPromote,
            Verdict::Adopted,
            Track::Managed,
            Action::Promoted,
            Some(1),
        ),
        (
            AutoPromote,
            Verdict::Winner,
            Track::Fixed,
            Action::Refused,
            None,
        ),
        (
            AutoPromote,
            Verdict::Winner,
            Track::NoTemplate,
            Action::Refused,
            None,
        ),
        (
            AutoPromote,
            Verdict::Loser,
            Track::Managed,
            Action::None,
            None,
        ),
        (
            AutoPromote,
            Verdict::Invalid,
            Track::Managed,
            Action::None,
            None,
        ),
        (
            AutoRollback,
            Verdict::Loser,
            Track::Managed,
            Action::RolledBack,
            Some(0),
        ),
        (
            AutoRollback,
            Verdict::Winner,
            Track::Managed,
            Action::None,
            None,
        ),
        (
            AutoRollback,
            Verdict::NoDifference,
            Track::Managed,
            Action::None,
            None,
        ),
    ];
    for (mode, verdict, track, action, arm) in cases {
        assert_eq!(
            act(mode, verdict, track),
            Act { action, arm },
            "{mode:?} {verdict:?} {track:?}"
        );
    }
    let nameless = ExperimentRow {
        arms: vec![ArmRecord::default(); 2],
        ..row_of(AutoPromote)
    };
    let nothing = act_on(
        &nameless,
        target.as_ref(),
        &evaluation(Verdict::Winner, Some(1)),
        Track::Managed,
    );
    assert_eq!(
        nothing.action,
        Action::None,
        "an arm of variables alone names no version"
    );
}

#[test]
fn a_row_that_says_it_all_is_not_written_again() {
    let draft = |persona_uid| ExperimentRow {
        started_at: None,
        persona_uid,
        ..row()
    };
    let same = observed(Some(draft(Uuid::from_u128(7))));
    assert!(plan(&validated(), &same).ensure.is_none());
    assert!(
        plan(&annotated(), &same).start,
        "and it starts all the same"
    );
    let moved = observed(Some(draft(Uuid::from_u128(8))));
    assert!(plan(&validated(), &moved).ensure.is_some());
    let cancelled = ValidatedExperiment {
        cancel: true,
        ..annotated()
    };
    assert!(!plan(&cancelled, &observed(None)).start);
}
