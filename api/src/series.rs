//! The engagement series: outcomes that were taken, as points of InfluxDB's line protocol.
//!
//! ```text
//! engagement,kind=snapshot,metric=likes,namespace=team,post=… value=12 1764000000000000000
//! ```
//! A point is what it is told of (`post`, `external_id`, or `experiment` for a participant, who is not named), the metric, and
//! whether it is an event or a snapshot. Sending outcomes again writes the same points again, which changes nothing.

use backends::{
    influx::{Influx, Lines},
    postgres::api::outcomes::{Ingested, Kind, Subject, Told},
};
use domain::digest::sha256_hex;
use influxdb_line_protocol::LineProtocolBuilder;
use std::collections::BTreeSet;

const MEASUREMENT: &str = "engagement";
/// Two events of one microsecond are told apart within it.
const NANOS_OF_A_MICRO: i64 = 1_000;

/// Offers what of a batch was taken.
pub fn offer(influx: &Influx, namespace: &str, batch: &[Told], ingested: &Ingested) {
    let refused: BTreeSet<u64> = ingested.refused.iter().map(|(line, _)| *line).collect();
    let taken = batch.iter().filter(|told| !refused.contains(&told.line));
    influx.offer(lines(namespace, taken));
}

fn lines<'a>(namespace: &str, taken: impl Iterator<Item = &'a Told>) -> Lines {
    let (mut builder, mut count) = (LineProtocolBuilder::new(), 0);
    for told in taken {
        let kind = match told.kind {
            Kind::Event(_) => "event",
            Kind::Snapshot => "snapshot",
        };
        let (subject, name) = match &told.subject {
            Subject::Post(post) => ("post", post.to_string()),
            Subject::External(id) => ("external_id", id.clone()),
            Subject::Participant { experiment, .. } => ("experiment", experiment.clone()),
        };
        builder = builder
            .measurement(MEASUREMENT)
            .tag("kind", kind)
            .tag("metric", &told.metric)
            .tag("namespace", namespace)
            .tag(subject, &name)
            .field("value", told.value)
            .timestamp(nanos(told))
            .close_line();
        count += 1;
    }
    Lines {
        text: builder.build(),
        count,
    }
}

/// The moment; of an event, with a place within its microsecond that is its id's own.
fn nanos(told: &Told) -> i64 {
    let micros = told.at.timestamp_micros();
    let place = match &told.kind {
        Kind::Snapshot => 0,
        Kind::Event(id) => {
            let digest = sha256_hex(id.as_bytes());
            i64::from_str_radix(&digest[..8], 16).unwrap_or(0) % NANOS_OF_A_MICRO
        }
    };
    micros
        .saturating_mul(NANOS_OF_A_MICRO)
        .saturating_add(place)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use uuid::Uuid;

    fn told(subject: Subject, kind: Kind) -> Told {
        Told {
            line: 1,
            subject,
            kind,
            metric: "likes".into(),
            value: 12.0,
            at: "2026-11-24T10:00:00Z".parse().unwrap(),
        }
    }

    fn text(told: &Told) -> String {
        String::from_utf8(lines("team", [told].into_iter()).text).unwrap()
    }

    #[test]
    fn a_snapshot_is_a_point_at_its_moment() {
        let post = Uuid::from_u128(7);
        assert_eq!(
            text(&told(Subject::Post(post), Kind::Snapshot)),
            format!(
                "engagement,kind=snapshot,metric=likes,namespace=team,post={post} value=12 1795514400000000000\n"
            )
        );
    }

    #[test]
    fn two_events_of_one_moment_are_two_points_and_a_repeated_one_is_the_same() {
        let event = |id: &str| {
            text(&told(
                Subject::External("1 7".into()),
                Kind::Event(id.into()),
            ))
        };
        assert_eq!(event("a"), event("a"));
        assert_ne!(event("a"), event("b"));
        assert!(event("a").contains(r"external_id=1\ 7 "), "{}", event("a"));
    }

    #[test]
    fn a_participant_is_not_named() {
        let subject = Subject::Participant {
            experiment: "hooks".into(),
            participant: "canary".into(),
        };
        let text = text(&told(subject, Kind::Event("e".into())));
        assert!(
            text.contains("experiment=hooks") && !text.contains("canary"),
            "{text}"
        );
    }
}
