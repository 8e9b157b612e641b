//! Spans of a task: the attempt, and the calls to other systems within it. They carry names and numbers, never a text.

use domain::tasks::{ClaimedTask, TaskFailure};
use telemetry::TRACE;
use tracing::{Instrument, Span, field::Empty, info_span};
use uuid::Uuid;

/// A span where there is one around it: what belongs to no trace begins none.
macro_rules! within_attempt {
    ($($span:tt)*) => {
        if Span::current().is_none() {
            Span::none()
        } else {
            info_span!(target: TRACE, $($span)*)
        }
    };
}

/// One attempt, the child of what accepted its run; none where that is not sampled.
pub(crate) fn attempt(task: &ClaimedTask) -> Span {
    telemetry::child_of(task.payload.traceparent.as_deref(), || {
        info_span!(
            target: TRACE,
            "attempt",
            threads.task.id = %task.id,
            threads.task.kind = ?task.kind,
            threads.task.index = task.index,
            threads.task.retry_count = task.retry_count,
            threads.run.id = %task.run_id,
            threads.attempt.ended = Empty,
        )
    })
}

/// A call to a model, by the names of OpenTelemetry's conventions for generative models.
pub(crate) fn model_call(operation: &'static str, model: &str, endpoint: &str) -> Span {
    within_attempt!(
        "model call",
        otel.name = format!("{operation} {model}"),
        otel.kind = "client",
        gen_ai.operation.name = operation,
        gen_ai.request.model = model,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        server.address = host(endpoint),
    )
}

/// A call to a database.
pub(crate) fn database_call(
    system: &'static str,
    operation: &str,
    collection: Option<&str>,
) -> Span {
    within_attempt!(
        "database call",
        otel.name = operation,
        otel.kind = "client",
        db.system.name = system,
        db.operation.name = operation,
        db.collection.name = collection,
    )
}

/// A message, from its arrival to its acknowledgement; the child of whoever sent it.
pub(crate) fn receive(queue: &str, message: Option<Uuid>, traceparent: Option<&str>) -> Span {
    telemetry::child_of(traceparent, || {
        info_span!(
            target: TRACE,
            "receive content.generation",
            otel.kind = "consumer",
            messaging.system = "rabbitmq",
            messaging.operation.type = "receive",
            messaging.destination.name = queue,
            messaging.message.id = message.map(tracing::field::display),
        )
    })
}

/// Runs a call under its span, which fails where the call does: `kind` is a word of a closed set.
pub(crate) async fn within<T, E>(
    span: &Span,
    kind: impl Fn(&E) -> String,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let answered = call.instrument(span.clone()).await;
    if let Err(error) = &answered {
        telemetry::fail(span, kind(error));
    }
    answered
}

/// The word of a failure.
pub(crate) fn code(failure: &TaskFailure) -> String {
    failure.code.clone()
}

/// The host alone: a path or a query may hold what is nobody's to read.
fn host(endpoint: &str) -> Option<String> {
    let url = url::Url::parse(endpoint).ok()?;
    url.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn of_an_endpoint_only_the_host_is_told() {
        assert_eq!(
            host("https://user:key@llm.example/v1?k=s").as_deref(),
            Some("llm.example")
        );
        assert_eq!(host("nonsense"), None);
    }
}
