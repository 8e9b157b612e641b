//! The namespace of a resource as the operator reads it.

use crate::controller::time_boxed;
use crds::common::meta::ANNOTATION_ADOPT;
use domain::names::Tenant;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use uuid::Uuid;

/// A namespace as a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    pub tenant: Tenant,
    /// The uid of the gone namespace of the same name whose records an administrator gave to this one. People who may only
    /// work within a namespace cannot annotate it.
    pub adopts: Option<Uuid>,
}

/// Reads a namespace; none where it is gone. An annotation that is no uid counts as absent.
///
/// # Errors
/// The API server does not answer.
pub async fn home(
    client: &Client,
    install: &str,
    namespace: &str,
) -> Result<Option<Home>, kube::Error> {
    let found = time_boxed(Api::<Namespace>::all(client.clone()).get_opt(namespace)).await?;
    Ok(found.and_then(|found| build_home(&found, install, namespace)))
}

fn build_home(found: &Namespace, install: &str, namespace: &str) -> Option<Home> {
    Some(Home {
        tenant: Tenant {
            install: install.to_owned(),
            namespace: namespace.to_owned(),
            namespace_uid: found.metadata.uid.as_deref()?.parse().ok()?,
        },
        adopts: found
            .annotations()
            .get(ANNOTATION_ADOPT)
            .and_then(|uid| uid.trim().parse().ok()),
    })
}
