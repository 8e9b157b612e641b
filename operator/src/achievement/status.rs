//! From the record to what people see. Nothing here asks anybody; the clock is an argument.

mod conditions;
mod figures;

use super::{
    announce::Decision,
    validate::{Invalid, ValidatedAchievement},
};
use crate::prompt_template::plan::Problem;
use backends::postgres::operator::achievements::AchievementRow;
use conditions::Conditions;
use crds::{AchievementStatus, ConditionState, ConditionType, Reason};
use k8s_openapi::jiff::Timestamp;

/// What one reconcile came to.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// The record as it stands now.
    pub row: Option<AchievementRow>,
    pub problems: Vec<Problem>,
    pub drift: Option<String>,
    /// Whether the record was written.
    pub written: bool,
    /// Seconds for which the oldest missing reference has been waited for.
    pub waiting_seconds: Option<f64>,
    pub announcement: Decision,
    /// This reconcile ordered the announcement, or saw its job made.
    pub announced: bool,
}

impl Applied {
    /// The gravest problem: what only a person can mend comes before what is waited for.
    #[must_use]
    pub fn first_problem(&self) -> Option<&Problem> {
        self.problems
            .iter()
            .find(|problem| !problem.waits)
            .or_else(|| self.problems.first())
    }

    /// Its announcement waits for an object of which nobody tells achievements.
    #[must_use]
    pub fn awaits_another(&self) -> bool {
        matches!(
            self.announcement,
            Decision::Not {
                reason: Reason::PersonaNotFound | Reason::Conflict,
                ..
            }
        )
    }
}

/// The status after a reconcile that got as far as applying.
#[must_use]
pub fn build(
    before: &AchievementStatus,
    achievement: &ValidatedAchievement,
    applied: &Applied,
    now: Timestamp,
) -> AchievementStatus {
    let mut status = AchievementStatus {
        conditions: before.conditions.clone(),
        observed_generation: achievement.generation,
        ..AchievementStatus::default()
    };
    if let Some(row) = &applied.row {
        figures::fill(&mut status, row);
    }
    if let Decision::Approval { digest, .. } = &applied.announcement {
        status.approval_digest = Some(digest.clone());
    }
    let mut conditions = Conditions {
        status: &mut status,
        generation: achievement.generation,
        now,
    };
    conditions.of_record(applied);
    conditions.of_whole(achievement, applied);
    status
}

/// The status of an achievement whose spec cannot be acted upon: the last good state stays, and the reason is shown.
#[must_use]
pub fn build_invalid(
    before: &AchievementStatus,
    generation: Option<i64>,
    invalid: &Invalid,
    now: Timestamp,
) -> AchievementStatus {
    let problem = Problem::of_person(Reason::SpecInvalid, invalid.to_string());
    obstructed(before, generation, &problem, now)
}

/// The status where Postgres or the Kubernetes API did not answer, so that nothing was decided.
#[must_use]
pub fn build_unavailable(
    before: &AchievementStatus,
    generation: Option<i64>,
    message: &str,
    now: Timestamp,
) -> AchievementStatus {
    let problem = Problem::waiting(Reason::DependencyUnavailable, message.to_owned());
    obstructed(before, generation, &problem, now)
}

/// The status while a deletion cannot go on.
#[must_use]
pub fn build_deleting(
    before: &AchievementStatus,
    generation: Option<i64>,
    message: &str,
    now: Timestamp,
) -> AchievementStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    let mut conditions = Conditions {
        status: &mut status,
        generation,
        now,
    };
    let blocked = Reason::DependencyUnavailable;
    conditions.set(
        ConditionType::Ready,
        ConditionState::False,
        Reason::Deleting,
        message,
    );
    conditions.set(
        ConditionType::Reconciling,
        ConditionState::True,
        blocked,
        message,
    );
    conditions.set(ConditionType::Stalled, ConditionState::False, blocked, "");
    status
}

fn obstructed(
    before: &AchievementStatus,
    generation: Option<i64>,
    problem: &Problem,
    now: Timestamp,
) -> AchievementStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    Conditions {
        status: &mut status,
        generation,
        now,
    }
    .obstructed(problem, 0.0);
    status
}
