//! What can go wrong with the store, by what it asks of the caller.

/// What a caller does about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The same transaction may succeed when it is tried again.
    Transient,
    /// Another holder has the lease or the leadership; this caller must stop.
    Fenced,
    /// The request itself is wrong.
    Invalid,
    /// The database is newer or older than this program understands.
    Schema,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The lease on the task is no longer this worker's: another may have it, so nothing of the attempt may be kept.
    #[error("the lease on the task was lost")]
    LeaseLost,
    /// A newer leader has taken over.
    #[error("this operator no longer leads: the epoch in the database is newer")]
    EpochLost,
    #[error(
        "the database has schema version {found}, this program understands {expected}; run `operator migrate` or update the image"
    )]
    SchemaVersion { found: i32, expected: i32 },
    #[error("a row does not decode: {0}")]
    Decode(#[from] serde_json::Error),
    #[error("{0}")]
    Invalid(String),
    /// What the transaction was planned from changed meanwhile; plan anew.
    #[error("{0}")]
    Changed(&'static str),
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
}

/// SQLSTATE that the workers' functions raise for a lost lease.
const LEASE_LOST: &str = "TA001";
/// SQLSTATE classes that say that the statement itself is wrong: data exceptions, constraints, syntax and rights.
const INVALID_CLASSES: [&str; 3] = ["22", "23", "42"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error
            .as_database_error()
            .and_then(|database| database.code())
            .as_deref()
        {
            Some(LEASE_LOST) => Self::LeaseLost,
            _ => Self::Database(error),
        }
    }
}

impl StoreError {
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::LeaseLost | Self::EpochLost => ErrorClass::Fenced,
            Self::SchemaVersion { .. } => ErrorClass::Schema,
            Self::Decode(_) | Self::Invalid(_) => ErrorClass::Invalid,
            Self::Changed(_) => ErrorClass::Transient,
            Self::Database(error) => match error
                .as_database_error()
                .and_then(|database| database.code())
            {
                Some(code) if INVALID_CLASSES.iter().any(|class| code.starts_with(class)) => {
                    ErrorClass::Invalid
                }
                _ => ErrorClass::Transient,
            },
        }
    }
}
