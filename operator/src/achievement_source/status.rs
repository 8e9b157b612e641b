//! From the row to what people see. Nothing here asks anybody; the clock is an argument.

use super::{PATIENCE_SECONDS, validate::ValidatedSource};
use crate::prompt_template::plan::Problem;
use backends::postgres::operator::achievements::SourceRow;
use chrono::{DateTime, Utc};
use crds::{
    AchievementSourceStatus, ConditionState, ConditionType, Reason,
    achievement_source::SourceCounts, set_condition,
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

/// What one reconcile came to.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    pub row: Option<SourceRow>,
    pub problems: Vec<Problem>,
    /// Seconds for which the oldest missing reference has been waited for.
    pub waiting_seconds: Option<f64>,
}

/// The status after a reconcile that got as far as applying.
#[must_use]
pub fn build(
    before: &AchievementSourceStatus,
    source: &ValidatedSource,
    applied: &Applied,
    now: Timestamp,
) -> AchievementSourceStatus {
    let settings = &source.settings;
    let mut status = AchievementSourceStatus {
        observed_generation: source.generation,
        conditions: before.conditions.clone(),
        repository: Some(format!(
            "{}/{}",
            settings.owner,
            settings.repository.as_deref().unwrap_or("*")
        )),
        webhook_path: (!source.webhook.is_empty())
            .then(|| format!("/webhooks/github/{}", source.uid)),
        ..AchievementSourceStatus::default()
    };
    if let Some(row) = &applied.row {
        status.last_delivery = row.last_delivery_at.and_then(time);
        status.caught_up_to = row.caught_up_at.and_then(time);
        status.lag = row.caught_up_at.map(|at| lag(seconds_since(at, now)));
        status.counts = Some(SourceCounts {
            collected: row.collected,
            analysed: row.analysed,
            waiting: row.waiting,
        });
    }
    let mut conditions = Conditions {
        status: &mut status,
        generation: source.generation,
        now,
    };
    let row = applied.row.as_ref();
    conditions.say(ConditionType::Reachable, reachable(row));
    conditions.say(
        ConditionType::WebhookVerified,
        verified(source, row, &applied.problems),
    );
    conditions.say(ConditionType::CaughtUp, caught_up(source, row, now));
    match applied.problems.first() {
        Some(problem) => conditions.obstructed(problem, applied.waiting_seconds.unwrap_or(0.0)),
        None => conditions.standing(source.suspended),
    }
    status
}

/// The status where nothing was decided: the last good state stays, and the reason is shown.
#[must_use]
pub fn build_obstructed(
    before: &AchievementSourceStatus,
    generation: Option<i64>,
    problem: &Problem,
    now: Timestamp,
) -> AchievementSourceStatus {
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

/// The status while a deletion cannot go on.
#[must_use]
pub fn build_deleting(
    before: &AchievementSourceStatus,
    generation: Option<i64>,
    message: &str,
    now: Timestamp,
) -> AchievementSourceStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    let mut conditions = Conditions {
        status: &mut status,
        generation,
        now,
    };
    let blocked = Reason::DependencyUnavailable;
    for (type_, state, reason, message) in [
        (ConditionType::Ready, false, Reason::Deleting, message),
        (ConditionType::Reconciling, true, blocked, message),
        (ConditionType::Stalled, false, blocked, ""),
    ] {
        conditions.set(type_, state.into(), reason, message);
    }
    status
}

type Word = (ConditionState, Reason, String);

fn word(state: ConditionState, reason: Reason, message: &str) -> Word {
    (state, reason, message.to_owned())
}

fn reachable(row: Option<&SourceRow>) -> Word {
    match row {
        Some(SourceRow {
            unreachable: Some(message),
            ..
        }) => word(ConditionState::False, Reason::HostUnreachable, message),
        Some(row) if row.reached_at.is_some() => word(ConditionState::True, Reason::Succeeded, ""),
        _ => word(
            ConditionState::Unknown,
            Reason::NotObserved,
            "the host was not asked yet",
        ),
    }
}

