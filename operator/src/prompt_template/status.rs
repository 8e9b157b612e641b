//! From what was done to what people see. Nothing here asks anybody; the clock is an argument.

use super::{
    PATIENCE_SECONDS,
    plan::{Problem, TrackWord, last_good},
    validate::{Invalid, ValidatedTemplate},
};
use backends::postgres::operator::prompts::TemplateRows;
use crds::{
    ConditionState, ConditionType, PromptTemplateStatus, Reason,
    prompt_template::{TrackStatus, VersionStatus},
    set_condition,
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

/// What one reconcile came to; every field must be looked at by whoever makes a status of it.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// The rows as they stand now.
    pub rows: TemplateRows,
    pub version_problems: Vec<Problem>,
    pub track_problems: Vec<Problem>,
    /// Who says which version each track names.
    pub words: Vec<TrackWord>,
    /// A sentence for each track that was moved.
    pub moved: Vec<String>,
    pub drift: Option<String>,
    /// Whether the rows were made to match.
    pub written: bool,
    pub used_by: i32,
    /// Seconds for which the oldest missing reference has been waited for.
    pub waiting_seconds: Option<f64>,
    pub paused: bool,
}

impl Applied {
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.version_problems.iter().chain(&self.track_problems)
    }

    /// The gravest problem: what only a person can mend comes before what is waited for.
    #[must_use]
    pub fn first_problem(&self) -> Option<&Problem> {
        self.problems()
            .find(|problem| !problem.waits)
            .or_else(|| self.problems().next())
    }
}

/// The status after a reconcile that got as far as applying.
#[must_use]
pub fn build(
    before: &PromptTemplateStatus,
    template: &ValidatedTemplate,
    applied: &Applied,
    now: Timestamp,
) -> PromptTemplateStatus {
    let Applied {
        rows,
        version_problems,
        track_problems,
        words,
        moved: _,
        drift,
        written,
        used_by,
        waiting_seconds,
        paused,
    } = applied;
    let mut status = before.clone();
    status.observed_generation = template.generation;
    status.versions = versions(template, rows);
    status.version_count = Some(i32::try_from(status.versions.len()).unwrap_or(i32::MAX));
    status.tracks = tracks(template, applied, before);
    status.used_by = Some(*used_by);
    let mut conditions = Conditions {
        status: &mut status,
        generation: template.generation,
        now,
    };
    if template.suspended {
        conditions.hold(
            Reason::Suspended,
            "spec.suspend is true; what is in use stays in use",
        );
        return status;
    }
    conditions.part(ConditionType::Parsed, version_problems.first());
    conditions.part(
        ConditionType::TracksInSync,
        track_problems
            .first()
            .or_else(|| version_of_track(words, version_problems)),
    );
    conditions.drift(drift.as_deref(), *written);
    match applied.first_problem() {
        Some(problem) => conditions.obstructed(problem, waiting_seconds.unwrap_or(0.0)),
        None if drift.is_some() && !written => {
            conditions.report(drift.as_deref().unwrap_or_default())
        }
        None if *paused => {
            conditions.hold(Reason::Paused, "the pause-all switch of the install is on")
        }
        None => conditions.ready(),
    }
    status
}

/// A version that a track names and that cannot be used now keeps the track from following.
fn version_of_track<'a>(words: &[TrackWord], problems: &'a [Problem]) -> Option<&'a Problem> {
    problems.iter().find(|problem| {
        words.iter().any(|word| {
            problem
                .message
                .starts_with(&format!("version {:?}:", word.version))
        })
    })
}

fn versions(template: &ValidatedTemplate, rows: &TemplateRows) -> Vec<VersionStatus> {
    let row_of = |version: &str| last_good(rows, version);
    template
        .versions
        .iter()
        .filter_map(|version| {
            let row = row_of(&version.name)?;
            Some(VersionStatus {
                name: version.name.clone(),
                digest: row.digest.clone(),
                number: row.number,
            })
        })
        .collect()
}

fn tracks(
    template: &ValidatedTemplate,
    applied: &Applied,
    before: &PromptTemplateStatus,
) -> Vec<TrackStatus> {
    let wanted = template.tracks.iter().filter_map(|track| {
        let mut rows = applied.rows.tracks.iter();
        Some((track, rows.find(|row| row.track == track.name)?))
    });
    wanted
        .map(|(track, row)| TrackStatus {
            managed: track.managed,
            by: said_by(applied, before, &row.track, &row.version),
            name: row.track.clone(),
            version: row.version.clone(),
            digest: row.digest.clone(),
            since: Timestamp::from_second(row.since.timestamp()).ok().map(Time),
        })
        .collect()
}

