//! How worker Pods are placed and connected: fields, not a raw Pod template.

use crate::common::reference::ConfigMapKeyRef;
use k8s_openapi::api::core::v1::{ResourceRequirements, Toleration};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How worker Pods are placed and connected. The operator sets everything else, security included.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct WorkerSpec {
    /// ServiceAccount of the Pods, in the namespace of the resource. Absent: `default`. No token is mounted either way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub service_account_name: Option<String>,
    /// Requests and limits of the worker container. Absent: the install's defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::common::schema::resources")]
    pub resources: Option<ResourceRequirements>,
    /// Labels that a node must have; at most 20.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::common::schema::labels")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the Pods tolerate, as in a Pod; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::common::schema::tolerations")]
    pub tolerations: Vec<Toleration>,
    /// PriorityClass of the Pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub priority_class_name: Option<String>,
    /// Proxy through which the Pods reach the model, or the host of an AchievementSource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxySpec>,
    /// ConfigMap key with further certificate authorities (PEM) that the worker trusts for those endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<ConfigMapKeyRef>,
    /// Further labels of Jobs and Pods, for example `kueue.x-k8s.io/queue-name`; at most 20. Those under
    /// `threads-agent.io/` belong to the operator.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::common::schema::labels")]
    #[x_kube(validation = ("self.all(key, !key.startsWith('threads-agent.io/'))", "labels under threads-agent.io/ belong to the operator; remove them or choose another prefix"))]
    pub labels: BTreeMap<String, String>,
}

/// An HTTP proxy.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ProxySpec {
    /// URL of the proxy, for example `http://proxy.corp.example:3128`. It may hold no password: people who may read the
    /// resource would see it.
    #[schemars(length(max = 2048))]
    #[x_kube(validation = ("isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != '' && !self.contains('@')", "proxy.url must be an http or https URL without a user, such as http://proxy.example:3128"))]
    pub url: String,
    /// Hosts and domains that are reached directly, for example `.svc.cluster.local`; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub no_proxy: Vec<String>,
}
