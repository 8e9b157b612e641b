//! What all controllers share: one decorator around each kind's reconcile gives it backoff by class, caught panics, metrics and
//! events, and one way to write a status.

pub mod backoff;
pub mod calls;
pub mod degraded;
pub mod driver;
pub mod error;
pub mod finalizer;
pub mod outcome;
pub mod status;
pub mod telling;
#[cfg(test)]
pub mod testing;
pub mod watch;

pub use calls::time_boxed;
pub use driver::{Watched, run};
pub use error::{ErrorClass, ReconcileError};
pub use outcome::{Notice, Outcome, Verdict};
pub use status::{patch_status, write_status};

use kube::{Resource, core::NamespaceResourceScope};
use serde::{Serialize, de::DeserializeOwned};

/// A custom resource of ours, as the driver needs it.
pub trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Serialize
    + DeserializeOwned
    + Clone
    + std::fmt::Debug
    + Send
    + Sync
    + 'static
{
}

impl<K> Kind for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + std::fmt::Debug
        + Send
        + Sync
        + 'static
{
}
