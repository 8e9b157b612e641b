//! What can go wrong with the vector index.

use crate::class::FailureClass;
use qdrant_client::QdrantError;
use tonic::{Code, Status};

#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// Nobody answers, or not in time: whether the request took effect is not known, and every write here may be repeated.
    #[error("the vector index did not answer: {0}")]
    Unavailable(String),
    /// The token has expired or does not reach this collection.
    #[error("the vector index refused the credential: {0}")]
    Unauthorized(String),
    /// The credential cannot be read or used.
    #[error("no usable credential for the vector index: {0}")]
    Credential(String),
    #[error("the vector index has no such collection: {0}")]
    CollectionMissing(String),
    /// A collection of that name exists.
    #[error("{0}")]
    Exists(String),
    /// A vector of the wrong size, a bad filter, a bad name.
    #[error("the vector index refused the request: {0}")]
    Invalid(String),
}

impl VectorError {
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Unavailable(_) => FailureClass::Transient,
            Self::Unauthorized(_) | Self::Credential(_) | Self::CollectionMissing(_) => {
                FailureClass::Waiting
            }
            Self::Exists(_) => FailureClass::Conflict,
            Self::Invalid(_) => FailureClass::Invalid,
        }
    }
}

impl From<QdrantError> for VectorError {
    /// Drops the response's metadata, which the client's own words would repeat.
    fn from(error: QdrantError) -> Self {
        match error {
            QdrantError::ResponseError { status }
            | QdrantError::ResourceExhaustedError { status, .. } => status.into(),
            QdrantError::InvalidUri(error) => Self::Invalid(error.to_string()),
            QdrantError::Io(error) => Self::Unavailable(error.to_string()),
            other => Self::Invalid(other.to_string()),
        }
    }
}

impl From<Status> for VectorError {
    fn from(status: Status) -> Self {
        let message = status.message().to_owned();
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => Self::Unauthorized(message),
            // The client says so of a key that is no header value, and repeats the key in its message.
            Code::InvalidArgument if message.starts_with("Malformed API key") => {
                Self::Credential("it cannot be sent in a header".to_owned())
            }
            // Qdrant answers AlreadyExists since 1.9 and said InvalidArgument before.
            Code::AlreadyExists => Self::Exists(message),
            Code::InvalidArgument if message.contains("already exists") => Self::Exists(message),
            Code::NotFound => Self::CollectionMissing(message),
            Code::InvalidArgument
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::FailedPrecondition => Self::Invalid(message),
            code => Self::Unavailable(format!("{code:?}: {message}")),
        }
    }
}
