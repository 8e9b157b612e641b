//! The events of a job: the story that `kubectl describe` tells. They follow from what changed in the status, and from what
//! this reconcile did, so that a repeated reconcile tells nothing twice.

use super::{apply::RowLog, staff::Workers, status::NO_RUN_ID, verdict::Verdict};
use crate::controller::Notice;
use backends::postgres::operator::runs::Adoption;
use crds::{ConditionType, ContentJobStatus, Reason, find_condition, is_true};

/// What this reconcile did.
#[must_use]
pub fn of_deeds(after: &ContentJobStatus, log: &RowLog, workers: &Workers) -> Vec<Notice> {
    let mut told = Told(Vec::new());
    told.rows(after, log);
    if let Workers::Made { name, pods } = workers {
        told.normal("WorkerJobCreated", format!("Job {name}, Pods: {pods}"));
    }
    told.0
}

/// What changed, to be told once the status says so.
#[must_use]
pub fn of_changes(
    before: &ContentJobStatus,
    after: &ContentJobStatus,
    verdict: &Verdict,
) -> Vec<Notice> {
    let mut told = Told(Vec::new());
    told.progress(before, after);
    told.failures(before, after);
    told.turns(before, after, verdict);
    told.0
}

struct Told(Vec<Notice>);

impl Told {
    fn normal(&mut self, reason: &'static str, note: String) {
        self.0.push(Notice::normal(reason, note));
    }

    fn warning(&mut self, reason: &'static str, note: String) {
        self.0.push(Notice::warning(reason, note));
    }

    fn rows(&mut self, after: &ContentJobStatus, log: &RowLog) {
        let RowLog {
            created,
            adopted,
            restored,
            retried,
            discarded,
            ..
        } = log;
        if let Some(created) = created.filter(|created| created.new) {
            let total = after.counts.map_or(0, |counts| counts.total);
            if created.superseded > 0 {
                self.normal(
                    "Superseded",
                    "the earlier run was ended: this one takes its place".into(),
                );
            }
            let run = after.run_id.as_deref().filter(|run| *run != NO_RUN_ID);
            let note = run.map_or("everything that it refers to is there".to_owned(), |run| {
                format!("run {run}: everything that it refers to is there")
            });
            self.normal("Accepted", note);
            let mut note = format!("{} of {total} tasks queued", created.reservation.queued);
            if created.reservation.parked > 0 {
                note.push_str("; the others wait for tokens");
            }
            self.normal("TasksCreated", note);
        }
        match adopted {
            Some(Adoption::Finished) => {
                self.normal("Adopted", "a finished run of the same content was found under this name; nothing ran again".into());
            }
            Some(Adoption::Reopened) => {
                self.normal(
                    "Adopted",
                    "an unfinished run of the same content was found under this name; it goes on"
                        .into(),
                );
            }
            None => {}
        }
        if *restored > 0 {
            self.warning(
                "Drifted",
                format!("{restored} task rows were deleted by hand; they were restored"),
            );
        }
        if *retried > 0 {
            self.normal(
                "Retried",
                format!("{retried} failed tasks have fresh attempts"),
            );
        }
        if *discarded > 0 {
            self.normal(
                "Discarded",
                format!("{discarded} failed tasks were given up"),
            );
        }
    }

    fn progress(&mut self, before: &ContentJobStatus, after: &ContentJobStatus) {
        let stored = |status: &ContentJobStatus| status.counts.map_or(0, |counts| counts.succeeded);
        let (was, is) = (stored(before), stored(after));
        if is > was && before.run_id == after.run_id && after.plan.is_none() {
            self.normal(
                "PostsStored",
                format!(
                    "{} posts stored",
                    after.progress.as_deref().unwrap_or_default()
                ),
            );
        }
    }

    fn failures(&mut self, before: &ContentJobStatus, after: &ContentJobStatus) {
        let finished = is_true(&after.conditions, ConditionType::Finished);
        if let Some(error) = after
            .last_error
            .as_ref()
            .filter(|error| before.last_error.as_ref() != Some(error))
        {
            let note = format!("{}: {}", error.code, error.message);
            self.warning(
                if finished {
                    "AttemptFailed"
                } else {
                    "Retrying"
                },
                note,
            );
        }
        let dead = |status: &ContentJobStatus| {
            find_condition(&status.conditions, ConditionType::DeadLettered)
                .filter(|dead| dead.status == "True")
                .map(|dead| dead.message.clone())
        };
        if let Some(message) = dead(after).filter(|message| dead(before).as_ref() != Some(message))
        {
            self.warning("DeadLettered", message);
        }
        let drift = |status: &ContentJobStatus| is_true(&status.conditions, ConditionType::Drifted);
        if drift(after)
            && !drift(before)
            && let Some(drifted) = find_condition(&after.conditions, ConditionType::Drifted)
        {
            self.warning("Drifted", drifted.message.clone());
        }
    }

    /// The end, and what is waited for.
    fn turns(&mut self, before: &ContentJobStatus, after: &ContentJobStatus, verdict: &Verdict) {
        let finished = |status: &ContentJobStatus| {
            find_condition(&status.conditions, ConditionType::Finished)
                .filter(|finished| finished.status == "True")
                .map(|finished| finished.reason.clone())
        };
        if let Some(reason) = finished(after) {
            if finished(before).as_ref() != Some(&reason) {
                self.ended(&reason, &verdict.message);
            }
            return;
        }
        let why = |status: &ContentJobStatus| {
            find_condition(&status.conditions, ConditionType::Ready)
                .map(|ready| ready.reason.clone())
        };
        if verdict.stalled && !is_true(&before.conditions, ConditionType::Stalled) {
            self.warning("Stalled", verdict.message.clone());
        } else if verdict.reason == Reason::WorkerFailed && why(before) != why(after) {
            self.warning("WorkerFailed", verdict.message.clone());
        } else if verdict.waiting.is_some()
            && why(before) != why(after)
            && after.started_at.is_none()
        {
            self.normal("Waiting", verdict.message.clone());
        }
    }

    fn ended(&mut self, reason: &str, message: &str) {
        match reason {
            "AllSucceeded" => self.normal("Completed", message.to_owned()),
            "PartiallySucceeded" => self.warning("PartiallyCompleted", message.to_owned()),
            "Cancelled" => self.normal("Cancelled", message.to_owned()),
            _ => self.warning("Failed", message.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
