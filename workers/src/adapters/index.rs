//! [`VectorIndex`] over Qdrant.

use crate::{
    ports::{Among, IndexDown, Neighbour, Point, VectorIndex},
    trace,
};
use async_trait::async_trait;
use backends::qdrant::{PostPoint, VectorError, VectorStore};
use chrono::{DateTime, Utc};
use domain::revision::VectorSettings;
use std::time::Duration;

/// A post must not wait long for an index that it can do without.
pub(crate) const QUERY_PATIENCE: Duration = Duration::from_secs(5);
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// The collections that this worker's token reaches.
#[derive(Debug, Clone)]
pub struct QdrantIndex(VectorStore);

impl QdrantIndex {
    #[must_use]
    pub fn new(store: VectorStore) -> Self {
        Self(store)
    }
}

#[async_trait]
impl VectorIndex for QdrantIndex {
    async fn nearest(
        &self,
        space: &VectorSettings,
        vector: &[f32],
        among: Among<'_>,
        limit: u32,
    ) -> Result<Vec<Neighbour>, IndexDown> {
        let before = among.before.map(moment).transpose()?;
        let exclude = [among.excluding];
        let query = self.0.nearest_before(
            &space.collection,
            vector.to_vec(),
            u64::from(limit),
            &exclude,
            before,
        );
        let span = trace::database_call("qdrant", "nearest", Some(&space.collection));
        let found = trace::within(&span, down, within(QUERY_PATIENCE, query)).await?;
        Ok(found
            .into_iter()
            .map(|found| Neighbour {
                id: found.id,
                similarity_bp: cosine_bp(&space.distance, found.similarity),
            })
            .collect())
    }

    async fn upsert(&self, collection: &str, point: Point) -> Result<(), IndexDown> {
        let point = PostPoint {
            id: point.id,
            vector: point.vector,
            payload: point.payload,
            version: i64::from(point.version),
        };
        let span = trace::database_call("qdrant", "upsert", Some(collection));
        let upserting = within(WRITE_PATIENCE, self.0.upsert_post(collection, point));
        trace::within(&span, down, upserting).await
    }
}

/// What the spans tell of an index that does not answer.
fn down(_: &IndexDown) -> String {
    "IndexDown".to_owned()
}

/// A limit that does not parse must not widen the comparison silently.
fn moment(text: &str) -> Result<DateTime<Utc>, IndexDown> {
    DateTime::parse_from_rfc3339(text)
        .map(|moment| moment.to_utc())
        .map_err(|error| IndexDown(format!("{text:?} is no time: {error}")))
}

pub(crate) async fn within<T>(
    patience: Duration,
    call: impl Future<Output = Result<T, VectorError>>,
) -> Result<T, IndexDown> {
    match tokio::time::timeout(patience, call).await {
        Ok(answered) => answered.map_err(|error| IndexDown(error.to_string())),
        Err(_) => Err(IndexDown(format!(
            "no answer within {} s",
            patience.as_secs()
        ))),
    }
}

/// Cosine similarity in basis points of two vectors of unit length, from what a collection of the given distance answers:
/// their dot product, or their Euclidean distance d, for which the cosine is 1 − d²/2.
fn cosine_bp(distance: &str, answered: f32) -> i32 {
    let answered = f64::from(answered);
    let cosine = if distance == "Euclid" {
        1.0 - answered * answered / 2.0
    } else {
        answered
    };
    #[allow(clippy::cast_possible_truncation, reason = "clamped to four digits")]
    let basis_points = (cosine.clamp(-1.0, 1.0) * 10_000.0).round() as i32;
    basis_points
}

#[cfg(test)]
mod tests {
    use super::cosine_bp;

    #[test]
    fn every_distance_tells_the_cosine_of_unit_vectors() {
        assert_eq!(cosine_bp("Cosine", 0.987_6), 9_876);
        assert_eq!(cosine_bp("Dot", -1.000_001), -10_000);
        assert_eq!(cosine_bp("Euclid", 0.0), 10_000);
        assert_eq!(cosine_bp("Euclid", 2.0_f32.sqrt()), 0);
    }
}
