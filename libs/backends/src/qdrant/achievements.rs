//! Achievements in the index: one collection a namespace and embedding space, of cosine distance. Points are written as those of
//! posts are, with the payload `logins` and `completed_at`.

use super::{VectorError, VectorStore, points::uuid_of};
use qdrant_client::qdrant::{Condition, Filter, PointId, QueryPointsBuilder};
use uuid::Uuid;

/// Payload field with the logins of a record's people, in lower case.
pub const LOGINS_FIELD: &str = "logins";
/// Payload field that says when it was completed, in RFC 3339.
pub const COMPLETED_FIELD: &str = "completed_at";

/// Neighbours that are told at most.
const LIMIT: u64 = 50;
/// The index rounds vectors, so it is asked for a little more than what counts; whoever commits measures exactly.
const ROUNDING_BP: i32 = 50;

/// Where similar records are looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Surroundings {
    pub vector: Vec<f32>,
    /// Only records that share one of them.
    pub logins: Vec<String>,
    pub excluding: Uuid,
    /// Cosine similarity, basis points.
    pub at_least_bp: i32,
}

impl VectorStore {
    /// Ids of the records of the same people that are about as similar as asked, the most similar first.
    ///
    /// # Errors
    /// [`VectorError::Invalid`] for a vector of the wrong size, [`VectorError::CollectionMissing`].
    pub async fn achievements_near(
        &self,
        collection: &str,
        around: Surroundings,
    ) -> Result<Vec<Uuid>, VectorError> {
        let filter = Filter {
            must: vec![Condition::matches(LOGINS_FIELD, around.logins)],
            must_not: vec![Condition::has_id([PointId::from(
                around.excluding.to_string(),
            )])],
            ..Filter::default()
        };
        // Four digits at most, which a float holds.
        #[allow(clippy::cast_precision_loss)]
        let least = (around.at_least_bp - ROUNDING_BP) as f32 / 10_000.0;
        let request = QueryPointsBuilder::new(collection)
            .query(around.vector)
            .filter(filter)
            .score_threshold(least)
            .limit(LIMIT);
        let answer = self.client()?.query(request).await?;
        Ok(answer
            .result
            .into_iter()
            .filter_map(|found| uuid_of(found.id?))
            .collect())
    }
}
