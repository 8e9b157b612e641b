//! The Secret of one slot: what stands in it, and how it is read back.

use domain::names::Tenant;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::collections::BTreeMap;

/// Annotation: uid of the namespace that the Secret was made for; a namespace made again is another tenant.
pub(in crate::tenancy) const ANNOTATION_TENANT: &str = "threads-agent.io/namespace-uid";
/// Annotation: when the passwords in the Secret were set, as the database says.
pub(super) const ANNOTATION_KEYED: &str = "threads-agent.io/keyed-at";
/// Annotation: digest of the queues and collections that the credentials reach.
pub(super) const ANNOTATION_REACH: &str = "threads-agent.io/reach";
/// Annotation: when the token ends, in seconds since 1970.
pub(super) const ANNOTATION_EXPIRES: &str = "threads-agent.io/token-expires";

pub(super) const DATABASE_URL: &str = "database-url";
pub(super) const AMQP_URL: &str = "amqp-url";
pub(super) const QDRANT_URL: &str = "qdrant-url";
pub(super) const QDRANT_TOKEN: &str = "qdrant-token";

/// A Secret that this operator wrote for this tenant.
pub(super) struct Standing {
    pub keyed_at: String,
    pub reach: String,
    pub token_expires: i64,
    pub database_url: SecretString,
    pub amqp_url: SecretString,
    pub token: SecretString,
}

impl Standing {
    pub(super) fn read(secret: &Secret, tenant: &Tenant) -> Option<Self> {
        let annotations = secret.metadata.annotations.as_ref()?;
        if annotations.get(ANNOTATION_TENANT)? != &tenant.namespace_uid.to_string() {
            return None;
        }
        let data = secret.data.as_ref()?;
        let value = |key: &str| {
            String::from_utf8(data.get(key)?.0.clone())
                .ok()
                .map(SecretString::from)
        };
        Some(Self {
            keyed_at: annotations.get(ANNOTATION_KEYED)?.clone(),
            reach: annotations.get(ANNOTATION_REACH)?.clone(),
            token_expires: annotations.get(ANNOTATION_EXPIRES)?.parse().ok()?,
            database_url: value(DATABASE_URL)?,
            amqp_url: value(AMQP_URL)?,
            token: value(QDRANT_TOKEN)?,
        })
    }

    pub(super) fn into_secret(self, name: &str, tenant: &Tenant, vectors: &str) -> Secret {
        let value = |secret: &SecretString| ByteString(secret.expose_secret().as_bytes().to_vec());
        let data = BTreeMap::from([
            (DATABASE_URL.to_owned(), value(&self.database_url)),
            (AMQP_URL.to_owned(), value(&self.amqp_url)),
            (
                QDRANT_URL.to_owned(),
                ByteString(vectors.as_bytes().to_vec()),
            ),
            (QDRANT_TOKEN.to_owned(), value(&self.token)),
        ]);
        let metadata = serde_json::from_value(json!({
            "name": name,
            "namespace": tenant.namespace,
            "labels": { crds::common::meta::LABEL_INSTALL: tenant.install },
            "annotations": {
                ANNOTATION_TENANT: tenant.namespace_uid,
                ANNOTATION_KEYED: self.keyed_at,
                ANNOTATION_REACH: self.reach,
                ANNOTATION_EXPIRES: self.token_expires.to_string(),
            },
        }))
        .unwrap_or_default();
        Secret {
            metadata,
            data: Some(data),
            type_: Some("Opaque".into()),
            ..Secret::default()
        }
    }
}
