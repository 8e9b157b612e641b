#![allow(clippy::unwrap_used)]

use super::*;
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler};
use tracing::{info_span, subscriber::with_default};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// Runs `work` under the layer of this module, and answers the names and parents of what was exported.
fn exported_by(work: impl FnOnce()) -> Vec<(String, String)> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .build();
    let subscriber = tracing_subscriber::registry()
        .with(Some(exported(provider.tracer("test"))))
        .with(logs::layer());
    with_default(subscriber, work);
    let spans = exporter.get_finished_spans().unwrap();
    spans
        .iter()
        .map(|span| {
            assert!(span.events.events.is_empty(), "a log line was exported");
            (span.name.to_string(), span.parent_span_id.to_string())
        })
        .collect()
}

#[test]
fn a_span_continues_what_a_header_names_and_names_itself_in_the_next() {
    let spans = exported_by(|| {
        let span = info_span!(target: TRACE, "accept");
        continue_from(&span, PARENT);
        let header = traceparent(&span).unwrap();
        assert_eq!(header[..36], PARENT[..36]);
        assert_ne!(header, PARENT);
        span.in_scope(|| tracing::error!("a text that nobody may read in a trace"));
    });
    assert_eq!(spans, [("accept".into(), "b7ad6b7169203331".into())]);
}

#[test]
fn what_the_first_did_not_sample_nobody_samples_and_the_decision_is_told_on() {
    let spans = exported_by(|| {
        let span = info_span!(target: TRACE, "accept");
        continue_from(&span, UNSAMPLED);
        let header = traceparent(&span).unwrap();
        assert!(header.ends_with("-00"), "{header}");
    });
    assert_eq!(spans, []);
}

#[test]
fn an_unreadable_header_begins_a_trace_and_other_spans_are_not_exported() {
    let spans = exported_by(|| {
        let span = info_span!(target: TRACE, "accept");
        continue_from(&span, "00-nonsense");
        drop(info_span!("a client library's span"));
    });
    assert_eq!(spans, [("accept".into(), "0000000000000000".into())]);
}

#[test]
fn the_last_bit_of_the_flags_says_whether_a_trace_is_sampled() {
    assert!(is_sampled(PARENT));
    assert!(!is_sampled(UNSAMPLED));
    assert!(is_sampled("00-a-b-03"));
    assert!(!is_sampled("nonsense") && !is_sampled(""));
}

#[test]
fn without_an_exporter_there_is_no_header() {
    assert_eq!(traceparent(&info_span!(target: TRACE, "accept")), None);
}

/// As sqlx does before it logs a statement.
#[test]
fn a_library_that_asks_whether_its_event_is_enabled_swallows_no_span() {
    let spans = exported_by(|| {
        for _ in 0..2 {
            assert!(tracing::enabled!(tracing::Level::WARN));
            drop(info_span!(target: TRACE, "accept"));
        }
    });
    assert_eq!(spans.len(), 2, "{spans:?}");
}
