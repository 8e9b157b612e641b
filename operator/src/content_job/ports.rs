//! What the reconcile asks of others, named for its intent, so that scenario tests can stand in.

use crate::tenancy::{CredentialError, Tenancy};
use async_trait::async_trait;
use domain::names::Tenant;

/// The credentials that worker Pods of a namespace mount.
#[async_trait]
pub trait CredentialsPort: Send + Sync {
    /// Makes sure that the tenant's Secret is there and good; answers its name.
    async fn ensure(&self, tenant: &Tenant) -> Result<String, CredentialError>;
}

#[async_trait]
impl CredentialsPort for Tenancy {
    async fn ensure(&self, tenant: &Tenant) -> Result<String, CredentialError> {
        Ok(self.ensure_worker_credentials(tenant).await?.secret_name)
    }
}
