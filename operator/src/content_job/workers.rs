//! Which worker Job a run needs now, decided without making it.

use super::validate::ValidatedContentJob;
use backends::postgres::operator::counts::RunView;
use domain::names::worker_job;

/// Seconds after which a Job that ended counts as having worked: the wait before its replacement begins anew.
const HEALTHY_SECONDS: i64 = 60;
/// Longest wait before a Job is replaced, in seconds.
const LONGEST_WAIT: i64 = 60;

/// A worker Job as the cluster shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSight {
    pub name: String,
    pub end: Option<JobEnd>,
    /// Pods that run or start.
    pub active: i32,
    pub deleting: bool,
}

/// How a Job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    pub failed: bool,
    /// What Kubernetes says of the failure.
    pub message: String,
    /// Seconds since it ended, and how long it had lived.
    pub seconds_ago: i64,
    pub lived_seconds: i64,
}

/// What is to be done about worker Jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerPlan {
    pub step: WorkerStep,
    /// Jobs that still run and shall not, and all of them once the time that they are kept has passed.
    pub remove: Vec<String>,
    /// The Pods of the run have ended: their place goes to others.
    pub release: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerStep {
    /// None is needed, or none may be.
    None,
    /// The one that runs is right.
    Keep { name: String, active: i32 },
    /// The slot was granted before and its Job is not there: make it.
    Make { name: String, pods: i32 },
    /// Ask for a slot of at most this many Pods, then make the Job.
    Grant { pods: i32, failures: i32 },
    /// The last one ended too early; its replacement comes after this many seconds.
    Wait {
        seconds: i64,
        failed: bool,
        message: String,
    },
}

/// Decides which Job the run needs.
#[must_use]
pub fn plan_workers(
    install: &str,
    job: &ValidatedContentJob,
    view: &RunView,
    jobs: &[JobSight],
) -> WorkerPlan {
    let run = &view.run;
    let current_name = worker_job(install, &job.name, job.uid, run.job_ordinal);
    let current = jobs
        .iter()
        .find(|sight| sight.name == current_name && run.job_ordinal > 0);
    let stopped = job.suspend || job.cancel || run.cancelled;
    let outlived = run
        .seconds_finished
        .is_some_and(|seconds| seconds >= f64::from(job.ttl_seconds));
    let remove = jobs
        .iter()
        .filter(|sight| !sight.deleting)
        .filter(|sight| {
            outlived || (sight.end.is_none() && (stopped || sight.name != current_name))
        })
        .map(|sight| sight.name.clone())
        .collect();
    let gone = current.is_none_or(|sight| sight.end.is_some() || sight.deleting);
    let step = if stopped || !wants_pods(view) {
        WorkerStep::None
    } else {
        plan_step(job, view, current, current_name)
    };
    let idle = matches!(step, WorkerStep::None | WorkerStep::Wait { .. });
    // A Job that is removed now has given its place up: nothing new of it is claimed.
    WorkerPlan {
        release: run.job_pods > 0 && idle && (gone || stopped),
        step,
        remove,
    }
}

/// Whether Pods could claim anything of the run.
fn wants_pods(view: &RunView) -> bool {
    let RunView { run, tasks, .. } = view;
    tasks.queued + tasks.processing > 0
        && run.finished_at.is_none()
        && run.seconds_left > 0.0
        && !run.paused
        && !run.persona_suspended
        && !run.queue.is_empty()
}

fn plan_step(
    job: &ValidatedContentJob,
    view: &RunView,
    current: Option<&JobSight>,
    name: String,
) -> WorkerStep {
    let RunView { run, tasks, .. } = view;
    let claimable = i32::try_from(tasks.queued + tasks.processing).unwrap_or(i32::MAX);
    let pods = job.parallelism.min(claimable).max(1);
    match current {
        Some(sight) if sight.deleting => WorkerStep::Wait {
            seconds: 1,
            failed: false,
            message: String::new(),
        },
        Some(JobSight {
            end: None, active, ..
        }) => WorkerStep::Keep {
            name,
            active: *active,
        },
        Some(JobSight { end: Some(end), .. }) => {
            let failures = if end.lived_seconds >= HEALTHY_SECONDS {
                0
            } else {
                run.job_failures + 1
            };
            let wait = replacement_wait(failures) - end.seconds_ago;
            if wait > 0 {
                WorkerStep::Wait {
                    seconds: wait,
                    failed: end.failed,
                    message: end.message.clone(),
                }
            } else {
                WorkerStep::Grant { pods, failures }
            }
        }
        None if run.job_pods > 0 => WorkerStep::Make {
            name,
            pods: run.job_pods,
        },
        None => WorkerStep::Grant {
            pods,
            failures: run.job_failures,
        },
    }
}

/// 1, 2, 4 … seconds, at most [`LONGEST_WAIT`].
fn replacement_wait(failures: i32) -> i64 {
    let doublings = failures.saturating_sub(1).clamp(0, 10);
    (1_i64 << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests;
