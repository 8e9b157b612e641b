//! The operator's side: collections as a whole.

use super::{
    VectorError, VectorStore,
    points::{TIMESTAMP_FIELD, VERSION_FIELD},
};
use qdrant_client::{
    Qdrant,
    qdrant::{
        self, CountPointsBuilder, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder,
        FieldType, VectorParamsBuilder, vectors_config,
    },
};

/// How similarity is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Distance {
    Cosine,
    Dot,
    Euclid,
    Manhattan,
}

/// What makes a collection fit an embedding model, and how full it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectionShape {
    pub dimensions: u64,
    pub distance: Distance,
    /// Number of points, as the server estimates it.
    pub points: u64,
}

impl CollectionShape {
    /// An empty collection for cosine similarity, as all embedding models of the product want it.
    #[must_use]
    pub fn cosine(dimensions: u64) -> Self {
        Self {
            dimensions,
            distance: Distance::Cosine,
            points: 0,
        }
    }

    /// Whether vectors of the one can live in the other.
    #[must_use]
    pub fn fits(&self, other: &Self) -> bool {
        self.dimensions == other.dimensions && self.distance == other.distance
    }
}

/// What [`VectorStore::ensure`] found or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ensured {
    Created,
    /// It was there with the wanted shape.
    Matches(CollectionShape),
    /// It is there with another shape and was left as it is.
    Differs(CollectionShape),
}

/// Payload fields that are searched by, with their types.
const INDEXES: [(&str, FieldType); 3] = [
    ("persona", FieldType::Keyword),
    (TIMESTAMP_FIELD, FieldType::Datetime),
    (VERSION_FIELD, FieldType::Integer),
];

impl VectorStore {
    /// Names of all collections that the credential may see.
    ///
    /// # Errors
    /// [`VectorError`]
    pub async fn list_collections(&self) -> Result<Vec<String>, VectorError> {
        let listed = self.client()?.list_collections().await?;
        Ok(listed.collections.into_iter().map(|c| c.name).collect())
    }

    /// Shape and estimated size of a collection; none where there is no such collection.
    ///
    /// # Errors
    /// [`VectorError::Invalid`] where it has several or no dense vectors.
    pub async fn describe(&self, name: &str) -> Result<Option<CollectionShape>, VectorError> {
        match self.client()?.collection_info(name).await {
            Ok(answer) => answer
                .result
                .as_ref()
                .and_then(shape)
                .map(Some)
                .ok_or_else(|| {
                    VectorError::Invalid(format!(
                        "the collection {name} has not exactly one dense vector"
                    ))
                }),
            Err(error) => match VectorError::from(error) {
                VectorError::CollectionMissing(_) => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Creates a collection and its payload indexes.
    ///
    /// # Errors
    /// [`VectorError::Exists`] where there is one of that name, whatever its shape.
    pub async fn create(&self, name: &str, shape: &CollectionShape) -> Result<(), VectorError> {
        let client = self.client()?;
        let vectors = VectorParamsBuilder::new(shape.dimensions, qdrant_distance(shape.distance));
        client
            .create_collection(CreateCollectionBuilder::new(name).vectors_config(vectors))
            .await?;
        create_indexes(&client, name).await
    }

    /// Creates the payload indexes; those that exist stay.
    ///
    /// # Errors
    /// [`VectorError::CollectionMissing`]
    pub async fn ensure_indexes(&self, name: &str) -> Result<(), VectorError> {
        create_indexes(&self.client()?, name).await
    }

    /// Creates a collection that is missing and reports one that is there. Never changes or drops one (FAULTS 30).
    ///
    /// # Errors
    /// [`VectorError`]
    pub async fn ensure(
        &self,
        name: &str,
        wanted: &CollectionShape,
    ) -> Result<Ensured, VectorError> {
        if let Some(found) = self.describe(name).await? {
            return Ok(judge(found, wanted));
        }
        match self.create(name, wanted).await {
            Ok(()) => Ok(Ensured::Created),
            // Another replica was quicker.
            Err(error @ VectorError::Exists(_)) => match self.describe(name).await? {
                Some(found) => Ok(judge(found, wanted)),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Exact number of points.
    ///
    /// # Errors
    /// [`VectorError::CollectionMissing`]
    pub async fn count(&self, name: &str) -> Result<u64, VectorError> {
        let request = CountPointsBuilder::new(name).exact(true);
        let answer = self.client()?.count(request).await?;
        Ok(answer.result.map_or(0, |result| result.count))
    }

    /// Drops a collection with all its points; false where there was none.
    ///
    /// # Errors
    /// [`VectorError`]
    pub async fn delete(&self, name: &str) -> Result<bool, VectorError> {
        match self.client()?.delete_collection(name).await {
            Ok(answer) => Ok(answer.result),
            Err(error) => match VectorError::from(error) {
                VectorError::CollectionMissing(_) => Ok(false),
                error => Err(error),
            },
        }
    }
}

fn judge(found: CollectionShape, wanted: &CollectionShape) -> Ensured {
    if found.fits(wanted) {
        Ensured::Matches(found)
    } else {
        Ensured::Differs(found)
    }
}

async fn create_indexes(client: &Qdrant, name: &str) -> Result<(), VectorError> {
    for (field, kind) in INDEXES {
        let request = CreateFieldIndexCollectionBuilder::new(name, field, kind).wait(true);
        client.create_field_index(request).await?;
    }
    Ok(())
}

fn shape(info: &qdrant::CollectionInfo) -> Option<CollectionShape> {
    let config = info
        .config
        .as_ref()?
        .params
        .as_ref()?
        .vectors_config
        .as_ref()?;
    let vectors_config::Config::Params(params) = config.config.as_ref()? else {
        return None;
    };
    Some(CollectionShape {
        dimensions: params.size,
        distance: our_distance(params.distance())?,
        points: info.points_count.unwrap_or(0),
    })
}

fn qdrant_distance(distance: Distance) -> qdrant::Distance {
    match distance {
        Distance::Cosine => qdrant::Distance::Cosine,
        Distance::Dot => qdrant::Distance::Dot,
        Distance::Euclid => qdrant::Distance::Euclid,
        Distance::Manhattan => qdrant::Distance::Manhattan,
    }
}

fn our_distance(distance: qdrant::Distance) -> Option<Distance> {
    match distance {
        qdrant::Distance::Cosine => Some(Distance::Cosine),
        qdrant::Distance::Dot => Some(Distance::Dot),
        qdrant::Distance::Euclid => Some(Distance::Euclid),
        qdrant::Distance::Manhattan => Some(Distance::Manhattan),
        qdrant::Distance::UnknownDistance => None,
    }
}
