//! A collection on the real Qdrant or its stand-in. Needs `TEST_QDRANT_URL` and `TEST_QDRANT_API_KEY`; without them every test says
//! so and passes.
#![allow(dead_code, clippy::unwrap_used)]

use backends::{
    credential::Credential,
    qdrant::{CollectionShape, PostPoint, VectorStore, issue_collection_token},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

/// A collection of its own on the real server, with four dimensions.
pub struct World {
    pub url: String,
    pub key: SecretString,
    pub store: VectorStore,
    pub collection: String,
}

impl World {
    pub async fn create() -> Option<Self> {
        let (Ok(url), Ok(key)) = (
            std::env::var("TEST_QDRANT_URL"),
            std::env::var("TEST_QDRANT_API_KEY"),
        ) else {
            eprintln!("skipped: TEST_QDRANT_URL and TEST_QDRANT_API_KEY name no server");
            return None;
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = VectorStore::connect(&url, Credential::from(key.as_str()));
        Some(Self {
            url,
            key: SecretString::from(key),
            store,
            collection: format!("posts_test_maya_{}", Uuid::new_v4().simple()),
        })
    }

    pub async fn with_collection() -> Option<Self> {
        let world = Self::create().await?;
        let shape = CollectionShape::cosine(4);
        world.store.create(&world.collection, &shape).await.unwrap();
        Some(world)
    }

    pub fn worker(&self, collections: &[&str]) -> VectorStore {
        let ttl = Duration::from_secs(60);
        let token = issue_collection_token(&self.key, collections, ttl).unwrap();
        VectorStore::connect(&self.url, Credential::Fixed(token))
    }

    /// A store whose token carries these claims.
    pub fn holding(
        &self,
        claims: &serde_json::Value,
        algorithm: jsonwebtoken::Algorithm,
    ) -> VectorStore {
        let token = signed(&self.key, claims, algorithm);
        VectorStore::connect(&self.url, Credential::Fixed(token))
    }

    pub async fn remove(self) {
        assert!(self.store.delete(&self.collection).await.unwrap());
        assert!(!self.store.delete(&self.collection).await.unwrap());
    }
}

pub fn point(id: Uuid, vector: [f32; 4], version: i64) -> PostPoint {
    let payload = json!({
        "persona": "maya", "hook": "A hook.", "body": "A body.", "timestamp": "2026-11-23T00:00:00Z",
    });
    PostPoint {
        id,
        vector: vector.to_vec(),
        payload: payload.as_object().unwrap().clone(),
        version,
    }
}

/// A token that expired an hour ago, beyond every leeway.
pub fn token_of_the_past(key: &SecretString, collection: &str) -> SecretString {
    let claims = json!({
        "exp": chrono::Utc::now().timestamp() - 3600,
        "access": [{"collection": collection, "access": "rw"}],
    });
    signed(key, &claims, jsonwebtoken::Algorithm::HS256)
}

pub fn signed(
    key: &SecretString,
    claims: &serde_json::Value,
    algorithm: jsonwebtoken::Algorithm,
) -> SecretString {
    let header = jsonwebtoken::Header::new(algorithm);
    let key = jsonwebtoken::EncodingKey::from_secret(key.expose_secret().as_bytes());
    SecretString::from(jsonwebtoken::encode(&header, claims, &key).unwrap())
}
