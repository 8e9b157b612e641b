//! Logs as JSON lines on standard output, filtered by `RUST_LOG`; a line that is written within a span of a trace names both.

use opentelemetry::{Context, trace::TraceContextExt};
use std::fmt::{self, Write};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// The layer that writes the lines.
pub(crate) fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .map_event_format(Traced)
        .with_filter(filter)
}

/// A format of JSON objects, each with `trace_id` and `span_id` at its end where there is a trace.
struct Traced<F>(F);

impl<S, N, F> FormatEvent<S, N> for Traced<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let span = Context::map_current(|current| current.span().span_context().clone());
        if !span.is_valid() {
            return self.0.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&with_ids(
            &line,
            &span.trace_id().to_string(),
            &span.span_id().to_string(),
        ))
    }
}

fn with_ids(line: &str, trace: &str, span: &str) -> String {
    let Some(open) = line.trim_end().strip_suffix('}') else {
        return line.to_owned();
    };
    let mut named = open.to_owned();
    let _ = writeln!(named, r#","trace_id":"{trace}","span_id":"{span}"}}"#);
    named
}

#[cfg(test)]
mod tests {
    use super::with_ids;

    #[test]
    fn ids_come_at_the_end_of_the_object() {
        assert_eq!(
            with_ids("{\"level\":\"INFO\"}\n", "0af7", "b7ad"),
            "{\"level\":\"INFO\",\"trace_id\":\"0af7\",\"span_id\":\"b7ad\"}\n"
        );
        assert_eq!(with_ids("no object", "0af7", "b7ad"), "no object");
    }
}