/// Who said that the track means this version; while nothing is decided anew, who said so before.
fn said_by(
    applied: &Applied,
    before: &PromptTemplateStatus,
    track: &str,
    version: &str,
) -> Option<String> {
    let words = applied.words.iter();
    let of_now = words
        .filter(|word| word.track == track && word.version == version)
        .map(|word| word.by.clone())
        .next();
    of_now.or_else(|| {
        let old = before.tracks.iter();
        old.filter(|old| old.name == track && old.version == version)
            .find_map(|old| old.by.clone())
    })
}

/// The status of a template whose spec cannot be acted upon: the last good state stays, and the reason is shown.
#[must_use]
pub fn build_invalid(
    before: &PromptTemplateStatus,
    generation: Option<i64>,
    invalid: &Invalid,
    now: Timestamp,
) -> PromptTemplateStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    let problem = Problem::of_person(Reason::SpecInvalid, invalid.to_string());
    let mut conditions = Conditions {
        status: &mut status,
        generation,
        now,
    };
    conditions.part(ConditionType::Parsed, Some(&problem));
    conditions.obstructed(&problem, 0.0);
    status
}

/// The status where Postgres or the Kubernetes API did not answer, so that nothing was looked at and nothing touched.
#[must_use]
pub fn build_unavailable(
    before: &PromptTemplateStatus,
    generation: Option<i64>,
    message: &str,
    now: Timestamp,
) -> PromptTemplateStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    let problem = Problem::waiting(Reason::DependencyUnavailable, message.to_owned());
    Conditions {
        status: &mut status,
        generation,
        now,
    }
    .obstructed(&problem, 0.0);
    status
}

/// The status while a deletion cannot go on.
#[must_use]
pub fn build_deleting(
    before: &PromptTemplateStatus,
    generation: Option<i64>,
    message: &str,
    now: Timestamp,
) -> PromptTemplateStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    let mut conditions = Conditions {
        status: &mut status,
        generation,
        now,
    };
    conditions.set(
        ConditionType::Ready,
        ConditionState::False,
        Reason::Deleting,
        message,
    );
    conditions.set(
        ConditionType::Reconciling,
        ConditionState::True,
        Reason::DependencyUnavailable,
        message,
    );
    conditions.set(
        ConditionType::Stalled,
        ConditionState::False,
        Reason::DependencyUnavailable,
        "",
    );
    status
}

struct Conditions<'a> {
    status: &'a mut PromptTemplateStatus,
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

    fn part(&mut self, type_: ConditionType, problem: Option<&Problem>) {
        match problem {
            None => self.set(type_, true.into(), Reason::Succeeded, ""),
            Some(problem) => self.set(type_, false.into(), problem.reason, &problem.message),
        }
    }

    fn drift(&mut self, drift: Option<&str>, written: bool) {
        match drift {
            None => self.set(ConditionType::Drifted, false.into(), Reason::InSync, ""),
            Some(drift) if written => self.set(
                ConditionType::Drifted,
                false.into(),
                Reason::Repaired,
                drift,
            ),
            Some(drift) => self.set(
                ConditionType::Drifted,
                true.into(),
                Reason::DriftReported,
                drift,
            ),
        }
    }

    fn ready(&mut self) {
        self.set(
            ConditionType::Ready,
            true.into(),
            Reason::AllReady,
            "all versions parse and all tracks name one",
        );
        self.set(
            ConditionType::Reconciling,
            false.into(),
            Reason::AllReady,
            "",
        );
        self.set(ConditionType::Stalled, false.into(), Reason::AllReady, "");
    }

    /// Nothing is wrong, and nothing is done either.
    fn hold(&mut self, reason: Reason, message: &str) {
        self.set(ConditionType::Ready, true.into(), reason, message);
        self.set(ConditionType::Reconciling, false.into(), reason, message);
        self.set(ConditionType::Stalled, false.into(), reason, "");
    }

    fn report(&mut self, drift: &str) {
        self.set(
            ConditionType::Ready,
            false.into(),
            Reason::DriftReported,
            drift,
        );
        self.set(
            ConditionType::Reconciling,
            false.into(),
            Reason::DriftReported,
            "",
        );
        self.set(
            ConditionType::Stalled,
            true.into(),
            Reason::DriftReported,
            drift,
        );
    }

    fn obstructed(&mut self, problem: &Problem, waited_seconds: f64) {
        let outage = problem.reason == Reason::DependencyUnavailable;
        let stalled = !outage && (!problem.waits || waited_seconds >= PATIENCE_SECONDS);
        self.set(
            ConditionType::Ready,
            false.into(),
            problem.reason,
            &problem.message,
        );
        self.set(
            ConditionType::Reconciling,
            (!stalled).into(),
            problem.reason,
            &problem.message,
        );
        self.set(
            ConditionType::Stalled,
            stalled.into(),
            problem.reason,
            &problem.message,
        );
    }
}

#[cfg(test)]
mod tests;