fn verified(source: &ValidatedSource, row: Option<&SourceRow>, problems: &[Problem]) -> Word {
    if source.webhook.is_empty() {
        let message = "spec.webhook is not set: no delivery is taken";
        return word(ConditionState::False, Reason::NotApplicable, message);
    }
    let Some(row) = row.filter(|row| row.webhook_keys_digest.is_some()) else {
        let problem = problems.first();
        return word(
            ConditionState::False,
            problem.map_or(Reason::DependencyUnavailable, |it| it.reason),
            problem.map_or("the webhook's secrets are not stored", |it| &it.message),
        );
    };
    match (&row.webhook_error, row.webhook_verified_at) {
        (error, Some(_)) => word(
            ConditionState::True,
            Reason::Succeeded,
            error.as_deref().unwrap_or_default(),
        ),
        (Some(error), None) => word(ConditionState::Unknown, Reason::NotObserved, error),
        (None, None) => word(
            ConditionState::Unknown,
            Reason::NotObserved,
            "no delivery came yet",
        ),
    }
}

/// Two intervals without a backfill that ended are too long.
fn caught_up(source: &ValidatedSource, row: Option<&SourceRow>, now: Timestamp) -> Word {
    let Some(at) = row.and_then(|row| row.caught_up_at) else {
        let message = "no backfill has ended yet";
        return word(ConditionState::Unknown, Reason::NotObserved, message);
    };
    if source.suspended {
        let message = "spec.suspend is true: nothing is asked of the host";
        return word(ConditionState::False, Reason::Suspended, message);
    }
    if seconds_since(at, now) <= 2 * source.settings.backfill_every_seconds {
        word(ConditionState::True, Reason::Succeeded, "")
    } else {
        let message = "the newest backfill did not end within two intervals";
        word(ConditionState::False, Reason::Behind, message)
    }
}

struct Conditions<'a> {
    status: &'a mut AchievementSourceStatus,
    generation: Option<i64>,
    now: Timestamp,
}

impl Conditions<'_> {
    fn set(&mut self, type_: ConditionType, state: ConditionState, reason: Reason, message: &str) {
        set_condition(
            &mut self.status.conditions,
            type_,
            state,
            reason,
            message,
            self.generation,
            self.now,
        );
    }

    fn say(&mut self, type_: ConditionType, (state, reason, message): Word) {
        self.set(type_, state, reason, &message);
    }

    fn standing(&mut self, suspended: bool) {
        let (reason, message) = if suspended {
            (
                Reason::Suspended,
                "spec.suspend is true: nothing is collected",
            )
        } else {
            (Reason::AllReady, "")
        };
        self.set(ConditionType::Ready, true.into(), reason, message);
        self.set(ConditionType::Reconciling, false.into(), reason, "");
        self.set(ConditionType::Stalled, false.into(), Reason::AllReady, "");
    }

    /// What is waited for is Reconciling, and Stalled after five minutes; what a person must mend is Stalled at once.
    fn obstructed(&mut self, problem: &Problem, waited: f64) {
        let stalled = !problem.waits || waited >= PATIENCE_SECONDS;
        for (type_, state) in [
            (ConditionType::Ready, false),
            (ConditionType::Reconciling, !stalled),
            (ConditionType::Stalled, stalled),
        ] {
            self.set(type_, state.into(), problem.reason, &problem.message);
        }
    }
}

fn seconds_since(at: DateTime<Utc>, now: Timestamp) -> i64 {
    (now.as_second() - at.timestamp()).max(0)
}

/// In the largest whole unit, so that a status does not change with every second.
fn lag(seconds: i64) -> String {
    match seconds {
        ..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn time(at: DateTime<Utc>) -> Option<Time> {
    Timestamp::from_second(at.timestamp()).ok().map(Time)
}
