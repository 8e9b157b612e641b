//! The span under which a run is accepted: the first of its trace, or the child of the caller's.

use super::validate::ValidatedContentJob;
use telemetry::TRACE;
use tracing::{Span, info_span};

pub(super) fn accept(job: &ValidatedContentJob) -> Span {
    let span = info_span!(
        target: TRACE,
        "accept ContentJob",
        k8s.namespace.name = %job.tenant.namespace,
        threads.content_job.name = %job.name,
        threads.persona.name = %job.persona,
        threads.run.id = %job.run_id,
        threads.tasks = job.tasks_total(),
    );
    if let Some(traceparent) = &job.traceparent {
        telemetry::continue_from(&span, traceparent);
    }
    span
}

/// The transaction that writes the run.
pub(super) fn write(accept: &Span) -> Span {
    info_span!(
        target: TRACE,
        parent: accept,
        "create run",
        otel.kind = "client",
        db.system.name = "postgresql",
        db.operation.name = "create_run",
    )
}
