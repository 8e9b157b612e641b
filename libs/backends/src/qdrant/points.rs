//! The worker's side, and the operator's sweep: points.

use super::{VectorError, VectorStore};
use chrono::{DateTime, Utc};
use qdrant_client::{
    Payload,
    qdrant::{
        Condition, DatetimeRange, DeletePointsBuilder, Filter, PointId, PointStruct, PointsIdsList,
        QueryPointsBuilder, Range, ScrollPointsBuilder, Timestamp, UpsertPointsBuilder,
        point_id::PointIdOptions,
    },
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Payload field that holds the version of the embedding that the point was made from.
pub(super) const VERSION_FIELD: &str = "version";
/// Payload field that says when the post was written, in RFC 3339.
pub(super) const TIMESTAMP_FIELD: &str = "timestamp";
/// Points in one write; 256 vectors of 1536 floats are 1.5 MB.
const BATCH: usize = 256;

/// A post as it stands in the index.
#[derive(Debug, Clone, PartialEq)]
pub struct PostPoint {
    /// The post's own id, so that a repeated write is the same point (FAULTS 32).
    pub id: Uuid,
    pub vector: Vec<f32>,
    /// `persona`, `hook`, `body`, `timestamp` (RFC 3339), `engagement_rate` where known, …; `version` is added here.
    pub payload: Map<String, Value>,
    /// Version of the embedding; a point of a higher version is never overwritten by a lower one (FAULTS 33).
    pub version: i64,
}

/// A point that is near a vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    pub id: Uuid,
    /// In the collection's own measure; −1 to 1 for cosine.
    pub similarity: f32,
}

/// A page of ids in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdPage {
    pub ids: Vec<Uuid>,
    /// Where the next page begins; none at the end.
    pub next: Option<Uuid>,
}

impl VectorStore {
    /// Stores one point and waits until it is durable.
    ///
    /// # Errors
    /// [`VectorError::Invalid`] for a vector of the wrong size, [`VectorError::CollectionMissing`].
    pub async fn upsert_post(&self, collection: &str, point: PostPoint) -> Result<(), VectorError> {
        self.upsert_posts(collection, vec![point]).await
    }

    /// Stores points in batches and waits until they are durable. After an error some of them may be stored; a repeat is safe.
    ///
    /// # Errors
    /// As [`VectorStore::upsert_post`]
    pub async fn upsert_posts(
        &self,
        collection: &str,
        points: Vec<PostPoint>,
    ) -> Result<(), VectorError> {
        // The guard against older versions is one filter a request, so a request holds one version.
        let mut by_version: BTreeMap<i64, Vec<PointStruct>> = BTreeMap::new();
        for point in points {
            by_version
                .entry(point.version)
                .or_default()
                .push(point_struct(point));
        }
        let client = self.client()?;
        for (version, points) in by_version {
            for batch in points.chunks(BATCH) {
                let request = UpsertPointsBuilder::new(collection, batch)
                    .update_filter(not_newer_than(version))
                    .wait(true);
                client.upsert_points(request).await?;
            }
        }
        Ok(())
    }

    /// The points nearest to a vector, the most similar first, without those excluded.
    ///
    /// # Errors
    /// As [`VectorStore::upsert_post`]
    pub async fn nearest(
        &self,
        collection: &str,
        vector: Vec<f32>,
        limit: u64,
        exclude: &[Uuid],
    ) -> Result<Vec<Neighbour>, VectorError> {
        self.nearest_before(collection, vector, limit, exclude, None)
            .await
    }

    /// As [`Self::nearest`], among points whose `timestamp` is before a moment; a point without one counts as old.
    ///
    /// # Errors
    /// As [`VectorStore::upsert_post`]
    pub async fn nearest_before(
        &self,
        collection: &str,
        vector: Vec<f32>,
        limit: u64,
        exclude: &[Uuid],
        before: Option<DateTime<Utc>>,
    ) -> Result<Vec<Neighbour>, VectorError> {
        let ids = exclude.iter().map(|id| PointId::from(id.to_string()));
        let left_out: Vec<Condition> = (!exclude.is_empty())
            .then(|| Condition::has_id(ids))
            .into_iter()
            .chain(before.map(written_since))
            .collect();
        let mut request = QueryPointsBuilder::new(collection)
            .query(vector)
            .limit(limit);
        if !left_out.is_empty() {
            request = request.filter(Filter::must_not(left_out));
        }
        let answer = self.client()?.query(request).await?;
        Ok(answer
            .result
            .into_iter()
            .filter_map(|found| {
                Some(Neighbour {
                    id: uuid_of(found.id?)?,
                    similarity: found.score,
                })
            })
            .collect())
    }

    /// A page of the ids that are stored, beginning at `from`; for finding what is missing.
    ///
    /// # Errors
    /// [`VectorError::CollectionMissing`]
    pub async fn scroll_ids(
        &self,
        collection: &str,
        from: Option<Uuid>,
        limit: u32,
    ) -> Result<IdPage, VectorError> {
        let mut request = ScrollPointsBuilder::new(collection)
            .limit(limit)
            .with_payload(false)
            .with_vectors(false);
        if let Some(from) = from {
            request = request.offset(PointId::from(from.to_string()));
        }
        let answer = self.client()?.scroll(request).await?;
        Ok(IdPage {
            ids: answer
                .result
                .into_iter()
                .filter_map(|point| uuid_of(point.id?))
                .collect(),
            next: answer.next_page_offset.and_then(uuid_of),
        })
    }

    /// Removes points; those that are not there are no error.
    ///
    /// # Errors
    /// [`VectorError::CollectionMissing`]
    pub async fn delete_points(&self, collection: &str, ids: &[Uuid]) -> Result<(), VectorError> {
        let ids = PointsIdsList {
            ids: ids.iter().map(|id| PointId::from(id.to_string())).collect(),
        };
        let request = DeletePointsBuilder::new(collection).points(ids).wait(true);
        self.client()?.delete_points(request).await?;
        Ok(())
    }
}

fn point_struct(point: PostPoint) -> PointStruct {
    let mut payload = point.payload;
    payload.insert(VERSION_FIELD.to_owned(), Value::from(point.version));
    PointStruct::new(point.id.to_string(), point.vector, Payload::from(payload))
}

/// Holds for points that may be overwritten by one of the given version; the same version repeats itself.
fn not_newer_than(version: i64) -> Filter {
    // The wire has doubles only; versions count re-embeddings, far below 2^53.
    #[allow(clippy::cast_precision_loss)]
    let bound = version as f64;
    Filter::must([Condition::range(
        VERSION_FIELD,
        Range {
            lte: Some(bound),
            ..Default::default()
        },
    )])
}

fn written_since(moment: DateTime<Utc>) -> Condition {
    let since = Timestamp {
        seconds: moment.timestamp(),
        nanos: i32::try_from(moment.timestamp_subsec_nanos()).unwrap_or(0),
    };
    Condition::datetime_range(
        TIMESTAMP_FIELD,
        DatetimeRange {
            gte: Some(since),
            ..Default::default()
        },
    )
}

pub(super) fn uuid_of(id: PointId) -> Option<Uuid> {
    match id.point_id_options? {
        PointIdOptions::Uuid(text) => text.parse().ok(),
        PointIdOptions::Num(_) => None,
    }
}
