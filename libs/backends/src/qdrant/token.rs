//! Tokens for workers: Qdrant accepts JWTs signed with its API key, limited to collections and a time.
//!
//! Format: <https://qdrant.tech/documentation/guides/security/#granular-access-control-with-jwt>

use super::VectorError;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Serialize)]
struct Claims<'a> {
    exp: u64,
    access: Vec<CollectionAccess<'a>>,
}

#[derive(Serialize)]
struct CollectionAccess<'a> {
    collection: &'a str,
    access: &'static str,
}

/// A token that may read and write the points of exactly these collections until `ttl` has passed. It cannot be revoked: it
/// expires.
///
/// # Errors
/// [`VectorError::Invalid`] for no collection at all, which Qdrant would take for none, or a clock before 1970.
pub fn issue_collection_token<S: AsRef<str>>(
    api_key: &SecretString,
    collections: &[S],
    ttl: Duration,
) -> Result<SecretString, VectorError> {
    if collections.is_empty() {
        return Err(VectorError::Invalid(
            "a token needs at least one collection".to_owned(),
        ));
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|error| VectorError::Invalid(error.to_string()))?;
    let claims = Claims {
        exp: (now + ttl).as_secs(),
        access: collections
            .iter()
            .map(|collection| CollectionAccess {
                collection: collection.as_ref(),
                access: "rw",
            })
            .collect(),
    };
    let key = EncodingKey::from_secret(api_key.expose_secret().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
        .map(SecretString::from)
        .map_err(|error| VectorError::Invalid(error.to_string()))
}
