//! The broker's users, behind a seam named for what tenancy needs of them.

use async_trait::async_trait;
use backends::rabbitmq::{BrokerError, Management};
use secrecy::SecretString;

/// The broker's users, as far as tenancy needs them.
#[async_trait]
pub trait BrokerUsers: Send + Sync {
    /// Makes the user or sets its password; it may read these queues and nothing else.
    async fn ensure(
        &self,
        name: &str,
        password: &SecretString,
        queues: &[String],
    ) -> Result<(), BrokerError>;
    /// Sets what an existing user may read.
    async fn restrict(&self, name: &str, queues: &[String]) -> Result<(), BrokerError>;
    /// Deletes the user, which ends its connections; one that is gone is deleted.
    async fn delete(&self, name: &str) -> Result<(), BrokerError>;
}

#[async_trait]
impl BrokerUsers for Management {
    async fn ensure(
        &self,
        name: &str,
        password: &SecretString,
        queues: &[String],
    ) -> Result<(), BrokerError> {
        self.ensure_worker_user(name, password, queues).await
    }

    async fn restrict(&self, name: &str, queues: &[String]) -> Result<(), BrokerError> {
        self.set_readable_queues(name, queues).await
    }

    async fn delete(&self, name: &str) -> Result<(), BrokerError> {
        self.delete_user(name).await
    }
}
