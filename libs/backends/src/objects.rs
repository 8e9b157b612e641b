//! Large artefacts in an S3-compatible object store: written as a stream, read by whoever holds a link, until the link ends.

use crate::class::FailureClass;
use bytes::Bytes;
use domain::digest::hex;
use http::Method;
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    buffered::BufWriter,
    path::Path,
    signer::Signer,
};
use ring::digest::{Context, SHA256};
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, sync::mpsc};

/// S3's longest lifetime of a link.
pub const LONGEST_LINK: Duration = Duration::from_secs(7 * 24 * 3600);
/// Up to this size an object is one request; above it, parts of this size. S3 takes 10,000 parts of 5 MiB or more.
const PART: usize = 8 * 1024 * 1024;
const PARTS_AT_ONCE: usize = 2;
const RETRIES: usize = 3;

/// Where the bucket is and who we are there.
#[derive(Debug, Clone)]
pub struct ObjectSettings {
    /// As this process reaches it, for example `https://s3.eu-central-1.amazonaws.com`.
    pub endpoint: String,
    /// As readers of links reach it, where that differs.
    pub public_endpoint: Option<String>,
    pub bucket: String,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: SecretString,
}

/// A failure of the object store; the text names no secret.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ObjectError {
    pub class: FailureClass,
    pub message: String,
}

/// One bucket.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<AmazonS3>,
    /// The same bucket under the address that readers use: it is part of what a link's signature covers.
    links: Arc<AmazonS3>,
}

/// What a link shall offer to a browser.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    pub media_type: &'a str,
    pub file_name: &'a str,
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub bytes: u64,
    /// Of the content, lower-case hexadecimal.
    pub sha256: String,
}

impl Objects {
    /// Connects nowhere yet.
    ///
    /// # Errors
    /// An endpoint that is no URL.
    pub fn new(settings: &ObjectSettings) -> Result<Self, ObjectError> {
        let public = settings
            .public_endpoint
            .as_deref()
            .unwrap_or(&settings.endpoint);
        Ok(Self {
            store: Arc::new(bucket(settings, &settings.endpoint)?),
            links: Arc::new(bucket(settings, public)?),
        })
    }

    /// Stores what comes through the channel under `key`, in the place of what stood there. A piece that is an error ends it, and
    /// nothing is stored.
    ///
    /// # Errors
    /// [`FailureClass::Transient`] where the store does not answer, `Waiting` where the bucket is missing, `Invalid` where it refuses.
    pub async fn store(
        &self,
        key: &str,
        presented: Presented<'_>,
        mut pieces: mpsc::Receiver<Result<Bytes, String>>,
    ) -> Result<Stored, ObjectError> {
        let store: Arc<dyn ObjectStore> = self.store.clone();
        let mut writer = BufWriter::with_capacity(store, Path::from(key), PART)
            .with_max_concurrency(PARTS_AT_ONCE)
            .with_attributes(attributes(presented));
        let (mut digest, mut bytes) = (Context::new(&SHA256), 0);
        while let Some(piece) = pieces.recv().await {
            let written = match piece {
                Ok(piece) => {
                    digest.update(&piece);
                    bytes += piece.len() as u64;
                    writer.put(piece).await.map_err(failure)
                }
                Err(message) => Err(ObjectError {
                    class: FailureClass::Invalid,
                    message,
                }),
            };
            if let Err(error) = written {
                // Parts that were stored go; where that fails too, the bucket's own rule for unfinished uploads does it.
                let _ = writer.abort().await;
                return Err(error);
            }
        }
        writer
            .shutdown()
            .await
            .map_err(|error| failure_of_writer(&error))?;
        Ok(Stored {
            bytes,
            sha256: hex(digest.finish().as_ref()),
        })
    }

    /// A link by which anybody can read the object until it ends. Nothing is asked of the store.
    ///
    /// # Errors
    /// A lifetime beyond [`LONGEST_LINK`].
    pub async fn link(&self, key: &str, lifetime: Duration) -> Result<String, ObjectError> {
        if lifetime > LONGEST_LINK {
            return Err(ObjectError {
                class: FailureClass::Invalid,
                message: "a link lasts at most seven days".to_owned(),
            });
        }
        let link = self
            .links
            .signed_url(Method::GET, &Path::from(key), lifetime)
            .await
            .map_err(failure)?;
        Ok(link.to_string())
    }

    /// Removes an object; one that is not there is removed already.
    ///
    /// # Errors
    /// As [`Self::store`].
    pub async fn delete(&self, key: &str) -> Result<(), ObjectError> {
        match self.store.delete(&Path::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failure(error)),
        }
    }
}

fn bucket(settings: &ObjectSettings, endpoint: &str) -> Result<AmazonS3, ObjectError> {
    let options = ClientOptions::new()
        .with_allow_http(true)
        .with_connect_timeout(Duration::from_secs(5))
        .with_timeout(Duration::from_secs(60));
    AmazonS3Builder::new()
        .with_endpoint(endpoint.trim_end_matches('/'))
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_access_key_id(&settings.access_key_id)
        .with_secret_access_key(settings.secret_access_key.expose_secret())
        .with_virtual_hosted_style_request(false)
        .with_client_options(options)
        .with_retry(RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: RETRIES,
            retry_timeout: Duration::from_secs(30),
        })
        .build()
        .map_err(failure)
}

fn attributes(presented: Presented<'_>) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.insert(
        Attribute::ContentType,
        presented.media_type.to_owned().into(),
    );
    let name: String = presented
        .file_name
        .chars()
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => letter,
            _ => '-',
        })
        .collect();
    attributes.insert(
        Attribute::ContentDisposition,
        format!("attachment; filename=\"{name}\"").into(),
    );
    attributes
}

fn failure_of_writer(error: &std::io::Error) -> ObjectError {
    ObjectError {
        class: FailureClass::Transient,
        message: short(&error.to_string()),
    }
}

fn failure(error: object_store::Error) -> ObjectError {
    use object_store::Error;
    let class = match &error {
        Error::NotFound { .. } => FailureClass::Waiting,
        Error::InvalidPath { .. }
        | Error::NotSupported { .. }
        | Error::NotImplemented { .. }
        | Error::PermissionDenied { .. }
        | Error::Unauthenticated { .. }
        | Error::UnknownConfigurationKey { .. } => FailureClass::Invalid,
        _ => FailureClass::Transient,
    };
    ObjectError {
        class,
        message: short(&format!("the object store: {error}")),
    }
}

/// Servers answer with whole documents.
fn short(text: &str) -> String {
    text.chars().take(500).collect()
}
