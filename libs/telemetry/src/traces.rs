//! Traces over OTLP (gRPC), set up by the standard variables of OpenTelemetry: `OTEL_EXPORTER_OTLP_ENDPOINT` turns them on,
//! `OTEL_EXPORTER_OTLP_HEADERS` authenticates, `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` choose what is sampled.
//!
//! Only spans of the target [`TRACE`] are exported, with the fields that they name: never a log line, a text or a key.
//!
//! Source: W3C Trace Context, <https://www.w3.org/TR/trace-context/>.

use crate::logs;
use opentelemetry::{
    KeyValue,
    propagation::TextMapPropagator,
    trace::{Status, TraceContextExt, TracerProvider},
};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use std::{collections::HashMap, io, time::Duration};
use tokio::runtime::Runtime;
use tracing::{Metadata, Span, Subscriber, subscriber::Interest};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, dynamic_filter_fn},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// Target of the spans that belong to a trace.
pub const TRACE: &str = "threads_trace";
/// The header of W3C Trace Context.
const TRACEPARENT: &str = "traceparent";

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// What a receiver that is away may take of a process that ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way out of the spans of this process; [`Traces::end`] sends the last.
#[derive(Debug)]
#[must_use = "the last spans are sent when it ends"]
pub struct Traces(Option<SdkTracerProvider>);

/// Runs a program to its end within a runtime of its own, with logs and traces around it.
///
/// # Errors
/// The runtime does not start.
pub fn run<T>(service: &'static str, program: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Runtime::new()?;
    let traces = {
        let _inside = runtime.enter();
        init(service)
    };
    let ended = runtime.block_on(program);
    traces.end();
    Ok(ended)
}

/// Starts logs and, where an endpoint is set, traces. Called once, within a tokio runtime: the exporter lives in it. An
/// endpoint that is none is told in the log, and the process goes on without traces.
pub fn init(service: &'static str) -> Traces {
    let asked = std::env::var(ENDPOINT).is_ok_and(|endpoint| !endpoint.is_empty());
    let made = asked.then(|| provider(service));
    let (provider, error) = match made {
        Some(Ok(provider)) => (Some(provider), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let exported = provider
        .as_ref()
        .map(|provider| exported(provider.tracer(service)));
    // Fails only where logs have started already.
    let _ = tracing_subscriber::registry()
        .with(exported)
        .with(logs::layer())
        .try_init();
    if let Some(error) = error {
        tracing::error!(%error, "no traces are sent: {ENDPOINT} names no receiver");
    }
    Traces(provider)
}

fn provider(service: &'static str) -> anyhow::Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .build()?;
    let resource = Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

fn exported<S>(tracer: SdkTracer) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_filter(
            dynamic_filter_fn(|metadata, _| is_ours(metadata))
                // Never `always`: a library that asks whether an event of its own is enabled, as sqlx does, leaves the answer
                // behind, and it would be taken for that of our next span.
                .with_callsite_filter(|metadata| match is_ours(metadata) {
                    true => Interest::sometimes(),
                    false => Interest::never(),
                })
                .with_max_level_hint(LevelFilter::INFO),
        )
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TRACE
}

impl Traces {
    /// Whether spans are made at all.
    #[must_use]
    pub fn on(&self) -> bool {
        self.0.is_some()
    }

    /// Sends what was not sent. Blocks for up to two seconds, so that it is called where no task of the runtime waits for it.
    pub fn end(self) {
        if let Some(Err(error)) = self.0.map(|it| it.shutdown_with_timeout(PATIENCE)) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Makes a span that has not been entered the child of the one that `traceparent` names. One that cannot be read names none, and
/// the span begins a trace, as W3C has it.
pub fn continue_from(span: &Span, traceparent: &str) {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let parent = TraceContextPropagator::new().extract(&carrier);
    if parent.span().span_context().is_valid() {
        // Fails only for a span that was entered.
        let _ = span.set_parent(parent);
    }
}

/// The span that continues a sampled trace; none where the header is missing or not sampled, because a span would only cost.
pub fn child_of(traceparent: Option<&str>, span: impl FnOnce() -> Span) -> Span {
    let Some(traceparent) = traceparent.filter(|it| is_sampled(it)) else {
        return Span::none();
    };
    let span = span();
    continue_from(&span, traceparent);
    span
}

fn is_sampled(traceparent: &str) -> bool {
    let flags = traceparent.rsplit('-').next();
    flags
        .and_then(|flags| u8::from_str_radix(flags, 16).ok())
        .is_some_and(|flags| flags & 1 == 1)
}

/// The header that makes another span the child of this one, sampled or not; none where spans are not exported.
#[must_use]
pub fn traceparent(span: &Span) -> Option<String> {
    let context = span.context();
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&context, &mut carrier);
    carrier.remove(TRACEPARENT)
}

/// Marks a span as failed. `kind` is a short word from a closed set, never a message.
pub fn fail(span: &Span, kind: String) {
    span.set_status(Status::error(""));
    span.set_attribute("error.type", kind);
}

#[cfg(test)]
mod tests;
