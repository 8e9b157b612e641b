//! What one namespace's people and Pods may reach: the checks of their Secrets, and the credentials of their workers.

pub mod credentials;
pub mod endpoints;
pub mod home;
pub mod secrets;
pub mod upkeep;
pub mod users;

pub use credentials::{CredentialError, Tenancy, WorkerCredentials};
pub use home::{Home, home};
pub use users::BrokerUsers;
