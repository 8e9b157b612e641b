//! From what was done to what people see. Nothing here asks anybody; the clock is an argument.

use super::{
    apply::Rows,
    conditions::{Conditions, phase},
    staff::Workers,
    validate::{Invalid, ValidatedContentJob},
    verdict::{Verdict, verdict},
};
use backends::postgres::operator::counts::{PostRow, RunView, TaskTally};
use chrono::{DateTime, Utc};
use crds::{
    ContentJobStatus, Reason,
    content_job::{JobRef, JobUsage, LastError, NearestPost, PlanStatus, PostStatus, TaskCounts},
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Characters of a hook that the status shows.
const HOOK_PREVIEW: usize = 140;
/// What `status.runId` says where the spec has none.
pub const NO_RUN_ID: &str = "-";

/// What one reconcile came to; every field must be looked at by whoever makes a status of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    pub rows: Rows,
    pub workers: Workers,
    /// Task rows that were deleted by hand and written again in this reconcile.
    pub restored: u64,
    pub adopted: bool,
    /// The connection that hears of progress is lost.
    pub deaf: bool,
}

/// The status after a reconcile that got as far as applying.
#[must_use]
pub fn build(
    before: &ContentJobStatus,
    job: &ValidatedContentJob,
    applied: &Applied,
    now: Timestamp,
) -> ContentJobStatus {
    let mut status = before.clone();
    status.observed_generation = job.generation;
    status.pending_deletion.clear();
    let run_id = if job.run_key.is_empty() {
        NO_RUN_ID
    } else {
        &job.run_key
    };
    if status.run_id.as_deref() != Some(run_id) {
        forget_run(&mut status);
        status.run_id = Some(run_id.to_owned());
    }
    match &applied.rows {
        Rows::Standing(view) => show_run(&mut status, job, view, &applied.workers),
        Rows::NeverStarted => status.counts = Some(TaskCounts::default()),
        Rows::Held | Rows::Blocked { .. } => {}
    }
    let verdict = verdict(job, applied);
    status.waiting_reason = verdict.waiting.clone().map(|sentence| cut(&sentence, 512));
    let mut conditions = Conditions {
        list: &mut status.conditions,
        generation: job.generation,
        now,
    };
    conditions.of_run(applied, &verdict);
    conditions.verdict(&verdict);
    if applied.deaf {
        conditions.polled(&verdict);
    }
    status.phase = Some(phase(&status.conditions));
    status
}

/// The status of a job whose spec cannot be acted upon: the last good state stays, and the reason is shown.
#[must_use]
pub fn build_invalid(
    before: &ContentJobStatus,
    generation: Option<i64>,
    invalid: &Invalid,
    now: Timestamp,
) -> ContentJobStatus {
    with_verdict(
        before,
        generation,
        &Verdict::stalled(invalid.reason(), invalid.to_string()),
        now,
    )
}

/// The status where Postgres or the Kubernetes API did not answer, so that nothing was looked at and nothing touched.
#[must_use]
pub fn build_unavailable(
    before: &ContentJobStatus,
    generation: Option<i64>,
    message: &str,
    now: Timestamp,
) -> ContentJobStatus {
    with_verdict(
        before,
        generation,
        &Verdict::waiting(Reason::DependencyUnavailable, message.to_owned()),
        now,
    )
}

/// The status while the resource goes.
#[must_use]
pub fn build_deleting(
    before: &ContentJobStatus,
    generation: Option<i64>,
    message: &str,
    now: Timestamp,
) -> ContentJobStatus {
    with_verdict(
        before,
        generation,
        &Verdict::waiting(Reason::Deleting, message.to_owned()),
        now,
    )
}

fn with_verdict(
    before: &ContentJobStatus,
    generation: Option<i64>,
    verdict: &Verdict,
    now: Timestamp,
) -> ContentJobStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    status.waiting_reason = verdict.waiting.clone().map(|sentence| cut(&sentence, 512));
    Conditions {
        list: &mut status.conditions,
        generation,
        now,
    }
    .verdict(verdict);
    status.phase = Some(phase(&status.conditions));
    status
}

