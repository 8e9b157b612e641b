//! Intent goes into resources, by server-side apply and never by force: what another manager owns stays his.

use crate::problem::Problem;
use crds::Experiment;
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, Status},
};
use serde_json::{Value, json};
use std::{future::Future, time::Duration};

/// Owner of what a caller created. Each verb has an owner of its own: a manager that applies again gives up what it leaves out.
const MANAGER: &str = "threads-api";
const CALL: Duration = Duration::from_secs(10);
/// Longest name of an Experiment.
const MAX_NAME: usize = 50;
pub const ANNOTATION_START: &str = "threads-agent.io/start";
pub const ANNOTATION_CANCEL: &str = "threads-agent.io/cancel";

/// Experiments of the cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Cluster")
    }
}

/// One change of a standing Experiment.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    Start,
    Cancel,
    Suspend(bool),
}

impl Cluster {
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// None where there is no Experiment of this name.
    pub async fn read(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<DynamicObject>, Problem> {
        check_name(name)?;
        in_time(self.api(namespace).get_opt(name)).await
    }

    /// Makes or changes an Experiment; `start` says whether it shall start at once.
    pub async fn apply(
        &self,
        namespace: &str,
        name: &str,
        spec: &Value,
        start: bool,
    ) -> Result<DynamicObject, Problem> {
        check_name(name)?;
        let mut object = object(name);
        object["spec"] = spec.clone();
        if start {
            object["metadata"]["annotations"] = json!({ANNOTATION_START: "api"});
        }
        self.patch(namespace, name, MANAGER, &object).await
    }

    /// Applies one change to the object that was read.
    pub async fn change(
        &self,
        namespace: &str,
        read: &DynamicObject,
        change: Change,
    ) -> Result<DynamicObject, Problem> {
        let name = read.metadata.name.as_deref().unwrap_or_default();
        let mut object = object(name);
        // Without it, an object that was deleted meanwhile would be made anew.
        object["metadata"]["uid"] = json!(read.metadata.uid);
        let manager = match change {
            Change::Start => {
                object["metadata"]["annotations"] = json!({ANNOTATION_START: "api"});
                "threads-api-start"
            }
            Change::Cancel => {
                object["metadata"]["annotations"] = json!({ANNOTATION_CANCEL: "api"});
                "threads-api-cancel"
            }
            Change::Suspend(suspend) => {
                object["spec"] = json!({"suspend": suspend});
                "threads-api-suspend"
            }
        };
        self.patch(namespace, name, manager, &object).await
    }

    async fn patch(
        &self,
        namespace: &str,
        name: &str,
        manager: &str,
        object: &Value,
    ) -> Result<DynamicObject, Problem> {
        let parameters = PatchParams::apply(manager);
        let patch = Patch::Apply(object);
        let api = self.api(namespace);
        in_time(api.patch(name, &parameters, &patch)).await
    }

    fn api(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(
            self.client.clone(),
            namespace,
            &ApiResource::erase::<Experiment>(&()),
        )
    }
}

fn object(name: &str) -> Value {
    json!({"apiVersion": "threads-agent.io/v1alpha1", "kind": "Experiment", "metadata": {"name": name}})
}

/// What the API server would refuse as well; but a name becomes a part of a path first.
pub fn check_name(name: &str) -> Result<(), Problem> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty()
        || name.len() > MAX_NAME
        || !name.bytes().all(allowed)
        || name.starts_with('-')
        || name.ends_with('-')
    {
        return Err(Problem::unprocessable(format!(
            "the name of an experiment has 1 to {MAX_NAME} lower-case letters, digits and inner dashes"
        )));
    }
    Ok(())
}

async fn in_time<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Problem> {
    match tokio::time::timeout(CALL, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(kube::Error::Api(status))) => Err(problem_of(&status)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "Kubernetes cannot be used");
            Err(Problem::unavailable(
                "Kubernetes does not answer now; try again",
            ))
        }
        Err(_) => Err(Problem::unavailable(
            "Kubernetes did not answer in time; try again",
        )),
    }
}

/// The API server's own sentences say how to mend; they tell nothing that the caller did not send.
fn problem_of(status: &Status) -> Problem {
    let owners = owners(status);
    match status.code {
        409 if !owners.is_empty() => {
            let names: Vec<&str> = owners.iter().map(|(owner, _)| owner.as_str()).collect();
            let fields: Vec<&str> = owners.iter().map(|(_, field)| field.as_str()).collect();
            Problem::conflict(format!(
                "{} belongs to {}; change it there, or let that manager give it up",
                fields.join(", "),
                names.join(", ")
            ))
            .with(
                "managers",
                names
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect::<Vec<_>>(),
            )
            .with(
                "fields",
                fields
                    .iter()
                    .map(|field| (*field).to_owned())
                    .collect::<Vec<_>>(),
            )
        }
        409 => Problem::conflict(format!("{}; read it again and repeat", status.message)),
        400 => Problem::invalid(status.message.clone()),
        403 => Problem::forbidden(format!("Kubernetes refuses it: {}", status.message)),
        404 => Problem::not_found(
            "this namespace has no such experiment, or the cluster has no experiments",
        ),
        413 => Problem::too_large("the experiment is larger than Kubernetes takes"),
        422 => Problem::unprocessable(status.message.clone()),
        code => {
            tracing::warn!(code, message = status.message, "Kubernetes cannot be used");
            Problem::unavailable("Kubernetes does not take it now; try again")
        }
    }
}

/// Managers that own what was to be changed, each with its field.
fn owners(status: &Status) -> Vec<(String, String)> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .filter_map(|cause| {
            let owner = cause.message.split('"').nth(1)?;
            Some((
                owner.to_owned(),
                cause.field.trim_start_matches('.').to_owned(),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests;
