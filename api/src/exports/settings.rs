//! Where exports are kept.

use backends::{
    class::FailureClass,
    objects::{ObjectError, ObjectSettings},
};
use clap::Args;
use secrecy::SecretString;
use std::convert::Infallible;

/// An S3-compatible bucket. Without an endpoint there are no exports.
#[derive(Debug, Clone, Default, Args)]
pub struct ObjectStoreSettings {
    /// URL of the S3-compatible object store that keeps exports, for example `https://s3.eu-central-1.amazonaws.com`.
    #[arg(long, env = "OBJECT_STORE_ENDPOINT", value_parser = not_blank)]
    pub object_store_endpoint: Option<String>,
    /// The same as readers of links reach it, where that differs.
    #[arg(long, env = "OBJECT_STORE_PUBLIC_ENDPOINT", value_parser = not_blank)]
    pub object_store_public_endpoint: Option<String>,
    /// Bucket, which must exist.
    #[arg(long, env = "OBJECT_STORE_BUCKET", default_value = "threads-exports")]
    pub object_store_bucket: String,
    #[arg(long, env = "OBJECT_STORE_REGION", default_value = "us-east-1")]
    pub object_store_region: String,
    /// Access key.
    #[arg(long, env = "OBJECT_STORE_ACCESS_KEY_ID", hide_env_values = true)]
    pub object_store_access_key_id: Option<String>,
    /// Secret key.
    #[arg(long, env = "OBJECT_STORE_SECRET_ACCESS_KEY", hide_env_values = true, value_parser = secret)]
    pub object_store_secret_access_key: Option<SecretString>,
}

impl ObjectStoreSettings {
    /// None without an endpoint.
    pub(super) fn complete(&self) -> Result<Option<ObjectSettings>, ObjectError> {
        let Some(endpoint) = self.object_store_endpoint.clone() else {
            return Ok(None);
        };
        let (Some(access_key_id), Some(secret_access_key)) = (
            self.object_store_access_key_id.clone(),
            self.object_store_secret_access_key.clone(),
        ) else {
            return Err(ObjectError {
                class: FailureClass::Invalid,
                message: "OBJECT_STORE_ENDPOINT needs OBJECT_STORE_ACCESS_KEY_ID and OBJECT_STORE_SECRET_ACCESS_KEY beside it".to_owned(),
            });
        };
        Ok(Some(ObjectSettings {
            endpoint,
            public_endpoint: self.object_store_public_endpoint.clone(),
            bucket: self.object_store_bucket.clone(),
            region: self.object_store_region.clone(),
            access_key_id,
            secret_access_key,
        }))
    }
}

#[allow(clippy::unnecessary_wraps)]
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(text))
}

fn not_blank(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it is blank; leave it out, or give a URL".to_owned()),
        url => Ok(url.to_owned()),
    }
}
