//! Similarity search: one collection a persona and embedding space, one point a post. Everything in it can be rebuilt from
//! Postgres, so no failure here may lose or hold back a post.

mod achievements;
mod collections;
mod error;
mod points;
mod token;

pub use achievements::{COMPLETED_FIELD, LOGINS_FIELD, Surroundings};
pub use collections::{CollectionShape, Distance, Ensured};
pub use error::VectorError;
pub use points::{IdPage, Neighbour, PostPoint};
pub use token::issue_collection_token;

use crate::credential::Credential;
use qdrant_client::{Qdrant, config::QdrantConfig};
use secrecy::{ExposeSecret, SecretString};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Bound on one call; the client's own default of 5 s is too short for a write that waits.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A Qdrant server as seen with one credential. Clones share the connection.
#[derive(Clone)]
pub struct VectorStore {
    url: Arc<str>,
    credential: Arc<Credential>,
    current: Arc<Mutex<Option<Session>>>,
}

/// The client is bound to its key, so a rotated key is another client.
#[derive(Clone)]
struct Session {
    key: SecretString,
    client: Qdrant,
}

impl VectorStore {
    /// Connects lazily; the first call tells whether anybody is there. A [`Credential::File`] is read anew before each call.
    #[must_use]
    pub fn connect(url: &str, credential: Credential) -> Self {
        Self {
            url: url.into(),
            credential: Arc::new(credential),
            current: Arc::default(),
        }
    }

    /// Answers the version of the server.
    ///
    /// # Errors
    /// A server that does not answer, or one that wants a valid credential even for this and has none.
    pub async fn health(&self) -> Result<String, VectorError> {
        Ok(self.client()?.health_check().await?.version)
    }

    fn client(&self) -> Result<Qdrant, VectorError> {
        let key = self
            .credential
            .read()
            .map_err(|error| VectorError::Credential(error.to_string()))?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match &*current {
            Some(session) if session.key.expose_secret() == key.expose_secret() => {
                Ok(session.client.clone())
            }
            _ => {
                let client = self.build(&key)?;
                *current = Some(Session {
                    key,
                    client: client.clone(),
                });
                Ok(client)
            }
        }
    }

    fn build(&self, key: &SecretString) -> Result<Qdrant, VectorError> {
        let mut config = QdrantConfig::from_url(&self.url)
            .api_key(key.expose_secret())
            .timeout(CALL_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .skip_compatibility_check();
        // One HTTP/2 connection carries all calls of this process.
        config.set_pool_size(1);
        Ok(config.build()?)
    }
}

impl std::fmt::Debug for VectorStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VectorStore")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
