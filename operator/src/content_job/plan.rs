//! What has to be done to the rows of a job, decided without doing it.

use super::validate::ValidatedContentJob;
use backends::postgres::operator::counts::RunView;
use crds::common::policy::DriftPolicy;
use uuid::Uuid;

/// What the rows say of a job before anything is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    pub view: Option<RunView>,
    /// A run that this job may take over, where it has none.
    pub predecessor: Option<Uuid>,
}

/// What is to be done to the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowPlan {
    /// Another uid of the same name left this run.
    Adopt { run: Uuid },
    /// Resolve the references and write run, tasks, reservation and messages.
    Create,
    /// Nothing is written before `suspend` is taken back.
    Hold,
    /// Cancelled before anything was written.
    NeverStarted,
    /// The run stands; these mends, in this order, bring it to what the spec says.
    Mend(Vec<Mend>),
}

/// One change of the rows of a run that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// Rows were deleted by hand, and one is left as a pattern.
    RestoreTasks {
        missing: i64,
    },
    /// All rows were deleted by hand: the references are resolved anew.
    RewriteTasks {
        missing: i64,
    },
    Cancel,
    Sync,
    Retry {
        value: String,
    },
    Discard {
        value: String,
    },
    ForgetVerbs {
        retry: bool,
        discard: bool,
    },
    /// Tasks are parked for a budget that may hold them now.
    WakeParked,
    Finish,
}

/// Decides what to do to the rows.
#[must_use]
pub fn plan_rows(job: &ValidatedContentJob, observed: &Observed) -> RowPlan {
    match (&observed.view, observed.predecessor) {
        (Some(view), _) => RowPlan::Mend(plan_mends(job, view)),
        (None, Some(run)) => RowPlan::Adopt { run },
        (None, None) if job.cancel => RowPlan::NeverStarted,
        (None, None) if job.suspend => RowPlan::Hold,
        (None, None) => RowPlan::Create,
    }
}

fn plan_mends(job: &ValidatedContentJob, view: &RunView) -> Vec<Mend> {
    let RunView { run, tasks, .. } = view;
    let mut mends = Vec::new();
    let missing = missing_tasks(view);
    if missing > 0 && job.drift_policy == DriftPolicy::Repair {
        mends.push(if tasks.rows == 0 {
            Mend::RewriteTasks { missing }
        } else {
            Mend::RestoreTasks { missing }
        });
    }
    let idle = tasks.queued + tasks.parked;
    // A worker gives its task back after the cancellation: then there is an idle one again.
    let asked = job.cancel && !run.cancelled;
    let given_back = run.cancelled && idle > 0;
    if run.finished_at.is_none() && (asked || given_back) {
        mends.push(Mend::Cancel);
    }
    if run.priority != job.priority || run.suspended != job.suspend {
        mends.push(Mend::Sync);
    }
    mends.extend(plan_verbs(job, view));
    if tasks.parked > 0 && !job.cancel && !run.cancelled && !job.suspend {
        mends.push(Mend::WakeParked);
    }
    if tasks.open() == 0 && run.finished_at.is_none() && tasks.rows >= i64::from(run.tasks_total) {
        mends.push(Mend::Finish);
    }
    mends
}

fn plan_verbs(job: &ValidatedContentJob, view: &RunView) -> Vec<Mend> {
    let RunView { run, tasks, .. } = view;
    let failed = tasks.failed + tasks.dead_lettered;
    let mut mends = Vec::new();
    if let Some(value) = &job.verbs.retry
        && run.retry_handled.as_ref() != Some(value)
        && failed > 0
        && !job.cancel
        && !run.cancelled
    {
        mends.push(Mend::Retry {
            value: value.clone(),
        });
    }
    if let Some(value) = &job.verbs.discard
        && run.discard_handled.as_ref() != Some(value)
        && failed > 0
    {
        mends.push(Mend::Discard {
            value: value.clone(),
        });
    }
    let retry = job.verbs.retry.is_none() && run.retry_handled.is_some();
    let discard = job.verbs.discard.is_none() && run.discard_handled.is_some();
    if retry || discard {
        mends.push(Mend::ForgetVerbs { retry, discard });
    }
    mends
}

/// Task rows that the run should have and has not.
#[must_use]
pub fn missing_tasks(view: &RunView) -> i64 {
    (i64::from(view.run.tasks_total) - view.tasks.rows).max(0)
}

#[cfg(test)]
mod tests;