/// Another run tells nothing of the last one.
fn forget_run(status: &mut ContentJobStatus) {
    let kept = std::mem::take(&mut status.conditions);
    *status = ContentJobStatus {
        conditions: kept,
        observed_generation: status.observed_generation,
        ..ContentJobStatus::default()
    };
}

fn show_run(
    status: &mut ContentJobStatus,
    job: &ValidatedContentJob,
    view: &RunView,
    workers: &Workers,
) {
    let RunView {
        run,
        tasks,
        usage,
        posts,
    } = view;
    let shortened = run
        .seconds_finished
        .is_some_and(|seconds| seconds >= f64::from(job.ttl_seconds));
    let counts = counts(run.tasks_total, tasks);
    status.progress = Some(counts.progress());
    status.counts = Some(counts);
    status.usage = Some(JobUsage::new(
        usage.prompt,
        usage.completion,
        usage.embedding,
        usage.estimated,
    ));
    status.started_at = time(run.created_at);
    status.completed_at = run.finished_at.and_then(time);
    status.posts = posts
        .iter()
        .map(|post| post_status(post, shortened))
        .collect();
    status.plan = run
        .plan
        .as_ref()
        .and_then(|plan| plan_status(plan, shortened));
    status.last_error = run
        .last_error
        .clone()
        .and_then(parse::<LastError>)
        .map(bounded_error);
    match workers {
        _ if shortened => status.job_ref = None,
        // It may have been announced, and is not there.
        Workers::Blocked { .. } => status.job_ref = None,
        Workers::Made { name, .. } | Workers::Running { name, .. } => {
            status.job_ref = Some(JobRef { name: name.clone() })
        }
        _ => {}
    }
}

/// Dead-lettered tasks are failed ones, with a condition of their own.
fn counts(total: i32, tasks: &TaskTally) -> TaskCounts {
    let count = |tasks: i64| i32::try_from(tasks).unwrap_or(i32::MAX);
    TaskCounts {
        total,
        queued: count(tasks.queued),
        active: count(tasks.processing),
        parked: count(tasks.parked),
        succeeded: count(tasks.completed),
        failed: count(tasks.failed + tasks.dead_lettered),
        rejected: count(tasks.rejected),
        cancelled: count(tasks.cancelled),
    }
}

fn post_status(post: &PostRow, shortened: bool) -> PostStatus {
    let short = PostStatus {
        arm: post.arm.clone(),
        id: post.id.to_string(),
        index: post.index,
        digest: cut(&post.content_hash, 64),
        hook: None,
        score_bp: None,
        emotion: None,
        trajectory: None,
        nearest: None,
        stand_in: post.stand_in,
    };
    if shortened {
        return short;
    }
    PostStatus {
        hook: Some(cut(&post.hook, HOOK_PREVIEW)),
        score_bp: post.score_bp,
        emotion: post
            .emotion
            .clone()
            .and_then(|word| parse(Value::String(word))),
        trajectory: post
            .trajectory
            .clone()
            .and_then(|word| parse(Value::String(word))),
        nearest: post
            .nearest_id
            .zip(post.nearest_bp)
            .map(|(id, similarity_bp)| NearestPost {
                id: id.to_string(),
                similarity_bp: similarity_bp.clamp(-10_000, 10_000),
            }),
        ..short
    }
}

/// The worker's JSON; what is too long for the schema is cut, because a status that is refused would say nothing at all.
fn plan_status(plan: &Value, shortened: bool) -> Option<PlanStatus> {
    let mut plan: PlanStatus = parse(plan.clone())?;
    plan.estimated_tokens = plan.estimated_tokens.clamp(0, 1_000_000_000_000);
    plan.nearest.truncate(10);
    plan.prompt_preview = plan
        .prompt_preview
        .filter(|_| !shortened)
        .map(|text| cut(&text, 500));
    Some(plan)
}

fn bounded_error(error: LastError) -> LastError {
    LastError {
        class: error.class,
        code: cut(&error.code, 63),
        message: cut(&error.message, 1024),
    }
}

fn parse<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

fn time(at: DateTime<Utc>) -> Option<Time> {
    Timestamp::from_second(at.timestamp()).ok().map(Time)
}

fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
